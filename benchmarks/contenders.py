"""Who is measured. Each runs in a process of its own, which stays warm.

``python -m benchmarks.contenders NAME HOST PORT`` reads the name of a work per line, does it, and answers with a
line of JSON: the seconds that it took, and a checksum of what it read (null if it read nothing that it decoded).
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from benchmarks import works

Outcome = tuple[float, "list[int] | None"]

# The server has a pool of eight threads; this many requests keep it busy without filling its queue.
_IN_FLIGHT = 4
_ROWS_A_STATEMENT = 200


def timed(work: Callable[[], Any]) -> tuple[float, Any]:
    """The seconds that *work* took, and its result."""
    started = time.perf_counter()
    result = work()
    return time.perf_counter() - started, result


def repeated(work: Callable[[], Any]) -> tuple[float, Any]:
    """The seconds that *work* took several times, and its last result."""

    def all_times() -> Any:
        for _ in range(works.TIMES):
            result = work()
        return result

    return timed(all_times)


class Driver:
    """This driver, through its public interface."""

    def __init__(self, name: str, host: str, port: int) -> None:
        import ignite_dbapi
        from ignite_dbapi import keyvalue

        if ignite_dbapi.COMPILED is ("IGNITE_DBAPI_PURE" in os.environ):
            raise SystemExit(3)
        self.table = works.insert_table(name)
        self.connection = ignite_dbapi.connect(host=host, port=port)
        self.entries = KeyValue(keyvalue, host, port)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.entries, name)

    def select_8(self) -> Outcome:
        return self._select(works.SELECT_8, page_size=works.PAGE)

    def select_8_default(self) -> Outcome:
        return self._select(works.SELECT_8)

    def select_1(self) -> Outcome:
        return self._select(works.SELECT_1, page_size=works.PAGE)

    def _select(self, sql: str, **options: Any) -> Outcome:
        seconds, found = timed(lambda: self.connection.execute(sql, **options).fetchall())
        return seconds, works.row_checksum(found)

    def select_key(self) -> Outcome:
        cursor = self.connection.cursor()

        def work() -> list[Any]:
            return [cursor.execute(works.SELECT_KEY, (key,)).fetchone() for key in works.keys(works.SELECTS_BY_KEY)]

        seconds, found = timed(work)
        return seconds, works.row_checksum(found)

    def insert_one(self) -> Outcome:
        cursor = self.connection.cursor()
        cursor.execute(f"DELETE FROM {self.table}")
        rows = works.rows_to_insert(works.INSERTS)

        def work() -> None:
            for row in rows:
                cursor.execute(f"INSERT INTO {self.table} VALUES (?, ?, ?, ?, ?)", row)

        return timed(work)[0], None

    def insert_many(self) -> Outcome:
        cursor = self.connection.cursor()
        cursor.execute(f"DELETE FROM {self.table}")
        rows = works.rows_to_insert(works.ROWS)
        seconds, _ = timed(lambda: cursor.executemany(f"INSERT INTO {self.table} VALUES (?, ?, ?, ?, ?)", rows))
        count = cursor.execute(f"SELECT COUNT(*) FROM {self.table}").fetchone()[0]
        assert count == cursor.rowcount or count == works.ROWS, count
        return seconds, None


class KeyValue:
    """The interface that pyignite and this driver's key-value module have in common."""

    def __init__(self, module: Any, host: str, port: int) -> None:
        client = module.Client()
        client.connect(host, port)
        self.client = client
        self.cache = client.get_or_create_cache(works.CACHE)
        self.values = {number: works.text(number) for number in range(works.ENTRIES_AT_ONCE)}
        self.cache.put_all(self.values)

    def put(self) -> Outcome:
        put = self.cache.put

        def work() -> None:
            for number in range(works.ENTRIES_ONE_BY_ONE):
                put(number, self.values[number])

        return timed(work)[0], None

    def get(self) -> Outcome:
        get = self.cache.get
        seconds, found = timed(lambda: [(number, get(number)) for number in range(works.ENTRIES_ONE_BY_ONE)])
        return seconds, works.entry_checksum(found)

    def put_all(self) -> Outcome:
        return repeated(lambda: self.cache.put_all(self.values))[0], None

    def get_all(self) -> Outcome:
        keys = list(self.values)
        seconds, found = repeated(lambda: self.cache.get_all(keys))
        return seconds, works.entry_checksum(found.items())

    def scan(self) -> Outcome:
        seconds, found = repeated(lambda: list(self.cache.scan(page_size=works.PAGE)))
        return seconds, works.entry_checksum(found)


class PyIgnite(KeyValue):
    """The old thin client. It has no batches, and reads no DATE."""

    def __init__(self, name: str, host: str, port: int) -> None:
        import pyignite.datatypes  # type: ignore[import-not-found, unused-ignore]

        super().__init__(pyignite, host, port)
        self.timestamp = pyignite.datatypes.TimestampObject
        self.table = works.insert_table(name)

    def _rows(self, sql: str, arguments: Any = None) -> list[Any]:
        with self.client.sql(sql, page_size=works.PAGE, query_args=arguments) as cursor:
            return list(cursor)

    def select_8(self) -> Outcome:
        seconds, found = timed(lambda: self._rows(works.SELECT_7))
        return seconds, works.row_checksum(found)

    def select_8_default(self) -> None:
        """The raw wire's pages are as large as in the work before, so there is nothing to compare."""

    def select_1(self) -> Outcome:
        seconds, found = timed(lambda: self._rows(works.SELECT_1))
        return seconds, works.row_checksum(found)

    def select_key(self) -> Outcome:
        def work() -> list[Any]:
            return [self._rows(works.SELECT_KEY_7, [key])[0] for key in works.keys(works.SELECTS_BY_KEY)]

        seconds, found = timed(work)
        return seconds, works.row_checksum(found)

    def _insert(self, count: int) -> Outcome:
        self.client.sql(f"DELETE FROM {self.table}")
        rows = works.rows_to_insert(count)
        kind = self.timestamp

        def work() -> None:
            for *values, moment in rows:
                self.client.sql(
                    f"INSERT INTO {self.table} VALUES (?, ?, ?, ?, ?)", query_args=[*values, ((moment, 0), kind)]
                )

        return timed(work)[0], None

    def insert_one(self) -> Outcome:
        return self._insert(works.INSERTS)

    def insert_many(self) -> Outcome:
        # One by one is all that there is; a tenth of the rows tells the rate.
        seconds, _ = self._insert(works.ROWS // 10)
        return seconds * 10, None


class RawWire:
    """The bytes alone: requests are made beforehand, answers are received and not decoded."""

    def __init__(self, name: str, host: str, port: int) -> None:
        import ignite_dbapi
        from ignite_dbapi.protocol.codec import Writer
        from ignite_dbapi.protocol.codec.names import string_hash

        self.table = works.insert_table(name)
        self.connection = ignite_dbapi.connect(host=host, port=port)
        # Makes the connection learn all that encoding takes.
        self.connection.execute(works.SELECT_KEY, (1,)).fetchone()
        channel = self.connection._session.channel
        self.context: Any = channel.context
        self.socket: Any = channel._socket  # type: ignore[attr-defined]
        self.buffer = bytearray(1 << 22)
        self.cache_id = string_hash(works.CACHE)
        self._writer = Writer

    def _request(self, message: Any, number: int = 1) -> bytes:
        writer = self._writer(self.context.knowledge)
        writer.raw(bytes(14))
        message.encode(writer, self.context)
        buffer = writer.buffer
        buffer[:4] = (len(buffer) - 4).to_bytes(4, "little")
        buffer[4:6] = message.op_code.to_bytes(2, "little")
        buffer[6:14] = number.to_bytes(8, "little")
        return bytes(buffer)

    def _receive(self) -> memoryview:
        """The next answer, without its length."""
        view = memoryview(self.buffer)
        self._fill(view[:4])
        length = int.from_bytes(view[:4], "little")
        if length > len(self.buffer):
            del view
            self.buffer = bytearray(length)
            view = memoryview(self.buffer)
        frame = view[:length]
        self._fill(frame)
        assert not frame[8] & 1, bytes(frame[:200])
        return frame

    def _fill(self, view: memoryview) -> None:
        while view:
            view = view[self.socket.recv_into(view) :]

    def _ask(self, request: bytes) -> memoryview:
        self.socket.sendall(request)
        return self._receive()

    def _pages(self, query: Any, page: Callable[[int], Any]) -> Callable[[], None]:
        request = self._request(query)

        def work() -> None:
            frame = self._ask(request)
            # Behind the flags the topology's version may come first.
            start = 22 if frame[8] & 2 else 10
            cursor_id = int.from_bytes(frame[start : start + 8], "little")
            next_page = self._request(page(cursor_id))
            while frame[-1]:
                frame = self._ask(next_page)

        return work

    def _select(self, sql: str, columns: int) -> Outcome:
        from ignite_dbapi.protocol.messages.sql import SqlFieldsPage, SqlFieldsQuery

        query = SqlFieldsQuery(sql=sql, page_size=works.PAGE)
        return timed(self._pages(query, lambda cursor_id: SqlFieldsPage(cursor_id, columns)))[0], None

    def select_8(self) -> Outcome:
        return self._select(works.SELECT_8, 8)

    def select_8_default(self) -> Outcome:
        """There is no default here: what the drivers' own page sizes are compared with."""
        return self.select_8()

    def select_1(self) -> Outcome:
        return self._select(works.SELECT_1, 1)

    def _each(self, messages: Iterable[Any]) -> Outcome:
        requests = [self._request(message) for message in messages]

        def work() -> None:
            for request in requests:
                self._ask(request)

        return timed(work)[0], None

    def select_key(self) -> Outcome:
        from ignite_dbapi.protocol.messages.sql import SqlFieldsQuery

        return self._each(
            SqlFieldsQuery(sql=works.SELECT_KEY, arguments=[key]) for key in works.keys(works.SELECTS_BY_KEY)
        )

    def insert_one(self) -> Outcome:
        self.connection.execute(f"DELETE FROM {self.table}")
        return self._each(self._inserts(works.INSERTS, 1))

    def insert_many(self) -> Outcome:
        self.connection.execute(f"DELETE FROM {self.table}")
        requests = [self._request(message) for message in self._inserts(works.ROWS, _ROWS_A_STATEMENT)]

        def work() -> None:
            for number, request in enumerate(requests):
                self.socket.sendall(request)
                if number >= _IN_FLIGHT:
                    self._receive()
            for _ in range(min(_IN_FLIGHT, len(requests))):
                self._receive()

        return timed(work)[0], None

    def _inserts(self, count: int, together: int) -> Iterator[Any]:
        from ignite_dbapi.protocol.messages.sql import SqlFieldsQuery

        rows = works.rows_to_insert(count)
        sql = f"INSERT INTO {self.table} VALUES {', '.join(['(?, ?, ?, ?, ?)'] * together)}"
        for start in range(0, count, together):
            arguments = [value for row in rows[start : start + together] for value in row]
            yield SqlFieldsQuery(sql=sql, arguments=arguments, lazy=False)

    def put(self) -> Outcome:
        from ignite_dbapi.protocol.messages.cache import CacheHeader, Put

        header = CacheHeader(self.cache_id)
        return self._each(Put(header, (n, works.text(n))) for n in range(works.ENTRIES_ONE_BY_ONE))

    def get(self) -> Outcome:
        from ignite_dbapi.protocol.messages.cache import CacheHeader, Get

        header = CacheHeader(self.cache_id)
        return self._each(Get(header, (number,)) for number in range(works.ENTRIES_ONE_BY_ONE))

    def put_all(self) -> Outcome:
        from ignite_dbapi.protocol.messages.cache import CacheHeader, PutAll

        values = [value for number in range(works.ENTRIES_AT_ONCE) for value in (number, works.text(number))]
        return self._each([PutAll(CacheHeader(self.cache_id), self._batch(values))] * works.TIMES)

    def get_all(self) -> Outcome:
        from ignite_dbapi.protocol.messages.cache import CacheHeader, GetAll

        return self._each([GetAll(CacheHeader(self.cache_id), self._batch(range(works.ENTRIES_AT_ONCE)))] * works.TIMES)

    def _batch(self, values: Iterable[Any]) -> Any:
        from ignite_dbapi.protocol.messages.cache import Batch

        writer = self._writer(self.context.knowledge)
        for value in values:
            writer.value(value)
        return Batch(works.ENTRIES_AT_ONCE, writer.buffer)

    def scan(self) -> Outcome:
        from ignite_dbapi.protocol.messages.cache import CacheHeader
        from ignite_dbapi.protocol.messages.scans import ScanPage, ScanQuery

        query = ScanQuery(CacheHeader(self.cache_id), page_size=works.PAGE)
        return repeated(self._pages(query, ScanPage))[0], None


CLASSES: dict[str, Any] = {"compiled": Driver, "interpreted": Driver, "raw": RawWire, "pyignite": PyIgnite}


def main() -> None:
    """Be a contender."""
    name, host, port = sys.argv[1:]
    contender = CLASSES[name](name, host, int(port))
    print("ready", flush=True)
    for line in sys.stdin:
        print(json.dumps(getattr(contender, line.strip())()), flush=True)


if __name__ == "__main__":
    main()
