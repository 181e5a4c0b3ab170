"""What the server refuses, on both engines: class, SQLSTATE, and no more text than there should be."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from typing import Any

import pytest

import ignite_dbapi
from ignite_dbapi import (
    DatabaseError,
    DataError,
    IntegrityError,
    NotSupportedError,
    OperationalError,
    ProgrammingError,
)

# ruff: noqa: E501 - a table
# What; statement; parameters; class and SQLSTATE on H2; class and SQLSTATE on Calcite.
CASES: list[tuple[str, str, list[Any], type[Exception], str, type[Exception], str]] = [
    ("syntax", "SELEC 1", [], ProgrammingError, "42000", ProgrammingError, "42000"),
    ("unfinished", "SELECT FROM", [], ProgrammingError, "42000", ProgrammingError, "42000"),
    ("table", "SELECT * FROM missing", [], ProgrammingError, "42000", ProgrammingError, "42000"),
    ("column", "SELECT zzz FROM {t}", [], ProgrammingError, "42000", ProgrammingError, "42000"),
    ("function", "SELECT nofunc(1)", [], ProgrammingError, "42000", ProgrammingError, "42000"),
    ("schema", "SELECT * FROM nosch.t", [], ProgrammingError, "42000", ProgrammingError, "42000"),
    ("duplicate key", "INSERT INTO {t} VALUES (1, 'a', 1, 0)", [], IntegrityError, "23000", IntegrityError, "23000"),
    ("duplicate keys", "INSERT INTO {t} VALUES (1, 'a', 1, 0), (2, 'a', 1, 0)", [], IntegrityError, "*", IntegrityError, "*"),
    ("null key", "INSERT INTO {t} VALUES (?, 'a', 1, 0)", [None], IntegrityError, "22004", DatabaseError, "50000"),
    ("not null", "INSERT INTO {t} VALUES (5, NULL, 1, 0)", [], IntegrityError, "22004", IntegrityError, "42000"),
    ("not null, omitted", "INSERT INTO {t} (id) VALUES (5)", [], IntegrityError, "22004", IntegrityError, "42000"),
    ("not null, update", "UPDATE {t} SET v = NULL WHERE id = 1", [], IntegrityError, "22004", IntegrityError, "22004"),
    ("too long", "INSERT INTO {t} VALUES (5, 'abcd', 1, 0)", [], DataError, "23000", DataError, "23000"),
    ("precision", "INSERT INTO {t} VALUES (5, 'a', 12345.6, 0)", [], DataError, "23000", DataError, "50000"),
    ("conversion", "INSERT INTO {t} VALUES (?, 'a', 1, 0)", ["x"], DataError, "0700B", DataError, "50000"),
    ("cast", "SELECT CAST('a' AS INT)", [], DataError, "42000", DataError, "50000"),
    ("division", "SELECT 1 / 0", [], DataError, "42000", DataError, "50000"),
    ("division by row", "SELECT 1 / z FROM {t}", [], DataError, "50000", DatabaseError, "50000"),
    ("overflow", "SELECT 2147483647 + 1", [], DataError, "42000", DataError, "50000"),
    ("table exists", "CREATE TABLE {t} (id INT PRIMARY KEY, v INT)", [], ProgrammingError, "42000", ProgrammingError, "42000"),
    ("no table to drop", "DROP TABLE missing", [], ProgrammingError, "42000", ProgrammingError, "42000"),
    ("no index to drop", "DROP INDEX missing", [], ProgrammingError, "42000", ProgrammingError, "42000"),
    ("column exists", "ALTER TABLE {t} ADD COLUMN v INT", [], ProgrammingError, "42000", ProgrammingError, "42000"),
    ("no column to drop", "ALTER TABLE {t} DROP COLUMN zz", [], ProgrammingError, "42000", ProgrammingError, "42000"),
    ("no view to drop", "DROP VIEW missing", [], ProgrammingError, "50000", ProgrammingError, "50000"),
    ("key update", "UPDATE {t} SET id = 2 WHERE id = 1", [], ProgrammingError, "42000", ProgrammingError, "42000"),
    ("two statements", "SELECT 1; SELECT 2", [], NotSupportedError, "0A000", NotSupportedError, "0A000"),
    ("type", "CREATE TABLE tz (id INT PRIMARY KEY, v TIMESTAMP WITH TIME ZONE)", [], NotSupportedError, "0A000", NotSupportedError, "50000"),
    ("kill", "KILL QUERY '6fa749ee-7cf8-4635-be10-36a1c75267a7_1'", [], DatabaseError, "50000", DatabaseError, "50000"),
    ("user", "CREATE USER u WITH PASSWORD 'hush'", [], DatabaseError, "*", DatabaseError, "*"),
]  # fmt: skip


@pytest.fixture
def rows(table: Callable[..., str], cursor: Any) -> str:
    name = table("id INT PRIMARY KEY, v VARCHAR(3) NOT NULL, d DECIMAL(4, 1), z INT")
    cursor.execute(f"INSERT INTO {name} VALUES (1, 'a', 1, 0)")
    return name


@pytest.mark.parametrize("engine", ["h2", "calcite"])
@pytest.mark.parametrize("case", CASES, ids=[case[0] for case in CASES])
def test_class_and_sqlstate(cursor: Any, rows: str, case: Any, engine: str) -> None:
    _, sql, parameters, h2_class, h2_state, calcite_class, calcite_state = case
    kind, state = (h2_class, h2_state) if engine == "h2" else (calcite_class, calcite_state)
    with pytest.raises(DatabaseError) as caught:
        cursor.execute(sql.format(t=rows), parameters, query_engine=engine)
    error = caught.value
    assert type(error) is kind, error
    assert state in ("*", error.sqlstate)
    assert str(error).startswith(f"{error.sqlstate}: ")
    assert error.status == 1
    assert not error.is_connection_lost
    copy = pickle.loads(pickle.dumps(error))
    assert (type(copy), str(copy), copy.sqlstate) == (type(error), str(error), error.sqlstate)
    assert cursor.execute(f"SELECT COUNT(*) FROM {rows} WHERE id = 1").fetchone() == (1,)


STACK = ("\tat ", "\n at ", ".java:", "Caused by", "java.lang.Thread")


@pytest.mark.parametrize("engine", ["h2", "calcite"])
def test_no_stack_traces_even_if_the_server_sends_them(tokyo: Any, table: Callable[..., str], engine: str) -> None:
    name = table("id INT PRIMARY KEY, v VARCHAR(3) NOT NULL, d DECIMAL(4, 1), z INT", at=tokyo)
    with ignite_dbapi.connect(tokyo.url) as connection:
        cursor = connection.cursor()
        cursor.execute(f"INSERT INTO {name} VALUES (1, 'a', 1, 0)")
        for what, sql, parameters, *classes in CASES:
            kind = classes[0] if engine == "h2" else classes[2]
            with pytest.raises(DatabaseError) as caught:
                cursor.execute(sql.format(t=name), parameters, query_engine=engine)
            assert not any(sign in str(caught.value) for sign in STACK), (what, str(caught.value))
            assert isinstance(caught.value, kind), (what, caught.value)
            assert len(str(caught.value)) < 3000
        with pytest.raises(OperationalError) as caught:
            cursor.execute(
                "SELECT COUNT(*) FROM SYSTEM_RANGE(1, 100000) a, SYSTEM_RANGE(1, 100000) b"
                if engine == "h2"
                else "SELECT COUNT(*) FROM TABLE(SYSTEM_RANGE(1, 100000)) a, TABLE(SYSTEM_RANGE(1, 100000)) b",
                timeout=0.2,
                query_engine=engine,
            )
        assert not any(sign in str(caught.value) for sign in STACK)


def test_words_in_a_statement_do_not_choose_the_class(cursor: Any) -> None:
    for words in ("timed out", "transaction", "Division by zero", "is too long", "already in cache", "not supported"):
        for engine in ("h2", "calcite"):
            with pytest.raises(ProgrammingError):
                cursor.execute(f"SELECT '{words}' FROM missing", query_engine=engine)
            with pytest.raises(ProgrammingError):
                cursor.execute(f"SELECT '{words}' FRO missing", query_engine=engine)


def test_errors_are_attributes_of_the_connection(connection: Any) -> None:
    with pytest.raises(connection.ProgrammingError):
        connection.execute("SELECT * FROM missing")
