"""Java hash codes of values, which decide where a key lives, and the hash of an object's bytes.

Compiled from this file where Cython was at hand, interpreted otherwise.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from struct import pack, unpack
from typing import Any, Final
from uuid import UUID

try:
    import cython
except ModuleNotFoundError:
    from ignite_dbapi.protocol.codec import _cython as cython  # type: ignore[no-redef]

from ignite_dbapi.protocol.codec.names import signed32, string_hash
from ignite_dbapi.protocol.codec.type_codes import (
    ELEMENT_CODES,
    PRIMITIVE_ELEMENT_CODES,
    TypeCode,
)
from ignite_dbapi.protocol.codec.values import (
    BinaryObject,
    Collection,
    EnumValue,
    Instant,
    MapValue,
    ObjectArray,
    Typed,
    Wrapped,
)

if cython.compiled:
    from cython.cimports.ignite_dbapi.protocol._data_hash import hash_of_data  # type: ignore[import-not-found]

_MASK_64: Final = 0xFFFFFFFFFFFFFFFF


def data_hash(data: bytes | bytearray | memoryview) -> int:
    """The hash in a complex object's header: over the bytes of its fields and raw data."""
    if cython.compiled:
        content: bytes = bytes(data)
        return signed32(hash_of_data(content, len(content)))
    value = 1
    for byte in data:
        value = (31 * value + (byte if byte < 128 else byte - 256)) & 0xFFFFFFFF
    return signed32(value)


def java_hash(value: Any) -> int:
    """What ``hashCode()`` gives on the server for *value* as it travels.

    Values are those of the lossless form; a plain Python value hashes as the type it is written as. Raises
    TypeError for values that have no hash there.
    """
    if isinstance(value, Typed):
        return _typed_hash(value.code, value.value)
    if value is None:
        return 0
    if isinstance(value, bool):
        return 1231 if value else 1237
    if isinstance(value, int):
        return _fold(value)
    if isinstance(value, float):
        return _double_hash(value)
    if isinstance(value, str):
        return string_hash(value)
    if isinstance(value, Decimal):
        return _decimal_hash(value)
    if isinstance(value, UUID):
        return _fold((value.int >> 64) ^ (value.int & _MASK_64))
    if isinstance(value, bytes):
        return data_hash(value)
    if isinstance(value, EnumValue):
        return signed32(31 * value.type_id + value.ordinal)
    if isinstance(value, BinaryObject) and value.hash_code is not None:
        return value.hash_code
    if isinstance(value, Wrapped):
        return java_hash(value.value)
    if isinstance(value, ObjectArray):
        return _sequence_hash(map(java_hash, value.items))
    if isinstance(value, Collection):
        hashes = list(map(java_hash, value.items))
        return signed32(sum(hashes)) if value.kind in (-1, 3, 4) else _sequence_hash(hashes)
    if isinstance(value, MapValue):
        return signed32(sum(java_hash(key) ^ java_hash(item) for key, item in value.pairs))
    raise TypeError(f"no Java hash code is known for {type(value).__name__}")


def partition_of(hash_code: int, partitions: int) -> int:
    """The partition, of *partitions*, of a key with *hash_code*."""
    if partitions & (partitions - 1) == 0:
        unsigned = hash_code & 0xFFFFFFFF
        return (unsigned ^ unsigned >> 16) & (partitions - 1)
    # Java's % takes the sign of the dividend, so its absolute value is the remainder of the absolute values.
    return abs(hash_code) % partitions


def _typed_hash(code: TypeCode, value: Any) -> int:
    if value is None:
        return 0
    if code in (TypeCode.BYTE, TypeCode.SHORT, TypeCode.INT):
        return signed32(value)
    if code == TypeCode.CHAR:
        return ord(value)
    if code == TypeCode.FLOAT:
        if value != value:
            return 0x7FC00000
        bits: int = unpack("<i", pack("<f", value))[0]
        return bits
    if code == TypeCode.TIMESTAMP and isinstance(value, Instant):
        return _fold(value.milliseconds)
    if code in (TypeCode.DATE, TypeCode.TIME, TypeCode.OPTIMIZED) and isinstance(value, int):
        return _fold(value)
    element_code = PRIMITIVE_ELEMENT_CODES.get(code) or ELEMENT_CODES.get(code)
    if element_code is not None:
        return _sequence_hash(java_hash(Typed(TypeCode(element_code), item)) for item in value)
    return java_hash(value)


def _sequence_hash(hashes: Iterable[int]) -> int:
    value = 1
    for item in hashes:
        value = (31 * value + item) & 0xFFFFFFFF
    return signed32(value)


def _fold(value: int) -> int:
    value &= _MASK_64
    return signed32(value ^ value >> 32)


def _double_hash(value: float) -> int:
    if value != value:
        return 0x7FF80000
    bits: int = unpack("<q", pack("<d", value))[0]
    return _fold(bits)


def _decimal_hash(value: Decimal) -> int:
    sign, digits, exponent = value.as_tuple()
    assert isinstance(exponent, int)
    magnitude = 0
    for digit in digits:
        magnitude = magnitude * 10 + digit
    # A BigDecimal of up to 63 bits hashes its two 32-bit words; above, BigInteger's hash takes over. Both are
    # the same polynomial over the words, the most significant first.
    words = 0
    for shift in range((max(magnitude.bit_length() - 1, 0)) // 32 * 32, -1, -32):
        words = (31 * words + (magnitude >> shift & 0xFFFFFFFF)) & 0xFFFFFFFF
    return signed32(31 * signed32(-words if sign else words) - exponent)
