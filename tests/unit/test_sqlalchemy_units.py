"""Parts of the dialect that need no server: reading text, names, URLs, and what is compiled before connecting."""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import exc
from sqlalchemy.engine.url import make_url

from sqlalchemy_ignite import IgniteDialect
from sqlalchemy_ignite.engines import ServerEngines, choose_for_text, read_text
from sqlalchemy_ignite.identifiers import check_column_names, java_hash
from sqlalchemy_ignite.reflection import parse_index_columns

BOTH = ServerEngines(frozenset({"h2", "calcite"}), "h2")
ONLY_H2 = ServerEngines(frozenset({"h2"}), "h2")


@pytest.mark.parametrize(
    ("sql", "misleads", "in_expression"),
    [
        ("SELECT 1", False, False),
        ("select * from a where id = 1", False, False),
        ("select ',' || x, y from a order by x, y", False, False),
        ("select * from a -- join b\n where x = ' join b'", False, False),
        ("select /* from b, c */ x from a", False, False),
        ('select "from", "join" from "a,b"', False, False),
        ("select extract(year from d), substring(x from 2 for 3) from a", False, False),
        ("select x from a group by x, y having count(*) > 1", False, False),
        ("insert into a (x, y) values (?, ?), (?, ?)", False, False),
        ("insert into a (x) select x from b", False, False),
        ("insert into a (x) (select x from b)", False, False),
        ("update a set x = ?, y = 2 where id = ?", False, False),
        ("delete from a where id = ?", False, False),
        ("select * from sys.tables t join sys.caches c on t.cache_id = c.cache_id", False, False),
        ("select * from a, b", True, False),
        ("select * from a join b on a.x = b.x", True, False),
        ("select * from a left outer join b using (x)", True, False),
        ("select * from (a join b on a.x = b.x)", True, False),
        ("select * from (select x from a) q", True, False),
        ("select * from a, (select x from b) q", True, False),
        ("(select x from a) union (select x from b)", True, False),
        ("select x from a union all select x from b", True, False),
        ("with q as (select x from a) select * from q", True, False),
        ("insert into a (x) select b.x from b, c", True, False),
        ("select * from a where x in (select y from b)", True, True),
        ("select * from a where exists (select 1 from b where b.x = a.x)", True, True),
        ("select (select max(y) from b) from a", True, True),
        ("update a set x = (select max(y) from b) where id = 1", True, True),
        ("delete from a where x in (select y from b)", True, True),
        ("select * from a where x in ((select y from b))", True, True),
        ("select * from a join sys.tables t on t.table_name = a.x", True, False),
    ],
)
def test_text_is_read(sql: str, misleads: bool, in_expression: bool) -> None:
    seen = read_text(sql)
    assert (seen.may_mislead, seen.subquery_in_expression) == (misleads, in_expression)


def test_text_goes_where_it_is_right() -> None:
    joined = "select * from a, b"
    assert choose_for_text("auto", BOTH, joined).query_engine == "calcite"
    assert choose_for_text("auto", BOTH, "select * from a").query_engine is None
    alone = choose_for_text("auto", ONLY_H2, joined)
    assert (alone.query_engine, alone.distributed_joins, alone.needs_one_node) == (None, True, False)
    assert choose_for_text("auto", ONLY_H2, "select (select max(x) from b) from a").needs_one_node
    assert choose_for_text("node", BOTH, joined).query_engine is None
    assert choose_for_text("h2", BOTH, joined).distributed_joins
    # A comment before these would hide them from the parser of the H2 engine.
    for native in ("KILL QUERY 'x'", "create view v as select * from a, b", "alter table a nologging"):
        assert choose_for_text("auto", BOTH, native).query_engine is None
    hinted = "select /*+ QUERY_ENGINE('h2') */ * from a, b"
    assert choose_for_text("auto", BOTH, hinted).query_engine is None
    # Calcite would keep the type of the parameter, whatever the column is.
    update = choose_for_text("auto", BOTH, "update a set x = ? where y in (select y from b)")
    assert (update.query_engine, update.distributed_joins) == (None, True)


@given(st.text(max_size=80))
def test_any_text_can_be_read(sql: str) -> None:
    assert read_text(sql).sources >= 0


@pytest.mark.parametrize(
    ("text", "expected"),
    [("", 0), ("ts", 3711), ("v5", 3711), ("Aa", 2112), ("BB", 2112), ("polygenelubricants", -(2**31))],
)
def test_java_hash(text: str, expected: int) -> None:
    assert java_hash(text) == expected


def test_colliding_columns() -> None:
    check_column_names("value", ["A", "B", "AB"])
    with pytest.raises(exc.CompileError, match="'TS' and 'V5' would share their data"):
        check_column_names("value", ["TS", "X", "V5"])
    with pytest.raises(exc.CompileError, match="would share"):
        check_column_names("value", ["V5"], others=["TS"])


def test_index_columns() -> None:
    assert parse_index_columns('"Z" DESC, "a, ""b""" ASC, "_KEY" ASC') == [
        ("Z", True),
        ('a, "b"', False),
        ("_KEY", False),
    ]


def test_reserved_words_are_quoted() -> None:
    table = sa.Table("user", sa.MetaData(), sa.Column("top", sa.Integer), sa.Column("value", sa.Integer))
    rendered = str(sa.select(table).compile(dialect=IgniteDialect()))
    assert '"user"."top", "user".value' in rendered


def test_names_fold_to_upper_case() -> None:
    dialect = IgniteDialect()
    for name, on_server in (("abc", "ABC"), ("Abc", "Abc"), ("user", "user"), ("a b", "a b")):
        assert dialect.name_on_server(name) == on_server
        assert dialect.normalize_name(on_server) == name
    assert dialect.normalize_name("abc") == "abc"
    assert dialect.normalize_name("abc").quote is True


@pytest.mark.parametrize(
    ("type_", "name"),
    [
        (sa.Text(), "VARCHAR"),
        (sa.Text(10), "VARCHAR(10)"),
        (sa.LargeBinary(), "VARBINARY"),
        (sa.BLOB(), "VARBINARY"),
        (sa.CLOB(), "VARCHAR"),
        (sa.Float(), "DOUBLE"),
        (sa.FLOAT(), "DOUBLE"),
        (sa.Float(53), "DOUBLE"),
        (sa.Float(24), "REAL"),
        (sa.REAL(), "REAL"),
        (sa.Double(), "DOUBLE"),
        (sa.CHAR(), "CHAR(1)"),
        (sa.BINARY(), "VARBINARY"),
        (sa.BINARY(4), "BINARY(4)"),
        (sa.Numeric(), "DECIMAL"),
        (sa.Numeric(8), "DECIMAL(8)"),
        (sa.Numeric(8, 3), "DECIMAL(8, 3)"),
        (sa.DateTime(), "TIMESTAMP"),
        (sa.DATETIME(), "TIMESTAMP"),
        (sa.Interval(), "TIMESTAMP"),
        (sa.Uuid(), "UUID"),
        (sa.Uuid(native_uuid=False), "CHAR(32)"),
        (sa.Enum("a", "long"), "VARCHAR(4)"),
        (sa.JSON(), "VARCHAR"),
        (sa.Unicode(5), "VARCHAR(5)"),
    ],
    ids=repr,
)
def test_type_names(type_: Any, name: str) -> None:
    assert type_.compile(dialect=IgniteDialect()) == name


def test_a_scale_beyond_the_precision_is_refused() -> None:
    with pytest.raises(exc.CompileError, match="scale greater than its precision"):
        sa.Numeric(5, 10).compile(dialect=IgniteDialect())


@pytest.mark.parametrize(
    ("url", "options"),
    [
        ("ignite://", {}),
        ("ignite://host", {"host": "host"}),
        ("ignite://host:10801/PUBLIC", {"host": "host", "port": 10801, "schema": "PUBLIC"}),
        ("ignite://u:p%40w@host", {"host": "host", "user": "u", "password": "p@w"}),
        ("ignite:///?host=a&host=b:2", {"addresses": ["a", "b:2"]}),
        ("ignite:///S?host=a&page_size=5", {"addresses": ["a"], "schema": "S", "page_size": "5"}),
        ("ignite://[::1]:5/", {"host": "::1", "port": 5}),
        ("ignite://host/?engine=h2&strict_ddl=yes&query_engine=calcite", {"host": "host"}),
    ],
)
def test_urls(url: str, options: dict[str, Any]) -> None:
    assert IgniteDialect().create_connect_args(make_url(url)) == ((), options)


def test_a_keyword_wins_over_the_url() -> None:
    for engine, expected in ((None, "h2"), ("calcite", "calcite")):
        dialect = IgniteDialect(engine=engine)
        dialect.create_connect_args(make_url("ignite://host/?engine=h2&strict_ddl=true"))
        assert dialect.engine == expected
        assert dialect.strict_ddl is True


def test_compiling_without_a_server_refuses_nothing_for_want_of_an_engine() -> None:
    metadata = sa.MetaData()
    table = sa.Table("t", metadata, sa.Column("a", sa.Integer))
    rendered = str(sa.schema.CreateTable(table).compile(dialect=IgniteDialect()))
    assert "CREATE TABLE t" in rendered
    assert "PRIMARY KEY" not in rendered


def test_one_compiled_statement_for_each_engine() -> None:
    t = sa.table("t", sa.column("a", sa.Integer), sa.column("n", sa.Numeric(10, 2)))
    update = t.update().values(n=t.c.n * 2).where(t.c.a == 1)
    on_h2 = str(update.compile(dialect=IgniteDialect(engine="h2")))
    on_calcite = str(update.compile(dialect=IgniteDialect(engine="calcite")))
    assert "SET n=(t.n * CAST(? AS INTEGER)) WHERE t.a = ?" in on_h2
    assert "SET n=CAST(t.n * CAST(? AS INTEGER) AS DECIMAL(10, 2)) WHERE t.a = ?" in on_calcite
    compiled = update.compile(dialect=IgniteDialect())
    assert str(compiled.sibling("calcite")) == on_calcite
    assert compiled.sibling("calcite") is compiled.sibling("calcite")
    assert compiled.sibling("auto") is compiled
