"""What the codec has to know about a cluster, and how it asks for what it does not know yet.

Some bytes cannot be read or written by themselves: a TIMESTAMP needs the server's time zone, an object with a
compact footer its schema. The codec never guesses and never talks to anybody: it raises a
:class:`MissingFact`. The operation under way then asks the server, adds the answer here, and does the same
step again; reading and writing have no side effects until they succeed.
"""

from __future__ import annotations

from collections.abc import Iterable, MutableMapping
from typing import Any, Final, Protocol

import attrs

from ignite_dbapi.protocol.codec.clock import Clock
from ignite_dbapi.protocol.codec.names import name_id, schema_id
from ignite_dbapi.protocol.codec.type_codes import TypeCode
from ignite_dbapi.protocol.codec.values import BinaryObject, EnumValue


class MissingFact(Exception):
    """The codec needs to know something about the cluster before it can go on.

    *pending* is the request whose answer could not be read for the lack of it; None if it is missing to write one.
    """

    pending: Any = None


class MissingServerFacts(MissingFact):
    """The server's time zone, string encoding and footer form are not known yet."""


class MissingBinaryType(MissingFact):
    """The binary type *type_id*, its schema *schema_id*, or the name of its field *field_id*, is not known yet."""

    def __init__(self, type_id: int, schema_id: int | None = None, field_id: int | None = None) -> None:
        super().__init__(type_id, schema_id, field_id)
        self.type_id = type_id
        self.schema_id = schema_id
        self.field_id = field_id


class UnregisteredBinaryType(MissingFact):
    """An object is to be written whose type, fields or schema the cluster has not been told of."""

    def __init__(self, binary_type: BinaryType) -> None:
        super().__init__(binary_type)
        self.binary_type = binary_type


# Types that the cluster takes for one another when it compares the types of a field.
_ALIASES: Final[dict[int, int]] = {
    TypeCode.WRAPPED: TypeCode.COMPLEX_OBJECT,
    TypeCode.BINARY_ENUM: TypeCode.ENUM,
}


@attrs.frozen
class BinaryField:
    """A field of a binary type: its *name*, the *type_code* it was registered with, its *field_id*."""

    name: str
    type_code: int
    field_id: int

    @classmethod
    def of(cls, name: str, type_code: int) -> BinaryField:
        """The field *name* with the id that follows from it."""
        return cls(name, type_code, name_id(name))


@attrs.frozen
class BinaryType:
    """What the cluster knows about a type: names and types of its fields, and the schemas in use.

    A schema is the list of field ids in the order in which an object holds them; *schemas* has them by id.
    """

    type_id: int
    type_name: str
    affinity_key_field: str | None = None
    fields: tuple[BinaryField, ...] = ()
    is_enum: bool = False
    enum_values: tuple[tuple[str, int], ...] = ()
    schemas: dict[int, tuple[int, ...]] = attrs.field(factory=dict)
    field_names: dict[int, str] = attrs.field(init=False, repr=False, eq=False)
    field_codes: dict[int, int] = attrs.field(init=False, repr=False, eq=False)
    enum_names: dict[int, str] = attrs.field(init=False, repr=False, eq=False)

    def __attrs_post_init__(self) -> None:
        names: dict[int, str] = {}
        for field in self.fields:
            # A name registered again in another case shares the id; the first one stays.
            names.setdefault(field.field_id, field.name)
        object.__setattr__(self, "field_names", names)
        object.__setattr__(self, "field_codes", {field.field_id: field.type_code for field in self.fields})
        object.__setattr__(self, "enum_names", {ordinal: name for name, ordinal in self.enum_values})

    @classmethod
    def of(
        cls,
        type_name: str,
        fields: Iterable[tuple[str, int]],
        *,
        affinity_key_field: str | None = None,
        type_id: int | None = None,
    ) -> BinaryType:
        """The type *type_name* with one schema of *fields*: (name, type code), in the order of writing."""
        members = tuple(BinaryField.of(name, code) for name, code in fields)
        ids = tuple(field.field_id for field in members)
        return cls(
            type_id=name_id(type_name) if type_id is None else type_id,
            type_name=type_name,
            affinity_key_field=affinity_key_field,
            fields=members,
            schemas={schema_id(ids): ids},
        )

    def name_of(self, field_id: int) -> str:
        """The name of the field *field_id*; fields without a known name are called by their id."""
        return self.field_names.get(field_id) or f"#{field_id}"

    def has_schema(self, schema: int, field_ids: Iterable[int], codes: Iterable[int], *, of_these_types: bool) -> bool:
        """Whether *schema* is registered, and its fields are under a type, or else have never had a value.

        *codes* are the types of the fields, NULL for those that are open; with *of_these_types* the fields must be
        registered with just them.
        """
        if schema not in self.schemas:
            return False
        for field_id, code in zip(field_ids, codes, strict=True):
            if code != TypeCode.NULL:
                known = self.field_codes.get(field_id)
                if known is None or (of_these_types and _ALIASES.get(known, known) != _ALIASES.get(code, code)):
                    return False
        return True

    def merged_with(self, other: BinaryType) -> BinaryType:
        """This type with the fields, schemas and enum values of *other* added."""
        known = {(field.name, field.type_code) for field in self.fields}
        added = tuple(field for field in other.fields if (field.name, field.type_code) not in known)
        return attrs.evolve(
            self,
            affinity_key_field=self.affinity_key_field or other.affinity_key_field,
            fields=self.fields + added,
            enum_values=tuple(dict.fromkeys(self.enum_values + other.enum_values)),
            schemas={**self.schemas, **other.schemas},
        )


# Classes of Ignite itself: written with full footers, and never described by the cluster.
_SYSTEM_TYPES = (
    BinaryType.of("AffinityKey", (("key", TypeCode.COMPLEX_OBJECT), ("affKey", TypeCode.COMPLEX_OBJECT))),
    BinaryType(type_id=60, type_name="GridMapEntry"),
    BinaryType(type_id=61, type_name="IgniteBiTuple"),
    BinaryType(type_id=62, type_name="T2"),
    BinaryType(type_id=63, type_name="IgniteUuid"),
)


class BinaryTypes:
    """The binary types that are known so far, by type id."""

    def __init__(self) -> None:
        self._types: dict[int, BinaryType] = {}
        self._system_types = {binary_type.type_id: binary_type for binary_type in _SYSTEM_TYPES}
        self._unknown: set[int] = set()
        self._nameless: set[tuple[int, int]] = set()

    def get(self, type_id: int) -> BinaryType | None:
        """The type *type_id*, None if the cluster has none; MissingBinaryType if nobody has asked it yet."""
        found = self._types.get(type_id)
        if found is None and type_id not in self._unknown:
            raise MissingBinaryType(type_id)
        return found

    def system_type(self, type_id: int) -> BinaryType | None:
        """The class of Ignite itself with this id."""
        return self._system_types.get(type_id)

    def add(self, binary_type: BinaryType) -> BinaryType:
        """Remember *binary_type*, merged with what is known of it; returns the merged type."""
        known = self._types.get(binary_type.type_id)
        merged = known.merged_with(binary_type) if known is not None else binary_type
        self._types[binary_type.type_id] = merged
        self._unknown.discard(binary_type.type_id)
        return merged

    def add_unknown(self, type_id: int) -> None:
        """Remember that the cluster does not know the type *type_id*."""
        self._unknown.add(type_id)

    def is_nameless(self, type_id: int, field_id: int) -> bool:
        """Whether the cluster was asked for the name of a field and had none; it is asked once."""
        return (type_id, field_id) in self._nameless

    def add_nameless(self, type_id: int, field_id: int) -> None:
        """Remember that the cluster was asked for the name of a field."""
        self._nameless.add((type_id, field_id))

    def forget(self, type_id: int) -> None:
        """Ask the cluster again next time, because another client may have registered something."""
        self._unknown.discard(type_id)


class Presentation(Protocol):
    """How a reader shows values whose natural Python type says less than their type in Ignite.

    Containers are made empty and filled afterwards, since what they hold may point back to them. A step of reading
    is done again after something was learned, so that none of these methods may count how often it is called.
    """

    def timestamp(self, clock: Clock, milliseconds: int, nanoseconds: int) -> Any:
        """A TIMESTAMP."""

    def date(self, clock: Clock, milliseconds: int) -> Any:
        """A java.util.Date."""

    def time(self, clock: Clock, milliseconds: int) -> Any:
        """A TIME."""

    def enum(self, value: EnumValue, types: BinaryTypes) -> Any:
        """An enum constant."""

    def object_array(self, type_id: int, items: list[Any]) -> Any:
        """An array of objects, whose *items* follow."""

    def collection(self, kind: int, items: list[Any]) -> Any:
        """A collection, whose *items* follow."""

    def mapping(self, kind: int) -> tuple[Any, MutableMapping[Any, Any]]:
        """A map, and the mapping in it that the entries are put into."""

    def pairs(self, kind: int, pairs: list[tuple[Any, Any]]) -> Any:
        """A map whose keys cannot be the keys of a mapping in Python."""

    def new_object(self, description: BinaryObject, schema: int, binary_type: BinaryType | None) -> Any:
        """An object whose fields are still to be read; *description* has everything else about it."""

    def fill_object(self, shown: Any, description: BinaryObject, codes: list[int]) -> None:
        """Give the object its fields, which *description* has by now; *codes* are their type codes."""

    def remember(self, data_class: type) -> None:
        """Note that an object of *data_class* is written."""


@attrs.define
class Knowledge:
    """What is known about the cluster so far, None means: not asked yet; and how its values are shown.

    Without a *presentation* they are shown as the Python values that are natural for them.
    """

    clock: Clock | None = None
    is_string_version_2: bool | None = None
    is_compact_footer: bool | None = None
    binary_types: BinaryTypes = attrs.field(factory=BinaryTypes)
    presentation: Presentation | None = None

    def wall_clock(self) -> Clock:
        """The clock of the server's zone; MissingServerFacts if it is not known yet."""
        if self.clock is None:
            raise MissingServerFacts
        return self.clock
