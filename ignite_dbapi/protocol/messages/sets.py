"""Sets: collections without duplicates that the cluster keeps under a name."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import attrs

from ignite_dbapi.protocol.codec import Reader, Writer
from ignite_dbapi.protocol.context import Context
from ignite_dbapi.protocol.messages.base import AnswerT, Message
from ignite_dbapi.protocol.messages.cache_configuration import CacheAtomicityMode, CacheMode
from ignite_dbapi.protocol.messages.pages import Page
from ignite_dbapi.protocol.messages.resources import OpenedResource


@attrs.frozen
class SetConfiguration:
    """How a new set is kept.

    With *collocated* all of it lies on one node, otherwise it is spread over all of them. *group* is the cache group of
    its items; None is the server's own for such things, which refuses a number of *backups* other than it has already.
    """

    atomicity_mode: CacheAtomicityMode = CacheAtomicityMode.ATOMIC
    cache_mode: CacheMode = CacheMode.PARTITIONED
    backups: int = 0
    group: str | None = None
    collocated: bool = False


@attrs.frozen
class SetReference:
    """A set as the server finds it: its *name*, and the cache that keeps its items."""

    name: str
    cache_id: int
    collocated: bool

    def encode(self, writer: Writer) -> None:
        """Write which set is meant."""
        writer.string(self.name)
        writer.i32(self.cache_id)
        writer.boolean(self.collocated)


@attrs.frozen(eq=False, repr=False)
class SetGetOrCreate(Message[SetReference | None]):
    """Find the set *name*; create it by *configuration*, if there is one, unless it exists. None if there is no set."""

    op_code = 9010

    name: str
    configuration: SetConfiguration | None = None

    def encode(self, writer: Writer, context: Context) -> None:
        """Write the request."""
        writer.string(self.name)
        writer.boolean(self.configuration is not None)
        if self.configuration is not None:
            writer.u8(self.configuration.atomicity_mode)
            writer.u8(self.configuration.cache_mode)
            writer.i32(self.configuration.backups)
            writer.string(self.configuration.group)
            writer.boolean(self.configuration.collocated)

    def decode(self, reader: Reader, context: Context) -> SetReference | None:
        """Read where the set is kept."""
        if not reader.boolean():
            return None
        collocated = reader.boolean()
        return SetReference(self.name, reader.i32(), collocated)


@attrs.frozen(eq=False, repr=False)
class _SetRequest(Message[AnswerT]):
    reference: SetReference

    def encode(self, writer: Writer, context: Context) -> None:
        """Write the request."""
        self.reference.encode(writer)


@attrs.frozen(eq=False, repr=False)
class SetRemoveWhole(_SetRequest[None]):
    """Remove the set itself, with all its items."""

    op_code = 9011


@attrs.frozen(eq=False, repr=False)
class SetExists(_SetRequest[bool]):
    """Ask whether the set still exists."""

    op_code = 9012

    def decode(self, reader: Reader, context: Context) -> bool:
        """Read the answer."""
        return reader.boolean()


@attrs.frozen(eq=False, repr=False)
class SetSize(_SetRequest[int]):
    """Ask for the number of items."""

    op_code = 9020

    def decode(self, reader: Reader, context: Context) -> int:
        """Read the number."""
        return reader.i32()


@attrs.frozen(eq=False, repr=False)
class SetClear(_SetRequest[None]):
    """Remove all items."""

    op_code = 9021


@attrs.frozen(eq=False, repr=False)
class _ItemRequest(_SetRequest[bool]):
    item: Any
    keep_binary: bool = True

    def encode(self, writer: Writer, context: Context) -> None:
        """Write the request."""
        self.reference.encode(writer)
        writer.boolean(self.keep_binary)
        writer.value(self.item)

    def decode(self, reader: Reader, context: Context) -> bool:
        """Read whether the set was changed, or contains the item."""
        return reader.boolean()


@attrs.frozen(eq=False, repr=False)
class SetAdd(_ItemRequest):
    """Add an item; answers whether it was not there yet."""

    op_code = 9013


@attrs.frozen(eq=False, repr=False)
class SetRemove(_ItemRequest):
    """Remove an item; answers whether it was there."""

    op_code = 9015


@attrs.frozen(eq=False, repr=False)
class SetContains(_ItemRequest):
    """Ask whether an item is there."""

    op_code = 9017


@attrs.frozen(eq=False, repr=False)
class _ItemsRequest(_SetRequest[bool]):
    items: Sequence[Any]
    keep_binary: bool = True

    def encode(self, writer: Writer, context: Context) -> None:
        """Write the request."""
        self.reference.encode(writer)
        writer.boolean(self.keep_binary)
        writer.i32(len(self.items))
        writer.values(self.items)

    def decode(self, reader: Reader, context: Context) -> bool:
        """Read whether the set was changed, or contains all items."""
        return reader.boolean()


@attrs.frozen(eq=False, repr=False)
class SetAddAll(_ItemsRequest):
    """Add items; answers whether any of them was not there yet."""

    op_code = 9014


@attrs.frozen(eq=False, repr=False)
class SetRemoveAll(_ItemsRequest):
    """Remove items; answers whether any of them was there."""

    op_code = 9016


@attrs.frozen(eq=False, repr=False)
class SetContainsAll(_ItemsRequest):
    """Ask whether all items are there."""

    op_code = 9018


@attrs.frozen(eq=False, repr=False)
class SetRetainAll(_ItemsRequest):
    """Remove all but these items; answers whether any other was there."""

    op_code = 9019


@attrs.frozen(eq=False, repr=False)
class SetIteratorStart(Message[OpenedResource]):
    """Get the first items; answers the number of the iterator for the others, 0 if there are none."""

    op_code = 9022

    reference: SetReference
    page_size: int = 1024
    lossless: bool = False

    def encode(self, writer: Writer, context: Context) -> None:
        """Write the request."""
        self.reference.encode(writer)
        writer.i32(self.page_size)

    def decode(self, reader: Reader, context: Context) -> OpenedResource:
        """Read the items, decoded only when they are taken."""
        row_count = reader.count()
        start = reader.position
        # Unlike in other pages, something follows the flag that ends the items, so they must be gone through.
        reader.skip(row_count)
        end = reader.position
        has_more = reader.boolean()
        page = Page(reader.data, start, end, row_count, 1, has_more, self.lossless)
        return OpenedResource(reader.i64() if has_more else 0, page)


@attrs.frozen(eq=False, repr=False)
class SetIteratorPage(Message[Page]):
    """Get the next items."""

    op_code = 9023

    iterator_id: int
    page_size: int = 1024
    lossless: bool = False

    def encode(self, writer: Writer, context: Context) -> None:
        """Write the request."""
        writer.i64(self.iterator_id)
        writer.i32(self.page_size)

    def decode(self, reader: Reader, context: Context) -> Page:
        """Read the page."""
        return Page.read(reader, 1, lossless=self.lossless)
