"""Many rows at once: from a generator, with progress, and a row that does not fit.

Run it with the URL of a server: ``python -m examples.bulk_load ignite://127.0.0.1:10800``.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from datetime import datetime, timedelta

import ignite_dbapi

ROWS = 20_000


def measurements() -> Iterator[tuple[int, datetime, float]]:
    """Rows as they are read from somewhere: no more of them are in memory than are on their way."""
    start = datetime(2024, 1, 1)
    for number in range(ROWS):
        yield number, start + timedelta(seconds=number), number % 100 / 4


def main(url: str = "ignite://127.0.0.1:10800") -> None:
    """Load, count, and see a row refused."""
    with ignite_dbapi.connect(url) as connection:
        connection.execute("DROP TABLE IF EXISTS measurement")
        connection.execute("CREATE TABLE measurement (id INT PRIMARY KEY, taken TIMESTAMP, degrees DOUBLE)")
        steps: list[int] = []
        count = connection.bulk_load(
            "measurement", measurements(), batch_size=5000, on_progress=lambda done, total: steps.append(done)
        )
        print(f"{count} rows, told of at {steps}")
        print(connection.execute("SELECT COUNT(*), MAX(degrees), MAX(taken) FROM measurement").fetchone())
        try:
            connection.bulk_load("measurement", [{"id": ROWS, "degrees": 1.5}, {"id": ROWS + 1, "degrees": "cold"}])
        except ignite_dbapi.DataError as error:
            print(error)
        connection.execute("DROP TABLE measurement")


if __name__ == "__main__":
    main(*sys.argv[1:])
