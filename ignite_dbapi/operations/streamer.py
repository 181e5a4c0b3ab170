"""Data streamers: loading entries in batches, several of which are under way at once."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from itertools import islice
from typing import Any, Final

from ignite_dbapi.errors import Error, InterfaceError, ProgrammingError
from ignite_dbapi.operations import calls, facts
from ignite_dbapi.operations.cache import CacheAccess, with_class
from ignite_dbapi.operations.session import Session
from ignite_dbapi.protocol.codec import MissingFact
from ignite_dbapi.protocol.exchange import Operation, Pending, Receive, again
from ignite_dbapi.protocol.messages.cache import Batch
from ignite_dbapi.protocol.messages.streamer import StreamerAdd, StreamerStart, streamer_batch

# A request ends with the entry that fills it, so that its size does not depend on that of the values.
_BATCH_SIZE: Final = 256 * 1024


class StreamerState:
    """A data streamer without I/O: entries that wait to be sent, and requests that wait for their answers.

    Entries are sent *batch_size* at a time, fewer if they are large, and up to *window* requests are under way at once.
    What is sent has arrived for certain only after :meth:`flush` or :meth:`close`. A failed request fails the
    streamer: whatever is called next raises what went wrong.
    """

    def __init__(
        self,
        session: Session,
        cache: CacheAccess,
        *,
        allow_overwrite: bool = False,
        skip_store: bool = False,
        batch_size: int = 1024,
        window: int = 8,
        per_node_buffer: int | None = None,
        per_thread_buffer: int | None = None,
        receiver: Any = None,
    ) -> None:
        for name, size in (("batch_size", batch_size), ("window", window)):
            if not 0 < size < 1 << 31:
                raise ProgrammingError(f"{name} of {size}; at least 1 is needed", code="invalid_size")
        for name, buffer in (("per_node_buffer", per_node_buffer), ("per_thread_buffer", per_thread_buffer)):
            if buffer is not None and not 0 < buffer < 1 << 31:
                raise ProgrammingError(f"{name} of {buffer} entries; None leaves it to the server", code="invalid_size")
        self._session = session
        self._allow_overwrite = allow_overwrite
        self._batch_size = batch_size
        self._window = window
        self._receiver = receiver
        self._start = StreamerStart(
            cache_id=cache.cache_id,
            allow_overwrite=allow_overwrite,
            skip_store=skip_store,
            keep_binary=cache.keep_binary,
            per_node_buffer=-1 if per_node_buffer is None else per_node_buffer,
            per_thread_buffer=-1 if per_thread_buffer is None else per_thread_buffer,
            receiver=receiver,
        )
        self._streamer_id: int | None = None
        self._waiting: deque[tuple[Any, Any]] = deque()
        self._under_way: deque[Pending] = deque()
        self._failure: Error | None = None
        self.is_closed = False

    def take_in(self, key: Any, value: Any) -> bool:
        """Take in one entry without sending it; tells whether so many wait that :meth:`send` is due."""
        self._check()
        if key is None or value is None:
            raise ProgrammingError(
                f"entry ({key!r}, {value!r}): neither key nor value can be None; remove() removes a key",
                code="null_entry",
            )
        self._waiting.append((key, value))
        return len(self._waiting) >= self._batch_size

    def take_in_removal(self, key: Any) -> bool:
        """Take in that *key* is to be removed, like an entry. Only streamers that may overwrite can."""
        if not self._allow_overwrite:
            raise ProgrammingError(
                "a streamer removes keys only with allow_overwrite=True", code="overwriting_not_allowed"
            )
        self._check()
        if key is None:
            raise ProgrammingError("a key cannot be None", code="null_entry")
        self._waiting.append((key, None))
        return len(self._waiting) >= self._batch_size

    def add_all(self, entries: Mapping[Any, Any] | Iterable[tuple[Any, Any]]) -> Operation[None]:
        """Take in many entries, of which no more are in memory at once than a few requests hold."""
        items = entries.items() if isinstance(entries, Mapping) else entries
        try:
            for key, value in items:
                if self.take_in(key, value):
                    yield from self.send()
        except (TypeError, ValueError) as error:
            if self._failure is not None:
                raise
            raise ProgrammingError(
                f"entries are a mapping, or an iterable of pairs (key, value): {error}", code="invalid_entries"
            ) from None

    def send(self) -> Operation[None]:
        """Send the entries that wait; waits for answers only while there are as many requests under way as allowed."""
        while self._waiting:
            if self._streamer_id is None:
                yield from self._open()
                assert self._streamer_id is not None
            while len(self._under_way) >= self._window:
                yield from self._receive_oldest()
            batch = yield from self._next_batch()
            pending = yield from calls.send(self._session, StreamerAdd(self._streamer_id, batch))
            self._under_way.append(pending)
            for _ in range(batch.count):
                self._waiting.popleft()

    def flush(self) -> Operation[None]:
        """Send what waits, and wait until all of it is in the cache."""
        self._check()
        yield from self._finish(close=False)

    def close(self) -> Operation[None]:
        """Send what waits, wait until all of it is in the cache, and end the streamer. May be called again."""
        if self.is_closed:
            return
        if self._failure is not None:
            yield from self.cancel()
            raise again(self._failure)
        yield from self._finish(close=True)
        self.is_closed = True

    def cancel(self) -> Operation[None]:
        """End the streamer without sending what waits; what was sent since the last flush may be lost. May be called
        again.
        """
        if self.is_closed:
            return
        self.is_closed = True
        self._waiting.clear()
        self._under_way.clear()
        streamer_id, self._streamer_id = self._streamer_id, None
        if streamer_id is not None:
            yield from calls.close_resource(self._session, streamer_id)

    def _check(self) -> None:
        if self.is_closed:
            raise InterfaceError("the data streamer is closed", code="streamer_closed")
        if self._failure is not None:
            raise again(self._failure)

    def _finish(self, *, close: bool) -> Operation[None]:
        yield from self.send()
        # Requests are carried out in any order: nothing may be under way that the flush is to include.
        while self._under_way:
            yield from self._receive_oldest()
        if self._streamer_id is None:
            return
        streamer_id = self._streamer_id
        if close:
            # Whatever comes of it, the server has it no more.
            self._streamer_id = None
            self._session.resources.closed(streamer_id)
        message = StreamerAdd(streamer_id, flush=not close, close=close)
        pending: Pending | None = None
        try:
            pending = yield from calls.send(self._session, message)
            yield Receive(pending)
        except Error as error:
            self._failure = error
            raise
        finally:
            if close and pending is None:
                # Nothing was sent: the next query ends it.
                self._session.resources.orphans.append(streamer_id)

    def _open(self) -> Operation[None]:
        answer = yield from with_class(
            self._session, self._receiver, lambda: calls.query(self._session, self._start, may_leak=False)
        )
        self._streamer_id = answer.cursor_id

    def _next_batch(self) -> Operation[Batch]:
        """The oldest entries that wait, encoded. They stay where they are until the request is on its way."""
        while True:
            try:
                return streamer_batch(
                    islice(self._waiting, self._batch_size), self._session.context.knowledge, size_limit=_BATCH_SIZE
                )
            except MissingFact as missing:
                fact = missing
            yield from facts.learn(self._session, fact)

    def _receive_oldest(self) -> Operation[None]:
        pending = self._under_way[0]
        try:
            yield Receive(pending)
        except Error as error:
            self._failure = error
            raise
        finally:
            if pending.is_done and self._under_way and self._under_way[0] is pending:
                self._under_way.popleft()

    def __del__(self) -> None:
        streamer_id: int | None = self.__dict__.get("_streamer_id")
        if streamer_id is not None:
            self._session.resources.orphans.append(streamer_id)
