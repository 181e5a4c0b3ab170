"""The compiled reader and the interpreted one give the same, values and errors alike."""

from __future__ import annotations

import gc
import importlib.util
import struct
import sys
import weakref
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ignite_dbapi.errors import Error
from ignite_dbapi.protocol import codec
from ignite_dbapi.protocol.codec import MissingFact
from ignite_dbapi.protocol.codec import reader as compiled
from ignite_dbapi.protocol.codec.type_codes import SQL_DATE_PREFIX
from ignite_dbapi.protocol.codec.values import Instant
from tests.unit.golden import VECTORS, data_of, knowledge_of
from tests.unit.pages import encoded, known
from tests.unit.test_codec_properties import decimals, identical, nested, plausible, zones

if not codec.COMPILED:
    pytest.skip(
        "the reader is not compiled here (python setup.py build_ext --inplace, in a copy of the tree)",
        allow_module_level=True,
    )


def _load_interpreted() -> ModuleType:
    path = Path(codec.__file__).with_name("reader.py")
    spec = importlib.util.spec_from_file_location("interpreted_reader", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


interpreted = _load_interpreted()


def outcome(module: ModuleType, step: Any) -> tuple[str, Any]:
    try:
        return "value", step(module)
    except (Error, MissingFact) as error:
        return type(error).__name__, getattr(error, "code", None)


def assert_same(step: Any) -> None:
    left, right = (outcome(module, step) for module in (compiled, interpreted))
    assert left[0] == right[0]
    assert identical(left[1], right[1])


def test_both_forms_are_there() -> None:
    assert compiled.COMPILED is True
    assert interpreted.COMPILED is False


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


@settings(max_examples=1000, deadline=1000)
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


@settings(max_examples=300, deadline=1000)
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
    for method in ("i8", "u8", "i16", "i32", "i64", "count", "string", "byte_array", "uuid", "remaining"):
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
