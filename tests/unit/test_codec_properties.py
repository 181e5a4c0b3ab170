"""Whatever Python value goes out comes back the same; whatever bytes come in do no harm."""

from __future__ import annotations

import contextlib
import math
import struct
import tracemalloc
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from decimal import Clamped, Decimal, Inexact, Rounded, getcontext, localcontext
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from ignite_dbapi import Error
from ignite_dbapi.errors import DataError, ProtocolError
from ignite_dbapi.protocol.codec import (
    BinaryType,
    Knowledge,
    MissingFact,
    Reader,
    TypeCode,
    UnregisteredBinaryType,
    Writer,
    decode,
    encode,
    reader,
)
from ignite_dbapi.protocol.codec.clock import clock_for
from ignite_dbapi.protocol.codec.names import name_id, string_hash
from ignite_dbapi.protocol.codec.reader import MAXIMUM_DECIMAL_SIZE
from ignite_dbapi.protocol.codec.values import (
    BinaryObject,
    Collection,
    EnumValue,
    Instant,
    MapValue,
    NanosecondDatetime,
    ObjectArray,
    OptimizedBlob,
    Typed,
    Wrapped,
)
from ignite_dbapi.protocol.context import Context
from ignite_dbapi.protocol.exchange import Exchange
from ignite_dbapi.protocol.handshake import handshake
from ignite_dbapi.protocol.messages.sql import Page, SqlFieldsQuery
from tests.unit.golden import VECTORS, data_of, knowledge_of
from tests.unit.pages import answer_bytes, encoded, known, page_bytes

ZONES = ("UTC", "Asia/Tokyo", "America/New_York", "GMT+05:30", "Europe/London")
CLOCKS = {zone: clock_for(zone) for zone in ZONES}
zones = st.sampled_from(ZONES)

integers = st.integers(-(2**63), 2**63 - 1)
texts = st.text(st.characters(exclude_categories=["Cs"]) | st.sampled_from("\x00\U0001f600\uffffİς"))
decimals = st.builds(
    lambda sign, unscaled, exponent: Decimal((sign if unscaled else 0, tuple(map(int, str(unscaled))), exponent)),
    st.integers(0, 1),
    st.integers(0, 10**60) | st.integers(0, 300),
    st.integers(-70, 70) | st.sampled_from([-(2**31) + 1, 2**31]),
)
scalars = st.one_of(
    st.none(), st.booleans(), integers, st.floats(), texts, st.binary(), decimals, st.uuids(),
    st.times().map(lambda value: value.replace(microsecond=value.microsecond // 1000 * 1000)),
    st.dates(), st.datetimes(),
)  # fmt: skip
nested = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts | integers, inner, max_size=4),
    max_leaves=12,
)
typed_integers = st.one_of(
    *(
        st.builds(Typed, st.just(code), st.integers(-(2 ** (bits - 1)), 2 ** (bits - 1) - 1))
        for code, bits in ((TypeCode.BYTE, 8), (TypeCode.SHORT, 16), (TypeCode.INT, 32), (TypeCode.LONG, 64))
    )
)


def identical(left: Any, right: Any) -> bool:
    """Equal to the last bit, and of the same types."""
    if type(left) is not type(right):
        return False
    if isinstance(left, float):
        return struct.pack("<d", left) == struct.pack("<d", right)
    if isinstance(left, Decimal):
        return left.as_tuple() == right.as_tuple()
    if isinstance(left, list | tuple):
        return len(left) == len(right) and all(map(identical, left, right))
    if isinstance(left, dict):
        return identical(list(left.items()), list(right.items()))
    return bool(left == right)


# --- values -------------------------------------------------------------------------------------------------


@given(nested)
@example([float("nan"), float("-inf"), -0.0])
@example(Decimal("9" * 60 + "E-30"))
def test_values_come_back_the_same(value: Any) -> None:
    assert identical(decode(encode(value, known()), known()), value)


@given(st.lists(nested, min_size=1, max_size=5), st.integers(1, 4))
def test_rows_come_back_the_same(row: list[Any], count: int) -> None:
    data = encoded(row * count)
    rows = Reader(data, known()).rows(count, len(row))
    assert identical(rows, [tuple(row)] * count)


@given(typed_integers)
def test_integers_keep_their_width(value: Typed) -> None:
    data = encode(value)
    assert data[0] == value.code
    assert decode(data) == value.value
    again = decode(data, lossless=True)
    assert (again if value.code == TypeCode.LONG else again.value) == value.value
    assert encode(again) == data


@given(st.floats(width=32))
def test_floats_of_32_bits(value: float) -> None:
    assert identical(decode(encode(Typed(TypeCode.FLOAT, value))), value)


@given(st.floats())
def test_floats_keep_their_bits(value: float) -> None:
    assert identical(decode(encode(value)), value)
    assert Reader(encode(value), known()).rows(1, 1)[0][0] == value or math.isnan(value)


@given(st.text(), st.booleans())
@example("a\U0001f600\x00b", True)
@example("a\ud83db", True)
def test_text_in_both_encodings(value: str, version_2: bool) -> None:
    has_surrogates = any("\ud800" <= character <= "\udfff" for character in value)
    knowledge = known(version_2=version_2)
    if has_surrogates and not version_2:
        with pytest.raises(DataError, match="lone surrogate at position"):
            encode(value, knowledge)
        return
    data = encode(value, knowledge)
    # A high and a low surrogate side by side are one character.
    meant = value.encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass")
    assert decode(data, knowledge) == meant
    assert Reader(data, knowledge).rows(1, 1) == [(meant,)]
    assert Reader(data, knowledge).string() == meant
    if version_2:
        assert b"\x00" not in data[5:]
        assert not any(byte >= 0xF0 for byte in data[5:]), "a server of version 2 dies of four-byte sequences"
    else:
        assert data[5:] == value.encode()


@pytest.mark.parametrize("text", ["\x00", "\U0001f600", "\ud800"])
def test_text_that_needs_to_know_the_server(text: str) -> None:
    with pytest.raises(MissingFact):
        encode(text, Knowledge())
    assert encode("Кириллица ascii ￿", Knowledge())


@given(decimals)
def test_decimals_keep_digits_and_scale(value: Decimal) -> None:
    if not -(2**31) <= -value.as_tuple().exponent < 2**31:
        with pytest.raises(DataError, match="scale exceeds 32 bits"):
            encode(value)
        return
    assert identical(decode(encode(value)), value)
    assert identical(Reader(encode(value), known()).rows(1, 1), [(value,)])


@pytest.mark.parametrize("scale", [-(2**31), 2**31 - 1])
def test_decimals_beyond_a_python_of_32_bits(scale: int, monkeypatch: pytest.MonkeyPatch) -> None:
    data = b"\x1e" + struct.pack("<ii", scale, 1) + b"\x07"
    narrow = reader._EXACT.copy()
    narrow.Emax, narrow.Emin, narrow.prec = 425_000_000, -425_000_000, 425_000_000
    monkeypatch.setattr(reader, "_EXACT", narrow)
    with pytest.raises(DataError, match=f"scale {scale}") as caught:
        decode(data)
    assert caught.value.code == "value_not_representable"


def test_the_decimal_context_of_the_thread_has_no_say() -> None:
    row = (Decimal("-1234567.8901"), UUID(int=1), Decimal("0.00"))
    page = encode(row[0]) + encode(row[1]) + encode(row[2])
    with localcontext(prec=3, Emax=2, Emin=-2, flags=[], traps=[Inexact, Clamped, Rounded]) as context:
        assert identical(Reader(page, known()).rows(1, 3), [row])
        for size in range(len(page)):
            with pytest.raises(ProtocolError):
                Reader(page[:size], known()).rows(1, 3)
        assert getcontext() is context
        assert not any(context.flags.values())


def test_negative_zero_has_no_sign_on_the_wire() -> None:
    assert encode(Decimal("-0.0")) == bytes.fromhex("1e010000000100000000")


@given(st.uuids())
def test_uuids(value: UUID) -> None:
    data = encode(value)
    assert data == b"\x0a" + value.bytes[7::-1] + value.bytes[:7:-1]
    assert decode(data) == value


@given(st.sets(st.integers(0, 2**60) | texts | decimals, max_size=6))
def test_sets(value: set[Any]) -> None:
    assert decode(encode(value, known()), known()) == value
    assert decode(encode(frozenset(value), known()), known()) == value


@given(st.lists(nested, max_size=3), st.sampled_from([-1, 0, 1, 2, 3, 4, 5]))
def test_collections_keep_their_kind(items: list[Any], kind: int) -> None:
    data = encode(Collection(items, kind), known())
    again = decode(data, known(), lossless=True)
    assert again.kind == kind
    assert encode(again, known()) == data
    natural = decode(data, known())
    assert len(natural) == len(items)
    assert isinstance(natural, list) or kind in (-1, 3, 4)


def test_members_and_keys_that_python_would_merge() -> None:
    assert decode(encode(Collection([1, 1.0, True], 3))) == [1, 1.0, True]
    assert decode(encode(Collection([1, 2.5], 3))) == {1, 2.5}
    assert decode(encode(Collection([[1]], 3))) == [[1]]
    assert decode(encode(MapValue([(1, "a"), (1.0, "b")]))) == [(1, "a"), (1.0, "b")]
    assert decode(encode(MapValue([([1], "a")]))) == [([1], "a")]
    first = NanosecondDatetime.from_datetime(datetime(2024, 1, 1), 1)
    assert len(decode(encode(Collection([first, datetime(2024, 1, 1)], 3), known()), known())) == 2


# --- dates and times ----------------------------------------------------------------------------------------


def _is_between_clocks(value: datetime, zone: str) -> bool:
    """Whether clocks never showed *value*, or the rules of 1900 may move it."""
    if zone == "GMT+05:30" or value < datetime(1899, 12, 30):
        return False
    if value < datetime(1900, 1, 3):
        return True
    rules = ZoneInfo(zone)
    try:
        shown = value.replace(tzinfo=rules).astimezone(UTC).astimezone(rules)
    except OverflowError:
        return False
    return shown.replace(tzinfo=None) != value


@given(st.datetimes(), zones)
@example(datetime.min, "Asia/Tokyo")
@example(datetime.max, "America/New_York")
@example(datetime(9999, 12, 31, 12), "Asia/Tokyo")
def test_wall_clock_times_come_back_the_same(value: datetime, zone: str) -> None:
    assume(not _is_between_clocks(value, zone))
    knowledge = known(zone)
    assert identical(decode(encode(value, knowledge), knowledge), value)
    assert identical(Reader(encode(value, knowledge), knowledge).rows(1, 1), [(value,)])


@given(
    st.datetimes(min_value=datetime(1, 1, 3), max_value=datetime(9999, 12, 29)),
    st.sampled_from(["UTC", "Asia/Tokyo", "America/New_York", "Europe/London", "Asia/Kolkata"]),
    zones,
)
def test_aware_times_are_the_same_instant(value: datetime, zone_of_value: str, zone: str) -> None:
    aware = value.replace(tzinfo=ZoneInfo(zone_of_value))
    instant = decode(encode(aware, known(zone)), lossless=True).value
    expected = (aware - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)
    assert (instant.milliseconds * 1000 + instant.nanoseconds // 1000) == expected
    assert instant.nanoseconds % 1000 == 0
    assert 0 <= instant.nanoseconds < 1_000_000


@given(st.integers(-(2**45), 2**47), st.integers(0, 999_999), zones)
def test_instants_keep_their_nanoseconds(milliseconds: int, nanoseconds: int, zone: str) -> None:
    knowledge = known(zone)
    data = encode(Instant(milliseconds, nanoseconds), knowledge)
    value = decode(data, knowledge)
    assert isinstance(value, NanosecondDatetime) is (nanoseconds % 1000 != 0)
    assert encode(value, knowledge) == data


@given(st.dates(), zones)
def test_dates_come_back_the_same(value: date, zone: str) -> None:
    knowledge = known(zone)
    data = encode(value, knowledge)
    assert len(data) == 20
    assert identical(decode(data, knowledge), value)
    assert identical(Reader(data, knowledge).rows(1, 1), [(value,)])


@given(st.times(), zones)
def test_times_come_back_the_same(value: time, zone: str) -> None:
    value = value.replace(microsecond=value.microsecond // 1000 * 1000)
    knowledge = known(zone)
    assert identical(decode(encode(value, knowledge), knowledge), value)


# --- objects ------------------------------------------------------------------------------------------------

field_names = st.text("abcdefXYZ_12", min_size=1, max_size=6)


@given(st.dictionaries(field_names, nested, max_size=5), st.binary(max_size=5) | st.none(), st.booleans())
def test_objects(fields: dict[str, Any], raw: bytes | None, is_compact: bool) -> None:
    assume(len({name.lower() for name in fields}) == len(fields))
    value = BinaryObject("Thing", fields, raw=raw, is_compact=is_compact)
    knowledge = known()
    knowledge.binary_types.add_unknown(0)
    with pytest.raises(MissingFact):
        encode(value, knowledge)
    knowledge.binary_types.add_unknown(value.type_id or _type_id("Thing"))
    with pytest.raises(UnregisteredBinaryType) as missing:
        encode(value, knowledge)
    registered = missing.value.binary_type
    # NULL tells nothing about the type of a field, so it is left out.
    assert [field.name for field in registered.fields] == [name for name in fields if fields[name] is not None]
    knowledge.binary_types.add(registered)
    knowledge.binary_types.add(BinaryType.of("Thing", [(name, 103) for name in fields]))
    data = encode(value, knowledge)
    again = decode(data, knowledge)
    assert identical(dict(again), fields)
    assert (again.type_name, again.raw) == ("Thing", raw)
    assert encode(decode(data, knowledge, lossless=True), knowledge) == data


def _type_id(name: str) -> int:
    return BinaryType.of(name, []).type_id


def test_objects_within_objects_and_handles() -> None:
    knowledge = known()
    for name, fields in (("In", ["x"]), ("Out", ["a", "b", "c"])):
        knowledge.binary_types.add(BinaryType.of(name, [(field, 103) for field in fields]))
    inner = BinaryObject("In", {"x": 1})
    outer = BinaryObject("Out", {"a": inner, "b": [inner], "c": None})
    again = decode(encode(outer, knowledge), knowledge)
    assert again.a.x == 1
    assert again.b[0] is again.a
    outer.fields["c"] = outer
    again = decode(encode(outer, knowledge), knowledge)
    assert again.c is again


def test_two_fields_with_one_id() -> None:
    with pytest.raises(DataError, match="same id"):
        encode(BinaryObject("T", {"a": 1, "A": 2}), known())


def test_equal_objects_have_equal_hashes() -> None:
    one, two = (BinaryObject("T", {"a": 1, "b": [1], "c": value}) for value in (1, 1.0))
    assert one == two
    assert hash(one) == hash(two)
    assert len({hash(BinaryObject("T", {"a": number})) for number in range(100)}) > 90


@given(st.integers(-(2**31), 2**31 - 1), st.integers(0, 9), st.booleans())
def test_enums(type_id: int, ordinal: int, binary: bool) -> None:
    assume(type_id)
    value = EnumValue(type_id, ordinal, binary=binary)
    assert decode(encode(value)) == value


def test_object_arrays_and_blobs() -> None:
    data = encode(ObjectArray([1, "a", None], type_id=3), known())
    assert decode(data) == [1, "a", None]
    assert encode(decode(data, lossless=True)) == data
    assert encode(Typed(TypeCode.OBJECT_ARRAY, [1, "a", None])) == encode(ObjectArray([1, "a", None]))
    assert decode(encode(OptimizedBlob(b"\x01\x02"))) == OptimizedBlob(b"\x01\x02")


# --- hostile bytes ------------------------------------------------------------------------------------------

HARMLESS = (Error, MissingFact)
SMALL_VECTORS = [vector for vector in VECTORS if len(vector["hex"]) < 1200]


def _survives(step: Callable[[], Any]) -> None:
    with contextlib.suppress(*HARMLESS):
        step()


@settings(max_examples=400)
@given(
    st.sampled_from(SMALL_VECTORS),
    st.lists(st.tuples(st.integers(0, 600), st.integers(1, 255)), min_size=1, max_size=4),
    st.booleans(),
)
def test_damaged_values(vector: dict[str, Any], damage: list[tuple[int, int]], lossless: bool) -> None:
    data = bytearray(data_of(vector))
    for place, bits in damage:
        data[place % len(data)] ^= bits
    knowledge = knowledge_of(vector)
    _survives(lambda: decode(bytes(data), knowledge, lossless=lossless))
    _survives(lambda: Reader(bytes(data), knowledge).rows(1, 1))
    _survives(lambda: Reader(bytes(data), knowledge).column_codes(1, 1))


codes = st.sampled_from([*range(1, 26), *range(27, 39), 101, 102, 103, 0xFE, 0, 255])
small_counts = st.integers(0, 6).map(lambda count: struct.pack("<i", count))
plausible = st.lists(codes.map(lambda code: bytes([code])) | small_counts | st.binary(max_size=6), max_size=20).map(
    b"".join
)


@settings(max_examples=400)
@given(st.binary(max_size=80) | plausible, st.integers(0, 5), st.integers(0, 4))
def test_random_bytes(data: bytes, row_count: int, column_count: int) -> None:
    knowledge = known()
    _survives(lambda: decode(data, knowledge))
    _survives(lambda: decode(data, knowledge, lossless=True))
    _survives(
        lambda: Page.read(Reader(data, knowledge), column_count).take(row_count, Context((1, 7, 0), 0, None, knowledge))
    )
    reader = Reader(data, knowledge)
    try:
        reader.rows(row_count, column_count)
    except HARMLESS:
        assert reader.position == 0, "the position must not move when rows() raises"
    _survives(lambda: Reader(data, knowledge).column_codes(row_count, column_count))


@settings(max_examples=200)
@given(st.binary(max_size=80) | plausible, st.sampled_from([(1, 7, 0), (1, 3, 0)]))
def test_random_answers(data: bytes, version: tuple[int, int, int]) -> None:
    def exchange_it(received: bytes) -> None:
        exchange = Exchange(Context(version, 0xFFFFF, None, known()))
        pending, _ = exchange.request(SqlFieldsQuery(sql="SELECT 1"))
        exchange.feed(received)
        if pending.is_done:
            answer = exchange.answer(pending)
            answer.page.take(10, exchange.context)

    _survives(lambda: exchange_it(data))
    _survives(lambda: exchange_it(answer_bytes(1, data)))

    def shake_hands() -> None:
        steps = handshake("user", "password")
        next(steps)
        with contextlib.suppress(StopIteration):
            steps.send(data)

    _survives(shake_hands)


COUNTED_CODES = [9, *range(12, 26), 27, 29, 30, 31, 34, 35, 37, 0xFE]


@pytest.mark.parametrize("code", COUNTED_CODES)
def test_a_count_costs_no_memory(code: int) -> None:
    tracemalloc.start()
    try:
        for count in (2**31 - 1, 10**6, -1, -(2**31)):
            # Where the count stands differs: behind the code, a type id, a scale.
            for head in (b"", b"\xff\xff\xff\xff", b"\x01\x00\x00\x00"):
                data = bytes([code]) + head + struct.pack("<i", count) + b"\x01\x65\x65\x65"
                _survives(lambda data=data: decode(data, known()))
                _survives(lambda data=data: Reader(data, known()).rows(1, 1))
                _survives(lambda data=data: Reader(data, known()).column_codes(1, 1))
                _survives(lambda data=data: Page.read(Reader(data[1:], known()), 3))
        assert tracemalloc.get_traced_memory()[1] < 1_000_000
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("code", sorted({*COUNTED_CODES} - {23, 29, 30}))
@pytest.mark.parametrize("count", [2**31 - 1, 9, -1, -(2**31)])
def test_a_count_that_lies_is_a_protocol_error(code: int, count: int) -> None:
    data = bytes([code]) + struct.pack("<i", count) + b"\x01\x65\x65\x65"
    for read in (decode, lambda data: Reader(data, known()).rows(1, 1)):
        with pytest.raises(ProtocolError):
            read(data)


@pytest.mark.parametrize(
    "opening",
    [b"\x18\x01\x00\x00\x00\x01", b"\x17\xff\xff\xff\xff\x01\x00\x00\x00", b"\x19\x01\x00\x00\x00\x01\x65"],
)
@pytest.mark.parametrize("lossless", [True, False])
def test_nesting_is_limited(opening: bytes, lossless: bool) -> None:
    assert decode(opening * 90 + b"\x65", known(), lossless=lossless) is not None
    for data in (opening * 101 + b"\x65", opening * 100_000):
        with pytest.raises(ProtocolError, match="nested more than 100 deep"):
            decode(data, known(), lossless=lossless)
        with pytest.raises(ProtocolError, match="nested more than 100 deep"):
            Reader(data, known()).rows(1, 1)


def test_huge_decimals_are_refused_in_both_directions() -> None:
    magnitude = b"\x7f" * (MAXIMUM_DECIMAL_SIZE + 1)
    with pytest.raises(DataError, match="decimal of 16385 bytes"):
        decode(b"\x1e" + struct.pack("<ii", 0, len(magnitude)) + magnitude)
    with pytest.raises(DataError, match="decimal of 39001 digits"):
        encode(Decimal("1" * 39_001))
    largest = Decimal("9" * 39_000)
    assert decode(encode(largest)) == largest


def test_objects_that_contain_themselves_within_a_set() -> None:
    knowledge = known()
    knowledge.binary_types.add(BinaryType.of("Node", [("next", 103)]))
    nodes = [BinaryObject("Node", {}), BinaryObject("Node", {})]
    for node in nodes:
        node.fields["next"] = node
    value = decode(encode(Collection(nodes, 3), knowledge), knowledge)
    assert [member.next is member for member in value] == [True, True]
    value = decode(encode(MapValue([(node, 1) for node in nodes]), knowledge), knowledge)
    assert [(key.next is key, item) for key, item in value] == [(True, 1), (True, 1)]


def test_handles_must_lead_to_a_value() -> None:
    with pytest.raises(ProtocolError, match="where no value is"):
        decode(b"\x18\x01\x00\x00\x00\x01\x66\x05\x00\x00\x00")
    # Each value of a row stands for itself.
    data = encoded([Collection([], 1)]) + b"\x66\x06\x00\x00\x00"
    with pytest.raises(ProtocolError, match="where no value is"):
        Reader(data, known()).rows(1, 2)


def test_a_page_must_end_where_its_rows_do() -> None:
    context = Context((1, 7, 0), 0, None, known())
    page = Page.read(Reader(page_bytes([[1], [2]]) + b"\x00", context.knowledge), 1)
    assert page.take(1, context) == [(1,)]
    with pytest.raises(ProtocolError, match="1 bytes follow the last row"):
        page.take(1, context)
    for data in (b"\x00\x00\x00\x00\x00\x00", b"\x00\x00\x00\x00", b"\x05\x00\x00\x00\x65\x00"):
        with pytest.raises(ProtocolError):
            Page.read(Reader(data, context.knowledge), 1).take(5, context)


@given(st.lists(st.lists(nested, min_size=2, max_size=2), max_size=6), st.booleans(), st.integers(1, 4))
def test_pages(rows: list[list[Any]], has_more: bool, size: int) -> None:
    context = Context((1, 7, 0), 0, None, known())
    page = Page.read(Reader(page_bytes(rows, has_more=has_more), context.knowledge), 2)
    assert (page.row_count, page.has_more) == (len(rows), has_more)
    codes = page.column_codes(context, 256)
    for column, code in enumerate(codes):
        values = [row[column] for row in rows if row[column] is not None]
        wanted = encoded(values[:1])[0] if values else 101
        assert code & 0xFF == wanted
    taken = []
    while page.row_count:
        taken += page.take(size, context)
    assert identical(taken, [tuple(row) for row in rows])


def test_rows_that_cannot_be_read_leave_the_page_as_it_was() -> None:
    context = Context((1, 7, 0), 0, None, known())
    data = page_bytes([[1], [Instant(2**60, 0)]])
    page = Page.read(Reader(data, context.knowledge), 1)
    with pytest.raises(DataError, match="years 1 to 9999"):
        page.take(2, context)
    assert page.take(1, context) == [(1,)]
    with pytest.raises(DataError):
        page.take(1, context)
    assert page.row_count == 1


def test_the_fields_of_a_reader_are_bounded() -> None:
    for method in (
        "i8",
        "u8",
        "boolean",
        "i16",
        "i32",
        "i64",
        "count",
        "string",
        "byte_array",
        "uuid",
        "raw_uuid",
        "value",
    ):
        with pytest.raises(ProtocolError):
            getattr(Reader(b"", known()), method)()
    for position, end in ((-1, None), (2, None), (0, 2), (1, 0)):
        with pytest.raises(ProtocolError):
            Reader(b"x", known(), position, end)
    writer = Writer(known())
    writer.i16(-2)
    writer.i64(-(2**63))
    writer.boolean(True)
    writer.byte_array(b"ab")
    reader = Reader(bytes(writer.buffer), known())
    assert (reader.i16(), reader.i64(), reader.boolean(), reader.byte_array()) == (-2, -(2**63), True, b"ab")
    assert reader.remaining() == 0


@pytest.mark.parametrize(
    "value",
    [5, Typed(TypeCode.INT, 5), 1.5, True, Decimal("1.5"), "text", date(2024, 1, 1), datetime(2024, 1, 1), UUID(int=1)],
)
def test_nothing_behind_the_end_of_a_page_is_read(value: Any) -> None:
    data = encode(value, known())
    for missing in range(1, len(data)):
        reader = Reader(data + data, known(), 0, len(data) - missing)
        with pytest.raises(ProtocolError):
            reader.rows(1, 1)
        assert reader.position == 0


def test_what_is_wrapped_stands_by_itself() -> None:
    knowledge = known()
    knowledge.binary_types.add(BinaryType.of("In", [("x", 9)]))
    inner = BinaryObject("In", {"x": 1})
    data = encode(Collection([inner, Wrapped(inner), inner]), knowledge)
    first, wrapped, last = decode(data, knowledge)
    assert first == wrapped == last
    assert first is last
    assert wrapped is not first, "no handle leads out of a wrapping"


@pytest.mark.parametrize(
    ("name", "like"),
    [("İ", "i"), ("ΑΣ", "\u03b1\u03c3"), ("FooBar", "foobar"), ("ß", "ß"), ("\U00010400", "\U00010400")],
)
def test_names_are_lower_cased_one_unit_at_a_time(name: str, like: str) -> None:
    assert name_id(name) == string_hash(like)
