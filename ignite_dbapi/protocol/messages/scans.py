"""Scans: the entries of a cache, page by page, and index queries over them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import attrs

from ignite_dbapi.protocol.codec import Reader, TypeCode, Writer
from ignite_dbapi.protocol.context import Context, Feature
from ignite_dbapi.protocol.messages.base import Message
from ignite_dbapi.protocol.messages.cache import CacheHeader
from ignite_dbapi.protocol.messages.pages import Page

_JAVA: Final = 1
_RANGE: Final = 0
_IN: Final = 1


@attrs.frozen
class EntriesAnswer:
    """The answer to a query for entries: *cursor_id* on the server, the first page of keys and values."""

    cursor_id: int
    page: Page


@attrs.frozen(eq=False, repr=False)
class _EntriesQuery(Message[EntriesAnswer]):
    header: CacheHeader
    page_size: int = 1024
    partition: int | None = None
    local: bool = False
    lossless: bool = False

    def decode(self, reader: Reader, context: Context) -> EntriesAnswer:
        """Read cursor id and the first page."""
        return EntriesAnswer(reader.i64(), Page.read(reader, 2, lossless=self.lossless))


@attrs.frozen(eq=False, repr=False)
class ScanQuery(_EntriesQuery):
    """Get the entries of a cache, of one *partition*, or of what the node itself holds (*local*).

    *filter* is an object of a Java class that the server has, which says for each entry whether it is wanted.
    """

    op_code = 2000

    filter: Any = None

    def encode(self, writer: Writer, context: Context) -> None:
        """Write the request."""
        self.header.encode(writer, context)
        _encode_filter(writer, self.filter, has_platform=True)
        writer.i32(self.page_size)
        writer.i32(-1 if self.partition is None else self.partition)
        writer.boolean(self.local)


@attrs.frozen(eq=False, repr=False)
class SqlQuery(_EntriesQuery):
    """Get the entries behind the rows that *condition* finds: what follows FROM, or a whole SELECT.

    *value_type* is the type of the values of the entries, which leads to the table.

    *timeout* is in milliseconds, 0 for none. Servers run it on the H2 engine, whichever is their default.
    """

    op_code = 2002

    value_type: str = attrs.field(kw_only=True)
    condition: str = attrs.field(kw_only=True)
    arguments: Sequence[Any] = attrs.field(default=(), kw_only=True)
    distributed_joins: bool = attrs.field(default=False, kw_only=True)
    replicated_only: bool = attrs.field(default=False, kw_only=True)
    timeout: int = attrs.field(default=0, kw_only=True)

    def encode(self, writer: Writer, context: Context) -> None:
        """Write the request."""
        self.header.encode(writer, context)
        writer.string(self.value_type)
        writer.string(self.condition)
        writer.i32(len(self.arguments))
        writer.values(self.arguments)
        writer.boolean(self.distributed_joins)
        writer.boolean(self.local)
        writer.boolean(self.replicated_only)
        writer.i32(self.page_size)
        writer.i64(self.timeout)


@attrs.frozen
class RangeCriterion:
    """*field* lies between *lower* and *upper*.

    A bound of None with *has_lower* (*has_upper*) is NULL itself, which comes before all values; without it there is
    no such bound.
    """

    field: str
    lower: Any = None
    upper: Any = None
    lower_inclusive: bool = True
    upper_inclusive: bool = True
    has_lower: bool = True
    has_upper: bool = True

    def encode(self, writer: Writer) -> None:
        """Write the criterion."""
        writer.u8(_RANGE)
        writer.string(self.field)
        writer.boolean(self.lower_inclusive)
        writer.boolean(self.upper_inclusive)
        writer.boolean(self.has_lower and self.lower is None)
        writer.boolean(self.has_upper and self.upper is None)
        writer.value(self.lower if self.has_lower else None)
        writer.value(self.upper if self.has_upper else None)


@attrs.frozen
class InCriterion:
    """*field* has one of *values*."""

    field: str
    values: Sequence[Any]

    def encode(self, writer: Writer) -> None:
        """Write the criterion."""
        writer.u8(_IN)
        writer.string(self.field)
        writer.i32(len(self.values))
        writer.values(self.values)


@attrs.frozen(eq=False, repr=False)
class IndexQuery(_EntriesQuery):
    """Get the entries that an SQL index finds, in its order.

    *value_type* is the type of the values that the index is of. Without *index_name* the server chooses the index
    whose fields the *criteria* name; without criteria all entries are found. *limit* of 0 means no limit.
    """

    op_code = 2008

    value_type: str = attrs.field(kw_only=True)
    index_name: str | None = attrs.field(default=None, kw_only=True)
    criteria: Sequence[RangeCriterion | InCriterion] = attrs.field(default=(), kw_only=True)
    limit: int = attrs.field(default=0, kw_only=True)
    filter: Any = attrs.field(default=None, kw_only=True)

    def encode(self, writer: Writer, context: Context) -> None:
        """Write the request."""
        self.header.encode(writer, context)
        writer.i32(self.page_size)
        writer.boolean(self.local)
        writer.i32(-1 if self.partition is None else self.partition)
        if context.has(Feature.INDEX_QUERY_LIMIT):
            writer.i32(self.limit)
        writer.string(self.value_type)
        writer.string(self.index_name)
        if self.criteria:
            writer.u8(TypeCode.BYTE)
            writer.i32(len(self.criteria))
            for criterion in self.criteria:
                criterion.encode(writer)
        else:
            writer.u8(TypeCode.NULL)
        _encode_filter(writer, self.filter, has_platform=False)


def _encode_filter(writer: Writer, entry_filter: Any, *, has_platform: bool) -> None:
    writer.value(entry_filter)
    if entry_filter is not None and has_platform:
        writer.u8(_JAVA)


@attrs.frozen(eq=False, repr=False)
class _EntriesPage(Message[Page]):
    cursor_id: int
    lossless: bool = False

    def encode(self, writer: Writer, context: Context) -> None:
        """Write the request."""
        writer.i64(self.cursor_id)

    def decode(self, reader: Reader, context: Context) -> Page:
        """Read the page."""
        return Page.read(reader, 2, lossless=self.lossless)


@attrs.frozen(eq=False, repr=False)
class ScanPage(_EntriesPage):
    """Get the next page of a scan."""

    op_code = 2001


@attrs.frozen(eq=False, repr=False)
class SqlPage(_EntriesPage):
    """Get the next page of an :class:`SqlQuery`."""

    op_code = 2003


@attrs.frozen(eq=False, repr=False)
class IndexPage(_EntriesPage):
    """Get the next page of an index query."""

    op_code = 2009
