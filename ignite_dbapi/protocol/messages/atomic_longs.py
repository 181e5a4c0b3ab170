"""Whole numbers of 64 bits that the cluster keeps under a name, and changes atomically.

An atomic long is addressed by its name and the cache group that it was created in; None is the group of the
server's own configuration. Overflow wraps around, as in Java.
"""

from __future__ import annotations

from enum import IntEnum

import attrs

from ignite_dbapi.protocol.codec import Reader, Writer
from ignite_dbapi.protocol.context import Context
from ignite_dbapi.protocol.messages.base import Message


class AtomicMode(IntEnum):
    """Where copies of an atomic long are kept."""

    PARTITIONED = 1
    REPLICATED = 2


@attrs.frozen
class AtomicConfiguration:
    """How a new atomic long is kept.

    *reserve_size* concerns the server's atomic sequences alone, but is part of the layout.
    """

    mode: AtomicMode = AtomicMode.PARTITIONED
    backups: int = 1
    group: str | None = None
    reserve_size: int = 1000


@attrs.frozen(eq=False, repr=False)
class AtomicLongCreate(Message[None]):
    """Create the atomic long *name* with the value *initial*; one that exists already stays as it is."""

    op_code = 9000

    name: str
    initial: int = 0
    configuration: AtomicConfiguration | None = None

    def encode(self, writer: Writer, context: Context) -> None:
        """Write the request."""
        writer.string(self.name)
        writer.i64(self.initial)
        writer.boolean(self.configuration is not None)
        if self.configuration is not None:
            writer.i32(self.configuration.reserve_size)
            writer.u8(self.configuration.mode)
            writer.i32(self.configuration.backups)
            writer.string(self.configuration.group)


@attrs.frozen(eq=False, repr=False)
class _Named:
    name: str
    group: str | None = None

    def encode(self, writer: Writer, context: Context) -> None:
        """Write which atomic long is meant."""
        writer.string(self.name)
        writer.string(self.group)


@attrs.frozen(eq=False, repr=False)
class AtomicLongRemove(_Named, Message[None]):
    """Remove an atomic long; nothing happens if there is none."""

    op_code = 9001


@attrs.frozen(eq=False, repr=False)
class AtomicLongExists(_Named, Message[bool]):
    """Ask whether there is such an atomic long."""

    op_code = 9002

    def decode(self, reader: Reader, context: Context) -> bool:
        """Read the answer."""
        return reader.boolean()


@attrs.frozen(eq=False, repr=False)
class AtomicLongGet(_Named, Message[int]):
    """Ask for the value. Where there is none, the answer is the status 1011, as for all that follow."""

    op_code = 9003

    def decode(self, reader: Reader, context: Context) -> int:
        """Read the value."""
        return reader.i64()


@attrs.frozen(eq=False, repr=False)
class _WithOperand(_Named):
    operand: int = attrs.field(default=0, kw_only=True)

    def encode(self, writer: Writer, context: Context) -> None:
        """Write the request."""
        super().encode(writer, context)
        writer.i64(self.operand)

    def decode(self, reader: Reader, context: Context) -> int:
        """Read a value."""
        return reader.i64()


@attrs.frozen(eq=False, repr=False)
class AtomicLongAddAndGet(_WithOperand, Message[int]):
    """Add *operand*; the answer is the value after that."""

    op_code = 9004


@attrs.frozen(eq=False, repr=False)
class AtomicLongGetAndSet(_WithOperand, Message[int]):
    """Set the value to *operand*; the answer is the value before."""

    op_code = 9005


@attrs.frozen(eq=False, repr=False)
class _Compared(_Named):
    expected: int = attrs.field(default=0, kw_only=True)
    new: int = attrs.field(default=0, kw_only=True)

    def encode(self, writer: Writer, context: Context) -> None:
        """Write the request."""
        super().encode(writer, context)
        writer.i64(self.expected)
        writer.i64(self.new)


@attrs.frozen(eq=False, repr=False)
class AtomicLongCompareAndSet(_Compared, Message[bool]):
    """Set the value to *new* if it is *expected*; the answer is whether it was."""

    op_code = 9006

    def decode(self, reader: Reader, context: Context) -> bool:
        """Read the answer."""
        return reader.boolean()


@attrs.frozen(eq=False, repr=False)
class AtomicLongCompareAndSetAndGet(_Compared, Message[int]):
    """Set the value to *new* if it is *expected*; the answer is the value before."""

    op_code = 9007

    def decode(self, reader: Reader, context: Context) -> int:
        """Read the value."""
        return reader.i64()
