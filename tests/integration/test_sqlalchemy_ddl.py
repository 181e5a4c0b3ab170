"""DDL on real nodes, and what reflection makes of it."""

from __future__ import annotations

import datetime
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy import exc

from sqlalchemy_ignite import TINYINT

CLUSTERS: dict[str, dict[str, Any]] = {
    "both engines": {"sql_schemas": ("TEST_SCHEMA",)},
    "h2 alone": {"engines": ("h2",), "sql_schemas": ("TEST_SCHEMA",)},
    "calcite alone": {"engine": "calcite", "engines": ("calcite",), "sql_schemas": ("TEST_SCHEMA",)},
}
SA_21 = tuple(int(part) for part in sa.__version__.split(".")[:2]) >= (2, 1)


@pytest.fixture(scope="module", params=list(CLUSTERS))
def engine(request: pytest.FixtureRequest, make_ignite_cluster: Callable[..., Any]) -> Iterator[sa.Engine]:
    engine = sa.create_engine(make_ignite_cluster(**CLUSTERS[request.param]).url)
    yield engine
    engine.dispose()


@pytest.fixture
def metadata(engine: sa.Engine) -> Iterator[sa.MetaData]:
    metadata = sa.MetaData()
    yield metadata
    metadata.drop_all(engine)


def has_calcite(engine: sa.Engine) -> bool:
    with engine.connect():
        return "calcite" in engine.dialect.server_engines.available


def integer_key(name: str = "id") -> sa.Column[int]:
    return sa.Column(name, sa.Integer, primary_key=True, autoincrement=False)


# --- tables ---------------------------------------------------------------------------------------------------------


def test_table_options_round_trip(engine: sa.Engine, metadata: sa.MetaData) -> None:
    options = {
        "ignite_backups": 1,
        "ignite_affinity_key": "company_id",
        "ignite_atomicity": "transactional",
        "ignite_write_synchronization_mode": "primary_sync",
        "ignite_cache_name": "ddl_cache",
        "ignite_cache_group": "ddl_group",
        "ignite_value_type": "DdlValue",
        "ignite_key_type": "DdlKey",
    }
    sa.Table(
        "ddl_options",
        metadata,
        integer_key(),
        sa.Column("company_id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("v", sa.Integer),
        **options,
    )
    sa.Table("ddl_everywhere", metadata, integer_key(), sa.Column("v", sa.Integer), ignite_template="REPLICATED")
    sa.Table("ddl_plain", metadata, integer_key(), sa.Column("v", sa.Integer))
    metadata.create_all(engine)
    inspector = sa.inspect(engine)
    assert inspector.get_table_options("ddl_options") == options
    assert inspector.get_table_options("ddl_everywhere") == {"ignite_template": "replicated"}
    assert inspector.get_table_options("ddl_plain") == {}
    again = sa.Table("ddl_options", sa.MetaData(), autoload_with=engine)
    assert {f"ignite_{name}": again.dialect_options["ignite"][name] for name in ("backups", "affinity_key")} == {
        "ignite_backups": 1,
        "ignite_affinity_key": "company_id",
    }
    # What was reflected can be created again.
    metadata.drop_all(engine)
    again.create(engine)
    assert sa.inspect(engine).get_table_options("ddl_options") == options
    again.drop(engine)


@pytest.mark.parametrize("column", ["Company", "a b"])
def test_affinity_key_keeps_its_case(engine: sa.Engine, metadata: sa.MetaData, column: str) -> None:
    table = sa.Table(
        "ddl_affinity",
        metadata,
        integer_key(),
        sa.Column(column, sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("v", sa.Integer),
        ignite_affinity_key=column,
    )
    metadata.create_all(engine)
    assert sa.inspect(engine).get_table_options(table.name) == {"ignite_affinity_key": column}


def test_tables_without_key_or_with_nothing_else(engine: sa.Engine, metadata: sa.MetaData) -> None:
    no_key = sa.Table("ddl_nokey", metadata, sa.Column("a", sa.Integer), sa.Column("b", sa.String(5)))
    only_key = sa.Table("ddl_onlykey", metadata, integer_key("a"), integer_key("b"))
    if not has_calcite(engine):
        for table, words in ((no_key, "it has no primary key: give it one"), (only_key, "add a column that is not")):
            with pytest.raises(exc.CompileError, match=rf"{words}, or run the node with the Calcite engine"):
                table.create(engine)
        return
    metadata.create_all(engine)
    with engine.begin() as connection:
        connection.execute(no_key.insert(), [{"a": number, "b": str(number)} for number in range(20)])
        connection.execute(no_key.insert().values(a=5, b="again"))
        connection.execute(only_key.insert(), [{"a": 1, "b": number} for number in range(5)])
        assert connection.scalar(sa.select(sa.func.count()).select_from(no_key)) == 21
        assert connection.scalar(sa.select(sa.func.count()).select_from(only_key)) == 5
        assert connection.execute(no_key.update().values(b="x").where(no_key.c.a == 5)).rowcount == 2
        assert connection.execute(no_key.delete().where(no_key.c.a == 5)).rowcount == 2
    inspector = sa.inspect(engine)
    assert inspector.get_pk_constraint("ddl_nokey")["constrained_columns"] == []
    assert [column["name"] for column in inspector.get_columns("ddl_nokey")] == ["a", "b"]
    assert inspector.get_pk_constraint("ddl_onlykey")["constrained_columns"] == ["a", "b"]


def test_several_rows_of_values_into_a_table_without_key(engine: sa.Engine, metadata: sa.MetaData) -> None:
    table = sa.Table("ddl_multi", metadata, sa.Column("a", sa.Integer))
    if not has_calcite(engine):
        pytest.skip("the H2 engine alone has no such tables")
    metadata.create_all(engine)
    with engine.begin() as connection:
        # Through the H2 engine each row would get the same hidden key.
        with pytest.raises((exc.CompileError, exc.StatementError), match="pass the rows as a list to execute"):
            connection.execute(table.insert().values([{"a": 1}, {"a": 2}]))
        connection.execute(table.insert(), [{"a": 1}, {"a": 2}])
        assert connection.scalar(sa.select(sa.func.sum(table.c.a))) == 3


def has_h2(engine: sa.Engine) -> bool:
    with engine.connect():
        return "h2" in engine.dialect.server_engines.available


def test_a_default_that_calcite_would_store_wrongly(engine: sa.Engine, metadata: sa.MetaData) -> None:
    table = sa.Table("ddl_uuid", metadata, integer_key(), sa.Column("u", sa.Uuid, server_default=str(uuid.uuid4())))
    if has_h2(engine):
        table.create(engine)
    else:
        with pytest.raises(exc.CompileError, match="default of the UUID column 'u' as text"):
            table.create(engine)


def test_defaults_round_trip(engine: sa.Engine, metadata: sa.MetaData) -> None:
    key = uuid.uuid4()
    defaults: dict[str, tuple[Any, Any, Any]] = {
        "a_integer": (sa.Integer, "7", 7),
        "a_negative": (sa.BigInteger, sa.text("-5"), -5),
        "a_numeric": (sa.Numeric(10, 2), "1.50", 1.5),
        "a_double": (sa.Double, "2.5", 2.5),
        "a_string": (sa.String(10), "it's", "it's"),
        "an_empty": (sa.String(10), "", ""),
        "a_text": (sa.String(10), sa.text("'x'"), "x"),
        "a_true": (sa.Boolean, sa.true(), True),
        "a_false": (sa.Boolean, "false", False),
        "a_date": (sa.Date, "2020-01-02", datetime.date(2020, 1, 2)),
        "a_time": (sa.Time, "01:02:03", datetime.time(1, 2, 3)),
        "a_moment": (sa.DateTime, "2020-01-02 03:04:05", datetime.datetime(2020, 1, 2, 3, 4, 5)),
        "a_uuid": (sa.Uuid, str(key), key),
    }
    if not has_h2(engine):
        del defaults["a_uuid"]
    table = sa.Table(
        "ddl_default",
        metadata,
        integer_key(),
        *(
            sa.Column(name, type_, server_default=default, nullable=name in ("a_text",))
            for name, (type_, default, _) in defaults.items()
        ),
        sa.Column("no_default", sa.Integer),
    )
    expected = {name: value for name, (_, _, value) in defaults.items()}

    def check(table: sa.Table) -> None:
        with engine.begin() as connection:
            connection.execute(table.insert(), {"id": 1})
            row = connection.execute(sa.select(table)).one()._asdict()
        assert (row.pop("id"), row.pop("no_default")) == (1, None)
        assert row == expected

    metadata.create_all(engine)
    check(table)
    again = sa.MetaData()
    again.reflect(engine, only=["ddl_default"])
    metadata.drop_all(engine)
    again.create_all(engine)
    check(again.tables["ddl_default"])


@pytest.mark.parametrize("default", [sa.func.now(), sa.text("CURRENT_TIMESTAMP"), sa.text("2 + 3")])
def test_only_constants_are_defaults(engine: sa.Engine, default: Any) -> None:
    table = sa.Table("ddl_bad", sa.MetaData(), integer_key(), sa.Column("v", sa.DateTime, server_default=default))
    with pytest.raises(exc.CompileError, match=r"is not a constant.*default="):
        table.create(engine)


def constrained(metadata: sa.MetaData) -> sa.Table:
    sa.Table("ddl_other", metadata, integer_key(), sa.Column("v", sa.Integer))
    return sa.Table(
        "ddl_constraints",
        metadata,
        integer_key(),
        sa.Column("other_id", sa.ForeignKey("ddl_other.id")),
        sa.Column("email", sa.String(20), unique=True),
        sa.Column("age", sa.Integer, sa.CheckConstraint("age > 0")),
        sa.Column("v", sa.Integer, index=True, unique=True),
        sa.UniqueConstraint("email", "age", name="uq_both"),
        sa.CheckConstraint("age < 200", name="ck_age"),
    )


def test_what_ignite_has_not_is_left_out_with_warnings(engine: sa.Engine, metadata: sa.MetaData) -> None:
    constrained(metadata)
    with pytest.warns(exc.SAWarning) as caught:
        metadata.create_all(engine)
    told = " | ".join(str(warning.message) for warning in caught)
    for words in (
        "FOREIGN KEY (other_id)",
        "UNIQUE 'uq_both' (email, age)",
        "UNIQUE (email)",
        "CHECK 'ck_age'",
        "CHECK is",
    ):
        assert words in told, words
    assert "UNIQUE of index 'ix_ddl_constraints_v'" in told
    inspector = sa.inspect(engine)
    assert inspector.get_foreign_keys("ddl_constraints") == []
    assert inspector.get_unique_constraints("ddl_constraints") == []
    assert inspector.get_check_constraints("ddl_constraints") == []
    assert indexes(inspector, "ddl_constraints") == [
        {"name": "ix_ddl_constraints_v", "column_names": ["v"], "unique": False}
    ]


def test_strict_ddl_refuses_it(engine: sa.Engine) -> None:
    for strict in (
        sa.create_engine(engine.url, strict_ddl=True),
        sa.create_engine(engine.url.update_query_dict({"strict_ddl": "true"})),
    ):
        metadata = sa.MetaData()
        constrained(metadata)
        with pytest.raises(exc.CompileError, match="refused because of strict_ddl=True"):
            metadata.create_all(strict)
        metadata.drop_all(strict)
        strict.dispose()


def test_tables_that_refer_to_each_other(engine: sa.Engine, metadata: sa.MetaData) -> None:
    for one, other in (("ddl_a", "ddl_b"), ("ddl_b", "ddl_a")):
        sa.Table(one, metadata, integer_key(), sa.Column("o", sa.ForeignKey(f"{other}.id", name=f"fk_{one}")))
    with pytest.warns(exc.SAWarning, match="FOREIGN KEY"):
        metadata.create_all(engine)
    with pytest.warns(exc.SAWarning, match="Can't sort tables for DROP"):
        metadata.drop_all(engine)
    assert not sa.inspect(engine).has_table("ddl_a")


def test_not_null_holds(engine: sa.Engine, metadata: sa.MetaData) -> None:
    table = sa.Table("ddl_null", metadata, integer_key(), sa.Column("v", sa.Integer, nullable=False))
    metadata.create_all(engine)
    with engine.connect() as connection, pytest.raises(exc.IntegrityError):
        connection.execute(table.insert(), {"id": 1, "v": None})
    assert [column["nullable"] for column in sa.inspect(engine).get_columns("ddl_null")] == [False, False]


def test_time_zones_are_told(engine: sa.Engine, metadata: sa.MetaData) -> None:
    sa.Table("ddl_zone", metadata, integer_key(), sa.Column("v", sa.DateTime(timezone=True)))
    with pytest.warns(exc.SAWarning, match="no TIMESTAMP WITH TIME ZONE"):
        metadata.create_all(engine)


def test_names_that_the_server_would_mangle_are_refused(engine: sa.Engine) -> None:
    cases: list[tuple[str, list[str], str]] = [
        ('a"b', ["v"], "double quote"),
        ("t", ['a"b'], "double quote"),
        ("t", ["a.b"], "dot"),
        ("t", ["_key"], "Ignite's own"),
        ("t", ["_VAL"], "Ignite's own"),
        ("t", ["TS", "V5"], "would share their data"),
        ("t", ["v", "V"], "would share their data"),
        ("t", ["x" * 129], "takes at most 128"),
    ]
    for name, columns, words in cases:
        table = sa.Table(name, sa.MetaData(), integer_key(), *(sa.Column(column, sa.String(5)) for column in columns))
        with pytest.raises((exc.CompileError, exc.IdentifierError), match=words):
            table.create(engine)
    with pytest.raises(exc.CompileError, match="would share their data"):
        sa.Table("t", sa.MetaData(), integer_key("ts"), integer_key("v5"), sa.Column("x", sa.Integer)).create(engine)
    with pytest.raises(exc.CompileError, match="type DATE"):
        sa.Table("t", sa.MetaData(), sa.Column("d", sa.Date, primary_key=True), sa.Column("x", sa.Integer)).create(
            engine
        )
    # A key column and a value column of the same hash share nothing.
    harmless = sa.Table("ddl_hash", sa.MetaData(), integer_key("ts"), sa.Column("v5", sa.Integer))
    harmless.create(engine)
    try:
        with engine.begin() as connection:
            connection.execute(harmless.insert(), {"ts": 1, "v5": 2})
            assert connection.execute(sa.select(harmless)).one() == (1, 2)
    finally:
        harmless.drop(engine)


def test_options_that_are_wrong_are_named(engine: sa.Engine) -> None:
    for options, words in (
        ({"ignite_backups": -1}, "ignite_backups=-1 is not a whole number"),
        ({"ignite_atomicity": "nuclear"}, "is not one of atomic, transactional"),
        ({"ignite_cache_name": "a,b"}, "WITH clause cannot carry"),
        ({"ignite_affinity_key": "v"}, "is not one of its key columns"),
        ({"ignite_encrypted": "yes"}, "is not True or False"),
    ):
        table = sa.Table("ddl_bad", sa.MetaData(), integer_key(), sa.Column("v", sa.Integer), **options)
        with pytest.raises(exc.CompileError, match=words):
            table.create(engine)
    with pytest.raises(exc.ArgumentError, match="ignite_backup"):
        sa.Table("ddl_bad", sa.MetaData(), integer_key(), ignite_backup=1)


def test_options_of_the_h2_engine_alone_go_there(engine: sa.Engine, metadata: sa.MetaData) -> None:
    sa.Table(
        "ddl_wrap", metadata, integer_key(), sa.Column("v", sa.Integer), ignite_wrap_value=False, ignite_parallelism=2
    )
    if not has_h2(engine):
        with pytest.raises(exc.CompileError, match=r"no table option 'parallelism'|no table option 'wrap_value'"):
            metadata.create_all(engine)
        return
    metadata.create_all(engine)
    assert sa.inspect(engine).has_table("ddl_wrap")


def test_schemas(engine: sa.Engine, metadata: sa.MetaData) -> None:
    table = sa.Table(
        "ddl_schema", metadata, integer_key(), sa.Column("v", sa.Integer, index=True), schema="test_schema"
    )
    metadata.create_all(engine)
    with engine.begin() as connection:
        connection.execute(table.insert(), {"id": 1, "v": 2})
        assert connection.scalar(sa.select(table.c.v)) == 2
        mapped = sa.Table("ddl_schema", sa.MetaData(), integer_key(), sa.Column("v", sa.Integer))
        elsewhere = connection.execution_options(schema_translate_map={None: "test_schema"})
        assert elsewhere.scalar(sa.select(mapped.c.v)) == 2
    inspector = sa.inspect(engine)
    assert inspector.get_table_names(schema="test_schema") == ["ddl_schema"]
    assert "ddl_schema" not in inspector.get_table_names()
    assert {"public", "test_schema", "sys"} <= set(inspector.get_schema_names())
    assert [index["name"] for index in inspector.get_indexes("ddl_schema", schema="test_schema")] == [
        "ix_test_schema_ddl_schema_v"
    ]
    there = sa.create_engine(engine.url.set(database="TEST_SCHEMA"))
    assert sa.inspect(there).default_schema_name == "test_schema"
    assert sa.inspect(there).has_table("ddl_schema")
    there.dispose()
    for index in table.indexes:
        index.drop(engine)
    assert sa.inspect(engine).get_indexes("ddl_schema", schema="test_schema") == []
    with engine.connect() as connection, pytest.raises(exc.CompileError, match="no CREATE SCHEMA"):
        connection.execute(sa.schema.CreateSchema("x"))


# --- reflection -----------------------------------------------------------------------------------------------------


def test_columns_come_back_in_order_and_with_their_types(engine: sa.Engine, metadata: sa.MetaData) -> None:
    types = [
        sa.BOOLEAN(),
        TINYINT(),
        sa.SMALLINT(),
        sa.INTEGER(),
        sa.BIGINT(),
        sa.DECIMAL(10, 2),
        sa.DECIMAL(),
        sa.REAL(),
        sa.DOUBLE(),
        sa.VARCHAR(20),
        sa.VARCHAR(),
        sa.DATE(),
        sa.TIME(),
        sa.TIMESTAMP(),
        sa.UUID(),
        sa.VARBINARY(),
        sa.VARBINARY(16),
    ]
    columns = [sa.Column(f"c{number}", type_, nullable=number % 2 == 0) for number, type_ in enumerate(types)]
    sa.Table("ddl_columns", metadata, *columns[:3], integer_key("k"), *columns[3:])
    metadata.create_all(engine)
    found = sa.inspect(engine).get_columns("ddl_columns")
    names = [f"c{number}" for number in range(len(types))]
    assert [column["name"] for column in found] == [*names[:3], "k", *names[3:]]
    by_name = {column["name"]: column for column in found}
    assert [repr(by_name[name]["type"]) for name in names] == [repr(type_) for type_ in types]
    assert [by_name[name]["nullable"] for name in names] == [number % 2 == 0 for number in range(len(types))]
    assert [column["name"] for column in found if column.get("autoincrement") is not False] == ["k"]
    assert "autoincrement" not in by_name["k"]


def indexes(inspector: sa.Inspector, table: str) -> list[Any]:
    """The indexes of a table without the sizes, which are told by an engine that cannot know which it has chosen."""
    return [
        {part: value for part, value in index.items() if part != "dialect_options"}
        for index in inspector.get_indexes(table)
    ]


def test_keys_and_indexes(engine: sa.Engine, metadata: sa.MetaData) -> None:
    table = sa.Table(
        "ddl_index",
        metadata,
        integer_key("b"),
        sa.Column("a", sa.String(5), primary_key=True),
        sa.Column("x", sa.Integer),
        sa.Column("Mixed, Case", sa.Integer),
        ignite_affinity_key="b",
    )
    sa.Index("ddl_one", table.c.x)
    sa.Index("ddl_two", table.c.x.desc(), table.c["Mixed, Case"], ignite_inline_size=20, ignite_parallel=2)
    single = sa.Table("ddl_single", metadata, integer_key(), sa.Column("v", sa.Integer, index=True))
    metadata.create_all(engine)
    inspector = sa.inspect(engine)
    assert inspector.get_pk_constraint("ddl_index")["constrained_columns"] == ["b", "a"]
    assert indexes(inspector, "ddl_index") == [
        {"name": "ddl_one", "column_names": ["x"], "unique": False},
        {
            "name": "ddl_two",
            "column_names": ["x", "Mixed, Case"],
            "unique": False,
            "column_sorting": {"x": ("desc",)},
        },
    ]
    assert indexes(inspector, single.name) == [{"name": "ix_ddl_single_v", "column_names": ["v"], "unique": False}]
    assert inspector.has_index("ddl_index", "ddl_two")
    with pytest.raises(exc.CompileError, match="indexes columns only"):
        sa.Index("ddl_expression", sa.func.lower(table.c.a)).create(engine)


def test_views(engine: sa.Engine, metadata: sa.MetaData) -> None:
    table = sa.Table("ddl_base", metadata, integer_key(), sa.Column("v", sa.String(7)), sa.Column("d", sa.Double))
    metadata.create_all(engine)
    with engine.begin() as connection:
        connection.execute(table.insert(), {"id": 1, "v": "x", "d": 2.5})
        if SA_21:
            view = sa.schema.CreateView(sa.select(table.c.v, table.c.id, table.c.d).where(table.c.v == "x"), "ddl_view")
            connection.execute(view)
        else:
            connection.exec_driver_sql("CREATE VIEW ddl_view AS SELECT v, id, d FROM ddl_base WHERE v = 'x'")
    try:
        inspector = sa.inspect(engine)
        assert inspector.get_view_names() == ["ddl_view"]
        assert "ddl_view" not in inspector.get_table_names()
        assert "ddl_base" in inspector.get_view_definition("ddl_view").lower()
        columns = inspector.get_columns("ddl_view")
        assert [column["name"] for column in columns] == ["v", "id", "d"]
        assert [type(column["type"]) for column in columns] == [sa.VARCHAR, sa.INTEGER, sa.DOUBLE]
        assert inspector.has_table("ddl_view")
        assert inspector.get_pk_constraint("ddl_view")["constrained_columns"] == []
        assert inspector.get_indexes("ddl_view") == []
        reflected = sa.MetaData()
        reflected.reflect(engine, views=True, only=["ddl_view", "ddl_base"])
        with engine.connect() as connection:
            assert connection.execute(sa.select(reflected.tables["ddl_view"])).all() == [("x", 1, 2.5)]
    finally:
        with engine.begin() as connection:
            connection.exec_driver_sql("DROP VIEW ddl_view")


def test_create_table_as(engine: sa.Engine, metadata: sa.MetaData) -> None:
    if not SA_21:
        pytest.skip("SQLAlchemy 2.1 and newer")
    table = sa.Table("ddl_from", metadata, integer_key(), sa.Column("v", sa.String(7)))
    metadata.create_all(engine)
    statement = sa.schema.CreateTableAs(sa.select(table.c.id, table.c.v).where(table.c.id > 1), "ddl_made")
    with engine.begin() as connection:
        connection.execute(table.insert(), [{"id": number, "v": "x"} for number in range(4)])
        if not has_calcite(engine):
            with pytest.raises(exc.CompileError, match="no CREATE TABLE … AS"):
                connection.execute(statement)
            return
        connection.execute(statement)
        assert connection.scalar(sa.select(sa.func.count()).select_from(statement.table)) == 2
        statement.table.drop(connection)


def test_missing_tables(engine: sa.Engine) -> None:
    inspector = sa.inspect(engine)
    assert not inspector.has_table("nope")
    assert not inspector.has_table("nope", schema="nope")
    for method in (
        inspector.get_columns,
        inspector.get_pk_constraint,
        inspector.get_indexes,
        inspector.get_foreign_keys,
        inspector.get_table_options,
        inspector.get_view_definition,
        inspector.get_table_comment,
    ):
        with pytest.raises(exc.NoSuchTableError):
            method("nope")
    with pytest.raises(exc.NoSuchTableError):
        sa.Table("nope", sa.MetaData(), autoload_with=engine)


def test_names_are_normalised(engine: sa.Engine, metadata: sa.MetaData) -> None:
    for name in ("ddl_lower", "DdlMixed", "ddl with space", "ddl_ünï"):
        sa.Table(name, metadata, integer_key(), sa.Column("a", sa.Integer), sa.Column("Camel", sa.Integer))
    sa.Table(sa.sql.quoted_name("ddl_quoted", quote=True), metadata, integer_key(), sa.Column("a", sa.Integer))
    metadata.create_all(engine)
    inspector = sa.inspect(engine)
    names = set(inspector.get_table_names())
    assert set(metadata.tables) <= names
    for name in metadata.tables:
        assert inspector.has_table(name)
        assert [column["name"] for column in inspector.get_columns(name)][:2] == ["id", "a"]
    with engine.connect() as connection:
        stored = {row[0] for row in connection.exec_driver_sql("SELECT TABLE_NAME FROM SYS.TABLES")}
        assert {"DDL_LOWER", "DdlMixed", "ddl_quoted"} <= stored
        assert list(connection.execute(sa.text("SELECT id, a FROM ddl_lower")).keys()) == ["id", "a"]
