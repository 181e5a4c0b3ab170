"""polars over the dialect and over the bare driver."""

from __future__ import annotations

import datetime
import decimal
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import create_async_engine

import ignite_dbapi

pl = pytest.importorskip("polars", reason="polars is not installed")

SCHEMA = {
    "ID": pl.Int32,
    "A_BOOLEAN": pl.Boolean,
    "A_TINYINT": pl.Int8,
    "A_SMALLINT": pl.Int16,
    "A_BIGINT": pl.Int64,
    "A_REAL": pl.Float32,
    "A_DOUBLE": pl.Float64,
    "A_DECIMAL": pl.Decimal(10, 2),
    "A_VARCHAR": pl.String,
    "A_DATE": pl.Date,
    "A_TIME": pl.Time,
    "A_TIMESTAMP": pl.Datetime("us"),
    "A_BINARY": pl.Binary,
}
ROWS: list[tuple[Any, ...]] = [
    (
        1,
        True,
        -1,
        2,
        2**53 + 1,
        0.5,
        0.1,
        decimal.Decimal("1.50"),
        "é",
        datetime.date(1850, 5, 6),
        datetime.time(1, 2, 3, 456000),
        datetime.datetime(2024, 1, 2, 3, 4, 5, 678000),
        b"\x00\xff",
    ),
    (2, *[None] * 12),
]
QUERY = "SELECT * FROM pl_types ORDER BY id"
#: The server does not tell the scale of a DECIMAL column.
DECIMALS = {"A_DECIMAL": pl.Decimal(10, 2)}


@pytest.fixture(scope="module", params=["h2", "calcite"])
def engine(request: pytest.FixtureRequest, make_ignite_cluster: Callable[..., Any]) -> Iterator[sa.Engine]:
    engine = sa.create_engine(make_ignite_cluster().url, engine=request.param)
    with engine.begin() as connection:
        connection.exec_driver_sql("DROP TABLE IF EXISTS pl_types")
        connection.exec_driver_sql(
            "CREATE TABLE pl_types (id INT PRIMARY KEY, a_boolean BOOLEAN, a_tinyint TINYINT, a_smallint SMALLINT,"
            " a_bigint BIGINT, a_real REAL, a_double DOUBLE, a_decimal DECIMAL(10, 2), a_varchar VARCHAR, a_date DATE,"
            " a_time TIME, a_timestamp TIMESTAMP, a_binary VARBINARY)"
        )
        for row in ROWS:
            connection.exec_driver_sql(f"INSERT INTO pl_types VALUES ({', '.join('?' * len(row))})", row)
    yield engine
    with engine.begin() as connection:
        connection.exec_driver_sql("DROP TABLE pl_types")
    engine.dispose()


@pytest.fixture
def connection(engine: sa.Engine) -> Iterator[ignite_dbapi.Connection]:
    host, port = engine.url.host, engine.url.port
    with ignite_dbapi.connect(host=host, port=port, query_engine=engine.dialect.engine) as connection:  # type: ignore[attr-defined]
        yield connection


def test_every_way_to_connect_reads_types_and_nulls(engine: sa.Engine, connection: ignite_dbapi.Connection) -> None:
    with engine.connect() as of_engine, connection.cursor() as cursor:
        for source in (engine, of_engine, connection, cursor):
            frame = pl.read_database(QUERY, source, schema_overrides=dict(DECIMALS))
            assert frame.schema == SCHEMA, source
            assert frame.rows() == ROWS, source


def test_types_come_from_the_cursor_also_where_the_first_rows_are_null(
    engine: sa.Engine, connection: ignite_dbapi.Connection
) -> None:
    backwards = QUERY + " DESC"
    assert pl.read_database(backwards, connection, schema_overrides=dict(DECIMALS)).schema == SCHEMA
    assert pl.read_database(backwards, connection, schema_overrides=dict(DECIMALS)).rows() == ROWS[::-1]


def test_a_decimal_needs_its_scale(engine: sa.Engine) -> None:
    # A scale that was guessed from the first value would cut digits off later ones, and polars would not say so.
    with pytest.raises(TypeError, match="Decimal without precision/scale"):
        pl.read_database("SELECT a_decimal FROM pl_types", engine)


def test_a_uuid_is_an_object(connection: ignite_dbapi.Connection) -> None:
    number = uuid.UUID(int=5)
    assert pl.read_database("SELECT CAST(? AS UUID) AS u", connection, execute_options={"parameters": (number,)})[
        "U"
    ].to_list() == [number]


def test_batches(engine: sa.Engine, connection: ignite_dbapi.Connection) -> None:
    numbers = "SELECT X FROM SYSTEM_RANGE(1, 5000)"
    if engine.dialect.engine == "calcite":  # type: ignore[attr-defined]
        numbers = "SELECT X FROM TABLE(SYSTEM_RANGE(1, 5000))"
    for source in (engine, connection):
        batches = list(pl.read_database(numbers, source, iter_batches=True, batch_size=1500))
        assert [len(batch) for batch in batches] == [1500, 1500, 1500, 500]
        assert pl.concat(batches)["X"].sum() == 5000 * 5001 // 2


def test_parameters(engine: sa.Engine, connection: ignite_dbapi.Connection) -> None:
    marked = "SELECT a_varchar FROM pl_types WHERE id = ?"
    named = sa.text("SELECT a_varchar FROM pl_types WHERE id = :id")
    assert pl.read_database(marked, connection, execute_options={"parameters": (1,)}).rows() == [("é",)]
    assert pl.read_database(named, engine, execute_options={"parameters": {"id": 1}}).rows() == [("é",)]
    assert pl.read_database("SELECT id FROM pl_types WHERE id > 5", connection).shape == (0, 1)


def test_asyncio(engine: sa.Engine) -> None:
    asynchronous = create_async_engine(engine.url.set(drivername="ignite+aio"), poolclass=sa.NullPool)
    assert pl.read_database("SELECT id, a_varchar FROM pl_types ORDER BY id", asynchronous).rows() == [
        (1, "é"),
        (2, None),
    ]


def test_write_database(engine: sa.Engine) -> None:
    metadata = sa.MetaData()
    table = sa.Table(
        "pl_written",
        metadata,
        sa.Column("id", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("name", sa.String),
        sa.Column("amount", sa.Double),
        sa.Column("moment", sa.DateTime),
    )
    metadata.drop_all(engine)
    metadata.create_all(engine)
    try:
        rows = [(1, "a", 0.5, datetime.datetime(2024, 1, 2, 3)), (2, None, None, None), (3, "é", -1.0, None)]
        frame = pl.DataFrame(rows, schema=["id", "name", "amount", "moment"], orient="row")
        assert frame.write_database("pl_written", engine, if_table_exists="append") == 3
        with engine.connect() as connection:
            assert connection.execute(sa.select(table).order_by(table.c.id)).all() == rows
        with pytest.raises(ValueError, match="already exists"):
            frame.write_database("pl_written", engine, if_table_exists="fail")
    finally:
        metadata.drop_all(engine)
