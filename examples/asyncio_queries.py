"""asyncio: many statements under way at once on one connection.

Run it with ``python -m examples.asyncio_queries [ignite://host:port]``.
"""

from __future__ import annotations

import asyncio
import time

import ignite_dbapi.aio
from examples.running import run


async def square(connection: ignite_dbapi.aio.AsyncConnection, number: int) -> int:
    """Let the server multiply."""
    cursor = await connection.execute("SELECT CAST(? AS BIGINT) * CAST(? AS BIGINT)", (number, number))
    (result,) = await cursor.fetchone()
    return int(result)


async def compute(url: str) -> None:
    """Run 1000 queries at once."""
    async with await ignite_dbapi.aio.connect(url) as connection:
        started = time.perf_counter()
        squares = await asyncio.gather(*(square(connection, number) for number in range(1000)))
        print(f"1000 queries in {time.perf_counter() - started:.2f} s; the last square is {squares[-1]}")


def main(url: str) -> None:
    """Run the example."""
    asyncio.run(compute(url))


if __name__ == "__main__":
    run(main)
