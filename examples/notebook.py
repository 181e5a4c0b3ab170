"""What one does in a notebook: cells that run twice, fail in between, and leave connections open.

Run it with ``python -m examples.notebook [ignite://host:port]``.
"""

# %%
from __future__ import annotations

import pandas as pd
from sqlalchemy import Column, Double, Engine, Integer, MetaData, String, Table, create_engine, inspect
from sqlalchemy.exc import ProgrammingError

from examples.running import run
from sqlalchemy_ignite import upsert_method


# %%
def prepare(engine: Engine) -> Table:
    """Create the table; a second run finds it."""
    metadata = MetaData()
    table = Table(
        "note_weather",
        metadata,
        Column("station", String, primary_key=True),
        Column("day", Integer, primary_key=True, autoincrement=False),
        Column("celsius", Double),
    )
    metadata.create_all(engine)
    return table


# %%
def load(engine: Engine, shift: float = 0.0) -> None:
    """Write the frame; a second run changes the rows that are there."""
    frame = pd.DataFrame(
        {"station": ["De Bilt", "Uccle"] * 3, "day": [1, 1, 2, 2, 3, 3], "celsius": [4.5, 5, 3, 6, 7, 8.25]}
    )
    frame["celsius"] += shift
    frame.to_sql("note_weather", engine, index=False, if_exists="append", method=upsert_method)


# %%
def average(engine: Engine) -> pd.DataFrame:
    """Ask a question."""
    return pd.read_sql(
        "SELECT station, AVG(celsius) AS celsius FROM note_weather GROUP BY station ORDER BY station", engine
    )


# %%
def main(url: str) -> None:
    """Run the cells, some of them twice."""
    engine = create_engine(url)
    for _ in range(2):
        table = prepare(engine)
    for shift in (0.0, 1.0):
        load(engine, shift)
        print(average(engine))
    # A cell with a typing error, on a connection that stays open.
    connection = engine.connect()
    try:
        pd.read_sql("SELECT celsius FROM note_wether", connection)
    except (ProgrammingError, pd.errors.DatabaseError) as error:
        print(f"as expected: {str(error).splitlines()[0][:100]}")
    print(f"and again: {pd.read_sql('SELECT COUNT(*) AS n FROM note_weather', connection)['n'][0]} rows")
    table.drop(engine)
    print(f"the table is {'still' if inspect(engine).has_table('note_weather') else 'no longer'} there")
    connection.close()
    engine.dispose()


if __name__ == "__main__":
    run(main)
