"""Clients of both kinds, and caches that are removed after the test."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from ignite_dbapi.keyvalue import Client
from ignite_dbapi.keyvalue.datatypes.prop_codes import PROP_NAME
from tests.twins import MODES, Loop, new_client

_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def server(make_ignite_cluster: Callable[..., Any]) -> Any:
    """One node whose SQL joins transactions."""
    return make_ignite_cluster(tx_aware=True)


@pytest.fixture(params=MODES)
def mode(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def loop() -> Iterator[Loop]:
    loop = Loop()
    yield loop
    loop.close()


@pytest.fixture
def make_client(mode: str, loop: Loop) -> Iterator[Callable[..., Any]]:
    """A function that makes a client, with its arguments; they are closed after the test."""
    made: list[Any] = []

    def make(*arguments: Any, **options: Any) -> Any:
        client = new_client(mode, loop, *arguments, **options)
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
def make_cache(client: Any, server: Any) -> Iterator[Callable[..., Any]]:
    """A function that creates a cache with the given properties, under a name of its own."""
    names: list[str] = []

    def make(properties: dict[int, Any] | None = None) -> Any:
        name = f"cache {next(_numbers)} of test"
        names.append(name)
        return client.create_cache({PROP_NAME: name, **(properties or {})})

    yield make
    with Client().connect(server.addresses) as cleaner:
        for name in names:
            if name in cleaner.get_cache_names():
                cleaner.get_cache(name).destroy()


@pytest.fixture
def cache(make_cache: Callable[..., Any]) -> Any:
    return make_cache()
