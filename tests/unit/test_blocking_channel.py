"""The blocking channel, over a pair of sockets: finalizers that run amid its work, forks, lost connections."""

from __future__ import annotations

import gc
import os
import signal
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any, cast

import pytest
from wire import shut

from ignite_dbapi import Connection, InterfaceError, OperationalError
from ignite_dbapi.operations import calls
from ignite_dbapi.operations.pipelining import Pipeline
from ignite_dbapi.operations.results import PagedResult
from ignite_dbapi.operations.session import Session
from ignite_dbapi.options import ConnectOptions
from ignite_dbapi.protocol.context import ALL_FEATURES, Context
from ignite_dbapi.protocol.exchange import Call, Exchange, Operation
from ignite_dbapi.protocol.messages.heartbeats import Heartbeat
from ignite_dbapi.protocol.messages.pages import Page
from ignite_dbapi.protocol.messages.sql import SqlFieldsAnswer, SqlFieldsPage
from ignite_dbapi.transport import tls
from ignite_dbapi.transport.blocking import BlockingChannel, run
from tests.unit.pages import answer_bytes, known

OPTIONS = ConnectOptions(heartbeat_interval=0)
CLOSE, HEARTBEAT = 0, Heartbeat.op_code


class Interrupted:
    """A socket that does something of somebody else's, once, before it receives or sends."""

    def __init__(self, connected: socket.socket) -> None:
        self._socket = connected
        self.on_recv: Callable[[], object] | None = None
        self.on_send: Callable[[], object] | None = None

    def recv(self, size: int) -> bytes:
        action, self.on_recv = self.on_recv, None
        if action is not None:
            action()
        return self._socket.recv(size)

    def sendall(self, data: bytes) -> None:
        action, self.on_send = self.on_send, None
        if action is not None:
            action()
        self._socket.sendall(data)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._socket, name)


class Server:
    """Answers every request with nothing."""

    def __init__(self) -> None:
        self.ours, self._theirs = socket.socketpair()
        self.requests: list[int] = []
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        data = b""
        # The test may end it at any time.
        with suppress(OSError):
            while received := self._theirs.recv(65536):
                data += received
                while len(data) >= 14 and len(data) >= 4 + int.from_bytes(data[:4], "little"):
                    length, op_code, request_id = struct.unpack_from("<ihq", data)
                    self.requests.append(op_code)
                    data = data[4 + length :]
                    self._theirs.sendall(answer_bytes(request_id))

    def close(self) -> None:
        shut(self.ours)
        self._thread.join(30)
        self.ours.close()
        self._theirs.close()


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server()
    yield server
    server.close()


def channel_over(connected: Any, number: int = 1) -> BlockingChannel:
    exchange = Exchange(Context((1, 7, 0), ALL_FEATURES, None, known()))
    return BlockingChannel(connected, ("h", number), exchange, OPTIONS, None)


def beat(channel: Any) -> Operation[None]:
    yield Call(channel, Heartbeat())


def within(seconds: float, action: Callable[[], Any]) -> list[Any]:
    """What *action* returned, in a list; an empty one if it has not ended within *seconds*."""
    results: list[Any] = []
    thread = threading.Thread(target=lambda: results.append(action()), daemon=True)
    thread.start()
    thread.join(seconds)
    return results


@pytest.mark.parametrize("moment", ["on_recv", "on_send"])
def test_a_cursor_is_closed_by_a_finalizer_amid_a_request(server: Server, moment: str) -> None:
    interrupted = Interrupted(server.ours)
    channel = channel_over(interrupted)
    session = Session(channel, OPTIONS)

    def rows() -> Iterator[int]:
        answer = SqlFieldsAnswer(7, ["A"], Page(b"", 0, 0, 0, 1, True))
        result = PagedResult(session, answer, SqlFieldsPage(7, 1))
        try:
            yield 1
        finally:
            run(result.close())

    class Holder:
        pass

    holder: Any = Holder()
    holder.rows, holder.itself = rows(), holder
    next(holder.rows)
    del holder  # nothing but the garbage collector finds it

    setattr(interrupted, moment, gc.collect)
    assert within(30, lambda: channel.call(Heartbeat())) == [None]
    assert channel.failure is None
    # What could not be sent then is sent before the next query.
    run(calls.close_orphans(session))
    assert within(30, lambda: channel.call(Heartbeat())) == [None]
    assert sorted(server.requests) == [CLOSE, HEARTBEAT, HEARTBEAT]


@pytest.mark.parametrize("moment", ["on_recv", "on_send"])
def test_another_request_amid_a_request_is_refused(server: Server, moment: str) -> None:
    interrupted = Interrupted(server.ours)
    channel = channel_over(interrupted)
    errors: list[InterfaceError] = []

    def ask() -> None:
        try:
            channel.call(Heartbeat())
        except InterfaceError as error:
            errors.append(error)

    setattr(interrupted, moment, ask)
    assert within(30, lambda: channel.call(Heartbeat())) == [None]
    assert [error.code for error in errors] == ["reentered"]
    assert within(30, lambda: channel.call(Heartbeat())) == [None]


def in_child(action: Callable[[], Any]) -> int:
    """How *action* ends in a forked child: 0, 1 if it raises InterfaceError, 14 if it waits for ever."""
    child = os.fork()
    if child == 0:
        code = 2
        signal.alarm(10)
        try:
            action()
            code = 0
        except InterfaceError:
            code = 1
        finally:
            os._exit(code)
    status = os.waitpid(child, 0)[1]
    return os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.waitstatus_to_exitcode(status)


def test_a_forked_child_waits_for_no_lock_of_the_parent(server: Server) -> None:
    channel = channel_over(server.ours)
    connection = Connection.__new__(Connection)
    connection._session = session = Session(channel, OPTIONS)
    connection._is_closed = False
    held, released = threading.Event(), threading.Event()

    def hold() -> None:
        # As a thread does whose statement is under way.
        with cast("Any", session.transaction_lock):
            held.set()
            released.wait(60)

    thread = threading.Thread(target=hold)
    thread.start()
    assert held.wait(30)
    try:
        assert in_child(connection.commit) == 1
        assert in_child(connection.ping) == 1
        assert in_child(connection.close) == 0
    finally:
        released.set()
        thread.join(30)
    assert channel.failure is None
    connection.close()


def test_a_forked_child_closes_a_tls_connection_that_a_thread_uses(server: Server) -> None:
    shared = tls.SharedTlsSocket(cast("Any", server.ours))
    channel = channel_over(shared)
    with shared._lock:
        assert in_child(channel.close) == 0
    channel.close()


def test_a_pipeline_goes_on_when_another_node_is_lost() -> None:
    lost, alive = Server(), Server()
    first, second = channel_over(lost.ours, 1), channel_over(alive.ours, 2)
    pipeline = Pipeline(first.new_lock(), 64)
    steps = [run(pipeline.start(beat(channel), channel.address, known(), is_read=False)) for channel in (first, second)]
    first.give_up(ConnectionResetError("reset"), "waiting for an answer")
    # As the key is the same, it waits for the one before.
    again = run(pipeline.start(beat(second), second.address, known(), is_read=False))
    with pytest.raises(OperationalError, match="lost"):
        run(pipeline.outcome(steps[0]))
    assert run(pipeline.outcome(steps[1])) is None
    assert run(pipeline.outcome(again)) is None
    run(pipeline.close())
    assert alive.requests == [HEARTBEAT, HEARTBEAT]
    lost.close()
    alive.close()
