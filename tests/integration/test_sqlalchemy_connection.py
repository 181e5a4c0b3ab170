"""Connecting, options, disconnects, pings and what a statement may be told."""

from __future__ import annotations

import datetime
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy import exc, orm

import ignite_dbapi
from sqlalchemy_ignite import IgniteDialect


@pytest.fixture(scope="module")
def cluster(make_ignite_cluster: Callable[..., Any]) -> Any:
    return make_ignite_cluster()


@pytest.fixture
def engine(cluster: Any) -> Iterator[sa.Engine]:
    engine = sa.create_engine(cluster.url)
    yield engine
    engine.dispose()


def connected_ports(connection: ignite_dbapi.Connection) -> set[int]:
    """The ports of the clients that the node has connections with."""
    rows = connection.execute("SELECT REMOTE_ADDRESS FROM SYS.CLIENT_CONNECTIONS").fetchall()
    return {int(address.rpartition(":")[2]) for (address,) in rows}


def test_what_the_dialect_knows_of_the_server(engine: sa.Engine) -> None:
    with engine.connect() as connection:
        dialect = connection.dialect
        assert isinstance(dialect, IgniteDialect)
        assert dialect.server_version_info == (2, 17, 0)
        assert dialect.default_schema_name == "public"
        assert dialect.server_engines.available == {"h2", "calcite"}
        assert dialect.server_engines.default == "h2"
        assert connection.get_isolation_level() == "AUTOCOMMIT"
        assert connection.default_isolation_level == "AUTOCOMMIT"
        if hasattr(dialect, "dbapi_version"):
            assert str(dialect.dbapi_version).startswith(ignite_dbapi.__version__.split("+")[0].split(".dev")[0])


def test_a_url_names_everything(cluster: Any) -> None:
    ((host, port),) = cluster.addresses
    urls = [
        f"ignite://{host}:{port}",
        f"ignite://{host}:{port}/PUBLIC",
        f"ignite://{host}:{port}/public?page_size=3&lazy=false&timeout=5",
        f"ignite+ignite_dbapi://{host}:{port}/",
        f"ignite:///PUBLIC?host={host}:{port}",
        f"ignite:///?host=127.0.0.1:1&host={host}:{port}&connect_timeout=5",
        f"ignite://?addresses={host}:{port}",
    ]
    for url in urls:
        engine = sa.create_engine(url)
        with engine.connect() as connection:
            assert connection.scalar(sa.text("SELECT 1")) == 1, url
            options = connection.connection.driver_connection.options
            if "page_size" in url:
                assert (options.page_size, options.lazy, options.timeout) == (3, False, 5.0)
        engine.dispose()


def test_wrong_options_are_named(cluster: Any) -> None:
    ((host, port),) = cluster.addresses
    for query, words in (
        ("page_sice=3", "did you mean 'page_size'"),
        ("page_size=many", "'page_size': 'many'"),
        ("lazy=perhaps", "'lazy': 'perhaps'"),
    ):
        engine = sa.create_engine(f"ignite://{host}:{port}/?{query}")
        with pytest.raises(exc.InterfaceError, match=words):
            engine.connect()
    with pytest.raises(exc.ArgumentError, match="name all of them in the query"):
        sa.create_engine(f"ignite://{host}:{port}/?host=other:10800")
    with pytest.raises(exc.ArgumentError, match="'page_size' stands 2 times"):
        sa.create_engine(f"ignite://{host}:{port}/?page_size=3&page_size=4")
    with pytest.raises(TypeError, match="engin"):
        sa.create_engine(f"ignite://{host}:{port}/", engin="h2")


def test_connect_args_reach_the_driver(cluster: Any) -> None:
    engine = sa.create_engine(cluster.url, connect_args={"page_size": 7})
    with engine.connect() as connection:
        assert connection.connection.driver_connection.options.page_size == 7
    engine.dispose()


def test_user_and_password(make_ignite_cluster: Callable[..., Any]) -> None:
    cluster = make_ignite_cluster(auth=True)
    ((host, port),) = cluster.addresses
    url = sa.URL.create("ignite", username=cluster.user, password=cluster.password, host=host, port=port)
    engine = sa.create_engine(url)
    with engine.connect() as connection:
        assert connection.scalar(sa.text("SELECT 1")) == 1
    engine.dispose()
    wrong = sa.create_engine(url.set(password="wr@ng:/"))
    with pytest.raises(exc.OperationalError) as caught:
        wrong.connect()
    assert "wr@ng" not in str(caught.value)


def test_statement_options_reach_the_server(engine: sa.Engine) -> None:
    # Enough rows that the server cannot be done before the time is up.
    long = sa.text("SELECT COUNT(*) FROM SYSTEM_RANGE(1, 100000) a, SYSTEM_RANGE(1, 100000) b")
    long = long.execution_options(ignite_engine="node")
    with engine.connect() as connection:
        begin = datetime.datetime.now()
        with pytest.raises(exc.OperationalError, match=r"cancel|timed out|timeout"):
            connection.execute(long, execution_options={"ignite_timeout": 0.3})
        assert datetime.datetime.now() - begin < datetime.timedelta(seconds=20)
        rows = sa.text("SELECT X FROM SYSTEM_RANGE(1, 10)").execution_options(ignite_engine="node")
        assert len(connection.execute(rows, execution_options={"ignite_page_size": 2}).all()) == 10
        with pytest.raises(exc.InterfaceError, match="page_size"):
            connection.execute(rows, execution_options={"ignite_page_size": 0})
        for options in (
            {"ignite_lazy": False},
            {"ignite_collocated": True, "ignite_enforce_join_order": True},
            {"ignite_local": True},
            {"ignite_distributed_joins": True},
        ):
            assert connection.execute(sa.text("SELECT 1"), execution_options=options).scalar() == 1


def test_partitions_reach_the_server(engine: sa.Engine) -> None:
    metadata = sa.MetaData()
    table = sa.Table("con_part", metadata, sa.Column("id", sa.Integer, primary_key=True), sa.Column("v", sa.Integer))
    metadata.drop_all(engine)
    metadata.create_all(engine)
    with engine.begin() as connection:
        connection.execute(table.insert(), [{"id": number * 5, "v": 1} for number in range(200)])
        count = sa.select(sa.func.count()).select_from(table)
        some = connection.scalar(count, execution_options={"ignite_partitions": list(range(512))})
        rest = connection.scalar(count, execution_options={"ignite_partitions": list(range(512, 1024))})
        assert 0 < some < 200
        assert some + rest == 200
        assert connection.scalar(count, execution_options={"ignite_schema": "PUBLIC"}) == 200
    metadata.drop_all(engine)


def test_rows_are_streamed(engine: sa.Engine) -> None:
    metadata = sa.MetaData()
    table = sa.Table("con_stream", metadata, sa.Column("id", sa.Integer, primary_key=True), sa.Column("v", sa.Integer))
    metadata.drop_all(engine)
    metadata.create_all(engine)
    with engine.begin() as connection:
        connection.execute(table.insert(), [{"id": number, "v": number} for number in range(3000)])
        result = connection.execution_options(stream_results=True, ignite_page_size=100).execute(
            sa.select(table.c.id).order_by(table.c.id)
        )
        assert [row.id for row in result.fetchmany(5)] == [0, 1, 2, 3, 4]
        assert sum(1 for _ in result) == 2995
        chunks = connection.execution_options(yield_per=1000).execute(sa.select(table.c.id)).partitions()
        assert [len(chunk) for chunk in chunks] == [1000, 1000, 1000]
    metadata.drop_all(engine)


def test_text_with_typed_parameters(engine: sa.Engine) -> None:
    metadata = sa.MetaData()
    table = sa.Table(
        "con_text", metadata, sa.Column("id", sa.SmallInteger, primary_key=True), sa.Column("v", sa.Integer)
    )
    metadata.drop_all(engine)
    metadata.create_all(engine)
    with engine.begin() as connection:
        connection.execute(table.insert(), [{"id": number, "v": 1} for number in range(3)])
        typed = sa.text("DELETE FROM con_text WHERE id = :id").bindparams(sa.bindparam("id", type_=sa.SmallInteger))
        assert connection.execute(typed, {"id": 1}).rowcount == 1
        assert connection.execute(sa.text("DELETE FROM con_text WHERE id = :id"), {"id": 2}).rowcount == 1
        assert connection.exec_driver_sql("DELETE FROM con_text WHERE id = ?", (0,)).rowcount == 1
    metadata.drop_all(engine)


def test_autocommit_is_the_only_level(engine: sa.Engine) -> None:
    with engine.connect() as connection:
        with pytest.raises(exc.ArgumentError, match="AUTOCOMMIT"):
            connection.execution_options(isolation_level="SERIALIZABLE")
        assert connection.execution_options(isolation_level="AUTOCOMMIT").scalar(sa.text("SELECT 1")) == 1
    autocommit = sa.create_engine(engine.url, isolation_level="AUTOCOMMIT")
    with autocommit.connect() as connection:
        assert connection.scalar(sa.text("SELECT 1")) == 1
    autocommit.dispose()
    with engine.connect() as connection, pytest.raises(exc.InvalidRequestError, match="no savepoints"):
        connection.begin_nested()
    with engine.connect() as connection, pytest.raises(exc.InvalidRequestError, match="two-phase"):
        connection.begin_twophase()


def test_a_lost_node_is_a_disconnect_and_pre_ping_mends_it(make_ignite_cluster: Callable[..., Any]) -> None:
    cluster = make_ignite_cluster(sql_schemas=("DISCONNECT",))
    plain = sa.create_engine(cluster.url)
    careful = sa.create_engine(cluster.url, pool_pre_ping=True)
    with orm.Session(plain) as session, careful.connect() as other:
        assert session.scalar(sa.text("SELECT 1")) == 1
        assert other.scalar(sa.text("SELECT 1")) == 1
    with plain.connect() as connection:
        cluster.nodes[0].kill()
        with pytest.raises(exc.OperationalError) as caught:
            connection.scalar(sa.text("SELECT 1"))
        assert caught.value.connection_invalidated
        assert connection.invalidated
    cluster.nodes[0].start()
    with careful.connect() as connection:
        # The pooled connection is dead; the ping finds out before the statement does.
        assert connection.scalar(sa.text("SELECT 1")) == 1
    with plain.connect() as connection:
        assert connection.scalar(sa.text("SELECT 1")) == 1
    plain.dispose()
    careful.dispose()


def test_an_ordinary_error_is_no_disconnect(engine: sa.Engine) -> None:
    with engine.connect() as connection:
        with pytest.raises(exc.ProgrammingError) as caught:
            connection.scalar(sa.text("SELECT nonsense FROM nowhere"))
        assert not caught.value.connection_invalidated
        assert isinstance(caught.value.orig, ignite_dbapi.ProgrammingError)
        assert connection.scalar(sa.text("SELECT 1")) == 1


def test_the_pool_closes_what_it_opened(cluster: Any) -> None:
    engine = sa.create_engine(cluster.url, pool_size=3)
    connections = [engine.connect() for _ in range(3)]
    drivers: list[Any] = [connection.connection.driver_connection for connection in connections]
    ports = {driver._session.channel._socket.getsockname()[1] for driver in drivers}
    assert len(ports) == 3
    with ignite_dbapi.connect(cluster.url) as outside:
        # The server puts a socket on its list, and takes a closed one off it, in its own time.
        deadline = time.monotonic() + 60
        while not ports <= connected_ports(outside):
            assert time.monotonic() < deadline
            time.sleep(0.05)
        for connection in connections:
            connection.close()
        engine.dispose()
        deadline = time.monotonic() + 60
        while ports & connected_ports(outside):
            assert time.monotonic() < deadline
            time.sleep(0.05)
