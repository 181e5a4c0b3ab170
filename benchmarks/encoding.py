"""How fast values become bytes: the compiled writer against the interpreted one, without a server.

``python -m benchmarks.encoding`` lets both write the same batches in turns and prints the nanoseconds that one value
takes of the processor (the least of the rounds), and how many times faster the compiled form is.
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

from benchmarks import works
from ignite_dbapi.protocol import codec
from ignite_dbapi.protocol.codec import writer as compiled
from ignite_dbapi.protocol.codec.clock import clock_for
from ignite_dbapi.protocol.codec.knowledge import BinaryType, Knowledge
from ignite_dbapi.protocol.codec.type_codes import TypeCode
from ignite_dbapi.protocol.codec.values import BinaryObject

COUNT = 10_000
FIELDS = (("ID", TypeCode.INT), ("BI", TypeCode.LONG), ("V", TypeCode.STRING), ("D", TypeCode.DOUBLE))


def load_interpreted() -> ModuleType:
    """The writer from its source, whatever stands beside it."""
    path = Path(codec.__file__).with_name("writer.py")
    spec = importlib.util.spec_from_file_location("interpreted_writer", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def batches() -> dict[str, Callable[[Any], None]]:
    """What is written: each writes :data:`COUNT` values, or entries, or rows."""
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
    if not compiled.COMPILED:
        raise SystemExit("the writer is not compiled here")
    forms = {"compiled": compiled, "interpreted": load_interpreted()}
    known = knowledge()
    print("| | compiled, ns | interpreted, ns | ratio |")
    print("|---|---|---|---|")
    for kind, step in batches().items():
        least = dict.fromkeys(forms, float("inf"))
        written = {}
        for _ in range(rounds):
            for name, module in forms.items():
                writer = module.Writer(known)
                started = time.process_time()
                step(writer)
                least[name] = min(least[name], time.process_time() - started)
                written[name] = bytes(writer.buffer)
        assert written["compiled"] == written["interpreted"], kind
        own, other = (least[name] / COUNT * 1e9 for name in forms)
        print(f"| {kind} | {own:.0f} | {other:.0f} | {other / own:.1f} |")


if __name__ == "__main__":
    main()
