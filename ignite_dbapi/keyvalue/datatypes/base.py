"""What all data types have in common."""

from __future__ import annotations

from typing import Any, ClassVar, TypeAlias

from ignite_dbapi.protocol.codec import (
    Knowledge,
    MissingBinaryType,
    UnregisteredBinaryType,
    Writer,
    decode,
)
from ignite_dbapi.protocol.codec.clock import clock_for
from ignite_dbapi.protocol.codec.hashing import java_hash
from ignite_dbapi.protocol.codec.type_codes import TypeCode

# The objects that are being converted, by id, while what they contain is converted.
Ancestors: TypeAlias = dict[int, Any]


class IgniteDataTypeMeta(type):
    """Gives the classes of data types their properties."""

    _type_name: str | None = None
    code: TypeCode | None = None

    @property
    def type_name(cls) -> str | None:
        """The name of the Java class, None if there is no single one."""
        return cls._type_name

    @property
    def type_id(cls) -> int | None:
        """The id of the type, by which metadata name it."""
        return cls.code

    @property
    def type_code(cls) -> bytes | None:
        """The byte that stands before each value of the type."""
        return None if cls.code is None else bytes((cls.code & 0xFF,))

    @property
    def metadata_code(cls) -> int:
        """How metadata name the type of a field; NULL leaves it open."""
        if cls.code is None:
            return TypeCode.NULL
        if cls.code == TypeCode.BINARY_ENUM:
            return TypeCode.ENUM
        # Java's own serialization, as that of java.sql.Date, is of no type that metadata know.
        return TypeCode.COMPLEX_OBJECT if cls.code == TypeCode.OPTIMIZED else cls.code


class IgniteDataType(metaclass=IgniteDataTypeMeta):
    """Base of the data types, which are used as hints and as types of fields, and are never instantiated.

    ``pythonic`` is the Python type of values, ``default`` the value of a field that was not given any, ``code`` the
    type code and ``type_code`` the same as a byte.
    """

    pythonic: ClassVar[type] = type(None)
    default: ClassVar[Any] = None

    @classmethod
    def to_wire(cls, value: Any, ancestors: Ancestors | None = None) -> Any:
        """*value* as the codec writes it with this type; None is NULL whatever the type."""
        return None if value is None else cls._to_wire(value, ancestors)

    @classmethod
    def _to_wire(cls, value: Any, ancestors: Ancestors | None) -> Any:
        raise NotImplementedError

    @classmethod
    def hashcode(cls, value: Any, client: Any = None) -> int:
        """What Java's ``hashCode()`` gives for *value* of this type.

        Without a connected *client*, naive times are taken as UTC and objects as having compact footers.
        """
        known: Knowledge | None = getattr(client, "_knowledge", None)
        knowledge = Knowledge(
            clock=known.clock if known and known.clock else clock_for("UTC"),
            is_string_version_2=bool(known and known.is_string_version_2),
            is_compact_footer=not known or known.is_compact_footer is not False,
        )
        wire = cls.to_wire(value)
        while True:
            writer = Writer(knowledge)
            try:
                writer.value(wire)
                return java_hash(decode(bytes(writer.buffer), knowledge, lossless=True))
            except UnregisteredBinaryType as missing:
                knowledge.binary_types.add(missing.binary_type)
            except MissingBinaryType as missing:
                knowledge.binary_types.add_unknown(missing.type_id)

    @classmethod
    async def hashcode_async(cls, value: Any, client: Any = None) -> int:
        """See :meth:`hashcode`, which needs nothing to wait for."""
        return cls.hashcode(value, client)


class Nullable(IgniteDataType):
    """Base of the data types that have a type code."""
