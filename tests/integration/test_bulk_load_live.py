"""bulk_load: what it makes of rows is what INSERT makes of them, byte for byte, and SQL works on it as on any other."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable, Iterator
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

import ignite_dbapi
import ignite_dbapi.aio
from ignite_dbapi import (
    DataError,
    IntegrityError,
    InterfaceError,
    NotSupportedError,
    ProgrammingError,
)
from tests.raw_entries import raw_entries
from tests.unit.test_codec_properties import texts

ENGINES = pytest.mark.parametrize("engine", ["h2", "calcite"])
COLUMNS = (
    "id INT, bo BOOLEAN, ti TINYINT, sm SMALLINT, bi BIGINT, de DECIMAL(30, 6), re REAL, do_ DOUBLE, vc VARCHAR, "
    "da DATE, tm TIME, ts TIMESTAMP, uu UUID, vb VARBINARY"
)
_numbers = itertools.count(1)


def values(source: random.Random) -> list[Any]:
    moment = datetime(1890, 1, 1) + timedelta(milliseconds=source.randrange(200 * 365 * 86_400_000))
    row: list[Any] = [
        source.random() < 0.5,
        source.randrange(-128, 128),
        source.randrange(-(2**15), 2**15),
        source.randrange(-(2**63), 2**63),
        Decimal(source.randrange(-(10**24), 10**24)).scaleb(-source.randrange(7)),
        source.uniform(-1e9, 1e9),
        source.uniform(-1e300, 1e300),
        "".join(source.choice("aé日😀 ") for _ in range(source.randrange(12))),
        moment.date(),
        time(source.randrange(24), 30, 0, source.randrange(1000) * 1000),
        moment + timedelta(microseconds=source.randrange(1000)),
        UUID(int=source.getrandbits(128)),
        source.randbytes(source.randrange(9)),
    ]
    return [None if source.random() < 0.2 else value for value in row]


class Twins:
    """Two tables with the same columns: rows come into one by INSERT, into the other by bulk_load."""

    def __init__(self, connection: Any, body: str, options: str = "", engine: str | None = None) -> None:
        self.connection = connection
        self.engine = engine
        number = next(_numbers)
        self.inserted, self.loaded = f"TWIN_{number}_INSERTED", f"TWIN_{number}_LOADED"
        for name in (self.inserted, self.loaded):
            connection.execute(f"CREATE TABLE {name} ({body}) {options}")

    def write(self, rows: list[Any], columns: str | None = None) -> None:
        marks = ", ".join("?" * len(rows[0]))
        named = "" if columns is None else f"({columns})"
        sql = f"INSERT INTO {self.inserted} {named} VALUES ({marks})"
        for row in rows:
            self.connection.execute(sql, row, query_engine="h2")
        loaded = self.connection.bulk_load(self.loaded, rows, None if columns is None else columns.split(", "))
        assert loaded == len(rows)

    def check(self) -> None:
        entries = [raw_entries(self.connection, f"SQL_PUBLIC_{name}") for name in (self.inserted, self.loaded)]
        assert entries[0] == entries[1]

    def drop(self) -> None:
        for name in (self.inserted, self.loaded):
            self.connection.execute(f"DROP TABLE {name}")


@pytest.fixture
def twins(node: Any) -> Iterator[Callable[..., Twins]]:
    made: list[Twins] = []
    with ignite_dbapi.connect(node.url) as connection:

        def make(body: str, options: str = "", at: Any = None) -> Twins:
            made.append(Twins(at or connection, body, options))
            return made[-1]

        yield make
        for pair in made:
            if not pair.connection.closed:
                pair.drop()


# --- as INSERT does -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("zone", ["node", "tokyo", "new_york"])
def test_rows_are_those_of_an_insert(zone: str, request: pytest.FixtureRequest, twins: Callable[..., Twins]) -> None:
    cluster = request.getfixturevalue(zone)
    source = random.Random(11)
    with ignite_dbapi.connect(cluster.url) as connection:
        # In New York clocks are changed at two on these days.
        rows = [[number, *values(source)] for number in range(60)] + [
            [number + 100, *[None] * 10, moment, None, None]
            for number, moment in enumerate(
                datetime(2024, month, day, hour, 30) for month, day in ((3, 10), (11, 3)) for hour in range(5)
            )
        ]
        pair = Twins(connection, f"{COLUMNS}, PRIMARY KEY (id)")
        if zone == "new_york":
            # It has no configuration of engines, of which one could be chosen.
            marks = ", ".join("?" * 14)
            connection.cursor().executemany(f"INSERT INTO {pair.inserted} VALUES ({marks})", rows)
            connection.bulk_load(pair.loaded, rows)
        else:
            pair.write(rows)
        pair.check()
        pair.drop()


def test_all_types(request: pytest.FixtureRequest, node: Any) -> None:
    row = st.tuples(
        *(
            st.none() | strategy
            for strategy in (
                st.booleans(),
                st.integers(-128, 127),
                st.integers(-(2**15), 2**15 - 1),
                st.integers(-(2**63), 2**63 - 1),
                st.decimals(-(10**24) + 1, 10**24 - 1, places=6) | st.integers(-(10**9), 10**9).map(Decimal),
                st.floats(width=32),
                st.floats(),
                texts,
                st.dates(date(1600, 1, 1), date(9999, 12, 30)),
                st.times().map(lambda value: value.replace(microsecond=value.microsecond // 1000 * 1000)),
                st.datetimes(datetime(1600, 1, 1), datetime(9999, 12, 30)),
                st.uuids(),
                st.binary(max_size=40),
            )
        )
    )
    keys = itertools.count()
    with ignite_dbapi.connect(node.url) as connection:
        pair = Twins(connection, f"{COLUMNS}, PRIMARY KEY (id)")

        # Without shrinking, each step of which would write to the server.
        @settings(
            max_examples=60,
            deadline=None,
            suppress_health_check=[HealthCheck.too_slow],
            phases=[Phase.generate],
        )
        @given(st.lists(row, min_size=1, max_size=4))
        def same(rows: list[tuple[Any, ...]]) -> None:
            pair.write([(next(keys), *row) for row in rows])
            pair.check()

        same()
        pair.drop()


@pytest.mark.parametrize(
    ("body", "options"),
    [
        ("a INT, b VARCHAR, v INT, PRIMARY KEY (b, a)", ""),
        ("a INT, b VARCHAR, v INT, PRIMARY KEY (a, b)", 'WITH "affinity_key=b"'),
        ("b VARCHAR, v INT, a INT, PRIMARY KEY (a)", 'WITH "wrap_key=true"'),
        ("b VARCHAR, v INT, a INT, PRIMARY KEY (a)", 'WITH "key_type=Some.Key,value_type=Some.Value,wrap_key=true"'),
        ("a INT, b VARCHAR DEFAULT 'x', v INT, w INT, PRIMARY KEY (a, b)", ""),
        ("a INT PRIMARY KEY, v INT, b VARCHAR DEFAULT 'x', d DECIMAL(5, 2) DEFAULT 1.50, w INT", ""),
        ("a INT PRIMARY KEY, t TIME DEFAULT '01:02:03.456', b VARCHAR, v INT, w VARBINARY DEFAULT X'01ff'", ""),
        ("a INT PRIMARY KEY, v INT DEFAULT 5, b VARCHAR, ts TIMESTAMP DEFAULT '2020-01-02 03:04:05.678'", ""),
        ("a INT PRIMARY KEY, v INT DEFAULT 5, b VARCHAR, da DATE DEFAULT '2020-02-03'", ""),
        ("a INT PRIMARY KEY, v INT, b VARCHAR, c INT NOT NULL DEFAULT 4", ""),
    ],
)  # fmt: skip
def test_keys_defaults_and_columns_in_any_order(twins: Callable[..., Twins], body: str, options: str) -> None:
    if "Some.Key" in options:
        # Both tables share their types, hence also what is registered.
        pair = twins(body, options.replace("Some.", f"S{next(_numbers)}."))
    else:
        pair = twins(body, options)
    pair.write([("k", 1, 2), ("l", None, 3)], "b, v, a")
    pair.check()
    # The types that the load registered are those that INSERT needs, in either engine.
    for engine in ("h2", "calcite"):
        sql = f"INSERT INTO {pair.loaded} (b, v, a) VALUES (?, ?, ?)"
        pair.connection.execute(sql, (engine, 7, 8 if engine == "h2" else 9), query_engine=engine)
        count = pair.connection.execute(f"SELECT COUNT(*), SUM(v) FROM {pair.loaded}", query_engine=engine)
        assert count.fetchone() == ((3, 8) if engine == "h2" else (4, 15))


def test_only_keys_and_only_values(twins: Callable[..., Twins]) -> None:
    pair = twins("a INT, v INT, PRIMARY KEY (a)")
    pair.write([(1,), (2,)], "a")
    pair.check()
    plain = twins("a VARCHAR PRIMARY KEY, v VARCHAR(3)", 'WITH "wrap_value=false"')
    plain.write([("x", "y"), ("z", "")])
    plain.check()
    with pytest.raises(IntegrityError, match=r"row 0 .*column 'V'.*Null value is not allowed"):
        plain.connection.bulk_load(plain.loaded, [("x", None)])
    with pytest.raises(ProgrammingError, match="all that is stored beside the key"):
        plain.connection.bulk_load(plain.loaded, [("x",)], ["a"])


@ENGINES
def test_sql_works_on_loaded_rows(connection: Any, table: Callable[..., str], engine: str) -> None:
    name = table("a INT, b VARCHAR, v INT, w DECIMAL(10, 2), PRIMARY KEY (a, b)")
    connection.execute(f"CREATE INDEX ix_{name} ON {name} (v)")

    def run(sql: str, *parameters: Any) -> Any:
        return connection.execute(sql.format(name), parameters, query_engine=engine)

    rows = [(number, f"b{number % 10}", number % 7, Decimal(number).scaleb(-2)) for number in range(500)]
    assert connection.bulk_load(name, rows) == 500
    assert run("SELECT * FROM {} ORDER BY a").fetchall() == rows
    assert run("SELECT COUNT(*) FROM {} WHERE v = 3").fetchone() == (71,)
    assert run("SELECT v FROM {} WHERE a = 10 AND b = 'b0'").fetchone() == (3,)
    assert run("UPDATE {} SET v = 100, w = 2.50 WHERE a = 10").rowcount == 1
    assert run("DELETE FROM {} WHERE a = ? AND b = ?", 11, "b1").rowcount == 1
    with pytest.raises(IntegrityError):
        run("INSERT INTO {} (a, b, v) VALUES (12, 'b2', 0)")
    if engine == "h2":
        run("MERGE INTO {} (a, b, v, w) VALUES (13, 'b3', 200, 1)")
    else:
        run(
            "MERGE INTO {0} t USING (VALUES (13, CAST('b3' AS VARCHAR), 200)) AS s(a, b, v) ON t.a = s.a AND t.b = s.b "
            "WHEN MATCHED THEN UPDATE SET v = CAST(s.v AS INTEGER)"
        )
    assert run("SELECT a FROM {} WHERE v >= 100 ORDER BY a").fetchall() == [(10,), (13,)]
    assert run("SELECT COUNT(*) FROM {}").fetchone() == (499,)


def test_the_order_of_keys_with_a_default_is_the_one_in_use(connection: Any, table: Callable[..., str]) -> None:
    # The engines write the fields of such keys in different orders, and do not find each other's.
    for engine in ("h2", "calcite"):
        name = table("a INT, b INT DEFAULT 7, v INT, PRIMARY KEY (a, b)")
        connection.execute(f"INSERT INTO {name} VALUES (1, 2, 3)", query_engine=engine)
        connection.bulk_load(name, [(1, 2, 4), (3, 4, 5)], overwrite=True)
        assert connection.execute(f"SELECT * FROM {name} ORDER BY a").fetchall() == [(1, 2, 4), (3, 4, 5)]
        with pytest.raises(IntegrityError):
            connection.execute(f"INSERT INTO {name} VALUES (3, 4, 5)", query_engine=engine)


def test_altered_tables(connection: Any, table: Callable[..., str]) -> None:
    name = table("id INT PRIMARY KEY, a INT, b VARCHAR")
    connection.bulk_load(name, [(1, 2, "x")])
    connection.execute(f"ALTER TABLE {name} ADD COLUMN c DATE")
    connection.execute(f"ALTER TABLE {name} DROP COLUMN a")
    connection.bulk_load(name, [(2, "y", date(2020, 2, 3))])
    rows = [(1, "x", None), (2, "y", date(2020, 2, 3))]
    for engine in ("h2", "calcite"):
        assert connection.execute(f"SELECT * FROM {name} ORDER BY id", query_engine=engine).fetchall() == rows


# --- names ----------------------------------------------------------------------------------------------------


def test_names_are_resolved_as_in_sql(connection: Any, tokyo: Any) -> None:
    connection.execute('CREATE TABLE "Mixed Case" (id INT PRIMARY KEY, "low" INT, "a b" INT)')
    try:
        for name in ('"Mixed Case"', 'public."Mixed Case"', '"PUBLIC"."Mixed Case"', ' Public . "Mixed Case" '):
            connection.bulk_load(name, [(1, 2, 3)], ["ID", '"low"', "a b"], overwrite=True)
            connection.bulk_load(name, [{"low": 5, "Id": 2}])
        with pytest.raises(ProgrammingError, match=r'table "PUBLIC"\."MIXED" not found$'):
            connection.bulk_load("mixed", [(1, 2, 3)])
        with pytest.raises(ProgrammingError, match=r'not found; there is "PUBLIC"\."Mixed Case"'):
            connection.bulk_load('"mixed case"', [(1, 2, 3)])
        rows = connection.execute('SELECT * FROM "Mixed Case" ORDER BY id').fetchall()
        assert rows == [(1, 2, 3), (2, 5, None)]
    finally:
        connection.execute('DROP TABLE "Mixed Case"')
    with ignite_dbapi.connect(tokyo.url) as other:
        other.execute("CREATE TABLE other.bulk_city (id INT PRIMARY KEY, v INT)")
        other.bulk_load("bulk_city", [(1, 2)], schema="OTHER")
        other.bulk_load("other.bulk_city", [(2, 3)])
        with pytest.raises(ProgrammingError, match=r'there is "OTHER"\."BULK_CITY"'):
            other.bulk_load("bulk_city", [(1, 2)])
        assert other.execute("SELECT * FROM other.bulk_city ORDER BY id").fetchall() == [(1, 2), (2, 3)]
        other.execute("DROP TABLE other.bulk_city")


def test_what_is_no_table(connection: Any, table: Callable[..., str]) -> None:
    name = table("id INT PRIMARY KEY, v INT, w INT NOT NULL")
    connection.execute(f"CREATE VIEW {name}_view AS SELECT * FROM {name}")
    try:
        for view in (f"{name}_view", "sys.nodes"):
            with pytest.raises(NotSupportedError, match="is a view"):
                connection.bulk_load(view, [(1,)])
    finally:
        connection.execute(f"DROP VIEW {name}_view")
    for wrong in ("", "a.b.c", "a b", None, 5):
        with pytest.raises(ProgrammingError, match="is no name of a table"):
            connection.bulk_load(wrong, [(1,)])
    rows = [(1, 2, 3)]
    with pytest.raises(ProgrammingError, match=r"no column 'x', but 'ID', 'V', 'W'"):
        connection.bulk_load(name, rows, ["id", "x", "w"])
    with pytest.raises(ProgrammingError, match="column 'V' is named twice"):
        connection.bulk_load(name, rows, ["id", "v", "V"])
    with pytest.raises(ProgrammingError, match="no value for the key column 'ID'"):
        connection.bulk_load(name, rows, ["v", "w"])
    with pytest.raises(IntegrityError, match="'W', which is NOT NULL and has no DEFAULT"):
        connection.bulk_load(name, [(1, 2)], ["id", "v"])
    for columns in ("id", []):
        with pytest.raises(ProgrammingError, match="columns"):
            connection.bulk_load(name, rows, columns)
    for options in ({"window": 0}, {"window": 65}, {"batch_size": 0}, {"batch_size": "many"}):
        with pytest.raises(ProgrammingError, match="are possible"):
            connection.bulk_load(name, rows, **options)
    for nothing in (5, "rows", {"id": 1}, None):
        with pytest.raises(ProgrammingError, match="rows are an iterable"):
            connection.bulk_load(name, nothing)
    assert connection.bulk_load(name, []) == 0
    assert connection.execute(f"SELECT COUNT(*) FROM {name}").fetchone() == (0,)


# --- values ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("column", "good", "bad", "words"),
    [
        ("TINYINT", 127, 128, "out of range"),
        ("SMALLINT", -(2**15), 2**15, "out of range"),
        ("INT", 5.0, 5.5, "cannot be sent as INTEGER"),
        ("INT", Decimal(7), "7", "cannot be sent as INTEGER"),
        ("BIGINT", 2**63 - 1, 2**63, "out of range"),
        ("REAL", 1.5, 1e39, "out of range for REAL"),
        ("DOUBLE", 3, "x", "cannot be sent as DOUBLE"),
        ("BOOLEAN", 1, 2, "cannot be sent as BOOL"),
        ("VARCHAR(3)", "日本語", "😀😀", "too long. Maximum length: 3, actual length: 4"),
        ("VARCHAR", "", 5, "cannot be sent as VARCHAR"),
        ("VARCHAR", "x", "\ud800", "lone surrogate"),
        ("VARBINARY(2)", b"ab", b"abc", "too long. Maximum length: 2, actual length: 3"),
        ("DECIMAL(4, 2)", Decimal("99.99"), Decimal("100.00"), "Maximum precision: 4, actual precision: 5"),
        ("DECIMAL(4, 2)", 1.25, 1.255, "Maximum scale: 2, actual scale: 3"),
        ("DECIMAL(4, 2)", Decimal("1E+10"), Decimal("NaN"), "no NaN"),
        ("DECIMAL(40, 2)", Decimal("9" * 38 + ".50"), Decimal("9" * 39 + ".50"), "Maximum precision: 40"),
        ("DATE", datetime(2020, 1, 2), datetime(2020, 1, 2, 3), "no time of day"),
        ("TIME", time(1, 2, 3, 4000), time(1, 2, 3, 4001), "microseconds"),
        ("TIMESTAMP", date(2020, 1, 2), "2020-01-02", "cannot be sent as TIMESTAMP"),
        ("UUID", "01234567-89ab-cdef-fedc-ba9876543210", "nonsense", "cannot be sent as UUID"),
    ],
)
def test_values_fit_their_columns_or_are_refused(
    connection: Any, table: Callable[..., str], column: str, good: Any, bad: Any, words: str
) -> None:
    name = table(f"id INT PRIMARY KEY, v {column}")
    with pytest.raises(DataError, match=rf"row 2 \(from 0\), column 'V' .*{words}.*\[2 rows of the load were written"):
        connection.bulk_load(name, [(1, good), (2, None), (3, bad), (4, good)])
    rows = connection.execute(f"SELECT v FROM {name} ORDER BY id").fetchall()
    assert len(rows) == 2
    assert rows[1] == (None,)


def test_keys_that_are_null(connection: Any, table: Callable[..., str]) -> None:
    name = table("id INT PRIMARY KEY, v INT")
    composite = table("a INT, b INT, v INT, PRIMARY KEY (a, b)")
    with pytest.raises(IntegrityError, match=r"row 1 .*column 'ID'.*Null value"):
        connection.bulk_load(name, [(1, 2), (None, 2)])
    # H2 writes NULL into the key, Calcite leaves the field out: neither would find the other's.
    with pytest.raises(IntegrityError, match=r"row 0 .*column 'B'.*Null value"):
        connection.bulk_load(composite, [(1, None, 2)])


def test_rows_of_the_wrong_shape(connection: Any, table: Callable[..., str]) -> None:
    name = table("id INT PRIMARY KEY, v INT")
    for wrong, words in (
        ((3,), r"row 1 \(from 0\): the row has 1 values, but there are 2 columns \(ID, V\)"),
        ((3, 4, 5), "row has 3 values"),
        ("ab", "not str"),
        (5, "not int"),
        ({"id": 1, "v": 2}, "not dict"),
    ):
        with pytest.raises(ProgrammingError, match=words):
            connection.bulk_load(name, [(1, 2), wrong], overwrite=True)
    with pytest.raises(ProgrammingError, match=r"row 1 \(from 0\) has no value for 'v'"):
        connection.bulk_load(name, [{"id": 1, "v": 2}, {"id": 2}])
    with pytest.raises(ProgrammingError, match=r"row 1 \(from 0\) has 'w' besides"):
        connection.bulk_load(name, [{"id": 1, "v": 2}, {"id": 2, "v": 3, "w": 4}])
    # Where columns are named, they are picked.
    assert connection.bulk_load(name, [{"v": 2, "w": 4, "id": 3}], ["id", "v"]) == 1
    assert connection.bulk_load(name, iter([[5, 6], (7, 8), range(9, 11)])) == 3
    assert connection.execute(f"SELECT * FROM {name} WHERE id > 4 ORDER BY id").fetchall() == [(5, 6), (7, 8), (9, 10)]


# --- rows that are there --------------------------------------------------------------------------------------


@pytest.mark.parametrize("options", ["", 'WITH "atomicity=transactional"'])
def test_existing_rows(connection: Any, options: str) -> None:
    name = f"bulk_existing_{next(_numbers)}"
    connection.execute(f"CREATE TABLE {name} (id INT PRIMARY KEY, v INT) {options}")
    connection.execute(f"INSERT INTO {name} VALUES (1, 0)")
    assert connection.bulk_load(name, [(1, 1), (2, 2)]) == 2
    assert connection.execute(f"SELECT * FROM {name} ORDER BY id").fetchall() == [(1, 0), (2, 2)]
    rows = [(number % 50, number) for number in range(1000)]
    assert connection.bulk_load(name, rows, overwrite=True, batch_size=10, window=8) == 1000
    found = connection.execute(f"SELECT id, v FROM {name} ORDER BY id").fetchall()
    assert [key for key, _ in found] == list(range(50))
    assert all(value % 50 == key for key, value in found)
    connection.execute(f"DROP TABLE {name}")


# --- Arrow and data frames ------------------------------------------------------------------------------------


def arrow_rows(count: int) -> pa.Table:
    source = random.Random(5)
    rows = [[number, *values(source)] for number in range(count)]
    types = [
        pa.int32(), pa.bool_(), pa.int8(), pa.int16(), pa.int64(), pa.decimal128(30, 6), pa.float32(), pa.float64(),
        pa.string(), pa.date32(), pa.time64("us"), pa.timestamp("us"), pa.binary(16), pa.binary(),
    ]  # fmt: skip
    names = [part.split()[0] for part in COLUMNS.replace("DECIMAL(30, 6)", "DECIMAL").split(", ")]
    columns = [list(column) for column in zip(*rows, strict=True)]
    columns[12] = [None if value is None else value.bytes for value in columns[12]]
    return pa.table([pa.array(column, kind) for column, kind in zip(columns, types, strict=True)], names)


@pytest.mark.parametrize("zone", ["node", "new_york"])
def test_arrow_tables(zone: str, request: pytest.FixtureRequest) -> None:
    data = arrow_rows(400)
    rows = [
        tuple(UUID(bytes=value) if place == 12 and value is not None else value for place, value in enumerate(row))
        for row in zip(*(column.to_pylist() for column in data.columns), strict=True)
    ]
    variants = {
        "a table": data,
        "slices": pa.concat_tables([data.slice(0, 7), data.slice(7, 150), data.slice(157)]),
        "a batch": data.combine_chunks().to_batches()[0],
        "a stream": data.to_reader(13),
        "other types": data.set_column(8, "VC", data["vc"].dictionary_encode())
        .set_column(0, "ID", data["id"].cast(pa.int64()))
        .set_column(9, "DA", data["da"].cast(pa.timestamp("ns")))
        .set_column(10, "TM", data["tm"].cast(pa.time64("ns")))
        .set_column(11, "TS", data["ts"].cast(pa.timestamp("ns")))
        .set_column(13, "VB", data["vb"].cast(pa.large_binary())),
        # polars has bytes of any number alone.
        "polars": pl.from_arrow(
            data.set_column(12, "UU", pa.array([None if row[12] is None else str(row[12]) for row in rows]))
        ),
    }
    with ignite_dbapi.connect(request.getfixturevalue(zone).url) as connection:
        pair = Twins(connection, f"{COLUMNS}, PRIMARY KEY (id)")
        connection.bulk_load(pair.inserted, rows)
        for what, given_ in variants.items():
            connection.execute(f"DELETE FROM {pair.loaded}")
            assert connection.bulk_load(pair.loaded, given_) == 400, what
            pair.check()
        pair.drop()


def test_columns_of_arrow_tables(connection: Any, table: Callable[..., str]) -> None:
    name = table("id INT PRIMARY KEY, v INT, w VARCHAR")
    data = pa.table({"w": ["a", "b"], "id": [1, 2], "v": [3, None], "x": [1, 2]})
    assert connection.bulk_load(name, data, ["v", "id"]) == 2
    assert connection.execute(f"SELECT * FROM {name} ORDER BY id").fetchall() == [(1, 3, None), (2, None, None)]
    with pytest.raises(ProgrammingError, match="no column 'x'"):
        connection.bulk_load(name, data)
    with pytest.raises(ProgrammingError, match="the table has no column 'y'"):
        connection.bulk_load(name, data, ["id", "y"])
    with pytest.raises(ProgrammingError, match="several columns 'id'"):
        connection.bulk_load(name, pa.table([[1], [2]], names=["id", "id"]))


@pytest.mark.parametrize(
    ("column", "values_", "words"),
    [
        ("TINYINT", pa.array([1, 200]), "out of range"),
        ("INT", pa.array([1.0, 1.5]), "cannot be sent as INTEGER"),
        ("VARCHAR", pa.array([1, 2]), "row 0 .*cannot be sent as VARCHAR"),
        ("VARCHAR(2)", pa.array(["日本", "日本語"]), "too long"),
        ("DECIMAL(4, 2)", pa.array([Decimal("1.00"), Decimal("123.00")]), "Maximum precision: 4"),
        ("DECIMAL(4)", pa.array([1234, 12345]), "Maximum precision: 4"),
        ("DATE", pa.array([datetime(2020, 1, 2), datetime(2020, 1, 2, 3)]), "no time of day"),
        ("TIME", pa.array([1000, 1001], pa.time64("us")), "nanoseconds more"),
        ("REAL", pa.array([1e38, 1e39]), "out of range for REAL"),
        ("TIMESTAMP", pa.array([0, 10**15], pa.timestamp("s")), "outside the years"),
        ("INT NOT NULL", pa.array([1, None]), "Null value is not allowed"),
    ],
)
def test_arrow_values_that_do_not_fit(
    connection: Any, table: Callable[..., str], column: str, values_: pa.Array, words: str
) -> None:
    name = table(f"id INT PRIMARY KEY, v {column}")
    with pytest.raises((DataError, IntegrityError), match=words) as caught:
        connection.bulk_load(name, pa.table({"id": pa.array([1, 2]), "v": values_}))
    written = 0 if "row 0 " in str(caught.value) else 1
    assert f"[{written} rows of the load were written" in str(caught.value)
    assert connection.execute(f"SELECT COUNT(*) FROM {name}").fetchone() == (written,)


def frame() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "id": [1, 2, 3],
            "i": [1.0, float("nan"), 3.0],
            "n": pd.array([2**60 + 1, None, 3], "Int64"),
            "f": [1.5, float("nan"), float("inf")],
            "s": ["a", None, "日"],
            "c": pd.Categorical(["x", "y", None]),
            "t": pd.to_datetime(["2020-01-02 03:04:05.123456789", None, "1969-12-31 23:59:59"], format="ISO8601"),
            "d": pd.to_datetime(["2020-01-02", None, "1969-12-31"]),
            "o": [date(2020, 1, 2), pd.NaT, None],
            "de": [Decimal("1.50"), None, Decimal("2")],
            "u": [UUID(int=1), None, UUID(int=2)],
            "b": [True, None, False],
        },
        index=["p", "q", "r"],
    )


@pytest.mark.parametrize("with_pyarrow", [True, False])
def test_pandas(
    connection: Any, table: Callable[..., str], with_pyarrow: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = table(
        "id INT PRIMARY KEY, i INT, n BIGINT, f DOUBLE, s VARCHAR, c VARCHAR, t TIMESTAMP, d DATE, o DATE, "
        "de DECIMAL(5, 2), u UUID, b BOOLEAN"
    )
    if not with_pyarrow:
        monkeypatch.setattr("ignite_dbapi.row_sources._pyarrow", lambda: None)
    assert connection.bulk_load(name, frame()) == 3
    rows = connection.execute(f"SELECT * FROM {name} ORDER BY id").fetchall()
    days = date(2020, 1, 2), date(1969, 12, 31)
    first = rows[0][6]
    assert rows == [
        (1, 1, 2**60 + 1, 1.5, "a", "x", first, days[0], days[0], Decimal("1.50"), UUID(int=1), True),
        (2, None, None, None, None, "y", None, None, None, None, None, None),
        (3, 3, 3, float("inf"), "日", None, datetime(1969, 12, 31, 23, 59, 59), days[1], None, 2, UUID(int=2), False),
    ]
    assert first == datetime(2020, 1, 2, 3, 4, 5, 123456)
    assert first.nanosecond == 789
    with pytest.raises(ProgrammingError, match=r"the (data frame|table) has no column 'z'"):
        connection.bulk_load(name, frame(), ["id", "z"])


def test_arrow_without_pyarrow(connection: Any, table: Callable[..., str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ignite_dbapi.row_sources._pyarrow", lambda: None)
    with pytest.raises(InterfaceError, match=r"needs the package 'pyarrow'.*ignite-dbapi\[arrow\]"):
        connection.bulk_load(table("id INT PRIMARY KEY, v INT"), pl.DataFrame({"id": [1], "v": [2]}))
    # A cursor has rows as well.
    cursor = connection.execute("SELECT X, X FROM SYSTEM_RANGE(1, 9)")
    assert connection.bulk_load(table("id INT PRIMARY KEY, v INT"), cursor) == 9


def test_a_cursor_is_a_source(node: Any, connection: Any, table: Callable[..., str]) -> None:
    first, second = (table("id INT PRIMARY KEY, v VARCHAR") for _ in range(2))
    rows = [(number, f"v{number}") for number in range(5000)]
    connection.bulk_load(first, rows)
    cursor = connection.execute(f"SELECT * FROM {first}", page_size=100)
    assert connection.bulk_load(second, cursor) == 5000
    assert connection.execute(f"SELECT * FROM {second} ORDER BY id").fetchall() == rows


# --- tables that are none of SQL's own ------------------------------------------------------------------------


def test_tables_without_a_key(connection: Any) -> None:
    name = f"bulk_keyless_{next(_numbers)}"
    connection.execute(f"CREATE TABLE {name} (a INT, b VARCHAR)", query_engine="calcite")
    try:
        connection.execute(f"INSERT INTO {name} VALUES (0, 'x')", query_engine="calcite")
        rows = [(number, f"b{number}") for number in range(1, 3000)]
        assert connection.bulk_load(name, rows) == 2999
        assert connection.bulk_load(name, rows) == 2999
        for engine in ("h2", "calcite"):
            found = connection.execute(f"SELECT * FROM {name} WHERE a > 0 ORDER BY a", query_engine=engine).fetchall()
            assert found == sorted(rows + rows)
        assert connection.execute(f"DELETE FROM {name} WHERE a > 1", query_engine="calcite").rowcount == 2 * 2998
        entries = raw_entries(connection, f"SQL_PUBLIC_{name.upper()}")
        assert {len(key) for key in entries} == {48}
    finally:
        connection.execute(f"DROP TABLE {name}")


def test_query_entities(node: Any, connection: Any) -> None:
    from ignite_dbapi.keyvalue import Client
    from ignite_dbapi.keyvalue.datatypes import prop_codes

    name = f"bulk_entities_{next(_numbers)}"

    def entity(**properties: Any) -> dict[str, Any]:
        return {
            "table_name": name.upper(),
            "key_field_name": None,
            "value_field_name": None,
            "query_indexes": [],
            "field_name_aliases": [],
            "query_fields": [],
            **properties,
        }

    def field(name: str, type_name: str, is_key: bool = False) -> dict[str, Any]:
        return {"name": name, "type_name": type_name, "is_key_field": is_key}

    with Client().connect(*node.addresses[0]) as client:
        for properties, columns, rows in (
            (
                {"key_type_name": "java.lang.Integer", "value_type_name": "java.lang.String"},
                ["_key", "_val"],
                [(1, "x"), (2, "y")],
            ),
            (
                {
                    "key_type_name": "java.lang.Long",
                    "value_type_name": "Fruit",
                    "key_field_name": "code",
                    "query_fields": [
                        field("code", "java.lang.Long", True),
                        field("fullName", "java.lang.String"),
                        field("seen", "java.util.Date"),
                    ],
                    "field_name_aliases": [{"alias": "TITLE", "field_name": "fullName"}],
                },
                ["code", "title", "seen"],
                [(1, "apple", datetime(2020, 1, 2)), (2, None, None)],
            ),
        ):
            cache = client.create_cache(
                {prop_codes.PROP_NAME: name, prop_codes.PROP_QUERY_ENTITIES: [entity(**properties)]}
            )
            try:
                table_name = f'"{name}".{name}'
                assert connection.bulk_load(table_name, rows, columns) == 2
                picked = ", ".join(columns)
                found = connection.execute(f"SELECT {picked} FROM {table_name} ORDER BY 1").fetchall()
                assert found == rows
                if "fullName" in str(properties):
                    assert cache.get(1).fullName == "apple"
            finally:
                cache.destroy()


def test_old_servers(make_ignite_cluster: Callable[..., Any]) -> None:
    with ignite_dbapi.connect(make_ignite_cluster(ignite_version="2.8.1").url) as connection:
        connection.execute("CREATE TABLE bulk_old (a INT, b INT DEFAULT 3, v VARCHAR(2), PRIMARY KEY (a, b))")
        rows = [(1, 2, "x"), (2, 3, None)]
        assert connection.bulk_load("bulk_old", rows) == 2
        with pytest.raises(NotSupportedError, match="overwrite=True does without"):
            connection.bulk_load("bulk_old", rows)
        assert connection.bulk_load("bulk_old", rows, overwrite=True) == 2
        with pytest.raises(DataError, match="too long"):
            connection.bulk_load("bulk_old", [(3, 4, "xyz")], overwrite=True)
        with pytest.raises(IntegrityError):
            connection.execute("INSERT INTO bulk_old VALUES (1, 2, 'y')")
        assert connection.execute("SELECT * FROM bulk_old ORDER BY a").fetchall() == rows
        connection.execute("DROP TABLE bulk_old")
