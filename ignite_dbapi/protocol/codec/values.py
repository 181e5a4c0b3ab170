"""Values of the data format that Python has no type of its own for, or whose Python type says too little.

A plain Python value travels as the type that is natural for it (an ``int`` as LONG, a ``str`` as STRING …).
Where that is not exact enough, :class:`Typed` names the type. The reader's lossless form answers in the same
vocabulary, so that what it reads can be written again byte for byte.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

import attrs

from ignite_dbapi.protocol.codec.type_codes import TypeCode


@attrs.frozen
class Typed:
    """A value with the type code that it travels as.

    For DATE, TIME and SQL dates (``OPTIMIZED``) an ``int`` value is the instant itself in milliseconds since
    1970-01-01T00:00Z; for TIMESTAMP an :class:`Instant` is. ``date``, ``time`` and ``datetime`` values are
    taken as wall-clock values.
    """

    code: TypeCode
    value: Any


@attrs.frozen(order=True)
class Instant:
    """A point in time: *milliseconds* since 1970-01-01T00:00Z (floor), and 0..999999 *nanoseconds* more."""

    milliseconds: int
    nanoseconds: int = 0


@attrs.frozen
class TimeSinceMidnight:
    """A java.sql.Time by its *milliseconds* on the server's wall clock, counted from midnight of 1970-01-01.

    Unlike a time of day it may be negative, or longer than a day.
    """

    milliseconds: int


@attrs.frozen
class Encoded:
    """A data object that is encoded already: *data* starts with its type code."""

    data: bytes


class NanosecondDatetime(datetime):
    """A ``datetime`` that keeps the 1..999 nanoseconds below its microsecond, so that nothing is rounded.

    TIMESTAMP values are read as this class only if they have such nanoseconds; it compares and computes like
    the ``datetime`` that it is, and writes back exactly what was read.
    """

    # The default is for what arithmetic and replace() make of such a value.
    nanosecond: int = 0

    @classmethod
    def from_datetime(cls, value: datetime, nanosecond: int) -> NanosecondDatetime:
        """*value* with *nanosecond* (0..999) below its microsecond."""
        result = cls(
            value.year,
            value.month,
            value.day,
            value.hour,
            value.minute,
            value.second,
            value.microsecond,
            value.tzinfo,
            fold=value.fold,
        )
        result.nanosecond = nanosecond
        return result

    def __repr__(self) -> str:
        return f"{super().__repr__()[:-1]}, nanosecond={self.nanosecond})"

    def __reduce_ex__(self, protocol: Any) -> tuple[Any, ...]:
        plain = datetime.combine(self.date(), self.time(), self.tzinfo).replace(fold=self.fold)
        return NanosecondDatetime.from_datetime, (plain, self.nanosecond)


@attrs.frozen
class EnumValue:
    """A Java enum constant: the *type_id* of its class and its *ordinal*.

    *binary* tells the two wire forms apart (``BINARY_ENUM`` is what servers answer with and what is written
    by default). *class_name* is set when the class is not registered with the cluster.
    """

    type_id: int
    ordinal: int
    class_name: str | None = None
    binary: bool = True


@attrs.define(eq=False)
class ObjectArray:
    """A Java object array: *items*, and the *type_id* of its component class (-1: java.lang.Object)."""

    items: list[Any]
    type_id: int = -1
    class_name: str | None = None
    is_enum: bool = False


@attrs.define(eq=False)
class Collection:
    """A Java collection; *kind*: -1 other set, 0 other, 1 ArrayList, 2 LinkedList, 3 HashSet,
    4 LinkedHashSet, 5 singleton list.
    """

    items: list[Any]
    kind: int = 1


@attrs.define(eq=False)
class MapValue:
    """A Java map as *pairs* of key and value; *kind*: 0 other, 1 HashMap, 2 LinkedHashMap."""

    pairs: list[tuple[Any, Any]]
    kind: int = 1


@attrs.frozen
class ClassReference:
    """A java.lang.Class: its *type_id*, or *class_name* where the class is not registered."""

    type_id: int
    class_name: str | None = None


@attrs.define(eq=False)
class Proxy:
    """A Java dynamic proxy: the *interfaces* it implements and its invocation *handler*."""

    interfaces: list[ClassReference]
    handler: Any


@attrs.frozen
class OptimizedBlob:
    """Java serialization that the driver does not interpret: *payload* without code and length."""

    payload: bytes

    def __str__(self) -> str:
        return f"<{len(self.payload)} bytes of Java serialization>"


@attrs.frozen
class Period:
    """A java.time.Period, as the Calcite engine answers INTERVAL YEAR TO MONTH: *years*, *months*, *days*."""

    years: int
    months: int
    days: int


@attrs.define(eq=False)
class Wrapped:
    """A binary object inside a byte array, *offset* bytes after its start, between *before* and *after*.

    Only the lossless form shows the wrapping; otherwise the object itself is read.
    """

    value: Any
    offset: int = 0
    before: bytes = b""
    after: bytes = b""


_HASHED_FIELDS: Final = (int, float, str, Decimal, UUID, date, time)


@attrs.define(eq=False)
class BinaryObject(Mapping[str, Any]):
    """An object of a Java (or any platform's) class, by its fields: a mapping of field names to values.

    *type_name* is None where the cluster does not know the type; a field whose name is unknown has its id as
    name (``"#-12345"``). *raw* holds the bytes that a class wrote without field names. *is_compact* is the
    footer form it was read with (None: the cluster's). *declared_codes* are the types to register the fields with,
    where that is not to follow from the values, and *data_class* is the class that the object was made of. Two
    objects are equal if type and fields are.
    """

    type_name: str | None
    fields: dict[str, Any] = attrs.field(factory=dict)
    type_id: int | None = None
    raw: bytes | None = None
    is_user_type: bool = True
    is_compact: bool | None = None
    class_name: str | None = None
    field_ids: tuple[int, ...] | None = attrs.field(default=None, repr=False)
    hash_code: int | None = attrs.field(default=None, repr=False)
    declared_codes: tuple[int, ...] | None = attrs.field(default=None, repr=False)
    data_class: type | None = attrs.field(default=None, repr=False)

    def __getitem__(self, name: str) -> Any:
        return self.fields[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.fields)

    def __len__(self) -> int:
        return len(self.fields)

    def __bool__(self) -> bool:
        return True

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, BinaryObject):
            return NotImplemented
        return (self.type_name, self.type_id, self.fields, self.raw) == (
            other.type_name,
            other.type_id,
            other.fields,
            other.raw,
        )

    def __hash__(self) -> int:
        # Objects are keys of maps and members of sets. Fields that may change, or be objects themselves, are
        # left out; equal objects agree in the rest.
        members = ((name, value) for name, value in self.fields.items() if isinstance(value, _HASHED_FIELDS))
        return hash((self.type_name, self.type_id, frozenset(members)))

    def __getattr__(self, name: str) -> Any:
        # Reached only for names that are no attributes of this class: fields read naturally as obj.name.
        try:
            return object.__getattribute__(self, "fields")[name]
        except (KeyError, AttributeError):
            raise AttributeError(f"no field {name!r} in {object.__getattribute__(self, 'type_name')!r}") from None


def is_hashable(value: Any) -> bool:
    """Whether *value* can be a member of a set or a key of a dict."""
    if not isinstance(value, Hashable):
        return False
    try:
        hash(value)
    except TypeError:  # a tuple of lists
        return False
    return True
