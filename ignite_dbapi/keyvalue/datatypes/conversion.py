"""Values as programs write them, to values as the codec writes them.

:func:`to_wire` follows type hints, and where there are none, the types that pyignite chooses. It needs no connection:
what depends on the cluster (its time zone, its schemas) is left to the codec.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from types import NoneType
from typing import Any, Final
from uuid import UUID

from ignite_dbapi.errors import Error
from ignite_dbapi.keyvalue.datatypes.base import Ancestors, IgniteDataType, IgniteDataTypeMeta
from ignite_dbapi.keyvalue.exceptions import ParameterError, ParseError, combined
from ignite_dbapi.protocol.codec.type_codes import ELEMENT_CODES, TypeCode
from ignite_dbapi.protocol.codec.values import (
    Collection,
    MapValue,
    NanosecondDatetime,
    Proxy,
    TimeSinceMidnight,
    Typed,
)

# What the codec writes as it is.
PLAIN: Final = frozenset({int, str, float, bool, NoneType, bytes, bytearray, memoryview, Decimal, UUID})

_COLLECTION_KINDS: Final = range(-1, 6)
_MAP_KINDS: Final = range(3)
_ARRAY_CODES: Final[dict[type, TypeCode]] = {
    int: TypeCode.LONG_ARRAY,
    float: TypeCode.DOUBLE_ARRAY,
    bool: TypeCode.BOOL_ARRAY,
    str: TypeCode.STRING_ARRAY,
    Decimal: TypeCode.DECIMAL_ARRAY,
    UUID: TypeCode.UUID_ARRAY,
    datetime: TypeCode.DATE_ARRAY,
    date: TypeCode.DATE_ARRAY,
    timedelta: TypeCode.TIME_ARRAY,
    time: TypeCode.TIME_ARRAY,
}


def is_hinted(value: Any) -> bool:
    """Whether *value* is a tuple of a value and its type hint."""
    return isinstance(value, tuple) and len(value) == 2 and isinstance(value[1], IgniteDataTypeMeta)


def to_wire(value: Any, hint: Any = None, ancestors: Ancestors | None = None) -> Any:
    """*value* in the vocabulary of :mod:`ignite_dbapi.protocol.codec.values`.

    *hint* is a class of :mod:`ignite_dbapi.keyvalue.datatypes`; without one, *value* or anything inside of it may be a
    tuple ``(value, hint)``. Raises ParseError for what the type of the hint cannot hold. *ancestors* are the objects
    that *value* is a part of.
    """
    if hint is None:
        kind = type(value)
        if kind in PLAIN:
            return value
        if kind is tuple and is_hinted(value):
            value, hint = value
            return hint.to_wire(value, ancestors)
        return _inferred(value, kind, ancestors)
    if isinstance(hint, type) and issubclass(hint, IgniteDataType):
        return hint.to_wire(value, ancestors)
    if isinstance(hint, type) and hasattr(hint, "__ignite_value__") and isinstance(value, hint):
        # The class of an object says nothing about it that the object does not.
        return _inferred(value, type(value), ancestors)
    raise ParameterError(
        f"{hint!r} is no type hint; use a class of ignite_dbapi.keyvalue.datatypes such as IntObject", code="type_hint"
    )


def keys_to_wire(keys: Iterable[Any]) -> list[Any]:
    """Each of *keys*, which may be tuples ``(key, hint)``."""
    found = list(keys)
    if PLAIN.issuperset(map(type, found)):
        return found
    return [key if type(key) in PLAIN else to_wire(key) for key in found]


def pairs_to_wire(pairs: Mapping[Any, Any]) -> Mapping[Any, Any] | list[tuple[Any, Any]]:
    """The entries of *pairs*, in which keys and values may be tuples ``(value, hint)``; *pairs* if none are."""
    if PLAIN.issuperset(map(type, pairs)) and PLAIN.issuperset(map(type, pairs.values())):
        return pairs
    return [
        (
            key if type(key) in PLAIN else to_wire(key),
            value if type(value) in PLAIN else to_wire(value),
        )
        for key, value in pairs.items()
    ]


def _inferred(value: Any, kind: type, ancestors: Ancestors | None) -> Any:
    converter = _CONVERTERS.get(kind)
    if converter is not None:
        return converter(value, ancestors)
    own = getattr(value, "__ignite_value__", None)
    if own is not None:
        return own(ancestors)
    for base, converter in _CONVERTERS.items():
        if isinstance(value, base):
            return converter(value, ancestors)
    if hasattr(value, "tolist") and getattr(value, "shape", (1,)) != ():
        # Arrays of NumPy and of the standard library; a scalar of NumPy's has no dimensions.
        return _sequence(value.tolist(), ancestors)
    if isinstance(value, Mapping) and not hasattr(value, "type_id"):
        return mapping(2, value, ancestors)
    if isinstance(value, Iterable) and not isinstance(value, (str, bytes, memoryview, Mapping)):
        return _sequence(list(value), ancestors)
    # Values of the codec itself, subclasses of plain types, and what the writer will refuse.
    return value


# --- time ---------------------------------------------------------------------------------------------------------


def to_milliseconds(value: datetime) -> datetime:
    """*value* without what is below its millisecond, which java.util.Date has no place for."""
    rest = value.microsecond % 1000
    return value.replace(microsecond=value.microsecond - rest) if rest else value


def to_time(value: Any) -> Any:
    """A time of day, or a ``timedelta`` since midnight, in whole milliseconds."""
    if isinstance(value, timedelta):
        return TimeSinceMidnight(value // timedelta(milliseconds=1))
    if isinstance(value, time) and value.microsecond % 1000:
        return value.replace(microsecond=value.microsecond // 1000 * 1000)
    return value


def to_date(value: Any) -> Any:
    """A date or a moment in whole milliseconds."""
    return to_milliseconds(value) if isinstance(value, datetime) else value


def to_timestamp(value: Any) -> Any:
    """A moment of which ``(datetime, nanoseconds)`` is the shape: nanoseconds below the millisecond, 0..999999."""
    if not isinstance(value, tuple) or len(value) != 2:
        return value
    moment, nanoseconds = value
    if not isinstance(moment, datetime) or not isinstance(nanoseconds, int):
        raise combined(ParseError, TypeError)(
            f"{value!r} is no timestamp, which is a tuple (datetime, nanoseconds)", code="value_mismatch"
        )
    if not 0 <= nanoseconds <= 999_999:
        raise combined(ParseError, ValueError)(
            f"{nanoseconds} nanoseconds below the millisecond: 0 to 999999 fit", code="value_out_of_range"
        )
    microseconds = moment.microsecond + nanoseconds // 1000
    if microseconds < 1_000_000:
        # replace() keeps the fold, which adding does not.
        moment = moment.replace(microsecond=microseconds)
    else:
        moment += timedelta(microseconds=nanoseconds // 1000)
    return NanosecondDatetime.from_datetime(moment, nanoseconds % 1000) if nanoseconds % 1000 else moment


# --- containers ---------------------------------------------------------------------------------------------------


def _sequence(items: list[Any], ancestors: Ancestors | None) -> Any:
    """A list: an array of the one type that all items have, or else an ArrayList."""
    kinds = set(map(type, items))
    has_null = NoneType in kinds
    kinds.discard(NoneType)
    if len(kinds) == 1:
        code = _ARRAY_CODES.get(kinds.pop())
        if code is not None and (not has_null or code in ELEMENT_CODES):
            return Typed(code, array_items(code, items))
    return collection(1, items, ancestors)


def array_items(code: TypeCode, items: Iterable[Any]) -> list[Any]:
    """The *items* of an array of type *code*, as the codec takes them."""
    convert = _ELEMENT_CONVERTERS.get(code)
    return list(items) if convert is None else [convert(item) for item in items]


def collection(kind: int, items: Iterable[Any], ancestors: Ancestors | None) -> Collection:
    """A collection of *kind*, with *items* that may be hinted."""
    return Collection(converted_items(items, ancestors), kind)


def converted_items(items: Iterable[Any], ancestors: Ancestors | None) -> list[Any]:
    """Each of *items*, which may be hinted."""
    try:
        return [item if type(item) in PLAIN else to_wire(item, None, ancestors) for item in items]
    except RecursionError:
        raise _contains_itself() from None


def mapping(kind: int, entries: Any, ancestors: Ancestors | None) -> MapValue:
    """A map of *kind*; *entries* is a mapping or a list of pairs, with keys and values that may be hinted."""
    pairs = entries.items() if isinstance(entries, Mapping) else entries
    try:
        return MapValue([(to_wire(key, None, ancestors), to_wire(item, None, ancestors)) for key, item in pairs], kind)
    except RecursionError:
        raise _contains_itself() from None


def _contains_itself() -> Error:
    return combined(ParseError, ValueError)("value nested too deep, or one that contains itself", code="nesting")


def _tuple(value: tuple[Any, ...], ancestors: Ancestors | None) -> Any:
    """A tuple: the shape of a collection, map or timestamp, or else a sequence like any other."""
    if len(value) == 2:
        head, tail = value
        if type(head) is int:
            if isinstance(tail, dict) and head in _MAP_KINDS:
                return mapping(head, tail, ancestors)
            if isinstance(tail, (list, tuple, set, frozenset)) and head in _COLLECTION_KINDS:
                return collection(head, tail, ancestors)
        elif isinstance(head, datetime) and type(tail) is int:
            return Typed(TypeCode.TIMESTAMP, to_timestamp(value))
    return _sequence(list(value), ancestors)


_ELEMENT_CONVERTERS: Final[dict[TypeCode, Callable[[Any], Any]]] = {
    TypeCode.DATE_ARRAY: to_date,
    TypeCode.TIME_ARRAY: to_time,
    TypeCode.TIMESTAMP_ARRAY: to_timestamp,
}

_Converter = Callable[[Any, Ancestors | None], Any]

# The more special types first: a datetime is a date.
_CONVERTERS: Final[dict[type, _Converter]] = {
    datetime: lambda value, _: Typed(TypeCode.DATE, to_milliseconds(value)),
    date: lambda value, _: Typed(TypeCode.DATE, value),
    timedelta: lambda value, _: Typed(TypeCode.TIME, to_time(value)),
    time: lambda value, _: Typed(TypeCode.TIME, to_time(value)),
    tuple: _tuple,
    list: _sequence,
    set: lambda value, ancestors: collection(3, value, ancestors),
    frozenset: lambda value, ancestors: collection(3, value, ancestors),
    dict: lambda value, ancestors: mapping(2, value, ancestors),
    Proxy: lambda value, ancestors: Proxy(value.interfaces, to_wire(value.handler, None, ancestors)),
}
