"""DB-API: parameters, row factories, batches, errors, large results a page at a time.

Run it with ``python -m examples.dbapi_cursor [ignite://host:port]``.
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

import ignite_dbapi
from examples.running import run


def main(url: str) -> None:
    """Keep a little account book."""
    with ignite_dbapi.connect(url, row_factory=ignite_dbapi.namedtuple_row) as connection:
        cursor = connection.cursor()
        cursor.execute("DROP TABLE IF EXISTS example_booking")
        cursor.execute(
            "CREATE TABLE example_booking (id BIGINT PRIMARY KEY, at TIMESTAMP, amount DECIMAL(12, 2), note VARCHAR)"
        )
        bookings = [
            (number, datetime(2026, 1, 1 + number % 28, 12, 30), Decimal(number * 25) / 100, None)
            for number in range(1, 1001)
        ]
        cursor.executemany("INSERT INTO example_booking VALUES (?, ?, ?, ?)", bookings)
        print(f"{cursor.rowcount} bookings written")

        cursor.execute("SELECT COUNT(*) AS bookings, SUM(amount) AS total FROM example_booking")
        print("in all:", cursor.fetchone())

        cursor.execute("UPDATE example_booking SET note = ? WHERE id = ?", ("first", 1))
        print(f"{cursor.rowcount} booking annotated")

        # The result comes in pages of 100 rows; the next one is on its way while this one is read.
        cursor.execute("SELECT id, amount FROM example_booking ORDER BY id", page_size=100)
        print("largest:", max(cursor, key=lambda booking: booking.AMOUNT))

        try:
            cursor.execute("INSERT INTO example_booking (id) VALUES (?)", (1,))
        except ignite_dbapi.IntegrityError as error:
            print(f"refused with SQLSTATE {error.sqlstate}: {error}")
        cursor.execute("DROP TABLE example_booking")


if __name__ == "__main__":
    run(main)
