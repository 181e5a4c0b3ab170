"""Messages about the cluster itself."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from enum import IntEnum
from typing import Any, Final
from uuid import UUID

import attrs

from ignite_dbapi.errors import NotSupportedError, ProtocolError
from ignite_dbapi.protocol.codec import Reader, Writer
from ignite_dbapi.protocol.context import Context, Feature
from ignite_dbapi.protocol.messages.base import Message

_FILTER_BY_ATTRIBUTE: Final = 1
_FILTER_BY_SERVER: Final = 2

_UUID_SIZE: Final = 16
# What the smallest entry of each kind takes.
_ENDPOINTS_SIZE: Final = _UUID_SIZE + 8
_NODE_SIZE: Final = 32


class ClusterState(IntEnum):
    """What a cluster lets its clients do."""

    INACTIVE = 0
    ACTIVE = 1
    ACTIVE_READ_ONLY = 2


# --- the cluster's state ------------------------------------------------------------------------------------------


@attrs.frozen(eq=False, repr=False)
class ClusterStateGet(Message[ClusterState]):
    """Ask for the state of the cluster."""

    op_code = 5000

    def decode(self, reader: Reader, context: Context) -> ClusterState:
        """Read the state; servers that do not know the third one answer whether the cluster is active."""
        number = reader.u8()
        try:
            return ClusterState(number)
        except ValueError:
            raise ProtocolError(f"cluster state {number}, which does not exist") from None


@attrs.frozen(eq=False, repr=False)
class ClusterStateChange(Message[None]):
    """Change the state of the cluster.

    Deactivation drops what the cluster holds in memory alone, so the server refuses it then, unless it is *forced*.
    """

    op_code = 5001

    state: ClusterState
    forced: bool = False

    def encode(self, writer: Writer, context: Context) -> None:
        """Write the request."""
        writer.u8(self.state)
        if context.has(Feature.FORCE_DEACTIVATION_FLAG):
            writer.boolean(self.forced)


@attrs.frozen(eq=False, repr=False)
class WalStateChange(Message[bool]):
    """Switch the write-ahead log of a cache; answers whether that changed anything."""

    op_code = 5002

    cache_name: str
    enabled: bool

    def encode(self, writer: Writer, context: Context) -> None:
        """Write the request."""
        writer.string(self.cache_name)
        writer.boolean(self.enabled)

    def decode(self, reader: Reader, context: Context) -> bool:
        """Read the answer."""
        return reader.boolean()


@attrs.frozen(eq=False, repr=False)
class WalStateGet(Message[bool]):
    """Ask whether a cache has its write-ahead log."""

    op_code = 5003

    cache_name: str

    def encode(self, writer: Writer, context: Context) -> None:
        """Write the request."""
        writer.string(self.cache_name)

    def decode(self, reader: Reader, context: Context) -> bool:
        """Read the answer."""
        return reader.boolean()


# --- nodes --------------------------------------------------------------------------------------------------------


@attrs.frozen
class NodeFilter:
    """Which nodes are meant: those that have all *attributes*, and are servers, or clients (None: both)."""

    attributes: Mapping[str, Any] = attrs.field(factory=dict)
    servers: bool | None = None

    def encode(self, writer: Writer) -> None:
        """Write the conditions."""
        writer.i32(len(self.attributes) + (self.servers is not None))
        for name, value in self.attributes.items():
            writer.i16(_FILTER_BY_ATTRIBUTE)
            writer.string(name)
            writer.value(value)
        if self.servers is not None:
            writer.i16(_FILTER_BY_SERVER)
            writer.boolean(self.servers)


@attrs.frozen
class NodeIdsAnswer:
    """The *node_ids* as of *topology_version*; None if there was no change since the version that was asked with."""

    topology_version: int
    node_ids: tuple[UUID, ...]


@attrs.frozen(eq=False, repr=False)
class NodeIds(Message[NodeIdsAnswer | None]):
    """Ask for the ids of the nodes that *node_filter* lets through."""

    op_code = 5100

    known_topology_version: int = -1
    node_filter: NodeFilter = attrs.field(factory=NodeFilter)

    def encode(self, writer: Writer, context: Context) -> None:
        """Write the request."""
        require(context, Feature.CLUSTER_GROUPS, "groups of nodes")
        writer.i64(self.known_topology_version)
        self.node_filter.encode(writer)

    def decode(self, reader: Reader, context: Context) -> NodeIdsAnswer | None:
        """Read the ids."""
        if not reader.boolean():
            return None
        return NodeIdsAnswer(reader.i64(), read_node_ids(reader))


@attrs.frozen
class Node:
    """What a node says of itself.

    *addresses* and *host_names* are those of its machine, *order* is its place in the sequence in which nodes joined.
    *is_local* tells the node that answered; *version* is the release, such as ``2.17.0``.
    """

    node_id: UUID
    attributes: Mapping[str, Any]
    addresses: tuple[str, ...]
    host_names: tuple[str, ...]
    order: int
    is_local: bool
    is_client: bool
    consistent_id: Any
    version: str


@attrs.frozen(eq=False, repr=False)
class NodeInfo(Message[tuple[Node, ...]]):
    """Ask what is known of nodes. Those that have left the cluster are left out."""

    op_code = 5101

    node_ids: Sequence[UUID]

    def encode(self, writer: Writer, context: Context) -> None:
        """Write the request."""
        require(context, Feature.CLUSTER_GROUPS, "groups of nodes")
        write_node_ids(writer, self.node_ids)

    def decode(self, reader: Reader, context: Context) -> tuple[Node, ...]:
        """Read the nodes."""
        return tuple(_read_node(reader) for _ in range(reader.count(_NODE_SIZE)))


@attrs.frozen
class NodeEndpoints:
    """Where clients reach a server node: its *addresses*, of which some may not be reachable from here."""

    node_id: UUID
    port: int
    addresses: tuple[str, ...]


@attrs.frozen
class EndpointsAnswer:
    """Which nodes are there, or came and went since the version that was asked with."""

    topology_version: int
    added: tuple[NodeEndpoints, ...]
    removed: tuple[UUID, ...]


@attrs.frozen(eq=False, repr=False)
class Endpoints(Message[EndpointsAnswer]):
    """Ask for the addresses of all nodes that clients may connect to.

    From *start_version* on only what has changed is answered; -1: all. *end_version* -1 is the current version.
    """

    op_code = 5102

    start_version: int = -1
    end_version: int = -1

    def encode(self, writer: Writer, context: Context) -> None:
        """Write the request."""
        require(context, Feature.CLUSTER_GROUP_GET_NODES_ENDPOINTS, "the addresses of its nodes")
        writer.i64(self.start_version)
        writer.i64(self.end_version)

    def decode(self, reader: Reader, context: Context) -> EndpointsAnswer:
        """Read the nodes."""
        version = reader.i64()
        added = tuple(_read_endpoints(reader) for _ in range(reader.count(_ENDPOINTS_SIZE)))
        return EndpointsAnswer(version, added, read_node_ids(reader))


def require(context: Context, feature: Feature, what: str) -> None:
    """Raise NotSupportedError unless both sides know *feature*; *what* it is about, in the error's text."""
    if not context.has(feature):
        version = ".".join(map(str, context.version))
        raise NotSupportedError(
            f"the server does not offer {what}: it lacks the protocol feature {feature.name} (protocol {version})",
            code="no_feature",
        )


def write_node_ids(writer: Writer, node_ids: Iterable[UUID]) -> None:
    """Write ids without type codes, preceded by their number."""
    ids = list(node_ids)
    writer.i32(len(ids))
    for node_id in ids:
        # Both halves are little-endian longs.
        writer.raw(node_id.bytes[7::-1] + node_id.bytes[:7:-1])


def read_node_ids(reader: Reader) -> tuple[UUID, ...]:
    """Read ids without type codes, preceded by their number."""
    return tuple(reader.raw_uuid() for _ in range(reader.count(_UUID_SIZE)))


def _read_endpoints(reader: Reader) -> NodeEndpoints:
    node_id = reader.raw_uuid()
    port = reader.i32()
    return NodeEndpoints(node_id, port, tuple(reader.string() or "" for _ in range(reader.count())))


def _read_node(reader: Reader) -> Node:
    node_id = reader.uuid()
    if node_id is None:
        raise ProtocolError("a node without id")
    attributes = {reader.string() or "": reader.value() for _ in range(reader.count(2))}
    addresses = tuple(reader.value() or ())
    host_names = tuple(reader.value() or ())
    order = reader.i64()
    is_local = reader.boolean()
    reader.boolean()  # "daemon", a kind of node that does not exist any more
    is_client = reader.boolean()
    consistent_id = reader.value()
    version = f"{reader.u8()}.{reader.u8()}.{reader.u8()}"
    stage = reader.string()
    reader.i64()  # the revision's time and hash, which the release names already
    reader.byte_array()
    if stage:
        version += f"-{stage}"
    return Node(node_id, attributes, addresses, host_names, order, is_local, is_client, consistent_id, version)
