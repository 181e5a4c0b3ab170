"""Cuts a stream of bytes into frames: a length of four bytes, then as many bytes.

Compiled from this file where Cython was at hand, interpreted otherwise.
"""

from __future__ import annotations

from struct import Struct
from typing import Final

try:
    import cython
except ModuleNotFoundError:
    from ignite_dbapi.protocol.codec import _cython as cython  # type: ignore[no-redef, unused-ignore]

from ignite_dbapi.errors import ProtocolError

_LENGTH: Final = Struct("<i")
LENGTH_SIZE: Final = 4
_CHUNK: Final = 1 << 16
_LARGE_CHUNK: Final = 1 << 20

# An answer to a handshake has a few dozen bytes. Whoever answers with more is no Ignite server, and must not
# make the client wait for the gigabytes that four bytes of text amount to as a length.
HANDSHAKE_FRAME_LIMIT: Final = 1 << 16


@cython.final
@cython.cclass
class FrameBuffer:
    """Collects received bytes and gives out whole frames. Memory is spent only on bytes that did arrive.

    No frame has more than :attr:`limit` bytes; None: any number.
    """

    limit: int | None = cython.declare(object, visibility="public")
    _chunks: list[bytes] = cython.declare(list)
    _size: int = cython.declare(cython.Py_ssize_t)
    _needed: int = cython.declare(cython.Py_ssize_t)

    def __init__(self) -> None:
        self._chunks = []
        self._size = 0
        # The size of what is to come first: of a length, and then of the frame including its length.
        self._needed = LENGTH_SIZE
        self.limit = None

    def wanted(self) -> int:
        """How many bytes to ask the socket for: about what is missing of the current frame."""
        missing: cython.Py_ssize_t = self._needed - self._size
        return _CHUNK if missing <= _CHUNK else min(missing, _LARGE_CHUNK)

    @property
    def received(self) -> bytes:
        """What has arrived of the frame that is not complete yet."""
        return b"".join(self._chunks)

    def feed(self, data: bytes) -> list[bytes]:
        """Add *data*; returns the frames that it completes, without their lengths."""
        if not self._chunks and len(data) > LENGTH_SIZE:
            # One whole frame, as nearly always when one request follows the other.
            (length,) = _LENGTH.unpack_from(data)
            if length == len(data) - LENGTH_SIZE and (self.limit is None or length <= self.limit):
                return [data[LENGTH_SIZE:]]
        self._chunks.append(data)
        self._size += len(data)
        if self._size < self._needed:
            return []
        if self._size == self._needed > LENGTH_SIZE and len(self._chunks[0]) >= LENGTH_SIZE:
            # A large frame ends where a chunk does: no byte of it is copied twice.
            self._chunks[0] = self._chunks[0][LENGTH_SIZE:]
            frame = b"".join(self._chunks)
            self._chunks, self._size, self._needed = [], 0, LENGTH_SIZE
            return [frame]
        frames: list[bytes] = []
        start: cython.Py_ssize_t = 0
        whole: bytes = self._chunks[0] if len(self._chunks) == 1 else b"".join(self._chunks)
        self._chunks = [whole]
        while True:
            self._needed = LENGTH_SIZE
            if len(whole) - start < LENGTH_SIZE:
                break
            (length,) = _LENGTH.unpack_from(whole, start)
            if length <= 0 or (self.limit is not None and length > self.limit):
                raise ProtocolError(f"frame of {length} bytes announced: {whole[start : start + 16]!r}")
            self._needed = LENGTH_SIZE + length
            if len(whole) - start < self._needed:
                break
            frames.append(whole[start + LENGTH_SIZE : start + self._needed])
            start += self._needed
        rest = whole[start:]
        self._chunks = [rest] if rest else []
        self._size = len(rest)
        return frames
