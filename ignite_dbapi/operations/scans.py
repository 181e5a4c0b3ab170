"""Going through the entries of a cache: scans and index queries, a page ahead of their reader."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any, Final

from ignite_dbapi.errors import InterfaceError, NotSupportedError, ProgrammingError
from ignite_dbapi.operations import calls
from ignite_dbapi.operations.cache import CacheAccess, with_class, within
from ignite_dbapi.operations.results import PagedResult
from ignite_dbapi.operations.session import Session
from ignite_dbapi.protocol.context import Feature
from ignite_dbapi.protocol.exchange import Operation
from ignite_dbapi.protocol.messages.base import Message
from ignite_dbapi.protocol.messages.cache import CacheHeader
from ignite_dbapi.protocol.messages.pages import Page
from ignite_dbapi.protocol.messages.scans import (
    EntriesAnswer,
    InCriterion,
    IndexPage,
    IndexQuery,
    RangeCriterion,
    ScanPage,
    ScanQuery,
)

# Entries decoded at once for a reader that takes them one by one: enough to spread the cost of a call.
_BLOCK: Final = 256

NO_ENTRY: Final = object()

Entry = tuple[Any, Any]


class EntriesState:
    """A query for entries without I/O: the operations, and what is buffered between them.

    It opens itself when the first entries are fetched, and frees the server's cursor at its end, when it is closed, or
    when it is garbage collected.
    """

    def __init__(
        self, session: Session, cache: CacheAccess, page_size: int, partition: int | None, entry_filter: Any
    ) -> None:
        if page_size <= 0 or page_size >= 1 << 31:
            # Servers answer it by closing the connection.
            raise ProgrammingError(f"page size of {page_size}; at least 1 entry fits", code="invalid_size")
        if partition is not None and not 0 <= partition < 1 << 31:
            raise ProgrammingError(f"partition {partition}; partitions are numbered from 0", code="invalid_partition")
        self._session = session
        self._cache = cache
        self._page_size = page_size
        self._partition = partition
        self._filter = entry_filter
        self._result: PagedResult | None = None
        self._buffer: Iterator[Entry] = iter(())
        self.is_closed = False
        # The number of the cursor on the server, also after it was closed; None before the query is opened.
        self.cursor_id: int | None = None

    def _query(self, header: CacheHeader) -> Message[EntriesAnswer]:
        """The request that starts the query."""
        raise NotImplementedError

    def _next_page(self, cursor_id: int) -> Message[Page]:
        """The request for each page but the first."""
        raise NotImplementedError

    def open(self) -> Operation[None]:
        """Send the query and get its first page, unless that was done before."""
        if self.is_closed:
            raise InterfaceError("the query was closed", code="result_closed")
        if self._result is None:
            answer = yield from with_class(self._session, self._filter, self._first_answer)
            self.cursor_id = answer.cursor_id
            self._result = PagedResult(self._session, answer, self._next_page(answer.cursor_id))

    def _first_answer(self) -> Operation[EntriesAnswer]:
        def run(transaction_id: int | None) -> Operation[EntriesAnswer]:
            # A query whose first page fails may leave its cursor open, as SELECTs do.
            return calls.query(self._session, self._query(self._cache.header(transaction_id)), may_leak=True)

        transaction = self._cache.transaction
        if transaction is not None and not transaction.joins_queries:
            return run(None)
        return within(self._session, self._cache, run, is_change=False)

    def fetch(self, count: int | None = None) -> Operation[list[Entry]]:
        """The next *count* entries, or all; fewer at the end."""
        if count is not None and count < 0:
            raise ProgrammingError(f"fetching {count} entries", code="invalid_size")
        yield from self.open()
        assert self._result is not None
        entries: list[Any] = list(islice(self._buffer, count))
        if count is None or len(entries) < count:
            try:
                entries += yield from self._result.fetch(None if count is None else count - len(entries))
            except BaseException:
                # These are still the next ones.
                self._buffer = iter(entries)
                raise
        return entries

    def next_buffered(self) -> Any:
        """The next entry if it is decoded already, else :data:`NO_ENTRY`."""
        return next(self._buffer, NO_ENTRY)

    def fetch_one(self) -> Operation[Any]:
        """The next entry, or :data:`NO_ENTRY` at the end."""
        entry = self.next_buffered()
        if entry is NO_ENTRY:
            self._buffer = iter((yield from self.fetch(_BLOCK)))
            entry = self.next_buffered()
        return entry

    def close(self) -> Operation[None]:
        """Free the cursor on the server. May be called again."""
        self.is_closed = True
        self._buffer = iter(())
        result, self._result = self._result, None
        if result is not None:
            yield from result.close()


class ScanState(EntriesState):
    """All entries of a cache, or those of one *partition*, or those that the node itself holds (*local*).

    *entry_filter* is an object of a Java class that the servers have, which says of each entry whether it is wanted.
    """

    def __init__(
        self,
        session: Session,
        cache: CacheAccess,
        *,
        page_size: int = 1024,
        partition: int | None = None,
        local: bool = False,
        entry_filter: Any = None,
    ) -> None:
        super().__init__(session, cache, page_size, partition, entry_filter)
        self._local = local

    def _query(self, header: CacheHeader) -> ScanQuery:
        return ScanQuery(
            header, self._page_size, self._partition, self._local, self._cache.lossless, filter=self._filter
        )

    def _next_page(self, cursor_id: int) -> ScanPage:
        return ScanPage(cursor_id, self._cache.lossless)


class IndexQueryState(EntriesState):
    """The entries that an SQL index finds, in its order.

    *value_type* is the type of values that the index is of, *index_name* the index, which otherwise follows from the
    fields that *criteria* name. *limit* is how many entries are wanted, 0 for all. No transaction's changes are seen.
    """

    def __init__(
        self,
        session: Session,
        cache: CacheAccess,
        value_type: str,
        index_name: str | None = None,
        criteria: Sequence[RangeCriterion | InCriterion] = (),
        *,
        page_size: int = 1024,
        partition: int | None = None,
        local: bool = False,
        limit: int = 0,
        entry_filter: Any = None,
    ) -> None:
        super().__init__(session, cache, page_size, partition, entry_filter)
        if not session.context.has(Feature.INDEX_QUERY):
            raise NotSupportedError("the server does not offer index queries", code="no_feature")
        if limit and not session.context.has(Feature.INDEX_QUERY_LIMIT):
            raise NotSupportedError("the server does not offer a limit of index queries", code="no_feature")
        if not 0 <= limit < 1 << 31:
            raise ProgrammingError(f"limit of {limit} entries; 0 means none", code="invalid_size")
        self._value_type = value_type
        self._index_name = index_name
        self._criteria = criteria
        self._local = local
        self._limit = limit

    def _query(self, header: CacheHeader) -> IndexQuery:
        return IndexQuery(
            # Servers read a transaction's id here and take no notice of it.
            self._cache.header(),
            self._page_size,
            self._partition,
            self._local,
            self._cache.lossless,
            value_type=self._value_type,
            index_name=self._index_name,
            criteria=self._criteria,
            limit=self._limit,
            filter=self._filter,
        )

    def _next_page(self, cursor_id: int) -> IndexPage:
        return IndexPage(cursor_id, self._cache.lossless)
