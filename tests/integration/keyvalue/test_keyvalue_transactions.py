"""Transactions of key-value clients: what joins them, how they end, and one transaction over SQL and key-value."""

from __future__ import annotations

import asyncio
import itertools
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
from wire import Proxy

import ignite_dbapi
import ignite_dbapi.aio
from ignite_dbapi.keyvalue import AioClient, Client
from ignite_dbapi.keyvalue.datatypes import IntObject, TransactionConcurrency, TransactionIsolation
from ignite_dbapi.keyvalue.datatypes.cache_config import CacheAtomicityMode
from ignite_dbapi.keyvalue.datatypes.prop_codes import PROP_CACHE_ATOMICITY_MODE
from ignite_dbapi.keyvalue.exceptions import CacheError
from ignite_dbapi.keyvalue.transaction import AioTransaction, Transaction

_numbers = itertools.count(1)
OP_TX_START, OP_TX_END = 4000, 4001
READ_COMMITTED = TransactionIsolation.READ_COMMITTED


@pytest.fixture
def cache(make_cache: Callable[..., Any]) -> Any:
    return make_cache({PROP_CACHE_ATOMICITY_MODE: CacheAtomicityMode.TRANSACTIONAL})


@pytest.fixture
def table(server: Any, client_arguments: dict[str, Any]) -> Iterator[str]:
    name = f"account{next(_numbers)}"
    with Client(**client_arguments).connect(server.addresses) as client:
        client.sql(
            f'CREATE TABLE {name} (id INT PRIMARY KEY, v VARCHAR) WITH "ATOMICITY=TRANSACTIONAL,CACHE_NAME={name}"'
        )
        yield name
        client.sql(f"DROP TABLE IF EXISTS {name}")


@pytest.mark.parametrize("isolation", list(TransactionIsolation))
@pytest.mark.parametrize("concurrency", list(TransactionConcurrency))
def test_ends(client: Any, cache: Any, isolation: TransactionIsolation, concurrency: TransactionConcurrency) -> None:
    with client.tx_start(isolation=isolation, concurrency=concurrency) as transaction:
        cache.put(1, 1)
        cache.put_all({2: 2})
        transaction.commit()
    assert cache.get_all([1, 2]) == {1: 1, 2: 2}
    with client.tx_start(concurrency, isolation) as transaction:
        cache.put(1, 10)
        assert cache.get(1) == 10
        transaction.rollback()
        assert cache.get(1) == 1
    with client.tx_start(isolation=isolation, concurrency=concurrency):
        cache.remove_key(1)
    assert cache.get(1) == 1
    with pytest.raises(ZeroDivisionError), client.tx_start():
        cache.put(1, 1 // 0)
    assert cache.get(1) == 1


def test_what_it_is(client: Any) -> None:
    with client.tx_start(timeout=30_000, label="named") as transaction:
        assert (transaction.timeout, transaction.label) == (30_000, "named")
        assert transaction.isolation is TransactionIsolation.REPEATABLE_READ
        assert transaction.concurrency is TransactionConcurrency.PESSIMISTIC
        assert transaction.tx_id > 0
        assert "open" in repr(transaction)
    assert transaction.closed
    assert transaction.tx_id is None
    with client.tx_start() as transaction:
        # Without a limit a forgotten transaction would block others for ever.
        assert transaction.timeout == 60_000
    with client.tx_start(timeout=0) as transaction:
        assert transaction.timeout == 0


def test_default_timeout(make_client: Callable[..., Any], server: Any) -> None:
    client = make_client(transaction_timeout=0.5)
    client.connect(server.addresses)
    with client.tx_start() as transaction:
        assert transaction.timeout == 500


def test_timing_out(client: Any, cache: Any) -> None:
    with client.tx_start(timeout=2000, label="too slow") as transaction:
        cache.put(1, 1)
        time.sleep(3)
        with pytest.raises(CacheError, match=r"timed out.*too slow|too slow.*timed out"):
            transaction.commit()
    assert cache.get(1) is None


@pytest.mark.parametrize(
    "wrong", [{"isolation": 25}, {"concurrency": 45}, {"timeout": 2.0}, {"timeout": -10}, {"label": 100500}]
)
@pytest.mark.parametrize("kind", [Transaction, AioTransaction])
def test_wrong_arguments(kind: Any, wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        kind(None, **wrong)


def test_nesting_and_ending_twice(client: Any, cache: Any) -> None:
    with client.tx_start() as transaction:
        with pytest.raises(CacheError, match="no nested transactions"):
            client.tx_start()
        cache.put(1, 1)
        transaction.commit()
        with pytest.raises(CacheError, match="already"):
            transaction.commit()
        transaction.rollback()
        with client.tx_start():
            cache.put(1, 2)
    assert cache.get(1) == 1
    transaction.close()


def test_what_cannot_join(client: Any, cache: Any) -> None:
    with client.tx_start():
        for refused in (cache.clear, cache.remove_all, cache.destroy):
            with pytest.raises(ignite_dbapi.NotSupportedError):
                refused()
        with pytest.raises(ignite_dbapi.NotSupportedError):
            client.create_cache("in transaction")
        with pytest.raises(ignite_dbapi.NotSupportedError, match="READ_COMMITTED"):
            client.sql("SELECT 1")


def test_sql_joins(client: Any, table: str) -> None:
    cache = client.get_cache(table)
    with client.tx_start(isolation=READ_COMMITTED) as transaction:
        assert list(client.sql(f"INSERT INTO {table} (id, v) VALUES (1, 'one')")) == [[1]]
        row = cache.get(1, key_hint=IntObject)
        row.V = "changed"
        cache.put(2, row, key_hint=IntObject)
        assert list(client.sql(f"SELECT id, v FROM {table} ORDER BY id")) == [[1, "one"], [2, "changed"]]
        assert len(list(cache.scan())) == 2
        with pytest.raises(ignite_dbapi.NotSupportedError, match="CREATE"):
            client.sql("CREATE TABLE in_transaction (id INT PRIMARY KEY)")
        with pytest.raises(ignite_dbapi.NotSupportedError, match="select_row"):
            cache.select_row("id = 1")
        transaction.rollback()
    assert list(client.sql(f"SELECT * FROM {table}")) == []
    with client.tx_start(isolation=READ_COMMITTED) as transaction:
        client.sql(f"INSERT INTO {table} (id, v) VALUES (?, ?)", query_args=[2, "two"])
        transaction.commit()
    assert list(client.sql(f"SELECT * FROM {table}")) == [[2, "two"]]


def test_sql_and_key_value_cannot_change_the_same_entry(client: Any, table: str) -> None:
    cache = client.get_cache(table)
    with client.tx_start(isolation=READ_COMMITTED) as transaction:
        client.sql(f"INSERT INTO {table} (id, v) VALUES (1, 'one')")
        row = cache.get(1, key_hint=IntObject)
        with pytest.raises(CacheError, match="EntryProcessor"):
            cache.put(1, row, key_hint=IntObject)
        # The server has rolled the transaction back.
        with pytest.raises(CacheError, match="rollback-only"):
            cache.get(1, key_hint=IntObject)
        with pytest.raises(CacheError):
            transaction.commit()
    assert list(client.sql(f"SELECT * FROM {table}")) == []


def test_threads_have_transactions_of_their_own(server: Any, client_arguments: dict[str, Any]) -> None:
    with Client(**client_arguments).connect(server.addresses) as client:
        cache = client.get_or_create_cache({0: "threads", PROP_CACHE_ATOMICITY_MODE: CacheAtomicityMode.TRANSACTIONAL})
        seen: list[Any] = []
        try:
            with client.tx_start() as transaction:
                cache.put("mine", 1)
                thread = threading.Thread(target=lambda: seen.append((cache.get("mine"), cache.put("theirs", 2))))
                thread.start()
                thread.join()
                transaction.rollback()
            assert seen == [(None, None)]
            assert cache.get_all(["mine", "theirs"]) == {"theirs": 2}
        finally:
            cache.destroy()


def test_tasks_have_transactions_of_their_own(server: Any, client_arguments: dict[str, Any]) -> None:
    async def work() -> None:
        client = AioClient(**client_arguments)
        async with client.connect(server.addresses):
            cache = await client.get_or_create_cache(
                {0: "tasks", PROP_CACHE_ATOMICITY_MODE: CacheAtomicityMode.TRANSACTIONAL}
            )

            async def update(number: int) -> None:
                async with client.tx_start() as transaction:
                    await cache.put(number, number)
                    await asyncio.sleep(0.01)
                    await (transaction.commit() if number % 2 else transaction.rollback())

            await asyncio.gather(*map(update, range(20)))
            assert await cache.get_all(range(20)) == {number: number for number in range(1, 20, 2)}

            async def meddle() -> None:
                await ended.wait()
                # This task has begun within the transaction, and must not take part in anything but it.
                with pytest.raises(CacheError, match="already"):
                    await cache.put(100, 100)

            ended = asyncio.Event()
            async with client.tx_start() as transaction:
                task = asyncio.ensure_future(meddle())
                await asyncio.sleep(0)
                await transaction.commit()
                ended.set()
                await task
            assert await cache.get(100) is None
            waiting = await client.tx_start()
            await cache.put(200, 1)
            await waiting.close()
            assert await cache.get(200) is None
            await cache.destroy()

    asyncio.run(work())


class Delayed:
    """Keeps the answers from *number* on, until they are released."""

    def __init__(self, server: Any) -> None:
        self.released = threading.Event()
        self.released.set()
        self.proxy = Proxy(server.addresses[0], self._change)

    def _change(self, number: int, frame: bytes) -> bytes:
        assert self.released.wait(60)
        return frame

    async def connect(self, client: AioClient) -> None:
        await client.connect("127.0.0.1", int(urlsplit(self.proxy.url).port or 0))

    async def requests(self, count: int) -> list[int]:
        """The operation codes, once there are so many."""
        async with asyncio.timeout(30):
            while len(self.proxy.requests) < count:
                await asyncio.sleep(0.01)
        return self.proxy.requests


def test_a_start_that_was_given_up_leaves_no_transaction(server: Any, client_arguments: dict[str, Any]) -> None:
    async def work() -> None:
        delayed = Delayed(server)
        client = AioClient(partition_aware=False, heartbeat_interval=0, **client_arguments)
        await delayed.connect(client)
        try:
            delayed.released.clear()
            for number in range(2):
                starting = asyncio.ensure_future(client.tx_start().__aenter__())
                assert await delayed.requests(number + 1) == [OP_TX_START] * (number + 1)
                starting.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await starting
            delayed.released.set()
            session = client._cluster.sessions[0]
            async with asyncio.timeout(30):
                while not all(pending.is_done for pending in session.abandoned_transactions):
                    await asyncio.sleep(0.01)
            async with client.tx_start() as transaction:
                await transaction.commit()
            assert await delayed.requests(6) == [OP_TX_START] * 2 + [OP_TX_END] * 2 + [OP_TX_START, OP_TX_END]
            assert session.abandoned_transactions == []
            ended = {frame[10:14] for frame in delayed.proxy.frames if frame[:2] == OP_TX_END.to_bytes(2, "little")}
            assert len(ended) == 3, "each of them, once"
        finally:
            delayed.released.set()
            await client.close()
            delayed.proxy.close()

    asyncio.run(work())


def test_a_label_that_needs_to_be_asked_how_it_is_written(make_client: Callable[..., Any], server: Any) -> None:
    client = make_client()
    client.connect(server.addresses)
    # The first request of all, and servers write such text in two ways.
    with client.tx_start(label="a\U0001f600") as transaction:
        transaction.commit()


def test_an_end_that_was_given_up_can_be_had_again(server: Any, client_arguments: dict[str, Any]) -> None:
    async def work() -> None:
        delayed = Delayed(server)
        client = AioClient(partition_aware=False, heartbeat_interval=0, **client_arguments)
        await delayed.connect(client)
        try:
            cache = await client.get_or_create_cache(
                {0: "given up", PROP_CACHE_ATOMICITY_MODE: CacheAtomicityMode.TRANSACTIONAL}
            )
            await cache.put(1, 1)
            async with client.tx_start() as transaction:
                begun = len(delayed.proxy.requests)
                delayed.released.clear()
                putting = asyncio.ensure_future(cache.put(1, 2))
                await delayed.requests(begun + 1)
                # It waits for the put, and is given up before it was sent.
                ending = asyncio.ensure_future(transaction.commit())
                await asyncio.sleep(0.01)
                ending.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await ending
                assert not transaction.closed
                assert transaction.tx_id is not None
                delayed.released.set()
                await putting
            assert transaction.closed
            assert (await delayed.requests(begun + 2))[-1] == OP_TX_END
            assert await cache.get(1) == 1, "leaving the block has rolled back"
            await cache.destroy()
        finally:
            delayed.released.set()
            await client.close()
            delayed.proxy.close()

    asyncio.run(work())


# --- one transaction over SQL and key-value of a DB-API connection ----------------------------------------------------


def test_connection_of_dbapi(server: Any, table: str) -> None:
    with (
        ignite_dbapi.connect(server.url, autocommit=False) as connection,
        ignite_dbapi.connect(server.url) as other,
    ):
        cache = connection.cache(table)
        assert cache.client is connection
        assert cache.name == table
        connection.execute(f"INSERT INTO {table} (id, v) VALUES (1, 'one')")
        assert cache.contains_key(1, IntObject)
        assert not other.cache(table).contains_key(1, IntObject)
        row = cache.get(1, IntObject)
        assert len(list(cache.scan())) == 1
        cache.put(2, row, key_hint=IntObject)
        assert connection.execute(f"SELECT id, v FROM {table} ORDER BY id").fetchall() == [(1, "one"), (2, "one")]
        connection.rollback()
        assert connection.execute(f"SELECT * FROM {table}").fetchall() == []
        connection.execute(f"INSERT INTO {table} (id, v) VALUES (1, 'one')")
        cache.put(2, row, key_hint=IntObject)
        connection.commit()
        assert other.execute(f"SELECT id, v FROM {table} ORDER BY id").fetchall() == [(1, "one"), (2, "one")]
        with pytest.raises(ignite_dbapi.ProgrammingError, match="Cache does not exist") as refused:
            other.cache("no such cache").get(1)
        assert not isinstance(refused.value, CacheError)
        plain = other.cache(table).with_expire_policy(create=60_000)
        assert plain.get_size() == 2
    with pytest.raises(ignite_dbapi.InterfaceError):
        connection.cache(table)
    with pytest.raises(ignite_dbapi.InterfaceError):
        cache.get(1)


def test_asynchronous_connection_of_dbapi(server: Any, table: str) -> None:
    async def work() -> None:
        async with await ignite_dbapi.aio.connect(server.url, autocommit=False) as connection:
            cache = connection.cache(table)
            await connection.execute(f"INSERT INTO {table} (id, v) VALUES (1, 'one')")
            assert await cache.contains_key(1, IntObject)
            assert [key async for key, _ in await cache.scan()] == [1]
            await cache.put(2, await cache.get(1, IntObject), key_hint=IntObject)
            await connection.commit()
            assert await (await connection.execute(f"SELECT COUNT(*) FROM {table}")).fetchall() == [(2,)]

    asyncio.run(work())
