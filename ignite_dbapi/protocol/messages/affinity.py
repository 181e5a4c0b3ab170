"""Which node holds which partition of a cache."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final
from uuid import UUID

import attrs

from ignite_dbapi.errors import ProtocolError
from ignite_dbapi.protocol.codec import Reader, Writer
from ignite_dbapi.protocol.context import Context, Feature
from ignite_dbapi.protocol.messages.base import Message

# As many as a cache of Ignite can have. What a server names beyond is no partition.
_MAXIMUM_PARTITIONS: Final = 65_000


@attrs.frozen
class AffinityGroup:
    """Caches whose entries are spread over the nodes in the same way.

    *key_fields* are, for each cache id, the affinity fields of its types of keys: type id to field id. *partitions*
    are those that a node is the primary one of; there are none if the caches are not partitioned, or in a way of
    which the client was not told. With *is_default_mapping* False the partition of a key cannot be computed, because
    a class on the server decides on it.
    """

    key_fields: Mapping[int, Mapping[int, int]]
    partitions: Mapping[UUID, Sequence[int]]
    is_default_mapping: bool = True

    @property
    def cache_ids(self) -> list[int]:
        """The caches."""
        return list(self.key_fields)

    @property
    def is_applicable(self) -> bool:
        """Whether it is known which node holds which partition."""
        return bool(self.partitions)

    def primary_nodes(self) -> list[UUID | None]:
        """The primary node of each partition, by the partition's number."""
        highest = max((number for numbers in self.partitions.values() for number in numbers), default=-1)
        nodes: list[UUID | None] = [None] * (highest + 1)
        for node, numbers in self.partitions.items():
            for number in numbers:
                nodes[number] = node
        return nodes


@attrs.frozen
class Affinity:
    """Which node holds what, as of *topology_version* (major, minor)."""

    topology_version: tuple[int, int]
    groups: Sequence[AffinityGroup]

    def group_of(self, cache_id: int) -> AffinityGroup | None:
        """The group that the cache belongs to; None if the server knows no such cache."""
        return next((group for group in self.groups if cache_id in group.key_fields), None)


@attrs.frozen(eq=False, repr=False)
class CachePartitions(Message[Affinity]):
    """Ask for the partitions of caches. The answer leaves out caches that do not exist, and may add others.

    *with_custom_mappings* asks for caches with an affinity function of their own, too, where the server tells them.
    """

    op_code = 1101

    cache_ids: Sequence[int]
    with_custom_mappings: bool = False

    def encode(self, writer: Writer, context: Context) -> None:
        """Write the request."""
        if context.has(Feature.ALL_AFFINITY_MAPPINGS):
            writer.boolean(self.with_custom_mappings)
        writer.i32(len(self.cache_ids))
        for cache_id in self.cache_ids:
            writer.i32(cache_id)

    def decode(self, reader: Reader, context: Context) -> Affinity:
        """Read the groups."""
        version = (reader.i64(), reader.i32())
        has_mapping_flag = context.has(Feature.ALL_AFFINITY_MAPPINGS)
        return Affinity(version, [_read_group(reader, has_mapping_flag) for _ in range(reader.count(5))])


def _read_group(reader: Reader, has_mapping_flag: bool) -> AffinityGroup:
    if not reader.boolean():
        return AffinityGroup({reader.i32(): {} for _ in range(reader.count(4))}, {})
    key_fields = {}
    for _ in range(reader.count(8)):
        cache_id = reader.i32()
        key_fields[cache_id] = {reader.i32(): reader.i32() for _ in range(reader.count(8))}
    partitions: dict[UUID, list[int]] = {}
    for _ in range(reader.count(5)):
        node = reader.uuid()
        numbers = [reader.i32() for _ in range(reader.count(4))]
        if any(not 0 <= number < _MAXIMUM_PARTITIONS for number in numbers):
            raise ProtocolError(f"partition {min(numbers)} or {max(numbers)}; there are 0 to {_MAXIMUM_PARTITIONS - 1}")
        if node is not None:
            partitions[node] = numbers
    is_default_mapping = reader.boolean() if has_mapping_flag else True
    return AffinityGroup(key_fields, partitions, is_default_mapping)
