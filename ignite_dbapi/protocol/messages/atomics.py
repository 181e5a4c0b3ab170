"""Atomic longs: numbers that the whole cluster counts up together."""

from __future__ import annotations

import attrs

from ignite_dbapi.protocol.codec import Reader, Writer
from ignite_dbapi.protocol.context import Context
from ignite_dbapi.protocol.messages.base import Message


@attrs.frozen
class AtomicLongCreate(Message[None]):
    """Create the atomic long *name* with *initial_value*, unless there is one of that name."""

    op_code = 9000

    name: str
    initial_value: int = 0

    def encode(self, writer: Writer, context: Context) -> None:
        """Write the request."""
        writer.string(self.name)
        writer.i64(self.initial_value)
        writer.boolean(False)  # the cluster's own configuration of atomics


@attrs.frozen
class _OfAtomicLong:
    name: str
    group: str | None = None

    def encode(self, writer: Writer, context: Context) -> None:
        """Write the request."""
        writer.string(self.name)
        writer.string(self.group)


@attrs.frozen
class AtomicLongRemove(_OfAtomicLong, Message[None]):
    """Remove the atomic long."""

    op_code = 9001


@attrs.frozen
class AtomicLongExists(_OfAtomicLong, Message[bool]):
    """Ask whether there is such an atomic long."""

    op_code = 9002

    def decode(self, reader: Reader, context: Context) -> bool:
        """Read the answer."""
        return reader.boolean()


@attrs.frozen
class AtomicLongGet(_OfAtomicLong, Message[int]):
    """Get the value."""

    op_code = 9003

    def decode(self, reader: Reader, context: Context) -> int:
        """Read the value."""
        return reader.i64()


@attrs.frozen
class AtomicLongAddAndGet(Message[int]):
    """Add *delta*; the answer is the new value."""

    op_code = 9004

    name: str
    delta: int
    group: str | None = None

    def encode(self, writer: Writer, context: Context) -> None:
        """Write the request."""
        writer.string(self.name)
        writer.string(self.group)
        writer.i64(self.delta)

    def decode(self, reader: Reader, context: Context) -> int:
        """Read the new value."""
        return reader.i64()
