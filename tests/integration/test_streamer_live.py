"""Data streamers: everything arrives, what fails is told, and what is abandoned leaves nothing behind."""

from __future__ import annotations

import asyncio
import gc
import itertools
from collections.abc import Iterator
from typing import Any

import pytest
from wire import Proxy

import ignite_dbapi
from ignite_dbapi.errors import Error, InterfaceError, OperationalError, ProgrammingError
from ignite_dbapi.keyvalue import AioClient, Client
from ignite_dbapi.keyvalue.datatypes import IntObject, ShortObject

_numbers = itertools.count(1)


@pytest.fixture
def client(node: Any) -> Iterator[Client]:
    with Client().connect(*node.addresses[0]) as client:
        yield client


@pytest.fixture
def cache(client: Client) -> Iterator[Any]:
    cache = client.get_or_create_cache(f"streamed {next(_numbers)}")
    yield cache
    cache.destroy()


@pytest.mark.parametrize(("batch_size", "window"), [(1, 1), (7, 3), (1024, 8)])
def test_everything_arrives(cache: Any, batch_size: int, window: int) -> None:
    entries = {number: f"value {number}" for number in range(500)}
    with cache.streamer(batch_size=batch_size, window=window) as streamer:
        streamer.add_all(entries)
        for number in range(500, 600):
            streamer.add(number, "single")
    assert streamer.is_closed
    assert cache.get_size() == 600
    assert cache.get_all(range(500)) == entries


def test_iterables_are_read_as_they_are_sent(node: Any, cache: Any) -> None:
    sent: list[int] = []
    with Proxy(node.addresses[0]) as proxy, ignite_dbapi.connect(proxy.url) as connection:

        def entries() -> Iterator[tuple[int, str]]:
            for number in range(1000):
                yield number, "x"
                sent.append(proxy.requests.count(8001))

        with connection.cache(cache.name).streamer(batch_size=10, window=2) as streamer:
            streamer.add_all(entries())
    # At each time all but the last two requests have arrived.
    assert [number for number, requests in enumerate(sent) if requests < (number + 1) // 10 - 2] == []
    assert cache.get_size() == 1000


def test_large_values_make_small_requests(node: Any, cache: Any) -> None:
    with Proxy(node.addresses[0]) as proxy, ignite_dbapi.connect(proxy.url) as connection:
        with connection.cache(cache.name).streamer() as streamer:
            streamer.add_all((number, "x" * 100_000) for number in range(50))
        assert max(map(len, proxy.frames)) < 1_000_000
        assert proxy.requests.count(8000) == 1
        assert proxy.requests.count(8001) > 10
    assert cache.get_size() == 50


def test_hints(cache: Any) -> None:
    with cache.streamer(allow_overwrite=True) as streamer:
        streamer.add(1, 2, IntObject, ShortObject)
        streamer.add_all([((2, IntObject), (3, ShortObject))])
    assert (cache.get(1, IntObject), cache.get(2, IntObject), cache.get(1)) == (2, 3, None)


def test_overwriting_and_removing(cache: Any) -> None:
    cache.put_all({1: "old", 2: "old"})
    with cache.streamer() as streamer:
        streamer.add(1, "new")
        streamer.add(3, "new")
        with pytest.raises(ProgrammingError, match="allow_overwrite=True"):
            streamer.remove(2)
    assert cache.get_all([1, 2, 3]) == {1: "old", 2: "old", 3: "new"}
    with cache.streamer(allow_overwrite=True) as streamer:
        streamer.add(1, "new")
        streamer.remove(2)
        streamer.remove(99)
    assert cache.get_all([1, 2, 3]) == {1: "new", 3: "new"}


def test_flush(cache: Any) -> None:
    with cache.streamer() as streamer:
        streamer.flush()  # nothing yet
        for number in range(3):
            streamer.add(number, "x")
            assert cache.get_size() == number
            streamer.flush()
            assert cache.get_size() == number + 1


def test_tables(client: Client) -> None:
    client.sql(
        'CREATE TABLE streamed (id INT PRIMARY KEY, name VARCHAR) WITH "cache_name=streamed,value_type=Streamed"'
    )
    try:
        client.sql("INSERT INTO streamed VALUES (0, 'Ann')")
        cache = client.get_cache("streamed")
        row_class = type(cache.get(0, IntObject))
        with cache.streamer() as streamer:
            for number in range(1, 200):
                streamer.add(number, row_class(NAME=f"name {number}"), IntObject)
        assert list(client.sql("SELECT COUNT(*), MAX(name) FROM streamed WHERE id > 0")) == [[199, "name 99"]]
    finally:
        client.sql("DROP TABLE streamed")


def test_an_exception_cancels(cache: Any) -> None:
    streamer = cache.streamer()
    with pytest.raises(ZeroDivisionError), streamer:
        streamer.add_all((number, 1 // (1 - number)) for number in range(2))
    assert streamer.is_closed
    assert cache.get_size() == 0
    streamer.close()
    with pytest.raises(InterfaceError, match="the data streamer is closed") as closed:
        streamer.add(1, "x")
    assert closed.value.code == "streamer_closed"


def finish(streamer: Any) -> None:
    streamer.add_all((number, "x") for number in range(100))
    streamer.flush()
    streamer.close()


def test_errors_of_the_server(client: Client, cache: Any) -> None:
    with pytest.raises(Error, match="Cache does not exist"), client.get_cache("nowhere").streamer() as streamer:
        streamer.add(1, "x")
    # What the server finds out while it loads, it may tell at the end only.
    doomed = client.create_cache(f"doomed {next(_numbers)}")
    streamer = doomed.streamer(batch_size=1)
    streamer.add(1, "x")
    streamer.flush()
    doomed.destroy()
    with pytest.raises(Error) as first:
        finish(streamer)
    for call in (streamer.flush, lambda: streamer.add(1, "x"), streamer.close):
        with pytest.raises(Error) as again:
            call()
        assert str(again.value) == str(first.value)
    streamer.close()
    assert cache.get(1) is None  # the connection is good


def test_wrong_entries(cache: Any) -> None:
    streamer = cache.streamer()
    for key, value in ((None, 1), (1, None)):
        with pytest.raises(ProgrammingError, match="neither key nor value can be None"):
            streamer.add(key, value)
    for entries in ([1, 2], [(1, 2, 3)], 5):
        with pytest.raises((ProgrammingError, TypeError)):
            streamer.add_all(entries)
    streamer.add(1, "x")
    streamer.close()
    assert cache.get_size() == 1
    for options in ({"batch_size": 0}, {"window": 0}, {"per_node_buffer": 0}, {"per_thread_buffer": -1}):
        with pytest.raises(ProgrammingError, match=next(iter(options))):
            cache.streamer(**options)


def test_lost_connection(node: Any, cache: Any) -> None:
    with Proxy(node.addresses[0]) as proxy:
        connection = ignite_dbapi.connect(proxy.url)
        streamer = connection.cache(cache.name).streamer(batch_size=1, window=1)
        streamer.add(1, "x")
        streamer.flush()
    with pytest.raises(OperationalError) as lost:
        streamer.add_all((number, "x") for number in range(100))
    assert lost.value.is_connection_lost
    connection.close()


@pytest.mark.usefixtures("fast_collection")
def test_abandoned_streamers_are_closed(client: Client, cache: Any) -> None:
    # One connection may have 128 cursors, which a streamer counts as.
    for _ in range(150):
        streamer = cache.streamer(batch_size=1)
        streamer.add(1, "x")
        del streamer
        gc.collect()
    assert next(client.sql("SELECT 1")) == [1]


def test_asyncio(node: Any, cache: Any) -> None:
    async def main() -> None:
        async with AioClient().connect(*node.addresses[0]) as client:
            mine = await client.get_cache(cache.name)
            async with mine.streamer(batch_size=50, window=2, allow_overwrite=True) as streamer:
                await streamer.add_all(dict.fromkeys(range(500), "x"))
                for number in range(500, 700):
                    await streamer.add(number, "y")
                await streamer.flush()
                assert await mine.get_size() == 700
                await streamer.remove(0)
            assert await mine.get_size() == 699
            streamer = await mine.streamer()
            with pytest.raises(ZeroDivisionError):
                async with streamer:
                    await streamer.add_all((number, 1 // (1001 - number)) for number in range(1000, 1002))
            assert await mine.get_size() == 699
            abandoned = await mine.streamer()
            await abandoned.add(2000, "x")
            await abandoned.cancel()
            with pytest.raises(InterfaceError):
                await abandoned.flush()

    asyncio.run(main())
