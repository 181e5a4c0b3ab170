"""Ids that Ignite derives from names: Java's string hash, type ids, field ids, schema ids, cache ids."""

from __future__ import annotations

import struct
from collections.abc import Iterable
from functools import lru_cache
from typing import Final

# The basis of FNV-1, and so the schema id of an object without fields.
EMPTY_SCHEMA_ID: Final = 0x811C9DC5 - (1 << 32)
_FNV_BASIS: Final = 0x811C9DC5
_FNV_PRIME: Final = 0x01000193


def utf16_units(text: str) -> tuple[int, ...]:
    """The UTF-16 code units of *text*: characters beyond U+FFFF are two units, as in Java."""
    encoded = text.encode("utf-16-le", "surrogatepass")
    return struct.unpack(f"<{len(encoded) // 2}H", encoded)


def signed32(value: int) -> int:
    """*value* modulo 2**32 as a Java int."""
    return ((value + 0x80000000) & 0xFFFFFFFF) - 0x80000000


def string_hash(text: str) -> int:
    """Java's ``String.hashCode()``: also the id of the cache *text*."""
    value = 0
    for unit in utf16_units(text):
        value = (31 * value + unit) & 0xFFFFFFFF
    return signed32(value)


cache_id = string_hash


@lru_cache(maxsize=4096)
def name_id(name: str) -> int:
    """The id of the type or field *name*: its string hash after each character is lower-cased by itself."""
    return string_hash("".join(map(_lower, name)))


def _lower(character: str) -> str:
    # Java lower-cases char by char: no multi-character results, no context (final sigma), no pairs.
    if character == "\u0130":
        return "i"
    lowered = character.lower()
    return lowered if len(lowered) == 1 and ord(character) <= 0xFFFF else character


def is_nameless(field: str) -> bool:
    """Whether *field* stands for one whose name is not known: ``#`` and its id."""
    return field.startswith("#") and field[1:].lstrip("-").isdigit()


def field_id(field: str) -> int:
    """The id of *field*: its own if its name is not known, or else that of the name."""
    return int(field[1:]) if is_nameless(field) else name_id(field)


def schema_id(field_ids: Iterable[int]) -> int:
    """The id of the schema with the fields *field_ids*, in the order they are written."""
    value = _FNV_BASIS
    for field_id in field_ids:
        for shift in (0, 8, 16, 24):
            value = ((value ^ (field_id >> shift & 0xFF)) * _FNV_PRIME) & 0xFFFFFFFF
    return signed32(value)
