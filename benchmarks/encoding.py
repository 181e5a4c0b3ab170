"""How fast values become bytes: the compiled writer and row encoder against the interpreted ones, without a server.

``python -m benchmarks.encoding`` lets both write the same batches in turns and prints the nanoseconds that one value
(or entry, or row) takes of the processor, the least of the rounds, and how many times faster the compiled form is.
"""

from __future__ import annotations

import argparse
import importlib.util
import sys
import time
from collections.abc import Callable
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from types import ModuleType
from typing import Any
from uuid import UUID

import pyarrow as pa

from benchmarks import works
from ignite_dbapi.protocol import codec
from ignite_dbapi.protocol.codec import table_rows, writer
from ignite_dbapi.protocol.codec.clock import clock_for
from ignite_dbapi.protocol.codec.knowledge import BinaryType, Knowledge
from ignite_dbapi.protocol.codec.names import name_id
from ignite_dbapi.protocol.codec.table_columns import EntryPart, TableColumn
from ignite_dbapi.protocol.codec.type_codes import TypeCode
from ignite_dbapi.protocol.codec.values import BinaryObject
from ignite_dbapi.row_sources import source_of

COUNT = 10_000
CODES = (TypeCode.INT, TypeCode.LONG, TypeCode.STRING, TypeCode.DOUBLE, TypeCode.TIMESTAMP)
COLUMNS = tuple(
    TableColumn(name, code, code.name, place)
    for place, (name, code) in enumerate(zip(works.INSERT_COLUMNS, CODES, strict=True))
)
FIELDS = (("ID", TypeCode.INT), ("BI", TypeCode.LONG), ("V", TypeCode.STRING), ("D", TypeCode.DOUBLE))


def load_interpreted(name: str) -> ModuleType:
    """The module *name* of the codec from its source, whatever stands beside it."""
    path = Path(codec.__file__).with_name(f"{name}.py")
    spec = importlib.util.spec_from_file_location(f"interpreted_{name}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def batches() -> dict[str, Callable[[Any], None]]:
    """What a writer writes: each writes :data:`COUNT` values, or entries, or rows."""
    numbers = range(COUNT)
    values: dict[str, list[Any]] = {
        "int": [number * 1_000_003 for number in numbers],
        "str": [works.text(number) for number in numbers],
        "str beyond ASCII": [f"{works.text(number)} ä" for number in numbers],
        "float": [number / 7 for number in numbers],
        "None": [None] * COUNT,
        "bool": [number % 2 == 0 for number in numbers],
        "Decimal": [Decimal(number * 10_001) / 10_000 for number in numbers],
        "datetime": [datetime(2020, 1, 1) + timedelta(seconds=number) for number in numbers],
        "date": [date(2000, 1, 1) + timedelta(days=number % 9000) for number in numbers],
        "UUID": [UUID(int=number << 64 | number) for number in numbers],
        "bytes": [b"%d" % number for number in numbers],
        "object of 4 fields": [
            BinaryObject("BENCH", dict(zip(("ID", "BI", "V", "D"), row[:4], strict=True)))
            for row in works.rows_to_insert(COUNT)
        ],
    }
    steps: dict[str, Callable[[Any], None]] = {
        kind: (lambda writer, items=items: writer.values(items)) for kind, items in values.items()
    }
    fixed = [TypeCode.INT] * COUNT
    steps["int as INTEGER"] = lambda writer: writer.values(range(COUNT), fixed)
    entries = list(enumerate(values["str"]))
    steps["entry int, str"] = lambda writer: writer.entries(entries, 1 << 30)
    rows = works.rows_to_insert(COUNT)
    steps["row of 5"] = lambda writer: writer.rows(rows, None, 1 << 30)
    return steps


def loads() -> dict[str, Callable[[Any], None]]:
    """What a row encoder encodes: :data:`COUNT` rows of five columns, as entries of a table's cache."""
    rows = works.rows_to_insert(COUNT)
    arrays = [
        pa.array(values, kind)
        for values, kind in zip(
            zip(*rows, strict=True),
            (pa.int32(), pa.int64(), pa.string(), pa.float64(), pa.timestamp("us")),
            strict=True,
        )
    ]
    table = pa.table(arrays, names=list(works.INSERT_COLUMNS))

    def step(data: Any) -> Callable[[Any], None]:
        def encode(encoder: Any) -> None:
            for block in source_of(data, None).blocks(COLUMNS, COUNT):
                while block.position < block.row_count:
                    encoder.encode(block, COUNT, 1 << 30)

        return encode

    return {"entry of a table, from a row": step(rows), "entry of a table, from Arrow": step(table)}


def row_encoder(module: ModuleType, known: Knowledge) -> Any:
    """An encoder of :data:`COLUMNS`, whose first one is the key."""
    key, *fields = COLUMNS
    names = works.INSERT_COLUMNS[1:]
    value = EntryPart(tuple(fields), name_id("BENCH"), tuple(map(name_id, names)))
    return module.RowEncoder(known, EntryPart((key,)), value, list(works.INSERT_COLUMNS))


def knowledge() -> Knowledge:
    """What a connection knows that has asked for everything."""
    known = Knowledge(clock=clock_for("UTC"), is_string_version_2=False, is_compact_footer=True)
    known.binary_types.add(BinaryType.of("BENCH", FIELDS))
    return known


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7)
    rounds = parser.parse_args().rounds
    if not writer.COMPILED:
        raise SystemExit("the codec is not compiled here")
    known = knowledge()
    print("| | compiled, ns | interpreted, ns | ratio |")
    print("|---|---|---|---|")
    for kind, step in batches().items():
        compare(kind, writer, step, lambda module: module.Writer(known), lambda used: bytes(used.buffer), rounds)
    for kind, step in loads().items():
        compare(kind, table_rows, step, lambda module: row_encoder(module, known), lambda used: used.take(), rounds)


def compare(
    kind: str,
    compiled: ModuleType,
    step: Callable[[Any], None],
    make: Callable[[ModuleType], Any],
    written_by: Callable[[Any], bytes],
    rounds: int,
) -> None:
    """Let what *make* makes of the module *compiled* take *step*, and of its source, in turns; print a line."""
    forms = {"compiled": compiled, "interpreted": load_interpreted(compiled.__name__.rpartition(".")[2])}
    least = dict.fromkeys(forms, float("inf"))
    written = {}
    for _ in range(rounds):
        for name, module in forms.items():
            used = make(module)
            started = time.process_time()
            step(used)
            least[name] = min(least[name], time.process_time() - started)
            written[name] = written_by(used)
    assert written["compiled"] == written["interpreted"], kind
    own, other = (least[name] / COUNT * 1e9 for name in forms)
    print(f"| {kind} | {own:.0f} | {other:.0f} | {other / own:.1f} |")


if __name__ == "__main__":
    main()
