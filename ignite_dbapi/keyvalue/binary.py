"""Classes whose objects are kept in caches as complex objects, field by field."""

from __future__ import annotations

import inspect
import keyword
from collections import OrderedDict
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

import attr
import attrs

from ignite_dbapi.keyvalue.datatypes import DATA_TYPES
from ignite_dbapi.keyvalue.datatypes import BinaryObject as AnyObject
from ignite_dbapi.keyvalue.datatypes.base import Ancestors, IgniteDataType, IgniteDataTypeMeta
from ignite_dbapi.keyvalue.exceptions import ParseError, combined
from ignite_dbapi.protocol.codec import names
from ignite_dbapi.protocol.codec.names import name_id
from ignite_dbapi.protocol.codec.type_codes import TypeCode
from ignite_dbapi.protocol.codec.values import BinaryObject

__all__ = ["GenericObject", "GenericObjectMeta", "Origin"]

Schema = Mapping[str, type[IgniteDataType]]

# Fields whose values can be part of a hash.
_HASHED: Final = (int, float, str, bytes, Decimal, UUID)

_BITS: Final[dict[int, int]] = {TypeCode.BYTE: 8, TypeCode.SHORT: 16, TypeCode.INT: 32}


@attrs.frozen
class Origin:
    """What an object was read with, and what its class does not say: kept so that it is written as it was.

    *codes* are the types of values that are of another type than their field, by name, with the class that the value
    had: a value of another class, or out of the type's range, is written as the field says.
    """

    type_id: int
    raw: bytes | None = None
    is_user_type: bool = True
    class_name: str | None = None
    field_ids: tuple[int, ...] | None = None
    codes: dict[str, tuple[int, type]] = attrs.field(factory=dict)


class _Properties:
    """What both a class of objects and its objects tell."""

    _type_name: str
    _type_id: int
    _schema: Schema
    _schema_id: int

    @property
    def type_name(self) -> str:
        """The name of the type in the cluster."""
        return self._type_name

    @property
    def type_id(self) -> int:
        """The id of the type, which follows from its name."""
        return self._type_id

    @property
    def schema(self) -> OrderedDict[str, type[IgniteDataType]]:
        """The fields and their types, in the order in which objects hold them; a copy."""
        return OrderedDict(self._schema)

    @property
    def schema_id(self) -> int:
        """The id of the schema, which follows from the names of the fields and their order."""
        return self._schema_id


class GenericObject(_Properties):
    """Base of the classes that :class:`GenericObjectMeta` makes."""

    _field_ids: tuple[int, ...]
    _declared_codes: tuple[int, ...]
    _has_plain_fields: bool
    _origin: Origin | None = None

    def __ignite_value__(self, ancestors: Ancestors | None = None) -> Any:
        ancestors = {} if ancestors is None else ancestors
        wire = ancestors.get(id(self))
        if wire is not None:
            # The object is a part of itself: the codec writes where it stands.
            return wire
        origin = self._origin
        wire = BinaryObject(
            type_name=self._type_name,
            type_id=self._type_id,
            field_ids=self._field_ids,
            declared_codes=self._declared_codes,
            data_class=type(self),
        )
        if origin is not None:
            wire.type_id, wire.raw, wire.class_name = origin.type_id, origin.raw, origin.class_name
            wire.is_user_type = origin.is_user_type
            wire.field_ids = origin.field_ids or wire.field_ids
        codes = origin.codes if origin is not None else {}
        ancestors[id(self)] = wire
        try:
            for name, data_type in self._schema.items():
                value = getattr(self, name)
                code, kind = codes.get(name, (None, None))
                if code is not None and type(value) is kind and _fits(code, value):
                    data_type = DATA_TYPES.get(code, AnyObject)
                wire.fields[name] = data_type.to_wire(value, ancestors)
        except RecursionError:
            raise combined(ParseError, ValueError)("object nested too deep", code="nesting") from None
        finally:
            del ancestors[id(self)]
        return wire

    def __repr__(self) -> str:
        fields = ", ".join(f"{name}={getattr(self, name)!r}" for name in (*self._schema, "version"))
        return f"{type(self).__name__}({fields})"

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        return all(getattr(self, name) == getattr(other, name) for name in (*self._schema, "version"))

    def __hash__(self) -> int:
        # Values that may change, or contain the object itself, are left out; equal objects agree in the rest.
        values = ((name, getattr(self, name)) for name in self._schema)
        return hash((self._type_name, frozenset(pair for pair in values if isinstance(pair[1], _HASHED))))


class GenericObjectMeta(_Properties, type):
    """Makes a class of objects that caches keep as complex objects of the type *type_name*.

    *schema* gives the fields, as an ordered mapping of names to data types; fields become optional keyword arguments,
    with the default of their type, and attributes. *type_name* is the name of the class if it is left out. Objects
    also have a *version*, by default that of the class, which is for the program's own use and is not kept in the
    cache. A method or property of the class stays what it is, ``__init__``, ``__repr__`` and ``__eq__`` as well. Raises
    ParseError for a field of another type::

        class Person(metaclass=GenericObjectMeta, schema=OrderedDict([("name", String), ("age", IntObject)])):
            pass
    """

    version: int | None = None

    def __new__(
        mcs,
        name: str,
        bases: tuple[type, ...],
        namespace: dict[str, Any],
        type_name: str | None = None,
        schema: Schema | None = None,
        version: int = 1,
    ) -> Any:
        """Make the class."""
        if not any(issubclass(base, GenericObject) for base in bases):
            bases = (*bases, GenericObject)
        for field, data_type in (schema or {}).items():
            # A field may be called like one of the properties, which then belongs to the class alone.
            if field in vars(_Properties):
                namespace.setdefault(field, getattr(data_type, "default", None))
        return super().__new__(mcs, name, bases, namespace)

    def __init__(
        cls,
        name: str,
        bases: tuple[type, ...],
        namespace: dict[str, Any],
        type_name: str | None = None,
        schema: Schema | None = None,
        version: int = 1,
    ) -> None:
        super().__init__(name, bases, namespace)
        if schema is None:
            schema = getattr(cls, "_schema", {})
        for field, data_type in schema.items():
            if not isinstance(data_type, IgniteDataTypeMeta):
                raise combined(ParseError, TypeError)(
                    f"field {field!r} of {name} is of {data_type!r}, which is no data type; use a class of "
                    f"ignite_dbapi.keyvalue.datatypes such as IntObject",
                    code="field_type",
                )
        cls._type_name = type_name or name
        cls._type_id = name_id(cls._type_name)
        cls._schema = OrderedDict(schema)
        cls._field_ids = tuple(map(names.field_id, schema))
        cls._schema_id = names.schema_id(cls._field_ids)
        cls._declared_codes = tuple(
            TypeCode.NULL if names.is_nameless(field) else data_type.metadata_code
            for field, data_type in schema.items()
        )
        # Attributes with the name of a field are the program's own properties, by which the field is to be set.
        cls._has_plain_fields = not any(
            hasattr(base.__dict__.get(field), "__set__") for base in cls.__mro__ for field in (*schema, "version")
        )
        annotated = inspect.get_annotations(cls)
        attributes = {
            field: _attribute(data_type, is_annotated=field in annotated)
            for field, data_type in schema.items()
            if _is_argument(field)
        }
        attributes.setdefault("version", attr.ib(default=version, type=int))
        for field in schema:
            if field not in attributes:
                # No Python program can name it, but getattr() and setattr() can.
                setattr(cls, field, schema[field].default)
        are_all = len(attributes) > len(schema) or "version" in schema
        own = {method for method in ("__repr__", "__eq__", "__init__") if method in namespace}
        attr.s(
            cls,
            these=attributes,
            init="__init__" not in own,
            repr=are_all and "__repr__" not in own,
            eq=False,
            order=False,
        )


def _fits(code: int, value: Any) -> bool:
    """Whether *value*, which has the right class, is within the range of the type *code*."""
    bits = _BITS.get(code)
    if bits is not None:
        return -(1 << bits - 1) <= int(value) < 1 << bits - 1
    return code != TypeCode.CHAR or (len(value) == 1 and ord(value) <= 0xFFFF)


def _attribute(data_type: type[IgniteDataType], *, is_annotated: bool) -> Any:
    default = attr.Factory(list) if data_type.default == [] else data_type.default
    return attr.ib(type=None if is_annotated else data_type.pythonic, default=default)


def _is_argument(name: str) -> bool:
    return name.isidentifier() and not keyword.iskeyword(name) and name != "self"
