"""The rows of SQL tables as objects: what Ignite keeps behind a table.

Run it with ``python -m examples.keyvalue.read_binary [host:port,…]``.
"""

from __future__ import annotations

from examples.keyvalue.world_sample import world
from examples.running import Addresses, run_client
from ignite_dbapi.keyvalue import Client
from ignite_dbapi.keyvalue.datatypes.prop_codes import PROP_NAME, PROP_QUERY_ENTITIES


def main(addresses: Addresses) -> None:
    """Look up the cache of a table, its configuration and its entries."""
    with Client().connect(addresses) as client, world(client):
        # One cache a table, named by schema and table.
        for name in sorted(client.get_cache_names()):
            if name in ("SQL_PUBLIC_CITY", "SQL_PUBLIC_COUNTRY", "SQL_PUBLIC_COUNTRYLANGUAGE"):
                print(name)

        cities = client.get_cache("SQL_PUBLIC_CITY")
        settings = cities.settings
        (entity,) = settings[PROP_QUERY_ENTITIES]
        print("settings of", settings[PROP_NAME], "table", entity["table_name"])
        for field in entity["query_fields"]:
            print("  key  " if field["is_key_field"] else "  value", field["name"], field["type_name"])

        # The key's fields are in one object, those of all other columns in another. The types have names that
        # Ignite makes for each table anew; the configuration has them.
        with cities.scan() as entries:
            key, city = next(entries)
        print("named as configured:", type(key).type_name == entity["key_type_name"])
        print("columns:", ", ".join(type(key).schema), "->", ", ".join(type(city).schema))

        # One row by its primary key, from the node that keeps it, and without SQL.
        print(cities.get(type(key)(ID=30, COUNTRYCODE="JPN")).NAME)

        # Rows that SQL has found, as objects.
        for key, city in cities.select_row("population > ? ORDER BY population DESC", query_args=[9_000_000]):
            print(key.COUNTRYCODE, city.NAME, city.POPULATION)


if __name__ == "__main__":
    run_client(main)
