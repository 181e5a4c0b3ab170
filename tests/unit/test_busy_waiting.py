"""Looking for answers before going to sleep: when that is done, for how long, and when it is given up."""

from __future__ import annotations

import os
import select
import signal
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import attrs
import pytest
from wire import shut

from ignite_dbapi import OperationalError
from ignite_dbapi.options import ConnectOptions
from ignite_dbapi.protocol.context import ALL_FEATURES, Context
from ignite_dbapi.protocol.exchange import Exchange
from ignite_dbapi.protocol.messages.heartbeats import Heartbeat
from ignite_dbapi.transport import busy_waiting
from ignite_dbapi.transport.blocking import BlockingChannel
from ignite_dbapi.transport.busy_waiting import BusyWait, busy_wait_for
from tests.unit.pages import answer_bytes, known
from tests.unit.test_giving_way import Ends

# As long as an option may be, so that a test which fails to end it is seen to.
LONG = 1.0


@pytest.fixture
def ends() -> Iterator[tuple[socket.socket, socket.socket]]:
    ours, theirs = socket.socketpair()
    yield ours, theirs
    ours.close()
    theirs.close()


@attrs.define
class Machine:
    """Its clock goes on by as much as others need whenever the processor is offered to them, which is counted."""

    others_need: float = 0.0
    now: float = 1000.0
    offers: int = 0

    def sched_yield(self) -> None:
        self.offers += 1
        self.now += self.others_need

    def offers_within(self, wait: BusyWait, others_need: float = 0.0) -> int:
        """How often the processor is offered to others in one wait."""
        self.offers, self.others_need = 0, others_need
        wait.until_readable()
        return self.offers


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Machine:
    machine = Machine()
    monkeypatch.setattr(os, "sched_yield", machine.sched_yield)
    monkeypatch.setattr(busy_waiting, "perf_counter", lambda: machine.now)
    return machine


def test_it_ends_with_what_it_looks_for(ends: tuple[socket.socket, socket.socket]) -> None:
    ours, theirs = ends
    wait = BusyWait(ours.fileno(), LONG)
    sender = threading.Timer(0.05, theirs.sendall, (b"x",))
    begin = time.monotonic()
    sender.start()
    wait.until_readable()
    assert 0.04 < time.monotonic() - begin < LONG
    assert select.select([ours], [], [], 0)[0] == [ours]
    wait.until_readable()
    assert ours.recv(10) == b"x"


def test_it_ends_with_the_connection(ends: tuple[socket.socket, socket.socket]) -> None:
    ours, theirs = ends
    theirs.close()
    begin = time.monotonic()
    BusyWait(ours.fileno(), LONG).until_readable()
    assert time.monotonic() - begin < LONG


def test_it_ends_when_its_time_is_up(ends: tuple[socket.socket, socket.socket], machine: Machine) -> None:
    wait = BusyWait(ends[0].fileno(), 0.0002)
    assert machine.offers_within(wait, 0.00003) == 7


def test_a_thirtieth_of_the_time_may_be_lost(ends: tuple[socket.socket, socket.socket], machine: Machine) -> None:
    wait = BusyWait(ends[0].fileno(), 0.0002)
    for _ in range(3):
        assert machine.offers_within(wait, 0.0003) == 1
        machine.now += 29.9 * 0.0003
        assert machine.offers_within(wait, 0.0003) == 0
        machine.now += 0.2 * 0.0003


def test_what_was_saved_may_be_lost(ends: tuple[socket.socket, socket.socket], machine: Machine) -> None:
    ours, theirs = ends
    wait = BusyWait(ours.fileno(), 0.0002)
    theirs.sendall(b"x")
    # Each answer that was found has saved 0.05 ms, of which 10 ms are remembered.
    assert [machine.offers_within(wait) for _ in range(300)] == [1] * 300
    assert [machine.offers_within(wait, 0.0006) for _ in range(17)] == [1] * 17
    # 0.2 ms more than were saved.
    machine.now += 0.0059
    assert machine.offers_within(wait) == 0
    machine.now += 0.0002
    assert machine.offers_within(wait) == 1


def test_others_that_need_the_processor_have_it(ends: tuple[socket.socket, socket.socket], machine: Machine) -> None:
    ours, theirs = ends
    wait = BusyWait(ours.fileno(), 0.0002)
    theirs.sendall(b"x")

    def found(times: int) -> None:
        assert [machine.offers_within(wait) for _ in range(times)] == [1] * times

    # What was saved is no reason to go on; nor do a few answers in between make the pauses shorter.
    found(300)
    for pause in (0.03, 0.12, 0.48, 0.5, 0.5):
        assert machine.offers_within(wait, 0.003) == 1
        machine.now += pause - 0.0001
        assert machine.offers_within(wait) == 0
        machine.now += 0.0002
        found(20)
    found(200)
    assert machine.offers_within(wait, 0.003) == 1
    machine.now += 0.0301
    found(1)


@pytest.mark.parametrize(
    ("other", "seconds", "expected"),
    [
        ("10.0.0.1", None, busy_waiting.SECONDS),
        ("10.0.0.2", None, None),
        ("10.0.0.1", 0.0, None),
        ("10.0.0.2", 0.001, 0.001),
    ],
)
def test_who_is_waited_for(
    monkeypatch: pytest.MonkeyPatch, other: str, seconds: float | None, expected: float | None
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1}, raising=False)
    wait = busy_wait_for(Ends("10.0.0.1", other), 0, seconds)
    assert (None if wait is None else wait._seconds) == expected


def test_with_one_processor_the_server_needs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {3}, raising=False)
    assert busy_wait_for(Ends("10.0.0.1", "10.0.0.1"), 0, None) is None
    monkeypatch.delattr(os, "sched_getaffinity")
    monkeypatch.setattr(os, "cpu_count", lambda: 1)
    assert busy_wait_for(Ends("10.0.0.1", "10.0.0.1"), 0, None) is None


@pytest.mark.parametrize(("module", "call"), [(os, "sched_yield"), (select, "poll")])
def test_without_the_calls_for_it(monkeypatch: pytest.MonkeyPatch, module: Any, call: str) -> None:
    monkeypatch.delattr(module, call)
    assert busy_wait_for(Ends("10.0.0.1", "10.0.0.1"), 0, 0.001) is None


class Counted(BusyWait):
    """Counts how often it was asked, and lets the other side do something meanwhile."""

    def __init__(self, number: int, meanwhile: Callable[[], object] = lambda: None) -> None:
        super().__init__(number, LONG)
        self.asked = 0
        self.meanwhile = meanwhile

    def until_readable(self) -> None:
        self.asked += 1
        self.meanwhile()
        super().until_readable()


def channel_over(connected: socket.socket, wait: BusyWait) -> BlockingChannel:
    exchange = Exchange(Context((1, 7, 0), ALL_FEATURES, None, known()))
    return BlockingChannel(connected, ("h", 1), exchange, ConnectOptions(heartbeat_interval=0), None, busy_wait=wait)


def answer(theirs: socket.socket) -> None:
    """Answer the requests that have come."""
    data = theirs.recv(65536)
    while data:
        length, _, request_id = struct.unpack_from("<ihq", data)
        theirs.sendall(answer_bytes(request_id))
        data = data[4 + length :]


def test_a_channel_waits_busily_for_a_single_request(ends: tuple[socket.socket, socket.socket]) -> None:
    ours, theirs = ends
    wait = Counted(ours.fileno(), lambda: answer(theirs))
    channel = channel_over(ours, wait)
    assert channel.call(Heartbeat()) is None
    assert wait.asked == 1
    both = [channel.send(Heartbeat()), channel.send(Heartbeat())]
    answer(theirs)
    assert [channel.receive(pending) for pending in both] == [None, None]
    assert wait.asked == 1
    assert channel.exchange.under_way == 0


def test_a_connection_that_ends_while_it_is_waited_for(ends: tuple[socket.socket, socket.socket]) -> None:
    ours, theirs = ends
    channel = channel_over(ours, Counted(ours.fileno(), lambda: shut(theirs)))
    with pytest.raises(OperationalError) as error:
        channel.call(Heartbeat())
    assert error.value.is_connection_lost


@pytest.fixture
def default_interrupt() -> Iterator[None]:
    """Ctrl-C raises KeyboardInterrupt also where it is ignored: in what a script runs beside others."""
    handler = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, handler)


@pytest.mark.usefixtures("default_interrupt")
def test_ctrl_c_while_an_answer_is_looked_for(ends: tuple[socket.socket, socket.socket]) -> None:
    ours, _ = ends
    main = threading.main_thread().ident
    assert main is not None
    timer = threading.Timer(0.1, signal.pthread_kill, (main, signal.SIGINT))
    channel = channel_over(ours, Counted(ours.fileno(), timer.start))
    begin = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        channel.call(Heartbeat())
    assert time.monotonic() - begin < LONG
    # An answer that comes late must not be taken for that to another request.
    assert channel.failure is not None
