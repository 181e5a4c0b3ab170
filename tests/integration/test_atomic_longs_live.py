"""Atomic longs: what they do, on one node and on two, under threads and tasks, in transactions, on an old server."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from settling import settle

import ignite_dbapi
import ignite_dbapi.aio

_numbers = itertools.count(1)


@pytest.fixture
def name(connection: ignite_dbapi.Connection) -> Iterator[str]:
    name = f"of test {next(_numbers)} ä😀"
    yield name
    connection.atomic_long(name, create=False).remove()


def test_it_counts(connection: ignite_dbapi.Connection, name: str) -> None:
    number = connection.atomic_long(name, 5)
    assert (number.name, number.group) == (name, None)
    assert repr(number) == f"<ignite_dbapi.AtomicLong {name!r}>"
    assert number.get() == 5
    assert number.increment() == 6
    assert number.decrement() == 5
    assert number.add_and_get(-15) == -10
    assert number.get_and_set(2**40) == -10
    assert number.compare_and_set(1, 2) is False
    assert number.compare_and_set(2**40, 2) is True
    assert number.get() == 2
    number.set(7)
    assert number.raise_to(3) == 7
    assert number.raise_to(30) == 30
    assert number.get() == 30


def test_creating_it_again_changes_nothing(connection: ignite_dbapi.Connection, name: str) -> None:
    connection.atomic_long(name, 5)
    assert connection.atomic_long(name, 9).get() == 5
    assert connection.atomic_long(name, create=False).get() == 5


def test_beyond_64_bits_it_wraps_around(connection: ignite_dbapi.Connection, name: str) -> None:
    number = connection.atomic_long(name, 2**63 - 1)
    assert number.increment() == -(2**63)


def test_without_one_every_method_says_so(connection: ignite_dbapi.Connection, name: str) -> None:
    number = connection.atomic_long(name, create=False)
    assert number.exists() is False
    number.remove()
    calls: list[Callable[[], Any]] = [
        number.get,
        number.increment,
        lambda: number.get_and_set(1),
        lambda: number.compare_and_set(0, 1),
        lambda: number.raise_to(1),
    ]
    for call in calls:
        with pytest.raises(ignite_dbapi.ProgrammingError, match="There is no atomic long 'of test") as caught:
            call()
        assert caught.value.code == "no_such_atomic_long"
    connection.atomic_long(name)
    assert number.exists() is True
    assert number.increment() == 1
    number.remove()
    assert number.exists() is False


def test_a_group_has_names_of_its_own(connection: ignite_dbapi.Connection, name: str) -> None:
    connection.atomic_long(name, 1)
    grouped = connection.atomic_long(name, 10, group="numbers of test", backups=0, replicated=True)
    assert "group='numbers of test'" in repr(grouped)
    assert grouped.increment() == 11
    assert connection.atomic_long(name, create=False).get() == 1
    # How the group is kept is settled when it is made.
    assert connection.atomic_long(name, 99, group="numbers of test").get() == 11
    grouped.remove()
    assert connection.atomic_long(name, create=False).get() == 1


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("x", 2**63), "atomic_long_value"),
        (("x", 1.5), "atomic_long_value"),
        (("x", True), "atomic_long_value"),
        (("",), "atomic_long_name"),
        ((7,), "atomic_long_name"),
    ],
)
def test_what_is_no_name_and_no_number(connection: ignite_dbapi.Connection, arguments: Any, code: str) -> None:
    with pytest.raises(ignite_dbapi.DatabaseError, match=r"64 bits|at least one character") as caught:
        connection.atomic_long(*arguments)
    assert caught.value.code == code


def test_backups_are_a_number(connection: ignite_dbapi.Connection, name: str) -> None:
    with pytest.raises(ignite_dbapi.ProgrammingError, match="backups=-1"):
        connection.atomic_long(name, backups=-1)


def test_threads_get_different_numbers(node: Any, connection: ignite_dbapi.Connection, name: str) -> None:
    number = connection.atomic_long(name)

    def take(own_connection: bool) -> list[int]:
        if not own_connection:
            return [number.increment() for _ in range(25)]
        with ignite_dbapi.connect(node.url) as other:
            mine = other.atomic_long(name)
            return [mine.increment() for _ in range(25)]

    with ThreadPoolExecutor(32) as pool:
        taken = sorted(itertools.chain.from_iterable(pool.map(take, [True, False] * 16)))
    assert taken == list(range(1, 801))


def test_raising_it_loses_no_race(connection: ignite_dbapi.Connection, name: str) -> None:
    number = connection.atomic_long(name)
    with ThreadPoolExecutor(16) as pool:
        list(pool.map(number.raise_to, range(1, 101)))
    assert number.get() == 100


def test_tasks(node: Any, name: str) -> None:
    async def story() -> None:
        async with await ignite_dbapi.aio.connect(node.url) as connection:
            number = await connection.atomic_long(name, 3)
            assert (number.name, repr(number)) == (name, f"<ignite_dbapi.AsyncAtomicLong {name!r}>")
            assert await number.get() == 3
            assert await number.decrement() == 2
            assert await number.get_and_set(0) == 2
            taken = await asyncio.gather(*[number.increment() for _ in range(200)])
            assert sorted(taken) == list(range(1, 201))
            assert await number.add_and_get(10) == 210
            assert await number.compare_and_set(210, 1)
            await number.set(5)
            assert await number.raise_to(9) == 9
            assert await number.exists()
            await number.remove()
            assert not await (await connection.atomic_long(name, create=False)).exists()
            with pytest.raises(ignite_dbapi.ProgrammingError, match="no atomic long"):
                await number.increment()

    asyncio.run(story())


def test_a_transaction_has_no_part_in_it(make_ignite_cluster: Callable[..., Any]) -> None:
    server = make_ignite_cluster(tx_aware=True)
    with ignite_dbapi.connect(server.url) as outside:
        outside.execute('CREATE TABLE atomic_tx (id INT PRIMARY KEY, v INT) WITH "atomicity=transactional"')
        # The first one of a cluster makes the cache that all are kept in.
        outside.atomic_long("in a transaction")
        outside.execute("INSERT INTO atomic_tx VALUES (100, 0)")
        settle(server.url, "UPDATE atomic_tx SET v = v WHERE id = 100")
        outside.execute("DELETE FROM atomic_tx")
        with ignite_dbapi.connect(server.url, autocommit=False, transaction_timeout=60) as connection:
            connection.execute("INSERT INTO atomic_tx VALUES (1, 1)")
            assert connection.in_transaction
            number = connection.atomic_long("in a transaction")
            assert number.add_and_get(5) == 5
            assert connection.atomic_long("made in a transaction", 1).increment() == 2
            connection.execute("INSERT INTO atomic_tx VALUES (2, 2)")
            connection.rollback()
            assert number.get() == 5
        assert outside.execute("SELECT COUNT(*) FROM atomic_tx").fetchone() == (0,)
        assert outside.atomic_long("made in a transaction").get() == 2
        for name in ("in a transaction", "made in a transaction"):
            outside.atomic_long(name).remove()
        outside.execute("DROP TABLE atomic_tx")


def test_two_nodes_share_it(make_ignite_cluster: Callable[..., Any]) -> None:
    cluster = make_ignite_cluster(nodes=2)
    first, second = (f"ignite://{host}:{port}" for host, port in cluster.addresses)
    with ignite_dbapi.connect(first) as one, ignite_dbapi.connect(second) as other:
        number = one.atomic_long("shared", 10)
        assert other.atomic_long("shared").increment() == 11
        assert number.increment() == 12
        number.remove()
        assert not other.atomic_long("shared", create=False).exists()


def test_an_old_server_has_none(make_ignite_cluster: Callable[..., Any]) -> None:
    with ignite_dbapi.connect(make_ignite_cluster(ignite_version="2.8.1").url) as connection:
        with pytest.raises(ignite_dbapi.NotSupportedError, match=r"from 2\.13 on") as caught:
            connection.atomic_long("old")
        assert caught.value.code == "no_atomic_longs"
        # The connection is as good as before.
        assert connection.execute("SELECT 1").fetchone() == (1,)
