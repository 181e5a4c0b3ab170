"""What a cluster makes of lost connections, threads and cancelled tasks: with channels that are not connected."""

from __future__ import annotations

import asyncio
import struct
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any, cast
from uuid import UUID

import pytest

from ignite_dbapi.cluster.cluster import Cluster, Listener
from ignite_dbapi.cluster.connecting import connection_lost
from ignite_dbapi.errors import Error, InterfaceError, OperationalError
from ignite_dbapi.operations.session import Session
from ignite_dbapi.options import Address, ConnectOptions
from ignite_dbapi.protocol.context import ALL_FEATURES, Context
from ignite_dbapi.protocol.exchange import Channel, Exchange, Lock, Operation
from ignite_dbapi.protocol.messages.heartbeats import Heartbeat
from ignite_dbapi.transport import awaiting, blocking
from tests.unit.pages import answer_bytes, known

ADDRESSES: list[Address] = [("a", 1), ("b", 2)]


class StubChannel:
    """A channel whose failure is all that happens to it."""

    def __init__(self, number: int, new_lock: Callable[[], Any] = threading.RLock) -> None:
        self.address = ADDRESSES[number - 1]
        self.exchange = Exchange(Context((1, 7, 0), ALL_FEATURES, UUID(int=number), known()))
        self.new_lock = new_lock
        self.calls = 0
        self.is_writable = True

    @property
    def context(self) -> Context:
        return self.exchange.context

    @property
    def failure(self) -> Error | None:
        return self.exchange.failure

    def keep_alive(self, owner: object) -> None:
        pass

    def unsubscribe(self, subscription: object) -> None:
        pass

    def give_up(self, error: BaseException, doing: str) -> Error:
        failure = connection_lost(error, self.address, doing)
        self.exchange.fail(failure)
        return failure

    def close(self) -> None:
        self.exchange.fail(InterfaceError("the connection is closed"))

    async def call(self, message: Any) -> Any:
        self.calls += 1
        if self.calls == 1:
            await asyncio.sleep(60)
        raise OperationalError("not today")


def options() -> ConnectOptions:
    return ConnectOptions(addresses=tuple(ADDRESSES), heartbeat_interval=0)


def cluster_of(new_lock: Callable[[], Lock] = threading.RLock, **arguments: Any) -> Cluster:
    return Cluster(options(), {}, new_lock=new_lock, **arguments)


def nothing(session: Session) -> Operation[None]:
    return
    yield


def test_closing_while_another_thread_connects(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[StubChannel] = []
    has_connected, has_closed = threading.Event(), threading.Event()

    class Slow(Listener):
        def connected(self, session: Session) -> None:
            has_connected.set()
            assert has_closed.wait(30)

    def connect(*_: Any) -> Any:
        made.append(StubChannel(1))
        return made[-1]

    monkeypatch.setattr(blocking, "connect", connect)
    cluster = cluster_of(partition_awareness=False, listener=Slow())
    errors: list[Error] = []

    def work() -> None:
        try:
            blocking.run(cluster.connect())
        except Error as error:
            errors.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    assert has_connected.wait(30)
    cluster.close()
    has_closed.set()
    thread.join(30)
    assert "the client is closed" in str(errors[0])
    assert [channel.failure is None for channel in made] == [False]
    assert cluster.sessions == []


def test_threads_ask_a_generator_of_addresses_one_after_the_other(monkeypatch: pytest.MonkeyPatch) -> None:
    def addresses() -> Iterator[Address]:
        for number in range(6):
            time.sleep(0.02)
            yield ("x", number)

    tried: list[Address] = []

    def connect(_: Any, address: Address, *__: Any) -> Any:
        tried.append(address)
        raise OperationalError("refused", code="connect_failed", is_connection_lost=True)

    monkeypatch.setattr(blocking, "connect", connect)
    cluster = cluster_of(partition_awareness=False, node_order=addresses())
    errors: list[BaseException] = []

    def work() -> None:
        try:
            blocking.run(cluster.call(nothing))
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert [type(error) for error in errors] == [OperationalError] * 3
    assert sorted(tried) == [("x", number) for number in range(6)]


@pytest.mark.parametrize("is_cancelled", [True, False])
def test_nodes_are_looked_for_again_if_that_was_cancelled(is_cancelled: bool) -> None:
    async def work() -> None:
        cluster = cluster_of(asyncio.Lock)
        channel = StubChannel(1, asyncio.Lock)
        node = cluster._nodes[0]
        node.session, node.node_id = Session(cast("Channel", channel), options()), UUID(int=1)
        channel.exchange.request(Heartbeat())
        channel.exchange.feed(answer_bytes(1, struct.pack("<qi", 7, 0), flags=2))
        if not is_cancelled:
            channel.calls = 1
        try:
            async with asyncio.timeout(0.05):
                await awaiting.run(cluster.call(nothing))
        except TimeoutError:
            assert is_cancelled
        assert cluster._is_outdated() is is_cancelled
        await awaiting.run(cluster.call(nothing))
        assert channel.calls == 2, "asked again if that was cancelled, and not if the node had no answer"
        assert not cluster._is_outdated()

    asyncio.run(work())
