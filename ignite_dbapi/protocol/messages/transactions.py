"""Starting and ending transactions."""

from __future__ import annotations

from enum import IntEnum

import attrs

from ignite_dbapi.protocol.codec import Reader, Writer
from ignite_dbapi.protocol.context import Context
from ignite_dbapi.protocol.messages.base import Message


class Concurrency(IntEnum):
    """When a transaction locks what it changes."""

    OPTIMISTIC = 0
    PESSIMISTIC = 1


class Isolation(IntEnum):
    """What a transaction sees of others. SQL joins READ_COMMITTED transactions only."""

    READ_COMMITTED = 0
    REPEATABLE_READ = 1
    SERIALIZABLE = 2


@attrs.frozen(eq=False, repr=False)
class TransactionStart(Message[int]):
    """Start a transaction; the answer is its id, which means something on this connection alone.

    *timeout* is in milliseconds. 0 would let the transaction, and everyone who waits for its locks, wait forever.
    """

    op_code = 4000

    concurrency: Concurrency
    isolation: Isolation
    timeout: int
    label: str | None = None

    def encode(self, writer: Writer, context: Context) -> None:
        """Write the request."""
        writer.u8(self.concurrency)
        writer.u8(self.isolation)
        writer.i64(self.timeout)
        writer.string(self.label)

    def decode(self, reader: Reader, context: Context) -> int:
        """Read the id."""
        return reader.i32()


@attrs.frozen(eq=False, repr=False)
class TransactionEnd(Message[None]):
    """Commit the transaction *transaction_id*, or roll it back."""

    op_code = 4001

    transaction_id: int
    commit: bool

    def encode(self, writer: Writer, context: Context) -> None:
        """Write the request."""
        writer.i32(self.transaction_id)
        writer.boolean(self.commit)
