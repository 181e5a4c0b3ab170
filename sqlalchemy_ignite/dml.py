"""INSERT that meets rows which are there: ``insert(table).on_conflict_do_update(…)``, run as MERGE.

>>> from sqlalchemy_ignite import insert
>>> statement = insert(city).values(id=1, name="Delft")  # doctest: +SKIP
>>> statement = statement.on_conflict_do_update(set_={"name": statement.excluded.name})  # doctest: +SKIP
"""

# mypy: disallow-untyped-calls=False
# SQLAlchemy's constructs carry few annotations inside.

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import MetaData, Table, exc, util
from sqlalchemy.sql import coercions, elements, roles
from sqlalchemy.sql.base import _exclusive_against, _generative
from sqlalchemy.sql.dml import Insert as StandardInsert
from sqlalchemy.sql.expression import alias
from sqlalchemy.sql.visitors import InternalTraversal

__all__ = ["EXCLUDED", "Insert", "OnConflict", "bulk_load_method", "insert", "upsert_method"]

#: The name by which the row that was to be inserted is known.
EXCLUDED = "excluded"


class OnConflict(elements.ClauseElement):
    """What to do with a row whose key is there: nothing, or to assign values to its columns.

    :ivar updates: whether anything is assigned.
    :ivar values: what is assigned, by column or its name; None: each column that the INSERT gives.
    :ivar index_elements: the names of the columns that the user takes for the key; None: whatever the key is.
    """

    __visit_name__ = "ignite_on_conflict"
    _traverse_internals = [  # noqa: RUF012 - declared by SQLAlchemy as an instance's
        ("updates", InternalTraversal.dp_boolean),
        ("values", InternalTraversal.dp_dml_values),
        ("index_elements", InternalTraversal.dp_string_list),
    ]

    def __init__(
        self, *, updates: bool, values: Mapping[Any, Any] | None, index_elements: tuple[str, ...] | None
    ) -> None:
        self.updates = updates
        self.values = None if values is None else util.immutabledict(values)
        self.index_elements = index_elements


class Insert(StandardInsert):
    """An INSERT that may say what is done with rows whose key is there already."""

    stringify_dialect = "ignite"
    _on_conflict: OnConflict | None = None
    _traverse_internals = [  # noqa: RUF012 - declared by SQLAlchemy as an instance's
        *StandardInsert._traverse_internals,
        ("_on_conflict", InternalTraversal.dp_clauseelement),
    ]

    @util.memoized_property
    def excluded(self) -> Any:
        """The columns of the row that was to be inserted, for the values of :meth:`on_conflict_do_update`."""
        return alias(self.table, name=EXCLUDED).columns

    @_generative
    @_exclusive_against(
        "_on_conflict", msgs={"_on_conflict": "This Insert says already what is done with rows whose key is there"}
    )
    def on_conflict_do_update(
        self, index_elements: Iterable[Any] | None = None, set_: Any = None, where: Any = None
    ) -> Insert:
        """Assign values to the columns of the row that is there instead of inserting another.

        :param index_elements: the columns whose values tell that the row is there, as for PostgreSQL. It can be left
            out: it is the primary key, Ignite has nothing else that is unique.
        :param set_: what is assigned, by column or its name: values, or expressions of the columns of the table and of
            :attr:`excluded`. None: each column that the INSERT gives a value for.
        :param where: refused; Ignite's MERGE updates all rows that it finds. Assign ``case(…)`` instead.
        """
        if where is not None:
            raise exc.CompileError(
                "Ignite's MERGE has no condition beside the key: leave out where=, and assign case((condition, value), "
                "else_=table.c.column) in set_"
            )
        values = None
        if set_ is not None:
            given = dict(set_.items() if hasattr(set_, "items") else set_)
            if not given:
                raise exc.ArgumentError("set_ is empty; for rows that stay as they are, use on_conflict_do_nothing()")
            values = {coercions.expect(roles.DMLColumnRole, name): self._value(name, given[name]) for name in given}
        self._on_conflict = OnConflict(updates=True, values=values, index_elements=_names(index_elements))
        return self

    @_generative
    @_exclusive_against(
        "_on_conflict", msgs={"_on_conflict": "This Insert says already what is done with rows whose key is there"}
    )
    def on_conflict_do_nothing(self, index_elements: Iterable[Any] | None = None) -> Insert:
        """Leave the row that is there as it is. `index_elements`: as for :meth:`on_conflict_do_update`."""
        self._on_conflict = OnConflict(updates=False, values=None, index_elements=_names(index_elements))
        return self

    def _value(self, name: Any, value: Any) -> Any:
        column = self.table.c.get(name) if isinstance(name, str) else name
        type_ = getattr(column, "type", None)
        return coercions.expect(roles.ExpressionElementRole, value, type_=type_)


def _names(elements_: Iterable[Any] | None) -> tuple[str, ...] | None:
    if elements_ is None:
        return None
    return tuple(element if isinstance(element, str) else element.name for element in elements_)


def insert(table: Any) -> Insert:
    """Return an INSERT into `table`, which can say what is done with rows whose key is there already."""
    return Insert(table)


def upsert_method(pandas_table: Any, connection: Any, keys: list[str], rows: Iterable[Iterable[Any]]) -> int:
    """Write rows of a DataFrame, replacing those whose key is there: ``frame.to_sql(…, method=upsert_method)``.

    The table has to be there, with a primary key: ``if_exists="append"``. Columns that the frame has not keep their
    values in rows that are there; that needs the Calcite engine, unless the frame has all columns.
    """
    table = Table(pandas_table.name, MetaData(), schema=pandas_table.schema, autoload_with=connection)
    parameters = [dict(zip(keys, row, strict=True)) for row in rows]
    if not parameters:
        return 0
    return int(connection.execute(insert(table).on_conflict_do_update(), parameters).rowcount)


def bulk_load_method(pandas_table: Any, connection: Any, keys: list[str], rows: Iterable[Iterable[Any]]) -> int:
    """Load rows of a DataFrame past SQL, with less effort: ``frame.to_sql(…, method=bulk_load_method)``.

    It is the driver's ``Connection.bulk_load``, and does what that does: rows whose keys are there stay as they are, no
    transaction is joined, and the errors are the driver's own. A table that `to_sql` creates has no key; its rows get
    one that nobody sees, as Ignite gives to rows that are inserted.
    """
    dialect = connection.dialect
    schema = pandas_table.schema
    return int(
        connection.connection.bulk_load(
            f'"{dialect.name_on_server(pandas_table.name)}"',
            rows,
            [f'"{dialect.name_on_server(key)}"' for key in keys],
            schema=dialect.name_on_server(schema)
            if schema is not None
            else connection.get_execution_options().get("ignite_schema"),
        )
    )
