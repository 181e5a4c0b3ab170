"""What a statement's text tells: its kind, its parameters, where its condition starts."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ignite_dbapi.operations.statements import StatementKind, analyze, with_engine, without_key_shortcut

QUERY, DML, OTHER = StatementKind.QUERY, StatementKind.DML, StatementKind.OTHER


@pytest.mark.parametrize(
    ("sql", "verb", "kind"),
    [
        ("SELECT 1", "SELECT", QUERY),
        ("  \n\tselect 1", "SELECT", QUERY),
        ("-- insert\nSELECT 1", "SELECT", QUERY),
        ("// insert\r\nSELECT 1", "SELECT", QUERY),
        ("/* insert /* */ SELECT 1", "SELECT", QUERY),
        ("/*+ QUERY_ENGINE('h2') */ VALUES (1)", "VALUES", QUERY),
        ("((SELECT 1) UNION (SELECT 2))", "SELECT", QUERY),
        ("( /* a */ ( select 1))", "SELECT", QUERY),
        ("VALUES (1)", "VALUES", QUERY),
        ("TABLE t", "TABLE", QUERY),
        ("EXPLAIN SELECT 1", "EXPLAIN", QUERY),
        ("EXPLAIN PLAN FOR UPDATE t SET a = 1", "EXPLAIN", QUERY),
        ("WITH a AS (SELECT 1) SELECT * FROM a", "SELECT", QUERY),
        ("WITH RECURSIVE a(n) AS (SELECT 1 UNION ALL SELECT n FROM a) SELECT * FROM a", "SELECT", QUERY),
        ("with a as (delete) update t set x = (select 1)", "UPDATE", DML),
        ("WITH a AS (SELECT 1), b AS (SELECT 2) DELETE FROM t", "DELETE", DML),
        ("WITH a AS (SELECT ')' FROM \"(\") INSERT INTO t SELECT * FROM a", "INSERT", DML),
        ("(WITH a AS (SELECT 1) SELECT * FROM a)", "SELECT", QUERY),
        ("INSERT INTO t VALUES (1)", "INSERT", DML),
        ("update t set a = 1", "UPDATE", DML),
        ("DELETE FROM t", "DELETE", DML),
        ("MERGE INTO t VALUES (1)", "MERGE", DML),
        ("CREATE TABLE t (a INT PRIMARY KEY)", "CREATE", OTHER),
        ("DROP TABLE t", "DROP", OTHER),
        ("ALTER TABLE t ADD COLUMN select INT", "ALTER", OTHER),
        ("KILL QUERY 'x'", "KILL", OTHER),
        ("COMMIT", "COMMIT", OTHER),
        ("", "", OTHER),
        ("-- only a comment", "", OTHER),
        ("'select'", "", OTHER),
        ("\"select\" 1", "", OTHER),
    ],
)  # fmt: skip
def test_kinds(sql: str, verb: str, kind: StatementKind) -> None:
    statement = analyze(sql)
    assert (statement.verb, statement.kind) == (verb, kind)


@pytest.mark.parametrize(
    ("sql", "count"),
    [
        ("SELECT 1", 0),
        ("SELECT ?, ? + ?", 3),
        ("SELECT '?', ?", 1),
        ("SELECT 'it''s ?', ?, ''", 1),
        ("SELECT ''?''", 1),
        ('SELECT "a?""b?", ? FROM t', 1),
        ("SELECT ? -- ?\n, ?", 2),
        ("SELECT ? // ?\r, ?", 2),
        ("SELECT ? /* ? \n ? */ , ?", 2),
        ("SELECT $$ ? ' $$, ?", 1),
        ("SELECT a$$b, ?", 1),
        ("SELECT ?2, ?1, ?2", 2),
        ("SELECT ?10", 10),
        ("SELECT a-?, b*?/c, (?)", 3),
        ("SELECT 1.5e?, ?", 2),
        ("SELECT 'unterminated ?", 0),
        ("SELECT ? /* unterminated ?", 1),
        ('SELECT "unterminated ?', 0),
        ("EXPLAIN SELECT * FROM t WHERE a = ?", 1),
        ("INSERT INTO t VALUES (?, ?), (?, ?)", 4),
        ("SELECT '--', ?, '/*', ?, '*/'", 2),
    ],
)
def test_parameters(sql: str, count: int) -> None:
    assert analyze(sql).parameter_count == count


@pytest.mark.parametrize(
    ("sql", "parameter", "condition"),
    [
        ("DELETE FROM t WHERE id = ?", 0, " id = ?"),
        ("UPDATE t SET a = ?, b = ? WHERE id = ?", 2, " id = ?"),
        ("UPDATE t SET a = (SELECT x FROM y WHERE z = ?) WHERE id = ?", 1, " id = ?"),
        ("update t set a = 'where', \"WHERE\" = ? /* where */ where id = ?", 1, " id = ?"),
        ("DELETE FROM t", None, None),
        (
            "DELETE FROM t WHERE id IN (SELECT a FROM b WHERE c = ?)",
            0,
            " id IN (SELECT a FROM b WHERE c = ?)",
        ),
        ("SELECT * FROM t WHERE id = ?", None, None),
        ("INSERT INTO t SELECT * FROM u WHERE id = ?", None, None),
        ("MERGE INTO t SELECT * FROM u WHERE id = ?", None, None),
    ],
)
def test_conditions(sql: str, parameter: int | None, condition: str | None) -> None:
    statement = analyze(sql)
    assert statement.condition_parameter == parameter
    if condition is None:
        assert statement.condition_start is None
    else:
        assert sql[statement.condition_start :] == condition
        assert without_key_shortcut(sql, statement).endswith(f"WHERE _KEY IS NOT NULL AND {condition}") or (
            without_key_shortcut(sql, statement).endswith(f"where _KEY IS NOT NULL AND {condition}")
        )


@pytest.mark.parametrize("engine", ["h2", "calcite"])
@pytest.mark.parametrize("sql", ["SELECT 1", "INSERT INTO t VALUES (?)", "EXPLAIN SELECT 1", "(SELECT 1)"])
def test_the_engine_stands_in_a_comment_in_front(engine: str, sql: str) -> None:
    assert with_engine(sql, engine, analyze(sql)) == f"-- /*+ QUERY_ENGINE('{engine}') */\n{sql}"
    assert with_engine(sql, None, analyze(sql)) is sql


def test_commands_of_h2_have_the_comment_behind() -> None:
    for sql, kept in (
        ("CREATE INDEX i ON t (a)", "CREATE INDEX i ON t (a)"),
        ("KILL QUERY 'a;b';", "KILL QUERY 'a;b'"),
        ("DROP TABLE t ; -- done;\n ;", "DROP TABLE t "),
        ("DROP TABLE t -- a comment", "DROP TABLE t -- a comment"),
    ):
        assert with_engine(sql, "h2", analyze(sql)) == f"{kept}\n-- /*+ QUERY_ENGINE('h2') */\n"
        assert with_engine(sql, "calcite", analyze(sql)) == f"-- /*+ QUERY_ENGINE('calcite') */\n{sql}"


@given(st.text("'\"/*-?$() \nSELECTwhere1;", max_size=60), st.sampled_from(["h2", "calcite"]))
def test_any_text_can_be_looked_at(sql: str, engine: str) -> None:
    statement = analyze(sql)
    assert statement.parameter_count >= 0
    assert f"QUERY_ENGINE('{engine}')" in with_engine(sql, engine, statement)


pieces = st.sampled_from(["'a?''b'", '"c?""d"', "-- ?\n", "/* ? */", "$$ ? $$", " x ", "(", ")", ",", "1.5", "'"[:0]])


@given(st.lists(pieces | st.just("?"), max_size=20))
def test_only_bare_question_marks_count(parts: list[str]) -> None:
    assert analyze("SELECT " + " ".join(parts)).parameter_count == parts.count("?")


@pytest.mark.parametrize("piece", ["/*", "'", "''", '"', "$$", "?", "(", "a", "--", " ", "/"])
def test_the_time_grows_with_the_length_only(piece: str) -> None:
    start = time.process_time()
    analyze("SELECT " + piece * 200_000)
    assert time.process_time() - start < 5
