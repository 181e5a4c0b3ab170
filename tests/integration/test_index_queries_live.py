"""Index queries and scans of many partitions at once."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Iterator
from typing import Any

import pytest

from ignite_dbapi.errors import DatabaseError, Error, ProgrammingError
from ignite_dbapi.keyvalue import AioClient, Client
from ignite_dbapi.keyvalue.datatypes import IntObject
from ignite_dbapi.keyvalue.datatypes.cache_config import CacheMode
from ignite_dbapi.keyvalue.datatypes.prop_codes import PROP_CACHE_MODE, PROP_NAME
from ignite_dbapi.keyvalue.index_queries import between, eq, gt, gte, is_in, lt, lte

_numbers = itertools.count(1)


@pytest.fixture
def client(node: Any) -> Iterator[Client]:
    with Client().connect(*node.addresses[0]) as client:
        yield client


@pytest.fixture
def people(client: Client) -> Iterator[Any]:
    name = f"people{next(_numbers)}"
    client.sql(
        f'CREATE TABLE {name} (id INT PRIMARY KEY, age INT, name VARCHAR) WITH "cache_name={name},value_type={name}"'
    )
    client.sql(f"CREATE INDEX {name}_age ON {name} (age)")
    client.sql(f"CREATE INDEX {name}_age_name ON {name} (age, name)")
    with client.get_cache(name).streamer() as streamer:
        client.sql(f"INSERT INTO {name} VALUES (0, 0, 'p0')")
        person = type(streamer._owner.get_cache(name).get(0, IntObject))
        for number in range(1, 200):
            streamer.add(number, person(AGE=number % 20, NAME=f"p{number}"), IntObject)
    client.sql(f"INSERT INTO {name} (id, name) VALUES (999, 'ageless')")
    yield client.get_cache(name)
    client.sql(f"DROP TABLE {name}")


def number(value: int) -> Any:
    return value, IntObject


def ages(entries: Any) -> list[int | None]:
    return [getattr(value, "AGE", None) for _, value in entries]


def test_criteria(people: Any) -> None:
    def found(*criteria: Any, **options: Any) -> list[int | None]:
        return ages(people.index_query(*criteria, **options))

    assert found(eq("AGE", number(3))) == [3] * 10
    assert found(eq("AGE", None)) == [None]
    assert found(lt("AGE", number(2))) == [None] + [0] * 10 + [1] * 10
    assert found(lte("AGE", number(1))) == [None] + [0] * 10 + [1] * 10
    assert found(gt("AGE", number(18))) == [19] * 10
    assert found(gte("AGE", number(18))) == [18] * 10 + [19] * 10
    assert found(between("AGE", number(5), number(6))) == [5] * 10 + [6] * 10
    assert found(is_in("AGE", [number(7), number(3), number(100)])) == [3] * 10 + [7] * 10
    assert found(eq("AGE", number(3)), eq("NAME", "p23")) == [3]
    assert found(eq("AGE", number(100))) == []
    assert len(found(index_name=f"{people.name}_age".upper())) == 201


def test_limit_and_paging(people: Any) -> None:
    with people.index_query(gte("AGE", number(10)), page_size=7) as cursor:
        entries = list(cursor)
    assert (len(entries), ages(entries)) == (100, sorted(ages(entries)))
    assert ages(people.index_query(gte("AGE", number(10)), limit=15)) == [10] * 10 + [11] * 5


def test_partition(people: Any) -> None:
    everything = sorted(key for key, _ in people.index_query(gte("AGE", number(0))))
    parts = [sorted(key for key, _ in people.index_query(gte("AGE", number(0)), partition=part)) for part in range(64)]
    scanned = [sorted(key for key, _ in people.scan(partitions=part) if key != 999) for part in range(64)]
    assert parts == scanned
    assert sum(map(len, parts)) < len(everything) == 200


def test_wrong_queries(client: Client, people: Any) -> None:
    for query, message in (
        (lambda: people.index_query(eq("NOWHERE", 1)), "NOWHERE|No index"),
        (lambda: people.index_query(eq("AGE", number(1)), index_name="NOWHERE"), "NOWHERE"),
        (lambda: people.index_query(eq("AGE", number(1)), value_type="Nobody"), "Nobody"),
    ):
        with pytest.raises(DatabaseError, match=message):
            query()
    plain = client.get_or_create_cache("without entities")
    with pytest.raises(Error, match="has 0 query entities, so that value_type must say"):
        plain.index_query(eq("AGE", 1))
    assert next(client.sql("SELECT 1")) == [1]


def test_index_query_with_asyncio(node: Any, people: Any) -> None:
    async def main() -> None:
        async with AioClient().connect(*node.addresses[0]) as client:
            cache = await client.get_cache(people.name)
            cursor = await cache.index_query(gt("AGE", number(18)), page_size=3)
            assert [value.AGE async for _, value in cursor] == [19] * 10
            async with await cache.index_query(gte("AGE", number(0)), page_size=3) as cursor:
                assert (await cursor.__anext__())[1].AGE == 0

    asyncio.run(main())


# --- partitions -------------------------------------------------------------------------------------------------


@pytest.fixture
def cache(client: Client) -> Iterator[Any]:
    cache = client.get_or_create_cache(f"scanned {next(_numbers)}")
    cache.put_all({number: number for number in range(3000)})
    yield cache
    cache.destroy()


@pytest.mark.parametrize(("parallel", "page_size"), [(1, 1000), (8, 1), (64, 2), (5000, 1024)])
def test_scan_of_all_partitions(cache: Any, parallel: int, page_size: int) -> None:
    entries = list(cache.scan_partitions(parallel=parallel, page_size=page_size))
    assert sorted(entries) == [(number, number) for number in range(3000)]


def test_scan_of_some_partitions(cache: Any) -> None:
    wanted = [5, 6, 1000, 5]
    expected = sorted(entry for part in {5, 6, 1000} for entry in cache.scan(partitions=part))
    assert sorted(cache.scan_partitions(wanted)) == expected
    assert list(cache.scan_partitions([])) == []


def test_scan_of_a_replicated_cache(client: Client) -> None:
    cache = client.create_cache({PROP_NAME: f"replicated {next(_numbers)}", PROP_CACHE_MODE: CacheMode.REPLICATED})
    cache.put_all({number: number for number in range(100)})
    assert sorted(cache.scan_partitions()) == [(number, number) for number in range(100)]
    cache.destroy()


def test_scan_that_is_left_early(client: Client, cache: Any) -> None:
    # One connection may have 128 cursors.
    for _ in range(20):
        with cache.scan_partitions(parallel=30, page_size=1) as entries:
            assert len(next(entries)) == 2
    for _ in range(20):
        next(iter(cache.scan_partitions(parallel=30, page_size=1)))
    with cache.scan_partitions() as entries:
        pass
    assert list(entries) == []
    assert next(client.sql("SELECT 1")) == [1]


def test_wrong_scans(client: Client, cache: Any) -> None:
    for options in ({"parallel": 0}, {"page_size": 0}, {"partitions": [-1]}):
        with pytest.raises(ProgrammingError):
            cache.scan_partitions(**options)
    with pytest.raises(DatabaseError):
        list(cache.scan_partitions([70000]))
    with pytest.raises(Error, match="Cache does not exist"):
        list(client.get_cache("nowhere").scan_partitions())
    assert cache.get(1) == 1


def test_scan_with_asyncio(node: Any, cache: Any) -> None:
    async def main() -> None:
        async with AioClient().connect(*node.addresses[0]) as client:
            mine = await client.get_cache(cache.name)
            async with mine.scan_partitions(page_size=2) as entries:
                assert sorted([entry async for entry in entries]) == [(number, number) for number in range(3000)]
            with pytest.raises(Error, match="the cursor was not opened"):
                await mine.scan_partitions().__anext__()

    asyncio.run(main())
