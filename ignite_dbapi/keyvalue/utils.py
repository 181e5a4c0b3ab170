"""Small helpers that programs written for pyignite import."""

from __future__ import annotations

import ctypes
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

from ignite_dbapi.keyvalue.datatypes.conversion import is_hinted
from ignite_dbapi.protocol.codec import names
from ignite_dbapi.protocol.codec.hashing import data_hash, java_hash
from ignite_dbapi.protocol.codec.type_codes import TypeCode
from ignite_dbapi.protocol.codec.values import Typed

__all__ = [
    "cache_id",
    "datetime_hashcode",
    "decimal_hashcode",
    "entity_id",
    "get_field_by_id",
    "hashcode",
    "int_overflow",
    "is_binary",
    "is_hinted",
    "is_iterable",
    "is_pow2",
    "schema_id",
    "unsigned",
]


def is_pow2(value: int) -> bool:
    """Whether *value* is a power of two."""
    return value > 0 and value & (value - 1) == 0


def is_iterable(value: Any) -> bool:
    """Whether *value* can be iterated over."""
    try:
        iter(value)
    except TypeError:
        return False
    return True


def is_binary(value: Any) -> bool:
    """Whether *value* is a complex object, or a class of such objects."""
    return all(hasattr(value, name) for name in ("type_name", "type_id", "schema", "schema_id"))


def int_overflow(value: int) -> int:
    """*value* as a Java int: modulo 2**32, with a sign."""
    return names.signed32(value)


def unsigned(value: int, c_type: Any = ctypes.c_uint) -> int:
    """*value* as an unsigned number of the width of *c_type*."""
    number: int = c_type(value).value
    return number


def hashcode(data: str | bytes | bytearray | memoryview | None) -> int:
    """Java's hash code of a string, or of the bytes of an object; 0 for None."""
    if data is None:
        return 0
    return names.string_hash(data) if isinstance(data, str) else data_hash(data)


def cache_id(cache: str | int) -> int:
    """The id of a cache, from its name or id."""
    return cache if isinstance(cache, int) else names.cache_id(cache)


def entity_id(name: str | int | None) -> int | None:
    """The id of a type or of a field, from its name or id."""
    return names.name_id(name) if isinstance(name, str) else name


def schema_id(schema: int | Mapping[str, Any] | Iterable[str] | None) -> int:
    """The id of a schema: a mapping with the names of the fields in their order, or the id itself; 0 for None."""
    if schema is None:
        return 0
    return schema if isinstance(schema, int) else names.schema_id(map(names.name_id, schema))


def decimal_hashcode(value: Decimal) -> int:
    """Java's hash code of a BigDecimal, to which the zeros at the end matter: 1.5 and 1.50 are two keys."""
    return java_hash(value)


def datetime_hashcode(value: int) -> int:
    """Java's hash code of a date, time or timestamp of *value* milliseconds since 1970."""
    return java_hash(Typed(TypeCode.DATE, value))


def get_field_by_id(obj: Any, field_id: int) -> tuple[Any, Any] | None:
    """Value and data type of the field *field_id* of the complex object *obj*, None if it has no such field."""
    for name, data_type in obj.schema.items():
        if names.name_id(name) == field_id:
            return getattr(obj, name), data_type
    return None
