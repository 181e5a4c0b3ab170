"""How fast rows come back: this driver, pyignite and the raw wire, side by side in one run.

``python -m benchmarks.reading [--rows N] [--rounds N]`` starts a node, fills a table, checks that all contenders
read the same values, and then lets them take turns. Every contender runs in a process of its own that stays warm.
Printed are rows per second (the median of the rounds) and the ratio to pyignite in the same run, with its spread.

The table: id INT key, BIGINT, VARCHAR, DOUBLE, DECIMAL(18,4), TIMESTAMP, DATE, BOOLEAN. pyignite cannot read DATE,
so it reads the other seven columns.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import attrs

PAGE = 10_000
COLUMNS = ["id", "bi", "v", "d", "de", "ts", "b", "da"]
QUERY = f"SELECT {', '.join(COLUMNS)} FROM bench_reading"
QUERY_WITHOUT_DATE = f"SELECT {', '.join(COLUMNS[:-1])} FROM bench_reading"
QUERY_ONE_COLUMN = "SELECT id FROM bench_reading"


@attrs.frozen
class Contender:
    """Who reads: a name, the function below that does it, and its environment."""

    name: str
    reader: str
    environment: dict[str, str] = attrs.field(factory=dict)


CONTENDERS = (
    Contender("ignite-dbapi, interpreted", "driver", {"IGNITE_DBAPI_PURE": "1"}),
    Contender("ignite-dbapi, compiled", "driver"),
    Contender("raw wire, not decoded", "raw"),
    Contender("pyignite 0.6.1", "pyignite"),
)


def driver(host: str, port: int) -> Callable[[str], list[Any]]:
    """This driver, through its public interface."""
    import ignite_dbapi

    if not ignite_dbapi.COMPILED and "IGNITE_DBAPI_PURE" not in os.environ:
        raise SystemExit(3)
    connection = ignite_dbapi.connect(host=host, port=port)
    return lambda sql: connection.execute(sql, page_size=PAGE).fetchall()


def raw(host: str, port: int) -> Callable[[str], list[Any]]:
    """Only the bytes: requests are made, answers are received and counted."""
    import ignite_dbapi
    from ignite_dbapi.protocol.messages.sql import SqlFieldsPage, SqlFieldsQuery

    connection = ignite_dbapi.connect(host=host, port=port)

    def read(sql: str) -> list[Any]:
        channel = connection._channel
        answer = channel.receive(channel.send(SqlFieldsQuery(sql=sql, page_size=PAGE)))
        page, count = answer.page, answer.page.row_count
        while page.has_more:
            page = channel.receive(channel.send(SqlFieldsPage(answer.cursor_id, len(answer.columns))))
            count += page.row_count
        return [None] * count

    return read


def pyignite(host: str, port: int) -> Callable[[str], list[Any]]:
    """The old thin client."""
    from pyignite import Client  # type: ignore[import-not-found]

    client = Client()
    client.connect(host, port)

    def read(sql: str) -> list[Any]:
        with client.sql(sql, page_size=PAGE) as cursor:
            return list(cursor)

    return read


def serve(reader: str, host: str, port: int) -> None:
    """The process of a contender: a query a line in, seconds and a checksum out."""
    read = {"driver": driver, "raw": raw, "pyignite": pyignite}[reader](host, port)
    print("ready", flush=True)
    for line in sys.stdin:
        started = time.perf_counter()
        rows = read(line.strip())
        seconds = time.perf_counter() - started
        checksum = None if rows and rows[0] is None else [len(rows), sum(row[0] for row in rows)]
        print(json.dumps([seconds, len(rows), checksum]), flush=True)


@contextmanager
def started(contender: Contender, host: str, port: int) -> Iterator[Callable[[str], list[Any]] | None]:
    """The process of *contender*; None if it cannot run here."""
    process = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.reading", "--serve", contender.reader, host, str(port)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | contender.environment,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    stdin, stdout = process.stdin, process.stdout

    def ask(sql: str) -> list[Any]:
        stdin.write(sql + "\n")
        stdin.flush()
        answer: list[Any] = json.loads(stdout.readline())
        return answer

    try:
        yield ask if stdout.readline().strip() == "ready" else None
    finally:
        stdin.close()
        process.wait(10)


def fill(url: str, rows: int) -> None:
    """Make the table."""
    import ignite_dbapi

    with ignite_dbapi.connect(url) as connection:
        connection.execute(
            "CREATE TABLE bench_reading (id INT PRIMARY KEY, bi BIGINT, v VARCHAR, d DOUBLE, de DECIMAL(18, 4), "
            "ts TIMESTAMP, b BOOLEAN, da DATE)"
        )
        start = datetime(2020, 1, 1)
        connection.cursor().executemany(
            "INSERT INTO bench_reading VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (
                (
                    number,
                    number * 1_000_003,
                    f"name of {number:06} and {'x' * (number % 10)}",
                    number / 7,
                    Decimal(number * 10_001) / 10_000,
                    start + timedelta(seconds=number * 37, milliseconds=number % 1000),
                    number % 2 == 0,
                    date(2000, 1, 1) + timedelta(days=number % 9000),
                )
                for number in range(rows)
            ),
        )


def main() -> None:
    """Measure, or be one of the measured."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--serve", nargs=3, metavar=("READER", "HOST", "PORT"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.serve:
        serve(arguments.serve[0], arguments.serve[1], int(arguments.serve[2]))
        return
    from ignite_dbapi.local import LocalCluster

    with LocalCluster() as cluster, ExitStack() as processes:
        fill(cluster.url, arguments.rows)
        asks = {}
        for contender in CONTENDERS:
            ask = processes.enter_context(started(contender, *cluster.addresses[0]))
            if ask is None:
                print(f"{contender.name}: not available here, left out")
            else:
                asks[contender.name] = ask
        for title, query in (("8 columns", QUERY), ("1 column", QUERY_ONE_COLUMN)):
            report(title, query, asks, arguments.rounds)


def report(title: str, query: str, asks: dict[str, Callable[[str], list[Any]]], rounds: int) -> None:
    """Let the contenders take turns, and print what they needed."""
    seconds: dict[str, list[float]] = {name: [] for name in asks}
    checksums = set()
    counts = set()
    for turn in range(rounds + 1):
        for name, ask in asks.items():
            own = QUERY_WITHOUT_DATE if name.startswith("pyignite") and query == QUERY else query
            needed, count, checksum = ask(own)
            counts.add(count)
            if checksum is not None:
                checksums.add(tuple(checksum))
            if turn:  # the first turn warms up
                seconds[name].append(needed)
    assert len(counts) == len(checksums) == 1, "the contenders did not read the same rows"
    (count,) = counts
    base = "pyignite 0.6.1"
    print(f"\n{title}, {count:,} rows, page {PAGE:,}, {rounds} rounds")
    for name, needed_times in seconds.items():
        line = f"  {name:28} {count / statistics.median(needed_times):>12,.0f} rows/s"
        if base in seconds and name != base:
            ratios = [slow / fast for slow, fast in zip(seconds[base], needed_times, strict=True)]
            line += f"   {statistics.median(ratios):6.1f} x {base} ({min(ratios):.1f} to {max(ratios):.1f})"
        print(line)


if __name__ == "__main__":
    main()
