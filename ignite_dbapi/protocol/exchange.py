"""Requests and answers of one connection, and the vocabulary in which operations ask for them.

An **operation** is a generator. It yields effects - send this message, give me the answer to that one - and a
runner in ``transport`` carries them out, blocking or awaiting. Nothing here touches a socket.

Compiled from this file where Cython was at hand, interpreted otherwise: what is made and done for every request is
most of what the driver itself adds to a short one.
"""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Generator, Mapping
from struct import Struct
from typing import Any, Final, Protocol, TypeVar

import attrs

try:
    import cython
except ModuleNotFoundError:
    from ignite_dbapi.protocol.codec import _cython as cython  # type: ignore[no-redef, unused-ignore]

from ignite_dbapi.errors import Error, OperationalError, ProtocolError, error_from_answer
from ignite_dbapi.options import Address, ConnectOptions
from ignite_dbapi.protocol.codec import MissingFact, Reader, Writer
from ignite_dbapi.protocol.context import SUPPORTED_VERSIONS, VERSION_WITH_FLAGS, Context, ProtocolVersion
from ignite_dbapi.protocol.frames import FrameBuffer
from ignite_dbapi.protocol.messages.base import Message

if cython.compiled:
    from cython.cimports.libc.string import memcpy  # type: ignore[import-not-found]

_HEADER: Final = Struct("<ihq")
_HEADER_ROOM: Final = bytes(_HEADER.size)
_REQUEST_ID: Final = Struct("<q")
_ID_AND_FLAGS: Final = Struct("<qh")
# The version of the cluster comes next, if the flags say so.
_END_OF_TOPOLOGY: Final = _ID_AND_FLAGS.size + 12

_FLAG_ERROR: Final = 1
_FLAG_TOPOLOGY: Final = 2
_FLAG_NOTIFICATION: Final = 4
_NO_FLAGS: Final = bytes(2)

# How many bytes of notifications may wait to be taken, by default.
NOTIFICATIONS_LIMIT: Final = 64 << 20

T = TypeVar("T")


class Subscription:
    """What the server sends by itself under one resource id: events, or the end of a task.

    Notifications wait here until they are taken. No more than *limit* bytes of them do: with the first one beyond,
    the subscription has failed, and whatever comes later is dropped. *waiter* is for the channel's own use.
    """

    __slots__ = ("_frames", "_size", "channel", "error", "is_closed", "limit", "resource_id", "waiter")

    channel: Channel

    def __init__(self, resource_id: int, limit: int = NOTIFICATIONS_LIMIT) -> None:
        self.resource_id = resource_id
        self.limit = limit
        self.error: Error | None = None
        self.is_closed = False
        self.waiter: Any = None
        self._frames: deque[bytes] = deque()
        self._size = 0

    @property
    def is_ready(self) -> bool:
        """Whether there is no need to wait: something has come, or nothing will."""
        return bool(self._frames) or self.is_closed or self.error is not None

    def add(self, frame: bytes) -> None:
        """A notification came."""
        if self.error is not None or self.is_closed:
            return
        if self._size + len(frame) > self.limit:
            self.error = OperationalError(
                f"notifications came faster than they were taken: more than {self.limit} bytes wait; what came after "
                f"them is lost",
                code="notifications_overflow",
            )
            return
        self._frames.append(frame)
        self._size += len(frame)

    def take(self) -> bytes | None:
        """The oldest notification; None if there is none. Raises why there will be none any more."""
        try:
            frame = self._frames.popleft()
        except IndexError:
            if self.error is not None:
                raise again(self.error) from None
            return None
        self._size -= len(frame)
        return frame

    def put_back(self, frame: bytes) -> None:
        """*frame* was taken, but nobody got to see it: it is the next one again."""
        self._frames.appendleft(frame)
        self._size += len(frame)


@cython.final
@cython.cclass
class Pending:
    """A request that was sent, until its answer is read.

    *channel*, which whoever sent it sets, is where it was sent. *frame* is the answer as it came, *error* why there
    will be none. *subscription* is what it opened, if its message is of that kind. *waiter* is for the channel's own
    use.
    """

    request_id: int = cython.declare(object, visibility="readonly")
    message: Message[Any] = cython.declare(object, visibility="readonly")
    channel: Channel = cython.declare(object, visibility="public")
    frame: bytes | None = cython.declare(object, visibility="public")
    error: Error | None = cython.declare(object, visibility="public")
    subscription: Subscription | None = cython.declare(object, visibility="public")
    waiter: Any = cython.declare(object, visibility="public")

    def __init__(self, request_id: int, message: Message[Any]) -> None:
        self.request_id = request_id
        self.message = message
        self.frame = None
        self.error = None
        self.subscription = None
        self.waiter = None

    @property
    def is_done(self) -> bool:
        """Whether the answer, or the reason why there is none, is here."""
        return self.frame is not None or self.error is not None


class Lock(Protocol):
    """What threading's and asyncio's locks have in common, apart from how one waits for them."""

    def release(self) -> None:
        """Let the next one in."""


class Channel(Protocol):
    """A connection to one node, as operations see it: they name it in effects, and learn from it without waiting."""

    address: Address
    exchange: Exchange

    @property
    def context(self) -> Context:
        """What was agreed on with the node."""

    @property
    def failure(self) -> Error | None:
        """Why the channel cannot be used any more, or None."""

    def new_lock(self) -> Lock:
        """A lock to be waited for with :class:`Acquire`."""

    def keep_alive(self, owner: object) -> None:
        """Send heartbeats, if the options or the server ask for them, as long as *owner* exists."""

    def give_way(self) -> None:
        """Let the node take up what was sent, if it shares this machine, before the caller goes on working."""

    def unsubscribe(self, subscription: Subscription) -> None:
        """Let nobody wait for *subscription* any more, and drop what still comes for it."""

    def give_up(self, error: BaseException, doing: str) -> Error:
        """Close the channel because of *error* while *doing* something; returns what to raise."""

    def close(self) -> None:
        """Close the connection."""


# These four are made for every request, and cheaper to make than other effects are.
@cython.final
@cython.cclass
class Call:
    """Effect: send *message* through *channel* and wait for its answer. The result is the decoded answer.

    A MissingFact names as its ``pending`` what was sent, if the fact is missing to read the answer.
    """

    channel: Channel = cython.declare(object, visibility="readonly")
    message: Message[Any] = cython.declare(object, visibility="readonly")

    def __init__(self, channel: Channel, message: Message[Any]) -> None:
        self.channel = channel
        self.message = message


@cython.final
@cython.cclass
class Send:
    """Effect: send *message* through *channel*. The result is its :class:`Pending`.

    One that *may_wait* is sent together with those that follow, at the latest when somebody waits for an answer.
    """

    channel: Channel = cython.declare(object, visibility="readonly")
    message: Message[Any] = cython.declare(object, visibility="readonly")
    may_wait: bool = cython.declare(cython.bint, visibility="readonly")

    def __init__(self, channel: Channel, message: Message[Any], may_wait: bool = False) -> None:
        self.channel = channel
        self.message = message
        self.may_wait = may_wait


@cython.final
@cython.cclass
class Receive:
    """Effect: wait for the answer to *pending*. The result is the decoded answer."""

    pending: Pending = cython.declare(object, visibility="readonly")

    def __init__(self, pending: Pending) -> None:
        self.pending = pending


@cython.final
@cython.cclass
class Acquire:
    """Effect: wait for *lock*. Releasing it needs no effect."""

    lock: Lock = cython.declare(object, visibility="readonly")

    def __init__(self, lock: Lock) -> None:
        self.lock = lock


@attrs.frozen(eq=False)
class Flush:
    """Effect: send what waits to be sent through *channel*."""

    channel: Channel


@attrs.frozen(eq=False)
class Next:
    """Effect: wait for the next notification of *subscription*, *timeout* seconds at most (None: for ever).

    The result is its bytes, for :func:`read_notification`; None if none came in time, or the subscription was closed.
    However long it takes, the connection stays free for other requests.
    """

    subscription: Subscription
    timeout: float | None = None


@attrs.frozen(eq=False)
class Connect:
    """Effect: connect to the node at *address*. The result is its :class:`Channel`.

    *attributes* describe the client to the node, *version* is the first one to try. An error says what was wrong, and
    with which address.
    """

    options: ConnectOptions
    address: Address
    attributes: Mapping[str, str]
    version: ProtocolVersion = SUPPORTED_VERSIONS[0]


@attrs.frozen(eq=False)
class Sleep:
    """Effect: do nothing for so many *seconds*."""

    seconds: float


Effect = Call | Send | Flush | Receive | Next | Acquire | Connect | Sleep
Operation = Generator[Effect, Any, T]


@cython.cfunc
@cython.inline
def _put_header(request: bytearray, op_code: cython.short, request_id: cython.longlong) -> object:
    """Write the beginning of *request*, where there is room for it."""
    if cython.compiled:
        length: cython.int = len(request) - 4
        start: cython.p_uchar = request
        memcpy(start, cython.address(length), 4)
        memcpy(start + 4, cython.address(op_code), 2)
        memcpy(start + 6, cython.address(request_id), 8)
    else:
        _HEADER.pack_into(request, 0, len(request) - 4, op_code, request_id)
    return None


@cython.cfunc
@cython.inline
def _has_no_flags(frame: bytes) -> cython.bint:
    if cython.compiled:
        start: cython.p_const_uchar = frame
        return len(frame) >= 10 and start[8] == 0 and start[9] == 0
    return frame[8:10] == _NO_FLAGS


@cython.final
@cython.cclass
class Exchange:
    """Numbers requests, and brings every received answer to its request.

    Many requests may be under way at once, from several threads or tasks; answers come in any order. The
    channel that owns this object writes what :meth:`request` returns and passes on what it reads to
    :meth:`feed`, from one place at a time. :attr:`failure` is why nothing can be asked any more, or None,
    :attr:`topology_version` the cluster's version (major, minor) that the node told last; (0, 0) before it has.
    """

    context: Context = cython.declare(object, visibility="readonly")
    frames: FrameBuffer = cython.declare(object, visibility="readonly")
    failure: Error | None = cython.declare(object, visibility="readonly")
    topology_version: tuple[int, int] = cython.declare(object, visibility="readonly")
    _has_flags = cython.declare(cython.bint)
    _request_ids: itertools.count[int] = cython.declare(object)
    _pending: dict[int, Pending] = cython.declare(dict)
    _subscriptions: dict[int, Subscription] = cython.declare(dict)
    _opening = cython.declare(cython.Py_ssize_t)
    _unclaimed: list[tuple[int, bytes]] = cython.declare(list)
    _untold: list[Pending | Subscription] = cython.declare(list)

    def __init__(self, context: Context) -> None:
        self.context = context
        self.frames = FrameBuffer()
        self.failure = None
        self.topology_version = (0, 0)
        self._has_flags = context.version >= VERSION_WITH_FLAGS
        self._request_ids = itertools.count(1)
        self._pending = {}
        self._subscriptions = {}
        # Notifications that may belong to one of so many requests under way, whose answers will tell.
        self._opening = 0
        self._unclaimed = []
        # What received bytes have changed that turned out to be broken further on.
        self._untold = []

    @property
    def under_way(self) -> int:
        """How many requests have been made that are not answered."""
        return len(self._pending)

    def request(self, message: Message[Any]) -> tuple[Pending, bytearray]:
        """Encode *message*; returns what to wait for and the bytes to send."""
        if self.failure is not None:
            error = again(self.failure)
            error.is_unsent = True
            raise error
        pending = Pending(next(self._request_ids), message)
        writer = Writer(self.context.knowledge)
        writer.raw(_HEADER_ROOM)
        message.encode(writer, self.context)
        buffer: bytearray = writer.buffer
        _put_header(buffer, message.op_code, pending.request_id)
        self._pending[pending.request_id] = pending
        if message.opens_subscription:
            self._opening += 1
        return pending, buffer

    def feed(self, data: bytes) -> list[Pending | Subscription]:
        """Take in received bytes; returns the requests that they answer and the subscriptions that they notify."""
        return self._take_in(self.frames.feed(data))

    def filled(self, count: int) -> list[Pending | Subscription]:
        """As :meth:`feed`, of so many bytes that were received into the room of :attr:`frames`."""
        return self._take_in(self.frames.filled(count))

    @cython.cfunc
    def _take_in(self, frames: list) -> list:  # type: ignore[type-arg]
        changed: list[Pending | Subscription] = []
        frame: bytes
        answered_id: cython.longlong = 0
        flags: cython.short
        for frame in frames:
            flags = 0
            if self._has_flags and len(frame) >= _ID_AND_FLAGS.size:
                if cython.compiled:
                    buffer: cython.p_const_uchar = frame
                    memcpy(cython.address(answered_id), buffer, 8)
                    memcpy(cython.address(flags), buffer + 8, 2)
                else:
                    answered_id, flags = _ID_AND_FLAGS.unpack_from(frame)
            elif len(frame) >= _REQUEST_ID.size:
                (answered_id,) = _REQUEST_ID.unpack_from(frame)
            else:
                self._untold = changed
                raise ProtocolError(f"answer of {len(frame)} bytes, shorter than its header")
            if flags & _FLAG_NOTIFICATION:
                # Its id is that of a resource, and may equal a request's.
                changed += self._notify(answered_id, frame)
                continue
            pending = self._pending.pop(answered_id, None)
            if pending is None:
                self._untold = changed
                raise ProtocolError("answer to a request that was not made")
            if flags & _FLAG_TOPOLOGY and len(frame) >= _END_OF_TOPOLOGY:
                # Here, because the server tells each change once, and not every answer is waited for.
                self._follow(frame)
            if pending.message.opens_subscription:
                self._subscribe(pending, frame)
            pending.frame = frame
            changed.append(pending)
        return changed

    def unsubscribe(self, subscription: Subscription) -> None:
        """Close *subscription*: what still comes for it is dropped."""
        subscription.is_closed = True
        self._subscriptions.pop(subscription.resource_id, None)

    def fail(self, error: Error) -> list[Pending | Subscription]:
        """Nothing will come any more, because of *error*; returns what waits for something, and now waits in vain.

        With those come the ones that were answered in the same bytes, before what was wrong with them.
        """
        if self.failure is None:
            self.failure = error
        left: list[Pending | Subscription] = [*self._pending.values(), *self._subscriptions.values()]
        self._pending.clear()
        self._subscriptions.clear()
        for item in left:
            if item.error is None:
                item.error = self.failure
        answered, self._untold = self._untold, []
        return [*answered, *left]

    def answer(self, pending: Pending) -> Any:
        """Decode the answer to *pending*. Raises what the server answered instead, or why nothing came.

        A MissingFact names *pending*: once the fact is known, the answer can be decoded.
        """
        frame, message = pending.frame, pending.message
        if frame is None:
            assert pending.error is not None
            raise again(pending.error)
        if self._has_flags and _has_no_flags(frame):
            # Nearly every answer is of this kind.
            if not message.has_answer:
                return None
            reader = Reader(frame, self.context.knowledge, _ID_AND_FLAGS.size)
        else:
            reader = Reader(frame, self.context.knowledge)
            self._header(reader)
        try:
            return message.decode(reader, self.context)
        except MissingFact as missing:
            missing.pending = pending
            raise

    def _follow(self, frame: bytes) -> None:
        """Remember the version of the cluster that an answer tells of."""
        reader = Reader(frame, self.context.knowledge, _ID_AND_FLAGS.size)
        # Answers may overtake each other.
        self.topology_version = max(self.topology_version, (reader.i64(), reader.i32()))

    def _subscribe(self, pending: Pending, frame: bytes) -> None:
        """Make the subscription that *pending* was answered with."""
        self._opening -= 1
        reader = Reader(frame, self.context.knowledge)
        try:
            self._header(reader)
        except Error:  # raised again where the answer is waited for
            opened = None
        else:
            opened = Subscription(reader.i64())
            self._subscriptions[opened.resource_id] = opened
            pending.subscription = opened
        unclaimed, self._unclaimed = self._unclaimed, []
        for resource_id, notification in unclaimed:
            if opened is not None and resource_id == opened.resource_id:
                opened.add(notification)
            elif self._opening:
                self._unclaimed.append((resource_id, notification))

    def _notify(self, resource_id: int, frame: bytes) -> list[Subscription]:
        subscription = self._subscriptions.get(resource_id)
        if subscription is not None:
            subscription.add(frame)
            return [subscription]
        if self._opening:
            self._unclaimed.append((resource_id, frame))
        return []

    def _header(self, reader: Reader) -> None:
        reader.i64()
        if self._has_flags:
            flags = reader.i16()
            if flags & _FLAG_TOPOLOGY:
                reader.i64()
                reader.i32()
            if flags & _FLAG_NOTIFICATION:
                reader.i16()
            if not flags & _FLAG_ERROR:
                return
            status = reader.i32()
        else:
            status = reader.i32()
            if status == 0:
                return
        raise error_from_answer(status, reader.string())


def read_notification(frame: bytes, context: Context) -> Reader:
    """A reader of what the notification *frame* says; raises if it says that something has failed."""
    reader = Reader(frame, context.knowledge)
    reader.i64()
    flags = reader.i16()
    reader.i16()  # which kind of notification: whoever subscribed knows
    if flags & _FLAG_ERROR:
        raise error_from_answer(reader.i32(), reader.string())
    return reader


def again(error: Error) -> Error:
    """A new exception like *error*: raising one object from several threads would mix their tracebacks."""
    fresh = type(error)(str(error))
    fresh.__dict__.update(error.__dict__)
    fresh.__cause__ = error.__cause__
    return fresh


__all__ = [
    "Acquire",
    "Call",
    "Channel",
    "Connect",
    "Effect",
    "Exchange",
    "Flush",
    "MissingFact",
    "Next",
    "Operation",
    "Pending",
    "Receive",
    "Send",
    "Sleep",
    "Subscription",
    "again",
    "read_notification",
]
