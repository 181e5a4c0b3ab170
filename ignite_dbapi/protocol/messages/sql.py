"""SQL fields queries, their pages, and closing what a query left open on the server."""

from __future__ import annotations

from collections.abc import Sequence
from struct import Struct
from typing import Any, Final

import attrs

from ignite_dbapi.protocol.codec import Reader, TypeCode, Writer
from ignite_dbapi.protocol.context import Context, Feature
from ignite_dbapi.protocol.messages.base import Message
from ignite_dbapi.protocol.messages.pages import Page

# Python 3.11 takes long to find a member of an Enum.
_DEFAULT_TIMEOUT: Final = Feature.DEFAULT_QUERY_TIMEOUT
_BATCH_SIZE: Final = Feature.QUERY_PARTITIONS_BATCH_SIZE

_TRANSACTIONAL: Final = 0x02
# The second is the maximum of rows, which servers read and ignore.
_PAGE_SIZE_AND_LIMIT: Final = Struct("<ii")
_OPTIONS: Final = Struct("<B6?q?")


@attrs.define(eq=False)
class SqlFieldsAnswer:
    """The answer to a query: *cursor_id* on the server, the *columns*' names, the first page."""

    cursor_id: int
    columns: list[str]
    page: Page


@attrs.frozen(eq=False)
class EncodedArguments:
    """The values of *count* parameters, encoded already."""

    count: int
    data: bytes | bytearray


# Made for every statement, and made in a third of the time that a frozen class of so many fields takes.
@attrs.define(eq=False, repr=False, kw_only=True)
class SqlFieldsQuery(Message[SqlFieldsAnswer]):
    """Run one statement. Times are in milliseconds; a *timeout* of None leaves it to the server.

    Without a *schema* names are looked up in that of the cache *cache_id*, or in PUBLIC. *statement_type* is 1 for
    what returns rows, 2 for what changes them, 0 for either.
    """

    op_code = 2004

    sql: str
    cache_id: int = 0
    statement_type: int = 0
    arguments: Sequence[Any] | EncodedArguments = ()
    argument_codes: Sequence[TypeCode | None] | None = None
    schema: str | None = None
    page_size: int = 1024
    distributed_joins: bool = False
    local: bool = False
    replicated_only: bool = False
    enforce_join_order: bool = False
    collocated: bool = False
    lazy: bool = True
    timeout: int | None = None
    partitions: Sequence[int] | None = None
    update_batch_size: int = 1
    transaction_id: int | None = None

    def encode(self, writer: Writer, context: Context) -> None:
        """Write the request."""
        writer.i32(self.cache_id)
        if self.transaction_id is None:
            writer.u8(0)
        else:
            writer.u8(_TRANSACTIONAL)
            writer.i32(self.transaction_id)
        writer.string(self.schema)
        writer.raw(_PAGE_SIZE_AND_LIMIT.pack(self.page_size, -1))
        writer.string(self.sql)
        if isinstance(self.arguments, EncodedArguments):
            writer.i32(self.arguments.count)
            writer.raw(self.arguments.data)
        else:
            writer.i32(len(self.arguments))
            writer.values(self.arguments, self.argument_codes)
        timeout = self.timeout
        if timeout is None:
            # Servers that tell "none" from "default" take -1 for the default; older ones take 0 for it.
            timeout = -1 if context.has(_DEFAULT_TIMEOUT) else 0
        writer.raw(
            _OPTIONS.pack(
                self.statement_type,
                self.distributed_joins,
                self.local,
                self.replicated_only,
                self.enforce_join_order,
                self.collocated,
                self.lazy,
                timeout,
                True,  # with column names
            )
        )
        if context.has(_BATCH_SIZE):
            if self.partitions is None:
                writer.i32(-1)
            else:
                writer.i32(len(self.partitions))
                for partition in self.partitions:
                    writer.i32(partition)
            writer.i32(self.update_batch_size)

    def decode(self, reader: Reader, context: Context) -> SqlFieldsAnswer:
        """Read cursor id, column names and the first page."""
        cursor_id = reader.i64()
        columns = reader.strings()
        return SqlFieldsAnswer(cursor_id, columns, Page.read(reader, len(columns)))


@attrs.define(eq=False, repr=False)
class SqlFieldsPage(Message[Page]):
    """Get the next page of a query with *column_count* columns."""

    op_code = 2005

    cursor_id: int
    column_count: int

    def encode(self, writer: Writer, context: Context) -> None:
        """Write the request."""
        writer.i64(self.cursor_id)

    def decode(self, reader: Reader, context: Context) -> Page:
        """Read the page."""
        return Page.read(reader, self.column_count)


@attrs.frozen(eq=False, repr=False)
class ResourceClose(Message[None]):
    """Close a cursor, or whatever else the server holds for this connection under *resource_id*."""

    op_code = 0

    resource_id: int

    def encode(self, writer: Writer, context: Context) -> None:
        """Write the request."""
        writer.i64(self.resource_id)
