"""executemany with many parameter sets under way: the same effects, order and errors as one by one."""

from __future__ import annotations

import asyncio
import tracemalloc
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from wire import Proxy

import ignite_dbapi
import ignite_dbapi.aio
from ignite_dbapi import DataError, Error, IntegrityError, OperationalError, ProgrammingError

ENGINES = pytest.mark.parametrize("engine", ["h2", "calcite"])
QUERY = 2004


class Requests:
    """What a connection sends: the statements, and how many of them are under way at once."""

    def __init__(self, connection: Any) -> None:
        self.statements: list[str] = []
        self.most_under_way = 0
        session = connection._session
        send = session.channel.send

        def watch(message: Any, **options: Any) -> Any:
            if message.op_code == QUERY:
                self.statements.append(message.sql)
                self.most_under_way = max(self.most_under_way, len(session.resources.in_flight) + 1)
            return send(message, **options)

        session.channel.send = watch

    def rows(self, word: str = "INSERT") -> list[int]:
        """How many rows each INSERT has, for rows of two values."""
        return [sql.count("?") // 2 for sql in self.statements if word in sql]


@pytest.fixture
def requests(connection: Any) -> Requests:
    return Requests(connection)


def pairs(count: int, start: int = 0) -> Iterator[tuple[int, str]]:
    return ((number, f"v{number}") for number in range(start, start + count))


def written(cursor: Any, name: str) -> list[int]:
    return [key for (key,) in cursor.connection.execute(f"SELECT id FROM {name} ORDER BY id")]


# --- what is sent -----------------------------------------------------------------------------------------------------


def test_rows_of_a_statement(table: Callable[..., str], cursor: Any, requests: Requests) -> None:
    name = table("id INT PRIMARY KEY, v VARCHAR")
    insert = f"INSERT INTO {name} VALUES (?, ?)"
    assert cursor.executemany(insert, pairs(3000)).rowcount == 3000
    assert cursor.execute(f"SELECT COUNT(*), MIN(v), MAX(id) FROM {name}").fetchone() == (3000, "v0", 2999)
    assert requests.rows() == [*[256] * 11, 128, 32, 16, 8]
    assert 1 < requests.most_under_way <= 4
    assert cursor.executemany(insert, pairs(7, 5000)).rowcount == 7
    # The table is known by now, and asked for again only when it may have changed.
    assert requests.rows()[-3:] == [4, 2, 1]
    assert len(requests.rows("SYS.TABLE_COLUMNS")) == 1
    cursor.execute("CREATE TABLE IF NOT EXISTS batches_other (id INT PRIMARY KEY, v INT)")
    cursor.execute("DROP TABLE batches_other")
    cursor.executemany(insert, pairs(9, 6000))
    assert len(requests.rows("SYS.TABLE_COLUMNS")) == 2


def test_few_rows_need_no_questions(table: Callable[..., str], cursor: Any, requests: Requests) -> None:
    name = table("id INT PRIMARY KEY, v VARCHAR")
    assert cursor.executemany(f"INSERT INTO {name} VALUES (?, ?)", pairs(5)).rowcount == 5
    assert len(requests.statements) == 5


def test_statements_are_not_too_large(table: Callable[..., str], cursor: Any, requests: Requests) -> None:
    name = table("id INT PRIMARY KEY, v VARCHAR")
    cursor.executemany(f"INSERT INTO {name} VALUES (?, ?)", ((i, "x" * 200_000) for i in range(20)))
    assert set(requests.rows()) == {4, 2}
    wide = table("id INT PRIMARY KEY, " + ", ".join(f"c{i} INT" for i in range(99)))
    marks = ", ".join(["?"] * 100)
    cursor.executemany(f"INSERT INTO {wide} VALUES ({marks})", ([i] * 100 for i in range(100)))
    assert [sql.count("?") for sql in requests.statements if wide in sql and "?" in sql] == [6400, 3200, 400]


@pytest.mark.parametrize("hint", ["query_engine", "comment"])
def test_calcite_never_gets_several_rows(table: Callable[..., str], cursor: Any, requests: Requests, hint: str) -> None:
    name = table("id INT PRIMARY KEY, v VARCHAR")
    insert = f"INSERT INTO {name} VALUES (?, ?)"
    if hint == "comment":
        insert, options = f"-- /*+ QUERY_ENGINE('calcite') */\n{insert}", {}
    else:
        options = {"query_engine": "calcite"}
    assert cursor.executemany(insert, pairs(100), **options).rowcount == 100
    assert requests.rows() == [1] * 100
    assert 1 < requests.most_under_way <= 6
    assert written(cursor, name) == list(range(100))


def test_where_calcite_is_the_default(tokyo: Any, table: Callable[..., str]) -> None:
    name = table("id INT PRIMARY KEY, v VARCHAR", at=tokyo)
    with ignite_dbapi.connect(tokyo.url) as connection:
        requests, cursor = Requests(connection), connection.cursor()
        assert cursor.executemany(f"INSERT INTO {name} VALUES (?, ?)", pairs(60)).rowcount == 60
        assert set(requests.rows()) == {1}
        assert 1 < requests.most_under_way <= 6
        cursor.executemany(f"INSERT INTO {name} VALUES (?, ?)", pairs(60, 100), query_engine="h2")
        assert requests.rows()[-4:] == [32, 16, 8, 4]
        assert len(written(cursor, name)) == 120


def test_with_calcite_alone(make_ignite_cluster: Callable[..., Any], table: Callable[..., str]) -> None:
    cluster = make_ignite_cluster(engine="calcite", engines=("calcite",))
    with ignite_dbapi.connect(cluster.url) as connection:
        connection.execute("DROP TABLE IF EXISTS batches_alone")
        connection.execute("CREATE TABLE batches_alone (v VARCHAR, id INT, w UUID, PRIMARY KEY (id, w))")
        requests, cursor = Requests(connection), connection.cursor()
        sets = [(f"v{i}", i // 2, UUID(int=i)) for i in range(40)]
        assert cursor.executemany("INSERT INTO batches_alone VALUES (?, ?, ?)", sets).rowcount == 40
        assert 1 < requests.most_under_way <= 6
        rows = connection.execute("SELECT v, id, w FROM batches_alone").fetchall()
        assert sorted(rows) == sorted(sets)
        connection.execute("DROP TABLE batches_alone")


@pytest.mark.parametrize(
    "insert",
    [
        "INSERT INTO {} VALUES (?, UPPER(?))",
        "INSERT INTO {} (id, v) VALUES (?, COALESCE(?, 'x'))",
        "INSERT INTO {} VALUES (? /* the key */, ?)",
        "INSERT INTO {} (id, v) VALUES (CAST(? AS INT), ?)",
        "INSERT INTO {} SELECT CAST(? AS INT), CAST(? AS VARCHAR)",
        "INSERT INTO {} VALUES (?1, ?2)",
        "INSERT INTO {} VALUES (?, ?), (-1 - ?, ?)",
    ],
)
def test_other_forms(table: Callable[..., str], cursor: Any, requests: Requests, insert: str) -> None:
    name = table("id INT PRIMARY KEY, v VARCHAR")
    is_double = insert.count("?") == 4
    sets = [(i, "v", i, "w") if is_double else (i, "v") for i in range(20)]
    cursor.executemany(insert.format(name), sets)
    assert cursor.rowcount == len(written(cursor, name)) == (40 if is_double else 20)
    assert set(written(cursor, name)) >= set(range(20))
    assert len([sql for sql in requests.statements if "INSERT" in sql]) == 20


@ENGINES
def test_literals_names_and_columns(table: Callable[..., str], cursor: Any, engine: str) -> None:
    name = table('"i d" INT PRIMARY KEY, v VARCHAR, "w?" VARCHAR, n INT')
    insert = f'INSERT INTO "PUBLIC".{name} ("w?", "i d", v) VALUES (\'it\'\'s ?, (?)\', ?, ?) ;'
    assert cursor.executemany(insert, pairs(50), query_engine=engine).rowcount == 50
    rows = cursor.execute(f'SELECT "i d", v, "w?", n FROM {name}').fetchall()
    assert sorted(rows) == [(i, v, "it's ?, (?)", None) for i, v in pairs(50)]


def test_keys_and_values_without_fields(cursor: Any, requests: Requests) -> None:
    cursor.execute('CREATE TABLE batches_values (id INT PRIMARY KEY, v VARCHAR) WITH "wrap_key=false,wrap_value=false"')
    try:
        cursor.executemany("INSERT INTO batches_values (_key, _val) VALUES (?, ?)", pairs(50))
        assert requests.rows() == [32, 16, 2]
        assert cursor.execute("SELECT COUNT(*), MAX(v) FROM batches_values").fetchone() == (50, "v9")
        with pytest.raises(IntegrityError) as caught:
            cursor.executemany("INSERT INTO batches_values (_key, _val) VALUES (?, ?)", pairs(20, 40))
        assert caught.value.parameter_set == 0
    finally:
        cursor.execute("DROP TABLE batches_values")


def test_sets_are_taken_as_they_are_sent(table: Callable[..., str], cursor: Any) -> None:
    name = table("id INT PRIMARY KEY, v VARCHAR")
    taken = 0

    def sets() -> Iterator[tuple[int, str]]:
        nonlocal taken
        for taken, pair in enumerate(pairs(6000)):  # noqa: B007
            yield pair

    tracemalloc.start()
    cursor.executemany(f"INSERT INTO {name} VALUES (?, ?)", ((i, "x" * 1000 + v) for i, v in sets()))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert cursor.rowcount == taken + 1 == 6000
    # The texts are of 6 MB.
    assert peak < 4 << 20

    def failing() -> Iterator[tuple[int, str]]:
        yield from sets()

    taken = 0
    with pytest.raises(IntegrityError):
        cursor.executemany(f"INSERT INTO {name} VALUES (?, ?)", failing())
    # Four statements under way and one that is made.
    assert taken <= 5 * 256


@pytest.mark.parametrize(
    ("insert", "count"),
    [
        ("INSERT INTO {} VALUES (?, ?)", 5),
        ("INSERT INTO {} VALUES (?, ?)", 700),
        ("MERGE INTO {} (id, v) VALUES (?, ?)", 20),
        ("INSERT INTO {} VALUES (?, UPPER(?))", 20),
    ],
)
def test_a_list_that_is_used_again(table: Callable[..., str], cursor: Any, insert: str, count: int) -> None:
    """A loop may put each set into the same list, as readers of files do."""
    name = table("id INT PRIMARY KEY, v VARCHAR")
    used: list[Any] = [0, ""]

    def sets() -> Iterator[list[Any]]:
        for number in range(count):
            used[:] = number, f"V{number}"
            yield used

    cursor.executemany(insert.format(name), sets())
    assert cursor.rowcount == count
    assert cursor.execute(f"SELECT id, v FROM {name} ORDER BY id").fetchall() == [
        (number, f"V{number}") for number in range(count)
    ]


def test_sets_of_all_kinds(table: Callable[..., str], cursor: Any, requests: Requests) -> None:
    name = table("id INT PRIMARY KEY, v VARCHAR")
    kinds: list[Callable[[tuple[int, str]], Any]] = [tuple, list, iter, lambda pair: dict(enumerate(pair)).values()]
    cursor.executemany(
        f"INSERT INTO {name} VALUES (?, ?)", (kinds[number % 4]((number, text)) for number, text in pairs(512))
    )
    assert written(cursor, name) == list(range(512))
    assert requests.rows() == [256, 256]
    for wrong in ("10", b"10", {9000: 0, 9001: 1}, 5):
        with pytest.raises(ProgrammingError, match="parameter set 100"):
            cursor.executemany(f"INSERT INTO {name} VALUES (?, ?)", [*pairs(100, start=1000), wrong])
        assert cursor.rowcount == 100
        cursor.execute(f"DELETE FROM {name} WHERE id >= 1000")


def test_a_set_that_fails_while_it_is_read(table: Callable[..., str], cursor: Any) -> None:
    name = table("id INT PRIMARY KEY, v VARCHAR")

    def broken() -> Iterator[Any]:
        yield 1000
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        cursor.executemany(f"INSERT INTO {name} VALUES (?, ?)", [*pairs(300), broken(), (2000, "x")])
    assert written(cursor, name) == list(range(300))


# --- the same values as one by one ------------------------------------------------------------------------------------

COLUMNS = {
    "bo": "BOOLEAN",
    "ti": "TINYINT",
    "bi": "BIGINT",
    "de": "DECIMAL(20, 3)",
    "re": "REAL",
    "db": "DOUBLE",
    "vc": "VARCHAR(20)",
    "da": "DATE",
    "tm": "TIME",
    "ts": "TIMESTAMP",
    "uu": "UUID",
    "vb": "VARBINARY",
}
ANY_VALUE = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-200, 200),
    st.integers(-(2**63), 2**63 - 1),
    st.decimals(-(10**6), 10**6, places=3),
    st.floats(allow_nan=False, allow_infinity=False, width=32),
    st.sampled_from(["", "x", "5", "-7.5", "true", "2020-01-02", "2020-01-02 03:04:05.006", "zß€", "it's"]),
    st.dates(date(1900, 1, 1), date(2100, 1, 1)),
    st.datetimes(datetime(1950, 1, 1), datetime(2100, 1, 1)),
    st.times().map(lambda value: value.replace(microsecond=value.microsecond // 1000 * 1000)),
    st.uuids(),
    st.binary(max_size=5),
)
FITTING = {
    "bo": st.booleans(),
    "ti": st.integers(-128, 127),
    "bi": st.integers(-(2**63), 2**63 - 1),
    "de": st.one_of(st.decimals(-(10**6), 10**6, places=3), st.integers(-100, 100), st.sampled_from(["1.5", "-3"])),
    "re": st.one_of(st.floats(width=32, allow_nan=False), st.integers(-100, 100)),
    "db": st.one_of(st.floats(allow_nan=False), st.integers(-100, 100), st.decimals(-9, 9, places=2)),
    "vc": st.one_of(st.text(max_size=20), st.integers(-100, 100), st.uuids().map(lambda u: u.hex[:20])),
    "da": st.one_of(st.dates(date(1900, 1, 1), date(2100, 1, 1)), st.just("2020-01-02")),
    "tm": st.times().map(lambda value: value.replace(microsecond=value.microsecond // 1000 * 1000)),
    "ts": st.one_of(
        st.datetimes(datetime(1950, 1, 1), datetime(2100, 1, 1)),
        st.just(datetime(2020, 1, 1, tzinfo=UTC)),
        st.dates(date(1950, 1, 1), date(2100, 1, 1)),
        st.just("2020-01-02 03:04:05.006"),
    ),
    "uu": st.one_of(st.uuids(), st.uuids().map(str)),
    "vb": st.binary(max_size=9),
}
ROW = st.tuples(*(st.one_of(st.none(), FITTING[column]) for column in COLUMNS))
# Mostly rows that can be written, and now and then one that perhaps cannot.
ODD_ROW = st.tuples(*(st.one_of(st.none(), FITTING[column], ANY_VALUE) for column in COLUMNS))
TYPES = st.sampled_from(
    [
        None,
        [
            "BIGINT",
            None,
            None,
            None,
            "DECIMAL",
            "REAL",
            "DOUBLE",
            None,
            "DATE",
            "TIME",
            "TIMESTAMP",
            "UUID",
            "VARBINARY",
        ],
        ["INTEGER", "BOOLEAN", "TINYINT", "BIGINT", None, None, None, "VARCHAR"],
        ["VARCHAR"],
    ]
)


@pytest.fixture(scope="module")
def twins(node: Any) -> Iterator[tuple[Any, str, str]]:
    with ignite_dbapi.connect(node.url) as connection:
        columns = ", ".join(f"{name} {kind}" for name, kind in COLUMNS.items())
        for name in ("batched", "single"):
            connection.execute(f"DROP TABLE IF EXISTS {name}")
            connection.execute(
                f"CREATE TABLE {name} (id BIGINT PRIMARY KEY, {columns}, c1 VARCHAR, c2 INT, c3 DOUBLE, c4 BOOLEAN)"
            )
        yield connection, "batched", "single"
        for name in ("batched", "single"):
            connection.execute(f"DROP TABLE {name}")


def outcome(cursor: Any, sets: Sequence[Sequence[Any]], name: str, sizes: Any, constants: str, *, singly: bool) -> Any:
    """What is in the table afterwards, and the error: its class, state and parameter set."""
    columns = ["id", *COLUMNS, *(f"c{number + 1}" for number in range(constants.count(",")))]
    insert = f"INSERT INTO {name} ({', '.join(columns)}) VALUES ({', '.join(['?'] * (len(COLUMNS) + 1))}{constants})"
    cursor.execute(f"DELETE FROM {name}")
    error: tuple[Any, ...] | None = None
    index = 0
    try:
        if singly:
            for index, parameters in enumerate(sets):  # noqa: B007
                cursor.setinputsizes(sizes)
                cursor.execute(insert, parameters)
        else:
            cursor.setinputsizes(sizes)
            cursor.executemany(insert, sets)
    except Error as caught:
        place = index if singly else caught.parameter_set
        error = type(caught), caught.sqlstate, caught.code, place, caught.unknown_sets
    count = cursor.rowcount
    rows = cursor.execute(f"SELECT * FROM {name} ORDER BY id").fetchall()
    assert singly or count == len(rows)
    return rows, error


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_batches_write_what_single_rows_write(twins: tuple[Any, str, str], data: st.DataObject) -> None:
    connection, batched, single = twins
    rows = data.draw(st.lists(st.one_of(ROW, ROW, ROW, ROW, ODD_ROW), min_size=8, max_size=40))
    keys = data.draw(
        st.one_of(
            st.just(range(len(rows))),
            st.lists(st.integers(0, 60), min_size=len(rows), max_size=len(rows)),
            st.lists(st.sampled_from([*range(60), "7", "07", 7.4, None, True]), min_size=len(rows), max_size=len(rows)),
        )
    )
    sizes = data.draw(TYPES)
    constants = data.draw(st.sampled_from(["", ", 'it''s ?', NULL, 5, TRUE", ", 7, '8'"]))
    sets = [(key, *row) for key, row in zip(keys, rows, strict=True)]
    cursor = connection.cursor()
    rows_singly, error_singly = outcome(cursor, sets, single, sizes, constants, singly=True)
    rows_batched, error_batched = outcome(cursor, sets, batched, sizes, constants, singly=False)
    assert error_batched == error_singly
    if error_singly is None:
        assert repr(rows_batched) == repr(rows_singly)
    else:
        # Those before the failing set are written, and some of those after it may be.
        before = {repr(row) for row in rows_singly}
        assert before <= {repr(row) for row in rows_batched}


# --- order ------------------------------------------------------------------------------------------------------------


@ENGINES
@pytest.mark.parametrize("distance", [1, 5, 40, 300, 1500])
def test_the_first_row_of_a_key_wins(table: Callable[..., str], cursor: Any, engine: str, distance: int) -> None:
    name = table("v VARCHAR, b INT, a INT, PRIMARY KEY (a, b)")
    insert = f"INSERT INTO {name} (b, v, a) VALUES (?, ?, ?)"
    sets = [(i % 7, f"v{i}", i) for i in range(2000)]
    sets[1700] = (*sets[1700 - distance][:1], "second", sets[1700 - distance][2])
    for _ in range(3):
        with pytest.raises(IntegrityError, match=r"parameter set 1700\b") as caught:
            cursor.executemany(insert, sets, query_engine=engine)
        error = caught.value
        assert (error.parameter_set, error.sqlstate, error.unknown_sets) == (1700, "23000", None)
        rows = cursor.execute(f"SELECT a, v FROM {name}").fetchall()
        assert dict(rows)[1700 - distance] == f"v{1700 - distance}"
        assert {a for a, _ in rows} >= set(range(1700))
        assert error.sent_sets is not None
        assert 1701 <= error.sent_sets <= 2000
        assert max(a for a, _ in rows) < error.sent_sets
        cursor.execute(f"DELETE FROM {name}")


@ENGINES
def test_keys_that_are_converted_are_written_in_order(
    table: Callable[..., str], cursor: Any, requests: Requests, engine: str
) -> None:
    name = table("id DOUBLE PRIMARY KEY, v VARCHAR")
    with pytest.raises(IntegrityError, match="parameter set 11"):
        cursor.executemany(
            f"INSERT INTO {name} VALUES (?, ?)",
            [*pairs(10), (2.0**53, "first"), (2**53, "second"), (2**53 + 1, "third")],
            query_engine=engine,
        )
    assert cursor.execute(f"SELECT v FROM {name} WHERE id > 100").fetchall() == [("first",)]
    assert requests.most_under_way == 1


def test_changes_keep_their_order(table: Callable[..., str], cursor: Any, requests: Requests) -> None:
    name = table("id INT PRIMARY KEY, v VARCHAR")
    cursor.execute(f"INSERT INTO {name} VALUES (1, '')")
    cursor.executemany(f"UPDATE {name} SET v = ? WHERE id = 1", [(str(i),) for i in range(50)])
    assert cursor.execute(f"SELECT v FROM {name}").fetchall() == [("49",)]
    cursor.executemany(f"MERGE INTO {name} (id, v) VALUES (?, ?)", [(1, str(i)) for i in range(50)])
    assert cursor.execute(f"SELECT v FROM {name}").fetchall() == [("49",)]
    assert requests.most_under_way == 1


@ENGINES
def test_without_order(table: Callable[..., str], cursor: Any, requests: Requests, engine: str) -> None:
    name = table("id INT PRIMARY KEY, v BIGINT")
    options = {"query_engine": engine, "ordered": False}
    assert (
        cursor.executemany(f"INSERT INTO {name} VALUES (? + 0, ?)", [(i, i) for i in range(60)], **options).rowcount
        == 60
    )
    assert 1 < requests.most_under_way <= 6
    requests.most_under_way = 0
    update = f"UPDATE {name} SET v = ? WHERE id = ?"
    assert cursor.executemany(update, [(-i, i) for i in range(70)], **options).rowcount == 60
    assert 1 < requests.most_under_way <= 4
    assert cursor.execute(f"SELECT SUM(v) FROM {name}").fetchone() == (-sum(range(60)),)
    delete = f"DELETE FROM {name} WHERE id = ?"
    assert cursor.executemany(delete, [(i,) for i in range(10, 90)], **options).rowcount == 50
    assert written(cursor, name) == list(range(10))
    with pytest.raises(IntegrityError) as caught:
        cursor.executemany(f"INSERT INTO {name} VALUES (?, ?)", [(i % 300, i) for i in range(100, 900)], **options)
    assert caught.value.parameter_set is not None
    assert cursor.rowcount + 10 == len(written(cursor, name))


def test_without_order_a_delete_finds_keys_of_each_type(table: Callable[..., str], cursor: Any) -> None:
    name = table("id TINYINT PRIMARY KEY, v INT")
    cursor.executemany(f"INSERT INTO {name} VALUES (?, ?)", [(i, i) for i in range(100)])
    delete = f"DELETE FROM {name} WHERE id = ?"
    assert cursor.executemany(delete, [(i,) for i in range(-100, 50)], ordered=False).rowcount == 50
    assert cursor.executemany(delete, [(i,) for i in range(120)], ordered=False).rowcount == 50


def test_within_a_transaction(make_ignite_cluster: Callable[..., Any]) -> None:
    cluster = make_ignite_cluster(tx_aware=True)
    with ignite_dbapi.connect(cluster.url, autocommit=False) as connection:
        connection.execute("DROP TABLE IF EXISTS batches_transaction")
        connection.execute(
            'CREATE TABLE batches_transaction (id INT PRIMARY KEY, v VARCHAR) WITH "atomicity=transactional"'
        )
        connection.commit()
        requests, cursor = Requests(connection), connection.cursor()
        for ordered in (True, False):
            cursor.executemany("INSERT INTO batches_transaction VALUES (?, ?)", pairs(40), ordered=ordered)
            assert requests.most_under_way == 1
            connection.rollback()
        assert connection.execute("SELECT COUNT(*) FROM batches_transaction").fetchone() == (0,)
        connection.rollback()
        connection.execute("DROP TABLE batches_transaction")


# --- errors -----------------------------------------------------------------------------------------------------------


FAULTS = [
    ((10_000, "x"), IntegrityError, IntegrityError),
    ((None, "x"), IntegrityError, Error),
    # Calcite looks at no parameter for this.
    ((-1, None), IntegrityError, None),
    ((-1, "x" * 11), DataError, DataError),
    ((2**40, "x"), DataError, DataError),
    (("abc", "x"), DataError, DataError),
    ((2**70, "x"), DataError, DataError),
    ((1,), ProgrammingError, ProgrammingError),
    (5, ProgrammingError, ProgrammingError),
]


@pytest.mark.parametrize("position", [0, 3, 500, 1999])
@pytest.mark.parametrize(
    ("engine", "bad", "kind"),
    [("h2", bad, kind) for bad, kind, _ in FAULTS] + [("calcite", bad, kind) for bad, _, kind in FAULTS if kind],
)
def test_errors(table: Callable[..., str], cursor: Any, engine: str, position: int, bad: Any, kind: Any) -> None:
    name = table("id INT PRIMARY KEY, v VARCHAR(10) NOT NULL")
    cursor.execute(f"INSERT INTO {name} VALUES (10000, 'there')")
    sets: list[Any] = list(pairs(2000 if engine == "h2" else 300))
    position = min(position, len(sets) - 1)
    sets[position] = bad
    insert = f"INSERT INTO {name} VALUES (?, ?)"
    with pytest.raises(kind, match=rf"parameter set {position}\b") as caught:
        cursor.executemany(insert, sets, query_engine=engine)
    error = caught.value
    assert error.parameter_set == position
    assert error.unknown_sets is None
    assert error.sent_sets is not None
    there = set(written(cursor, name)) - {10_000}
    assert len(there) == cursor.rowcount
    assert set(range(position)) <= there <= set(range(error.sent_sets)) - {position}
    assert error.sent_sets <= position + 5 * 256
    assert not cursor.connection._session.resources.in_flight


@pytest.mark.parametrize(
    ("column", "keys"),
    [
        ("VARCHAR", ["a", "b, c", "d", "e, f, g"]),
        ("UUID", [UUID(int=i) for i in range(4)]),
        ("TIMESTAMP", [datetime(2020, 1, 1, 2, 3, i, i * 100) for i in range(4)]),
        ("BOOLEAN", [False, True]),
        ("DECIMAL(10, 2)", [Decimal("1.50"), Decimal("-2.00"), Decimal(300), Decimal("0.01")]),
    ],
)
def test_keys_that_exist_are_found_in_the_text(
    table: Callable[..., str], cursor: Any, requests: Requests, column: str, keys: list[Any]
) -> None:
    name = table(f"id {column} PRIMARY KEY, v INT")
    existing = keys[1::2]
    cursor.executemany(f"INSERT INTO {name} VALUES (?, ?)", [(key, 0) for key in existing])
    # So that the table is known, and few rows are sent in one statement.
    with pytest.raises(IntegrityError):
        cursor.executemany(f"INSERT INTO {name} VALUES (?, ?)", [(existing[0], 0)] * 8)
    with pytest.raises(IntegrityError) as caught:
        cursor.executemany(f"INSERT INTO {name} VALUES (?, ?)", [(key, 1) for key in keys])
    assert (caught.value.parameter_set, caught.value.sqlstate) == (1, "23000")
    assert cursor.rowcount == len(keys) - len(existing)
    assert requests.rows()[-2:] == [len(keys), 1]


def test_keys_that_cannot_be_found_in_the_text(table: Callable[..., str], cursor: Any) -> None:
    name = table("id VARBINARY PRIMARY KEY, v INT")
    cursor.execute(f"INSERT INTO {name} VALUES (?, 0)", (bytes([20]),))
    with pytest.raises(IntegrityError, match="a parameter set of 0 to 31") as caught:
        cursor.executemany(f"INSERT INTO {name} VALUES (?, ?)", [(bytes([i]), i) for i in range(32)])
    assert caught.value.parameter_set is None
    assert caught.value.unknown_sets == range(32)
    assert cursor.rowcount == 0
    assert cursor.execute(f"SELECT COUNT(*) FROM {name}").fetchone() == (32,)


def test_a_statement_that_is_wrong_fails_at_its_first_set(table: Callable[..., str], cursor: Any) -> None:
    name = table("id INT PRIMARY KEY, v VARCHAR")
    for insert in (f"INSERT INTO {name} (id, nothing) VALUES (?, ?)", "INSERT INTO no_such_table VALUES (?, ?)"):
        with pytest.raises(ProgrammingError, match="parameter set 0") as caught:
            cursor.executemany(insert, pairs(20))
        assert (caught.value.parameter_set, caught.value.sqlstate, cursor.rowcount) == (0, "42000", 0)
        assert "(?, ?), (?, ?)" not in str(caught.value)


def test_a_generator_that_fails(table: Callable[..., str], cursor: Any) -> None:
    name = table("id INT PRIMARY KEY, v VARCHAR")

    def sets() -> Iterator[tuple[int, str]]:
        yield from pairs(1000)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        cursor.executemany(f"INSERT INTO {name} VALUES (?, ?)", sets())
    assert cursor.rowcount == len(written(cursor, name)) == 1000


def test_a_connection_that_is_lost(node: Any, table: Callable[..., str], cursor: Any) -> None:
    name = table("id INT PRIMARY KEY, v VARCHAR")
    host, port = node.url.removeprefix("ignite://").split(":")
    # The handshake, the engine, the key, the columns, two statements.
    with (
        Proxy((host, int(port)), lambda number, frame: frame if number < 6 else None) as proxy,
        ignite_dbapi.connect(proxy.url) as connection,
    ):
        lost = connection.cursor()
        with pytest.raises(OperationalError) as caught:
            lost.executemany(f"INSERT INTO {name} VALUES (?, ?)", pairs(5000))
    error = caught.value
    assert error.is_connection_lost
    assert error.parameter_set is None
    assert error.unknown_sets is not None
    assert error.sent_sets is not None
    # All before the unknown ones are written, none of those that were not sent. The two answers may be of any two.
    assert lost.rowcount == 512 >= error.unknown_sets.start
    assert error.unknown_sets.stop <= error.sent_sets < 5000
    there = set(written(cursor, name))
    assert set(range(error.unknown_sets.start)) <= there <= set(range(error.sent_sets))


# --- asyncio ----------------------------------------------------------------------------------------------------------


def test_over_asyncio(node: Any, table: Callable[..., str], cursor: Any) -> None:
    name = table("id INT PRIMARY KEY, v VARCHAR")

    async def main() -> None:
        async with await ignite_dbapi.aio.connect(node.url) as connection:
            requests, inserting = Requests(connection), connection.cursor()
            await inserting.executemany(f"INSERT INTO {name} VALUES (?, ?)", pairs(1000))
            assert inserting.rowcount == 1000
            assert requests.rows()[:3] == [256] * 3
            with pytest.raises(IntegrityError) as caught:
                await inserting.executemany(f"INSERT INTO {name} VALUES (?, ?)", reversed(list(pairs(1000, 500))))
            assert caught.value.parameter_set == 500

    asyncio.run(main())
    assert set(written(cursor, name)) >= {*range(1000), *range(1000, 1500)}
