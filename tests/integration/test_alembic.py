"""Alembic on real nodes: migrations up and down, branches, scripts, autogenerate, and what Ignite cannot do."""

from __future__ import annotations

import enum
import io
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import alembic
import pytest
import sqlalchemy as sa
from alembic import autogenerate, command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.operations import Operations
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import exc

from sqlalchemy_ignite import TINYINT
from sqlalchemy_ignite.alembic import IgniteImpl

ALEMBIC = tuple(int(part) for part in alembic.__version__.split(".")[:2])
ROOT = Path(__file__).parent.parent.parent
TEMPLATE = Path(alembic.__file__).parent / "templates" / "generic" / "script.py.mako"
# The same as in test_sqlalchemy_ddl, so that they are started once.
CLUSTERS: dict[str, dict[str, Any]] = {
    "both engines": {"sql_schemas": ("TEST_SCHEMA",)},
    "h2 alone": {"engines": ("h2",), "sql_schemas": ("TEST_SCHEMA",)},
    "calcite alone": {"engine": "calcite", "engines": ("calcite",), "sql_schemas": ("TEST_SCHEMA",)},
}
ENV = """
from alembic import context

config = context.config
options = config.attributes["options"]
if context.is_offline_mode():
    context.configure(url=config.get_main_option("sqlalchemy.url"), literal_binds=True, **options)
    with context.begin_transaction():
        context.run_migrations()
else:
    with config.attributes["engine"].connect() as connection:
        context.configure(connection=connection, **options)
        with context.begin_transaction():
            context.run_migrations()
"""


def drop_everything(engine: sa.Engine) -> None:
    inspector = sa.inspect(engine)
    with engine.connect() as connection:
        for schema in {"public", "test_schema"} & set(inspector.get_schema_names()):
            for view in inspector.get_view_names(schema=schema):
                connection.execute(sa.text(f"DROP VIEW {schema}.{view}"))
            for name in inspector.get_table_names(schema=schema):
                sa.Table(name, sa.MetaData(), schema=schema).drop(connection)


@pytest.fixture(scope="module", params=list(CLUSTERS))
def cluster(request: pytest.FixtureRequest, make_ignite_cluster: Callable[..., Any]) -> Any:
    return make_ignite_cluster(**CLUSTERS[request.param])


@pytest.fixture
def engine(cluster: Any) -> Iterator[sa.Engine]:
    engine = sa.create_engine(cluster.url)
    drop_everything(engine)
    yield engine
    drop_everything(engine)
    engine.dispose()


class Migrations:
    """A folder with migrations, and the commands on it."""

    def __init__(self, folder: Path, engine: sa.Engine, **options: Any) -> None:
        self.folder = folder
        self.engine = engine
        self.printed = io.StringIO()
        (folder / "versions").mkdir(parents=True)
        (folder / "env.py").write_text(ENV)
        shutil.copy(TEMPLATE, folder)
        self.config = Config(stdout=self.printed, output_buffer=self.printed)
        self.config.set_main_option("script_location", str(folder))
        url = engine.url.render_as_string(hide_password=False)
        self.config.set_main_option("sqlalchemy.url", url.replace("%", "%%"))
        self.config.attributes.update(engine=engine, options=options)

    def add(
        self, revision: str, after: str | tuple[str, ...] | None, upgrade: str = "pass", downgrade: str = "pass"
    ) -> None:
        indented = ["\n    ".join(body.strip().splitlines()) for body in (upgrade, downgrade)]
        (self.folder / "versions" / f"{revision}.py").write_text(
            "import sqlalchemy as sa\nfrom alembic import op\n\n"
            f"revision = {revision!r}\ndown_revision = {after!r}\n\n\n"
            f"def upgrade():\n    {indented[0]}\n\n\ndef downgrade():\n    {indented[1]}\n"
        )

    def __call__(self, name: str, *args: Any, **kwargs: Any) -> str:
        self.printed.seek(0)
        self.printed.truncate()
        getattr(command, name)(self.config, *args, **kwargs)
        return self.printed.getvalue()

    def versions(self) -> list[str]:
        with self.engine.connect() as connection:
            return sorted(connection.scalars(sa.text("SELECT version_num FROM alembic_version")))


@pytest.fixture
def migrations(tmp_path: Path, engine: sa.Engine) -> Migrations:
    return Migrations(tmp_path / "migrations", engine)


def add_two(migrations: Migrations) -> None:
    migrations.add(
        "a1",
        None,
        """
op.create_table(
    "mig_city",
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("country", sa.String(3), primary_key=True),
    sa.Column("name", sa.String(50), nullable=False),
    ignite_affinity_key="country",
    ignite_backups=1,
)
op.create_index("mig_city_name", "mig_city", ["name"])
""",
        'op.drop_index("mig_city_name", table_name="mig_city")\nop.drop_table("mig_city")',
    )
    migrations.add(
        "a2",
        "a1",
        """
city = sa.table("mig_city", sa.column("id", sa.Integer), sa.column("country", sa.String), sa.column("name", sa.String))
rows = [{"id": 1, "country": "NLD", "name": "Rotterdam"}, {"id": 2, "country": "AUS", "name": "O'Malley"}]
op.bulk_insert(city, rows)
with op.batch_alter_table("mig_city") as batch:
    batch.add_column(sa.Column("people", sa.BigInteger))
op.execute("UPDATE mig_city SET people = CAST(5 AS BIGINT) WHERE id = 1")
op.create_index("mig_city_people", "mig_city", [sa.text("people DESC")])
op.execute("CREATE VIEW mig_names AS SELECT name FROM mig_city")
""",
        """
op.execute("DROP VIEW mig_names")
op.drop_index("mig_city_people", table_name="mig_city")
op.drop_column("mig_city", "people")
op.execute("DELETE FROM mig_city")
""",
    )


def columns(engine: sa.Engine, table: str) -> list[str]:
    return [column["name"] for column in sa.inspect(engine).get_columns(table)]


# --- migrations -----------------------------------------------------------------------------------------------------


def test_up_and_down(migrations: Migrations, engine: sa.Engine) -> None:
    add_two(migrations)
    migrations("upgrade", "head")
    inspector = sa.inspect(engine)
    assert migrations.versions() == ["a2"]
    assert "a2 (head)" in migrations("current")
    assert columns(engine, "mig_city") == ["id", "country", "name", "people"]
    assert inspector.get_table_options("mig_city") == {"ignite_affinity_key": "country", "ignite_backups": 1}
    assert {index["name"]: index.get("column_sorting") for index in inspector.get_indexes("mig_city")} == {
        "mig_city_name": None,
        "mig_city_people": {"people": ("desc",)},
    }
    with engine.connect() as connection:
        rows = connection.execute(sa.text("SELECT id, name, people FROM mig_city ORDER BY id")).all()
        assert rows == [(1, "Rotterdam", 5), (2, "O'Malley", None)]
    assert inspector.get_view_names() == ["mig_names"]

    migrations("downgrade", "-1")
    assert migrations.versions() == ["a1"]
    assert columns(engine, "mig_city") == ["id", "country", "name"]
    migrations("upgrade", "+1")
    assert migrations.versions() == ["a2"]
    migrations("downgrade", "base")
    assert migrations.versions() == []
    assert sa.inspect(engine).get_table_names() == ["alembic_version"]
    migrations("upgrade", "head")
    assert migrations.versions() == ["a2"]


def test_the_version_table(migrations: Migrations, engine: sa.Engine) -> None:
    migrations.add("a1", None)
    migrations("upgrade", "head")
    inspector = sa.inspect(engine)
    assert columns(engine, "alembic_version") == ["id", "version_num"]
    assert inspector.get_pk_constraint("alembic_version")["constrained_columns"] == ["id"]
    assert inspector.get_table_options("alembic_version") == {"ignite_template": "replicated"}
    with engine.connect() as connection:
        assert isinstance(MigrationContext.configure(connection).impl, IgniteImpl)


def test_branches(migrations: Migrations) -> None:
    migrations.add("base1", None)
    migrations.add("left1", "base1")
    migrations.add("left2", "left1")
    migrations.add("right1", "base1")
    migrations.add("merge1", ("left2", "right1"))
    migrations("upgrade", "left1")
    migrations("upgrade", "right1")
    assert migrations.versions() == ["left1", "right1"]
    migrations("upgrade", "head")
    assert migrations.versions() == ["merge1"]
    for _ in range(3):
        migrations("downgrade", "left2")
        assert migrations.versions() == ["left2", "right1"]
        assert set(re.findall(r"^\w+", migrations("current"), re.MULTILINE)) == {"left2", "right1"}
        migrations("upgrade", "head")
        assert migrations.versions() == ["merge1"]
    migrations("downgrade", "left1")
    assert "left1" in migrations.versions()
    migrations("downgrade", "base")
    assert migrations.versions() == []


def test_stamp(migrations: Migrations) -> None:
    add_two(migrations)
    migrations("stamp", "a2")
    assert migrations.versions() == ["a2"]
    migrations("stamp", "a1")
    assert migrations.versions() == ["a1"]
    migrations("stamp", "a2", purge=True)
    assert migrations.versions() == ["a2"]
    migrations("stamp", "base")
    assert migrations.versions() == []


def test_a_version_that_another_changed(migrations: Migrations, engine: sa.Engine) -> None:
    delete = """
op.get_bind().execute(sa.text("DELETE FROM alembic_version"))
"""
    migrations.add("a1", None)
    migrations.add("a2", "a1", delete, delete)
    migrations("upgrade", "a1")
    with pytest.raises(CommandError, match="expected to match one row when updating 'a1' to 'a2'"):
        migrations("upgrade", "a2")
    migrations("stamp", "a1")
    migrations.add("a1", None, downgrade=delete)
    with pytest.raises(CommandError, match="expected to match one row when deleting 'a1'"):
        migrations("downgrade", "base")


def test_version_table_elsewhere(tmp_path: Path, engine: sa.Engine) -> None:
    migrations = Migrations(
        tmp_path / "migrations",
        engine,
        version_table="versions",
        version_table_schema="test_schema",
        version_table_pk=False,
    )
    migrations.add("a1", None)
    migrations.add("a2", "a1")
    migrations("upgrade", "a1")
    migrations("upgrade", "a2")
    with engine.connect() as connection:
        assert connection.scalars(sa.text("SELECT version_num FROM test_schema.versions")).all() == ["a2"]
    assert sa.inspect(engine).get_table_names() == []
    assert sa.inspect(engine).get_table_names(schema="test_schema") == ["versions"]


def test_of_two_migrations_at_once_one_fails(migrations: Migrations, engine: sa.Engine) -> None:
    migrations.add("a1", None)
    migrations.add("b1", None)
    migrations("upgrade", "a1")

    # Another process is through with b1 while this one is in the middle of it.
    def run(heads: Any, context: MigrationContext) -> Any:
        migrations("upgrade", "b1")
        script = ScriptDirectory.from_config(migrations.config)
        return script._upgrade_revs("b1", heads)

    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"fn": run})
        with (
            pytest.raises(CommandError, match="Another process has migrated the database"),
            context.begin_transaction(),
        ):
            context.run_migrations()
    assert migrations.versions() == ["a1", "b1"]
    assert "b1 (head)" in migrations("current")


def run_script(engine: sa.Engine, script: str) -> None:
    with engine.connect() as connection:
        for statement in script.split(";\n"):
            sql = re.sub(r"^--.*$", "", statement, flags=re.MULTILINE).strip()
            if sql:
                connection.exec_driver_sql(sql)


def test_scripts(migrations: Migrations, engine: sa.Engine) -> None:
    add_two(migrations)
    up = migrations("upgrade", "head", sql=True)
    assert sa.inspect(engine).get_table_names() == []
    assert "BEGIN" not in up
    assert "?" not in up
    run_script(engine, up)
    assert migrations.versions() == ["a2"]
    assert "a2 (head)" in migrations("current")
    assert sa.inspect(engine).get_view_names() == ["mig_names"]
    run_script(engine, migrations("downgrade", "a2:base", sql=True))
    # Scripts of older Alembics drop the version table at their end.
    is_there = sa.inspect(engine).get_table_names() == ["alembic_version"]
    assert not is_there or migrations.versions() == []
    # A script that is made again has keys of its own.
    assert migrations("upgrade", "head", sql=True) != up
    stamp = migrations("stamp", "a1", sql=True)
    run_script(engine, stamp.partition(";")[2] if is_there else stamp)
    assert migrations.versions() == ["a1"]


def test_an_engine_with_transactions(tmp_path: Path, make_ignite_cluster: Callable[..., Any]) -> None:
    engine = sa.create_engine(make_ignite_cluster(tx_aware=True).url, isolation_level="READ COMMITTED")
    drop_everything(engine)
    migrations = Migrations(tmp_path / "migrations", engine)
    add_two(migrations)
    migrations("upgrade", "head")
    assert migrations.versions() == ["a2"]
    with engine.begin() as connection:
        context = MigrationContext.configure(connection, opts={"fn": lambda heads, context: []})
        with pytest.raises(CommandError, match=r"is in a transaction: use engine\.connect\(\)"):
            context.run_migrations()
    migrations("downgrade", "base")
    assert migrations.versions() == []
    drop_everything(engine)
    engine.dispose()


# --- columns --------------------------------------------------------------------------------------------------------


@pytest.fixture
def op(engine: sa.Engine) -> Iterator[Operations]:
    with engine.connect() as connection:
        yield Operations(MigrationContext.configure(connection))


def create_table(op: Operations) -> sa.Table:
    return op.create_table(
        "mig_t",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("ts", sa.Integer),
        sa.Column("v", sa.Integer),
    )


def has_h2(op: Operations) -> bool:
    return "h2" in op.get_bind().dialect.server_engines.available


def test_a_not_null_column(op: Operations, engine: sa.Engine) -> None:
    table = create_table(op)
    column = sa.Column("n", sa.String(5), nullable=False)
    if not has_h2(op):
        with pytest.raises(exc.CompileError, match=r"fails with NOT NULL: leave out nullable=False of 'n'"):
            op.add_column("mig_t", column)
        return
    op.add_column("mig_t", column)
    assert [found["nullable"] for found in sa.inspect(engine).get_columns("mig_t")] == [False, True, True, False]
    op.bulk_insert(sa.table("mig_t", sa.column("id"), sa.column("n")), [{"id": 1, "n": "x"}])
    with pytest.warns(exc.SAWarning, match=r"'mig_t', 'm'.*leaves NULL in the rows that are there"):
        op.add_column("mig_t", sa.Column("m", sa.String(5), nullable=False))
    assert table.name == "mig_t"


def test_columns_that_would_lose_data(op: Operations) -> None:
    create_table(op)
    for name, words in (
        ("V5", "would share their data"),
        ("a.b", "has a dot"),
        ("ID", "differs only in upper and lower"),
    ):
        with pytest.raises(exc.CompileError, match=words):
            op.add_column("mig_t", sa.Column(name, sa.Integer))
    with pytest.raises(CommandError, match=r"adds no column with a DEFAULT. Leave out server_default"):
        op.add_column("mig_t", sa.Column("w", sa.Integer, server_default="5"))
    with pytest.raises(CommandError, match=r"cannot change the primary key of a table. Instead, create another table"):
        op.add_column("mig_t", sa.Column("w", sa.Integer, primary_key=True))
    with pytest.raises(exc.ProgrammingError, match=r"Column already exists: V"):
        op.add_column("mig_t", sa.Column("v", sa.Integer))
    with pytest.raises(exc.DatabaseError):
        op.add_column("mig_nosuch", sa.Column("v", sa.Integer))


def test_a_dropped_column_keeps_its_type(op: Operations) -> None:
    op.bulk_insert(create_table(op), [{"id": 1, "v": 2}])
    op.drop_column("mig_t", "v")
    with pytest.raises(CommandError, match=r"'v'\): the table had a column of this name before, with another type"):
        op.add_column("mig_t", sa.Column("v", sa.String(5)))
    op.add_column("mig_t", sa.Column("v", sa.Integer))
    if ALEMBIC < (1, 16):
        return
    op.add_column("mig_t", sa.Column("v", sa.Integer), if_not_exists=True)
    op.drop_column("mig_t", "v", if_exists=True)
    op.drop_column("mig_t", "v", if_exists=True)


def test_constraints_of_an_added_column(op: Operations, engine: sa.Engine) -> None:
    create_table(op)
    with pytest.warns(exc.SAWarning) as caught:
        op.add_column("mig_t", sa.Column("other", sa.Integer, sa.ForeignKey("mig_t.id"), unique=True))
    told = " | ".join(str(warning.message) for warning in caught)
    assert "FOREIGN KEY (other)" in told
    assert "UNIQUE (other)" in told
    with pytest.warns(exc.SAWarning, match="UNIQUE of index 'mig_t_v'"):
        op.create_index("mig_t_v", "mig_t", ["v"], unique=True)
    strict = sa.create_engine(engine.url, strict_ddl=True)
    with strict.connect() as connection, pytest.raises(exc.CompileError, match="refused because of strict_ddl=True"):
        Operations(MigrationContext.configure(connection)).add_column(
            "mig_t", sa.Column("another", sa.Integer, sa.ForeignKey("mig_t.id"))
        )
    strict.dispose()
    assert columns(engine, "mig_t") == ["id", "ts", "v", "other"]


def test_a_table_is_not_recreated(op: Operations, engine: sa.Engine) -> None:
    create_table(op)
    with (
        pytest.raises(CommandError, match=r"batch_alter_table\('mig_t'\): Ignite cannot rename a table"),
        op.batch_alter_table("mig_t", recreate="always") as batch,
    ):
        batch.add_column(sa.Column("w", sa.Integer))
    assert sa.inspect(engine).get_table_names() == ["mig_t"]
    assert columns(engine, "mig_t") == ["id", "ts", "v"]


REFUSED: list[tuple[Callable[[Operations], Any], str]] = [
    (
        lambda op: op.alter_column("t", "c", type_=sa.String(5)),
        r"'t', 'c'\): Ignite cannot change the type of a column",
    ),
    (
        lambda op: op.alter_column("t", "c", new_column_name="d"),
        r"change the name of a column\. Add a column of another",
    ),
    (lambda op: op.alter_column("t", "c", nullable=False), r"change NOT NULL of a column\. Add a column"),
    (lambda op: op.alter_column("t", "c", type_=sa.Integer(), nullable=True), r"the type and NOT NULL of a column"),
    (
        lambda op: op.alter_column("t", "c", server_default="5"),
        r"change the DEFAULT of a column\. In the model, default=",
    ),
    (lambda op: op.alter_column("t", "c", server_default=None), r"change the DEFAULT of a column"),
    (lambda op: op.alter_column("t", "c", comment="x"), r"Ignite keeps no comments\. Leave the comment out"),
    (lambda op: op.rename_table("t", "u"), r"rename_table\('t', 'u'\): Ignite cannot rename a table\. Instead, create"),
    (
        lambda op: op.create_unique_constraint("uq", "t", ["c"]),
        r"table 't': Ignite cannot add the constraint UNIQUE 'uq'",
    ),
    (
        lambda op: op.create_foreign_key("fk", "t", "u", ["c"], ["d"]),
        r"add the constraint FOREIGN KEY 'fk' \(c\).*Leave it",
    ),
    (lambda op: op.create_check_constraint("ck", "t", "c > 0"), r"add the constraint CHECK 'ck'.*Leave it out"),
    (
        lambda op: op.create_primary_key("pk", "t", ["c"]),
        r"add the constraint PRIMARY KEY 'pk' \(c\).*create another table",
    ),
    (lambda op: op.drop_constraint("uq", "t", type_="unique"), r"Ignite has no constraint 'uq' to drop.*Leave this"),
    (lambda op: op.drop_constraint("fk", "t", type_="foreignkey"), r"Ignite has no constraint 'fk' to drop"),
    (
        lambda op: op.drop_constraint("pk", "t", type_="primary"),
        r"cannot drop the primary key of a table\. Instead, create",
    ),
    (lambda op: op.create_table_comment("t", "x"), r"Ignite keeps no comments"),
    (lambda op: op.drop_table_comment("t"), r"Ignite keeps no comments"),
]


@pytest.mark.parametrize(("operation", "words"), REFUSED)
def test_what_ignite_cannot(operation: Callable[[Operations], Any], words: str) -> None:
    written = io.StringIO()
    context = MigrationContext.configure(dialect_name="ignite", opts={"as_sql": True, "output_buffer": written})
    with pytest.raises(CommandError, match=words):
        operation(Operations(context))
    assert written.getvalue() == ""


def test_nothing_to_alter_is_no_error() -> None:
    context = MigrationContext.configure(dialect_name="ignite", opts={"as_sql": True, "output_buffer": io.StringIO()})
    Operations(context).alter_column("t", "c", existing_type=sa.Integer(), existing_nullable=True)


def test_there_is_no_transactional_ddl(op: Operations, engine: sa.Engine) -> None:
    with engine.connect() as connection:
        with pytest.warns(exc.SAWarning, match="Each statement of a migration takes effect by itself"):
            context = MigrationContext.configure(connection, opts={"transactional_ddl": True})
        with context.begin_transaction():
            create_table(Operations(context))
            with pytest.raises(exc.ProgrammingError, match="already exists"):
                create_table(Operations(context))
            connection.rollback()
    assert columns(engine, "mig_t") == ["id", "ts", "v"]


def test_transactional_ddl_of_an_engine_with_transactions(
    tmp_path: Path, make_ignite_cluster: Callable[..., Any]
) -> None:
    engine = sa.create_engine(make_ignite_cluster(tx_aware=True).url, isolation_level="READ COMMITTED")
    drop_everything(engine)
    migrations = Migrations(tmp_path / "migrations", engine, transactional_ddl=True)
    add_two(migrations)
    with pytest.warns(exc.SAWarning, match="transactional_ddl=True"):
        migrations("upgrade", "head")
    assert migrations.versions() == ["a2"]
    with pytest.warns(exc.SAWarning, match="transactional_ddl=True"):
        script = migrations("upgrade", "head", sql=True)
    assert "BEGIN" not in script
    assert "COMMIT" not in script
    drop_everything(engine)
    engine.dispose()


# --- autogenerate ---------------------------------------------------------------------------------------------------


class Color(enum.Enum):
    red = 1
    green = 2


TYPES: list[sa.types.TypeEngine[Any]] = [
    sa.Boolean(),
    TINYINT(),
    sa.SmallInteger(),
    sa.Integer(),
    sa.BigInteger(),
    sa.Numeric(),
    sa.Numeric(10),
    sa.Numeric(10, 2),
    sa.Float(),
    sa.Float(20),
    sa.Float(50),
    sa.Double(),
    sa.REAL(),
    sa.String(),
    sa.String(5),
    sa.Text(),
    sa.Text(100),
    sa.Unicode(10),
    sa.UnicodeText(),
    sa.CHAR(3),
    sa.NVARCHAR(4),
    sa.Enum(Color),
    sa.Enum("a", "bb", name="letters"),
    sa.JSON(),
    sa.Date(),
    sa.Time(),
    sa.DateTime(),
    sa.TIMESTAMP(),
    sa.Interval(),
    sa.Uuid(),
    sa.Uuid(native_uuid=False),
    sa.LargeBinary(),
    sa.LargeBinary(20),
    sa.VARBINARY(10),
    sa.BINARY(10),
    sa.PickleType(),
]
DEFAULTS: list[tuple[Any, Any]] = [
    (sa.Integer, "7"),
    (sa.BigInteger, sa.text("-5")),
    (sa.Numeric(10, 2), "1.5"),
    (sa.Numeric, sa.literal(5)),
    (sa.Double, "1e10"),
    (sa.REAL, "0.1"),
    (sa.String(10), "it's"),
    (sa.String(10), ""),
    (sa.String(10), sa.text("'x'")),
    (sa.Boolean, sa.true()),
    (sa.Boolean, "false"),
    (sa.Boolean, "0"),
    (sa.Date, "2020-01-02"),
    (sa.Time, "01:02:03"),
    (sa.DateTime, "2020-01-02 03:04:05"),
    (sa.DateTime, "2020-01-02T03:04:05.5"),
    (sa.Enum(Color), "red"),
    (sa.JSON, "{}"),
    (sa.LargeBinary, sa.text("X'0102'")),
]


def model() -> sa.MetaData:
    metadata = sa.MetaData()

    def key(name: str = "id") -> sa.Column[int]:
        return sa.Column(name, sa.Integer, primary_key=True, autoincrement=False)

    sa.Table("mig_types", metadata, key(), *(sa.Column(f"c{n}", type_) for n, type_ in enumerate(TYPES)))
    sa.Table(
        "mig_defaults",
        metadata,
        key(),
        *(sa.Column(f"c{n}", type_, server_default=default) for n, (type_, default) in enumerate(DEFAULTS)),
    )
    table = sa.Table(
        "mig_keys",
        metadata,
        key("b"),
        affinity := sa.Column("a", sa.String(3), primary_key=True, comment="with a comment"),
        sa.Column("z", sa.Integer, unique=True, nullable=False),
        sa.Column("color", sa.Enum(Color, create_constraint=True)),
        sa.Column("other", sa.ForeignKey("mig_types.id"), index=True),
        sa.Column("y", sa.Integer, sa.CheckConstraint("y > 0")),
        sa.CheckConstraint("z < 9", name="mig_check"),
        sa.UniqueConstraint("z", "y", name="mig_unique"),
        sa.PrimaryKeyConstraint("b", "a", name="mig_primary"),
        ignite_affinity_key=affinity,
        ignite_backups=1,
        ignite_value_type="MigValue",
        comment="with a comment, too",
    )
    sa.Index("mig_1", table.c.z, table.c.b)
    sa.Index("mig_2", table.c.z.desc(), table.c.y)
    sa.Index("mig_3", table.c.z, unique=True)
    sa.Index("mig_4", table.c.z, table.c.a, table.c.b)
    mixed = sa.Table(
        "MigMixed",
        metadata,
        key("Id"),
        sa.Column("v w", sa.Integer),
        ignite_template="replicated",
        ignite_atomicity="atomic",
    )
    sa.Index("Mig 5", mixed.c["v w"].desc(), mixed.c.Id, ignite_inline_size=10)
    sa.Table("mig_elsewhere", metadata, key(), sa.Column("v", sa.Integer, index=True), schema="test_schema")
    return metadata


def differences(engine: sa.Engine, metadata: sa.MetaData, **options: Any) -> Any:
    options = {"compare_server_default": True, "include_schemas": True, **options}
    with engine.connect() as connection:
        return autogenerate.compare_metadata(MigrationContext.configure(connection, opts=options), metadata)


@pytest.mark.filterwarnings("ignore:.*is left out, Ignite does not have it:sqlalchemy.exc.SAWarning")
def test_no_difference_where_there_is_none(engine: sa.Engine) -> None:
    metadata = model()
    metadata.create_all(engine)
    assert differences(engine, metadata) == []
    metadata.remove(metadata.tables["test_schema.mig_elsewhere"])
    assert differences(engine, metadata, include_schemas=False) == []


def test_differences_are_found(engine: sa.Engine) -> None:
    there, wanted = sa.MetaData(), sa.MetaData()

    def define(metadata: sa.MetaData, *columns: sa.Column[Any]) -> sa.Table:
        key = sa.Column("id", sa.Integer, primary_key=True, autoincrement=False)
        return sa.Table("mig_diff", metadata, key, *columns)

    table = define(
        there,
        sa.Column("gone", sa.Integer),
        sa.Column("type", sa.Integer),
        sa.Column("length", sa.String(5)),
        sa.Column("scale", sa.Numeric(10, 2)),
        sa.Column("is_null", sa.Integer),
        sa.Column("def", sa.Numeric(10, 2), server_default="1.50"),
        sa.Column("no_def", sa.Integer, server_default="1"),
        sa.Column("a_def", sa.Integer),
    )
    sa.Index("mig_gone", table.c.type)
    sa.Index("mig_order", table.c.type)
    sa.Table("mig_gone", there, sa.Column("id", sa.Integer, primary_key=True), sa.Column("v", sa.Integer))
    there.create_all(engine)
    table = define(
        wanted,
        sa.Column("new", sa.Integer),
        sa.Column("type", sa.String(10)),
        sa.Column("length", sa.String(6)),
        sa.Column("scale", sa.Numeric(10, 3)),
        sa.Column("is_null", sa.Integer, nullable=False),
        sa.Column("def", sa.Numeric(10, 2), server_default="1.51"),
        sa.Column("no_def", sa.Integer),
        sa.Column("a_def", sa.Integer, server_default="1"),
    )
    sa.Index("mig_new", table.c.type)
    sa.Index("mig_order", table.c.type.desc())
    sa.Table("mig_new", wanted, sa.Column("id", sa.Integer, primary_key=True), sa.Column("v", sa.Integer))
    found = set()
    for difference in differences(engine, wanted):
        kind, *rest = difference[0] if isinstance(difference, list) else difference
        if kind in ("add_column", "remove_column"):
            found.add((kind, rest[2].name))
        elif kind.startswith("modify"):
            found.add((kind, rest[2]))
        else:
            found.add((kind, rest[0].name))
    assert found == {
        ("add_table", "mig_new"),
        ("remove_table", "mig_gone"),
        ("add_column", "new"),
        ("remove_column", "gone"),
        ("modify_type", "type"),
        ("modify_type", "length"),
        ("modify_type", "scale"),
        ("modify_nullable", "is_null"),
        ("modify_default", "def"),
        ("modify_default", "no_def"),
        ("modify_default", "a_def"),
        ("add_index", "mig_new"),
        ("remove_index", "mig_gone"),
        ("remove_index", "mig_order"),
        ("add_index", "mig_order"),
    }


@pytest.mark.filterwarnings("ignore:.*is left out, Ignite does not have it:sqlalchemy.exc.SAWarning")
def test_what_autogenerate_writes_runs(tmp_path: Path, engine: sa.Engine) -> None:
    metadata = model()
    migrations = Migrations(
        tmp_path / "migrations", engine, target_metadata=metadata, compare_server_default=True, include_schemas=True
    )
    migrations("revision", "first", autogenerate=True, rev_id="r1")
    migrations("upgrade", "head")
    migrations("check")

    changed = model()
    table = changed.tables["mig_keys"]
    table.append_column(sa.Column("added", TINYINT()))
    sa.Index("mig_6", table.c.added.desc())
    changed.remove(changed.tables["MigMixed"])
    migrations.config.attributes["options"]["target_metadata"] = changed
    with pytest.raises(CommandError, match="New upgrade operations detected"):
        migrations("check")
    migrations("revision", "second", autogenerate=True, rev_id="r2")
    migrations("upgrade", "head")
    migrations("check")
    assert differences(engine, changed) == []
    migrations("downgrade", "r1")
    assert differences(engine, metadata) == []
    migrations("downgrade", "base")
    assert sa.inspect(engine).get_table_names() == ["alembic_version"]


# --- the documentation ----------------------------------------------------------------------------------------------


def test_the_example_of_the_documentation(tmp_path: Path, engine: sa.Engine) -> None:
    document = (ROOT / "docs" / "alembic.md").read_text()
    example = document.partition("## An example")[2].partition("\n## ")[0]
    python = dict(re.findall(r"```python\n# (.*?)\n(.*?)```", example, re.DOTALL))
    (first, second) = re.findall(r"```sh\n(.*?)```", example, re.DOTALL)

    def run(line: str) -> str:
        arguments = [part.strip('"') for part in re.findall(r'"[^"]*"|\S+', line)]
        assert arguments[0] == "alembic"
        done = subprocess.run(
            [sys.executable, "-m", *arguments], cwd=tmp_path, capture_output=True, text=True, timeout=120
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def replace(path: Path, old: str, new: str) -> None:
        text = path.read_text()
        assert re.search(old, text, re.DOTALL | re.MULTILINE), f"no {old} in {path.name}"
        path.write_text(re.sub(old, lambda _: new, text, count=1, flags=re.DOTALL | re.MULTILINE))

    run("alembic init migrations")
    url = engine.url.render_as_string(hide_password=False)
    replace(tmp_path / "alembic.ini", r"^sqlalchemy\.url = .*?$", f"sqlalchemy.url = {url}")
    (tmp_path / "models.py").write_text(python["models.py"])
    replace(tmp_path / "migrations" / "env.py", r"^target_metadata = None$", python["migrations/env.py"])
    for line in first.splitlines():
        run(line)
    assert [index["name"] for index in sa.inspect(engine).get_indexes("city")] == ["city_by_name"]
    with engine.begin() as connection:
        connection.execute(
            sa.text("INSERT INTO city (id, country_code, name, people) VALUES (1, 'NLD', 'Delft', 109577)")
        )

    replace(tmp_path / "models.py", r"^    people: .*?$", python["models.py: instead of people"].rstrip())
    run('alembic revision -m "population"')
    (script,) = (tmp_path / "migrations" / "versions").glob("*_population.py")
    replace(script, r"^def upgrade\(\).*\Z", python["migrations/versions/…_population.py"])
    lines = second.splitlines()
    for line in lines[:2]:
        run(line)
    with engine.connect() as connection:
        assert connection.execute(sa.text("SELECT * FROM city")).one() == (1, "NLD", "Delft", 109577)
    assert columns(engine, "city") == ["id", "country_code", "name", "population"]
    run(lines[2])
    assert columns(engine, "city") == ["id", "country_code", "name", "people"]
    assert "ADD COLUMN population BIGINT" in run(lines[3])
