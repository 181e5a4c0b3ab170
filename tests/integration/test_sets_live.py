"""Sets that the cluster keeps."""

from __future__ import annotations

import asyncio
import gc
import itertools
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from ignite_dbapi.errors import Error, ProgrammingError
from ignite_dbapi.keyvalue import AioClient, Client
from ignite_dbapi.keyvalue.datatypes import IntObject
from ignite_dbapi.keyvalue.sets import SetConfiguration

_numbers = itertools.count(1)


@pytest.fixture(scope="module")
def node(make_ignite_cluster: Callable[..., Any]) -> Any:
    """A node of its own: sets and atomic longs share a group, which is as the first of them needed it."""
    return make_ignite_cluster(jvm_options=("-Dname=sets",))


@pytest.fixture
def client(node: Any) -> Iterator[Client]:
    with Client().connect(*node.addresses[0]) as client:
        yield client


@pytest.fixture(params=[False, True], ids=["spread", "collocated"])
def items(request: pytest.FixtureRequest, client: Client) -> Iterator[Any]:
    configuration = SetConfiguration(collocated=request.param)
    items = client.get_set(f"set {next(_numbers)}", configuration)
    assert items.is_collocated is request.param
    yield items
    items.destroy()


def test_single_items(items: Any) -> None:
    assert (len(items), bool(items), list(items)) == (0, True, [])
    assert [items.add(1), items.add(1), items.add("a")] == [True, False, True]
    assert (len(items), items.size(), 1 in items, "b" in items) == (2, 2, True, False)
    assert [items.remove(1), items.remove(1)] == [True, False]
    assert set(items) == {"a"}
    # Java's types tell items apart that Python takes for equal.
    assert [items.add(5), items.add((5, IntObject)), items.add(5, IntObject)] == [True, True, False]
    assert (items.contains(5), items.contains(5, IntObject), items.remove(5, IntObject)) == (True, True, True)
    assert (5 in items, (5, IntObject) in items) == (True, False)


def test_many_items(items: Any) -> None:
    assert items.add_all(range(10)) is True
    assert items.add_all(range(5)) is False
    assert (items.contains_all([1, 2]), items.contains_all([1, 99])) == (True, False)
    assert (items.remove_all([1, 99]), items.remove_all([99])) == (True, False)
    assert (items.retain_all(range(4)), items.retain_all(range(4))) == (True, False)
    assert set(items) == {0, 2, 3}
    items.clear()
    assert set(items) == set()


def test_values(items: Any) -> None:
    values = ["", "ä😀", 2**40, 1.5, Decimal("1.50"), UUID(int=5), True, b"\0\1"]
    assert items.add_all(values)
    assert sorted(map(repr, items)) == sorted(map(repr, values))


@pytest.mark.parametrize("page_size", [1, 7, 500, 501, 10_000])
def test_pages(items: Any, page_size: int) -> None:
    items.add_all(range(501))
    assert sorted(items.iterate(page_size)) == list(range(501))


def test_iterations_that_are_left_early(client: Client, items: Any) -> None:
    items.add_all(range(100))
    # One connection may have 128 cursors, which an iterator counts as.
    for _ in range(150):
        next(items.iterate(2))
    for _ in range(150):
        iterator = items.iterate(2)
        next(iterator)
        iterator.close()
    gc.collect()
    assert next(client.sql("SELECT 1")) == [1]


def test_sets_are_shared(node: Any, client: Client, items: Any) -> None:
    items.add("mine")
    with Client().connect(*node.addresses[0]) as other:
        theirs = other.get_set(items.name, create=False)
        assert set(theirs) == {"mine"}
        theirs.add("theirs")
    assert set(items) == {"mine", "theirs"}
    assert set(client.get_set(items.name, SetConfiguration(collocated=items.is_collocated))) == {"mine", "theirs"}
    with pytest.raises(Error, match="Another collection with the same name but different configuration"):
        client.get_set(items.name, SetConfiguration(collocated=not items.is_collocated))


def test_destroyed_sets(client: Client) -> None:
    items = client.get_set("short-lived")
    assert items.exists()
    items.destroy()
    items.destroy()
    assert not items.exists()
    for call in (lambda: items.add(1), items.size, lambda: list(items)):
        with pytest.raises(ProgrammingError, match="'short-lived' does not exist"):
            call()
    with pytest.raises(ProgrammingError, match="there is no set 'short-lived'") as missing:
        client.get_set("short-lived", create=False)
    assert missing.value.code == "no_set"
    for name in ("", None):
        with pytest.raises(ProgrammingError, match="is not the name of a set"):
            client.get_set(name)


def test_groups(client: Client) -> None:
    own = client.get_set("own group", SetConfiguration(backups=1, group="sets of their own"))
    own.add(1)
    assert "own group" in repr(own)
    own.destroy()
    client.get_set("group of the server").destroy()
    # The group that the server puts everything into that names none has no backups.
    with pytest.raises(Error, match="Backups mismatch"):
        client.get_set("with backups", SetConfiguration(backups=1))


def test_asyncio(node: Any) -> None:
    async def main() -> None:
        async with AioClient().connect(*node.addresses[0]) as client:
            items = await client.get_set("set of asyncio")
            assert [await items.add(1), await items.add(1), await items.contains(1)] == [True, False, True]
            assert await items.add_all(range(100))
            assert sorted([item async for item in items.iterate(7)]) == list(range(100))
            assert await items.contains_all([1, 2])
            assert await items.retain_all(range(10))
            assert await items.remove_all([1])
            assert await items.remove(2)
            assert await items.size() == 8
            await items.clear()
            assert [item async for item in items] == []
            await items.destroy()
            assert not await items.exists()
            with pytest.raises(ProgrammingError, match="there is no set"):
                await client.get_set("set of asyncio", create=False)

    asyncio.run(main())
