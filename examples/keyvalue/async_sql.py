"""asyncio: SQL through a key-value client.

Run it with ``python -m examples.keyvalue.async_sql [host:port,…]``.
"""

from __future__ import annotations

import asyncio

from examples.running import Addresses, run_client
from ignite_dbapi.keyvalue import AioClient


async def work(addresses: Addresses) -> None:
    """Fill a table with statements that run at the same time, and read it."""
    async with AioClient().connect(addresses) as client:
        await client.sql("CREATE TABLE example_planet (id INT PRIMARY KEY, name VARCHAR, moons INT)")
        try:
            planets = [[3, "Earth", 1], [4, "Mars", 2], [5, "Jupiter", 97], [6, "Saturn", 274]]
            insert = "INSERT INTO example_planet VALUES (?, ?, ?)"
            await asyncio.gather(*(client.sql(insert, query_args=planet) for planet in planets))

            query = "SELECT name, moons FROM example_planet ORDER BY id"
            async with client.sql(query, include_field_names=True) as rows:
                print(await anext(rows))
                async for row in rows:
                    print(row)
        finally:
            await client.sql("DROP TABLE example_planet")


def main(addresses: Addresses) -> None:
    """Run the example."""
    asyncio.run(work(addresses))


if __name__ == "__main__":
    run_client(main)
