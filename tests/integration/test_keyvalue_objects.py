"""Values of every type in caches: the server keeps what Java would have written, and gives back what was put."""

from __future__ import annotations

import asyncio
import itertools
import sys
from collections import OrderedDict
from collections.abc import Callable, Iterator
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

import ignite_dbapi
import ignite_dbapi.aio
from ignite_dbapi.keyvalue import datatypes, exceptions, registration, utils
from ignite_dbapi.keyvalue.binary import GenericObjectMeta
from ignite_dbapi.keyvalue.datatypes import (
    BinaryEnumArrayObject,
    BinaryEnumObject,
    BinaryObject,
    BoolArrayObject,
    BoolObject,
    ByteArrayObject,
    ByteObject,
    CharArrayObject,
    CharObject,
    CollectionObject,
    DateArrayObject,
    DateObject,
    DecimalArrayObject,
    DecimalObject,
    DoubleArrayObject,
    DoubleObject,
    EnumArrayObject,
    EnumObject,
    FloatArrayObject,
    FloatObject,
    IntArrayObject,
    IntObject,
    LongArrayObject,
    LongObject,
    MapObject,
    ObjectArrayObject,
    ShortArrayObject,
    ShortObject,
    SqlDateObject,
    String,
    StringArrayObject,
    TimeArrayObject,
    TimeObject,
    TimestampArrayObject,
    TimestampObject,
    UUIDArrayObject,
    UUIDObject,
    WrappedDataObject,
)
from ignite_dbapi.keyvalue.datatypes.conversion import to_wire
from ignite_dbapi.keyvalue.exceptions import translated
from ignite_dbapi.keyvalue.presentation import DataClasses
from ignite_dbapi.operations import cache as operations
from ignite_dbapi.protocol.codec import TypeCode, Writer, decode
from ignite_dbapi.protocol.codec.values import BinaryObject as WireObject
from ignite_dbapi.protocol.codec.values import Typed
from ignite_dbapi.protocol.messages.cache_configuration import CacheConfiguration

sys.path.insert(0, str(Path(__file__).parents[1] / "unit"))
from golden import VECTORS, data_of

_numbers = itertools.count(1)


class Client:
    """A connection as pyignite would use it, as far as these tests need it."""

    def __init__(self, url: str, *, is_compact_footer: bool | None = None) -> None:
        self.connection = ignite_dbapi.connect(url)
        self.session = self.connection._session
        self._knowledge = self.session.context.knowledge
        self._knowledge.presentation = DataClasses()
        self._knowledge.is_compact_footer = is_compact_footer

    def run(self, operation: Any) -> Any:
        return self.connection._run(operation)

    def put(self, cache: str, key: Any, value: Any, key_hint: Any = None, value_hint: Any = None) -> None:
        access = operations.CacheAccess(cache)
        self.run(operations.put(self.session, access, to_wire(key, key_hint), to_wire(value, value_hint)))

    def get(self, cache: str, key: Any, key_hint: Any = None, *, lossless: bool = False) -> Any:
        access = operations.CacheAccess(cache, lossless=lossless)
        return self.run(operations.get(self.session, access, to_wire(key, key_hint)))

    def keys(self, cache: str, keys: list[Any]) -> Any:
        return self.run(operations.get_all(self.session, operations.CacheAccess(cache), keys))

    def get_binary_type(self, name: str | int) -> Any:
        return self.run(registration.get_binary_type(self.session, name))

    def query_binary_type(self, name: str | int, schema: Any = None) -> Any:
        return self.run(registration.query_binary_type(self.session, name, schema))

    def put_binary_type(self, name: str, **options: Any) -> Any:
        return self.run(registration.put_binary_type(self.session, name, **options))

    def register_binary_type(self, data_class: Any, affinity_key_field: str | None = None) -> None:
        self.run(registration.register_binary_type(self.session, data_class, affinity_key_field))


@pytest.fixture
def new_client() -> Iterator[Callable[..., Client]]:
    """A function that makes a client of a node."""
    made: list[Client] = []

    def make(node: Any, **options: Any) -> Client:
        made.append(Client(node.url, **options))
        return made[-1]

    yield make
    for client in made:
        client.connection.close()


@pytest.fixture
def client(node: Any, new_client: Callable[..., Client]) -> Client:
    return new_client(node)


@pytest.fixture
def cache(client: Client) -> Iterator[str]:
    name = f"types of test {next(_numbers)}"
    client.run(operations.create(client.session, name))
    yield name
    client.run(operations.destroy(client.session, name))


def new_name(stem: str) -> str:
    """Types cannot be taken back, so that each test has its own."""
    return f"{stem}{next(_numbers)}"


MOMENT = datetime(2024, 5, 6, 7, 8, 9, 123000)
ID = UUID("01234567-89ab-cdef-fedc-ba9876543210")
SIMPLE: list[tuple[Any, Any]] = [
    (-128, ByteObject),
    (-32768, ShortObject),
    (-(2**31), IntObject),
    (-(2**63), LongObject),
    (1.5, FloatObject),
    (0.1, DoubleObject),
    ("€", CharObject),
    (True, BoolObject),
    ("hello 😀", String),
    (ID, UUIDObject),
    (Decimal("-123456789.9876543210"), DecimalObject),
    (MOMENT, DateObject),
    ((MOMENT, 456789), TimestampObject),
    (timedelta(hours=10, milliseconds=1), TimeObject),
    (date(2024, 5, 6), SqlDateObject),
    ((6001, 2), EnumObject),
    ((6001, 2), BinaryEnumObject),
]
ARRAYS: list[tuple[Any, Any]] = [
    (b"\x00\xff", ByteArrayObject),
    ([1, -2], ShortArrayObject),
    ([1, -2], IntArrayObject),
    ([1, -2], LongArrayObject),
    ([1.5], FloatArrayObject),
    ([0.1], DoubleArrayObject),
    (["a", "€"], CharArrayObject),
    ([True, False], BoolArrayObject),
    (["a", None, ""], StringArrayObject),
    ([ID, None], UUIDArrayObject),
    ([Decimal("1.50"), None], DecimalArrayObject),
    ([MOMENT, None], DateArrayObject),
    ([(MOMENT, 1), None], TimestampArrayObject),
    ([timedelta(hours=1), None], TimeArrayObject),
    ([], IntArrayObject),
]
CONTAINERS: list[tuple[Any, Any]] = [
    ((-1, [1, "a", None, Decimal("1.50")]), ObjectArrayObject),
    ((-1, [(6001, 0), None, (6001, 2)]), EnumArrayObject),
    ((-1, [(6001, 0), None, (6001, 2)]), BinaryEnumArrayObject),
    *(((kind, [1, "a"]), CollectionObject) for kind in (1, 2, 3, 4)),
    ((1, {"a": 1, 5: 6.0}), MapObject),
    ((2, OrderedDict([("z", 1), ("a", (1, [2]))])), MapObject),
]
EVERYTHING = SIMPLE + ARRAYS + CONTAINERS
# What these make is read as values that would be of another type without a hint.
NEEDED_HINTS = {
    ByteObject, ShortObject, IntObject, FloatObject, CharObject, SqlDateObject, ShortArrayObject, IntArrayObject,
    FloatArrayObject, CharArrayObject, TimestampArrayObject,
}  # fmt: skip


def _name(value: Any) -> str | None:
    return getattr(value, "__name__", None)


@pytest.mark.parametrize(("value", "hint"), EVERYTHING, ids=_name)
def test_values(client: Client, cache: str, value: Any, hint: Any) -> None:
    client.put(cache, 1, value, value_hint=hint)
    shown = client.get(cache, 1)
    assert shown == value
    # What was read is put again as it was, without a hint.
    first = client.get(cache, 1, lossless=True)
    if hint not in NEEDED_HINTS and value != []:
        client.put(cache, 2, shown)
        assert encode_object(client, client.get(cache, 2, lossless=True)) == encode_object(client, first)


@pytest.mark.parametrize(("value", "hint"), SIMPLE + ARRAYS[:8], ids=_name)
def test_keys(client: Client, cache: str, value: Any, hint: Any) -> None:
    client.put(cache, value, "here", key_hint=hint)
    assert client.get(cache, value, key_hint=hint) == "here"
    ((key, found),) = client.keys(cache, [to_wire(value, hint)])
    assert (key, found) == (value, "here")
    if hint in (ByteObject, ShortObject, IntObject, FloatObject, CharObject):
        assert client.get(cache, value) is None


@pytest.mark.parametrize("zone", ["node", "tokyo", "new_york"])
def test_fields(request: pytest.FixtureRequest, new_client: Callable[..., Client], zone: str) -> None:
    """All types as fields of one object, read by a client that knows its class, and by one that does not."""
    node = request.getfixturevalue(zone)
    writer, reader = new_client(node), new_client(node)
    cache = new_name("fields of test ")
    writer.run(operations.create(writer.session, cache))
    schema = OrderedDict((f"f{place}", hint) for place, (_, hint) in enumerate(EVERYTHING))
    name = new_name("AllFields")
    made: Any = GenericObjectMeta(name, (), {}, schema=schema)
    value = made(**{f"f{place}": each for place, (each, _) in enumerate(EVERYTHING)})
    writer.put(cache, 1, value)
    assert writer.get(cache, 1) == value
    assert type(writer.get(cache, 1)) is made
    shown = reader.get(cache, 1)
    assert type(shown) is not made
    assert {field: getattr(shown, field) for field in schema} == {field: getattr(value, field) for field in schema}
    # Fields of type java.sql.Date are registered as Object, enums under one of their two names.
    other = {SqlDateObject: BinaryObject, BinaryEnumObject: EnumObject, BinaryEnumArrayObject: EnumArrayObject}
    assert shown.schema == {field: other.get(hint, hint) for field, hint in schema.items()}
    reader.put(cache, 2, shown)
    first, second = (encode_object(reader, reader.get(cache, key, lossless=True)) for key in (1, 2))
    assert first == second
    empty = made(**dict.fromkeys(schema))
    writer.put(cache, 3, empty)
    assert reader.get(cache, 3) == type(shown)(**dict.fromkeys(schema))
    writer.run(operations.destroy(writer.session, cache))


def encode_object(client: Client, value: Any) -> bytes:
    writer = Writer(client._knowledge)
    writer.value(value)
    return bytes(writer.buffer)


# Values that servers change when they store them, or that no data type makes.
NORMALISED = {
    "col.user_col", "col.user_set", "optm.singletonlist", "col.self", "col.pojo_handle", "wrapped.offset3",
    "wrapped.in_list", "enum.color1", "enum.body", "enumarr.sample", "binenum.color2", "date.9223372036854775807",
    "null",
}  # fmt: skip


def test_golden_vectors(client: Client, cache: str) -> None:
    """What is put with a hint is stored as the bytes that Java's marshaller makes."""
    compared = 0
    for vector in VECTORS:
        data = data_of(vector)
        hint = datatypes.DATA_TYPES.get(data[0])
        is_simple = data[0] not in (TypeCode.COMPLEX_OBJECT, TypeCode.WRAPPED, TypeCode.NULL)
        if hint is None or vector["name"] in NORMALISED or "Ver2" in vector["python_repr"] or not is_simple:
            continue
        if data[0] in (TypeCode.COLLECTION, TypeCode.MAP, TypeCode.OBJECT_ARRAY, TypeCode.ENUM_ARRAY):
            # Integers within containers are LONG unless hinted; arrays of enums are stored as arrays of Object.
            continue
        wire = decode(data, client._knowledge, lossless=True)
        value = wire.value if isinstance(wire, Typed) else wire
        client.put(cache, 1, value, value_hint=hint)
        assert encode_object(client, client.get(cache, 1, lossless=True)) == data, vector["name"]
        compared += 1
    assert compared > 80


# --- objects --------------------------------------------------------------------------------------------------------


def test_nested_objects_and_collections_of_objects(client: Client, node: Any, cache: str, new_client: Any) -> None:
    inner: Any = GenericObjectMeta(new_name("Inner"), (), {}, schema={"number": LongObject, "text": String})
    outer: Any = GenericObjectMeta(
        new_name("Outer"), (), {},
        schema={"inner": BinaryObject, "list": CollectionObject, "map": MapObject, "array": ObjectArrayObject},
    )  # fmt: skip
    items = [inner(number=place, text=f"text {place}") for place in range(3)]
    value = outer(inner=items[0], list=(1, items), map=(1, {"a": items[1], "b": None}), array=(-1, items))
    client.put(cache, 1, value)
    assert client.get(cache, 1) == value
    client.put(cache, 2, (CollectionObject.ARR_LIST, items), value_hint=CollectionObject)
    assert client.get(cache, 2) == (1, items)
    client.put(cache, 3, (MapObject.HASH_MAP, {items[0]: items[1]}), value_hint=MapObject)
    assert client.get(cache, 3) == (1, {items[0]: items[1]})
    client.put(cache, 4, (ObjectArrayObject.OBJECT, items), value_hint=ObjectArrayObject)
    assert client.get(cache, 4) == (-1, items)
    other = new_client(node)
    shown = other.get(cache, 1)
    assert [item.text for item in shown.list[1]] == ["text 0", "text 1", "text 2"]
    assert type(shown.inner) is type(shown.array[1][0])
    other.put(cache, 1, shown)
    assert client.get(cache, 1) == value


def test_cycles(client: Client, cache: str) -> None:
    made: Any = GenericObjectMeta(new_name("Ring"), (), {}, schema={"number": IntObject, "next": BinaryObject})
    first, second = made(number=1), made(number=2)
    first.next, second.next = second, first
    client.put(cache, 1, first)
    shown = client.get(cache, 1)
    assert (shown.number, shown.next.number) == (1, 2)
    assert shown.next.next is shown


def test_wrapped_objects(client: Client, cache: str) -> None:
    made: Any = GenericObjectMeta(new_name("Wrapped"), (), {}, schema={"number": IntObject})
    client.put(cache, 1, made(number=5))
    payload = b"abc" + encode_object(client, to_wire(made(number=6)))
    client.put(cache, 2, (payload, 3), value_hint=WrappedDataObject)
    assert client.get(cache, 2) == made(number=6)
    client.put(cache, 3, made(number=7), value_hint=WrappedDataObject)
    assert client.get(cache, 3) == made(number=7)


@pytest.mark.parametrize("is_compact", [True, False], ids=["compact", "full"])
def test_both_forms_of_footers(node: Any, client: Client, cache: str, new_client: Any, is_compact: bool) -> None:
    other = new_client(node, is_compact_footer=is_compact)
    made: Any = GenericObjectMeta(new_name("Footer"), (), {}, schema={"number": IntObject, "text": String})
    other.put(cache, 1, made(number=1, text="x" * 300))
    assert other.get(cache, 1, lossless=True).value.is_compact is is_compact
    assert client.get(cache, 1).text == "x" * 300


def test_raw_data_is_kept(client: Client, cache: str) -> None:
    name = new_name("Raw")
    wire = WireObject(name, {"number": Typed(TypeCode.INT, 1)}, raw=b"\x01\x02\x03")
    client.run(operations.put(client.session, operations.CacheAccess(cache), 1, wire))
    shown = client.get(cache, 1)
    shown.number = 2
    client.put(cache, 1, shown)
    again = client.get(cache, 1, lossless=True).value
    assert (again.raw, again.fields["number"]) == (b"\x01\x02\x03", Typed(TypeCode.INT, 2))


def test_objects_without_fields(client: Client, cache: str) -> None:
    made: Any = GenericObjectMeta(new_name("Empty"), (), {})
    client.put(cache, 1, made())
    assert client.get(cache, 1) == made()
    assert client.get_binary_type(made.type_name)["schemas"] == [OrderedDict()]


def test_fields_that_have_no_value_at_first(node: Any, client: Client, cache: str, new_client: Any) -> None:
    """Such a field is registered with its first value, as one of that type, and clients that saw the NULL see it."""
    name = new_name("Late")
    other, natural = new_client(node), new_client(node)
    natural._knowledge.presentation = None
    access = operations.CacheAccess(cache)
    for value in (None, 5):
        natural.run(operations.put(natural.session, access, 1, WireObject(name, {"number": value})))
        shown = other.get(cache, 1)
        assert list(shown.schema.values()) == ([BinaryObject] if value is None else [LongObject])
        assert [getattr(shown, field) for field in shown.schema] == [value]
    assert shown.number == 5
    assert other.query_binary_type(name) == {shown.schema_id: type(shown)}
    assert client.get(cache, 1).number == 5


def test_names_that_are_no_identifiers(client: Client, cache: str) -> None:
    made: Any = GenericObjectMeta("X", (), {}, type_name="Non.Pythonic#type-name$", schema={"field": String})
    client.put(cache, "key", made(field="data"))
    shown = client.get(cache, "key")
    assert (shown.type_name, shown.field) == ("Non.Pythonic#type-name$", "data")


def test_objects_as_keys(node: Any, client: Client, cache: str, new_client: Any) -> None:
    made: Any = GenericObjectMeta(
        new_name("Key"), (), {}, schema=OrderedDict([("id", IntObject), ("name", String), ("any", BinaryObject)])
    )
    key = made(id=1, name="Анна", any=2.5)
    client.put(cache, key, "value")
    assert client.get(cache, made(id=1, name="Анна", any=2.5)) == "value"
    assert client.get(cache, made(id=2, name="Анна", any=2.5)) is None
    other = new_client(node)
    ((read_key, value),) = other.keys(cache, [to_wire(key)])
    assert value == "value"
    assert other.get(cache, read_key) == "value"
    stored = client.keys(cache, [to_wire(key)])[0][0]
    assert BinaryObject.hashcode(stored, client=client) == BinaryObject.hashcode(key, client=client)


def test_affinity_fields(client: Client) -> None:
    made: Any = GenericObjectMeta(new_name("PlaceKey"), (), {}, schema={"personId": IntObject, "companyId": IntObject})
    configuration = CacheConfiguration.from_properties(
        {
            datatypes.prop_codes.PROP_NAME: made.type_name,
            datatypes.prop_codes.PROP_CACHE_KEY_CONFIGURATION: [
                {"type_name": made.type_name, "affinity_key_field_name": "companyId"}
            ],
        }
    )
    client.run(operations.create(client.session, configuration))
    client.register_binary_type(made, affinity_key_field="companyId")
    client.put(made.type_name, made(personId=1, companyId=1), "test")
    assert client.get(made.type_name, made(personId=1, companyId=1)) == "test"
    assert client.get_binary_type(made.type_id)["affinity_key_field"] == "companyId"
    client.run(operations.destroy(client.session, made.type_name))


# --- registration ---------------------------------------------------------------------------------------------------


def test_binary_types(client: Client) -> None:
    name = new_name("Registered")
    assert client.get_binary_type(name) == {"type_exists": False}
    assert client.query_binary_type(name) == {}
    assert client.query_binary_type(name, 5) is None
    schema = OrderedDict([("a", IntObject), ("b", String)])
    assert client.put_binary_type(name, schema=schema, affinity_key_field="a") == {
        "type_id": utils.entity_id(name),
        "schema_id": utils.schema_id(schema),
    }
    assert client.get_binary_type(name) == {
        "type_exists": True,
        "type_id": utils.entity_id(name),
        "type_name": name,
        "affinity_key_field": "a",
        "is_enum": False,
        "schemas": [schema],
    }
    ((schema_id, generated),) = client.query_binary_type(name).items()
    assert (schema_id, generated.schema, generated.type_name) == (utils.schema_id(schema), schema, name)
    assert client.query_binary_type(name, schema) is generated
    assert client.query_binary_type(generated.type_id, schema_id) is generated
    mine: Any = GenericObjectMeta("Mine", (), {}, type_name=name, schema=schema)
    client.register_binary_type(mine)
    assert client.query_binary_type(name, schema) is mine


def test_enums_have_names(client: Client, cache: str) -> None:
    name = new_name("Color")
    client.put_binary_type(name, is_enum=True, schema={"RED": 0, "BLUE": 2})
    described = client.get_binary_type(name)
    assert (described["is_enum"], described["enums"]) == (True, {"RED": 0, "BLUE": 2})
    client.put(cache, 1, (utils.entity_id(name), 2), value_hint=EnumObject)
    shown = client.get(cache, 1)
    assert (shown, shown.name) == ((utils.entity_id(name), 2), "BLUE")
    client.put(cache, 2, [(shown, BinaryEnumObject), shown])
    assert [constant.name for constant in client.get(cache, 2)[1]] == ["BLUE", "BLUE"]


def test_what_the_cluster_refuses(client: Client, cache: str) -> None:
    name = new_name("Refused")
    client.put_binary_type(name, schema={"a": IntObject})
    wrong: Any = GenericObjectMeta("Wrong", (), {}, type_name=name, schema={"a": String, "b": String})
    with pytest.raises(ignite_dbapi.Error) as caught:
        client.put(cache, 1, wrong(a="x"))
    error = translated(caught.value, "binary_type")
    assert isinstance(error, exceptions.BinaryTypeError)
    assert "different" in str(error) or "Wrong value" in str(error) or "incorrect" in str(error)
    # The schema id of this class is that of the type, since it follows from names only.
    wrong = GenericObjectMeta("Wrong", (), {}, type_name=name, schema={"a": String})
    for attempt in (lambda: client.put(cache, 1, wrong(a="x")), lambda: client.register_binary_type(wrong)):
        with pytest.raises(ignite_dbapi.DatabaseError, match="type for field"):
            attempt()
    with pytest.raises(exceptions.ParameterError, match="no data type"):
        client.put_binary_type(new_name("Wrong"), schema={"a": int})
    assert client.get(cache, 1) is None


def test_migration(node: Any, client: Client, cache: str, new_client: Any) -> None:
    """The program of pyignite's documentation: objects of an old schema are read, and written with a new one."""
    name = new_name("ExpenseVoucher")
    old_schema = OrderedDict(
        [("date", DateObject), ("reported", BoolObject), ("purpose", String), ("sum", DecimalObject)]
    )
    old: Any = GenericObjectMeta("ExpenseVoucher", (), {}, type_name=name, schema=old_schema)
    for key, reported in enumerate((True, False)):
        client.put(
            cache, key, old(date=datetime(2017, 9, 21), reported=reported, purpose="Praesent", sum=Decimal("666.67"))
        )
    later = new_client(node)
    ((_, read_class),) = later.query_binary_type(name).items()
    schema = read_class.schema
    schema["expense_date"] = schema["date"]
    del schema["date"]
    schema["report_date"] = DateObject
    del schema["reported"]
    new: Any = GenericObjectMeta("ExpenseVoucherV2", (), {}, type_name=name, schema=schema)
    for key in (0, 1):
        before = later.get(cache, key)
        assert type(before) is read_class
        after = new()
        after.sum, after.purpose, after.expense_date = before.sum, before.purpose, before.date
        after.report_date = date(2018, 8, 29) if before.reported else None
        later.put(cache, key, after)
    verified = later.get(cache, 0)
    assert type(verified) is new
    assert verified.report_date == datetime(2018, 8, 29)
    assert later.get(cache, 1).report_date is None
    assert len(later.query_binary_type(name)) == 2
    assert client.get(cache, 0).sum == Decimal("666.67")


# --- rows of tables -------------------------------------------------------------------------------------------------

COLUMNS = (
    "a INT, b VARCHAR, t TINYINT, s SMALLINT, l BIGINT, r REAL, d DOUBLE, n DECIMAL(10, 2), u UUID, x VARBINARY, "
    "o BOOLEAN, da DATE, ti TIME, ts TIMESTAMP"
)
ROW = (
    1, "k", 2, 3, 4, 1.5, 2.5, Decimal("1.50"), ID, b"\x01", True, date(2024, 5, 6), "10:11:12",
    "2024-05-06 07:08:09.123456789",
)  # fmt: skip


@pytest.mark.parametrize("zone", ["node", "tokyo", "new_york"])
def test_rows_are_objects(
    request: pytest.FixtureRequest, table: Callable[..., str], new_client: Callable[..., Client], zone: str
) -> None:
    node = request.getfixturevalue(zone)
    # Calcite would keep milliseconds only.
    options = {"query_engine": "h2"} if zone == "tokyo" else {}
    name = table(f"{COLUMNS}, PRIMARY KEY (a, b)", at=node, **options)
    client = new_client(node)
    cache = f"SQL_PUBLIC_{name.upper()}"
    marks = ", ".join("?" * len(ROW))
    natural = new_client(node)
    natural._knowledge.presentation = None
    natural.connection.execute(f"INSERT INTO {name} VALUES ({marks})", ROW, **options)
    natural.connection.execute(f"INSERT INTO {name} (a, b, l) VALUES (2, 'k', NULL)", **options)

    entity = client.run(operations.get_configuration(client.session, cache)).query_entities[0]
    key_class: Any = GenericObjectMeta(
        "RowKey", (), {}, type_name=entity.key_type_name, schema=OrderedDict([("A", IntObject), ("B", String)])
    )
    key = key_class(A=1, B="k")
    row = client.get(cache, key)
    assert ROW[2:11] == (row.T, row.S, row.L, row.R, row.D, row.N, row.U, row.X, row.O)
    assert date(2024, 5, 6) == row.DA
    assert timedelta(hours=10, minutes=11, seconds=12) == row.TI
    assert (datetime(2024, 5, 6, 7, 8, 9, 123000), 456789) == row.TS
    other = client.get(cache, key_class(A=2, B="k"))
    assert other.L is None
    assert type(other) is not type(row)

    # A row that was put as an object is found by SQL, and one that was changed as well.
    row.T, row.DA = 7, date(2000, 2, 29)
    client.put(cache, key_class(A=3, B="ü"), row)
    statement = f"SELECT * FROM {name} WHERE a = 3 AND da = ?"
    found = natural.connection.execute(statement, [row.DA], **options).fetchone()
    assert found is not None
    assert found[:3] == (3, "ü", 7)
    assert found[3:11] == ROW[3:11]
    assert found[11] == date(2000, 2, 29)
    assert found[12].isoformat() == "10:11:12"
    assert (found[13], found[13].nanosecond) == (datetime(2024, 5, 6, 7, 8, 9, 123456), 789)
    natural.connection.execute(f"UPDATE {name} SET t = 8 WHERE a = 3 AND b = 'ü'", **options)
    assert client.get(cache, key_class(A=3, B="ü")).T == 8


def test_a_table_made_of_objects(client: Client) -> None:
    """The program of pyignite's documentation: a cache with a query entity, filled with objects, read by SQL."""
    name = new_name("STUDENT")
    type_name = f"SQL_PUBLIC_{name}_TYPE"
    fields = [("SID", "Integer"), ("NAME", "String"), ("LOGIN", "String"), ("AGE", "Integer"), ("GPA", "Double")]
    configuration = CacheConfiguration.from_properties(
        {
            datatypes.prop_codes.PROP_NAME: f"SQL_PUBLIC_{name}",
            datatypes.prop_codes.PROP_SQL_SCHEMA: "PUBLIC",
            datatypes.prop_codes.PROP_QUERY_ENTITIES: [
                {
                    "table_name": name,
                    "key_field_name": "SID",
                    "key_type_name": "java.lang.Integer",
                    "field_name_aliases": [],
                    "query_fields": [
                        {"name": field, "type_name": f"java.lang.{kind}", "is_key_field": field == "SID"}
                        for field, kind in fields
                    ],
                    "query_indexes": [],
                    "value_type_name": type_name,
                    "value_field_name": None,
                }
            ],
        }
    )
    client.run(operations.create(client.session, configuration))
    student: Any = GenericObjectMeta(
        "Student", (), {}, type_name=type_name,
        schema=OrderedDict([("NAME", String), ("LOGIN", String), ("AGE", IntObject), ("GPA", DoubleObject)]),
    )  # fmt: skip
    cache = f"SQL_PUBLIC_{name}"
    client.put(cache, 1, student(LOGIN="jdoe", NAME="John Doe", AGE=17, GPA=4.25), key_hint=IntObject)
    rows = client.connection.execute(f"SELECT sid, name, login, age, gpa FROM {name}").fetchall()
    assert rows == [(1, "John Doe", "jdoe", 17, 4.25)]
    assert client.get(cache, 1, key_hint=IntObject) == student(LOGIN="jdoe", NAME="John Doe", AGE=17, GPA=4.25)
    assert client.connection.execute(f"SELECT _VAL FROM {name}").fetchall()[0][0].NAME == "John Doe"
    client.run(operations.destroy(client.session, cache))


def test_sql_shows_the_same_shapes(client: Client) -> None:
    row = client.connection.execute(
        "SELECT CAST(1 AS SMALLINT), TIMESTAMP '2024-05-06 07:08:09.123456789', DATE '2024-05-06', TIME '10:11:12', 'a'"
    ).fetchone()
    assert row == (
        1,
        (datetime(2024, 5, 6, 7, 8, 9, 123000), 456789),
        date(2024, 5, 6),
        timedelta(hours=10, minutes=11, seconds=12),
        "a",
    )


def test_objects_on_a_connection_of_the_db_api(connection: ignite_dbapi.Connection, client: Client, cache: str) -> None:
    """Classes of objects may be written there too; what is read is in its natural form."""
    made: Any = GenericObjectMeta(new_name("Natural"), (), {}, schema={"number": IntObject, "at": TimestampObject})
    access = operations.CacheAccess(cache)
    connection._run(operations.put(connection._session, access, 1, [made(number=1, at=(MOMENT, 456000))]))
    (found,) = connection._run(operations.get(connection._session, access, 1))
    assert dict(found) == {"number": 1, "at": MOMENT.replace(microsecond=123456)}
    assert client.get(cache, 1) == (1, client.get(cache, 1)[1])


def test_asyncio(node: Any, client: Client, cache: str) -> None:
    made: Any = GenericObjectMeta(new_name("Async"), (), {}, schema={"number": IntObject, "at": DateObject})

    async def main() -> None:
        connection = await ignite_dbapi.aio.connect(node.url)
        session = connection._session
        session.context.knowledge.presentation = DataClasses()
        access = operations.CacheAccess(cache)
        value = made(number=1, at=MOMENT)
        await connection._run(operations.put(session, access, 1, to_wire((value, BinaryObject))))
        assert await connection._run(operations.get(session, access, 1)) == value
        (found,) = (await connection._run(registration.query_binary_type(session, made.type_name))).values()
        assert found is made
        await connection.close()

    asyncio.run(main())
    assert client.get(cache, 1).number == 1
