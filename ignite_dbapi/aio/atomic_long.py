"""The asynchronous shell of an atomic long."""

from __future__ import annotations

from ignite_dbapi.atomic_long import AtomicLongAttributes

__all__ = ["AsyncAtomicLong"]


class AsyncAtomicLong(AtomicLongAttributes):
    """A whole number of 64 bits that the cluster shares under a name. Made by ``atomic_long()``.

    It behaves as :class:`~ignite_dbapi.AtomicLong` does.
    """

    async def get(self) -> int:
        """The value."""
        return await self._run(self._on(self._reference.get))  # type: ignore[no-any-return]

    async def set(self, value: int) -> None:
        """Set the value."""
        await self._run(self._on(self._reference.get_and_set, value))

    async def get_and_set(self, value: int) -> int:
        """Set the value; returns the one before."""
        return await self._run(self._on(self._reference.get_and_set, value))  # type: ignore[no-any-return]

    async def add_and_get(self, amount: int) -> int:
        """Add *amount*, which may be negative; returns the value after that."""
        return await self._run(self._on(self._reference.add_and_get, amount))  # type: ignore[no-any-return]

    async def increment(self) -> int:
        """Add 1; returns the value after that."""
        return await self.add_and_get(1)

    async def decrement(self) -> int:
        """Subtract 1; returns the value after that."""
        return await self.add_and_get(-1)

    async def compare_and_set(self, expected: int, value: int) -> bool:
        """Set the value if it is *expected*; returns whether it was."""
        return await self._run(self._on(self._reference.compare_and_set, expected, value))  # type: ignore[no-any-return]

    async def raise_to(self, least: int) -> int:
        """Set the value to *least* if it is below that; returns what it is then."""
        return await self._run(self._on(self._reference.raise_to, least))  # type: ignore[no-any-return]

    async def exists(self) -> bool:
        """Whether there is such an atomic long."""
        return await self._run(self._on(self._reference.exists))  # type: ignore[no-any-return]

    async def remove(self) -> None:
        """Remove it from the cluster; nothing happens if there is none."""
        await self._run(self._on(self._reference.remove))
