"""Key-value clients of several nodes, and of nodes that ask for TLS and a password."""

from __future__ import annotations

import ssl
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ignite_dbapi.keyvalue import GenericObjectMeta
from ignite_dbapi.keyvalue.api import cache_local_peek
from ignite_dbapi.keyvalue.connection.generators import RoundRobin
from ignite_dbapi.keyvalue.datatypes import IntObject, String
from ignite_dbapi.keyvalue.datatypes.cache_config import CacheAtomicityMode, CacheMode, WriteSynchronizationMode
from ignite_dbapi.keyvalue.datatypes.prop_codes import (
    PROP_BACKUPS_NUMBER,
    PROP_CACHE_ATOMICITY_MODE,
    PROP_CACHE_KEY_CONFIGURATION,
    PROP_CACHE_MODE,
    PROP_NAME,
    PROP_WRITE_SYNCHRONIZATION_MODE,
)
from ignite_dbapi.keyvalue.exceptions import AuthenticationError, ParameterError, ReconnectError
from ignite_dbapi.keyvalue.monitoring import (
    AuthenticationFailedEvent,
    ConnectionEventListener,
    HandshakeFailedEvent,
    QueryEventListener,
    QueryStartEvent,
)
from tests.twins import MODES, Loop, new_client


@pytest.fixture(scope="module")
def nodes(make_ignite_cluster: Callable[..., Any]) -> Any:
    # The same nodes as in test_routing.
    return make_ignite_cluster(nodes=3, jvm_options=("-Dname=routing",))


@pytest.fixture
def loop() -> Iterator[Loop]:
    loop = Loop()
    yield loop
    loop.close()


@pytest.fixture(params=MODES)
def make_client(request: pytest.FixtureRequest, loop: Loop) -> Iterator[Callable[..., Any]]:
    made: list[Any] = []

    def make(*arguments: Any, **options: Any) -> Any:
        made.append(new_client(request.param, loop, *arguments, **options))
        return made[-1]

    yield make
    for client in made:
        client.close()


class Ports(QueryEventListener):
    """Keeps the ports that requests for entries were sent to."""

    def __init__(self) -> None:
        self.ports: list[int] = []

    def on_query_start(self, event: QueryStartEvent) -> None:
        if 1000 <= event.op_code < 1050:
            self.ports.append(event.port)


class Place(metaclass=GenericObjectMeta, type_name="KeyOfPlace", schema={"number": IntObject, "country": String}):
    pass


def test_entries_are_asked_for_where_they_are(make_client: Callable[..., Any], nodes: Any, loop: Loop) -> None:
    listener = Ports()
    client = make_client(event_listeners=[listener])
    client.connect(nodes.addresses[:1])
    cache = client.get_or_create_cache(
        {
            PROP_NAME: "placed",
            PROP_CACHE_KEY_CONFIGURATION: [{"type_name": "KeyOfPlace", "affinity_key_field_name": "country"}],
        }
    )
    try:
        keys: list[Any] = [*range(20), "text", 1.5, True, Place(number=1, country="DE"), Place(number=2, country="DE")]
        for key in keys:
            cache.put(key, 1)
        # What was sent first may have gone anywhere; the cluster needs a moment for the partitions of a new cache.
        time.sleep(1)
        for key in keys:
            listener.ports.clear()
            cache.get(key)
            best = client.get_best_node(cache, key)
            assert listener.ports == [best.port], key
            for node in client._nodes:
                peeked = loop.dressed(cache_local_peek(node, cache.cache_info, key)).value
                assert peeked == (1 if node.port == best.port else None), key
        assert client.get_best_node(cache, keys[-1]).port == client.get_best_node(cache, keys[-2]).port
        assert {node.port for node in client._nodes} == {port for _, port in nodes.addresses}
    finally:
        cache.destroy()


def test_a_transaction_stays_where_it_has_begun(make_client: Callable[..., Any], nodes: Any) -> None:
    listener = Ports()
    client = make_client(event_listeners=[listener])
    client.connect(nodes.addresses)
    cache = client.get_or_create_cache(
        {PROP_NAME: "spread", PROP_CACHE_ATOMICITY_MODE: CacheAtomicityMode.TRANSACTIONAL}
    )
    try:
        for commits in (True, False):
            listener.ports.clear()
            with client.tx_start() as transaction:
                for key in range(30):
                    cache.put(key, commits)
                assert cache.get_all(range(30)) == dict.fromkeys(range(30), commits)
                if commits:
                    transaction.commit()
            assert len(set(listener.ports)) == 1
            assert cache.get_all(range(30)) == dict.fromkeys(range(30), True)
    finally:
        cache.destroy()


def test_a_node_is_lost_and_back(make_client: Callable[..., Any], nodes: Any) -> None:
    for options in ({}, {"partition_aware": False}):
        client = make_client(**options)
        with client.connect(RoundRobin(nodes.addresses, max_reconnects=20) if options else nodes.addresses):
            cache = client.get_or_create_cache(
                {
                    PROP_NAME: "kept",
                    PROP_CACHE_MODE: CacheMode.PARTITIONED,
                    PROP_BACKUPS_NUMBER: 2,
                    # By default the backups get a write after it is confirmed, and it may die with its node.
                    PROP_WRITE_SYNCHRONIZATION_MODE: WriteSynchronizationMode.FULL_SYNC,
                }
            )
            written: dict[int, int] = {}
            node = nodes.nodes[0]
            for number in range(300):
                if number == 100:
                    node.kill()
                try:
                    cache.put(number, number)
                except OSError:
                    # The outcome is unknown: either is right.
                    written.pop(number, None)
                else:
                    written[number] = number
            assert len(written) > 290
            assert cache.get_all(list(written)) == written
            node.start()
            assert cache.get_all(list(written)) == written
            cache.destroy()


# --- TLS and authentication -------------------------------------------------------------------------------------------


class Connections(ConnectionEventListener):
    """Keeps the events of failures."""

    def __init__(self) -> None:
        self.failures: list[Any] = []

    def on_handshake_fail(self, event: HandshakeFailedEvent) -> None:
        self.failures.append(event)

    def on_authentication_fail(self, event: AuthenticationFailedEvent) -> None:
        self.failures.append(event)


@pytest.fixture
def login(secured: Any) -> dict[str, Any]:
    return {
        "username": secured.user,
        "password": secured.password,
        "ssl_ca_certfile": secured.ca_file,
        "ssl_certfile": secured.client_cert_file,
        "ssl_keyfile": secured.client_key_file,
    }


def test_login(make_client: Callable[..., Any], secured: Any, login: dict[str, Any]) -> None:
    for more in (
        {},
        {"use_ssl": True, "ssl_cert_reqs": ssl.CERT_REQUIRED, "ssl_version": ssl.PROTOCOL_TLSv1_2},
        {"ssl_cert_reqs": ssl.CERT_NONE, "ssl_version": "1.3"},
        {"ssl_check_hostname": False, "ssl_ciphers": "ECDHE+AESGCM", "ssl_version": "1.2"},
    ):
        client = make_client(**login, **more)
        with client.connect(secured.addresses):
            cache = client.get_or_create_cache("secrets")
            cache.put("key", "x" * 300_000)
            assert cache.get("key") == "x" * 300_000
        assert secured.password not in repr(client)


def test_key_with_a_password(
    make_client: Callable[..., Any], secured: Any, login: dict[str, Any], tmp_path: Path
) -> None:
    locked = tmp_path / "locked.pem"
    subprocess.run(
        ["openssl", "pkey", "-in", login["ssl_keyfile"], "-aes256", "-passout", "pass:l0cked", "-out", str(locked)],
        check=True,
        timeout=60,
    )
    client = make_client(**{**login, "ssl_keyfile": str(locked), "ssl_keyfile_password": "l0cked"})
    with client.connect(secured.addresses):
        assert client.get_cache_names() is not None
    assert "l0cked" not in repr(client)
    with pytest.raises(ReconnectError, match="TLS files") as failed:
        make_client(**{**login, "ssl_keyfile": str(locked), "ssl_keyfile_password": "wrong-l0ck"}).connect(
            secured.addresses
        )
    assert isinstance(failed.value, ParameterError)
    assert "wrong-l0ck" not in str(failed.value)


def test_refused_login(make_client: Callable[..., Any], secured: Any, login: dict[str, Any]) -> None:
    for wrong in (
        {"password": "wr0ng"},
        {"password": None},
        {"username": "nobody"},
        {"username": None, "password": None, "use_ssl": True},
    ):
        listener = Connections()
        client = make_client(event_listeners=[listener], **{**login, **wrong})
        with pytest.raises(AuthenticationError) as refused:
            client.connect(secured.addresses)
        assert "wr0ng" not in str(refused.value)
        (event,) = listener.failures
        assert type(event) is AuthenticationFailedEvent
        assert "AuthenticationError" in event.error_msg
        assert event.protocol_context is not None


def test_refused_encryption(make_client: Callable[..., Any], secured: Any, login: dict[str, Any]) -> None:
    for wrong in (
        {"use_ssl": False},
        {"ssl_ca_certfile": None},
        {"ssl_keyfile": None, "ssl_certfile": None},
        {"ssl_keyfile": "missing.pem", "ssl_certfile": "missing.pem"},
        {"ssl_ciphers": "NONE-SUCH"},
    ):
        listener = Connections()
        client = make_client(event_listeners=[listener], **{**login, **wrong})
        with pytest.raises(ReconnectError, match=r"Can not connect\."):
            client.connect(secured.addresses)
        (event,) = listener.failures
        assert (type(event), event.host, event.port) == (HandshakeFailedEvent, *secured.addresses[0])
        assert event.error_msg
