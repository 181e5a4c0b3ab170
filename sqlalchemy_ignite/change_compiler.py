"""INSERT, UPDATE, DELETE and MERGE: what keys rows get, and how an engine is made to store what was meant."""

# mypy: disallow-untyped-calls=False, disable-error-code="override,no-any-return"
# SQLAlchemy's visitors carry no annotations, and name keywords that are none of this module's business.

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from sqlalchemy import exc, util
from sqlalchemy import types as sqltypes
from sqlalchemy.schema import Table
from sqlalchemy.sql import elements, selectable
from sqlalchemy.sql.expression import alias

from sqlalchemy_ignite import types
from sqlalchemy_ignite.dml import EXCLUDED, OnConflict
from sqlalchemy_ignite.engines import CALCITE
from sqlalchemy_ignite.expression_compiler import ExpressionCompiler
from sqlalchemy_ignite.keys import Generator, generated_column, sequence_type

if TYPE_CHECKING:
    from sqlalchemy.sql.dml import Insert, Update

__all__ = ["ChangeCompiler"]

# An INSERT after its table; a quoted name may hold anything but a quote.
_INSERT_PARTS = re.compile(r'\((?P<columns>(?:"[^"]*"|[^")])*)\) (?P<rows>.*)', re.DOTALL)
_COLUMN = re.compile(r'(?:"[^"]*"|[^",])+')


def _is_excluded(column: Any, value: Any) -> bool:
    """Return whether `value` is what the row that was to be inserted has in `column`."""
    return (
        isinstance(value, elements.ColumnClause)
        and isinstance(value.table, selectable.Alias)
        and value.table.name == EXCLUDED
        and value.key == column.key
    )


class ChangeCompiler(ExpressionCompiler):
    """Renders statements that change rows.

    :ivar refused: why the server would not take the statement although it renders; raised when it is executed.
    :ivar given_keys: for an INSERT that gives values for a key column which could be generated: the column, and what
        would generate them.
    """

    refused: str | None
    given_keys: tuple[Any, Generator] | None
    _key_columns: tuple[Any, ...]
    _generated: list[tuple[elements.BindParameter[Any], Generator]]

    def returning_clause(self, stmt: Any, *args: Any, **kwargs: Any) -> str:
        """Render RETURNING for the reader of the SQL; executing it raises NotSupportedError."""
        self.refused = (
            f"Ignite has no RETURNING: {stmt.__visit_name__.upper()} gives back a row count only. "
            "Read the rows with a SELECT of their own."
        )
        return super().returning_clause(stmt, *args, **kwargs)

    @property
    def generated(self) -> dict[str, Generator]:
        """The parameters that are given a number before the statement runs, and what generates it."""
        return {self.bind_names[parameter]: generator for parameter, generator in self._generated}

    def visit_sequence(self, sequence: Any, literal_binds: bool = False, **kwargs: Any) -> str:
        """Render the next value of a sequence: a parameter, which gets its value before the statement runs."""
        if getattr(self, "statement", None) is None or literal_binds:
            return f"NEXT VALUE FOR {self.preparer.format_sequence(sequence)}"
        self._check_one_row(sequence)
        return self._generate(Generator.of_sequence(sequence), sequence_type(sequence), **kwargs)

    def visit_next_value_func(self, next_value: Any, **kwargs: Any) -> str:
        """Render the next value of a sequence."""
        return self.visit_sequence(next_value.sequence, **kwargs)

    def _check_one_row(self, sequence: Any) -> None:
        enclosing: list[Any] = [entry["selectable"] for entry in self.stack]
        if len(enclosing) == 1:
            if self.isinsert and enclosing[0].select is None:
                return
            if isinstance(enclosing[0], selectable.Select) and not enclosing[0].get_final_froms():
                return
        raise exc.CompileError(
            f"The next value of the sequence {sequence.name!r} stands where each row would need one of its own, and "
            "Ignite's SQL has no sequences: take the values in Python, connection.scalar(sequence), or write it in "
            "values() of an INSERT, or in a SELECT without FROM"
        )

    def _generate(self, generator: Generator, type_: Any, **kwargs: Any) -> str:
        return self.process(self._generated_parameter(generator, type_), **kwargs)

    def _generated_parameter(self, generator: Generator, type_: Any) -> elements.BindParameter[Any]:
        parameter = elements.BindParameter(None, None, type_=type_, unique=True)
        self._generated.append((parameter, generator))
        if self.isinsert or not self.stack:
            self._direct_values.add(parameter)
        return parameter

    def _with_generated_key(self, statement: Any) -> Any:
        """Return an INSERT with a parameter for the key column that it gives no value for, if it can be generated."""
        column = generated_column(statement.table)
        if column is None or self.stack or statement.select is not None:
            return statement
        rows = [row for rows in statement._multi_values for row in rows]
        if not rows and not statement._values and self.column_keys is None:
            # Compiled to be shown: all columns are.
            return statement
        generator = Generator.of_column(column)
        if rows:
            if any(self._gives(statement, row, column) for row in rows):
                self.given_keys = (column, generator)
                return statement
            with_keys = [{**row, column: self._generated_parameter(generator, column.type)} for row in rows]
            clone = statement._clone()
            clone._multi_values = (with_keys,)
            return clone
        if column.key in (self.column_keys or ()) or self._gives(statement, statement._values or {}, column):
            self.given_keys = (column, generator)
            return statement
        clone = statement._clone()
        parameter = self._generated_parameter(generator, column.type)
        clone._values = util.immutabledict({**(statement._values or {}), column: parameter})
        return clone

    @staticmethod
    def _gives(statement: Any, values: Any, column: Any) -> bool:
        """Return whether the values of one row have one for the column, whatever it is named by."""
        if not isinstance(values, Mapping):
            return len(values) > list(statement.table.c).index(column)
        mapper = statement.table._annotations.get("parentmapper")
        for name in values:
            given = name
            if isinstance(name, str) and mapper is not None and name in mapper.columns:
                given = mapper.columns[name]
            if getattr(given, "key", given) == column.key:
                return True
        return False

    def visit_insert(self, insert_stmt: Insert, *args: Any, **kwargs: Any) -> str:
        """Render an INSERT, and see that each key column has a value, given or generated."""
        insert_stmt = self._with_generated_key(insert_stmt)
        self._note_direct_values(insert_stmt)
        table = insert_stmt.table
        if not list(table.primary_key):
            # The server may know of one all the same: pandas appends to any table through one without key.
            self.facts.inserts_into = (getattr(table, "schema", None), table.name)
        on_conflict = getattr(insert_stmt, "_on_conflict", None)
        self._casts_rows = on_conflict is not None and self.vocabulary is CALCITE
        text: str = super().visit_insert(insert_stmt, *args, **kwargs)
        statement = self.compile_state.statement if self.compile_state is not None else insert_stmt
        if on_conflict is not None:
            text = self._merge(statement, text, on_conflict)
        if statement._multi_values and self._has_values_to_bind():
            self.facts.refuse(
                "calcite",
                "it takes minutes to plan an INSERT of several rows of parameters; pass the rows as a list "
                "to execute() "
                "instead of values()",
            )
        if self.isinsert and len(self.stack) == 0:
            self._check_keys(statement)
        return text

    # -- MERGE --------------------------------------------------------------------------------------------------------

    def _merge(self, statement: Any, text: str, on_conflict: OnConflict) -> str:
        """Return the MERGE that an INSERT, rendered as `text`, becomes.

        The H2 engine's replaces whole rows: what it is not given is set to its default. So it is right only where each
        column is given and assigned; Calcite's says what is inserted and what is updated.
        """
        table = statement.table
        name = self.preparer.format_table(table)
        found = _INSERT_PARTS.fullmatch(text.removeprefix(f"INSERT INTO {name} "))
        if not isinstance(table, Table) or not list(table.primary_key):
            raise exc.CompileError(
                f"on_conflict_do_update() and on_conflict_do_nothing() need a Table with its primary key, to tell rows "
                f"by; {getattr(table, 'name', table)!r} has none"
            )
        if found is None or self.stack:
            raise exc.CompileError("An INSERT with on_conflict_do_…() has neither prefixes nor hints, and stands alone")
        self._check_index_elements(table, on_conflict)
        assigned = self._assigned_on_conflict(statement, on_conflict)
        if self._has_key_that_calcite_misses(table):
            self.facts.refuse(
                "calcite", "it finds no rows of a table whose key is one column of type TIMESTAMP, TIME or VARBINARY"
            )
        if statement.select is not None:
            self.facts.refuse("calcite", "its MERGE stores what a SELECT reads in the wrong columns")
        kept = [column.name for column in table.columns if not column.primary_key and column not in assigned]
        if on_conflict.updates and not kept and all(map(_is_excluded, assigned, assigned.values())):
            if self.vocabulary is not CALCITE:
                return f"MERGE INTO {name} ({found['columns']}) {found['rows']}"
        else:
            if not on_conflict.updates:
                why = "its MERGE replaces the row that is there"
            elif kept:
                why = f"its MERGE replaces the whole row, and would lose what is in {', '.join(kept)}; give all columns"
            else:
                why = "its MERGE replaces the whole row, and assigns nothing but the given values; leave out set_"
            self.facts.refuse("h2", why)
        return self._merge_by_calcite(statement, name, found["columns"], found["rows"], assigned)

    def _check_index_elements(self, table: Table, on_conflict: OnConflict) -> None:
        key = {name for column in table.primary_key for name in (column.name, column.key)}
        given = on_conflict.index_elements
        if given is not None and (not set(given) <= key or len(set(given)) != len(table.primary_key)):
            columns = ", ".join(column.name for column in table.primary_key)
            raise exc.CompileError(
                f"index_elements={list(given)!r} is not the primary key ({columns}) of the table {table.name!r}, and "
                "Ignite has nothing else that is unique"
            )

    def _assigned_on_conflict(self, statement: Any, on_conflict: OnConflict) -> dict[Any, Any]:
        """Return what is assigned to which column of a row that is there."""
        table = statement.table
        if not on_conflict.updates:
            return {}
        if on_conflict.values is None:
            excluded = alias(table, name=EXCLUDED)
            given = self._supplied(statement)
            return {
                column: excluded.c[column.key]
                for column in table.columns
                if not column.primary_key and (given is None or column.key in given)
            }
        assigned = {}
        for name, value in on_conflict.values.items():
            column = self._column_named(statement, name)
            if column is None:
                raise exc.CompileError(f"set_ has {name!r}, which is no column of the table {table.name!r}")
            if column.primary_key:
                raise exc.CompileError(
                    f"set_ has the key column {column.name!r} of the table {table.name!r}: Ignite changes no keys"
                )
            assigned[column] = value
        return assigned

    @staticmethod
    def _column_named(statement: Any, name: Any) -> Any:
        columns = statement.table.c
        if not isinstance(name, str):
            return columns.get(name.key)
        mapper = statement.table._annotations.get("parentmapper")
        if mapper is not None and name in mapper.columns:
            return columns.get(mapper.columns[name].key)
        return columns.get(name)

    def _merge_by_calcite(self, statement: Any, name: str, columns: str, rows: str, assigned: dict[Any, Any]) -> str:
        table = statement.table
        excluded = self.preparer.quote(EXCLUDED)
        target = self.preparer.quote(table.name)
        listed = [match[0].strip() for match in _COLUMN.finditer(columns)]
        on = " AND ".join(
            f"{target}.{column} = {excluded}.{column}" for column in map(self.preparer.format_column, table.primary_key)
        )
        text = f"MERGE INTO {name} USING ({rows}) AS {excluded} ({columns}) ON {on}"
        if assigned:
            values = (
                f"{self.preparer.format_column(column)} = {self._assigned_value(table, column, value)}"
                for column, value in assigned.items()
            )
            text += f" WHEN MATCHED THEN UPDATE SET {', '.join(values)}"
        inserted = ", ".join(f"{excluded}.{column}" for column in listed)
        return f"{text} WHEN NOT MATCHED THEN INSERT ({columns}) VALUES ({inserted})"

    def _assigned_value(self, table: Any, column: Any, value: Any) -> str:
        self._casts_rows = False
        if not _is_excluded(column, value):
            impl = column.type._unwrapped_dialect_impl(self.dialect)
            if isinstance(impl, sqltypes.String):
                value = elements.Cast(value, sqltypes.VARCHAR())
            elif types.sql_name(column.type, self.dialect) is not None:
                value = elements.Cast(value, column.type)
        return str(self.process(value.self_group(), use_schema=False))

    def _has_values_to_bind(self) -> bool:
        return len(self.bind_names) > 0

    def _note_direct_values(self, statement: Any) -> None:
        for values in (
            statement._values,
            dict(statement._ordered_values or ()) if hasattr(statement, "_ordered_values") else None,
        ):
            for value in (values or {}).values():
                if isinstance(value, elements.BindParameter):
                    self._direct_values.add(value)

    def _supplied(self, statement: Any) -> set[str] | None:
        """Return the keys of the columns that an INSERT gives values for; None if that cannot be told."""
        if statement._multi_values:
            first: Any = statement._multi_values[0][0]
            if isinstance(first, Mapping):
                names: list[Any] = list(first)
                return {getattr(name, "key", name) for name in names}
            columns: list[Any] = list(statement.table.c)
            return {column.key for column in columns[: len(first)]}
        if statement.select is not None:
            return {getattr(name, "key", name) for name in statement._select_names or ()}
        given = getattr(self.compile_state, "_dict_parameters", None)
        if self.column_keys is None and not given:
            return None
        return {getattr(name, "key", name) for name in (*(self.column_keys or ()), *(given or ()))}

    def _check_keys(self, statement: Any) -> None:
        table = statement.table
        if not isinstance(table, Table):
            return
        supplied = None if statement._multi_values else self._supplied(statement)
        self._key_columns = tuple(table.primary_key)
        if supplied is None:
            return
        prefetched = {column.key for column in self.insert_prefetch}
        for column in table.primary_key:
            if column.key in supplied or column.key in prefetched or column.default is not None:
                continue
            told = (
                " Its server_default does not help: Ignite does not apply a default to a key column."
                if column.server_default is not None
                else ""
            )
            if column is generated_column(table):
                raise exc.CompileError(
                    f"INSERT into {table.fullname!r} from a SELECT gives no value for the key column {column.name!r}: "
                    "keys are generated for rows that come from Python, not for those that the server selects. "
                    "Select a key, or read the rows and insert them."
                )
            raise exc.CompileError(
                f"INSERT into {table.fullname!r} gives no value for the key column {column.name!r}, and none is "
                f"generated for it.{told} Give a value; or a default in Python: Column(…, default=…), for example "
                "default=uuid.uuid4 on a Uuid column; or, for one column of whole numbers, autoincrement=True."
            )

    # -- UPDATE, DELETE, and what Ignite has not ----------------------------------------------------------------------

    def visit_update(self, update_stmt: Update, *args: Any, **kwargs: Any) -> str:
        """Render an UPDATE; on Calcite what is assigned is cast to the type of its column."""
        self.facts.changes_source = True
        self._note_direct_values(update_stmt)
        if self._has_key_that_calcite_misses(update_stmt.table):
            self.facts.refuse(
                "calcite",
                "its UPDATE silently changes no row of a table whose key is one column of type TIMESTAMP, TIME or "
                "VARBINARY",
            )
        if self.vocabulary.stores_updates_unconverted:
            update_stmt = self._cast_assignments(update_stmt)
        return super().visit_update(update_stmt, *args, **kwargs)

    def _has_key_that_calcite_misses(self, table: Any) -> bool:
        if not isinstance(table, Table) or len(table.primary_key) != 1:
            return False
        (column,) = table.primary_key
        return types.sql_name(column.type, self.dialect) in ("TIMESTAMP", "TIME(3)", "VARBINARY")

    def _cast_assignments(self, statement: Any) -> Any:
        mapper = statement.table._annotations.get("parentmapper")

        def cast(column: Any, value: Any) -> Any:
            if isinstance(column, str):
                # The name of an attribute of a mapped class, or the key of a column.
                column = (mapper.columns if mapper is not None else statement.table.c).get(column)
            type_ = getattr(column, "type", None)
            if isinstance(value, elements.BindParameter) or not isinstance(value, elements.ColumnElement):
                return value
            if type_ is None or types.sql_name(type_, self.dialect) is None:
                return value
            impl = type_._unwrapped_dialect_impl(self.dialect)
            if isinstance(impl, (sqltypes.String, sqltypes.LargeBinary)):
                # CAST to a length would cut in silence what the server refuses as too long.
                return elements.Cast(value, sqltypes.VARCHAR()) if isinstance(impl, sqltypes.String) else value
            return elements.Cast(value, type_)

        if not statement._values and not getattr(statement, "_ordered_values", None):
            return statement
        clone = statement._clone()
        if statement._values:
            clone._values = type(statement._values)(
                {column: cast(column, value) for column, value in statement._values.items()}
            )
        if getattr(statement, "_ordered_values", None):
            clone._ordered_values = [(column, cast(column, value)) for column, value in statement._ordered_values]
        return clone

    def visit_delete(self, *args: Any, **kwargs: Any) -> str:
        """Render a DELETE."""
        self.facts.changes_source = True
        return super().visit_delete(*args, **kwargs)

    def update_from_clause(self, *args: Any, **kwargs: Any) -> str:
        """Refuse UPDATE of one table from another."""
        raise exc.CompileError("Ignite's SQL has no UPDATE … FROM: assign a scalar subquery, or filter by EXISTS")

    def delete_extra_from_clause(self, *args: Any, **kwargs: Any) -> str:
        """Refuse DELETE from one table by another."""
        raise exc.CompileError("Ignite's SQL has no DELETE … USING: filter by EXISTS")

    def visit_savepoint(self, *args: Any, **kwargs: Any) -> str:
        """Refuse SAVEPOINT."""
        raise exc.CompileError("Ignite has no savepoints")

    visit_rollback_to_savepoint = visit_savepoint
    visit_release_savepoint = visit_savepoint
