"""Values as programs written for pyignite expect them."""

from __future__ import annotations

import re
import threading
from collections import OrderedDict
from collections.abc import MutableMapping
from datetime import datetime, timedelta
from typing import Any, Final

from ignite_dbapi.keyvalue.binary import GenericObjectMeta, Origin
from ignite_dbapi.keyvalue.datatypes import BinaryObject as AnyObject
from ignite_dbapi.keyvalue.datatypes import data_type_of
from ignite_dbapi.keyvalue.shapes import CollectionValue, EnumConstant, MapValue, ObjectArrayValue, TimestampValue
from ignite_dbapi.protocol.codec import BinaryType, BinaryTypes
from ignite_dbapi.protocol.codec.clock import Clock
from ignite_dbapi.protocol.codec.names import name_id
from ignite_dbapi.protocol.codec.type_codes import TypeCode
from ignite_dbapi.protocol.codec.values import BinaryObject, EnumValue

_LINKED_HASH_MAP: Final = 2
# What to_wire() writes a value as without being told.
_SELF_DESCRIBING: Final = frozenset(
    {
        TypeCode.LONG,
        TypeCode.DOUBLE,
        TypeCode.BOOL,
        TypeCode.STRING,
        TypeCode.UUID,
        TypeCode.DATE,
        TypeCode.BYTE_ARRAY,
        TypeCode.DECIMAL,
        TypeCode.TIMESTAMP,
        TypeCode.TIME,
        TypeCode.COMPLEX_OBJECT,
        TypeCode.WRAPPED,
        TypeCode.HANDLE,
        TypeCode.NULL,
        TypeCode.OBJECT_ARRAY,
        TypeCode.COLLECTION,
        TypeCode.MAP,
        TypeCode.CLASS,
        TypeCode.PROXY,
        TypeCode.ENUM_ARRAY,
    }
)
_NO_NAME: Final = re.compile(r"[^0-9a-zA-Z_]|^[^a-zA-Z_]+")
_NAME_PARTS: Final = re.compile(r"[.$+]")


class DataClasses:
    """Shows values in the shapes of pyignite, and knows the classes that objects are made of.

    Classes are found by type id and schema id; where none was registered, one is made from what the cluster tells.
    """

    def __init__(self) -> None:
        self._classes: dict[int, dict[int, type]] = {}
        # Those with a field that had no name yet, since nobody had given it a value.
        self._nameless: set[type] = set()
        # Held while one is made or remembered: threads must not get different classes for the same objects.
        self._making = threading.RLock()
        # Objects of types that the cluster does not describe.
        self._undescribed: dict[tuple[Any, ...], type] = {}

    # --- the registry ---------------------------------------------------------------------------------------------

    def classes(self, type_id: int) -> dict[int, type]:
        """The classes that objects of a type are made of, by schema id; a copy."""
        return dict(self._classes.get(type_id, {}))

    def remember(self, data_class: type) -> None:
        """Make objects with the type and schema of *data_class* from it, instead of any other class."""
        described: Any = data_class
        with self._making:
            self._classes.setdefault(described._type_id, {})[described._schema_id] = data_class

    def describe(self, binary_type: BinaryType) -> None:
        """Make a class for each schema of *binary_type* that has none yet."""
        for schema, field_ids in binary_type.schemas.items():
            self._class_of(binary_type, schema, field_ids)

    def _class_of(self, binary_type: BinaryType, schema: int, field_ids: tuple[int, ...]) -> type:
        known = self._classes.setdefault(binary_type.type_id, {})
        found = known.get(schema)
        if found is None or self._lacks_names(found, binary_type, field_ids):
            with self._making:
                # Another thread may have been faster.
                found = known.get(schema)
                if found is None or self._lacks_names(found, binary_type, field_ids):
                    found = _new_class(binary_type.type_name, schema_of(binary_type, field_ids))
                    if not all(each in binary_type.field_names for each in field_ids):
                        self._nameless.add(found)
                    known[schema] = found
        return found

    def _lacks_names(self, found: type, binary_type: BinaryType, field_ids: tuple[int, ...]) -> bool:
        """Whether *found* was made without names that are known now."""
        return found in self._nameless and all(each in binary_type.field_names for each in field_ids)

    # --- objects --------------------------------------------------------------------------------------------------

    def new_object(self, description: BinaryObject, schema: int, binary_type: BinaryType | None) -> Any:
        """An object without fields yet."""
        field_ids = description.field_ids or ()
        if binary_type is not None and description.is_user_type:
            data_class = self._class_of(binary_type, schema, field_ids)
        else:
            identity = (description.type_id, description.class_name, field_ids)
            found = self._undescribed.get(identity)
            if found is None:
                names = [binary_type.name_of(each) if binary_type else f"#{each}" for each in field_ids]
                type_name = description.type_name or f"Type{description.type_id}"
                made = _new_class(type_name, OrderedDict.fromkeys(names, AnyObject))
                # Another thread may have been faster.
                found = self._undescribed.setdefault(identity, made)
            data_class = found
        # Without its __init__, which may be the program's own.
        return object.__new__(data_class)

    def fill_object(self, shown: Any, description: BinaryObject, codes: list[int]) -> None:
        """Set the fields, whose order is that of the schema."""
        schema = shown._schema
        # By place, not by name: a class may spell names in another case than the cluster does.
        values = dict(zip(schema, description.fields.values(), strict=True))
        values.setdefault("version", 1)
        if shown._has_plain_fields:
            shown.__dict__.update(values)
        else:
            for name, value in values.items():
                setattr(shown, name, value)
        special = {
            name: (code - 256 if code > 127 else code, type(values[name]))
            for (name, data_type), code in zip(schema.items(), codes, strict=True)
            if code != data_type.code and not (data_type is AnyObject and code in _SELF_DESCRIBING)
            if code != TypeCode.NULL
        }
        if (
            special
            or description.raw is not None
            or description.class_name is not None
            or not description.is_user_type
            or description.type_id != shown._type_id
        ):
            shown._origin = Origin(
                description.type_id or 0,
                description.raw,
                description.is_user_type,
                description.class_name,
                description.field_ids,
                special,
            )

    # --- other values ---------------------------------------------------------------------------------------------

    def timestamp(self, clock: Clock, milliseconds: int, nanoseconds: int) -> TimestampValue:
        """The moment to the millisecond, and the nanoseconds below it."""
        return TimestampValue((clock.timestamp(milliseconds), nanoseconds))

    def date(self, clock: Clock, milliseconds: int) -> datetime:
        """The moment on the server's wall clock."""
        return clock.timestamp(milliseconds)

    def time(self, clock: Clock, milliseconds: int) -> timedelta:
        """What the server's wall clock has gone on since midnight."""
        return clock.time_since_midnight(milliseconds)

    def enum(self, value: EnumValue, types: BinaryTypes) -> EnumConstant:
        """The constant, with its name if the cluster knows it."""
        if value.class_name is not None:
            # A class that is not registered is named in place of its id, which follows from the name.
            return EnumConstant((name_id(value.class_name), value.ordinal))
        shown = EnumConstant((value.type_id, value.ordinal))
        shown.is_binary = value.binary
        binary_type = types.get(value.type_id)
        if binary_type is not None:
            shown.name = binary_type.enum_names.get(value.ordinal)
        return shown

    def object_array(self, type_id: int, items: list[Any]) -> ObjectArrayValue:
        """The type id of the elements, and the elements."""
        # Servers forget the class of the elements in any case.
        return ObjectArrayValue((type_id or -1, items))

    def collection(self, kind: int, items: list[Any]) -> CollectionValue:
        """The kind, and the elements."""
        return CollectionValue((kind, items))

    def mapping(self, kind: int) -> tuple[MapValue, MutableMapping[Any, Any]]:
        """The kind, and a mapping."""
        entries: dict[Any, Any] = OrderedDict() if kind == _LINKED_HASH_MAP else {}
        return MapValue((kind, entries)), entries

    def pairs(self, kind: int, pairs: list[tuple[Any, Any]]) -> MapValue:
        """The kind, and pairs instead of a mapping."""
        return MapValue((kind, pairs))


def schema_of(binary_type: BinaryType, field_ids: tuple[int, ...]) -> OrderedDict[str, Any]:
    """The schema that consists of the fields *field_ids*: names and data types, as classes have it."""
    return OrderedDict(
        (binary_type.name_of(each), data_type_of(binary_type.field_codes.get(each, TypeCode.COMPLEX_OBJECT)))
        for each in field_ids
    )


def _new_class(type_name: str, schema: OrderedDict[str, Any]) -> type:
    made: type = GenericObjectMeta(class_name_of(type_name), (), {}, type_name=type_name, schema=schema)
    return made


def class_name_of(type_name: str) -> str:
    """A name for the Python class of the type *type_name*: its parts joined, each with a capital at its start."""
    parts = (_NO_NAME.sub("", part) if place == 0 else re.sub(r"\W", "", part, flags=re.ASCII)
             for place, part in enumerate(_NAME_PARTS.split(type_name)))  # fmt: skip
    name = "".join(part[:1].upper() + part[1:] for part in parts)
    return name if name.isidentifier() else f"Type{name}"
