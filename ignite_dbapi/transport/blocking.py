"""The blocking channel: a socket, shared by threads, and the runner that drives operations over it."""

from __future__ import annotations

import contextlib
import os
import socket
import threading
import time
import weakref
from collections.abc import Callable, Mapping
from threading import get_ident
from typing import TYPE_CHECKING, Any, Final, TypeVar

from ignite_dbapi.cluster.connecting import connection_lost, explain
from ignite_dbapi.errors import CONNECTION_OF_PARENT, REENTERED, Error, InterfaceError, ProtocolError
from ignite_dbapi.options import Address, ConnectOptions
from ignite_dbapi.protocol.context import Context, Feature, ProtocolVersion
from ignite_dbapi.protocol.exchange import (
    Acquire,
    Call,
    Channel,
    Connect,
    Effect,
    Exchange,
    Flush,
    Lock,
    Next,
    Operation,
    Pending,
    Receive,
    Send,
    Sleep,
    Subscription,
    again,
)
from ignite_dbapi.protocol.frames import CHUNK, HANDSHAKE_FRAME_LIMIT, FrameBuffer
from ignite_dbapi.protocol.handshake import handshake
from ignite_dbapi.protocol.heartbeats import heartbeat_interval
from ignite_dbapi.protocol.messages.base import Message
from ignite_dbapi.protocol.messages.heartbeats import Heartbeat, IdleTimeout
from ignite_dbapi.transport.busy_waiting import BusyWait, busy_wait_for
from ignite_dbapi.transport.giving_way import stay, way_to
from ignite_dbapi.transport.heartbeats import FIRST_BEAT, HeartbeatThread
from ignite_dbapi.transport.waiting import wait_for

if TYPE_CHECKING:
    import ssl

    from ignite_dbapi.transport import tls

T = TypeVar("T")

# Requests that may wait are sent together, but no more of them than so many bytes.
_TOGETHER: Final = 1 << 16

# Waiting for the socket without a limit is done in pieces of so many seconds: if another thread closes the socket just
# before, its number may already belong to another file.
_LONGEST_WAIT: Final = 5.0


class BlockingChannel:
    """A connection to one node, whose requests and answers several threads share.

    Whichever thread waits for an answer reads from the socket, and hands other threads' answers over to them;
    there is no thread of the channel's own.
    """

    def __init__(
        self,
        connected: socket.socket | tls.SharedTlsSocket,
        address: Address,
        exchange: Exchange,
        options: ConnectOptions,
        idle_timeout: Pending | None,
        *,
        give_way: Callable[[], None] = stay,
        busy_wait: BusyWait | None = None,
    ) -> None:
        self._socket = connected
        self.address = address
        self.exchange = exchange
        self.give_way = give_way
        self._busy_wait = busy_wait
        self._request_timeout = options.request_timeout
        self._wanted_interval = options.heartbeat_interval
        # Until it is answered, which is together with the first request that is made, or seen by the heartbeats.
        self._idle_timeout = idle_timeout
        self._heartbeat_interval: float | None = None
        self._heartbeats: HeartbeatThread | None = None
        self._last_sent = self._last_received = time.monotonic()
        self._send_lock = threading.Lock()
        self._unsent = bytearray()
        # Held by the thread that reads; the condition is for those that wait for it to have read.
        self._reading = threading.Lock()
        # Which threads are within reading and sending, which the garbage collector may interrupt to run a finalizer.
        self._reader = self._sender = 0
        self._has_read = threading.Condition(threading.Lock())
        self._waiting = 0
        _channels.add(self)

    @property
    def context(self) -> Context:
        """What was agreed on with the node."""
        return self.exchange.context

    @property
    def failure(self) -> Error | None:
        """Why the channel cannot be used any more, or None."""
        return self.exchange.failure

    #: Makes a lock that threads wait for. It knows its owner, which Ctrl-C makes necessary; see :func:`run`.
    new_lock = staticmethod(threading.RLock)

    def send(self, message: Message[Any], *, may_wait: bool = False) -> Pending:
        """Send *message*; returns what :meth:`receive` waits for.

        One that *may_wait* is sent with the next one that may not, by :meth:`flush`, or before anything is received.
        """
        if self._sender and self._sender == get_ident():
            raise _reentered()
        pending, data = self.exchange.request(message)
        pending.channel = self
        self._send(data, may_wait)
        return pending

    def call(self, message: Message[Any]) -> Any:
        """Send *message*, wait for its answer and decode it."""
        if self._sender and self._sender == get_ident():
            raise _reentered()
        pending, data = self.exchange.request(message)
        pending.channel = self
        self._send(data, False)
        return self.receive(pending)

    def flush(self) -> None:
        """Send what waits to be sent."""
        if self._unsent and self._sender != get_ident():
            self._send(b"", False)

    def _send(self, data: bytes | bytearray, may_wait: bool) -> None:
        try:
            with self._send_lock:
                self._sender = get_ident()
                try:
                    if may_wait and len(self._unsent) < _TOGETHER:
                        self._unsent += data
                        return
                    if self._unsent:
                        data, self._unsent = self._unsent + data, bytearray()
                    if not data:
                        return  # another thread was faster
                    self._last_sent = time.monotonic()
                    self._socket.sendall(data)
                finally:
                    self._sender = 0
        except BaseException as error:
            if isinstance(error, OSError):
                self._take_in_the_rest()
            # Nobody can tell how much of the request went out, so nothing can follow it.
            failure = self.give_up(error, "sending a request")
            if isinstance(error, Exception):
                raise failure from error
            raise

    def receive(self, pending: Pending) -> Any:
        """Wait for the answer to *pending* and decode it."""
        try:
            while pending.frame is None and pending.error is None:
                if self._unsent:
                    self.flush()
                if not self._reading.acquire(False):
                    self._wait_for_reader(pending)
                    continue
                try:
                    self._reader = get_ident()
                    if not pending.is_done:
                        self._take_in()
                finally:
                    self._reader = 0
                    self._reading.release()
                    if self._waiting:
                        self._wake()
        except KeyboardInterrupt as error:
            # Wherever it was: nobody can tell any more who reads, and what was read.
            self.give_up(error, "waiting for an answer")
            raise
        try:
            return self.exchange.answer(pending)
        except ProtocolError as error:
            self.give_up(error, "reading an answer")
            raise

    def _wait_for_reader(self, pending: Pending) -> None:
        """Wait until nobody reads or *pending* is done, after the last sign of life no longer than a request may."""
        if self._reader == get_ident():
            raise _reentered()
        since = time.monotonic()
        while self._wait(lambda: pending.is_done, self._time_to_wait(since)):
            pass

    def _time_to_wait(self, since: float) -> float | None:
        if self._request_timeout is None:
            return None
        # The thread that reads may be waiting for a notification, however long it takes.
        left = max(since, self._last_received) + self._request_timeout - time.monotonic()
        if left <= 0:
            timeout = TimeoutError("timed out")
            raise self.give_up(timeout, "waiting for an answer") from timeout
        return left

    def _wait(self, is_over: Callable[[], bool], timeout: float | None) -> bool:
        """Wait until another thread has read something, *timeout* seconds at most; False if there is no need to."""
        with self._has_read:
            # Before looking who reads: whoever stops reading looks here afterwards.
            self._waiting += 1
            try:
                if is_over() or not self._reading.locked():
                    return False
                self._has_read.wait(timeout)
                return True
            finally:
                self._waiting -= 1

    def _take_in(self, *, must_wait: bool = True) -> bool:
        """Read from the socket, and hand over what came; False if nothing did, and it was not to wait for it."""
        try:
            room = self.exchange.frames.room() if must_wait else None
            if room is None:
                # With several requests under way the server has enough to do for all processors.
                if must_wait and self._busy_wait is not None and self.exchange.under_way == 1:
                    self._busy_wait.until_readable()
                data = self._socket.recv(CHUNK) if must_wait else self._receive_now()
                if data is None:
                    return False
                if data:
                    self.exchange.feed(data)
                has_ended = not data
            else:
                count = self._socket.recv_into(room)
                self.exchange.filled(count)
                has_ended = not count
            if has_ended:
                raise ConnectionResetError("the server closed the connection")
            if self._request_timeout is not None:
                self._last_received = time.monotonic()
            if self._idle_timeout is not None:
                self._learn_interval(self._idle_timeout)
        except BaseException as error:
            # Also KeyboardInterrupt: bytes may have been taken from the socket and lost on the way.
            failure = self.give_up(error, "waiting for an answer")
            if isinstance(error, Exception):
                raise failure from error
            raise
        return True

    def _take_in_the_rest(self) -> None:
        """Hand over what came before the connection was lost: the outcome of those requests is known."""
        # Another thread that reads comes upon the end by itself.
        if self._reading.acquire(False):
            try:
                self._reader = get_ident()
                # What ends it is the loss that whoever sends tells of.
                with contextlib.suppress(Error):
                    while self._take_in(must_wait=False):
                        pass
            finally:
                self._reader = 0
                self._reading.release()

    def _wake(self) -> None:
        """Let the threads that wait for another one look at what it has read."""
        with self._has_read:
            self._has_read.notify_all()

    def next(self, subscription: Subscription, timeout: float | None) -> bytes | None:
        """Wait for a notification; None if none came within *timeout* seconds or the subscription was closed."""
        deadline = None if timeout is None else time.monotonic() + timeout
        is_over = False
        while True:
            frame = subscription.take()
            if frame is not None or subscription.is_closed or is_over:
                return frame
            # Without time to wait, what has arrived is looked at all the same.
            is_over = deadline is not None and time.monotonic() >= deadline
            self._idle(lambda: subscription.is_ready, deadline)

    def _idle(self, is_over: Callable[[], bool], deadline: float | None) -> None:
        """Wait for the socket, or for the thread that reads it, until *is_over*. Ctrl-C does no harm meanwhile."""
        while not self._reading.acquire(False):
            if self._reader == get_ident():
                raise _reentered()
            left = _left(deadline)
            if is_over() or left == 0.0:
                return
            self._wait(is_over, left)
        try:
            self._reader = get_ident()
            if not is_over() and not self._take_in(must_wait=False):
                left = _left(deadline)
                self._wait_for_data(_LONGEST_WAIT if left is None else min(left, _LONGEST_WAIT))
        finally:
            self._reader = 0
            self._reading.release()
            if self._waiting:
                self._wake()

    def _receive_now(self) -> bytes | None:
        if isinstance(self._socket, socket.socket):
            return self._socket.recv(CHUNK) if wait_for(self._socket, for_writing=False, timeout=0) else None
        return self._socket.recv_now(CHUNK)

    def _wait_for_data(self, timeout: float) -> None:
        try:
            if isinstance(self._socket, socket.socket):
                wait_for(self._socket, for_writing=False, timeout=timeout)
            else:
                self._socket.wait_for_data(timeout)
        except OSError as error:
            raise self.give_up(error, "waiting for a notification") from error

    def keep_alive(self, owner: object) -> None:
        """Send heartbeats, if the options or the server ask for them; *owner* is what keeps this channel alive."""
        if self._idle_timeout is not None and self._heartbeats is None:
            self._heartbeats = HeartbeatThread(self)

    def _learn_interval(self, idle_timeout: Pending) -> None:
        if not idle_timeout.is_done:
            return
        self._idle_timeout = None
        self._heartbeat_interval = heartbeat_interval(self._wanted_interval, self.exchange.answer(idle_timeout))
        if self._heartbeat_interval is None and self._heartbeats is not None:
            self._heartbeats.stop()

    def beat(self) -> float | None:
        """Send a heartbeat if it is time; returns how many seconds to wait for the next one, None to send no more."""
        idle_timeout = self._idle_timeout
        if idle_timeout is not None:
            self._idle(lambda: idle_timeout.is_done, time.monotonic() + FIRST_BEAT)
        interval = self._heartbeat_interval
        if interval is None:
            return None if self._idle_timeout is None else FIRST_BEAT
        left = self._last_sent + interval - time.monotonic()
        if left > 0:
            return left
        pending = self.send(Heartbeat())
        deadline = time.monotonic() + interval
        # An answer that is late is read by whoever waits for something next.
        while not pending.is_done and time.monotonic() < deadline:
            self._idle(lambda: pending.is_done, deadline)
        return max(self._last_sent + interval - time.monotonic(), 0.0)

    def unsubscribe(self, subscription: Subscription) -> None:
        """Let nobody wait for *subscription* any more, and drop what still comes for it."""
        # Threads that wait are woken by the server's answer to what closes the resource.
        self.exchange.unsubscribe(subscription)

    def give_up(self, error: BaseException, doing: str) -> Error:
        """Close the connection because of *error* while *doing* something; returns what to raise."""
        failure = error if isinstance(error, ProtocolError) else connection_lost(error, self.address, doing)
        self.exchange.fail(failure)
        self._close_socket()
        if self._waiting:
            self._wake()
        # Another thread may have closed it before, which is then why this one failed.
        assert self.exchange.failure is not None
        return failure if self.exchange.failure is failure else again(self.exchange.failure)

    def close(self) -> None:
        """Close the connection. The server frees whatever it held for it."""
        self.exchange.fail(InterfaceError("the connection is closed", code="connection_closed"))
        self._close_socket()

    def _close_socket(self) -> None:
        failure = self.exchange.failure
        if failure is not None and failure.code == CONNECTION_OF_PARENT:
            # Closed already. The parent's threads may have held locks at the fork that nobody here releases.
            return
        with contextlib.suppress(OSError):  # the peer may be gone already
            # Wakes a thread that waits in recv(), which close() alone does not.
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        if self._heartbeats is not None:
            self._heartbeats.stop()

    def abandon_in_child(self) -> None:
        """In a forked child: the connection stays the parent's, whose socket must not be shut down."""
        self.exchange.fail(
            InterfaceError(
                "the connection was opened in the parent process; connect again after fork",
                code=CONNECTION_OF_PARENT,
            )
        )
        self._socket.close()


_channels: weakref.WeakSet[BlockingChannel] = weakref.WeakSet()


def _after_fork_in_child() -> None:
    for channel in list(_channels):
        channel.abandon_in_child()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)


def _reentered() -> InterfaceError:
    return InterfaceError(
        "a finalizer that the garbage collector ran amid a request has used the connection for a request of its own, "
        "which would wait for ever; close cursors, or exhaust generators that read them, before they are collected",
        code=REENTERED,
    )


def _left(deadline: float | None) -> float | None:
    return None if deadline is None else max(deadline - time.monotonic(), 0.0)


def run(operation: Operation[T], channel: Channel | None = None) -> T:
    """Drive *operation* to its end, waiting wherever it has to.

    *channel* is given up if the operation finds that an answer is broken: pages are decoded when their rows are
    fetched, which may show only then.
    """
    effect: Effect | None = None
    # The locks that the operation has asked for.
    locks: list[Any] = []
    result: Any = None
    raised: BaseException | None = None
    try:
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
                    result = effect.channel.call(effect.message)  # type: ignore[attr-defined]
                elif type(effect) is Send:
                    result = effect.channel.send(effect.message, may_wait=effect.may_wait)  # type: ignore[attr-defined]
                elif type(effect) is Receive:
                    result = effect.pending.channel.receive(effect.pending)  # type: ignore[attr-defined]
                elif type(effect) is Next:
                    result = effect.subscription.channel.next(effect.subscription, effect.timeout)  # type: ignore[attr-defined]
                elif type(effect) is Acquire:
                    locks.append(effect.lock)
                    result = effect.lock.acquire()  # type: ignore[attr-defined]
                elif type(effect) is Flush:
                    result = effect.channel.flush()  # type: ignore[attr-defined]
                elif type(effect) is Sleep:
                    time.sleep(effect.seconds)
                else:
                    assert type(effect) is Connect
                    result = connect(effect.options, effect.address, effect.attributes, effect.version)
            except BaseException as error:
                raised = error
                if isinstance(error, KeyboardInterrupt):
                    _let_go(effect, error)
    except KeyboardInterrupt as error:
        if error is not raised:
            # Amid the operation's own steps or between them, where it cannot be taken up again.
            with contextlib.suppress(RuntimeError):
                operation.close()
            _let_go(effect, error)
            if channel is not None:
                channel.give_up(error, "handling an answer")
        # One more Ctrl-C may have come before the operation could release them.
        for lock in locks:
            _release(lock)
        raise


def _let_go(effect: Effect | None, error: KeyboardInterrupt) -> None:
    """Leave nothing of *effect* behind, whose result the operation has not got, or may not have got."""
    if type(effect) is Acquire:
        _release(effect.lock)
    elif type(effect) is Send or type(effect) is Call:
        # A request that nobody knows of may be under way.
        effect.channel.give_up(error, "sending a request")


def _release(lock: Lock) -> None:
    """Release *lock* if it is this thread's, which nobody can tell but the lock itself."""
    with contextlib.suppress(RuntimeError):
        lock.release()


def connect(
    options: ConnectOptions, address: Address, attributes: Mapping[str, str], version: ProtocolVersion
) -> BlockingChannel:
    """Connect to the node at *address*; *attributes* describe the client to it, *version* is the first one to try."""
    ssl_context = None
    if options.uses_tls:
        # Here, because loading OpenSSL takes a tenth of the time that importing the driver does.
        from ignite_dbapi.transport import tls

        ssl_context = tls.context_for(options)
    frames = FrameBuffer()
    try:
        return _open(options, address, ssl_context, attributes, version, frames)
    except (OSError, EOFError, Error) as error:
        raise explain(error, address, options, frames.received) from None


def _open(
    options: ConnectOptions,
    address: Address,
    ssl_context: ssl.SSLContext | None,
    attributes: Mapping[str, str],
    version: ProtocolVersion,
    frames: FrameBuffer,
) -> BlockingChannel:
    deadline = None if options.connect_timeout is None else time.monotonic() + options.connect_timeout
    plain = socket.create_connection(address, timeout=options.connect_timeout)
    connected: socket.socket | tls.SharedTlsSocket = plain
    try:
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        plain.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        # Wrapped for TLS, it does not tell its addresses any more.
        give_way = way_to(plain)
        busy_wait = busy_wait_for(plain, plain.fileno(), options.busy_wait)
        if ssl_context is not None:
            from ignite_dbapi.transport import tls

            connected = tls.SharedTlsSocket(ssl_context.wrap_socket(plain, server_hostname=address[0]))
        context = _shake_hands(connected, options, attributes, version, frames, deadline)
        exchange = Exchange(context)
        idle_timeout = None
        if options.heartbeat_interval != 0 and context.has(Feature.HEARTBEAT):
            # Nobody waits for the answer: it comes with the first one that somebody waits for.
            idle_timeout, data = exchange.request(IdleTimeout())
            connected.sendall(data)
        connected.settimeout(options.request_timeout)
    except BaseException:
        connected.close()
        raise
    return BlockingChannel(connected, address, exchange, options, idle_timeout, give_way=give_way, busy_wait=busy_wait)


def _shake_hands(
    connected: socket.socket | tls.SharedTlsSocket,
    options: ConnectOptions,
    attributes: Mapping[str, str],
    version: ProtocolVersion,
    frames: FrameBuffer,
    deadline: float | None,
) -> Context:
    frames.limit = HANDSHAKE_FRAME_LIMIT
    steps = handshake(options.user, options.password, attributes, version)
    request = next(steps)
    while True:
        answers: list[bytes] = []
        try:
            connected.sendall(request)
            while not answers:
                answers = frames.feed(_received(connected, deadline))
        except (EOFError, ConnectionError) as error:
            # It may mean something else after the server has answered once.
            steps.throw(error)
        try:
            request = steps.send(answers[0])
        except StopIteration as agreed:
            context: Context = agreed.value
            return context


def _received(connected: socket.socket | tls.SharedTlsSocket, deadline: float | None) -> bytes:
    if deadline is not None:
        # Each byte of a slow answer must not start the time anew.
        connected.settimeout(max(deadline - time.monotonic(), 0.001))
    data = connected.recv(CHUNK)
    if not data:
        raise EOFError
    return data
