"""Cuts a stream of bytes into frames: a length of four bytes, then as many bytes."""

from __future__ import annotations

from struct import Struct
from typing import Final

from ignite_dbapi.errors import ProtocolError

_LENGTH: Final = Struct("<i")
LENGTH_SIZE: Final = 4
_CHUNK: Final = 1 << 16
_LARGE_CHUNK: Final = 1 << 20

# An answer to a handshake has a few dozen bytes. Whoever answers with more is no Ignite server, and must not
# make the client wait for the gigabytes that four bytes of text amount to as a length.
HANDSHAKE_FRAME_LIMIT: Final = 1 << 16


class FrameBuffer:
    """Collects received bytes and gives out whole frames. Memory is spent only on bytes that did arrive."""

    def __init__(self) -> None:
        self._chunks: list[bytes] = []
        self._size = 0
        self._frame_size: int | None = None
        self.limit: int | None = None

    def wanted(self) -> int:
        """How many bytes to ask the socket for: about what is missing of the current frame."""
        if self._frame_size is None:
            return _CHUNK
        return min(max(self._frame_size - self._size, _CHUNK), _LARGE_CHUNK)

    @property
    def received(self) -> bytes:
        """What has arrived of the frame that is not complete yet."""
        return b"".join(self._chunks)

    def feed(self, data: bytes) -> list[bytes]:
        """Add *data*; returns the frames that it completes, without their lengths."""
        frames: list[bytes] = []
        self._chunks.append(data)
        self._size += len(data)
        while True:
            if self._frame_size is None:
                if self._size < LENGTH_SIZE:
                    return frames
                self._join()
                (length,) = _LENGTH.unpack_from(self._chunks[0])
                if length <= 0 or (self.limit is not None and length > self.limit):
                    raise ProtocolError(f"frame of {length} bytes announced: {bytes(self._chunks[0][:16])!r}")
                self._frame_size = LENGTH_SIZE + length
            if self._size < self._frame_size:
                return frames
            self._join()
            whole = self._chunks[0]
            frames.append(whole[LENGTH_SIZE : self._frame_size])
            rest = whole[self._frame_size :]
            self._chunks = [rest] if rest else []
            self._size = len(rest)
            self._frame_size = None

    def _join(self) -> None:
        if len(self._chunks) > 1:
            self._chunks = [b"".join(self._chunks)]
