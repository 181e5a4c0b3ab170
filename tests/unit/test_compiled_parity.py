"""The compiled reader and the interpreted one give the same, values and errors alike."""

from __future__ import annotations

import importlib.util
import struct
import sys
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
