"""A stream of bytes is cut into frames, however it arrives."""

from __future__ import annotations

import random
import struct
import sys
import time
import tracemalloc
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ignite_dbapi import COMPILED
from ignite_dbapi.errors import ProtocolError
from ignite_dbapi.protocol.frames import CHUNK, FrameBuffer
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


def _received(buffer: FrameBuffer, payload: bytes) -> bytes:
    """*payload* as the frame that *buffer* makes of it, received as a channel does."""
    stream = frame(payload)
    frames = buffer.feed(stream[:CHUNK])
    start = CHUNK
    while not frames:
        room = buffer.room()
        assert room is not None
        count = min(len(room), len(stream) - start)
        room[:count] = stream[start : start + count]
        start += count
        frames = buffer.filled(count)
    assert len(frames) == 1
    return frames[0]


@pytest.mark.parametrize("seed", range(5))
def test_frames_that_somebody_has_do_not_change(seed: int) -> None:
    chance = random.Random(seed)
    buffer = FrameBuffer()
    # Whoever has a view has the frame.
    held: list[tuple[bytes | memoryview, bytes]] = []
    for _ in range(300):
        payload = chance.randbytes(chance.choice([10, CHUNK, CHUNK + 1, 100_000, 110_000, 110_001, 300_000]))
        received = _received(buffer, payload)
        assert received == payload
        held.append((received, payload) if chance.random() < 0.5 else (memoryview(received), payload))
        del received
        while len(held) > chance.randrange(6):
            del held[chance.randrange(len(held))]
        assert all(have == expected for have, expected in held)


@pytest.mark.skipif(not COMPILED, reason="the interpreted form copies what was received")
def test_large_frames_come_into_the_same_memory_in_turns() -> None:
    buffer = FrameBuffer()
    places = set()
    for number in range(40):
        # Pages of one result get longer by and by.
        payload = bytes([number]) * (200_000 + 100 * number)
        received = _received(buffer, payload)
        assert received == payload
        assert len(received) == len(payload)
        places.add(id(received))
    # The first one grew as it came, and was followed by two.
    assert len(places) <= 3


@pytest.mark.skipif(not COMPILED, reason="the interpreted form copies what was received")
def test_no_memory_is_kept_that_is_not_needed() -> None:
    buffer = FrameBuffer()
    _received(buffer, bytes(200_000))
    received = _received(buffer, bytes(200_000))
    own = sys.getrefcount(received)
    assert buffer.feed(frame(b"x")) == [b"x"]
    assert sys.getrefcount(received) == own - 1
    # Of very large ones none is.
    huge = bytes(5 << 20)
    _received(buffer, huge)
    received = _received(buffer, huge)
    own = sys.getrefcount(received)
    assert buffer.feed(frame(b"x")) == [b"x"]
    assert sys.getrefcount(received) == own
