"""Reflection over the system views of the node (schema SYS).

One query asks all of them for all tables and views concerned. Each ``get_multi_*`` method reads its part from the
answer, which an Inspector keeps, so that a whole schema is reflected with one query; the single methods wrap them. The
order of columns and the columns of views are in no view of SYS: the H2 engine tells them from its own catalogue in the
same query, and where it cannot be asked, they are read from the names of an empty result for each table.
"""

# mypy: disallow-untyped-calls=False, disallow-untyped-decorators=False
# SQLAlchemy's reflection cache carries no annotations.

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import attrs
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
#: The name of a table or view, and what a source told of it.
_Told = tuple[str, tuple[Any, ...]]

#: The execution option by which the dialect knows its own questions: they are no part of a transaction.
CATALOGUE = "_ignite_catalogue"

#: What Calcite calls a length when there is none.
_ANY_LENGTH = 65536
#: SYS.CACHES.BACKUPS of a replicated cache.
_ALL_NODES = 2**31 - 1
#: More names than this are filtered here, not in the query: a long IN list is costly to plan.
_MOST_NAMES = 50
#: What the server makes of an index without INLINE_SIZE: bytes of a column by its Java class, of text and bytes without
#: a length, and at most.
_INLINE_SIZES = {
    "java.lang.Boolean": 2,
    "java.lang.Byte": 2,
    "java.lang.Short": 3,
    "java.lang.Integer": 5,
    "java.lang.Long": 9,
    "java.lang.Float": 5,
    "java.lang.Double": 9,
    "java.sql.Date": 9,
    "java.sql.Time": 9,
    "java.sql.Timestamp": 17,
    "java.util.UUID": 17,
    "java.lang.Object": 5,
}
_INLINE_SIZE_OF_TEXT = 10
_PRIMITIVES = frozenset({"boolean", "byte", "short", "int", "long", "float", "double"})
_LARGEST_INLINE_SIZE = 64
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


@attrs.frozen
class _Source:
    """A system view, and what of it is asked: texts, numbers, booleans, and what has no SQL type, each in its place."""

    view: str
    schema: str
    name: str
    texts: tuple[str, ...] = ()
    numbers: tuple[str, ...] = ()
    booleans: tuple[str, ...] = ()
    others: tuple[str, ...] = ()

    def sql(self, tag: int, condition: str) -> str:
        """Return a SELECT of as many columns as each other source has, with NULL where this one has nothing to tell."""
        widths = ((self.texts, 7), (self.numbers, 4), (self.booleans, 2), (self.others, 2))
        columns = [column for part, width in widths for column in (*part, *["NULL"] * (width - len(part)))]
        listed = ", ".join(f"{column} AS F{number}" for number, column in enumerate(columns))
        return f"SELECT {tag} AS TAG, {self.name} AS NAME, {listed} FROM {self.view} WHERE {condition}"

    def values(self, row: Any) -> tuple[Any, ...]:
        """Return what this source told in a row, in the order of its columns."""
        _, _, *fields = row
        return tuple(
            value
            for part, begin in ((self.texts, 0), (self.numbers, 7), (self.booleans, 11), (self.others, 13))
            for value in fields[begin : begin + len(part)]
        )


_TABLES = _Source(
    "SYS.TABLES",
    "SCHEMA_NAME",
    "TABLE_NAME",
    (
        "CACHE_NAME",
        "CACHE_GROUP_NAME",
        "AFFINITY_KEY_COLUMN",
        "KEY_ALIAS",
        "VALUE_ALIAS",
        "KEY_TYPE_NAME",
        "VALUE_TYPE_NAME",
    ),
)
_VIEWS = _Source("SYS.VIEWS", "SCHEMA", "NAME")
_COLUMNS = _Source(
    "SYS.TABLE_COLUMNS",
    "SCHEMA_NAME",
    "TABLE_NAME",
    ("COLUMN_NAME", "TYPE", "DEFAULT_VALUE"),
    ("PRECISION", "SCALE"),
    ("NULLABLE", "PK"),
)
#: Calcite gives the types as Java classes, which nothing reads.
_COLUMNS_WITHOUT_TYPES = attrs.evolve(_COLUMNS, texts=("COLUMN_NAME", "NULL", "DEFAULT_VALUE"))
_ORDER = _Source(
    "INFORMATION_SCHEMA.COLUMNS",
    "TABLE_SCHEMA",
    "TABLE_NAME",
    ("COLUMN_NAME", "TYPE_NAME"),
    ("ORDINAL_POSITION", "NUMERIC_PRECISION", "NUMERIC_SCALE", "CHARACTER_MAXIMUM_LENGTH"),
)
#: The H2 engine keeps tables __T0, __T1 and so on for itself, and fails if its catalogue is asked for their columns.
_NAMES_BUT_TRANSIENT_ONES = (" AND TABLE_NAME < '__T'", " AND TABLE_NAME > '__T:'")
_INDEXES = _Source("SYS.INDEXES", "SCHEMA_NAME", "TABLE_NAME", ("INDEX_NAME", "COLUMNS"), ("INLINE_SIZE",), ("IS_PK",))
_CACHES = _Source(
    "SYS.CACHES",
    "",
    "CACHE_NAME",
    ("DATA_REGION_NAME",),
    ("BACKUPS", "QUERY_PARALLELISM"),
    ("IS_ENCRYPTION_ENABLED",),
    ("ATOMICITY_MODE", "WRITE_SYNCHRONIZATION_MODE"),
)
#: Calcite gives the modes as Java enums, and does not find a type for those and NULL.
_CACHES_WITH_ENUMS = attrs.evolve(
    _CACHES, others=("CAST(ATOMICITY_MODE AS ANY)", "CAST(WRITE_SYNCHRONIZATION_MODE AS ANY)")
)


@attrs.frozen
class _Column:
    """A column as SYS.TABLE_COLUMNS has it."""

    java_class: str | None
    default: str | None
    precision: int | None
    scale: int | None
    nullable: bool
    is_key: bool


@attrs.frozen
class _Index:
    """An index as SYS.INDEXES has it."""

    name: str
    parts: list[tuple[str, bool]]
    inline_size: int | None
    is_key: bool


@attrs.define
class _Object:
    """What the system views tell of one table or view, by the server's names."""

    kind: ObjectKind
    facts: tuple[Any, ...] = ()
    cache: tuple[Any, ...] | None = None
    columns: dict[str, _Column] = attrs.field(factory=dict)
    #: The names in their order, with what the H2 engine says of the type; empty where it was not asked.
    order: dict[str, tuple[Any, ...]] = attrs.field(factory=dict)
    indexes: list[_Index] = attrs.field(factory=list)

    def visible(self, names: Iterable[str]) -> list[str]:
        """Return `names` without ``_KEY`` and ``_VAL``, which are hidden where there are others."""
        every = list(names)
        return [name for name in every if name not in ("_KEY", "_VAL")] or every

    def key(self) -> list[str]:
        """Return the columns of the key in their order."""
        alias = self.facts[3]
        if alias is not None:
            return [alias]
        # _KEY is the column of the whole key; it is listed as key of a table that has no key column of its own.
        columns = [name for name, column in self.columns.items() if column.is_key and name not in ("_KEY", "_VAL")]
        order = [name for index in self.indexes if index.name == "_key_PK" for name, _ in index.parts]
        order += [name for name in self.order if name not in order]
        return sorted(columns, key=lambda name: order.index(name) if name in order else len(order))

    def usual_inline_size(self, index: _Index) -> int | None:
        """Return the INLINE_SIZE that the server chooses if none is given; None where the types are not known."""
        size = 0
        for name, _ in index.parts:
            # A key of one column has its length under its own name only.
            column = self.columns.get(self.facts[3] if name == "_KEY" and self.facts[3] is not None else name)
            if column is None or column.java_class is None:
                return None
            if column.java_class in ("java.lang.String", "[B"):
                has_length = column.precision is not None and column.precision > 0
                size += 3 + (column.precision or 0) if has_length else _INLINE_SIZE_OF_TEXT
            elif column.java_class in _INLINE_SIZES:
                size += _INLINE_SIZES[column.java_class]
            else:
                break
        return min(size, _LARGEST_INLINE_SIZE)


def _objects_told(
    *,
    tables: list[_Told],
    views: list[_Told],
    columns: list[_Told],
    order: list[_Told],
    indexes: list[_Told],
    caches: list[_Told],
) -> dict[str, _Object]:
    """Return the tables and views, each with what the sources told of it."""
    cache_of = dict(caches)
    objects = {
        name: _Object(ObjectKind.TABLE, facts=facts, cache=cache_of.get(facts[0])) for name, facts in sorted(tables)
    }
    for name, _ in sorted(views):
        objects.setdefault(name, _Object(ObjectKind.VIEW))
    for name, (column, java_class, default, precision, scale, nullable, is_key) in columns:
        if name in objects:
            objects[name].columns[column] = _Column(java_class, default, precision, scale, bool(nullable), bool(is_key))
    for name, (column, type_, _, *sizes) in sorted(order, key=lambda one: one[1][2]):
        if name in objects:
            objects[name].order[column] = (type_, *sizes)
    for name, (index, parts, inline_size, is_key) in sorted(indexes, key=lambda one: one[1][0]):
        if name in objects:
            objects[name].indexes.append(_Index(index, parse_index_columns(parts or ""), inline_size, bool(is_key)))
    return objects


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
        condition, parameters = self._filtered(table_names, "TABLE_NAME")
        sql = f"SELECT TABLE_NAME FROM SYS.TABLES WHERE SCHEMA_NAME = :schema{condition}"
        if self._has_views:
            condition, parameters = self._filtered(table_names, "NAME")
            sql += f" UNION ALL SELECT NAME FROM SYS.VIEWS WHERE SCHEMA = :schema{condition}"
        rows = self._ask(connection, sql, schema=self._schema_on_server(schema), **parameters)
        found = {row[0] for row in rows}
        for name in table_names:
            yield (schema, name), self.name_on_server(name) in found

    @reflection.cache
    def has_schema(self, connection: Connection, schema_name: str, **kw: Any) -> bool:
        """Return whether the schema is there."""
        rows = self._ask(
            connection,
            "SELECT SCHEMA_NAME FROM SYS.SCHEMAS WHERE SCHEMA_NAME = :schema",
            schema=self.name_on_server(schema_name),
        )
        return bool(rows)

    def _objects(
        self,
        connection: Connection,
        schema: str | None,
        filter_names: Collection[str] | None,
        scope: ObjectScope,
        kind: ObjectKind,
        info_cache: dict[Any, Any] | None = None,
        **kw: Any,
    ) -> dict[str, _Object]:
        """Return what the server tells of what was asked for and is there, by the names as they were asked."""
        if ObjectScope.DEFAULT not in scope:
            return {}
        cache: dict[Any, Any] = {} if info_cache is None else info_cache
        key = ("ignite objects", schema, None if filter_names is None else frozenset(filter_names))
        if key not in cache:
            cache[key] = self._ask_for_objects(connection, schema, filter_names)
        every: dict[str, _Object] = {self.normalize_name(name): found for name, found in cache[key].items()}
        if filter_names is not None:
            asked = {self.normalize_name(self.name_on_server(name)): name for name in filter_names}
            every = {asked[name]: found for name, found in every.items() if name in asked}
        return {name: found for name, found in every.items() if found.kind in kind}

    def _ask_for_objects(
        self, connection: Connection, schema: str | None, names: Collection[str] | None
    ) -> dict[str, _Object]:
        """Return what the server tells of the tables and views of these names, or of all, in one query."""
        by_h2 = self._reader(connection) == "h2"
        columns = _COLUMNS if by_h2 else _COLUMNS_WITHOUT_TYPES
        caches = _CACHES if by_h2 else _CACHES_WITH_ENUMS
        asked = [
            (source, f"{source.schema} = :schema{self._filtered(names, source.name)[0]}")
            for source in (_TABLES, columns, _INDEXES, *[_VIEWS] * self._has_views)
        ]
        asked.append((caches, f"CACHE_NAME IN (SELECT CACHE_NAME FROM SYS.TABLES WHERE {asked[0][1]})"))
        filtered, parameters = self._filtered(names, _ORDER.name)
        for names_told in [filtered] if filtered else _NAMES_BUT_TRANSIENT_ONES:
            asked += [(_ORDER, f"{_ORDER.schema} = :schema{names_told}")] * by_h2
        selects = [source.sql(tag, condition) for tag, (source, condition) in enumerate(asked)]
        rows = self._ask(connection, " UNION ALL ".join(selects), schema=self._schema_on_server(schema), **parameters)
        told: dict[_Source, list[_Told]] = {source: [] for source, _ in asked}
        for row in rows:
            source, _ = asked[row[0]]
            told[source].append((row[1], source.values(row)))
        return _objects_told(
            tables=told[_TABLES],
            views=told.get(_VIEWS, []),
            columns=told[columns],
            order=told.get(_ORDER, []),
            indexes=told[_INDEXES],
            caches=told[caches],
        )

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
        for name, found in self._objects(connection, schema, filter_names, scope, kind, **kw).items():
            try:
                columns = self._columns(connection, schema, name, found)
            except exc.DBAPIError as error:
                unreflectable = kw.get("unreflectable")
                cause = exc.UnreflectableTableError(f"{name!r} cannot be read: {error.orig}")
                if unreflectable is None:
                    raise cause from error
                unreflectable[(schema, name)] = cause
                continue
            yield (schema, name), columns

    def _columns(self, connection: Connection, schema: str | None, name: str, found: _Object) -> list[dict[str, Any]]:
        order = found.visible(found.order) or self._column_order(connection, schema, name)
        told: Mapping[str, sqltypes.TypeEngine[Any]] = {}
        if found.order:
            told = {column: _sql_type(*found.order[column]) for column in order}
        elif found.kind is ObjectKind.VIEW or any(found.columns[column].java_class is None for column in order):
            told = self._types_from_calcite(connection, schema, name, order)
        if found.kind is ObjectKind.TABLE:
            key = found.key()
            return [self._column(column, found.columns[column], column in key, told.get(column)) for column in order]
        return [
            {
                "name": self.normalize_name(column),
                "type": told.get(column, sqltypes.NullType()),
                "nullable": True,
                "default": None,
                "autoincrement": False,
            }
            for column in order
        ]

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

    def _column(self, name: str, facts: _Column, is_key: bool, told: sqltypes.TypeEngine[Any] | None) -> dict[str, Any]:
        type_: sqltypes.TypeEngine[Any]
        if facts.java_class is not None or told is None:
            type_ = type_of_java_class(facts.java_class or "", facts.precision, facts.scale)
        elif isinstance(told, (sqltypes.VARCHAR, sqltypes.VARBINARY)) and 0 < (facts.precision or 0) < _ANY_LENGTH:
            type_ = type(told)(facts.precision)
        else:
            type_ = told
        column = {
            "name": self.normalize_name(name),
            "type": type_,
            "nullable": facts.nullable and not is_key,
            "default": None if facts.default is None else _default_as_sql(facts.default, type_),
        }
        if not is_key:
            # SQLAlchemy's own suite wants nothing said of keys, or True.
            column["autoincrement"] = False
        return column

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
        for name, found in self._objects(connection, schema, filter_names, scope, kind, **kw).items():
            key = found.key() if found.kind is ObjectKind.TABLE else []
            yield (schema, name), {"constrained_columns": [self.normalize_name(column) for column in key], "name": None}

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
        for name, found in self._objects(connection, schema, filter_names, scope, kind, **kw).items():
            own = {index.name for index in found.indexes}
            yield (
                (schema, name),
                [
                    self._index(index, found)
                    for index in found.indexes
                    if not index.is_key
                    and not index.name.startswith("_key_PK")
                    and index.name != "AFFINITY_KEY"
                    and not (index.name.endswith("_proxy") and index.name.removesuffix("_proxy") in own)
                ],
            )

    def _index(self, found: _Index, table: _Object) -> dict[str, Any]:
        parts = list(found.parts)
        if parts and parts[-1][0] == "_KEY" and len(parts) > 1:
            parts.pop()
        # The columns of the key that are missing stand at the end, in the order of the key. An index that names
        # them itself reads the same.
        key = table.key()
        while len(parts) > 1 and parts[-1][0] in key and not parts[-1][1]:
            parts.pop()
        index: dict[str, Any] = {
            "name": self.normalize_name(found.name),
            "column_names": [self.normalize_name(column) for column, _ in parts],
            "unique": False,
        }
        descending = {self.normalize_name(column): ("desc",) for column, is_descending in parts if is_descending}
        if descending:
            index["column_sorting"] = descending
        if found.inline_size is not None and found.inline_size != table.usual_inline_size(found):
            index["dialect_options"] = {"ignite_inline_size": found.inline_size}
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
        for name, found in self._objects(connection, schema, filter_names, scope, kind, **kw).items():
            is_table = found.kind is ObjectKind.TABLE
            yield (schema, name), self._table_options(schema, self.name_on_server(name), found) if is_table else {}

    def _table_options(self, schema: str | None, name: str, table: _Object) -> dict[str, Any]:
        options: dict[str, Any] = {}
        cache_name, group, affinity_key, _, value_alias, key_type, value_type = table.facts
        own_name = f"SQL_{self._schema_on_server(schema)}_{name}"
        key = table.key()
        if cache_name != own_name:
            options["ignite_cache_name"] = cache_name
        if group not in (None, cache_name):
            options["ignite_cache_group"] = group
        if affinity_key is not None and key != [affinity_key]:
            options["ignite_affinity_key"] = self.normalize_name(affinity_key)
        for option, type_name, ending in (("ignite_key_type", key_type, "_KEY"), ("ignite_value_type", value_type, "")):
            if not _is_java_class(type_name) and not re.fullmatch(
                rf"{re.escape(own_name)}_[0-9a-f_]{{36}}{ending}", type_name
            ):
                options[option] = type_name
        if len(key) == 1 and not _is_java_class(key_type):
            options["ignite_wrap_key"] = True
        if value_alias is not None:
            options["ignite_wrap_value"] = False
        options |= self._inline_sizes(table)
        return options if table.cache is None else options | self._cache_options(table.cache)

    def _inline_sizes(self, table: _Object) -> dict[str, Any]:
        names = {"_key_PK": "ignite_pk_inline_size", "AFFINITY_KEY": "ignite_affinity_index_inline_size"}
        return {
            names[index.name]: index.inline_size
            for index in table.indexes
            if index.name in names and table.usual_inline_size(index) not in (None, index.inline_size)
        }

    def _cache_options(self, cache: tuple[Any, ...]) -> dict[str, Any]:
        options: dict[str, Any] = {}
        region, backups, parallelism, is_encrypted, atomicity, synchronization = cache
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
        if parallelism not in (None, 1):
            options["ignite_parallelism"] = parallelism
        if is_encrypted:
            options["ignite_encrypted"] = True
        return options

    @reflection.cache
    def get_table_options(self, connection: Connection, table_name: str, schema: str | None = None, **kw: Any) -> Any:
        """Return the ``ignite_*`` options of a table that differ from the server's defaults."""
        return self._single(self.get_multi_table_options, connection, table_name, schema, kw)

    # -- what Ignite has not ------------------------------------------------------------------------------------------

    def _nothing(
        self,
        empty: Callable[[], Any],
        connection: Connection,
        *,
        schema: str | None = None,
        filter_names: Collection[str] | None = None,
        scope: ObjectScope = ObjectScope.DEFAULT,
        kind: ObjectKind = ObjectKind.TABLE,
        **kw: Any,
    ) -> Iterator[tuple[_Key, Any]]:
        for name in self._objects(connection, schema, filter_names, scope, kind, **kw):
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


def _is_java_class(name: str) -> bool:
    """Return whether a key or value is of this class itself, and not an object with the columns as its fields."""
    # Calcite names the primitive type: a table that it has created has a key of type int.
    return name.startswith(("java.", "org.apache.ignite.", "[")) or name in _PRIMITIVES


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
