"""The values of a column as Python objects, for arrays that hold objects: NumPy's and pandas'.

Texts, byte arrays, decimals, UUIDs and times of day have no other form there. They are made from the buffers of the
column, page by page, so that the server works meanwhile.
"""

from __future__ import annotations

from array import array
from datetime import datetime, timedelta
from decimal import MAX_EMAX, MIN_EMIN, Context, Decimal, getcontext, setcontext
from itertools import pairwise
from typing import Any
from uuid import UUID

try:
    import cython
except ModuleNotFoundError:
    from ignite_dbapi.protocol.codec import _cython as cython  # type: ignore[no-redef]

from ignite_dbapi.protocol.codec.column_buffers import NO_VALUES, Column, DecodedColumn

if cython.compiled:
    from cython.cimports.cpython.datetime import import_datetime, time_new  # type: ignore[import-not-found]
    from cython.cimports.cpython.unicode import PyUnicode_DecodeUTF8  # type: ignore[import-not-found]
    from cython.cimports.libc.string import memcpy  # type: ignore[import-not-found]

    import_datetime()

COMPILED: bool = bool(cython.compiled)

# Exact for the 76 digits that Arrow has. Not without limit: it is the thread's context for a moment, in which
# finalizers may run, and one that divides would not end.
_WIDE = Context(prec=80, Emax=MAX_EMAX, Emin=MIN_EMIN)
_MIDNIGHT = datetime(1970, 1, 1)
_LOW_BITS = (1 << 64) - 1


def add_objects(column: Column, count: int) -> None:
    """Let :attr:`Column.objects` have the first *count* values. Those that it has stay as they are.

    Decimals have to be in :attr:`Column.fixed` by then.
    """
    first = len(column.objects)
    values = column.fixed if column.kind == 30 else column.values
    objects = _made(column.kind, values, column.ends, column.scale, column.width, first, count)
    with memoryview(column.nulls).cast("i") as places:
        for place in reversed(places):
            if place < first:
                break
            objects[place - first] = None
    column.objects += objects


def objects_of(column: DecodedColumn, count: int) -> list[Any]:
    """The values of a column of objects, or of one that add_objects() is for; None for NULL."""
    if column.objects is not None:
        return column.objects
    if column.kind == NO_VALUES:
        return [None] * count
    objects = _made(column.kind, column.values, column.offsets or bytearray(), column.scale, column.width, 0, count)
    if column.validity is not None:
        for place in range(count):
            if not column.validity[place >> 3] & 1 << (place & 7):
                objects[place] = None
    return objects


def _made(
    kind: int,
    values: bytearray,
    ends: bytearray,
    scale: int,
    width: int,
    first: int,
    stop: int,
) -> list[Any]:
    """An object for each of the values from the *first* one to number *stop*, NULL or not."""
    if kind == 9:
        return _texts(values, ends, first, stop)
    if kind == 12:
        return [
            bytes(values[start:end]) for start, end in pairwise(array("i", bytes(ends[4 * first : 4 * (stop + 1)])))
        ]
    if kind == 30:
        # Half the time that Decimal takes to read digits.
        power = Decimal((0, (1,), -scale))
        context = getcontext()
        try:
            setcontext(_WIDE)
            return _decimals(values, width, power, first, stop)
        finally:
            setcontext(context)
    if kind == 36:
        return _times(values, first, stop)
    if kind == 10:
        data = bytes(values[16 * first : 16 * stop])
        return [UUID(bytes=data[start : start + 16]) for start in range(0, len(data), 16)]
    raise TypeError(f"columns of kind {kind} are not made of objects")


def _texts(values: bytearray, ends: bytearray, first: cython.Py_ssize_t, stop: cython.Py_ssize_t) -> list[Any]:
    texts: list = []  # type: ignore[type-arg]
    if cython.compiled:
        place: cython.Py_ssize_t
        values_: cython.p_uchar = values
        ends_: cython.p_int = cython.cast(cython.p_int, cython.cast(cython.p_uchar, ends))
        for place in range(first, stop):
            texts.append(
                PyUnicode_DecodeUTF8(
                    cython.cast(cython.p_const_char, values_ + ends_[place]),
                    ends_[place + 1] - ends_[place],
                    cython.NULL,
                )
            )
        return texts
    numbers = array("i", bytes(ends[4 * first : 4 * (stop + 1)])).tolist()
    before = numbers[0]
    data = bytes(values[before : numbers[-1]])
    if data.isascii():
        # Characters are where the bytes are, so that there is one object to make for each and not two.
        text = data.decode()
        return [text[start - before : end - before] for start, end in pairwise(numbers)]
    return [data[start - before : end - before].decode() for start, end in pairwise(numbers)]


def _decimals(
    values: bytearray, width: cython.int, power: Decimal, first: cython.Py_ssize_t, stop: cython.Py_ssize_t
) -> list[Any]:
    decimals: list = []  # type: ignore[type-arg]
    if width != 16:
        for place in range(first, stop):
            number = int.from_bytes(values[place * width : (place + 1) * width], "little", signed=True)
            decimals.append(number * power)
        return decimals
    if cython.compiled:
        index: cython.Py_ssize_t
        values_: cython.p_uchar = values
        low: cython.longlong = 0
        high: cython.longlong = 0
        for index in range(first, stop):
            memcpy(cython.address(low), values_ + index * 16, 8)
            memcpy(cython.address(high), values_ + index * 16 + 8, 8)
            if high == low >> 63:
                decimals.append(cython.cast(object, low) * power)
            else:
                decimals.append(_joined(high, low) * power)
        return decimals
    halves = array("q", bytes(values[16 * first : 16 * stop])).tolist()
    return [
        (low if high == low >> 63 else _joined(high, low)) * power
        for low, high in zip(halves[::2], halves[1::2], strict=True)
    ]


def _joined(high: Any, low: Any) -> Any:
    """The number of 128 bits."""
    return (high << 64) + (low & _LOW_BITS)


def _times(values: bytearray, first: cython.Py_ssize_t, stop: cython.Py_ssize_t) -> list[Any]:
    times: list = []  # type: ignore[type-arg]
    if cython.compiled:
        place: cython.Py_ssize_t
        values_: cython.p_uchar = values
        microseconds: cython.longlong = 0
        seconds: cython.int
        for place in range(first, stop):
            memcpy(cython.address(microseconds), values_ + place * 8, 8)
            seconds = cython.cast(cython.int, microseconds // 1000000)
            times.append(time_new(seconds // 3600, seconds // 60 % 60, seconds % 60, microseconds % 1000000, None, 0))
        return times
    return [
        (_MIDNIGHT + timedelta(microseconds=number)).time()
        for number in array("q", bytes(values[8 * first : 8 * stop]))
    ]
