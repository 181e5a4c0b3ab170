"""Type hints: which of Ignite's types a Python value becomes.

Run it with ``python -m examples.keyvalue.type_hints [host:port,…]``.
"""

from __future__ import annotations

from examples.running import Addresses, run_client
from ignite_dbapi.keyvalue import Client
from ignite_dbapi.keyvalue.datatypes import CharObject, CollectionObject, IntObject, ShortObject, String


def main(addresses: Addresses) -> None:
    """Store the same Python values as different types."""
    with Client().connect(addresses) as client:
        cache = client.get_or_create_cache("example hints")

        # An int is a LONG of nine bytes unless a hint says otherwise; a SHORT has three.
        cache.put("answer", 42)
        cache.put("answer", 42, value_hint=ShortObject)

        # A string and a character are two keys, even if they look the same.
        cache.put("a", 1)
        cache.put("a", 2, key_hint=CharObject)
        print("the string:", cache.get("a"))
        print("the character:", cache.get("a", key_hint=CharObject))

        # In lists and dicts, a hint stands beside its value.
        cache.put_all({(7, IntObject): ("seven", String), 7: "seven as LONG"})
        print("an INT, a LONG:", cache.get(7, IntObject), "/", cache.get(7))

        # Collections are pairs of their Java kind and their items, whose types can be hinted, too.
        cache.put("list", (CollectionObject.LINKED_LIST, [(1, ShortObject), "two", None]))
        kind, items = cache.get("list")
        print("a linked list:", kind == CollectionObject.LINKED_LIST, items)

        cache.remove_keys(["a", ("a", CharObject)])
        print("left:", cache.contains_key("a"), cache.contains_key("a", CharObject))
        cache.destroy()


if __name__ == "__main__":
    run_client(main)
