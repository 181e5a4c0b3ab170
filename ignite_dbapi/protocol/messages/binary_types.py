"""Reading and registering the description of binary types."""

from __future__ import annotations

import attrs

from ignite_dbapi.protocol.codec import BinaryField, BinaryType, Reader, Writer
from ignite_dbapi.protocol.context import Context
from ignite_dbapi.protocol.messages.base import Message


@attrs.frozen(eq=False, repr=False)
class BinaryTypeGet(Message[BinaryType | None]):
    """Ask for the type *type_id*; the answer is None if the cluster does not know it."""

    op_code = 3002

    type_id: int

    def encode(self, writer: Writer, context: Context) -> None:
        """Write the request."""
        writer.i32(self.type_id)

    def decode(self, reader: Reader, context: Context) -> BinaryType | None:
        """Read the description."""
        if not reader.boolean():
            return None
        type_id = reader.i32()
        type_name = reader.string() or ""
        affinity_key_field = reader.string()
        fields = tuple(BinaryField(reader.string() or "", reader.i32(), reader.i32()) for _ in range(reader.count(9)))
        is_enum = reader.boolean()
        enum_values: tuple[tuple[str, int], ...] = ()
        if is_enum:
            enum_values = tuple((reader.string() or "", reader.i32()) for _ in range(reader.count(5)))
        schemas: dict[int, tuple[int, ...]] = {}
        for _ in range(reader.count(8)):
            schema = reader.i32()
            schemas[schema] = tuple(reader.i32() for _ in range(reader.count(4)))
        return BinaryType(type_id, type_name, affinity_key_field, fields, is_enum, enum_values, schemas)


@attrs.frozen(eq=False, repr=False)
class BinaryTypePut(Message[None]):
    """Register *binary_type*: the server adds its fields and schemas to what it knows of the type."""

    op_code = 3003

    binary_type: BinaryType

    def encode(self, writer: Writer, context: Context) -> None:
        """Write the description."""
        binary_type = self.binary_type
        writer.i32(binary_type.type_id)
        writer.string(binary_type.type_name)
        writer.string(binary_type.affinity_key_field)
        writer.i32(len(binary_type.fields))
        for field in binary_type.fields:
            writer.string(field.name)
            writer.i32(field.type_code)
            writer.i32(field.field_id)
        writer.boolean(binary_type.is_enum)
        if binary_type.is_enum:
            writer.i32(len(binary_type.enum_values))
            for name, ordinal in binary_type.enum_values:
                writer.string(name)
                writer.i32(ordinal)
        writer.i32(len(binary_type.schemas))
        for schema, field_ids in binary_type.schemas.items():
            writer.i32(schema)
            writer.i32(len(field_ids))
            for field_id in field_ids:
                writer.i32(field_id)


@attrs.frozen(eq=False, repr=False)
class ClassNamePut(Message[bool]):
    """Tell the cluster the name of the Java class whose type id is *type_id*, so that nodes find the class."""

    op_code = 3001

    type_id: int
    class_name: str

    def encode(self, writer: Writer, context: Context) -> None:
        """Write the request."""
        writer.u8(0)  # the platform of the class: Java
        writer.i32(self.type_id)
        writer.string(self.class_name)

    def decode(self, reader: Reader, context: Context) -> bool:
        """Read whether it was accepted."""
        return reader.boolean()
