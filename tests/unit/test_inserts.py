"""What the text of an INSERT tells, and which rows have the same key."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from ignite_dbapi.operations.inserts import Insert, KeyPart, Keys, Value, analyze_insert

P = Value
CONSTANT = Value(is_constant=True)
EXPRESSION = Value()


@pytest.mark.parametrize(
    ("sql", "schema", "table", "columns", "values"),
    [
        ("INSERT INTO t VALUES (?)", None, "T", None, (P(0),)),
        ("insert into s.t (a, b) values (?, ?);", "S", "T", ("A", "B"), (P(0), P(1))),
        ('INSERT INTO "s"."t x"("a?", b)VALUES(?,?) ; ', "s", "t x", ("a?", "B"), (P(0), P(1))),
        ("-- app\n/* ? */ INSERT INTO t VALUES (?, ?)", None, "T", None, (P(0), P(1))),
        (
            "INSERT INTO t\nVALUES (?, 'it''s ?', 5, 1.25, NULL, true, ?)",
            None,
            "T",
            None,
            (P(0), CONSTANT, CONSTANT, CONSTANT, CONSTANT, CONSTANT, P(1)),
        ),
    ],
)
def test_rows_that_may_be_repeated(
    sql: str, schema: str | None, table: str, columns: tuple[str, ...] | None, values: tuple[Value, ...]
) -> None:
    insert = analyze_insert(sql)
    assert insert is not None
    assert insert.is_plain
    assert (insert.schema, insert.table, insert.columns, insert.values) == (schema, table, columns, values)
    assert insert.of_rows(1) == sql.rstrip("; ")
    assert insert.of_rows(3) == f"{sql.rstrip('; ')}, {insert.row}, {insert.row}"


@pytest.mark.parametrize(
    ("row", "values"),
    [
        ("(?, UPPER(?), ?)", (P(0), EXPRESSION, P(2))),
        ("(? + 1, COALESCE(?, ?), ?)", (EXPRESSION, EXPRESSION, P(3))),
        ("(?, -5)", (P(0), EXPRESSION)),
        ("(?, DATE '2020-01-01')", (P(0), EXPRESSION)),
        ("(?, DEFAULT)", (P(0), EXPRESSION)),
        ("(?, CURRENT_TIMESTAMP)", (P(0), EXPRESSION)),
        ("(?, (?))", (P(0), EXPRESSION)),
        ("(?, (SELECT MAX(a) FROM u WHERE b IN (?, ?)), ?)", (P(0), EXPRESSION, P(3))),
        ("(?, 1e5)", (P(0), EXPRESSION)),
        ("(? /* one */, ?)", (P(0), P(1))),
        ("(?, -- one\n ?)", (P(0), P(1))),
        ("(?, '/*+ QUERY_ENGINE(''calcite'') */')", (P(0), CONSTANT)),
    ],
)
def test_rows_that_are_sent_singly(row: str, values: tuple[Value, ...]) -> None:
    insert = analyze_insert(f"INSERT INTO t VALUES {row}")
    assert insert is not None
    assert not insert.is_plain
    assert insert.values == values


@pytest.mark.parametrize("place", ["/*+ QUERY_ENGINE('calcite') */ {}", "-- /*+ x */\n{}", "{} /*+ x */", "{} -- x"])
def test_hints_and_comments_keep_a_row_single(place: str) -> None:
    insert = analyze_insert(place.format("INSERT INTO t VALUES (?)"))
    assert insert is not None
    assert not insert.is_plain


@pytest.mark.parametrize(
    "sql",
    [
        "INSERT INTO t VALUES (?), (?)",
        "INSERT INTO t VALUES (?), ",
        "INSERT INTO t SELECT ?",
        "INSERT INTO t (a) SELECT a FROM u WHERE b = ?",
        "INSERT INTO t (SELECT ?)",
        "INSERT INTO t SET a = ?",
        "INSERT INTO t DEFAULT VALUES",
        "INSERT INTO t VALUES (?) ON DUPLICATE KEY UPDATE a = 1",
        "INSERT INTO t VALUES (?) RETURNING a",
        "INSERT INTO t AS x VALUES (?)",
        "INSERT INTO t DIRECT VALUES (?)",
        "INSERT INTO tVALUES (?)",
        "INSERT INTO t VALUES (?1, ?2)",
        "INSERT INTO t VALUES (?, ?",
        "INSERT INTO t VALUES (?, ?))",
        "INSERT INTO t VALUES (?,)",
        "INSERT INTO t VALUES ()",
        "INSERT INTO t VALUES ?",
        "INSERT INTO t VALUES (?, 'x)",
        'INSERT INTO t VALUES (?, "x)',
        "INSERT INTO t VALUES (?, $$ ? $$)",
        "INSERT INTO t VALUES (?); INSERT INTO t VALUES (?)",
        'INSERT INTO "a""b" VALUES (?)',
        "INSERT INTO a.b.c VALUES (?)",
        "INSERT INTO größe VALUES (?)",
        'INSERT INTO t "VALUES" (?)',
        "INSERT INTO t",
        "INSERT",
        "",
        "MERGE INTO t (a) VALUES (?)",
        "UPDATE t SET a = ?",
        "SELECT ?",
    ],
)
def test_other_statements(sql: str) -> None:
    assert analyze_insert(sql) is None


def keys(*columns: tuple[str, str], is_complete: bool = True) -> Keys:
    return Keys(
        [KeyPart.of(name, number, java_type) for number, (name, java_type) in enumerate(columns)],
        is_complete=is_complete,
    )


INT = ("ID", "java.lang.Integer")
STRING = ("NAME", "java.lang.String")
NOON = datetime(2020, 1, 1, 12)


@pytest.mark.parametrize(
    ("java_type", "value"),
    [
        ("java.lang.Integer", 5),
        ("long", 5),
        ("java.lang.String", "x"),
        ("java.lang.String", 5),
        ("java.math.BigDecimal", Decimal("1.5")),
        ("java.util.UUID", UUID(int=5)),
        ("java.sql.Date", date(2020, 1, 1)),
        ("java.sql.Timestamp", datetime(2020, 1, 1, 1, 1, 1, 2000)),
        ("java.lang.Boolean", True),
        ("[B", b"x"),
    ],
)
def test_values_that_are_keys_as_they_are(java_type: str, value: Any) -> None:
    assert keys(("K", java_type)).of((value, 1)) == value


@pytest.mark.parametrize(
    ("java_type", "value"),
    [
        ("java.lang.Integer", "5"),
        ("java.lang.Integer", 5.0),
        ("java.lang.Integer", True),
        ("java.lang.Integer", None),
        ("java.lang.Double", 5.0),
        ("java.lang.Double", 5),
        ("java.lang.String", Decimal(1)),
        ("java.util.UUID", str(UUID(int=5))),
        ("java.sql.Date", datetime(2020, 1, 1)),
        ("java.sql.Timestamp", datetime(2020, 1, 1, tzinfo=UTC)),
        ("[B", bytearray(b"x")),
        ("java.lang.Object", 5),
        ("", 5),
    ],
)
def test_values_that_might_become_another_key(java_type: str, value: Any) -> None:
    assert keys(("K", java_type)).of((value, 1)) is None
    assert keys(INT, ("K", java_type)).of((1, value)) == ((1, None) if value is None else None)


def test_values_of_two_types_may_be_the_same_key() -> None:
    teller = keys(STRING)
    assert teller.of(("5",)) == "5"
    assert teller.of((5,)) is None
    assert teller.of(("5",)) == "5"


@pytest.mark.parametrize(
    ("columns", "rows", "found"),
    [
        ([INT], [(1,), (2,)], [1, 2]),
        ([INT], [(1,), (1,)], [1, 1]),
        ([INT], [(1,), ("2",)], None),
        ([INT], [(1,), (None,)], None),
        ([INT], [(1,), (True,)], None),
        ([STRING], [("1",), (1,)], None),
        ([STRING], [(1,), (2,)], [1, 2]),
        ([INT, STRING], [(1, "a"), (2, None)], [(1, "a"), (2, None)]),
        ([INT, STRING], [(None, None), (None, None)], [(None, None), (None, None)]),
        ([INT, STRING], [(1, "a"), (2, 3)], None),
        ([("K", "java.sql.Timestamp")], [(NOON.replace(microsecond=999),), (NOON,)], [NOON, NOON]),
        ([("K", "java.sql.Timestamp")], [(NOON,), (NOON.replace(tzinfo=UTC),)], None),
        ([INT, ("K", "java.sql.Timestamp")], [(1, NOON), (1, None)], [(1, NOON), (1, None)]),
    ],
)
def test_keys_of_rows(columns: Any, rows: Any, found: Any) -> None:
    assert keys(*columns).of_rows(rows) == found
    if found is not None:
        assert [keys(*columns).of(row) for row in rows] == found


def test_keys_of_rows_that_the_server_makes() -> None:
    found = Keys([]).of_rows([(1,), (1,)])
    assert found is not None
    assert len(set(found)) == 2


def test_rows_of_another_type_than_those_before() -> None:
    teller = keys(STRING)
    assert teller.of_rows([("5",), ("6",)]) == ["5", "6"]
    assert teller.of_rows([(5,), (6,)]) is None


def test_keys_of_several_columns_and_such_as_the_server_makes() -> None:
    teller = keys(INT, STRING)
    assert teller.of((1, "a")) == teller.of((1, "a")) != teller.of((1, "b"))
    assert teller.of((1, None)) == (1, None)
    made = Keys([])
    assert made.of((1,)) != made.of((1,))
    # Calcite keeps milliseconds.
    teller = keys(("K", "java.sql.Timestamp"))
    assert teller.of((datetime(2020, 1, 1, 1, 1, 1, 2001),)) == teller.of((datetime(2020, 1, 1, 1, 1, 1, 2999),))


EXISTING = "50000: Failed to INSERT some keys because they are already in cache [keys=[{}]]"


@pytest.mark.parametrize(
    ("values", "named", "found"),
    [
        ([1, 2, 3], "2", [1]),
        ([1, 2, 3], "3, 1", [0, 2]),
        ([1, 2, 3], "4", None),
        ([1, 2, 3], "2, 4", None),
        ([1, 2, 3], "", None),
        (["a, b", "c", "d"], "a, b, d", [0, 2]),
        (["a, b", "a", "b"], "a, b", None),
        (["a, b", "a", "b"], "a, b, b", None),
        (["]]", "[keys=[", ""], "]]", [0]),
        (["]]", "[keys=[", ""], "[keys=[", [1]),
        ([UUID(int=1), UUID(int=2)], str(UUID(int=2)), [1]),
        ([True, False], "false", [1]),
        ([datetime(2020, 1, 2, 3, 4, 5), datetime(2020, 1, 2, 3, 4, 5, 120)], "2020-01-02 03:04:05.0", [0]),
        ([datetime(2020, 1, 2, 3, 4, 5), datetime(2020, 1, 2, 3, 4, 5, 120)], "2020-01-02 03:04:05.00012", [1]),
        ([b"a", b"b"], "[B@66008c0a", None),
    ],
)
def test_finding_the_keys_of_an_error(values: list[Any], named: str, found: list[int] | None) -> None:
    assert keys(("K", "?")).find([(value,) for value in values], EXISTING.format(named)) == found


def test_finding_keys_of_several_columns() -> None:
    rows = [(1, "x"), (1, "y, z"), (2, "x"), (2, None)]
    key = "SQL_PUBLIC_T_1_KEY [idHash=-5, hash=7, {}]"
    teller = keys(INT, STRING)
    assert teller.find(rows, EXISTING.format(key.format("ID=1, NAME=y, z"))) == [1]
    both = f"{key.format('NAME=null, ID=2')}, {key.format('ID=1, NAME=x')}"
    assert teller.find(rows, EXISTING.format(both)) == [0, 3]
    assert teller.find(rows, EXISTING.format(key.format("ID=1, NAME=q"))) is None
    assert keys(INT, STRING, is_complete=False).find(rows, EXISTING.format(key.format("ID=1, NAME=x"))) is None
    assert Keys([]).find(rows, EXISTING.format("1")) is None
    assert teller.find(rows, "something else") is None


def test_two_rows_that_look_alike_are_not_told_apart() -> None:
    assert keys(STRING).find([("5",), (5,)], EXISTING.format("5")) is None


def test_long_statements_are_analyzed_as_well() -> None:
    row = ", ".join(["?"] * 20_000)
    insert = analyze_insert(f"INSERT INTO t VALUES ({row})")
    assert isinstance(insert, Insert)
    assert insert.values[-1] == P(19_999)


def test_keys_of_bytes_where_python_runs_with_bb() -> None:
    code = (
        "from ignite_dbapi.operations.inserts import _java_text; print(_java_text(b'a'), _java_text(bytearray(b'a')))"
    )
    done = subprocess.run([sys.executable, "-bb", "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout == "b'a' bytearray(b'a')\n"
