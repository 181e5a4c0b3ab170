"""A stream of bytes is cut into frames, however it arrives."""

from __future__ import annotations

import struct
import time
import tracemalloc
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ignite_dbapi.errors import ProtocolError
from ignite_dbapi.protocol.frames import FrameBuffer
from tests.unit.pages import frame

payloads = st.lists(st.binary(min_size=1, max_size=30), max_size=8)


def _pieces(data: bytes, cuts: list[int]) -> list[bytes]:
    places = sorted({0, len(data), *(cut % (len(data) + 1) for cut in cuts)})
    return [data[start:end] for start, end in pairwise(places)]


@given(payloads, st.lists(st.integers(0, 400), max_size=20), st.integers(0, 10))
def test_any_chunking_gives_the_same_frames(expected: list[bytes], cuts: list[int], cut_off: int) -> None:
    stream = b"".join(map(frame, expected)) + frame(b"x" * 20)[:cut_off]
    buffer = FrameBuffer()
    frames = [whole for piece in _pieces(stream, cuts) for whole in buffer.feed(piece)]
    assert frames == expected
    assert buffer.received == frame(b"x" * 20)[:cut_off]
    assert buffer.feed(frame(b"x" * 20)[cut_off:]) == [b"x" * 20]
    assert buffer.received == b""


def test_byte_by_byte() -> None:
    buffer = FrameBuffer()
    stream = frame(b"abc") + frame(b"d")
    assert [buffer.feed(stream[place : place + 1]) for place in range(len(stream))] == [
        *[[]] * 6, [b"abc"], *[[]] * 4, [b"d"]
    ]  # fmt: skip
    assert buffer.feed(b"") == []


@pytest.mark.parametrize("length", [0, -1, -(2**31)])
def test_lengths_that_are_none(length: int) -> None:
    with pytest.raises(ProtocolError, match=f"frame of {length} bytes announced") as error:
        FrameBuffer().feed(struct.pack("<i", length) + b"rest")
    assert error.value.is_connection_lost


def test_the_limit() -> None:
    buffer = FrameBuffer()
    buffer.limit = 10
    assert buffer.feed(frame(b"x" * 10)) == [b"x" * 10]
    with pytest.raises(ProtocolError, match="frame of 11 bytes announced"):
        buffer.feed(frame(b"x" * 11)[:4])
    limited = FrameBuffer()
    limited.limit = 1 << 16
    with pytest.raises(ProtocolError, match=r"HTTP/1\.1"):
        limited.feed(b"HTTP/1.1 400 Bad Request")


def test_an_announced_length_costs_no_memory() -> None:
    tracemalloc.start()
    try:
        buffer = FrameBuffer()
        assert buffer.feed(struct.pack("<i", 2**31 - 1) + b"x") == []
        assert buffer.room() is not None
        assert tracemalloc.get_traced_memory()[1] < 100_000
    finally:
        tracemalloc.stop()


@given(payloads, st.lists(st.integers(1, 40), max_size=20), st.booleans())
def test_receiving_where_the_frame_lies(expected: list[bytes], sizes: list[int], is_together: bool) -> None:
    stream = b"".join(map(frame, expected))
    buffer = FrameBuffer()
    frames: list[bytes] = []
    start = 0
    for size in [*sizes, *[7] * len(stream)]:
        room = buffer.room()
        if room is None:
            data = stream[start : start + size] if is_together else stream[start : start + 4]
            frames += buffer.feed(data)
            start += len(data)
        else:
            count = min(size, len(room), len(stream) - start)
            room[:count] = stream[start : start + count]
            frames += buffer.filled(count)
            start += count
    assert frames == expected
    assert all(type(each) is bytes for each in frames)
    assert buffer.room() is None
    assert buffer.received == b""


def test_room_for_a_frame_grows_with_what_comes() -> None:
    payload = bytes(range(256)) * 1200
    buffer = FrameBuffer()
    assert buffer.room() is None
    assert buffer.feed(frame(payload)[:1000]) == []
    place, rooms = 996, []
    while True:
        room = buffer.room()
        assert room is not None
        rooms.append(len(room))
        room[:] = payload[place : place + len(room)]
        place += len(room)
        frames = buffer.filled(len(room))
        if frames:
            break
    assert frames == [payload]
    assert rooms == [(1 << 16) - 996, 1 << 16, 1 << 17, 307_200 - (1 << 18)]
    assert buffer.room() is None
    # What such a server sends next has room at once.
    assert buffer.feed(frame(payload)[:1000]) == []
    room = buffer.room()
    assert room is not None
    assert len(room) == 307_200 - 996


def test_the_time_grows_with_the_number_of_bytes_only() -> None:
    count = 200_000
    start = time.process_time()
    assert len(FrameBuffer().feed(frame(b"x") * count)) == count
    buffer = FrameBuffer()
    buffer.feed(struct.pack("<i", 4 * count))
    for _ in range(count - 1):
        buffer.feed(b"abcd")
    assert buffer.feed(b"abcd") == [b"abcd" * count]
    assert time.process_time() - start < 5
