"""The rows of a query: pages, decoded as far as they are fetched, the next one requested ahead."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any, Final, TypeVar

from ignite_dbapi.errors import DataError, Error, InterfaceError
from ignite_dbapi.operations import calls, facts
from ignite_dbapi.operations.resources import Work
from ignite_dbapi.operations.session import Session
from ignite_dbapi.protocol.codec import MissingFact
from ignite_dbapi.protocol.exchange import Operation, Pending, Receive, Send, again
from ignite_dbapi.protocol.messages.base import Message
from ignite_dbapi.protocol.messages.pages import Page, QueryAnswer
from ignite_dbapi.protocol.messages.sql import SqlFieldsAnswer, SqlFieldsPage

if TYPE_CHECKING:
    from ignite_dbapi.protocol.codec.columns import ColumnDecoder

# Bytes of a page whose decoding keeps the processor for half a millisecond or more.
_LARGE_PAGE: Final = 1 << 17

T = TypeVar("T")


class PagedResult:
    """The rows of one query: the current page, and whether the next one was asked for with *next_page*."""

    def __init__(self, session: Session, answer: QueryAnswer, next_page: Message[Page]) -> None:
        self.session = session
        self.cursor_id = answer.cursor_id
        self.page = answer.page
        self._next_page = next_page
        self._next: Pending | None = None
        self._failure: Error | None = None
        # Rows that were decoded for a call that was given up before it could return them.
        self._kept: list[tuple[Any, ...]] = []
        self._is_closed = not answer.page.has_more

    def fetch(self, count: int | None, work: Work | None = None) -> Operation[list[tuple[Any, ...]]]:
        """The next *count* rows, or all; fewer at the end. *work* is the call of a cursor that may be cancelled."""
        rows = self._kept[:count]
        del self._kept[:count]
        try:
            yield from self._fetch(rows, count, work)
        except Error:
            raise
        except BaseException:
            # Only the waiting was given up: the rows up to here are still the next ones.
            self._kept = rows
            raise
        return rows

    def _fetch(self, rows: list[tuple[Any, ...]], count: int | None, work: Work | None) -> Operation[None]:
        while count is None or len(rows) < count:
            if not (yield from self.has_rows(work)):
                break
            yield from self._take(self.page.row_count if count is None else count - len(rows), rows)

    def has_rows(self, work: Work | None = None) -> Operation[bool]:
        """Whether there are more rows: then some are in the page, and the page after it is on its way."""
        # Given back only when the next page was asked for, because that takes a while.
        read = self.page
        while not self.page.row_count:
            if self._failure is not None:
                raise again(self._failure)
            if self._next is None and not self.page.has_more:
                return False
            yield from self._turn_page(work)
        yield from self._request_ahead()
        del read
        return True

    def _request_ahead(self) -> Operation[None]:
        if self._next is None and self.page.has_more and not self._is_closed:
            self._next = yield Send(self.session.channel, self._next_page)
            if self.page.end - self.page.position >= _LARGE_PAGE:
                # Linux expects whoever sends to wait for the answer, and wakes the thread of a server on the same
                # machine to run on the sender's processor next: where it would wait until this page is decoded.
                self.session.channel.give_way()

    def _turn_page(self, work: Work | None) -> Operation[None]:
        yield from self._request_ahead()
        pending, self._next = self._next, None
        if pending is None:
            raise InterfaceError("the result was closed before it was read to its end", code="result_closed")
        if work is not None:
            work.cursor_id = self.cursor_id
        try:
            self.page = yield Receive(pending)
        except Error as error:
            # Rows are missing from here on, which must not look like the end of the result.
            self._failure = error
            # The cursor stays open on the server when a later page fails.
            yield from self.close()
            if work is not None and work.is_cancelled and not error.is_connection_lost:
                # What the server says of a cursor that was closed meanwhile.
                self._failure = calls.query_cancelled()
                raise again(self._failure) from None
            raise
        except BaseException:
            # Only the waiting was given up: this page is still the next one.
            self._next = pending
            raise
        finally:
            if work is not None:
                work.cursor_id = None
        if not self.page.has_more:
            self._is_closed = True
            self.session.resources.closed(self.cursor_id)
        elif work is not None and work.is_cancelled:
            self._failure = calls.query_cancelled()
            yield from self.close()

    def _take(self, count: int, rows: list[tuple[Any, ...]]) -> Operation[None]:
        """Append the next *count* rows of the page to *rows*, or those before the first that no object can be."""
        try:
            yield from self._informed(lambda: self.page.take(count, self.session.context, rows))
        except DataError:
            if count == 1:
                raise
            yield from self._take_until_error(rows)

    def _informed(self, step: Callable[[], T]) -> Operation[T]:
        """Do *step*, and do it again when what it needs to know was asked for."""
        while True:
            try:
                return step()
            except MissingFact as missing:
                fact = missing
            yield from facts.learn(self.session, fact)

    def _take_until_error(self, rows: list[tuple[Any, ...]]) -> Operation[None]:
        yield from self._take(1, rows)
        with suppress(DataError, MissingFact):
            while True:
                self.page.take(1, self.session.context, rows)

    def close(self) -> Operation[None]:
        """Free the cursor on the server, if it still has it."""
        if self._is_closed:
            return
        self._is_closed = True
        self._next = None
        yield from calls.close_resource(self.session, self.cursor_id)

    def __del__(self) -> None:
        if not self._is_closed:
            self.session.resources.orphans.append(self.cursor_id)


class ResultSet(PagedResult):
    """The rows of one SQL query."""

    def __init__(self, session: Session, answer: SqlFieldsAnswer) -> None:
        super().__init__(session, answer, SqlFieldsPage(answer.cursor_id, len(answer.columns)))
        self.columns = answer.columns
        # The page that the last block came from, and what it held before.
        self._block: tuple[Page, int, int] | None = None

    def block_at_hand(self, count: int) -> list[tuple[Any, ...]] | None:
        """What :meth:`fetch_block` gives, if nothing has to be sent or waited for and nothing is wrong; else None."""
        page = self.page
        if self._kept or self._failure is not None or (page.has_more and self._next is None):
            return None
        if not page.row_count:
            return None if page.has_more else []
        block = page, page.position, page.row_count
        try:
            rows = page.take(count, self.session.context)
        except (Error, MissingFact):
            return None
        self._block = block
        return rows

    def fetch_block(self, count: int, work: Work | None = None) -> Operation[list[tuple[Any, ...]]]:
        """Up to *count* rows, which :meth:`rewind` can put back; none at the end."""
        self._block = None
        if self._kept:
            return (yield from self.fetch(count, work))
        if not (yield from self.has_rows(work)):
            return []
        self._block = self.page, self.page.position, self.page.row_count
        rows: list[tuple[Any, ...]] = []
        yield from self._take(min(count, self.page.row_count), rows)
        return rows

    def rewind(self, count: int) -> None:
        """Let the last *count* rows of the last block be the next ones again."""
        if self._kept or (count and (self._block is None or self._block[0] is not self.page)):
            raise InterfaceError(
                "rows were made for a fetch that was given up: fetch them with fetchmany() before columns are fetched",
                code="rows_made",
            )
        if count:
            assert self._block is not None
            page, position, row_count = self._block
            delivered = row_count - page.row_count - count
            page.position, page.row_count = position, row_count
            page.take(delivered, self.session.context)

    def fail(self, error: Error) -> None:
        """Let whatever is fetched from now on raise *error*."""
        self._failure = error
        self._kept = []
        self.page.row_count = 0

    def fill(self, decoder: ColumnDecoder, count: int | None, work: Work | None = None) -> Operation[None]:
        """Let *decoder* have *count* rows, or all; fewer at the end, and where a column would get too large."""
        while count is None or decoder.row_count < count:
            if not (yield from self.has_rows(work)):
                break
            page = self.page
            if decoder.row_count and not decoder.has_room(page.end - page.position):
                break
            number = page.row_count if count is None else count - decoder.row_count
            yield from self._informed(partial(page.take_columns, number, decoder, self.session.context))
