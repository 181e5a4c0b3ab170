"""Numbers, characters and booleans: ``ShortObject`` makes ``42`` a java.lang.Short.

Values out of the range of their type raise ParseError, they are never cut.
"""

from __future__ import annotations

from typing import Any, ClassVar

from ignite_dbapi.keyvalue.datatypes.base import Ancestors, Nullable
from ignite_dbapi.keyvalue.datatypes.type_names import (
    NAME_BOOLEAN,
    NAME_BYTE,
    NAME_CHAR,
    NAME_DOUBLE,
    NAME_FLOAT,
    NAME_INT,
    NAME_LONG,
    NAME_SHORT,
)
from ignite_dbapi.protocol.codec.type_codes import TypeCode
from ignite_dbapi.protocol.codec.values import Typed

__all__ = [
    "BoolObject",
    "ByteObject",
    "CharObject",
    "DataObject",
    "DoubleObject",
    "FloatObject",
    "IntObject",
    "LongObject",
    "ShortObject",
]


class DataObject(Nullable):
    """Base of the types that need nothing but their code to be written."""

    code: ClassVar[TypeCode]

    @classmethod
    def _to_wire(cls, value: Any, ancestors: Ancestors | None) -> Any:
        return Typed(cls.code, value)


class ByteObject(DataObject):
    """An integer of 8 bits: java.lang.Byte, SQL TINYINT."""

    _type_name = NAME_BYTE
    code = TypeCode.BYTE
    pythonic = int
    default = 0


class ShortObject(DataObject):
    """An integer of 16 bits: java.lang.Short, SQL SMALLINT."""

    _type_name = NAME_SHORT
    code = TypeCode.SHORT
    pythonic = int
    default = 0


class IntObject(DataObject):
    """An integer of 32 bits: java.lang.Integer, SQL INT."""

    _type_name = NAME_INT
    code = TypeCode.INT
    pythonic = int
    default = 0


class LongObject(DataObject):
    """An integer of 64 bits: java.lang.Long, SQL BIGINT. What an ``int`` is without a hint."""

    _type_name = NAME_LONG
    code = TypeCode.LONG
    pythonic = int
    default = 0


class FloatObject(DataObject):
    """A floating point number of 32 bits: java.lang.Float, SQL REAL."""

    _type_name = NAME_FLOAT
    code = TypeCode.FLOAT
    pythonic = float
    default = 0.0


class DoubleObject(DataObject):
    """A floating point number of 64 bits: java.lang.Double. What a ``float`` is without a hint."""

    _type_name = NAME_DOUBLE
    code = TypeCode.DOUBLE
    pythonic = float
    default = 0.0


class CharObject(DataObject):
    """One UTF-16 unit: java.lang.Character. Values are ``str`` of one character, an ``int``, or UTF-16LE ``bytes``."""

    _type_name = NAME_CHAR
    code = TypeCode.CHAR
    pythonic = str
    default = " "

    @classmethod
    def _to_wire(cls, value: Any, ancestors: Ancestors | None) -> Any:
        if isinstance(value, bytes) and 0 < len(value) <= 2:
            value = int.from_bytes(value, "little")
        if type(value) is int and 0 <= value <= 0xFFFF:
            value = chr(value)
        return Typed(cls.code, value)


class BoolObject(DataObject):
    """java.lang.Boolean."""

    _type_name = NAME_BOOLEAN
    code = TypeCode.BOOL
    pythonic = bool
    default = False
