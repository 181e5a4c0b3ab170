"""Containers of values of any type, and objects."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

from ignite_dbapi.keyvalue.datatypes.base import Ancestors, Nullable
from ignite_dbapi.keyvalue.datatypes.conversion import collection, converted_items, mapping, to_wire
from ignite_dbapi.keyvalue.datatypes.type_names import NAME_COL, NAME_MAP, NAME_OBJ_ARR
from ignite_dbapi.keyvalue.exceptions import ParseError, combined
from ignite_dbapi.protocol.codec.type_codes import TypeCode
from ignite_dbapi.protocol.codec.values import Encoded, ObjectArray, Typed, Wrapped

__all__ = ["BinaryObject", "CollectionObject", "Map", "MapObject", "ObjectArrayObject", "WrappedDataObject"]

_HEADER_SIZE = 24


def _kind_and_items(value: Any, default: int) -> tuple[int, Any]:
    """What a value ``(kind, items)`` consists of; items alone are of the kind *default*."""
    if isinstance(value, (tuple, list)) and len(value) == 2 and type(value[0]) is int:
        kind, items = value
        if items is None or (isinstance(items, Iterable) and not isinstance(items, (str, bytes, bytearray))):
            return kind, items
        if isinstance(value, tuple):
            return kind, [items]
    if isinstance(value, Iterable) and not isinstance(value, (str, bytes, bytearray)):
        return default, value
    return default, [value]


class ObjectArrayObject(Nullable):
    """An array of objects: ``(type id, [value, …])``, or the values alone.

    The type id is that of the elements' class. ``OBJECT`` (-1) stands for java.lang.Object, which servers answer with
    whatever was written.
    """

    OBJECT: ClassVar[int] = -1

    _type_name = NAME_OBJ_ARR
    code = TypeCode.OBJECT_ARRAY

    @classmethod
    def _to_wire(cls, value: Any, ancestors: Ancestors | None) -> Any:
        type_id, items = _kind_and_items(value, cls.OBJECT)
        if items is None:
            return None
        # The id 0 would announce the name of a class.
        return ObjectArray(converted_items(items, ancestors), type_id or cls.OBJECT)


class CollectionObject(Nullable):
    """A collection: ``(kind, [value, …])``, or the values alone, which are an ArrayList then (a set: a HashSet).

    Servers answer ``USER_COL`` with ``ARR_LIST`` and ``USER_SET`` with ``HASH_SET``.
    """

    USER_SET: ClassVar[int] = -1
    USER_COL: ClassVar[int] = 0
    ARR_LIST: ClassVar[int] = 1
    LINKED_LIST: ClassVar[int] = 2
    HASH_SET: ClassVar[int] = 3
    LINKED_HASH_SET: ClassVar[int] = 4
    SINGLETON_LIST: ClassVar[int] = 5

    _type_name = NAME_COL
    code = TypeCode.COLLECTION

    @classmethod
    def _to_wire(cls, value: Any, ancestors: Ancestors | None) -> Any:
        is_set = isinstance(value, (set, frozenset))
        kind, items = _kind_and_items(value, cls.HASH_SET if is_set else cls.ARR_LIST)
        if not cls.USER_SET <= kind <= cls.SINGLETON_LIST:
            raise combined(ParseError, ValueError)(
                f"there is no collection of kind {kind}: USER_SET (-1) to SINGLETON_LIST (5) are", code="value_mismatch"
            )
        return None if items is None else collection(kind, items, ancestors)


class MapObject(Nullable):
    """A map: ``(kind, {key: value, …})``, or the mapping alone, which is a HashMap then (OrderedDict: LinkedHashMap).

    A list of pairs may stand for the mapping, for keys that cannot be keys of a ``dict``.
    """

    HASH_MAP: ClassVar[int] = 1
    LINKED_HASH_MAP: ClassVar[int] = 2

    _type_name = NAME_MAP
    code = TypeCode.MAP

    @classmethod
    def _to_wire(cls, value: Any, ancestors: Ancestors | None) -> Any:
        if isinstance(value, Mapping):
            kind, entries = (cls.LINKED_HASH_MAP if isinstance(value, OrderedDict) else cls.HASH_MAP), value
        else:
            kind, entries = _kind_and_items(value, cls.HASH_MAP)
        if entries is None:
            return None
        if not isinstance(entries, Mapping):
            entries = list(entries)
            if not all(isinstance(pair, tuple) and len(pair) == 2 for pair in entries):
                raise combined(ParseError, TypeError)(
                    f"{value!r} is no map, which is a tuple (kind, dict)", code="value_mismatch"
                )
        if not 0 <= kind <= cls.LINKED_HASH_MAP:
            raise combined(ParseError, ValueError)(
                f"there is no map of kind {kind}: HASH_MAP (1) and LINKED_HASH_MAP (2) are", code="value_mismatch"
            )
        return mapping(kind, entries, ancestors)


class Map(MapObject):
    """See :class:`MapObject`."""


class BinaryObject(Nullable):
    """An object of a class made with :class:`~ignite_dbapi.keyvalue.binary.GenericObjectMeta`.

    It is also the type of fields that Java declares as Object. These hold values of any type; a ``date`` in one is
    what SQL keeps in columns of type DATE.
    """

    USER_TYPE: ClassVar[int] = 0x0001
    HAS_SCHEMA: ClassVar[int] = 0x0002
    HAS_RAW_DATA: ClassVar[int] = 0x0004
    OFFSET_ONE_BYTE: ClassVar[int] = 0x0008
    OFFSET_TWO_BYTES: ClassVar[int] = 0x0010
    COMPACT_FOOTER: ClassVar[int] = 0x0020

    code = TypeCode.COMPLEX_OBJECT

    @classmethod
    def _to_wire(cls, value: Any, ancestors: Ancestors | None) -> Any:
        wire = to_wire(value, None, ancestors)
        if type(wire) is Typed and wire.code == TypeCode.DATE and not hasattr(wire.value, "hour"):
            return Typed(TypeCode.OPTIMIZED, wire.value)
        return wire


class WrappedDataObject(Nullable):
    """An object within a byte array: ``(payload, offset)``, or the object itself. It is read as the object.

    *offset* is where in the payload the object starts. Only whole objects are taken: a server that cannot read a
    request closes the connection.
    """

    code = TypeCode.WRAPPED

    @classmethod
    def _to_wire(cls, value: Any, ancestors: Ancestors | None) -> Any:
        if not isinstance(value, (tuple, list)):
            return Wrapped(to_wire(value, None, ancestors))
        payload, offset = bytes(value[0]), value[1]
        header = payload[offset : offset + _HEADER_SIZE]
        size = int.from_bytes(header[12:16], "little", signed=True)
        if (
            len(header) < _HEADER_SIZE
            or header[0] != TypeCode.COMPLEX_OBJECT
            or not _HEADER_SIZE <= size <= len(payload) - offset
        ):
            raise combined(ParseError, ValueError)(f"there is no whole object at byte {offset}", code="value_mismatch")
        return Wrapped(
            Encoded(payload[offset : offset + size]), offset, before=payload[:offset], after=payload[offset + size :]
        )
