"""The choice of the SQL engine reaches every kind of statement, and harms none."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

import ignite_dbapi
from ignite_dbapi import DatabaseError, NotSupportedError, OperationalError, ProgrammingError

ENGINES = pytest.mark.parametrize("engine", ["h2", "calcite", None])


@ENGINES
@pytest.mark.parametrize("end", ["", ";", " ; -- done", "\n"])
def test_commands(cursor: Any, engine: str | None, end: str) -> None:
    if engine is None and "--" in end:
        pytest.skip("H2 takes what follows a semicolon for a second statement, and without a hint it is the user's")
    name = f"engines_{engine}_{len(end)}"
    for command in (
        f"DROP TABLE IF EXISTS {name}",
        f"CREATE TABLE {name} (id INT PRIMARY KEY, v INT)",
        f"CREATE INDEX i_{name} ON {name} (v)",
        f"CREATE INDEX IF NOT EXISTS i_{name} ON {name} (v ASC)",
        f"ALTER TABLE {name} ADD COLUMN w VARCHAR",
        f"ALTER TABLE {name} DROP COLUMN w",
        f"CREATE VIEW v_{name} AS SELECT id FROM {name}",
        f"CREATE OR REPLACE VIEW v_{name} AS SELECT v FROM {name}",
        f"ANALYZE {name}",
        f"REFRESH STATISTICS {name}",
        f"DROP STATISTICS {name}",
        f"DROP VIEW v_{name}",
        f"DROP INDEX i_{name}",
        f"DROP TABLE {name}",
    ):
        cursor.execute(command + end, query_engine=engine)
        assert (cursor.description, cursor.rowcount) == (None, -1)


@ENGINES
def test_dml(cursor: Any, table: Callable[..., str], engine: str | None) -> None:
    name = table("id INT PRIMARY KEY, v VARCHAR")
    for sql, count in (
        (f"INSERT INTO {name} VALUES (1, 'a;--'), (2, '/*+ QUERY_ENGINE(''calcite'') */')", 2),
        (f"UPDATE {name} SET v = 'c' WHERE id = 1", 1),
        (f"-- first\n/* second */ DELETE FROM {name} WHERE id = 1", 1),
        (f"DELETE FROM {name};", 1),
    ):
        assert cursor.execute(sql, query_engine=engine).rowcount == count


@ENGINES
def test_queries(cursor: Any, engine: str | None) -> None:
    for sql in (
        "SELECT 1", "SELECT 1;", "(SELECT 1)", "((SELECT 1))", "VALUES (1)",
        "WITH q AS (SELECT 1 AS a) SELECT a FROM q", "-- c\nSELECT 1", "/* c */ SELECT 1 -- d", "  \n select 1",
    ):  # fmt: skip
        assert cursor.execute(sql, query_engine=engine).fetchall() == [(1,)]
    plan = cursor.execute("EXPLAIN PLAN FOR SELECT 1", query_engine=engine).fetchall()
    assert ("Ignite" in plan[0][0]) == (engine == "calcite")


@ENGINES
def test_killing_a_query(node: Any, connection: Any, engine: str | None) -> None:
    with ignite_dbapi.connect(node.url) as other:
        slow = other.execute("SELECT x FROM SYSTEM_RANGE(1, 1000000)", page_size=10, query_engine="h2")
        ((query,),) = connection.execute(
            "SELECT query_id FROM SYS.SQL_QUERIES WHERE sql LIKE '%SYSTEM_RANGE(1, 1000000)%' AND sql NOT LIKE '%SYS.%'"
        ).fetchall()
        connection.execute(f"KILL QUERY '{query}'", query_engine=engine)
        with pytest.raises(DatabaseError):
            slow.fetchall()
        with pytest.raises(DatabaseError):  # the rows after the failure are missing; it must not look like the end
            slow.fetchall()
        assert other.execute("SELECT 1").fetchone() == (1,)
    with pytest.raises(DatabaseError):
        connection.execute(f"KILL QUERY '{query}'", query_engine=engine)


def test_unknown_engine(connection: Any) -> None:
    with pytest.raises(ignite_dbapi.InterfaceError, match="did you mean 'calcite'"):
        connection.execute("SELECT 1", query_engine="calcit")


def test_node_without_engine_configuration(new_york: Any) -> None:
    with ignite_dbapi.connect(new_york.url) as connection:
        assert connection.default_query_engine() == "h2"
        assert connection.query_engines() == {"h2"}
        for engine in ("h2", "calcite"):
            for sql in ("SELECT 1", "CREATE TABLE never (id INT PRIMARY KEY, v INT)", "DELETE FROM never"):
                with pytest.raises(NotSupportedError):
                    connection.execute(sql, query_engine=engine)
        assert connection.execute("SELECT 1").fetchone() == (1,)


def test_statements_that_neither_engine_runs(cursor: Any) -> None:
    recursive = "WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r WHERE n < 3) SELECT n FROM r"
    for engine in ("h2", "calcite"):
        for sql in ("SELECT 1; SELECT 2", "", "-- nothing", "   ", recursive):
            with pytest.raises(DatabaseError) as caught:
                cursor.execute(sql, query_engine=engine)
            assert not isinstance(caught.value, OperationalError)
    for wrong in (None, 5, b"SELECT 1", ["SELECT 1"]):
        with pytest.raises(ProgrammingError):
            cursor.execute(wrong)
