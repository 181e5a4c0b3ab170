"""Execution options and hints: what of them goes over the wire, from Core and from the ORM."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Callable, Iterator
from typing import Any

import attrs
import pytest
import sqlalchemy as sa
from sqlalchemy import orm
from sqlalchemy.ext.asyncio import create_async_engine

from tests.wire import Proxy

SQL_FIELDS_QUERY = 2004


@attrs.frozen
class Sent:
    """A request of a statement without parameters, as the server reads it."""

    schema: str | None
    page_size: int
    sql: str
    distributed_joins: bool
    local: bool
    enforce_join_order: bool
    collocated: bool
    lazy: bool
    timeout: int
    partitions: tuple[int, ...] | None

    @classmethod
    def read(cls, frame: bytes) -> Sent:
        position = 2 + 8 + 4
        (flags,) = struct.unpack_from("<B", frame, position)
        position += 5 if flags else 1

        def text() -> str | None:
            nonlocal position
            position += 1
            if frame[position - 1] == 101:
                return None
            (size,) = struct.unpack_from("<i", frame, position)
            position += 4 + size
            return frame[position - size : position].decode()

        schema = text()
        (page_size,) = struct.unpack_from("<i", frame, position)
        position += 8
        sql = text()
        assert sql is not None
        (arguments,) = struct.unpack_from("<i", frame, position)
        assert arguments == 0
        position += 4 + 1
        distributed_joins, local, _, enforce_join_order, collocated, lazy = struct.unpack_from("<6?", frame, position)
        position += 6
        timeout, _, count = struct.unpack_from("<q?i", frame, position)
        position += 13
        partitions = None if count < 0 else struct.unpack_from(f"<{count}i", frame, position)
        return cls(
            schema, page_size, sql, distributed_joins, local, enforce_join_order, collocated, lazy, timeout, partitions
        )


class Base(orm.DeclarativeBase):
    pass


class Thing(Base):
    __tablename__ = "opt_thing"
    __table_args__ = (sa.Index("opt_by_v", "v"),)

    id: orm.Mapped[int] = orm.mapped_column(primary_key=True, autoincrement=False)
    v: orm.Mapped[int]


@pytest.fixture(scope="module")
def proxy(make_ignite_cluster: Callable[..., Any]) -> Iterator[Proxy]:
    ((host, port),) = make_ignite_cluster().addresses
    with Proxy((host, port)) as proxy:
        engine = sa.create_engine(proxy.url)
        Base.metadata.drop_all(engine)
        Base.metadata.create_all(engine)
        yield proxy
        Base.metadata.drop_all(engine)
        engine.dispose()


@pytest.fixture
def engine(proxy: Proxy) -> Iterator[sa.Engine]:
    engine = sa.create_engine(proxy.url)
    with engine.connect():
        pass
    yield engine
    engine.dispose()


def last(proxy: Proxy) -> Sent:
    """The last statement that read the table."""
    for operation, frame in zip(reversed(proxy.requests), reversed(proxy.frames), strict=False):
        if operation == SQL_FIELDS_QUERY and b"opt_thing" in frame:
            return Sent.read(frame)
    raise AssertionError("nothing was sent")


OPTIONS: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({"ignite_timeout": 2.5}, {"timeout": 2500}),
    ({"ignite_lazy": False}, {"lazy": False}),
    ({"ignite_lazy": True}, {"lazy": True}),
    ({"ignite_page_size": 7}, {"page_size": 7}),
    ({"ignite_schema": "SYS"}, {"schema": "SYS"}),
    ({"ignite_distributed_joins": True}, {"distributed_joins": True}),
    ({"ignite_enforce_join_order": True}, {"enforce_join_order": True}),
    ({"ignite_collocated": True}, {"collocated": True}),
    ({"ignite_local": True}, {"local": True}),
    ({"ignite_partitions": [1, 5]}, {"partitions": (1, 5)}),
    ({"ignite_timeout": 1, "ignite_page_size": 3, "ignite_lazy": False}, {"timeout": 1000, "page_size": 3}),
    ({"stream_results": True}, {"lazy": True}),
]


@pytest.mark.parametrize(("options", "expected"), OPTIONS, ids=str)
def test_options_reach_the_server(
    engine: sa.Engine, proxy: Proxy, options: dict[str, Any], expected: dict[str, Any]
) -> None:
    statement = sa.select(sa.literal_column("v")).select_from(sa.text("PUBLIC.opt_thing"))

    def of_statement() -> None:
        with engine.connect() as connection:
            connection.execute(statement.execution_options(**options)).all()

    def of_execute() -> None:
        with engine.connect() as connection:
            connection.execute(statement, execution_options=options).all()

    def of_connection() -> None:
        with engine.connect().execution_options(**options) as connection:
            connection.execute(statement).all()

    def of_engine() -> None:
        with engine.execution_options(**options).connect() as connection:
            connection.execute(statement).all()

    def of_text() -> None:
        with engine.connect() as connection:
            connection.exec_driver_sql("SELECT v FROM PUBLIC.opt_thing", execution_options=options).all()

    def of_session() -> None:
        with orm.Session(engine) as session:
            session.execute(statement, execution_options=options).all()

    def of_entities() -> None:
        translated = {} if "ignite_schema" not in options else {"schema_translate_map": {None: "PUBLIC"}}
        with orm.Session(engine) as session:
            session.scalars(sa.select(Thing).execution_options(**options, **translated)).all()

    for way in (of_statement, of_execute, of_connection, of_engine, of_text, of_session, of_entities):
        before = len(proxy.requests)
        way()
        assert len(proxy.requests) > before
        sent = attrs.asdict(last(proxy))
        assert {name: sent[name] for name in expected} == expected, way.__name__
        # Nothing of it stays with the pooled connection.
        with engine.connect() as connection:
            connection.execute(statement).all()
            page_size = connection.connection.driver_connection.options.page_size  # type: ignore[union-attr]
        usual = Sent("PUBLIC", page_size, last(proxy).sql, False, False, False, False, True, -1, None)
        assert last(proxy) == usual, way.__name__


def test_the_engine_is_a_hint_in_the_text(engine: sa.Engine, proxy: Proxy) -> None:
    with engine.connect() as connection:
        for name, begins in (("calcite", "-- /*+ QUERY_ENGINE('calcite') */"), ("h2", "SELECT"), ("node", "SELECT")):
            connection.execute(sa.select(Thing.id).execution_options(ignite_engine=name)).all()
            assert last(proxy).sql.lstrip().startswith(begins), name


def test_joins_ask_the_h2_engine_for_distributed_joins(engine: sa.Engine, proxy: Proxy) -> None:
    other = orm.aliased(Thing)
    joined = sa.select(Thing.id).join(other, Thing.v == other.v)
    with orm.Session(engine) as session:
        session.execute(joined.execution_options(ignite_engine="h2")).all()
        assert last(proxy).distributed_joins
        session.execute(joined.execution_options(ignite_engine="h2", ignite_distributed_joins=False)).all()
        assert not last(proxy).distributed_joins
        session.execute(joined.execution_options(ignite_engine="node")).all()
        assert not last(proxy).distributed_joins


def test_hints_stand_where_the_engines_read_them(engine: sa.Engine, proxy: Proxy) -> None:
    hinted = sa.select(Thing.id).prefix_with("/*+ FORCE_INDEX(OPT_BY_V) */")
    with orm.Session(engine) as session:
        session.execute(hinted.execution_options(ignite_engine="calcite")).all()
        assert "SELECT /*+ FORCE_INDEX(OPT_BY_V) */ opt_thing.id" in last(proxy).sql
        hinted = sa.select(Thing.id).distinct().with_statement_hint("FORCE_INDEX(OPT_BY_V)", "ignite")
        session.execute(hinted.with_statement_hint("other", "oracle").execution_options(ignite_engine="calcite")).all()
        assert "SELECT /*+ FORCE_INDEX(OPT_BY_V) */ DISTINCT opt_thing.id" in last(proxy).sql
        session.execute(hinted.execution_options(ignite_engine="h2")).all()
        by_index = sa.select(Thing.id).where(Thing.v == sa.literal_column("1"))
        of_table = by_index.with_hint(Thing, "USE INDEX (OPT_BY_V)").execution_options(ignite_engine="h2")
        session.execute(of_table).all()
        assert "FROM opt_thing USE INDEX (OPT_BY_V)" in last(proxy).sql
        of_table = by_index.with_hint(Thing, "/*+ FORCE_INDEX(OPT_BY_V) */").execution_options(ignite_engine="calcite")
        session.execute(of_table).all()
        assert "FROM opt_thing /*+ FORCE_INDEX(OPT_BY_V) */" in last(proxy).sql
        # A hint that names the engine wins over the dialect's choice.
        which = sa.select(sa.func.query_engine(), Thing.id).prefix_with("/*+ QUERY_ENGINE('calcite') */")
        session.execute(which).all()
        assert last(proxy).sql.startswith("SELECT /*+ QUERY_ENGINE('calcite') */")


@pytest.mark.timeout(60)
def test_options_of_asyncio(proxy: Proxy) -> None:
    async def run() -> None:
        engine = create_async_engine(proxy.url.replace("ignite://", "ignite+aio://"))
        async with engine.connect() as connection:
            await connection.execute(
                sa.select(Thing.id), execution_options={"ignite_timeout": 3, "ignite_page_size": 9}
            )
        await engine.dispose()

    asyncio.run(run())
    assert (last(proxy).timeout, last(proxy).page_size) == (3000, 9)
