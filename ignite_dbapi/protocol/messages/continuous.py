"""Continuous queries: what happens to the entries of a cache, told by the server as it happens."""

from __future__ import annotations

from enum import IntEnum
from typing import Any, Final

import attrs

from ignite_dbapi.errors import NotSupportedError, ProtocolError
from ignite_dbapi.protocol.codec import Reader, Writer
from ignite_dbapi.protocol.context import VERSION_WITH_FLAGS, Context
from ignite_dbapi.protocol.messages.base import Message
from ignite_dbapi.protocol.messages.cache import CacheHeader
from ignite_dbapi.protocol.messages.resources import OpenedResource

_JAVA: Final = 1

# Three values, each at least a type code, and the kind.
_EVENT_SIZE: Final = 4


class CacheEventType(IntEnum):
    """What has happened to an entry."""

    CREATED = 0
    UPDATED = 1
    REMOVED = 2
    EXPIRED = 3


@attrs.frozen
class CacheEvent:
    """Something that has happened to the entry of *key*.

    *value* is the one that the entry has now, None if it was removed or has expired; *old_value* the one it had
    before, None if it was created.
    """

    type: CacheEventType
    key: Any
    value: Any
    old_value: Any


@attrs.frozen(eq=False, repr=False)
class ContinuousQueryStart(Message[OpenedResource]):
    """Have the server tell what happens to entries from now on.

    Each node sends as soon as it has *page_size* events, or after *time_interval* milliseconds with fewer (0: never
    with fewer). *filter* is an object of a Java class that the servers have, which makes the filters that say of each
    event whether it is wanted.
    """

    op_code = 2006
    opens_subscription = True

    header: CacheHeader
    page_size: int = 1
    time_interval: int = 0
    include_expired: bool = False
    filter: Any = None

    def encode(self, writer: Writer, context: Context) -> None:
        """Write the request."""
        if context.version < VERSION_WITH_FLAGS:
            raise NotSupportedError(
                "the server does not offer continuous queries, which came with protocol version 1.4.0",
                code="no_feature",
            )
        # Servers read no transaction id here, even if the flags announced one.
        CacheHeader(self.header.cache_id, None, None, self.header.keep_binary).encode(writer, context)
        writer.i32(self.page_size)
        writer.i64(self.time_interval)
        writer.boolean(self.include_expired)
        writer.value(self.filter)
        if self.filter is not None:
            writer.u8(_JAVA)

    def decode(self, reader: Reader, context: Context) -> OpenedResource:
        """Read the number that the notifications will have."""
        return OpenedResource.read(reader)


def read_events(reader: Reader, context: Context, *, lossless: bool = False) -> list[CacheEvent]:
    """The events of one notification."""
    reader = Reader(reader.data, context.knowledge, reader.position, reader.end, lossless=lossless)
    events = []
    for _ in range(reader.count(_EVENT_SIZE)):
        key, old_value, value = reader.value(), reader.value(), reader.value()
        number = reader.u8()
        try:
            events.append(CacheEvent(CacheEventType(number), key, value, old_value))
        except ValueError:
            raise ProtocolError(f"event of type {number}, which does not exist") from None
    return events
