"""Values that cannot be sent: each is refused before it reaches the server, with its name and what to do."""

from __future__ import annotations

import enum
import math
from collections import OrderedDict, namedtuple
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any
from uuid import UUID

import numpy as np
import pandas as pd
import pytest

from ignite_dbapi.errors import DataError, Error, NotSupportedError
from ignite_dbapi.protocol.codec import (
    BinaryType,
    Knowledge,
    MissingServerFacts,
    TypeCode,
    UnregisteredBinaryType,
    Writer,
    decode,
    encode,
)
from ignite_dbapi.protocol.codec.values import BinaryObject, Instant, MapValue, NanosecondDatetime, Typed
from tests.unit.pages import known


def repr_of_type(value: Any) -> str:
    return getattr(value, "name", type(value).__name__)


def typed(code: TypeCode, value: Any) -> bytes:
    return encode(Typed(code, value), known())


@pytest.mark.parametrize(
    ("value", "code", "words"),
    [
        (2**63, TypeCode.LONG, "9223372036854775808 is out of range for BIGINT .*decimal.Decimal"),
        (-(2**63) - 1, TypeCode.LONG, "-9223372036854775809 is out of range for BIGINT"),
        (2**31, TypeCode.INT, r"2147483648 is out of range for INTEGER \(-2147483648 to 2147483647\)"),
        (-(2**31) - 1, TypeCode.INT, "out of range for INTEGER"),
        (32768, TypeCode.SHORT, "32768 is out of range for SMALLINT"),
        (128, TypeCode.BYTE, r"128 is out of range for TINYINT \(-128 to 127\)"),
        (-129, TypeCode.BYTE, "out of range for TINYINT"),
        (10**5000, TypeCode.LONG, "integer of 16610 bits is out of range for BIGINT"),
        (Decimal("1E+18"), TypeCode.INT, "out of range for INTEGER"),
        (10**400, TypeCode.DOUBLE, "integer of 1329 bits is out of range for DOUBLE"),
        (1e39, TypeCode.FLOAT, r"1e\+39 is out of range for REAL.*DOUBLE"),
        (10**400, TypeCode.FLOAT, "out of range for REAL"),
    ],
    ids=repr_of_type,
)  # fmt: skip
def test_out_of_range(value: Any, code: TypeCode, words: str) -> None:
    with pytest.raises(DataError, match=words) as error:
        typed(code, value)
    assert error.value.code == "value_out_of_range"
    if code is TypeCode.LONG:
        with pytest.raises(DataError, match=words):
            encode(value)


@pytest.mark.parametrize(
    ("code", "value"),
    [
        (TypeCode.INT, "1"), (TypeCode.INT, 1.5), (TypeCode.INT, math.nan), (TypeCode.INT, math.inf),
        (TypeCode.INT, Decimal("NaN")), (TypeCode.INT, Decimal("sNaN")), (TypeCode.INT, Decimal("1.5")),
        (TypeCode.LONG, Decimal("1E+999999999")), (TypeCode.LONG, date(2024, 1, 1)), (TypeCode.LONG, [1]),
        (TypeCode.DOUBLE, "1.5"), (TypeCode.DOUBLE, b"1"), (TypeCode.DOUBLE, Decimal("sNaN")),
        (TypeCode.DOUBLE, np.array([1.0, 2.0])), (TypeCode.FLOAT, "x"), (TypeCode.FLOAT, date(2024, 1, 1)),
        (TypeCode.BOOL, 2), (TypeCode.BOOL, "true"), (TypeCode.BOOL, 0.0), (TypeCode.BOOL, None.__class__),
        (TypeCode.CHAR, "ab"), (TypeCode.CHAR, ""), (TypeCode.CHAR, 5), (TypeCode.CHAR, "\U0001f600"),
        (TypeCode.STRING, 5), (TypeCode.STRING, b"x"), (TypeCode.BYTE_ARRAY, "x"), (TypeCode.BYTE_ARRAY, 5),
        (TypeCode.UUID, "no uuid"), (TypeCode.UUID, 5), (TypeCode.UUID, b"0123456789abcdef"),
        (TypeCode.DECIMAL, "1.5"), (TypeCode.DECIMAL, Fraction(1, 3)), (TypeCode.DECIMAL, [1]),
        (TypeCode.TIMESTAMP, "2024-01-01"), (TypeCode.TIMESTAMP, 5), (TypeCode.TIMESTAMP, time(1)),
        (TypeCode.TIMESTAMP, Instant("x")), (TypeCode.DATE, "x"), (TypeCode.DATE, 1.5), (TypeCode.DATE, True),
        (TypeCode.TIME, "x"), (TypeCode.TIME, date(2024, 1, 1)), (TypeCode.OPTIMIZED, "2024-01-01"),
        (TypeCode.OPTIMIZED, time(1)), (TypeCode.INT_ARRAY, 5), (TypeCode.INT_ARRAY, "abc"),
        (TypeCode.CHAR_ARRAY, ["ab"]), (TypeCode.CHAR_ARRAY, [""]), (TypeCode.CHAR_ARRAY, [5]),
        (TypeCode.BOOL_ARRAY, ["x"]), (TypeCode.STRING_ARRAY, "abc"), (TypeCode.STRING_ARRAY, 5),
        (TypeCode.STRING_ARRAY, [5]), (TypeCode.UUID_ARRAY, {"a": 1}), (TypeCode.COLLECTION, 5),
        (TypeCode.MAP, [1]), (TypeCode.OBJECT_ARRAY, 5), (TypeCode.COMPLEX_OBJECT, "x"), (TypeCode.ENUM, 5),
        (TypeCode.NULL, 5),
    ],
)  # fmt: skip
def test_values_of_another_type(code: TypeCode, value: Any) -> None:
    with pytest.raises(DataError) as error:
        typed(code, value)
    assert error.value.code == "value_mismatch"


def test_errors_name_value_and_type() -> None:
    with pytest.raises(DataError, match=r"^'abc' \(str\) cannot be sent as INTEGER$"):
        typed(TypeCode.INT, "abc")
    with pytest.raises(DataError, match=r"\.\.\. \(str\) cannot be sent as DATE") as error:
        typed(TypeCode.OPTIMIZED, "x" * 10_000)
    assert len(str(error.value)) < 200


def test_elements_that_do_not_fit() -> None:
    for code, value in (
        (TypeCode.INT_ARRAY, [2**31]),
        (TypeCode.SHORT_ARRAY, [1.5]),
        (TypeCode.FLOAT_ARRAY, ["x"]),
        (TypeCode.FLOAT_ARRAY, [1e300]),
        (TypeCode.LONG_ARRAY, [None]),
    ):
        with pytest.raises(DataError, match=f"does not fit into {code.name}"):
            typed(code, value)


@pytest.mark.parametrize("value", ["NaN", "-NaN", "sNaN", "Infinity", "-Infinity"])
def test_decimals_without_a_number(value: str) -> None:
    with pytest.raises(DataError, match=f"{value} cannot be sent: DECIMAL has no NaN or Infinity"):
        encode(Decimal(value))
    if "s" not in value:
        with pytest.raises(DataError, match="DECIMAL has no NaN"):
            typed(TypeCode.DECIMAL, float(value))


def test_decimals_of_absurd_scale() -> None:
    for value in (Decimal("1E-2147483648"), Decimal("1E+2147483649"), Decimal("1E+999999999999")):
        with pytest.raises(DataError, match="its scale exceeds 32 bits"):
            encode(value)
    assert decode(encode(Decimal("1E+2147483648"))).as_tuple().exponent == 2147483648


def test_text_that_is_not_unicode() -> None:
    with pytest.raises(DataError, match="lone surrogate at position 2"):
        encode("ab\ud800c", known())
    with pytest.raises(DataError, match="lone surrogate"):
        Writer(known()).string("\udfff")


def test_containers_that_contain_themselves() -> None:
    cyclic_list: list[Any] = []
    cyclic_list += [cyclic_list, cyclic_list]
    cyclic_dict: dict[str, Any] = {}
    cyclic_dict["self"] = cyclic_dict
    for value in (cyclic_list, cyclic_dict, [cyclic_dict]):
        with pytest.raises(DataError, match="contains itself") as error:
            encode(value, known())
        assert error.value.code == "nesting"
    deep: list[Any] = []
    for _ in range(99):
        deep = [deep]
    assert decode(encode(deep)) == deep
    with pytest.raises(DataError, match="nested more than 100 deep"):
        encode([deep, [deep]])


@pytest.mark.parametrize(
    "value",
    [object(), 1j, range(3), np.array([1, 2]), np.array([1]), np.array(5), np.datetime64("2024-01-01"), np.datetime64("NaT", "ns"),  # noqa: E501
     np.complex128(1), type, len, iter([])],
)  # fmt: skip
def test_types_that_ignite_has_not(value: Any) -> None:
    with pytest.raises(DataError, match="cannot be sent; convert") as error:
        encode(value, known())
    assert type(value).__qualname__ in str(error.value)


def test_missing_times() -> None:
    for write in (encode, lambda value, knowledge: encode(Typed(TypeCode.TIMESTAMP, value), knowledge)):
        with pytest.raises(DataError, match="NaT cannot be sent; pass None for NULL"):
            write(pd.NaT, known())


def test_numpy_and_pandas_values() -> None:
    for value, plain in (
        (np.int8(-5), -5), (np.int64(2**62), 2**62), (np.uint32(7), 7), (np.float64(1.5), 1.5),
        (np.float32(0.5), 0.5), (np.float16(0.5), 0.5), (np.bool_(True), True), (np.str_("x"), "x"),
        (np.bytes_(b"x"), b"x"),
    ):  # fmt: skip
        again = decode(encode(value, known()), known())
        assert (again, type(again)) == (plain, type(plain))
    with pytest.raises(DataError, match="out of range for BIGINT"):
        encode(np.uint64(2**63))
    assert typed(TypeCode.INT, np.int16(5)) == typed(TypeCode.INT, 5)
    assert typed(TypeCode.BOOL, np.bool_(True)) == typed(TypeCode.BOOL, True)
    assert typed(TypeCode.DOUBLE, np.float32(0.5)) == typed(TypeCode.DOUBLE, 0.5)
    assert decode(typed(TypeCode.DECIMAL, np.float64(0.1))) == Decimal("0.1")
    stamp = pd.Timestamp("2024-05-06 07:08:09.123456789")
    again = decode(encode(stamp, known("Asia/Tokyo")), known("Asia/Tokyo"))
    assert (again, again.nanosecond) == (datetime(2024, 5, 6, 7, 8, 9, 123456), 789)
    aware = pd.Timestamp("2024-05-06 07:08:09.5", tz="America/New_York")
    assert decode(encode(aware, known()), known()) == datetime(2024, 5, 6, 11, 8, 9, 500_000)


class Level(enum.IntEnum):
    LOW = 1


class Name(enum.StrEnum):
    A = "a"


class Plain(enum.Enum):
    UUID = UUID(int=1)
    NONE = None


Pair = namedtuple("Pair", "a b")


class Text(str):
    pass


class Number(int):
    pass


def test_subclasses_travel_as_what_they_are() -> None:
    day = type("Day", (date,), {})(2024, 1, 2)
    for value, plain in (
        (Level.LOW, 1), (Name.A, "a"), (Plain.UUID, UUID(int=1)), (Plain.NONE, None), (Text("x"), "x"),
        (Number(5), 5), (Pair(1, 2), [1, 2]), (OrderedDict(a=1), {"a": 1}), (bytearray(b"x"), b"x"),
        (memoryview(b"x"), b"x"), (Fraction(1, 2), 0.5), (day, date(2024, 1, 2)), (True, True), ((1,), [1]),
    ):  # fmt: skip
        again = decode(encode(value, known()), known())
        assert again == plain
        assert type(again) is type(plain)


def test_typed_values() -> None:
    assert typed(TypeCode.INT, None) == typed(TypeCode.INT, Typed(TypeCode.INT, None)) == b"\x65"
    assert typed(TypeCode.INT, Decimal(5)) == typed(TypeCode.INT, 5.0) == typed(TypeCode.INT, True >> 0 | 5)
    assert decode(typed(TypeCode.DECIMAL, 0.1)) == Decimal("0.1")
    assert decode(typed(TypeCode.DECIMAL, 12)) == 12
    assert decode(typed(TypeCode.UUID, "01234567-89ab-cdef-fedc-ba9876543210")).hex[:8] == "01234567"
    assert decode(typed(TypeCode.CHAR, "€")) == "€"
    assert typed(TypeCode.TIMESTAMP, date(2024, 1, 2)) == typed(TypeCode.TIMESTAMP, datetime(2024, 1, 2))
    assert typed(TypeCode.OPTIMIZED, datetime(2024, 1, 2)) == encode(date(2024, 1, 2), known())
    assert typed(TypeCode.TIME, timedelta(hours=1)) == encode(time(1), known()) == encode(timedelta(hours=1), known())
    writer = Writer(known())
    writer.values([5, None, Typed(TypeCode.BYTE, 1), "x"], [TypeCode.INT, TypeCode.INT, TypeCode.INT, None])
    assert bytes(writer.buffer) == bytes.fromhex("0305000000650101090100000078")
    with pytest.raises(ValueError, match="shorter"):
        writer.values([1, 2], [None])


def test_times_that_would_lose_something() -> None:
    with pytest.raises(DataError, match=r"DATE has no time of day.*pass value.date\(\)"):
        typed(TypeCode.OPTIMIZED, datetime(2024, 1, 2, 3))
    with pytest.raises(DataError, match=r"java.util.Date holds milliseconds"):
        typed(TypeCode.DATE, datetime(2024, 1, 2, 3, 4, 5, 1))
    with pytest.raises(DataError, match=r"java.util.Date holds milliseconds"):
        typed(TypeCode.DATE, NanosecondDatetime.from_datetime(datetime(2024, 1, 2), 1))
    for value in (timedelta(days=1), timedelta(microseconds=-1)):
        with pytest.raises(DataError, match="is no time of day"):
            encode(value, known())
    with pytest.raises(DataError, match="TIME has no time zone"):
        encode(time(1, tzinfo=UTC), known())
    for nanoseconds in (-1, 1_000_000):
        with pytest.raises(DataError, match="0 to 999999 fit"):
            encode(Instant(0, nanoseconds))
    for milliseconds in (2**63, -(2**63) - 1):
        with pytest.raises(DataError, match="out of range"):
            encode(Instant(milliseconds))
        with pytest.raises(DataError, match="out of range"):
            typed(TypeCode.OPTIMIZED, milliseconds)


def test_what_must_be_known_first() -> None:
    for value in (date(2024, 1, 1), datetime(2024, 1, 1), time(1), BinaryObject("T", {})):
        with pytest.raises(MissingServerFacts):
            encode(value, Knowledge())
    assert encode(Instant(0), Knowledge()) == bytes.fromhex("21000000000000000000000000")


def test_objects_that_cannot_be_registered() -> None:
    knowledge = known()
    knowledge.binary_types.add_unknown(5)
    with pytest.raises(NotSupportedError, match="does not know the name of its type"):
        encode(BinaryObject(None, {"a": 1}, type_id=5), knowledge)
    with pytest.raises(DataError, match="needs a type name or a type id"):
        encode(BinaryObject(None, {"a": 1}), knowledge)
    knowledge.binary_types.add(BinaryType.of("T", [("a", TypeCode.LONG)], affinity_key_field="a"))
    with pytest.raises(UnregisteredBinaryType) as missing:
        encode(BinaryObject("T", {"b": "x"}), knowledge)
    assert missing.value.binary_type.affinity_key_field == "a"
    assert [(field.name, field.type_code) for field in missing.value.binary_type.fields] == [("b", 9)]


def test_a_writer_can_be_used_after_an_error() -> None:
    writer = Writer(known())
    shared = MapValue([(1, object())])
    with pytest.raises(Error):
        writer.value([shared])
    del writer.buffer[:]
    writer.value([[1]])
    assert decode(bytes(writer.buffer)) == [[1]]
