"""Values to bytes. Compiled from this file where Cython was at hand, interpreted otherwise.

A :class:`Writer` appends to one growing buffer. Values are checked before they are written: what does not fit
its type raises DataError that names the value, because a server answers a malformed request by closing the
connection without a word. :meth:`Writer.entries`, :meth:`Writer.keys` and :meth:`Writer.rows` are the hot paths: they
encode a whole batch in one call.
"""

from __future__ import annotations

import enum
import math
import numbers
import operator
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, datetime, time, timedelta
from decimal import MAX_EMAX, MAX_PREC, MIN_EMIN, Context, Decimal
from functools import lru_cache
from struct import Struct, pack, pack_into
from struct import error as StructError  # noqa: N812 - it is a class
from typing import Any, Final
from uuid import UUID

try:
    import cython
except ModuleNotFoundError:
    from ignite_dbapi.protocol.codec import _cython as cython  # type: ignore[no-redef]

from ignite_dbapi.errors import DataError, IntegrityError, NotSupportedError
from ignite_dbapi.protocol.codec.clock import UNKNOWN_OFFSET
from ignite_dbapi.protocol.codec.hashing import data_hash
from ignite_dbapi.protocol.codec.knowledge import (
    BinaryField,
    BinaryType,
    Knowledge,
    MissingServerFacts,
    UnregisteredBinaryType,
)
from ignite_dbapi.protocol.codec.names import EMPTY_SCHEMA_ID, is_nameless, name_id, schema_id, utf16_units
from ignite_dbapi.protocol.codec.names import field_id as field_id_of
from ignite_dbapi.protocol.codec.type_codes import (
    ELEMENT_CODES,
    PRIMITIVE_ARRAY_FORMATS,
    SQL_DATE_PREFIX,
    TypeCode,
)
from ignite_dbapi.protocol.codec.values import (
    BinaryObject,
    ClassReference,
    Collection,
    Encoded,
    EnumValue,
    Instant,
    MapValue,
    ObjectArray,
    OptimizedBlob,
    Proxy,
    TimeSinceMidnight,
    Typed,
    Wrapped,
)

if cython.compiled:
    from cython.cimports.cpython.bytearray import (  # type: ignore[import-not-found]
        PyByteArray_AS_STRING,
        PyByteArray_GET_SIZE,
        PyByteArray_Resize,
    )
    from cython.cimports.cpython.unicode import PyUnicode_AsUTF8AndSize  # type: ignore[import-not-found]
    from cython.cimports.ignite_dbapi.protocol._plain_values import (  # type: ignore[import-not-found]
        day_of_date,
        day_of_datetime,
        is_wall_time,
        microsecond_of_day,
        take_decimal,
    )
    from cython.cimports.libc.string import memchr, memcpy  # type: ignore[import-not-found]

COMPILED: bool = bool(cython.compiled)

_PACK_I16 = Struct("<h").pack
_PACK_I32 = Struct("<i").pack
_PACK_I64 = Struct("<q").pack
_PACK_LONG = Struct("<Bq").pack
_PACK_INT = Struct("<Bi").pack
_PACK_DOUBLE = Struct("<Bd").pack
_PACK_TIMESTAMP = Struct("<Bqi").pack
_PACK_DECIMAL = Struct("<Bii").pack
_PACK_LENGTH = Struct("<Bi").pack
_PACK_UUID = Struct("<BQQ").pack
_LOW_HALF: Final = (1 << 64) - 1

# Packing a plain number takes half the time of packing a member of an enumeration.
_LONG: Final = int(TypeCode.LONG)
_DOUBLE: Final = int(TypeCode.DOUBLE)
_STRING: Final = int(TypeCode.STRING)
_BYTE_ARRAY: Final = int(TypeCode.BYTE_ARRAY)
_NULL: Final = int(TypeCode.NULL)
_FALSE: Final = bytes((TypeCode.BOOL, 0))
_TRUE: Final = bytes((TypeCode.BOOL, 1))

_DAY = cython.declare(cython.longlong, 86_400_000)
_UNKNOWN_OFFSET = cython.declare(cython.longlong, UNKNOWN_OFFSET)

_MAXIMUM_DEPTH: Final = 100
# As many as the reader reads; see there.
_MAXIMUM_DIGITS: Final = 39_000
_EXACT: Final = Context(prec=MAX_PREC, Emax=MAX_EMAX, Emin=MIN_EMIN)

_INTEGER_RANGES: Final = {
    TypeCode.BYTE: (-(2**7), 2**7 - 1),
    TypeCode.SHORT: (-(2**15), 2**15 - 1),
    TypeCode.INT: (-(2**31), 2**31 - 1),
    TypeCode.LONG: (-(2**63), 2**63 - 1),
}
_INTEGER_PACKERS: Final = {
    TypeCode.BYTE: Struct("<Bb").pack,
    TypeCode.SHORT: Struct("<Bh").pack,
    TypeCode.INT: _PACK_INT,
    TypeCode.LONG: _PACK_LONG,
}
_SQL_NAMES: Final = {
    TypeCode.BYTE: "TINYINT",
    TypeCode.SHORT: "SMALLINT",
    TypeCode.INT: "INTEGER",
    TypeCode.LONG: "BIGINT",
    TypeCode.FLOAT: "REAL",
    TypeCode.DOUBLE: "DOUBLE",
    TypeCode.STRING: "VARCHAR",
    TypeCode.BYTE_ARRAY: "VARBINARY",
    TypeCode.OPTIMIZED: "DATE",
    TypeCode.BOOL: "BOOLEAN",
}


@cython.final
@cython.cclass
class Writer:
    """Appends fields and values to :attr:`buffer`, a bytearray."""

    buffer = cython.declare(bytearray, visibility="readonly")
    knowledge = cython.declare(object, visibility="readonly")
    _depth = cython.declare(cython.int)
    _handles = cython.declare(dict)
    # The last object whose type, fields and schema were found to be registered: most are followed by another like it.
    _registered = cython.declare(object)
    # Up to here the buffer is known to grow without being moved; more is only slower.
    _capacity = cython.declare(cython.Py_ssize_t)
    # The day that the last date was of, and the zone's offset on it.
    _day = cython.declare(cython.longlong)
    _day_offset = cython.declare(cython.longlong)

    def __init__(self, knowledge: Knowledge) -> None:
        self.buffer = bytearray()
        self.knowledge = knowledge
        self._depth = 0
        self._handles = {}
        self._registered = None
        self._capacity = 0
        self._day = _UNKNOWN_OFFSET

    @cython.cfunc
    @cython.inline
    def _grow(self, size: cython.Py_ssize_t) -> cython.p_uchar:
        """Make room for *size* bytes at the end of the buffer, and tell where they are. Only in the compiled form."""
        start: cython.Py_ssize_t = PyByteArray_GET_SIZE(self.buffer)
        if start + size > self._capacity:
            self._capacity = (start + size) + (start + size) // 2
            # Shrinking by less than a half keeps the memory.
            PyByteArray_Resize(self.buffer, self._capacity)
        PyByteArray_Resize(self.buffer, start + size)
        return cython.cast(cython.p_uchar, PyByteArray_AS_STRING(self.buffer)) + start

    # --- fields without a type code -----------------------------------------------------------------------

    def u8(self, value: int) -> None:
        """An unsigned byte."""
        self.buffer.append(value)

    def boolean(self, value: bool) -> None:
        """One byte, 0 or 1."""
        self.buffer.append(1 if value else 0)

    def i16(self, value: int) -> None:
        """A signed integer of 16 bits."""
        self.buffer += _PACK_I16(value)

    def i32(self, value: int) -> None:
        """A signed integer of 32 bits."""
        self.buffer += _PACK_I32(value)

    def i64(self, value: int) -> None:
        """A signed integer of 64 bits."""
        self.buffer += _PACK_I64(value)

    def raw(self, data: bytes | bytearray) -> None:
        """Bytes that are encoded already."""
        self.buffer += data

    @cython.annotation_typing(False)
    def string(self, value: str | None) -> None:
        """A string with its type code, or NULL."""
        if value is None:
            self.buffer.append(_NULL)
        else:
            self._string(value if type(value) is str else str.__str__(value))

    def byte_array(self, value: bytes | bytearray | memoryview | None) -> None:
        """A byte array with its type code, or NULL."""
        if value is None:
            self.buffer.append(_NULL)
        else:
            self._prefixed(_BYTE_ARRAY, bytes(value))

    # --- values ---------------------------------------------------------------------------------------------

    @cython.ccall
    def values(self, values: Sequence[Any], codes: Sequence[TypeCode | None] | None = None) -> None:
        """Each of *values* as a data object; *codes* fixes the types of those where it is not None."""
        if codes is None:
            for value in values:
                self.value(value)
        else:
            for value, code in zip(values, codes, strict=True):
                if code is None or value is None or type(value) is Typed:
                    self.value(value)
                else:
                    self.typed(code, value)

    def rows(
        self, rows: Iterable[Sequence[Any]], codes: Sequence[TypeCode | None] | None, size_limit: cython.Py_ssize_t
    ) -> list[int]:
        """The values of the first of *rows*, no more rows once they take *size_limit* bytes; *codes* as in values().

        Returns where in the buffer each row ends.
        """
        start: cython.Py_ssize_t = len(self.buffer)
        ends: list[int] = []
        for row in rows:
            self.values(row, codes)
            end: cython.Py_ssize_t = len(self.buffer)
            ends.append(end)
            if end - start >= size_limit:
                break
        return ends

    def entries(
        self, entries: Iterable[tuple[Any, Any]], size_limit: cython.Py_ssize_t, *, with_removals: bool = False
    ) -> int:
        """The first of *entries* (key, value), no more once they take *size_limit* bytes; returns how many.

        None is neither a key nor a value (IntegrityError), but for values *with_removals*.
        """
        start: cython.Py_ssize_t = len(self.buffer)
        count: cython.Py_ssize_t = 0
        for key, value in entries:
            if key is None or (value is None and not with_removals):
                raise no_null()
            self.value(key)
            self.value(value)
            count += 1
            if len(self.buffer) - start >= size_limit:
                break
        return count

    def keys(self, keys: Iterable[Any], size_limit: cython.Py_ssize_t) -> int:
        """The first of *keys*, no more once they take *size_limit* bytes; returns how many. None is no key."""
        start: cython.Py_ssize_t = len(self.buffer)
        count: cython.Py_ssize_t = 0
        for key in keys:
            if key is None:
                raise no_null()
            self.value(key)
            count += 1
            if len(self.buffer) - start >= size_limit:
                break
        return count

    @cython.ccall
    def value(self, value: Any) -> None:
        """*value* as a data object of the type that is natural for it."""
        if self._depth == 0 and self._handles:
            self._handles = {}
        kind = type(value)
        if kind is int:
            if cython.compiled:
                self._whole(4, value)
            else:
                try:
                    self.buffer += _PACK_LONG(_LONG, value)
                except StructError:
                    raise _integer_out_of_range(value, TypeCode.LONG) from None
        elif kind is str:
            self._string(value)
        elif value is None:
            self.buffer.append(_NULL)
        elif kind is float:
            self._binary64(value)
        elif kind is bool:
            self.buffer += _TRUE if value else _FALSE
        elif kind is Decimal:
            self._decimal(value)
        elif kind is datetime:
            self._timestamp(value)
        elif kind is date:
            self._sql_date(value)
        elif kind is bytes:
            self._prefixed(_BYTE_ARRAY, value)
        else:
            writer = _WRITERS.get(kind)
            if writer is None:
                writer = _writer_for(value)
            writer(self, value)

    @cython.ccall
    def typed(self, code: TypeCode, value: Any) -> None:
        """*value* as a data object with type code *code*; DataError if it does not fit."""
        if type(value) is Typed:
            value = value.value
        kind = type(value)
        if value is None:
            self.buffer.append(_NULL)
        elif code in _INTEGER_RANGES:
            if cython.compiled and kind is int:
                self._whole(code, value)
            else:
                self._integer(code, value)
        elif code == _STRING and kind is str:
            self._string(value)
        elif code == _DOUBLE and kind is float:
            self._binary64(value)
        else:
            self._typed(code, value)

    @cython.cfunc
    def _typed(self, code: Any, value: Any) -> None:
        writer = _TYPED_WRITERS.get(code)
        if writer is not None:
            writer(self, value)
        elif code in PRIMITIVE_ARRAY_FORMATS:
            self._primitive_array(code, value)
        elif code in ELEMENT_CODES:
            self._element_array(code, value)
        else:
            if code == TypeCode.OBJECT_ARRAY and isinstance(value, (list, tuple)):
                value = ObjectArray(list(value))
            start = len(self.buffer)
            self.value(value)
            if self.buffer[start] not in (int(code) & 0xFF, TypeCode.HANDLE):
                raise _mismatch(value, code)

    @cython.cfunc
    def _whole(self, code: cython.int, value: Any) -> None:
        """An ``int``, as an integer of the type *code*. Only in the compiled form."""
        number: cython.longlong
        try:
            number = value
        except OverflowError:
            raise _integer_out_of_range(value, TypeCode(code)) from None
        size: cython.int = 8
        fits: cython.bint = True
        if code == 3:
            size = 4
            fits = -2147483648 <= number <= 2147483647
        elif code == 2:
            size = 2
            fits = -32768 <= number <= 32767
        elif code == 1:
            size = 1
            fits = -128 <= number <= 127
        if not fits:
            raise _integer_out_of_range(value, TypeCode(code))
        target: cython.p_uchar = self._grow(1 + size)
        target[0] = code
        memcpy(target + 1, cython.address(number), size)

    @cython.cfunc
    def _string(self, value: str) -> None:
        # ASCII without NUL has the one form that all servers take, without asking which they prefer.
        if cython.compiled:
            if value.isascii():
                length: cython.Py_ssize_t = len(value)
                # It is its own encoding, of which no copy is made.
                source: cython.p_const_char = PyUnicode_AsUTF8AndSize(value, cython.NULL)
                if memchr(source, 0, length) == cython.NULL:
                    self._sized(_STRING, cython.cast(cython.p_const_uchar, source), length)
                    return
        elif value.isascii() and "\x00" not in value:
            self.buffer += _PACK_LENGTH(_STRING, len(value)) + value.encode()
            return
        self._prefixed(_STRING, self._encode_text(value))

    @cython.cfunc
    @cython.inline
    def _sized(self, code: cython.int, source: cython.p_const_uchar, length: cython.Py_ssize_t) -> None:
        """Type code, length and bytes. Only in the compiled form."""
        if length > 0x7FFFFFFF:
            raise _too_long(length)
        number: cython.int = cython.cast(cython.int, length)
        target: cython.p_uchar = self._grow(5 + length)
        target[0] = code
        memcpy(target + 1, cython.address(number), 4)
        memcpy(target + 5, source, length)

    @cython.cfunc
    def _prefixed(self, code: cython.int, data: bytes) -> None:
        """Type code, length and bytes."""
        if cython.compiled:
            self._sized(code, data, len(data))
        else:
            if len(data) > 0x7FFFFFFF:
                raise _too_long(len(data))
            self.buffer += _PACK_LENGTH(code, len(data))
            self.buffer += data

    @cython.cfunc
    def _binary64(self, value: Any) -> None:
        """A ``float``."""
        if cython.compiled:
            number: cython.double = value
            target: cython.p_uchar = self._grow(9)
            target[0] = 6
            memcpy(target + 1, cython.address(number), 8)
        else:
            self.buffer += _PACK_DOUBLE(_DOUBLE, value)

    @cython.cfunc
    def _instant_of(self, code: cython.int, milliseconds: cython.longlong) -> None:
        """Type code and milliseconds."""
        if cython.compiled:
            target: cython.p_uchar = self._grow(9)
            target[0] = code
            memcpy(target + 1, cython.address(milliseconds), 8)
        else:
            self.buffer += _PACK_LONG(code, milliseconds)

    def _integer(self, code: TypeCode, value: Any) -> None:
        try:
            number = operator.index(value)
        except TypeError:
            if not isinstance(value, (Decimal, float)) or not _is_small_whole(value):
                raise _mismatch(value, code) from None
            number = int(value)
        low, high = _INTEGER_RANGES[code]
        if not low <= number <= high:
            raise _integer_out_of_range(number, code)
        self.buffer += _INTEGER_PACKERS[code](code, number)

    def _float(self, value: Any) -> None:
        try:
            self.buffer += pack("<Bf", TypeCode.FLOAT, _to_float(value, TypeCode.FLOAT))
        except OverflowError:
            raise DataError(
                f"{value!r} is out of range for REAL (32 bits); use DOUBLE", code="value_out_of_range"
            ) from None

    def _double(self, value: Any) -> None:
        self._binary64(_to_float(value, TypeCode.DOUBLE))

    def _exact_double(self, value: Any) -> None:
        """A number of another kind, such as a Fraction, if a double holds it exactly."""
        if float(value) != value:
            raise _mismatch(value, TypeCode.DOUBLE)
        self._double(value)

    def _boolean(self, value: Any) -> None:
        if not isinstance(value, (bool, int)) and type(value).__name__ not in ("bool_", "bool"):
            raise _mismatch(value, TypeCode.BOOL)
        if value not in (0, 1):
            raise _mismatch(value, TypeCode.BOOL)
        self.buffer += _TRUE if value else _FALSE

    def _char(self, value: Any) -> None:
        self.buffer += pack("<BH", TypeCode.CHAR, _to_unit(value))

    def _text(self, value: Any) -> None:
        if not isinstance(value, str):
            raise _mismatch(value, TypeCode.STRING)
        self.string(value)

    def _bytes(self, value: Any) -> None:
        if not isinstance(value, (bytes, bytearray, memoryview)):
            raise _mismatch(value, TypeCode.BYTE_ARRAY)
        self.byte_array(value)

    def _uuid(self, value: Any) -> None:
        if isinstance(value, str):
            try:
                value = UUID(value)
            except ValueError:
                raise _mismatch(value, TypeCode.UUID) from None
        if not isinstance(value, UUID):
            raise _mismatch(value, TypeCode.UUID)
        # Both halves are little-endian longs.
        number = value.int
        high: cython.ulonglong = number >> 64
        low: cython.ulonglong = number & _LOW_HALF
        if cython.compiled:
            target: cython.p_uchar = self._grow(17)
            target[0] = 10
            memcpy(target + 1, cython.address(high), 8)
            memcpy(target + 9, cython.address(low), 8)
        else:
            self.buffer += _PACK_UUID(TypeCode.UUID, high, low)

    @cython.ccall
    def _decimal(self, value: Any) -> None:
        if cython.compiled and type(value) is Decimal and self._small_decimal(value):
            return
        if isinstance(value, float):
            # The shortest text that reads back as this float is what its user sees and means.
            value = Decimal(float.__repr__(value))
        elif not isinstance(value, Decimal):
            try:
                value = Decimal(operator.index(value))
            except TypeError:
                raise _mismatch(value, TypeCode.DECIMAL) from None
        if not value.is_finite():
            raise DataError(f"{value} cannot be sent: DECIMAL has no NaN or Infinity", code="value_not_representable")
        _, digits, exponent = value.as_tuple()
        if not -(2**31) < exponent <= 2**31:
            raise DataError(f"{value} cannot be sent: its scale exceeds 32 bits", code="value_not_representable")
        if len(digits) > _MAXIMUM_DIGITS:
            raise DataError(
                f"decimal of {len(digits)} digits cannot be sent: the driver writes up to {_MAXIMUM_DIGITS}",
                code="value_not_representable",
            )
        unscaled = int(_EXACT.scaleb(value, -exponent))
        magnitude = abs(unscaled)
        size = magnitude.bit_length() // 8 + 1
        data = bytearray(magnitude.to_bytes(size, "big"))
        if unscaled < 0:
            # Sign and magnitude, the sign in the top bit: not two's complement.
            data[0] |= 0x80
        self.buffer += _PACK_DECIMAL(TypeCode.DECIMAL, -exponent, size)
        self.buffer += data

    @cython.cfunc
    @cython.exceptval(-1, check=True)
    def _small_decimal(self, value: Any) -> cython.bint:
        """A Decimal of no more digits than fit into a word, if it is one. Only in the compiled form."""
        unscaled: cython.longlong = 0
        long_scale: cython.longlong = 0
        if not take_decimal(value, cython.address(unscaled), cython.address(long_scale)):
            return False
        scale: cython.int = cython.cast(cython.int, long_scale)
        magnitude: cython.longlong = -unscaled if unscaled < 0 else unscaled
        size: cython.int = 1
        while magnitude >> (8 * size - 1):
            size += 1
        target: cython.p_uchar = self._grow(9 + size)
        target[0] = 30
        memcpy(target + 1, cython.address(scale), 4)
        memcpy(target + 5, cython.address(size), 4)
        place: cython.int
        for place in range(size):
            target[9 + place] = (magnitude >> (8 * (size - 1 - place))) & 0xFF
        if unscaled < 0:
            target[9] |= 0x80
        return True

    @cython.cfunc
    @cython.exceptval(-1, check=True)
    def _offset_of_day(self, day: cython.longlong) -> cython.longlong:
        """The zone's offset in milliseconds on a day of its wall clock; _UNKNOWN_OFFSET if it changes on it."""
        if day != self._day:
            self._day_offset = self._clock().offset_on(day)
            self._day = day
        return self._day_offset

    @cython.cfunc
    @cython.exceptval(-1, check=True)
    def _wall_clock(self, value: Any) -> cython.bint:
        """A ``datetime`` of the server's wall clock, if it is one and tells the instant. Only in the compiled form."""
        if not is_wall_time(value):
            return False
        day: cython.longlong = day_of_datetime(value)
        offset: cython.longlong = self._offset_of_day(day)
        if offset == _UNKNOWN_OFFSET:
            return False
        microseconds: cython.longlong = microsecond_of_day(value)
        milliseconds: cython.longlong = day * _DAY + microseconds // 1000 - offset
        nanoseconds: cython.int = cython.cast(cython.int, microseconds % 1000 * 1000)
        target: cython.p_uchar = self._grow(13)
        target[0] = 33
        memcpy(target + 1, cython.address(milliseconds), 8)
        memcpy(target + 9, cython.address(nanoseconds), 4)
        return True

    @cython.ccall
    def _timestamp(self, value: Any) -> None:
        if cython.compiled and type(value) is datetime and self._wall_clock(value):
            return
        if isinstance(value, Instant):
            milliseconds = _to_milliseconds(value.milliseconds, TypeCode.TIMESTAMP)
            nanoseconds = value.nanoseconds
        elif isinstance(value, datetime):
            milliseconds, nanoseconds = self._instant(value)
        elif isinstance(value, date):
            milliseconds, nanoseconds = self._clock().instant_of_date(value), 0
        else:
            raise _mismatch(value, TypeCode.TIMESTAMP)
        if not 0 <= nanoseconds <= 999_999:
            raise DataError(
                f"{nanoseconds} nanoseconds below the millisecond: 0 to 999999 fit", code="value_out_of_range"
            )
        self.buffer += _PACK_TIMESTAMP(TypeCode.TIMESTAMP, milliseconds, nanoseconds)

    def _java_date(self, value: Any) -> None:
        if isinstance(value, datetime):
            milliseconds, nanoseconds = self._instant(value)
            if nanoseconds:
                raise DataError(
                    f"java.util.Date holds milliseconds: {value!r} has more", code="value_not_representable"
                )
        elif isinstance(value, date):
            milliseconds = self._clock().instant_of_date(value)
        else:
            milliseconds = _to_milliseconds(value, TypeCode.DATE)
        self._instant_of(TypeCode.DATE, milliseconds)

    @cython.ccall
    def _sql_date(self, value: Any) -> None:
        milliseconds: cython.longlong
        if isinstance(value, datetime):
            if value.time() != time(0):
                raise DataError(
                    f"DATE has no time of day: {value!r} cannot be sent; pass value.date()",
                    code="value_not_representable",
                )
            value = value.date()
        milliseconds = self._midnight(value) if isinstance(value, date) else _to_milliseconds(value, TypeCode.OPTIMIZED)
        if cython.compiled:
            prefix: bytes = SQL_DATE_PREFIX
            size: cython.Py_ssize_t = len(prefix)
            target: cython.p_uchar = self._grow(size + 8)
            memcpy(target, cython.cast(cython.p_const_uchar, prefix), size)
            memcpy(target + size, cython.address(milliseconds), 8)
        else:
            self.buffer += SQL_DATE_PREFIX + _PACK_I64(milliseconds)

    @cython.cfunc
    @cython.exceptval(-1, check=True)
    def _midnight(self, value: Any) -> cython.longlong:
        """The instant at which a date begins."""
        if cython.compiled and type(value) is date:
            day: cython.longlong = day_of_date(value)
            offset: cython.longlong = self._offset_of_day(day)
            if offset != _UNKNOWN_OFFSET:
                return day * _DAY - offset
        return self._clock().instant_of_date(value)

    def _time(self, value: Any) -> None:
        if isinstance(value, timedelta):
            if not timedelta(0) <= value < timedelta(days=1):
                raise DataError(f"{value!r} is no time of day", code="value_out_of_range")
            value = (datetime.min + value).time()
        if isinstance(value, time):
            milliseconds = self._clock().instant_of_time(value)
        elif isinstance(value, TimeSinceMidnight):
            milliseconds = self._clock().instant_of_time_since_midnight(value.milliseconds)
        else:
            milliseconds = _to_milliseconds(value, TypeCode.TIME)
        self._instant_of(TypeCode.TIME, milliseconds)

    def _clock(self) -> Any:
        return self.knowledge.wall_clock()

    def _instant(self, value: datetime) -> tuple[int, int]:
        if value != value:
            raise DataError(f"{value!r} cannot be sent; pass None for NULL", code="value_not_representable")
        instant: tuple[int, int] = self._clock().instant_of_timestamp(value)
        return instant

    def _encode_text(self, value: str) -> bytes:
        """*value* in UTF-8, or in Java's modified UTF-8 for nodes with "string version 2"."""
        if _is_written_in_two_ways(value):
            # Only these are written differently in version 2, and kill the connection if written wrongly.
            if self.knowledge.is_string_version_2 is None:
                raise MissingServerFacts
            if self.knowledge.is_string_version_2:
                units = "".join(map(chr, utf16_units(value)))
                return units.encode("utf-8", "surrogatepass").replace(b"\x00", b"\xc0\x80")
        try:
            return value.encode()
        except UnicodeEncodeError as error:
            raise DataError(
                f"text with a lone surrogate at position {error.start} cannot be sent: it is no valid text",
                code="value_not_representable",
            ) from None

    # --- arrays and containers ------------------------------------------------------------------------------

    def _primitive_array(self, code: TypeCode, value: Any) -> None:
        letter = PRIMITIVE_ARRAY_FORMATS[code]
        items = _to_list(value, code)
        if code == TypeCode.CHAR_ARRAY:
            items = [_to_unit(item) for item in items]
        elif code == TypeCode.BOOL_ARRAY and not all(item in (0, 1) for item in items):
            raise _mismatch(value, code)
        try:
            data = pack(f"<{len(items)}{letter}", *items)
        except (StructError, OverflowError) as error:
            raise DataError(f"an element does not fit into {code.name}: {error}", code="value_out_of_range") from None
        self.buffer += _PACK_LENGTH(code, len(items))
        self.buffer += data

    def _element_array(self, code: TypeCode, value: Iterable[Any]) -> None:
        items = _to_list(value, code)
        element_code = TypeCode(ELEMENT_CODES[code])
        self.buffer += _PACK_LENGTH(code, len(items))
        for item in items:
            self.typed(element_code, item)

    @cython.cfunc
    def _descend(self) -> None:
        if self._depth >= _MAXIMUM_DEPTH:
            raise DataError(
                f"value nested more than {_MAXIMUM_DEPTH} deep, or one that contains itself", code="nesting"
            )
        self._depth += 1

    def _nested(self, items: Iterable[Any]) -> None:
        self._descend()
        try:
            for item in items:
                self.value(item)
        finally:
            self._depth -= 1

    def _written_before(self, value: Any) -> bool:
        """Write a handle if this very object stands earlier in the value; else remember where it stands."""
        position = len(self.buffer)
        target = self._handles.setdefault(id(value), position)
        if target == position:
            return False
        self.buffer += _PACK_LENGTH(TypeCode.HANDLE, position - target)
        return True

    def _type_reference(self, type_id: int, class_name: str | None) -> None:
        if class_name is not None:
            self.i32(0)
            self.string(class_name)
        else:
            self.i32(type_id)

    def _sequence(self, value: Sequence[Any]) -> None:
        self._collection_of(value, 1)

    def _set(self, value: Iterable[Any]) -> None:
        self._collection_of(list(value), 3)

    def _collection_of(self, items: Sequence[Any], kind: int) -> None:
        self.buffer += _PACK_LENGTH(TypeCode.COLLECTION, len(items))
        self.buffer.append(kind & 0xFF)
        self._nested(items)

    def _collection(self, value: Collection) -> None:
        if not self._written_before(value):
            self._collection_of(value.items, value.kind)

    def _mapping(self, value: Mapping[Any, Any]) -> None:
        self._pairs(list(value.items()), 2)

    def _map(self, value: MapValue) -> None:
        if not self._written_before(value):
            self._pairs(value.pairs, value.kind)

    def _pairs(self, pairs: Sequence[tuple[Any, Any]], kind: int) -> None:
        self.buffer += _PACK_LENGTH(TypeCode.MAP, len(pairs))
        self.buffer.append(kind)
        self._nested(item for pair in pairs for item in pair)

    def _object_array(self, value: ObjectArray) -> None:
        if self._written_before(value):
            return
        self.buffer.append(TypeCode.ENUM_ARRAY if value.is_enum else TypeCode.OBJECT_ARRAY)
        self._type_reference(value.type_id, value.class_name)
        self.i32(len(value.items))
        self._nested(value.items)

    def _enum_value(self, value: EnumValue) -> None:
        self.buffer.append(TypeCode.BINARY_ENUM if value.binary else TypeCode.ENUM)
        self._type_reference(value.type_id, value.class_name)
        self.i32(value.ordinal)

    def _enum(self, value: enum.Enum) -> None:
        self.value(value.value)

    def _class(self, value: ClassReference) -> None:
        self.buffer.append(TypeCode.CLASS)
        self._type_reference(value.type_id, value.class_name)

    def _proxy(self, value: Proxy) -> None:
        self.buffer += _PACK_LENGTH(TypeCode.PROXY, len(value.interfaces))
        for interface in value.interfaces:
            self._type_reference(interface.type_id, interface.class_name)
        self._nested((value.handler,))

    def _optimized(self, value: OptimizedBlob) -> None:
        self.buffer += _PACK_LENGTH(TypeCode.OPTIMIZED & 0xFF, len(value.payload))
        self.buffer += value.payload

    def _encoded(self, value: Encoded) -> None:
        self.buffer += value.data

    def _typed_value(self, value: Typed) -> None:
        self.typed(value.code, value.value)

    def _wrapped(self, value: Wrapped) -> None:
        self.buffer.append(TypeCode.WRAPPED)
        place = len(self.buffer)
        self.i32(0)
        self.buffer += value.before
        # What is wrapped is read by itself, so that no handle may lead out of it, nor into it.
        handles, self._handles = self._handles, {}
        self._nested((value.value,))
        self._handles = handles
        self.buffer += value.after
        pack_into("<i", self.buffer, place, len(self.buffer) - place - 4)
        self.i32(value.offset)

    # --- complex objects ------------------------------------------------------------------------------------

    def _binary_object(self, value: BinaryObject) -> None:
        if self._written_before(value):
            return
        is_compact = value.is_compact if value.is_compact is not None else self.knowledge.is_compact_footer
        if is_compact is None:
            raise MissingServerFacts
        type_id = 0 if value.class_name is not None else value.type_id
        if type_id is None:
            if value.type_name is None:
                raise DataError("a BinaryObject needs a type name or a type id", code="value_mismatch")
            type_id = name_id(value.type_name)
        names = tuple(value.fields)
        field_ids = value.field_ids
        if field_ids is None or len(field_ids) != len(names):
            field_ids = _field_ids(names)
        if len(set(field_ids)) != len(field_ids):
            raise DataError(
                f"two fields of {value.type_name!r} have the same id (names differ in case only, or their "
                f"hashes collide): {list(names)}",
                code="value_mismatch",
            )
        known = None
        if value.is_user_type and value.class_name is None:
            known = self.knowledge.binary_types.get(type_id)
            if value.data_class is not None and self.knowledge.presentation is not None:
                self.knowledge.presentation.remember(value.data_class)
        buffer = self.buffer
        start = len(buffer)
        buffer += bytes(24)
        if value.class_name is not None:
            self.string(value.class_name)
        data_start = len(buffer)
        offsets: list[int] = []
        codes: list[int] = []
        for name, field_id in zip(names, field_ids, strict=True):
            offsets.append(len(buffer) - start)
            self._field(value.fields[name], known.field_codes.get(field_id) if known is not None else None)
            codes.append(buffer[start + offsets[-1]])
        raw_offset = len(buffer) - start
        if value.raw is not None:
            buffer += value.raw
        footer = len(buffer) - start
        hash_code = data_hash(buffer[data_start:])
        flags = 0x0001 if value.is_user_type else 0
        if value.is_user_type and is_compact:
            flags |= 0x0020
        schema = EMPTY_SCHEMA_ID
        offset_field = 24
        if names:
            flags |= 0x0002
            schema = _schema_id(field_ids)
            offset_field = footer
            self._footer(flags, field_ids, offsets)
            flags |= 0x0008 if offsets[-1] < 1 << 8 else 0x0010 if offsets[-1] < 1 << 16 else 0
        if value.raw is not None:
            flags |= 0x0004
            if names:
                self.i32(raw_offset)
            else:
                offset_field = raw_offset
        pack_into(
            "<BBHiiiii",
            buffer,
            start,
            TypeCode.COMPLEX_OBJECT,
            1,
            flags,
            type_id,
            hash_code,
            len(buffer) - start,
            schema,
            offset_field,
        )
        if value.is_user_type and value.class_name is None:
            self._require_registration(value, known, type_id, schema, names, field_ids, codes)

    def _field(self, value: Any, code: int | None) -> None:
        """A field's value; *code* is the type that the cluster knows the field by, and insists on."""
        if code is not None and code in _FIELD_CODES.get(type(value), ()):
            self.typed(TypeCode(code), value)
            return
        self._descend()
        try:
            self.value(value)
        finally:
            self._depth -= 1

    def _footer(self, flags: int, field_ids: Sequence[int], offsets: Sequence[int]) -> None:
        # The width of all offsets follows from the last one, which is the largest.
        width = 1 if offsets[-1] < 1 << 8 else 2 if offsets[-1] < 1 << 16 else 4
        for field_id, offset in zip(field_ids, offsets, strict=True):
            if not flags & 0x0020:
                self.i32(field_id)
            self.buffer += offset.to_bytes(width, "little")

    def _require_registration(
        self,
        value: BinaryObject,
        known: BinaryType | None,
        type_id: int,
        schema: int,
        names: Sequence[str],
        field_ids: Sequence[int],
        codes: Sequence[int],
    ) -> None:
        """Raise UnregisteredBinaryType unless the cluster knows the type, its fields and this schema.

        Servers that meet an object of an unknown schema wait half a minute for it and then fail.
        """
        # Nothing of what is known is ever taken back.
        written = (schema, field_ids, codes, value.declared_codes)
        if known is not None and self._registered is not None:
            last_type, last_written = self._registered
            if last_type is known and last_written == written:
                return
        is_declared = value.declared_codes is not None
        if value.declared_codes is not None:
            codes = value.declared_codes
        else:
            # Nothing can be registered without its name.
            codes = [TypeCode.NULL if is_nameless(name) else code for name, code in zip(names, codes, strict=True)]
        if known is not None and known.has_schema(schema, field_ids, codes, of_these_types=is_declared):
            self._registered = known, written
            return
        if value.type_name is None:
            raise NotSupportedError(
                f"an object of type id {type_id} with a new set of fields cannot be written: the cluster "
                f"does not know the name of its type",
                code="unknown_binary_type",
            )
        fields = tuple(
            BinaryField(name, _METADATA_CODES.get(code, code), field_id)
            for name, field_id, code in zip(names, field_ids, codes, strict=True)
            # The type of a field that has only been NULL is left open, so that a later value can fix it.
            if code != TypeCode.NULL
        )
        raise UnregisteredBinaryType(
            BinaryType(
                type_id=type_id,
                type_name=value.type_name,
                affinity_key_field=known.affinity_key_field if known else None,
                fields=fields,
                schemas={schema: tuple(field_ids)},
            )
        )


# How metadata names the type of a field, where it is not the code of the value itself.
_METADATA_CODES: Final[dict[int, int]] = {
    TypeCode.BINARY_ENUM: TypeCode.ENUM,
    TypeCode.WRAPPED: TypeCode.COMPLEX_OBJECT,
    TypeCode.HANDLE: TypeCode.COMPLEX_OBJECT,
    TypeCode.OPTIMIZED & 0xFF: TypeCode.COMPLEX_OBJECT,
}

# The types of fields that a plain Python value can be of besides the one that is natural for it.
_ARRAY_CODES: Final = frozenset(PRIMITIVE_ARRAY_FORMATS) | frozenset(ELEMENT_CODES)
_FIELD_CODES: Final[dict[type, frozenset[int]]] = {
    int: frozenset({TypeCode.BYTE, TypeCode.SHORT, TypeCode.INT, TypeCode.FLOAT, TypeCode.DOUBLE, TypeCode.DECIMAL}),
    float: frozenset({TypeCode.FLOAT}),
    str: frozenset({TypeCode.CHAR}),
    datetime: frozenset({TypeCode.DATE}),
    list: _ARRAY_CODES,
    tuple: _ARRAY_CODES,
}

_WriteMethod = Callable[[Writer, Any], None]


def _as_python_sees_it(name: str) -> _WriteMethod:
    # Of a method that is one of C as well, Cython makes a function of another signature, which GCC 14 does not compile.
    method: _WriteMethod = getattr(Writer, name)
    return method


_TIMESTAMP: Final = _as_python_sees_it("_timestamp")
_SQL_DATE: Final = _as_python_sees_it("_sql_date")
_DECIMAL: Final = _as_python_sees_it("_decimal")

# Values of the types that Writer.value() does not tell apart by itself.
_WRITERS: Final[dict[type, _WriteMethod]] = {
    bytearray: Writer.byte_array,
    memoryview: Writer.byte_array,
    UUID: Writer._uuid,
    time: Writer._time,
    timedelta: Writer._time,
    list: Writer._sequence,
    tuple: Writer._sequence,
    set: Writer._set,
    frozenset: Writer._set,
    dict: Writer._mapping,
    Typed: Writer._typed_value,
    EnumValue: Writer._enum_value,
    ObjectArray: Writer._object_array,
    Collection: Writer._collection,
    MapValue: Writer._map,
    ClassReference: Writer._class,
    Proxy: Writer._proxy,
    OptimizedBlob: Writer._optimized,
    Wrapped: Writer._wrapped,
    BinaryObject: Writer._binary_object,
    Encoded: Writer._encoded,
    Instant: _TIMESTAMP,
    TimeSinceMidnight: Writer._time,
}

# Subclasses of known types, the more special first (datetime is a date, bool an int).
_SUBCLASS_WRITERS: Final[tuple[tuple[type, _WriteMethod], ...]] = (
    (enum.Enum, Writer._enum),
    (int, lambda writer, value: writer._integer(TypeCode.LONG, value)),
    (float, lambda writer, value: writer._double(value)),
    (str, lambda writer, value: writer.string(str(value))),
    (datetime, _TIMESTAMP),
    (date, _SQL_DATE),
    (time, Writer._time),
    (timedelta, Writer._time),
    (Decimal, _DECIMAL),
    (UUID, Writer._uuid),
    (bytes, Writer.byte_array),
    (bytearray, Writer.byte_array),
    (BinaryObject, Writer._binary_object),
    (list, Writer._sequence),
    (tuple, Writer._sequence),
    ((set), Writer._set),
    (dict, Writer._mapping),
    (numbers.Integral, lambda writer, value: writer._integer(TypeCode.LONG, value)),
    (numbers.Real, lambda writer, value: writer._exact_double(value)),
)

_TYPED_WRITERS: Final[dict[int, _WriteMethod]] = {
    TypeCode.FLOAT: Writer._float,
    TypeCode.DOUBLE: Writer._double,
    TypeCode.CHAR: Writer._char,
    TypeCode.BOOL: Writer._boolean,
    TypeCode.STRING: Writer._text,
    TypeCode.UUID: Writer._uuid,
    TypeCode.DATE: Writer._java_date,
    TypeCode.BYTE_ARRAY: Writer._bytes,
    TypeCode.DECIMAL: _DECIMAL,
    TypeCode.TIMESTAMP: _TIMESTAMP,
    TypeCode.TIME: Writer._time,
    TypeCode.OPTIMIZED: _SQL_DATE,
}


def _writer_for(value: Any) -> _WriteMethod:
    """How values of a type that is not listed are written: as the listed type that they derive from."""
    # NumPy's scalars are no subclasses, but know the Python value that they stand for.
    if any(base.__module__ == "numpy" and base.__name__ == "generic" for base in type(value).__mro__):
        plain = value.item()
        if type(plain) in (bool, int, float, str, bytes):
            return lambda writer, _: writer.value(plain)
    if hasattr(value, "__ignite_value__"):
        return lambda writer, value: writer.value(value.__ignite_value__())
    for kind, writer in _SUBCLASS_WRITERS:
        if isinstance(value, kind):
            return writer
    raise DataError(
        f"values of type {type(value).__module__}.{type(value).__qualname__} cannot be sent; convert the "
        f"value to a type that Ignite has (see docs/types.md)",
        code="value_mismatch",
    )


_schema_id: Final = lru_cache(maxsize=4096)(schema_id)


@lru_cache(maxsize=4096)
def _field_ids(names: Iterable[str]) -> tuple[int, ...]:
    return tuple(map(field_id_of, names))


# NUL, surrogates, and what lies beyond U+FFFF.
_WRITTEN_IN_TWO_WAYS: Final = re.compile("[\x00\ud800-\udfff\U00010000-\U0010ffff]").search


def _is_written_in_two_ways(text: str) -> bool:
    if cython.compiled:
        unit: cython.uint
        for character in text:
            unit = ord(character)
            if unit == 0 or unit > 0xFFFF or 0xD800 <= unit <= 0xDFFF:
                return True
        return False
    return _WRITTEN_IN_TWO_WAYS(text) is not None


def _is_small_whole(value: Decimal | float) -> bool:
    # The bound keeps int() from writing out the zeros of Decimal("1E+999999999").
    is_finite = value.is_finite() if isinstance(value, Decimal) else math.isfinite(value)
    return is_finite and -(2**64) < value < 2**64 and value == int(value)


def _to_list(value: Any, code: TypeCode) -> list[Any]:
    if isinstance(value, (str, bytes, bytearray, Mapping)) or not isinstance(value, Iterable):
        raise _mismatch(value, code)
    return list(value)


def _to_unit(value: Any) -> int:
    units = utf16_units(value) if isinstance(value, str) else ()
    if len(units) != 1:
        raise DataError(f"{value!r} is not one UTF-16 unit, as CHAR holds", code="value_mismatch")
    return units[0]


def _to_float(value: Any, code: TypeCode) -> float:
    if isinstance(value, (str, bytes, bytearray)) or not hasattr(value, "__float__"):
        raise _mismatch(value, code)
    try:
        return float(value)
    except (TypeError, ValueError):  # arrays; signalling NaN
        raise _mismatch(value, code) from None
    except OverflowError:
        raise DataError(f"{_shown(value)} is out of range for {_SQL_NAMES[code]}", code="value_out_of_range") from None


def _to_milliseconds(value: Any, code: TypeCode) -> int:
    if type(value) is not int:
        raise _mismatch(value, code)
    if not -(2**63) <= value < 2**63:
        raise _integer_out_of_range(value, TypeCode.LONG)
    return value


def no_null() -> IntegrityError:
    """The error for None as a key or value."""
    return IntegrityError("a cache has no NULL keys and values: None cannot be one", code="null_entry")


def _too_long(size: int) -> DataError:
    return DataError(f"value of {size} bytes cannot be sent: its length exceeds 31 bits", code="value_out_of_range")


def _mismatch(value: Any, code: TypeCode) -> DataError:
    return DataError(
        f"{_shown(value)} ({type(value).__name__}) cannot be sent as {_SQL_NAMES.get(code, code.name)}",
        code="value_mismatch",
    )


def _shown(value: Any) -> str:
    """*value* for an error message: long ones are cut, and huge integers cannot be written out at all."""
    if isinstance(value, int) and value.bit_length() >= 512:
        return f"integer of {value.bit_length()} bits"
    shown = repr(value)
    return shown if len(shown) <= 80 else f"{shown[:77]}..."


def _integer_out_of_range(value: int, code: TypeCode) -> DataError:
    low, high = _INTEGER_RANGES[code]
    return DataError(
        f"{_shown(value)} is out of range for {_SQL_NAMES[code]} ({low} to {high})"
        + ("; pass a decimal.Decimal for larger numbers" if code == TypeCode.LONG else ""),
        code="value_out_of_range",
    )


def encode(value: Any, knowledge: Knowledge | None = None) -> bytes:
    """*value* as a data object."""
    writer = Writer(knowledge or Knowledge())
    writer.value(value)
    return bytes(writer.buffer)
