"""Pages to columns: the values of each column one after the other, laid out as Arrow lays them out.

A :class:`ColumnDecoder` goes through the bytes of pages and appends every value to the buffers of its column, without
making an object of it. Compiled, it does so without holding the GIL. Values that are not of their column's type are
looked at more closely, by code that both forms share: the column then takes the wider type, if one holds all its values
exactly.
"""

from __future__ import annotations

from array import array
from collections.abc import Collection, Sequence
from struct import error as StructError  # noqa: N812 - it is a class
from typing import Final

try:
    import cython
except ModuleNotFoundError:
    from ignite_dbapi.protocol.codec import _cython as cython  # type: ignore[no-redef]

from ignite_dbapi.errors import DataError, ProtocolError
from ignite_dbapi.protocol.codec.clock import FIRST_DAY, LAST_DAY, UNKNOWN_OFFSET, Clock
from ignite_dbapi.protocol.codec.column_buffers import (
    COPIED,
    DATES,
    I32,
    I64,
    NAMES,
    NO_VALUES,
    OBJECTS,
    OF_ANY_SIZE,
    WIDTHS,
    Column,
    ColumnBatch,
    DecodedColumn,
    WrongKind,
    adapted,
    bytes_at,
    check_magnitude,
    kind_of_first,
    no_arrow_type,
    put_null,
    truncated,
    utf8,
)
from ignite_dbapi.protocol.codec.column_decimals import fix_decimals, fixed_decimals
from ignite_dbapi.protocol.codec.column_objects import add_objects
from ignite_dbapi.protocol.codec.knowledge import Knowledge
from ignite_dbapi.protocol.codec.reader import Reader
from ignite_dbapi.protocol.codec.type_codes import SQL_DATE_PREFIX, TypeCode

if cython.compiled:
    from cython.cimports.cpython.bytearray import PyByteArray_Resize  # type: ignore[import-not-found]
    from cython.cimports.libc.string import memcmp, memcpy, memset  # type: ignore[import-not-found]

COMPILED: bool = bool(cython.compiled)

# Offsets into the bytes of a column are numbers of 32 bits.
LARGEST_COLUMN: Final = 2**31 - 1
_DAY: Final = 86_400_000

# C numbers, which the loop without the GIL can read.
_HIGH_BITS = cython.declare(cython.ulonglong, 0x8080808080808080)
_FIRST_DAY = cython.declare(cython.longlong, FIRST_DAY)
_LAST_DAY = cython.declare(cython.longlong, LAST_DAY)
_NO_OFFSET = cython.declare(cython.longlong, UNKNOWN_OFFSET)
# Milliseconds that fit into 64 bits as microseconds, and as nanoseconds, with the offset of any zone.
_FARTHEST_INSTANT = cython.declare(cython.longlong, 9 * 10**15)
_LAST_NANOSECONDS = cython.declare(cython.longlong, 9 * 10**12)

# Cell and Progress are what the loop without the GIL works on; the interpreted form has no use for them.
Cell = cython.struct(
    kind=cython.int,
    width=cython.int,
    unit=cython.longlong,
    used=cython.Py_ssize_t,
    null_count=cython.Py_ssize_t,
    values=cython.p_uchar,
    ends=cython.p_int,
    scales=cython.p_int,
    nulls=cython.p_int,
)
Progress = cython.struct(
    buffer=cython.p_uchar,
    position=cython.Py_ssize_t,
    end=cython.Py_ssize_t,
    place=cython.Py_ssize_t,
    stop=cython.Py_ssize_t,
    column=cython.Py_ssize_t,
    column_count=cython.Py_ssize_t,
    # 0: the server's zone is not known; 1: one offset for all instants; 2: a table of offsets by day.
    zone=cython.int,
    offset=cython.longlong,
    # One instant whose day has several offsets, or is not in the table.
    single_instant=cython.longlong,
    single_offset=cython.longlong,
    offsets=cython.p_int,
    date_prefix=cython.p_uchar,
)


# --- the loop without the GIL: compiled only ------------------------------------------------------------------


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _is_utf8(text: cython.p_uchar, size: cython.Py_ssize_t) -> cython.bint:
    """Whether *text* is UTF-8 as Unicode defines it: shortest forms, no surrogates."""
    position: cython.Py_ssize_t = 0
    block: cython.ulonglong = 0
    lead: cython.int
    second: cython.int
    more: cython.int
    while position < size:
        if position + 8 <= size:
            memcpy(cython.address(block), text + position, 8)
            if block & _HIGH_BITS == 0:
                position += 8
                continue
        lead = text[position]
        position += 1
        if lead < 0x80:
            continue
        if lead < 0xC2 or lead > 0xF4:
            return False
        more = 1 if lead < 0xE0 else 2 if lead < 0xF0 else 3
        if position + more > size:
            return False
        second = text[position]
        if (
            (lead == 0xE0 and second < 0xA0)
            or (lead == 0xED and second > 0x9F)
            or (lead == 0xF0 and second < 0x90)
            or (lead == 0xF4 and second > 0x8F)
        ):
            return False
        while more > 0:
            if text[position] & 0xC0 != 0x80:
                return False
            position += 1
            more -= 1
    return True


@cython.cfunc
@cython.nogil
@cython.inline
@cython.exceptval(check=False)
def _shift(progress: cython.pointer(Progress), instant: cython.longlong) -> cython.bint:
    """Put the offset of the zone at *instant* into *progress*; False if it is not known."""
    day: cython.longlong
    offset: cython.int
    if instant > _FARTHEST_INSTANT or instant < -_FARTHEST_INSTANT:
        return False
    if progress.zone == 1:
        return True
    if progress.zone == 0:
        return False
    if instant == progress.single_instant:
        progress.offset = progress.single_offset
        return True
    day = instant // 86400000
    if day < _FIRST_DAY or day > _LAST_DAY:
        return False
    offset = progress.offsets[day - _FIRST_DAY]
    if offset == _NO_OFFSET:
        return False
    progress.offset = offset
    return True


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _fill(progress: cython.pointer(Progress), cells: cython.pointer(Cell)) -> cython.int:
    """Append values until all are there (0), one needs a closer look (1) or the message ends within one (2)."""
    buffer: cython.p_uchar = progress.buffer
    position: cython.Py_ssize_t = progress.position
    end: cython.Py_ssize_t = progress.end
    place: cython.Py_ssize_t = progress.place
    column: cython.Py_ssize_t = progress.column
    column_count: cython.Py_ssize_t = progress.column_count
    cell: cython.pointer(Cell)
    status: cython.int = 0
    code: cython.int
    length: cython.int = 0
    scale: cython.int = 0
    index: cython.int
    number32: cython.int = 0
    number: cython.longlong = 0
    while place < progress.stop:
        while column < column_count:
            cell = cells + column
            if position >= end:
                status = 2
                break
            code = buffer[position]
            if code == 101:
                if cell.kind == 0:
                    status = 1
                    break
                if cell.width:
                    memset(cell.values + place * cell.width, 0, cell.width)
                elif cell.ends != cython.NULL:
                    cell.ends[place + 1] = cython.cast(cython.int, cell.used)
                    if cell.scales != cython.NULL:
                        cell.scales[place] = 0
                cell.nulls[cell.null_count] = cython.cast(cython.int, place)
                cell.null_count += 1
                position += 1
            elif code == 9 or code == 12:
                if code != cell.kind:
                    status = 1
                    break
                if position + 5 > end:
                    status = 2
                    break
                memcpy(cython.address(length), buffer + position + 1, 4)
                if length < 0 or length > end - position - 5:
                    status = 2
                    break
                if code == 9 and not _is_utf8(buffer + position + 5, length):
                    status = 1
                    break
                memcpy(cell.values + cell.used, buffer + position + 5, length)
                cell.used += length
                cell.ends[place + 1] = cython.cast(cython.int, cell.used)
                position += 5 + length
            elif code == 3:
                if cell.kind != 3 and cell.kind != 4:
                    status = 1
                    break
                if position + 5 > end:
                    status = 2
                    break
                memcpy(cython.address(number32), buffer + position + 1, 4)
                if cell.kind == 3:
                    memcpy(cell.values + place * 4, cython.address(number32), 4)
                else:
                    number = number32
                    memcpy(cell.values + place * 8, cython.address(number), 8)
                position += 5
            elif code == 4 or code == 6:
                if code != cell.kind:
                    status = 1
                    break
                if position + 9 > end:
                    status = 2
                    break
                memcpy(cell.values + place * 8, buffer + position + 1, 8)
                position += 9
            elif code == 30:
                if cell.kind != 30:
                    status = 1
                    break
                if position + 9 > end:
                    status = 2
                    break
                memcpy(cython.address(scale), buffer + position + 1, 4)
                memcpy(cython.address(length), buffer + position + 5, 4)
                if length < 0 or length > end - position - 9:
                    status = 2
                    break
                if length == 0 or length > 16384:
                    status = 1
                    break
                memcpy(cell.values + cell.used, buffer + position + 9, length)
                cell.used += length
                cell.ends[place + 1] = cython.cast(cython.int, cell.used)
                cell.scales[place] = scale
                position += 9 + length
            elif code == 33:
                if cell.kind != 33:
                    status = 1
                    break
                if position + 13 > end:
                    status = 2
                    break
                memcpy(cython.address(number), buffer + position + 1, 8)
                memcpy(cython.address(number32), buffer + position + 9, 4)
                if not _shift(progress, number):
                    status = 1
                    break
                number += progress.offset
                if number32 < 0 or number32 > 999999:
                    status = 1
                    break
                if cell.unit == 1000 and number32 % 1000 == 0:
                    number = number * 1000 + number32 // 1000
                elif cell.unit == 1 and -_LAST_NANOSECONDS < number < _LAST_NANOSECONDS:
                    number = number * 1000000 + number32
                else:
                    status = 1
                    break
                memcpy(cell.values + place * 8, cython.address(number), 8)
                position += 13
            elif code == 254:
                if cell.kind != 254 or position + 20 > end or memcmp(buffer + position, progress.date_prefix, 12):
                    status = 1
                    break
                memcpy(cython.address(number), buffer + position + 12, 8)
                if not _shift(progress, number):
                    status = 1
                    break
                number = (number + progress.offset) // 86400000
                number32 = cython.cast(cython.int, number)
                memcpy(cell.values + place * 4, cython.address(number32), 4)
                position += 20
            elif code == 8:
                if cell.kind != 8:
                    status = 1
                    break
                if position + 2 > end:
                    status = 2
                    break
                cell.values[place] = buffer[position + 1] != 0
                position += 2
            elif code == 36:
                if cell.kind != 36:
                    status = 1
                    break
                if position + 9 > end:
                    status = 2
                    break
                memcpy(cython.address(number), buffer + position + 1, 8)
                if not _shift(progress, number):
                    status = 1
                    break
                number = (number + progress.offset) % 86400000 * 1000
                memcpy(cell.values + place * 8, cython.address(number), 8)
                position += 9
            elif code == 10:
                if cell.kind != 10:
                    status = 1
                    break
                if position + 17 > end:
                    status = 2
                    break
                for index in range(8):
                    cell.values[place * 16 + index] = buffer[position + 8 - index]
                    cell.values[place * 16 + 8 + index] = buffer[position + 16 - index]
                position += 17
            elif (code == 1 or code == 2 or code == 5) and code == cell.kind:
                if position + 1 + cell.width > end:
                    status = 2
                    break
                memcpy(cell.values + place * cell.width, buffer + position + 1, cell.width)
                position += 1 + cell.width
            else:
                status = 1
                break
            column += 1
        if status:
            break
        column = 0
        place += 1
    progress.position = position
    progress.place = place
    progress.column = column
    return status


# --- the decoder ----------------------------------------------------------------------------------------------


@cython.cclass
class ColumnDecoder:
    """Appends the rows of pages to columns with *names*; *first_row* is the number of the first one in the result.

    Unless *holds_objects*, values without a type of their own in Arrow raise DataError. Columns of *object_kinds* get
    their values as Python objects as well.
    """

    row_count = cython.declare(cython.Py_ssize_t, visibility="readonly")
    holds_objects = cython.declare(cython.bint, visibility="public")
    object_kinds = cython.declare(object, visibility="public")
    _columns = cython.declare(list)
    _first_row = cython.declare(object)
    _offsets = cython.declare(object)
    _cells = cython.declare(bytearray)
    _progress = cython.declare(Progress)

    def __init__(self, names: Sequence[str], first_row: int = 0) -> None:
        self.row_count = 0
        self.holds_objects = True
        self.object_kinds = ()
        self._columns = [Column(name) for name in names]
        self._first_row = first_row

    @property
    def size(self) -> int:
        """The bytes of the column that has most of them, which may be up to LARGEST_COLUMN."""
        return max((len(column.values) for column in self._columns if column.kind in OF_ANY_SIZE), default=0)

    def has_room(self, size: int) -> bool:
        """Whether every column can take *size* more bytes."""
        return self.size + size <= LARGEST_COLUMN

    def append(self, data: bytes, knowledge: Knowledge, position: int, end: int, row_count: int) -> int:
        """Decode *row_count* rows from *position* on, and return where they end.

        Nothing has been appended if this raises. DataError names a value that does not go into its column.
        """
        columns = self._columns
        if row_count < 0 or not 0 <= position <= end <= len(data) or row_count * len(columns) > end - position:
            raise ProtocolError(f"page of {row_count} rows and {len(columns)} columns in {end - position} bytes")
        null_counts = [len(column.nulls) // 4 for column in columns]
        is_done = False
        try:
            if cython.compiled:
                position = self._append(data, knowledge, position, end, row_count, null_counts)
            else:
                position = self._append_interpreted(data, knowledge, position, end, row_count)
            is_done = True
        except (StructError, IndexError):
            # Interpreted, struct and indexing notice the end of the message by themselves.
            raise truncated(end) from None
        finally:
            for column, null_count in zip(columns, null_counts, strict=True):
                if is_done:
                    column.settle()
                else:
                    column.roll_back(self.row_count, null_count)
        self.row_count += row_count
        return position

    def prepare(self) -> None:
        """Do with the rows that are there what :meth:`finish` would do, when nothing is under way any more.

        May be given up at any point, and called again.
        """
        for column in self._columns:
            if column.kind == TypeCode.DECIMAL and not column.has_misfit:
                # What does not fit is told at the end.
                column.has_misfit = fix_decimals(column, self.row_count) >= 0
            if column.kind in self.object_kinds and not column.has_misfit:
                add_objects(column, self.row_count)

    def finish(self) -> ColumnBatch:
        """What was appended since the last time, as columns; those that follow have the same types, or wider ones."""
        count = self.row_count
        decoded = [_decoded(column, count, self._first_row, self.object_kinds) for column in self._columns]
        batch = ColumnBatch(decoded, count, self._first_row)
        self._first_row += count
        self.row_count = 0
        for column in self._columns:
            column.nulls = bytearray()
            column.become(column.kind, 0)
            column.settle()
        return batch

    # --- compiled ---------------------------------------------------------------------------------------------

    @cython.cfunc
    def _append(
        self,
        data: bytes,
        knowledge: Knowledge,
        position: cython.Py_ssize_t,
        end: cython.Py_ssize_t,
        row_count: cython.Py_ssize_t,
        null_counts: list,  # type: ignore[type-arg]
    ) -> cython.Py_ssize_t:
        columns: list = self._columns  # type: ignore[type-arg]
        column_count: cython.Py_ssize_t = len(columns)
        memory: bytearray = bytearray(cython.sizeof(Cell) * column_count)
        prefix: bytes = SQL_DATE_PREFIX
        cells: cython.pointer(Cell) = cython.cast(cython.pointer(Cell), cython.cast(cython.p_uchar, memory))
        cell: cython.pointer(Cell)
        progress: cython.pointer(Progress) = cython.address(self._progress)
        status: cython.int = 1
        index: cython.Py_ssize_t
        progress.buffer = cython.cast(cython.p_uchar, data)
        progress.date_prefix = cython.cast(cython.p_uchar, prefix)
        progress.position = position
        progress.end = end
        progress.place = self.row_count
        progress.stop = self.row_count + row_count
        progress.column = 0
        progress.column_count = column_count
        self._set_zone(knowledge)
        for index in range(column_count):
            column = columns[index]
            cells[index].used = len(column.values)
            cells[index].null_count = null_counts[index]
            self._reserve(column, cells + index)
        while True:
            with cython.nogil:
                status = _fill(progress, cells)
            if status == 0:
                break
            if status == 2:
                raise truncated(end)
            column = columns[progress.column]
            cell = cells + progress.column
            del column.nulls[4 * cell.null_count :]
            code = data[progress.position]
            after, used = self._look_closer(column, data, knowledge, progress.position, end, progress.place, cell.used)
            if after != progress.position:
                if progress.zone == 2 and code in (33, 36, 254):
                    self._keep_offset(knowledge.wall_clock(), after - (12 if code == 33 else 8))
                progress.position = after
                progress.column += 1
                if progress.column == column_count:
                    progress.column = 0
                    progress.place += 1
            cell.used = used
            self._reserve(column, cell)
        for index in range(column_count):
            columns[index].trim(progress.stop, cells[index].null_count)
        return progress.position

    @cython.cfunc
    def _reserve(self, column: Column, cell: cython.pointer(Cell)) -> object:
        """Make room for what the rest of the page may add to *column*, and let *cell* point there."""
        values: bytearray = column.values
        ends: bytearray = column.ends
        scales: bytearray = column.scales
        nulls: bytearray = column.nulls
        stop: cython.Py_ssize_t = self._progress.stop
        kind: cython.int = column.kind
        cell.kind = kind
        cell.width = WIDTHS.get(kind, 0)
        cell.unit = column.unit
        cell.ends = cython.NULL
        cell.scales = cython.NULL
        if cell.width:
            _grow(values, stop * cell.width)
        elif kind == 9 or kind == 12 or kind == 30:
            _grow(values, cell.used + self._progress.end - self._progress.position)
            _grow(ends, 4 * (stop + 1))
            cell.ends = cython.cast(cython.p_int, cython.cast(cython.p_uchar, ends))
            if kind == 30:
                _grow(scales, 4 * stop)
                cell.scales = cython.cast(cython.p_int, cython.cast(cython.p_uchar, scales))
        # Between two values, so many of which may be NULL.
        _grow(nulls, 4 * (cell.null_count + stop - self._progress.place))
        cell.values = cython.cast(cython.p_uchar, values)
        cell.nulls = cython.cast(cython.p_int, cython.cast(cython.p_uchar, nulls))
        return None

    @cython.cfunc
    def _set_zone(self, knowledge: Knowledge) -> object:
        progress: cython.pointer(Progress) = cython.address(self._progress)
        clock = knowledge.clock
        progress.zone = 0
        if clock is not None and clock.fixed_offset is not None:
            progress.zone = 1
            progress.offset = clock.fixed_offset
        elif clock is not None:
            offsets: bytearray = clock.day_offsets
            self._offsets = offsets
            progress.zone = 2
            progress.offsets = cython.cast(cython.p_int, cython.cast(cython.p_uchar, offsets))
            progress.single_instant = 0
            progress.single_offset = clock.offset_at(0)
        return None

    @cython.cfunc
    def _keep_offset(self, clock: Clock, position: cython.Py_ssize_t) -> object:
        """Have the offset at hand if the next instant that is not in the table is this one again."""
        progress: cython.pointer(Progress) = cython.address(self._progress)
        memcpy(cython.address(progress.single_instant), progress.buffer + position, 8)
        progress.single_offset = clock.offset_at(progress.single_instant)
        return None

    # --- interpreted ------------------------------------------------------------------------------------------

    def _append_interpreted(self, data: bytes, knowledge: Knowledge, position: int, end: int, row_count: int) -> int:
        columns = self._columns
        start = self.row_count
        for place in range(start, start + row_count):
            for column in columns:
                code = data[position]
                kind = column.kind
                if code == 101 and kind != OBJECTS:
                    put_null(column, place)
                    position += 1
                elif code == kind and kind in COPIED:
                    stop = position + 1 + COPIED[kind]
                    column.values += data[position + 1 : stop]
                    position = stop
                elif code == kind and kind in OF_ANY_SIZE:
                    position = self._append_bytes(column, data, position, end, place)
                else:
                    while True:
                        used = len(column.values)
                        after, used = self._look_closer(column, data, knowledge, position, end, place, used)
                        if after != position:
                            break
                    position = after
            if position > end:
                raise truncated(end)
        return position

    def _append_bytes(self, column: Column, data: bytes, position: int, end: int, place: int) -> int:
        head = position + 5
        scale = 0
        if column.kind == 30:
            head += 4
            scale = I32.unpack_from(data, position + 1)[0]
        payload, stop = bytes_at(data, head, end)
        try:
            if column.kind == 9:
                payload = utf8(payload)
            elif column.kind == 30:
                check_magnitude(payload)
        except WrongKind as reason:
            raise self._mixed(column, column.kind, place, str(reason)) from None
        column.put(place, len(column.values), payload, scale)
        return stop

    # --- values that are not what the column holds, in both forms ------------------------------------------------

    def _look_closer(
        self, column: Column, data: bytes, knowledge: Knowledge, position: int, end: int, place: int, used: int
    ) -> tuple[int, int]:
        """Change *column* so that it can hold the value at *position*, or append the value.

        Returns where to go on, and how many bytes of the column's values are in use.
        """
        code = data[position]
        try:
            if column.kind == OBJECTS:
                if not self.holds_objects:
                    raise no_arrow_type(column.name, self._first_row + place)
                after = self._append_object(column, data, knowledge, position, end)
            elif column.kind == NO_VALUES:
                column.become(kind_of_first(code, data, position), place)
                after = position
            elif column.kind in (33, 36, DATES) and code in (11, 33, 36, DATES):
                after = self._append_time(column, data, knowledge, position, end, place, code)
            else:
                after, payload, scale = adapted(column, data, position, end, place, code)
                if payload is not None:
                    if column.kind in OF_ANY_SIZE:
                        used = column.put(place, used, payload, scale)
                    else:
                        column.put_number(place, payload)
        except WrongKind as reason:
            raise self._mixed(column, code, place, str(reason)) from None
        if after == position:
            used = len(column.values)
        if after > end:
            raise truncated(end)
        return after, used

    def _append_object(self, column: Column, data: bytes, knowledge: Knowledge, position: int, end: int) -> int:
        reader = Reader(data, knowledge, position, end)
        column.objects.append(reader.value())
        return int(reader.position)

    def _append_time(
        self, column: Column, data: bytes, knowledge: Knowledge, position: int, end: int, place: int, code: int
    ) -> int:
        kind = column.kind
        start, nanoseconds = position + 1, 0
        if code == DATES:
            start = position + len(SQL_DATE_PREFIX)
            if data[position:start] != SQL_DATE_PREFIX:
                raise WrongKind("an INTERVAL")
        if kind != (33 if code == 11 else code):
            raise WrongKind
        milliseconds, after = I64.unpack_from(data, start)[0], start + 8
        if code == 33:
            nanoseconds, after = I32.unpack_from(data, start + 8)[0], start + 12
        if after > end:
            raise truncated(end)
        clock = knowledge.wall_clock()
        wall = milliseconds + clock.learn_offset(milliseconds)
        if kind == DATES:
            number, packing = wall // _DAY, I32
        elif kind == 36:
            number, packing = wall % _DAY * 1000, I64
        else:
            if column.unit == 1000 and nanoseconds % 1000:
                self._make_nanoseconds(column, place)
                return position
            number, packing = (wall * 1_000_000 + nanoseconds) // column.unit, I64
        if not -(2 ** (8 * packing.size - 1)) <= number < 2 ** (8 * packing.size - 1):
            raise self._out_of_range(column, place)
        column.put_number(place, packing.pack(number))
        return after

    def _make_nanoseconds(self, column: Column, count: int) -> None:
        numbers = [number * 1000 for number in column.numbers(count)]
        for place, number in enumerate(numbers):
            if not -(2**63) <= number < 2**63:
                raise self._out_of_range(column, place)
        column.remember()
        column.values = bytearray(array("q", numbers).tobytes())
        column.unit = 1

    def _out_of_range(self, column: Column, place: int) -> DataError:
        return DataError(
            f"column {column.name!r}, row {self._first_row + place} (from 0): a {NAMES[column.kind]} beyond what fits "
            f"into {'64 bits of nanoseconds' if column.kind == 33 else '32 bits of days'}; CAST it to VARCHAR, or to a "
            f"TIMESTAMP without parts of a microsecond",
            code="value_not_representable",
        )

    def _mixed(self, column: Column, code: int, place: int, reason: str) -> DataError:
        name = NAMES.get(code, "object")
        return DataError(
            f"column {column.name!r}, row {self._first_row + place} (from 0): {reason or name} does not go into a "
            f"column that holds {NAMES[column.kind]} values so far; CAST the column to one type in the statement, or "
            f"fetch the rows with fetchall()",
            code="mixed_column",
        )


# --- what Arrow wants -----------------------------------------------------------------------------------------


def _decoded(column: Column, count: int, first_row: int, object_kinds: Collection[int]) -> DecodedColumn:
    null_count = len(column.nulls) // 4
    validity = _validity(column.nulls, count) if null_count else None
    values = column.values
    if column.kind == 8:
        values = _bits(values, count)
    elif column.kind == 30:
        values = fixed_decimals(column, count, first_row)
    if column.kind == OBJECTS:
        null_count = sum(value is None for value in column.objects)
    elif column.kind in object_kinds:
        # Rows that were decoded for somebody else have none so far.
        add_objects(column, count)
    return DecodedColumn(
        name=column.name,
        kind=column.kind,
        null_count=null_count,
        validity=validity,
        values=values,
        offsets=column.ends if column.kind in (9, 12) else None,
        objects=column.objects if column.kind == OBJECTS or column.kind in object_kinds else None,
        unit=column.unit,
        scale=column.scale,
        width=column.width,
    )


def _validity(nulls: bytearray, count: cython.Py_ssize_t) -> bytearray:
    bits: bytearray = bytearray(b"\xff") * ((count + 7) // 8)
    place: cython.Py_ssize_t
    index: cython.Py_ssize_t
    null_count: cython.Py_ssize_t = len(nulls) // 4
    if cython.compiled:
        places: cython.p_int = cython.cast(cython.p_int, cython.cast(cython.p_uchar, nulls))
        bytes_: cython.p_uchar = bits
        for index in range(null_count):
            place = places[index]
            bytes_[place >> 3] &= 255 ^ (1 << (place & 7))
    else:
        for place in array("i", bytes(nulls)):
            bits[place >> 3] &= 255 ^ (1 << (place & 7))
    return bits


def _bits(values: bytearray, count: cython.Py_ssize_t) -> bytearray:
    bits: bytearray = bytearray((count + 7) // 8)
    source: cython.p_uchar = values
    target: cython.p_uchar = bits
    place: cython.Py_ssize_t
    for place in range(count):
        if source[place]:
            target[place >> 3] |= 1 << (place & 7)
    return bits


@cython.cfunc
def _grow(buffer: bytearray, size: cython.Py_ssize_t) -> object:
    if len(buffer) < size:
        PyByteArray_Resize(buffer, size)
    return None
