"""Reflection over the system views of the node (schema SYS).

Each ``get_multi_*`` method asks one query for all tables concerned; the single methods wrap them. What the views do
not tell, which is the order of columns and the columns of views, is read from the names of an empty result.
"""

# mypy: disallow-untyped-calls=False, disallow-untyped-decorators=False
# SQLAlchemy's reflection cache carries no annotations.

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from sqlalchemy import bindparam, exc, text
from sqlalchemy import types as sqltypes
from sqlalchemy.engine import Connection, reflection
from sqlalchemy.engine.default import DefaultDialect
from sqlalchemy.engine.reflection import ObjectKind, ObjectScope

from sqlalchemy_ignite.types import type_of_java_class

__all__ = ["CATALOGUE", "IgniteReflection", "parse_index_columns"]

if TYPE_CHECKING:
    from sqlalchemy_ignite.engines import ServerEngines

_Key = tuple[str | None, str]

#: The execution option by which the dialect knows its own questions: they are no part of a transaction.
CATALOGUE = "_ignite_catalogue"

#: What Calcite calls a length when there is none.
_ANY_LENGTH = 65536
#: SYS.CACHES.BACKUPS of a replicated cache.
_ALL_NODES = 2**31 - 1
#: More names than this are filtered here, not in the query: a long IN list is costly to plan.
_MOST_NAMES = 100
_INDEX_COLUMN = re.compile(r'"((?:[^"]|"")*)"\s+(ASC|DESC)')
_SQL_TYPE = re.compile(r"^([A-Z_ ]+?)\s*(?:\((\d+)(?:,\s*(\d+))?\))?(?:\s+NOT NULL)?$")
_SQL_TYPES: dict[str, type[sqltypes.TypeEngine[Any]]] = {
    "BOOLEAN": sqltypes.BOOLEAN,
    "SMALLINT": sqltypes.SMALLINT,
    "INTEGER": sqltypes.INTEGER,
    "BIGINT": sqltypes.BIGINT,
    "REAL": sqltypes.REAL,
    "FLOAT": sqltypes.REAL,
    "DOUBLE": sqltypes.DOUBLE,
    "DECIMAL": sqltypes.DECIMAL,
    "VARCHAR": sqltypes.VARCHAR,
    "CHAR": sqltypes.CHAR,
    "DATE": sqltypes.DATE,
    "TIME": sqltypes.TIME,
    "TIMESTAMP": sqltypes.TIMESTAMP,
    "UUID": sqltypes.UUID,
    "VARBINARY": sqltypes.VARBINARY,
    "BINARY": sqltypes.BINARY,
}


def _in_transaction(connection: Connection) -> bool:
    dbapi_connection: Any = connection.connection.dbapi_connection
    return bool(dbapi_connection.in_transaction)


def parse_index_columns(columns: str) -> list[tuple[str, bool]]:
    """Return the columns of an index from the text of SYS.INDEXES, each with whether it is descending.

    >>> parse_index_columns('"Z" DESC, "a,b" ASC')
    [('Z', True), ('a,b', False)]
    """
    return [(name.replace('""', '"'), order == "DESC") for name, order in _INDEX_COLUMN.findall(columns)]


class IgniteReflection(DefaultDialect):
    """The reflection methods of the dialect."""

    server_engines: ServerEngines

    # -- names --------------------------------------------------------------------------------------------------------

    def name_on_server(self, name: str) -> str:
        """Return `name` as the server has it: in upper case, unless it would be quoted."""
        return str(self.denormalize_name(name))

    def _schema_on_server(self, schema: str | None) -> str:
        return self.name_on_server(schema if schema is not None else self.default_schema_name or "PUBLIC")

    def _ask(self, connection: Connection, sql: str, **parameters: Any) -> list[Any]:
        statement = text(sql)
        if "names" in parameters:
            statement = statement.bindparams(bindparam("names", expanding=True))
        options = {"ignite_engine": self._reader(connection), CATALOGUE: True}
        return list(connection.execute(statement.execution_options(**options), parameters))

    def _reader(self, connection: Connection) -> str:
        """Return the engine that reads the system views: the H2 engine tells Java classes and enums by their names.

        Calcite gives them as Java objects, and whether it can cast them to text differs from node to node. But while a
        transaction is open, only Calcite can be asked.
        """
        if "h2" not in self.server_engines.available or _in_transaction(connection):
            return "node"
        return "h2"

    def _filtered(self, names: Collection[str] | None, column: str) -> tuple[str, dict[str, Any]]:
        if names is None or len(names) > _MOST_NAMES:
            return "", {}
        return f" AND {column} IN :names", {"names": sorted(self.name_on_server(name) for name in names)}

    @reflection.cache
    def get_schema_names(self, connection: Connection, **kw: Any) -> list[str]:
        """Return the names of all schemas, also those that only a cache brought along."""
        rows = self._ask(connection, "SELECT SCHEMA_NAME FROM SYS.SCHEMAS ORDER BY SCHEMA_NAME")
        return [self.normalize_name(row[0]) for row in rows]

    @reflection.cache
    def get_table_names(self, connection: Connection, schema: str | None = None, **kw: Any) -> list[str]:
        """Return the names of the tables of a schema; for SYS, those of the system views."""
        on_server = self._schema_on_server(schema)
        rows = self._ask(
            connection,
            "SELECT TABLE_NAME FROM SYS.TABLES WHERE SCHEMA_NAME = :schema ORDER BY TABLE_NAME",
            schema=on_server,
        )
        return [self.normalize_name(row[0]) for row in rows]

    @reflection.cache
    def get_view_names(self, connection: Connection, schema: str | None = None, **kw: Any) -> list[str]:
        """Return the names of the views of a schema."""
        return list(self._views(connection, schema, None, **kw))

    @reflection.cache
    def get_view_definition(self, connection: Connection, view_name: str, schema: str | None = None, **kw: Any) -> str:
        """Return the SELECT of a view as the server has stored it."""
        views = self._views(connection, schema, [view_name], **kw)
        if view_name not in views:
            raise exc.NoSuchTableError(f"{schema}.{view_name}" if schema else view_name)
        return views[view_name]

    def _views(
        self, connection: Connection, schema: str | None, names: Collection[str] | None, **kw: Any
    ) -> dict[str, str]:
        if not self._has_views:
            return {}
        condition, parameters = self._filtered(names, "NAME")
        rows = self._ask(
            connection,
            f"SELECT NAME, SQL FROM SYS.VIEWS WHERE SCHEMA = :schema{condition} ORDER BY NAME",
            schema=self._schema_on_server(schema),
            **parameters,
        )
        return {self.normalize_name(name): sql for name, sql in rows}

    @property
    def _has_views(self) -> bool:
        return self.server_version_info is None or self.server_version_info >= (2, 17)

    @reflection.cache
    def get_temp_table_names(self, connection: Connection, schema: str | None = None, **kw: Any) -> list[str]:
        """Return nothing: Ignite has no temporary tables."""
        return []

    @reflection.cache
    def get_temp_view_names(self, connection: Connection, schema: str | None = None, **kw: Any) -> list[str]:
        """Return nothing: Ignite has no temporary views."""
        return []

    @reflection.cache
    def get_materialized_view_names(self, connection: Connection, schema: str | None = None, **kw: Any) -> list[str]:
        """Return nothing: Ignite has no materialized views."""
        return []

    @reflection.cache
    def get_sequence_names(self, connection: Connection, schema: str | None = None, **kw: Any) -> list[str]:
        """Return nothing: Ignite's SQL has no sequences."""
        return []

    def has_sequence(self, connection: Connection, sequence_name: str, schema: str | None = None, **kw: Any) -> bool:
        """Return False: Ignite's SQL has no sequences."""
        return False

    @reflection.cache
    def has_table(self, connection: Connection, table_name: str, schema: str | None = None, **kw: Any) -> bool:
        """Return whether a table or a view of this name is there."""
        self._ensure_has_table_connection(connection)
        found = dict(self.has_multi_table(connection, [table_name], schema=schema, **kw))
        return bool(found[(schema, table_name)])

    def has_multi_table(
        self, connection: Connection, table_names: Sequence[str], schema: str | None = None, **kw: Any
    ) -> Iterable[tuple[Any, bool]]:
        """Return for each name whether a table or a view has it."""
        found = {
            *self._tables(connection, schema, table_names),
            *self._views(connection, schema, table_names),
        }
        for name in table_names:
            yield (schema, name), self.normalize_name(self.name_on_server(name)) in found

    @reflection.cache
    def has_schema(self, connection: Connection, schema_name: str, **kw: Any) -> bool:
        """Return whether the schema is there."""
        rows = self._ask(
            connection,
            "SELECT SCHEMA_NAME FROM SYS.SCHEMAS WHERE SCHEMA_NAME = :schema",
            schema=self.name_on_server(schema_name),
        )
        return bool(rows)

    def _tables(self, connection: Connection, schema: str | None, names: Collection[str] | None) -> dict[str, Any]:
        condition, parameters = self._filtered(names, "TABLE_NAME")
        rows = self._ask(
            connection,
            # The values are sent as parameters.
            "SELECT TABLE_NAME, CACHE_NAME, CACHE_GROUP_NAME, AFFINITY_KEY_COLUMN, KEY_TYPE_NAME, VALUE_TYPE_NAME"
            f" FROM SYS.TABLES WHERE SCHEMA_NAME = :schema{condition} ORDER BY TABLE_NAME",
            schema=self._schema_on_server(schema),
            **parameters,
        )
        return {self.normalize_name(row[0]): row for row in rows}

    def _wanted(
        self,
        connection: Connection,
        schema: str | None,
        filter_names: Collection[str] | None,
        scope: ObjectScope,
        kind: ObjectKind,
        *,
        only: ObjectKind = ObjectKind.ANY,
    ) -> list[str]:
        """Return the names of what was asked for and is there."""
        if ObjectScope.DEFAULT not in scope:
            return []
        names: list[str] = []
        if ObjectKind.TABLE in kind & only:
            names += self._tables(connection, schema, filter_names)
        if ObjectKind.VIEW in kind & only:
            names += [name for name in self._views(connection, schema, filter_names) if name not in names]
        if filter_names is None:
            return names
        asked = {self.normalize_name(self.name_on_server(name)): name for name in filter_names}
        return [asked[name] for name in names if name in asked]

    @staticmethod
    def _one(data: Iterable[tuple[Any, Any]], schema: str | None, table: str) -> Any:
        for key, value in data:
            if key == (schema, table):
                return value
        raise exc.NoSuchTableError(f"{schema}.{table}" if schema else table)

    # -- columns ------------------------------------------------------------------------------------------------------

    def get_multi_columns(  # type: ignore[override]
        self,
        connection: Connection,
        *,
        schema: str | None = None,
        filter_names: Collection[str] | None = None,
        scope: ObjectScope = ObjectScope.DEFAULT,
        kind: ObjectKind = ObjectKind.TABLE,
        **kw: Any,
    ) -> Iterator[tuple[_Key, list[dict[str, Any]]]]:
        """Return the columns of tables and views, in their order."""
        tables = self._wanted(connection, schema, filter_names, scope, kind, only=ObjectKind.TABLE)
        facts = self._column_facts(connection, schema, tables) if tables else {}
        for name in tables:
            order = [column for column in self._column_order(connection, schema, name) if column in facts[name]]
            told = {} if self._reader(connection) == "h2" else self._types_from_calcite(connection, schema, name, order)
            yield (schema, name), [self._column(column, facts[name][column], told.get(column)) for column in order]
        for name in self._wanted(connection, schema, filter_names, scope, kind, only=ObjectKind.VIEW):
            if name in tables:
                continue
            try:
                columns = self._view_columns(connection, schema, name)
            except exc.DBAPIError as error:
                unreflectable = kw.get("unreflectable")
                cause = exc.UnreflectableTableError(f"the view {name!r} cannot be read: {error.orig}")
                if unreflectable is None:
                    raise cause from error
                unreflectable[(schema, name)] = cause
                continue
            yield (schema, name), columns

    def _column_facts(
        self, connection: Connection, schema: str | None, names: Sequence[str]
    ) -> dict[str, dict[str, Any]]:
        condition, parameters = self._filtered(names, "TABLE_NAME")
        type_ = "TYPE" if self._reader(connection) == "h2" else "NULL"
        rows = self._ask(
            connection,
            f"SELECT TABLE_NAME, COLUMN_NAME, {type_}, NULLABLE, PK, PRECISION, SCALE, DEFAULT_VALUE"
            f" FROM SYS.TABLE_COLUMNS WHERE SCHEMA_NAME = :schema{condition}",
            schema=self._schema_on_server(schema),
            **parameters,
        )
        wanted = {self.name_on_server(name): name for name in names}
        facts: dict[str, dict[str, Any]] = {name: {} for name in names}
        for table, column, *rest in rows:
            if table in wanted:
                facts[wanted[table]][column] = rest
        return facts

    def _column_order(self, connection: Connection, schema: str | None, name: str) -> list[str]:
        """Return the names of the columns, as the server has them: its views know no order."""
        quote = self.identifier_preparer.quote_identifier
        table = f"{quote(self._schema_on_server(schema))}.{quote(self.name_on_server(name))}"
        result = connection.execution_options().exec_driver_sql(
            f"SELECT * FROM {table} WHERE 1 = 0",
            execution_options={"ignite_engine": "node", CATALOGUE: True},
        )
        try:
            return [column[0] for column in result.cursor.description or ()]
        finally:
            result.close()

    def _column(self, name: str, facts: Sequence[Any], type_: sqltypes.TypeEngine[Any] | None) -> dict[str, Any]:
        java_class, nullable, is_key, precision, scale, default = facts
        if type_ is None:
            type_ = type_of_java_class(java_class or "", precision, scale)
        elif isinstance(type_, (sqltypes.VARCHAR, sqltypes.VARBINARY)) and 0 < (precision or 0) < _ANY_LENGTH:
            type_ = type(type_)(precision)
        column = {
            "name": self.normalize_name(name),
            "type": type_,
            "nullable": bool(nullable) and not is_key,
            "default": None if default is None else _default_as_sql(default, type_),
        }
        if not is_key:
            # SQLAlchemy's own suite wants nothing said of keys, or True.
            column["autoincrement"] = False
        return column

    def _view_columns(self, connection: Connection, schema: str | None, name: str) -> list[dict[str, Any]]:
        order = self._column_order(connection, schema, name)
        if self._reader(connection) == "h2":
            found = self._types_from_h2(connection, schema, name)
        else:
            found = self._types_from_calcite(connection, schema, name, order)
        return [
            {
                "name": self.normalize_name(column),
                "type": found.get(column, sqltypes.NullType()),
                "nullable": True,
                "default": None,
                "autoincrement": False,
            }
            for column in order
        ]

    def _types_from_h2(
        self, connection: Connection, schema: str | None, name: str
    ) -> dict[str, sqltypes.TypeEngine[Any]]:
        statement = text(
            "SELECT COLUMN_NAME, TYPE_NAME, NUMERIC_PRECISION, NUMERIC_SCALE, CHARACTER_MAXIMUM_LENGTH"
            " FROM INFORMATION_SCHEMA.COLUMNS WHERE TABLE_SCHEMA = :schema AND TABLE_NAME = :name"
        ).execution_options(**{"ignite_engine": "h2", CATALOGUE: True})
        rows = connection.execute(
            statement, {"schema": self._schema_on_server(schema), "name": self.name_on_server(name)}
        )
        return {
            column: _sql_type(type_name, precision, scale, length)
            for column, type_name, precision, scale, length in rows
        }

    def _types_from_calcite(
        self, connection: Connection, schema: str | None, name: str, order: Sequence[str]
    ) -> dict[str, sqltypes.TypeEngine[Any]]:
        quote = self.identifier_preparer.quote_identifier
        view = f"{quote(self._schema_on_server(schema))}.{quote(self.name_on_server(name))}"
        types_ = ", ".join(f"TYPEOF(X.{quote(column)})" for column in order)
        # The outer join gives one row also when the view has none.
        row = connection.exec_driver_sql(
            f"SELECT {types_} FROM (VALUES (0)) AS Z(Q) LEFT JOIN (SELECT * FROM {view} LIMIT 1) X ON 1 = 1",
            execution_options={"ignite_engine": "calcite", CATALOGUE: True},
        ).one()
        found: dict[str, sqltypes.TypeEngine[Any]] = {}
        for column, told in zip(order, row, strict=True):
            match = _SQL_TYPE.match(told)
            if match is not None:
                numbers = [int(number) if number else None for number in match.groups()[1:]]
                found[column] = _sql_type(match[1], numbers[0], numbers[1], numbers[0])
        return found

    @reflection.cache
    def get_columns(self, connection: Connection, table_name: str, schema: str | None = None, **kw: Any) -> Any:
        """Return the columns of a table or view, in their order."""
        return self._single(self.get_multi_columns, connection, table_name, schema, kw)

    def _single(
        self, multi: Any, connection: Connection, table_name: str, schema: str | None, kw: dict[str, Any]
    ) -> Any:
        data = multi(
            connection,
            schema=schema,
            filter_names=[table_name],
            scope=ObjectScope.ANY,
            kind=ObjectKind.ANY,
            **kw,
        )
        return self._one(data, schema, table_name)

    # -- keys and indexes ---------------------------------------------------------------------------------------------

    def _index_rows(
        self, connection: Connection, schema: str | None, names: Sequence[str]
    ) -> dict[str, list[tuple[str, list[tuple[str, bool]], bool, int]]]:
        condition, parameters = self._filtered(names, "TABLE_NAME")
        rows = self._ask(
            connection,
            "SELECT TABLE_NAME, INDEX_NAME, COLUMNS, IS_PK, INLINE_SIZE FROM SYS.INDEXES"
            f" WHERE SCHEMA_NAME = :schema{condition} ORDER BY INDEX_NAME",
            schema=self._schema_on_server(schema),
            **parameters,
        )
        wanted = {self.name_on_server(name): name for name in names}
        found: dict[str, list[tuple[str, list[tuple[str, bool]], bool, int]]] = {name: [] for name in names}
        for table, index, columns, is_pk, inline_size in rows:
            if table in wanted:
                found[wanted[table]].append((index, parse_index_columns(columns or ""), bool(is_pk), inline_size))
        return found

    def _keys(self, connection: Connection, schema: str | None, names: Sequence[str]) -> dict[str, list[str]]:
        """Return the key columns of each table in their order, as the server has them."""
        facts = self._column_facts(connection, schema, names)
        indexes = self._index_rows(connection, schema, names)
        keys: dict[str, list[str]] = {}
        for name in names:
            # _KEY is the column of the whole key; it is listed as key of a table that has no key column of its own.
            columns = [column for column, fact in facts[name].items() if fact[2] and column not in ("_KEY", "_VAL")]
            order = [
                column
                for index, parts, is_pk, _ in indexes[name]
                if is_pk and index == "_key_PK"
                for column, _ in parts
            ]
            keys[name] = sorted(columns, key=lambda column: order.index(column) if column in order else len(order))
        return keys

    def get_multi_pk_constraint(  # type: ignore[override]
        self,
        connection: Connection,
        *,
        schema: str | None = None,
        filter_names: Collection[str] | None = None,
        scope: ObjectScope = ObjectScope.DEFAULT,
        kind: ObjectKind = ObjectKind.TABLE,
        **kw: Any,
    ) -> Iterator[tuple[_Key, dict[str, Any]]]:
        """Return the primary keys; their names are not kept by the server."""
        tables = self._wanted(connection, schema, filter_names, scope, kind, only=ObjectKind.TABLE)
        keys = self._keys(connection, schema, tables) if tables else {}
        for name in tables:
            columns = [self.normalize_name(column) for column in keys[name]]
            yield (schema, name), {"constrained_columns": columns, "name": None}
        for name in self._wanted(connection, schema, filter_names, scope, kind, only=ObjectKind.VIEW):
            if name not in tables:
                yield (schema, name), {"constrained_columns": [], "name": None}

    @reflection.cache
    def get_pk_constraint(self, connection: Connection, table_name: str, schema: str | None = None, **kw: Any) -> Any:
        """Return the primary key of a table."""
        return self._single(self.get_multi_pk_constraint, connection, table_name, schema, kw)

    def get_multi_indexes(  # type: ignore[override]
        self,
        connection: Connection,
        *,
        schema: str | None = None,
        filter_names: Collection[str] | None = None,
        scope: ObjectScope = ObjectScope.DEFAULT,
        kind: ObjectKind = ObjectKind.TABLE,
        **kw: Any,
    ) -> Iterator[tuple[_Key, list[dict[str, Any]]]]:
        """Return the indexes, without those that the server made for itself and the key that it appends to each."""
        tables = self._wanted(connection, schema, filter_names, scope, kind, only=ObjectKind.TABLE)
        keys = self._keys(connection, schema, tables) if tables else {}
        rows = self._index_rows(connection, schema, tables) if tables else {}
        for name in tables:
            own = {index for index, _, _, _ in rows[name]}
            found = [
                self._index(index, parts, keys[name])
                for index, parts, is_pk, _ in rows[name]
                if not is_pk
                and not index.startswith("_key_PK")
                and index != "AFFINITY_KEY"
                and not (index.endswith("_proxy") and index.removesuffix("_proxy") in own)
            ]
            yield (schema, name), found
        for name in self._wanted(connection, schema, filter_names, scope, kind, only=ObjectKind.VIEW):
            if name not in tables:
                yield (schema, name), []

    def _index(self, name: str, parts: list[tuple[str, bool]], key: list[str]) -> dict[str, Any]:
        parts = list(parts)
        if parts and parts[-1][0] == "_KEY" and len(parts) > 1:
            parts.pop()
        else:
            # The columns of the key that are missing stand at the end, in the order of the key. An index that names
            # them itself reads the same.
            while len(parts) > 1 and parts[-1][0] in key and not parts[-1][1]:
                parts.pop()
        index: dict[str, Any] = {
            "name": self.normalize_name(name),
            "column_names": [self.normalize_name(column) for column, _ in parts],
            "unique": False,
        }
        descending = {self.normalize_name(column): ("desc",) for column, is_descending in parts if is_descending}
        if descending:
            index["column_sorting"] = descending
        return index

    @reflection.cache
    def get_indexes(self, connection: Connection, table_name: str, schema: str | None = None, **kw: Any) -> Any:
        """Return the indexes of a table."""
        return self._single(self.get_multi_indexes, connection, table_name, schema, kw)

    # -- options ------------------------------------------------------------------------------------------------------

    def get_multi_table_options(
        self,
        connection: Connection,
        *,
        schema: str | None = None,
        filter_names: Collection[str] | None = None,
        scope: ObjectScope = ObjectScope.DEFAULT,
        kind: ObjectKind = ObjectKind.TABLE,
        **kw: Any,
    ) -> Iterator[tuple[_Key, dict[str, Any]]]:
        """Return the ``ignite_*`` options that differ from the server's defaults."""
        wanted = self._wanted(connection, schema, filter_names, scope, kind, only=ObjectKind.TABLE)
        tables = self._tables(connection, schema, wanted) if wanted else {}
        caches: dict[str, Any] = {}
        if tables:
            names = sorted({row[1] for row in tables.values()})
            condition, parameters = (
                ("", {}) if len(names) > _MOST_NAMES else (" WHERE CACHE_NAME IN :names", {"names": names})
            )
            rows = self._ask(
                connection,
                "SELECT CACHE_NAME, CACHE_MODE, ATOMICITY_MODE, BACKUPS, WRITE_SYNCHRONIZATION_MODE, DATA_REGION_NAME"
                f" FROM SYS.CACHES{condition}",
                **parameters,
            )
            caches = {row[0]: row for row in rows}
        for name in wanted:
            row = tables.get(self.normalize_name(self.name_on_server(name)))
            yield (schema, name), {} if row is None else self._table_options(schema, row, caches.get(row[1]))
        for name in self._wanted(connection, schema, filter_names, scope, kind, only=ObjectKind.VIEW):
            if name not in wanted:
                yield (schema, name), {}

    def _table_options(self, schema: str | None, table: Any, cache: Any) -> dict[str, Any]:
        options: dict[str, Any] = {}
        name, cache_name, group, affinity_key = table[:4]
        if cache_name != f"SQL_{self._schema_on_server(schema)}_{name}":
            options["ignite_cache_name"] = cache_name
        if group not in (None, cache_name):
            options["ignite_cache_group"] = group
        if affinity_key is not None:
            options["ignite_affinity_key"] = self.normalize_name(affinity_key)
        if cache is not None:
            _, _, atomicity, backups, synchronization, region = cache
            if backups == _ALL_NODES:
                options["ignite_template"] = "replicated"
            elif backups:
                options["ignite_backups"] = backups
            atomicity = _enum_name(atomicity, ("TRANSACTIONAL", "ATOMIC"))
            if atomicity not in (None, "ATOMIC"):
                options["ignite_atomicity"] = atomicity.lower()
            synchronization = _enum_name(synchronization, ("PRIMARY_SYNC", "FULL_ASYNC", "FULL_SYNC"))
            if synchronization not in (None, "FULL_SYNC"):
                options["ignite_write_synchronization_mode"] = synchronization.lower()
            if region not in (None, "default"):
                options["ignite_data_region"] = region
        return options

    @reflection.cache
    def get_table_options(self, connection: Connection, table_name: str, schema: str | None = None, **kw: Any) -> Any:
        """Return the ``ignite_*`` options of a table that differ from the server's defaults."""
        return self._single(self.get_multi_table_options, connection, table_name, schema, kw)

    # -- what Ignite has not ------------------------------------------------------------------------------------------

    def _nothing(
        self,
        empty: Any,
        connection: Connection,
        *,
        schema: str | None = None,
        filter_names: Collection[str] | None = None,
        scope: ObjectScope = ObjectScope.DEFAULT,
        kind: ObjectKind = ObjectKind.TABLE,
        **kw: Any,
    ) -> Iterator[tuple[_Key, Any]]:
        for name in self._wanted(connection, schema, filter_names, scope, kind):
            yield (schema, name), empty()

    def get_multi_foreign_keys(self, connection: Connection, **kw: Any) -> Any:
        """Return no foreign keys for each table: Ignite has none."""
        return self._nothing(list, connection, **kw)

    def get_multi_unique_constraints(self, connection: Connection, **kw: Any) -> Any:
        """Return no unique constraints for each table: Ignite has none."""
        return self._nothing(list, connection, **kw)

    def get_multi_check_constraints(self, connection: Connection, **kw: Any) -> Any:
        """Return no check constraints for each table: Ignite has none."""
        return self._nothing(list, connection, **kw)

    def get_multi_table_comment(self, connection: Connection, **kw: Any) -> Any:
        """Return no comment for each table: Ignite keeps none."""
        return self._nothing(lambda: {"text": None}, connection, **kw)

    @reflection.cache
    def get_foreign_keys(self, connection: Connection, table_name: str, schema: str | None = None, **kw: Any) -> Any:
        """Return no foreign keys: Ignite has none."""
        return self._single(self.get_multi_foreign_keys, connection, table_name, schema, kw)

    @reflection.cache
    def get_unique_constraints(
        self, connection: Connection, table_name: str, schema: str | None = None, **kw: Any
    ) -> Any:
        """Return no unique constraints: Ignite has none."""
        return self._single(self.get_multi_unique_constraints, connection, table_name, schema, kw)

    @reflection.cache
    def get_check_constraints(
        self, connection: Connection, table_name: str, schema: str | None = None, **kw: Any
    ) -> Any:
        """Return no check constraints: Ignite has none."""
        return self._single(self.get_multi_check_constraints, connection, table_name, schema, kw)

    @reflection.cache
    def get_table_comment(self, connection: Connection, table_name: str, schema: str | None = None, **kw: Any) -> Any:
        """Return no comment: Ignite keeps none."""
        return self._single(self.get_multi_table_comment, connection, table_name, schema, kw)


def _enum_name(value: Any, names: Sequence[str]) -> Any:
    """Return the name of a Java enum, which Calcite gives as a serialized object with the name in it."""
    return value if value is None or isinstance(value, str) else next((n for n in names if n in repr(value)), None)


def _default_as_sql(text_: str, type_: sqltypes.TypeEngine[Any]) -> str | None:
    """Return the text of SYS.TABLE_COLUMNS.DEFAULT_VALUE, which is Java's ``toString``, as SQL of the column's type."""
    if isinstance(type_, (sqltypes.Integer, sqltypes.Numeric, sqltypes.Float)):
        return text_
    if isinstance(type_, sqltypes.Boolean):
        return text_.upper()
    if isinstance(type_, (sqltypes.LargeBinary, sqltypes.VARBINARY, sqltypes.NullType)):
        # "[B@1ad2c6c8": the server does not tell the bytes.
        return None
    quoted = "'" + text_.replace("'", "''") + "'"
    for cls, word in ((sqltypes.DateTime, "TIMESTAMP"), (sqltypes.Date, "DATE"), (sqltypes.Time, "TIME")):
        if isinstance(type_, cls):
            return f"{word} {quoted}"
    return quoted


def _sql_type(name: str, precision: int | None, scale: int | None, length: int | None) -> sqltypes.TypeEngine[Any]:
    if name == "TINYINT":
        return type_of_java_class("java.lang.Byte", None, None)
    cls = _SQL_TYPES.get(name)
    if cls is None:
        return sqltypes.NullType()
    if cls is sqltypes.DECIMAL:
        # 32767 and 65535 digits are how the engines say "any".
        return sqltypes.DECIMAL(precision, scale) if precision is not None and precision < 32767 else sqltypes.DECIMAL()
    if cls in (sqltypes.VARCHAR, sqltypes.CHAR, sqltypes.VARBINARY, sqltypes.BINARY):
        return cls(length) if length is not None and 0 < length < _ANY_LENGTH else cls()
    return cls()
