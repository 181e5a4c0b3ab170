"""Ways to connect, and what a connection is."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Any

import pytest
from wire import Proxy, unused_port

import ignite_dbapi


def test_by_keywords(node: Any) -> None:
    host, port = node.addresses[0]
    with ignite_dbapi.connect(host=host, port=port, schema="SYS", page_size=7) as connection:
        assert connection.schema == "SYS"
        assert connection.address == (host, port)
        assert len(connection.execute("SELECT node_id FROM nodes").fetchall()) == 1


def test_first_address_dead_second_alive(node: Any) -> None:
    dead = unused_port()
    for options in (
        {"addresses": [("127.0.0.1", dead), node.addresses[0]]},
        {"addresses": f"127.0.0.1:{dead},127.0.0.1:{node.addresses[0][1]}"},
    ):
        with ignite_dbapi.connect(**options) as connection:
            assert connection.address == node.addresses[0]
            connection.ping()


def test_by_url(node: Any) -> None:
    (host, port), dead = node.addresses[0], unused_port()
    url = f"ignite://{host}:{dead},{host}:{port}/sys?page_size=3&lazy=false&query_engine=calcite&timeout=60"
    with ignite_dbapi.connect(url) as connection:
        options = connection.options
        assert (options.schema, options.page_size, options.lazy, options.timeout) == ("SYS", 3, False, 60)
        assert connection.execute("SELECT QUERY_ENGINE()").fetchone() == ("calcite",)


def test_keywords_win_over_url_over_environment(node: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IGNITE_DBAPI_URL", f"{node.url}/SYS?page_size=11")
    monkeypatch.setenv("IGNITE_DBAPI_TIMEOUT", "9")
    with ignite_dbapi.connect() as connection:
        assert (connection.schema, connection.options.page_size, connection.options.timeout) == ("SYS", 11, 9)
    with ignite_dbapi.connect(f"{node.url}/PUBLIC?page_size=12", timeout=8) as connection:
        assert (connection.schema, connection.options.page_size, connection.options.timeout) == ("PUBLIC", 12, 8)


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("pagesize=5", ["'pagesize'", "'page_size'"]),
        ("page_size=many", ["'page_size'", "'many'"]),
        ("page_size=0", ["'page_size'", "0"]),
        ("query_engine=calzite", ["'query_engine'", "'calzite'", "'calcite'"]),
        ("lazy=maybe", ["'lazy'", "true, false"]),
        ("timeout=-1", ["'timeout'"]),
        ("port=99999", ["65535"]),
        ("autocommit=perhaps", ["'autocommit'"]),
    ],
)
def test_wrong_option_is_named(node: Any, query: str, words: list[str]) -> None:
    with pytest.raises(ignite_dbapi.InterfaceError) as caught:
        ignite_dbapi.connect(f"ignite://user:hush-hush@127.0.0.1/PUBLIC?{query}")
    for word in words:
        assert word in str(caught.value)
    assert "hush-hush" not in str(caught.value)


def test_nothing_listens() -> None:
    port = unused_port()
    with pytest.raises(ignite_dbapi.OperationalError, match=f"127.0.0.1:{port}") as caught:
        ignite_dbapi.connect(port=port)
    assert caught.value.is_connection_lost
    with pytest.raises(ignite_dbapi.OperationalError, match="none of 2 nodes"):
        ignite_dbapi.connect(addresses=[("127.0.0.1", port), ("127.0.0.1", unused_port())])


def test_unknown_host() -> None:
    with pytest.raises(ignite_dbapi.OperationalError, match="no-such-host"):
        ignite_dbapi.connect("ignite://no-such-host.invalid")


def test_what_a_connection_knows(node: Any) -> None:
    with ignite_dbapi.connect(node.url) as connection:
        assert connection.server_version() == "2.17.0"
        assert connection.default_query_engine() == "h2"
        assert connection.query_engines() == {"h2", "calcite"}
        assert connection.protocol_version == (1, 7, 0)
        assert "QUERY_PARTITIONS_BATCH_SIZE" in connection.features
        ((node_id,),) = connection.execute("SELECT node_id FROM SYS.NODES").fetchall()
        assert connection.node_id == node_id
        assert connection.autocommit is True
        attributes = connection.execute("SELECT name, value FROM SYS.CLIENT_CONNECTION_ATTRIBUTES").fetchall()
        assert f"ignite-dbapi {ignite_dbapi.__version__}" in dict(attributes)["driver"]


def test_transactions_are_refused_not_ignored(node: Any) -> None:
    with pytest.raises(ignite_dbapi.NotSupportedError):
        ignite_dbapi.connect(node.url, autocommit=False)


def test_closing(node: Any) -> None:
    connection = ignite_dbapi.connect(node.url)
    cursor = connection.cursor()
    cursor.execute("SELECT x FROM SYSTEM_RANGE(1, 1000)", page_size=10)
    assert cursor.fetchone() == (1,)
    connection.close()
    connection.close()
    assert connection.closed
    for attempt in (
        cursor.fetchone,
        cursor.fetchmany,
        cursor.fetchall,
        lambda: next(cursor),
        lambda: cursor.execute("SELECT 1"),
        lambda: cursor.executemany("DELETE FROM t", []),
        connection.cursor,
        connection.commit,
        connection.rollback,
        connection.ping,
        connection.server_version,
        connection.__enter__,
    ):
        with pytest.raises(ignite_dbapi.InterfaceError, match="connection is closed"):
            attempt()
    cursor.close()
    cursor.close()


def test_closed_cursor(connection: ignite_dbapi.Connection) -> None:
    cursor = connection.cursor()
    cursor.execute("SELECT x FROM SYSTEM_RANGE(1, 1000)", page_size=10)
    cursor.close()
    cursor.close()
    assert cursor.closed
    assert cursor.description is None
    for attempt in (
        cursor.fetchone,
        cursor.fetchmany,
        cursor.fetchall,
        lambda: cursor.execute("SELECT 1"),
        lambda: cursor.setinputsizes([]),
        lambda: cursor.setoutputsize(1),
    ):
        with pytest.raises(ignite_dbapi.InterfaceError, match="cursor is closed"):
            attempt()


def test_context_managers_close(node: Any) -> None:
    with ignite_dbapi.connect(node.url) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    assert connection.closed
    assert cursor.closed


def test_next_page_is_requested_one_ahead(node: Any) -> None:
    with Proxy(node.addresses[0]) as proxy, ignite_dbapi.connect(proxy.url) as connection:
        cursor = connection.execute("SELECT x FROM SYSTEM_RANGE(1, 45)", page_size=10)
        pages = lambda: proxy.requests.count(2005)  # noqa: E731
        assert proxy.requests == [2004]
        assert cursor.fetchmany(1) == [(1,)]
        connection.ping()  # once this is answered, the request for the second page has passed the proxy
        assert pages() == 1
        assert cursor.fetchmany(9) == [(x,) for x in range(2, 11)]
        connection.ping()
        assert pages() == 1
        assert cursor.fetchmany(5) == [(x,) for x in range(11, 16)]
        connection.ping()
        assert pages() == 2
        assert cursor.fetchall() == [(x,) for x in range(16, 46)]
        assert pages() == 4
        assert proxy.requests.count(0) == 0, "the server closes a cursor itself when it is read to the end"


def test_prefetch_costs_no_round_trip_for_one_page(node: Any) -> None:
    with Proxy(node.addresses[0]) as proxy, ignite_dbapi.connect(proxy.url) as connection:
        assert connection.execute("SELECT 1").fetchall() == [(1,)]
        assert proxy.requests == [2004]


def test_forked_child_leaves_the_parents_connection_alone(connection: ignite_dbapi.Connection) -> None:
    child = os.fork()
    if child == 0:
        code = 1
        try:
            connection.execute("SELECT 1")
        except ignite_dbapi.InterfaceError as error:
            code = 0 if error.code == "connection_of_parent" else 2
        finally:
            os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert connection.execute("SELECT 1").fetchone() == (1,)


def test_interpreter_exits_with_open_connection(node: Any) -> None:
    program = (
        "import ignite_dbapi, sys\n"
        "cursor = ignite_dbapi.connect(sys.argv[1]).execute('SELECT x FROM SYSTEM_RANGE(1,100000)', page_size=10)\n"
        "cursor.fetchone()\n"
    )
    done = subprocess.run([sys.executable, "-c", program, node.url], capture_output=True, text=True, timeout=30)
    assert (done.returncode, done.stderr) == (0, "")
