"""The decimals of a column, as Arrow lays them out: integers of one width, all with the same scale.

On the wire each decimal has a scale and a length of its own. A column takes the largest scale that its values have, and
128 bits, or 256 where these do not hold them all; which it is follows from the values alone, as they come.
"""

from __future__ import annotations

from array import array
from itertools import pairwise

try:
    import cython
except ModuleNotFoundError:
    from ignite_dbapi.protocol.codec import _cython as cython  # type: ignore[no-redef]

from ignite_dbapi.errors import DataError
from ignite_dbapi.protocol.codec.column_buffers import Column

if cython.compiled:
    from cython.cimports.libc.string import memcpy, memset  # type: ignore[import-not-found]

COMPILED: bool = bool(cython.compiled)

# Ten times this is less than 2**63.
_LARGEST_BEFORE_TEN = cython.declare(cython.ulonglong, 2**63 // 10 - 1)


def fixed_decimals(column: Column, count: int, first_row: int) -> bytearray:
    """The decimals of *column* as integers of :attr:`Column.width` bytes, all with the column's scale."""
    failed = fix_decimals(column, count)
    if failed >= 0:
        raise DataError(
            f"column {column.name!r}, row {first_row + failed} (from 0): a DECIMAL that needs more than the 76 digits "
            f"that Arrow has, if all values of the column have {column.scale} decimal places; CAST it to DECIMAL or "
            f"VARCHAR in the statement, or fetch the rows with fetchall()",
            code="value_not_representable",
        )
    return column.fixed


def fix_decimals(column: Column, count: int) -> int:
    """Let :attr:`Column.fixed` have the first *count* decimals; the number of the first one that does not fit, or -1.

    Those that it has stay, unless later ones need more decimal places or digits than they have.
    """
    done = len(column.fixed) // column.width
    scale = _largest(column.scales, done)
    if scale > column.scale:
        column.scale = scale
        # Objects have the scale of the column, too.
        column.objects = []
        done = 0
        if scale > 38:
            column.width = 32
    while column.scale <= 76:
        del column.fixed[column.width * done :]
        try:
            column.fixed += bytes(column.width * (count - done))
            failed = _rescaled(
                column.fixed, column.values, column.ends, column.scales, done, count, column.scale, column.width
            )
        except BaseException:
            # An interrupt: what is not written yet would be taken for zeros.
            del column.fixed[column.width * done :]
            raise
        if failed < 0:
            return -1
        if column.width == 32:
            del column.fixed[32 * failed :]
            return failed
        column.width = 32
        done = 0
    return next(place for place, own in enumerate(array("i", bytes(column.scales))) if own > 76)


def _largest(numbers: bytearray, first: cython.Py_ssize_t) -> int:
    """The largest of *numbers* of 32 bits from the *first* one on, or 0."""
    largest: cython.int = 0
    if cython.compiled:
        index: cython.Py_ssize_t
        numbers_: cython.p_int = cython.cast(cython.p_int, cython.cast(cython.p_uchar, numbers))
        for index in range(first, len(numbers) // 4):
            largest = max(largest, numbers_[index])
        return largest
    return max(array("i", bytes(numbers[4 * first :])), default=0)


def _rescaled(
    target: bytearray,
    values: bytearray,
    ends: bytearray,
    scales: bytearray,
    first: cython.Py_ssize_t,
    count: cython.Py_ssize_t,
    scale: cython.int,
    width: cython.int,
) -> int:
    """Write the decimals from the *first* one to number *count* into *target*, where there are zeros.

    Returns the number of the first one that does not fit, or -1.
    """
    if cython.compiled:
        failed: cython.Py_ssize_t
        target_: cython.p_uchar = target
        values_: cython.p_uchar = values
        ends_: cython.p_int = cython.cast(cython.p_int, cython.cast(cython.p_uchar, ends))
        scales_: cython.p_int = cython.cast(cython.p_int, cython.cast(cython.p_uchar, scales))
        limit: bytes = (10**38 if width == 16 else 10**76).to_bytes(32, "little")
        limit_: cython.p_uchar = cython.cast(cython.p_uchar, limit)
        with cython.nogil:
            failed = _rescale(target_, values_, ends_, scales_, first, count, scale, width, limit_)
        return failed
    limit_number = 10**38 if width == 16 else 10**76
    # Of the rows from the first one on alone: those before it may be many.
    stops, own_scales = array("i", bytes(ends[4 * first :])), array("i", bytes(scales[4 * first :]))
    for place, (start, stop), own_scale in zip(range(first, count), pairwise(stops), own_scales, strict=True):
        payload = values[start:stop]
        if not payload:
            continue
        number = int.from_bytes(bytes([payload[0] & 0x7F]) + payload[1:], "big")
        shift = scale - own_scale
        if number and (shift > 76 or number * 10**shift >= limit_number):
            return place
        number = number * 10**shift if number else 0
        if payload[0] & 0x80:
            number = -number
        target[place * width : (place + 1) * width] = number.to_bytes(width, "little", signed=True)
    return -1


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _rescale(
    target: cython.p_uchar,
    values: cython.p_uchar,
    ends: cython.p_int,
    scales: cython.p_int,
    first: cython.Py_ssize_t,
    count: cython.Py_ssize_t,
    scale: cython.int,
    width: cython.int,
    limit: cython.p_uchar,
) -> cython.Py_ssize_t:
    limbs = cython.declare(cython.uint[10])
    limits = cython.declare(cython.uint[8])
    place: cython.Py_ssize_t
    start: cython.Py_ssize_t
    stop: cython.Py_ssize_t
    index: cython.int
    shift: cython.longlong
    is_negative: cython.bint
    is_zero: cython.bint
    carry: cython.ulonglong
    small: cython.ulonglong
    byte: cython.uint
    source: cython.Py_ssize_t
    limb_count: cython.int = width // 4
    memcpy(cython.address(limits[0]), limit, 32)
    for place in range(first, count):
        start = ends[place]
        stop = ends[place + 1]
        if start == stop:
            continue
        is_negative = values[start] >= 128
        shift = cython.cast(cython.longlong, scale) - scales[place]
        if stop - start <= 8:
            # Most decimals are numbers of 63 bits.
            small = values[start] & 127
            for index in range(1, cython.cast(cython.int, stop - start)):
                small = small << 8 | values[start + index]
            if small == 0:
                continue
            while shift > 0 and small <= _LARGEST_BEFORE_TEN:
                small = small * 10
                shift -= 1
            if shift == 0:
                if is_negative:
                    small = 0 - small
                memcpy(target + place * width, cython.address(small), 8)
                memset(target + place * width + 8, 255 if is_negative else 0, width - 8)
                continue
            for index in range(10):
                limbs[index] = 0
            limbs[0] = cython.cast(cython.uint, small)
            limbs[1] = cython.cast(cython.uint, small >> 32)
        else:
            for index in range(10):
                limbs[index] = 0
            is_zero = True
            # From the last byte, which is the lowest, to the first.
            for source in range(stop - start):
                byte = values[stop - 1 - source]
                if source == stop - 1 - start:
                    byte = byte & 127
                if byte:
                    is_zero = False
                    if source >= width:
                        return place
                    limbs[source >> 2] |= byte << (8 * (source & 3))
            if is_zero:
                continue
        if shift > 76:
            return place
        while shift > 0:
            carry = 0
            for index in range(limb_count):
                carry += cython.cast(cython.ulonglong, limbs[index]) * 10
                limbs[index] = cython.cast(cython.uint, carry)
                carry = carry >> 32
            if carry:
                return place
            shift -= 1
        for index in range(limb_count - 1, -1, -1):
            if limbs[index] > limits[index]:
                return place
            if limbs[index] < limits[index]:
                break
        else:
            return place
        if is_negative:
            carry = 1
            for index in range(limb_count):
                carry += cython.cast(cython.ulonglong, ~limbs[index])
                limbs[index] = cython.cast(cython.uint, carry)
                carry = carry >> 32
        memcpy(target + place * width, cython.address(limbs[0]), width)
    return -1
