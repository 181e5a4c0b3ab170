"""Reflection on real nodes: how many queries it takes, what may be asked for, and that it tells enough for a copy."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy import exc
from sqlalchemy.engine.reflection import ObjectKind, ObjectScope

from sqlalchemy_ignite import TINYINT

CLUSTERS: dict[str, dict[str, Any]] = {
    "both engines": {"sql_schemas": ("TEST_SCHEMA",)},
    "h2 alone": {"engines": ("h2",), "sql_schemas": ("TEST_SCHEMA",)},
    "calcite alone": {"engine": "calcite", "engines": ("calcite",), "sql_schemas": ("TEST_SCHEMA",)},
}
METHODS = (
    "get_multi_columns",
    "get_multi_pk_constraint",
    "get_multi_indexes",
    "get_multi_foreign_keys",
    "get_multi_unique_constraints",
    "get_multi_check_constraints",
    "get_multi_table_options",
    "get_multi_table_comment",
)


def clean(engine: sa.Engine) -> None:
    with engine.connect() as connection:
        inspector = sa.inspect(connection)
        for schema in (None, "test_schema"):
            for view in inspector.get_view_names(schema=schema):
                connection.execute(sa.text(f"DROP VIEW {schema or 'public'}.{view}"))
            for name in inspector.get_table_names(schema=schema):
                sa.Table(name, sa.MetaData(), schema=schema).drop(connection)


@pytest.fixture(scope="module", params=list(CLUSTERS))
def engine(request: pytest.FixtureRequest, make_ignite_cluster: Callable[..., Any]) -> Iterator[sa.Engine]:
    engine = sa.create_engine(make_ignite_cluster(**CLUSTERS[request.param]).url)
    clean(engine)
    yield engine
    clean(engine)
    engine.dispose()


def has_h2(engine: sa.Engine) -> bool:
    return "h2" in engine.dialect.server_engines.available  # type: ignore[attr-defined]


class Asked:
    """The statements that an engine runs within the block."""

    def __init__(self, engine: sa.Engine) -> None:
        self.engine = engine
        self.statements: list[str] = []

    def _note(self, conn: Any, cursor: Any, statement: str, parameters: Any, context: Any, many: bool) -> None:
        self.statements.append(statement)

    def __enter__(self) -> list[str]:
        sa.event.listen(self.engine, "before_cursor_execute", self._note)
        return self.statements

    def __exit__(self, *arguments: object) -> None:
        sa.event.remove(self.engine, "before_cursor_execute", self._note)


def key(name: str = "id") -> sa.Column[int]:
    return sa.Column(name, sa.Integer, primary_key=True, autoincrement=False)


def model(*, only_calcite: bool, schema: str | None = None) -> sa.MetaData:
    metadata = sa.MetaData(schema=schema)
    types = sa.Table(
        "ref_types",
        metadata,
        key(),
        sa.Column("a_boolean", sa.Boolean, server_default=sa.true()),
        sa.Column("a_tinyint", TINYINT, server_default="-1"),
        sa.Column("a_smallint", sa.SmallInteger, nullable=False),
        sa.Column("an_integer", sa.Integer, server_default="7"),
        sa.Column("a_bigint", sa.BigInteger),
        sa.Column("a_real", sa.REAL),
        sa.Column("a_double", sa.Double, server_default="1.5"),
        sa.Column("a_decimal", sa.Numeric),
        sa.Column("a_decimal_10", sa.Numeric(10)),
        sa.Column("a_decimal_10_2", sa.Numeric(10, 2), server_default="1.50"),
        sa.Column("a_varchar", sa.String),
        sa.Column("a_varchar_5", sa.String(5), nullable=False, server_default="it's"),
        sa.Column("a_date", sa.Date, server_default="2020-01-02"),
        sa.Column("a_time", sa.Time, server_default="01:02:03"),
        sa.Column("a_timestamp", sa.DateTime, server_default="2020-01-02 03:04:05.678"),
        sa.Column("a_uuid", sa.Uuid),
        sa.Column("a_varbinary", sa.LargeBinary),
        sa.Column("a_varbinary_10", sa.VARBINARY(10)),
    )
    for column in list(types.columns)[1:]:
        sa.Index(f"ref_on_{column.name}", column)
    sa.Index("ref_desc", types.c.a_varchar.desc(), types.c.an_integer, types.c.a_date.desc())
    sa.Index("ref_inline", types.c.a_varchar, ignite_inline_size=33)
    sa.Index("ref_no_inline", types.c.a_bigint, ignite_inline_size=0)
    composite = sa.Table(
        "ref_composite",
        metadata,
        sa.Column("v", sa.Integer),
        sa.Column("c", sa.String(7)),
        sa.Column("b", sa.Uuid),
        sa.Column("a", sa.BigInteger),
        sa.PrimaryKeyConstraint("b", "a", "c"),
        ignite_affinity_key="a",
        ignite_backups=2,
        ignite_atomicity="transactional",
        ignite_write_synchronization_mode="primary_sync",
        ignite_cache_group="ref_group",
        ignite_cache_name="ref_cache",
        ignite_key_type="RefKey",
        ignite_value_type="RefValue",
    )
    sa.Index("ref_of_composite", composite.c.v.desc(), composite.c.c)
    mixed = sa.Table("RefMixed", metadata, key("Id"), sa.Column("v w", sa.Integer), ignite_template="replicated")
    sa.Index("Ref Index", mixed.c["v w"])
    text_key = sa.Table(
        "ref_text_key", metadata, sa.Column("id", sa.String(9), primary_key=True), sa.Column("v", sa.Integer)
    )
    sa.Index("ref_with_text_key", text_key.c.v)
    if not only_calcite:
        sa.Table(
            "ref_h2",
            metadata,
            sa.Column("id", sa.String, primary_key=True),
            sa.Column("v", sa.Integer),
            ignite_parallelism=2,
            ignite_pk_inline_size=40,
            ignite_wrap_key=True,
        )
        sa.Table("ref_bare", metadata, key(), sa.Column("v", sa.String), ignite_wrap_value=False)
    return metadata


def told(engine: sa.Engine, schema: str | None = None) -> dict[str, Any]:
    """What reflection tells of a schema, with types as text."""
    inspector = sa.inspect(engine)
    found: dict[str, Any] = {}
    for method in METHODS:
        for (_, table), facts in getattr(inspector, method)(schema=schema).items():
            if method == "get_multi_columns":
                facts = [{**column, "type": repr(column["type"])} for column in facts]
            found[f"{method} {table}"] = facts
    return found


def recreate(source: sa.Engine, target: sa.Engine, schema: str | None = None) -> None:
    """Create what is reflected in `source` at another place."""
    reflected = sa.MetaData()
    reflected.reflect(source)
    elsewhere = sa.MetaData()
    for table in reflected.tables.values():
        copy = table.to_metadata(elsewhere, schema=schema)
        if schema is not None and copy.dialect_kwargs.get("ignite_cache_name"):
            # Names of caches are the cluster's, not the schema's.
            copy.dialect_kwargs["ignite_cache_name"] += "_copy"
    elsewhere.create_all(target)


@pytest.fixture
def filled(engine: sa.Engine) -> Iterator[sa.Engine]:
    metadata = model(only_calcite=not has_h2(engine))
    metadata.create_all(engine)
    yield engine
    metadata.drop_all(engine)


def test_each_method_asks_one_query(filled: sa.Engine) -> None:
    for kind in (ObjectKind.TABLE, ObjectKind.VIEW, ObjectKind.ANY):
        for method in METHODS:
            inspector = sa.inspect(filled)
            with Asked(filled) as asked:
                found = getattr(inspector, method)(kind=kind)
            # The order of columns is not among what Calcite can be asked in one query.
            of_one_table = [statement for statement in asked if "SYS." not in statement]
            assert len(asked) - len(of_one_table) == 1, (method, asked)
            assert not of_one_table or (method == "get_multi_columns" and not has_h2(filled))
            assert len(found) == (0 if kind is ObjectKind.VIEW else 4 + 2 * has_h2(filled))


def test_a_schema_takes_one_query_besides_its_names(filled: sa.Engine) -> None:
    reflected = sa.MetaData()
    with Asked(filled) as asked:
        reflected.reflect(filled)
    assert len([statement for statement in asked if "SYS." in statement]) == 2
    assert set(reflected.tables) == {"ref_types", "ref_composite", "RefMixed", "ref_text_key"} | (
        {"ref_h2", "ref_bare"} if has_h2(filled) else set()
    )
    with Asked(filled) as asked:
        sa.Table("ref_types", sa.MetaData(), autoload_with=filled)
    assert len([statement for statement in asked if "SYS." in statement]) == 1


def test_names_kind_scope_and_schema(filled: sa.Engine) -> None:
    with filled.begin() as connection:
        connection.exec_driver_sql("CREATE VIEW ref_view AS SELECT id, a_varchar FROM ref_types")
    elsewhere = sa.Table("ref_types", sa.MetaData(schema="test_schema"), key("other"), sa.Column("v", sa.Integer))
    elsewhere.create(filled)
    try:
        inspector = sa.inspect(filled)
        for method in METHODS:
            ask = getattr(inspector, method)
            names = ["RefMixed", "ref_types", "ref_view", "nothing"]
            assert set(ask(filter_names=names)) == {(None, "RefMixed"), (None, "ref_types")}
            assert set(ask(filter_names=names, kind=ObjectKind.VIEW)) == {(None, "ref_view")}
            assert set(ask(filter_names=names, kind=ObjectKind.ANY)) == {(None, name) for name in names[:3]}
            assert ask(filter_names=names, scope=ObjectScope.TEMPORARY) == {}
            assert set(ask(filter_names=names, scope=ObjectScope.ANY)) == {(None, "RefMixed"), (None, "ref_types")}
            assert ask(filter_names=[]) == {}
            assert set(ask(schema="test_schema")) == {("test_schema", "ref_types")}
            assert ask(schema="nowhere") == {}
            # More names than are listed in a query.
            many = [f"nothing{number}" for number in range(200)]
            assert set(ask(filter_names=[*many, "ref_types"])) == {(None, "ref_types")}
        columns = inspector.get_multi_columns(schema="test_schema")["test_schema", "ref_types"]
        assert [column["name"] for column in columns] == ["other", "v"]
    finally:
        elsewhere.drop(filled)
        with filled.begin() as connection:
            connection.exec_driver_sql("DROP VIEW ref_view")


def test_after_a_query_that_the_h2_engine_keeps_tables_for(filled: sa.Engine) -> None:
    with filled.begin() as connection:
        connection.execute(sa.text("SELECT an_integer, COUNT(*) FROM ref_types GROUP BY an_integer UNION SELECT 1, 2"))
    assert len(sa.inspect(filled).get_multi_columns()) == 4 + 2 * has_h2(filled)


def test_an_inspector_that_is_cleared_asks_again(engine: sa.Engine) -> None:
    inspector = sa.inspect(engine)
    assert inspector.get_multi_columns(filter_names=["ref_late"]) == {}
    late = sa.Table("ref_late", sa.MetaData(), key(), sa.Column("v", sa.Integer))
    late.create(engine)
    try:
        inspector.clear_cache()
        assert list(inspector.get_multi_columns(filter_names=["ref_late"])) == [(None, "ref_late")]
    finally:
        late.drop(engine)


def test_reflected_tables_created_in_another_schema_reflect_the_same(filled: sa.Engine) -> None:
    try:
        recreate(filled, filled, "test_schema")
        before, after = told(filled), told(filled, "test_schema")
        after["get_multi_table_options ref_composite"]["ignite_cache_name"] = "ref_cache"
        assert after == before
    finally:
        copies = sa.MetaData()
        copies.reflect(filled, schema="test_schema")
        copies.drop_all(filled)


def test_reflected_tables_created_in_another_cluster_reflect_the_same(
    filled: sa.Engine, make_ignite_cluster: Callable[..., Any]
) -> None:
    name = "both engines" if not has_h2(filled) or "calcite" not in str(filled.dialect.server_engines) else "h2 alone"  # type: ignore[attr-defined]
    other = sa.create_engine(make_ignite_cluster(**CLUSTERS[name]).url)
    clean(other)
    try:
        recreate(filled, other)
        before, after = told(filled), told(other)
        if not has_h2(filled):
            # Where the types cannot be asked for, each size is told, also those that the server has chosen.
            for facts in (before, after):
                for indexes in (facts[name] for name in facts if name.startswith("get_multi_indexes")):
                    for index in indexes:
                        index.pop("dialect_options", None)
        assert after == before
    finally:
        clean(other)
        other.dispose()


def test_what_is_told_of_options(filled: sa.Engine) -> None:
    options = {name: value for (_, name), value in sa.inspect(filled).get_multi_table_options().items()}
    assert options["ref_types"] == {}
    assert options["ref_text_key"] == {}
    assert options["ref_composite"] == {
        "ignite_affinity_key": "a",
        "ignite_backups": 2,
        "ignite_atomicity": "transactional",
        "ignite_write_synchronization_mode": "primary_sync",
        "ignite_cache_group": "ref_group",
        "ignite_cache_name": "ref_cache",
        "ignite_key_type": "RefKey",
        "ignite_value_type": "RefValue",
    }
    assert options["RefMixed"] == {"ignite_template": "replicated"}
    if has_h2(filled):
        assert options["ref_h2"] == {"ignite_parallelism": 2, "ignite_pk_inline_size": 40, "ignite_wrap_key": True}
        assert options["ref_bare"] == {"ignite_wrap_value": False}


def test_what_is_told_of_keys_and_indexes(filled: sa.Engine) -> None:
    inspector = sa.inspect(filled)
    assert inspector.get_pk_constraint("ref_composite")["constrained_columns"] == ["b", "a", "c"]
    assert [column["name"] for column in inspector.get_columns("ref_composite")] == ["v", "c", "b", "a"]
    indexes = {index["name"]: index for index in inspector.get_indexes("ref_types")}
    assert indexes["ref_desc"]["column_names"] == ["a_varchar", "an_integer", "a_date"]
    assert indexes["ref_desc"]["column_sorting"] == {"a_varchar": ("desc",), "a_date": ("desc",)}
    assert indexes["ref_inline"]["dialect_options"] == {"ignite_inline_size": 33}
    assert indexes["ref_no_inline"]["dialect_options"] == {"ignite_inline_size": 0}
    if has_h2(filled):
        # What the server has chosen by itself is not told.
        assert {name for name in indexes if "dialect_options" in indexes[name]} == {"ref_inline", "ref_no_inline"}
        assert "dialect_options" not in inspector.get_indexes("ref_text_key")[0]


def test_a_view_that_lost_its_table(engine: sa.Engine) -> None:
    table = sa.Table("ref_gone", sa.MetaData(), key(), sa.Column("v", sa.Integer))
    table.create(engine)
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE VIEW ref_orphan AS SELECT id, v FROM ref_gone")
    table.drop(engine)
    try:
        with pytest.raises(exc.UnreflectableTableError, match="'ref_orphan' cannot be read"):
            sa.inspect(engine).get_columns("ref_orphan")
        reflected = sa.MetaData()
        with pytest.warns(exc.SAWarning, match="Skipping"):
            reflected.reflect(engine, views=True)
        assert "ref_orphan" not in reflected.tables
    finally:
        with engine.begin() as connection:
            connection.exec_driver_sql("DROP VIEW ref_orphan")


def test_reflecting_in_a_transaction(make_ignite_cluster: Callable[..., Any]) -> None:
    engine = sa.create_engine(make_ignite_cluster(tx_aware=True).url, isolation_level="READ COMMITTED")
    metadata = sa.MetaData()
    table = sa.Table("ref_tx", metadata, key(), sa.Column("v", sa.String(7)), ignite_atomicity="transactional")
    metadata.drop_all(engine)
    metadata.create_all(engine)
    try:
        with engine.begin() as connection:
            connection.execute(table.insert(), {"id": 1, "v": "x"})
            inspector = sa.inspect(connection)
            assert [repr(column["type"]) for column in inspector.get_columns("ref_tx")] == [
                "INTEGER()",
                "VARCHAR(length=7)",
            ]
            assert inspector.get_pk_constraint("ref_tx")["constrained_columns"] == ["id"]
            assert inspector.get_table_options("ref_tx") == {"ignite_atomicity": "transactional"}
            assert connection.scalar(sa.select(table.c.v)) == "x"
    finally:
        metadata.drop_all(engine)
        engine.dispose()
