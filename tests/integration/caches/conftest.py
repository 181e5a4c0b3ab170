"""Connections that run operations, and caches that are removed after the test."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import Any

import pytest

import ignite_dbapi
from ignite_dbapi.operations import cache as operations
from ignite_dbapi.operations.cache import CacheAccess
from ignite_dbapi.protocol.messages.cache_configuration import (
    CacheAtomicityMode,
    CacheConfiguration,
)
from tests.cache_client import Client

_numbers = itertools.count(1)


@pytest.fixture(scope="module")
def server(make_ignite_cluster: Callable[..., Any]) -> Any:
    return make_ignite_cluster(tx_aware=True)


@pytest.fixture
def client(server: Any) -> Iterator[Client]:
    with ignite_dbapi.connect(server.url) as connection:
        yield Client(connection)


@pytest.fixture
def other(server: Any) -> Iterator[Client]:
    with ignite_dbapi.connect(server.url) as connection:
        yield Client(connection)


@pytest.fixture
def new_cache(client: Client) -> Iterator[Callable[..., CacheAccess]]:
    """A function that creates a cache with the given properties and returns how to use it."""
    created: list[str] = []

    def create(**properties: Any) -> CacheAccess:
        name = f"cache {next(_numbers)} of test"
        client.run(operations.create, CacheConfiguration(name=name, **properties))
        created.append(name)
        return CacheAccess(name)

    yield create
    for name in created:
        client.run(operations.destroy, name)


@pytest.fixture(params=[CacheAtomicityMode.ATOMIC, CacheAtomicityMode.TRANSACTIONAL], ids=lambda mode: mode.name)
def cache(request: Any, new_cache: Callable[..., CacheAccess]) -> CacheAccess:
    return new_cache(cache_atomicity_mode=request.param)


@pytest.fixture
def accounts(new_cache: Callable[..., CacheAccess]) -> CacheAccess:
    return new_cache(cache_atomicity_mode=CacheAtomicityMode.TRANSACTIONAL)


@pytest.fixture
def thousand(client: Client, new_cache: Callable[..., CacheAccess]) -> CacheAccess:
    cache = new_cache()
    client.run(operations.put_all, cache, {number: f"v{number}" for number in range(1000)})
    return cache
