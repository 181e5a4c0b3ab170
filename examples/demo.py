"""What ``make demo`` runs: a local node, real data, SQL through DB-API, SQLAlchemy and pandas, and rows as objects."""

from __future__ import annotations

import time
from itertools import islice

import pandas as pd
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from sqlalchemy import create_engine, func, select
from sqlalchemy.orm import Session

import ignite_dbapi
from examples import world
from examples.world_models import City, Country
from ignite_dbapi.keyvalue import Client
from ignite_dbapi.local import LocalCluster

console = Console()


def main() -> None:
    """Start a node, show everything, stop the node."""
    console.rule("[bold]a local Apache Ignite node")
    with LocalCluster() as cluster:
        console.print(f"running at [bold]{cluster.url}[/]")
        load(cluster.url)
        show_dbapi(cluster.url)
        show_sqlalchemy(cluster.url)
        show_pandas(cluster.url)
        show_key_value(cluster)
    console.rule("[bold]the node is stopped")


def load(url: str) -> None:
    """Create and fill the world database, with a progress bar a table."""
    console.rule("[bold]loading the world")
    columns = (TextColumn("{task.description:16}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with ignite_dbapi.connect(url) as connection, Progress(*columns, console=console) as progress:
        world.create(connection)
        bars = {table: progress.add_task(table, total=None) for table in world.TABLES}
        world.load(connection, lambda table, done, total: progress.update(bars[table], completed=done, total=total))


def show_dbapi(url: str) -> None:
    """A cursor: parameters, joins, typed results."""
    console.rule("[bold]DB-API: cities of more than ten million people")
    with ignite_dbapi.connect(url) as connection, connection.cursor() as cursor:
        cursor.execute(
            "SELECT ci.Name, co.Name AS Country, ci.Population, ci.TimeZone FROM City ci "
            "JOIN Country co ON co.Code = ci.CountryCode WHERE ci.Population > ? ORDER BY ci.Population DESC LIMIT 8",
            (10_000_000,),
        )
        assert cursor.description is not None
        table = Table(*(f"{column.name}\n[dim]{column.type_code}[/]" for column in cursor.description))
        for row in cursor:
            table.add_row(*map(str, row))
        console.print(table)
        started = time.perf_counter()
        rows = cursor.execute("SELECT * FROM City").fetchall()
        console.print(f"SELECT * FROM City: {len(rows):,} rows in {time.perf_counter() - started:.2f} s")


def show_sqlalchemy(url: str) -> None:
    """An ORM session: objects in, objects out, aggregates."""
    console.rule("[bold]SQLAlchemy: an ORM session")
    engine = create_engine(url)
    with Session(engine) as session:
        japan = session.scalars(select(Country).where(Country.name == "Japan")).one()
        console.print(f"{japan.name}: {japan.population:,} people, capital {japan.capital}, {japan.surface_area} km²")
        session.add(City(id=-1, country_code=japan.code, name="Ignite City", population=42))
        session.commit()
        statement = (
            select(City.name, City.population)
            .where(City.country_code == japan.code)
            .order_by(City.population.desc())
            .limit(3)
        )
        for name, population in session.execute(statement):
            console.print(f"  {name}: {population:,}")
        session.delete(session.get_one(City, (-1, japan.code)))
        session.commit()
        counted = session.execute(
            select(Country.continent, func.count()).group_by(Country.continent).order_by(Country.continent)
        )
        console.print("countries by continent: " + ", ".join(f"{code} {count}" for code, count in counted))
    engine.dispose()


def show_pandas(url: str) -> None:
    """A DataFrame from SQL."""
    console.rule("[bold]pandas.read_sql: languages spoken in most countries")
    engine = create_engine(url)
    with engine.connect() as connection:
        frame = pd.read_sql("SELECT CountryCode, Language FROM CountryLanguage", connection)
    frame["family"] = frame.iloc[:, 1].str.split("-").str[0]
    console.print(frame.groupby("family").size().nlargest(5).to_string())
    engine.dispose()


def show_key_value(cluster: LocalCluster) -> None:
    """The rows of a table as objects: a scan, a get by key, a put that SQL sees."""
    console.rule("[bold]keys and values: the rows of City as objects")
    with Client().connect(cluster.addresses) as client:
        cities = client.get_cache("SQL_PUBLIC_CITY")
        table = Table("key", "value", "time zone")
        with cities.scan() as entries:
            first = list(islice(entries, 4))
        for key, city in first:
            table.add_row(f"{key.ID}, {key.COUNTRYCODE}", f"{city.NAME}, {city.POPULATION:,} people", city.TIMEZONE)
        console.print(table)

        started = time.perf_counter()
        largest = max(cities.scan(), key=lambda entry: entry[1].POPULATION)
        console.print(f"scan of {cities.get_size():,} objects in {time.perf_counter() - started:.2f} s")

        key = type(largest[0])(ID=largest[0].ID, COUNTRYCODE=largest[0].COUNTRYCODE)
        city = cities.get(key)
        console.print(
            f"get({key.ID}, {key.COUNTRYCODE!r}): {city.NAME}, {city.POPULATION:,} people, the largest of all"
        )
        city.POPULATION += 1
        cities.put(key, city)
        (row,) = client.sql("SELECT Name, Population FROM City WHERE ID = ?", query_args=[key.ID])
        console.print(f"put: one more, and SQL sees {row[0]} with {row[1]:,}")


if __name__ == "__main__":
    main()
