"""How fast rows come into a table by bulk_load: from rows, Arrow and data frames, against INSERT.

``python -m benchmarks.bulk_load`` starts a node, and lets all ways fill their tables in turns, round after round. It
prints what each did in a second (the median of the rounds), its ratio to INSERTs of 200 rows, four of them under way,
whose requests were made beforehand (the raw wire), and to executemany, within the same round, with the spread; and the
processor time that the client took itself. What was loaded is compared with what was inserted first.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

from benchmarks import works
from benchmarks.__main__ import Process

INSERT = "INSERT INTO {} VALUES (?, ?, ?, ?, ?)"
MANY = "executemany"


def ways(url: str, name: str) -> dict[str, Callable[[], Any]]:
    """Every way to fill the table of the contender *name*."""
    import polars
    import pyarrow as pa

    import ignite_dbapi

    connection = ignite_dbapi.connect(url)
    table = works.insert_table(name)
    rows = works.rows_to_insert(works.ROWS)
    kinds = (pa.int32(), pa.int64(), pa.string(), pa.float64(), pa.timestamp("us"))
    columns = [pa.array(values, kind) for values, kind in zip(zip(*rows, strict=True), kinds, strict=True)]
    arrow = pa.table(columns, names=list(works.INSERT_COLUMNS))
    pandas_frame, polars_frame = arrow.to_pandas(), polars.from_arrow(arrow)

    def count() -> int:
        return int(connection.execute(f"SELECT COUNT(*) FROM {table}").fetchone()[0])

    def filled(fill: Callable[[], Any]) -> tuple[float, float]:
        connection.execute(f"DELETE FROM {table}")
        started, own = time.perf_counter(), time.process_time()
        fill()
        outcome = time.perf_counter() - started, time.process_time() - own
        assert count() == works.ROWS, count()
        return outcome

    def load(data: Any, **options: Any) -> Callable[[], Any]:
        return lambda: filled(lambda: connection.bulk_load(table, data, **options))

    return {
        MANY: lambda: filled(lambda: connection.cursor().executemany(INSERT.format(table), rows)),
        "rows": load(rows),
        "rows, overwrite": load(rows, overwrite=True),
        "Arrow table": load(arrow),
        "pandas": load(pandas_frame),
        "polars": load(polars_frame),
        "read": lambda: connection.execute(f"SELECT * FROM {table} ORDER BY ID").fetchall() == rows,
    }


def serve(url: str, name: str) -> None:
    """The process of the driver: the name of a way a line in; seconds and own seconds out."""
    filling = ways(url, name)
    print("ready", flush=True)
    for line in sys.stdin:
        way = line.strip()
        if way == "read":
            print(json.dumps([0.0, [filling[way]()]]), flush=True)
        else:
            seconds, own = filling[way]()
            print(json.dumps([seconds, [own]]), flush=True)


def measure(url: str, address: tuple[str, int], rounds: int) -> None:
    """Let all take turns, and print what they needed."""
    with ExitStack() as stack:
        processes: dict[str, Process] = {}
        for name, command, environment in (
            ("raw", ["benchmarks.contenders", "raw", address[0], str(address[1])], {}),
            ("compiled", ["benchmarks.bulk_load", "--serve", url, "compiled"], {}),
            ("interpreted", ["benchmarks.bulk_load", "--serve", url, "interpreted"], {"IGNITE_DBAPI_PURE": "1"}),
        ):
            process = Process([sys.executable, "-m", *command], os.environ | environment)
            stack.callback(process.close)
            processes[name] = process
        forms = [MANY, "rows", "rows, overwrite", "Arrow table", "pandas", "polars"]
        turns = [("raw", "insert_many")]
        turns += [("compiled", form) for form in forms]
        turns += [("interpreted", form) for form in (MANY, "rows", "Arrow table")]
        seconds: dict[tuple[str, str], list[float]] = {turn: [] for turn in turns}
        own: dict[tuple[str, str], list[float]] = {turn: [] for turn in turns}
        for number in range(rounds + 1):
            for turn in turns:
                outcome = processes[turn[0]].do(turn[1])
                assert outcome is not None
                if number:  # the first one warms up
                    seconds[turn].append(outcome[0])
                    own[turn] += outcome[1] or []
                elif turn[0] != "raw":
                    same = processes[turn[0]].do("read")
                    assert same is not None
                    assert same[1] == [True], f"{turn} has other rows"
        report(seconds, own, rounds)


def report(seconds: dict[tuple[str, str], list[float]], own: dict[tuple[str, str], list[float]], rounds: int) -> None:
    """Print what was measured."""
    print(f"\n{works.ROWS:,} rows of 5 columns, {rounds} rounds")
    raw = seconds["raw", "insert_many"]
    for (name, form), times in seconds.items():
        line = f"  {name + ': ' + form:28} {works.ROWS / statistics.median(times):>9,.0f} rows/s   "
        line += f"{_ratios(raw, times)} of raw INSERTs"
        if name != "raw":
            line += f"   {_ratios(seconds[name, MANY], times)} of executemany"
            line += f"   {statistics.median(own[name, form]) / works.ROWS * 1e6:6.2f} us CPU a row"
        print(line, flush=True)


def _ratios(base: list[float], times: list[float]) -> str:
    ratios = [theirs / mine for theirs, mine in zip(base, times, strict=True)]
    return f"{statistics.median(ratios):5.2f} ({min(ratios):.2f} to {max(ratios):.2f})"


def main() -> None:
    """Measure, or be one of the measured."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--nodes", type=int, default=1)
    parser.add_argument("--serve", nargs=2, metavar=("URL", "NAME"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.serve:
        serve(*arguments.serve)
        return

    import ignite_dbapi
    from ignite_dbapi.local import LocalCluster

    with LocalCluster(nodes=arguments.nodes, heap="2g") as cluster:
        with ignite_dbapi.connect(cluster.url) as connection:
            for statement in works.create_statements(["raw", "compiled", "interpreted"]):
                connection.execute(statement)
            # What the raw wire reads first.
            marks = ", ".join("?" * len(works.COLUMNS))
            connection.cursor().executemany(f"INSERT INTO {works.TABLE} VALUES ({marks})", works.rows(2))
        measure(cluster.url, cluster.addresses[0], arguments.rounds)


if __name__ == "__main__":
    main()
