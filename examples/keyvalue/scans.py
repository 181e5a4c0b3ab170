"""Scans: all entries of a cache, a page at a time.

Run it with ``python -m examples.keyvalue.scans [host:port,…]``.
"""

from __future__ import annotations

from examples.running import Addresses, run_client
from ignite_dbapi.keyvalue import Client


def main(addresses: Addresses) -> None:
    """Read the same numbers in several ways."""
    with Client().connect(addresses) as client:
        numbers = client.get_or_create_cache("example numbers")
        numbers.put_all({f"key_{number}": number for number in range(20)})

        # The entries come in the order of the server's partitions, not in that of the keys.
        for key, number in numbers.scan():
            print(key, number)

        # All at once, for caches that fit into memory.
        print("in all:", len(dict(numbers.scan())))

        # Who stops early frees what the server holds by leaving the block.
        with numbers.scan(page_size=5) as entries:
            print("the first that comes:", *next(entries))

        # One partition, of the 1024 that a cache has unless it is configured otherwise.
        for partition in range(1024):
            if found := dict(numbers.scan(partitions=partition)):
                print(f"in partition {partition}:", found)
                break
        numbers.destroy()


if __name__ == "__main__":
    run_client(main)
