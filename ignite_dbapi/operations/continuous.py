"""Continuous queries: taking the events that the server tells of, one after the other."""

from __future__ import annotations

import time
from collections import deque
from typing import Any, Final

from ignite_dbapi.errors import Error, InterfaceError, ProgrammingError
from ignite_dbapi.operations import calls, facts, server
from ignite_dbapi.operations.cache import CacheAccess, with_class
from ignite_dbapi.operations.session import Session
from ignite_dbapi.protocol.codec import MissingFact
from ignite_dbapi.protocol.exchange import (
    NOTIFICATIONS_LIMIT,
    Next,
    Operation,
    Sleep,
    Subscription,
    read_notification,
)
from ignite_dbapi.protocol.messages.continuous import (
    CacheEvent,
    CacheEventType,
    ContinuousQueryStart,
    read_events,
)

# Seconds in which a thread of a server gets to the step after an answer. One put at once lost 1 event of 100.
_SETTLING: Final = 0.02
# How many times as long as an answer takes it may need for that, when it is busy.
_SETTLING_ANSWERS: Final = 4

__all__ = ["CacheEvent", "CacheEventType", "ContinuousQueryState"]


class ContinuousQueryState:
    """A continuous query without I/O: what was asked for, and the events that wait to be taken.

    *page_size* and *time_interval* (seconds) say how long a node may collect events before it sends them.
    *event_filter* is an object of a Java class that the servers have, which makes the filters of their nodes (a
    ``Factory<CacheEntryEventFilter>``). No more than *buffer_limit* bytes of events wait
    to be taken; with more, the query fails after the last of them.
    """

    def __init__(
        self,
        session: Session,
        cache: CacheAccess,
        *,
        page_size: int = 1,
        time_interval: float = 0,
        include_expired: bool = False,
        event_filter: Any = None,
        buffer_limit: int = NOTIFICATIONS_LIMIT,
    ) -> None:
        if not 0 < page_size < 1 << 31:
            raise ProgrammingError(f"page size of {page_size}; at least 1 event fits", code="invalid_size")
        if time_interval < 0:
            raise ProgrammingError(f"time interval of {time_interval} s; 0 means none", code="invalid_time")
        if buffer_limit <= 0:
            raise ProgrammingError(f"buffer limit of {buffer_limit} bytes", code="invalid_size")
        self._session = session
        self._cache = cache
        self._message = ContinuousQueryStart(
            cache.header(), page_size, round(time_interval * 1000), include_expired, event_filter
        )
        self._buffer_limit = buffer_limit
        self._subscription: Subscription | None = None
        self._events: deque[CacheEvent] = deque()
        self.is_closed = False

    @property
    def is_started(self) -> bool:
        """Whether the server has been asked for events."""
        return self._subscription is not None

    def start(self) -> Operation[None]:
        """Ask the server for events. What happens after this is done will be told."""
        if self._subscription is not None or self.is_closed:
            raise InterfaceError("a continuous query is started once", code="query_started")
        self._subscription = yield from with_class(self._session, self._message.filter, self._started)
        self._subscription.channel = self._session.channel
        self._subscription.limit = self._buffer_limit
        # The server passes events on from just after it has answered, and drops those that come in between.
        asked = time.monotonic()
        yield from server.ping(self._session)
        yield Sleep(max(_SETTLING, _SETTLING_ANSWERS * (time.monotonic() - asked)))

    def _started(self) -> Operation[Subscription]:
        pending = yield from calls.open_query(self._session, self._message, may_leak=False)
        yield from calls.receive_query(self._session, pending)
        assert pending.subscription is not None
        return pending.subscription

    def next_event(self, timeout: float | None = None) -> Operation[CacheEvent | None]:
        """The next event; None if there is none within *timeout* seconds, or the query was closed.

        Raises OperationalError when the connection is lost, or too many events were left waiting.
        """
        while not self.is_closed:
            try:
                return self._events.popleft()
            except IndexError:
                pass
            if self._subscription is None:
                raise InterfaceError("the continuous query was not started", code="query_not_started")
            subscription = self._subscription
            frame: bytes | None = yield Next(subscription, timeout)
            if frame is None:
                break
            try:
                self._events += yield from self._decoded(frame)
            except Error:
                raise
            except BaseException:
                # Only the waiting was given up: these events are still the next ones.
                subscription.put_back(frame)
                raise
        return None

    def _decoded(self, frame: bytes) -> Operation[list[CacheEvent]]:
        context = self._session.context
        while True:
            try:
                return read_events(read_notification(frame, context), context, lossless=self._cache.lossless)
            except MissingFact as missing:
                fact = missing
            yield from facts.learn(self._session, fact)

    def close(self) -> Operation[None]:
        """End the query. Whoever waits for an event gets None. May be called again."""
        self.is_closed = True
        self._events.clear()
        subscription, self._subscription = self._subscription, None
        if subscription is not None:
            self._session.channel.unsubscribe(subscription)
            yield from calls.close_resource(self._session, subscription.resource_id)

    def __del__(self) -> None:
        subscription: Subscription | None = self.__dict__.get("_subscription")
        if subscription is not None:
            self._session.channel.unsubscribe(subscription)
            self._session.resources.orphans.append(subscription.resource_id)
