"""Answers as a server would send them, made with the writer."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import Any

from ignite_dbapi.protocol.codec import Knowledge, Writer
from ignite_dbapi.protocol.codec.clock import clock_for


def known(zone: str = "UTC", *, version_2: bool = False) -> Knowledge:
    """A connection that has asked everything but binary types."""
    return Knowledge(clock=clock_for(zone), is_string_version_2=version_2, is_compact_footer=True)


def encoded(values: Sequence[Any], knowledge: Knowledge | None = None) -> bytes:
    writer = Writer(knowledge or known())
    writer.values(values)
    return bytes(writer.buffer)


def page_bytes(rows: Sequence[Sequence[Any]], *, has_more: bool = False, knowledge: Knowledge | None = None) -> bytes:
    body = b"".join(encoded(row, knowledge) for row in rows)
    return struct.pack("<i", len(rows)) + body + bytes([has_more])


def frame(payload: bytes) -> bytes:
    return struct.pack("<i", len(payload)) + payload


def answer_bytes(request_id: int, payload: bytes = b"", *, flags: int = 0) -> bytes:
    """An answer of protocol versions from 1.4.0 on, as a frame."""
    return frame(struct.pack("<qh", request_id, flags) + payload)


def error_bytes(request_id: int, status: int, text: str, *, flags: int = 0) -> bytes:
    payload = struct.pack("<i", status) + encoded([text])
    return answer_bytes(request_id, payload, flags=flags | 1)
