"""Alembic migrations: what they may do to tables of Ignite, their version table, and autogenerate.

Importing `sqlalchemy_ignite` imports this module where Alembic is installed, so that Alembic finds `IgniteImpl` under
the name of the dialect.
"""

# mypy: disallow-untyped-calls=False, disallow-untyped-decorators=False
# SQLAlchemy's compilers and Alembic's operations carry few annotations.

from __future__ import annotations

import datetime
import decimal
import itertools
import re
import uuid
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Literal, NoReturn

from alembic.autogenerate import renderers
from alembic.ddl.base import AddColumn, alter_table
from alembic.ddl.impl import ComparisonResult, DefaultImpl
from alembic.operations.ops import CreateTableOp
from alembic.util import CommandError
from sqlalchemy import Column, Insert, MetaData, String, Table, exc, inspect, literal_column, select, util
from sqlalchemy import table as table_clause
from sqlalchemy import types as sqltypes
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.schema import Constraint, ForeignKeyConstraint, Index, PrimaryKeyConstraint, UniqueConstraint
from sqlalchemy.sql import elements, operators

from sqlalchemy_ignite.ddl import IgniteDDLCompiler, _describe
from sqlalchemy_ignite.engines import Facts
from sqlalchemy_ignite.identifiers import check_column_name, check_column_names
from sqlalchemy_ignite.types import TINYINT

if TYPE_CHECKING:
    from alembic.autogenerate.api import AutogenContext
    from alembic.operations.batch import ApplyBatchImpl

    from sqlalchemy_ignite.base import IgniteDialect

__all__ = ["VERSION_KEY", "IgniteImpl"]

#: The key column of the version table.
VERSION_KEY = "id"

_ANOTHER_TABLE = (
    'create another table (op.create_table), copy the rows (op.execute("INSERT INTO … SELECT … FROM …")) and drop the '
    "old one (op.drop_table)"
)
_ANOTHER_COLUMN = (
    'Add a column of another name (op.add_column), fill it (op.execute("UPDATE … SET …")) and drop the old one '
    f"(op.drop_column), after its indexes; for a column of the primary key, or to keep the name, {_ANOTHER_TABLE}."
)
_ORDERED = re.compile(r'\s*(?:"(?P<quoted>[^"]+)"|(?P<name>\w+))\s+(?P<order>ASC|DESC)\s*', re.IGNORECASE)
_QUOTED = re.compile(r"(?:(?:DATE|TIMESTAMP|TIME|X)\s*)?'((?:[^']|'')*)'", re.IGNORECASE)


class IgniteImpl(DefaultImpl):
    """Alembic's operations on Ignite: those that it has run, the others are errors that name what to do instead.

    The version table has a key of its own beside ``version_num``: Ignite changes no key column, and its H2 engine
    creates no table that is nothing but its key. The key is the lowest number that is free, so that of two migrations
    which begin at the same time the second fails. The table is replicated, so that no node takes it along when it
    leaves.
    """

    __dialect__ = "ignite"

    transactional_ddl = False
    # As the dialect names types; a CHAR is reflected as VARCHAR, a BINARY as VARBINARY.
    type_synonyms = (*DefaultImpl.type_synonyms, {"CHAR", "VARCHAR"}, {"BINARY", "VARBINARY"})
    dialect: IgniteDialect
    _version_table: Table | None = None
    #: The keys of the version table that are in use.
    _taken: set[str] | None = None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not hasattr(DefaultImpl, "version_table_impl"):
            raise CommandError(
                "The Ignite dialect needs Alembic 1.14 or newer: older ones make a version table that Ignite cannot "
                'create. Run: pip install "alembic>=1.14"'
            )
        # Constraints of columns that are added: left out as those of created tables are, not refused.
        self._left_out: set[Constraint] = set()
        if self.transactional_ddl:
            util.warn(
                "transactional_ddl=True: Ignite has no transactional DDL. Each statement of a migration takes effect "
                "by itself, and nothing is undone where one fails; leave the option out."
            )
            # Alembic begins its transactions before it calls start_migrations().
            self._leave_transactions()

    def start_migrations(self) -> None:
        """See to it that each statement takes effect by itself, whatever the engine's isolation level is.

        In a transaction, which could take no DDL once a row is changed, a migration could not mix the two.
        """
        self._leave_transactions()
        if self.connection is not None and not self.as_sql and self._version_table is not None:
            self._taken = self._taken_keys(self._version_table)

    def _leave_transactions(self) -> None:
        connection = self.connection
        if self.as_sql or connection is None or connection.get_isolation_level() == "AUTOCOMMIT":
            return
        if connection.in_transaction():
            raise CommandError(
                "Migrations run with the isolation level AUTOCOMMIT, because Ignite has no DDL in transactions, but "
                "the connection that env.py gives to context.configure() is in a transaction: use engine.connect(), "
                "not engine.begin(), and run nothing on the connection before; or give the engine "
                'isolation_level="AUTOCOMMIT".'
            )
        connection.execution_options(isolation_level="AUTOCOMMIT")

    def emit_begin(self) -> None:
        """Write nothing: a script has no transactions, as the server has no statement that begins one."""

    def emit_commit(self) -> None:
        """Write nothing, as for the beginning."""

    # -- the version table --------------------------------------------------------------------------------------------

    def version_table_impl(
        self, *, version_table: str, version_table_schema: str | None, version_table_pk: bool, **kw: Any
    ) -> Table:
        """Return the version table; it has a key whatever `version_table_pk` says."""
        self._version_table = Table(
            version_table,
            MetaData(),
            Column(VERSION_KEY, String(32), primary_key=True),
            Column("version_num", String(32), nullable=False),
            schema=version_table_schema,
            ignite_template="replicated",
        )
        return self._version_table

    def _exec(self, construct: Any, *args: Any, **kwargs: Any) -> Any:
        if not (isinstance(construct, Insert) and construct.table is self._version_table):
            return super()._exec(construct, *args, **kwargs)
        construct = construct.values({VERSION_KEY: literal_column(f"'{self._version_key(construct.table)}'")})
        try:
            return super()._exec(construct, *args, **kwargs)
        except exc.IntegrityError as error:
            raise CommandError(
                f"Another process has migrated the database since this migration began: it has written a row into "
                f"{construct.table.fullname!r} that this one was about to write. Look at what both have done before "
                "you migrate again."
            ) from error

    def _version_key(self, version_table: Table) -> str:
        """Return the lowest number that was free when the migrations began.

        Another process that has written a version since then has taken the same one.
        """
        if self.as_sql:
            # A script cannot look.
            return uuid.uuid4().hex
        if self._taken is None:
            self._taken = self._taken_keys(version_table)
        key = next(key for key in map(str, itertools.count()) if key not in self._taken)
        self._taken.add(key)
        return key

    def _taken_keys(self, version_table: Table) -> set[str]:
        assert self.connection is not None
        if not self.dialect.has_table(self.connection, version_table.name, schema=version_table.schema):
            return set()
        return set(self.connection.scalars(select(version_table.c[VERSION_KEY])))

    # -- columns ------------------------------------------------------------------------------------------------------

    def add_column(self, table_name: str, column: Column[Any], *, schema: str | None = None, **kw: Any) -> None:
        """Add a column that is neither part of the key nor has a default."""
        where = f"add_column({table_name!r}, {column.name!r})"
        if column.primary_key:
            _refuse(where, "Ignite cannot change the primary key of a table", f"Instead, {_ANOTHER_TABLE}.")
        if column.server_default is not None and column.identity is None and column.computed is None:
            _refuse(
                where,
                "Ignite adds no column with a DEFAULT",
                'Leave out server_default, and fill the rows that are there with op.execute("UPDATE … SET …"); in the '
                "model, default= gives new rows a value in Python.",
            )
        if not self.as_sql:
            self._check_added(table_name, column, schema)
        if column.table is not None:
            self._left_out |= {one for one in column.table.constraints if not isinstance(one, PrimaryKeyConstraint)}
        try:
            super().add_column(table_name, column, schema=schema, **kw)
        except exc.ProgrammingError as error:
            if "with a different type" not in str(error.orig):
                raise
            raise CommandError(
                f"{where}: the table had a column of this name before, with another type. Ignite keeps the values of a "
                f"dropped column in the rows, and the type with them. Use another name; or {_ANOTHER_TABLE}."
            ) from error

    def _check_added(self, table_name: str, column: Column[Any], schema: str | None) -> None:
        """Refuse a column that would share its data with another, and tell of NULLs in a NOT NULL column."""
        assert self.connection is not None
        inspector = inspect(self.connection)
        try:
            columns = [found["name"] for found in inspector.get_columns(table_name, schema=schema)]
        except exc.NoSuchTableError:
            # The server says so itself.
            return
        on_server = self.dialect.name_on_server
        if column.name in columns:
            return
        key = inspector.get_pk_constraint(table_name, schema=schema)["constrained_columns"]
        if on_server(column.name).upper() in {on_server(name).upper() for name in key}:
            raise exc.CompileError(
                f"The column {column.name!r} differs only in upper and lower case from a column of the key: Ignite "
                "would mix up their data. Use another name."
            )
        check_column_names("value", [on_server(column.name)], [on_server(name) for name in columns if name not in key])
        if not column.nullable:
            some: Any = select(literal_column("1")).select_from(table_clause(table_name, schema=schema)).limit(1)
            if self.connection.execute(some).first() is not None:
                util.warn(
                    f"add_column({table_name!r}, {column.name!r}): Ignite leaves NULL in the rows that are there, "
                    'although the column is NOT NULL. Fill them with op.execute("UPDATE … SET …").'
                )

    def alter_column(
        self,
        table_name: str,
        column_name: str,
        *,
        nullable: bool | None = None,
        server_default: Any = False,
        name: str | None = None,
        type_: sqltypes.TypeEngine[Any] | None = None,
        comment: str | Literal[False] | None = False,
        **kw: Any,
    ) -> None:
        """Refuse to alter a column, which Ignite cannot; nothing to alter is no error."""
        where = f"alter_column({table_name!r}, {column_name!r})"
        if comment is not False:
            self._refuse_comment(where)
        if server_default is not False:
            _refuse(
                where,
                "Ignite cannot change the DEFAULT of a column",
                "In the model, default= gives new rows a value in Python, and needs no migration. "
                f"Otherwise, {_ANOTHER_TABLE}.",
            )
        changes = {"the name": name, "the type": type_, "NOT NULL": nullable}
        wanted = [what for what, value in changes.items() if value is not None]
        if wanted:
            _refuse(where, f"Ignite cannot change {' and '.join(wanted)} of a column", _ANOTHER_COLUMN)

    # -- tables, constraints, comments --------------------------------------------------------------------------------

    def rename_table(self, old_table_name: str, new_table_name: Any, schema: Any = None) -> None:
        """Refuse to rename a table."""
        _refuse(
            f"rename_table({str(old_table_name)!r}, {str(new_table_name)!r})",
            "Ignite cannot rename a table",
            f"Instead, {_ANOTHER_TABLE}.",
        )

    def add_constraint(self, const: Any, **kw: Any) -> None:
        """Refuse to add a constraint, except those of an added column, which were left out with a warning."""
        if const in self._left_out:
            self._left_out.discard(const)
            return
        if const._create_rule is not None and not const._create_rule(self):
            return
        way_out = (
            f"Instead, {_ANOTHER_TABLE}."
            if isinstance(const, PrimaryKeyConstraint)
            else "Leave it out of the migration, and let the application see to it. (A model may keep its constraints: "
            "autogenerate does not look at them, and create_table leaves them out with a warning.)"
        )
        _refuse(
            f"table {const.table.name!r}",
            f"Ignite cannot add {_describe(const)}: it keeps no constraint but the primary key, which is given when "
            "the table is created",
            way_out,
        )

    def drop_constraint(self, const: Constraint, **kw: Any) -> None:
        """Refuse to drop a constraint: there is none."""
        if isinstance(const, PrimaryKeyConstraint):
            what, way_out = "Ignite cannot drop the primary key of a table", f"Instead, {_ANOTHER_TABLE}."
        else:
            name = "" if const.name is None else f" {str(const.name)!r}"
            what = f"Ignite has no constraint{name} to drop, as it keeps none but the primary key"
            way_out = "Leave this operation out of the migration."
        _refuse(f"table {const.table.name!r}", what, way_out)

    def create_index(self, index: Index, **kw: Any) -> None:
        """Create an index; autogenerate writes descending columns as text."""
        expressions = [_ordered(expression) for expression in index.expressions]
        if any(new is not old for new, old in zip(expressions, index.expressions, strict=True)):
            options: dict[str, Any] = dict(index.dialect_kwargs)
            index = Index(index.name, *expressions, unique=index.unique, _table=index.table, **options)
        super().create_index(index, **kw)

    def prep_table_for_batch(self, batch_impl: ApplyBatchImpl, table: Table) -> None:
        """Refuse to recreate a table in batch mode, before anything is done to it."""
        _refuse(
            f"batch_alter_table({table.name!r})",
            "Ignite cannot rename a table, which recreating it in batch mode ends with",
            "Leave out recreate='always' for columns and indexes that are added or dropped; otherwise, "
            f"{_ANOTHER_TABLE}.",
        )

    def _refuse_comment(self, where: str) -> NoReturn:
        _refuse(where, "Ignite keeps no comments", "Leave the comment out of the migration.")

    def create_table_comment(self, table: Table) -> None:
        """Refuse a comment."""
        self._refuse_comment(f"create_table_comment({table.name!r})")

    def drop_table_comment(self, table: Table) -> None:
        """Refuse to drop a comment."""
        self._refuse_comment(f"drop_table_comment({table.name!r})")

    def create_column_comment(self, column: Column[Any]) -> None:
        """Refuse a comment."""
        self._refuse_comment(f"column {column.name!r}")

    # -- autogenerate -------------------------------------------------------------------------------------------------

    def compare_server_default(
        self,
        inspector_column: Column[Any],
        metadata_column: Column[Any],
        rendered_metadata_default: str | None,
        rendered_inspector_default: str | None,
    ) -> bool:
        """Return whether the defaults are different values, however they are written."""
        impl = metadata_column.type._unwrapped_dialect_impl(self.dialect)
        if isinstance(impl, sqltypes._Binary):
            # The server does not tell the bytes.
            return False
        compiler = self.dialect.ddl_compiler(self.dialect, None)  # type: ignore[arg-type]
        try:
            wanted = compiler.get_column_default_string(metadata_column)
        except exc.CompileError:
            # Not a constant; the migration will say so.
            return True
        return bool(_default_value(wanted, impl) != _default_value(rendered_inspector_default, impl))

    def correct_for_autogen_constraints(
        self,
        conn_uniques: set[UniqueConstraint],
        conn_indexes: set[Index],
        metadata_unique_constraints: set[UniqueConstraint],
        metadata_indexes: set[Index],
    ) -> None:
        """Leave unique constraints out of the comparison: Ignite has none."""
        metadata_unique_constraints.clear()

    def correct_for_autogen_foreignkeys(
        self, conn_fks: set[ForeignKeyConstraint], metadata_fks: set[ForeignKeyConstraint]
    ) -> None:
        """Leave foreign keys out of the comparison: Ignite has none."""
        metadata_fks.clear()

    def compare_indexes(self, metadata_index: Index, reflected_index: Index) -> ComparisonResult:
        """Compare columns and their order; neither uniqueness nor ``ignite_*`` options, which cannot be reflected."""
        wanted, found = _indexed(metadata_index), _indexed(reflected_index)
        if wanted != found:
            return ComparisonResult.Different(f"columns {_listed(found)} to {_listed(wanted)}")
        return ComparisonResult.Equal()

    def render_type(self, type_obj: sqltypes.TypeEngine[Any], autogen_context: AutogenContext) -> str | Literal[False]:
        """Render TINYINT with the import that it needs."""
        if type(type_obj) is TINYINT:
            autogen_context.imports.add("import sqlalchemy_ignite")
            return "sqlalchemy_ignite.TINYINT()"
        return False


_render_any_create_table = renderers.dispatch(CreateTableOp)


def _renders(operation: type[CreateTableOp]) -> Callable[[Any], Any]:
    try:
        return renderers.dispatch_for(operation, replace=True)
    except TypeError:
        # Before Alembic 1.18 none could be replaced.
        renderers._registry.pop((operation, "default"))
        return renderers.dispatch_for(operation)


@_renders(CreateTableOp)
def _render_create_table(autogen_context: AutogenContext, op: CreateTableOp) -> Any:
    """Render a ``Column`` among the ``ignite_*`` options as its name, which Alembic would render as its ``repr``."""
    op.kw = {key: str(value.name) if isinstance(value, Column) else value for key, value in op.kw.items()}
    return _render_any_create_table(autogen_context, op)


@compiles(AddColumn, "ignite")
def _render_add_column(element: AddColumn, compiler: IgniteDDLCompiler, **kw: Any) -> str:
    column = element.column
    check_column_name(column.name, longest=compiler.dialect.max_identifier_length)
    facts = Facts()
    if not column.nullable:
        facts.refuse(
            "calcite",
            f"its ALTER TABLE … ADD COLUMN fails with NOT NULL: leave out nullable=False of {column.name!r}",
        )
    compiler._choose(facts)
    holder: Table | None = column.table
    constraints = set(column.constraints) | (set() if holder is None else holder.constraints)
    for constraint in sorted(constraints, key=lambda one: (one.__visit_name__, str(one.name or ""))):
        if not isinstance(constraint, PrimaryKeyConstraint) and constraint._should_create_for_compiler(compiler):
            compiler._left_out(_describe(constraint), element.table_name)
    compiler.check_identity(column)
    only_new = "IF NOT EXISTS " if getattr(element, "if_not_exists", None) else ""
    specification = compiler.get_column_specification(column)
    return f"{alter_table(compiler, element.table_name, element.schema)} ADD COLUMN {only_new}{specification}"


def _refuse(where: str, what: str, way_out: str) -> NoReturn:
    raise CommandError(f"{where}: {what}. {way_out}")


def _ordered(expression: Any) -> Any:
    """Return the text ``name DESC`` as the column that it means, anything else as it is."""
    # Alembic wraps a text() into an element of its own, which has it as an attribute.
    text = getattr(expression, "text", None)
    if isinstance(expression, elements.ColumnClause) and expression.is_literal:
        text = expression.name
    elif isinstance(text, elements.TextClause):
        text = text.text
    found = _ORDERED.fullmatch(text) if isinstance(text, str) else None
    if found is None:
        return expression
    column: elements.ColumnClause[Any] = elements.ColumnClause(
        found["name"].lower() if found["name"] else elements.quoted_name(found["quoted"], quote=True)
    )
    return column.desc() if found["order"].upper() == "DESC" else column.asc()


def _indexed(index: Index) -> list[tuple[str, bool]]:
    """Return the columns of an index, each with whether it is descending, without the key columns at the end.

    The server appends the key to each index, so an index that ends with columns of the key reads like one without.
    """
    parts: list[tuple[str, bool]] = []
    for expression in index.expressions:
        element: Any = expression
        descending = False
        while isinstance(element, elements.UnaryExpression):
            descending = descending or element.modifier is operators.desc_op
            element = element.element
        parts.append((getattr(element, "name", None) or str(element), descending))
    key = set() if index.table is None else {column.name for column in index.table.primary_key}
    while len(parts) > 1 and parts[-1][0] in key and not parts[-1][1]:
        parts.pop()
    return parts


def _listed(parts: list[tuple[str, bool]]) -> str:
    return f"({', '.join(f'{name} DESC' if descending else name for name, descending in parts)})"


def _as_bool(text: str) -> bool:
    return text.strip().lower() in ("true", "1")


_VALUES: tuple[tuple[type[Any], Callable[[str], Any]], ...] = (
    (sqltypes.Boolean, _as_bool),
    (sqltypes.Integer, decimal.Decimal),
    (sqltypes.Numeric, decimal.Decimal),
    (sqltypes.Float, decimal.Decimal),
    (sqltypes.DateTime, datetime.datetime.fromisoformat),
    (sqltypes.Date, datetime.date.fromisoformat),
    (sqltypes.Time, datetime.time.fromisoformat),
    (sqltypes.Uuid, uuid.UUID),
)


def _default_value(sql: str | None, impl: sqltypes.TypeEngine[Any]) -> Any:
    """Return the value of a constant default, so that ``1.5`` and ``1.50`` are one."""
    if sql is None or sql.strip().upper() == "NULL":
        return None
    quoted = _QUOTED.fullmatch(sql.strip())
    text = sql.strip() if quoted is None else quoted[1].replace("''", "'")
    for cls, convert in _VALUES:
        if isinstance(impl, cls):
            try:
                return convert(text)
            except (ValueError, decimal.InvalidOperation):
                break
    return text
