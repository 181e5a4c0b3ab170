"""Cuts a stream of bytes into frames: a length of four bytes, then as many bytes.

Compiled from this file where Cython was at hand, interpreted otherwise.
"""

from __future__ import annotations

from struct import Struct
from typing import Any, Final

try:
    import cython
except ModuleNotFoundError:
    from ignite_dbapi.protocol.codec import _cython as cython  # type: ignore[no-redef, unused-ignore]

from ignite_dbapi.errors import ProtocolError

if cython.compiled:
    from cython.cimports.cpython.bytes import (  # type: ignore[import-not-found]
        PyBytes_AS_STRING,
        PyBytes_FromStringAndSize,
    )
    from cython.cimports.cpython.memoryview import PyMemoryView_FromMemory  # type: ignore[import-not-found]
    from cython.cimports.cpython.ref import Py_REFCNT  # type: ignore[import-not-found]
    from cython.cimports.ignite_dbapi.protocol._cpython import Py_SET_SIZE  # type: ignore[import-not-found]
    from cython.cimports.libc.string import memcpy  # type: ignore[import-not-found]

_LENGTH: Final = Struct("<i")
LENGTH_SIZE: Final = 4
# How many bytes to ask a socket for that go to feed().
CHUNK: Final = 1 << 16

# The memory of frames of this size is used again: new memory takes the system longer than it takes to fill it.
_SMALLEST_KEPT: Final = CHUNK
_LARGEST_KEPT: Final = 1 << 22

# An answer to a handshake has a few dozen bytes. Whoever answers with more is no Ignite server, and must not
# make the client wait for the gigabytes that four bytes of text amount to as a length.
HANDSHAKE_FRAME_LIMIT: Final = 1 << 16


@cython.cfunc
@cython.inline
@cython.exceptval(check=False)
def _length_at(data: bytes, position: cython.Py_ssize_t) -> cython.int:
    if cython.compiled:
        length: cython.int = 0
        buffer: cython.p_const_uchar = data
        memcpy(cython.address(length), buffer + position, 4)
        return length
    return _LENGTH.unpack_from(data, position)[0]  # type: ignore[no-any-return]


@cython.cfunc
@cython.inline
@cython.exceptval(check=False)
def _with_reserve(length: cython.Py_ssize_t) -> cython.Py_ssize_t:
    """How long pages may be that follow one of *length* bytes: those of one result differ a little."""
    return length + length // 8


@cython.cfunc
def _new_room(size: cython.Py_ssize_t) -> Any:
    """Memory for a frame, which is not looked at before it is filled."""
    if cython.compiled:
        return PyBytes_FromStringAndSize(cython.NULL, size)
    return bytearray(size)


@cython.cfunc
def _view(room: Any, start: cython.Py_ssize_t) -> Any:
    """The bytes of *room* from *start* on, to be written."""
    if cython.compiled:
        size: cython.Py_ssize_t = len(room)
        # 0x200 is PyBUF_WRITE. Nobody else has these bytes yet.
        return PyMemoryView_FromMemory(PyBytes_AS_STRING(room) + start, size - start, 0x200)
    return memoryview(room)[start:]


@cython.final
@cython.cclass
class FrameBuffer:
    """Collects received bytes and gives out whole frames.

    Received bytes are given to :meth:`feed`. While a frame is under way, they can be received into :meth:`room`, where
    the frame lies already, so that a large one is not copied; :meth:`filled` then tells how many came. No frame has
    more than :attr:`limit` bytes; None: any number.

    Compiled, the last two large frames are kept, and the older one's memory is that of the next, once nobody else has
    it: pages come into the same memory in turns. A small frame ends that.
    """

    limit: int | None = cython.declare(object, visibility="public")
    # The beginning of a length.
    _rest: bytes = cython.declare(bytes)
    # The frame under way, how long it is to be, and how much of it has come.
    _frame: Any = cython.declare(object)
    _length: int = cython.declare(cython.Py_ssize_t)
    _size: int = cython.declare(cython.Py_ssize_t)
    # A frame has room from the start for as much as the largest one had that came; beyond, room is made as it comes.
    _usual: int = cython.declare(cython.Py_ssize_t)
    # How many bytes the memory of the frame under way holds, if it can be kept; the large frames before it, and theirs.
    _capacity: int = cython.declare(cython.Py_ssize_t)
    _last: bytes | None = cython.declare(bytes)
    _last_capacity: int = cython.declare(cython.Py_ssize_t)
    _last_but_one: bytes | None = cython.declare(bytes)
    _last_but_one_capacity: int = cython.declare(cython.Py_ssize_t)

    def __init__(self) -> None:
        self.limit = None
        self._rest = b""
        self._frame = None
        self._length = 0
        self._size = 0
        self._usual = CHUNK
        self._capacity = self._last_capacity = self._last_but_one_capacity = 0
        self._last = self._last_but_one = None

    @property
    def received(self) -> bytes:
        """What has arrived of the frame that is not complete yet, and of its length."""
        if self._frame is None:
            return self._rest
        return _LENGTH.pack(self._length) + bytes(self._frame[: self._size])

    def room(self) -> memoryview | None:
        """Where to receive what comes next of the frame under way, for :meth:`filled`; None if there is none."""
        if self._frame is None:
            return None
        if self._size == len(self._frame):
            grown = _new_room(min(2 * self._size, self._length))
            _view(grown, 0)[: self._size] = self._frame
            self._frame = grown
        view: memoryview = _view(self._frame, self._size)
        return view

    def filled(self, count: int) -> list[bytes]:
        """So many bytes came into :meth:`room`; returns the frame if they complete it."""
        self._size += count
        if self._size < self._length:
            return []
        self._usual = max(self._usual, self._length)
        frame = self._frame if cython.compiled else bytes(self._frame)
        self._frame = None
        if self._capacity:
            self._last_but_one, self._last_but_one_capacity = self._last, self._last_capacity
            self._last, self._last_capacity = frame, self._capacity
        return [frame]

    def feed(self, data: bytes) -> list[bytes]:
        """Add *data*; returns the frames that it completes, without their lengths."""
        frames: list[bytes] = []
        start: cython.Py_ssize_t = 0
        count: cython.Py_ssize_t
        length: cython.Py_ssize_t
        while self._frame is not None and start < len(data):
            room = self.room()
            assert room is not None
            count = min(len(room), len(data) - start)
            room[:count] = data[start : start + count]
            frames += self.filled(count)
            start += count
        if self._rest:
            data = self._rest + data
        while len(data) - start >= LENGTH_SIZE:
            length = _length_at(data, start)
            if length <= 0 or (self.limit is not None and length > self.limit):
                raise ProtocolError(f"frame of {length} bytes announced: {data[start : start + 16]!r}")
            start += LENGTH_SIZE
            count = len(data) - start
            if count < length:
                self._begin(data, start, length)
                start += count
                break
            frames.append(data[start : start + length])
            start += length
            self._last = self._last_but_one = None
        self._rest = data[start:]
        return frames

    def _begin(self, data: bytes, start: cython.Py_ssize_t, length: cython.Py_ssize_t) -> None:
        """Begin a frame of *length* bytes, of which those of *data* from *start* on have come."""
        self._length = length
        self._size = len(data) - start
        self._capacity = 0
        if cython.compiled and _SMALLEST_KEPT <= length <= min(_with_reserve(self._usual), _LARGEST_KEPT):
            self._frame = self._kept_room(length)
        else:
            self._frame = _new_room(min(max(self._usual, self._size), length))
        _view(self._frame, 0)[: self._size] = data[start:]

    @cython.cfunc
    def _kept_room(self, length: cython.Py_ssize_t) -> bytes:
        """Memory for a frame of *length* bytes: if it can be, that of one which nobody needs any more."""
        memory: bytes | None = self._last_but_one
        self._capacity = self._last_but_one_capacity
        self._last_but_one = None
        # This function has the only reference then, so that nobody can see the bytes change.
        if memory is None or Py_REFCNT(memory) != 1 or self._capacity < length:
            self._capacity = _with_reserve(length)
            memory = PyBytes_FromStringAndSize(cython.NULL, self._capacity)
        Py_SET_SIZE(memory, length)
        PyBytes_AS_STRING(memory)[length] = 0
        return memory
