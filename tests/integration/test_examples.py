"""The README's code and the examples run as they stand."""

from __future__ import annotations

import importlib
import re
import subprocess
import sys
from pathlib import Path

import pytest

import ignite_dbapi

ROOT = Path(__file__).parent.parent.parent
README = (ROOT / "README.md").read_text()
SECTIONS = re.split(r"^## ", README, flags=re.MULTILINE)
BLOCKS = [
    (section.partition("\n")[0], code)
    for section in SECTIONS
    for code in re.findall(r"```python\n(.*?)```", section, re.DOTALL)
]
EXPECTED = {
    "DB-API": "('Ada', datetime.date(1815, 12, 10))\n",
    "SQLAlchemy": "Mercury\nVenus\n",
    "pandas": "   city   people\n0  Rome  2800000\n",
    "asyncio": "(1,)\n(2,)\n(3,)\n",
}


def test_readme_has_the_examples() -> None:
    assert [title for title, _ in BLOCKS] == list(EXPECTED)


@pytest.mark.parametrize(("title", "code"), BLOCKS, ids=[title for title, _ in BLOCKS])
def test_readme_example(title: str, code: str, connection: ignite_dbapi.Connection) -> None:
    host, port = connection.address
    for table in ("person", "planet", "town"):
        connection.execute(f"DROP TABLE IF EXISTS {table}")
    # In an interpreter of its own, as a user's program.
    program = code.replace("127.0.0.1:10800", f"{host}:{port}")
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
    assert done.stderr == ""
    assert done.stdout == EXPECTED[title]


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("dbapi_cursor", ["1000 bookings written", "refused with SQLSTATE 23000"]),
        ("asyncio_queries", ["1000 queries in", "the last square is 998001"]),
    ],
)
def test_example(name: str, shown: list[str], ignite_url: str, capsys: pytest.CaptureFixture[str]) -> None:
    importlib.import_module(f"examples.{name}").main(ignite_url)
    output = capsys.readouterr().out
    for text in shown:
        assert text in output


def test_world(connection: ignite_dbapi.Connection) -> None:
    from examples import world

    world.drop(connection)
    world.create(connection)
    loaded = world.load(connection)
    assert loaded["Country"] > 240
    assert loaded["City"] >= 25_000
    # Every city has its country, on whichever engine the join is made.
    for engine in ("h2", "calcite"):
        cursor = connection.execute(
            "SELECT COUNT(*) FROM City JOIN Country ON Country.Code = City.CountryCode", query_engine=engine
        )
        assert cursor.fetchone() == (loaded["City"],)
    world.drop(connection)
