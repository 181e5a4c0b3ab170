"""The compiled reader, writer and hashes and the interpreted ones give the same, values and errors alike."""

from __future__ import annotations

import gc
import importlib.util
import struct
import sys
import weakref
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ignite_dbapi.errors import Error
from ignite_dbapi.protocol import codec
from ignite_dbapi.protocol.codec import MissingFact, TypeCode
from ignite_dbapi.protocol.codec import hashing as compiled_hashing
from ignite_dbapi.protocol.codec import reader as compiled
from ignite_dbapi.protocol.codec import writer as compiled_writer
from ignite_dbapi.protocol.codec.type_codes import SQL_DATE_PREFIX
from ignite_dbapi.protocol.codec.values import BinaryObject, Instant, Typed
from tests.unit.golden import VECTORS, data_of, knowledge_of
from tests.unit.pages import encoded, known
from tests.unit.test_codec_properties import decimals, identical, nested, plausible, zones

if not codec.COMPILED:
    pytest.skip(
        "the codec is not compiled here (python setup.py build_ext --inplace, in a copy of the tree)",
        allow_module_level=True,
    )


def _load_interpreted(name: str) -> ModuleType:
    path = Path(codec.__file__).with_name(f"{name}.py")
    spec = importlib.util.spec_from_file_location(f"interpreted_{name}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


interpreted = _load_interpreted("reader")
interpreted_writer = _load_interpreted("writer")
interpreted_hashing = _load_interpreted("hashing")


def outcome(module: ModuleType, step: Any) -> tuple[str, Any]:
    try:
        return "value", step(module)
    except (Error, MissingFact) as error:
        return type(error).__name__, getattr(error, "code", None)


def assert_same(step: Any, modules: tuple[ModuleType, ModuleType] = (compiled, interpreted)) -> None:
    left, right = (outcome(module, step) for module in modules)
    assert left[0] == right[0]
    assert identical(left[1], right[1])


def test_both_forms_are_there() -> None:
    for module in (compiled, compiled_writer):
        assert module.COMPILED is True
    for module in (interpreted, interpreted_writer):
        assert module.COMPILED is False


@given(
    st.lists(
        nested | st.builds(Instant, st.integers(-(2**47), 2**47), st.integers(0, 999_999)),
        min_size=1,
        max_size=6,
    ),
    zones,
    st.data(),
)
def test_pages(row: list[Any], zone: str, data: st.DataObject) -> None:
    page = encoded(row * 3, known(zone))
    cut = data.draw(st.integers(0, len(page)))
    for body in (page, page[:cut]):
        for lossless in (False, True):
            assert_same(lambda module, body=body, lossless=lossless: _rows(module, body, zone, 3, len(row), lossless))
        assert_same(lambda module, body=body: module.Reader(body, known(zone)).column_codes(3, len(row)))


def _rows(module: ModuleType, body: bytes, zone: str, rows: int, columns: int, lossless: bool) -> Any:
    reader = module.Reader(body, known(zone), lossless=lossless)
    return repr(reader.rows(rows, columns)) if lossless else reader.rows(rows, columns)


# Instants around those at which something changes: days, years, the ends of what datetime and the tables of days hold.
_INSTANTS = (
    st.integers(-62_135_770_000_000, -62_135_420_000_000)
    | st.integers(253_402_120_000_000, 253_402_480_000_000)
    | st.integers(-2_209_200_000_000, -2_208_800_000_000)
    | st.integers(4_102_300_000_000, 4_102_600_000_000)
    | st.builds(lambda day, shift: day * 86_400_000 + shift, st.integers(-800_000, 3_000_000), st.integers(-2, 2))
    | st.integers(-(2**63), 2**63 - 1)
)


@settings(max_examples=1000)
@given(
    st.lists(
        st.tuples(_INSTANTS, st.integers(-1, 1_000_000) | st.integers(0, 999).map(lambda n: n * 1000)), min_size=1
    ),
    zones | st.sampled_from(["Africa/Casablanca", "Atlantic/Azores", "Europe/Lisbon", "Asia/Kathmandu", "GMT+23:59"]),
)
def test_times_of_rows(instants: list[tuple[int, int]], zone: str) -> None:
    """Where the compiled form makes dates and times by itself."""
    stamps = b"".join(struct.pack("<Bqi", 33, *instant) for instant in instants)
    dates = b"".join(SQL_DATE_PREFIX + struct.pack("<q", instant) for instant, _ in instants)
    for body in (stamps, dates, dates[:-1]):
        assert_same(lambda module, body=body: repr(_rows(module, body, zone, len(instants), 1, lossless=False)))
    for instant, nanoseconds in instants:
        body = struct.pack("<Bqi", 33, instant, nanoseconds)
        assert_same(lambda module, body=body: _rows(module, body, zone, 1, 1, lossless=False)[0][0].isoformat())


@settings(max_examples=500)
@given(st.lists(st.tuples(st.binary(max_size=10), st.integers(-2, 20) | st.integers(-(2**31), 2**31 - 1)), min_size=1))
def test_decimals_of_rows(decimals: list[tuple[bytes, int]]) -> None:
    for magnitude, scale in decimals:
        body = struct.pack("<Bii", 30, scale, len(magnitude)) + magnitude
        for size in (len(body), len(body) - 1):
            assert_same(lambda module, body=body[:size]: repr(_rows(module, body, "UTC", 1, 1, lossless=False)))


def test_rows_that_hold_themselves_are_collected() -> None:
    """Rows of plain values are no work for the garbage collector; rows of containers still are."""
    plain, nested_row = (encoded([value, "text"]) for value in (1, {"key": [1]}))
    (row,) = compiled.Reader(plain, known()).rows(1, 2)
    assert not gc.is_tracked(row)
    (row,) = compiled.Reader(nested_row, known()).rows(1, 2)
    assert gc.is_tracked(row)
    witness = type("Witness", (), {})()
    row[0]["key"] += [row, witness]
    watched = weakref.ref(witness)
    del row, witness
    gc.collect()
    assert watched() is None


@settings(max_examples=300)
@given(st.binary(max_size=60) | plausible, st.integers(-1, 4), st.integers(-1, 4), st.integers(0, 3))
def test_random_bytes(body: bytes, rows: int, columns: int, before_end: int) -> None:
    end = max(len(body) - before_end, 0)

    def read(module: ModuleType) -> Any:
        reader = module.Reader(body, known(), 0, end)
        try:
            return reader.rows(rows, columns), reader.position
        except (Error, MissingFact):
            assert reader.position == 0
            raise

    assert_same(lambda module: repr(read(module)))
    assert_same(lambda module: repr(module.Reader(body, known()).value()))
    for method in ("i8", "u8", "i16", "i32", "i64", "count", "string", "strings", "byte_array", "uuid", "remaining"):
        assert_same(lambda module, method=method: getattr(module.Reader(body, known(), 0, end), method)())


@given(decimals, st.binary(min_size=1, max_size=20), st.integers(-(2**31), 2**31 - 1))
def test_decimals(value: Any, magnitude: bytes, scale: int) -> None:
    assert_same(lambda module: module.decode_decimal(scale, magnitude))
    assert_same(lambda module: module.decode(b"\x1e" + struct.pack("<ii", scale, len(magnitude)) + magnitude))


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["name"])
def test_golden_vectors(vector: dict[str, Any]) -> None:
    knowledge, data = knowledge_of(vector), data_of(vector)
    for lossless in (True, False):
        assert_same(lambda module, lossless=lossless: repr(module.decode(data, knowledge, lossless=lossless)))


# --- the writer -------------------------------------------------------------------------------------------------


class Text(str):
    __slots__ = ()

    def __str__(self) -> str:
        return "not what it is"


anything = (
    nested
    | st.builds(Instant, st.integers(-(2**64), 2**64), st.integers(-1, 1_000_000))
    | st.integers(-(2**70), 2**70)
    | st.sampled_from([-(2**31) - 1, -(2**31), 2**31 - 1, 2**31, -32769, -32768, 32767, 32768, -129, -128, 127, 128])
    | st.text()
    | st.text().map(Text)
    | st.decimals()
    | st.sampled_from([1.0, 2**31 + 0.0, object(), Text(""), bytearray(b"x"), memoryview(b"x")])
    | st.builds(BinaryObject, st.just("T"), st.dictionaries(st.text(max_size=2), nested, max_size=3))
)
codes = st.none() | st.sampled_from(list(TypeCode))


def assert_written_the_same(zone: str | None, write: Any) -> None:
    def written(module: ModuleType) -> Any:
        knowledge = known() if zone is None else known(zone, version_2=zone == "UTC")
        knowledge.clock = None if zone is None else knowledge.clock
        writer = module.Writer(knowledge)
        return write(writer), bytes(writer.buffer)

    assert_same(written, (compiled_writer, interpreted_writer))


@settings(max_examples=400)
@given(st.lists(anything, max_size=5), st.data(), st.none() | zones)
def test_written_values(values: list[Any], data: st.DataObject, zone: str | None) -> None:
    fixed = [data.draw(codes) for _ in values]
    assert_written_the_same(zone, lambda writer: writer.values(values))
    assert_written_the_same(zone, lambda writer: writer.values(values, fixed))
    assert_written_the_same(zone, lambda writer: writer.rows([values, values], fixed, 1 << 20))
    for value, code in zip(values, fixed, strict=True):
        assert_written_the_same(zone, lambda writer, value=value: writer.value(value))
        if code is not None:
            assert_written_the_same(zone, lambda writer, code=code, value=value: writer.typed(code, value))
            assert_written_the_same(
                zone, lambda writer, code=code, value=value: writer.value([Typed(code, value), value])
            )


offsets = st.integers(-900, 900).map(lambda minutes: timezone(timedelta(minutes=minutes)))
moments = st.datetimes() | st.datetimes(datetime(2024, 3, 9), datetime(2024, 11, 4)) | st.datetimes(timezones=offsets)


@settings(max_examples=400)
@given(
    st.lists(
        st.builds(lambda value, fold: value.replace(fold=fold), moments, st.integers(0, 1))
        | st.dates()
        | decimals
        | st.decimals(-(10**6), 10**6, places=2)
        | st.integers(-(10**20), 10**20).map(Decimal)
        | st.uuids(),
        max_size=6,
    ),
    zones,
)
def test_written_plain_values(values: list[Any], zone: str) -> None:
    assert_written_the_same(zone, lambda writer: writer.values(values))


@given(st.lists(st.tuples(nested, nested), max_size=9), st.integers(-1, 200))
def test_written_batches(pairs: list[tuple[Any, Any]], size_limit: int) -> None:
    assert_written_the_same("UTC", lambda writer: writer.entries(iter(pairs), size_limit))
    assert_written_the_same("UTC", lambda writer: writer.entries(pairs, size_limit, with_removals=True))
    assert_written_the_same("UTC", lambda writer: writer.keys([key for key, _ in pairs], size_limit))
    assert_written_the_same("UTC", lambda writer: writer.rows(iter(pairs), None, size_limit))


@given(st.text() | st.text().map(Text) | st.none(), st.binary() | st.none())
def test_written_fields(text: str | None, data: bytes | None) -> None:
    for version_2 in (True, False):

        def write(module: ModuleType, version_2: bool = version_2) -> bytes:
            writer = module.Writer(known(version_2=version_2))
            writer.string(text)
            writer.byte_array(data)
            writer.raw(b"xy")
            writer.string(text)
            return bytes(writer.buffer)

        assert_same(write, (compiled_writer, interpreted_writer))


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["name"])
def test_golden_vectors_written(vector: dict[str, Any]) -> None:
    knowledge = knowledge_of(vector)
    value = compiled.decode(data_of(vector), knowledge, lossless=True)
    assert_same(lambda module: module.encode(value, knowledge), (compiled_writer, interpreted_writer))


@given(st.binary(max_size=300), nested)
def test_hashes(data: bytes, value: Any) -> None:
    for form in (bytes, bytearray, memoryview):
        assert_same(lambda module, form=form: module.data_hash(form(data)), (compiled_hashing, interpreted_hashing))

    def hashed(module: ModuleType) -> Any:
        try:
            return module.java_hash(value)
        except TypeError:
            return "none"

    assert_same(hashed, (compiled_hashing, interpreted_hashing))
