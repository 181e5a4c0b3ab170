"""SQL through a key-value client, on a sample of the world.

Run it with ``python -m examples.keyvalue.sql [host:port,…]``.
"""

from __future__ import annotations

from examples.keyvalue.world_sample import world
from examples.running import Addresses, run_client
from ignite_dbapi.keyvalue import Client


def main(addresses: Addresses) -> None:
    """Ask for cities, and for what is known of one."""
    with Client().connect(addresses) as client, world(client):
        print("The largest cities:")
        for row in client.sql("SELECT name, population FROM City ORDER BY population DESC LIMIT 5"):
            print(row)

        # With the names of the columns as first row.
        rows = client.sql(
            """SELECT Country.name AS country, MAX(City.population) AS largest
            FROM Country JOIN City ON City.countrycode = Country.code
            WHERE Country.code IN ('JPN', 'BRA', 'NOR') GROUP BY Country.name ORDER BY largest DESC""",
            include_field_names=True,
        )
        print("The largest city of three countries:")
        print(next(rows))
        for row in rows:
            print(row)

        rows = client.sql("SELECT * FROM City WHERE id = ?", query_args=[41], include_field_names=True)
        names = next(rows)
        for name, value in zip(names, *rows, strict=True):
            print(f"{name}: {value}")

        # A page of two rows at a time, and no more than three rows.
        languages = client.sql("SELECT language FROM CountryLanguage ORDER BY language", page_size=2, max_rows=3)
        print("Languages:", [language for (language,) in languages])

        # What changes rows tells how many.
        update = "UPDATE City SET population = population + 1 WHERE countrycode = ?"
        ((changed,),) = client.sql(update, query_args=["JPN"])
        print("Cities that have grown:", changed)


if __name__ == "__main__":
    run_client(main)
