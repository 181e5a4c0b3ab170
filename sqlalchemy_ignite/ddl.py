"""DDL: tables with their ``WITH "…"`` options, indexes, views, and what Ignite has no room for.

What would be accepted and then not hold (UNIQUE, FOREIGN KEY, CHECK) is left out with a warning, or refused with
``create_engine(…, strict_ddl=True)``; what would be accepted and then lose data is always refused.
"""

# mypy: disallow-untyped-calls=False
# SQLAlchemy's visitors carry no annotations.

from __future__ import annotations

import datetime
import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from sqlalchemy import exc, util
from sqlalchemy import types as sqltypes
from sqlalchemy.schema import (
    CheckConstraint,
    Column,
    Constraint,
    DefaultClause,
    ForeignKeyConstraint,
    Index,
    PrimaryKeyConstraint,
    Table,
    UniqueConstraint,
)
from sqlalchemy.sql import compiler, elements, operators

from sqlalchemy_ignite import engines
from sqlalchemy_ignite.engines import Choice, Facts
from sqlalchemy_ignite.identifiers import check_column_name, check_column_names, check_name
from sqlalchemy_ignite.keys import Generator, generated_column

if TYPE_CHECKING:
    from sqlalchemy_ignite.base import IgniteDialect

__all__ = ["INDEX_OPTIONS", "TABLE_OPTIONS", "IgniteDDLCompiler"]

#: The ``ignite_*`` arguments of Table, and their keys in ``WITH "…"``.
TABLE_OPTIONS: Mapping[str, str] = {
    "template": "template",
    "backups": "backups",
    "affinity_key": "affinity_key",
    "atomicity": "atomicity",
    "write_synchronization_mode": "write_synchronization_mode",
    "cache_group": "cache_group",
    "cache_name": "cache_name",
    "data_region": "data_region",
    "key_type": "key_type",
    "value_type": "value_type",
    "wrap_key": "wrap_key",
    "wrap_value": "wrap_value",
    "parallelism": "parallelism",
    "pk_inline_size": "pk_inline_size",
    "affinity_index_inline_size": "affinity_index_inline_size",
    "encrypted": "encrypted",
}
#: The ``ignite_*`` arguments of Index.
INDEX_OPTIONS: Mapping[str, str] = {"inline_size": "INLINE_SIZE", "parallel": "PARALLEL"}

_ONLY_H2_OPTIONS = frozenset({"wrap_key", "wrap_value", "parallelism", "pk_inline_size", "affinity_index_inline_size"})
_CHOICES = {
    "atomicity": ("atomic", "transactional"),
    "write_synchronization_mode": ("full_async", "full_sync", "primary_sync"),
}
_NUMBERS = frozenset({"backups", "parallelism", "pk_inline_size", "affinity_index_inline_size"})
_FLAGS = frozenset({"wrap_key", "wrap_value", "encrypted"})
_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?")


class IgniteDDLCompiler(compiler.DDLCompiler):
    """Renders DDL, and decides which engine it goes to.

    :ivar choice: where the statement goes.
    """

    dialect: IgniteDialect
    choice: Choice | None = None

    def _choose(self, facts: Facts) -> None:
        self.choice = engines.choose(self.dialect.engine, self.dialect.server_engines, facts)

    @property
    def _longest(self) -> int:
        return self.dialect.max_identifier_length

    def _left_out(self, what: str, table: str) -> None:
        message = f"table {table!r}: {what} is left out, Ignite does not have it"
        if self.dialect.strict_ddl:
            raise exc.CompileError(f"{message} (refused because of strict_ddl=True)")
        util.warn(message)

    # -- tables -------------------------------------------------------------------------------------------------------

    def visit_create_table(self, create: Any, **kw: Any) -> str:
        """Render CREATE TABLE for the engine that can run it."""
        table: Table = create.element
        if table._prefixes:
            raise exc.CompileError(
                f"table {table.name!r}: Ignite has no {' '.join(table._prefixes)} tables; leave out the prefixes"
            )
        self._check_names(table)
        if len(table.primary_key) == 1:
            (key,) = table.primary_key
            if isinstance(key.type._unwrapped_dialect_impl(self.dialect), sqltypes.Date):
                raise exc.CompileError(
                    f"table {table.name!r}: the server cannot create a table whose key is one column of type DATE "
                    f"({key.name!r}); add a column to the key, or use another type"
                )
        facts = Facts()
        if len(table.primary_key) == 0:
            self._only_calcite(facts, table, "it has no primary key", "give it one")
        elif len(table.primary_key) == len(table.columns):
            self._only_calcite(facts, table, "all its columns are in the primary key", "add a column that is not")
        for name in _ONLY_H2_OPTIONS:
            if table.dialect_options["ignite"][name] is not None:
                facts.refuse("calcite", f"it has no table option {TABLE_OPTIONS[name]!r} (ignite_{name})")
        for column in table.columns:
            impl = column.type._unwrapped_dialect_impl(self.dialect)
            if column.server_default is not None and isinstance(impl, sqltypes.Uuid) and impl.native_uuid:
                facts.refuse("calcite", f"it would store the default of the UUID column {column.name!r} as text")
        self._choose(facts)
        return super().visit_create_table(create, **kw)  # type: ignore[no-any-return]

    def _only_calcite(self, facts: Facts, table: Table, why: str, way_out: str) -> None:
        facts.refuse(
            "h2",
            f"table {table.name!r} cannot be created, because {why}: {way_out}, or run the node with the "
            "Calcite engine "
            "(module ignite-calcite, CalciteQueryEngineConfiguration), which creates such tables",
        )

    def _check_names(self, table: Table) -> None:
        check_name("table", table.name, longest=self._longest)
        parts: dict[str, list[str]] = {"key": [], "value": []}
        for column in table.columns:
            check_column_name(column.name, longest=self._longest)
            on_server = self.dialect.name_on_server(column.name)
            parts["key" if column.primary_key else "value"].append(on_server)
        names = [name.upper() for part in parts.values() for name in part]
        doubled = {name for name in names if names.count(name) > 1}
        for part, columns in parts.items():
            check_column_names(part, columns)
        if doubled:
            raise exc.CompileError(
                f"table {table.name!r} has columns that differ only in upper and lower case "
                f"({', '.join(sorted(doubled))}): "
                "Ignite would mix up their data. Rename one of each."
            )

    def post_create_table(self, table: Table) -> str:
        """Render ``WITH "key=value,…"`` from the ``ignite_*`` arguments of the table."""
        options = table.dialect_options["ignite"]
        rendered = [
            f"{key}={self._table_option(table, name, options[name])}"
            for name, key in TABLE_OPTIONS.items()
            if options[name] is not None
        ]
        return f' WITH "{",".join(rendered)}"' if rendered else ""

    def _table_option(self, table: Table, name: str, value: Any) -> str:
        def refuse(expected: str) -> exc.CompileError:
            return exc.CompileError(f"table {table.name!r}: ignite_{name}={value!r} is not {expected}")

        if name == "affinity_key":
            return self._affinity_key(table, value)
        if name in _NUMBERS:
            if isinstance(value, bool) or not isinstance(value, int) or value < 0:
                raise refuse("a whole number from 0 on")
            return str(value)
        if name in _FLAGS:
            if not isinstance(value, bool):
                raise refuse("True or False")
            return "true" if value else "false"
        if not isinstance(value, str) or not value:
            raise refuse("text")
        if name in _CHOICES:
            if value.lower() not in _CHOICES[name]:
                raise refuse(f"one of {', '.join(_CHOICES[name])}")
            return value.lower()
        if re.search(r'[",=]', value):
            raise refuse('text without ", = and comma, which the WITH clause cannot carry')
        return value

    def _affinity_key(self, table: Table, value: Any) -> str:
        name = value.name if isinstance(value, Column) else value
        column = table.columns.get(name) if isinstance(name, str) else None
        if column is None:
            column = next((c for c in table.columns if c.name == name), None)
        if column is None or not column.primary_key:
            keys = ", ".join(repr(c.name) for c in table.primary_key)
            raise exc.CompileError(
                f"table {table.name!r}: ignite_affinity_key={value!r} is not one of its key columns ({keys}); rows are "
                "collocated by a part of their key"
            )
        on_server = self.dialect.name_on_server(column.name)
        # The option is folded to upper case unless it stands in single quotes.
        return on_server if on_server.upper() == on_server else f"'{on_server}'"

    def create_table_constraints(self, table: Table, _include_foreign_key_constraints: Any = None, **kw: Any) -> str:
        """Render the primary key; other constraints are left out with a warning, or refused."""
        for constraint in sorted(table.constraints, key=lambda one: (one.__visit_name__, str(one.name or ""))):
            if not isinstance(constraint, PrimaryKeyConstraint) and constraint._should_create_for_compiler(self):
                self._left_out(_describe(constraint), table.name)
        for column in table.columns:
            self.check_identity(column)
        if len(table.primary_key) == 0:
            return ""
        # The name of the constraint would not be kept, and one engine refuses it inline.
        columns = ", ".join(self.preparer.quote(column.name) for column in table.primary_key.columns)
        return f"PRIMARY KEY ({columns})"

    def check_identity(self, column: Column[Any]) -> None:
        """Refuse `Identity`, except for the start of the one column whose values the dialect generates itself."""
        if column.identity is None:
            return
        if column is not generated_column(column.table):
            raise exc.CompileError(
                f"column {column.name!r}: Ignite has no Identity(), and the dialect generates values for a key of "
                "whole numbers only; use Sequence(…) as the default of the column"
            )
        Generator.of_column(column)
        if column.identity.always:
            self._left_out(f"always=True in Identity() of column {column.name!r}", column.table.name)

    def visit_create_sequence(self, create: Any, prefix: str | None = None, **kw: Any) -> str:
        """Render CREATE SEQUENCE to be shown: an atomic long is created instead."""
        Generator.of_sequence(create.element)
        return super().visit_create_sequence(create, prefix, **kw)  # type: ignore[no-any-return]

    def visit_create_column(self, create: Any, first_pk: bool = False, **kw: Any) -> str | None:
        """Render a column; a constraint of its own is left out like those of the table."""
        column = create.element
        if column.system:
            return None
        for constraint in column.constraints:
            self._left_out(_describe(constraint), column.table.name)
        return self.get_column_specification(column, first_pk=first_pk)

    def get_column_specification(self, column: Column[Any], **kwargs: Any) -> str:
        """Render name, type, NOT NULL and DEFAULT, in the one order that both engines take."""
        if column.computed is not None:
            raise exc.CompileError("Ignite has no computed columns; compute the value in Python or in the query")
        type_ = self.dialect.type_compiler_instance.process(column.type, type_expression=column)
        impl = column.type._unwrapped_dialect_impl(self.dialect)
        if getattr(impl, "timezone", False) and isinstance(impl, (sqltypes.DateTime, sqltypes.Time)):
            util.warn(
                f"column {column.name!r}: Ignite has no {type_} WITH TIME ZONE; values with a time zone are "
                "stored as the "
                "server's wall clock, and come back without a time zone"
            )
        text = f"{self.preparer.format_column(column)} {type_}"
        if not column.nullable:
            text += " NOT NULL"
        default = self.get_column_default_string(column)
        if default is not None:
            text += f" DEFAULT {default}"
        return text

    def get_column_default_string(self, column: Column[Any]) -> str | None:
        """Render a constant default; the server takes nothing else."""
        server_default = column.server_default
        if not isinstance(server_default, DefaultClause):
            return None
        value = server_default.arg
        if isinstance(value, str):
            return self._default_literal(column, value)
        if isinstance(value, elements.TextClause):
            text = value.text.strip()
            if _is_constant(text):
                return text
            raise self._not_constant(column, text)
        if isinstance(value, (elements.True_, elements.False_)):
            return "TRUE" if isinstance(value, elements.True_) else "FALSE"
        if isinstance(value, elements.BindParameter):
            return self._default_literal(column, str(value.value))
        raise self._not_constant(column, str(value))

    def _not_constant(self, column: Column[Any], text: str) -> exc.CompileError:
        return exc.CompileError(
            f"the server_default {text!r} is not a constant, and Ignite takes nothing else: use a constant, or "
            f"Column({column.name!r}, …, default=…), which is computed in Python or in the INSERT"
        )

    def _default_literal(self, column: Column[Any], value: str) -> str:
        # Calcite converts no default, so it is written as a literal of the column's own type.
        impl = column.type._unwrapped_dialect_impl(self.dialect)
        quoted = "'" + value.replace("'", "''") + "'"
        try:
            if isinstance(impl, sqltypes.Boolean):
                if value.lower() not in ("true", "false", "1", "0"):
                    raise ValueError
                return "TRUE" if value.lower() in ("true", "1") else "FALSE"
            if isinstance(impl, sqltypes.Integer):
                return str(int(value))
            if isinstance(impl, (sqltypes.Numeric, sqltypes.Float)):
                if not _NUMBER.fullmatch(value.strip()):
                    raise ValueError
                return value.strip()
            if isinstance(impl, sqltypes.DateTime):
                return f"TIMESTAMP '{datetime.datetime.fromisoformat(value).isoformat(sep=' ')}'"
            if isinstance(impl, sqltypes.Date):
                return f"DATE '{datetime.date.fromisoformat(value).isoformat()}'"
            if isinstance(impl, sqltypes.Time):
                return f"TIME '{datetime.time.fromisoformat(value).isoformat()}'"
        except ValueError:
            raise exc.CompileError(
                f"the server_default {value!r} is not a value of the column's type {column.type!r}"
            ) from None
        return quoted

    def create_table_select_suffixes(self, element: Any, type_: str, **kw: Any) -> str:
        """Return nothing: neither CREATE TABLE AS nor CREATE VIEW takes options here."""
        return ""

    def visit_create_table_as(self, element: Any, **kw: Any) -> str:
        """Render CREATE TABLE … AS, which only Calcite has; such a table has no primary key."""
        if element.temporary:
            raise exc.CompileError("Ignite has no temporary tables; create an ordinary one and drop it")
        facts = Facts()
        facts.refuse("h2", "it has no CREATE TABLE … AS SELECT")
        self._choose(facts)
        return super().visit_create_table_as(element, **kw)

    def visit_create_view(self, element: Any, **kw: Any) -> str:
        """Render CREATE VIEW."""
        self._check_view(element)
        if element.if_not_exists:
            raise exc.CompileError("Ignite has no CREATE VIEW IF NOT EXISTS; use or_replace=True")
        check_name("view", element.table.name, longest=self._longest)
        return super().visit_create_view(element, **kw)

    def visit_drop_view(self, drop: Any, **kw: Any) -> str:
        """Render DROP VIEW."""
        self._check_view(drop)
        return super().visit_drop_view(drop, **kw)  # type: ignore[no-any-return]

    def _check_view(self, element: Any) -> None:
        if getattr(element, "materialized", False) or getattr(element, "temporary", False):
            raise exc.CompileError("Ignite has neither materialized nor temporary views; create an ordinary one")

    def visit_add_constraint(self, create: Any, **kw: Any) -> str:
        """Refuse ALTER TABLE … ADD CONSTRAINT."""
        raise exc.CompileError(
            f"Ignite cannot add {_describe(create.element)} to a table: it keeps no constraint but the primary key, "
            "which is given when the table is created"
        )

    def visit_drop_constraint(self, drop: Any, **kw: Any) -> str:
        """Refuse ALTER TABLE … DROP CONSTRAINT."""
        raise exc.CompileError(f"Ignite has no {_describe(drop.element)} to drop")

    def visit_create_schema(self, create: Any, **kw: Any) -> str:
        """Refuse CREATE SCHEMA."""
        raise exc.CompileError(
            "Ignite has no CREATE SCHEMA: schemas are named in the node's configuration "
            "(SqlConfiguration.sqlSchemas), or come with a cache"
        )

    def visit_drop_schema(self, drop: Any, **kw: Any) -> str:
        """Refuse DROP SCHEMA."""
        raise exc.CompileError("Ignite has no DROP SCHEMA: schemas are named in the node's configuration")

    # -- indexes ------------------------------------------------------------------------------------------------------

    def visit_create_index(
        self, create: Any, include_schema: bool = False, include_table_schema: bool = True, **kw: Any
    ) -> str:
        """Render CREATE INDEX with its ``ignite_*`` options; a unique index becomes an ordinary one, with a warning."""
        index: Index = create.element
        self._verify_index_table(index)
        if index.name is None:
            raise exc.CompileError("CREATE INDEX requires that the index have a name")
        # A name that a naming convention made is cut to what fits.
        name: str = index.name
        if isinstance(index.name, elements._truncated_label):
            name = self.preparer.truncate_and_render_index_name(index.name, _alembic_quote=False)
        check_name("index", name, longest=self._longest)
        assert index.table is not None
        if index.unique:
            self._left_out(f"UNIQUE of index {index.name!r}", index.table.name)
        # The name stands without a schema, which Calcite refuses here: an index lives in the schema of its table.
        text = "CREATE INDEX "
        if create.if_not_exists:
            text += "IF NOT EXISTS "
        columns = ", ".join(self._indexed(index, expression) for expression in index.expressions)
        text += f"{self._prepared_index_name(index, include_schema=False)} ON "
        text += f"{self.preparer.format_table(index.table, use_schema=include_table_schema)} ({columns})"
        options = index.dialect_options["ignite"]
        for name, keyword in INDEX_OPTIONS.items():
            value = options[name]
            if value is None:
                continue
            if isinstance(value, bool) or not isinstance(value, int) or value < 0:
                raise exc.CompileError(f"index {index.name!r}: ignite_{name}={value!r} is not a whole number from 0 on")
            text += f" {keyword} {value}"
        return text

    def _indexed(self, index: Index, expression: Any) -> str:
        direction = ""
        element = expression
        if isinstance(element, elements.UnaryExpression) and element.modifier in (
            operators.asc_op,
            operators.desc_op,
        ):
            direction = " DESC" if element.modifier is operators.desc_op else " ASC"
            element = element.element
        if isinstance(element, elements.Label):
            element = element.element
        if not isinstance(element, elements.ColumnClause) or element.is_literal:
            raise exc.CompileError(
                f"index {index.name!r} is on the expression {str(expression)!r}; Ignite indexes columns only"
            )
        return self.preparer.quote(element.name) + direction


def _is_constant(text: str) -> bool:
    return (
        _NUMBER.fullmatch(text) is not None
        or text.upper() in ("TRUE", "FALSE", "NULL")
        or re.fullmatch(r"(?:(?:DATE|TIMESTAMP|TIME|X)\s*)?'(?:[^']|'')*'", text, re.IGNORECASE) is not None
    )


def _describe(constraint: Constraint) -> str:
    kinds: Iterator[tuple[type[Constraint], str]] = iter(
        (
            (ForeignKeyConstraint, "FOREIGN KEY"),
            (UniqueConstraint, "UNIQUE"),
            (CheckConstraint, "CHECK"),
            (PrimaryKeyConstraint, "PRIMARY KEY"),
        )
    )
    kind = next((name for cls, name in kinds if isinstance(constraint, cls)), type(constraint).__name__)
    name = f" {str(constraint.name)!r}" if constraint.name is not None else ""
    columns = ", ".join(column.name for column in getattr(constraint, "columns", ()))
    return f"the constraint {kind}{name}" + (f" ({columns})" if columns else "")
