"""The cluster as a whole, for blocking programs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ignite_dbapi.keyvalue.datatypes.cluster_state import ClusterState
from ignite_dbapi.operations import cluster_state as operations
from ignite_dbapi.operations.cluster_state import Node
from ignite_dbapi.protocol.exchange import Operation

if TYPE_CHECKING:
    from ignite_dbapi.keyvalue.client import Client


class BaseCluster:
    """What can be asked about a cluster, without waiting for the answers."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def _get_state(self) -> Operation[ClusterState]:
        return ClusterState((yield from self._client._call(operations.state, is_idempotent=True)))

    def _set_state(self, state: ClusterState | int, force: bool) -> Operation[None]:
        operation: Operation[None] = self._client._call(
            lambda session: operations.change_state(session, state, forced=force)
        )
        return operation

    def _is_wal_enabled(self, cache: str) -> Operation[bool]:
        operation: Operation[bool] = self._client._call(
            lambda session: operations.wal_enabled(session, cache), is_idempotent=True
        )
        return operation

    def _set_wal_enabled(self, cache: str, enabled: bool) -> Operation[bool]:
        operation: Operation[bool] = self._client._call(
            lambda session: operations.set_wal_enabled(session, cache, enabled)
        )
        return operation

    def _get_nodes(self) -> Operation[tuple[Node, ...]]:
        operation: Operation[tuple[Node, ...]] = self._client._call(operations.nodes, is_idempotent=True)
        return operation


class Cluster(BaseCluster):
    """The cluster that a client is connected to, made by :meth:`Client.get_cluster`. Errors are ClusterErrors.

    NotSupportedByClusterError is raised if the servers are too old.
    """

    _client: Client

    def get_state(self) -> ClusterState:
        """The state of the cluster."""
        return self._client._run(self._get_state(), "cluster")

    def set_state(self, state: ClusterState | int, force: bool = True) -> None:
        """Change the state. Deactivation drops what is held in memory only; with *force* False it fails instead."""
        self._client._run(self._set_state(state, force), "cluster")

    def is_wal_enabled(self, cache: str) -> bool:
        """Whether changes of the cache *cache* go to the write-ahead log."""
        return self._client._run(self._is_wal_enabled(cache), "cluster")

    def enable_wal(self, cache: str) -> bool:
        """Log changes of the cache *cache* again; tells whether they were not."""
        return self._client._run(self._set_wal_enabled(cache, True), "cluster")

    def disable_wal(self, cache: str) -> bool:
        """Stop logging changes of the cache *cache*, to load it faster; tells whether they were."""
        return self._client._run(self._set_wal_enabled(cache, False), "cluster")

    def get_nodes(self) -> tuple[Node, ...]:
        """The nodes of the cluster, with their ids, addresses, attributes and versions."""
        return self._client._run(self._get_nodes(), "cluster")


__all__ = ["Cluster"]
