"""Over asyncio's own event loop, and over uvloop, whose transports are other classes and write at other moments."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import create_async_engine
from wire import Proxy

import ignite_dbapi
from ignite_dbapi import aio
from ignite_dbapi.keyvalue import AioClient
from sqlalchemy_ignite.aio import IgniteDialectAsync

ROWS = 20_000


def test_pages_and_batches(node: Any, table: Callable[..., str], run_async: Callable[..., Any]) -> None:
    name = table("id INT PRIMARY KEY, v VARCHAR")
    rows = [(number, f"{number:04}" * 100) for number in range(ROWS)]

    async def main() -> None:
        async with await aio.connect(node.url, page_size=1000) as connection:
            # More than the socket takes at once.
            cursor = await connection.cursor().executemany(f"INSERT INTO {name} (id, v) VALUES (?, ?)", rows)
            assert cursor.rowcount == ROWS
            cursor = await connection.execute(f"SELECT id, v FROM {name}")
            assert sorted(await cursor.fetchall()) == rows
            cursor = await connection.execute(f"SELECT id, v FROM {name}")
            assert sorted([row async for row in cursor]) == rows
            columns = await (await connection.execute(f"SELECT id, v FROM {name} ORDER BY id")).fetch_arrow_table()
            assert columns.column("V").to_pylist() == [v for _, v in rows]
            with pytest.raises(ignite_dbapi.IntegrityError):
                await connection.execute(f"INSERT INTO {name} (id, v) VALUES (?, ?)", rows[0])

    run_async(main())


def test_many_tasks_share_a_connection(node: Any, run_async: Callable[..., Any]) -> None:
    async def main() -> None:
        async with await aio.connect(node.url) as connection:

            async def answer(number: int) -> int:
                cursor = await connection.execute("SELECT ? + 0, ?", [number, "x" * 100_000])
                ((answered, text),) = await cursor.fetchall()
                assert len(text) == 100_000
                return int(answered)

            assert await asyncio.gather(*map(answer, range(64))) == list(range(64))
            slow = asyncio.create_task(answer(1))
            await asyncio.sleep(0)
            slow.cancel()
            with pytest.raises(asyncio.CancelledError):
                await slow
            assert await answer(2) == 2

    run_async(main())


def test_keys_and_values(node: Any, run_async: Callable[..., Any]) -> None:
    async def main() -> None:
        async with AioClient().connect(node.addresses) as client:
            cache = await client.get_or_create_cache("of event loops")
            await cache.put_all(dict.fromkeys(range(5000), "x" * 1000))
            values = await asyncio.gather(*(cache.get(number) for number in range(500)))
            assert values == ["x" * 1000] * 500
            async with cache.scan(page_size=100) as entries:
                assert sorted([key async for key, _ in entries]) == list(range(5000))
            async with cache.pipeline() as pipeline:
                answers = [await pipeline.get(number) for number in range(100)]
            assert [await answer for answer in answers] == ["x" * 1000] * 100
            await cache.destroy()

    run_async(main())


def test_sqlalchemy(node: Any, run_async: Callable[..., Any]) -> None:
    async def main() -> None:
        engine = create_async_engine(node.url.replace("ignite://", "ignite+aio://"))
        assert isinstance(engine.dialect, IgniteDialectAsync)
        async with engine.connect() as connection:
            assert (await connection.execute(sa.text("SELECT 1"))).all() == [(1,)]
        await engine.dispose()

    run_async(main())


def test_nodes_that_go(node: Any, run_async: Callable[..., Any]) -> None:
    async def main() -> None:
        with Proxy(node.addresses[0], lambda number, frame: frame if number < 2 else None) as proxy:
            async with await aio.connect(proxy.url) as connection:
                assert await (await connection.execute("SELECT 1")).fetchall() == [(1,)]
                with pytest.raises(ignite_dbapi.OperationalError) as lost:
                    await connection.execute("SELECT 1")
                assert lost.value.is_connection_lost
                assert connection.closed
            url = proxy.url
        with pytest.raises(ignite_dbapi.OperationalError, match="cannot connect"):
            await aio.connect(url)

    run_async(main())
