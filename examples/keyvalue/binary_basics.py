"""Complex objects: what other programs have stored, and classes of one's own.

Run it with ``python -m examples.keyvalue.binary_basics [host:port,…]``.
"""

from __future__ import annotations

from collections import OrderedDict

from examples.running import Addresses, run_client
from ignite_dbapi.keyvalue import Client, GenericObjectMeta
from ignite_dbapi.keyvalue.datatypes import IntObject, String

# The type's name is that of the class, unless the keyword type_name gives another one.
FIELDS = OrderedDict([("first_name", String), ("last_name", String), ("age", IntObject)])


class ExamplePerson(metaclass=GenericObjectMeta, schema=FIELDS):
    """A person as this program sees one; may have methods, as any class."""

    first_name: str
    last_name: str

    def initials(self) -> str:
        return self.first_name[0] + self.last_name[0]


def main(addresses: Addresses) -> None:
    """Write people with one client, read them with others."""
    with Client().connect(addresses) as client:
        # Registered with the cluster by itself as soon as the first object is written.
        client.get_or_create_cache("example people").put(1, ExamplePerson("Grace", "Hopper", 37))

    with Client().connect(addresses) as client:
        people = client.get_cache("example people")
        # This client has no class for the type, so one is made from what the cluster knows of it.
        person = people.get(1)
        print("class:", type(person).__name__)
        print("fields:", ", ".join(type(person).schema))
        print(person)
        # It can be used for writing, too.
        people.put(2, type(person)(first_name="Alan", last_name="Turing", age=29))

    with Client().connect(addresses) as client:
        # A class that is to be read before it was written has to be registered.
        client.register_binary_type(ExamplePerson)
        people = client.get_cache("example people")
        print("initials:", people.get(1).initials(), people.get(2).initials())
        people.destroy()


if __name__ == "__main__":
    run_client(main)
