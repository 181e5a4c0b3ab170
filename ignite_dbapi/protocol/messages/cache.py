"""Reading and changing the entries of a cache, and creating, listing and destroying caches."""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum
from itertools import islice
from struct import Struct
from typing import Any, Final

import attrs

from ignite_dbapi.errors import NotSupportedError, ProgrammingError
from ignite_dbapi.protocol.codec import Knowledge, Reader, Writer
from ignite_dbapi.protocol.codec.names import string_hash
from ignite_dbapi.protocol.codec.values import OptimizedBlob
from ignite_dbapi.protocol.codec.writer import no_null
from ignite_dbapi.protocol.context import Context
from ignite_dbapi.protocol.messages.base import AnswerT, Message
from ignite_dbapi.protocol.messages.cache_configuration import (
    VERSION_WITH_EXPIRY_POLICY,
    CacheConfiguration,
    ExpiryPolicy,
)
from ignite_dbapi.protocol.messages.pages import Page

_KEEP_BINARY: Final = 0x01
_TRANSACTIONAL: Final = 0x02
_WITH_EXPIRY_POLICY: Final = 0x04
_PLAIN_HEADER: Final = Struct("<iB")

# The platform of a filter or processor: Java.
_JAVA: Final = 1

# GridCacheVersion as Java's "optimized" marshaller writes it: kind EXTERNALIZABLE, hash of the class name, the lower
# half of its serial version id, which is 0.
_VERSION_PREFIX: Final = (
    b"\x65"
    + string_hash("org.apache.ignite.internal.processors.cache.version.GridCacheVersion").to_bytes(
        4, "little", signed=True
    )
    + b"\0\0"
)
_VERSION: Final = Struct("<iqI")
_DATA_CENTER_SHIFT: Final = 27
_VERSION_BITS: Final = (31, 63, _DATA_CENTER_SHIFT, 5)


class PeekMode(IntEnum):
    """Which copies of entries are counted."""

    ALL = 0
    NEAR = 1
    PRIMARY = 2
    BACKUP = 3
    ONHEAP = 4
    OFFHEAP = 5


@attrs.frozen
class CacheHeader:
    """What every request for the data of a cache starts with.

    *expiry* applies to this request only. *keep_binary* matters to Java code that the request has the server run:
    whether it is given objects in their binary form, or as instances of their classes.
    """

    cache_id: int
    expiry: ExpiryPolicy | None = None
    transaction_id: int | None = None
    keep_binary: bool = False
    # The whole of it, where it is the same for every server.
    encoded: bytes | None = attrs.field(init=False, repr=False, eq=False)

    def __attrs_post_init__(self) -> None:
        plain = self.expiry is None and self.transaction_id is None
        flags = _KEEP_BINARY if self.keep_binary else 0
        object.__setattr__(self, "encoded", _PLAIN_HEADER.pack(self.cache_id, flags) if plain else None)

    def encode(self, writer: Writer, context: Context) -> None:
        """Write the header."""
        if self.encoded is not None:
            writer.raw(self.encoded)
            return
        writer.i32(self.cache_id)
        flags = _KEEP_BINARY if self.keep_binary else 0
        if self.transaction_id is not None:
            flags |= _TRANSACTIONAL
        if self.expiry is not None:
            if context.version < VERSION_WITH_EXPIRY_POLICY:
                raise NotSupportedError(
                    "the server does not know expiry policies, which came with protocol version 1.6.0",
                    code="no_expiry_policy",
                )
            flags |= _WITH_EXPIRY_POLICY
        writer.u8(flags)
        if self.expiry is not None:
            self.expiry.encode(writer)
        if self.transaction_id is not None:
            writer.i32(self.transaction_id)


# Made for every operation on an entry, and made faster than frozen classes are.
@attrs.define(eq=False, repr=False)
class CacheRequest(Message[AnswerT]):
    """A request for one entry, or for the cache as a whole: its *values* are the key and what goes with it."""

    header: CacheHeader
    values: Sequence[Any] = ()

    def encode(self, writer: Writer, context: Context) -> None:
        """Write the request."""
        header = self.header
        if header.encoded is not None:
            writer.raw(header.encoded)
        else:
            header.encode(writer, context)
        for value in self.values:
            if value is None:
                raise no_null()
            writer.value(value)


@attrs.define(eq=False, repr=False)
class _BooleanRequest(CacheRequest[bool]):
    def decode(self, reader: Reader, context: Context) -> bool:
        """Read whether it was so, or was done."""
        return reader.boolean()


def _decode_value(self: _ValueRequest | Invoke, reader: Reader, context: Context) -> Any:
    """Read the one value of the answer, None if there is none."""
    if self.lossless:
        reader = Reader(reader.data, context.knowledge, reader.position, reader.end, lossless=True)
    return reader.only_value()


@attrs.define(eq=False, repr=False)
class _ValueRequest(CacheRequest[Any]):
    lossless: bool = False

    decode = _decode_value


@attrs.define(eq=False, repr=False)
class Get(_ValueRequest):
    """The value of a key."""

    op_code = 1000


@attrs.define(eq=False, repr=False)
class Put(CacheRequest[None]):
    """Set the value of a key: key, value."""

    op_code = 1001


@attrs.define(eq=False, repr=False)
class PutIfAbsent(_BooleanRequest):
    """Set the value of a key that has none: key, value."""

    op_code = 1002


@attrs.define(eq=False, repr=False)
class GetAndPut(_ValueRequest):
    """Set the value of a key, and answer the one before: key, value."""

    op_code = 1005


@attrs.define(eq=False, repr=False)
class GetAndReplace(_ValueRequest):
    """Set the value of a key that has one, and answer the one before: key, value."""

    op_code = 1006


@attrs.define(eq=False, repr=False)
class GetAndRemove(_ValueRequest):
    """Remove a key, and answer its value."""

    op_code = 1007


@attrs.define(eq=False, repr=False)
class GetAndPutIfAbsent(_ValueRequest):
    """Set the value of a key that has none, otherwise answer the one it has: key, value."""

    op_code = 1008


@attrs.define(eq=False, repr=False)
class Replace(_BooleanRequest):
    """Set the value of a key that has one: key, value."""

    op_code = 1009


@attrs.define(eq=False, repr=False)
class ReplaceIfEquals(_BooleanRequest):
    """Set the value of a key that has a given one: key, expected value, new value."""

    op_code = 1010


@attrs.define(eq=False, repr=False)
class ContainsKey(_BooleanRequest):
    """Whether a key has a value."""

    op_code = 1011


@attrs.define(eq=False, repr=False)
class Clear(CacheRequest[None]):
    """Drop all entries, without telling listeners and stores."""

    op_code = 1013


@attrs.define(eq=False, repr=False)
class ClearKey(CacheRequest[None]):
    """Drop the entry of a key, without telling listeners and stores."""

    op_code = 1014


@attrs.define(eq=False, repr=False)
class RemoveKey(_BooleanRequest):
    """Remove the entry of a key; answers whether there was one."""

    op_code = 1016


@attrs.define(eq=False, repr=False)
class RemoveIfEquals(_BooleanRequest):
    """Remove the entry of a key that has a given value: key, expected value."""

    op_code = 1017


@attrs.define(eq=False, repr=False)
class RemoveAll(CacheRequest[None]):
    """Remove every entry, one after the other."""

    op_code = 1019


@attrs.define(eq=False, repr=False)
class LocalPeek(_ValueRequest):
    """The value of a key, if the node itself holds it."""

    op_code = 1021


@attrs.frozen(eq=False, repr=False)
class GetSize(Message[int]):
    """The number of entries in the copies that *peek_modes* name; without any, in the primary copies."""

    op_code = 1020

    header: CacheHeader
    peek_modes: Sequence[PeekMode] = ()

    def encode(self, writer: Writer, context: Context) -> None:
        """Write the request."""
        self.header.encode(writer, context)
        writer.i32(len(self.peek_modes))
        for mode in self.peek_modes:
            writer.u8(mode)

    def decode(self, reader: Reader, context: Context) -> int:
        """Read the number."""
        return reader.i64()


# --- many entries at once -------------------------------------------------------------------------------------


@attrs.frozen
class Batch:
    """Keys, or entries, encoded already: *count* of them in *data*."""

    count: int
    data: bytes | bytearray

    @classmethod
    def of_keys(
        cls, keys: Sequence[Any], start: int, knowledge: Knowledge, *, size_limit: int, count_limit: int
    ) -> Batch:
        """*keys* from *start* on: *count_limit* at most, and no more once they take *size_limit* bytes."""
        writer = Writer(knowledge)
        return cls(writer.keys(islice(keys, start, start + count_limit), size_limit), writer.buffer)

    @classmethod
    def of_entries(
        cls, entries: Sequence[tuple[Any, Any]], start: int, knowledge: Knowledge, *, size_limit: int
    ) -> Batch:
        """*entries* (key, value) from *start* on, no more once they take *size_limit* bytes."""
        writer = Writer(knowledge)
        return cls(writer.entries(islice(entries, start, None), size_limit), writer.buffer)

    def encode(self, writer: Writer) -> None:
        """Write the number and the bytes."""
        writer.i32(self.count)
        writer.raw(self.data)


@attrs.frozen(eq=False, repr=False)
class BatchRequest(Message[AnswerT]):
    """A request for many keys, or with many entries."""

    header: CacheHeader
    batch: Batch

    def encode(self, writer: Writer, context: Context) -> None:
        """Write the request."""
        self.header.encode(writer, context)
        self.batch.encode(writer)


@attrs.frozen(eq=False, repr=False)
class GetAll(BatchRequest[Page]):
    """The entries of those keys that have a value."""

    op_code = 1003

    lossless: bool = False

    def decode(self, reader: Reader, context: Context) -> Page:
        """Read the entries, decoded only when they are taken."""
        return Page.read_entries(reader, lossless=self.lossless)


@attrs.frozen(eq=False, repr=False)
class PutAll(BatchRequest[None]):
    """Set the values of keys."""

    op_code = 1004


@attrs.frozen(eq=False, repr=False)
class ContainsKeys(BatchRequest[bool]):
    """Whether all keys have a value."""

    op_code = 1012

    def decode(self, reader: Reader, context: Context) -> bool:
        """Read whether it is so."""
        return reader.boolean()


@attrs.frozen(eq=False, repr=False)
class ClearKeys(BatchRequest[None]):
    """Drop the entries of keys, without telling listeners and stores."""

    op_code = 1015


@attrs.frozen(eq=False, repr=False)
class RemoveKeys(BatchRequest[None]):
    """Remove the entries of keys."""

    op_code = 1018


# --- what another cluster has done ----------------------------------------------------------------------------


@attrs.frozen
class EntryVersion:
    """The version of an entry in the cluster that it comes from; later ones win over earlier ones.

    They are compared by *topology_version* first, then by *order*, then by *node_order*. *data_center* (0 to 31) names
    the cluster.
    """

    topology_version: int
    order: int
    node_order: int = 1
    data_center: int = 0

    def __attrs_post_init__(self) -> None:
        values = attrs.astuple(self)
        if not all(0 <= value < 1 << bits for value, bits in zip(values, _VERSION_BITS, strict=True)):
            raise ProgrammingError(
                f"version of an entry {values}: topology version, order, node order and data center are from 0 on, "
                f"with {', '.join(map(str, _VERSION_BITS))} bits at most",
                code="entry_version",
            )

    def blob(self) -> OptimizedBlob:
        """The version in Java's serialization, the only form that servers read."""
        node_order = self.node_order | self.data_center << _DATA_CENTER_SHIFT
        return OptimizedBlob(_VERSION_PREFIX + _VERSION.pack(self.topology_version, self.order, node_order))


@attrs.frozen
class ConflictEntry:
    """An entry as another cluster has it.

    *expire_time* is in milliseconds since 1970-01-01T00:00Z: 0 is never, -1 what the cache's expiry policy says.
    """

    key: Any
    value: Any
    version: EntryVersion
    expire_time: int = 0


@attrs.frozen(eq=False, repr=False)
class PutAllConflict(Message[None]):
    """Set the values of keys as another cluster has them.

    Whether later versions that are here already win is up to the server's conflict resolver, if it has one.
    """

    op_code = 1022

    header: CacheHeader
    entries: Sequence[ConflictEntry]

    def encode(self, writer: Writer, context: Context) -> None:
        """Write the request."""
        self.header.encode(writer, context)
        writer.i32(len(self.entries))
        for entry in self.entries:
            writer.value(entry.key)
            writer.value(entry.value)
            writer.value(entry.version.blob())
            writer.i64(entry.expire_time)


@attrs.frozen(eq=False, repr=False)
class RemoveAllConflict(Message[None]):
    """Remove keys that another cluster has removed: pairs of key and version."""

    op_code = 1023

    header: CacheHeader
    keys: Sequence[tuple[Any, EntryVersion]]

    def encode(self, writer: Writer, context: Context) -> None:
        """Write the request."""
        self.header.encode(writer, context)
        writer.i32(len(self.keys))
        for key, version in self.keys:
            writer.value(key)
            writer.value(version.blob())


# --- code that runs where the entry is --------------------------------------------------------------------------


@attrs.frozen(eq=False, repr=False)
class Invoke(Message[Any]):
    """Have the server run *processor*, an object of a Java class that it has, on the entry of *key*."""

    op_code = 1024

    header: CacheHeader
    key: Any
    processor: Any
    arguments: Sequence[Any] = ()
    lossless: bool = False

    def encode(self, writer: Writer, context: Context) -> None:
        """Write the request."""
        self.header.encode(writer, context)
        writer.value(self.key)
        _encode_processor(writer, self.processor, self.arguments)

    decode = _decode_value


@attrs.frozen
class InvokeOutcome:
    """What a processor returned for *key*, or the text of the *error* that it failed with."""

    key: Any
    value: Any = None
    error: str | None = None


@attrs.frozen(eq=False, repr=False)
class InvokeAll(Message[list[InvokeOutcome]]):
    """Have the server run *processor* on the entry of each of *keys*."""

    op_code = 1025

    header: CacheHeader
    keys: Sequence[Any]
    processor: Any
    arguments: Sequence[Any] = ()
    lossless: bool = False

    def encode(self, writer: Writer, context: Context) -> None:
        """Write the request."""
        self.header.encode(writer, context)
        writer.i32(len(self.keys))
        writer.values(self.keys)
        _encode_processor(writer, self.processor, self.arguments)

    def decode(self, reader: Reader, context: Context) -> list[InvokeOutcome]:
        """Read what was returned for each key, or what failed."""
        reader = Reader(reader.data, context.knowledge, reader.position, reader.end, lossless=self.lossless)
        outcomes = []
        for _ in range(reader.count(3)):
            key = reader.value()
            if reader.boolean():
                outcomes.append(InvokeOutcome(key, reader.value()))
            else:
                outcomes.append(InvokeOutcome(key, error=reader.string() or "the server gave no reason"))
        return outcomes


def _encode_processor(writer: Writer, processor: Any, arguments: Sequence[Any]) -> None:
    writer.value(processor)
    writer.u8(_JAVA)
    writer.i32(len(arguments))
    writer.values(arguments)


# --- caches themselves ------------------------------------------------------------------------------------------


@attrs.frozen(eq=False, repr=False)
class CacheNames(Message[list[str]]):
    """The names of all caches."""

    op_code = 1050

    def decode(self, reader: Reader, context: Context) -> list[str]:
        """Read the names."""
        return [reader.string() or "" for _ in range(reader.count())]


@attrs.frozen(eq=False, repr=False)
class _NameRequest(Message[None]):
    name: str

    def encode(self, writer: Writer, context: Context) -> None:
        """Write the request."""
        writer.string(self.name)


@attrs.frozen(eq=False, repr=False)
class CreateWithName(_NameRequest):
    """Create a cache with the server's defaults, or with the template that the name matches; it must not exist."""

    op_code = 1051


@attrs.frozen(eq=False, repr=False)
class GetOrCreateWithName(_NameRequest):
    """Create a cache with the server's defaults, or with the template that the name matches, unless it exists."""

    op_code = 1052


@attrs.frozen(eq=False, repr=False)
class _ConfigurationRequest(Message[None]):
    configuration: CacheConfiguration

    def encode(self, writer: Writer, context: Context) -> None:
        """Write the request."""
        self.configuration.encode(writer, context)


@attrs.frozen(eq=False, repr=False)
class CreateWithConfiguration(_ConfigurationRequest):
    """Create a cache, which must not exist."""

    op_code = 1053


@attrs.frozen(eq=False, repr=False)
class GetOrCreateWithConfiguration(_ConfigurationRequest):
    """Create a cache; if it exists, whatever its configuration, nothing happens."""

    op_code = 1054


@attrs.frozen(eq=False, repr=False)
class GetConfiguration(Message[CacheConfiguration]):
    """The configuration of a cache."""

    op_code = 1055

    cache_id: int

    def encode(self, writer: Writer, context: Context) -> None:
        """Write the request."""
        # Servers read no transaction id here, even if the flags announced one.
        CacheHeader(self.cache_id).encode(writer, context)

    def decode(self, reader: Reader, context: Context) -> CacheConfiguration:
        """Read every property."""
        return CacheConfiguration.decode(reader, context)


@attrs.frozen(eq=False, repr=False)
class Destroy(Message[None]):
    """Remove a cache with all that it holds."""

    op_code = 1056

    cache_id: int

    def encode(self, writer: Writer, context: Context) -> None:
        """Write the request."""
        writer.i32(self.cache_id)
