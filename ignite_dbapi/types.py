"""Type objects and constructors of PEP 249, SQL type names, and the item of a cursor's description."""

from __future__ import annotations

import time as _time
from collections.abc import Iterable
from datetime import date, datetime, time
from functools import lru_cache
from typing import Any, Final, NamedTuple

from ignite_dbapi.errors import InterfaceError
from ignite_dbapi.protocol.codec.type_codes import TypeCode
from ignite_dbapi.protocol.codec.values import (
    BinaryObject,
    EnumValue,
    Instant,
    NanosecondDatetime,
    OptimizedBlob,
    Period,
    Typed,
)


class SqlType(str):
    """The name of an SQL type: what ``type_code`` in a description is, and what ``setinputsizes`` takes.

    It is a ``str`` (``"INTEGER"``), and equal to the PEP 249 type object that the type belongs to.
    """

    parameter_code: TypeCode | None
    internal_size: int | None
    precision: int | None
    scale: int | None

    def __new__(
        cls,
        name: str,
        parameter_code: TypeCode | None = None,
        *,
        internal_size: int | None = None,
        precision: int | None = None,
        scale: int | None = None,
    ) -> SqlType:
        """*parameter_code*: how a parameter of this type travels. Sizes are in bytes, precision in digits."""
        self = super().__new__(cls, name)
        self.parameter_code = parameter_code
        self.internal_size = internal_size
        self.precision = precision
        self.scale = scale
        return self

    def __eq__(self, other: object) -> bool:
        if isinstance(other, TypeGroup):
            return other == self
        return str.__eq__(self, other) if isinstance(other, str) else NotImplemented

    def __ne__(self, other: object) -> bool:
        return not self == other

    __hash__ = str.__hash__

    def __reduce__(self) -> tuple[Any, ...]:
        return sql_type, (str(self),)


class TypeGroup:
    """A type object of PEP 249: equal to each SQL type that it stands for, and to an unknown type."""

    def __init__(self, name: str, members: Iterable[str]) -> None:
        self.name = name
        self.members = frozenset(members)

    def __eq__(self, other: object) -> bool:
        if isinstance(other, TypeGroup):
            return self is other
        if not isinstance(other, str):
            return NotImplemented
        # A column that holds nothing but NULL may be of any type, and of the one that is asked for.
        return other in self.members or (other == "NULL" and bool(self.members))

    def __hash__(self) -> int:
        return hash((TypeGroup, self.name))

    def __repr__(self) -> str:
        return f"ignite_dbapi.{self.name}"

    def __reduce__(self) -> str:
        # By name: a copy would be equal to no other group.
        return self.name


BOOLEAN: Final = SqlType("BOOLEAN", TypeCode.BOOL, internal_size=1)
TINYINT: Final = SqlType("TINYINT", TypeCode.BYTE, internal_size=1, precision=3, scale=0)
SMALLINT: Final = SqlType("SMALLINT", TypeCode.SHORT, internal_size=2, precision=5, scale=0)
INTEGER: Final = SqlType("INTEGER", TypeCode.INT, internal_size=4, precision=10, scale=0)
BIGINT: Final = SqlType("BIGINT", TypeCode.LONG, internal_size=8, precision=19, scale=0)
REAL: Final = SqlType("REAL", TypeCode.FLOAT, internal_size=4, precision=7)
DOUBLE: Final = SqlType("DOUBLE", TypeCode.DOUBLE, internal_size=8, precision=15)
DECIMAL: Final = SqlType("DECIMAL", TypeCode.DECIMAL)
CHAR: Final = SqlType("CHAR", TypeCode.STRING)
VARCHAR: Final = SqlType("VARCHAR", TypeCode.STRING)
DATE: Final = SqlType("DATE", TypeCode.OPTIMIZED, internal_size=8)
TIME: Final = SqlType("TIME", TypeCode.TIME, internal_size=8, scale=3)
TIMESTAMP: Final = SqlType("TIMESTAMP", TypeCode.TIMESTAMP, internal_size=12, scale=9)
UUID: Final = SqlType("UUID", TypeCode.UUID, internal_size=16)
VARBINARY: Final = SqlType("VARBINARY", TypeCode.BYTE_ARRAY)
ARRAY: Final = SqlType("ARRAY", TypeCode.OBJECT_ARRAY)
INTERVAL: Final = SqlType("INTERVAL")
OTHER: Final = SqlType("OTHER")
# Columns whose first rows hold nothing but NULL: the server does not tell their type.
NULL: Final = SqlType("NULL")

STRING: Final = TypeGroup("STRING", (CHAR, VARCHAR))
BINARY: Final = TypeGroup("BINARY", (VARBINARY, "BINARY"))
NUMBER: Final = TypeGroup("NUMBER", (TINYINT, SMALLINT, INTEGER, BIGINT, REAL, DOUBLE, DECIMAL))
DATETIME: Final = TypeGroup("DATETIME", (DATE, TIME, TIMESTAMP))
# Ignite has no row ids; no type is equal to this.
ROWID: Final = TypeGroup("ROWID", ())

_BY_NAME: Final[dict[str, SqlType]] = {
    str(known): known
    for known in (
        BOOLEAN, TINYINT, SMALLINT, INTEGER, BIGINT, REAL, DOUBLE, DECIMAL, CHAR, VARCHAR, DATE, TIME,
        TIMESTAMP, UUID, VARBINARY, ARRAY, INTERVAL, OTHER, NULL,
    )
}  # fmt: skip
_BY_NAME.update({"BINARY": VARBINARY, "INT": INTEGER, "NUMERIC": DECIMAL, "DOUBLE PRECISION": DOUBLE})

_BY_CODE: Final[dict[int, SqlType]] = {
    TypeCode.BYTE: TINYINT,
    TypeCode.SHORT: SMALLINT,
    TypeCode.INT: INTEGER,
    TypeCode.LONG: BIGINT,
    TypeCode.FLOAT: REAL,
    TypeCode.DOUBLE: DOUBLE,
    TypeCode.CHAR: CHAR,
    TypeCode.BOOL: BOOLEAN,
    TypeCode.STRING: VARCHAR,
    TypeCode.UUID: UUID,
    TypeCode.DATE: TIMESTAMP,
    TypeCode.BYTE_ARRAY: VARBINARY,
    TypeCode.OBJECT_ARRAY: ARRAY,
    TypeCode.COLLECTION: ARRAY,
    TypeCode.DECIMAL: DECIMAL,
    TypeCode.TIMESTAMP: TIMESTAMP,
    TypeCode.TIME: TIME,
    TypeCode.NULL: NULL,
}


def sql_type(name: str) -> SqlType:
    """The type object of the SQL type *name*; InterfaceError if there is none."""
    try:
        return _BY_NAME[name.upper()]
    except KeyError:
        raise InterfaceError(
            f"unknown SQL type {name!r}; there are: {', '.join(_BY_NAME)}", code="unknown_type"
        ) from None


def type_of_column(code: int, kind: type | None) -> SqlType:
    """The SQL type of a column whose first value has the type code *code*, and in Python the type *kind*."""
    if code == TypeCode.OPTIMIZED and kind is not None:
        if issubclass(kind, date):
            return DATE
        return OTHER if issubclass(kind, OptimizedBlob) else INTERVAL
    return _BY_CODE.get(code, OTHER)


class Column(NamedTuple):
    """One item of ``cursor.description``, with the seven fields of PEP 249.

    Sizes are in bytes, precision in digits; None where the server does not tell. *null_ok* is True if a NULL
    was seen, otherwise None.
    """

    name: str
    type_code: SqlType
    display_size: int | None
    internal_size: int | None
    precision: int | None
    scale: int | None
    null_ok: bool | None


@lru_cache(maxsize=1024)
def describe(names: tuple[str, ...], codes: tuple[int, ...], kinds: tuple[type | None, ...]) -> tuple[Column, ...]:
    """The items of ``cursor.description``. The type codes of the first values are *codes*, and *kinds* their types in
    Python, which matter for OPTIMIZED only. Most results look like one before.
    """
    return tuple(
        Column(name, known, None, known.internal_size, known.precision, known.scale, code == TypeCode.NULL or None)
        for name, code, known in zip(names, codes, map(type_of_column, codes, kinds), strict=True)
    )


def Date(year: int, month: int, day: int) -> date:  # noqa: N802 - named by PEP 249
    """A date (PEP 249)."""
    return date(year, month, day)


def Time(hour: int, minute: int, second: int) -> time:  # noqa: N802
    """A time of day (PEP 249)."""
    return time(hour, minute, second)


def Timestamp(  # noqa: N802
    year: int, month: int, day: int, hour: int, minute: int, second: int
) -> datetime:
    """A date and time on the server's wall clock (PEP 249)."""
    return datetime(year, month, day, hour, minute, second)


def DateFromTicks(ticks: float) -> date:  # noqa: N802
    """The local date of *ticks* seconds since the epoch (PEP 249)."""
    return Date(*_time.localtime(ticks)[:3])


def TimeFromTicks(ticks: float) -> time:  # noqa: N802
    """The local time of *ticks* seconds since the epoch (PEP 249)."""
    return Time(*_time.localtime(ticks)[3:6])


def TimestampFromTicks(ticks: float) -> datetime:  # noqa: N802
    """The local date and time of *ticks* seconds since the epoch (PEP 249)."""
    return Timestamp(*_time.localtime(ticks)[:6])


def Binary(value: bytes | bytearray | memoryview) -> bytes:  # noqa: N802
    """A binary value (PEP 249)."""
    return bytes(value)


__all__ = [
    "ARRAY", "BIGINT", "BINARY", "BOOLEAN", "CHAR", "DATE", "DATETIME", "DECIMAL", "DOUBLE", "INTEGER",
    "INTERVAL", "NULL", "NUMBER", "OTHER", "REAL", "ROWID", "SMALLINT", "STRING", "TIME", "TIMESTAMP",
    "TINYINT", "UUID", "VARBINARY", "VARCHAR", "Binary", "BinaryObject", "Column", "Date", "DateFromTicks",
    "EnumValue", "Instant", "NanosecondDatetime", "OptimizedBlob", "Period", "SqlType", "Time",
    "TimeFromTicks", "Timestamp", "TimestampFromTicks", "TypeCode", "TypeGroup", "Typed", "sql_type",
]  # fmt: skip
