"""Which node is the primary one of a key."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

import attrs

from ignite_dbapi.protocol.codec import Knowledge, Reader, Writer
from ignite_dbapi.protocol.codec.hashing import java_hash, partition_of
from ignite_dbapi.protocol.codec.names import name_id
from ignite_dbapi.protocol.codec.values import BinaryObject, Wrapped
from ignite_dbapi.protocol.messages.affinity import Affinity, AffinityGroup

# Seconds before a server is asked again for a cache that it did not know.
_PAUSE: Final = 0.1
# Plain values whose hash follows from themselves.
_HASHED_AS_THEY_ARE: Final = frozenset({int, str, float, bool, Decimal, UUID, bytes})


@attrs.frozen
class Placement:
    """Where the entries of one cache are: the primary node of each partition.

    *key_fields* has the fields that decide in place of the whole key: field id by type id of the key.
    """

    nodes: Sequence[UUID | None]
    key_fields: Mapping[int, int] = attrs.field(factory=dict)
    hashes_keys: bool = True

    @classmethod
    def of(cls, group: AffinityGroup, cache_id: int) -> Placement:
        """The placement of the cache, by what the server answered."""
        return cls(group.primary_nodes(), group.key_fields.get(cache_id, {}), group.is_default_mapping)

    def partition_of(self, key: Any, knowledge: Knowledge) -> int | None:
        """The partition of *key*; None if the server alone can tell. MissingFact if its bytes cannot be known yet."""
        if not self.hashes_keys or not self.nodes:
            return None
        return partition_of(hash_of_key(key, self.key_fields, knowledge), len(self.nodes))

    def node_of(self, partition: int) -> UUID | None:
        """The node that is the primary one of *partition*; None if it is not known."""
        return self.nodes[partition] if 0 <= partition < len(self.nodes) else None


class Placements:
    """The placements of the caches that were asked for, as of one topology version."""

    def __init__(self) -> None:
        self.topology_version = (0, 0)
        self._placements: dict[int, Placement | None] = {}
        # Caches that the server knew nothing, or nothing new, of, and when to ask again.
        self._unknown: dict[int, float] = {}

    def __contains__(self, cache_id: int) -> bool:
        if time.monotonic() >= self._unknown.get(cache_id, math.inf):
            self._unknown.pop(cache_id, None)
            self._placements.pop(cache_id, None)
        return cache_id in self._placements

    def __getitem__(self, cache_id: int) -> Placement | None:
        # Another thread may have learned meanwhile that it is outdated.
        return self._placements.get(cache_id)

    def add(self, affinity: Affinity, cache_id: int) -> None:
        """Remember what the server answered when it was asked for the cache."""
        if affinity.topology_version > self.topology_version:
            self._forget()
            self.topology_version = affinity.topology_version
        # A cache without a placement is remembered as well, or it would be asked for with every operation.
        self._placements[cache_id] = None
        for group in affinity.groups:
            for known in group.cache_ids:
                self._placements[known] = Placement.of(group, known) if group.is_applicable else None
        # Perhaps the cache was created a moment ago, or nodes have come or gone, which this node does not know yet.
        is_old = affinity.topology_version < self.topology_version
        passing = (known for group in affinity.groups for known in group.cache_ids) if is_old else ()
        if is_old or affinity.group_of(cache_id) is None:
            self._unknown.update(dict.fromkeys((cache_id, *passing), time.monotonic() + _PAUSE))

    def _forget(self) -> None:
        self._placements.clear()
        self._unknown.clear()

    def outdated(self, topology_version: tuple[int, int]) -> bool:
        """Whether the cluster has changed since; then what was known is forgotten."""
        if topology_version <= self.topology_version:
            return False
        self._forget()
        self.topology_version = topology_version
        return True


def hash_of_key(key: Any, key_fields: Mapping[int, int], knowledge: Knowledge) -> int:
    """The Java hash code that decides on the partition of *key*."""
    if type(key) in _HASHED_AS_THEY_ARE:
        return java_hash(key)
    writer = Writer(knowledge)
    writer.value(key)
    # As it travels: a date needs the server's zone, an object the hash in its header.
    value = Reader(bytes(writer.buffer), knowledge, lossless=True).value()
    if isinstance(value, Wrapped):
        value = value.value
    if isinstance(value, BinaryObject) and value.type_id is not None and value.type_id in key_fields:
        field = _field(value, key_fields[value.type_id])
        if field is not None:
            value = field
    return java_hash(value)


def _field(value: BinaryObject, field_id: int) -> Any:
    for name, item in value.fields.items():
        if name == f"#{field_id}" or name_id(name) == field_id:
            return item
    return None
