"""Runs SQLAlchemy's own dialect suite, against a node that it starts itself.

It is a pytest run of its own, because it needs SQLAlchemy's plugin:

    python -m pytest -c tests/conformance/sqlalchemy_suite/pytest.ini --rootdir . tests/conformance/sqlalchemy_suite

``--ignite-driver aio`` runs it over asyncio; ``--dburi`` against a server that runs already.
"""

from __future__ import annotations

import pytest
from sqlalchemy.testing.plugin import pytestplugin
from sqlalchemy.testing.plugin.pytestplugin import *  # noqa: F403

from ignite_dbapi.local import LocalCluster, LocalOptions

#: Class and beginning of the name of tests that no requirement switches off, and the server's reason.
SKIPPED = {
    "CTETest.test_select_recursive_round_trip": "neither SQL engine runs WITH RECURSIVE",
    "ComponentReflectionTestExtra.test_server_defaults[DateTime": "42000: Non-constant DEFAULT expressions",
    "ComponentReflectionTestExtra.test_string_length_reflection[CHAR": "CHAR and VARCHAR are java.lang.String",
    "DateHistoricTest.test_literal_years": "the server reads literals of days before 1582 in the Julian calendar",
    "DateTimeHistoricTest.test_literal_years": "the server reads literals of days before 1582 in the Julian calendar",
    "DateTimeMicrosecondsTest.test_literal": "fills a table without key, which goes through Calcite: milliseconds",
    "TimestampMicrosecondsTest.test_literal": "fills a table without key, which goes through Calcite: milliseconds",
    "InsertBehaviorTest.test_insert_from_select_autoinc": "keys are generated for rows from Python, not from a SELECT",
    "NormalizedNameTest.test_reflect_lowercase_forced_tables": "Ignite has no foreign keys",
    "ServerSideCursorsTest.test_ss_cursor_status[for_update": "Ignite has no SELECT … FOR UPDATE",
}

_CLUSTER = pytest.StashKey[LocalCluster]()


def pytest_addoption(parser: pytest.Parser) -> None:
    pytestplugin.pytest_addoption(parser)
    parser.addoption("--ignite-driver", default="ignite_dbapi", help="ignite_dbapi, or aio")


def pytest_configure(config: pytest.Config) -> None:
    pytestplugin.pytest_configure(config)
    if not config.option.dburi and not config.option.collectonly:
        # The suite wants a second schema, and levels of isolation to try.
        cluster = LocalCluster(LocalOptions(sql_schemas=("TEST_SCHEMA",), tx_aware=True))
        config.stash[_CLUSTER] = cluster
        cluster.start()
        driver = config.getoption("--ignite-driver")
        config.option.dburi = [cluster.url.replace("ignite://", f"ignite+{driver}://", 1)]


def pytest_collection_modifyitems(session: pytest.Session, config: pytest.Config, items: list[pytest.Item]) -> None:
    pytestplugin.pytest_collection_modifyitems(session, config, items)
    for item in items:
        # SQLAlchemy appends the driver to the name of the class.
        name = f"{item.nodeid.split('::')[1].split('_')[0]}.{item.name}"
        for beginning, why in SKIPPED.items():
            if name.startswith(beginning):
                item.add_marker(pytest.mark.skip(reason=why))


def pytest_unconfigure(config: pytest.Config) -> None:
    pytestplugin.pytest_unconfigure(config)
    cluster = config.stash.get(_CLUSTER, None)
    if cluster is not None:
        cluster.stop()
