"""What is measured: the works, the tables and the rows, the same for every contender."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any, Final

import attrs

PAGE: Final = 10_000
# Rows of the table that is read, and of one INSERT of many rows.
ROWS: Final = 100_000
# Operations that are made one after the other.
SELECTS_BY_KEY: Final = 1_000
INSERTS: Final = 500
ENTRIES_ONE_BY_ONE: Final = 3_000
ENTRIES_AT_ONCE: Final = 10_000
# That many times in a round: once is over in some milliseconds, which differ too much.
TIMES: Final = 5

TABLE: Final = "BENCH"
CACHE: Final = "BENCH_CACHE"
COLUMNS: Final = ("ID", "BI", "V", "D", "DE", "TS", "B", "DA")
SELECT_8: Final = f"SELECT {', '.join(COLUMNS)} FROM {TABLE}"
# pyignite cannot read DATE.
SELECT_7: Final = f"SELECT {', '.join(COLUMNS[:-1])} FROM {TABLE}"
SELECT_1: Final = f"SELECT ID FROM {TABLE}"
SELECT_KEY: Final = f"SELECT {', '.join(COLUMNS)} FROM {TABLE} WHERE ID = ?"
SELECT_KEY_7: Final = f"SELECT {', '.join(COLUMNS[:-1])} FROM {TABLE} WHERE ID = ?"
INSERT_COLUMNS: Final = ("ID", "BI", "V", "D", "TS")


@attrs.frozen
class Work:
    """One line of the table: *name* is what the contenders' processes are asked for, *count* what it amounts to."""

    name: str
    title: str
    count: int
    unit: str = "rows"
    # Whether what came back can be compared.
    is_read: bool = True


WORKS: Final = (
    Work("select_8", "SELECT 8 mixed columns", ROWS),
    Work("select_8_default", "SELECT 8 mixed columns, default pages", ROWS),
    Work("select_1", "SELECT one INT column", ROWS),
    Work("select_key", "SELECT one row by key", SELECTS_BY_KEY),
    Work("insert_one", "INSERT one by one", INSERTS, is_read=False),
    Work("insert_many", "INSERT many", ROWS, is_read=False),
    Work("put", "key-value put", ENTRIES_ONE_BY_ONE, "entries", is_read=False),
    Work("get", "key-value get", ENTRIES_ONE_BY_ONE, "entries"),
    Work("put_all", "put_all of 10,000", TIMES * ENTRIES_AT_ONCE, "entries", is_read=False),
    Work("get_all", "get_all of 10,000", TIMES * ENTRIES_AT_ONCE, "entries"),
    Work("scan", "scan", TIMES * ENTRIES_AT_ONCE, "entries"),
)


def insert_table(name: str) -> str:
    """The table that the contender *name* inserts into."""
    return f"BENCH_INSERT_{name.upper()}"


def create_statements(contenders: list[str]) -> Iterator[str]:
    """Statements that make the tables."""
    yield (
        f"CREATE TABLE {TABLE} (ID INT PRIMARY KEY, BI BIGINT, V VARCHAR, D DOUBLE, DE DECIMAL(18, 4), "
        "TS TIMESTAMP, B BOOLEAN, DA DATE)"
    )
    for contender in contenders:
        yield (
            f"CREATE TABLE {insert_table(contender)} (ID INT PRIMARY KEY, BI BIGINT, V VARCHAR, D DOUBLE, TS TIMESTAMP)"
        )


def rows(count: int) -> Iterator[tuple[Any, ...]]:
    """The rows of the table that is read."""
    start = datetime(2020, 1, 1)
    for number in range(count):
        yield (
            number,
            number * 1_000_003,
            text(number),
            number / 7,
            Decimal(number * 10_001) / 10_000,
            start + timedelta(seconds=number * 37, milliseconds=number % 1000),
            number % 2 == 0,
            date(2000, 1, 1) + timedelta(days=number % 9000),
        )


def rows_to_insert(count: int) -> list[tuple[Any, ...]]:
    """The rows that are inserted: five columns."""
    start = datetime(2020, 1, 1)
    return [
        (number, number * 1_000_003, text(number), number / 7, start + timedelta(seconds=number))
        for number in range(count)
    ]


def text(number: int) -> str:
    """The VARCHAR of a row: 14 to 23 characters."""
    return f"name of {number:06}{'x' * (number % 10)}"


def keys(count: int) -> Iterator[int]:
    """Keys of single reads, spread over the table."""
    return ((number * 7919) % ROWS for number in range(count))


def row_checksum(found: Any) -> list[int]:
    """What the rows that were read amount to: their number, the sum of the ids, the length of the texts."""
    count = ids = length = 0
    for row in found:
        count += 1
        ids += row[0]
        length += len(row[2]) if len(row) > 1 else 0
    return [count, ids, length]


def entry_checksum(entries: Any) -> list[int]:
    """What the entries that were read amount to."""
    count = ids = length = 0
    for key, value in entries:
        count += 1
        ids += key
        length += len(value)
    return [count, ids, length]
