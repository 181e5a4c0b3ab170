"""Cursors: descriptions, counts, fetching, batches, parameter types, row factories, statement options."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from typing import Any

import pytest
from wire import Proxy

import ignite_dbapi
import ignite_dbapi.aio
from ignite_dbapi import DataError, IntegrityError, InterfaceError, ProgrammingError
from ignite_dbapi.transport import busy_waiting, giving_way

ENGINES = pytest.mark.parametrize("engine", ["h2", "calcite"])
ALL_TYPES = (
    "id INT PRIMARY KEY, bo BOOLEAN, ti TINYINT, sm SMALLINT, bi BIGINT, de DECIMAL(20, 3), re REAL, do_ DOUBLE, "
    "vc VARCHAR(30), da DATE, tm TIME, ts TIMESTAMP, uu UUID, vb VARBINARY"
)


@ENGINES
def test_description(table: Callable[..., str], connection: Any, engine: str) -> None:
    name = table(ALL_TYPES)
    cursor = connection.execute(
        f"INSERT INTO {name} VALUES (1, TRUE, 1, 2, 3, 4.500, 5.5, 6.5, 'x', DATE '2024-01-02', TIME '01:02:03', "
        f"TIMESTAMP '2024-01-02 03:04:05', '00000000-0000-0000-0000-000000000001', X'0102')",
        query_engine=engine,
    )
    assert cursor.description is None
    assert cursor.rowcount == 1
    cursor.execute(f"SELECT * FROM {name}", query_engine=engine)
    description = cursor.description
    assert [len(column) for column in description] == [7] * 14
    types = [column.type_code for column in description]
    assert types == [
        "INTEGER", "BOOLEAN", "TINYINT", "SMALLINT", "BIGINT", "DECIMAL", "REAL", "DOUBLE", "VARCHAR", "DATE", "TIME",
        "TIMESTAMP", "UUID", "VARBINARY",
    ]  # fmt: skip
    assert all(isinstance(kind, str) for kind in types)
    numbers, texts = ignite_dbapi.NUMBER, ignite_dbapi.STRING
    assert [kind == numbers for kind in types] == [True, False, *[True] * 6, *[False] * 6]
    assert [kind == texts for kind in types] == [False] * 8 + [True] + [False] * 5
    assert [kind == ignite_dbapi.DATETIME for kind in types] == [False] * 9 + [True] * 3 + [False] * 2
    assert [kind == ignite_dbapi.BINARY for kind in types] == [False] * 13 + [True]
    assert not any(kind == ignite_dbapi.ROWID for kind in types)
    by_name = {column.name: column for column in description}
    assert by_name["ID"].internal_size == 4
    assert (by_name["BI"].precision, by_name["BI"].scale) == (19, 0)
    assert by_name["VC"].null_ok is None


@ENGINES
def test_description_of_nulls_and_of_no_rows(table: Callable[..., str], connection: Any, engine: str) -> None:
    name = table("id INT PRIMARY KEY, v INT")
    cursor = connection.execute(f"SELECT id, v FROM {name}", query_engine=engine)
    assert [column.name for column in cursor.description] == ["ID", "V"]
    assert cursor.description[0].type_code == "NULL"
    # Of an unknown type, every type object may be the right one.
    assert cursor.description[0].type_code == ignite_dbapi.NUMBER
    cursor.executemany(f"INSERT INTO {name} VALUES (?, ?)", [(i, None if i < 100 else i) for i in range(101)])
    cursor.execute(f"SELECT v, id, CAST(NULL AS INT) AS n FROM {name} ORDER BY id", query_engine=engine)
    assert [column.type_code for column in cursor.description] == ["INTEGER", "INTEGER", "NULL"]
    assert cursor.description[2].null_ok is True


@ENGINES
def test_rowcount(table: Callable[..., str], cursor: Any, engine: str) -> None:
    name = table("id INT PRIMARY KEY, v INT")
    run = lambda sql, *parameters: cursor.execute(sql, parameters, query_engine=engine).rowcount  # noqa: E731
    assert cursor.rowcount == -1
    assert run(f"INSERT INTO {name} VALUES (1, 1), (2, 2), (3, 3)") == 3
    assert run(f"UPDATE {name} SET v = v + 1 WHERE id > ?", 1) == 2
    assert run(f"UPDATE {name} SET v = 0 WHERE id > 100") == 0
    assert run(f"SELECT * FROM {name}") == 3
    assert run(f"DELETE FROM {name}") == 3
    assert run(f"SELECT * FROM {name}") == 0
    assert run(f"CREATE INDEX i_{name} ON {name} (v)") == -1
    assert cursor.description is None
    assert cursor.execute("SELECT x FROM SYSTEM_RANGE(1, 50)", page_size=10).rowcount == -1


def test_fetching(cursor: Any) -> None:
    sql = "SELECT x FROM SYSTEM_RANGE(1, 25)"
    rows = [(x,) for x in range(1, 26)]
    assert cursor.arraysize == 1
    cursor.execute(sql, page_size=4)
    assert cursor.rownumber == 0
    assert cursor.fetchone() == (1,)
    assert cursor.fetchmany() == [(2,)]
    assert cursor.fetchmany(10) == rows[2:12]
    cursor.arraysize = 5
    assert cursor.fetchmany() == rows[12:17]
    assert cursor.rownumber == 17
    assert next(cursor) == (18,)
    assert cursor.fetchmany(0) == []
    assert cursor.fetchall() == rows[18:]
    assert cursor.rownumber == 25
    assert cursor.fetchone() is None
    assert cursor.fetchmany(3) == []
    assert cursor.fetchall() == []
    assert list(cursor) == []
    assert list(cursor.execute(sql, page_size=3)) == rows
    with pytest.raises(ProgrammingError):
        cursor.fetchmany(-1)


def test_no_result_to_fetch(cursor: Any, table: Callable[..., str]) -> None:
    name = table("id INT PRIMARY KEY, v INT")
    for prepare in (lambda: None, lambda: cursor.execute(f"DELETE FROM {name}")):
        prepare()
        for fetch in (cursor.fetchone, cursor.fetchmany, cursor.fetchall, lambda: next(cursor)):
            with pytest.raises(ProgrammingError, match="no rows to fetch"):
                fetch()
    cursor.execute("SELECT 1")
    with pytest.raises(ProgrammingError):
        cursor.execute("SELECT nonsense FROM nowhere")
    with pytest.raises(ProgrammingError, match="no rows to fetch"):
        cursor.fetchone()


def test_interleaved_cursors(connection: Any) -> None:
    cursors = [
        connection.execute("SELECT x * ? AS y FROM SYSTEM_RANGE(1, 100)", [number], page_size=7) for number in range(10)
    ]
    assert [list(rows) for rows in zip(*cursors, strict=True)] == [
        [(x * number,) for number in range(10)] for x in range(1, 101)
    ]


@ENGINES
class TestExecutemany:
    def test_sum_and_generator(self, table: Callable[..., str], cursor: Any, engine: str) -> None:
        name = table("id INT PRIMARY KEY, v VARCHAR")
        insert = f"INSERT INTO {name} VALUES (?, ?)"
        assert cursor.executemany(insert, ((i, f"v{i}") for i in range(100)), query_engine=engine).rowcount == 100
        assert cursor.executemany(insert, [], query_engine=engine).rowcount == 0
        sets = [[i % 3, i] for i in range(20)]
        update = f"UPDATE {name} SET v = CONCAT(v, CAST(? AS VARCHAR)) WHERE id >= ? AND id < 10"
        assert cursor.executemany(update, [["a", 5], ["b", 8], ["c", 99]], query_engine=engine).rowcount == 7
        assert cursor.execute(f"SELECT v FROM {name} WHERE id = 9").fetchone() == ("v9ab",)
        delete = f"DELETE FROM {name} WHERE id = ?"
        assert cursor.executemany(delete, ([i] for i in range(90, 110)), query_engine=engine).rowcount == 10
        assert cursor.execute(f"SELECT COUNT(*) FROM {name}").fetchone() == (90,)
        assert sets

    def test_error_names_the_set_and_the_rest_is_counted(
        self, table: Callable[..., str], cursor: Any, engine: str
    ) -> None:
        name = table("id INT PRIMARY KEY, v INT")
        with pytest.raises(IntegrityError, match="parameter set 30") as caught:
            cursor.executemany(
                f"INSERT INTO {name} VALUES (?, ?)", [(i if i != 30 else 1, i) for i in range(100)], query_engine=engine
            )
        assert caught.value.sqlstate == "23000"
        written = cursor.rowcount
        assert 30 <= written < 100
        assert cursor.execute(f"SELECT COUNT(*) FROM {name}").fetchone() == (written,)

    def test_wrong_parameter_sets(self, table: Callable[..., str], cursor: Any, engine: str) -> None:
        name = table("id INT PRIMARY KEY, v INT")
        insert = f"INSERT INTO {name} VALUES (?, ?)"
        for bad, kind in (((1,), ProgrammingError), (5, ProgrammingError), ((2**70, 1), DataError)):
            with pytest.raises(kind, match="parameter set 3"):
                cursor.executemany(insert, [(0, 0), (1, 1), (2, 2), bad, (4, 4)], query_engine=engine)
            assert cursor.rowcount == 3
            assert cursor.execute(f"DELETE FROM {name}").rowcount == 3

    def test_failing_generator(self, table: Callable[..., str], cursor: Any, engine: str) -> None:
        name = table("id INT PRIMARY KEY, v INT")

        def sets() -> Any:
            yield from ((i, i) for i in range(20))
            raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            cursor.executemany(f"INSERT INTO {name} VALUES (?, ?)", sets(), query_engine=engine)
        assert cursor.rowcount == 20
        assert not cursor.connection._session.resources.in_flight
        with pytest.raises(ZeroDivisionError):
            cursor.executemany(f"DELETE FROM {name} WHERE id = ?", ((1 // (i - 2),) for i in range(9)))

    def test_query_is_refused(self, cursor: Any, engine: str) -> None:
        with pytest.raises(ProgrammingError, match="executemany"):
            cursor.executemany("SELECT ?", [(1,)], query_engine=engine)


@ENGINES
@pytest.mark.parametrize(
    ("kind", "value", "result"),
    [
        (ignite_dbapi.TINYINT, 5, 5),
        ("SMALLINT", 5, 5),
        ("INTEGER", 5, 5),
        (ignite_dbapi.BIGINT, 5, 5),
        ("REAL", 0.5, 0.5),
        ("DOUBLE", 5, 5.0),
        ("DECIMAL", 5, Decimal(5)),
        ("BOOLEAN", 1, True),
        ("VARCHAR", "5", "5"),
    ],
)
def test_setinputsizes_fixes_the_type(cursor: Any, kind: str, value: Any, result: Any, engine: str) -> None:
    cursor.setinputsizes([kind])
    cursor.execute("SELECT ? AS p", [value], query_engine=engine)
    assert cursor.description[0].type_code == str(kind)
    ((got,),) = cursor.fetchall()
    assert (type(got), got) == (type(result), result)
    # For one statement only.
    assert cursor.execute("SELECT ? AS p", [7]).description[0].type_code == "BIGINT"


def test_setinputsizes_checks_values(cursor: Any) -> None:
    for kind, value in (
        ("TINYINT", 128), ("SMALLINT", -32769), ("INTEGER", 2**31), ("BIGINT", 2**63), ("INTEGER", 1.5),
        ("INTEGER", "1"), ("BOOLEAN", 2), ("VARCHAR", 5), ("UUID", "no"), ("REAL", 1e300), ("DATE", "2024-01-01"),
    ):  # fmt: skip
        cursor.setinputsizes([kind])
        with pytest.raises(DataError):
            cursor.execute("SELECT ?", [value])
    cursor.setinputsizes([None, 25])
    assert cursor.execute("SELECT ?, ?", [1, "x"]).fetchone() == (1, "x")
    cursor.setinputsizes(["INTEGER", "INTEGER"])
    with pytest.raises(ProgrammingError):
        cursor.execute("SELECT ?", [1])
    with pytest.raises(InterfaceError, match="NUMERO"):
        cursor.setinputsizes(["NUMERO"])


def test_row_factories(node: Any) -> None:
    sql = "SELECT 1 AS a, 'x' AS b, COUNT(*) FROM SYS.NODES"
    with ignite_dbapi.connect(node.url, row_factory=ignite_dbapi.dict_row) as connection:
        assert connection.execute(sql).fetchall() == [{"A": 1, "B": "x", "COUNT(*)": 1}]
        with connection.cursor(ignite_dbapi.namedtuple_row) as cursor:
            row = cursor.execute(sql).fetchone()
            assert (row.A, row.B, row) == (1, "x", (1, "x", 1))
            assert cursor.execute("SELECT 7 AS other").fetchone().OTHER == 7
        with connection.cursor(ignite_dbapi.tuple_row) as cursor:
            assert cursor.execute(sql).fetchmany(5) == [(1, "x", 1)]
        with connection.cursor(lambda cursor: list) as cursor:
            assert list(cursor.execute("SELECT x FROM SYSTEM_RANGE(1, 3)", page_size=1)) == [[1], [2], [3]]


def test_parameter_counts_are_checked_for_both_engines(cursor: Any) -> None:
    for engine in ("h2", "calcite"):
        for parameters in (None, [], [1], [1, 2, 3], "ab", {"a": 1, "b": 2}, 5):
            with pytest.raises(ProgrammingError):
                cursor.execute("SELECT ?, ?", parameters, query_engine=engine)
    assert cursor.execute("SELECT '?', \"X\" FROM SYSTEM_RANGE(1, ?) -- ?\n/* ? */", [1]).fetchall() == [("?", 1)]
    assert cursor.execute("SELECT ?, ?", (x for x in (1, 2))).fetchall() == [(1, 2)]


def test_options_per_connection_and_statement(node: Any, connection: Any) -> None:
    assert connection.execute("SELECT QUERY_ENGINE()").fetchone() == ("h2",)
    assert connection.execute("SELECT QUERY_ENGINE()", query_engine="calcite").fetchone() == ("calcite",)
    assert connection.execute("SELECT QUERY_ENGINE()").fetchone() == ("h2",)
    with ignite_dbapi.connect(node.url, query_engine="calcite", schema="sys") as other:
        assert other.execute("SELECT QUERY_ENGINE()").fetchone() == ("calcite",)
        # H2 has this function in PUBLIC alone.
        for engine in ("h2", None):
            assert other.execute("SELECT QUERY_ENGINE()", query_engine=engine, schema="PUBLIC").fetchone() == ("h2",)
        assert other.execute("SELECT COUNT(*) FROM nodes").fetchone() == (1,)
        with pytest.raises(ProgrammingError):
            other.execute("SELECT COUNT(*) FROM nodes", schema="PUBLIC")
    with pytest.raises(InterfaceError, match="did you mean 'page_size'"):
        connection.execute("SELECT 1", pagesize=3)
    with pytest.raises(InterfaceError, match="'user'"):
        connection.execute("SELECT 1", user="x")
    for unknown in ("nowhere", '"public"'):
        with pytest.raises(ProgrammingError):
            connection.execute("SELECT 1 FROM SYS.NODES", schema=unknown)


def test_page_size_counts(node: Any) -> None:
    with Proxy(node.addresses[0]) as proxy, ignite_dbapi.connect(proxy.url, page_size=10) as connection:
        connection.execute("SELECT x FROM SYSTEM_RANGE(1, 30)").fetchall()
        assert proxy.requests == [2004, 2005, 2005]
        connection.execute("SELECT x FROM SYSTEM_RANGE(1, 30)", page_size=30).fetchall()
        assert proxy.requests.count(2004) == 2
        assert proxy.requests.count(2005) <= 3


@ENGINES
def test_timeout(cursor: Any, engine: str) -> None:
    slow = "SELECT COUNT(*) FROM SYSTEM_RANGE(1, 100000) a, SYSTEM_RANGE(1, 100000) b"
    if engine == "calcite":
        slow = "SELECT COUNT(*) FROM TABLE(SYSTEM_RANGE(1, 100000)) a, TABLE(SYSTEM_RANGE(1, 100000)) b"
    with pytest.raises(ignite_dbapi.OperationalError) as caught:
        cursor.execute(slow, timeout=0.3, query_engine=engine)
    assert not caught.value.is_connection_lost
    assert cursor.execute("SELECT 1").fetchone() == (1,)


def test_partitions_and_lazy(cursor: Any, table: Callable[..., str]) -> None:
    name = table("id INT PRIMARY KEY, v INT")
    cursor.executemany(f"INSERT INTO {name} VALUES (?, ?)", [(i, i) for i in range(50)])
    count = f"SELECT COUNT(*) FROM {name}"
    first = cursor.execute(count, partitions=range(20)).fetchone()[0]
    second = cursor.execute(count, partitions=list(range(20, 1024))).fetchone()[0]
    assert 0 < first < 50
    assert first + second == 50
    for lazy in (True, False):
        assert len(cursor.execute(f"SELECT id FROM {name}", lazy=lazy, page_size=7).fetchall()) == 50
    for option in ("distributed_joins", "enforce_join_order", "collocated", "local"):
        assert cursor.execute(count, **{option: True}).fetchone() == (50,)


def test_messages(connection: Any) -> None:
    """PEP 249's optional list: cleared by every call but fetches."""
    cursor = connection.cursor()
    assert cursor.messages == connection.messages == []
    with pytest.warns(ignite_dbapi.Warning, match="milliseconds"):
        cursor.execute("SELECT ?", [datetime(2024, 1, 1, 0, 0, 0, 1)], query_engine="calcite")
    ((kind, warning),) = cursor.messages
    assert kind is ignite_dbapi.Warning
    assert "loses its microseconds" in str(warning)
    cursor.fetchall()
    assert len(cursor.messages) == 1
    with pytest.raises(ProgrammingError) as caught:
        cursor.execute("SELECT nothing FROM nowhere")
    ((kind, error),) = cursor.messages
    assert kind is ProgrammingError
    assert (str(error), error.sqlstate) == (str(caught.value), caught.value.sqlstate)
    assert error.__traceback__ is None
    cursor.setinputsizes(None)
    assert cursor.messages == []
    with pytest.raises(DataError):
        cursor.executemany("UPDATE nowhere SET v = ?", [(2**70,)])
    assert [kind for kind, _ in cursor.messages] == [DataError]
    cursor.close()
    assert cursor.messages == []


def test_rows_at_hand(node: Any) -> None:
    """Rows that are decoded already are counted, and given away, however they are fetched; and not once closed."""
    with ignite_dbapi.connect(node.url) as connection:
        cursor = connection.execute("SELECT x FROM SYSTEM_RANGE(1, 1000)", page_size=300)
        taken = []
        for (x,) in cursor:
            taken.append(x)
            assert cursor.rownumber == x
            if x == 140:
                break
        taken.append(cursor.fetchone()[0])
        assert cursor.rownumber == 141
        taken += [x for (x,) in cursor.fetchmany(200)]
        assert cursor.rownumber == 341
        taken.append(next(cursor)[0])
        assert taken == list(range(1, 343))
        cursor = connection.execute("SELECT x FROM SYSTEM_RANGE(1, 1000)")
        assert (next(cursor), cursor.rownumber) == ((1,), 1)
        assert (len(cursor.fetchall()), cursor.rownumber) == (999, 1000)
        closed = connection.execute("SELECT x FROM SYSTEM_RANGE(1, 1000)")
        next(closed)
        closed.close()
        with pytest.raises(InterfaceError, match="cursor is closed"):
            next(closed)
        cursor = connection.execute("SELECT x FROM SYSTEM_RANGE(1, 1000)")
        next(cursor)
    for take in (cursor.fetchone, cursor.__next__, cursor.fetchall):
        with pytest.raises(InterfaceError, match="connection is closed"):
            take()


def test_optional_extensions(connection: Any) -> None:
    cursor = connection.cursor()
    assert cursor.connection is connection
    assert cursor.lastrowid is None
    assert cursor.rownumber is None
    assert connection.autocommit is True
    assert iter(cursor) is cursor
    # What Ignite has nothing for is left out, which is how PEP 249 says so.
    assert not any(hasattr(cursor, name) for name in ("callproc", "nextset", "scroll"))


LARGE_ROWS = "SELECT x, RPAD('', 100, 'x') FROM SYSTEM_RANGE(1, 6000)"


@pytest.fixture
def ways_given(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Grows by one each time that the server is let go first; also while an answer is looked for, with busy_wait."""
    given: list[int] = []
    monkeypatch.setattr("os.sched_yield", lambda: given.append(1))
    return given


def test_server_goes_first_when_a_large_page_is_decoded(node: Any, ways_given: list[int]) -> None:
    with ignite_dbapi.connect(node.url, busy_wait=0) as connection:
        assert len(connection.execute(LARGE_ROWS, page_size=2000).fetchall()) == 6000
        # After each of the two requests for a next page.
        assert len(ways_given) == 2
        # Those who decode for a moment only would wait longer for their turn than the server gains.
        assert len(connection.execute(LARGE_ROWS, page_size=500).fetchall()) == 6000
        assert len(connection.execute("SELECT 1").fetchall()) == 1
        assert len(ways_given) == 2


def test_server_goes_first_with_asyncio(node: Any, ways_given: list[int]) -> None:
    async def fetch() -> None:
        async with await ignite_dbapi.aio.connect(node.url) as connection:
            cursor = await connection.execute(LARGE_ROWS, page_size=2000)
            assert len(await cursor.fetchall()) == 6000

    asyncio.run(fetch())
    assert len(ways_given) == 2


def test_no_way_is_given_to_a_server_elsewhere(
    node: Any, ways_given: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (giving_way, busy_waiting):
        monkeypatch.setattr(module, "is_on_this_machine", lambda connected: False)
    with ignite_dbapi.connect(node.url) as connection:
        assert len(connection.execute(LARGE_ROWS, page_size=2000).fetchall()) == 6000
    assert ways_given == []
