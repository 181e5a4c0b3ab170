"""Entries: put, get, and the operations that do both in one step.

Run it with ``python -m examples.keyvalue.get_and_put [host:port,…]``.
"""

from __future__ import annotations

from examples.running import Addresses, run_client
from ignite_dbapi.keyvalue import Client


def main(addresses: Addresses) -> None:
    """Count what is in stock."""
    with Client().connect(addresses) as client:
        stock = client.get_or_create_cache("example stock")

        stock.put("apple", 42)
        print("apples:", stock.get("apple"))
        print("cherries:", stock.get("cherry"))

        # Many entries travel in one message. Keys that there are none of are not in the result.
        stock.put_all({"banana": 7, "date": 12})
        print("some:", stock.get_all(["apple", "banana", "cherry"]))

        print("apples before:", stock.get_and_put("apple", 40))
        print("is there no cherry yet?", stock.put_if_absent("cherry", 3))
        print("and now?", stock.put_if_absent("cherry", 4))

        # Only if nobody has changed it in the meantime.
        print("41 to 39:", stock.replace_if_equals("apple", 41, 39))
        print("40 to 39:", stock.replace_if_equals("apple", 40, 39))

        stock.remove_keys(["banana", "date"])
        print("has bananas:", stock.contains_key("banana"))
        print("kinds of fruit:", stock.get_size())
        stock.destroy()


if __name__ == "__main__":
    run_client(main)
