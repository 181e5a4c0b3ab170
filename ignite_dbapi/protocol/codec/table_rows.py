"""Rows of a table to entries of its cache: the bytes of key and value that an INSERT makes of a row.

A :class:`RowEncoder` encodes a block of rows in one call, from sequences of Python values or from columns as Arrow has
them; of the latter it makes no Python objects. Both forms of this file, compiled and interpreted, walk the same way
through a row, and differ in how they put numbers into the buffer. The server checks nothing of what is written past
SQL, so everything that an INSERT would refuse is refused here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime, time
from decimal import Decimal
from operator import mul
from struct import Struct
from typing import Any, Final

try:
    import cython
except ModuleNotFoundError:
    from ignite_dbapi.protocol.codec import _cython as cython  # type: ignore[no-redef]

from ignite_dbapi.errors import DataError, Error, IntegrityError, ProgrammingError
from ignite_dbapi.protocol.codec.clock import UNKNOWN_OFFSET, Clock
from ignite_dbapi.protocol.codec.knowledge import Knowledge, MissingServerFacts
from ignite_dbapi.protocol.codec.names import EMPTY_SCHEMA_ID, schema_id, signed32, utf16_units
from ignite_dbapi.protocol.codec.table_columns import (
    BINARIES,
    BOOLEANS,
    DAYS,
    DECIMALS,
    FLOATS,
    INSTANTS,
    INTEGERS,
    OBJECTS,
    TEXTS,
    TIMES,
    UUIDS,
    ColumnBlock,
    ColumnValues,
    EntryPart,
    RowBlock,
    TableColumn,
)
from ignite_dbapi.protocol.codec.type_codes import SQL_DATE_PREFIX, TypeCode
from ignite_dbapi.protocol.codec.writer import Writer

if cython.compiled:
    from cython.cimports.cpython.bytearray import PyByteArray_Resize  # type: ignore[import-not-found]
    from cython.cimports.cpython.unicode import PyUnicode_AsUTF8AndSize  # type: ignore[import-not-found]
    from cython.cimports.ignite_dbapi.protocol._cpython import PyUnicode_IS_ASCII  # type: ignore[import-not-found]
    from cython.cimports.ignite_dbapi.protocol._data_hash import hash_of_data  # type: ignore[import-not-found]
    from cython.cimports.ignite_dbapi.protocol._plain_values import (  # type: ignore[import-not-found]
        day_of_date,
        day_of_datetime,
        is_wall_time,
        microsecond_of_day,
        take_decimal,
    )
    from cython.cimports.libc.string import memchr, memcpy, memset  # type: ignore[import-not-found]

COMPILED: bool = bool(cython.compiled)

_HEADER: Final = Struct("<BBHiiiii")
_LENGTH: Final = Struct("<Bi")
_LONG: Final = Struct("<Bq")
_DOUBLE: Final = Struct("<Bd")
_FLOAT: Final = Struct("<Bf")
_TIMESTAMP: Final = Struct("<Bqi")
_DECIMAL: Final = Struct("<Bii")
_I64: Final = Struct("<q")
_UNPACK_F64: Final = Struct("<d").unpack_from
_UNPACK_F32: Final = Struct("<f").unpack_from
_INTEGERS: Final = {1: Struct("<Bb"), 2: Struct("<Bh"), 3: Struct("<Bi"), 4: _LONG}
_BITS: Final = {1: 7, 2: 15, 3: 31, 4: 63}

_LARGEST_ROW = cython.declare(cython.Py_ssize_t, 1 << 30)
_HEADER_SIZE = cython.declare(cython.Py_ssize_t, 24)
_USER_TYPE: Final = 0x0001
_HAS_SCHEMA: Final = 0x0002
_HAS_RAW: Final = 0x0004
_OFFSETS_OF_ONE_BYTE = cython.declare(cython.int, 0x0008)
_OFFSETS_OF_TWO_BYTES = cython.declare(cython.int, 0x0010)
_COMPACT_FOOTER: Final = 0x0020

# The keys that Ignite gives to the rows of a table without a key.
_IGNITE_UUID_ID: Final = 63
_GENERATED: Final = Struct("<qqq")

# The layouts of columns, in C's type: they are looked at for every value.
_OF_INTEGERS = cython.declare(cython.int, INTEGERS)
_OF_FLOATS = cython.declare(cython.int, FLOATS)
_OF_BOOLEANS = cython.declare(cython.int, BOOLEANS)
_OF_TEXTS = cython.declare(cython.int, TEXTS)
_OF_BINARIES = cython.declare(cython.int, BINARIES)
_OF_DAYS = cython.declare(cython.int, DAYS)
_OF_INSTANTS = cython.declare(cython.int, INSTANTS)
_OF_TIMES = cython.declare(cython.int, TIMES)
_OF_UUIDS = cython.declare(cython.int, UUIDS)
_OF_DECIMALS = cython.declare(cython.int, DECIMALS)
_OF_OBJECTS = cython.declare(cython.int, OBJECTS)

_DAY = cython.declare(cython.longlong, 86_400_000)
_NANOSECONDS = cython.declare(cython.longlong, 1_000_000_000)
_UNKNOWN_OFFSET = cython.declare(cython.longlong, UNKNOWN_OFFSET)
# The years 1 to 9999, in days since 1970.
_FIRST_DAY = cython.declare(cython.longlong, -719_162)
_LAST_DAY = cython.declare(cython.longlong, 2_932_896)
_EPOCH_ORDINAL: Final = 719_163
_LARGEST_FLOAT = cython.declare(cython.double, 3.4028235677973366e38)
_INFINITY = cython.declare(cython.double, float("inf"))
_NAN = cython.declare(cython.double, float("nan"))

# 31 to the power of how many bytes follow, for the hash of data; extended as longer data come.
_powers: list[int] = [1]


def _hash_of(data: memoryview) -> int:
    """The hash of an object's data: as data_hash, in half the time without a compiler."""
    count = len(data)
    while len(_powers) <= count:
        _powers.extend([_powers[-1] * power & 0xFFFFFFFF for power in _first_powers])
    return signed32(_powers[count] + sum(map(mul, data.cast("b"), _powers[count - 1 :: -1] if count else ())))


_first_powers: Final = [pow(31, exponent, 1 << 32) for exponent in range(1, 257)]


def _header_of(part: EntryPart, is_compact: bool) -> tuple[Any, ...]:
    """What is the same in the headers of all objects of *part*: type, flags, schema, fields; empty for plain values."""
    if part.type_id is None:
        return ()
    flags = _USER_TYPE | (_COMPACT_FOOTER if is_compact else 0)
    if not part.field_ids:
        return part.type_id, flags, EMPTY_SCHEMA_ID, ()
    return part.type_id, flags | _HAS_SCHEMA, schema_id(part.field_ids), part.field_ids


def _instant_of_wall(clock: Clock, day: int, milliseconds: int) -> int:
    """The instant of a wall clock's time, the slow and exact way."""
    seconds, rest = divmod(milliseconds, 1000)
    minutes, second = divmod(seconds, 60)
    moment = datetime.combine(
        date.fromordinal(day + _EPOCH_ORDINAL), time(minutes // 60, minutes % 60, second, rest * 1000)
    )
    return clock.instant_of_timestamp(moment)[0]


def _out_of_range() -> DataError:
    return DataError("a date and time outside the years 1 to 9999", code="value_out_of_range")


@cython.cfunc
@cython.inline
def _is_ascii(text: cython.p_const_uchar, size: cython.Py_ssize_t) -> cython.bint:
    """Compiled only."""
    place: cython.Py_ssize_t
    bits: cython.uchar = 0
    for place in range(size):
        bits |= text[place]
    return bits < 0x80


@cython.cfunc
@cython.inline
def _canonical(number: cython.double) -> cython.double:
    """*number* with the one NaN that Java has."""
    return _NAN if number != number else number


@cython.cclass
class _Cell:
    """A column as the encoder uses it: the same as TableColumn, in C's types where they are compiled."""

    column = cython.declare(object)
    code = cython.declare(cython.int)
    place = cython.declare(cython.Py_ssize_t)
    precision = cython.declare(cython.longlong)
    is_nullable = cython.declare(cython.bint)
    low = cython.declare(cython.longlong)
    high = cython.declare(cython.longlong)
    # Where the values are of the block that is being encoded.
    layout = cython.declare(cython.int)
    has_nulls = cython.declare(cython.bint)
    is_exact = cython.declare(cython.bint)
    offset = cython.declare(cython.Py_ssize_t)
    scale = cython.declare(cython.longlong)
    objects = cython.declare(list)
    # Views keep the memory that the pointers lead to.
    values = cython.declare(object)
    ends = cython.declare(object)
    validity = cython.declare(object)
    value_size = cython.declare(cython.longlong)
    value_bytes = cython.declare(cython.p_const_uchar)
    end_bytes = cython.declare(cython.p_const_uchar)
    validity_bits = cython.declare(cython.p_const_uchar)

    def __init__(self, column: TableColumn) -> None:
        self.column = column
        self.code = 0 if column.code is None else column.code
        self.place = column.place
        self.precision = column.precision
        self.is_nullable = column.is_nullable
        bits = _BITS.get(self.code, 63)
        self.low = -(2**bits)
        self.high = 2**bits - 1

    @cython.cfunc
    def attach(self, values: ColumnValues) -> object:
        """Take the values from *values* from now on."""
        self.layout = values.layout
        self.is_exact = values.is_exact
        self.offset = values.offset
        self.scale = values.scale
        self.objects = values.objects
        self.has_nulls = values.validity is not None
        self.values = None if values.values is None else memoryview(values.values).cast("B")
        self.value_size = 0 if self.values is None else len(self.values)
        self.ends = None if values.ends is None else memoryview(values.ends).cast("B")
        self.validity = None if values.validity is None else memoryview(values.validity).cast("B")
        if cython.compiled:
            view: cython.const[cython.uchar][:]
            if self.values is not None and len(self.values):
                view = self.values
                self.value_bytes = cython.address(view[0])
            if self.ends is not None and len(self.ends):
                view = self.ends
                self.end_bytes = cython.address(view[0])
            if self.validity is not None and len(self.validity):
                view = self.validity
                self.validity_bits = cython.address(view[0])
        elif self.layout in (INTEGERS, INSTANTS, TIMES):
            self.values = self.values.cast("q")
        elif self.layout == FLOATS:
            self.values = self.values.cast("d")
        elif self.layout == DAYS:
            self.values = self.values.cast("i")
        if not cython.compiled and self.ends is not None:
            self.ends = self.ends.cast("q")
        return None


@cython.cclass
class RowEncoder:
    """Encodes rows as entries of *key* and *value*.

    What it has encoded is taken with :meth:`take`. A row that raises leaves nothing behind, so that the rows before it
    can be taken, and after a MissingFact the same step be made again. With *generated_key* (two halves of a UUID, and
    the number to begin with) there is no *key*: rows get the keys that Ignite gives to rows of a table without one.
    """

    knowledge = cython.declare(object)
    _key_columns = cython.declare(list)
    _value_columns = cython.declare(list)
    _key = cython.declare(object)
    _value = cython.declare(object)
    _key_header = cython.declare(tuple)
    _value_header = cython.declare(tuple)
    _width = cython.declare(cython.Py_ssize_t)
    _names = cython.declare(tuple)
    _generated = cython.declare(object)
    _buffer = cython.declare(bytearray)
    _start = cython.declare(cython.p_uchar)
    _used = cython.declare(cython.Py_ssize_t)
    _capacity = cython.declare(cython.Py_ssize_t)
    _offsets = cython.declare(list)
    _is_compact = cython.declare(cython.bint)
    _is_wire_text_known = cython.declare(cython.bint)
    _clock = cython.declare(object)
    _is_offset_fixed = cython.declare(cython.bint)
    _fixed_offset = cython.declare(cython.longlong)
    _day = cython.declare(cython.longlong)
    _day_offset = cython.declare(cython.longlong)
    _current = cython.declare(_Cell)
    count = cython.declare(cython.Py_ssize_t, visibility="readonly")

    def __init__(
        self,
        knowledge: Knowledge,
        key: EntryPart | None,
        value: EntryPart,
        names: Sequence[str],
        *,
        generated_key: tuple[int, int, int] | None = None,
    ) -> None:
        self.knowledge = knowledge
        self._key, self._value = key, value
        self._key_columns = [] if key is None else [_Cell(column) for column in key.columns]
        self._value_columns = [_Cell(column) for column in value.columns]
        self._names = tuple(names)
        self._width = len(self._names)
        self._generated = generated_key
        self._day = _UNKNOWN_OFFSET
        self._current = None
        self._is_compact = False
        self._is_wire_text_known = False
        self._clock = None
        self._is_offset_fixed = False
        self._clear()

    def __len__(self) -> int:
        return self._at()

    def encode(self, block: RowBlock | ColumnBlock, row_limit: int, size_limit: int) -> None:
        """Encode rows of *block*, until *row_limit* rows wait to be taken or *size_limit* bytes do, or all are done.

        Errors tell the row and the column, and stand at the row in ``block.position``.
        """
        self._learn()
        rows: Any = None
        if isinstance(block, RowBlock):
            rows = block.rows
        else:
            cell: _Cell
            for cell in self._key_columns:
                if cell.place >= 0:
                    cell.attach(block.columns[cell.place])
            for cell in self._value_columns:
                if cell.place >= 0:
                    cell.attach(block.columns[cell.place])
        position: cython.Py_ssize_t = block.position
        end: cython.Py_ssize_t = block.row_count
        limit: cython.Py_ssize_t = row_limit
        size: cython.Py_ssize_t = size_limit
        start: cython.Py_ssize_t = self._at()
        row: object = None
        try:
            while position < end and self.count < limit and self._at() < size:
                start = self._at()
                if rows is not None:
                    row = rows[position]
                    if type(row) is list:
                        row = tuple(row)
                    if type(row) is not tuple or len(row) != self._width:
                        row = self._checked(row)
                if self._generated is not None:
                    self._put_generated_key()
                else:
                    self._put_part(self._key, self._key_columns, self._key_header, row, position)
                self._put_part(self._value, self._value_columns, self._value_header, row, position)
                if self._at() - start > _LARGEST_ROW:
                    self._current = None
                    raise DataError(
                        f"the row takes {self._at() - start} bytes: no more than 1 GiB", code="row_too_large"
                    )
                position += 1
                self.count += 1
        except Error as error:
            self._rewind(start)
            raise self._placed(error, block.first_row + position) from error.__cause__
        except BaseException:
            self._rewind(start)
            raise
        finally:
            block.position = position

    def take(self) -> bytearray:
        """The entries that were encoded since the last time, one after the other."""
        if cython.compiled:
            PyByteArray_Resize(self._buffer, self._used)
        taken = self._buffer
        self._clear()
        return taken

    # --- around the rows ----------------------------------------------------------------------------------------

    def _learn(self) -> None:
        """Take what is known of the server, and ask for what all rows need."""
        knowledge = self.knowledge
        if knowledge.is_compact_footer is None:
            raise MissingServerFacts
        self._is_compact = knowledge.is_compact_footer
        self._is_wire_text_known = knowledge.is_string_version_2 is False
        if knowledge.clock is not self._clock:
            self._clock = knowledge.clock
            offset = knowledge.clock.fixed_offset
            self._is_offset_fixed = offset is not None
            self._fixed_offset = 0 if offset is None else offset
            self._day = _UNKNOWN_OFFSET
        self._key_header = () if self._key is None else _header_of(self._key, bool(self._is_compact))
        self._value_header = _header_of(self._value, bool(self._is_compact))

    def _checked(self, row: object) -> object:
        """*row* as a sequence of as many values as there are columns."""
        self._current = None
        if isinstance(row, (str, bytes, bytearray, Mapping, set, frozenset)) or not hasattr(row, "__iter__"):
            raise ProgrammingError(
                f"a row is a sequence of values, one for each column, not {type(row).__name__}",
                code="row_not_sequence",
            )
        values = tuple(row)
        if len(values) != self._width:
            raise ProgrammingError(
                f"the row has {len(values)} values, but there are {self._width} columns ({', '.join(self._names)})",
                code="row_length",
            )
        return values

    def _placed(self, error: Error, row: int) -> Error:
        """*error* with the row, and the column, that it is about."""
        place = f"row {row} (from 0)"
        if self._current is not None:
            place += f", column {self._current.column.name!r} ({self._current.column.sql_name})"
        placed = type(error)(f"{place}: {error}")
        placed.__dict__.update(error.__dict__)
        return placed

    # --- keys and values ----------------------------------------------------------------------------------------

    @cython.cfunc
    @cython.exceptval(-1)
    def _put_part(
        self,
        part: object,
        cells: list,  # type: ignore[type-arg]
        header: tuple,  # type: ignore[type-arg]
        row: object,
        index: cython.Py_ssize_t,
    ) -> cython.int:
        cell: _Cell
        if not header:
            cell = cells[0]
            self._put_cell(cell, row, index)
            return 0
        start: cython.Py_ssize_t = self._at()
        last: cython.Py_ssize_t = 0
        offsets: list = self._offsets  # type: ignore[type-arg]
        offsets.clear()
        self._skip(_HEADER_SIZE)
        for cell in cells:
            last = self._at() - start
            offsets.append(last)
            self._put_cell(cell, row, index)
        self._finish_object(start, header, last)
        return 0

    @cython.cfunc
    @cython.exceptval(-1)
    def _finish_object(self, start: cython.Py_ssize_t, header: tuple, last: cython.Py_ssize_t) -> cython.int:  # type: ignore[type-arg]
        """Write the footer of the object that begins at *start*, whose last field is at *last*, and its header."""
        footer: cython.Py_ssize_t = self._at() - start
        width: cython.int = 1 if last < 1 << 8 else 2 if last < 1 << 16 else 4
        place: cython.Py_ssize_t
        offset: cython.longlong
        for place in range(len(self._offsets)):
            if not self._is_compact:
                self._put_number(header[3][place], 4)
            offset = self._offsets[place]
            self._put_number(offset, width)
        flags: cython.int = header[1]
        if self._offsets:
            flags |= _OFFSETS_OF_ONE_BYTE if width == 1 else _OFFSETS_OF_TWO_BYTES if width == 2 else 0
        else:
            footer = _HEADER_SIZE
        if cython.compiled:
            base: cython.p_uchar = self._start + start
            value: cython.uint = hash_of_data(base + _HEADER_SIZE, footer - _HEADER_SIZE)
            number: cython.int
            base[0] = 103
            base[1] = 1
            base[2] = flags & 0xFF
            base[3] = flags >> 8
            number = header[0]
            memcpy(base + 4, cython.address(number), 4)
            memcpy(base + 8, cython.address(value), 4)
            number = cython.cast(cython.int, self._used - start)
            memcpy(base + 12, cython.address(number), 4)
            number = header[2]
            memcpy(base + 16, cython.address(number), 4)
            number = cython.cast(cython.int, footer)
            memcpy(base + 20, cython.address(number), 4)
        else:
            with memoryview(self._buffer) as view:
                value = _hash_of(view[start + _HEADER_SIZE : start + footer])
            _HEADER.pack_into(
                self._buffer, start, 103, 1, flags, header[0], value, len(self._buffer) - start, header[2], footer
            )
        return 0

    def _put_generated_key(self) -> None:
        high, low, number = self._generated
        data = _GENERATED.pack(number, high, low)
        size = _HEADER_SIZE + len(data)
        self._put_bytes(
            _HEADER.pack(
                103, 1, _HAS_RAW, _IGNITE_UUID_ID, _hash_of(memoryview(data)), size, EMPTY_SCHEMA_ID, _HEADER_SIZE
            )
            + data
        )
        self._generated = (high, low, number + 1)

    # --- values, whichever way they come ------------------------------------------------------------------------

    @cython.cfunc
    @cython.exceptval(-1)
    def _put_cell(self, cell: _Cell, row: object, index: cython.Py_ssize_t) -> cython.int:
        if cell.place < 0:
            self._put_bytes(cell.column.constant)
            return 0
        self._current = cell
        if row is not None:
            values: tuple = row  # type: ignore[type-arg,assignment]
            self._put_object(cell, values[cell.place])
        elif cell.layout == _OF_OBJECTS:
            self._put_object(cell, cell.objects[cell.offset + index])
        else:
            self._put_from_column(cell, cell.offset + index)
        return 0

    @cython.cfunc
    @cython.exceptval(-1)
    def _put_object(self, cell: _Cell, value: object) -> cython.int:
        code: cython.int = cell.code
        kind: object = type(value)
        if value is None:
            self._put_null(cell)
        elif kind is int and 1 <= code <= 4:
            self._put_whole(cell, value)
        elif kind is str and code == 9:
            self._put_str(cell, value)
        elif kind is float and code == 6:
            self._put_double(value)  # type: ignore[arg-type]
        elif kind is float and code == 5:
            self._put_float(value)  # type: ignore[arg-type]
        elif kind is bool and code == 8:
            self._put_boolean(value is True)
        elif kind is datetime and code == 33 and self._is_wall_time(value):
            self._put_datetime(value)
        elif kind is date and code == -2:
            self._put_day(self._day_of(value))
        elif kind is Decimal and code == 30 and cython.compiled and self._put_decimal(cell, value):
            pass
        else:
            self._put_other(cell, value)
        return 0

    @cython.cfunc
    @cython.exceptval(-1)
    def _put_from_column(self, cell: _Cell, place: cython.Py_ssize_t) -> cython.int:
        layout: cython.int = cell.layout
        if cell.has_nulls and not self._is_valid(cell, place):
            self._put_null(cell)
        elif layout == _OF_INTEGERS:
            if cell.code == 30:
                self._put_small_decimal(cell, self._long_at(cell, place), 0)
            else:
                self._put_integer(cell, self._long_at(cell, place))
        elif layout == _OF_FLOATS:
            if cell.code == 5:
                self._put_float(self._double_at(cell, place))
            else:
                self._put_double(self._double_at(cell, place))
        elif layout == _OF_BOOLEANS:
            self._put_boolean(self._is_true(cell, place))
        elif layout in (_OF_TEXTS, _OF_BINARIES):
            self._put_slice(cell, place)
        elif layout == _OF_DAYS:
            self._put_days(cell, self._int_at(cell, place))
        elif layout == _OF_INSTANTS:
            self._put_instant(cell, self._long_at(cell, place))
        elif layout == _OF_TIMES:
            self._put_time(self._long_at(cell, place))
        elif layout == _OF_UUIDS:
            data: bytes = self._bytes_at(cell, 16 * place, 16)
            self._put_bytes(b"\x0a" + data[7::-1] + data[:7:-1])
        else:
            assert layout == _OF_DECIMALS
            self._put_wide_decimal(cell, self._bytes_at(cell, 16 * place, 16))
        return 0

    @cython.cfunc
    @cython.inline
    def _is_valid(self, cell: _Cell, place: cython.Py_ssize_t) -> cython.bint:
        if cython.compiled:
            return (cell.validity_bits[place >> 3] >> (place & 7)) & 1
        return bool(cell.validity[place >> 3] >> (place & 7) & 1)

    @cython.cfunc
    @cython.inline
    def _is_true(self, cell: _Cell, place: cython.Py_ssize_t) -> cython.bint:
        if cython.compiled:
            return (cell.value_bytes[place >> 3] >> (place & 7)) & 1
        return bool(cell.values[place >> 3] >> (place & 7) & 1)

    @cython.cfunc
    @cython.inline
    def _long_at(self, cell: _Cell, place: cython.Py_ssize_t) -> cython.longlong:
        if cython.compiled:
            number: cython.longlong = 0
            memcpy(cython.address(number), cell.value_bytes + 8 * place, 8)
            return number
        return cell.values[place]

    @cython.cfunc
    @cython.inline
    def _double_at(self, cell: _Cell, place: cython.Py_ssize_t) -> cython.double:
        if cython.compiled:
            number: cython.double = 0
            memcpy(cython.address(number), cell.value_bytes + 8 * place, 8)
            return number
        return cell.values[place]

    @cython.cfunc
    @cython.inline
    def _int_at(self, cell: _Cell, place: cython.Py_ssize_t) -> cython.longlong:
        if cython.compiled:
            number: cython.int = 0
            memcpy(cython.address(number), cell.value_bytes + 4 * place, 4)
            return number
        return cell.values[place]

    @cython.cfunc
    def _bytes_at(self, cell: _Cell, start: cython.Py_ssize_t, size: cython.Py_ssize_t) -> bytes:
        if cython.compiled:
            return cell.value_bytes[start : start + size]
        return bytes(cell.values[start : start + size])

    @cython.cfunc
    @cython.exceptval(-1)
    def _put_null(self, cell: _Cell) -> cython.int:
        if not cell.is_nullable:
            raise IntegrityError("Null value is not allowed", sqlstate="22004", code="null_not_allowed")
        self._put_number(101, 1)
        return 0

    # --- numbers ------------------------------------------------------------------------------------------------

    @cython.cfunc
    @cython.exceptval(-1)
    def _put_whole(self, cell: _Cell, value: object) -> cython.int:
        if cython.compiled:
            try:
                number: cython.longlong = value
            except OverflowError:
                return self._put_other(cell, value)
            return self._put_integer(cell, number)
        return self._put_integer(cell, value)

    @cython.cfunc
    @cython.exceptval(-1)
    def _put_integer(self, cell: _Cell, number: cython.longlong) -> cython.int:
        if not cell.low <= number <= cell.high:
            return self._put_other(cell, number)
        if cython.compiled:
            size: cython.int = 1 if cell.code == 1 else 2 if cell.code == 2 else 4 if cell.code == 3 else 8
            self._put_number(cell.code, 1)
            # Little-endian, so that the lower bytes come first.
            self._put_number(number, size)
        else:
            self._buffer += _INTEGERS[cell.code].pack(cell.code, number)
        return 0

    @cython.cfunc
    @cython.exceptval(-1)
    def _put_double(self, number: cython.double) -> cython.int:
        number = _canonical(number)
        if cython.compiled:
            self._reserve(9)
            self._start[self._used] = 6
            memcpy(self._start + self._used + 1, cython.address(number), 8)
            self._used += 9
        else:
            self._buffer += _DOUBLE.pack(6, number)
        return 0

    @cython.cfunc
    @cython.exceptval(-1)
    def _put_float(self, number: cython.double) -> cython.int:
        if (number >= _LARGEST_FLOAT or number <= -_LARGEST_FLOAT) and number not in (_INFINITY, -_INFINITY):
            raise DataError(f"{number!r} is out of range for REAL (32 bits); use DOUBLE", code="value_out_of_range")
        # An INSERT of -0.0 into a REAL leaves the sign out, into a DOUBLE it does not; so does adding zero.
        number = _canonical(number) + 0.0
        if cython.compiled:
            narrow: cython.float = cython.cast(cython.float, number)
            self._reserve(5)
            self._start[self._used] = 5
            memcpy(self._start + self._used + 1, cython.address(narrow), 4)
            self._used += 5
        else:
            self._buffer += _FLOAT.pack(5, number)
        return 0

    @cython.cfunc
    @cython.exceptval(-1)
    def _put_boolean(self, value: cython.bint) -> cython.int:
        self._put_number(8, 1)
        self._put_number(1 if value else 0, 1)
        return 0

    @cython.cfunc
    @cython.exceptval(-1)
    def _put_decimal(self, cell: _Cell, value: object) -> cython.int:
        """Put a Decimal of few digits, by way of its text; 0 if it is not of that kind. Compiled only."""
        unscaled: cython.longlong = 0
        scale: cython.longlong = 0
        if not take_decimal(value, cython.address(unscaled), cython.address(scale)):
            return 0
        self._put_small_decimal(cell, unscaled, scale)
        return 1

    @cython.cfunc
    @cython.exceptval(-1)
    def _put_small_decimal(self, cell: _Cell, unscaled: cython.longlong, scale: cython.longlong) -> cython.int:
        if not cython.compiled or unscaled <= -(2**62) or unscaled >= 2**62:
            return self._put_unscaled(cell, unscaled, scale)
        is_negative: cython.bint = unscaled < 0
        magnitude: cython.longlong = -unscaled if is_negative else unscaled
        rest: cython.longlong = magnitude
        digits: cython.longlong = 0
        while rest or not digits:
            digits += 1
            rest //= 10
        if (0 <= cell.precision < digits) or (0 <= cell.column.scale < scale):
            return self._put_unscaled(cell, unscaled, scale)
        # The top bit of the first byte is the sign.
        size: cython.int = 1
        while size < 8 and magnitude >> (8 * size - 1):
            size += 1
        self._put_number(30, 1)
        self._put_number(scale, 4)
        self._put_number(size, 4)
        self._reserve(8)
        place: cython.int
        for place in range(size):
            self._start[self._used + place] = (magnitude >> (8 * (size - 1 - place))) & 0xFF
        if is_negative:
            self._start[self._used] |= 0x80
        self._used += size
        return 0

    def _put_wide_decimal(self, cell: _Cell, data: bytes) -> int:
        return self._put_unscaled(cell, int.from_bytes(data, "little", signed=True), cell.scale)

    def _put_unscaled(self, cell: _Cell, unscaled: int, scale: int) -> int:
        """Put a decimal of any size."""
        magnitude = abs(unscaled)
        self._check_decimal(cell, len(str(magnitude)), scale)
        size = magnitude.bit_length() // 8 + 1
        data = bytearray(magnitude.to_bytes(size, "big"))
        if unscaled < 0:
            data[0] |= 0x80
        self._put_bytes(_DECIMAL.pack(30, scale, size) + data)
        return 0

    def _check_decimal(self, cell: _Cell, digits: int, scale: int) -> None:
        column = cell.column
        for name, limit, actual in (("precision", column.precision, digits), ("scale", column.scale, scale)):
            if 0 <= limit < actual:
                raise DataError(
                    f"value is out of range. Maximum {name}: {limit}, actual {name}: {actual}",
                    sqlstate="23000",
                    code="value_out_of_range",
                )

    # --- texts and bytes ----------------------------------------------------------------------------------------

    @cython.cfunc
    @cython.exceptval(-1)
    def _put_str(self, cell: _Cell, value: object) -> cython.int:
        if cython.compiled:
            size: cython.Py_ssize_t = 0
            try:
                text: cython.p_const_char = PyUnicode_AsUTF8AndSize(value, cython.address(size))
            except UnicodeEncodeError:
                return self._put_other(cell, value)
            if PyUnicode_IS_ASCII(value):
                return self._put_ascii(cell, cython.cast(cython.p_const_uchar, text), size)
            return self._put_utf8(cell, cython.cast(cython.p_const_uchar, text), size)
        # As Writer.value does: the one form that all servers take.
        text_: str = value  # type: ignore[assignment]
        if text_.isascii() and "\x00" not in text_ and not 0 <= cell.precision < len(text_):
            self._buffer += _LENGTH.pack(9, len(text_)) + text_.encode()
            return 0
        return self._put_other(cell, value)

    @cython.cfunc
    @cython.exceptval(-1)
    def _put_ascii(self, cell: _Cell, text: cython.p_const_uchar, size: cython.Py_ssize_t) -> cython.int:
        """As _put_utf8, of text that is known to be ASCII. Compiled only."""
        if 0 <= cell.precision < size or memchr(text, 0, size) != cython.NULL:
            return self._put_utf8(cell, text, size)
        self._put_text(text, size)
        return 0

    @cython.cfunc
    @cython.exceptval(-1)
    def _put_utf8(self, cell: _Cell, text: cython.p_const_uchar, size: cython.Py_ssize_t) -> cython.int:
        """Put UTF-8 that is known to be right. Compiled only."""
        place: cython.Py_ssize_t
        units: cython.Py_ssize_t = 0
        byte: cython.uchar
        is_plain: cython.bint = True
        for place in range(size):
            byte = text[place]
            if byte & 0xC0 != 0x80:
                units += 1
                if byte >= 0xF0:
                    units += 1
                    is_plain = False
                elif byte == 0:
                    is_plain = False
        if not (is_plain or self._is_wire_text_known) or 0 <= cell.precision < units:
            return self._put_other(cell, text[:size].decode())
        self._put_text(text, size)
        return 0

    @cython.cfunc
    @cython.inline
    @cython.exceptval(-1)
    def _put_text(self, text: cython.p_const_uchar, size: cython.Py_ssize_t) -> cython.int:
        """Put the bytes of a text. Compiled only."""
        self._put_number(9, 1)
        self._put_number(size, 4)
        self._reserve(size)
        memcpy(self._start + self._used, text, size)
        self._used += size
        return 0

    @cython.cfunc
    @cython.exceptval(-1)
    def _put_slice(self, cell: _Cell, place: cython.Py_ssize_t) -> cython.int:
        """Put a text or a byte array of a column; Arrow's texts are UTF-8, but whoever made them may be wrong."""
        start: cython.longlong = 0
        end: cython.longlong = 0
        if cython.compiled:
            memcpy(cython.address(start), cell.end_bytes + 8 * place, 8)
            memcpy(cython.address(end), cell.end_bytes + 8 * place + 8, 8)
        else:
            start, end = cell.ends[place], cell.ends[place + 1]
        if not 0 <= start <= end <= cell.value_size:
            raise DataError(f"bytes {start} to {end} of a column of {cell.value_size}", code="value_mismatch")
        if cell.layout == _OF_TEXTS:
            if cython.compiled and _is_ascii(cell.value_bytes + start, end - start):
                return self._put_ascii(cell, cell.value_bytes + start, end - start)
            try:
                text = self._bytes_at(cell, start, end - start).decode()
            except UnicodeDecodeError as error:
                raise DataError(f"text that is not UTF-8: {error}", code="value_not_representable") from None
            return self._put_str(cell, text)
        self._put_other(cell, self._bytes_at(cell, start, end - start))
        return 0

    # --- dates and times ----------------------------------------------------------------------------------------

    @cython.cfunc
    @cython.exceptval(-1, check=True)
    def _offset_of_day(self, day: cython.longlong) -> cython.longlong:
        """The zone's offset in milliseconds on a day of its wall clock; _UNKNOWN_OFFSET if it changes on it."""
        if self._clock is None:
            raise MissingServerFacts
        if self._is_offset_fixed:
            return self._fixed_offset
        if day != self._day:
            self._day_offset = self._clock.offset_on(day)
            self._day = day
        return self._day_offset

    @cython.cfunc
    @cython.exceptval(-1, check=True)
    def _day_of(self, value: object) -> cython.longlong:
        if cython.compiled:
            return day_of_date(value)
        day: date = value  # type: ignore[assignment]
        return day.toordinal() - _EPOCH_ORDINAL

    @cython.cfunc
    @cython.inline
    @cython.exceptval(check=False)
    def _is_wall_time(self, value: object) -> cython.bint:
        """Whether a datetime is naive and without a fold."""
        if cython.compiled:
            return is_wall_time(value)
        moment: datetime = value  # type: ignore[assignment]
        return moment.tzinfo is None and not moment.fold

    @cython.cfunc
    @cython.exceptval(-1)
    def _put_datetime(self, value: object) -> cython.int:
        """Put a naive datetime without a fold."""
        day: cython.longlong
        microseconds: cython.longlong
        if cython.compiled:
            day = day_of_datetime(value)
            microseconds = microsecond_of_day(value)
        else:
            moment: datetime = value  # type: ignore[assignment]
            day = moment.toordinal() - _EPOCH_ORDINAL
            seconds = 3600 * moment.hour + 60 * moment.minute + moment.second
            microseconds = 1_000_000 * seconds + moment.microsecond
        return self._put_wall(day, microseconds // 1000, 1000 * (microseconds % 1000))

    @cython.cfunc
    @cython.exceptval(-1)
    def _put_wall(
        self, day: cython.longlong, milliseconds: cython.longlong, nanoseconds: cython.longlong
    ) -> cython.int:
        """Put a TIMESTAMP from the wall clock of the server's zone."""
        offset: cython.longlong = self._offset_of_day(day)
        if offset == _UNKNOWN_OFFSET:
            return self._put_timestamp(_instant_of_wall(self._clock, day, milliseconds), nanoseconds)
        return self._put_timestamp(day * _DAY + milliseconds - offset, nanoseconds)

    @cython.cfunc
    @cython.exceptval(-1)
    def _put_timestamp(self, milliseconds: cython.longlong, nanoseconds: cython.longlong) -> cython.int:
        if cython.compiled:
            self._put_number(33, 1)
            self._put_number(milliseconds, 8)
            self._put_number(nanoseconds, 4)
        else:
            self._buffer += _TIMESTAMP.pack(33, milliseconds, nanoseconds)
        return 0

    @cython.cfunc
    @cython.exceptval(-1)
    def _put_day(self, day: cython.longlong) -> cython.int:
        """Put a DATE."""
        offset: cython.longlong = self._offset_of_day(day)
        milliseconds: cython.longlong = day * _DAY
        if offset == _UNKNOWN_OFFSET:
            milliseconds = _instant_of_wall(self._clock, day, 0)
        else:
            milliseconds -= offset
        self._put_bytes(SQL_DATE_PREFIX)
        self._put_number(milliseconds, 8)
        return 0

    @cython.cfunc
    @cython.exceptval(-1)
    def _put_days(self, cell: _Cell, day: cython.longlong) -> cython.int:
        if not _FIRST_DAY <= day <= _LAST_DAY:
            raise _out_of_range()
        if cell.code == 33:
            return self._put_wall(day, 0, 0)
        return self._put_day(day)

    @cython.cfunc
    @cython.exceptval(-1)
    def _put_instant(self, cell: _Cell, number: cython.longlong) -> cython.int:
        """Put a date and time that is counted since 1970, in parts of a second."""
        unit: cython.longlong = cell.scale
        seconds: cython.longlong
        nanoseconds: cython.longlong
        if unit == 1_000_000:
            # Most are microseconds, and division by a constant is a multiplication.
            seconds = number // 1_000_000
            nanoseconds = (number - seconds * 1_000_000) * 1000
        else:
            seconds = number // unit
            nanoseconds = (number - seconds * unit) * (_NANOSECONDS // unit)
        day: cython.longlong = seconds // 86_400
        if not _FIRST_DAY <= day <= _LAST_DAY:
            raise _out_of_range()
        milliseconds: cython.longlong = (seconds - day * 86_400) * 1000 + nanoseconds // 1_000_000
        if cell.code == 33:
            nanoseconds %= 1_000_000
            if cell.is_exact:
                return self._put_timestamp(day * _DAY + milliseconds, nanoseconds)
            return self._put_wall(day, milliseconds, nanoseconds)
        if cell.is_exact or milliseconds or nanoseconds:
            raise DataError(
                "DATE has no time of day, and this value has one; make dates of the column first",
                code="value_not_representable",
            )
        return self._put_day(day)

    @cython.cfunc
    @cython.exceptval(-1)
    def _put_time(self, nanoseconds: cython.longlong) -> cython.int:
        milliseconds: cython.longlong = nanoseconds // 1_000_000
        if milliseconds * 1_000_000 != nanoseconds:
            raise DataError(
                f"TIME holds milliseconds: a value has {nanoseconds % 1_000_000} nanoseconds more; round it first",
                code="value_not_representable",
            )
        if not 0 <= milliseconds < _DAY:
            raise DataError(f"{milliseconds} ms since midnight are no time of day", code="value_out_of_range")
        offset: cython.longlong = self._offset_of_day(0)
        if offset == _UNKNOWN_OFFSET:
            milliseconds = _instant_of_wall(self._clock, 0, milliseconds)
        else:
            milliseconds -= offset
        self._put_number(36, 1)
        self._put_number(milliseconds, 8)
        return 0

    # --- everything else: the way of single values ----------------------------------------------------------------

    def _put_other(self, cell: _Cell, value: Any) -> int:
        column = cell.column
        code = column.code
        writer = Writer(self.knowledge)
        if code is None:
            writer.value(value)
        else:
            writer.typed(TypeCode(code), value)
        data = writer.buffer
        if data[0] == 101:
            return self._put_null(cell)
        if code == 6:
            return self._put_double(_UNPACK_F64(data, 1)[0])
        if code == 5:
            return self._put_float(_UNPACK_F32(data, 1)[0])
        if code == 30:
            size = len(data) - 9
            scale = int.from_bytes(data[1:5], "little", signed=True)
            self._check_decimal(cell, len(str(int.from_bytes(data[9:], "big") & ~(128 << 8 * (size - 1)))), scale)
        elif code in (9, 12) and column.precision >= 0:
            length = len(utf16_units(value)) if code == 9 else len(data) - 5
            if length > column.precision:
                raise DataError(
                    f"value is too long. Maximum length: {column.precision}, actual length: {length}",
                    sqlstate="23000",
                    code="value_too_long",
                )
        self._put_bytes(data)
        return 0

    # --- the buffer ---------------------------------------------------------------------------------------------

    @cython.cfunc
    def _clear(self) -> object:
        self._buffer = bytearray()
        self._offsets = []
        self._used = 0
        self._capacity = 0
        self.count = 0
        return None

    @cython.cfunc
    @cython.inline
    def _at(self) -> cython.Py_ssize_t:
        """How many bytes there are."""
        return self._used if cython.compiled else len(self._buffer)

    @cython.cfunc
    def _rewind(self, size: cython.Py_ssize_t) -> object:
        """Drop what is behind the first *size* bytes."""
        if cython.compiled:
            self._used = size
        else:
            del self._buffer[size:]
        return None

    @cython.cfunc
    @cython.inline
    @cython.exceptval(-1)
    def _reserve(self, size: cython.Py_ssize_t) -> cython.int:
        """Make room for *size* more bytes. Compiled only."""
        if self._used + size > self._capacity:
            self._grow(size)
        return 0

    @cython.cfunc
    @cython.exceptval(-1)
    def _grow(self, size: cython.Py_ssize_t) -> cython.int:
        self._capacity = max(2 * self._capacity, self._used + size, 1 << 16)
        PyByteArray_Resize(self._buffer, self._capacity)
        self._start = self._buffer
        return 0

    @cython.cfunc
    @cython.exceptval(-1)
    def _skip(self, size: cython.Py_ssize_t) -> cython.int:
        """Leave out *size* bytes, which are written later."""
        if cython.compiled:
            self._reserve(size)
            memset(self._start + self._used, 0, size)
            self._used += size
        else:
            self._buffer += bytes(size)
        return 0

    @cython.cfunc
    @cython.inline
    @cython.exceptval(-1)
    def _put_number(self, number: cython.longlong, size: cython.Py_ssize_t) -> cython.int:
        """Put the lowest *size* bytes of *number*, little-endian."""
        if cython.compiled:
            self._reserve(8)
            # What is behind them is written over: eight bytes are one instruction.
            memcpy(self._start + self._used, cython.address(number), 8)
            self._used += size
        else:
            self._buffer += (number & ((1 << 8 * size) - 1)).to_bytes(size, "little")
        return 0

    @cython.cfunc
    @cython.exceptval(-1)
    def _put_bytes(self, data: object) -> cython.int:
        if cython.compiled:
            view: cython.const[cython.uchar][:] = data
            size: cython.Py_ssize_t = len(data)  # type: ignore[arg-type]
            if size:
                self._reserve(size)
                memcpy(self._start + self._used, cython.address(view[0]), size)
                self._used += size
        else:
            self._buffer += data  # type: ignore[operator]
        return 0
