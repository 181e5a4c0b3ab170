"""pandas over the dialect and over the bare driver."""

from __future__ import annotations

import asyncio
import datetime
import decimal
import tracemalloc
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pandas as pd
import pytest
import sqlalchemy as sa
from sqlalchemy import exc
from sqlalchemy.ext.asyncio import create_async_engine

import ignite_dbapi
from sqlalchemy_ignite import bulk_load_method
from tests.wire import Proxy

# Texts have a type of their own there, times come as they are, and errors of the database as pandas' own.
PANDAS_3 = int(pd.__version__.split(".")[0]) >= 3
DATABASE_ERROR = pd.errors.DatabaseError if PANDAS_3 else exc.DBAPIError
TEXT, MOMENT = ("str", "datetime64[us]") if PANDAS_3 else ("object", "datetime64[ns]")

CLUSTERS: dict[str, dict[str, Any]] = {
    "both engines": {},
    "h2 alone": {"engines": ("h2",)},
    "calcite default": {"engine": "calcite", "timezone": "Asia/Tokyo"},
}


@pytest.fixture(scope="module", params=list(CLUSTERS))
def engine(request: pytest.FixtureRequest, make_ignite_cluster: Callable[..., Any]) -> Iterator[sa.Engine]:
    engine = sa.create_engine(make_ignite_cluster(**CLUSTERS[request.param]).url)
    with engine.connect():
        yield engine
    engine.dispose()


@pytest.fixture
def table(engine: sa.Engine) -> Iterator[str]:
    names = ("pd_frame", "pd_other", "PdMixed")
    yield names[0]
    with engine.begin() as connection:
        for name in names:
            connection.exec_driver_sql(f'DROP TABLE IF EXISTS "{name.upper() if name.islower() else name}"')


def has_calcite(engine: sa.Engine) -> bool:
    return "calcite" in engine.dialect.server_engines.available  # type: ignore[attr-defined]


def frame() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "id": [1, 2, 3],
            "name": ["a", None, "é"],
            "amount": [1.5, float("nan"), -2.25],
            "flag": [True, False, True],
            "moment": pd.to_datetime(["2024-01-01 10:11:12.345", None, "1999-12-31 23:59:59.000"]),
            "day": [datetime.date(2024, 1, 1), None, datetime.date(1850, 5, 6)],
        }
    )


def declared(name: str, *others: sa.Column[Any]) -> tuple[sa.MetaData, sa.Table]:
    metadata = sa.MetaData()
    table = sa.Table(
        name,
        metadata,
        sa.Column("id", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("name", sa.Text),
        sa.Column("amount", sa.Double),
        sa.Column("flag", sa.Boolean),
        sa.Column("moment", sa.DateTime),
        sa.Column("day", sa.Date),
    )
    return metadata, table


def test_to_sql_and_back(engine: sa.Engine, table: str) -> None:
    if not has_calcite(engine):
        with pytest.raises(exc.CompileError, match=r"no primary key: give it one, or run the node with the Calcite"):
            frame().to_sql(table, engine, index=False)
        return
    assert frame().to_sql(table, engine, index=False) == 3
    found = pd.read_sql_table(table, engine).sort_values("id", ignore_index=True)
    pd.testing.assert_frame_equal(found[["id", "name", "amount", "flag"]], frame()[["id", "name", "amount", "flag"]])
    assert found["moment"].tolist()[0] == pd.Timestamp("2024-01-01 10:11:12.345")
    assert pd.isna(found["moment"][1])
    assert frame().to_sql(table, engine, index=False, if_exists="append") == 3
    assert pd.read_sql(f"SELECT COUNT(*) AS n FROM {table}", engine)["n"].tolist() == [6]
    assert frame().to_sql(table, engine, index=True, index_label="row_number", if_exists="replace") == 3
    assert pd.read_sql_query(sa.text(f"SELECT * FROM {table}"), engine).columns.tolist()[0] == "row_number"
    with pytest.raises(ValueError, match="already exists"):
        frame().to_sql(table, engine)


def test_append_to_a_table_with_a_key(engine: sa.Engine, table: str) -> None:
    metadata, _ = declared(table)
    metadata.create_all(engine)
    for method in (None, "multi"):
        with engine.begin() as connection:
            connection.exec_driver_sql(f"DELETE FROM {table}")
        assert frame().to_sql(table, engine, index=False, if_exists="append", method=method) == 3
        found = pd.read_sql(f"SELECT * FROM {table} ORDER BY id", engine, index_col="id")
        assert found.index.tolist() == [1, 2, 3]
        assert found["name"].iloc[[0, 2]].tolist() == ["a", "é"]
        assert found["day"].tolist() == [datetime.date(2024, 1, 1), None, datetime.date(1850, 5, 6)]


def test_many_rows(engine: sa.Engine, table: str) -> None:
    metadata, _ = declared(table)
    metadata.create_all(engine)
    rows = pd.DataFrame({"id": range(2500), "amount": [number / 4 for number in range(2500)]})
    assert rows.to_sql(table, engine, index=False, if_exists="append", chunksize=1000) == 2500
    streaming = engine.execution_options(stream_results=True, ignite_page_size=200)
    with streaming.connect() as connection:
        chunks = list(pd.read_sql(f"SELECT id, amount FROM {table} ORDER BY id", connection, chunksize=1000))
    assert [len(chunk) for chunk in chunks] == [1000, 1000, 500]
    pd.testing.assert_frame_equal(pd.concat(chunks, ignore_index=True), rows)


def test_read_sql_with_parameters_and_joins(engine: sa.Engine, table: str) -> None:
    metadata, parent = declared(table)
    child = sa.Table(
        "pd_other",
        metadata,
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("frame_id", sa.BigInteger, index=True),
    )
    metadata.create_all(engine)
    frame().to_sql(table, engine, index=False, if_exists="append")
    pd.DataFrame({"id": range(30), "frame_id": [number % 3 + 1 for number in range(30)]}).to_sql(
        "pd_other", engine, index=False, if_exists="append"
    )
    # Plain strings go to the driver as they are; the H2 engine asked plainly would find a part of the ten rows.
    joined = f"SELECT c.id FROM {table} p JOIN pd_other c ON c.frame_id = p.id WHERE p.id = ?"
    assert sorted(pd.read_sql(joined, engine, params=(2,))["id"]) == list(range(1, 30, 3))
    query = sa.select(child.c.id).join_from(parent, child, child.c.frame_id == parent.c.id).where(parent.c.id == 2)
    assert len(pd.read_sql(query, engine)) == 10
    metadata.drop_all(engine)


def test_names_with_upper_case(engine: sa.Engine, table: str) -> None:
    metadata, _ = declared("PdMixed")
    metadata.create_all(engine)
    assert frame().to_sql("PdMixed", engine, index=False, if_exists="append") == 3
    assert len(pd.read_sql_table("PdMixed", engine)) == 3


@pytest.mark.filterwarnings("ignore:pandas only supports SQLAlchemy")
def test_read_sql_over_the_bare_driver(engine: sa.Engine, table: str) -> None:
    metadata, _ = declared(table)
    metadata.create_all(engine)
    frame().to_sql(table, engine, index=False, if_exists="append")
    with engine.connect() as pooled:
        ((host, port),) = pooled.connection.driver_connection.options.addresses  # type: ignore[union-attr]
    with ignite_dbapi.connect(host=host, port=port) as connection:
        found = pd.read_sql(f"SELECT id, name FROM {table} WHERE id > ? ORDER BY id", connection, params=(1,))
    assert found.columns.tolist() == ["ID", "NAME"]
    assert found["ID"].tolist() == [2, 3]


# --- much data ------------------------------------------------------------------------------------------------------

MANY = 100_000
CHUNK = 4_000
#: Rows that the server makes, so that none have to be written.
MANY_ROWS = (
    f"SELECT X AS id, CAST(X AS DOUBLE) / 4 AS amount, CAST(X AS VARCHAR) AS name FROM SYSTEM_RANGE(1, {MANY})",
    f"SELECT X AS id, CAST(X AS DOUBLE) / 4 AS amount, CAST(X AS VARCHAR) AS name FROM TABLE(SYSTEM_RANGE(1, {MANY}))",
)


@pytest.mark.parametrize("options", [{}, {"stream_results": True}, {"yield_per": CHUNK}], ids=str)
def test_chunks_take_the_memory_of_a_chunk(engine: sa.Engine, options: dict[str, Any]) -> None:
    query = MANY_ROWS[engine.dialect.server_engines.default == "calcite"]  # type: ignore[attr-defined]
    numbers = rows = peak = 0
    with engine.connect().execution_options(ignite_engine="node", **options) as connection:
        chunks = pd.read_sql(query, connection, chunksize=CHUNK)
        # What the first chunk takes for the first time is not of interest.
        assert len(next(chunks)) == CHUNK
        tracemalloc.start()
        try:
            for chunk in chunks:
                rows += len(chunk)
                numbers += int(chunk.iloc[:, 0].sum())
                peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
    assert rows == MANY - CHUNK
    assert numbers == MANY * (MANY + 1) // 2 - CHUNK * (CHUNK + 1) // 2
    # All rows at once take five times as much.
    assert peak < 4_000_000, peak


def test_pages_are_asked_for_as_they_are_needed(make_ignite_cluster: Callable[..., Any]) -> None:
    ((host, port),) = make_ignite_cluster().addresses
    with Proxy((host, port)) as proxy:
        engine = sa.create_engine(proxy.url)
        with engine.connect().execution_options(ignite_engine="node", ignite_page_size=1000) as connection:
            before = len(proxy.requests)
            chunks = pd.read_sql(MANY_ROWS[0], connection, chunksize=1000)
            for _ in range(3):
                next(chunks)
            assert len(proxy.requests) - before <= 6
            assert sum(len(chunk) for chunk in chunks) == MANY - 3000
            assert len(proxy.requests) - before >= MANY // 1000
        engine.dispose()


# --- to_sql ---------------------------------------------------------------------------------------------------------


def test_if_exists(engine: sa.Engine, table: str) -> None:
    metadata, _ = declared(table)
    metadata.create_all(engine)
    count = f"SELECT COUNT(*) FROM {table}"
    with engine.connect() as connection:
        assert frame().to_sql(table, connection, index=False, if_exists="append", chunksize=2) == 3
        with pytest.raises(ValueError, match="already exists"):
            frame().to_sql(table, connection, index=False, if_exists="fail")
        with pytest.raises(DATABASE_ERROR, match="IntegrityError"):
            frame().to_sql(table, connection, index=False, if_exists="append")
        # The table stays as it was declared, key and all; only its rows are replaced.
        if PANDAS_3:
            assert frame().head(2).to_sql(table, connection, index=False, if_exists="delete_rows") == 2
            assert connection.exec_driver_sql(count).scalar() == 2
        if has_calcite(engine):
            assert frame().to_sql(table, connection, index=False, if_exists="replace") == 3
            assert connection.exec_driver_sql(count).scalar() == 3
            # The new table has no key, so that only Calcite can fill it, which takes no rows of parameters together.
            # pandas 2 runs such a method as executemany().
            if PANDAS_3:
                with pytest.raises(DATABASE_ERROR, match="several rows of parameters"):
                    frame().to_sql(table, connection, index=False, if_exists="append", method="multi")
            assert frame().to_sql(table, connection, index=False, if_exists="append", chunksize=2) == 3
            assert connection.exec_driver_sql(count).scalar() == 6


def test_an_index_becomes_columns(engine: sa.Engine, table: str) -> None:
    sa.Table(
        table,
        metadata := sa.MetaData(),
        sa.Column("country", sa.String, primary_key=True),
        sa.Column("year", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("people", sa.BigInteger),
    )
    metadata.create_all(engine)
    index = pd.MultiIndex.from_tuples([("NLD", 2020), ("NLD", 2021), ("AUS", 2020)], names=["country", "year"])
    people = pd.DataFrame({"people": [17_407_585, 17_475_415, None]}, index=index, dtype="Int64")
    assert people.to_sql(table, engine, if_exists="append") == 3
    found = pd.read_sql_table(table, engine, index_col=["country", "year"], dtype_backend="numpy_nullable")
    assert found.sort_index().to_dict() == people.sort_index().to_dict()


def test_types_of_columns_may_be_given(engine: sa.Engine, table: str) -> None:
    if not has_calcite(engine):
        pytest.skip("to_sql creates tables without a key")
    given = {"id": sa.SmallInteger(), "name": sa.String(10), "amount": sa.Numeric(10, 2), "day": sa.Date()}
    frame().to_sql(table, engine, index=False, dtype=given)
    columns = {column["name"]: column["type"] for column in sa.inspect(engine).get_columns(table)}
    assert [repr(columns[name]) for name in given] == [
        "SMALLINT()",
        "VARCHAR(length=10)",
        "DECIMAL(precision=10, scale=2)",
        "DATE()",
    ]
    found = pd.read_sql(f"SELECT amount FROM {table} ORDER BY id", engine, coerce_float=False)
    assert found["amount"].tolist() == [decimal.Decimal("1.50"), None, decimal.Decimal("-2.25")]


def test_moments_with_a_time_zone(engine: sa.Engine, table: str) -> None:
    if not has_calcite(engine):
        pytest.skip("to_sql creates tables without a key")
    moments = pd.DataFrame({"moment": pd.to_datetime(["2024-01-01 12:00", None]).tz_localize("America/New_York")})
    with pytest.warns(exc.SAWarning, match="stored as the server's wall clock"):
        moments.to_sql(table, engine, index=False)
    zone = "Asia/Tokyo" if engine.dialect.server_engines.default == "calcite" else None  # type: ignore[attr-defined]
    found = pd.read_sql_table(table, engine)["moment"].dropna()
    if zone is not None:
        assert found.dt.tz_localize(zone).tolist() == moments["moment"].dropna().tolist()
    assert len(found) == 1


# --- types ----------------------------------------------------------------------------------------------------------

TYPES: list[tuple[sa.types.TypeEngine[Any], Any, str, str, str]] = [
    # type, value, and the dtype of a column with it: without NULL, with NULL, the latter in nullable dtypes
    (sa.Boolean(), True, "bool", "object", "boolean"),
    (sa.SmallInteger(), 7, "int64", "float64", "Int64"),
    (sa.Integer(), 7, "int64", "float64", "Int64"),
    (sa.BigInteger(), 2**53 + 1, "int64", "float64", "Int64"),
    (sa.REAL(), 0.5, "float64", "float64", "Float64"),
    (sa.Double(), 0.1, "float64", "float64", "Float64"),
    (sa.Numeric(10, 2), decimal.Decimal("1.50"), "float64", "float64", "Float64"),
    (sa.String(10), "é", TEXT, TEXT, "string"),
    (sa.Date(), datetime.date(2024, 1, 2), "object", "object", "string"),
    (sa.Time(), datetime.time(1, 2, 3), "object", "object", "string"),
    (
        sa.DateTime(),
        datetime.datetime(2024, 1, 2, 3, 4, 5, 678000),
        MOMENT,
        MOMENT,
        MOMENT,
    ),
    (sa.Uuid(), uuid.UUID(int=5), "object", "object", "string"),
    (sa.LargeBinary(), b"ab", "object", "object", "string"),
]


def test_each_type_has_its_dtype(engine: sa.Engine, table: str) -> None:
    columns = [sa.Column(f"c{number}", type_) for number, (type_, *_) in enumerate(TYPES)]
    metadata = sa.MetaData()
    written = sa.Table(table, metadata, sa.Column("id", sa.Integer, primary_key=True, autoincrement=False), *columns)
    metadata.create_all(engine)
    names = [column.name for column in columns]
    with engine.begin() as connection:
        connection.execute(
            written.insert(), {"id": 1} | dict(zip(names, (value for _, value, *_ in TYPES), strict=True))
        )
        connection.execute(written.insert(), {"id": 2} | dict.fromkeys(names))
    query = sa.select(*columns).order_by(written.c.id)
    one = pd.read_sql(query.where(written.c.id == 1), engine)
    both = pd.read_sql(query, engine)
    nullable = pd.read_sql(query, engine, dtype_backend="numpy_nullable")
    for name, (type_, value, alone, with_null, of_nullable) in zip(names, TYPES, strict=True):
        assert (str(one[name].dtype), str(both[name].dtype), str(nullable[name].dtype)) == (
            alone,
            with_null,
            of_nullable,
        ), type_
        assert one[name][0] == value, type_
        assert pd.isna(both[name][1]), type_
    # Whole numbers beside NULL are exact with nullable dtypes only; decimals with coerce_float=False.
    assert nullable["c3"][0] == 2**53 + 1
    assert pd.read_sql(query, engine, coerce_float=False)["c6"].tolist() == [decimal.Decimal("1.50"), None]
    arrow = pd.read_sql(query, engine, dtype_backend="pyarrow")
    assert str(arrow["c3"].dtype) == "int64[pyarrow]"


def test_parameters(engine: sa.Engine, table: str) -> None:
    metadata, _ = declared(table)
    metadata.create_all(engine)
    frame().to_sql(table, engine, index=False, if_exists="append")
    by_mark = f"SELECT id FROM {table} WHERE id > ? AND name IS NOT NULL"
    assert pd.read_sql_query(by_mark, engine, params=(1,))["id"].tolist() == [3]
    by_name = sa.text(f"SELECT id FROM {table} WHERE day = :day")
    assert pd.read_sql_query(by_name, engine, params={"day": datetime.date(2024, 1, 1)})["id"].tolist() == [1]
    several = sa.text(f"SELECT id FROM {table} WHERE id IN :ids ORDER BY id").bindparams(
        sa.bindparam("ids", expanding=True)
    )
    assert pd.read_sql_query(several, engine, params={"ids": [1, 3, 9]})["id"].tolist() == [1, 3]


def test_the_bare_driver_reads_with_a_warning_and_does_not_write(engine: sa.Engine) -> None:
    with engine.connect() as pooled:
        connection = pooled.connection.driver_connection
        with pytest.warns(UserWarning, match="pandas only supports SQLAlchemy connectable"):
            assert pd.read_sql("SELECT 1 AS one", connection)["ONE"].tolist() == [1]
        # pandas takes the connection for one to SQLite.
        with (
            pytest.warns(UserWarning, match="pandas only supports SQLAlchemy connectable"),
            pytest.raises((ignite_dbapi.ProgrammingError, pd.errors.DatabaseError), match=r"(?i)sqlite_master"),
        ):
            frame().to_sql("pd_frame", connection)


# --- what applications put together from text -----------------------------------------------------------------------


def test_quoted_names_with_their_schema_and_type_codes(engine: sa.Engine, table: str) -> None:
    metadata, _ = declared(table)
    metadata.create_all(engine)
    frame().to_sql(table, engine, index=False, if_exists="append")
    found = pd.read_sql(
        f'SELECT "NAME", COUNT(*) AS "How many" FROM "PUBLIC"."{table.upper()}" GROUP BY "NAME"', engine
    )
    assert found.columns.tolist() == ["name", "How many"]
    with engine.connect() as connection:
        result = connection.exec_driver_sql(f'SELECT * FROM "PUBLIC"."{table.upper()}" ORDER BY "ID" LIMIT 10')
        codes = {column[0]: column[1] for column in result.cursor.description}
    assert codes == {
        "ID": "BIGINT",
        "NAME": "VARCHAR",
        "AMOUNT": "DOUBLE",
        "FLAG": "BOOLEAN",
        "MOMENT": "TIMESTAMP",
        "DAY": "DATE",
    }
    assert all(isinstance(code, str) for code in codes.values())
    inspector = sa.inspect(engine)
    assert inspector.default_schema_name == "public"
    assert "public" in inspector.get_schema_names()
    assert table in inspector.get_table_names(schema="public")


def test_bulk_load(engine: sa.Engine, table: str) -> None:
    rows = frame()
    with engine.begin() as connection:
        connection.exec_driver_sql(
            "CREATE TABLE pd_frame (id INT PRIMARY KEY, name VARCHAR, amount DOUBLE, flag BOOLEAN, moment TIMESTAMP, "
            "day DATE)"
        )
    options: dict[str, Any] = {"if_exists": "append", "index": False, "method": bulk_load_method}
    assert rows.to_sql(table, engine, **options) == 3
    assert rows.to_sql(table, engine, chunksize=2, **options) == 3  # they are there, and stay
    with engine.connect() as connection:
        found = pd.read_sql("SELECT * FROM pd_frame ORDER BY id", connection)
    expected = rows.assign(moment=rows["moment"].astype(MOMENT))
    pd.testing.assert_frame_equal(found, expected, check_dtype=False)


def test_bulk_load_into_what_to_sql_creates(engine: sa.Engine, table: str) -> None:
    if not has_calcite(engine):
        pytest.skip("to_sql creates tables without a key")
    mixed = pd.DataFrame({"Name": ["a", "b"], "year": [1, 2]})
    options: dict[str, Any] = {"index": False, "method": bulk_load_method}
    assert mixed.to_sql("PdMixed", engine, **options) == 2
    assert mixed.to_sql("PdMixed", engine, if_exists="append", **options) == 2
    with engine.connect() as connection:
        found = pd.read_sql('SELECT * FROM "PdMixed" ORDER BY "Name"', connection)
    assert found.to_dict("list") == {"Name": ["a", "a", "b", "b"], "year": [1, 1, 2, 2]}


def test_bulk_load_over_asyncio(engine: sa.Engine, table: str) -> None:
    async def main() -> None:
        url = engine.url.set(drivername="ignite+aio")
        awaiting = create_async_engine(url)
        async with awaiting.connect() as connection:
            await connection.exec_driver_sql("CREATE TABLE pd_other (id INT PRIMARY KEY, name VARCHAR)")
            part = frame()[["id", "name"]]
            count = await connection.run_sync(
                lambda synced: part.to_sql("pd_other", synced, if_exists="append", index=False, method=bulk_load_method)
            )
            assert count == 3
            assert await connection.scalar(sa.text("SELECT COUNT(name) FROM pd_other")) == 2
        await awaiting.dispose()

    asyncio.run(main())
