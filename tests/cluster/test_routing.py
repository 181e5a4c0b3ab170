"""Operations on entries go to the nodes that hold them, and survive the loss of a node as far as that can be known."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

import ignite_dbapi
from ignite_dbapi.cluster.cluster import (
    ANYWHERE,
    Cluster,
    Entry,
    Listener,
    OnNode,
    OnSession,
    Partition,
    RetryPolicy,
    SingleNode,
)
from ignite_dbapi.keyvalue import Client
from ignite_dbapi.keyvalue.datatypes.cache_config import CacheMode
from ignite_dbapi.keyvalue.datatypes.prop_codes import PROP_CACHE_MODE, PROP_NAME
from ignite_dbapi.keyvalue.monitoring import QueryEventListener
from ignite_dbapi.operations import calls
from ignite_dbapi.operations.session import Session
from ignite_dbapi.options import ConnectOptions
from ignite_dbapi.protocol.codec import TypeCode
from ignite_dbapi.protocol.codec.names import name_id, string_hash
from ignite_dbapi.protocol.codec.values import BinaryObject, Typed
from ignite_dbapi.protocol.exchange import Operation, Receive
from ignite_dbapi.protocol.messages.cache import CacheHeader, Get, LocalPeek, Put
from ignite_dbapi.protocol.messages.sql import SqlFieldsQuery
from ignite_dbapi.transport.blocking import run

CACHE = string_hash("SQL_PUBLIC_PLACES")
BACKED = string_hash("SQL_PUBLIC_BACKED")
KEYS: list[Any] = [
    *range(60),
    *(-number for number in range(1, 10)),
    *(f"key {number}" for number in range(30)),
    "ключ",
    "a😀",
    True,
    False,
    1.5,
    -0.0,
    Decimal("1.5"),
    Decimal("1.50"),
    Decimal(-(2**96)),
    UUID(int=2**127 + 12345),
    b"bytes",
    *(Typed(TypeCode.INT, number) for number in range(-3, 10)),
    Typed(TypeCode.BYTE, -7),
    Typed(TypeCode.SHORT, 300),
    Typed(TypeCode.CHAR, "x"),
    Typed(TypeCode.FLOAT, 2.25),
    datetime(2026, 11, 23, 12, 30, 15, 123456),
    *(BinaryObject("Place", {"x": number, "name": "here"}) for number in range(12)),
]


@pytest.fixture(scope="module")
def nodes(make_ignite_cluster: Callable[..., Any]) -> Iterator[Any]:
    cluster = make_ignite_cluster(nodes=3, jvm_options=("-Dname=routing",))
    with ignite_dbapi.connect(cluster.url) as connection:
        for table, backups in (("PLACES", 0), ("BACKED", 1)):
            connection.execute(
                f"CREATE TABLE IF NOT EXISTS {table} (ID BIGINT PRIMARY KEY, V VARCHAR) "
                f'WITH "backups={backups},atomicity=atomic"'
            )
    yield cluster
    with ignite_dbapi.connect(make_ignite_cluster(nodes=3, jvm_options=("-Dname=routing",)).url) as connection:
        connection.execute("DROP TABLE IF EXISTS PLACES")
        connection.execute("DROP TABLE IF EXISTS BACKED")


@contextmanager
def connected(addresses: list[tuple[str, int]], **options: Any) -> Iterator[Cluster]:
    cluster = Cluster(ConnectOptions(addresses=addresses), {}, new_lock=threading.Lock, **options)
    run(cluster.connect())
    try:
        yield cluster
    finally:
        cluster.close()


def put(cluster: Cluster, key: Any, value: Any, cache: int = CACHE) -> None:
    message = Put(CacheHeader(cache), (key, value))
    run(cluster.call(lambda session: calls.call(session, message), Entry(cache, key)))


def get(cluster: Cluster, key: Any, cache: int = CACHE) -> Any:
    message = Get(CacheHeader(cache), (key,))
    return run(cluster.call(lambda session: calls.call(session, message), Entry(cache, key), is_idempotent=True))


def is_held_there(session: Session, key: Any) -> bool:
    return run(calls.call(session, LocalPeek(CacheHeader(CACHE), (key,)))) is not None


def node_of(session: Session) -> UUID | None:
    return session.context.node_id


@pytest.mark.parametrize("key", KEYS, ids=repr)
def test_an_entry_is_looked_for_where_it_is(nodes: Any, key: Any, cluster: Cluster) -> None:
    put(cluster, key, "here")
    session = run(cluster.session(Entry(CACHE, key)))
    partition = run(cluster.session(Partition(CACHE, partition_on_server(cluster, session, key))))
    assert partition is session
    assert is_held_there(session, key)
    assert get(cluster, key) == "here"


@pytest.fixture(scope="module")
def cluster(nodes: Any) -> Iterator[Cluster]:
    with connected(nodes.addresses[:1]) as cluster:
        yield cluster


def partition_on_server(cluster: Cluster, session: Session, key: Any) -> int:
    """By trying: a scan of the right partition is the only way in which the server tells it."""
    placement = run(cluster._placement(CACHE))
    assert placement is not None
    partition = placement.partition_of(key, cluster.knowledge)
    assert partition is not None
    return partition


def test_other_nodes_are_found(nodes: Any, cluster: Cluster) -> None:
    for number in range(100):
        put(cluster, number, "x")
    assert len(cluster.sessions) == 3
    assert set(nodes.addresses) <= set(cluster.addresses)
    assert len({node_of(session) for session in cluster.sessions}) == 3


def test_without_partition_awareness_one_connection_serves_everything(nodes: Any) -> None:
    with connected(nodes.addresses, partition_awareness=False) as cluster:
        for number in range(50):
            put(cluster, number, "x")
        assert len(cluster.sessions) == 1
        assert {run(cluster.session(Entry(CACHE, number))) for number in range(50)} == set(cluster.sessions)


def test_without_discovery_only_the_named_nodes_are_used(nodes: Any) -> None:
    with connected(nodes.addresses[:2], discovery=False) as cluster:
        for number in range(100):
            put(cluster, number, "x")
            assert get(cluster, number) == "x"
        assert len(cluster.sessions) == 2


def test_an_affinity_field_decides_in_place_of_the_key(nodes: Any, cluster: Cluster) -> None:
    with ignite_dbapi.connect(nodes.url) as connection:
        connection.execute(
            "CREATE TABLE IF NOT EXISTS ROOMS (HOUSE INT, ROOM INT, V VARCHAR, PRIMARY KEY (HOUSE, ROOM)) "
            'WITH "affinity_key=HOUSE,key_type=RoomKey,value_type=Room,cache_name=rooms"'
        )
        try:
            for number in range(40):
                connection.execute("INSERT INTO ROOMS VALUES (?, ?, 'x')", (number % 7, number))
            cache = string_hash("rooms")
            by_house: dict[int, set[UUID | None]] = {}
            for number in range(40):
                key = BinaryObject(
                    "RoomKey", {"HOUSE": Typed(TypeCode.INT, number % 7), "ROOM": Typed(TypeCode.INT, number)}
                )
                session = run(cluster.session(Entry(cache, key)))
                assert run(calls.call(session, LocalPeek(CacheHeader(cache), (key,)))) is not None
                by_house.setdefault(number % 7, set()).add(node_of(session))
            assert all(len(found) == 1 for found in by_house.values())
            assert len(set.union(*by_house.values())) > 1
        finally:
            connection.execute("DROP TABLE ROOMS")


def test_what_was_written_is_read_at_once(nodes: Any) -> None:
    # A replicated cache is read on any node, and a write is confirmed before all nodes have it (PRIMARY_SYNC).
    with Client().connect(nodes.addresses) as client:
        cache = client.create_cache({PROP_NAME: "replicated", PROP_CACHE_MODE: CacheMode.REPLICATED})
        try:
            seen = []
            for number in range(300):
                cache.put("key", number)
                seen.append(cache.get("key"))
            assert seen == list(range(300))
        finally:
            cache.destroy()


def test_pipelines_go_to_every_node(nodes: Any) -> None:
    asked: list[str] = []

    class Asked(QueryEventListener):
        def on_query_start(self, event: Any) -> None:
            asked.append(f"{event.op_name} {event.node_uuid}")

    with Client(event_listeners=[Asked()]).connect(nodes.addresses[:1]) as client:
        cache = client.create_cache("routed pipelines")
        try:
            with cache.pipeline() as pipeline:
                for number in range(300):
                    pipeline.put(number % 100, number)
                found = [pipeline.get(number) for number in range(100)]
            assert [each.result() for each in found] == list(range(200, 300))
            for operation in ("OP_CACHE_PUT", "OP_CACHE_GET"):
                counts = Counter(each for each in asked if each.startswith(f"{operation} "))
                assert len(counts) == 3
                assert min(counts.values()) > 10
        finally:
            cache.destroy()


def test_targets(cluster: Cluster) -> None:
    put(cluster, 1, "x")
    for session in cluster.sessions:
        node_id = node_of(session)
        assert node_id is not None
        assert run(cluster.session(OnNode(node_id))) is session
        assert run(cluster.session(OnSession(session))) is session
        assert run(SingleNode(session).session(OnNode(UUID(int=1)))) is session
    assert run(cluster.session(ANYWHERE)) in cluster.sessions
    with pytest.raises(ignite_dbapi.OperationalError, match="no node 0000") as caught:
        run(cluster.session(OnNode(UUID(int=0))))
    assert caught.value.code == "unknown_node"
    # A cache that does not exist, and a partition beyond the last one, are the server's to complain about.
    assert run(cluster.session(Entry(4711, "x"))) in cluster.sessions
    assert run(cluster.session(Partition(CACHE, 5000))) in cluster.sessions


class Events(Listener):
    def __init__(self) -> None:
        self.seen: list[str] = []

    def connecting(self, address: tuple[str, int]) -> None:
        self.seen.append("connecting")

    def connected(self, session: Session) -> None:
        self.seen.append("connected")

    def connect_failed(self, address: tuple[str, int], error: ignite_dbapi.Error) -> None:
        self.seen.append("failed")

    def lost(self, session: Session, error: ignite_dbapi.Error) -> None:
        self.seen.append("lost")

    def closed(self, session: Session) -> None:
        self.seen.append("closed")


def test_a_listener_is_told(nodes: Any) -> None:
    events = Events()
    with connected([("127.0.0.1", 1), *nodes.addresses[:1]], partition_awareness=False, listener=events) as cluster:
        assert events.seen == ["connecting", "failed", "connecting", "connected"]
        del events.seen[:]
        cluster.sessions[0].channel.close()
        closed = cluster_session(cluster)
        with pytest.raises(ignite_dbapi.InterfaceError):
            run(cluster.call(slow, OnSession(closed)))
    assert "closed" not in events.seen


def cluster_session(cluster: Cluster) -> Session:
    session = cluster._nodes[1].session
    assert session is not None
    return session


def test_no_node_at_all() -> None:
    cluster = Cluster(ConnectOptions(addresses=[("127.0.0.1", 1), ("127.0.0.1", 2)]), {}, new_lock=threading.Lock)
    with pytest.raises(ignite_dbapi.OperationalError, match="none of 2 nodes") as caught:
        run(cluster.connect())
    assert caught.value.code == "connect_failed"
    with pytest.raises(ignite_dbapi.OperationalError, match="no node of the cluster") as caught:
        get(cluster, 1)
    assert caught.value.code == "reconnect_failed"


def test_an_order_of_nodes_of_ones_own(nodes: Any) -> None:
    tries = iter([("127.0.0.1", 1), nodes.addresses[2], nodes.addresses[1]])
    with connected(nodes.addresses[:1], partition_awareness=False, node_order=tries) as cluster:
        assert cluster.sessions[0].channel.address == nodes.addresses[2]
        cluster.sessions[0].channel.close()
        get(cluster, 1)
        assert cluster.sessions[0].channel.address == nodes.addresses[1]
        cluster.sessions[0].channel.close()
        with pytest.raises(ignite_dbapi.OperationalError, match="any more"):
            get(cluster, 1)


def test_a_closed_cluster_stays_closed(nodes: Any) -> None:
    with connected(nodes.addresses) as cluster:
        pass
    with pytest.raises(ignite_dbapi.OperationalError, match="closed"):
        get(cluster, 1)
    assert cluster.sessions == []


def test_what_was_not_sent_is_sent_elsewhere(nodes: Any) -> None:
    with connected(nodes.addresses, partition_awareness=False) as cluster:
        for number in range(5):
            cluster.sessions[0].channel.close()
            put(cluster, number, "again")
            assert get(cluster, number) == "again"


SLOW = SqlFieldsQuery(sql="SELECT COUNT(*) FROM SYSTEM_RANGE(1, 100000), SYSTEM_RANGE(1, 100000)")


def slow(session: Session) -> Operation[Any]:
    return calls.call(session, SLOW)


@pytest.mark.parametrize("policy", list(RetryPolicy))
def test_what_was_under_way_is_tried_again_only_if_it_may_be(nodes: Any, policy: RetryPolicy) -> None:
    with connected(nodes.addresses, retry_policy=policy) as cluster:
        for is_idempotent in (False, True):
            tried: list[UUID | None] = []

            def break_once(session: Session, tried: list[UUID | None] = tried) -> Operation[Any]:
                tried.append(node_of(session))
                if len(tried) == 1:
                    pending = yield from calls.send(session, SLOW)
                    broken = (ConnectionResetError("broken"), "testing")
                    threading.Thread(target=session.channel.give_up, args=broken).start()
                    yield Receive(pending)
                return "done"

            if is_idempotent and policy is RetryPolicy.READS:
                assert run(cluster.call(break_once, is_idempotent=is_idempotent)) == "done"
                assert len(tried) == 2
            else:
                with pytest.raises(ignite_dbapi.OperationalError, match="unknown") as caught:
                    run(cluster.call(break_once, is_idempotent=is_idempotent))
                assert caught.value.is_connection_lost
                assert len(tried) == 1


def test_a_node_is_killed_and_comes_back_under_load(nodes: Any) -> None:
    """No acknowledged write is lost, no answer is wrong, and errors come only where the outcome is unknown."""
    stop = threading.Event()
    acknowledged: dict[int, dict[str, int]] = {}
    unknown: list[ignite_dbapi.Error] = []
    failures: list[str] = []
    # Seconds between two rounds: none while the node is killed, so that it has much to answer then.
    pause = 0.0

    def work(number: int, cluster: Cluster) -> None:
        written = acknowledged[number] = {}
        doubtful: dict[str, int] = {}
        value = 0
        while not stop.wait(pause):
            value += 1
            key = f"worker {number} key {value % 50}"
            try:
                put(cluster, key, value, BACKED)
            except ignite_dbapi.Error as error:
                if error.is_connection_lost and error.code == "connection_lost":
                    unknown.append(error)
                    doubtful[key] = value
                    continue
                failures.append(f"put: {error!r}")
                return
            written[key] = value
            doubtful.pop(key, None)
            try:
                found = get(cluster, key, BACKED)
            except ignite_dbapi.Error as error:
                failures.append(f"get: {error!r}")
                return
            if found != value:
                failures.append(f"{key}: {value} was acknowledged, {found} is there")
                return
        for key, expected in written.items():
            found = get(cluster, key, BACKED)
            if found not in (expected, doubtful.get(key)):
                failures.append(f"{key}: {expected} was acknowledged, {found} is there in the end")

    with connected(nodes.addresses[:1]) as cluster:
        threads = [threading.Thread(target=work, args=(number, cluster)) for number in range(4)]
        for thread in threads:
            thread.start()
        time.sleep(1.5)
        nodes.nodes[2].kill()
        time.sleep(1)
        # A node that starts needs the processor, too.
        pause = 0.01
        time.sleep(1)
        nodes.nodes[2].start()
        deadline = time.monotonic() + 30
        while len(cluster.sessions) < 3 and time.monotonic() < deadline:
            time.sleep(0.1)
        time.sleep(1)
        stop.set()
        for thread in threads:
            thread.join(60)
    assert failures == []
    assert all(len(written) == 50 for written in acknowledged.values())
    # At most one operation of each worker was under way when the node was killed.
    assert len(unknown) <= 4
    assert len({node.node_id for node in cluster._nodes}) == 3, "the node is used again"


def test_registered_types_are_registered_again_with_a_restarted_cluster(nodes: Any) -> None:
    with connected(nodes.addresses[:1]) as cluster:
        key = BinaryObject("Seen", {"x": 1})
        put(cluster, key, "x")
        assert cluster.knowledge.binary_types.get(name_id("Seen")) is not None
        for session in cluster.sessions:
            session.channel.close()
        get(cluster, 1)
        put(cluster, key, "x")
        assert cluster.knowledge.binary_types.get(name_id("Seen")) is not None
