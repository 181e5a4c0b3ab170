"""Bytes to values. Compiled from this file where Cython was at hand, interpreted otherwise.

A :class:`Reader` goes through one message from front to back. :meth:`Reader.rows` is the hot path: it turns a
whole page of a result into tuples in one call. Every length is checked against the end of the message before
it is used, nesting is limited, and whatever is wrong raises ProtocolError: the peer is not to be trusted.
"""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta
from decimal import (
    MAX_EMAX,
    MAX_PREC,
    MIN_EMIN,
    Context,
    Decimal,
    DecimalException,
    Inexact,
    InvalidOperation,
    Overflow,
    getcontext,
    setcontext,
)
from struct import Struct, unpack_from
from struct import error as StructError  # noqa: N812 - it is a class
from typing import Any
from uuid import UUID

try:
    import cython
except ModuleNotFoundError:
    from ignite_dbapi.protocol.codec import _cython as cython  # type: ignore[no-redef]

from ignite_dbapi.errors import DataError, ProtocolError
from ignite_dbapi.protocol.codec.clock import FIRST_DAY, LAST_DAY, UNKNOWN_OFFSET, Clock
from ignite_dbapi.protocol.codec.knowledge import Knowledge, MissingBinaryType
from ignite_dbapi.protocol.codec.type_codes import (
    ELEMENT_CODES,
    PRIMITIVE_ARRAY_FORMATS,
    SQL_DATE_PREFIX,
    SQL_DATE_SIZE,
    TypeCode,
)
from ignite_dbapi.protocol.codec.values import (
    BinaryObject,
    ClassReference,
    Collection,
    EnumValue,
    Instant,
    MapValue,
    ObjectArray,
    OptimizedBlob,
    Period,
    Proxy,
    Typed,
    Wrapped,
    is_hashable,
)

if cython.compiled:
    from cython.cimports.cpython.datetime import (  # type: ignore[import-not-found]
        date_new,
        datetime_new,
        import_datetime,
    )
    from cython.cimports.cpython.ref import Py_INCREF  # type: ignore[import-not-found]
    from cython.cimports.cpython.tuple import PyTuple_New, PyTuple_SET_ITEM  # type: ignore[import-not-found]
    from cython.cimports.cpython.unicode import PyUnicode_DecodeUTF8  # type: ignore[import-not-found]
    from cython.cimports.ignite_dbapi.protocol._cpython import (  # type: ignore[import-not-found]
        PyObject_GC_Track,
        PyObject_GC_UnTrack,
    )
    from cython.cimports.libc.string import memcmp, memcpy  # type: ignore[import-not-found]

    import_datetime()

COMPILED: bool = bool(cython.compiled)

_UNPACK_I16 = Struct("<h").unpack_from
_UNPACK_I32 = Struct("<i").unpack_from
_UNPACK_I64 = Struct("<q").unpack_from
_UNPACK_F32 = Struct("<f").unpack_from
_UNPACK_F64 = Struct("<d").unpack_from

# Values nested deeper than this are refused: the depth comes from the peer, and the stack is finite.
_MAXIMUM_DEPTH = 100

# Turning binary digits into decimal ones takes time that grows with the square of their number, which is the
# peer's choice; this many bytes (39 000 digits) take some milliseconds.
MAXIMUM_DECIMAL_SIZE = 1 << 14

# Exact whatever the size: never rounds, and never touches the thread's own decimal context.
_EXACT = Context(prec=MAX_PREC, Emax=MAX_EMAX, Emin=MIN_EMIN, traps=[Inexact, InvalidOperation, Overflow])
# Exact for what has up to 40 digits. It may be a thread's for a moment, in which finalizers run and might divide.
_WIDE = Context(prec=40, Emax=MAX_EMAX, Emin=MIN_EMIN)
_POWERS_OF_TEN = [Decimal(f"1E-{scale}") for scale in range(64)]

_DURATION_PREFIX = bytes.fromhex("65ebdf3606b24801")
_PERIOD_PREFIX = bytes.fromhex("65ebdf3606b2480e")

# Flags of a complex object's header.
_USER_TYPE = 0x0001
_HAS_SCHEMA = 0x0002
_HAS_RAW = 0x0004
_OFFSETS_OF_ONE_BYTE = 0x0008
_OFFSETS_OF_TWO_BYTES = 0x0010
_COMPACT_FOOTER = 0x0020
_HEADER_SIZE = 24

_SET_KINDS = frozenset({-1, 3, 4})

# C numbers for the loop over rows.
_DAY = cython.declare(cython.longlong, 86_400_000)
_FIRST_DAY = cython.declare(cython.longlong, FIRST_DAY)
_LAST_DAY = cython.declare(cython.longlong, LAST_DAY)
_UNKNOWN_OFFSET = cython.declare(cython.longlong, UNKNOWN_OFFSET)
# Instants whose wall clock lies within the years 1 to 9999, whatever the zone; the days of that range.
_FIRST_INSTANT = cython.declare(cython.longlong, -62_135_510_400_000)
_LAST_INSTANT = cython.declare(cython.longlong, 253_402_214_400_000)
_SQL_DATE_PREFIX = cython.declare(bytes, SQL_DATE_PREFIX)


@cython.cfunc
@cython.inline
def _truncated(position: cython.Py_ssize_t, end: cython.Py_ssize_t) -> object:
    return ProtocolError(f"message ends within a value: byte {position} is needed, {end} are there")


@cython.cfunc
@cython.inline
@cython.exceptval(-1, check=True)
def _i16(buffer: cython.p_const_uchar, position: cython.Py_ssize_t, end: cython.Py_ssize_t) -> cython.int:
    if cython.compiled:
        value: cython.short = 0
        if position + 2 > end:
            raise _truncated(position + 2, end)
        memcpy(cython.address(value), buffer + position, 2)
        return value
    return _UNPACK_I16(buffer, position)[0]


@cython.cfunc
@cython.inline
@cython.exceptval(-1, check=True)
def _i32(buffer: cython.p_const_uchar, position: cython.Py_ssize_t, end: cython.Py_ssize_t) -> cython.int:
    if cython.compiled:
        value: cython.int = 0
        if position + 4 > end:
            raise _truncated(position + 4, end)
        memcpy(cython.address(value), buffer + position, 4)
        return value
    return _UNPACK_I32(buffer, position)[0]


@cython.cfunc
@cython.inline
@cython.exceptval(-1, check=True)
def _i64(buffer: cython.p_const_uchar, position: cython.Py_ssize_t, end: cython.Py_ssize_t) -> cython.longlong:
    if cython.compiled:
        value: cython.longlong = 0
        if position + 8 > end:
            raise _truncated(position + 8, end)
        memcpy(cython.address(value), buffer + position, 8)
        return value
    return _UNPACK_I64(buffer, position)[0]


@cython.cfunc
@cython.inline
@cython.exceptval(-1, check=True)
def _f64(buffer: cython.p_const_uchar, position: cython.Py_ssize_t, end: cython.Py_ssize_t) -> cython.double:
    if cython.compiled:
        value: cython.double = 0.0
        if position + 8 > end:
            raise _truncated(position + 8, end)
        memcpy(cython.address(value), buffer + position, 8)
        return value
    return _UNPACK_F64(buffer, position)[0]


def decode_text(data: bytes) -> str:
    """A string's bytes to text: UTF-8, or Java's modified UTF-8 as nodes with "string version 2" send it."""
    try:
        return data.decode()
    except UnicodeDecodeError:
        pass
    # Version 2 writes each surrogate as three bytes of its own and U+0000 as C0 80. UTF-8 proper never
    # contains either, so whatever is left over after undoing that is an error indeed.
    try:
        units = data.replace(b"\xc0\x80", b"\x00").decode("utf-8", "surrogatepass")
        return units.encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass")
    except UnicodeDecodeError as error:
        raise ProtocolError(f"string is not valid UTF-8: {error}") from None


def decode_decimal(scale: int, magnitude: bytes) -> Decimal:
    """A decimal, with every digit and its scale, from the scale and its sign and magnitude (big endian)."""
    if not magnitude:
        raise ProtocolError("decimal without magnitude bytes")
    if len(magnitude) > MAXIMUM_DECIMAL_SIZE:
        raise DataError(
            f"decimal of {len(magnitude)} bytes; the driver reads up to {MAXIMUM_DECIMAL_SIZE}",
            code="value_not_representable",
        )
    if magnitude[0] & 0x80:
        # The sign is the top bit of the first byte, and no part of the number.
        unscaled = -int.from_bytes(bytes((magnitude[0] & 0x7F,)) + magnitude[1:], "big")
    else:
        unscaled = int.from_bytes(magnitude, "big")
    try:
        power = _POWERS_OF_TEN[scale] if 0 <= scale < 64 else _EXACT.create_decimal((0, (1,), -scale))
        return _EXACT.multiply(Decimal(unscaled), power)
    except (DecimalException, OverflowError):
        # Python of 32 bits has no exponents beyond 425,000,000, nor below -849,999,999.
        raise DataError(
            f"decimal of scale {scale}, which the decimals of this Python cannot have", code="value_not_representable"
        ) from None


# --- values that the compiled loop makes by itself: compiled only ----------------------------------------------


@cython.cfunc
def _text(data: bytes, buffer: cython.p_const_uchar, position: cython.Py_ssize_t, length: cython.Py_ssize_t) -> object:
    try:
        return PyUnicode_DecodeUTF8(cython.cast(cython.p_const_char, buffer + position), length, cython.NULL)
    except UnicodeDecodeError:
        return decode_text(data[position : position + length])


@cython.cfunc
def _decimal(
    data: bytes, buffer: cython.p_const_uchar, position: cython.Py_ssize_t, length: cython.Py_ssize_t
) -> object:
    """The decimal at *position*, with *length* bytes of magnitude. The thread's decimal context has to be wide."""
    scale: cython.int = 0
    index: cython.Py_ssize_t
    unscaled: cython.longlong
    memcpy(cython.address(scale), buffer + position + 1, 4)
    if length < 1 or length > 8 or scale < 0 or scale >= 64:
        return decode_decimal(scale, data[position + 9 : position + 9 + length])
    unscaled = buffer[position + 9] & 0x7F
    for index in range(1, length):
        unscaled = unscaled << 8 | buffer[position + 9 + index]
    if buffer[position + 9] >= 0x80:
        unscaled = -unscaled
    # Half the time that Decimal takes to read digits.
    return cython.cast(object, unscaled) * _POWERS_OF_TEN[scale]


@cython.cclass
class Zone:
    """The clock of the server's zone for a loop: what its table of days does not hold, the clock is asked for."""

    _clock = cython.declare(object)
    _is_fixed = cython.declare(cython.bint)
    _offset = cython.declare(cython.longlong)
    _table = cython.declare(bytearray)
    _offsets = cython.declare(cython.p_int)
    # The date that was worked out last.
    _year = cython.declare(cython.int)
    _month = cython.declare(cython.int)
    _day = cython.declare(cython.int)

    def __init__(self, clock: Clock | None) -> None:
        if cython.compiled:
            self._clock = clock
            if clock is None:
                return
            fixed = clock.fixed_offset
            self._is_fixed = fixed is not None
            if fixed is not None:
                self._offset = fixed
            else:
                self._table = clock.day_offsets
                self._offsets = cython.cast(cython.p_int, cython.cast(cython.p_uchar, self._table))

    @cython.cfunc
    def _shift(self, milliseconds: cython.longlong) -> cython.bint:
        """Whether the offset at an instant is at hand, and no day is out of what dates can hold."""
        day: cython.longlong
        if milliseconds < _FIRST_INSTANT or milliseconds > _LAST_INSTANT:
            return False
        if self._is_fixed:
            return True
        day = milliseconds // _DAY
        if day < _FIRST_DAY or day > _LAST_DAY:
            return False
        if self._offsets[day - _FIRST_DAY] == _UNKNOWN_OFFSET:
            self._clock.learn_offset(milliseconds)
            if self._offsets[day - _FIRST_DAY] == _UNKNOWN_OFFSET:
                return False
        self._offset = self._offsets[day - _FIRST_DAY]
        return True

    @cython.cfunc
    def timestamp(self, milliseconds: cython.longlong, nanoseconds: cython.int) -> object:
        """What ``Clock.timestamp`` gives."""
        wall: cython.longlong
        day: cython.longlong
        rest: cython.int
        seconds: cython.int
        if nanoseconds < 0 or nanoseconds > 999_999 or nanoseconds % 1000 or not self._shift(milliseconds):
            return self._clock.timestamp(milliseconds, nanoseconds)
        wall = milliseconds + self._offset
        day = wall // _DAY
        rest = cython.cast(cython.int, wall - day * _DAY)
        seconds = rest // 1000
        self._set_date(day)
        return datetime_new(
            self._year,
            self._month,
            self._day,
            seconds // 3600,
            seconds // 60 % 60,
            seconds % 60,
            rest % 1000 * 1000 + nanoseconds // 1000,
            None,
        )

    @cython.cfunc
    def date(self, milliseconds: cython.longlong) -> object:
        """What ``Clock.date`` gives."""
        if not self._shift(milliseconds):
            return self._clock.date(milliseconds)
        self._set_date((milliseconds + self._offset) // _DAY)
        return date_new(self._year, self._month, self._day)

    @cython.cfunc
    @cython.cdivision(True)
    def _set_date(self, day: cython.longlong) -> object:
        """Work out the date of a day of the years 1 to 9999, the number of which is 0 for 1970-01-01.

        Years are counted from March here, so that the leap day is the last one; eras are 400 years.
        """
        since: cython.int = cython.cast(cython.int, day + 719_468)
        era: cython.int = since // 146_097
        day_of_era: cython.int = since - era * 146_097
        year: cython.int = (day_of_era - day_of_era // 1460 + day_of_era // 36_524 - day_of_era // 146_096) // 365
        day_of_year: cython.int = day_of_era - (365 * year + year // 4 - year // 100)
        month: cython.int = (5 * day_of_year + 2) // 153
        self._day = day_of_year - (153 * month + 2) // 5 + 1
        self._month = month + 3 if month < 10 else month - 9
        self._year = year + era * 400 + (1 if month >= 10 else 0)
        return None


@cython.cfunc
@cython.inline
def _is_date(data: bytes, position: cython.Py_ssize_t, end: cython.Py_ssize_t) -> cython.bint:
    """Whether a java.sql.Date stands at *position*, and not another "optimized" object."""
    if cython.compiled:
        buffer: cython.p_const_uchar = data
        prefix: cython.p_const_uchar = _SQL_DATE_PREFIX
        return end - position >= 12 and memcmp(buffer + position, prefix, 12) == 0
    return data[position : position + 12] == SQL_DATE_PREFIX


@cython.cclass
class Reader:
    """Reads values from *data*, starting at *position* and never beyond *end*.

    With *lossless*, values come in the vocabulary of :mod:`~ignite_dbapi.protocol.codec.values`, so that
    writing them again gives the same bytes; otherwise as the presentation that *knowledge* names shows them, or as
    the Python values that are natural for them.
    """

    data = cython.declare(bytes, visibility="readonly")
    position = cython.declare(cython.Py_ssize_t, visibility="public")
    end = cython.declare(cython.Py_ssize_t, visibility="readonly")
    knowledge = cython.declare(object, visibility="readonly")
    _lossless = cython.declare(cython.bint)
    _presentation = cython.declare(object)
    _depth = cython.declare(cython.int)
    _handles = cython.declare(dict)
    # The thread's decimal context, while it has a wide one instead.
    _context = cython.declare(object)

    def __init__(
        self,
        data: bytes,
        knowledge: Knowledge,
        position: int = 0,
        end: int | None = None,
        *,
        lossless: bool = False,
    ) -> None:
        self.data = data
        self.position = position
        self.end = len(data) if end is None else end
        self.knowledge = knowledge
        self._lossless = lossless
        self._presentation = None if lossless else knowledge.presentation
        self._depth = 0
        self._handles = {}
        self._context = None
        if position < 0 or self.end > len(data) or position > self.end:
            raise ProtocolError(f"range {position}..{self.end} lies outside a message of {len(data)} bytes")

    # --- fields without a type code -------------------------------------------------------------------

    def i8(self) -> int:
        """A signed byte."""
        value = self.u8()
        return value - 256 if value > 127 else value

    def u8(self) -> int:
        """An unsigned byte."""
        if self.position >= self.end:
            raise _truncated(self.position + 1, self.end)
        value = self.data[self.position]
        self.position += 1
        return value

    def boolean(self) -> bool:
        """One byte; anything but 0 is True."""
        return self.u8() != 0

    def i16(self) -> int:
        """A signed integer of 16 bits."""
        position = self._advance(2)
        value: int = _i16(self.data, position, self.end)
        return value

    def i32(self) -> int:
        """A signed integer of 32 bits."""
        position = self._advance(4)
        value: int = _i32(self.data, position, self.end)
        return value

    def i64(self) -> int:
        """A signed integer of 64 bits."""
        position = self._advance(8)
        value: int = _i64(self.data, position, self.end)
        return value

    def count(self, element_size: int = 1) -> int:
        """A number of elements, each at least *element_size* bytes long: more than fit here is an error."""
        number = self.i32()
        if number < 0 or number * element_size > self.end - self.position:
            raise ProtocolError(f"count of {number} elements, but only {self.end - self.position} bytes follow")
        return number

    def string(self) -> str | None:
        """A string with its type code, or NULL: the form of every string outside of values."""
        code = self._code()
        if code == 101:
            return None
        if code != 9:
            raise ProtocolError(f"type code {code} where a string was expected")
        return self._string()

    def strings(self) -> list[str]:
        """A number, and so many strings with their type codes; NULL reads as no text."""
        return [self.string() or "" for _ in range(self.count())]

    def byte_array(self) -> bytes:
        """A byte array with its type code; NULL reads as no bytes."""
        code = self.u8()
        if code == 101:
            return b""
        if code != 12:
            raise ProtocolError(f"type code {code} where a byte array was expected")
        return self._slice(self.count())

    def uuid(self) -> UUID | None:
        """A UUID with its type code, or NULL."""
        code = self.u8()
        if code == 101:
            return None
        if code != 10:
            raise ProtocolError(f"type code {code} where a UUID was expected")
        return self.raw_uuid()

    def raw_uuid(self) -> UUID:
        """The 16 bytes of a UUID without type code."""
        data = self._slice(16)
        # Both halves are little-endian longs.
        return UUID(bytes=data[7::-1] + data[:7:-1])

    def remaining(self) -> int:
        """The number of bytes not read yet."""
        return self.end - self.position

    def only_value(self) -> Any:
        """The one value that the rest of the message is."""
        value = self.value()
        if self.position != self.end:
            raise ProtocolError(f"{self.end - self.position} bytes follow the value")
        return value

    @cython.cfunc
    def _advance(self, size: cython.Py_ssize_t) -> cython.Py_ssize_t:
        position: cython.Py_ssize_t = self.position
        if size < 0 or size > self.end - position:
            raise _truncated(position + size, self.end)
        self.position = position + size
        return position

    @cython.cfunc
    @cython.exceptval(-1, check=True)
    def _code(self) -> cython.int:
        """The next byte, which is a type code, unsigned."""
        position: cython.Py_ssize_t = self._advance(1)
        data: bytes = self.data
        buffer: cython.p_const_uchar = data
        return buffer[position]

    @cython.cfunc
    def _string(self) -> object:
        """A string behind its type code."""
        data: bytes = self.data
        length: cython.Py_ssize_t = _i32(data, self._advance(4), self.end)
        if length < 0 or length > self.end - self.position:
            raise ProtocolError(f"string of {length} bytes, but only {self.end - self.position} bytes follow")
        position: cython.Py_ssize_t = self._advance(length)
        if cython.compiled:
            return _text(data, data, position, length)
        return decode_text(data[position : position + length])

    @cython.cfunc
    def _slice(self, size: cython.Py_ssize_t) -> bytes:
        position: cython.Py_ssize_t = self._advance(size)
        return self.data[position : position + size]

    # --- pages of rows ------------------------------------------------------------------------------------

    def rows(
        self, row_count: cython.Py_ssize_t, column_count: cython.Py_ssize_t, into: list[tuple[Any, ...]] | None = None
    ) -> list[tuple[Any, ...]]:
        """The next *row_count* rows of *column_count* values each, as tuples; appended to *into*, if that is given.

        Nothing has been read if this raises: the position is then where it was, and *into* as it was.
        """
        start: cython.Py_ssize_t = self.position
        rows: list[tuple[Any, ...]] = [] if into is None else into
        length: cython.Py_ssize_t = len(rows)
        try:
            self._read_rows(rows, row_count, column_count)
            return rows
        except (StructError, IndexError):
            # Interpreted, struct and indexing notice the end of the message by themselves.
            raise _truncated(self.end + 1, self.end) from None
        finally:
            if self._context is not None:
                self._restore_context()
            if self._depth:
                self._depth = 0
            if self.position < 0:
                self.position = start
                del rows[length:]

    def _restore_context(self) -> None:
        context, self._context = self._context, None
        assert context is not None
        setcontext(context)

    @cython.cfunc
    def _read_rows(
        self,
        rows: list,  # type: ignore[type-arg]
        row_count: cython.Py_ssize_t,
        column_count: cython.Py_ssize_t,
    ) -> object:
        data: bytes = self.data
        buffer: cython.p_const_uchar = data
        position: cython.Py_ssize_t = self.position
        end: cython.Py_ssize_t = self.end
        stop: cython.Py_ssize_t
        length: cython.Py_ssize_t
        column: cython.Py_ssize_t
        code: cython.int
        lossless: cython.bint = self._lossless
        # Without a clock, values of time go the way of all values that are not shown naturally.
        clock: Any = self.knowledge.clock if self._presentation is None else None
        has_clock: cython.bint = clock is not None
        zone: Zone = Zone(clock)
        # Whether the row holds what may hold other things: only then has the garbage collector to look at it.
        has_containers: cython.bint
        # A row has at least one byte a value: a larger count is a lie, found before memory is spent on it.
        if row_count < 0 or column_count <= 0 or row_count * column_count > end - position:
            raise ProtocolError(f"page of {row_count} rows and {column_count} columns in {end - position} bytes")
        # An exception below leaves the position negative, which rows() turns back into the start.
        self.position = -1
        for _ in range(row_count):
            if cython.compiled:
                row: Any = PyTuple_New(column_count)
                # Nobody may get to see it before it is complete.
                PyObject_GC_UnTrack(row)
            else:
                row = []
            has_containers = False
            for column in range(column_count):
                if position >= end:
                    raise _truncated(position + 1, end)
                code = buffer[position]
                if lossless:
                    code = 0
                if code == 3:
                    value: Any = _i32(buffer, position + 1, end)
                    position += 5
                elif code == 9:
                    length = _i32(buffer, position + 1, end)
                    position += 5
                    stop = position + length
                    if length < 0 or stop > end:
                        raise _truncated(stop, end)
                    if cython.compiled:
                        value = _text(data, buffer, position, length)
                    else:
                        try:
                            value = data[position:stop].decode()
                        except UnicodeDecodeError:
                            value = decode_text(data[position:stop])
                    position = stop
                elif code == 4:
                    value = _i64(buffer, position + 1, end)
                    position += 9
                elif code == 101:
                    value = None
                    position += 1
                elif code == 6:
                    value = _f64(buffer, position + 1, end)
                    position += 9
                elif code == 30:
                    length = _i32(buffer, position + 5, end)
                    stop = position + 9 + length
                    if length < 0 or stop > end:
                        raise _truncated(stop, end)
                    if cython.compiled:
                        if self._context is None:
                            self._context = getcontext()
                            setcontext(_WIDE)
                        value = _decimal(data, buffer, position, length)
                    else:
                        value = decode_decimal(_i32(buffer, position + 1, end), data[position + 9 : stop])
                    position = stop
                elif code == 33 and has_clock:
                    if cython.compiled:
                        value = zone.timestamp(_i64(buffer, position + 1, end), _i32(buffer, position + 9, end))
                    else:
                        value = clock.timestamp(_i64(buffer, position + 1, end), _i32(buffer, position + 9, end))
                    position += 13
                elif code == 254 and has_clock and _is_date(data, position, end):
                    if cython.compiled:
                        value = zone.date(_i64(buffer, position + 12, end))
                    else:
                        value = clock.date(_i64(buffer, position + 12, end))
                    position += 20
                elif code == 8:
                    if position + 1 >= end:
                        raise _truncated(position + 2, end)
                    value = buffer[position + 1] != 0
                    position += 2
                else:
                    self.position = position
                    if self._context is not None:
                        # Anybody's code may be called from here.
                        self._restore_context()
                    try:
                        value = self.value()
                        position = self.position
                    finally:
                        self.position = -1
                    has_containers = True
                if cython.compiled:
                    Py_INCREF(value)
                    PyTuple_SET_ITEM(row, column, value)
                else:
                    row.append(value)
            if not cython.compiled:
                row = tuple(row)
            elif has_containers:
                PyObject_GC_Track(row)
            rows.append(row)
        if position > end:
            raise _truncated(position, end)
        self.position = position
        return None

    def column_codes(self, row_count: cython.Py_ssize_t, column_count: cython.Py_ssize_t) -> list[int]:
        """The type code of the first value in each column that is not NULL, in up to *row_count* rows.

        The position does not move. Columns with only NULLs have code 101.
        """
        start: cython.Py_ssize_t = self.position
        codes: list[int] = [101] * column_count
        unknown: cython.Py_ssize_t = column_count
        column: cython.Py_ssize_t
        code: cython.int
        try:
            for _ in range(row_count):
                for column in range(column_count):
                    code = self._code()
                    if code != 101 and codes[column] == 101:
                        codes[column] = code - 256 if code > 127 else code
                        unknown -= 1
                    self._skip(code)
                if not unknown:
                    break
        finally:
            self.position = start
        return codes

    def skip(self, count: int) -> None:
        """Go past *count* values without making them."""
        for _ in range(count):
            self._skip(self._code())

    @cython.cfunc
    def _skip(self, code: cython.int) -> object:
        """Go past one value, whose type code was read, without making it."""
        sizes: bytes = _FIXED_SIZES
        size: cython.Py_ssize_t = sizes[code]
        if size != _NO_SIZE:
            self._advance(size)
        elif code == 9 or code == 12 or code == 254:
            self._advance(self.count())
        elif code == 30:
            self._advance(4)
            self._advance(self.count())
        elif code == 27:
            self._advance(self.count())
            self._advance(4)
        elif code == 103:
            self.position -= 1
            self._advance(self._object_size())
        else:
            # Containers: rare in result columns, so reading them losslessly (which needs nothing to be
            # known about the cluster but schemas) is good enough.
            self.position -= 1
            lossless, self._lossless = self._lossless, True
            try:
                self.value()
            finally:
                self._lossless = lossless
        return None

    # --- any value ----------------------------------------------------------------------------------------

    def value(self) -> Any:
        """The next value, of any type."""
        if self._depth == 0 and self._handles:
            # Handles point back within one value; the next one starts afresh.
            self._handles = {}
        if self._depth >= _MAXIMUM_DEPTH:
            raise ProtocolError(f"values nested more than {_MAXIMUM_DEPTH} deep", code="nesting")
        start: cython.Py_ssize_t = self.position
        self._depth += 1
        try:
            return self._value_of(self._code(), start)
        finally:
            self._depth -= 1

    @cython.cfunc
    def _value_of(self, code: cython.int, start: cython.Py_ssize_t) -> object:
        lossless: cython.bint = self._lossless
        if code == 101:
            return None
        if code == 9:
            return self._string()
        if code == 4:
            return self.i64()
        if code == 6:
            position = self._advance(8)
            double: float = _f64(self.data, position, self.end)
            return double
        if code == 8:
            return self.boolean()
        if code == 10:
            return self.raw_uuid()
        if code == 30:
            scale = self.i32()
            return decode_decimal(scale, self._slice(self.count()))
        if code == 12:
            return self._slice(self.count())
        if code in (1, 2, 3, 5, 7):
            value: Any = self._narrow(code)
            return Typed(TypeCode(code), value) if lossless else value
        if code in (11, 33, 36):
            return self._temporal(code)
        if code == 254:
            return self._optimized()
        if code in PRIMITIVE_ARRAY_FORMATS:
            items = self._primitives(code)
            return Typed(TypeCode(code), items) if lossless else items
        if code in ELEMENT_CODES:
            return self._elements(code)
        if code == 103:
            self.position = start
            return self._object()
        if code == 27:
            return self._wrapped()
        if code in (28, 38):
            type_id, class_name = self._type_reference()
            constant = EnumValue(type_id, self.i32(), class_name, code == 38)
            if self._presentation is not None:
                return self._presentation.enum(constant, self.knowledge.binary_types)
            return constant
        if code in (23, 29):
            return self._object_array(code, start)
        if code == 24:
            return self._collection(start)
        if code == 25:
            return self._map(start)
        if code == 102:
            return self._handle(start)
        if code == 32:
            return ClassReference(*self._type_reference())
        if code == 35:
            interfaces = [ClassReference(*self._type_reference()) for _ in range(self.count(4))]
            return Proxy(interfaces, self.value())
        raise ProtocolError(f"unknown type code {code if code < 128 else code - 256} at byte {start}")

    def _narrow(self, code: int) -> Any:
        if code == 1:
            return self.i8()
        if code == 2:
            return self.i16()
        if code == 3:
            return self.i32()
        if code == 7:
            return chr(self.i16() & 0xFFFF)
        return _UNPACK_F32(self.data, self._advance(4))[0]

    def _temporal(self, code: int) -> Any:
        milliseconds = self.i64()
        nanoseconds = self.i32() if code == 33 else 0
        if self._lossless:
            instant = Instant(milliseconds, nanoseconds) if code == 33 else milliseconds
            return Typed(TypeCode(code), instant)
        clock = self.knowledge.wall_clock()
        presentation = self._presentation
        if presentation is not None:
            if code == 33:
                return presentation.timestamp(clock, milliseconds, nanoseconds)
            if code == 11:
                return presentation.date(clock, milliseconds)
            return presentation.time(clock, milliseconds)
        if code == 36:
            return clock.time(milliseconds)
        return clock.timestamp(milliseconds, nanoseconds)

    def _optimized(self) -> Any:
        start = self.position - 1
        payload = self._slice(self.count())
        if len(payload) == SQL_DATE_SIZE - 5 and payload.startswith(SQL_DATE_PREFIX[5:]):
            milliseconds = _UNPACK_I64(self.data, start + len(SQL_DATE_PREFIX))[0]
            if self._lossless:
                return Typed(TypeCode.OPTIMIZED, milliseconds)
            return self.knowledge.wall_clock().date(milliseconds)
        if not self._lossless and len(payload) == 20:
            if payload.startswith(_DURATION_PREFIX):
                seconds, nanoseconds = unpack_from("<qi", payload, 8)
                if nanoseconds % 1000 == 0:
                    try:
                        return timedelta(seconds=seconds, microseconds=nanoseconds // 1000)
                    except OverflowError:
                        raise DataError(
                            f"interval of {seconds} seconds is longer than Python's timedelta can hold",
                            code="value_not_representable",
                        ) from None
            elif payload.startswith(_PERIOD_PREFIX):
                return Period(*unpack_from("<iii", payload, 8))
        return OptimizedBlob(payload)

    def _primitives(self, code: int) -> list[Any]:
        letter = PRIMITIVE_ARRAY_FORMATS[code]
        size = _PRIMITIVE_SIZES[letter]
        number = self.count(size)
        items = unpack_from(f"<{number}{letter}", self.data, self._advance(number * size))
        if code == 18:
            return [chr(unit) for unit in items]
        return list(items)

    def _elements(self, code: int) -> Any:
        element_code = ELEMENT_CODES[code]
        items = []
        for _ in range(self.count()):
            item = self.value()
            if isinstance(item, Typed) and item.code == element_code:
                item = item.value
            items.append(item)
        return Typed(TypeCode(code), items) if self._lossless else items

    def _type_reference(self) -> tuple[int, str | None]:
        type_id = self.i32()
        return (type_id, self.string()) if type_id == 0 else (type_id, None)

    def _object_array(self, code: int, start: int) -> Any:
        type_id, class_name = self._type_reference()
        number = self.count()
        items: list[Any] = []
        result: Any = ObjectArray(items, type_id, class_name, code == 29) if self._lossless else items
        if self._presentation is not None:
            result = self._presentation.object_array(type_id, items)
        self._handles[start] = result
        for _ in range(number):
            items.append(self.value())
        return result

    def _collection(self, start: int) -> Any:
        number = self.count()
        kind = self.i8()
        items: list[Any] = []
        result: Any = Collection(items, kind) if self._lossless else items
        if self._presentation is not None:
            result = self._presentation.collection(kind, items)
        # Registered before its items are read: they may point back to it.
        self._handles[start] = result
        for _ in range(number):
            items.append(self.value())
        if result is items and kind in _SET_KINDS:
            members = _as_set(items)
            # Java's 1 and 1.0 are two members, Python's are one: where a set would lose a member, and for
            # members that no set can hold, the list is the answer.
            if members is not None and len(members) == number:
                result = members
                self._handles[start] = result
        return result

    def _map(self, start: int) -> Any:
        number = self.count(2)
        kind = self.i8()
        pairs: list[tuple[Any, Any]] = []
        if self._lossless:
            result = MapValue(pairs, kind)
            self._handles[start] = result
            for _ in range(number):
                pairs.append((self.value(), self.value()))
            return result
        mapping: Any = {}
        result = mapping
        if self._presentation is not None:
            result, mapping = self._presentation.mapping(kind)
        self._handles[start] = result
        for _ in range(number):
            key = self.value()
            value = self.value()
            pairs.append((key, value))
            if is_hashable(key):
                # The error comes from comparing two keys that contain themselves.
                with suppress(RecursionError):
                    mapping[key] = value
        # Java keys may be lists, and 1 and 1.0 are two keys there: where a dict would lose an entry, the
        # pairs themselves are the answer.
        if len(mapping) == number:
            return result
        return pairs if self._presentation is None else self._presentation.pairs(kind, pairs)

    def _handle(self, start: int) -> Any:
        target = start - self.i32()
        try:
            return self._handles[target]
        except KeyError:
            raise ProtocolError(f"handle at byte {start} points to byte {target}, where no value is") from None

    def _wrapped(self) -> Any:
        size = self.count()
        start = self.position
        stop = start + size
        self.position = stop
        offset = self.i32()
        after = self.position
        if not 0 <= offset < size:
            raise ProtocolError(f"object at byte {offset} of a wrapping of {size} bytes")
        self.position = start + offset
        end, self.end = self.end, stop
        try:
            value = self.value()
        finally:
            self.end = end
        if self._lossless:
            value = Wrapped(value, offset, self.data[start : start + offset], self.data[self.position : stop])
        self.position = after
        return value

    # --- complex objects ----------------------------------------------------------------------------------

    def _object_size(self) -> int:
        if self.end - self.position < _HEADER_SIZE:
            raise _truncated(self.position + _HEADER_SIZE, self.end)
        size: int = _i32(self.data, self.position + 12, self.end)
        if not _HEADER_SIZE <= size <= self.end - self.position:
            raise ProtocolError(f"object of {size} bytes, {self.end - self.position} are there")
        return size

    def _object(self) -> Any:
        start = self.position
        size = self._object_size()
        version, flags, type_id, hash_code, _, schema, offset = unpack_from("<BHiiiIi", self.data, start + 1)
        if version != 1:
            raise ProtocolError(f"object of data format version {version}; only 1 is known")
        stop = start + size
        self.position = start + _HEADER_SIZE
        class_name = self.string() if type_id == 0 else None
        raw: bytes | None = None
        field_ids: tuple[int, ...] = ()
        is_compact = bool(flags & _COMPACT_FOOTER)
        schema -= (schema & 0x80000000) << 1
        binary_type = None
        if flags & _USER_TYPE:
            if type_id:
                binary_type = self.knowledge.binary_types.get(type_id)
        else:
            binary_type = self.knowledge.binary_types.system_type(type_id)
        if flags & _HAS_SCHEMA:
            footer, footer_end, data_end = self._footer(start, stop, offset, flags)
            if flags & _HAS_RAW:
                raw = self.data[data_end:footer]
            if is_compact:
                known = binary_type.schemas.get(schema) if binary_type else None
                if known is None:
                    raise MissingBinaryType(type_id, schema)
                field_ids = known
            else:
                field_ids = self._footer_ids(footer, footer_end, flags)
        elif flags & _HAS_RAW:
            if not _HEADER_SIZE <= offset <= size:
                raise ProtocolError(f"raw data at byte {offset} of an object of {size} bytes")
            raw = self.data[start + offset : stop]
        result = BinaryObject(
            type_name=binary_type.type_name if binary_type else class_name,
            type_id=type_id,
            raw=raw,
            is_user_type=bool(flags & _USER_TYPE),
            is_compact=is_compact,
            class_name=class_name,
            field_ids=field_ids,
            hash_code=hash_code,
        )
        presentation = self._presentation
        shown: Any = result if presentation is None else presentation.new_object(result, schema, binary_type)
        self._handles[start] = shown
        fields = result.fields
        codes: list[int] = []
        end, self.end = self.end, stop
        try:
            for field_id in field_ids:
                name = binary_type.name_of(field_id) if binary_type else f"#{field_id}"
                field_start = self.position
                value = self.value()
                if (
                    value is not None
                    and flags & _USER_TYPE
                    and binary_type is not None
                    and field_id not in binary_type.field_names
                    and not self.knowledge.binary_types.is_nameless(type_id, field_id)
                ):
                    # A field may be registered only when it has a value, by any client at any time.
                    raise MissingBinaryType(type_id, field_id=field_id)
                fields[name] = value
                codes.append(self.data[field_start])
        finally:
            self.end = end
        self.position = stop
        if presentation is not None:
            presentation.fill_object(shown, result, codes)
        return shown

    def _footer(self, start: int, stop: int, offset: int, flags: int) -> tuple[int, int, int]:
        """Where footer and field data end: (footer start, footer end, end of the fields)."""
        footer, footer_end = start + offset, stop
        if flags & _HAS_RAW:
            footer_end -= 4
        if not start + _HEADER_SIZE <= footer <= footer_end:
            raise ProtocolError(f"footer at byte {offset} of an object of {stop - start} bytes")
        data_end = footer
        if flags & _HAS_RAW:
            data_end = start + _i32(self.data, footer_end, self.end)
            if not start + _HEADER_SIZE <= data_end <= footer:
                raise ProtocolError(f"raw data at byte {data_end - start} of an object of {stop - start} bytes")
        return footer, footer_end, data_end

    def _footer_ids(self, footer: int, footer_end: int, flags: int) -> tuple[int, ...]:
        width = 1 if flags & _OFFSETS_OF_ONE_BYTE else 2 if flags & _OFFSETS_OF_TWO_BYTES else 4
        step = 4 + width
        if (footer_end - footer) % step:
            raise ProtocolError(f"footer of {footer_end - footer} bytes, with entries of {step}")
        return tuple(_UNPACK_I32(self.data, place)[0] for place in range(footer, footer_end, step))


def _as_set(items: list[Any]) -> set[Any] | None:
    """*items* as a set, or None if they cannot be members of one."""
    try:
        return set(items)
    except (TypeError, RecursionError):  # not hashable; or objects that contain themselves were compared
        return None


_PRIMITIVE_SIZES = {"h": 2, "i": 4, "q": 8, "f": 4, "d": 8, "H": 2, "?": 1}

_NO_SIZE = 255
_SIZES = {1: 1, 2: 2, 3: 4, 4: 8, 5: 4, 6: 8, 7: 2, 8: 1, 10: 16, 11: 8, 33: 12, 36: 8, 101: 0, 102: 4}
# What follows the type code of values whose size is always the same, by type code.
_FIXED_SIZES = bytes(_SIZES.get(code, _NO_SIZE) for code in range(256))


def decode(data: bytes, knowledge: Knowledge | None = None, *, lossless: bool = False) -> Any:
    """The one value that *data* holds. Raises ProtocolError if there is more, or less."""
    return Reader(data, knowledge or Knowledge(), lossless=lossless).only_value()
