"""The entries of a cache as the server holds them: the bytes of keys and values."""

from __future__ import annotations

from typing import Any

from ignite_dbapi.operations import calls
from ignite_dbapi.protocol.codec import Reader
from ignite_dbapi.protocol.codec.names import string_hash
from ignite_dbapi.protocol.messages.cache import CacheHeader
from ignite_dbapi.protocol.messages.scans import ScanQuery
from ignite_dbapi.transport import blocking


def raw_entries(connection: Any, cache: str) -> dict[bytes, bytes]:
    """The entries of *cache*; ids of types are left out, since those of tables are random."""
    session = connection._session
    query = ScanQuery(CacheHeader(string_hash(cache), None, None, True), page_size=100_000)
    page = blocking.run(calls.query(session, query, may_leak=False), session.channel).page
    assert not page.has_more
    reader = Reader(page.data, session.context.knowledge, page.position, page.end)
    return {_next(reader): _next(reader) for _ in range(page.row_count)}


def _next(reader: Reader) -> bytes:
    start = reader.position
    reader.skip(1)
    data = bytes(reader.data[start : reader.position])
    if data[0] == 27:
        size = int.from_bytes(data[1:5], "little")
        data = data[5 + int.from_bytes(data[5 + size : 9 + size], "little") : 5 + size]
    return data[:4] + bytes(4) + data[8:] if data[0] == 103 and data[2] & 1 else data
