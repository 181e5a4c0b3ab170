"""Clients: connecting, what they know, binary types, events, the cluster."""

from __future__ import annotations

import asyncio
import logging
import socket
import ssl
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

import pytest
from wire import Impostor

from ignite_dbapi.keyvalue import AioClient, Client, GenericObjectMeta, RetryPolicy
from ignite_dbapi.keyvalue.api import (
    cache_get,
    cache_get_names,
    cache_get_node_partitions,
    cache_local_peek,
    resource_close,
)
from ignite_dbapi.keyvalue.connection import AioConnection, Connection
from ignite_dbapi.keyvalue.connection.generators import RoundRobin
from ignite_dbapi.keyvalue.connection.protocol_context import ProtocolContext
from ignite_dbapi.keyvalue.datatypes import ClusterState, IntObject, String
from ignite_dbapi.keyvalue.exceptions import (
    BinaryTypeError,
    CacheError,
    ClusterError,
    ParameterError,
    ReconnectError,
    connection_errors,
)
from ignite_dbapi.keyvalue.monitoring import (
    ConnectionClosedEvent,
    ConnectionEventListener,
    ConnectionLostEvent,
    HandshakeFailedEvent,
    HandshakeStartEvent,
    HandshakeSuccessEvent,
    QueryEventListener,
    QueryFailEvent,
    QueryStartEvent,
    QuerySuccessEvent,
)
from ignite_dbapi.keyvalue.queries.op_codes import OP_CACHE_GET_NAMES, OP_CACHE_PUT
from ignite_dbapi.keyvalue.settings import connect_addresses, connect_options
from tests.twins import plain


@pytest.fixture
def unused_port() -> int:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return int(listening.getsockname()[1])


# --- connecting ---------------------------------------------------------------------------------------------------


def test_ways_to_connect(make_client: Callable[..., Any], server: Any) -> None:
    host, port = server.addresses[0]
    for nodes in (
        (host, port),
        ([(host, port)],),
        (((host, port),),),
        (iter([(host, port)]),),
        (RoundRobin([(host, port)]),),
    ):
        client = make_client()
        assert client.protocol_context is None
        with client.connect(*nodes) as connected:
            assert connected.get_cache_names() is not None
            assert (client.host, client.port, str(client)) == (host, port, f"{host}:{port}")
        assert "not connected" in repr(client)
        client.connect(*nodes[:2] if len(nodes) == 2 else ([(host, port)],))
        assert client.get_cache_names() is not None
        client.close()
        client.close()
        with pytest.raises(connection_errors, match="not connected"):
            client.get_cache_names()


def test_first_nodes_are_down(make_client: Callable[..., Any], server: Any, unused_port: int) -> None:
    for is_partition_aware in (True, False):
        for nodes in (
            [("127.0.0.1", unused_port), *server.addresses],
            RoundRobin([("127.0.0.1", unused_port), *server.addresses], max_reconnects=2),
        ):
            client = make_client(partition_aware=is_partition_aware)
            with client.connect(nodes):
                assert client.get_cache_names() is not None
                assert [node.port for node in client._nodes] == [server.addresses[0][1]]


def test_no_node_answers(make_client: Callable[..., Any], unused_port: int) -> None:
    for nodes in ([("127.0.0.1", unused_port)] * 2, RoundRobin([("127.0.0.1", unused_port)], max_reconnects=3)):
        with pytest.raises(ReconnectError, match=rf"Can not connect\..*{unused_port}") as failed:
            make_client().connect(nodes)
        # A loop that tries again whatever failed ends with it.
        assert not isinstance(failed.value, OSError)


def test_wrong_arguments(make_client: Callable[..., Any]) -> None:
    for arguments in ((5,), ("host", "port", 1), ([],), (iter([]),), ("host", 0), ([("host",)],)):
        with pytest.raises(ParameterError):
            make_client().connect(*arguments)
    for wrong, said in (
        ({"user": "x"}, "username"),
        ({"timout": 1}, "did you mean 'timeout'"),
        ({"handshake_timeout": 0}, "'handshake_timeout'"),
        ({"handshake_timeout": -1.5}, "'handshake_timeout'"),
        ({"use_ssl": "perhaps"}, "'use_ssl'"),
        ({"ssl_cert_reqs": 77}, "ssl_cert_reqs"),
        ({"ssl_keyfile": "key.pem"}, "ssl_certfile"),
        ({"ssl_version": "1.0"}, "'ssl_version'"),
        ({"password": "s3cret"}, "'password'"),
    ):
        with pytest.raises(ParameterError, match=said) as refused:
            make_client(**wrong)
        assert "s3cret" not in str(refused.value)


def test_options_of_tls() -> None:
    def options(**arguments: Any) -> Any:
        return connect_options(arguments, [("host", 1)])

    assert not options().uses_tls
    assert options(username="u", password="p").uses_tls
    assert not options(username="u", password="p", use_ssl=False).uses_tls
    checked = options(use_ssl=True)
    assert (checked.tls_verify, checked.tls_check_hostname) == (True, True)
    assert options(use_ssl=True, ssl_cert_reqs=ssl.CERT_REQUIRED).tls_verify
    assert options(use_ssl=True, ssl_cert_reqs="CERT_OPTIONAL").tls_verify
    assert not options(use_ssl=True, ssl_cert_reqs=ssl.CERT_NONE).tls_verify
    assert not options(use_ssl=True, ssl_check_hostname=False).tls_check_hostname
    assert options(ssl_version=ssl.PROTOCOL_TLSv1_2).tls_version == "1.2"
    assert options(ssl_version=ssl.PROTOCOL_TLS_CLIENT).tls_version is None
    assert options(ssl_version=ssl.TLSVersion.TLSv1_3).tls_version == "1.3"
    files = options(
        ssl_keyfile="k", ssl_certfile="c", ssl_keyfile_password="s3cret", ssl_ca_certfile="a", ssl_ciphers="X"
    )
    assert (files.tls_key_file, files.tls_cert_file, files.tls_ca_file, files.tls_ciphers) == ("k", "c", "a", "X")
    assert "s3cret" not in repr(files)
    assert (options(timeout=2).request_timeout, options().request_timeout) == (2.0, None)
    assert (options(handshake_timeout=3).connect_timeout, options().connect_timeout) == (3.0, 10.0)
    assert (options(busy_wait=0.001).busy_wait, options().busy_wait) == (0.001, None)


def test_secrets_stay_secret() -> None:
    for kind in (Client, AioClient):
        client = kind(username="user", password="s3cret", ssl_keyfile_password="s3cret2")
        assert "s3cret" not in repr(client) + str(client)


def test_round_robin() -> None:
    nodes = [("a", 1), ("b", 2)]
    assert list(RoundRobin(nodes, max_reconnects=5)) == [("a", 1), ("b", 2), ("a", 1), ("b", 2), ("a", 1)]
    endless = RoundRobin(nodes)
    assert [next(endless) for _ in range(100)] == nodes * 50
    assert list(RoundRobin([])) == []
    addresses, order = connect_addresses((RoundRobin(nodes, 3),))
    assert addresses == [("a", 1)]
    assert list(order or ()) == [("a", 1), ("b", 2), ("a", 1)]


def test_timeout(make_client: Callable[..., Any]) -> None:
    """A node that takes connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        client = make_client(handshake_timeout=0.3)
        with pytest.raises(ReconnectError, match=r"timed out.*0\.3 s"):
            client.connect("127.0.0.1", port)


def test_what_is_known(client: Any, server: Any, mode: str) -> None:
    context = client.protocol_context
    assert context == ProtocolContext((1, 7, 0), context.features)
    assert context.is_transactions_supported()
    assert context.is_expiry_policy_supported()
    assert context.is_cluster_api_supported()
    assert context.is_partition_awareness_supported()
    assert ProtocolContext((1, 2, 0), context.features).features is None
    assert not ProtocolContext((1, 2, 0)).is_cluster_api_supported()
    assert client.partition_aware
    assert client.partition_awareness_supported_by_protocol
    assert client.compact_footer
    node = client.random_node
    assert type(node) is (Connection if mode == "blocking" else AioConnection)
    assert (node.host, node.port) == server.addresses[0]
    assert node.alive
    assert not node.failed
    assert node.uuid is not None
    assert [each.uuid for each in client._nodes] == [node.uuid]
    client.close()
    assert node.closed
    assert client._nodes == []


def test_footers(make_client: Callable[..., Any], server: Any) -> None:
    client = make_client(compact_footer=False)
    assert not client.compact_footer
    client.connect(server.addresses)
    assert not client.compact_footer
    with pytest.raises(ParameterError, match="compact_footer"):
        client.compact_footer = True
    fresh = make_client()
    fresh.compact_footer = False
    assert not fresh.compact_footer


# --- single nodes -------------------------------------------------------------------------------------------------


def test_functions_of_nodes(client: Any, cache: Any, loop: Any) -> None:
    cache.put("key", 5)
    node = client.get_best_node(cache, "key")
    for same in (cache.name, cache.cache_id):
        assert plain(client.get_best_node(same, "key")) is plain(node) is plain(client._nodes[0])
    assert plain(client.get_best_node(cache)) is plain(node)
    node = plain(node)

    def of(result: Any) -> Any:
        return loop.dressed(result)

    assert of(cache_local_peek(node, cache.cache_info, "key")).value == 5
    assert of(cache_get(node, cache.cache_info, "key")).value == 5
    assert cache.name in of(cache_get_names(node)).value
    partitions = of(cache_get_node_partitions(node, [cache.cache_id])).value["partition_mapping"][cache.cache_id]
    assert partitions["number_of_partitions"] == 1024
    assert partitions["node_mapping"] == {node.uuid: set(range(1024))}
    failed = of(resource_close(node, 99_999))
    assert (failed.status, failed.value) == (1011, None)
    assert "99999" in failed.message


# --- binary types -------------------------------------------------------------------------------------------------


class Person(
    metaclass=GenericObjectMeta, type_name="ClientPerson", schema=OrderedDict([("name", String), ("age", IntObject)])
):
    pass


def test_binary_types(client: Any, cache: Any) -> None:
    assert client.get_binary_type("NoSuchType") == {"type_exists": False}
    client.register_binary_type(Person, affinity_key_field="name")
    known = client.get_binary_type("ClientPerson")
    assert known["schemas"] == [Person.schema]
    assert known["affinity_key_field"] == "name"
    assert client.query_binary_type("ClientPerson", Person.schema) is Person
    assert client.query_binary_type(Person.type_id) == {Person.schema_id: Person}
    assert client.query_binary_type("ClientPerson", sync=False) == {Person.schema_id: Person}
    cache.put(1, Person(name="Ada", age=36))
    assert cache.get(1) == Person(name="Ada", age=36)
    made = client.put_binary_type("ClientEnum", is_enum=True, schema={"RED": 0, "BLUE": 1})
    assert made["type_id"] == client.get_binary_type("ClientEnum")["type_id"]
    with pytest.raises(BinaryTypeError, match="ClientPerson"):
        client.put_binary_type("ClientPerson", schema={"age": String})
    value = [1, Person(name="Ada", age=36)]
    assert client.unwrap_binary(value) is value


# --- the cluster --------------------------------------------------------------------------------------------------


def test_cluster(client: Any, cache: Any) -> None:
    cluster = client.get_cluster()
    assert cluster.get_state() is ClusterState.ACTIVE
    cache.put(1, 1)
    cluster.set_state(ClusterState.ACTIVE_READ_ONLY)
    try:
        assert cluster.get_state() is ClusterState.ACTIVE_READ_ONLY
        assert cache.get(1) == 1
        with pytest.raises(CacheError, match="read-only"):
            cache.put(1, 2)
    finally:
        cluster.set_state(ClusterState.ACTIVE)
    (node,) = cluster.get_nodes()
    assert node.node_id == client.random_node.uuid
    # Without persistence there is no write-ahead log to be switched.
    assert not cluster.is_wal_enabled(cache.name)
    with pytest.raises(ClusterError):
        cluster.enable_wal("no such cache")
    with pytest.raises(ClusterError):
        cluster.disable_wal(cache.name)
    with pytest.raises(ClusterError):
        cluster.set_state(ClusterState.INACTIVE, force=False)


def test_connecting_that_was_given_up_leaves_no_connection(server: Any, client_arguments: dict[str, Any]) -> None:
    async def work(silent: tuple[str, int]) -> None:
        closed = Everything()
        client = AioClient(event_listeners=[closed], **client_arguments)
        connecting = asyncio.ensure_future(client.connect([server.addresses[0], silent]))
        async with asyncio.timeout(30):
            while HandshakeStartEvent not in map(type, closed.events[1:]):
                await asyncio.sleep(0.01)
        connecting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await connecting
        kinds = [type(event) for event in closed.events]
        assert kinds.count(HandshakeSuccessEvent) == kinds.count(ConnectionClosedEvent) == 1

    with Impostor(lambda client: client.recv(1) and None) as impostor:
        asyncio.run(work(impostor.address))


# --- events -------------------------------------------------------------------------------------------------------


class Everything(ConnectionEventListener, QueryEventListener):
    """Keeps all events."""

    def __init__(self) -> None:
        self.events: list[Any] = []

    def __getattribute__(self, name: str) -> Any:
        return self.events.append if name.startswith("on_") else super().__getattribute__(name)


def test_events(make_client: Callable[..., Any], server: Any, unused_port: int) -> None:
    listener = Everything()
    client = make_client(event_listeners=[listener])
    with client.connect([("127.0.0.1", unused_port), *server.addresses]):
        node_id = str(client.random_node.uuid)
        host, port = server.addresses[0]
        kinds = [type(event) for event in listener.events]
        assert kinds == [HandshakeStartEvent, HandshakeFailedEvent, HandshakeStartEvent, HandshakeSuccessEvent]
        failed, success = listener.events[1], listener.events[3]
        assert failed.port == unused_port
        assert "connect" in failed.error_msg
        assert (success.host, success.port, success.node_uuid) == (host, port, node_id)
        assert success.protocol_context == client.protocol_context
        listener.events.clear()

        client.get_cache_names()
        start, end = listener.events
        assert (type(start), type(end)) == (QueryStartEvent, QuerySuccessEvent)
        assert (start.host, start.port, start.node_uuid) == (host, port, node_id)
        assert (start.op_code, start.op_name) == (OP_CACHE_GET_NAMES, "OP_CACHE_GET_NAMES")
        assert start.query_id == end.query_id
        assert end.duration >= 0
        with pytest.raises(AttributeError):
            start.host = "elsewhere"
        listener.events.clear()

        missing = client.get_cache("no such cache")
        with pytest.raises(CacheError):
            missing.put(1, 1)
        start, end = listener.events
        assert (start.op_code, type(end)) == (OP_CACHE_PUT, QueryFailEvent)
        assert "Cache does not exist" in end.error_msg
        assert end.err_msg == end.error_msg
        listener.events.clear()
    (closed,) = listener.events
    assert type(closed) is ConnectionClosedEvent
    assert (closed.port, closed.node_uuid) == (port, node_id)


def test_listener_that_fails(make_client: Callable[..., Any], server: Any, caplog: pytest.LogCaptureFixture) -> None:
    class Broken(QueryEventListener):
        def on_query_start(self, event: QueryStartEvent) -> None:
            raise RuntimeError("listener's own fault")

    client = make_client(event_listeners=[Broken()])
    client.connect(server.addresses)
    assert client.get_cache_names() is not None
    assert "listener's own fault" in caplog.text


def test_log(make_client: Callable[..., Any], server: Any, caplog: pytest.LogCaptureFixture, unused_port: int) -> None:
    client = make_client()
    with caplog.at_level(logging.DEBUG, logger="pyignite"):
        with client.connect(server.addresses):
            client.get_cache_names()
        with pytest.raises(ReconnectError):
            client.connect("127.0.0.1", unused_port)
    host, port = server.addresses[0]
    text = caplog.text
    for said in (
        f"Connecting to node(address={host}, port={port})",
        f"Connected to node(address={host}, port={port}",
        "op_type=OP_CACHE_GET_NAMES",
        f"Connection closed to node(address={host}, port={port}",
        f"connection to node(address=127.0.0.1, port={unused_port}) failed:",
    ):
        assert said in text


# --- lost connections ---------------------------------------------------------------------------------------------


class Proxy:
    """Passes bytes on to a node until it is cut."""

    def __init__(self, target: tuple[str, int]) -> None:
        self._target = target
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = self._listening.getsockname()[1]
        self._sockets: list[socket.socket] = []
        self.is_silent = False
        # What clients sent in the meantime.
        self.unanswered = bytearray()
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listening.accept()
            except OSError:
                return
            server = socket.create_connection(self._target)
            self._sockets += [client, server]
            for source, sink, unanswered in ((client, server, self.unanswered), (server, client, bytearray())):
                threading.Thread(target=self._pass, args=(source, sink, unanswered), daemon=True).start()

    def _pass(self, source: socket.socket, sink: socket.socket, unanswered: bytearray) -> None:
        try:
            while data := source.recv(65536):
                if self.is_silent:
                    unanswered += data
                else:
                    sink.sendall(data)
        except OSError:
            pass

    def cut(self) -> None:
        for each in self._sockets:
            try:
                each.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue
            finally:
                each.close()
        self._sockets.clear()

    def close(self) -> None:
        if self._listening.fileno() >= 0:
            # Closing alone would let the thread that waits for it take one more connection.
            self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        self.cut()


def test_lost_connection(make_client: Callable[..., Any], server: Any, cache: Any) -> None:
    proxy = Proxy(server.addresses[0])
    listener = Everything()
    try:
        # A client that is aware of partitions would find the other way to the node by itself.
        client = make_client(event_listeners=[listener], partition_aware=False)
        client.connect("127.0.0.1", proxy.port)
        mine = client.get_cache(cache.name)
        mine.put(1, 1)
        proxy.cut()
        # What changes nothing is tried again, over a new connection.
        assert mine.get(1) == 1
        assert [type(event) for event in listener.events].count(ConnectionLostEvent) == 1
        transaction = client.tx_start()
        transaction.close()
        proxy.close()
        with pytest.raises(ConnectionError):
            mine.put(1, 2)
        with pytest.raises(ReconnectError):
            mine.put(1, 2)
    finally:
        proxy.close()


def test_no_node_is_left(make_client: Callable[..., Any], server: Any, cache: Any) -> None:
    proxy = Proxy(server.addresses[0])
    try:
        client = make_client(partition_aware=False)
        client.connect("127.0.0.1", proxy.port)
        mine = client.get_cache(cache.name)
        mine.put(1, 1)
        proxy.close()
        # First what became of the operation, although it was tried again; then that there is no other node.
        with pytest.raises(ConnectionError, match="lost"):
            mine.get(1)
        with pytest.raises(ReconnectError):
            mine.get(1)
    finally:
        proxy.close()


def test_an_answer_that_does_not_come(make_client: Callable[..., Any], server: Any, cache: Any) -> None:
    proxy = Proxy(server.addresses[0])
    try:
        client = make_client(timeout=3.0, partition_aware=False)
        client.connect("127.0.0.1", proxy.port)
        mine = client.get_cache(cache.name)
        mine.put(1, 1)
        proxy.is_silent = True
        started = time.monotonic()
        with pytest.raises(TimeoutError, match="request_timeout"):
            mine.get(1)
        assert 2.9 < time.monotonic() - started < 60
        # It was not tried again: one request was sent, which begins with the length of the rest.
        assert len(proxy.unanswered) == 4 + int.from_bytes(proxy.unanswered[:4], "little")
        proxy.is_silent = False
        assert mine.get(1) == 1
    finally:
        proxy.close()


def test_retry_policy(make_client: Callable[..., Any], server: Any, cache: Any) -> None:
    proxy = Proxy(server.addresses[0])
    try:
        client = make_client(retry_policy=RetryPolicy.NEVER, partition_aware=False)
        client.connect("127.0.0.1", proxy.port)
        mine = client.get_cache(cache.name)
        mine.put(1, 1)
        proxy.cut()
        with pytest.raises(ConnectionError, match="outcome"):
            mine.get(1)
        assert mine.get(1) == 1
        with client.tx_start():
            proxy.cut()
            with pytest.raises(OSError, match="lost"):
                mine.get(1)
            # The transaction is gone with its connection; nothing may take effect outside of it.
            with pytest.raises((OSError, CacheError)):
                mine.put(1, 2)
        assert mine.get(1) == 1
    finally:
        proxy.close()


def test_atomic_longs(client: Any) -> None:
    number = client.atomic_long("count of a client", 5)
    try:
        assert [number.get(), number.increment(), number.add_and_get(-10), number.get_and_set(7)] == [5, 6, -4, -4]
        assert (number.compare_and_set(7, 8), number.compare_and_set(7, 9), number.raise_to(3)) == (True, False, 8)
        # It belongs to no connection: the next call takes another one.
        for session in client._router.sessions:
            session.channel.close()
        assert client.atomic_long("count of a client", 0).get() == 8
        assert number.decrement() == 7
    finally:
        number.remove()
    assert not number.exists()
    with pytest.raises(CacheError, match="count of a client"):
        number.get()
