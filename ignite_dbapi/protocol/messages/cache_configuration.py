"""The configuration of a cache: its properties, as they are set at creation and read from a cache that exists."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import timedelta
from enum import IntEnum
from struct import pack_into
from typing import Any, ClassVar, Final, TypeVar

import attrs

from ignite_dbapi.errors import NotSupportedError, ProgrammingError, ProtocolError
from ignite_dbapi.protocol.codec import Reader, Writer
from ignite_dbapi.protocol.context import Context

VERSION_WITH_PRECISION: Final = (1, 2, 0)
VERSION_WITH_EXPIRY_POLICY: Final = (1, 6, 0)

EnumT = TypeVar("EnumT", bound=IntEnum)
PartT = TypeVar("PartT", bound="_Part")


class CacheMode(IntEnum):
    """Where the entries of a cache are. LOCAL exists on old servers only, and cannot be created."""

    LOCAL = 0
    REPLICATED = 1
    PARTITIONED = 2


class CacheAtomicityMode(IntEnum):
    """Whether a cache takes part in transactions."""

    TRANSACTIONAL = 0
    ATOMIC = 1


class WriteSynchronizationMode(IntEnum):
    """Which copies must have been written before a change counts as done."""

    FULL_SYNC = 0
    FULL_ASYNC = 1
    PRIMARY_SYNC = 2


class RebalanceMode(IntEnum):
    """Whether a node that joins waits until its share of the entries has arrived."""

    SYNC = 0
    ASYNC = 1
    NONE = 2


class PartitionLossPolicy(IntEnum):
    """What can still be done with a cache after all copies of a partition were lost."""

    READ_ONLY_SAFE = 0
    READ_ONLY_ALL = 1
    READ_WRITE_SAFE = 2
    READ_WRITE_ALL = 3
    IGNORE = 4


class IndexType(IntEnum):
    """The kind of an SQL index."""

    SORTED = 0
    FULLTEXT = 1
    GEOSPATIAL = 2


# --- parts of a configuration ---------------------------------------------------------------------------------


def _duration(value: int | timedelta) -> int:
    """*value* in milliseconds: a number of them, or a timedelta, or one of the two constants below 0."""
    if isinstance(value, timedelta):
        milliseconds = value // timedelta(milliseconds=1)
        is_valid = milliseconds >= 0
    else:
        milliseconds = value
        is_valid = type(value) is int and ExpiryPolicy.UNCHANGED <= value < 1 << 63
    if not is_valid:
        raise ProgrammingError(
            f"an expiry policy cannot have {value!r}: milliseconds from 0 on, a timedelta, "
            f"ExpiryPolicy.ETERNAL (-1) and ExpiryPolicy.UNCHANGED (-2) are allowed",
            code="invalid_expiry_policy",
        )
    return milliseconds


@attrs.frozen
class ExpiryPolicy:
    """How long entries live after they were created, updated or read, in milliseconds (or timedeltas)."""

    UNCHANGED: ClassVar[int] = -2
    ETERNAL: ClassVar[int] = -1

    create: int = attrs.field(default=-2, converter=_duration)
    update: int = attrs.field(default=-2, converter=_duration)
    access: int = attrs.field(default=-2, converter=_duration)

    def encode(self, writer: Writer) -> None:
        """Write the three durations."""
        writer.i64(self.create)
        writer.i64(self.update)
        writer.i64(self.access)


class Description(dict[str, Any]):
    """A piece of a configuration as a dict. It equals a dict that leaves out what has its default anyway."""

    defaults: Mapping[str, Any] = {}

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Mapping):
            return NotImplemented
        return {**self.defaults, **self} == {**self.defaults, **other}

    def __ne__(self, other: object) -> bool:
        return not self == other

    __hash__ = None


class _Part:
    """A piece of a configuration that may also be given as a dict whose keys are the names of its fields."""

    __slots__ = ()

    @classmethod
    def from_mapping(cls: type[PartT], value: Mapping[str, Any]) -> PartT:
        """The object that the dict *value* describes; fields that it leaves out have their defaults."""
        fields = attrs.fields_dict(cls)  # type: ignore[arg-type] # every subclass is an attrs class
        unknown = [name for name in value if name not in fields]
        missing = [name for name, field in fields.items() if field.default is attrs.NOTHING and name not in value]
        if unknown or missing:
            raise _invalid(
                f"{cls.__name__} has no field {unknown[0]!r}" if unknown else f"{cls.__name__} needs {missing[0]!r}",
                f"its fields are {', '.join(fields)}",
            )
        return cls(**value)

    def as_mapping(self) -> dict[str, Any]:
        """The object as a dict, and the objects within it as well."""
        fields = attrs.fields_dict(type(self))  # type: ignore[arg-type] # see above
        described = Description({name: _plain(getattr(self, name)) for name in fields})
        described.defaults = {
            name: _plain(field.default) for name, field in fields.items() if field.default is not attrs.NOTHING
        }
        return described


def _plain(value: Any) -> Any:
    if isinstance(value, _Part):
        return value.as_mapping()
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    return int(value) if isinstance(value, IntEnum) else value


def _parts(part: type[PartT], values: Any) -> tuple[PartT, ...]:
    """*values*, which are objects of the class *part* or dicts, as objects."""
    if isinstance(values, (str, bytes, Mapping)) or not isinstance(values, Iterable):
        raise _invalid(f"{values!r} is no list", f"a list of {part.__name__} objects, or of dicts, is allowed")
    return tuple(_part(part, value) for value in values)


def _index_type(value: Any) -> IndexType:
    return _member(IndexType, value)


def _index_fields(values: Any) -> tuple[IndexField, ...]:
    return _parts(IndexField, values)


def _query_fields(values: Any) -> tuple[QueryField, ...]:
    return _parts(QueryField, values)


def _aliases(values: Any) -> tuple[FieldAlias, ...]:
    return _parts(FieldAlias, values)


def _indexes(values: Any) -> tuple[QueryIndex, ...]:
    return _parts(QueryIndex, values)


def _part(part: type[PartT], value: Any) -> PartT:
    if isinstance(value, part):
        return value
    if isinstance(value, Mapping):
        return part.from_mapping(value)
    raise _invalid(f"{value!r} is no {part.__name__}", "an object of this class, or a dict, is allowed")


def _text(value: Any) -> str | None:
    if value is not None and not isinstance(value, str):
        raise _invalid(f"{value!r} is no name", "text is allowed")
    return value


def _flag(value: Any) -> bool:
    if value is True or value is False:
        return value
    if type(value) is int and value in (0, 1):
        return bool(value)
    raise _invalid(f"{value!r} is neither true nor false", "True and False are allowed")


def _number(value: Any) -> int:
    return _number_of_bits(value, 32)


def _number_of_bits(value: Any, bits: int, minimum: int | None = None) -> int:
    low = -(1 << bits - 1) if minimum is None else minimum
    high = (1 << bits - 1) - 1
    try:
        number = operator.index(value)
    except TypeError:
        number = high + 1
    if isinstance(value, bool) or not low <= number <= high:
        raise _invalid(f"{value!r} is out of place", f"whole numbers from {low} to {high} are allowed")
    return number


def _member(enum: type[EnumT], value: Any) -> EnumT:
    if type(value) is int or isinstance(value, enum):
        try:
            return enum(value)
        except ValueError:
            pass
    elif isinstance(value, str) and value.upper() in enum.__members__:
        return enum[value.upper()]
    raise _invalid(f"{value!r} is out of place", f"{_members(enum)} are allowed")


def _members(enum: type[IntEnum]) -> str:
    return ", ".join(f"{member.name} ({member.value})" for member in enum if member is not CacheMode.LOCAL)


def _invalid(what: str, allowed: str) -> ProgrammingError:
    return ProgrammingError(f"{what}; {allowed}", code="cache_property")


@attrs.frozen
class QueryField(_Part):
    """A field of keys or values that SQL sees as a column. *type_name* is that of a Java class.

    *precision* and *scale* of -1 leave them open.
    """

    name: str | None = attrs.field(converter=_text)
    type_name: str | None = attrs.field(converter=_text)
    is_key_field: bool = attrs.field(default=False, converter=_flag)
    is_notnull_constraint_field: bool = attrs.field(default=False, converter=_flag)
    default_value: Any = None
    precision: int = attrs.field(default=-1, converter=_number)
    scale: int = attrs.field(default=-1, converter=_number)

    def encode(self, writer: Writer, context: Context) -> None:
        """Write the field."""
        writer.string(self.name)
        writer.string(self.type_name)
        writer.boolean(self.is_key_field)
        writer.boolean(self.is_notnull_constraint_field)
        writer.value(self.default_value)
        if context.version >= VERSION_WITH_PRECISION:
            writer.i32(self.precision)
            writer.i32(self.scale)

    @classmethod
    def decode(cls, reader: Reader, context: Context) -> QueryField:
        """Read a field."""
        values = reader.string(), reader.string(), reader.boolean(), reader.boolean(), reader.value()
        if context.version < VERSION_WITH_PRECISION:
            return cls(*values)
        return cls(*values, reader.i32(), reader.i32())


@attrs.frozen
class FieldAlias(_Part):
    """The column name *alias* of the field *field_name*."""

    field_name: str | None = attrs.field(converter=_text)
    alias: str | None = attrs.field(converter=_text)

    def encode(self, writer: Writer, context: Context) -> None:
        """Write the alias."""
        writer.string(self.field_name)
        writer.string(self.alias)

    @classmethod
    def decode(cls, reader: Reader, context: Context) -> FieldAlias:
        """Read an alias."""
        return cls(reader.string(), reader.string())


@attrs.frozen
class IndexField(_Part):
    """A field of an index, and whether it is sorted from the largest value on."""

    name: str | None = attrs.field(converter=_text)
    is_descending: bool = attrs.field(default=False, converter=_flag)

    def encode(self, writer: Writer, context: Context) -> None:
        """Write the field."""
        writer.string(self.name)
        writer.boolean(self.is_descending)

    @classmethod
    def decode(cls, reader: Reader, context: Context) -> IndexField:
        """Read a field."""
        return cls(reader.string(), reader.boolean())


@attrs.frozen
class QueryIndex(_Part):
    """An SQL index over *fields*. *inline_size* is in bytes of each index entry; -1 leaves it to the server."""

    index_name: str | None = attrs.field(default=None, converter=_text)
    index_type: IndexType = attrs.field(default=IndexType.SORTED, converter=_index_type)
    inline_size: int = attrs.field(default=-1, converter=_number)
    fields: Sequence[IndexField] = attrs.field(default=(), converter=_index_fields)

    def encode(self, writer: Writer, context: Context) -> None:
        """Write the index."""
        writer.string(self.index_name)
        writer.u8(self.index_type)
        writer.i32(self.inline_size)
        _encode_all(self.fields, writer, context)

    @classmethod
    def decode(cls, reader: Reader, context: Context) -> QueryIndex:
        """Read an index."""
        return cls(
            reader.string(),
            _read_member(IndexType, reader.u8()),
            reader.i32(),
            _decode_all(IndexField, reader, context, 2),
        )


@attrs.frozen
class QueryEntity(_Part):
    """How SQL sees entries with keys and values of given types: as rows of the table *table_name*.

    *key_field_name* and *value_field_name* name the columns of keys and values that are no objects with fields.
    """

    key_type_name: str | None = attrs.field(default=None, converter=_text)
    value_type_name: str | None = attrs.field(default=None, converter=_text)
    table_name: str | None = attrs.field(default=None, converter=_text)
    key_field_name: str | None = attrs.field(default=None, converter=_text)
    value_field_name: str | None = attrs.field(default=None, converter=_text)
    query_fields: Sequence[QueryField] = attrs.field(default=(), converter=_query_fields)
    field_name_aliases: Sequence[FieldAlias] = attrs.field(default=(), converter=_aliases)
    query_indexes: Sequence[QueryIndex] = attrs.field(default=(), converter=_indexes)

    def encode(self, writer: Writer, context: Context) -> None:
        """Write the entity."""
        writer.string(self.key_type_name)
        writer.string(self.value_type_name)
        writer.string(self.table_name)
        writer.string(self.key_field_name)
        writer.string(self.value_field_name)
        _encode_all(self.query_fields, writer, context)
        _encode_all(self.field_name_aliases, writer, context)
        _encode_all(self.query_indexes, writer, context)

    @classmethod
    def decode(cls, reader: Reader, context: Context) -> QueryEntity:
        """Read an entity."""
        return cls(
            reader.string(),
            reader.string(),
            reader.string(),
            reader.string(),
            reader.string(),
            _decode_all(QueryField, reader, context, 5),
            _decode_all(FieldAlias, reader, context, 2),
            _decode_all(QueryIndex, reader, context, 10),
        )


@attrs.frozen
class KeyConfiguration(_Part):
    """The field of keys of the type *type_name* that decides on the partition of an entry."""

    type_name: str | None = attrs.field(converter=_text)
    affinity_key_field_name: str | None = attrs.field(converter=_text)

    def encode(self, writer: Writer, context: Context) -> None:
        """Write the pair."""
        writer.string(self.type_name)
        writer.string(self.affinity_key_field_name)

    @classmethod
    def decode(cls, reader: Reader, context: Context) -> KeyConfiguration:
        """Read a pair."""
        return cls(reader.string(), reader.string())


def _encode_all(parts: Sequence[Any], writer: Writer, context: Context) -> None:
    writer.i32(len(parts))
    for part in parts:
        part.encode(writer, context)


def _decode_all(part: Any, reader: Reader, context: Context, size: int) -> tuple[Any, ...]:
    return tuple(part.decode(reader, context) for _ in range(reader.count(size)))


def _read_member(enum: type[EnumT], number: int) -> EnumT:
    try:
        return enum(number)
    except ValueError:
        raise ProtocolError(f"{number} is no {enum.__name__}: {_members(enum)} are") from None


# --- properties -----------------------------------------------------------------------------------------------


@attrs.frozen
class _Kind:
    """The values of a property: what they are called, checked, written and read by."""

    type_name: str
    allowed: str
    convert: Callable[[Any], Any]
    encode: Callable[[Any, Writer, Context], None]
    decode: Callable[[Reader, Context], Any]


def _integers(bits: int, minimum: int | None = None, *, is_duration: bool = False) -> _Kind:
    def convert(value: Any) -> int:
        if is_duration and isinstance(value, timedelta):
            value = value // timedelta(milliseconds=1)
        return _number_of_bits(value, bits, minimum)

    low = "any" if minimum is None else f"{minimum} or more"
    allowed = f"a number of {bits} bits, {low}" + (", in milliseconds; or a timedelta" if is_duration else "")
    if bits == 32:
        return _Kind(
            "int", allowed, convert, lambda value, writer, _: writer.i32(value), lambda reader, _: reader.i32()
        )
    return _Kind("long", allowed, convert, lambda value, writer, _: writer.i64(value), lambda reader, _: reader.i64())


def _choice(enum: type[IntEnum]) -> _Kind:
    return _Kind(
        enum.__name__,
        _members(enum),
        lambda value: _member(enum, value),
        lambda value, writer, _: writer.i32(value),
        lambda reader, _: _read_member(enum, reader.i32()),
    )


def _list_of(part: Any, size: int) -> _Kind:
    return _Kind(
        f"list of {part.__name__}",
        f"a list of {part.__name__} objects, or of dicts with their fields",
        lambda values: _parts(part, values),
        _encode_all,
        lambda reader, context: _decode_all(part, reader, context, size),
    )


def _to_expiry_policy(value: Any) -> ExpiryPolicy:
    if isinstance(value, ExpiryPolicy):
        return value
    if isinstance(value, Mapping) and set(value) <= {"create", "update", "access"}:
        return ExpiryPolicy(**value)
    raise _invalid(f"{value!r} is no ExpiryPolicy", "an object of this class is allowed")


def _encode_expiry_policy(value: ExpiryPolicy, writer: Writer, context: Context) -> None:
    writer.boolean(True)
    value.encode(writer)


def _decode_expiry_policy(reader: Reader, context: Context) -> ExpiryPolicy | None:
    if not reader.boolean():
        return None
    durations = [reader.i64() for _ in range(3)]
    if min(durations) < ExpiryPolicy.UNCHANGED:
        raise ProtocolError(f"expiry policy of {durations} milliseconds")
    return ExpiryPolicy(*durations)


def _name(value: Any) -> str:
    # Servers answer some empty names by closing the connection, and others by an error that does not tell why.
    if not isinstance(value, str) or not value:
        raise _invalid(f"{value!r} is no name", "text that is not empty is allowed")
    return value


_TEXT: Final = _Kind(
    "str", "text", _name, lambda value, writer, _: writer.string(value), lambda reader, _: reader.string()
)
_BOOLEAN: Final = _Kind(
    "bool", "True, False", _flag, lambda value, writer, _: writer.boolean(value), lambda reader, _: reader.boolean()
)
_EXPIRY_POLICY: Final = _Kind(
    "ExpiryPolicy", "an ExpiryPolicy", _to_expiry_policy, _encode_expiry_policy, _decode_expiry_policy
)


@attrs.frozen
class CacheProperty:
    """A property of caches: its *code* on the wire, its *name*, its type, what is *allowed*, the server's *default*."""

    code: int
    name: str
    default: Any
    _kind: _Kind = attrs.field(repr=False)

    @property
    def type_name(self) -> str:
        """The type of the values."""
        return self._kind.type_name

    @property
    def allowed(self) -> str:
        """The allowed values, in words."""
        return self._kind.allowed

    def convert(self, value: Any) -> Any:
        """*value* as it is kept in a configuration; ProgrammingError if it is not allowed."""
        try:
            return self._kind.convert(value)
        except ProgrammingError as error:
            raise ProgrammingError(f"cache property {self.name} ({self.code}): {error}", code=error.code) from None

    def encode(self, value: Any, writer: Writer, context: Context) -> None:
        """Write a value."""
        self._kind.encode(value, writer, context)

    def decode(self, reader: Reader, context: Context) -> Any:
        """Read a value."""
        return self._kind.decode(reader, context)


PROPERTIES: Final[Mapping[int, CacheProperty]] = {
    each.code: each
    for each in (
        CacheProperty(0, "name", None, _TEXT),
        CacheProperty(1, "cache_mode", CacheMode.PARTITIONED, _choice(CacheMode)),
        CacheProperty(2, "cache_atomicity_mode", CacheAtomicityMode.ATOMIC, _choice(CacheAtomicityMode)),
        CacheProperty(3, "backups_number", 0, _integers(32, 0)),
        CacheProperty(
            4, "write_synchronization_mode", WriteSynchronizationMode.PRIMARY_SYNC, _choice(WriteSynchronizationMode)
        ),
        CacheProperty(5, "copy_on_read", True, _BOOLEAN),
        CacheProperty(6, "read_from_backup", True, _BOOLEAN),
        CacheProperty(100, "data_region_name", None, _TEXT),
        CacheProperty(101, "is_onheap_cache_enabled", False, _BOOLEAN),
        CacheProperty(200, "query_entities", (), _list_of(QueryEntity, 17)),
        CacheProperty(201, "query_parallelism", 1, _integers(32, 1)),
        CacheProperty(202, "query_detail_metric_size", 0, _integers(32, 0)),
        CacheProperty(203, "sql_schema", None, _TEXT),
        CacheProperty(204, "sql_index_inline_max_size", -1, _integers(32, -1)),
        CacheProperty(205, "sql_escape_all", False, _BOOLEAN),
        CacheProperty(206, "max_query_iterators", 1024, _integers(32, 0)),
        CacheProperty(300, "rebalance_mode", RebalanceMode.ASYNC, _choice(RebalanceMode)),
        CacheProperty(301, "rebalance_delay", 0, _integers(64, -1, is_duration=True)),
        CacheProperty(302, "rebalance_timeout", 10_000, _integers(64, 0, is_duration=True)),
        CacheProperty(303, "rebalance_batch_size", 512 * 1024, _integers(32, 1)),
        CacheProperty(304, "rebalance_batches_prefetch_count", 3, _integers(64, 1)),
        CacheProperty(305, "rebalance_order", 0, _integers(32)),
        CacheProperty(306, "rebalance_throttle", 0, _integers(64, 0, is_duration=True)),
        CacheProperty(400, "group_name", None, _TEXT),
        CacheProperty(401, "cache_key_configuration", (), _list_of(KeyConfiguration, 2)),
        CacheProperty(402, "default_lock_timeout", 0, _integers(64, 0, is_duration=True)),
        CacheProperty(403, "max_concurrent_async_operations", 500, _integers(32, 0)),
        CacheProperty(404, "partition_loss_policy", PartitionLossPolicy.IGNORE, _choice(PartitionLossPolicy)),
        CacheProperty(405, "eager_ttl", True, _BOOLEAN),
        CacheProperty(406, "statistics_enabled", False, _BOOLEAN),
        CacheProperty(407, "expiry_policy", None, _EXPIRY_POLICY),
    )
}
PROPERTIES_BY_NAME: Final[Mapping[str, CacheProperty]] = {each.name: each for each in PROPERTIES.values()}


@attrs.frozen(kw_only=True)
class CacheConfiguration:
    """The properties of a cache. None leaves a property to the server.

    Times are in milliseconds. Values may also be given as numbers, names (of modes) and dicts (of query entities).
    """

    name: str | None = None
    cache_mode: CacheMode | None = None
    cache_atomicity_mode: CacheAtomicityMode | None = None
    backups_number: int | None = None
    write_synchronization_mode: WriteSynchronizationMode | None = None
    copy_on_read: bool | None = None
    read_from_backup: bool | None = None
    data_region_name: str | None = None
    is_onheap_cache_enabled: bool | None = None
    query_entities: Sequence[QueryEntity] | None = None
    query_parallelism: int | None = None
    query_detail_metric_size: int | None = None
    sql_schema: str | None = None
    sql_index_inline_max_size: int | None = None
    sql_escape_all: bool | None = None
    max_query_iterators: int | None = None
    rebalance_mode: RebalanceMode | None = None
    rebalance_delay: int | None = None
    rebalance_timeout: int | None = None
    rebalance_batch_size: int | None = None
    rebalance_batches_prefetch_count: int | None = None
    rebalance_order: int | None = None
    rebalance_throttle: int | None = None
    group_name: str | None = None
    cache_key_configuration: Sequence[KeyConfiguration] | None = None
    default_lock_timeout: int | None = None
    max_concurrent_async_operations: int | None = None
    partition_loss_policy: PartitionLossPolicy | None = None
    eager_ttl: bool | None = None
    statistics_enabled: bool | None = None
    expiry_policy: ExpiryPolicy | None = None

    def __attrs_post_init__(self) -> None:
        for cache_property in PROPERTIES.values():
            value = getattr(self, cache_property.name)
            if value is not None:
                object.__setattr__(self, cache_property.name, cache_property.convert(value))

    @classmethod
    def from_properties(cls, properties: Mapping[int | str, Any]) -> CacheConfiguration:
        """The configuration with *properties*: values by codes, or by names."""
        values = {}
        for key, value in properties.items():
            found = PROPERTIES_BY_NAME.get(key.lower()) if isinstance(key, str) else PROPERTIES.get(key)
            if found is None:
                known = ", ".join(f"{each.code} ({each.name})" for each in PROPERTIES.values())
                raise ProgrammingError(f"{key!r} is no property of caches; these are: {known}", code="cache_property")
            if found.name in values:
                raise ProgrammingError(f"the cache property {found.name} is given twice", code="cache_property")
            values[found.name] = value
        return cls(**values)

    def as_properties(self) -> dict[int, Any]:
        """The values by codes, as numbers, text, lists and dicts; an expiry policy as such. None where none is set."""
        return {code: _plain(getattr(self, each.name)) for code, each in PROPERTIES.items()}

    def encode(self, writer: Writer, context: Context) -> None:
        """Write the properties that are set."""
        if not self.name:
            raise ProgrammingError("a cache needs a name: set the property name (0)", code="cache_property")
        if self.cache_mode is CacheMode.LOCAL:
            # Servers answer it by closing the connection.
            raise NotSupportedError(
                f"Ignite has no LOCAL caches any more; cache_mode may be {_members(CacheMode)}", code="local_cache"
            )
        if self.expiry_policy is not None and context.version < VERSION_WITH_EXPIRY_POLICY:
            raise NotSupportedError(
                "the server does not know expiry policies, which came with protocol version 1.6.0",
                code="no_expiry_policy",
            )
        place = len(writer.buffer)
        writer.i32(0)
        values = [(each, getattr(self, each.name)) for each in PROPERTIES.values()]
        given = [(each, value) for each, value in values if value is not None]
        writer.i16(len(given))
        for each, value in given:
            writer.i16(each.code)
            each.encode(value, writer, context)
        pack_into("<i", writer.buffer, place, len(writer.buffer) - place - 4)

    @classmethod
    def decode(cls, reader: Reader, context: Context) -> CacheConfiguration:
        """Read all properties, in the order that servers answer them in."""
        size = reader.i32()
        if size != reader.remaining():
            raise ProtocolError(f"cache configuration of {size} bytes; {reader.remaining()} are there")
        values = {}
        for name in _ANSWER_ORDER:
            if name == "expiry_policy" and context.version < VERSION_WITH_EXPIRY_POLICY:
                continue
            values[name] = PROPERTIES_BY_NAME[name].decode(reader, context)
        if reader.remaining():
            raise ProtocolError(f"{reader.remaining()} bytes follow the cache configuration")
        return cls._of_server(values)

    @classmethod
    def _of_server(cls, values: Mapping[str, Any]) -> CacheConfiguration:
        """A configuration that a server has, whose values are what they are."""
        configuration = cls()
        for name, value in values.items():
            object.__setattr__(configuration, name, value)
        return configuration


_ANSWER_ORDER: Final = (
    "cache_atomicity_mode",
    "backups_number",
    "cache_mode",
    "copy_on_read",
    "data_region_name",
    "eager_ttl",
    "statistics_enabled",
    "group_name",
    "default_lock_timeout",
    "max_concurrent_async_operations",
    "max_query_iterators",
    "name",
    "is_onheap_cache_enabled",
    "partition_loss_policy",
    "query_detail_metric_size",
    "query_parallelism",
    "read_from_backup",
    "rebalance_batch_size",
    "rebalance_batches_prefetch_count",
    "rebalance_delay",
    "rebalance_mode",
    "rebalance_order",
    "rebalance_throttle",
    "rebalance_timeout",
    "sql_escape_all",
    "sql_index_inline_max_size",
    "sql_schema",
    "write_synchronization_mode",
    "cache_key_configuration",
    "query_entities",
    "expiry_policy",
)
