"""How fast results come as columns: Arrow, NumPy, pandas and polars against the raw wire and against rows.

``python -m benchmarks.columns`` starts a node, fills a table, checks that all forms hold the same, and then lets them
take turns in an order that changes, round after round. It prints what each did in a second (the median of the rounds),
its ratio to the raw wire within the same round, with the spread, and the processor time that it took itself. Then a
million rows are read in batches, to see what they take of memory.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import random
import resource
import statistics
import sys
import time
import warnings
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

from benchmarks import works
from benchmarks.__main__ import Process

# Rounds that are not counted, for the server to warm up.
_WARMING = 3
# Seconds for which the threads of polars may go on waiting busily, which whoever comes next would pay for.
_CALM = 0.2
SELECTS = (("select_8", works.SELECT_8), ("select_1", works.SELECT_1))
MANY = "SELECT X, X * 3, 'text number ' || X, X / 7.0, X > 5 FROM SYSTEM_RANGE(1, {})"


def forms(url: str) -> dict[str, Callable[[str], Any]]:
    """Every way to read the result of a statement."""
    import pandas
    import polars
    import sqlalchemy

    import ignite_dbapi

    connection = ignite_dbapi.connect(url)
    engine = sqlalchemy.create_engine(url.replace("/PUBLIC", ""), execution_options={"ignite_page_size": works.PAGE})
    sqlalchemy_connection = engine.connect()

    def cursor(sql: str) -> ignite_dbapi.Cursor:
        return connection.execute(sql, page_size=works.PAGE)

    def frame_of_rows(sql: str) -> pandas.DataFrame:
        executed = cursor(sql)
        names = [column.name for column in executed.description or ()]
        return pandas.DataFrame.from_records(executed.fetchall(), columns=names)

    return {
        "fetch_arrow_table": lambda sql: cursor(sql).fetch_arrow_table(),
        "fetch_record_batches": lambda sql: list(cursor(sql).fetch_record_batches()),
        "fetch_numpy": lambda sql: cursor(sql).fetch_numpy(),
        "fetch_pandas": lambda sql: cursor(sql).fetch_pandas(),
        "fetchall": lambda sql: cursor(sql).fetchall(),
        "DataFrame.from_records(fetchall)": frame_of_rows,
        "pandas.read_sql": lambda sql: pandas.read_sql(sql, sqlalchemy_connection),
        "polars.DataFrame(cursor)": lambda sql: polars.DataFrame(cursor(sql)),
    }


def checksum(found: Any) -> list[int]:
    """The number of rows and the sum of the ids, whatever the form."""
    if isinstance(found, list) and not isinstance(found[0], tuple):
        return [sum(batch.num_rows for batch in found), sum(sum(batch.column(0).to_pylist()) for batch in found)]
    if isinstance(found, list):
        ids = [row[0] for row in found]
    elif isinstance(found, dict):
        ids = found["ID"].tolist()
    elif hasattr(found, "to_pylist"):
        ids = found.column(0).to_pylist()
    else:
        ids = list(found[next(iter(found.columns))])
    return [len(ids), sum(ids)]


def serve(url: str) -> None:
    """The process of the driver: the name of a select and of a form a line in; seconds, own seconds, checksum out."""
    warnings.simplefilter("ignore")
    reading = forms(url)
    print("ready", flush=True)
    for line in sys.stdin:
        select, form = line.strip().split(":")
        # Otherwise one form pays for the garbage of another: a full collection takes 80 ms with all these libraries.
        found = None
        gc.collect()
        started, own = time.perf_counter(), time.process_time()
        found = reading[form](dict(SELECTS)[select])
        seconds, own = time.perf_counter() - started, time.process_time() - own
        print(json.dumps([seconds, [*checksum(found), own]]), flush=True)


def read_in_batches(url: str, rows: int) -> None:
    """Read many rows in batches, and tell what that took of memory."""
    import ignite_dbapi

    with ignite_dbapi.connect(url) as connection:
        list(connection.execute(MANY.format(10), page_size=works.PAGE).fetch_record_batches())
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        batches = connection.execute(MANY.format(rows), page_size=works.PAGE).fetch_record_batches()
        count = sum(batch.num_rows for batch in batches)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        print(f"{count:,} rows of 5 columns in batches: {(peak - before) / 1024:.0f} MB more at the peak")


def measure(url: str, address: tuple[str, int], rounds: int) -> None:
    """Let all take turns, and print what they needed."""
    with ExitStack() as stack:
        processes: dict[str, Process] = {}
        for name, command, environment in (
            ("raw", ["benchmarks.contenders", "raw", address[0], str(address[1])], {}),
            ("as installed", ["benchmarks.columns", "--serve", url], {}),
            ("interpreted", ["benchmarks.columns", "--serve", url], {"IGNITE_DBAPI_PURE": "1"}),
        ):
            process = Process([sys.executable, "-m", *command], os.environ | environment)
            stack.callback(process.close)
            processes[name] = process
        names = list(forms(url))
        for select, _ in SELECTS:
            works_of = [("raw", "raw wire", select)]
            works_of += [("interpreted", f"{name}, interpreted", f"{select}:{name}") for name in names[:2]]
            works_of += [("as installed", name, f"{select}:{name}") for name in names]
            report(processes, works_of, select, rounds)


def report(processes: dict[str, Process], works_of: list[tuple[str, str, str]], select: str, rounds: int) -> None:
    """Measure and print one select."""
    seconds: dict[str, list[float]] = {title: [] for _, title, _ in works_of}
    own: dict[str, list[float]] = {title: [] for _, title, _ in works_of}
    checksums = set()
    for turn in range(-_WARMING, rounds):
        for process, title, work in random.sample(works_of, len(works_of)):
            outcome = processes[process].do(work)
            assert outcome is not None
            found: Any = outcome[1]
            if turn >= 0:
                seconds[title].append(outcome[0])
            if found is not None:
                checksums.add(tuple(found[:2]))
                own[title].append(found[2])
            if "polars" in title:
                time.sleep(_CALM)
    assert len(checksums) == 1, f"not all forms hold the same: {checksums}"
    print(f"\n{select}, {works.ROWS:,} rows, page {works.PAGE:,}, {rounds} rounds")
    for title, times in seconds.items():
        ratios = [raw / mine for raw, mine in zip(seconds["raw wire"], times, strict=True)]
        line = f"  {title:36} {works.ROWS / statistics.median(times):>10,.0f} rows/s"
        line += f"   {statistics.median(ratios):5.2f} of raw ({min(ratios):.2f} to {max(ratios):.2f})"
        if own[title]:
            line += f"   {statistics.median(own[title]) / works.ROWS * 1e6:6.2f} us CPU a row"
        print(line, flush=True)


def main() -> None:
    """Measure, or be one of the measured."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--rows", type=int, default=1_000_000, help="rows that are read in batches for the memory")
    parser.add_argument("--serve", metavar="URL", help=argparse.SUPPRESS)
    parser.add_argument("--memory", metavar="URL", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.serve:
        serve(arguments.serve)
        return
    if arguments.memory:
        read_in_batches(arguments.memory, arguments.rows)
        return
    import subprocess

    import ignite_dbapi
    from ignite_dbapi.local import LocalCluster

    with LocalCluster(heap="2g") as cluster:
        with ignite_dbapi.connect(cluster.url) as connection:
            connection.execute(next(works.create_statements([])))
            marks = ", ".join("?" * len(works.COLUMNS))
            connection.cursor().executemany(f"INSERT INTO {works.TABLE} VALUES ({marks})", works.rows(works.ROWS))
        measure(cluster.url, cluster.addresses[0], arguments.rounds)
        print()
        command = [sys.executable, "-m", "benchmarks.columns", "--rows", str(arguments.rows), "--memory", cluster.url]
        subprocess.run(command, check=True)


if __name__ == "__main__":
    main()
