"""Keeps the server's cursors of one connection from leaking.

The server numbers whatever it holds for a connection 1, 2, 3, … A SELECT that fails while its first rows are made
has a number already, but the error does not tell it; after 128 of them the connection is dead. As every
successful answer does tell its number, the leaked ones can be worked out and closed.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from typing import Final

import attrs

from ignite_dbapi.protocol.exchange import Pending

# So many failures may pass while other requests are under way, before these are waited for. The server's limit for
# open cursors is 128, of which some are in use.
_SUSPECTS_LIMIT: Final = 32


@attrs.define(eq=False)
class Work:
    """One call of a cursor, as whoever wants to cancel it sees it.

    *queries* are its requests under way that run a statement, *cursor_id* is the cursor whose next page it waits for.
    """

    queries: list[Pending] = attrs.field(factory=list)
    cursor_id: int | None = None
    is_cancelled: bool = False
    has_ended: bool = False


@attrs.define(eq=False)
class Opener:
    """A request that made the server open something, and has not been answered, or left open what it opened.

    *pending* is None once it was answered; *since* is when it was sent, by ``time.monotonic()``.
    """

    pending: Pending | None
    may_leak: bool
    sql: str | None
    since: float
    # Whether it may be ended by an attempt to cancel another statement, which looks the same on the server.
    is_at_risk: bool = False


class ResourceLedger:
    """Which numbers the server has given out, and which of them nobody got to know."""

    def __init__(self) -> None:
        self.last_id = 0
        # Whether a request is being sent that makes the server open something, and that is not under way here yet:
        # answers to later ones may come before the thread that sends it goes on. One is sent at a time.
        self.is_sending = False
        # Cursors whose owner was garbage collected; deque.append is atomic, so __del__ may use it.
        self.orphans: deque[int] = deque()
        # In the order in which they were sent.
        self._in_flight: dict[Pending, Opener] = {}
        # The cursors that have more pages, by their numbers.
        self._open: dict[int, Opener] = {}
        # How many requests have failed that may have left something open.
        self.suspects = 0
        self._gaps: set[int] = set()
        # The garbage collector may run a finalizer within it that closes a cursor.
        self._lock = threading.RLock()

    @property
    def in_flight(self) -> list[Pending]:
        """The requests under way that make the server open something."""
        with self._lock:
            return list(self._in_flight)

    @property
    def openers(self) -> list[Opener]:
        """The requests under way, and those whose cursors have more pages, in the order in which they were sent."""
        with self._lock:
            return sorted([*self._open.values(), *self._in_flight.values()], key=lambda opener: opener.since)

    def opener(self, pending: Pending) -> Opener | None:
        """What is known of *pending* while it is under way."""
        return self._in_flight.get(pending)

    def opening(self, pending: Pending, *, may_leak: bool, sql: str | None = None, since: float | None = None) -> None:
        """A request was sent that makes the server open something, and leave it open when it fails if *may_leak*.

        *sql* is its statement, if it has one; *since* is when it was sent, by ``time.monotonic()``, if not just now.
        """
        with self._lock:
            self._in_flight[pending] = Opener(pending, may_leak, sql, time.monotonic() if since is None else since)

    def opened(self, pending: Pending, resource_id: int, *, has_more: bool = False) -> None:
        """*pending* was answered with *resource_id*, which *has_more* pages. Only the first report counts."""
        with self._lock:
            opener = self._in_flight.pop(pending, None)
            if opener is None:
                return
            if has_more:
                opener.pending = None
                self._open[resource_id] = opener
            if resource_id == self.last_id + 1:
                self.last_id = resource_id
            elif resource_id > self.last_id:
                # Numbers between belong to requests under way and to failed ones. A larger gap is nobody's, and
                # may be as wide as an answer damaged on its way makes it.
                others = len(self._in_flight) + self.suspects + self.is_sending
                self._gaps.update(range(max(self.last_id + 1, resource_id - others), resource_id))
                self.last_id = resource_id
            else:
                self._gaps.discard(resource_id)
            if self._gaps:
                self._settle()

    def failed(self, pending: Pending) -> None:
        """*pending* was answered with an error, or never. Only the first report on a request counts."""
        with self._lock:
            opener = self._in_flight.pop(pending, None)
            if opener is None:
                return
            self.suspects += opener.may_leak
            self._settle()

    def closed(self, resource_id: int) -> None:
        """The server has *resource_id* open no more."""
        with self._lock:
            self._open.pop(resource_id, None)

    def _settle(self) -> None:
        if not self._in_flight and not self.suspects and not self.is_sending:
            self._gaps.clear()

    @property
    def must_probe(self) -> bool:
        """Whether something may have leaked and nothing is under way that could be mistaken for it."""
        return self.suspects > 0 and not self._in_flight and not self.is_sending

    @property
    def must_drain(self) -> bool:
        """Whether so much may have leaked that what is under way must be waited for, to find out."""
        return self.suspects >= _SUSPECTS_LIMIT

    def suspicious_ids(self, *, under_way: int = 0) -> list[int]:
        """The numbers to try to close, in order; those after the last known one end at the first unknown.

        *under_way* is the number of requests under way whose cursors are to be closed as well.
        """
        with self._lock:
            beyond = max(self.suspects + under_way - len(self._gaps), 0)
            return [*sorted(self._gaps), *range(self.last_id + 1, self.last_id + 1 + beyond)]

    def probed(self, resource_id: int, *, existed: bool) -> None:
        """*resource_id* was tried: the server had it open, or not."""
        with self._lock:
            if existed and resource_id > self.last_id:
                self.last_id = resource_id

    def cleared(self) -> None:
        """All suspicious numbers were tried."""
        with self._lock:
            self.suspects = 0
            self._gaps.clear()
