"""How bulk_load goes about it: rows as they are sent, progress, errors, interrupts, lost connections, asyncio."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import polars as pl
import pyarrow as pa
import pytest
from wire import Proxy

import ignite_dbapi
import ignite_dbapi.aio
from ignite_dbapi import (
    DataError,
    NotSupportedError,
    OperationalError,
)
from ignite_dbapi.operations import calls
from ignite_dbapi.protocol.messages.streamer import StreamerAdd
from ignite_dbapi.transport import awaiting, blocking

WAYS = pytest.mark.parametrize(
    ("is_empty", "overwrite"), [(True, False), (False, False), (False, True)], ids=["empty", "streamer", "overwrite"]
)


def filled(connection: Any, name: str, *, is_empty: bool = False) -> int:
    """Have the table *name* hold one row already, unless it *is_empty*; returns how many rows it has."""
    if is_empty:
        return 0
    connection.execute(f"INSERT INTO {name} (id, v) VALUES (-1, 0)")
    return 1


@WAYS
def test_rows_are_taken_as_they_are_sent(node: Any, table: Callable[..., str], is_empty: bool, overwrite: bool) -> None:
    name = table("id INT PRIMARY KEY, v INT")
    seen: list[int] = []
    # Nothing is overwritten in an empty table: put_all does for it what the streamer does for others.
    operation = 1004 if is_empty or overwrite else 8001
    with Proxy(node.addresses[0]) as proxy, ignite_dbapi.connect(proxy.url) as connection:
        filled(connection, name, is_empty=is_empty)

        def rows() -> Iterator[tuple[int, int]]:
            for number in range(1000):
                yield number, number
                seen.append(proxy.requests.count(operation))

        progress: list[tuple[int, int | None]] = []
        connection.bulk_load(
            name,
            rows(),
            batch_size=10,
            window=2,
            overwrite=overwrite,
            on_progress=lambda done, total: progress.append((done, total)),
        )
    assert [number for number, requests in enumerate(seen) if requests < (number + 1) // 10 - 2] == []
    assert progress == [(number, None) for number in range(10, 1001, 10)]


def test_a_row_that_is_used_again(connection: Any, table: Callable[..., str]) -> None:
    name = table("id INT PRIMARY KEY, v VARCHAR")
    values: list[Any] = [0, ""]
    mapping: dict[str, Any] = {}

    def rows(used: Any, keys: Sequence[Any]) -> Iterator[Any]:
        for number in range(3000):
            used[keys[0]], used[keys[1]] = number, f"v{number}"
            yield used

    for source in (rows(values, (0, 1)), rows(mapping, ("id", "v"))):
        assert connection.bulk_load(name, source) == 3000
        assert connection.execute(f"SELECT id, v FROM {name} ORDER BY id").fetchall() == [
            (number, f"v{number}") for number in range(3000)
        ]
        connection.execute(f"DELETE FROM {name}")


def test_progress_knows_the_total(connection: Any, table: Callable[..., str]) -> None:
    name = table("id INT PRIMARY KEY, v INT")
    data = pa.table({"id": range(100), "v": range(100)})
    for rows in ([(number, number) for number in range(100)], data, data.to_pandas(), pl.from_arrow(data)):
        progress: dict[int, int | None] = {}
        connection.bulk_load(name, rows, batch_size=30, overwrite=True, on_progress=progress.__setitem__)
        assert list(progress.items()) == [(30, 100), (60, 100), (90, 100), (100, 100)]


def test_transactions_are_refused(make_ignite_cluster: Callable[..., Any]) -> None:
    url = make_ignite_cluster(tx_aware=True).url
    with (
        ignite_dbapi.connect(url, autocommit=False) as connection,
        pytest.raises(NotSupportedError, match="does not belong to transactions"),
    ):
        connection.bulk_load("nothing", [])


@WAYS
def test_errors_of_the_rows_themselves(
    connection: Any, table: Callable[..., str], is_empty: bool, overwrite: bool
) -> None:
    name = table("id INT PRIMARY KEY, v INT")
    before = filled(connection, name, is_empty=is_empty)

    def rows() -> Iterator[tuple[int, int]]:
        for number in range(95):
            yield number, number
        raise LookupError("the end of the file is missing")

    with pytest.raises(LookupError, match="the file") as caught:
        connection.bulk_load(name, rows(), batch_size=10, overwrite=overwrite)
    (note,) = caught.value.__notes__
    assert note == f'bulk_load into "PUBLIC"."{name.upper()}": 90 rows of the load were written before'
    assert connection.execute(f"SELECT COUNT(*) FROM {name}").fetchone() == (before + 90,)
    with pytest.raises(ZeroDivisionError):
        connection.bulk_load(name, [(1, 1)], on_progress=lambda done, total: 1 // 0)
    assert streamers(connection) == 0


def streamers(connection: Any) -> int:
    """How many of the numbers that the server has given out on this connection it still holds."""
    session = connection._session
    held = 0
    for number in range(1, session.resources.last_id + 1):
        held += blocking.run(calls.close_resource(session, number), session.channel)
    return held


def test_nothing_is_left_behind(connection: Any, table: Callable[..., str]) -> None:
    name = table("id INT PRIMARY KEY, v INT")
    for _ in range(2):  # an empty table, and one with rows
        connection.bulk_load(name, [(number, number) for number in range(100)], batch_size=10)
    with pytest.raises(DataError):
        connection.bulk_load(name, [(1, 1), (2, 2**40)])
    assert streamers(connection) == 0


def test_a_table_that_is_dropped_meanwhile(node: Any, connection: Any, table: Callable[..., str]) -> None:
    name = table("id INT PRIMARY KEY, v INT")

    def rows() -> Iterator[tuple[int, int]]:
        for number in range(50):
            yield number, number
        connection.execute(f"DROP TABLE {name}")
        for number in range(50, 100):
            yield number, number

    with ignite_dbapi.connect(node.url) as loading:
        with pytest.raises(ignite_dbapi.DatabaseError, match="may have been: look before"):
            loading.bulk_load(name, rows(), batch_size=10, overwrite=True)
        assert loading.execute("SELECT 1").fetchone() == (1,)


@WAYS
def test_lost_connections(node: Any, table: Callable[..., str], is_empty: bool, overwrite: bool) -> None:
    name = table("id INT PRIMARY KEY, v INT")
    with Proxy(node.addresses[0]) as proxy, ignite_dbapi.connect(proxy.url) as connection:
        filled(connection, name, is_empty=is_empty)

        def rows() -> Iterator[tuple[int, int]]:
            for number in range(1000):
                if number == 500:
                    proxy.close()
                yield number, number

        with pytest.raises(OperationalError, match="may have been: look before") as caught:
            connection.bulk_load(name, rows(), batch_size=10, overwrite=overwrite)
        assert caught.value.is_connection_lost


def test_interrupts(node: Any, table: Callable[..., str], monkeypatch: pytest.MonkeyPatch) -> None:
    name = table("id INT PRIMARY KEY, v INT")
    with Proxy(node.addresses[0]) as proxy, ignite_dbapi.connect(proxy.url) as connection:
        filled(connection, name)
        receive, waits = blocking.BlockingChannel.receive, itertools.count()

        def interrupted(channel: Any, pending: Any) -> Any:
            if type(pending.message) is StreamerAdd and next(waits) == 3:
                raise KeyboardInterrupt
            return receive(channel, pending)

        with monkeypatch.context() as patched:
            patched.setattr(blocking.BlockingChannel, "receive", interrupted)
            with pytest.raises(KeyboardInterrupt):
                connection.bulk_load(name, [(number, number) for number in range(1000)], batch_size=10)
        # While it waited; the connection is as good as before, and its next query ends the streamer.
        assert 0 not in proxy.requests
        assert connection.execute("SELECT 1").fetchone() == (1,)
        assert proxy.requests.count(0) == 1
        assert connection.bulk_load(name, [(number, number) for number in range(1000)]) == 1000
        assert connection.execute(f"SELECT COUNT(*) FROM {name}").fetchone() == (1001,)
        assert streamers(connection) == 0


def test_asyncio(node: Any, connection: Any, table: Callable[..., str]) -> None:
    name = table("id INT PRIMARY KEY, v INT")
    rows = [(number, number) for number in range(20_000)]

    async def cancelled_after(enough: int, loading: Any) -> None:
        def stop(done: int, _: int | None) -> None:
            if done >= enough:
                task.cancel()

        task = asyncio.ensure_future(loading.bulk_load(name, rows, batch_size=50, on_progress=stop))
        if not enough:
            await asyncio.sleep(0)
            task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    async def main() -> None:
        async with await ignite_dbapi.aio.connect(node.url) as loading:
            progress: list[int] = []
            assert await loading.bulk_load(name, rows, on_progress=lambda done, _: progress.append(done)) == 20_000
            assert progress[-1] == 20_000
            with pytest.raises(DataError, match="row 1 "):
                await loading.bulk_load(name, [(1, 1), (2, "x")])
            for enough in (0, 50, 5_000, 19_000):
                await cancelled_after(enough, loading)
                await loading.ping()
            cursor = await loading.execute(f"SELECT COUNT(*) FROM {name}")
            assert await cursor.fetchone() == (20_000,)
            session = loading._session
            held = [
                await awaiting.run(calls.close_resource(session, number), session.channel)
                for number in range(1, session.resources.last_id + 1)
            ]
            assert not any(held)

    asyncio.run(main())
