"""Scans of many partitions at once: a query for each, several of which are open at a time, on their own nodes."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any, Protocol, TypeVar

import attrs

from ignite_dbapi.errors import Error, InterfaceError, ProgrammingError
from ignite_dbapi.operations import calls
from ignite_dbapi.operations.cache import CacheAccess, affinity
from ignite_dbapi.operations.results import PagedResult
from ignite_dbapi.operations.session import Session
from ignite_dbapi.protocol.exchange import Operation, Pending
from ignite_dbapi.protocol.messages.scans import ScanPage, ScanQuery

T = TypeVar("T")

Entry = tuple[Any, Any]


class Sessions(Protocol):
    """The connections of a scan, which are to several nodes."""

    def of(self, partition: int | None) -> Operation[Session]:
        """The connection to the node that holds *partition*; None is any."""

    def call(self, session: Session, operation: Callable[[Session], Operation[T]]) -> Operation[T]:
        """Run *operation* on *session*, which an error of the connection is then known to belong to."""


@attrs.define(eq=False)
class _Scan:
    """The scan of one partition: its first page is asked for, or it has a result."""

    partition: int | None
    session: Session
    pending: Pending | None
    result: PagedResult | None = None


class PartitionScanState:
    """The entries of several partitions of a cache, in no order.

    *partitions* are the numbers of those that are wanted, None is all of them. Of up to *parallel* partitions a page is
    under way at any time, so that their nodes work at the same time. Each page has *page_size* entries at most.
    """

    def __init__(
        self,
        sessions: Sessions,
        cache: CacheAccess,
        *,
        partitions: Iterable[int] | None = None,
        parallel: int = 8,
        page_size: int = 1024,
        entry_filter: Any = None,
    ) -> None:
        for name, size in (("page size", page_size), ("parallel", parallel)):
            if not 0 < size < 1 << 31:
                raise ProgrammingError(f"{name} of {size}; at least 1 is needed", code="invalid_size")
        numbers = None if partitions is None else list(dict.fromkeys(partitions))
        for number in numbers or ():
            if not 0 <= number < 1 << 31:
                raise ProgrammingError(f"partition {number}; partitions are numbered from 0", code="invalid_partition")
        self._sessions = sessions
        self._cache = cache
        self._left: deque[int | None] | None = None if numbers is None else deque(numbers)
        self._parallel = parallel
        self._page_size = page_size
        self._filter = entry_filter
        self._scans: deque[_Scan] = deque()
        self.is_closed = False

    def fetch_page(self) -> Operation[list[Entry]]:
        """The entries of the page that comes next; none at the end."""
        if self.is_closed:
            raise InterfaceError("the scan was closed", code="result_closed")
        if self._left is None:
            self._left = deque((yield from self._all_partitions()))
        while True:
            while self._left and len(self._scans) < self._parallel:
                yield from self._start(self._left[0])
                self._left.popleft()
            if not self._scans:
                return []
            scan = self._scans[0]
            try:
                entries = yield from self._sessions.call(scan.session, partial(self._next_page, scan))
            except Error:
                # Entries are missing from here on, which must not look like the end.
                self._scans.popleft()
                yield from self._close_scan(scan)
                yield from self.close()
                raise
            except BaseException:
                if scan.result is None:
                    # Only the waiting was given up, but for the answer that brings the number of the scan.
                    self._scans.popleft()
                    self._left.appendleft(scan.partition)
                raise
            self._scans.popleft()
            if entries:
                # There may be more, which was asked for already: the others are first.
                self._scans.append(scan)
                return entries

    def _all_partitions(self) -> Operation[list[int | None]]:
        session = yield from self._sessions.of(None)
        found = yield from self._sessions.call(
            session, lambda each: affinity(each, [self._cache.cache_id], with_custom_mappings=True)
        )
        group = found.group_of(self._cache.cache_id)
        # Where the partitions are not known (replicated caches), one scan of everything does.
        count = 0 if group is None else len(group.primary_nodes())
        return list(range(count)) or [None]

    def _start(self, partition: int | None) -> Operation[None]:
        yield from self._sessions.call((yield from self._sessions.of(partition)), partial(self._start_on, partition))

    def _start_on(self, partition: int | None, session: Session) -> Operation[None]:
        if session.abandoned:
            # Each may hold a cursor, and here many are opened before any answer is read.
            yield from calls.receive_abandoned(session, list(session.abandoned))
        query = ScanQuery(
            self._cache.header(), self._page_size, partition, False, self._cache.lossless, filter=self._filter
        )
        self._scans.append(_Scan(partition, session, (yield from calls.open_query(session, query, may_leak=True))))

    def _next_page(self, scan: _Scan, session: Session) -> Operation[list[Entry]]:
        if scan.result is None:
            assert scan.pending is not None
            pending, scan.pending = scan.pending, None
            answer = yield from calls.receive_query(session, pending)
            scan.result = PagedResult(session, answer, ScanPage(answer.cursor_id, self._cache.lossless))
        return (yield from scan.result.fetch(self._page_size))

    def close(self) -> Operation[None]:
        """Free what the servers hold for the scans. May be called again."""
        self.is_closed = True
        while self._scans:
            scan = self._scans.popleft()
            yield from self._close_scan(scan)

    def _close_scan(self, scan: _Scan) -> Operation[None]:
        try:
            yield from self._sessions.call(scan.session, partial(self._free, scan))
        except Error as error:
            # Without the connection the server has freed everything that it held for it.
            if not error.is_connection_lost:
                raise

    def _free(self, scan: _Scan, session: Session) -> Operation[None]:
        if scan.pending is not None:
            session.abandoned.append(scan.pending)
            yield from calls.receive_abandoned(session, [scan.pending])
        elif scan.result is not None:
            yield from scan.result.close()

    def __del__(self) -> None:
        for scan in self.__dict__.get("_scans", ()):
            if scan.pending is not None:
                scan.session.abandoned.append(scan.pending)
