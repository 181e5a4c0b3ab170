"""What a table is below SQL: the cache that holds its rows, and where in key and value each column lives."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, Final

import attrs

from ignite_dbapi.errors import NotSupportedError, ProgrammingError
from ignite_dbapi.operations import calls
from ignite_dbapi.operations.session import Session
from ignite_dbapi.protocol.codec import TypeCode
from ignite_dbapi.protocol.codec.names import string_hash
from ignite_dbapi.protocol.codec.values import OptimizedBlob
from ignite_dbapi.protocol.exchange import Operation
from ignite_dbapi.protocol.messages.cache import GetConfiguration
from ignite_dbapi.protocol.messages.cache_configuration import CacheAtomicityMode, QueryEntity
from ignite_dbapi.protocol.messages.sql import SqlFieldsQuery

KEY: Final = "_KEY"
VALUE: Final = "_VAL"

# What a part of a name is in SQL: in double quotes, or without any sign that ends it.
_NAME_PART: Final = r'"([^"]+)"|([^\s".,;()]+)'
_NAME: Final = re.compile(rf"\s*(?:(?:{_NAME_PART})\s*\.\s*)?(?:{_NAME_PART})\s*")

# The classes of columns: the type code of their values, and SQL's name for them. Calcite tells some by primitive names.
_CLASSES: Final[dict[str, tuple[TypeCode | None, str]]] = {
    "java.lang.Boolean": (TypeCode.BOOL, "BOOLEAN"),
    "java.lang.Byte": (TypeCode.BYTE, "TINYINT"),
    "java.lang.Short": (TypeCode.SHORT, "SMALLINT"),
    "java.lang.Integer": (TypeCode.INT, "INTEGER"),
    "java.lang.Long": (TypeCode.LONG, "BIGINT"),
    "java.lang.Float": (TypeCode.FLOAT, "REAL"),
    "java.lang.Double": (TypeCode.DOUBLE, "DOUBLE"),
    "java.math.BigDecimal": (TypeCode.DECIMAL, "DECIMAL"),
    "java.lang.String": (TypeCode.STRING, "VARCHAR"),
    "java.util.UUID": (TypeCode.UUID, "UUID"),
    "[B": (TypeCode.BYTE_ARRAY, "VARBINARY"),
    "java.sql.Date": (TypeCode.OPTIMIZED, "DATE"),
    "java.sql.Time": (TypeCode.TIME, "TIME"),
    "java.sql.Timestamp": (TypeCode.TIMESTAMP, "TIMESTAMP"),
    "java.util.Date": (TypeCode.DATE, "TIMESTAMP"),
    "java.lang.Object": (None, "OTHER"),
}
_PRIMITIVES: Final = {
    "boolean": "java.lang.Boolean",
    "byte": "java.lang.Byte",
    "short": "java.lang.Short",
    "int": "java.lang.Integer",
    "long": "java.lang.Long",
    "float": "java.lang.Float",
    "double": "java.lang.Double",
}
_CLASS_HASHES: Final = {string_hash(name): name for name in (*_CLASSES, *_PRIMITIVES)}
# The keys of a table that was created without one.
_GENERATED_KEYS: Final = "org.apache.ignite.lang.IgniteUuid"


@attrs.frozen
class Column:
    """A column: *code* is the type code of its values (None: any), *field* its name within key or value.

    A column that is not supported has values of a class that the driver does not write.
    *precision* and *scale* of -1 leave them open. *default* is what an INSERT that does not name it writes, or None.
    """

    name: str
    code: TypeCode | None
    sql_name: str
    is_key: bool
    is_nullable: bool
    precision: int
    scale: int
    field: str
    is_supported: bool = True
    default: Any = None


@attrs.frozen
class Table:
    """A table over a cache. *columns* are in the order of ``SELECT *``.

    *key_column* is the one that is the whole key; None if the key is an object of *key_type*, the fields of which are
    the key columns. The same goes for *value_column*, *value_type* and the other columns. With *has_generated_keys*
    no column is part of the key.
    """

    schema: str
    name: str
    cache_name: str
    is_transactional: bool
    key_type: str
    value_type: str
    key_column: str | None
    value_column: str | None
    affinity_field: str | None
    has_generated_keys: bool
    columns: tuple[Column, ...]

    @property
    def shown(self) -> str:
        """The table for error messages."""
        return f'"{self.schema}"."{self.name}"'

    def column(self, name: str) -> Column | None:
        """The column that SQL takes *name* for: in upper case, unless it is in double quotes or there only as it is."""
        by_name = {column.name: column for column in self.columns}
        if len(name) > 2 and name[0] == name[-1] == '"':
            return by_name.get(name[1:-1])
        return by_name.get(name.upper()) or by_name.get(name)

    def key_columns(self) -> tuple[Column, ...]:
        """The columns that make the key, in the order of the table."""
        return tuple(column for column in self.columns if column.is_key)


def find(session: Session, text: str, schema: str) -> Operation[Table]:
    """The table that SQL takes *text* for: ``city``, ``"City"``, ``schema.city``; without a schema it is in *schema*.

    ProgrammingError if there is none; NotSupportedError if its rows can only be written by SQL.
    """
    schema, name = _resolved(text, schema)
    found = yield from _rows(
        session,
        "SELECT CACHE_NAME, KEY_TYPE_NAME, VALUE_TYPE_NAME, KEY_ALIAS, VALUE_ALIAS, AFFINITY_KEY_COLUMN "
        "FROM SYS.TABLES WHERE SCHEMA_NAME = ? AND TABLE_NAME = ?",
        schema,
        name,
    )
    if not found:
        raise (yield from _not_found(session, schema, name))
    cache_name, key_type, value_type, key_alias, value_alias, affinity_key = found[0]
    configuration = yield from calls.call(session, GetConfiguration(string_hash(cache_name)))
    entity = _entity(configuration.query_entities or (), name, value_type)
    columns = yield from _columns(session, schema, name, entity)
    key_column = key_alias or (KEY if _is_plain(key_type) else None)
    value_column = value_alias or (VALUE if _is_plain(value_type) else None)
    whole = {part for part in (key_column, value_column) if part is not None}
    return Table(
        schema=schema,
        name=name,
        cache_name=cache_name,
        is_transactional=configuration.cache_atomicity_mode != CacheAtomicityMode.ATOMIC,
        key_type=key_type,
        value_type=value_type,
        key_column=key_column,
        value_column=value_column,
        affinity_field=None if key_column is not None else _field_of(entity, affinity_key),
        has_generated_keys=key_type == _GENERATED_KEYS,
        columns=tuple(
            attrs.evolve(column, is_key=column.name == key_column if key_column is not None else column.is_key)
            for column in columns
            if column.name not in (KEY, VALUE) or column.name in whole
        ),
    )


def _resolved(text: Any, schema: str) -> tuple[str, str]:
    match = _NAME.fullmatch(text) if isinstance(text, str) else None
    if match is None:
        raise ProgrammingError(
            f'{text!r} is no name of a table; write city, schema.city, or "City" where case matters',
            code="invalid_table_name",
        )
    quoted_schema, plain_schema, quoted, plain = match.groups()
    if quoted_schema or plain_schema:
        schema = quoted_schema or plain_schema.upper()
    return schema, quoted or plain.upper()


def _not_found(session: Session, schema: str, name: str) -> Operation[ProgrammingError | NotSupportedError]:
    """What is wrong with the name of a table that there is not."""
    if schema == "SYS" or (
        yield from _rows(session, "SELECT 1 FROM SYS.VIEWS WHERE SCHEMA = ? AND NAME = ?", schema, name)
    ):
        return NotSupportedError(f'"{schema}"."{name}" is a view: rows are loaded into tables', code="not_a_table")
    similar = yield from _rows(
        session,
        "SELECT SCHEMA_NAME, TABLE_NAME FROM SYS.TABLES WHERE UPPER(TABLE_NAME) = ?",
        name.upper(),
    )
    hint = "; there is " + ", ".join(f'"{found[0]}"."{found[1]}"' for found in similar[:3]) if similar else ""
    return ProgrammingError(f'table "{schema}"."{name}" not found{hint}', code="unknown_table")


def _columns(session: Session, schema: str, name: str, entity: QueryEntity | None) -> Operation[list[Column]]:
    facts = yield from _rows(
        session,
        'SELECT COLUMN_NAME, TYPE, PK, NULLABLE, "PRECISION", SCALE '
        "FROM SYS.TABLE_COLUMNS WHERE SCHEMA_NAME = ? AND TABLE_NAME = ?",
        schema,
        name,
    )
    # The view has no order; the table has.
    quoted = ".".join('"' + part.replace('"', '""') + '"' for part in (schema, name))
    answer = yield from calls.query(session, SqlFieldsQuery(sql=f"SELECT * FROM {quoted} WHERE 1 = 0"), may_leak=True)
    order = {column: place for place, column in enumerate(answer.columns)}
    fields = () if entity is None else entity.query_fields
    defaults = {field.name: field.default_value for field in fields}
    # Older servers do not tell it in the view.
    key_fields = {field.name for field in fields if field.is_key_field}
    columns = []
    for column, java_class, is_key, is_nullable, precision, scale in facts:
        java_class = _class_name(java_class)
        java_class = _PRIMITIVES.get(java_class, java_class)
        code, sql_name = _CLASSES.get(java_class, (None, java_class))
        field = _field_of(entity, column)
        columns.append(
            Column(
                name=column,
                code=code,
                sql_name=sql_name,
                is_key=is_key or field in key_fields,
                is_nullable=is_nullable,
                precision=precision,
                scale=scale,
                field=field or column,
                is_supported=java_class in _CLASSES,
                default=defaults.get(field),
            )
        )
    return sorted(columns, key=lambda column: order.get(column.name, len(order)))


def _class_name(value: Any) -> str:
    """The name of a class: H2 tells it, Calcite gives the class itself, as the hash of its name."""
    if isinstance(value, OptimizedBlob) and len(value.payload) == 5:
        return _CLASS_HASHES.get(int.from_bytes(value.payload[1:], "little", signed=True), repr(value))
    return str(value)


def _entity(entities: Iterable[QueryEntity], name: str, value_type: str) -> QueryEntity | None:
    """What the cache was configured with for the table *name*."""
    found = [entity for entity in entities if entity.value_type_name == value_type]
    return next((entity for entity in found if entity.table_name == name), found[0] if found else None)


def _field_of(entity: QueryEntity | None, column: str | None) -> str | None:
    """The field behind *column*, which may be called otherwise in entities that are no SQL's."""
    if entity is not None and column is not None:
        for alias in entity.field_name_aliases:
            if alias.alias == column:
                return alias.field_name
        for field in entity.query_fields:
            if field.name is not None and field.name.upper() == column:
                return field.name
    return column


def _is_plain(type_name: str) -> bool:
    return type_name in _CLASSES and type_name != "java.lang.Object"


def _rows(session: Session, sql: str, *arguments: Any) -> Operation[list[tuple[Any, ...]]]:
    message = SqlFieldsQuery(sql=sql, arguments=arguments, page_size=10_000)
    answer = yield from calls.query(session, message, may_leak=True)
    return answer.page.take(answer.page.row_count, session.context)
