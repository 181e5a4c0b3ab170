"""The buffers of columns as they grow, and the wider kinds that they become for values of other types.

What :mod:`~ignite_dbapi.protocol.codec.columns` does seldom, and both its forms alike. Never compiled.
"""

from __future__ import annotations

from array import array
from struct import Struct
from typing import Any, Final

import attrs

from ignite_dbapi.errors import DataError, ProtocolError
from ignite_dbapi.protocol.codec.reader import MAXIMUM_DECIMAL_SIZE, decode_text
from ignite_dbapi.protocol.codec.type_codes import SQL_DATE_PREFIX, SQL_DATE_SIZE, TypeCode

# The kind of a column is the type code of the values that it holds, as an unsigned byte, or one of these two.
NO_VALUES: Final = int(TypeCode.NULL)
OBJECTS: Final = 0
DATES: Final = TypeCode.OPTIMIZED & 0xFF

# Bytes of a value in the buffer of a column whose values are all of one size.
WIDTHS: Final = {1: 1, 2: 2, 3: 4, 4: 8, 5: 4, 6: 8, 8: 1, 10: 16, 33: 8, 36: 8, DATES: 4}
# Values that lie in the buffer as they lie in the page.
COPIED: Final = {1: 1, 2: 2, 3: 4, 4: 8, 5: 4, 6: 8}
OF_ANY_SIZE: Final = frozenset({9, 12, 30})
_LETTERS: Final = {1: "b", 2: "h", 3: "i", 4: "q", 5: "f", 6: "d"}
NAMES: Final = {
    1: "TINYINT", 2: "SMALLINT", 3: "INTEGER", 4: "BIGINT", 5: "REAL", 6: "DOUBLE", 7: "CHAR", 8: "BOOLEAN",
    9: "VARCHAR", 10: "UUID", 11: "TIMESTAMP", 12: "VARBINARY", 30: "DECIMAL", 33: "TIMESTAMP", 36: "TIME",
    DATES: "DATE",
}  # fmt: skip

# Whole numbers up to this one have a DOUBLE of their own each.
_LARGEST_EXACT_DOUBLE: Final = 1 << 53

_I16: Final = Struct("<h").unpack_from
I32: Final = Struct("<i")
I64: Final = Struct("<q")


@attrs.define(eq=False)
class Column:
    """One column as far as it was decoded.

    *values* holds values of one size one after the other, or the bytes of texts, byte arrays and decimals, of which
    number *n* lies between the entries *n* and *n* + 1 of *ends*. *nulls* are the numbers of the rows without a value,
    and *scales* the scales of decimals. Both, and *ends*, are numbers of 32 bits. *unit* is how many nanoseconds one
    of a TIMESTAMP column's numbers stands for. *objects* are the values of a column of objects, or as many of another
    column's as were made (see :mod:`~ignite_dbapi.protocol.codec.column_objects`).
    """

    name: str
    kind: int = NO_VALUES
    unit: int = 1000
    values: bytearray = attrs.field(factory=bytearray)
    ends: bytearray = attrs.field(factory=bytearray)
    scales: bytearray = attrs.field(factory=bytearray)
    nulls: bytearray = attrs.field(factory=bytearray)
    objects: list[Any] = attrs.field(factory=list)
    # Of decimals: what the type of the column has grown to, and as many of them as integers of that type as there are.
    scale: int = 0
    width: int = 16
    fixed: bytearray = attrs.field(factory=bytearray)
    # Whether one is known not to fit, so that there is no use in going on.
    has_misfit: bool = False
    # What the column was before the page that is being appended made another kind of it.
    _before: tuple[Any, ...] | None = attrs.field(default=None, init=False)

    def become(self, kind: int, count: int) -> None:
        """Take values of *kind* from now on; there are *count* rows without a value so far."""
        self.remember()
        self.kind = kind
        self.values = bytearray(count * WIDTHS.get(kind, 0))
        self.ends = bytearray(4 * (count + 1) if kind in OF_ANY_SIZE else 0)
        self.scales = bytearray(4 * count if kind == 30 else 0)
        self.fixed = bytearray()
        self.has_misfit = False
        self.objects = [None] * count if kind == OBJECTS else []

    def remember(self) -> None:
        """Keep what :meth:`roll_back` needs; to be called before the kind or the unit changes."""
        if self._before is None:
            self._before = self.kind, self.unit, self.values, self.ends, self.scales, self.objects

    def settle(self) -> None:
        """Be what the last page has made of the column."""
        self._before = None

    def roll_back(self, count: int, null_count: int) -> None:
        """Be again what the column was when it had *count* rows."""
        if self._before is not None:
            self.kind, self.unit, self.values, self.ends, self.scales, self.objects = self._before
            self._before = None
        self.trim(count, null_count)

    def trim(self, count: int, null_count: int) -> None:
        """Forget all but the first *count* rows, of which *null_count* have no value."""
        del self.nulls[4 * null_count :]
        if self.kind in OF_ANY_SIZE:
            del self.ends[4 * (count + 1) :]
            del self.values[I32.unpack_from(self.ends, 4 * count)[0] :]
        else:
            del self.values[count * WIDTHS.get(self.kind, 0) :]
        if self.kind == 30:
            del self.scales[4 * count :]
        del self.objects[count:]

    def put(self, place: int, used: int, payload: bytes, scale: int = 0) -> int:
        """Let *payload* be the value of row *place*, after *used* bytes of others. Returns the bytes then used."""
        stop = used + len(payload)
        self.values[used:stop] = payload
        self.ends[4 * (place + 1) : 4 * (place + 2)] = I32.pack(stop)
        if self.kind == 30:
            self.scales[4 * place : 4 * (place + 1)] = I32.pack(scale)
        return stop

    def put_number(self, place: int, payload: bytes) -> None:
        """Let *payload* be the value of row *place* in a column of values of one size."""
        start = place * len(payload)
        self.values[start : start + len(payload)] = payload

    def numbers(self, count: int) -> list[Any]:
        """The first *count* numbers of a column of numbers."""
        letter = "q" if self.kind == 33 else _LETTERS[self.kind]
        return array(letter, bytes(self.values[: count * WIDTHS[self.kind]])).tolist()

    def null_places(self) -> list[int]:
        """The numbers of the rows without a value."""
        return array("i", bytes(self.nulls)).tolist()


@attrs.frozen(eq=False)
class DecodedColumn:
    """A column as Arrow wants it: *kind* says how to read *values* (see :class:`Column`).

    *validity* has a bit for each row, set where there is a value; None if all have one. *offsets* belong to texts and
    byte arrays. BOOLEAN values are bits, decimals have *width* bytes and all of them *scale*.
    """

    name: str
    kind: int
    null_count: int
    validity: bytearray | None
    values: bytearray
    offsets: bytearray | None
    objects: list[Any] | None
    unit: int
    scale: int
    width: int


@attrs.frozen(eq=False)
class ColumnBatch:
    """Some rows as columns. *first_row* is the number of the first one in the result, from 0."""

    columns: list[DecodedColumn]
    row_count: int
    first_row: int


class WrongKind(Exception):
    """A value does not go into its column."""


def truncated(end: int) -> ProtocolError:
    """The error for a message that ends within a value."""
    return ProtocolError(f"message ends within a value: {end} bytes are there")


def no_arrow_type(name: str, row: int) -> DataError:
    """The error for an object in the column *name*, where Arrow's types are wanted."""
    return DataError(
        f"column {name!r}, row {row} (from 0): Arrow has no type for the object there; select its fields or CAST it to "
        f"VARCHAR, or use fetch_pandas(), fetch_numpy() or fetchall()",
        code="column_of_objects",
    )


def kind_of_first(code: int, data: bytes, position: int) -> int:
    """The kind of a column whose first value stands at *position*."""
    if code == DATES:
        is_date = data[position : position + len(SQL_DATE_PREFIX)] == SQL_DATE_PREFIX
        return DATES if is_date and position + SQL_DATE_SIZE <= len(data) else OBJECTS
    if code == 11:
        return 33
    if code == 7:
        return 9
    return code if code in WIDTHS or code in OF_ANY_SIZE else OBJECTS


def adapted(
    column: Column, data: bytes, position: int, end: int, place: int, code: int
) -> tuple[int, bytes | None, int]:
    """Where to go on, and what to append (bytes, and the scale of a decimal), if the column was not widened first."""
    kind = column.kind
    if code == kind == 8:
        return position + 2, bytes([data[position + 1] != 0]), 0
    if code == kind == 10:
        stop = position + 17
        if stop > end:
            raise truncated(end)
        return stop, data[position + 8 : position : -1] + data[position + 16 : position + 8 : -1], 0
    if code == kind and kind in (9, 12):
        payload, stop = bytes_at(data, position + 5, end)
        return stop, utf8(payload) if kind == 9 else payload, 0
    if code == 7 and kind == 9:
        unit = _I16(data, position + 1)[0] & 0xFFFF
        if 0xD800 <= unit < 0xE000:
            raise WrongKind("text with half of a character (a lone surrogate)")
        return position + 3, chr(unit).encode(), 0
    if code == kind == 30:
        payload, stop = bytes_at(data, position + 9, end)
        check_magnitude(payload)
        return stop, payload, I32.unpack_from(data, position + 1)[0]
    if code in (1, 2, 3, 4, 5, 6) and kind in (1, 2, 3, 4, 5, 6, 30):
        return _adapted_number(column, data, position, end, place, code)
    if code == 30 and kind in (1, 2, 3, 4):
        _make_decimals(column, place)
        return position, None, 0
    raise WrongKind


def _adapted_number(
    column: Column, data: bytes, position: int, end: int, place: int, code: int
) -> tuple[int, bytes | None, int]:
    kind = column.kind
    after = position + 1 + WIDTHS[code]
    if after > end:
        raise truncated(end)
    if code == kind:
        return after, data[position + 1 : after], 0
    number = array(_LETTERS[code], data[position + 1 : after])[0]
    if kind == 30:
        if code > 4:
            raise WrongKind
        return after, _magnitude(number), 0
    if code <= 4 and kind <= 4:
        if code > kind:
            _widen(column, place, code)
            return position, None, 0
        return after, array(_LETTERS[kind], [number]).tobytes(), 0
    if kind == 6:
        if code <= 4 and abs(number) > _LARGEST_EXACT_DOUBLE:
            raise WrongKind(f"the {NAMES[code]} {number}, which no DOUBLE is equal to,")
        return after, array("d", [number]).tobytes(), 0
    # A REAL holds not all that an INTEGER does: a DOUBLE is the next that may hold both.
    if kind <= 4 and any(abs(value) > _LARGEST_EXACT_DOUBLE for value in column.numbers(place)):
        raise WrongKind(f"a {NAMES[code]} after numbers that no DOUBLE is equal to")
    _widen(column, place, 6)
    return position, None, 0


def _widen(column: Column, count: int, kind: int) -> None:
    column.remember()
    column.values = bytearray(array(_LETTERS[kind], column.numbers(count)).tobytes())
    column.kind = kind


def _make_decimals(column: Column, count: int) -> None:
    nulls = set(column.null_places())
    numbers = column.numbers(count)
    column.become(30, 0)
    used = 0
    for place, number in enumerate(numbers):
        used = column.put(place, used, b"" if place in nulls else _magnitude(number))


def _magnitude(number: int) -> bytes:
    """*number* as decimals travel: big endian, the sign in the first bit."""
    payload = bytearray(abs(number).to_bytes(abs(number).bit_length() // 8 + 1, "big"))
    if number < 0:
        payload[0] |= 0x80
    return bytes(payload)


def put_null(column: Column, place: int) -> None:
    """Let row *place*, the next one of *column*, have no value."""
    column.nulls += I32.pack(place)
    if column.kind in OF_ANY_SIZE:
        column.put(place, len(column.values), b"")
    else:
        column.values += bytes(WIDTHS.get(column.kind, 0))


def bytes_at(data: bytes, start: int, end: int) -> tuple[bytes, int]:
    """The bytes from *start* on, before which their number stands, and where they end."""
    length: int = I32.unpack_from(data, start - 4)[0]
    stop = start + length
    if length < 0 or stop > end:
        raise truncated(end)
    return data[start:stop], stop


def utf8(payload: bytes) -> bytes:
    """*payload* as UTF-8 proper, whichever string version it came in."""
    if payload.isascii():
        return payload
    try:
        return decode_text(payload).encode()
    except UnicodeEncodeError:
        raise WrongKind("text with half of a character (a lone surrogate)") from None


def check_magnitude(payload: bytes) -> None:
    """Raise for the digits of a decimal that are none, or far too many."""
    if not payload:
        raise ProtocolError("decimal without magnitude bytes")
    if len(payload) > MAXIMUM_DECIMAL_SIZE:
        raise WrongKind(f"a decimal of {len(payload)} bytes")
