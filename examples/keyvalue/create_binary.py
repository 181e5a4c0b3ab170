"""A cache that SQL can query, made without SQL: its columns are described by a query entity.

Run it with ``python -m examples.keyvalue.create_binary [host:port,…]``.
"""

from __future__ import annotations

from collections import OrderedDict

from examples.running import Addresses, run_client
from ignite_dbapi.keyvalue import Client, GenericObjectMeta
from ignite_dbapi.keyvalue.datatypes import DoubleObject, IntObject, String
from ignite_dbapi.keyvalue.datatypes.prop_codes import PROP_NAME, PROP_QUERY_ENTITIES, PROP_SQL_SCHEMA
from ignite_dbapi.keyvalue.exceptions import SQLError

BOOKS = {
    PROP_NAME: "example books",
    PROP_SQL_SCHEMA: "PUBLIC",
    PROP_QUERY_ENTITIES: [
        {
            "table_name": "EXAMPLE_BOOK",
            "key_field_name": "ID",
            "key_type_name": "java.lang.Integer",
            "value_field_name": None,
            "value_type_name": "ExampleBook",
            "field_name_aliases": [],
            "query_fields": [
                {"name": "ID", "type_name": "java.lang.Integer", "is_key_field": True},
                {"name": "TITLE", "type_name": "java.lang.String", "is_notnull_constraint_field": True},
                {"name": "AUTHOR", "type_name": "java.lang.String"},
                {"name": "PAGES", "type_name": "java.lang.Integer"},
                {"name": "RATING", "type_name": "java.lang.Double"},
            ],
            "query_indexes": [],
        }
    ],
}


class Book(
    metaclass=GenericObjectMeta,
    type_name="ExampleBook",
    schema=OrderedDict([("TITLE", String), ("AUTHOR", String), ("PAGES", IntObject), ("RATING", DoubleObject)]),
):
    """The columns of a row, but for the key."""


def main(addresses: Addresses) -> None:
    """Put objects, select rows; insert a row, get an object."""
    with Client().connect(addresses) as client:
        books = client.create_cache(BOOKS)
        # The key has to be of the type that the configuration says: an INT, not a LONG.
        books.put(1, Book(TITLE="Emma", AUTHOR="Austen", PAGES=474, RATING=4.25), key_hint=IntObject)

        rows = client.sql("SELECT * FROM example_book", include_field_names=True)
        print(next(rows))
        print(*rows)

        client.sql("INSERT INTO example_book VALUES (?, ?, ?, ?, ?)", query_args=[2, "Ulysses", "Joyce", 730, 3.75])
        ulysses = books.get(2, IntObject)
        print(f"{ulysses.TITLE} by {ulysses.AUTHOR}, {ulysses.PAGES} pages, {ulysses.RATING} stars")

        # What was not made by CREATE TABLE is not for DROP TABLE either.
        try:
            client.sql("DROP TABLE example_book")
        except SQLError as error:
            print("refused:", "CREATE TABLE" in str(error))
        books.destroy()


if __name__ == "__main__":
    run_client(main)
