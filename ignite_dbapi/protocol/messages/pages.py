"""Pages of rows, and of the entries of caches, as queries of every kind answer them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import attrs

from ignite_dbapi.errors import ProtocolError
from ignite_dbapi.protocol.codec import Reader
from ignite_dbapi.protocol.context import Context

if TYPE_CHECKING:
    from ignite_dbapi.protocol.codec.columns import ColumnDecoder


@attrs.define(eq=False)
class Page:
    """Rows as they came: decoded only as far as they are fetched.

    *position* is where the next undecoded row starts in *data*, *row_count* how many rows are left there. With
    *lossless*, values come in the vocabulary of :mod:`~ignite_dbapi.protocol.codec.values`.
    """

    data: bytes
    position: int
    end: int
    row_count: int
    column_count: int
    has_more: bool
    lossless: bool = False

    @classmethod
    def read(cls, reader: Reader, column_count: int, *, lossless: bool = False) -> Page:
        """The page that the rest of an answer consists of."""
        row_count = reader.count(max(column_count, 1))
        # The page ends with the flag for more pages, so its value is known without decoding the rows.
        end = reader.end - 1
        if end < reader.position:
            raise ProtocolError("page without the flag that ends it")
        has_more = reader.data[end] != 0
        if row_count == 0:
            _check_end(reader.position, end)
        return cls(reader.data, reader.position, end, row_count, column_count, has_more, lossless)

    @classmethod
    def read_entries(cls, reader: Reader, *, lossless: bool = False) -> Page:
        """The entries (key, value) that the rest of an answer consists of, after which there are no more."""
        row_count = reader.count(2)
        if row_count == 0:
            _check_end(reader.position, reader.end)
        return cls(reader.data, reader.position, reader.end, row_count, 2, False, lossless)

    def column_codes(self, context: Context, row_limit: int) -> list[int]:
        """The type codes of the columns, from the first values but NULL in up to *row_limit* rows."""
        reader = Reader(self.data, context.knowledge, self.position, self.end)
        return reader.column_codes(min(self.row_count, row_limit), self.column_count)

    def take(self, count: int, context: Context, into: list[tuple[Any, ...]] | None = None) -> list[tuple[Any, ...]]:
        """Decode the next *count* rows, or all that are left. Raises without having moved.

        Rows are appended to *into*, if that is given.
        """
        count = min(count, self.row_count)
        reader = Reader(self.data, context.knowledge, self.position, self.end, lossless=self.lossless)
        rows = reader.rows(count, self.column_count, into)
        if count == self.row_count and reader.position != self.end:
            del rows[len(rows) - count :]
            _check_end(reader.position, self.end)
        self.position = reader.position
        self.row_count -= count
        return rows

    def take_columns(self, count: int, decoder: ColumnDecoder, context: Context) -> None:
        """Let *decoder* have the next *count* rows, or all that are left. An Error is raised without having moved."""
        count = min(count, self.row_count)
        position = decoder.append(self.data, context.knowledge, self.position, self.end, count)
        if count == self.row_count:
            _check_end(position, self.end)
        self.position = position
        self.row_count -= count
        # Only now, since it may be interrupted: the rows are the decoder's already.
        decoder.prepare()


def _check_end(position: int, end: int) -> None:
    if position != end:
        # What was taken for the flag at the end was something else then.
        raise ProtocolError(f"{end - position} bytes follow the last row of a page")


class QueryAnswer(Protocol):
    """What the answers to all queries have: the number of the cursor on the server, and the first page."""

    @property
    def cursor_id(self) -> int:
        """The number under which the server keeps the query, if there are more pages."""

    @property
    def page(self) -> Page:
        """The first rows."""
