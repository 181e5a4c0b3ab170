"""asyncio: many operations under way at once.

Run it with ``python -m examples.keyvalue.async_key_value [host:port,…]``.
"""

from __future__ import annotations

import asyncio

from examples.running import Addresses, run_client
from ignite_dbapi.keyvalue import AioClient


async def work(addresses: Addresses) -> None:
    """Put, get and scan."""
    async with AioClient().connect(addresses) as client:
        squares = await client.get_or_create_cache("example squares")

        # Each is on its way before the first is answered, on one connection to each node.
        await asyncio.gather(*(squares.put(number, number**2) for number in range(100)))
        print("entries:", await squares.get_size())
        print("some:", await asyncio.gather(*(squares.get(number) for number in (2, 3, 5))))

        total = 0
        async with squares.scan() as entries:
            async for _, square in entries:
                total += square
        print("sum:", total)
        await squares.destroy()


def main(addresses: Addresses) -> None:
    """Run the example."""
    asyncio.run(work(addresses))


if __name__ == "__main__":
    run_client(main)
