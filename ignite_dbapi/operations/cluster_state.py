"""The cluster as a whole: its state, its nodes, where clients reach them, write-ahead logs."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from ignite_dbapi.operations import calls
from ignite_dbapi.operations.session import Session
from ignite_dbapi.protocol.exchange import Operation
from ignite_dbapi.protocol.messages.cluster import (
    ClusterState,
    ClusterStateChange,
    ClusterStateGet,
    Endpoints,
    EndpointsAnswer,
    Node,
    NodeEndpoints,
    NodeFilter,
    NodeIds,
    NodeIdsAnswer,
    NodeInfo,
    WalStateChange,
    WalStateGet,
)

__all__ = [
    "ClusterState",
    "EndpointsAnswer",
    "Node",
    "NodeEndpoints",
    "NodeFilter",
    "change_state",
    "endpoints",
    "node_ids",
    "nodes",
    "set_wal_enabled",
    "state",
    "wal_enabled",
]


def endpoints(session: Session, start_version: int = -1, end_version: int = -1) -> Operation[EndpointsAnswer]:
    """Where clients reach the nodes; with *start_version*, what has changed since that version of the topology."""
    return (yield from calls.call(session, Endpoints(start_version, end_version)))


def state(session: Session) -> Operation[ClusterState]:
    """The state of the cluster."""
    return (yield from calls.call(session, ClusterStateGet()))


def change_state(session: Session, new_state: ClusterState | int, *, forced: bool = False) -> Operation[None]:
    """Change the state. Deactivation that would lose data held in memory alone is refused unless it is *forced*.

    Servers without the flag for that always lose them.
    """
    yield from calls.call(session, ClusterStateChange(ClusterState(new_state), forced))


def wal_enabled(session: Session, cache_name: str) -> Operation[bool]:
    """Whether the cache has its write-ahead log."""
    return (yield from calls.call(session, WalStateGet(cache_name)))


def set_wal_enabled(session: Session, cache_name: str, enabled: bool) -> Operation[bool]:
    """Switch the cache's write-ahead log; returns whether that changed anything."""
    return (yield from calls.call(session, WalStateChange(cache_name, enabled)))


def node_ids(session: Session, node_filter: NodeFilter | None = None) -> Operation[tuple[UUID, ...]]:
    """The ids of the nodes that *node_filter* lets through; None: of all."""
    answer: NodeIdsAnswer | None = yield from calls.call(session, NodeIds(-1, node_filter or NodeFilter()))
    return () if answer is None else answer.node_ids


def nodes(session: Session, ids: Sequence[UUID] | None = None) -> Operation[tuple[Node, ...]]:
    """What is known of the nodes with *ids*; None: of all."""
    if ids is None:
        ids = yield from node_ids(session)
    return (yield from calls.call(session, NodeInfo(ids)))
