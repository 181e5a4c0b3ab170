"""Fixtures for tests that need an Apache Ignite server.

Installed with the package, so a test simply asks for ``ignite_cluster`` or ``ignite_url``. Clusters are
started when first asked for, shared by all tests of a run that ask for the same options, and stopped at its
end. Nothing beyond this module is imported until then.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, Literal

import pytest

if TYPE_CHECKING:
    from ignite_dbapi.local import LocalCluster, LocalOptions

__all__ = ["ignite_cluster", "ignite_url", "make_ignite_cluster"]

# Name of the option of LocalOptions, type of the ini value, and what it is.
_INI: list[tuple[str, Literal["string", "bool"], str]] = [
    ("version", "string", "Apache Ignite version of the local server"),
    ("engine", "string", "SQL engine of statements that name none: h2 or calcite"),
    ("nodes", "string", "number of nodes of the local server"),
    ("timezone", "string", "time zone of the local server"),
    ("tx_aware", "bool", "let SQL join transactions"),
    ("auth", "bool", "let the local server ask for user and password"),
    ("tls", "bool", "let the local server encrypt client connections"),
]


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the ini options ``ignite_version`` … and the command line options ``--ignite-version`` …"""
    group = parser.getgroup("ignite", "local Apache Ignite server")
    for name, kind, text in _INI:
        parser.addini(f"ignite_{name}", text, type=kind, default=None)
        if kind == "string":
            group.addoption(f"--ignite-{name}", help=f"{text} (overrides the ini option ignite_{name})")
    group.addoption("--ignite-url", help="URL of a server that runs already, for the fixture ignite_url")


def _configured(config: pytest.Config) -> dict[str, Any]:
    """Return what the command line and the ini file say, as keywords of LocalOptions."""
    keywords: dict[str, Any] = {}
    for name, kind, _ in _INI:
        value = config.getoption(f"--ignite-{name}") if kind == "string" else None
        if value is None:
            value = config.getini(f"ignite_{name}")
        if value not in (None, ""):
            keywords["ignite_version" if name == "version" else name] = value
    if "nodes" in keywords:
        if not str(keywords["nodes"]).isdecimal():
            raise pytest.UsageError(f"ignite_nodes is {keywords['nodes']!r} and has to be a number")
        keywords["nodes"] = int(keywords["nodes"])
    return keywords


@pytest.fixture(scope="session")
def make_ignite_cluster() -> Iterator[Callable[..., LocalCluster]]:
    """Return a function that takes the keywords of ``LocalOptions`` and returns a started cluster.

    The same keywords give the same cluster, for the whole test run; nodes that a test has stopped, or the whole
    cluster, are started again when it is asked for the next time. All clusters are stopped at the end of the run.
    """
    clusters: dict[LocalOptions, LocalCluster] = {}

    def make(**keywords: Any) -> LocalCluster:
        from ignite_dbapi.local import LocalCluster, LocalOptions

        options = LocalOptions(**keywords)
        cluster = clusters.get(options)
        if cluster is None:
            cluster = clusters[options] = LocalCluster(options)
        cluster.start()
        for node in cluster.nodes:
            node.start()
        return cluster

    try:
        yield make
    finally:
        for cluster in clusters.values():
            cluster.stop()


@pytest.fixture(scope="session")
def ignite_cluster(make_ignite_cluster: Callable[..., LocalCluster], pytestconfig: pytest.Config) -> LocalCluster:
    """Return a started ``LocalCluster`` with the options of the ini file and the command line."""
    return make_ignite_cluster(**_configured(pytestconfig))


@pytest.fixture(scope="session")
def ignite_url(request: pytest.FixtureRequest) -> str:
    """Return the URL of ``ignite_cluster``; with ``--ignite-url``, that one, and nothing is started."""
    given = request.config.getoption("--ignite-url")
    if given is not None:
        return str(given)
    cluster: LocalCluster = request.getfixturevalue("ignite_cluster")
    return cluster.url
