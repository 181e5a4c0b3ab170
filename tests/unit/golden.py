"""The golden vectors: bytes that Java's own marshaller made, and an evaluator of what they say they mean.

``python_repr`` of a vector is an expression; the functions below are its vocabulary. They build the values
that the reader's lossless form is to answer with, except where the expression leaves something open (the
width of an ``int`` within a list), which :class:`Comparison` takes into account.
"""

from __future__ import annotations

import json
import struct
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import attrs

from ignite_dbapi.protocol.codec import BinaryType, Knowledge, Reader, TypeCode
from ignite_dbapi.protocol.codec.clock import clock_for
from ignite_dbapi.protocol.codec.type_codes import ELEMENT_CODES
from ignite_dbapi.protocol.codec.values import (
    BinaryObject,
    ClassReference,
    Collection,
    EnumValue,
    Instant,
    MapValue,
    ObjectArray,
    OptimizedBlob,
    Proxy,
    Typed,
    Wrapped,
)

VECTORS: list[dict[str, Any]] = json.loads((Path(__file__).parent / "data" / "golden.json").read_text())


@attrs.frozen
class Opaque:
    """Java serialization that is not interpreted."""


@attrs.frozen
class Handle:
    """The value that stands *distance* bytes before the handle."""

    distance: int


@attrs.frozen
class ExpectedObject:
    type_name: str | None
    fields: dict[str, Any]
    raw: bytes | None
    type_id: int | None
    user: bool


def _object(
    type_name: str | None,
    fields: dict[str, Any],
    raw: str | None = None,
    type_id: int | None = None,
    user: bool = True,
) -> ExpectedObject:
    return ExpectedObject(type_name, fields, None if raw is None else bytes.fromhex(raw), type_id, user)


_VOCABULARY: dict[str, Any] = {
    "__builtins__": {},
    "float": float,
    "bytes": bytes,
    "UUID": UUID,
    "Decimal": Decimal,
    "Date": lambda milliseconds: Typed(TypeCode.DATE, milliseconds),
    "Time": lambda milliseconds: Typed(TypeCode.TIME, milliseconds),
    "Timestamp": lambda milliseconds, nanoseconds: Typed(TypeCode.TIMESTAMP, Instant(milliseconds, nanoseconds)),
    "SqlDate": lambda milliseconds: Typed(TypeCode.OPTIMIZED, milliseconds),
    "ObjArray": lambda type_id, items, class_name=None: ObjectArray(items, type_id, class_name),
    "EnumArray": lambda type_id, items: ObjectArray(items, type_id, is_enum=True),
    "Col": lambda kind, items: Collection(items, kind),
    "Map": lambda kind, pairs: MapValue(pairs, kind),
    "Enum": lambda type_id, ordinal, class_name=None: EnumValue(type_id, ordinal, class_name, binary=False),
    "BinaryEnum": lambda type_id, ordinal, class_name=None: EnumValue(type_id, ordinal, class_name),
    "Class": ClassReference,
    "Proxy": lambda type_ids, handler: Proxy([ClassReference(type_id) for type_id in type_ids], handler),
    "Handle": Handle,
    "Wrapped": lambda offset, value: Wrapped(value, offset),
    "Optm": Opaque,
    "Ver2": str,
    "Obj": _object,
}


def data_of(vector: dict[str, Any]) -> bytes:
    return bytes.fromhex(vector["hex"])


def expected_of(vector: dict[str, Any]) -> Any:
    return eval(vector["python_repr"], dict(_VOCABULARY))


def knowledge_of(vector: dict[str, Any], zone: str = "UTC") -> Knowledge:
    """What a connection would know: the types of all objects in *vector*, with the schemas that it uses."""
    knowledge = Knowledge(
        clock=clock_for(zone), is_string_version_2="Ver2" in vector["python_repr"], is_compact_footer=True
    )

    def register(value: Any) -> None:
        if isinstance(value, ExpectedObject):
            if value.user and value.type_name is not None:
                fields = [(name, TypeCode.STRING) for name in value.fields]
                knowledge.binary_types.add(BinaryType.of(value.type_name, fields))
            register(list(value.fields.values()))
        elif isinstance(value, list | tuple):
            for item in value:
                register(item)
        elif isinstance(value, ObjectArray | Collection):
            register(value.items)
        elif isinstance(value, MapValue):
            register(value.pairs)
        elif isinstance(value, Wrapped):
            register(value.value)
        elif isinstance(value, Proxy):
            register(value.handler)

    register(expected_of(vector))
    return knowledge


@attrs.define
class Comparison:
    """Compares what was read from *data* with what was expected, value by value."""

    data: bytes
    knowledge: Knowledge
    root: Any
    _seen: dict[int, Any] = attrs.field(factory=dict)

    def mismatch(self, actual: Any, expected: Any) -> str | None:
        """None if *actual* is what *expected* describes, else what differs."""
        if isinstance(expected, Handle):
            return self._handle(actual, expected)
        if isinstance(actual, BinaryObject | Collection | ObjectArray | MapValue):
            self._seen[id(actual)] = actual
        if isinstance(expected, Opaque):
            return None if isinstance(actual, OptimizedBlob) else f"{actual!r} is no blob"
        if isinstance(expected, ExpectedObject):
            return self._object(actual, expected)
        if isinstance(actual, Typed) and actual.code in ELEMENT_CODES and isinstance(expected, list):
            element = TypeCode(ELEMENT_CODES[actual.code])
            items = [
                Typed(element, item) if isinstance(like, Typed) else item
                for item, like in zip(actual.value, expected, strict=True)
            ]
            return self._items(items, expected)
        if isinstance(actual, Typed) and not isinstance(expected, Typed):
            actual = actual.value
        if type(actual) is not type(expected):
            return f"{actual!r} is a {type(actual).__name__}, not {expected!r}"
        if isinstance(expected, list):
            return self._items(actual, expected)
        if isinstance(expected, Collection):
            return self._all(actual.kind == expected.kind or "kind", self._items(actual.items, expected.items))
        if isinstance(expected, ObjectArray):
            heads = [(array.type_id, array.class_name, array.is_enum) for array in (actual, expected)]
            return self._all(heads[0] == heads[1] or f"{heads}", self._items(actual.items, expected.items))
        if isinstance(expected, MapValue):
            flat, wanted = ([item for pair in value.pairs for item in pair] for value in (actual, expected))
            return self._all(actual.kind == expected.kind or "kind", self._items(flat, wanted))
        if isinstance(expected, Wrapped):
            return self._all(actual.offset == expected.offset or "offset", self.mismatch(actual.value, expected.value))
        if isinstance(expected, Proxy):
            return self._all(
                actual.interfaces == expected.interfaces or "interfaces",
                self.mismatch(actual.handler, expected.handler),
            )
        if isinstance(expected, float):
            same = struct.pack("<d", actual) == struct.pack("<d", expected)
        elif isinstance(expected, Decimal):
            same = actual.as_tuple() == expected.as_tuple()
        else:
            same = actual == expected
        return None if same else f"{actual!r} is not {expected!r}"

    def _items(self, actual: list[Any], expected: list[Any]) -> str | None:
        if len(actual) != len(expected):
            return f"{len(actual)} items, not {len(expected)}"
        return self._all(*map(self.mismatch, actual, expected))

    def _all(self, *results: str | bool | None) -> str | None:
        return next((result for result in results if isinstance(result, str)), None)

    def _object(self, actual: Any, expected: ExpectedObject) -> str | None:
        if not isinstance(actual, BinaryObject):
            return f"{actual!r} is no object"
        if expected.type_name is not None and actual.type_name != expected.type_name:
            return f"type {actual.type_name!r}, not {expected.type_name!r}"
        if expected.type_id is not None and actual.type_id != expected.type_id:
            return f"type id {actual.type_id}, not {expected.type_id}"
        if (actual.raw, actual.is_user_type) != (expected.raw, expected.user):
            return "raw data or kind of type"
        if list(actual.fields) != list(expected.fields):
            return f"fields {list(actual.fields)}, not {list(expected.fields)}"
        return self._items(list(actual.fields.values()), list(expected.fields.values()))

    def _handle(self, actual: Any, expected: Handle) -> str | None:
        place = self.data.index(b"\x66" + struct.pack("<i", expected.distance))
        target = place - expected.distance
        if target == 0:
            return None if actual is self.root else "the handle does not lead to the whole value"
        if id(actual) not in self._seen:
            return "the handle leads to no value that was read before"
        alone = Reader(self.data, self.knowledge, target, lossless=True).value()
        return None if alone == actual else "the handle leads to another value"
