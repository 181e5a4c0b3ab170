"""Pages to columns: the same values as rows, in types that hold all of them, in both forms of the codec."""

from __future__ import annotations

import importlib.util
import struct
import sys
from collections.abc import Collection, Sequence
from datetime import date, datetime, time, timedelta
from decimal import Context, Decimal, getcontext, localcontext
from fractions import Fraction
from importlib.metadata import metadata
from pathlib import Path
from types import ModuleType
from typing import Any
from uuid import UUID

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ignite_dbapi import arrow
from ignite_dbapi.errors import DataError, Error, InterfaceError, ProgrammingError, ProtocolError
from ignite_dbapi.protocol import codec
from ignite_dbapi.protocol import context as protocol_context
from ignite_dbapi.protocol.codec import Knowledge, MissingFact, MissingServerFacts, Reader, TypeCode, column_decimals
from ignite_dbapi.protocol.codec import columns as installed
from ignite_dbapi.protocol.codec.column_buffers import ColumnBatch
from ignite_dbapi.protocol.codec.columns import ColumnDecoder
from ignite_dbapi.protocol.codec.values import Instant, NanosecondDatetime, Typed
from ignite_dbapi.protocol.messages.pages import Page
from tests.unit.pages import encoded, known
from tests.unit.test_codec_properties import decimals, identical, plausible, texts, zones

EPOCH = datetime(1970, 1, 1)
CONTEXT = Context(prec=400)
INT, LONG, SHORT, BYTE, FLOAT = TypeCode.INT, TypeCode.LONG, TypeCode.SHORT, TypeCode.BYTE, TypeCode.FLOAT


def integer(code: TypeCode, bits: int) -> st.SearchStrategy[Typed]:
    return st.builds(Typed, st.just(code), st.integers(-(2 ** (bits - 1)), 2 ** (bits - 1) - 1))


# Within what Python's datetime and Arrow's decimals can hold, in whatever zone.
moments = st.datetimes(datetime(2, 1, 1), datetime(9999, 12, 30))
small_decimals = st.builds(
    lambda sign, unscaled, scale: Decimal((sign if unscaled else 0, tuple(map(int, str(unscaled))), -scale)),
    st.integers(0, 1),
    st.integers(0, 300) | st.integers(0, 10**40),
    st.integers(-10, 26),
)
KINDS = (
    integer(BYTE, 8), integer(SHORT, 16), integer(INT, 32), integer(LONG, 64), st.floats(),
    st.floats(width=32).map(lambda value: Typed(FLOAT, value)), st.booleans(), texts, st.uuids(), st.binary(),
    small_decimals, moments, st.dates(date(2, 1, 1)), st.none(),
    st.times().map(lambda value: value.replace(microsecond=value.microsecond // 1000 * 1000)),
)  # fmt: skip


def decode(
    rows: Sequence[Sequence[Any]], knowledge: Knowledge | None = None, pages: int = 1, kinds: Collection[int] = ()
) -> ColumnBatch:
    knowledge = knowledge or known()
    decoder = ColumnDecoder([f"C{index}" for index in range(len(rows[0]))])
    decoder.object_kinds = kinds
    step = max(len(rows) // pages, 1)
    for start in range(0, len(rows), step):
        part = rows[start : start + step]
        body = b"".join(encoded(row, knowledge) for row in part)
        assert decoder.append(body, knowledge, 0, len(body), len(part)) == len(body)
        decoder.prepare()
    assert decoder.row_count == len(rows)
    return decoder.finish()


def column(values: Sequence[Any], knowledge: Knowledge | None = None) -> Any:
    """The Arrow array that one column of *values* becomes."""
    batch = decode([(value,) for value in values], knowledge)
    table = arrow.Tables().make([batch])
    table.validate(full=True)
    return table.column(0).combine_chunks()


def listed(array: Any) -> list[Any]:
    """Python values of an Arrow array, without what datetime cannot hold."""
    if pa.types.is_timestamp(array.type):
        factor = 1000 if array.type.unit == "us" else 1
        return [None if number is None else number * factor for number in array.cast(pa.int64()).to_pylist()]
    return list(array.to_pylist())


def nanoseconds(value: Any) -> Any:
    if not isinstance(value, datetime):
        return value
    microseconds = (value.replace(fold=0) - EPOCH) // timedelta(microseconds=1)
    return microseconds * 1000 + getattr(value, "nanosecond", 0)


def same(left: Any, right: Any) -> bool:
    return left == right if isinstance(left, Decimal) else identical(left, right)


# --- as rows are ----------------------------------------------------------------------------------------------------


@settings(max_examples=300, deadline=None)
@given(st.lists(st.sampled_from(KINDS), min_size=1, max_size=5), zones, st.integers(1, 4), st.data())
def test_columns_are_what_rows_are(kinds: list[Any], zone: str, pages: int, data: st.DataObject) -> None:
    knowledge = known(zone)
    rows = data.draw(st.lists(st.tuples(*(st.none() | kind for kind in kinds)), min_size=1, max_size=12))
    body = b"".join(encoded(row, knowledge) for row in rows)
    expected = Reader(body, knowledge).rows(len(rows), len(kinds))
    table = arrow.Tables().make([decode(rows, knowledge, pages)])
    table.validate(full=True)
    for index, array in enumerate(table.columns):
        values = [nanoseconds(row[index]) for row in expected]
        assert all(map(same, listed(array), values)), (listed(array), values)
        assert array.null_count == values.count(None)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.none() | texts, min_size=1), st.booleans())
@example(["\U0001f600", "a\x00b", "é", "\ud7ff", "\U0010ffff", ""], True)
def test_texts_in_both_string_versions(values: list[str | None], version_2: bool) -> None:
    assert column(values, known(version_2=version_2)).to_pylist() == values


@pytest.mark.parametrize("body", [b"\xff", b"a\xc3", b"\xc0\x81", b"\xf4\x90\x80\x80", b"\xf8aaaa", b"\xe0\x80\x80"])
def test_texts_that_are_none(body: bytes) -> None:
    data = b"\x09" + struct.pack("<i", len(body)) + body
    with pytest.raises(ProtocolError, match="UTF-8"):
        ColumnDecoder(["A"]).append(data, known(), 0, len(data), 1)


def test_texts_with_half_of_a_character() -> None:
    # As nodes with string version 2 may send them; a str can hold that, UTF-8 cannot.
    data = b"\x09\x03\x00\x00\x00\xed\xa0\x80"
    assert Reader(data, known()).rows(1, 1) == [("\ud800",)]
    with pytest.raises(DataError, match=r"column 'A', row 0 .*surrogate"):
        ColumnDecoder(["A"]).append(data, known(), 0, len(data), 1)


def test_types() -> None:
    row = (
        Typed(BYTE, 1), Typed(SHORT, 1), Typed(INT, 1), 1, Typed(FLOAT, 1.0), 1.0, True, "a", UUID(int=1), b"a",
        Decimal("1.50"), datetime(2024, 1, 1), date(2024, 1, 1), time(1), None, Typed(TypeCode.DATE, 0),
        Typed(TypeCode.CHAR, "x"),
    )  # fmt: skip
    table = arrow.Tables().make([decode([row])])
    assert table.schema.types == [
        pa.int8(), pa.int16(), pa.int32(), pa.int64(), pa.float32(), pa.float64(), pa.bool_(), pa.string(), pa.uuid(),
        pa.binary(), pa.decimal128(38, 2), pa.timestamp("us"), pa.date32(), pa.time64("us"), pa.null(),
        pa.timestamp("us"), pa.string(),
    ]  # fmt: skip


def test_no_rows_and_no_values() -> None:
    decoder = ColumnDecoder(["A", "A"])
    empty = arrow.Tables().make([decoder.finish()])
    assert (empty.num_rows, empty.schema.names, empty.schema.types) == (0, ["A", "A"], [pa.null()] * 2)
    late = column([None] * 9 + [5])
    assert late.to_pylist() == [None] * 9 + [5]
    assert column([None, None]).type == pa.null()


# --- columns of several types ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("values", "arrow_type"),
    [
        ([Typed(BYTE, -1), Typed(INT, 7), None, Typed(SHORT, -300)], pa.int32()),
        ([Typed(INT, 7), None, 2**62, Typed(BYTE, -1), Typed(INT, -5)], pa.int64()),
        ([2**62, Typed(INT, 7), Typed(SHORT, -300), Typed(BYTE, -1)], pa.int64()),
        ([Typed(FLOAT, 0.5), 0.1, None, Typed(FLOAT, 0.25)], pa.float64()),
        ([0.1, Typed(FLOAT, 0.5)], pa.float64()),
        ([Typed(INT, 7), None, 0.5, 2**53], pa.float64()),
        ([Typed(FLOAT, 0.5), Typed(INT, 2**31 - 1)], pa.float64()),
        ([Typed(INT, 7), Typed(FLOAT, 0.5)], pa.float64()),
        ([Typed(INT, -128), None, Decimal("0.25"), 2**62, Typed(BYTE, -128)], pa.decimal128(38, 2)),
        ([Decimal("0.25"), -(2**63), Decimal("1E+3"), Decimal("0.125")], pa.decimal128(38, 3)),
        ([Decimal(10**36), Decimal("0.125")], pa.decimal256(76, 3)),
        ([Decimal(10**38 - 1)], pa.decimal128(38, 0)),
        ([Decimal(-(10**38) + 1)], pa.decimal128(38, 0)),
        ([Decimal(10**38)], pa.decimal256(76, 0)),
        ([Decimal("1E-60"), Decimal("-" + "9" * 16)], pa.decimal256(76, 60)),
        ([Decimal("1E-38")], pa.decimal128(38, 38)),
        ([Decimal(0), Decimal("0.00"), Decimal("-1")], pa.decimal128(38, 2)),
        ([Typed(TypeCode.CHAR, "x"), "yz", Typed(TypeCode.CHAR, "é")], pa.string()),
    ],
)
def test_widened_columns(values: list[Any], arrow_type: pa.DataType) -> None:
    array = column(values)
    assert array.type == arrow_type
    assert array.to_pylist() == [value.value if isinstance(value, Typed) else value for value in values]


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ([Typed(INT, 7), "x"], "row 1 .*VARCHAR .*INTEGER"),
        (["x", True], "row 1 .*BOOLEAN .*VARCHAR"),
        ([0.5, 2**53 + 1], "row 1 .*9007199254740993, which no DOUBLE is equal to"),
        ([2**53 + 1, None, 0.5], "row 2 .*numbers that no DOUBLE is equal to"),
        ([0.5, Decimal("0.1")], "row 1 .*DECIMAL .*DOUBLE"),
        ([Decimal("0.1"), 0.5], "row 1 .*DOUBLE .*DECIMAL"),
        ([date(2024, 1, 1), datetime(2024, 1, 1)], "row 1 .*TIMESTAMP .*DATE"),
        ([time(1), date(2024, 1, 1)], "row 1 .*DATE .*TIME"),
        ([UUID(int=1), b"x"], "row 1 .*VARBINARY .*UUID"),
        (["x", [1]], "row 1 .*object .*VARCHAR"),
        (["x", Typed(TypeCode.CHAR, "\ud800")], "row 1 .*surrogate"),
    ],
)
def test_columns_that_no_type_holds(values: list[Any], text: str) -> None:
    with pytest.raises(DataError, match=f"column 'C0', {text}") as caught:
        decode([(value,) for value in values])
    assert caught.value.code == "mixed_column"


def test_decimals_that_are_too_long() -> None:
    data = b"\x1e" + struct.pack("<ii", 0, 20_000) + bytes(20_000)
    decoder = ColumnDecoder(["A"])
    with pytest.raises(DataError, match=r"column 'A', row 0 .*decimal of 20000 bytes"):
        decoder.append(data, known(), 0, len(data), 1)
    with pytest.raises(ProtocolError, match="without magnitude"):
        decoder.append(b"\x1e" + bytes(8), known(), 0, 9, 1)


@settings(max_examples=300, deadline=None)
@given(st.lists(st.none() | small_decimals | decimals.filter(lambda value: abs(value.adjusted()) < 80), min_size=1))
@example([Decimal("9" * 38), Decimal("-" + "9" * 38)])
@example([Decimal("9" * 76)])
@example([Decimal("9223372036854775807"), Decimal("-922337203685477580.7"), Decimal("0.01")])
def test_decimals_keep_every_digit(values: list[Decimal | None]) -> None:
    present = [value for value in values if value is not None]
    scale = max([-int(value.as_tuple().exponent) for value in present] + [0])
    digits = max((len(str(int(value.scaleb(scale, CONTEXT)))) for value in present if value), default=0)
    digits -= any(value < 0 for value in present)
    batch = [(value,) for value in values]
    largest = max((abs(int(value.scaleb(scale, CONTEXT))) for value in present), default=0)
    if scale > 76 or largest >= 10**76:
        with pytest.raises(DataError, match=r"column 'C0', row .*76 digits") as caught:
            decode(batch)
        assert caught.value.code == "value_not_representable"
        return
    array = column(values)
    assert array.to_pylist() == values
    assert numpy_of(values).tolist() == values
    if present:
        wide = scale > 38 or largest >= 10**38
        assert array.type == (pa.decimal256(76, scale) if wide else pa.decimal128(38, scale))


def fixed_decimals(pages: list[list[Decimal | None]]) -> pa.Array | str:
    """The column of the decimals of *pages*, which come one after the other; or the error that there is instead."""
    decoder = ColumnDecoder(["A"])
    for page in pages:
        body = encoded(page)
        decoder.append(body, known(), 0, len(body), len(page))
    for _ in range(2):  # whoever asks again is told again
        try:
            return arrow.Tables().make([decoder.finish()]).column("A").combine_chunks()
        except DataError as error:
            message = str(error)
    return message


@settings(max_examples=300, deadline=None)
@given(
    st.lists(
        st.lists(st.none() | small_decimals | decimals.filter(lambda value: abs(value.adjusted()) < 80), min_size=1),
        min_size=1,
    )
)
@example([[Decimal(1), None], [Decimal("0.01"), Decimal(0)], [Decimal("-1E-40")], [Decimal(7)]])
@example([[Decimal("1.5")], [Decimal("9" * 38)], [Decimal("9" * 75)], [Decimal("9" * 77), Decimal(1)]])
@example([[Decimal("1.5")], [Decimal("9" * 77)], [Decimal("1E-77")], [Decimal(2)]])
def test_decimals_that_come_in_pages(pages: list[list[Decimal | None]]) -> None:
    assert fixed_decimals(pages) == fixed_decimals([[value for page in pages for value in page]])


# --- times ----------------------------------------------------------------------------------------------------------


def test_nanoseconds() -> None:
    fine = NanosecondDatetime.from_datetime(datetime(2024, 1, 2, 3, 4, 5, 678901), 234)
    values = [datetime(1969, 1, 1), None, fine, datetime(2200, 1, 1)]
    array = column(values, known("America/New_York"))
    assert array.type == pa.timestamp("ns")
    assert listed(array) == [nanoseconds(value) for value in values]


@pytest.mark.parametrize("is_first", [True, False])
def test_nanoseconds_out_of_range(is_first: bool) -> None:
    fine = NanosecondDatetime.from_datetime(datetime(2024, 1, 2), 1)
    far = datetime(1600, 1, 1)
    with pytest.raises(DataError, match=r"column 'C0', row \d .*64 bits of nanoseconds") as caught:
        column([far, fine] if is_first else [fine, far])
    assert f"row {0 if is_first else 1} " in str(caught.value)


def test_instants_beyond_what_python_can_hold() -> None:
    # Year 100000, which rows cannot show, fits; 64 bits of milliseconds do not.
    fits, beyond = Typed(TypeCode.TIMESTAMP, Instant(3_093_527_980_800_000)), Typed(TypeCode.TIMESTAMP, Instant(2**62))
    assert listed(column([fits])) == [3_093_527_980_800_000 * 10**6]
    with pytest.raises(DataError, match="row 0"):
        column([beyond])


@pytest.mark.parametrize("zone", ["America/New_York", "Africa/Casablanca", "Asia/Tokyo", "UTC", "GMT+05:30"])
def test_days_on_which_the_clocks_change(zone: str) -> None:
    hours = [
        EPOCH + timedelta(days=days, hours=hour)
        for days in (-40_000, -25_568, 19_790, 20_030, 60_000)
        for hour in range(0, 99, 5)
    ]
    instants = [(moment - EPOCH) // timedelta(milliseconds=1) for moment in hours]
    knowledge = known(zone)
    rows = [
        (Typed(TypeCode.TIMESTAMP, Instant(ms, 999_000)), Typed(TypeCode.OPTIMIZED, ms), Typed(TypeCode.TIME, ms))
        for ms in instants * 2
    ]
    body = b"".join(encoded(row, knowledge) for row in rows)
    expected = Reader(body, knowledge).rows(len(rows), 3)
    table = arrow.Tables().make([decode(rows, knowledge)])
    assert listed(table.column(0)) == [nanoseconds(row[0]) for row in expected]
    assert table.column(1).to_pylist() == [row[1] for row in expected]
    assert table.column(2).to_pylist() == [row[2] for row in expected]


# --- nothing is left half done --------------------------------------------------------------------------------------


def test_asks_for_the_zone_and_goes_on() -> None:
    row = (None, "text", datetime(2024, 1, 1), Decimal("1.5"))
    body = encoded(row) * 2
    decoder = ColumnDecoder(list("ABCD"))
    unknowing = Knowledge()
    with pytest.raises(MissingServerFacts):
        decoder.append(body, unknowing, 0, len(body), 2)
    assert decoder.row_count == 0
    assert decoder.append(body, known(), 0, len(body), 2) == len(body)
    assert decoder.append(body, known(), 0, len(body), 1) == len(body) // 2
    assert arrow.Tables().make([decoder.finish()]).to_pylist() == [dict(zip("ABCD", row, strict=True))] * 3


def test_a_message_that_ends_early() -> None:
    row = (Typed(INT, 1), 2, "text", 0.5, Decimal("-1.5"), datetime(2024, 1, 1), date(2024, 1, 1), time(1), True,
           UUID(int=1), b"x", None, Typed(SHORT, 1), Typed(FLOAT, 0.5), [1])  # fmt: skip
    good = encoded(row)
    for end in range(len(good)):
        decoder = ColumnDecoder([f"C{index}" for index in range(len(row))])
        decoder.append(good, known(), 0, len(good), 1)
        with pytest.raises(ProtocolError):
            decoder.append(good, known(), 0, end, 1)
        assert decoder.row_count == 1
        decoder.append(good, known(), 0, len(good), 1)
        shown = arrow.NumpyArrays().make([decoder.finish()])
        assert [values.tolist() for values in shown.values()][2:5] == [["text"] * 2, [0.5] * 2, [Decimal("-1.5")] * 2]


@settings(max_examples=500)
@given(st.binary(max_size=60) | plausible, st.integers(-1, 4), st.integers(1, 4))
def test_random_bytes(body: bytes, rows: int, columns: int) -> None:
    decoder = ColumnDecoder([f"C{index}" for index in range(columns)])
    reader = Reader(body, known())
    try:
        expected = reader.rows(rows, columns)
    except (Error, MissingFact):
        expected = None
    try:
        position = decoder.append(body, known(), 0, len(body), rows)
    except (Error, MissingFact):
        assert decoder.row_count == 0
        return
    assert decoder.row_count == rows
    if expected is not None:
        assert position == reader.position


def test_batches_keep_their_types_and_row_numbers() -> None:
    decoder = ColumnDecoder(["A", "B", "C"])
    for row in ((2**40, Decimal("0.125"), "x"), (Typed(INT, 3), Decimal(1), None), (None, None, None)):
        body = encoded(row)
        decoder.append(body, known(), 0, len(body), 1)
        batch = decoder.finish()
        table = arrow.Tables().make([batch])
        assert table.schema.types == [pa.int64(), pa.decimal128(38, 3), pa.string()]
        assert list(table.to_pylist()[0].values()) == [getattr(value, "value", value) for value in row]
    body = encoded(["x", None, None])
    with pytest.raises(DataError, match="column 'A', row 3 "):
        decoder.append(body, known(), 0, len(body), 1)


# --- what users get -------------------------------------------------------------------------------------------------


def batches_of(*parts: Sequence[Any]) -> list[ColumnBatch]:
    decoder = ColumnDecoder(["A"])
    batches = []
    for part in parts:
        body = encoded(part)
        decoder.append(body, known(), 0, len(body), len(part))
        batches.append(decoder.finish())
    return batches


def test_tables_of_several_batches_have_the_widest_type() -> None:
    table = arrow.Tables().make(batches_of([None], [Typed(INT, 1)], [2**40], [Decimal("0.5")]))
    assert table.column("A").to_pylist() == [None, 1, 2**40, Decimal("0.5")]
    assert table.schema.types == [pa.decimal128(38, 1)]


def test_streams_keep_the_types_of_the_first_batch() -> None:
    maker = arrow.RecordBatches()
    first, second, third, fourth = batches_of([Typed(INT, 1)], [5], [None], [Typed(INT, 1), 2**40])
    types = {maker.make([batch]).schema.types[0] for batch in (first, second, third)}
    assert types == {pa.int32()}
    with pytest.raises(DataError, match=r"column 'A', row 4 .*1099511627776 does not fit .* int32") as caught:
        maker.make([fourth])
    assert caught.value.code == "column_type"
    maker = arrow.RecordBatches({"A": pa.int64()})
    assert [maker.make([batch]).column(0).to_pylist() for batch in (first, fourth)] == [[1], [1, 2**40]]
    maker = arrow.RecordBatches()
    with pytest.raises(DataError, match=r"column 'A', row 1 .*'x' does not fit the column's type null"):
        [maker.make([batch]) for batch in batches_of([None], ["x"])]
    maker = arrow.RecordBatches(pa.schema([("A", pa.string())]))
    texts_ = [maker.make([batch]).column(0).to_pylist() for batch in batches_of([None], [UUID(int=7)])]
    assert texts_ == [[None], ["00000000-0000-0000-0000-000000000007"]]
    with pytest.raises(DataError, match=r"row 2 .*Decimal\('1.25'\) does not fit"):
        arrow.Tables({"A": pa.decimal128(10, 1)}).make(batches_of([None, Decimal("1.50"), Decimal("1.25")]))


# decimal128 holds all of these; cast to what has too few digits before the point, pyarrow makes other numbers of them.
@pytest.mark.parametrize("value", [Decimal(10813000843341196513), Decimal(-(10**18)), Decimal(10**37)])
@pytest.mark.parametrize("wanted", [pa.decimal128(38, 20), pa.decimal256(76, 58)])
def test_decimals_that_a_schema_has_no_room_for(value: Decimal, wanted: pa.DataType) -> None:
    batch = decode([(Decimal(1),), (value,), (None,)])
    with pytest.raises(DataError, match=rf"column 'C0', row 1 .*{value}.* does not fit") as caught:
        arrow.Tables({"C0": wanted}).make([batch])
    assert caught.value.code == "column_type"


@given(
    st.lists(small_decimals | st.integers(-(2**63), 2**63 - 1), min_size=1, max_size=4),
    st.integers(1, 76),
    st.integers(0, 40),
)
def test_a_schema_changes_no_number(values: list[Any], precision: int, scale: int) -> None:
    wanted = pa.decimal256(precision, scale) if precision > 38 else pa.decimal128(precision, scale)
    try:
        made = arrow.Tables({"C0": wanted}).make([decode([(value,) for value in values])]).column(0)
    except DataError:
        assert any(abs(value) >= CONTEXT.power(10, precision - scale) for value in values) or any(
            Fraction(value) * 10**scale % 1 for value in values
        )
    else:
        assert made.to_pylist() == values


def test_whole_numbers_fit_into_every_decimal_that_holds_them() -> None:
    batch = decode([(2**40,), (Typed(LONG, -7),), (None,)])
    table = arrow.Tables({"C0": pa.decimal128(18, 4)}).make([batch])
    assert table.column(0).to_pylist() == [Decimal(2**40), Decimal(-7), None]
    with pytest.raises(DataError, match="column 'C0', row 0 "):
        arrow.Tables({"C0": pa.decimal128(18, 6)}).make([batch])


def test_schema_of_unknown_columns() -> None:
    with pytest.raises(ProgrammingError, match="schema names 'B', but the columns of the result are 'A'") as caught:
        arrow.Tables({"B": pa.int64()}).check(["A"])
    assert caught.value.code == "unknown_column"


def test_objects() -> None:
    body = encoded([None, [1, "a"], {"k": 2}])
    decoder = ColumnDecoder(["A"])
    decoder.holds_objects = False
    with pytest.raises(DataError, match=r"column 'A', row 1 .*object") as caught:
        decoder.append(body, known(), 0, len(body), 3)
    assert caught.value.code == "column_of_objects"
    decoder.holds_objects = True
    decoder.append(body, known(), 0, len(body), 3)
    batches = [decoder.finish()]
    # Fetched for NumPy by a call that was given up, and then as Arrow.
    for maker in (arrow.Tables(), arrow.RecordBatches()):
        with pytest.raises(DataError, match=r"column 'A', row 1 .*: Arrow has no type") as caught:
            maker.make(batches)
        assert caught.value.code == "column_of_objects"
    assert arrow.NumpyArrays().make(batches)["A"].tolist() == [None, [1, "a"], {"k": 2}]
    assert arrow.DataFrames().make(batches)["A"].tolist() == [None, [1, "a"], {"k": 2}]


def numpy_of(values: Sequence[Any]) -> Any:
    return arrow.NumpyArrays().make([decode([(value,) for value in values])])["C0"]


def test_numpy() -> None:
    integers = numpy_of([Typed(INT, 1), None])
    assert (integers.dtype, integers.tolist(), integers.mask.tolist()) == ("int32", [1, None], [False, True])
    assert not np.ma.isMaskedArray(numpy_of([1, 2]))
    assert numpy_of([True, None, False]).tolist() == [True, None, False]
    assert np.array_equal(numpy_of([0.5, None]), [0.5, np.nan], equal_nan=True)
    stamps = numpy_of([datetime(2024, 1, 1), None])
    assert (stamps.dtype, np.isnat(stamps).tolist()) == ("datetime64[us]", [False, True])
    assert numpy_of([date(2024, 1, 1), None]).tolist() == [date(2024, 1, 1), None]
    assert numpy_of([None, "é", ""]).tolist() == [None, "é", ""]
    for values in (
        [None, Decimal("1.50")],
        [UUID(int=3), None],
        [b"", None],
        [time(1, 2, 3, 4000), None],
        [None, None],
    ):
        array = numpy_of(values)
        assert (array.dtype, array.tolist()) == (object, values)
    # What is computed with it may be written to it.
    array = numpy_of([1.5])
    array += 1
    assert array.tolist() == [2.5]


WORDS = ["a", "", "é", "\U0001f40d", "\0", None]
DECIMALS = [Decimal(text) for text in ("0", "1.5", "-2", "0.25", f"{10**37}", f"-{2**63}", "1E+3")]
DIGITS = Decimal("0." + "1" * 50)
TIMES = [time(23, 59, 59, 999000), time(), time(12, 30), None]


@pytest.mark.parametrize(
    "values",
    [
        WORDS,
        [b"", b"\0x", None, bytes(300)],
        [None, *DECIMALS, None],
        # The scale grows with the second and the third page, and needs more than 128 bits in the end.
        [Decimal(3), None, Decimal("-0.5"), None, DIGITS, -DIGITS],
        [UUID(int=2**127 + 1), None, UUID(int=0)],
        TIMES,
        # Before the first decimal there are other numbers, or nothing.
        [Typed(INT, 7), 8, Decimal("1.5"), None],
        [None, None, None, "x"],
    ],
    ids=str,
)
def test_objects_are_made_as_pages_come(values: list[Any]) -> None:
    rows = [(value,) for value in values]
    at_once, *by_pages = (
        arrow.NumpyArrays().make([decode(rows, pages=pages, kinds=kinds)])["C0"].tolist()
        for pages in (1, 2, 3, len(rows))
        for kinds in ((), arrow.NumpyArrays.object_kinds)
    )
    wanted = [value.value if isinstance(value, Typed) else value for value in values]
    assert at_once == wanted
    for made in by_pages:
        assert [repr(value) for value in made] == [repr(value) for value in at_once]


def test_objects_of_rows_that_were_decoded_before() -> None:
    # By a fetch that wanted no objects, and was given up.
    decoder = ColumnDecoder(["A", "B"])
    rows: list[list[Any]] = [["x", Decimal("1.5")], [None, Decimal(2)], ["z", None]]
    for number, row in enumerate(rows):
        decoder.object_kinds = arrow.NumpyArrays.object_kinds if number == 1 else ()
        body = encoded(row)
        decoder.append(body, known(), 0, len(body), 1)
        decoder.prepare()
    decoder.object_kinds = arrow.NumpyArrays.object_kinds
    made = arrow.NumpyArrays().make([decoder.finish()])
    assert made["A"].tolist() == ["x", None, "z"]
    assert list(map(str, made["B"])) == ["1.5", "2.0", "None"]


def test_objects_of_a_page_that_is_damaged_are_not_kept() -> None:
    decoder = ColumnDecoder(["A"])
    decoder.object_kinds = arrow.NumpyArrays.object_kinds
    good, bad = encoded(["x", "y"]), encoded(["z", Typed(INT, 1)])
    decoder.append(good, known(), 0, len(good), 2)
    decoder.prepare()
    with pytest.raises(DataError, match="column 'A', row 3 "):
        decoder.append(bad, known(), 0, len(bad), 2)
    decoder.append(good, known(), 0, len(good), 2)
    assert arrow.NumpyArrays().make([decoder.finish()])["A"].tolist() == ["x", "y", "x", "y"]


@pytest.mark.parametrize("step", ["add_objects", "fix_decimals", "_rescaled"])
def test_a_fetch_that_is_interrupted_has_its_rows_once(step: str, monkeypatch: pytest.MonkeyPatch) -> None:
    rows: list[Any] = [Decimal("1.5"), None, Decimal("-0.25")]
    decoder = ColumnDecoder(["A"])
    decoder.object_kinds = arrow.NumpyArrays.object_kinds
    body = encoded(rows)
    pages = [Page(body, 0, len(body), len(rows), 1, has_more) for has_more in (True, False)]
    context = protocol_context.Context((1, 7, 0), knowledge=known())
    pages[0].take_columns(len(rows), decoder, context)
    interrupted = []
    module = column_decimals if step == "_rescaled" else installed
    original = getattr(module, step)

    def interrupt(*arguments: Any) -> Any:
        if not interrupted:
            interrupted.append(step)
            raise TimeoutError
        return original(*arguments)

    monkeypatch.setattr(module, step, interrupt)
    with pytest.raises(TimeoutError):
        pages[1].take_columns(len(rows), decoder, context)
    assert interrupted
    assert (pages[1].row_count, decoder.row_count) == (0, 6)
    assert arrow.NumpyArrays().make([decoder.finish()])["A"].tolist() == rows * 2


def test_making_objects_leaves_the_context_of_decimals_alone() -> None:
    context = getcontext().copy()
    with localcontext(prec=3):
        assert numpy_of([Decimal("1.23456789")])[0] == Decimal("1.23456789")
        assert getcontext().prec == 3
    assert repr(getcontext()) == repr(context)


def test_numpy_of_several_batches() -> None:
    plain = arrow.NumpyArrays().make(batches_of([1, 2], [3]))["A"]
    assert (type(plain), plain.tolist()) == (np.ndarray, [1, 2, 3])
    masked = arrow.NumpyArrays().make(batches_of([1, 2], [None]))["A"]
    assert (masked.tolist(), masked.mask.tolist()) == ([1, 2, None], [False, False, True])
    with pytest.raises(DataError, match="column 'A' has values of several types"):
        arrow.NumpyArrays().make(batches_of([Typed(INT, 1)], [2**40]))


def test_numpy_and_names_that_occur_twice() -> None:
    with pytest.raises(ProgrammingError, match="'A'") as caught:
        arrow.NumpyArrays().check(["A", "B", "A"])
    assert caught.value.code == "duplicate_column"


def frame_of(rows: Sequence[Sequence[Any]], backend: str | None = None) -> pd.DataFrame:
    frame: pd.DataFrame = arrow.DataFrames(backend).make([decode(rows)])
    return frame


def test_pandas() -> None:
    frame = frame_of([(2**60 + 1, 1, "x", UUID(int=1), True, 0.5), (None, 2, None, None, None, None)])
    assert [str(dtype) for dtype in frame.dtypes.iloc[[0, 1, 3, 4, 5]]] == [
        "Int64",
        "int64",
        "object",
        "boolean",
        "float64",
    ]
    assert frame["C0"].tolist() == [2**60 + 1, pd.NA]
    assert frame["C3"].tolist() == [UUID(int=1), None]
    texts_and_decimals = frame_of([("x", Decimal("1.5")), (None, None)])
    assert texts_and_decimals["C0"].dtype == pd.Series(["x", None]).dtype
    assert texts_and_decimals["C1"].tolist() == [Decimal("1.5"), None]
    assert str(frame_of([("x", Decimal("1.5"))], "pyarrow").dtypes["C1"]) == "decimal128(38, 1)[pyarrow]"
    assert frame_of([("x", UUID(int=1))], "pyarrow").dtypes["C1"] == pd.ArrowDtype(pa.uuid())
    assert str(frame_of([("x", 1)], "pyarrow").dtypes["C1"]) == "int64[pyarrow]"
    assert str(frame_of([("x", 1)], "numpy_nullable").dtypes["C1"]) == "Int64"
    with pytest.raises(ProgrammingError, match="dtype_backend 'polars'"):
        arrow.DataFrames("polars")
    decoder = ColumnDecoder(["A", "A"])
    body = encoded([1, "x"])
    decoder.append(body, known(), 0, len(body), 1)
    twice = arrow.DataFrames().make([decoder.finish()])
    assert (list(twice.columns), twice.iloc[0].tolist()) == (["A", "A"], [1, "x"])


@pytest.mark.parametrize(
    ("package", "extra", "make"),
    [("pyarrow", "arrow", arrow.Tables), ("numpy", "numpy", arrow.NumpyArrays), ("pandas", "pandas", arrow.DataFrames)],
)
def test_missing_packages(package: str, extra: str, make: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(InterfaceError, match=rf"'{package}', .* pip install 'ignite-dbapi\[{extra}\]'") as caught:
        make()
    assert caught.value.code == "missing_package"
    assert extra in (metadata("ignite-dbapi").get_all("Provides-Extra") or [])


# --- compiled and interpreted ---------------------------------------------------------------------------------------


def interpreted_form(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"interpreted_{name}", Path(codec.__file__).with_name(f"{name}.py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    assert module.COMPILED is False
    return module


@pytest.fixture(scope="module")
def interpreted() -> Any:
    if not installed.COMPILED:
        pytest.skip("the codec is not compiled here")
    columns: Any = interpreted_form("columns")
    decimals = interpreted_form("column_decimals")
    columns.fix_decimals, columns.fixed_decimals = decimals.fix_decimals, decimals.fixed_decimals
    columns.add_objects = interpreted_form("column_objects").add_objects
    return columns


def outcome(module: ModuleType, bodies: Sequence[tuple[bytes, int]], columns: int, knowledge: Knowledge) -> Any:
    """Everything that can be seen of decoding *bodies*, errors and types and buffers."""
    decoder = module.ColumnDecoder([f"C{index}" for index in range(columns)])
    decoder.object_kinds = arrow.NumpyArrays.object_kinds
    seen: list[Any] = []
    for body, rows in bodies:
        try:
            seen.append(decoder.append(body, knowledge, 0, len(body), rows))
            decoder.prepare()
        except (Error, MissingFact) as error:
            # Only the texts of truncated messages differ: each form notices it in its own place.
            seen.append((type(error), getattr(error, "code", None), "" if type(error) is ProtocolError else str(error)))
    try:
        batch = decoder.finish()
    except Error as error:
        return seen, str(error)
    shown = [
        (item.kind, item.null_count, item.validity, bytes(item.values), item.offsets, repr(item.objects), item.unit,
         item.scale, item.width)
        for item in batch.columns
    ]  # fmt: skip
    return seen, batch.row_count, shown


mixed = st.one_of(*KINDS, decimals, st.builds(Instant, st.integers(-(2**62), 2**62), st.integers(0, 999_999)))


@settings(max_examples=500, deadline=None)
@given(st.lists(st.lists(mixed, min_size=2, max_size=2), min_size=1, max_size=8), zones, st.data())
def test_both_forms_are_the_same(
    interpreted: ModuleType, rows: list[list[Any]], zone: str, data: st.DataObject
) -> None:
    knowledge = known(zone)
    one_kind = data.draw(st.booleans())
    if one_kind:
        rows = [[rows[0][0], rows[0][1]] for _ in rows]
    body = b"".join(encoded(row, knowledge) for row in rows)
    cut = body[: data.draw(st.integers(0, len(body)))]
    damaged = bytearray(body)
    for place in data.draw(st.lists(st.integers(0, len(body) - 1), max_size=3)):
        damaged[place] = data.draw(st.integers(0, 255))
    bodies = [(body, len(rows)), (cut, len(rows)), (bytes(damaged), len(rows)), (body, len(rows) // 2)]
    assert outcome(installed, bodies, 2, knowledge) == outcome(interpreted, bodies, 2, knowledge)


@settings(max_examples=1000, deadline=None)
@given(st.lists(st.binary(max_size=60) | plausible, min_size=1, max_size=3), st.integers(-1, 4), st.integers(1, 4))
def test_both_forms_are_the_same_for_random_bytes(
    interpreted: ModuleType, bodies: list[bytes], rows: int, columns: int
) -> None:
    pages = [(body, rows) for body in bodies]
    assert outcome(installed, pages, columns, known()) == outcome(interpreted, pages, columns, known())
