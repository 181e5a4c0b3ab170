"""The rows of a query: pages, decoded as far as they are fetched, the next one requested ahead."""

from __future__ import annotations

from typing import Any

from ignite_dbapi.errors import DataError, Error, InterfaceError
from ignite_dbapi.operations import calls, facts
from ignite_dbapi.operations.resources import Work
from ignite_dbapi.operations.session import Session
from ignite_dbapi.protocol.codec import MissingFact
from ignite_dbapi.protocol.exchange import Operation, Pending, Receive, Send, again
from ignite_dbapi.protocol.messages.base import Message
from ignite_dbapi.protocol.messages.pages import Page, QueryAnswer
from ignite_dbapi.protocol.messages.sql import SqlFieldsAnswer, SqlFieldsPage


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
            if self.page.row_count:
                yield from self._request_ahead()
                taken = yield from self._take(self.page.row_count if count is None else count - len(rows))
                rows += taken
            elif self._failure is not None:
                raise again(self._failure)
            elif self._next is None and not self.page.has_more:
                break
            else:
                yield from self._turn_page(work)

    def _request_ahead(self) -> Operation[None]:
        if self._next is None and self.page.has_more and not self._is_closed:
            self._next = yield Send(self.session.channel, self._next_page)

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

    def _take(self, count: int) -> Operation[list[tuple[Any, ...]]]:
        while True:
            try:
                return self.page.take(count, self.session.context)
            except MissingFact as missing:
                fact = missing
            except DataError:
                # One value cannot be given as a Python object: the rows before it can.
                if count == 1:
                    raise
                return (yield from self._take_until_error())
            yield from facts.learn(self.session, fact)

    def _take_until_error(self) -> Operation[list[tuple[Any, ...]]]:
        rows = yield from self._take(1)
        try:
            while True:
                rows += self.page.take(1, self.session.context)
        except (DataError, MissingFact):
            return rows

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
