"""Data streamers: loading many entries into a cache, past the ways of single changes."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

import attrs

from ignite_dbapi.protocol.codec import Knowledge, Reader, Writer
from ignite_dbapi.protocol.context import Context
from ignite_dbapi.protocol.messages.base import Message
from ignite_dbapi.protocol.messages.cache import Batch
from ignite_dbapi.protocol.messages.resources import OpenedResource

_ALLOW_OVERWRITE: Final = 1
_SKIP_STORE: Final = 2
_KEEP_BINARY: Final = 4
_FLUSH: Final = 8
_CLOSE: Final = 16

_JAVA: Final = 1

_NOTHING: Final = Batch(0, b"")


def streamer_batch(entries: Iterable[tuple[Any, Any]], knowledge: Knowledge, *, size_limit: int) -> Batch:
    """The first of *entries* (key, value), no more once they take *size_limit* bytes. A value of None is a removal."""
    writer = Writer(knowledge)
    return Batch(writer.entries(entries, size_limit, with_removals=True), writer.buffer)


@attrs.frozen(eq=False, repr=False, kw_only=True)
class StreamerStart(Message[OpenedResource]):
    """Open a streamer into a cache, and give it its first entries: pairs of key and value.

    Without *allow_overwrite* keys that have a value keep it; with it a value of NULL removes the key. *skip_store*
    bypasses the cache's store. The server collects *per_node_buffer* entries per node before it passes them on, and
    *per_thread_buffer* before that (-1: its defaults). *receiver* is an object of a Java class that the servers have,
    which does the changing.
    """

    op_code = 8000

    cache_id: int
    allow_overwrite: bool = False
    skip_store: bool = False
    keep_binary: bool = False
    per_node_buffer: int = -1
    per_thread_buffer: int = -1
    receiver: Any = None
    batch: Batch = _NOTHING

    def encode(self, writer: Writer, context: Context) -> None:
        """Write the request."""
        writer.i32(self.cache_id)
        writer.u8(
            (_ALLOW_OVERWRITE if self.allow_overwrite else 0)
            | (_SKIP_STORE if self.skip_store else 0)
            | (_KEEP_BINARY if self.keep_binary else 0)
        )
        writer.i32(self.per_node_buffer)
        writer.i32(self.per_thread_buffer)
        writer.value(self.receiver)
        if self.receiver is not None:
            writer.u8(_JAVA)
        self.batch.encode(writer)

    def decode(self, reader: Reader, context: Context) -> OpenedResource:
        """Read the streamer's number."""
        return OpenedResource.read(reader)


@attrs.frozen(eq=False, repr=False)
class StreamerAdd(Message[None]):
    """Give an open streamer more entries.

    Only once it was *flush*\\ ed or *close*\\ d, and that was answered, all of them are in the cache.
    """

    op_code = 8001

    streamer_id: int
    batch: Batch = _NOTHING
    flush: bool = False
    close: bool = False

    def encode(self, writer: Writer, context: Context) -> None:
        """Write the request."""
        writer.i64(self.streamer_id)
        writer.u8((_FLUSH if self.flush else 0) | (_CLOSE if self.close else 0))
        self.batch.encode(writer)
