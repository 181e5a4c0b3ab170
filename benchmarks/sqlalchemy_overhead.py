"""What SQLAlchemy costs on top of the driver, beside what it costs on top of sqlite3.

``python -m benchmarks.sqlalchemy_overhead`` starts a node, and does the same works over cursors and over SQLAlchemy
Core, with this driver and with sqlite3 in memory. It prints the processor time of this process (the fastest of the
rounds) and what Core adds to it. Servers and waiting are left out by that.
"""

from __future__ import annotations

import argparse
import sqlite3
import time
from collections.abc import Callable, Iterator
from typing import Any

import sqlalchemy
from sqlalchemy import Boolean, Column, Date, DateTime, Double, Integer, MetaData, Numeric, String, Table

from benchmarks import works

SELECTS = 500
FETCHED = 20_000
INSERTED = 2_000
FETCHES = 5

_METADATA = MetaData()
_TABLE = Table(
    "bench",
    _METADATA,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("bi", sqlalchemy.BigInteger),
    Column("v", String(40)),
    Column("d", Double),
    Column("b", Boolean),
)
# What sqlite3 has no type for, and SQLAlchemy therefore converts: compared with itself only.
_TYPED = Table(
    "bench_typed",
    _METADATA,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("de", Numeric(18, 4)),
    Column("ts", DateTime),
    Column("da", Date),
)
_PLAIN_SQL = "SELECT id, bi, v, d, b FROM bench"
_TYPED_SQL = "SELECT id, de, ts, da FROM bench_typed"


def plain_rows(first: int, count: int) -> list[tuple[Any, ...]]:
    """Rows of types that both databases have."""
    return [
        (number, number * 1_000_003, works.text(number), number / 7, number % 2 == 0)
        for number in range(first, first + count)
    ]


class Database:
    """A database, by its engine and by a connection of its driver."""

    def __init__(self, engine: sqlalchemy.Engine, connection: Any) -> None:
        self.connection = connection
        self.core = engine.connect()
        _METADATA.create_all(engine)
        names = [column.name for column in _TABLE.columns]
        self.core.execute(_TABLE.insert(), [dict(zip(names, row, strict=True)) for row in plain_rows(0, FETCHED)])
        typed = [{"id": row[0], "de": row[4], "ts": row[5], "da": row[7]} for row in works.rows(FETCHED)]
        self.core.execute(_TYPED.insert(), typed)
        self.core.commit()
        self._next = FETCHED

    def works(self) -> Iterator[tuple[str, str, int, Callable[[], Any], Callable[[], Any]]]:
        """Title and unit, how many of it, over a cursor and over Core."""
        cursor, core = self.connection.cursor(), self.core
        by_key = _TABLE.select().where(_TABLE.c.id == sqlalchemy.bindparam("key"))

        def over_cursor(sql: str) -> Callable[[], Any]:
            return lambda: [len(cursor.execute(sql).fetchall()) for _ in range(FETCHES)]

        def over_core(table: Table) -> Callable[[], Any]:
            select = table.select()
            return lambda: [len(core.execute(select).all()) for _ in range(FETCHES)]

        yield (
            "SELECT one row by key",
            "statement",
            SELECTS,
            lambda: [cursor.execute(f"{_PLAIN_SQL} WHERE id = ?", (key,)).fetchone() for key in range(SELECTS)],
            lambda: [core.execute(by_key, {"key": key}).one() for key in range(SELECTS)],
        )
        yield "SELECT 5 plain columns", "row", FETCHED * FETCHES, over_cursor(_PLAIN_SQL), over_core(_TABLE)
        yield "SELECT decimal, timestamp, date", "row", FETCHED * FETCHES, over_cursor(_TYPED_SQL), over_core(_TYPED)
        yield "INSERT many", "row", INSERTED, self._insert_by_cursor, self._insert_by_core

    def _fresh_rows(self) -> list[tuple[Any, ...]]:
        self._next += INSERTED
        return plain_rows(self._next, INSERTED)

    def _insert_by_cursor(self) -> None:
        self.connection.cursor().executemany(
            "INSERT INTO bench (id, bi, v, d, b) VALUES (?, ?, ?, ?, ?)", self._fresh_rows()
        )
        self.connection.commit()

    def _insert_by_core(self) -> None:
        names = [column.name for column in _TABLE.columns]
        self.core.execute(_TABLE.insert(), [dict(zip(names, row, strict=True)) for row in self._fresh_rows()])
        self.core.commit()


def processor_time(work: Callable[[], Any], rounds: int) -> float:
    """Seconds of this process that the fastest of *rounds* took; the first one warms up."""
    times = []
    for _ in range(rounds + 1):
        start = time.process_time()
        work()
        times.append(time.process_time() - start)
    return min(times[1:])


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7)
    arguments = parser.parse_args()
    import ignite_dbapi
    from ignite_dbapi.local import LocalCluster

    with LocalCluster(heap="2g") as cluster, ignite_dbapi.connect(cluster.url) as connection:
        ignite = Database(sqlalchemy.create_engine(cluster.url.replace("/PUBLIC", "")), connection)
        lite_engine = sqlalchemy.create_engine("sqlite://", poolclass=sqlalchemy.StaticPool)
        lite_connection = lite_engine.raw_connection().driver_connection
        assert isinstance(lite_connection, sqlite3.Connection)
        lite = Database(lite_engine, lite_connection)
        print(f"SQLAlchemy {sqlalchemy.__version__}, compiled: {ignite_dbapi.COMPILED}, {arguments.rounds} rounds")
        print("microseconds of processor time: over a cursor, over Core, and what Core adds")
        for of_ignite, of_lite in zip(ignite.works(), lite.works(), strict=True):
            for name, (title, unit, count, by_cursor, by_core) in (("ignite", of_ignite), ("sqlite3", of_lite)):
                cursor_time, core_time = (
                    processor_time(work, arguments.rounds) / count * 1e6 for work in (by_cursor, by_core)
                )
                print(
                    f"  {title:32} {name:8} {cursor_time:8.2f} {core_time:8.2f}  "
                    f"+{core_time - cursor_time:.2f} a {unit}",
                    flush=True,
                )
        ignite.core.close()
        lite.core.close()


if __name__ == "__main__":
    main()
