"""The type codes of the binary data format: the byte before every value, and field types in metadata."""

from __future__ import annotations

from enum import IntEnum
from typing import Final


class TypeCode(IntEnum):
    """One byte that says what follows (read as a signed byte: ``OPTIMIZED`` is -2)."""

    BYTE = 1
    SHORT = 2
    INT = 3
    LONG = 4
    FLOAT = 5
    DOUBLE = 6
    CHAR = 7
    BOOL = 8
    STRING = 9
    UUID = 10
    DATE = 11
    BYTE_ARRAY = 12
    SHORT_ARRAY = 13
    INT_ARRAY = 14
    LONG_ARRAY = 15
    FLOAT_ARRAY = 16
    DOUBLE_ARRAY = 17
    CHAR_ARRAY = 18
    BOOL_ARRAY = 19
    STRING_ARRAY = 20
    UUID_ARRAY = 21
    DATE_ARRAY = 22
    OBJECT_ARRAY = 23
    COLLECTION = 24
    MAP = 25
    WRAPPED = 27
    ENUM = 28
    ENUM_ARRAY = 29
    DECIMAL = 30
    DECIMAL_ARRAY = 31
    CLASS = 32
    TIMESTAMP = 33
    TIMESTAMP_ARRAY = 34
    PROXY = 35
    TIME = 36
    TIME_ARRAY = 37
    BINARY_ENUM = 38
    NULL = 101
    HANDLE = 102
    COMPLEX_OBJECT = 103
    OPTIMIZED = -2


# The component type of arrays whose elements are whole data objects of one kind (or NULL).
ELEMENT_CODES: Final[dict[int, int]] = {
    TypeCode.STRING_ARRAY: TypeCode.STRING,
    TypeCode.UUID_ARRAY: TypeCode.UUID,
    TypeCode.DATE_ARRAY: TypeCode.DATE,
    TypeCode.DECIMAL_ARRAY: TypeCode.DECIMAL,
    TypeCode.TIMESTAMP_ARRAY: TypeCode.TIMESTAMP,
    TypeCode.TIME_ARRAY: TypeCode.TIME,
}

# Arrays of primitives carry bare elements; the letter is the one of the ``struct`` and ``array`` modules.
PRIMITIVE_ARRAY_FORMATS: Final[dict[int, str]] = {
    TypeCode.SHORT_ARRAY: "h",
    TypeCode.INT_ARRAY: "i",
    TypeCode.LONG_ARRAY: "q",
    TypeCode.FLOAT_ARRAY: "f",
    TypeCode.DOUBLE_ARRAY: "d",
    TypeCode.CHAR_ARRAY: "H",
    TypeCode.BOOL_ARRAY: "?",
}

PRIMITIVE_ELEMENT_CODES: Final[dict[int, int]] = {
    TypeCode.SHORT_ARRAY: TypeCode.SHORT,
    TypeCode.INT_ARRAY: TypeCode.INT,
    TypeCode.LONG_ARRAY: TypeCode.LONG,
    TypeCode.FLOAT_ARRAY: TypeCode.FLOAT,
    TypeCode.DOUBLE_ARRAY: TypeCode.DOUBLE,
    TypeCode.CHAR_ARRAY: TypeCode.CHAR,
    TypeCode.BOOL_ARRAY: TypeCode.BOOL,
}

# "optimized" blobs of java.sql.Date are the wire form of SQL DATE: everything before the eight bytes of the
# instant is constant (length 15, kind SERIALIZABLE, hash of the class name, half of the serial version id).
SQL_DATE_PREFIX: Final = bytes.fromhex("fe0f000000663aded5409766")
SQL_DATE_SIZE: Final = len(SQL_DATE_PREFIX) + 8
