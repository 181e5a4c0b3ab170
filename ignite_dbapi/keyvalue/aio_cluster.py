"""The cluster as a whole, for asyncio programs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ignite_dbapi.keyvalue.cluster import BaseCluster
from ignite_dbapi.keyvalue.datatypes.cluster_state import ClusterState
from ignite_dbapi.operations.cluster_state import Node

if TYPE_CHECKING:
    from ignite_dbapi.keyvalue.aio_client import AioClient


class AioCluster(BaseCluster):
    """The cluster that a client is connected to, made by :meth:`AioClient.get_cluster`; see :class:`Cluster`."""

    _client: AioClient

    async def get_state(self) -> ClusterState:
        """The state of the cluster."""
        return await self._client._run(self._get_state(), "cluster")

    async def set_state(self, state: ClusterState | int, force: bool = True) -> None:
        """Change the state; see :meth:`Cluster.set_state`."""
        await self._client._run(self._set_state(state, force), "cluster")

    async def is_wal_enabled(self, cache: str) -> bool:
        """Whether changes of the cache *cache* go to the write-ahead log."""
        return await self._client._run(self._is_wal_enabled(cache), "cluster")

    async def enable_wal(self, cache: str) -> bool:
        """Log changes of the cache *cache* again; tells whether they were not."""
        return await self._client._run(self._set_wal_enabled(cache, True), "cluster")

    async def disable_wal(self, cache: str) -> bool:
        """Stop logging changes of the cache *cache*, to load it faster; tells whether they were."""
        return await self._client._run(self._set_wal_enabled(cache, False), "cluster")

    async def get_nodes(self) -> tuple[Node, ...]:
        """The nodes of the cluster, with their ids, addresses, attributes and versions."""
        return await self._client._run(self._get_nodes(), "cluster")


__all__ = ["AioCluster"]
