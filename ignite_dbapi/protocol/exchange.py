"""Requests and answers of one connection, and the vocabulary in which operations ask for them.

An **operation** is a generator. It yields effects - send this message, give me the answer to that one - and a
runner in ``transport`` carries them out, blocking or awaiting. Nothing here touches a socket.
"""

from __future__ import annotations

import itertools
from collections.abc import Generator, Mapping
from struct import Struct
from typing import Any, Final, Protocol, TypeVar

import attrs

from ignite_dbapi.errors import Error, ProtocolError, error_from_answer
from ignite_dbapi.options import Address, ConnectOptions
from ignite_dbapi.protocol.codec import MissingFact, Reader, Writer
from ignite_dbapi.protocol.context import VERSION_WITH_FLAGS, Context
from ignite_dbapi.protocol.frames import FrameBuffer
from ignite_dbapi.protocol.messages.base import Message

_HEADER: Final = Struct("<ihq")
_REQUEST_ID: Final = Struct("<q")

_FLAG_ERROR: Final = 1
_FLAG_TOPOLOGY: Final = 2
_FLAG_NOTIFICATION: Final = 4

T = TypeVar("T")


class Pending:
    """A request that was sent, until its answer is read.

    *channel* is where it was sent. *frame* is the answer as it came, *error* why there will be none. *waiter* is for
    the channel's own use.
    """

    __slots__ = ("channel", "error", "frame", "message", "request_id", "waiter")

    channel: Channel

    def __init__(self, request_id: int, message: Message[Any]) -> None:
        self.request_id = request_id
        self.message = message
        self.frame: bytes | None = None
        self.error: Error | None = None
        self.waiter: Any = None

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

    @property
    def context(self) -> Context:
        """What was agreed on with the node."""

    @property
    def failure(self) -> Error | None:
        """Why the channel cannot be used any more, or None."""

    @property
    def topology_version(self) -> tuple[int, int]:
        """The cluster's version (major, minor) that the node told last; (0, 0) before it has told one."""

    def new_lock(self) -> Lock:
        """A lock to be waited for with :class:`Acquire`."""

    def give_up(self, error: BaseException, doing: str) -> Error:
        """Close the channel because of *error* while *doing* something; returns what to raise."""

    def close(self) -> None:
        """Close the connection."""


@attrs.frozen
class Send:
    """Effect: send *message* through *channel*. The result is its :class:`Pending`."""

    channel: Channel
    message: Message[Any]


@attrs.frozen
class Receive:
    """Effect: wait for the answer to *pending*. The result is the decoded answer."""

    pending: Pending


@attrs.frozen
class Acquire:
    """Effect: wait for *lock*. Releasing it needs no effect."""

    lock: Lock


@attrs.frozen
class Connect:
    """Effect: connect to the node at *address*. The result is its :class:`Channel`.

    *attributes* describe the client to the node. An error says what was wrong, and with which address.
    """

    options: ConnectOptions
    address: Address
    attributes: Mapping[str, str]


@attrs.frozen
class Sleep:
    """Effect: do nothing for so many *seconds*."""

    seconds: float


Effect = Send | Receive | Acquire | Connect | Sleep
Operation = Generator[Effect, Any, T]


class Exchange:
    """Numbers requests, and brings every received answer to its request.

    Many requests may be under way at once, from several threads or tasks; answers come in any order. The
    channel that owns this object writes what :meth:`request` returns and passes on what it reads to
    :meth:`feed`, from one place at a time.
    """

    def __init__(self, context: Context) -> None:
        self.context = context
        self.frames = FrameBuffer()
        self.failure: Error | None = None
        self.topology_version = (0, 0)
        self._request_ids = itertools.count(1)
        self._pending: dict[int, Pending] = {}

    def request(self, message: Message[Any]) -> tuple[Pending, bytearray]:
        """Encode *message*; returns what to wait for and the bytes to send."""
        if self.failure is not None:
            error = again(self.failure)
            error.is_unsent = True
            raise error
        pending = Pending(next(self._request_ids), message)
        writer = Writer(self.context.knowledge)
        writer.raw(bytes(_HEADER.size))
        message.encode(writer, self.context)
        _HEADER.pack_into(writer.buffer, 0, len(writer.buffer) - 4, message.op_code, pending.request_id)
        self._pending[pending.request_id] = pending
        return pending, writer.buffer

    def feed(self, data: bytes) -> list[Pending]:
        """Take in received bytes; returns the requests whose answers they complete."""
        answered = []
        for frame in self.frames.feed(data):
            if len(frame) < 8:
                raise ProtocolError(f"answer of {len(frame)} bytes, shorter than its header")
            if self._is_notification(frame):
                # Its id is that of a resource, which nobody listens to; it may equal a request's id.
                continue
            pending = self._pending.pop(_REQUEST_ID.unpack_from(frame)[0], None)
            if pending is None:
                raise ProtocolError("answer to a request that was not made")
            pending.frame = frame
            answered.append(pending)
        return answered

    def fail(self, error: Error) -> list[Pending]:
        """No answers will come any more, because of *error*; returns the requests left unanswered."""
        if self.failure is None:
            self.failure = error
        left = list(self._pending.values())
        self._pending.clear()
        for pending in left:
            pending.error = self.failure
        return left

    def answer(self, pending: Pending) -> Any:
        """Decode the answer to *pending*. Raises what the server answered instead, or why nothing came."""
        if pending.frame is None:
            assert pending.error is not None
            raise again(pending.error)
        reader = Reader(pending.frame, self.context.knowledge)
        self._header(reader)
        return pending.message.decode(reader, self.context)

    def _header(self, reader: Reader) -> None:
        reader.i64()
        if self.context.version >= VERSION_WITH_FLAGS:
            flags = reader.i16()
            if flags & _FLAG_TOPOLOGY:
                # Answers may overtake each other.
                self.topology_version = max(self.topology_version, (reader.i64(), reader.i32()))
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

    def _is_notification(self, frame: bytes) -> bool:
        flags = int.from_bytes(frame[8:10], "little") if self.context.version >= VERSION_WITH_FLAGS else 0
        return bool(flags & _FLAG_NOTIFICATION)


def again(error: Error) -> Error:
    """A new exception like *error*: raising one object from several threads would mix their tracebacks."""
    fresh = type(error)(str(error))
    fresh.__dict__.update(error.__dict__)
    fresh.__cause__ = error.__cause__
    return fresh


__all__ = [
    "Acquire",
    "Channel",
    "Connect",
    "Effect",
    "Exchange",
    "MissingFact",
    "Operation",
    "Pending",
    "Receive",
    "Send",
    "Sleep",
    "again",
]
