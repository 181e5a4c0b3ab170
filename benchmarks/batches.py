"""How fast executemany writes: many rows a statement, one row a statement, without order; against one by one.

``python -m benchmarks.batches`` starts a node and lets all ways take turns, round after round. It checks what each has
written, and prints what it did in a second (the median of the rounds) and its ratio to running the sets one by one on
the same engine within the same round, with the spread.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from typing import Any

import ignite_dbapi
from benchmarks import works
from ignite_dbapi.local import LocalCluster

SETS = 2_000
TABLE = "BENCH_BATCHES"
INSERT = f"INSERT INTO {TABLE} VALUES (?, ?, ?, ?, ?)"
# An expression keeps the row from being repeated.
SINGLE = f"INSERT INTO {TABLE} VALUES (?, ?, COALESCE(?, ''), ?, ?)"
UPDATE = f"UPDATE {TABLE} SET V = ? WHERE ID = ?"


def one_by_one(cursor: Any, sql: str, sets: list[tuple[Any, ...]], **options: Any) -> None:
    """Run *sql* with each of *sets* by ``execute``."""
    for parameters in sets:
        cursor.execute(sql, parameters, **options)


def ways(cursor: Any) -> dict[str, tuple[str, Callable[[], None]]]:
    """Each way of writing, by name, with the one that it is compared with."""
    rows = works.rows_to_insert(SETS)
    texts = [(row[2][::-1], row[0]) for row in rows]

    def many(sql: str, sets: list[tuple[Any, ...]], **options: Any) -> Callable[[], None]:
        return lambda: cursor.executemany(sql, sets, **options)

    def single(sql: str, sets: list[tuple[Any, ...]], **options: Any) -> Callable[[], None]:
        return lambda: one_by_one(cursor, sql, sets, **options)

    found: dict[str, tuple[str, Callable[[], None]]] = {}
    for engine in ("h2", "calcite"):
        base = f"{engine}: INSERT by execute"
        found[base] = base, single(INSERT, rows, query_engine=engine)
        found[f"{engine}: INSERT"] = base, many(INSERT, rows, query_engine=engine)
        if engine == "h2":
            found["h2: INSERT with an expression"] = base, many(SINGLE, rows, query_engine=engine)
        base = f"{engine}: UPDATE"
        found[base] = base, many(UPDATE, texts, query_engine=engine)
        found[f"{base}, ordered=False"] = base, many(UPDATE, texts, query_engine=engine, ordered=False)
    return found


def measure(url: str, rounds: int) -> None:
    """Let all take turns, and print what they needed."""
    with ignite_dbapi.connect(url) as connection:
        cursor = connection.cursor()
        cursor.execute(f"CREATE TABLE {TABLE} (ID INT PRIMARY KEY, BI BIGINT, V VARCHAR, D DOUBLE, TS TIMESTAMP)")
        rates: dict[str, list[float]] = {}
        found = ways(cursor)
        # The first round warms up.
        for number in range(rounds + 1):
            for name, (_, work) in found.items():
                if "INSERT" in name:
                    cursor.execute(f"DELETE FROM {TABLE}")
                started = time.perf_counter()
                work()
                seconds = time.perf_counter() - started
                assert cursor.execute(f"SELECT COUNT(*), SUM(ID) FROM {TABLE}").fetchone() == (SETS, sum(range(SETS)))
                if number:
                    rates.setdefault(name, []).append(SETS / seconds)
    print("| way | sets/s | to one by one |\n|---|---|---|")
    for name, (base, _) in found.items():
        ratios = sorted(rate / other for rate, other in zip(rates[name], rates[base], strict=True))
        spread = f"{statistics.median(ratios):.2f} ({ratios[0]:.2f} to {ratios[-1]:.2f})"
        print(f"| {name} | {statistics.median(rates[name]):,.0f} | {spread} |")


def main() -> None:
    """Start a node and measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    with LocalCluster() as cluster:
        measure(cluster.url, arguments.rounds)


if __name__ == "__main__":
    main()
