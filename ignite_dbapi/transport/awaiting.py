"""The asyncio channel, shared by tasks, and the runner that drives operations over it."""

from __future__ import annotations

import asyncio
import contextlib
import time
import weakref
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeVar, cast

from ignite_dbapi.cluster.connecting import connection_lost, explain
from ignite_dbapi.errors import Error, InterfaceError, ProtocolError
from ignite_dbapi.options import Address, ConnectOptions
from ignite_dbapi.protocol.context import Context, Feature, ProtocolVersion
from ignite_dbapi.protocol.exchange import (
    Acquire,
    Call,
    Channel,
    Connect,
    Exchange,
    Flush,
    Next,
    Operation,
    Pending,
    Receive,
    Send,
    Sleep,
    Subscription,
)
from ignite_dbapi.protocol.frames import HANDSHAKE_FRAME_LIMIT, FrameBuffer
from ignite_dbapi.protocol.handshake import handshake
from ignite_dbapi.protocol.heartbeats import heartbeat_interval
from ignite_dbapi.protocol.messages.base import Message
from ignite_dbapi.protocol.messages.heartbeats import Heartbeat, IdleTimeout
from ignite_dbapi.transport import tls
from ignite_dbapi.transport.giving_way import stay, way_to

T = TypeVar("T")

# Requests of one turn of the event loop are sent together, but no more of them than so many bytes.
_TOGETHER: Final = 1 << 16


class AwaitingChannel(asyncio.Protocol):
    """A connection to one node, whose requests and answers several tasks share.

    Bytes go to the handshake's queue first, and to the exchange once the handshake is done.
    """

    def __init__(self, address: Address, options: ConnectOptions) -> None:
        self.address = address
        self._options = options
        self._transport: asyncio.Transport | None = None
        self.give_way: Callable[[], None] = stay
        # From the end of the handshake on.
        self.exchange: Exchange
        self._is_agreed = False
        # Until it is answered, which nobody waits for.
        self._idle_timeout: Pending | None = None
        self._owner: weakref.ref[object] | None = None
        self._next_heartbeat: asyncio.TimerHandle | None = None
        self._last_sent = 0.0
        # Whether a request was sent in this turn of the event loop; those that follow go together at its end.
        self._has_sent = False
        self._unsent = bytearray()
        self._handshake_data: asyncio.Queue[bytes] = asyncio.Queue()
        self._writable = asyncio.Event()
        self._writable.set()

    # --- what asyncio calls -----------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Remember where to write."""
        # Those of other event loops, such as uvloop's, are no subclasses.
        self._transport = cast("asyncio.Transport", transport)
        self.give_way = way_to(transport.get_extra_info("socket"))

    def data_received(self, data: bytes) -> None:
        """Hand answers over to the tasks that wait for them."""
        if not self._is_agreed:
            self._handshake_data.put_nowait(data)
            return
        try:
            changed = self.exchange.feed(data)
        except ProtocolError as error:
            self.give_up(error)
            return
        for item in changed:
            _wake(item)
        if self._idle_timeout is not None:
            self._start_heartbeats()

    def eof_received(self) -> bool:
        """Let asyncio close the transport."""
        return False

    def connection_lost(self, error: Exception | None) -> None:
        """Tell every task that waits."""
        if not self._is_agreed:
            self._handshake_data.put_nowait(b"")
        else:
            self.give_up(error or ConnectionResetError("the server closed the connection"))

    def pause_writing(self) -> None:
        """The socket takes no more for now."""
        self._writable.clear()

    def resume_writing(self) -> None:
        """The socket takes more again."""
        self._writable.set()

    # --- what operations need -----------------------------------------------------------------------------------

    @property
    def context(self) -> Context:
        """What was agreed on with the node."""
        return self.exchange.context

    @property
    def failure(self) -> Error | None:
        """Why the channel cannot be used any more, or None."""
        return self.exchange.failure

    def new_lock(self) -> asyncio.Lock:
        """A lock that tasks wait for."""
        return asyncio.Lock()

    def send(self, message: Message[Any]) -> Pending:
        """Send *message*; returns what :meth:`receive` waits for. Whoever sends more waits for :meth:`drain` first."""
        assert self._transport is not None
        pending, data = self.exchange.request(message)
        pending.channel = self
        self._last_sent = time.monotonic()
        if not self._has_sent:
            # What is alone in its turn loses no time.
            self._has_sent = True
            self._transport.write(data)
            asyncio.get_running_loop().call_soon(self._send_rest)
        else:
            self._unsent += data
            if len(self._unsent) >= _TOGETHER:
                self._flush()
        return pending

    def _send_rest(self) -> None:
        self._has_sent = False
        if self._unsent:
            self._flush()

    def _flush(self) -> None:
        assert self._transport is not None
        data, self._unsent = self._unsent, bytearray()
        if self.failure is None:
            self._transport.write(data)

    @property
    def is_writable(self) -> bool:
        """Whether the socket takes more."""
        return self._writable.is_set()

    async def drain(self) -> None:
        """Wait until the socket takes more."""
        await self._writable.wait()

    async def call(self, message: Message[Any]) -> Any:
        """Send *message*, wait for its answer and decode it."""
        if not self._writable.is_set():
            await self.drain()
        return await self.receive(self.send(message))

    async def receive(self, pending: Pending) -> Any:
        """Wait for the answer to *pending* and decode it."""
        if not pending.is_done:
            if self._options.request_timeout is None:
                await _waiter(pending)
            else:
                try:
                    async with asyncio.timeout(self._options.request_timeout):
                        await _waiter(pending)
                except TimeoutError as error:
                    # A program that has kept the event loop busy may find both, the answer and that it was late.
                    if not pending.is_done:
                        raise self.give_up(error) from error
        try:
            return self.exchange.answer(pending)
        except ProtocolError as error:
            self.give_up(error)
            raise

    async def next(self, subscription: Subscription, timeout: float | None) -> bytes | None:
        """Wait for a notification; None if none came within *timeout* seconds or the subscription was closed."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout):
                while not subscription.is_ready:
                    await _waiter(subscription)
        return subscription.take()

    def keep_alive(self, owner: object) -> None:
        """Send heartbeats, if the options or the server ask for them, as long as *owner* exists."""
        # The event loop keeps this channel alive even when nobody can use it any more.
        self._owner = weakref.ref(owner)
        self._start_heartbeats()

    def _start_heartbeats(self) -> None:
        pending = self._idle_timeout
        if pending is None or self._owner is None or not pending.is_done:
            return
        self._idle_timeout = None
        interval = heartbeat_interval(self._options.heartbeat_interval, self.exchange.answer(pending))
        if interval is not None:
            self._beat(self._owner, interval)

    def _beat(self, owner: weakref.ref[object], interval: float) -> None:
        assert self._transport is not None
        if owner() is None or self.exchange.failure is not None:
            return
        left = self._last_sent + interval - time.monotonic()
        if left <= 0:
            # Nobody waits for the answer, and a server that reads nothing is not sent more and more.
            if self._writable.is_set():
                self._transport.write(self.exchange.request(Heartbeat())[1])
            self._last_sent = time.monotonic()
            left = interval
        self._next_heartbeat = asyncio.get_running_loop().call_later(left, self._beat, owner, interval)

    def ask_idle_timeout(self) -> None:
        """Ask whether heartbeats are needed. Nobody waits for the answer."""
        if self._options.heartbeat_interval != 0 and self.context.has(Feature.HEARTBEAT):
            self._idle_timeout = self.send(IdleTimeout())

    def unsubscribe(self, subscription: Subscription) -> None:
        """Let nobody wait for *subscription* any more, and drop what still comes for it."""
        self.exchange.unsubscribe(subscription)
        _wake(subscription)

    def give_up(self, error: BaseException, doing: str = "waiting for an answer") -> Error:
        """Close the connection because of *error* while *doing* something; returns what to raise."""
        failure = error if isinstance(error, Error) else connection_lost(error, self.address, doing)
        for item in self.exchange.fail(failure):
            _wake(item)
        if self._next_heartbeat is not None:
            self._next_heartbeat.cancel()
        self._writable.set()
        self.abort()
        return failure

    def abort(self) -> None:
        """Close the socket, if there is one yet."""
        if self._transport is not None:
            self._transport.abort()

    def close(self) -> None:
        """Close the connection. The server frees whatever it held for it."""
        self.give_up(InterfaceError("the connection is closed", code="connection_closed"))

    # --- the handshake ------------------------------------------------------------------------------------------

    async def shake_hands(self, attributes: Mapping[str, str], version: ProtocolVersion, frames: FrameBuffer) -> None:
        """Agree with the node on a version; from then on the channel can be used."""
        assert self._transport is not None
        frames.limit = HANDSHAKE_FRAME_LIMIT
        steps = handshake(self._options.user, self._options.password, attributes, version)
        request = next(steps)
        while True:
            self._transport.write(request)
            answers: list[bytes] = []
            while not answers:
                data = await self._handshake_data.get()
                if not data:
                    steps.throw(EOFError())
                answers = frames.feed(data)
            try:
                request = steps.send(answers[0])
            except StopIteration as agreed:
                self.exchange = Exchange(agreed.value)
                self._is_agreed = True
                return


def _waiter(item: Pending | Subscription) -> asyncio.Future[None]:
    """What one task waits with for *item*. Each has its own, since one may be cancelled while others go on waiting."""
    future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    if item.waiter is None:
        item.waiter = [future]
    else:
        item.waiter.append(future)
    return future


def _wake(item: Pending | Subscription) -> None:
    waiters, item.waiter = item.waiter, None
    for future in waiters or ():
        # A task that was cancelled meanwhile does not wait any more.
        if not future.done():
            future.set_result(None)


async def run(operation: Operation[T], channel: Channel | None = None) -> T:
    """Drive *operation* to its end, waiting wherever it has to.

    *channel* is given up if the operation finds that an answer is broken: pages are decoded when their rows are
    fetched, which may show only then.
    """
    result: Any = None
    raised: BaseException | None = None
    while True:
        try:
            effect = operation.send(result) if raised is None else operation.throw(raised)
        except StopIteration as stop:
            value: T = stop.value
            return value
        except ProtocolError as error:
            if channel is not None:
                channel.give_up(error, "reading an answer")
            raise
        raised = None
        try:
            # Channels and locks are of this module's kind, because whoever runs an operation has made them so.
            if type(effect) is Call:
                result = await effect.channel.call(effect.message)  # type: ignore[attr-defined]
            elif type(effect) is Send:
                # Before, not after: a task that is cancelled here has sent nothing.
                if not effect.channel.is_writable:  # type: ignore[attr-defined]
                    await effect.channel.drain()  # type: ignore[attr-defined]
                result = effect.channel.send(effect.message)  # type: ignore[attr-defined]
            elif type(effect) is Receive:
                result = await effect.pending.channel.receive(effect.pending)  # type: ignore[attr-defined]
            elif type(effect) is Next:
                result = await effect.subscription.channel.next(effect.subscription, effect.timeout)  # type: ignore[attr-defined]
            elif type(effect) is Acquire:
                result = await effect.lock.acquire()  # type: ignore[attr-defined]
            elif type(effect) is Flush:
                result = None  # the channel sends what waits in the event loop's next turn
            elif type(effect) is Sleep:
                await asyncio.sleep(effect.seconds)
            else:
                assert type(effect) is Connect
                result = await connect(effect.options, effect.address, effect.attributes, effect.version)
        except BaseException as error:
            raised = error


async def connect(
    options: ConnectOptions, address: Address, attributes: Mapping[str, str], version: ProtocolVersion
) -> AwaitingChannel:
    """Connect to the node at *address*; *attributes* describe the client to it, *version* is the first one to try."""
    ssl_context = tls.context_for(options)
    loop = asyncio.get_running_loop()
    frames = FrameBuffer()
    channel = AwaitingChannel(address, options)
    try:
        async with asyncio.timeout(options.connect_timeout):
            await loop.create_connection(
                lambda: channel,
                *address,
                ssl=ssl_context,
                server_hostname=address[0] if ssl_context is not None else None,
            )
            await channel.shake_hands(attributes, version, frames)
            channel.ask_idle_timeout()
    except (OSError, EOFError, Error) as error:
        channel.abort()
        raise explain(error, address, options, frames.received) from None
    except BaseException:
        channel.abort()
        raise
    return channel
