"""Data streamers: loading many entries into a cache."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator, Mapping
from types import TracebackType
from typing import Any

from ignite_dbapi.cluster.cluster import guarded
from ignite_dbapi.keyvalue.owners import AwaitingOwner, BlockingOwner, Owner
from ignite_dbapi.operations.cache import CacheAccess
from ignite_dbapi.operations.session import Session
from ignite_dbapi.operations.streamer import StreamerState
from ignite_dbapi.protocol.exchange import Operation

Entries = Mapping[Any, Any] | Iterable[tuple[Any, Any]]


class _Streamer:
    """What a streamer knows without asking the server."""

    _owner: Owner
    _state: StreamerState
    _session: Session

    def _open(self, cache: CacheAccess, options: dict[str, Any]) -> Operation[None]:
        self._state = yield from self._owner._call(lambda session: self._made(session, cache, options))

    def _made(self, session: Session, cache: CacheAccess, options: dict[str, Any]) -> Operation[StreamerState]:
        self._session = session
        return StreamerState(session, cache, **options)
        yield  # a generator, as every operation, though it has nothing to wait for

    def _take_in(self, key: Any, value: Any, key_hint: Any, value_hint: Any) -> bool:
        value_of = self._owner.conversion.value
        return self._state.take_in(value_of(key, key_hint), value_of(value, value_hint))

    def _converted(self, entries: Entries) -> Iterator[tuple[Any, Any]]:
        value_of = self._owner.conversion.value
        items = entries.items() if isinstance(entries, Mapping) else entries
        return ((value_of(key, None), value_of(value, None)) for key, value in items)

    def _add_all(self, entries: Entries) -> Operation[None]:
        return self._within(lambda state: state.add_all(self._converted(entries)))

    def _within(self, operation: Any) -> Operation[None]:
        state = self._state
        return guarded(self._session, lambda _: operation(state))

    @property
    def is_closed(self) -> bool:
        """Whether the streamer was closed or cancelled."""
        return self._state.is_closed


class DataStreamer(_Streamer):
    """Loads entries into a cache. Made by :meth:`Cache.streamer`; for one thread.

    Entries are sent in batches, and have arrived for certain after :meth:`flush` or :meth:`close`. They are encoded
    when they are sent: keys and values that were added must not be changed before that. As a context manager it
    closes itself, or cancels what was not sent yet if the block raised an exception. If a batch fails, the error is
    raised by what is called next.
    """

    _owner: BlockingOwner

    def __init__(self, owner: Any, cache: CacheAccess, **options: Any) -> None:
        self._owner = owner
        self._owner._run(self._open(cache, options))

    def add(self, key: Any, value: Any, key_hint: Any = None, value_hint: Any = None) -> None:
        """Add an entry."""
        if self._take_in(key, value, key_hint, value_hint):
            self._owner._run(self._within(StreamerState.send))

    def add_all(self, entries: Entries) -> None:
        """Add all entries of a mapping, or of an iterable of pairs, which is read as far as entries are sent."""
        self._owner._run(self._add_all(entries))

    def remove(self, key: Any, key_hint: Any = None) -> None:
        """Remove a key, with ``allow_overwrite=True``."""
        if self._state.take_in_removal(self._owner.conversion.value(key, key_hint)):
            self._owner._run(self._within(StreamerState.send))

    def flush(self) -> None:
        """Wait until all entries are in the cache."""
        self._owner._run(self._within(StreamerState.flush))

    def close(self) -> None:
        """Wait until all entries are in the cache, and end the streamer. May be called again."""
        self._owner._run(self._within(StreamerState.close))

    def cancel(self) -> None:
        """End the streamer; entries that have not arrived are lost. May be called again."""
        self._owner._run(self._within(StreamerState.cancel))

    def __enter__(self) -> DataStreamer:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            self.close()
        else:
            self.cancel()


class AioDataStreamer(_Streamer):
    """Loads entries into a cache. Made by :meth:`AioCache.streamer`; to be awaited, or entered; for one task."""

    _owner: AwaitingOwner

    def __init__(self, owner: Any, cache: CacheAccess, **options: Any) -> None:
        self._owner = owner
        self._cache = cache
        self._options = options

    async def add(self, key: Any, value: Any, key_hint: Any = None, value_hint: Any = None) -> None:
        """Add an entry."""
        if self._take_in(key, value, key_hint, value_hint):
            await self._owner._run(self._within(StreamerState.send))

    async def add_all(self, entries: Entries) -> None:
        """Add all entries of a mapping, or of an iterable of pairs, which is read as far as entries are sent."""
        await self._owner._run(self._add_all(entries))

    async def remove(self, key: Any, key_hint: Any = None) -> None:
        """Remove a key, with ``allow_overwrite=True``."""
        if self._state.take_in_removal(self._owner.conversion.value(key, key_hint)):
            await self._owner._run(self._within(StreamerState.send))

    async def flush(self) -> None:
        """Wait until all entries are in the cache."""
        await self._owner._run(self._within(StreamerState.flush))

    async def close(self) -> None:
        """Wait until all entries are in the cache, and end the streamer. May be called again."""
        await self._owner._run(self._within(StreamerState.close))

    async def cancel(self) -> None:
        """End the streamer; entries that have not arrived are lost. May be called again."""
        await self._owner._run(self._within(StreamerState.cancel))

    def __await__(self) -> Generator[Any, None, AioDataStreamer]:
        return self.__aenter__().__await__()

    async def __aenter__(self) -> AioDataStreamer:
        if "_state" not in self.__dict__:
            await self._owner._run(self._open(self._cache, self._options))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            await self.close()
        else:
            await self.cancel()


__all__ = ["AioDataStreamer", "DataStreamer"]
