"""Transactions over SQL, where the server has them: what is seen when, how they end, what never happens."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from settling import settle
from wire import Proxy

import ignite_dbapi
import ignite_dbapi.aio


@pytest.fixture(scope="module")
def server(make_ignite_cluster: Callable[..., Any]) -> Any:
    return make_ignite_cluster(tx_aware=True)


@pytest.fixture
def outside(server: Any) -> Iterator[ignite_dbapi.Connection]:
    with ignite_dbapi.connect(server.url) as connection:
        yield connection


@pytest.fixture
def inside(server: Any) -> Iterator[ignite_dbapi.Connection]:
    with ignite_dbapi.connect(server.url, autocommit=False, transaction_timeout=60) as connection:
        yield connection
        connection.rollback()


@pytest.fixture
def accounts(server: Any, outside: ignite_dbapi.Connection) -> Iterator[str]:
    outside.execute("DROP TABLE IF EXISTS accounts")
    outside.execute('CREATE TABLE accounts (id INT PRIMARY KEY, amount INT) WITH "atomicity=transactional"')
    outside.cursor().executemany("INSERT INTO accounts VALUES (?, ?)", [(1, 100), (2, 200)])
    settle(server.url, "UPDATE accounts SET amount = amount WHERE id = 1")
    yield "accounts"
    outside.execute("DROP TABLE accounts")


def amounts(connection: ignite_dbapi.Connection) -> list[Any]:
    return connection.execute("SELECT id, amount FROM accounts ORDER BY id").fetchall()


def test_commit_and_rollback(accounts: str, inside: Any, outside: Any) -> None:
    inside.execute("UPDATE accounts SET amount = amount - ? WHERE id = ?", (50, 1))
    inside.execute("INSERT INTO accounts VALUES (?, ?)", (3, 50))
    inside.execute("DELETE FROM accounts WHERE id = ?", (2,))
    assert inside.in_transaction
    assert amounts(inside) == [(1, 50), (3, 50)]
    assert amounts(outside) == [(1, 100), (2, 200)]
    inside.rollback()
    assert not inside.in_transaction
    assert amounts(inside) == [(1, 100), (2, 200)]
    inside.cursor().executemany("INSERT INTO accounts VALUES (?, ?)", [(i, i) for i in range(10, 40)])
    assert len(amounts(outside)) == 2
    inside.commit()
    assert len(amounts(outside)) == 32
    # Ending again, with nothing changed, is no error and no round trip.
    inside.commit()
    inside.rollback()


def test_the_context_manager_commits_or_rolls_back(accounts: str, server: Any, outside: Any) -> None:
    with ignite_dbapi.connect(server.url, autocommit=False) as connection:
        connection.execute("UPDATE accounts SET amount = 1 WHERE id = 1")
    assert amounts(outside) == [(1, 1), (2, 200)]
    with pytest.raises(ignite_dbapi.DataError), ignite_dbapi.connect(server.url, autocommit=False) as connection:
        connection.cursor().executemany("UPDATE accounts SET amount = ? WHERE id = 1", [(2,), (2**70,)])
    connection = ignite_dbapi.connect(server.url, autocommit=False)
    connection.execute("UPDATE accounts SET amount = 3 WHERE id = 2")
    connection.close()
    assert amounts(outside) == [(1, 1), (2, 200)]


def test_a_failed_statement_leaves_the_transaction_usable(accounts: str, inside: Any, outside: Any) -> None:
    inside.execute("INSERT INTO accounts VALUES (4, 4)")
    with pytest.raises(ignite_dbapi.IntegrityError):
        inside.execute("INSERT INTO accounts VALUES (4, 5)")
    with pytest.raises(ignite_dbapi.ProgrammingError):
        inside.execute("SELECT nothing FROM accounts")
    inside.commit()
    assert amounts(outside)[-1] == (4, 4)


def test_a_conflict_ends_by_the_timeout(accounts: str, server: Any, inside: Any, outside: Any) -> None:
    inside.execute("UPDATE accounts SET amount = 0 WHERE id = 1")
    with ignite_dbapi.connect(server.url, autocommit=False, transaction_timeout=3) as other:
        with pytest.raises(ignite_dbapi.OperationalError, match="timed out"):
            other.execute("UPDATE accounts SET amount = 7 WHERE id = 1")
        other.rollback()
        inside.commit()
        other.execute("UPDATE accounts SET amount = amount + 1 WHERE id = 1")
    assert amounts(outside)[0] == (1, 1)


def test_a_transaction_that_timed_out_cannot_be_committed(accounts: str, server: Any, outside: Any) -> None:
    connection = ignite_dbapi.connect(server.url, autocommit=False, transaction_timeout=3)
    connection.execute("UPDATE accounts SET amount = 0 WHERE id = 1")
    time.sleep(4)
    with pytest.raises(ignite_dbapi.OperationalError, match="rolled back instead") as caught:
        connection.commit()
    assert caught.value.code == "commit_failed"
    # The dead id is forgotten: what follows is a transaction of its own, not silently autocommitted.
    connection.execute("UPDATE accounts SET amount = 9 WHERE id = 2")
    assert amounts(outside) == [(1, 100), (2, 200)]
    connection.rollback()
    assert amounts(outside) == [(1, 100), (2, 200)]
    connection.close()


def test_success_after_the_transaction_timed_out_is_not_believed(accounts: str, server: Any, outside: Any) -> None:
    def hold(number: int, frame: bytes) -> bytes:
        # The answers to the handshake, to the start of the transaction, and to the UPDATE.
        if number == 2:
            time.sleep(3.2)
        return frame

    with Proxy(server.addresses[0], hold) as proxy:
        late = ignite_dbapi.connect(proxy.url, autocommit=False, transaction_timeout=3, timezone="UTC")
        with pytest.raises(ignite_dbapi.OperationalError, match="unknown") as caught:
            late.execute("UPDATE accounts SET amount = 0 WHERE id = 1")
        assert caught.value.code == "transaction_timed_out"
        late.rollback()
        late.close()
    assert amounts(outside) == [(1, 100), (2, 200)]


def test_ddl_inside_is_refused_and_before_is_fine(accounts: str, inside: Any) -> None:
    inside.execute("SELECT * FROM accounts")
    inside.execute("CREATE TABLE made_before (id INT PRIMARY KEY, v INT)")
    inside.execute("UPDATE accounts SET amount = 0 WHERE id = 1")
    with pytest.raises(ignite_dbapi.NotSupportedError, match="commit or roll back first"):
        inside.execute("DROP TABLE made_before")
    inside.rollback()
    inside.execute("DROP TABLE made_before")


@pytest.mark.parametrize("statement", ["BEGIN", "COMMIT", "ROLLBACK", "SAVEPOINT a", "RELEASE SAVEPOINT a"])
@pytest.mark.parametrize("engine", ["h2", "calcite"])
def test_control_by_sql_is_refused(outside: Any, statement: str, engine: str) -> None:
    with pytest.raises(ignite_dbapi.NotSupportedError):
        outside.execute(statement, query_engine=engine)


def test_atomic_tables_and_h2_are_refused(accounts: str, inside: Any, outside: Any) -> None:
    outside.execute("CREATE TABLE atomic_table (id INT PRIMARY KEY, v INT)")
    with pytest.raises(ignite_dbapi.NotSupportedError, match="atomic"):
        inside.execute("INSERT INTO atomic_table VALUES (1, 1)")
    inside.rollback()
    with pytest.raises(ignite_dbapi.NotSupportedError, match="H2"):
        inside.execute("SELECT 1", query_engine="h2")
    outside.execute("DROP TABLE atomic_table")


def test_autocommit_is_switched_between_transactions_only(accounts: str, inside: Any, outside: Any) -> None:
    inside.execute("UPDATE accounts SET amount = 0 WHERE id = 1")
    with pytest.raises(ignite_dbapi.ProgrammingError, match="commit or roll back"):
        inside.autocommit = True
    inside.commit()
    inside.autocommit = True
    inside.execute("UPDATE accounts SET amount = 5 WHERE id = 1")
    assert amounts(outside)[0] == (1, 5)
    inside.autocommit = False
    inside.execute("UPDATE accounts SET amount = 6 WHERE id = 1")
    assert amounts(outside)[0] == (1, 5)


def test_servers_without_it_are_named(ignite_url: str) -> None:
    with pytest.raises(ignite_dbapi.NotSupportedError, match="txAwareQueriesEnabled"):
        ignite_dbapi.connect(ignite_url, autocommit=False)
    with ignite_dbapi.connect(ignite_url) as connection:
        with pytest.raises(ignite_dbapi.NotSupportedError, match="txAwareQueriesEnabled"):
            connection.autocommit = False
        connection.commit()
        connection.rollback()


def test_threads_share_a_transaction_without_losing_statements(accounts: str, inside: Any, outside: Any) -> None:
    failures: list[BaseException] = []

    def insert(start: int) -> None:
        try:
            for number in range(start, start + 20):
                inside.execute("INSERT INTO accounts VALUES (?, ?)", (number, number))
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=insert, args=(start,)) for start in (100, 200, 300, 400)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert len(amounts(outside)) == 2
    inside.commit()
    assert len(amounts(outside)) == 82


def test_nothing_with_an_ended_id_is_sent(accounts: str, server: Any) -> None:
    with Proxy(server.addresses[0]) as proxy:
        connection = ignite_dbapi.connect(proxy.url, autocommit=False)
        for end in (connection.commit, connection.rollback):
            connection.execute("UPDATE accounts SET amount = 1 WHERE id = 1")
            end()
            connection.execute("SELECT * FROM accounts").fetchall()
        connection.close()
        # (op, bytes after the header): the flag of a query stands behind the cache id, a transaction's id behind it.
        open_id = None
        for request in proxy.frames:
            op, body = int.from_bytes(request[:2], "little"), request[10:]
            if op == 4001:
                assert int.from_bytes(body[:4], "little") == open_id
                open_id = None
            elif op == 2004 and body[4] & 2:
                current = int.from_bytes(body[5:9], "little")
                assert open_id in (None, current)
                open_id = current
        assert open_id is None


def test_asyncio(accounts: str, server: Any, outside: Any) -> None:
    async def main() -> None:
        async with await ignite_dbapi.aio.connect(server.url, autocommit=False) as connection:
            await asyncio.gather(
                *(connection.execute("INSERT INTO accounts VALUES (?, ?)", (i, i)) for i in range(10, 20))
            )
            assert len(amounts(outside)) == 2
            await connection.rollback()
            await connection.execute("UPDATE accounts SET amount = 4 WHERE id = 1")
        assert amounts(outside) == [(1, 4), (2, 200)]

    asyncio.run(main())
