"""Continuous queries: what happens to the entries of a cache, as it happens."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Generator, Iterator
from types import TracebackType
from typing import Any

from ignite_dbapi.cluster.cluster import guarded
from ignite_dbapi.keyvalue.owners import AwaitingOwner, BlockingOwner, Owner
from ignite_dbapi.operations.cache import CacheAccess
from ignite_dbapi.operations.continuous import CacheEvent, CacheEventType, ContinuousQueryState
from ignite_dbapi.operations.session import Session
from ignite_dbapi.protocol.exchange import Operation

OnEvent = Callable[[CacheEvent], Any]
OnError = Callable[[BaseException], Any]


class _Query:
    """What a continuous query knows without asking the server."""

    _owner: Owner
    _state: ContinuousQueryState | None = None
    _session: Session | None = None

    def _prepare(
        self,
        owner: Any,
        cache: CacheAccess,
        on_event: OnEvent | None,
        on_error: OnError | None,
        options: dict[str, Any],
    ) -> None:
        self._owner = owner
        self._cache = cache
        self._on_event = on_event
        self._on_error = on_error
        self._options = options

    @property
    def is_closed(self) -> bool:
        """Whether the query was closed."""
        return self._state is not None and self._state.is_closed

    def _open(self) -> Operation[None]:
        self._state = yield from self._owner._call(self._started)

    def _started(self, session: Session) -> Operation[ContinuousQueryState]:
        state = ContinuousQueryState(session, self._cache, **self._options)
        yield from state.start()
        self._session = session
        return state

    def _next(self, timeout: float | None) -> Operation[CacheEvent | None]:
        state, session = self._state, self._session
        assert state is not None
        assert session is not None
        return guarded(session, lambda _: state.next_event(timeout))

    def _close(self) -> Operation[None]:
        # Without its connection the server has ended the query already.
        if self._state is not None and self._session is not None:
            if self._session.channel.failure is None:
                yield from self._state.close()
            else:
                self._state.is_closed = True


class ContinuousQuery(_Query):
    """Tells what happens to entries of a cache. Made by :meth:`Cache.continuous_query`.

    Without ``on_event`` it is an iterator that waits for each event, and ends when the query is closed, which another
    thread may do. OperationalError is raised when the connection is lost, or too many events were left waiting.
    """

    _owner: BlockingOwner

    def __init__(
        self,
        owner: Any,
        cache: CacheAccess,
        on_event: OnEvent | None = None,
        on_error: OnError | None = None,
        **options: Any,
    ) -> None:
        self._prepare(owner, cache, on_event, on_error, options)
        self._owner._run(self._open())
        if on_event is not None:
            threading.Thread(target=self._call_back, name="ignite_dbapi continuous query", daemon=True).start()

    def next_event(self, timeout: float | None = None) -> CacheEvent | None:
        """The next event; None if there is none within *timeout* seconds, or the query was closed."""
        return self._owner._run(self._next(timeout))

    def __iter__(self) -> Iterator[CacheEvent]:
        return self

    def __next__(self) -> CacheEvent:
        event = self.next_event()
        if event is None:
            raise StopIteration
        return event

    def _call_back(self) -> None:
        assert self._on_event is not None
        try:
            for event in self:
                try:
                    self._on_event(event)
                except Exception as error:  # whatever it is, it is reported, and the next event is not held up
                    self._report(error)
        except Exception as error:
            self._report(error)

    def _report(self, error: Exception) -> None:
        if self._on_error is not None:
            self._on_error(error)
        else:
            arguments = (type(error), error, error.__traceback__, threading.current_thread())
            threading.excepthook(threading.ExceptHookArgs(arguments))

    def close(self) -> None:
        """End the query; whoever waits for an event is told. May be called again."""
        self._owner._run(self._close())

    def __enter__(self) -> ContinuousQuery:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class AioContinuousQuery(_Query):
    """Tells what happens to entries of a cache. Made by :meth:`AioCache.continuous_query`; to be awaited, or entered.

    Without ``on_event`` it is an asynchronous iterator; ``on_event`` may be a coroutine function.
    """

    _owner: AwaitingOwner

    def __init__(
        self,
        owner: Any,
        cache: CacheAccess,
        on_event: OnEvent | None = None,
        on_error: OnError | None = None,
        **options: Any,
    ) -> None:
        self._prepare(owner, cache, on_event, on_error, options)
        self._task: asyncio.Task[None] | None = None

    async def next_event(self, timeout: float | None = None) -> CacheEvent | None:
        """The next event; None if there is none within *timeout* seconds, or the query was closed."""
        return await self._owner._run(self._next(timeout))

    def __aiter__(self) -> AsyncIterator[CacheEvent]:
        return self

    async def __anext__(self) -> CacheEvent:
        event = await self.next_event()
        if event is None:
            raise StopAsyncIteration
        return event

    async def _call_back(self) -> None:
        assert self._on_event is not None
        try:
            async for event in self:
                try:
                    outcome = self._on_event(event)
                    if isinstance(outcome, Awaitable):
                        await outcome
                except Exception as error:  # whatever it is, it is reported, and the next event is not held up
                    self._report(error)
        except Exception as error:
            self._report(error)

    def _report(self, error: Exception) -> None:
        if self._on_error is not None:
            self._on_error(error)
        else:
            message = f"on_event of {self!r} failed"
            asyncio.get_running_loop().call_exception_handler({"message": message, "exception": error})

    async def close(self) -> None:
        """End the query; whoever waits for an event is told. May be called again."""
        await self._owner._run(self._close())
        task, self._task = self._task, None
        if task is not None and task is not asyncio.current_task():
            await asyncio.wait([task])

    def __await__(self) -> Generator[Any, None, AioContinuousQuery]:
        return self.__aenter__().__await__()

    async def __aenter__(self) -> AioContinuousQuery:
        if self._state is None:
            await self._owner._run(self._open())
            if self._on_event is not None:
                self._task = asyncio.get_running_loop().create_task(self._call_back())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()


__all__ = ["AioContinuousQuery", "CacheEvent", "CacheEventType", "ContinuousQuery"]
