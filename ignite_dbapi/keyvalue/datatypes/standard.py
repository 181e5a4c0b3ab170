"""Strings, decimals, UUIDs, dates, times, enum constants, and arrays of them, which may hold None.

Times without a zone are those of the server's wall clock, as SQL shows them.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, ClassVar
from uuid import UUID

from ignite_dbapi.keyvalue.datatypes.base import Ancestors, Nullable
from ignite_dbapi.keyvalue.datatypes.conversion import array_items, to_date, to_time, to_timestamp
from ignite_dbapi.keyvalue.datatypes.primitive_objects import DataObject
from ignite_dbapi.keyvalue.datatypes.type_names import (
    NAME_DATE,
    NAME_DATE_ARR,
    NAME_DECIMAL,
    NAME_DECIMAL_ARR,
    NAME_STRING,
    NAME_STRING_ARR,
    NAME_TIME,
    NAME_TIME_ARR,
    NAME_TIMESTAMP,
    NAME_TIMESTAMP_ARR,
    NAME_UUID,
    NAME_UUID_ARR,
)
from ignite_dbapi.keyvalue.exceptions import ParseError, combined
from ignite_dbapi.protocol.codec.type_codes import TypeCode
from ignite_dbapi.protocol.codec.values import EnumValue, ObjectArray, OptimizedBlob, Typed

__all__ = [
    "BinaryEnumArrayObject",
    "BinaryEnumObject",
    "DateArray",
    "DateArrayObject",
    "DateObject",
    "DecimalArray",
    "DecimalArrayObject",
    "DecimalObject",
    "EnumArray",
    "EnumArrayObject",
    "EnumObject",
    "SqlDateObject",
    "String",
    "StringArray",
    "StringArrayObject",
    "TimeArray",
    "TimeArrayObject",
    "TimeObject",
    "TimestampArray",
    "TimestampArrayObject",
    "TimestampObject",
    "UUIDArray",
    "UUIDArrayObject",
    "UUIDObject",
]


class String(DataObject):
    """java.lang.String. ``bytes`` are taken for UTF-8."""

    _type_name = NAME_STRING
    code = TypeCode.STRING
    pythonic = str

    @classmethod
    def _to_wire(cls, value: Any, ancestors: Ancestors | None) -> Any:
        if isinstance(value, (bytes, bytearray)):
            try:
                return value.decode()
            except UnicodeDecodeError as error:
                raise combined(ParseError, ValueError)(
                    f"{value!r} is no UTF-8: {error}", code="value_mismatch"
                ) from None
        return Typed(cls.code, value)


class DecimalObject(DataObject):
    """java.math.BigDecimal: every digit is kept, and the zeros at its end."""

    _type_name = NAME_DECIMAL
    code = TypeCode.DECIMAL
    pythonic = Decimal
    default = Decimal("0.00")


class UUIDObject(DataObject):
    """java.util.UUID."""

    _type_name = NAME_UUID
    code = TypeCode.UUID
    pythonic = UUID


class TimestampObject(DataObject):
    """java.sql.Timestamp: ``(datetime, nanoseconds)``, the nanoseconds being those below the millisecond, 0..999999.

    On writing, microseconds of the ``datetime`` below its millisecond are added to them; a ``datetime`` alone will do.
    """

    _type_name = NAME_TIMESTAMP
    code = TypeCode.TIMESTAMP
    pythonic = tuple
    default = (datetime(1970, 1, 1), 0)

    @classmethod
    def _to_wire(cls, value: Any, ancestors: Ancestors | None) -> Any:
        return Typed(cls.code, to_timestamp(value))


class DateObject(DataObject):
    """java.util.Date: a ``datetime`` in whole milliseconds, of which the rest is dropped; or a ``date``."""

    _type_name = NAME_DATE
    code = TypeCode.DATE
    pythonic = datetime
    default = datetime(1970, 1, 1)

    @classmethod
    def _to_wire(cls, value: Any, ancestors: Ancestors | None) -> Any:
        return Typed(cls.code, to_date(value))


class SqlDateObject(DataObject):
    """java.sql.Date, what SQL keeps in columns of type DATE: a ``date``. Metadata name it "Object"."""

    _type_name = "java.sql.Date"
    code = TypeCode.OPTIMIZED

    @classmethod
    def _to_wire(cls, value: Any, ancestors: Ancestors | None) -> Any:
        # Objects of other classes that Java has serialized look alike but for their content.
        return value if isinstance(value, OptimizedBlob) else Typed(cls.code, value)


class TimeObject(DataObject):
    """java.sql.Time: a ``timedelta`` since midnight in whole milliseconds, of which the rest is dropped; or a ``time``.

    It may be longer than a day, which SQL then cannot show.
    """

    _type_name = NAME_TIME
    code = TypeCode.TIME
    pythonic = timedelta
    default = timedelta()

    @classmethod
    def _to_wire(cls, value: Any, ancestors: Ancestors | None) -> Any:
        return Typed(cls.code, to_time(value))


class EnumObject(DataObject):
    """A constant of a Java enum: ``(type id, ordinal)``. What was read has a ``name`` as well."""

    _type_name = "Enum"
    code = TypeCode.ENUM

    @classmethod
    def _to_wire(cls, value: Any, ancestors: Ancestors | None) -> Any:
        if isinstance(value, EnumValue):
            return value
        if not isinstance(value, (tuple, list)) or len(value) != 2 or not all(type(part) is int for part in value):
            raise combined(ParseError, TypeError)(
                f"{value!r} is no enum constant, which is a tuple (type id, ordinal)", code="value_mismatch"
            )
        type_id, ordinal = value
        if not type_id or max(abs(type_id), abs(ordinal)) >= 1 << 31:
            raise combined(ParseError, ValueError)(
                f"{tuple(value)!r} is no enum constant: type id and ordinal have 32 bits, and there is no type 0",
                code="value_out_of_range",
            )
        # A constant that was read keeps its form, of which servers take either.
        is_binary = getattr(value, "is_binary", cls.code == TypeCode.BINARY_ENUM)
        return EnumValue(type_id, ordinal, binary=is_binary)


class BinaryEnumObject(EnumObject):
    """The form in which servers answer constants of enums, and which they take as well."""

    code = TypeCode.BINARY_ENUM


class StandardArrayObject(DataObject):
    """Base of the arrays whose elements are objects of one class, or None."""

    pythonic = list
    default = []  # noqa: RUF012 - every object gets a list of its own

    @classmethod
    def _to_wire(cls, value: Any, ancestors: Ancestors | None) -> Any:
        if isinstance(value, (str, bytes)) or not isinstance(value, Iterable):
            return Typed(cls.code, value)
        return Typed(cls.code, array_items(cls.code, value))


class StringArrayObject(StandardArrayObject):
    """String[]."""

    _type_name = NAME_STRING_ARR
    code = TypeCode.STRING_ARRAY


class DecimalArrayObject(StandardArrayObject):
    """BigDecimal[]."""

    _type_name = NAME_DECIMAL_ARR
    code = TypeCode.DECIMAL_ARRAY


class UUIDArrayObject(StandardArrayObject):
    """UUID[]."""

    _type_name = NAME_UUID_ARR
    code = TypeCode.UUID_ARRAY


class TimestampArrayObject(StandardArrayObject):
    """Timestamp[]: a list of what :class:`TimestampObject` takes."""

    _type_name = NAME_TIMESTAMP_ARR
    code = TypeCode.TIMESTAMP_ARRAY


class DateArrayObject(StandardArrayObject):
    """java.util.Date[]: a list of what :class:`DateObject` takes."""

    _type_name = NAME_DATE_ARR
    code = TypeCode.DATE_ARRAY


class TimeArrayObject(StandardArrayObject):
    """Time[]: a list of what :class:`TimeObject` takes."""

    _type_name = NAME_TIME_ARR
    code = TypeCode.TIME_ARRAY


class EnumArrayObject(Nullable):
    """An array of constants of enums: ``(type id, [(type id, ordinal), …])``; the first is -1 for any enum."""

    OBJECT: ClassVar[int] = -1

    _type_name = "Enum[]"
    code = TypeCode.ENUM_ARRAY
    pythonic = list
    default = None
    standard_type: ClassVar[type[EnumObject]] = EnumObject

    @classmethod
    def _to_wire(cls, value: Any, ancestors: Ancestors | None) -> Any:
        type_id, items = value if isinstance(value, tuple) and len(value) == 2 else (cls.OBJECT, value)
        if not isinstance(type_id, int):
            type_id, items = cls.OBJECT, value
        if isinstance(items, (str, bytes)) or not isinstance(items, Iterable):
            raise combined(ParseError, TypeError)(
                f"{value!r} is no array of enum constants, which is a tuple (type id, list)", code="value_mismatch"
            )
        return ObjectArray([cls.standard_type.to_wire(item) for item in items], type_id or cls.OBJECT, is_enum=True)


class BinaryEnumArrayObject(EnumArrayObject):
    """An array of constants of enums, in the form in which servers answer them."""

    standard_type = BinaryEnumObject


class StringArray(StringArrayObject):
    """See :class:`StringArrayObject`."""


class DecimalArray(DecimalArrayObject):
    """See :class:`DecimalArrayObject`."""


class UUIDArray(UUIDArrayObject):
    """See :class:`UUIDArrayObject`."""


class TimestampArray(TimestampArrayObject):
    """See :class:`TimestampArrayObject`."""


class DateArray(DateArrayObject):
    """See :class:`DateArrayObject`."""


class TimeArray(TimeArrayObject):
    """See :class:`TimeArrayObject`."""


class EnumArray(EnumArrayObject):
    """See :class:`EnumArrayObject`."""
