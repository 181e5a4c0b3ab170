"""Real servers for the tests: each is started when the first test asks for it, and shared by others."""

from __future__ import annotations

import asyncio
import gc
import itertools
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import hypothesis
import pytest

import ignite_dbapi
from ignite_dbapi.local import LocalCluster
from ignite_dbapi.local.artifacts import fetch_jars
from ignite_dbapi.local.options import DEFAULT_IGNITE_VERSION, LocalOptions
from tests import own_cluster
from tests.short_lived_nodes import make_nodes_start_faster

# A machine that has much else to do halts any example for longer than Hypothesis expects.
hypothesis.settings.register_profile("tests", deadline=20_000, suppress_health_check=[hypothesis.HealthCheck.too_slow])
hypothesis.settings.load_profile("tests")

_numbers = itertools.count(1)
_TOKYO: dict[str, Any] = {
    "timezone": "Asia/Tokyo",
    "engine": "calcite",
    "server_stack_traces": True,
    "sql_schemas": ("OTHER",),
}
_NEW_YORK: dict[str, Any] = {"timezone": "America/New_York", "engines": ()}
_SECURED: dict[str, Any] = {"tls_client_auth": True, "auth": True}
#: What many modules ask for, and keeps running. An idle node takes 1 % of a core, and 300 MB.
_KEPT = [
    LocalOptions(**options) for options in ({}, {"tx_aware": True}, {"engines": ("h2",)}, _TOKYO, _NEW_YORK, _SECURED)
]
_used: list[LocalCluster] = []


def pytest_addoption(parser: pytest.Parser) -> None:
    own_cluster.add_options(parser)


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    own_cluster.configure(config)


def pytest_collection_finish(session: pytest.Session) -> None:
    # The unit tests start no nodes.
    if not session.config.option.collectonly and any("unit" not in item.path.parts for item in session.items):
        make_nodes_start_faster()


@pytest.fixture(scope="session")
def make_ignite_cluster(make_ignite_cluster: Callable[..., LocalCluster]) -> Callable[..., LocalCluster]:
    """As the function of the package's plugin; what it returns may be stopped after the module."""

    def make(**keywords: Any) -> LocalCluster:
        cluster = make_ignite_cluster(**keywords)
        _used.append(cluster)
        return cluster

    return make


@pytest.fixture(params=["asyncio", "uvloop"])
def run_async(request: pytest.FixtureRequest) -> Callable[..., Any]:
    """What runs a coroutine: over asyncio's own event loop, or over uvloop."""
    run: Callable[..., Any] = asyncio.run if request.param == "asyncio" else pytest.importorskip("uvloop").run
    return run


@pytest.fixture(scope="module", autouse=True)
def _stop_what_few_modules_use() -> Iterator[None]:
    yield
    for cluster in _used:
        if cluster.options not in _KEPT:
            cluster.stop()
    _used.clear()


@pytest.fixture(scope="session")
def node(make_ignite_cluster: Callable[..., Any]) -> Any:
    """One node with both engines, H2 by default."""
    return make_ignite_cluster()


@pytest.fixture(scope="session")
def tokyo(make_ignite_cluster: Callable[..., Any]) -> Any:
    """One node in Asia/Tokyo whose default engine is Calcite, and which sends stack traces to clients."""
    return make_ignite_cluster(**_TOKYO)


@pytest.fixture(scope="session")
def new_york(make_ignite_cluster: Callable[..., Any]) -> Any:
    """One node in America/New_York that has no configuration of SQL engines at all."""
    return make_ignite_cluster(**_NEW_YORK)


@pytest.fixture(scope="session")
def secured(make_ignite_cluster: Callable[..., Any]) -> Any:
    """One node that asks for a user, a password and a client certificate."""
    return make_ignite_cluster(**_SECURED)


@pytest.fixture
def fast_collection() -> Iterator[None]:
    """For tests that collect garbage again and again: what is there already is not looked through each time."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


@pytest.fixture
def connection(node: Any) -> Iterator[ignite_dbapi.Connection]:
    with ignite_dbapi.connect(node.url) as connection:
        yield connection


@pytest.fixture
def cursor(connection: ignite_dbapi.Connection) -> Iterator[ignite_dbapi.Cursor]:
    with connection.cursor() as cursor:
        yield cursor


@pytest.fixture
def table(node: Any) -> Iterator[Callable[..., str]]:
    """A function that creates a table with the given columns (on ``node``, or on ``at``) and returns its name."""
    created: list[tuple[str, str]] = []

    def create(columns: str, *, at: Any = None, **options: Any) -> str:
        url = (at or node).url
        name = f"t{next(_numbers)}_of_test"
        with ignite_dbapi.connect(url) as connection:
            connection.execute(f"CREATE TABLE {name} ({columns})", **options)
        created.append((url, name))
        return name

    yield create
    for url, name in created:
        with ignite_dbapi.connect(url) as connection:
            connection.execute(f"DROP TABLE IF EXISTS {name}")


@pytest.fixture(scope="module")
def java_node(make_ignite_cluster: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory) -> Any:
    """One node that has the classes of tests/java, and runs compute tasks."""
    compiler = shutil.which("javac")
    if compiler is None:
        pytest.skip("there is no Java compiler (javac) for the classes of tests/java")
    classes = tmp_path_factory.mktemp("classes")
    sources = sorted((Path(__file__).parent / "java" / "tests").glob("*.java"))
    jars = os.pathsep.join(str(jar) for jar in fetch_jars(DEFAULT_IGNITE_VERSION))
    subprocess.run([compiler, "-nowarn", "--release", "8", "-cp", jars, "-d", classes, *sources], check=True)
    return make_ignite_cluster(class_path=(classes,), compute_tasks=10)
