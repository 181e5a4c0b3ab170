"""Rows to entries: the bytes are those of objects that the writer makes, and both forms make the same."""

from __future__ import annotations

import importlib.util
import random
import sys
from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from types import ModuleType
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ignite_dbapi import row_sources
from ignite_dbapi.errors import DataError, Error, IntegrityError, ProgrammingError
from ignite_dbapi.protocol import codec
from ignite_dbapi.protocol.codec import BinaryType, Knowledge, MissingServerFacts, TypeCode, Writer, decode
from ignite_dbapi.protocol.codec import table_rows as installed
from ignite_dbapi.protocol.codec.clock import clock_for
from ignite_dbapi.protocol.codec.names import name_id
from ignite_dbapi.protocol.codec.table_columns import (
    BINARIES,
    INTEGERS,
    OBJECTS,
    TEXTS,
    ColumnBlock,
    ColumnValues,
    EntryPart,
    RowBlock,
    TableColumn,
)
from ignite_dbapi.protocol.codec.values import BinaryObject, Instant, NanosecondDatetime, Typed
from tests.unit.test_codec_properties import decimals, texts, zones


def _load_interpreted() -> ModuleType:
    path = Path(codec.__file__).with_name("table_rows.py")
    spec = importlib.util.spec_from_file_location("interpreted_table_rows", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


FORMS = [installed, _load_interpreted()] if installed.COMPILED else [installed]
form = pytest.mark.parametrize("module", FORMS, ids=lambda module: "compiled" if module.COMPILED else "interpreted")

CODES = (
    TypeCode.BOOL, TypeCode.BYTE, TypeCode.SHORT, TypeCode.INT, TypeCode.LONG, TypeCode.FLOAT, TypeCode.DOUBLE,
    TypeCode.STRING, TypeCode.BYTE_ARRAY, TypeCode.DECIMAL, TypeCode.OPTIMIZED, TypeCode.TIME, TypeCode.TIMESTAMP,
    TypeCode.UUID, TypeCode.DATE,
)  # fmt: skip
NAMES = [f"C{place}" for place in range(len(CODES))]

milliseconds = st.times().map(lambda value: value.replace(microsecond=value.microsecond // 1000 * 1000))
moments = st.datetimes(datetime(1, 1, 3), datetime(9999, 12, 29))
# Arrow's wall clock does not tell which of the two hours is meant that a change of the clocks repeats.
arrow_moments = moments.map(lambda value: value.replace(fold=0))
days = st.dates(date(1, 1, 3), date(9999, 12, 29))
STRATEGIES = (
    st.booleans(), st.integers(-128, 127), st.integers(-(2**15), 2**15 - 1), st.integers(-(2**31), 2**31 - 1),
    st.integers(-(2**63), 2**63 - 1), st.floats(width=32), st.floats(), texts, st.binary(max_size=300), decimals,
    st.dates(date(1, 1, 3), date(9999, 12, 29)), milliseconds, moments, st.uuids(),
    moments.map(lambda value: value.replace(microsecond=0)),
)  # fmt: skip
rows_of_all = st.lists(st.tuples(*(st.none() | strategy for strategy in STRATEGIES)), min_size=1, max_size=4)
# What may come where a value is expected.
anything = st.one_of(
    *STRATEGIES, st.none(), st.text(max_size=5), st.integers(),
    st.builds(Instant, st.integers(), st.integers(0, 10**6)),
    st.datetimes(timezones=st.just(UTC)), st.timedeltas(), st.lists(st.integers(), max_size=2), st.just(object),
    st.sampled_from([Decimal("NaN"), Decimal("-0.00"), Decimal("1E+5"), Decimal("1E-30"), 10**40, float("nan"),
                     "\ud800",
                     NanosecondDatetime.from_datetime(datetime(2020, 1, 2), 789), Typed(TypeCode.INT, 5)]),
)  # fmt: skip


def known(zone: str = "UTC", *, is_compact: bool = True, is_string_version_2: bool = False) -> Knowledge:
    knowledge = Knowledge(clock_for(zone), is_string_version_2, is_compact)
    for type_name, codes in (("Key", (TypeCode.INT, TypeCode.STRING)), ("Value", CODES)):
        names = [f"K{place}" for place in range(2)] if type_name == "Key" else NAMES
        registered = [103 if code == TypeCode.OPTIMIZED else code for code in codes]
        knowledge.binary_types.add(BinaryType.of(type_name, zip(names, registered, strict=True)))
    return knowledge


def column(name: str, code: int | None, place: int, **facts: Any) -> TableColumn:
    return TableColumn(name, code, "ANY", place, **facts)


def object_of(type_name: str, columns: Sequence[TableColumn]) -> EntryPart:
    return EntryPart(tuple(columns), name_id(type_name), tuple(name_id(one.name) for one in columns))


def plain_key() -> EntryPart:
    return EntryPart((column("ID", TypeCode.INT, 0),))


def encode(module: ModuleType, knowledge: Knowledge, value: EntryPart, rows: list[Any]) -> bytes:
    width = 1 + sum(one.place >= 0 for one in value.columns)
    encoder = module.RowEncoder(knowledge, plain_key(), value, [f"C{place}" for place in range(width)])
    encoder.encode(RowBlock(rows, 0), 1 << 20, 1 << 30)
    return bytes(encoder.take())


def canonical(code: TypeCode, value: Any) -> Any:
    """*value* as an INSERT through H2 writes it: one NaN, and in REAL one zero."""
    if not isinstance(value, float):
        return value
    return float("nan") if value != value else value + 0.0 if code == TypeCode.FLOAT else value


@form
@settings(deadline=None)
@given(rows_of_all, zones, st.booleans(), st.booleans())
def test_objects_are_those_of_the_writer(
    module: ModuleType, rows: list[tuple[Any, ...]], zone: str, is_compact: bool, is_string_version_2: bool
) -> None:
    knowledge = known(zone, is_compact=is_compact, is_string_version_2=is_string_version_2)
    value = object_of(
        "Value", [column(name, code, place + 1) for place, (name, code) in enumerate(zip(NAMES, CODES, strict=True))]
    )
    data = encode(module, knowledge, value, [(number, *row) for number, row in enumerate(rows)])
    writer = Writer(knowledge)
    for number, row in enumerate(rows):
        writer.typed(TypeCode.INT, number)
        fields = {
            name: None if cell is None else Typed(code, canonical(code, cell))
            for name, code, cell in zip(NAMES, CODES, row, strict=True)
        }
        writer.value(BinaryObject("Value", fields))
    assert data == writer.buffer


@form
@pytest.mark.parametrize("number", [2**62 - 1, 2**62, 2**63 - 1, 2**63, 10**18 - 1, 10**18, 10**19 - 1, 10**19])
def test_decimals_about_as_large_as_a_word(module: ModuleType, number: int) -> None:
    """19 digits may be more than 63 bits."""
    knowledge = known()
    part = EntryPart((column("V", TypeCode.DECIMAL, 1),))
    for value in (Decimal(number), Decimal(-number), Decimal(number).scaleb(-5), Decimal(-number).scaleb(-18)):
        # Behind the key, an INTEGER.
        assert decode(encode(module, knowledge, part, [(1, value)])[5:]) == value


@form
def test_keys_of_several_columns(module: ModuleType) -> None:
    knowledge = known()
    key = object_of("Key", [column("K0", TypeCode.INT, 1), column("K1", TypeCode.STRING, 0)])
    value = EntryPart((column("V", TypeCode.LONG, 2),))
    encoder = module.RowEncoder(knowledge, key, value, ["K1", "K0", "V"])
    block = RowBlock([["a", 1, 2], ["b" * 300, 3, 4]], 0)
    encoder.encode(block, 10, 1000)
    writer = Writer(knowledge)
    for text, number, long in block.rows:
        writer.value(BinaryObject("Key", {"K0": Typed(TypeCode.INT, number), "K1": text}))
        writer.value(long)
    assert encoder.count == 2
    assert encoder.take() == writer.buffer
    assert (encoder.count, len(encoder)) == (0, 0)


@form
@pytest.mark.parametrize("size", [200, 254, 255, 256, 257, 65_505, 65_506, 65_507, 65_508])
def test_the_width_of_offsets(module: ModuleType, size: int) -> None:
    knowledge = known()
    columns = [column("C7", TypeCode.STRING, 1), column("C3", TypeCode.INT, 2)]
    data = encode(module, knowledge, object_of("Value", columns), [(1, "x" * size, 5)])
    knowledge.binary_types.add(BinaryType.of("Value", [("C7", TypeCode.STRING), ("C3", TypeCode.INT)]))
    writer = Writer(knowledge)
    writer.typed(TypeCode.INT, 1)
    writer.value(BinaryObject("Value", {"C7": "x" * size, "C3": Typed(TypeCode.INT, 5)}))
    assert data == writer.buffer


@form
def test_generated_keys_are_objects_of_ignite(module: ModuleType) -> None:
    # As a node has made one, whose hash is that of the bytes of a number and a UUID.
    data = bytes.fromhex(
        "67010400 3f000000 fbac6235 30000000 c59d1c81 1800000002d8161fa2010000 7d4f6a7412097d79 8ab8c57c71064b9e"
    )
    number, high, low = (int.from_bytes(data[start : start + 8], "little", signed=True) for start in (24, 32, 40))
    value = EntryPart((column("V", TypeCode.INT, 0),))
    encoder = module.RowEncoder(known(), None, value, ["V"], generated_key=(high, low, number))
    encoder.encode(RowBlock([(5,), (6,)], 0), 10, 1000)
    found = bytes(encoder.take())
    assert found[:53] == data + b"\x03\x05\x00\x00\x00"
    assert found[53 + 24 : 53 + 32] == (number + 1).to_bytes(8, "little")


@form
def test_limits(module: ModuleType) -> None:
    encoder = module.RowEncoder(known(), plain_key(), EntryPart((column("V", TypeCode.STRING, 1),)), ["ID", "V"])
    block = RowBlock([(number, "x" * 100) for number in range(10)], 0)
    encoder.encode(block, 3, 1 << 20)
    assert (block.position, encoder.count) == (3, 3)
    encoder.encode(block, 3, 1 << 20)
    assert block.position == 3
    assert len(encoder.take()) == 3 * 110
    encoder.encode(block, 100, 150)
    assert (block.position, encoder.count, len(encoder)) == (5, 2, 220)


@form
def test_a_row_that_is_refused_leaves_nothing_behind(module: ModuleType) -> None:
    columns = [column("A", TypeCode.STRING, 1), column("B", TypeCode.INT, 2, is_nullable=False)]
    encoder = module.RowEncoder(known(), plain_key(), object_of("Value", columns), ["ID", "A", "B"])
    for bad, error, words in (
        ((2, "x", "y"), DataError, r"row 12 \(from 0\), column 'B' \(ANY\): 'y' \(str\) cannot be sent as INTEGER"),
        ((2, 5, 5), DataError, r"row 12 \(from 0\), column 'A'"),
        ((2**40, "x", 5), DataError, r"row 12 \(from 0\), column 'ID'"),
        ((2, "x", None), IntegrityError, r"row 12 \(from 0\), column 'B' \(ANY\): Null value is not allowed"),
        ((2, "x"), ProgrammingError, r"row 12 \(from 0\): the row has 2 values"),
        (7, ProgrammingError, r"row 12 \(from 0\): a row is a sequence"),
    ):
        block = RowBlock([(0, "a", 1), (1, "b", 2), bad, (3, "c", 3)], 10)
        with pytest.raises(error, match=words):
            encoder.encode(block, 100, 1 << 20)
        assert (block.position, encoder.count) == (2, 2)
        good = encode(module, known(), object_of("Value", columns), [(0, "a", 1), (1, "b", 2)])
        assert encoder.take() == good
    block.position = 3
    encoder.encode(block, 100, 1 << 20)
    assert encoder.count == 1


@form
def test_what_is_not_known_is_asked_for(module: ModuleType) -> None:
    value = EntryPart((column("V", TypeCode.TIMESTAMP, 1),))
    for knowledge in (Knowledge(), Knowledge(is_compact_footer=True, is_string_version_2=False)):
        encoder = module.RowEncoder(knowledge, plain_key(), value, ["ID", "V"])
        block = RowBlock([(1, datetime(2020, 1, 2))], 0)
        with pytest.raises(MissingServerFacts):
            encoder.encode(block, 10, 1000)
        assert (block.position, encoder.count, len(encoder)) == (0, 0, 0)
        knowledge.clock, knowledge.is_compact_footer, knowledge.is_string_version_2 = (
            clock_for("Asia/Tokyo"),
            True,
            True,
        )
        encoder.encode(block, 10, 1000)
        assert encoder.count == 1
    texts_ = EntryPart((column("V", TypeCode.STRING, 1),))
    encoder = module.RowEncoder(Knowledge(is_compact_footer=True), plain_key(), texts_, ["ID", "V"])
    encoder.encode(RowBlock([(1, "é")], 0), 10, 1000)
    with pytest.raises(MissingServerFacts):
        encoder.encode(RowBlock([(1, "😀")], 0), 10, 1000)


# --- both forms -----------------------------------------------------------------------------------------------


def outcome(module: ModuleType, step: Any) -> Any:
    try:
        return step(module)
    except Error as error:
        return type(error).__name__, getattr(error, "code", None), str(error)


@pytest.mark.skipif(len(FORMS) < 2, reason="the encoder is not compiled here (python setup.py build_ext --inplace)")
@settings(deadline=None, max_examples=500)
@given(anything, st.sampled_from(CODES) | st.none(), st.sampled_from([-1, 0, 3, 7]), st.sampled_from([-1, 0, 2]), zones)
def test_both_forms_do_the_same(value: Any, code: int | None, precision: int, scale: int, zone: str) -> None:
    part = EntryPart((column("V", code, 1, precision=precision, scale=scale),))
    outcomes = [outcome(module, lambda module: encode(module, known(zone), part, [(1, value)])) for module in FORMS]
    assert outcomes[0] == outcomes[1]


ARROW = (
    (TypeCode.BOOL, pa.bool_(), st.booleans()),
    (TypeCode.BYTE, pa.int64(), st.integers(-128, 127)),
    (TypeCode.INT, pa.int32(), st.integers(-(2**31), 2**31 - 1)),
    (TypeCode.LONG, pa.uint8(), st.integers(0, 255)),
    (TypeCode.INT, pa.float64(), st.integers(-(2**31), 2**31 - 1).map(float)),
    (TypeCode.FLOAT, pa.float32(), st.floats(width=32)),
    (TypeCode.DOUBLE, pa.float64(), st.floats()),
    (TypeCode.DOUBLE, pa.int16(), st.integers(-(2**15), 2**15 - 1)),
    (TypeCode.STRING, pa.string(), st.text(st.characters(exclude_categories=["Cs"]), max_size=9)),
    (TypeCode.STRING, pa.string_view(), st.text(st.characters(exclude_categories=["Cs"]), max_size=20)),
    (TypeCode.STRING, pa.dictionary(pa.int8(), pa.string()), st.sampled_from(["a", "é", ""])),
    (TypeCode.BYTE_ARRAY, pa.binary(), st.binary(max_size=20)),
    (TypeCode.DECIMAL, pa.decimal128(38, 5), st.decimals(-(10**33) + 1, 10**33 - 1, places=5)),
    (TypeCode.DECIMAL, pa.int64(), st.integers(-(2**63), 2**63 - 1)),
    (TypeCode.OPTIMIZED, pa.date32(), days),
    (TypeCode.OPTIMIZED, pa.timestamp("s"), days.map(lambda day: datetime.combine(day, time()))),
    (TypeCode.TIME, pa.time64("us"), milliseconds),
    (TypeCode.TIME, pa.time32("ms"), milliseconds),
    (TypeCode.TIMESTAMP, pa.timestamp("us"), arrow_moments),
    (TypeCode.TIMESTAMP, pa.timestamp("ms"), arrow_moments.map(lambda value: value.replace(microsecond=0))),
    (TypeCode.TIMESTAMP, pa.timestamp("us", "UTC"), moments.map(lambda value: value.replace(tzinfo=UTC))),
    (TypeCode.TIMESTAMP, pa.date32(), days),
    (TypeCode.UUID, pa.binary(16), st.uuids()),
    (TypeCode.UUID, pa.string(), st.uuids().map(str)),
)  # fmt: skip


@form
@pytest.mark.parametrize(("code", "kind", "strategy"), ARROW)
@settings(deadline=None, max_examples=40)
@given(data=st.data(), zone=zones)
def test_columns_of_arrow_are_as_their_values(
    module: ModuleType, code: TypeCode, kind: Any, strategy: Any, data: st.DataObject, zone: str
) -> None:
    values = data.draw(st.lists(st.none() | strategy, min_size=1, max_size=12))
    stored = [value.bytes if kind == pa.binary(16) and value is not None else value for value in values]
    start = data.draw(st.integers(0, len(values) - 1))
    array = pa.array(stored, kind)[start:]
    part = EntryPart((column("V", code, 1),))
    expected = encode(module, known(zone), part, list(enumerate(values[start:])))
    for count in {1, 5, len(array)}:
        encoder = module.RowEncoder(known(zone), plain_key(), part, ["ID", "V"])
        table = pa.table({"id": pa.array(range(len(array)), pa.int16()), "v": array})
        columns = [*plain_key().columns, *part.columns]
        for block in row_sources.source_of(table, None).blocks(columns, 10):
            while block.position < block.row_count:
                encoder.encode(block, encoder.count + count, 1 << 20)
        assert encoder.take() == expected


@form
def test_blocks_that_lie_about_their_size(module: ModuleType) -> None:
    for values in (
        ColumnValues(INTEGERS, bytes(8)),
        ColumnValues(OBJECTS, objects=[1]),
        ColumnValues(TEXTS, b"x", ends=bytes(8)),
        ColumnValues(INTEGERS, bytes(100), validity=b""),
    ):
        with pytest.raises(ValueError, match="is to give 2"):
            ColumnBlock([values], 2, 0)
    encoder = module.RowEncoder(known(), plain_key(), EntryPart((column("V", TypeCode.STRING, 1),)), ["ID", "V"])
    ids = ColumnValues(INTEGERS, bytes(8))
    for ends in ((0, 5), (-1, 1), (1, 0)):
        encoded = b"".join(end.to_bytes(8, "little", signed=True) for end in ends)
        with pytest.raises(DataError, match="of a column of 4"):
            encoder.encode(ColumnBlock([ids, ColumnValues(TEXTS, b"abcd", ends=encoded)], 1, 0), 10, 1000)
    for layout in (TEXTS, BINARIES):
        wrong = ColumnValues(layout, b"\xff\xfe", ends=bytes(8) + b"\x02" + bytes(7))
        if layout == TEXTS:
            with pytest.raises(DataError, match="not UTF-8"):
                encoder.encode(ColumnBlock([ids, wrong], 1, 0), 10, 1000)
        else:
            with pytest.raises(DataError, match="cannot be sent as VARCHAR"):
                encoder.encode(ColumnBlock([ids, wrong], 1, 0), 10, 1000)


@form
def test_many_rows_in_a_zone(module: ModuleType) -> None:
    source = random.Random(3)
    start = datetime(1890, 1, 1)
    rows = [
        (number, start + timedelta(milliseconds=source.randrange(200 * 365 * 86_400_000))) for number in range(3000)
    ]
    knowledge = known("America/New_York")
    data = encode(module, knowledge, EntryPart((column("V", TypeCode.TIMESTAMP, 1),)), rows)
    writer = Writer(knowledge)
    for number, moment in rows:
        writer.typed(TypeCode.INT, number)
        writer.value(moment)
    assert data == writer.buffer
