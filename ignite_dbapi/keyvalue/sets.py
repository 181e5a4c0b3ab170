"""Sets that the cluster keeps under a name, shared by all its clients."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from typing import Any, Final, TypeVar

from ignite_dbapi.cluster.cluster import OnSession, guarded
from ignite_dbapi.errors import ProgrammingError
from ignite_dbapi.keyvalue.owners import AwaitingOwner, BlockingOwner, Owner
from ignite_dbapi.operations import sets as operations
from ignite_dbapi.operations.session import Session
from ignite_dbapi.operations.sets import SetConfiguration, SetItems, SetReference
from ignite_dbapi.protocol.exchange import Operation

T = TypeVar("T")

_BLOCK: Final = 256


def found(owner: Any, name: str, configuration: SetConfiguration | None, *, create: bool) -> Operation[SetReference]:
    """The set *name* of the cluster, created if it may be; ProgrammingError if there is none."""
    if create:
        reference: SetReference = yield from owner._call(
            lambda session: operations.get_or_create(session, name, configuration), is_idempotent=True
        )
        return reference
    existing: SetReference | None = yield from owner._call(
        lambda session: operations.get(session, name), is_idempotent=True
    )
    if existing is None:
        raise ProgrammingError(f"there is no set {name!r}; with create=True one is made", code="no_set")
    return existing


class _Set:
    """What a set knows without asking the server."""

    _owner: Owner

    def __init__(self, owner: Any, reference: SetReference) -> None:
        self._owner = owner
        self._reference = reference

    @property
    def name(self) -> str:
        """The name of the set."""
        return self._reference.name

    @property
    def is_collocated(self) -> bool:
        """Whether all of it lies on one node."""
        return self._reference.collocated

    def _use(
        self, operation: Callable[..., Operation[T]], *arguments: Any, is_idempotent: bool = False
    ) -> Operation[T]:
        return self._owner._call(
            lambda session: operation(session, self._reference, *arguments), is_idempotent=is_idempotent
        )

    def _item(self, item: Any, hint: Any = None) -> Any:
        return self._owner.conversion.value(item, hint)

    def _items(self, items: Iterable[Any]) -> list[Any]:
        return self._owner.conversion.keys(items)

    def _iterated(self, page_size: int) -> Operation[tuple[Session, SetItems]]:
        def opened(session: Session) -> Operation[tuple[Session, SetItems]]:
            return session, SetItems(session, self._reference, page_size)
            yield  # a generator, as every operation, though it has nothing to wait for

        return self._owner._call(opened, is_idempotent=True)

    def _block(self, session: Session, items: SetItems) -> Operation[list[Any]]:
        return self._owner._call(lambda _: items.fetch(_BLOCK), OnSession(session))

    def _done(self, session: Session, items: SetItems) -> Operation[None]:
        if session.channel.failure is None:
            yield from guarded(session, lambda _: items.close())

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name!r} of {self._owner._public!r}>"


class ClusterSet(_Set):
    """A set, made by :meth:`Client.get_set`. Items are Python values, or tuples ``(value, hint)``.

    Several clients may change it at once; each call is atomic, an iteration is not.
    """

    _owner: BlockingOwner

    def add(self, item: Any, hint: Any = None) -> bool:
        """Add an item; tells whether it was not there yet."""
        return self._owner._run(self._use(operations.add, self._item(item, hint)))

    def remove(self, item: Any, hint: Any = None) -> bool:
        """Remove an item; tells whether it was there."""
        return self._owner._run(self._use(operations.remove, self._item(item, hint)))

    def contains(self, item: Any, hint: Any = None) -> bool:
        """Whether an item is there."""
        return self._owner._run(self._use(operations.contains, self._item(item, hint), is_idempotent=True))

    def add_all(self, items: Iterable[Any]) -> bool:
        """Add items; tells whether any of them was not there yet."""
        return self._owner._run(self._use(operations.add_all, self._items(items)))

    def remove_all(self, items: Iterable[Any]) -> bool:
        """Remove items; tells whether any of them was there."""
        return self._owner._run(self._use(operations.remove_all, self._items(items)))

    def retain_all(self, items: Iterable[Any]) -> bool:
        """Remove all but these items; tells whether there was any other."""
        return self._owner._run(self._use(operations.retain_all, self._items(items)))

    def contains_all(self, items: Iterable[Any]) -> bool:
        """Whether all items are there."""
        return self._owner._run(self._use(operations.contains_all, self._items(items), is_idempotent=True))

    def size(self) -> int:
        """The number of items."""
        return self._owner._run(self._use(operations.size, is_idempotent=True))

    def clear(self) -> None:
        """Remove all items."""
        self._owner._run(self._use(operations.clear))

    def exists(self) -> bool:
        """Whether the set was not destroyed since."""
        return self._owner._run(self._use(operations.exists, is_idempotent=True))

    def destroy(self) -> None:
        """Remove the set itself. Using it afterwards raises ProgrammingError."""
        self._owner._run(self._use(operations.remove_whole))

    def iterate(self, page_size: int = 1024) -> Iterator[Any]:
        """The items, of which the server sends *page_size* at a time."""
        session, items = self._owner._run(self._iterated(page_size))
        try:
            while block := self._owner._run(self._block(session, items)):
                yield from block
        finally:
            self._owner._run(self._done(session, items))

    def __iter__(self) -> Iterator[Any]:
        return self.iterate()

    def __len__(self) -> int:
        return self.size()

    def __bool__(self) -> bool:
        return True

    def __contains__(self, item: Any) -> bool:
        return self.contains(item)


class AioClusterSet(_Set):
    """A set, made by :meth:`AioClient.get_set`; see :class:`ClusterSet`."""

    _owner: AwaitingOwner

    async def add(self, item: Any, hint: Any = None) -> bool:
        """Add an item; tells whether it was not there yet."""
        return await self._owner._run(self._use(operations.add, self._item(item, hint)))

    async def remove(self, item: Any, hint: Any = None) -> bool:
        """Remove an item; tells whether it was there."""
        return await self._owner._run(self._use(operations.remove, self._item(item, hint)))

    async def contains(self, item: Any, hint: Any = None) -> bool:
        """Whether an item is there."""
        return await self._owner._run(self._use(operations.contains, self._item(item, hint), is_idempotent=True))

    async def add_all(self, items: Iterable[Any]) -> bool:
        """Add items; tells whether any of them was not there yet."""
        return await self._owner._run(self._use(operations.add_all, self._items(items)))

    async def remove_all(self, items: Iterable[Any]) -> bool:
        """Remove items; tells whether any of them was there."""
        return await self._owner._run(self._use(operations.remove_all, self._items(items)))

    async def retain_all(self, items: Iterable[Any]) -> bool:
        """Remove all but these items; tells whether there was any other."""
        return await self._owner._run(self._use(operations.retain_all, self._items(items)))

    async def contains_all(self, items: Iterable[Any]) -> bool:
        """Whether all items are there."""
        return await self._owner._run(self._use(operations.contains_all, self._items(items), is_idempotent=True))

    async def size(self) -> int:
        """The number of items."""
        return await self._owner._run(self._use(operations.size, is_idempotent=True))

    async def clear(self) -> None:
        """Remove all items."""
        await self._owner._run(self._use(operations.clear))

    async def exists(self) -> bool:
        """Whether the set was not destroyed since."""
        return await self._owner._run(self._use(operations.exists, is_idempotent=True))

    async def destroy(self) -> None:
        """Remove the set itself. Using it afterwards raises ProgrammingError."""
        await self._owner._run(self._use(operations.remove_whole))

    async def iterate(self, page_size: int = 1024) -> AsyncIterator[Any]:
        """The items, of which the server sends *page_size* at a time."""
        session, items = await self._owner._run(self._iterated(page_size))
        try:
            while block := await self._owner._run(self._block(session, items)):
                for item in block:
                    yield item
        finally:
            await self._owner._run(self._done(session, items))

    def __aiter__(self) -> AsyncIterator[Any]:
        return self.iterate()


__all__ = ["AioClusterSet", "ClusterSet", "SetConfiguration"]
