"""Results as columns: pyarrow, NumPy, pandas, and whoever takes Arrow streams, against rows of the same statement."""

from __future__ import annotations

import asyncio
import random
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import sqlalchemy

import ignite_dbapi
import ignite_dbapi.aio
from ignite_dbapi import DataError, InterfaceError, ProgrammingError, arrow

ENGINES = pytest.mark.parametrize("engine", ["h2", "calcite"])
COLUMNS = (
    "id INT PRIMARY KEY, bo BOOLEAN, ti TINYINT, sm SMALLINT, bi BIGINT, de DECIMAL(30, 6), re REAL, do_ DOUBLE, "
    "vc VARCHAR, da DATE, tm TIME, ts TIMESTAMP, uu UUID, vb VARBINARY, nothing INT"
)
TYPES = [
    pa.int32(), pa.bool_(), pa.int8(), pa.int16(), pa.int64(), pa.decimal128(38, 6), pa.float32(), pa.float64(),
    pa.string(), pa.date32(), pa.time64("us"), pa.timestamp("us"), pa.uuid(), pa.binary(), pa.null(),
]  # fmt: skip
ROWS = 300
NUMBERS = "SELECT X, CAST(X AS VARCHAR) AS TEXT FROM SYSTEM_RANGE(1, {})"


def random_rows() -> Iterator[list[Any]]:
    """Rows of COLUMNS, with NULLs and with milliseconds, which both engines keep."""
    source = random.Random(7)
    start = datetime(1890, 1, 1)
    for number in range(ROWS):
        moment = start + timedelta(milliseconds=source.randrange(200 * 365 * 86_400_000))
        row: list[Any] = [
            source.random() < 0.5,
            source.randrange(-128, 128),
            source.randrange(-(2**15), 2**15),
            source.randrange(-(2**63), 2**63),
            Decimal(source.randrange(-(10**24), 10**24)).scaleb(-source.randrange(7)),
            float(np.float32(source.uniform(-1e9, 1e9))),
            source.uniform(-1e300, 1e300),
            "".join(source.choice("aé日😀 ") for _ in range(source.randrange(12))),
            moment.date(),
            time(source.randrange(24), 30, 0, source.randrange(1000) * 1000),
            moment,
            UUID(int=source.getrandbits(128)),
            source.randbytes(source.randrange(9)),
        ]
        yield [number, *(None if source.random() < 0.2 else value for value in row), None]


def fill(connection: ignite_dbapi.Connection, name: str) -> None:
    marks = ", ".join("?" * 15)
    connection.cursor().executemany(f"INSERT INTO {name} VALUES ({marks})", random_rows())


@pytest.fixture(scope="module")
def filled(node: Any) -> Iterator[str]:
    with ignite_dbapi.connect(node.url) as connection:
        connection.execute(f"CREATE TABLE columns_of_test ({COLUMNS})")
        fill(connection, "columns_of_test")
        yield "columns_of_test"
        connection.execute("DROP TABLE columns_of_test")


def rows_of(table: pa.Table) -> list[tuple[Any, ...]]:
    return list(zip(*(column.to_pylist() for column in table.columns), strict=True))


# --- the same as rows -----------------------------------------------------------------------------------------


@ENGINES
def test_every_type(filled: str, connection: Any, engine: str) -> None:
    query = f"SELECT * FROM {filled} ORDER BY id"
    rows = connection.execute(query, query_engine=engine).fetchall()
    assert len(rows) == ROWS
    table = connection.execute(query, query_engine=engine, page_size=37).fetch_arrow_table()
    table.validate(full=True)
    assert rows_of(table) == rows
    assert [column.name for column in connection.execute(query).description] == table.column_names
    assert table.schema.types == TYPES


def test_wall_clock_of_the_server(new_york: Any, table: Callable[..., str]) -> None:
    name = table(COLUMNS, at=new_york)
    with ignite_dbapi.connect(new_york.url) as connection:
        fill(connection, name)
        rows = connection.execute(f"SELECT * FROM {name} ORDER BY id").fetchall()
    # Another connection, which does not know the server's zone when the page with the first time comes.
    with ignite_dbapi.connect(new_york.url) as connection:
        assert rows_of(connection.execute(f"SELECT * FROM {name} ORDER BY id").fetch_arrow_table()) == rows
        stamps = connection.execute(f"SELECT ts FROM {name} ORDER BY id").fetch_numpy()["TS"]
        assert [None if np.isnat(stamp) else stamp.item() for stamp in stamps] == [row[11] for row in rows]


def test_nothing_is_lost_of_decimals_and_nanoseconds(table: Callable[..., str], connection: Any) -> None:
    name = table("id INT PRIMARY KEY, de DECIMAL(60, 20), ts TIMESTAMP")
    values = [Decimal("1.5"), Decimal("-1.25"), Decimal("9" * 30 + "." + "9" * 20), Decimal("3")]
    stamp = "TIMESTAMP '2024-01-02 03:04:05.123456789'"
    for number, value in enumerate(values):
        connection.execute(f"INSERT INTO {name} VALUES (?, ?, {stamp})", [number, value])
    columns = connection.execute(f"SELECT de, ts FROM {name} ORDER BY id", page_size=2).fetch_arrow_table()
    assert columns.schema.types == [pa.decimal256(76, 20), pa.timestamp("ns")]
    assert columns.column(0).to_pylist() == values
    assert {value.value for value in columns.column(1)} == {pd.Timestamp("2024-01-02 03:04:05.123456789").value}


def test_names_that_occur_twice_and_results_without_rows(connection: Any) -> None:
    cursor = connection.execute("SELECT 1 AS A, 'x' AS A")
    table = cursor.fetch_arrow_table()
    assert (table.column_names, rows_of(table)) == (["A", "A"], [(1, "x")])
    assert list(connection.execute("SELECT 1 AS A, 'x' AS A").fetch_pandas().columns) == ["A", "A"]
    cursor = connection.execute("SELECT 1 AS A, 'x' AS A")
    with pytest.raises(ProgrammingError, match="'A'"):
        cursor.fetch_numpy()
    assert cursor.fetchall() == [(1, "x")]
    empty = "SELECT X, X AS Y FROM SYSTEM_RANGE(1, 3) WHERE X > 5"
    table = connection.execute(empty).fetch_arrow_table()
    assert (table.num_rows, table.column_names, table.schema.types) == (0, ["X", "Y"], [pa.null()] * 2)
    assert connection.execute(empty).fetch_record_batches().read_all().num_rows == 0
    assert connection.execute(empty).fetch_pandas().shape == (0, 2)
    assert [len(array) for array in connection.execute(empty).fetch_numpy().values()] == [0, 0]
    with pytest.raises(ProgrammingError, match="schema names 'UNKNOWN'") as caught:
        connection.execute("SELECT 1 AS A").fetch_arrow_table({"UNKNOWN": pa.int64()})
    assert caught.value.code == "unknown_column"


# --- where fetching goes on -----------------------------------------------------------------------------------


@pytest.mark.parametrize("page_size", [7, 10, 1000])
@pytest.mark.parametrize("taken", [0, 1, 2, 7, 8, 299])
def test_goes_on_after_rows(filled: str, connection: Any, page_size: int, taken: int) -> None:
    query = f"SELECT * FROM {filled} ORDER BY id"
    rows = connection.execute(query).fetchall()
    cursor = connection.cursor(row_factory=ignite_dbapi.dict_row)
    cursor.execute(query, page_size=page_size)
    for number in range(taken):
        assert cursor.fetchone()["ID"] == number
    assert cursor.rownumber == taken
    assert rows_of(cursor.fetch_arrow_table()) == rows[taken:]
    assert cursor.rownumber == ROWS
    assert cursor.fetchone() is None
    assert cursor.fetch_arrow_table().shape == (0, 15)


def test_rows_and_batches_in_turns(filled: str, connection: Any) -> None:
    cursor = connection.execute(f"SELECT id FROM {filled} ORDER BY id", page_size=50)
    batches = cursor.fetch_record_batches(size=30)
    seen = batches.read_next_batch().column(0).to_pylist()
    seen += [row[0] for row in cursor.fetchmany(7)]
    seen += batches.read_next_batch().column(0).to_pylist()
    seen += [cursor.fetchone()[0], cursor.fetchone()[0]]
    seen += cursor.fetch_numpy()["ID"].tolist()
    assert seen == list(range(ROWS))


@pytest.mark.parametrize(("size", "sizes"), [(None, [50] * 6), (300, [300]), (70, [70, 70, 70, 70, 20]), (1000, [300])])
def test_sizes_of_batches(filled: str, connection: Any, size: int | None, sizes: list[int]) -> None:
    cursor = connection.execute(f"SELECT * FROM {filled} ORDER BY id", page_size=50)
    batches = list(cursor.fetch_record_batches(size))
    assert [batch.num_rows for batch in batches] == sizes
    assert [number for batch in batches for number in batch.column(0).to_pylist()] == list(range(ROWS))
    with pytest.raises(ProgrammingError, match="batches of 0 rows"):
        connection.execute("SELECT 1").fetch_record_batches(0)


def test_batches_keep_memory_flat(connection: Any) -> None:
    cursor = connection.execute(NUMBERS.format(300_000), page_size=2000)
    tracemalloc.start()
    try:
        total = sum(batch.num_rows for batch in cursor.fetch_record_batches())
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert total == 300_000
    # All rows together take 7 MB.
    assert peak < 1_500_000


def test_columns_that_are_too_large_for_one_array(
    filled: str, connection: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ignite_dbapi.protocol.codec.columns.LARGEST_COLUMN", 2800)
    query = f"SELECT * FROM {filled} ORDER BY id"
    rows = connection.execute(query).fetchall()
    table = connection.execute(query, page_size=20).fetch_arrow_table()
    assert table.column("VC").num_chunks > 2
    assert rows_of(table) == rows
    assert connection.execute(query, page_size=20).fetch_numpy()["VC"].tolist() == [row[8] for row in rows]
    assert connection.execute(query, page_size=20).fetch_pandas()["UU"].tolist() == [row[12] for row in rows]


# --- what does not fit ----------------------------------------------------------------------------------------


LATE = "SELECT CASE WHEN X > 25 THEN CAST(X AS VARCHAR) END AS V FROM SYSTEM_RANGE(1, 30)"


def test_a_stream_whose_first_batch_says_too_little(connection: Any) -> None:
    expected = [None] * 25 + [str(number) for number in range(26, 31)]
    assert connection.execute(LATE, page_size=10).fetch_arrow_table().column(0).to_pylist() == expected
    cursor = connection.execute(LATE, page_size=10)
    batches = cursor.fetch_record_batches()
    with pytest.raises(DataError, match=r"column 'V', row 25 .*'26' does not fit the column's type null") as caught:
        list(batches)
    assert caught.value.code == "column_type"
    # What is missing does not look like the end.
    for fetch in (cursor.fetchall, cursor.fetchone, cursor.fetch_arrow_table):
        with pytest.raises(DataError, match="row 25"):
            fetch()
    stream = connection.execute(LATE, page_size=10).fetch_record_batches(schema={"V": pa.large_string()})
    assert stream.read_all().column(0).to_pylist() == expected
    wide = connection.execute(LATE, page_size=10).fetch_record_batches(schema=pa.schema([("V", pa.int16())]))
    assert wide.read_all().column(0).to_pylist()[24:26] == [None, 26]


def test_objects(table: Callable[..., str], connection: Any) -> None:
    name = table("a INT, b INT, c VARCHAR, PRIMARY KEY (a, b)")
    connection.execute(f"INSERT INTO {name} VALUES (1, 2, 'x')")
    cursor = connection.execute(f"SELECT _KEY, c FROM {name}")
    with pytest.raises(DataError, match=r"column '_KEY', row 0 .*no type for the object") as caught:
        cursor.fetch_arrow_table()
    assert caught.value.code == "column_of_objects"
    # Nothing was taken: the same cursor can give it in another form.
    assert [error.code for _, error in cursor.messages] == ["column_of_objects"]
    frame = cursor.fetch_pandas()
    assert frame["_KEY"][0]["A"] == 1
    assert frame["C"].tolist() == ["x"]
    assert connection.execute(f"SELECT _KEY FROM {name}").fetch_numpy()["_KEY"][0]["B"] == 2


def test_goes_on_where_making_arrays_was_interrupted(connection: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    cursor = connection.execute(NUMBERS.format(100), page_size=10)

    def interrupted(*_: Any) -> None:
        raise TimeoutError  # as a signal handler may

    with monkeypatch.context() as patched:
        patched.setattr(arrow.NumpyArrays, "make", interrupted)
        patched.setattr(arrow.RecordBatches, "make", interrupted)
        with pytest.raises(TimeoutError):
            cursor.fetch_record_batches(size=7)
        with pytest.raises(TimeoutError):
            cursor.fetch_numpy()
    assert cursor.fetch_record_batches().read_next_batch().num_rows == 7
    assert cursor.fetch_numpy()["X"].tolist() == list(range(8, 101))


def test_without_a_result(connection: Any) -> None:
    cursor = connection.cursor()
    for fetch in (cursor.fetch_arrow_table, cursor.fetch_record_batches, cursor.fetch_numpy, cursor.fetch_pandas):
        with pytest.raises(ProgrammingError, match="execute first"):
            fetch()
    with pytest.raises(ProgrammingError, match="execute first"):
        pl.DataFrame(cursor)
    cursor.execute("SELECT 1")
    cursor.close()
    with pytest.raises(InterfaceError, match="cursor is closed"):
        cursor.fetch_arrow_table()


def test_closing_while_batches_are_read(connection: Any) -> None:
    cursor = connection.execute(NUMBERS.format(100), page_size=10)
    batches = cursor.fetch_record_batches()
    batches.read_next_batch()
    cursor.close()
    with pytest.raises(InterfaceError, match="cursor is closed"):
        list(batches)


# --- other libraries ------------------------------------------------------------------------------------------


EXAMPLE = (
    "SELECT X, CAST(X AS VARCHAR) AS S, CAST(X AS DECIMAL(10, 2)) / 4 AS D, DATE '2024-01-02' AS DA, "
    "TIMESTAMP '2024-01-02 03:04:05' AS TS, CASE WHEN X > 2 THEN X END AS N FROM SYSTEM_RANGE(1, 5)"
)


def test_polars(connection: Any) -> None:
    cursor = connection.execute(EXAMPLE)
    frame = pl.DataFrame(cursor)
    assert frame.rows() == connection.execute(EXAMPLE).fetchall()
    assert frame.schema["TS"] == pl.Datetime("us")
    series = pl.from_arrow(connection.execute(EXAMPLE))
    assert isinstance(series, pl.Series)
    assert series.struct.unnest().equals(frame)
    assert pl.from_arrow(connection.execute(EXAMPLE).fetch_arrow_table()).equals(frame)  # type: ignore[arg-type]


def test_pyarrow(connection: Any) -> None:
    rows = connection.execute(EXAMPLE).fetchall()
    assert rows_of(pa.table(connection.execute(EXAMPLE))) == rows
    assert rows_of(pa.RecordBatchReader.from_stream(connection.execute(EXAMPLE)).read_all()) == rows
    wanted = pa.schema([("X", pa.int32()), ("S", pa.large_string())])
    assert pa.table(connection.execute("SELECT 1 AS X, 'a' AS S"), schema=wanted).schema == wanted


def test_pandas(connection: Any) -> None:
    frame = connection.execute(EXAMPLE).fetch_pandas()
    assert [str(dtype) for dtype in frame.dtypes.iloc[[0, 2, 3, 4, 5]]] == [
        "int64", "object", "object", "datetime64[us]", "Int64",
    ]  # fmt: skip
    assert frame["D"].tolist()[0] == Decimal("0.25")
    assert frame["DA"].tolist()[0] == date(2024, 1, 2)
    if hasattr(pd.DataFrame, "from_arrow"):
        assert pd.DataFrame.from_arrow(connection.execute(EXAMPLE))["S"].tolist() == frame["S"].tolist()


def test_duckdb(connection: Any) -> None:
    cursor = connection.execute(EXAMPLE)
    with closing(duckdb.connect()) as duck:
        # It asks for the stream more than once for one query.
        relation = duck.from_arrow(cursor)
        assert relation.fetchall() == connection.execute(EXAMPLE).fetchall()
        assert duck.sql("SELECT SUM(X) FROM cursor").fetchall() == [(15,)]
        assert duck.sql("SELECT COUNT(*) FROM cursor JOIN cursor AS other USING (X)").fetchall() == [(5,)]
    assert cursor.fetchall() == []
    cursor.execute("SELECT 7 AS X")
    assert pa.table(cursor).to_pylist() == [{"X": 7}]


def test_through_sqlalchemy(node: Any) -> None:
    engine = sqlalchemy.create_engine(node.url)
    with engine.connect() as connection:
        driver = connection.connection.driver_connection
        assert driver is not None
        assert driver.execute(EXAMPLE).fetch_arrow_table().num_rows == 5
    engine.dispose()


# --- asyncio --------------------------------------------------------------------------------------------------


def test_asyncio(node: Any, filled: str) -> None:
    query = f"SELECT * FROM {filled} ORDER BY id"

    async def run() -> None:
        async with await ignite_dbapi.aio.connect(node.url) as connection:
            rows = await (await connection.execute(query)).fetchall()
            cursor = await connection.execute(query, page_size=50)
            assert await cursor.fetchone() == rows[0]
            assert rows_of(await cursor.fetch_arrow_table()) == rows[1:]
            cursor = await connection.execute(query, page_size=50)
            batches = [batch async for batch in cursor.fetch_record_batches()]
            assert [batch.num_rows for batch in batches] == [50] * 6
            assert rows_of(pa.Table.from_batches(batches)) == rows
            cursor = await connection.execute("SELECT X FROM SYSTEM_RANGE(1, 3) WHERE X > 5")
            assert [batch.schema.names async for batch in cursor.fetch_record_batches()] == [["X"]]
            assert len((await (await connection.execute(query)).fetch_numpy())["ID"]) == ROWS
            assert (await (await connection.execute(query)).fetch_pandas("pyarrow")).shape == (ROWS, 15)

    asyncio.run(run())


def test_asyncio_goes_on_after_a_fetch_that_was_given_up(node: Any) -> None:
    async def run() -> None:
        async with await ignite_dbapi.aio.connect(node.url) as connection:
            cursor = await connection.execute(NUMBERS.format(100), page_size=10)
            for steps in (1, 2, 3):
                task = asyncio.ensure_future(cursor.fetch_arrow_table())
                for _ in range(steps):
                    await asyncio.sleep(0)
                task.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await task
            # The first rows were made into columns, and are no rows any more.
            with pytest.raises(InterfaceError, match="made into columns") as caught:
                await cursor.fetchall()
            assert caught.value.code == "columns_made"
            assert (await cursor.fetch_numpy())["X"].tolist() == list(range(1, 101))

    asyncio.run(run())
