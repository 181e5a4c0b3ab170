"""Binary types of the cluster, and the classes that stand for them in a program."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from typing import Any

import attrs

from ignite_dbapi.errors import DatabaseError
from ignite_dbapi.keyvalue.datatypes.base import IgniteDataTypeMeta
from ignite_dbapi.keyvalue.exceptions import ParameterError
from ignite_dbapi.keyvalue.presentation import DataClasses, schema_of
from ignite_dbapi.keyvalue.utils import entity_id, schema_id
from ignite_dbapi.operations import binary_types
from ignite_dbapi.operations.session import Session
from ignite_dbapi.protocol.codec import BinaryField, BinaryType, TypeCode
from ignite_dbapi.protocol.codec.names import field_id
from ignite_dbapi.protocol.exchange import Operation


def get_binary_type(session: Session, binary_type: str | int) -> Operation[dict[str, Any]]:
    """What the cluster knows of the type with this name or id.

    A dict with ``type_exists`` and, if it does, ``type_id``, ``type_name``, ``affinity_key_field``, ``is_enum`` and
    ``schemas``: a list of ordered mappings of field names to data types. Enums also have ``enums``, the ordinals by
    name.
    """
    found = yield from binary_types.find(session, _id_of(binary_type))
    if found is None:
        return {"type_exists": False}
    answer = {
        "type_exists": True,
        "type_id": found.type_id,
        "type_name": found.type_name,
        "affinity_key_field": found.affinity_key_field,
        "is_enum": found.is_enum,
        "schemas": [schema_of(found, field_ids) for field_ids in found.schemas.values()],
    }
    if found.is_enum:
        answer["enums"] = OrderedDict(found.enum_values)
    return answer


def put_binary_type(
    session: Session,
    type_name: str,
    affinity_key_field: str | None = None,
    is_enum: bool = False,
    schema: Mapping[str, Any] | None = None,
) -> Operation[dict[str, Any]]:
    """Register the type *type_name* with the cluster; the answer has its ``type_id`` and ``schema_id``.

    *schema* maps field names to data types or, for an enum, names of constants to ordinals.
    """
    schema = schema or {}
    if is_enum:
        constants = tuple((name, int(ordinal)) for name, ordinal in schema.items())
        described = BinaryType(_id_of(type_name), type_name, None, is_enum=True, enum_values=constants)
        yield from binary_types.register(session, described)
        return {"type_id": described.type_id, "schema_id": None}
    described = _described(type_name, schema, affinity_key_field)
    yield from binary_types.register(session, described)
    return {"type_id": described.type_id, "schema_id": schema_id(schema)}


def register_binary_type(session: Session, data_class: Any, affinity_key_field: str | None = None) -> Operation[None]:
    """Make the objects of a type and schema from *data_class*, and register both with the cluster if they are new.

    *affinity_key_field* is the field that decides where objects are kept which are keys; neither it nor the type of a
    field can be changed later, which raises BinaryTypeError.
    """
    known = yield from binary_types.find(session, data_class.type_id)
    described = _described(data_class.type_name, data_class.schema, affinity_key_field)
    codes = [data_type.metadata_code for data_type in data_class.schema.values()]
    (field_ids,) = described.schemas.values()
    if known is None or not known.has_schema(data_class.schema_id, field_ids, codes, of_these_types=True):
        if known is not None and affinity_key_field is None:
            described = attrs.evolve(described, affinity_key_field=known.affinity_key_field)
        yield from binary_types.register(session, described)
    _registry(session).remember(data_class)


def query_binary_type(
    session: Session, binary_type: str | int, schema: int | Mapping[str, Any] | None = None
) -> Operation[Any]:
    """The class that objects of this type and *schema* (or schema id) are made from; None if there is no such schema.

    Without *schema*, a dict of all classes of the type, by schema id. Classes that nobody has registered are made
    from what the cluster knows.
    """
    registry = _registry(session)
    type_id = _id_of(binary_type)
    wanted = None if schema is None else schema_id(schema)
    classes = registry.classes(type_id)
    if wanted is not None and wanted in classes:
        return classes[wanted]
    found = yield from binary_types.find(session, type_id)
    if found is not None:
        registry.describe(found)
        classes = registry.classes(type_id)
    return classes if wanted is None else classes.get(wanted)


def _described(type_name: str, schema: Mapping[str, Any], affinity_key_field: str | None) -> BinaryType:
    fields = []
    for name, data_type in schema.items():
        if not isinstance(data_type, IgniteDataTypeMeta):
            raise ParameterError(
                f"field {name!r} of {type_name} is of {data_type!r}, which is no data type; use a class of "
                f"ignite_dbapi.keyvalue.datatypes such as IntObject",
                code="field_type",
            )
        if data_type.code is not None and data_type.code != TypeCode.NULL:
            fields.append(BinaryField(name, data_type.metadata_code, field_id(name)))
    field_ids = tuple(map(field_id, schema))
    return BinaryType(
        _id_of(type_name), type_name, affinity_key_field, tuple(fields), schemas={schema_id(schema): field_ids}
    )


def _registry(session: Session) -> DataClasses:
    registry = session.context.knowledge.presentation
    if not isinstance(registry, DataClasses):
        raise DatabaseError("this connection makes no objects from classes", code="no_data_classes")
    return registry


def _id_of(binary_type: str | int) -> int:
    type_id = entity_id(binary_type)
    assert type_id is not None
    return type_id
