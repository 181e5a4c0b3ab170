"""Heartbeats keep a connection alive that the server would close otherwise, and nothing else alive."""

from __future__ import annotations

import asyncio
import gc
import os
import socket
import threading
import time
import weakref
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest
from wire import Proxy

import ignite_dbapi
import ignite_dbapi.aio
from ignite_dbapi.protocol.heartbeats import heartbeat_interval

# Heartbeats come three times as often, which a busy machine must be able to keep up.
IDLE_TIMEOUT = 5.0
# How long connections with heartbeats are left idle.
LONG_ENOUGH = 2.4 * IDLE_TIMEOUT
# Until the server has closed one without. It looks for idle connections every two to four seconds (its selector wakes
# after two, and looks if more than two have passed), or when a busy machine lets it.
CLOSED_BY_THEN = 30.0


@pytest.fixture(scope="module")
def impatient(make_ignite_cluster: Callable[..., Any]) -> Any:
    """One node that closes connections on which nothing happens for some seconds."""
    return make_ignite_cluster(idle_timeout=IDLE_TIMEOUT)


def heartbeat_threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "ignite_dbapi heartbeats"]


def until(condition: Callable[[], bool], seconds: float = 30) -> bool:
    deadline = time.monotonic() + seconds
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.02)
    return condition()


@pytest.fixture(autouse=True)
def no_heartbeats_of_earlier_tests() -> None:
    # Their threads end by themselves, soon after their connections.
    assert until(lambda: not heartbeat_threads())


async def until_awaited(condition: Callable[[], bool], seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while not condition() and time.monotonic() < deadline:
        await asyncio.sleep(0.02)
    return condition()


def has_ended(connected: socket.socket) -> bool:
    """Whether the server has closed the connection, which is not read here."""
    try:
        return connected.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT) == b""
    except BlockingIOError:
        return False


@pytest.mark.parametrize(
    ("wanted", "idle_timeout", "expected"),
    [(None, 0, None), (None, 3000, 1.0), (5, 0, 5), (5, 3000, 1.0), (0.2, 3000, 0.2), (0, 3000, None), (0, 0, None)],
)
def test_interval(wanted: float | None, idle_timeout: int, expected: float | None) -> None:
    assert heartbeat_interval(wanted, idle_timeout) == expected


def test_idle_connection(impatient: Any) -> None:
    with (
        ignite_dbapi.connect(impatient.url) as kept,
        ignite_dbapi.connect(impatient.url, heartbeat_interval=0) as forgotten,
    ):
        assert len(heartbeat_threads()) == 1
        assert all(thread.daemon for thread in heartbeat_threads())
        time.sleep(LONG_ENOUGH)
        assert kept.execute("SELECT 1").fetchall() == [(1,)]
        assert until(lambda: has_ended(forgotten._session.channel._socket), CLOSED_BY_THEN)
        with pytest.raises(ignite_dbapi.OperationalError) as lost:
            forgotten.execute("SELECT 1")
        assert lost.value.is_connection_lost
    assert until(lambda: not heartbeat_threads())


def test_idle_connection_with_a_request_timeout(impatient: Any) -> None:
    with ignite_dbapi.connect(impatient.url, request_timeout=3) as connection:
        time.sleep(LONG_ENOUGH)
        assert connection.execute("SELECT 1").fetchall() == [(1,)]


def test_long_statement(impatient: Any) -> None:
    # A statement that takes longer than the server is patient: it is under way, and yet nothing is sent or received.
    sql = "SELECT COUNT(*) FROM SYSTEM_RANGE(1, 20000) a, SYSTEM_RANGE(1, {}) b WHERE a.x * b.x > 0"
    factor, seconds = 1000, 0.0
    with ignite_dbapi.connect(impatient.url) as connection:
        while seconds < LONG_ENOUGH:
            factor = round(factor * max(1.2, min(LONG_ENOUGH * 1.3 / max(seconds, 0.1), 5)))
            started = time.monotonic()
            assert connection.execute(sql.format(factor)).fetchall() == [(20000 * factor,)]
            seconds = time.monotonic() - started


def test_without_idle_timeout_there_is_no_thread(node: Any) -> None:
    with ignite_dbapi.connect(node.url):
        # Before anything else was asked, it waits for what the server answers.
        assert until(lambda: not heartbeat_threads())
    with ignite_dbapi.connect(node.url) as connection:
        connection.execute("SELECT 1")
        assert until(lambda: not heartbeat_threads())


def test_nobody_waits_for_the_idle_timeout(node: Any) -> None:
    def hold(number: int, frame: bytes) -> bytes:
        # The answer to the question after the idle timeout: only once the query was sent.
        assert number != 1 or until(lambda: len(proxy.requests) == 2)
        return frame

    with Proxy(node.addresses[0], hold) as proxy:
        url = proxy.url.partition("?")[0]
        with ignite_dbapi.connect(url, timezone="UTC") as connection:
            assert connection.execute("SELECT 1").fetchone() == (1,)

    async def main() -> None:
        async with await ignite_dbapi.aio.connect(url, timezone="UTC") as connection:
            assert await (await connection.execute("SELECT 1")).fetchone() == (1,)

    with Proxy(node.addresses[0], hold) as proxy:
        url = proxy.url.partition("?")[0]
        asyncio.run(main())


def test_only_idle_connections_send_heartbeats(node: Any) -> None:
    with Proxy(node.addresses[0]) as proxy:
        url = proxy.url.partition("?")[0]
        with ignite_dbapi.connect(url, heartbeat_interval=0.5) as connection:
            connection.execute("SELECT 1")  # the first one takes its time
            before = proxy.requests.count(1)
            moments = [time.monotonic()]
            while moments[-1] < moments[0] + 1.5:
                connection.execute("SELECT 1")
                moments.append(time.monotonic())
            busy = proxy.requests.count(1) - before
            assert until(lambda: proxy.requests.count(1) >= before + busy + 2)
            idle = time.monotonic() - moments[-1]
            # Only where a busy machine has kept a statement waiting.
            assert busy <= sum(int((end - start) / 0.4) for start, end in pairwise(moments))
            assert idle > 0.4


def test_collected_connection(impatient: Any) -> None:
    connection = ignite_dbapi.connect(impatient.url)
    channel = weakref.ref(connection._session.channel)
    assert len(heartbeat_threads()) == 1
    with pytest.warns(ResourceWarning):
        del connection

    def is_collected() -> bool:
        # Again and again: a thread that looks at the channel may hold it for a moment.
        gc.collect()
        return channel() is None and not heartbeat_threads()

    assert until(is_collected)


def test_lost_connection(impatient: Any) -> None:
    with Proxy(impatient.addresses[0]) as proxy:
        connection = ignite_dbapi.connect(proxy.url.partition("?")[0])
        assert len(heartbeat_threads()) == 1
    # The proxy is closed, and nobody uses the connection: the heartbeats find out.
    assert until(lambda: connection.closed and not heartbeat_threads())
    with pytest.raises(ignite_dbapi.OperationalError) as lost:
        connection.execute("SELECT 1")
    assert lost.value.is_connection_lost


def test_fork(impatient: Any) -> None:
    with ignite_dbapi.connect(impatient.url) as connection:
        child = os.fork()
        if child == 0:
            code = 1
            try:
                with ignite_dbapi.connect(impatient.url) as own:
                    time.sleep(LONG_ENOUGH)
                    code = 0 if own.execute("SELECT 1").fetchall() == [(1,)] and len(heartbeat_threads()) == 1 else 2
            finally:
                os._exit(code)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        assert connection.execute("SELECT 1").fetchall() == [(1,)]


def test_asyncio(impatient: Any) -> None:
    async def main() -> None:
        kept = await ignite_dbapi.aio.connect(impatient.url)
        forgotten = await ignite_dbapi.aio.connect(impatient.url, heartbeat_interval=0)
        await asyncio.sleep(LONG_ENOUGH)
        assert await (await kept.execute("SELECT 1")).fetchall() == [(1,)]
        assert await until_awaited(lambda: forgotten.closed, CLOSED_BY_THEN)
        with pytest.raises(ignite_dbapi.OperationalError) as lost:
            await forgotten.execute("SELECT 1")
        assert lost.value.is_connection_lost
        await kept.close()
        # Nothing of it is left in the event loop.
        assert asyncio.all_tasks() == {asyncio.current_task()}

    asyncio.run(main())


def test_asyncio_connection_that_nobody_can_use(impatient: Any) -> None:
    async def main() -> None:
        connection = await ignite_dbapi.aio.connect(impatient.url)
        channel = connection._session.channel
        del connection
        gc.collect()
        assert await until_awaited(lambda: channel.failure is not None, CLOSED_BY_THEN)

    asyncio.run(main())
