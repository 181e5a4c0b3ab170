"""A few countries, cities and languages of the world, in three SQL tables that are collocated by country."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from typing import Any

from ignite_dbapi.keyvalue import Client

SCHEMA = {
    "Country": """CREATE TABLE Country (
        Code CHAR(3) PRIMARY KEY, Name VARCHAR(52), Continent VARCHAR(50), SurfaceArea DECIMAL(10, 2),
        IndepYear SMALLINT, Population INT, LifeExpectancy DECIMAL(3, 1), Capital INT
    )""",
    "City": """CREATE TABLE City (
        ID INT, Name VARCHAR(35), CountryCode CHAR(3), District VARCHAR(20), Population INT,
        PRIMARY KEY (ID, CountryCode)
    ) WITH "affinity_key=CountryCode" """,
    "CountryLanguage": """CREATE TABLE CountryLanguage (
        CountryCode CHAR(3), Language VARCHAR(30), IsOfficial BOOLEAN, Percentage DECIMAL(4, 1),
        PRIMARY KEY (CountryCode, Language)
    ) WITH "affinity_key=CountryCode" """,
}
INDEXES = (
    "CREATE INDEX city_of_country ON City (CountryCode)",
    "CREATE INDEX language_of_country ON CountryLanguage (CountryCode)",
)
ROWS: dict[str, list[list[Any]]] = {
    "Country": [
        ["BRA", "Brazil", "South America", Decimal("8515767.00"), 1822, 203_080_756, Decimal("76.4"), 10],
        ["EGY", "Egypt", "Africa", Decimal("1002450.00"), 1922, 104_462_545, Decimal("70.2"), 20],
        ["JPN", "Japan", "Asia", Decimal("377975.00"), None, 123_802_000, Decimal("84.8"), 30],
        ["NOR", "Norway", "Europe", Decimal("385207.00"), 1905, 5_550_203, Decimal("83.1"), 40],
    ],
    "City": [
        [10, "Brasília", "BRA", "Distrito Federal", 2_817_381],
        [11, "São Paulo", "BRA", "São Paulo", 11_451_999],
        [12, "Rio de Janeiro", "BRA", "Rio de Janeiro", 6_211_223],
        [20, "Cairo", "EGY", "Cairo", 9_801_536],
        [21, "Alexandria", "EGY", "Alexandria", 5_362_517],
        [30, "Tokyo", "JPN", "Tokyo", 9_733_276],
        [31, "Yokohama", "JPN", "Kanagawa", 3_777_491],
        [32, "Osaka", "JPN", "Osaka", 2_752_412],
        [40, "Oslo", "NOR", "Oslo", 709_037],
        [41, "Bergen", "NOR", "Vestland", 289_330],
    ],
    "CountryLanguage": [
        ["BRA", "Portuguese", True, Decimal("98.0")],
        ["EGY", "Arabic", True, Decimal("99.7")],
        ["JPN", "Japanese", True, Decimal("99.1")],
        ["NOR", "Norwegian", True, Decimal("95.0")],
        ["NOR", "Northern Sami", True, Decimal("0.3")],
        ["NOR", "Kven", False, None],
    ],
}


@contextmanager
def world(client: Client) -> Iterator[None]:
    """Create the tables and fill them; drop them at the end. SQLError if one exists already."""
    created: list[str] = []
    try:
        for table, statement in SCHEMA.items():
            client.sql(statement)
            created.append(table)
        for statement in INDEXES:
            client.sql(statement)
        for table, rows in ROWS.items():
            marks = ", ".join("?" * len(rows[0]))
            for row in rows:
                client.sql(f"INSERT INTO {table} VALUES ({marks})", query_args=row)
        yield
    finally:
        for table in reversed(created):
            client.sql(f"DROP TABLE {table}")
