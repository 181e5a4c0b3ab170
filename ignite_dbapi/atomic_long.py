"""The blocking shell of an atomic long."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from ignite_dbapi.operations.atomic_longs import AtomicLongReference
from ignite_dbapi.protocol.exchange import Operation

__all__ = ["AtomicLong", "AtomicLongAttributes"]

T = TypeVar("T")


class AtomicLongAttributes:
    """What is known of an atomic long without asking the server; shared with the asynchronous one."""

    def __init__(
        self, call: Callable[..., Operation[Any]], run: Callable[..., Any], reference: AtomicLongReference
    ) -> None:
        self._call = call
        self._run = run
        self._reference = reference

    def _on(self, operation: Callable[..., Operation[T]], *arguments: Any) -> Operation[T]:
        """*operation* on whatever connection its owner chooses."""
        return self._call(lambda session: operation(session, *arguments))

    @property
    def name(self) -> str:
        """The name that the cluster knows it by."""
        return self._reference.name

    @property
    def group(self) -> str | None:
        """The cache group that it is kept in; None is that of the server's own configuration."""
        return self._reference.group

    def __repr__(self) -> str:
        group = "" if self.group is None else f", group={self.group!r}"
        return f"<ignite_dbapi.{type(self).__name__} {self.name!r}{group}>"


class AtomicLong(AtomicLongAttributes):
    """A whole number of 64 bits that the cluster shares under a name. Made by ``atomic_long()``.

    Each method is one step that nobody else's comes in between. None of them belongs to a transaction. A result
    beyond 64 bits wraps around. Without such an atomic long they raise ProgrammingError (code ``no_such_atomic_long``).
    """

    def get(self) -> int:
        """The value."""
        return self._run(self._on(self._reference.get))  # type: ignore[no-any-return]

    def set(self, value: int) -> None:
        """Set the value."""
        self._run(self._on(self._reference.get_and_set, value))

    def get_and_set(self, value: int) -> int:
        """Set the value; returns the one before."""
        return self._run(self._on(self._reference.get_and_set, value))  # type: ignore[no-any-return]

    def add_and_get(self, amount: int) -> int:
        """Add *amount*, which may be negative; returns the value after that."""
        return self._run(self._on(self._reference.add_and_get, amount))  # type: ignore[no-any-return]

    def increment(self) -> int:
        """Add 1; returns the value after that."""
        return self.add_and_get(1)

    def decrement(self) -> int:
        """Subtract 1; returns the value after that."""
        return self.add_and_get(-1)

    def compare_and_set(self, expected: int, value: int) -> bool:
        """Set the value if it is *expected*; returns whether it was."""
        return self._run(self._on(self._reference.compare_and_set, expected, value))  # type: ignore[no-any-return]

    def raise_to(self, least: int) -> int:
        """Set the value to *least* if it is below that; returns what it is then."""
        return self._run(self._on(self._reference.raise_to, least))  # type: ignore[no-any-return]

    def exists(self) -> bool:
        """Whether there is such an atomic long."""
        return self._run(self._on(self._reference.exists))  # type: ignore[no-any-return]

    def remove(self) -> None:
        """Remove it from the cluster; nothing happens if there is none."""
        self._run(self._on(self._reference.remove))
