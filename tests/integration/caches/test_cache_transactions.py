"""Transactions that are started explicitly, on a real node: what joins them, how they end."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import threading
import time
from collections.abc import Callable
from typing import Any

import attrs
import pytest

import ignite_dbapi
import ignite_dbapi.aio
from ignite_dbapi.errors import (
    InterfaceError,
    NotSupportedError,
    OperationalError,
    ProgrammingError,
)
from ignite_dbapi.operations import cache as operations
from ignite_dbapi.operations import explicit_transactions
from ignite_dbapi.operations.cache import CacheAccess
from ignite_dbapi.operations.scans import ScanState
from ignite_dbapi.protocol.messages.transactions import Concurrency, Isolation
from tests.cache_client import THOUSAND, Client

MODES = list(itertools.product(Concurrency, Isolation))


@pytest.mark.parametrize(("concurrency", "isolation"), MODES, ids=lambda mode: mode.name)
def test_transactions(
    client: Client, other: Client, accounts: CacheAccess, concurrency: Concurrency, isolation: Isolation
) -> None:
    client.run(operations.put_all, accounts, {1: 100, 2: 200})
    transaction = client.start(concurrency, isolation, 60_000, "move")
    within = attrs.evolve(accounts, transaction=transaction)
    assert client.run(operations.get, within, 1) == 100
    client.run(operations.put, within, 1, 50)
    client.run(operations.put_all, within, {2: 250, 3: 5})
    client.run(operations.remove_keys, within, [3])
    assert sorted(client.run(operations.get_all, within, [1, 2, 3])) == [(1, 50), (2, 250)]
    assert sorted(other.run(operations.get_all, accounts, [1, 2, 3])) == [(1, 100), (2, 200)]
    assert transaction.is_open
    client.end(transaction, commit=True)
    assert not transaction.is_open
    assert sorted(other.scan(accounts)) == [(1, 50), (2, 250)]

    transaction = client.start(concurrency, isolation, 60_000)
    client.run(operations.get_and_remove, attrs.evolve(accounts, transaction=transaction), 1)
    client.end(transaction, commit=False)
    assert sorted(other.scan(accounts)) == [(1, 50), (2, 250)]


def test_what_has_ended_is_never_sent(client: Client, other: Client, accounts: CacheAccess) -> None:
    transaction = client.start(timeout=60_000)
    within = attrs.evolve(accounts, transaction=transaction)
    client.end(transaction, commit=False)
    client.end(transaction, commit=False)
    for operation, arguments in [(operations.put, (1, 1)), (operations.get, (1,)), (operations.put_all, ({1: 1},))]:
        with pytest.raises(ProgrammingError, match="committed or rolled back already") as error:
            client.run(operation, within, *arguments)
        assert error.value.code == "transaction_ended"
    with pytest.raises(ProgrammingError, match="committed or rolled back already"):
        client.end(transaction, commit=True)
    transaction = client.start(timeout=60_000)
    with pytest.raises(InterfaceError, match="another connection"):
        other.run(operations.put, attrs.evolve(accounts, transaction=transaction), 1, 1)
    client.end(transaction, commit=False)
    assert client.run(operations.get_size, accounts) == 0


def test_transactions_end_with_their_connection(server: Any, other: Client, accounts: CacheAccess) -> None:
    with ignite_dbapi.connect(server.url) as connection:
        client = Client(connection)
        transaction = client.start(timeout=60_000)
        client.run(operations.put, attrs.evolve(accounts, transaction=transaction), 1, 1)
    assert not transaction.is_open
    with pytest.raises(InterfaceError, match="closed"):
        client.end(transaction, commit=True)
    assert other.run(operations.get, accounts, 1) is None


def test_several_transactions_on_one_connection(client: Client, accounts: CacheAccess) -> None:
    transactions = [client.start(timeout=60_000) for _ in range(5)]
    for number, transaction in enumerate(transactions):
        client.run(operations.put, attrs.evolve(accounts, transaction=transaction), number, number)
    for number, transaction in enumerate(transactions):
        client.end(transaction, commit=number % 2 == 0)
    assert sorted(client.scan(accounts)) == [(0, 0), (2, 2), (4, 4)]


def test_a_waiting_operation_does_not_hold_up_others(client: Client, accounts: CacheAccess) -> None:
    """One transaction waits for a lock of another one, whose commit must get through."""
    holder, waiter = client.start(timeout=60_000), client.start(timeout=60_000)
    client.run(operations.put, attrs.evolve(accounts, transaction=holder), 1, "holder")
    thread = threading.Thread(
        target=client.run, args=(operations.put, attrs.evolve(accounts, transaction=waiter), 1, "waiter")
    )
    thread.start()
    time.sleep(0.2)
    assert thread.is_alive()
    client.end(holder, commit=True)
    thread.join(10)
    assert not thread.is_alive()
    client.end(waiter, commit=True)
    assert client.run(operations.get, accounts, 1) == "waiter"


def test_transactions_that_time_out(client: Client, other: Client, accounts: CacheAccess) -> None:
    transaction = client.start(timeout=2000)
    within = attrs.evolve(accounts, transaction=transaction)
    client.run(operations.put, within, 1, 1)
    time.sleep(3)
    with pytest.raises(OperationalError, match="timed out"):
        client.run(operations.put, within, 2, 2)
    with pytest.raises(OperationalError, match="rolled back instead of committed") as error:
        client.end(transaction, commit=True)
    assert error.value.code == "commit_failed"
    assert other.run(operations.get_size, accounts) == 0
    with pytest.raises(ProgrammingError, match="timeout of -1"):
        client.start(timeout=-1)


def test_what_takes_no_part_in_transactions(
    client: Client, accounts: CacheAccess, new_cache: Callable[..., CacheAccess]
) -> None:
    atomic = new_cache()
    client.run(operations.put, accounts, 1, 1)
    transaction = client.start(timeout=60_000)
    within = attrs.evolve(accounts, transaction=transaction)
    for operation, arguments in [
        (operations.clear, ()),
        (operations.remove_all, ()),
        (operations.clear_key, (1,)),
        (operations.clear_keys, ([1],)),
    ]:
        with pytest.raises(NotSupportedError, match="takes no part in transactions"):
            client.run(operation, within, *arguments)
    for operation in (operations.create, operations.get_or_create, operations.destroy):
        with pytest.raises(NotSupportedError, match="while a transaction is open"):
            client.run(operation, accounts.name)
    with pytest.raises(NotSupportedError, match="spans operations on atomic cache"):
        client.run(operations.put, attrs.evolve(atomic, transaction=transaction), 1, 1)
    client.end(transaction, commit=False)
    assert client.run(operations.get, accounts, 1) == 1


def test_scans_see_what_they_can(client: Client, accounts: CacheAccess) -> None:
    for isolation, seen in [(Isolation.READ_COMMITTED, [(1, 1)]), (Isolation.REPEATABLE_READ, [])]:
        transaction = client.start(Concurrency.PESSIMISTIC, isolation, 60_000)
        within = attrs.evolve(accounts, transaction=transaction)
        client.run(operations.put, within, 1, 1)
        assert transaction.joins_queries is (isolation is Isolation.READ_COMMITTED)
        assert client.scan(within) == seen
        assert client.scan(accounts) == []
        client.end(transaction, commit=False)


def test_one_transaction_over_sql_and_entries(server: Any, client: Client) -> None:
    client.connection.execute("DROP TABLE IF EXISTS of_both")
    client.connection.execute(
        'CREATE TABLE of_both (id BIGINT PRIMARY KEY, v BIGINT) WITH "atomicity=transactional,wrap_value=false"'
    )
    table = CacheAccess("SQL_PUBLIC_OF_BOTH")
    with ignite_dbapi.connect(server.url, autocommit=False, transaction_timeout=60) as connection:
        inside = Client(connection)
        assert inside.run(operations.get, table, 1) is None
        assert not connection.in_transaction
        inside.run(operations.put, table, 1, 10)
        assert connection.in_transaction
        connection.execute("INSERT INTO of_both VALUES (?, ?)", (2, 20))
        inside.run(operations.put_all, table, {3: 30, 4: 40})
        assert connection.execute("SELECT * FROM of_both ORDER BY id").fetchall() == [
            (1, 10),
            (2, 20),
            (3, 30),
            (4, 40),
        ]
        assert sorted(inside.scan(table)) == [(1, 10), (2, 20), (3, 30), (4, 40)]
        assert client.scan(table) == []
        with pytest.raises(NotSupportedError, match="no part in transactions"):
            inside.run(operations.remove_all, table)
        with pytest.raises(NotSupportedError, match="while a transaction is open"):
            inside.run(operations.create, "meanwhile")
        connection.rollback()
        assert client.scan(table) == []
        inside.run(operations.put, table, 5, 50)
        connection.commit()
    assert client.scan(table) == [(5, 50)]
    client.connection.execute("DROP TABLE of_both")


def test_what_a_cancelled_task_has_sent_is_waited_for(server: Any, client: Client, accounts: CacheAccess) -> None:
    """A transaction that ended before a request that is under way would leave its effect outside of any."""

    async def work() -> None:
        async with await ignite_dbapi.aio.connect(server.url) as connection:
            session, run = connection._session, connection._run
            transaction = await run(explicit_transactions.start(session, timeout=60_000))
            within = attrs.evolve(accounts, transaction=transaction)
            task = asyncio.create_task(run(operations.put(session, within, 1, "waits")))
            await asyncio.sleep(0.3)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert len(transaction.unanswered) == 1
            ending = asyncio.create_task(run(explicit_transactions.end(transaction, commit=False)))
            await asyncio.sleep(0.2)
            assert not ending.done()
            await asyncio.to_thread(client.end, holder, commit=True)
            await asyncio.wait_for(ending, 30)
            assert transaction.unanswered == []

    holder = client.start(timeout=60_000)
    client.run(operations.put, attrs.evolve(accounts, transaction=holder), 1, "holds")
    asyncio.run(work())
    assert client.run(operations.get, accounts, 1) == "holds"


def test_scans_that_were_given_up_go_on(server: Any, thousand: CacheAccess) -> None:
    async def work() -> None:
        async with await ignite_dbapi.aio.connect(server.url) as connection:
            scan = ScanState(connection._session, thousand, page_size=10)
            entries = []
            for _ in range(400):
                task = asyncio.create_task(connection._run(scan.fetch(7)))
                await asyncio.sleep(0)
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    entries += await task
                entries += await connection._run(scan.fetch(3))
            assert sorted(entries) == THOUSAND

    asyncio.run(work())
