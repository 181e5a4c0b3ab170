"""The README's code and the examples run as they stand."""

from __future__ import annotations

import importlib
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import ignite_dbapi
from ignite_dbapi.keyvalue import Client
from tests import own_cluster

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
    "Keys and values": "42\n{'pear': 7, 'apple': 42}\n[['pear', 7]]\n",
}
# Lines that the examples print.
KEY_VALUE = {
    "pipelines": [
        "visitors: 1000 the last one came in the evening",
        "refused: True",
        "visits: 2997",
    ],
    "get_and_put": ["apples: 42", "cherries: None", "apples before: 42", "41 to 39: False", "40 to 39: True"],
    "type_hints": ["the string: 1", "the character: 2", "an INT, a LONG: seven / seven as LONG", "left: False False"],
    "scans": [*(f"key_{number} {number}" for number in range(20)), "in all: 20"],
    "sql": [
        "['São Paulo', 11451999]",
        "['COUNTRY', 'LARGEST']",
        "['Japan', 9733276]",
        "NAME: Bergen",
        "Languages: ['Arabic', 'Japanese', 'Kven']",
        "Cities that have grown: 3",
    ],
    "binary_basics": [
        "class: ExamplePerson",
        "fields: first_name, last_name, age",
        "ExamplePerson(first_name='Grace', last_name='Hopper', age=37, version=1)",
        "initials: GH AT",
    ],
    "read_binary": [
        "SQL_PUBLIC_COUNTRYLANGUAGE",
        "settings of SQL_PUBLIC_CITY table CITY",
        "  key   ID java.lang.Integer",
        "named as configured: True",
        "columns: ID, COUNTRYCODE -> NAME, DISTRICT, POPULATION",
        "Tokyo",
        "EGY Cairo 9801536",
    ],
    "create_binary": [
        "['ID', 'TITLE', 'AUTHOR', 'PAGES', 'RATING']",
        "[1, 'Emma', 'Austen', 474, 4.25]",
        "Ulysses by Joyce, 730 pages, 3.75 stars",
        "refused: True",
    ],
    "migrate_binary": [
        "old: date, customer, total, is_paid",
        "new: customer, total, sent_on, paid_on",
        "2026-01-01 customer 1 100 open",
        "2026-01-02 customer 2 200 2026-02-01",
    ],
    "expiry_policy": ["code: 271828", "code, later: None", "bob, later: None", "carol, later: logged in"],
    "transactions": [
        "after 70: {'ann': 30, 'ben': 90}",
        "refused: ann would have -40",
        "after 70 more: {'ann': 30, 'ben': 90}",
        "failed: CacheError",
        "after 70 back: {'ann': 120, 'ben': 20}",
    ],
    "async_key_value": ["entries: 100", "some: [4, 9, 25]", "sum: 328350"],
    "async_sql": ["['NAME', 'MOONS']", "['Saturn', 274]"],
}


def test_readme_has_the_examples() -> None:
    assert [title for title, _ in BLOCKS] == list(EXPECTED)


@pytest.mark.parametrize(("title", "code"), BLOCKS, ids=[title for title, _ in BLOCKS])
def test_readme_example(title: str, code: str, connection: ignite_dbapi.Connection) -> None:
    host, port = connection.address
    for table in ("person", "planet", "town", "fruit"):
        connection.execute(f"DROP TABLE IF EXISTS {table}")
    # In an interpreter of its own, as a user's program.
    program = code.replace("127.0.0.1:10800", f"{host}:{port}").replace('"127.0.0.1", 10800', f'"{host}", {port}')
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
    assert done.stderr == ""
    assert done.stdout == EXPECTED[title]


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("dbapi_cursor", ["1000 bookings written", "refused with SQLSTATE 23000"]),
        ("bulk_load", ["20000 rows, told of at [5000, 10000, 15000, 20000]", "row 1 (from 0), column 'DEGREES'"]),
        ("asyncio_queries", ["1000 queries in", "the last square is 998001"]),
    ],
)
def test_example(name: str, shown: list[str], ignite_url: str, capsys: pytest.CaptureFixture[str]) -> None:
    importlib.import_module(f"examples.{name}").main(ignite_url)
    output = capsys.readouterr().out
    for text in shown:
        assert text in output


@pytest.mark.parametrize("name", KEY_VALUE)
def test_key_value_example(name: str, node: Any, capsys: pytest.CaptureFixture[str]) -> None:
    importlib.import_module(f"examples.keyvalue.{name}").main(node.addresses)
    output = capsys.readouterr().out.splitlines()
    for line in KEY_VALUE[name]:
        assert line in output
    with Client().connect(node.addresses) as client:
        assert [cache for cache in client.get_cache_names() if "example" in cache.lower()] == []


def test_all_key_value_examples_are_run() -> None:
    elsewhere = {"failover", "tls", "authentication"}  # tests/cluster/test_examples_cluster.py
    files = {path.stem for path in (ROOT / "examples" / "keyvalue").glob("*.py")}
    assert files - {"__init__", "world_sample"} == set(KEY_VALUE) | elsewhere


def test_examples(request: pytest.FixtureRequest) -> None:
    """The examples as programs, on the cluster that pytest's options name."""
    if not request.config.getoption("--examples"):
        pytest.skip("the examples are run as programs with --examples only")
    clusters: list[Any] = own_cluster.clusters(request.config) or [request.getfixturevalue("node")]
    for cluster in clusters:
        addresses = ",".join(f"{host}:{port}" for host, port in cluster.addresses)
        for name in KEY_VALUE:
            command = [sys.executable, "-m", f"examples.keyvalue.{name}", addresses]
            done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)
            assert (name, done.returncode, done.stderr) == (name, 0, "")


def run_a_key_value_test(*options: str) -> str:
    """What pytest says of one of the key-value tests, run with *options*."""
    test = "tests/integration/keyvalue/test_keyvalue_cache.py::test_one_entry"
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", test, *options]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)
    return done.stdout + done.stderr


def test_options_for_a_cluster_of_ones_own(node: Any) -> None:
    port = node.addresses[0][1]
    said = run_a_key_value_test(
        "--ignite-host=127.0.0.1", "--ignite-host=localhost", f"--ignite-port={port}", "--timeout=30", "-v"
    )
    # Each address, blocking and with asyncio; --timeout is the clients', and the limit of the tests what it was.
    assert "4 passed" in said
    assert "timeout: 300.0s" in said


def test_options_without_an_address() -> None:
    assert "neither --ignite-host nor --ignite-port" in run_a_key_value_test("--use-ssl")


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
