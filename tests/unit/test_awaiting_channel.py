"""The asyncio channel, with a transport whose buffer is full when the test says so."""

from __future__ import annotations

import asyncio
import socket
import struct
import time
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any, cast

import pytest

from ignite_dbapi.errors import ProtocolError
from ignite_dbapi.operations import calls, transactions
from ignite_dbapi.operations.cache import CacheAccess
from ignite_dbapi.operations.scans import ScanState
from ignite_dbapi.operations.session import Session
from ignite_dbapi.operations.streamer import StreamerState
from ignite_dbapi.options import ConnectOptions
from ignite_dbapi.protocol.context import ALL_FEATURES, Context
from ignite_dbapi.protocol.exchange import Call, Exchange, Operation, Pending
from ignite_dbapi.protocol.messages.compute import ComputeTaskExecute
from ignite_dbapi.protocol.messages.heartbeats import Heartbeat
from ignite_dbapi.protocol.messages.sql import SqlFieldsQuery
from ignite_dbapi.transport.awaiting import AwaitingChannel, run
from tests.unit.pages import answer_bytes, known, page_bytes

SCAN, SCAN_PAGE, CLOSE = 2000, 2001, 0
TX_START, TX_END = 4000, 4001


class Sink:
    """A transport that keeps what was written."""

    def __init__(self) -> None:
        self.written = bytearray()
        self.is_aborted = False

    def write(self, data: bytes) -> None:
        self.written += data

    def abort(self) -> None:
        self.is_aborted = True

    @property
    def requests(self) -> list[tuple[int, int]]:
        """Operation code and number of each request."""
        found, position = [], 0
        while position < len(self.written):
            length, op_code, request_id = struct.unpack_from("<ihq", self.written, position)
            found.append((op_code, request_id))
            position += 4 + length
        return found


def connected(**others: Any) -> tuple[AwaitingChannel, Sink, Session]:
    options = ConnectOptions(heartbeat_interval=0, **others)
    channel, sink = AwaitingChannel(("h", 1), options), Sink()
    channel.exchange = Exchange(Context((1, 7, 0), ALL_FEATURES, None, known()))
    channel._is_agreed = True
    channel._transport = cast("asyncio.Transport", sink)
    return channel, sink, Session(channel, options)


async def until_it_waits() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


async def begun(operation: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
    task = asyncio.create_task(operation)
    await until_it_waits()
    return task


async def cancelled(task: asyncio.Task[Any]) -> None:
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


def test_no_page_is_lost_by_who_is_cancelled_while_the_buffer_is_full() -> None:
    async def work() -> None:
        channel, sink, session = connected()
        scan = ScanState(session, CacheAccess("c"), page_size=2)
        first = await begun(run(scan.fetch(2)))
        channel.pause_writing()
        channel.data_received(answer_bytes(1, struct.pack("<q", 1) + page_bytes([(1, 1), (2, 2)], has_more=True)))
        await until_it_waits()
        await cancelled(first)
        assert [op_code for op_code, _ in sink.requests] == [SCAN], "what is not sent is asked for again"
        channel.resume_writing()
        rest = await begun(run(scan.fetch()))
        ((op_code, request_id),) = sink.requests[1:]
        assert op_code == SCAN_PAGE
        channel.data_received(answer_bytes(request_id, page_bytes([(3, 3)])))
        assert await rest == [(1, 1), (2, 2), (3, 3)]

    asyncio.run(work())


def test_no_query_is_sent_by_who_is_cancelled_while_the_buffer_is_full() -> None:
    async def work() -> None:
        channel, sink, session = connected()
        channel.pause_writing()
        await cancelled(await begun(run(calls.query(session, SqlFieldsQuery(sql="SELECT 1"), may_leak=True))))
        await cancelled(await begun(run(calls.call(session, SqlFieldsQuery(sql="SELECT 1")))))
        assert sink.requests == []
        assert session.resources.in_flight == []
        assert not session.resources.must_probe

    asyncio.run(work())


def test_a_cursor_is_closed_by_the_next_query_if_closing_it_was_given_up() -> None:
    async def work() -> None:
        channel, sink, session = connected()
        channel.pause_writing()
        await cancelled(await begun(run(calls.close_resource(session, 7))))
        assert sink.requests == []
        channel.resume_writing()
        query = await begun(run(calls.query(session, SqlFieldsQuery(sql="SELECT 1"), may_leak=True)))
        assert [op_code for op_code, _ in sink.requests] == [CLOSE, SqlFieldsQuery.op_code]
        assert bytes(sink.written[14:22]) == struct.pack("<q", 7)
        await cancelled(query)

    asyncio.run(work())


BROKEN = {
    "answer to nobody": answer_bytes(99),
    "no header": struct.pack("<i", 3) + bytes(3),
    "frame of a negative length": struct.pack("<i", -1),
}


@pytest.mark.parametrize("broken", BROKEN)
def test_who_waits_is_told_when_what_was_received_is_broken(broken: str) -> None:
    async def work() -> None:
        channel, sink, session = connected()
        first, second = [await begun(run(calls.call(session, Heartbeat()))) for _ in range(2)]
        channel.data_received(answer_bytes(1) + BROKEN[broken])
        async with asyncio.timeout(30):
            # What came before it in the same bytes may be lost, or not; nobody waits for ever.
            with suppress(ProtocolError):
                assert await first is None
            with pytest.raises(ProtocolError):
                await second
        assert sink.is_aborted

    asyncio.run(work())


def test_who_opens_a_subscription_is_told_when_its_answer_is_broken() -> None:
    async def work() -> None:
        channel, sink, session = connected()
        opening = await begun(run(calls.call(session, ComputeTaskExecute(task="x"))))
        channel.data_received(answer_bytes(1, b"\x00", flags=1))
        async with asyncio.timeout(30):
            with pytest.raises(ProtocolError):
                await opening
        assert sink.is_aborted

    asyncio.run(work())


def test_a_streamer_whose_end_was_given_up_is_ended_by_the_next_query() -> None:
    async def work() -> None:
        channel, sink, session = connected()
        streamer = StreamerState(session, CacheAccess("c"))
        streamer._streamer_id = 9
        channel.pause_writing()
        await cancelled(await begun(run(streamer.close())))
        assert sink.requests == []
        assert list(session.resources.orphans) == [9]

    asyncio.run(work())


def test_a_transaction_and_its_connection_outlive_what_was_given_up_before_it_was_sent() -> None:
    async def work() -> None:
        channel, sink, _ = connected()
        unanswered: list[Pending] = []

        def beat() -> Operation[None]:
            yield Call(channel, Heartbeat())

        channel.pause_writing()
        await cancelled(await begun(run(transactions.watched(beat(), unanswered))))
        assert sink.requests == []
        assert unanswered == []
        assert channel.failure is None

    asyncio.run(work())


def test_a_transaction_ends_though_autocommit_was_switched_on_while_it_started() -> None:
    async def work() -> None:
        channel, sink, session = connected()
        transactions.set_autocommit(session, False)

        def change(transaction_id: int | None) -> Operation[int | None]:
            yield Call(channel, Heartbeat())
            return transaction_id

        changing = await begun(run(transactions.joined(session, change, is_change=True)))
        # Another task, which sees no transaction yet.
        transactions.set_autocommit(session, True)
        channel.data_received(answer_bytes(1, struct.pack("<i", 77)))
        await until_it_waits()
        channel.data_received(answer_bytes(2))
        assert await changing == 77
        ending = await begun(run(transactions.end(session, commit=True)))
        assert [op_code for op_code, _ in sink.requests] == [TX_START, Heartbeat.op_code, TX_END]
        channel.data_received(answer_bytes(3))
        await ending

    asyncio.run(work())


def test_an_answer_that_came_is_not_late_because_the_event_loop_was_busy(run_async: Callable[..., Any]) -> None:
    async def work() -> None:
        ours, theirs = socket.socketpair()
        channel, _, session = connected(request_timeout=0.2)
        await asyncio.get_running_loop().create_connection(lambda: channel, sock=ours)
        asking = await begun(run(calls.call(session, Heartbeat())))
        theirs.sendall(answer_bytes(1))
        time.sleep(0.4)
        assert await asking is None
        assert channel.failure is None
        channel.abort()
        theirs.close()

    run_async(work())
