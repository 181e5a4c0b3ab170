"""Several nodes: where they are, events of all of them, scans and streamers over all of them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

import ignite_dbapi
from ignite_dbapi.errors import DatabaseError
from ignite_dbapi.keyvalue import AioClient, Client
from ignite_dbapi.keyvalue.datatypes.cache_config import WriteSynchronizationMode
from ignite_dbapi.keyvalue.datatypes.prop_codes import (
    PROP_BACKUPS_NUMBER,
    PROP_NAME,
    PROP_WRITE_SYNCHRONIZATION_MODE,
)
from ignite_dbapi.operations import cluster_state
from ignite_dbapi.operations.cluster_state import ClusterState, NodeFilter
from ignite_dbapi.transport.blocking import run


@pytest.fixture(scope="module")
def nodes(make_ignite_cluster: Callable[..., Any]) -> Any:
    return make_ignite_cluster(nodes=3, heap="512m", data_region="256m")


@pytest.fixture
def client(nodes: Any) -> Iterator[Client]:
    with Client().connect(nodes.addresses) as client:
        yield client


def test_endpoints(nodes: Any) -> None:
    with ignite_dbapi.connect(nodes.url) as connection:
        session = connection._session
        answer = run(cluster_state.endpoints(session))
        assert {(address, node.port) for node in answer.added for address in node.addresses} == set(nodes.addresses)
        assert answer.removed == ()
        ids = run(cluster_state.node_ids(session))
        assert set(ids) == {node.node_id for node in answer.added}
        assert connection.node_id in ids
        unchanged = run(cluster_state.endpoints(session, answer.topology_version))
        assert (unchanged.topology_version, unchanged.added, unchanged.removed) == (answer.topology_version, (), ())


def test_nodes(nodes: Any) -> None:
    with ignite_dbapi.connect(nodes.url) as connection:
        session = connection._session
        found = run(cluster_state.nodes(session))
        assert sorted(node.order for node in found) == [1, 2, 3]
        assert {node.version for node in found} == {connection.server_version()}
        assert [node.node_id for node in found if node.is_local] == [connection.node_id]
        assert not any(node.is_client for node in found)
        assert {node.addresses for node in found} == {("127.0.0.1",)}
        one = found[0]
        assert one.attributes["org.apache.ignite.build.ver"].startswith(one.version)
        assert run(cluster_state.nodes(session, [one.node_id])) == (one,)
        by_attribute = NodeFilter({"org.apache.ignite.ignite.name": None}, servers=True)
        assert len(run(cluster_state.node_ids(session, NodeFilter(servers=True)))) == 3
        assert run(cluster_state.node_ids(session, NodeFilter(servers=False))) == ()
        assert run(cluster_state.node_ids(session, by_attribute)) in ((), run(cluster_state.node_ids(session)))
        nobody = NodeFilter({"os.name": "no such system"})
        assert run(cluster_state.node_ids(session, nobody)) == ()


def test_state(nodes: Any) -> None:
    with ignite_dbapi.connect(nodes.url) as connection:
        session = connection._session
        assert run(cluster_state.state(session)) is ClusterState.ACTIVE
        run(cluster_state.change_state(session, ClusterState.ACTIVE_READ_ONLY))
        try:
            assert run(cluster_state.state(session)) is ClusterState.ACTIVE_READ_ONLY
        finally:
            run(cluster_state.change_state(session, ClusterState.ACTIVE))
        assert run(cluster_state.state(session)) is ClusterState.ACTIVE
        with pytest.raises(ValueError, match="5"):
            run(cluster_state.change_state(session, 5))


def test_write_ahead_log(make_ignite_cluster: Callable[..., Any], client: Client, tmp_path: Any) -> None:
    client.get_or_create_cache("in memory")
    with pytest.raises(DatabaseError, match="persistence is not enabled"):
        client.get_cluster().disable_wal("in memory")
    stored = make_ignite_cluster(persistent=tmp_path)
    with Client().connect(stored.addresses) as of_storage:
        cluster = of_storage.get_cluster()
        cluster.set_state(ClusterState.ACTIVE)
        of_storage.get_or_create_cache("stored")
        assert cluster.is_wal_enabled("stored")
        assert [cluster.disable_wal("stored"), cluster.disable_wal("stored")] == [True, False]
        assert not cluster.is_wal_enabled("stored")
        assert [cluster.enable_wal("stored"), cluster.enable_wal("stored")] == [True, False]
    stored.stop()


def test_events_of_all_nodes(client: Client) -> None:
    cache = client.get_or_create_cache("events of all nodes")
    with cache.continuous_query(page_size=50, time_interval=0.05) as query:
        cache.put_all(dict.fromkeys(range(3000), "x"))
        keys = set()
        while len(keys) < 3000:
            event = query.next_event(10)
            assert event is not None, f"{len(keys)} events came"
            keys.add(event.key)
    assert keys == set(range(3000))
    cache.destroy()


@pytest.mark.parametrize("partition_aware", [True, False])
def test_scans_and_streamers_over_all_nodes(nodes: Any, partition_aware: bool) -> None:
    with Client(partition_aware=partition_aware).connect(nodes.addresses) as client:
        cache = client.get_or_create_cache("scanned on all nodes")
        with cache.streamer(batch_size=500) as streamer:
            streamer.add_all((number, str(number)) for number in range(20_000))
        assert cache.get_size() == 20_000
        entries = list(cache.scan_partitions(parallel=16, page_size=10))
        assert sorted(entries) == [(number, str(number)) for number in range(20_000)]
        cache.destroy()


def test_asyncio(nodes: Any) -> None:
    async def main() -> None:
        async with AioClient().connect(nodes.addresses) as client:
            cache = await client.get_or_create_cache("scanned by asyncio")
            async with cache.streamer() as streamer:
                await streamer.add_all((number, number) for number in range(5000))
            async with cache.scan_partitions(parallel=16, page_size=10) as entries:
                assert sorted([entry async for entry in entries]) == [(number, number) for number in range(5000)]
            await cache.destroy()

    asyncio.run(main())


def test_a_node_that_is_lost_during_a_scan_of_partitions_takes_no_other_connection_with_it(nodes: Any) -> None:
    with Client().connect(nodes.addresses) as client:
        cache = client.create_cache(
            {
                PROP_NAME: "lost during a scan",
                PROP_BACKUPS_NUMBER: 1,
                # By default the backups get a write after it is confirmed, and it may die with its node.
                PROP_WRITE_SYNCHRONIZATION_MODE: WriteSynchronizationMode.FULL_SYNC,
            }
        )
        cache.put_all({number: number for number in range(3000)})
        entries = cache.scan_partitions(parallel=6, page_size=1)
        rows = iter(entries)
        next(rows)
        sessions = client._cluster.sessions
        assert len(sessions) == 3
        first = entries._session
        lost = next(session for session in sessions if session is not first)
        killed = nodes.nodes[nodes.addresses.index(lost.channel.address)]
        killed.kill()
        try:
            with pytest.raises(OSError, match="lost"):
                for _ in rows:
                    pass
            assert {session.channel.address for session in sessions if session.channel.failure is not None} == {
                lost.channel.address
            }
            entries.close()
            assert first.channel.failure is None
        finally:
            killed.start()
        assert cache.get_all(range(3000)) == {number: number for number in range(3000)}
        cache.destroy()


def test_heartbeats_tell_of_nodes_that_come_and_go(nodes: Any) -> None:
    host, port = nodes.addresses[0]
    with ignite_dbapi.connect(host=host, port=port, heartbeat_interval=0.2) as connection:
        connection.ping()
        exchange = connection._session.channel.exchange
        before = exchange.topology_version
        nodes.nodes[2].kill()
        try:
            # Nothing but heartbeats is sent, and nobody reads their answers.
            deadline = time.monotonic() + 60
            while exchange.topology_version == before:
                assert time.monotonic() < deadline
                time.sleep(0.05)
        finally:
            nodes.nodes[2].start()
        assert exchange.topology_version > before
