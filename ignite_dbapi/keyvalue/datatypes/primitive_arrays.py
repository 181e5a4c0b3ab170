"""Arrays of primitives, which hold no None. All but byte arrays are read as lists."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ignite_dbapi.keyvalue.datatypes.base import Ancestors
from ignite_dbapi.keyvalue.datatypes.primitive_objects import CharObject, DataObject
from ignite_dbapi.keyvalue.datatypes.type_names import (
    NAME_BOOLEAN_ARR,
    NAME_BYTE_ARR,
    NAME_CHAR_ARR,
    NAME_DOUBLE_ARR,
    NAME_FLOAT_ARR,
    NAME_INT_ARR,
    NAME_LONG_ARR,
    NAME_SHORT_ARR,
)
from ignite_dbapi.keyvalue.exceptions import ParseError, combined
from ignite_dbapi.protocol.codec.type_codes import TypeCode
from ignite_dbapi.protocol.codec.values import Typed

__all__ = [
    "BoolArray",
    "BoolArrayObject",
    "ByteArray",
    "ByteArrayObject",
    "CharArray",
    "CharArrayObject",
    "DoubleArray",
    "DoubleArrayObject",
    "FloatArray",
    "FloatArrayObject",
    "IntArray",
    "IntArrayObject",
    "LongArray",
    "LongArrayObject",
    "ShortArray",
    "ShortArrayObject",
]


class PrimitiveArrayObject(DataObject):
    """Base of the arrays of primitives."""

    pythonic = list
    default = []  # noqa: RUF012 - every object gets a list of its own


class ByteArrayObject(PrimitiveArrayObject):
    """byte[], SQL VARBINARY: ``bytes``, or integers of -128 to 255. Read as ``bytes``."""

    _type_name = NAME_BYTE_ARR
    code = TypeCode.BYTE_ARRAY

    @classmethod
    def _to_wire(cls, value: Any, ancestors: Ancestors | None) -> Any:
        if isinstance(value, (bytes, bytearray, memoryview)):
            return bytes(value)
        if isinstance(value, Iterable) and not isinstance(value, str):
            items = list(value)
            if all(isinstance(item, int) for item in items):
                for item in items:
                    if not -128 <= item <= 255:
                        raise combined(ParseError, ValueError)(
                            f"{item} is no byte: -128 to 255 are", code="value_out_of_range"
                        )
                return bytes(item & 0xFF for item in items)
        return Typed(cls.code, value)


class ByteArray(ByteArrayObject):
    """See :class:`ByteArrayObject`."""


class ShortArrayObject(PrimitiveArrayObject):
    """An array of integers of 16 bits."""

    _type_name = NAME_SHORT_ARR
    code = TypeCode.SHORT_ARRAY


class ShortArray(ShortArrayObject):
    """See :class:`ShortArrayObject`."""


class IntArrayObject(PrimitiveArrayObject):
    """An array of integers of 32 bits."""

    _type_name = NAME_INT_ARR
    code = TypeCode.INT_ARRAY


class IntArray(IntArrayObject):
    """See :class:`IntArrayObject`."""


class LongArrayObject(PrimitiveArrayObject):
    """An array of integers of 64 bits."""

    _type_name = NAME_LONG_ARR
    code = TypeCode.LONG_ARRAY


class LongArray(LongArrayObject):
    """See :class:`LongArrayObject`."""


class FloatArrayObject(PrimitiveArrayObject):
    """An array of floating point numbers of 32 bits."""

    _type_name = NAME_FLOAT_ARR
    code = TypeCode.FLOAT_ARRAY


class FloatArray(FloatArrayObject):
    """See :class:`FloatArrayObject`."""


class DoubleArrayObject(PrimitiveArrayObject):
    """An array of floating point numbers of 64 bits."""

    _type_name = NAME_DOUBLE_ARR
    code = TypeCode.DOUBLE_ARRAY


class DoubleArray(DoubleArrayObject):
    """See :class:`DoubleArrayObject`."""


class CharArrayObject(PrimitiveArrayObject):
    """An array of UTF-16 units, read as a list of ``str`` of one character."""

    _type_name = NAME_CHAR_ARR
    code = TypeCode.CHAR_ARRAY

    @classmethod
    def _to_wire(cls, value: Any, ancestors: Ancestors | None) -> Any:
        return Typed(cls.code, [CharObject.to_wire(item).value for item in value])


class CharArray(CharArrayObject):
    """See :class:`CharArrayObject`."""


class BoolArrayObject(PrimitiveArrayObject):
    """An array of booleans."""

    _type_name = NAME_BOOLEAN_ARR
    code = TypeCode.BOOL_ARRAY


class BoolArray(BoolArrayObject):
    """See :class:`BoolArrayObject`."""
