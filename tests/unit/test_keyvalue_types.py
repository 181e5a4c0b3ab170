"""Data types by their names, hints, and the shapes of what is read."""

from __future__ import annotations

import asyncio
import pickle
import re
from collections import OrderedDict
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import attrs
import pytest
from golden import VECTORS, data_of, expected_of, knowledge_of

import ignite_dbapi
from ignite_dbapi.keyvalue import constants, datatypes, exceptions
from ignite_dbapi.keyvalue.datatypes import (
    BinaryEnumArrayObject,
    BinaryEnumObject,
    BinaryObject,
    BoolArrayObject,
    ByteArrayObject,
    ByteObject,
    CharArrayObject,
    CharObject,
    CollectionObject,
    DateObject,
    DecimalObject,
    EnumObject,
    IntArrayObject,
    IntObject,
    LongObject,
    MapObject,
    Null,
    ObjectArrayObject,
    ShortObject,
    SqlDateObject,
    String,
    StringArrayObject,
    TimeObject,
    TimestampArrayObject,
    TimestampObject,
    UUIDObject,
    WrappedDataObject,
    cache_config,
    key_value,
    prop_codes,
    type_codes,
    type_ids,
)
from ignite_dbapi.keyvalue.datatypes.conversion import keys_to_wire, pairs_to_wire, to_wire
from ignite_dbapi.keyvalue.exceptions import translated
from ignite_dbapi.keyvalue.presentation import DataClasses
from ignite_dbapi.keyvalue.shapes import CollectionValue, EnumConstant, ObjectArrayValue, TimestampValue
from ignite_dbapi.protocol.codec import (
    BinaryType,
    Knowledge,
    TypeCode,
)
from ignite_dbapi.protocol.codec.values import Collection, EnumValue, MapValue, ObjectArray, Typed
from ignite_dbapi.protocol.messages import cache_configuration
from tests.unit.round_trips import knowledge, read, round_trip, written

CODES = {code: name for name, code in vars(type_codes).items() if name.startswith("TC_")}


# --- names ----------------------------------------------------------------------------------------------------------


def _without_address(value: object) -> str:
    """Name a test case alike in each process that runs tests."""
    return re.sub(r" at 0x[0-9a-f]+", "", repr(value))


def test_every_type_code_has_a_data_type() -> None:
    for code, name in CODES.items():
        data_type = datatypes.DATA_TYPES[int.from_bytes(code)]
        assert data_type.type_code == code, name
        assert data_type.type_id == code[0]
        assert data_type.__name__ in datatypes.__all__


def test_names_and_ids() -> None:
    assert (IntObject.type_name, IntObject.type_id, IntObject.pythonic, IntObject.default) == (
        "java.lang.Integer",
        type_ids.TYPE_INT,
        int,
        0,
    )
    assert String.default is None
    assert DecimalObject.default == Decimal("0.00")
    assert TimestampObject.default == (datetime(1970, 1, 1), 0)
    assert prop_codes.PROP_EXPIRY_POLICY == 407
    assert {code for name, code in vars(prop_codes).items() if name.startswith("PROP_")} == set(
        cache_configuration.PROPERTIES
    )
    assert cache_config.CacheMode.REPLICATED == 1
    assert key_value.PeekModes.OFFHEAP == 5
    assert (constants.MAX_LONG, constants.MIN_INT) == (2**63 - 1, -(2**31))


def test_primitives_are_hints_too() -> None:
    assert to_wire(5, datatypes.Int) == Typed(TypeCode.INT, 5)
    assert to_wire([1], datatypes.ShortArray) == Typed(TypeCode.SHORT_ARRAY, [1])


# --- hints and types without hints ----------------------------------------------------------------------------------

MOMENT = datetime(2024, 5, 6, 7, 8, 9, 123000)
INFERRED = [
    (5, b"\x04"),
    (True, b"\x08"),
    (1.5, b"\x06"),
    ("a", b"\x09"),
    (b"a", b"\x0c"),
    (bytearray(b"a"), b"\x0c"),
    (memoryview(b"a"), b"\x0c"),
    (None, b"\x65"),
    (Decimal("1.50"), b"\x1e"),
    (UUID(int=1), b"\x0a"),
    (MOMENT, b"\x0b"),
    (date(2024, 5, 6), b"\x0b"),
    (timedelta(hours=1), b"\x24"),
    (time(1), b"\x24"),
    ([1, 2], b"\x0f"),
    (range(3), b"\x0f"),
    ([1.5], b"\x11"),
    ([True], b"\x13"),
    (["a", None], b"\x14"),
    ([UUID(int=1)], b"\x15"),
    ([MOMENT, None], b"\x16"),
    ([Decimal(1)], b"\x1f"),
    ([timedelta(1)], b"\x25"),
    ((1, 2, 3), b"\x0f"),
    ([1, "a"], b"\x18"),
    ([1, None], b"\x18"),
    ([], b"\x18"),
    ([[1], [2]], b"\x18"),
    ({1, 2}, b"\x18"),
    ({"a": 1}, b"\x19"),
    ((1, [1, "a"]), b"\x18"),
    ((2, {"a": 1}), b"\x19"),
    ((MOMENT, 5), b"\x21"),
]


@pytest.mark.parametrize(("value", "code"), INFERRED, ids=_without_address)
def test_types_without_hints(value: Any, code: bytes) -> None:
    assert written(to_wire(value), knowledge())[:1] == code


HINTED = [
    (5, ByteObject, 5),
    (5, ShortObject, 5),
    ("ы", CharObject, "ы"),
    ("\ue000", CharObject, "\ue000"),
    (b"A\x00", CharObject, "A"),
    (65, CharObject, "A"),
    ([-128, 255, 0], ByteArrayObject, b"\x80\xff\x00"),
    (["a", "ы", 66], CharArrayObject, ["a", "ы", "B"]),
    ([True, False], BoolArrayObject, [True, False]),
    (b"caf\xc3\xa9", String, "café"),
    ("a\0b", String, "a\0b"),
    (5, Null, None),
    (datetime(2024, 1, 1, 0, 0, 0, 999999), DateObject, datetime(2024, 1, 1, 0, 0, 0, 999000)),
    (datetime(1969, 12, 31, 23, 59, 59, 999500), DateObject, datetime(1969, 12, 31, 23, 59, 59, 999000)),
    ((MOMENT, 456789), TimestampObject, (MOMENT, 456789)),
    ((MOMENT.replace(microsecond=123456), 789), TimestampObject, (MOMENT, 456789)),
    ((MOMENT.replace(microsecond=999999), 999999), TimestampObject, (MOMENT + timedelta(milliseconds=877), 998999)),
    (MOMENT.replace(microsecond=123456), TimestampObject, (MOMENT, 456000)),
    (MOMENT.replace(tzinfo=UTC), TimestampObject, (MOMENT, 0)),
    ([(MOMENT, 1), None], TimestampArrayObject, [(MOMENT, 1), None]),
    (timedelta(days=4, hours=1, microseconds=1999), TimeObject, timedelta(days=4, hours=1, milliseconds=1)),
    (timedelta(seconds=-1), TimeObject, timedelta(seconds=-1)),
    (time(1, 2, 3), TimeObject, timedelta(hours=1, minutes=2, seconds=3)),
    (date(2024, 5, 6), SqlDateObject, date(2024, 5, 6)),
    (date(2024, 5, 6), BinaryObject, date(2024, 5, 6)),
    ((5, 6), EnumObject, (5, 6)),
    ((5, 6), BinaryEnumObject, (5, 6)),
    ((-1, [(5, 6), None]), BinaryEnumArrayObject, (-1, [(5, 6), None])),
    ((-1, [1, "a"]), ObjectArrayObject, (-1, [1, "a"])),
    ([1, "a"], ObjectArrayObject, (-1, [1, "a"])),
    ((3, [1]), CollectionObject, (3, [1])),
    ([1], CollectionObject, (1, [1])),
    ({1}, CollectionObject, (3, [1])),
    ((-1, 5), CollectionObject, (-1, [5])),
    ((1, {"a": 1, 5: 6.0}), MapObject, (1, {"a": 1, 5: 6.0})),
    (OrderedDict(b=1, a=2), MapObject, (2, OrderedDict(b=1, a=2))),
    ((1, None), MapObject, None),
    ((1, [([1], 2)]), MapObject, (1, [([1], 2)])),
]


@pytest.mark.parametrize(("value", "hint", "expected"), HINTED, ids=lambda value: getattr(value, "__name__", None))
@pytest.mark.parametrize("zone", ["UTC", "Asia/Tokyo", "America/New_York"])
def test_hints(value: Any, hint: Any, expected: Any, zone: str) -> None:
    if getattr(value, "tzinfo", None) is not None:
        zone = "UTC"
    shown = round_trip(value, hint, zone)
    assert shown == expected
    assert type(shown) is type(expected) or isinstance(shown, tuple)


@pytest.mark.parametrize("hint", [each for each in datatypes.DATA_TYPES.values() if each is not Null])
def test_none_is_null_with_every_hint(hint: Any) -> None:
    assert to_wire(None, hint) is None


def test_hints_anywhere_inside() -> None:
    value = {("a", CharObject): [(1, ShortObject), {"b": (2, ByteObject)}, (3, None)]}
    wire = to_wire(value)
    assert isinstance(wire, MapValue)
    (key, items), *_ = wire.pairs
    assert key == Typed(TypeCode.CHAR, "a")
    assert items.items[0] == Typed(TypeCode.SHORT, 1)
    assert items.items[1].pairs == [("b", Typed(TypeCode.BYTE, 2))]
    assert keys_to_wire(["a", ("a", CharObject)]) == ["a", Typed(TypeCode.CHAR, "a")]
    assert pairs_to_wire({("a", CharObject): (1, IntObject), "b": 2}) == [
        (Typed(TypeCode.CHAR, "a"), Typed(TypeCode.INT, 1)),
        ("b", 2),
    ]


def test_plain_values_pass_untouched() -> None:
    for value in (2**62, "x" * 1000, Decimal("1.50"), b"abc", UUID(int=3), 1.5, None, True):
        assert to_wire(value) is value


WRONG = [
    ("a", IntObject, TypeError),
    (2**31, IntObject, ValueError),
    (2**63, LongObject, ValueError),
    (300, ByteObject, ValueError),
    ("ab", CharObject, TypeError),
    ([256], ByteArrayObject, ValueError),
    (5, StringArrayObject, TypeError),
    (["a"], IntArrayObject, ValueError),
    (Decimal("NaN"), DecimalObject, ValueError),
    (b"\xff", String, TypeError),
    ((MOMENT, 1_000_000), TimestampObject, ValueError),
    (("a", 1), TimestampObject, TypeError),
    ("a", TimestampObject, TypeError),
    ((7, [1]), CollectionObject, ValueError),
    ((7, {1: 2}), MapObject, ValueError),
    ((1, [1]), MapObject, TypeError),
    ((1, 2, 3), EnumObject, TypeError),
    ((0, 2), EnumObject, ValueError),
    ((1, 2**31), EnumObject, ValueError),
    (5, BinaryEnumArrayObject, TypeError),
    ((b"abc", 0), WrappedDataObject, ValueError),
    (object(), None, TypeError),
    ("x", UUIDObject, TypeError),
]


@pytest.mark.parametrize(("value", "hint", "also"), WRONG, ids=_without_address)
def test_what_does_not_fit_is_an_error(value: Any, hint: Any, also: type[Exception]) -> None:
    with pytest.raises(ignite_dbapi.DataError) as caught:
        written(to_wire(value, hint), knowledge())
    error = translated(caught.value, "cache")
    assert isinstance(error, exceptions.ParseError)
    if error.code != "value_mismatch" or also is TypeError:
        assert isinstance(error, (also, ValueError))


def test_what_contains_itself_is_an_error() -> None:
    loop: list[Any] = [1]
    loop.append(loop)
    table: dict[str, Any] = {}
    table["a"] = table
    for value in (loop, table):
        with pytest.raises(exceptions.ParseError, match="contains itself"):
            to_wire(value)


def test_a_wrong_hint_is_an_error() -> None:
    for hint in (int, "IntObject", 5):
        with pytest.raises(exceptions.ParameterError, match="no type hint"):
            to_wire("x", hint)
    with pytest.raises(exceptions.ParameterError, match="no type hint"):
        to_wire(5, int)


# --- what is read can be written ------------------------------------------------------------------------------------


def test_shapes_are_tuples_that_know_their_type() -> None:
    for value, hint in [
        ((-1, [1, "a"]), ObjectArrayObject),
        ((2, ["a", 1]), CollectionObject),
        ((1, {"a": 1}), MapObject),
        ((MOMENT, 5), TimestampObject),
        ((5, 6), BinaryEnumObject),
    ]:
        known = knowledge()
        data = written(to_wire(value, hint), known)
        shown = read(data, known)
        assert shown == value
        assert repr(shown) == repr(value)
        assert written(to_wire(shown), known) == data
        assert written(shown, known) == data
        assert written(to_wire([shown]), known).endswith(data)
        assert pickle.loads(pickle.dumps(shown)) == shown


def test_enum_constants_have_names() -> None:
    known = knowledge()
    known.binary_types.add(BinaryType(77, "Color", is_enum=True, enum_values=(("RED", 0), ("BLUE", 2))))
    constants_of_both = Collection([EnumValue(77, 0), EnumValue(77, 2), EnumValue(77, 1), EnumValue(78, 0)])
    red, blue, new, unknown = read(written(constants_of_both, known), known)[1]
    assert (red, red.name, blue.name) == ((77, 0), "RED", "BLUE")
    assert new.name is unknown.name is None
    assert isinstance(red, EnumConstant)


def test_maps_that_no_dict_can_hold() -> None:
    known = knowledge()
    pairs = [(Collection([1]), 1), (Collection([2]), 2)]
    shown = read(written(MapValue(pairs), known), known)
    assert shown == (1, [((1, [1]), 1), ((1, [2]), 2)])
    assert read(written(MapValue([(1, "a"), (1.0, "b")]), known), known) == (1, [(1, "a"), (1.0, "b")])
    assert written(to_wire(shown), known) == written(MapValue(pairs), known)


# What narrow integers in containers of any type are read as says nothing about their width, shared objects are read
# as what they are, arrays of classes without id as arrays of Object.
WRITTEN_DIFFERENTLY = {
    "objs.mixed", "objs.integer", "objs.2d_int", "col.arraylist", "col.linkedlist", "col.hashset", "col.nested",
    "col.user_col", "col.user_set", "map.hash", "map.linked", "objarr.unregistered", "obj.all", "obj.shared_ref",
    "bld.collections", "wrapped.offset3", "wrapped.in_list", "col.pojo_handle",
}  # fmt: skip
# A date beyond the year 9999, a list that is a member of itself, and a class that clients cannot count on.
NOT_SHOWN_OR_WRITTEN = {"date.9223372036854775807", "col.self", "javatime.period"}


SHOWN_VECTORS = [
    vector for vector in VECTORS if "Ver2" not in vector["python_repr"] and vector["name"] not in NOT_SHOWN_OR_WRITTEN
]


@pytest.mark.parametrize("vector", SHOWN_VECTORS, ids=lambda vector: vector["name"])
@pytest.mark.parametrize("declared", [True, False], ids=["declared", "object"])
def test_golden_vectors(vector: dict[str, Any], declared: bool) -> None:
    data = data_of(vector)
    known = _knowledge_of(vector, declared=declared)
    shown = read(data, known)
    hint = datatypes.DATA_TYPES.get(data[0])
    again = written(to_wire(shown, hint), known)
    if vector["name"].removesuffix(".compact").removesuffix(".full") in WRITTEN_DIFFERENTLY:
        assert again != data
        assert read(again, known) == shown
    elif data[0] != 0xFE:
        assert again == data


def _knowledge_of(vector: dict[str, Any], *, declared: bool) -> Knowledge:
    """What a connection knows; fields are registered with their real types, or all as Object."""
    known = knowledge_of(vector)
    known.presentation = DataClasses()
    known.is_compact_footer = not vector["name"].endswith(".full")
    known.binary_types.add_unknown(94842723)
    for binary_type in list(known.binary_types._types.values()):
        codes = _codes_of(expected_of(vector), binary_type.type_name) if declared else {}
        fields = tuple(
            attrs.evolve(field, type_code=codes.get(field.name, TypeCode.COMPLEX_OBJECT))
            for field in binary_type.fields
        )
        known.binary_types._types[binary_type.type_id] = attrs.evolve(binary_type, fields=fields)
    return known


def _codes_of(value: Any, type_name: str) -> dict[str, int]:
    simple = {str: TypeCode.STRING, Decimal: TypeCode.DECIMAL, float: TypeCode.DOUBLE, bool: TypeCode.BOOL}
    fields = getattr(value, "fields", None)
    if getattr(value, "type_name", None) == type_name and fields:
        return {name: simple[type(each)] for name, each in fields.items() if type(each) in simple}
    return {}


def test_values_that_were_read_are_recognised() -> None:
    assert isinstance(round_trip((1, [1])), CollectionValue)
    assert isinstance(round_trip((MOMENT, 1)), TimestampValue)
    assert isinstance(round_trip((-1, []), ObjectArrayObject), ObjectArrayValue)
    assert isinstance(to_wire((5, [1]), ObjectArrayObject), ObjectArray)


def test_hash_codes_for_programs_that_await_them() -> None:
    assert asyncio.run(String.hashcode_async("key")) == String.hashcode("key") == 106079
