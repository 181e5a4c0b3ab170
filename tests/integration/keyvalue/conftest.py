"""Clients of both kinds, and caches that are removed after the test."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from ignite_dbapi.keyvalue import Client
from ignite_dbapi.keyvalue.datatypes.prop_codes import PROP_NAME
from tests import own_cluster
from tests.twins import MODES, Loop, new_client

_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def server(make_ignite_cluster: Callable[..., Any]) -> Any:
    """One node whose SQL joins transactions, or a cluster that pytest's options name."""
    return make_ignite_cluster(tx_aware=True)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    found = own_cluster.clusters(metafunc.config)
    if found and "server" in metafunc.fixturenames:
        metafunc.parametrize("server", found, ids=str, scope="session")


@pytest.fixture
def client_arguments(server: Any) -> dict[str, Any]:
    """What clients need to log in."""
    return dict(getattr(server, "client_arguments", {}))


@pytest.fixture(params=MODES)
def mode(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def loop() -> Iterator[Loop]:
    loop = Loop()
    yield loop
    loop.close()


@pytest.fixture
def make_client(mode: str, loop: Loop, client_arguments: dict[str, Any]) -> Iterator[Callable[..., Any]]:
    """A function that makes a client, with its arguments; they are closed after the test."""
    made: list[Any] = []

    def make(*arguments: Any, **options: Any) -> Any:
        client = new_client(mode, loop, *arguments, **(client_arguments | options))
        made.append(client)
        return client

    yield make
    for client in made:
        client.close()


@pytest.fixture
def client(make_client: Callable[..., Any], server: Any) -> Any:
    client = make_client()
    client.connect(server.addresses)
    return client


@pytest.fixture
def make_cache(client: Any, server: Any, client_arguments: dict[str, Any]) -> Iterator[Callable[..., Any]]:
    """A function that creates a cache with the given properties, under a name of its own."""
    names: list[str] = []

    def make(properties: dict[int, Any] | None = None) -> Any:
        name = f"cache {next(_numbers)} of test"
        names.append(name)
        return client.create_cache({PROP_NAME: name, **(properties or {})})

    yield make
    with Client(**client_arguments).connect(server.addresses) as cleaner:
        for name in names:
            if name in cleaner.get_cache_names():
                cleaner.get_cache(name).destroy()


@pytest.fixture
def cache(make_cache: Callable[..., Any]) -> Any:
    return make_cache()
