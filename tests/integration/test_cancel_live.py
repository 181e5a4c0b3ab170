"""Cancelling statements from another thread or task: the statement ends, everything else goes on."""

from __future__ import annotations

import asyncio
import random
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import pytest

import ignite_dbapi
import ignite_dbapi.aio
from ignite_dbapi.operations.resources import ResourceLedger

ENGINES = pytest.mark.parametrize("engine", ["h2", "calcite"])
# Some minutes of work, unless they are ended; the timeout spares the node if they are not.
SLOW = {
    "h2": "SELECT COUNT(*) FROM SYSTEM_RANGE(1, 100000) a, SYSTEM_RANGE(1, 100000) b",
    # Of a join Calcite would notice late that it has ended.
    "calcite": "SELECT COUNT(*) FROM TABLE(SYSTEM_RANGE(1, 100000000000)) a",
}
# A hundred rows, and then no end.
SLOW_PAGES = {
    "h2": "SELECT x FROM SYSTEM_RANGE(1, 100000000000) WHERE x <= 100 OR x < 0",
    "calcite": "SELECT x FROM TABLE(SYSTEM_RANGE(1, 1000)) UNION ALL SELECT x FROM "
    "TABLE(SYSTEM_RANGE(1, 100000000000)) WHERE x = 0",
}
LIMIT = 40
# How many statements a node runs at once for clients (ClientConnectorConfiguration.threadPoolSize).
THREADS = 8


@pytest.fixture
def server(node: Any) -> Iterator[Any]:
    """The node, on which nothing goes on running when the test is over."""
    yield node
    with ignite_dbapi.connect(node.url) as connection:
        assert running_on(connection) == []


def running_on(connection: Any, words: str = "100000") -> list[str]:
    """What the node still runs after a moment."""
    deadline = time.monotonic() + 20
    while True:
        rows = connection.execute(f"SELECT SQL FROM SYS.SQL_QUERIES WHERE SQL LIKE '%{words}%'").fetchall()
        texts = [sql for (sql,) in rows if "SQL_QUERIES" not in sql]
        if not texts or time.monotonic() > deadline:
            return texts
        time.sleep(0.1)


class Running:
    """A call in a thread of its own."""

    def __init__(self, call: Callable[[], Any]) -> None:
        self._call = call
        self.result: Any = None
        self.error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        try:
            self.result = self._call()
        except BaseException as error:
            self.error = error

    @property
    def is_alive(self) -> bool:
        return self._thread.is_alive()

    def join(self) -> Running:
        self._thread.join(90)
        assert not self._thread.is_alive()
        return self

    def was_cancelled(self) -> bool:
        self.join()
        return is_cancelled(self.error)


def until_under_way(cursor: Any, seconds: float = 0.0) -> None:
    """Wait until *cursor* has something to cancel, and has had the same for so many seconds."""
    deadline = time.monotonic() + 60
    while True:
        work = cursor._state._work
        if not work.has_ended:
            time.sleep(seconds)
            if work is cursor._state._work and not work.has_ended:
                return
        assert time.monotonic() < deadline
        time.sleep(0.0001)


def is_cancelled(error: BaseException | None) -> bool:
    assert isinstance(error, ignite_dbapi.OperationalError), error
    assert not error.is_connection_lost
    return (error.code, error.sqlstate) == ("query_cancelled", "57014")


@ENGINES
@pytest.mark.parametrize("wait", [0, 0.01, 0.5])
def test_a_query_ends(server: Any, connection: Any, engine: str, wait: float) -> None:
    for _ in range(3):
        cursor = connection.cursor()
        running = Running(lambda cursor=cursor: cursor.execute(SLOW[engine], query_engine=engine, timeout=LIMIT))
        until_under_way(cursor, wait)
        # The first statement of a new node takes Calcite seconds before it can be ended.
        assert cursor.cancel(30)
        assert running.was_cancelled()
        with pytest.raises(ignite_dbapi.ProgrammingError, match="no rows"):
            cursor.fetchone()
        assert cursor.execute("SELECT 42").fetchall() == [(42,)]


@ENGINES
def test_cancelled_queries_leave_no_cursor_open(server: Any, connection: Any, engine: str) -> None:
    cursor = connection.cursor()
    for number in range(140):
        running = Running(lambda: cursor.execute(SLOW[engine], query_engine=engine, timeout=LIMIT))
        time.sleep(0.002 * (number % 5))
        while running.is_alive:
            cursor.cancel()
        assert running.was_cancelled()
    # More than the 128 that may be open: a leak would have ended the connection.
    cursors = [connection.execute("SELECT x FROM SYSTEM_RANGE(1, 9)", page_size=1) for _ in range(128)]
    assert [len(one.fetchall()) for one in cursors] == [9] * 128


def test_nothing_to_cancel(connection: Any, table: Callable[..., str]) -> None:
    name = table("id INT PRIMARY KEY, v INT")
    cursor = connection.cursor()
    assert cursor.cancel()
    cursor.execute("SELECT x FROM SYSTEM_RANGE(1, 100)", page_size=10)
    assert cursor.cancel()
    assert cursor.fetchmany(30) == [(x,) for x in range(1, 31)]
    assert cursor.cancel()
    assert len(cursor.fetchall()) == 70
    cursor.execute(f"INSERT INTO {name} VALUES (1, 1)")
    assert cursor.cancel()
    assert cursor.execute(f"SELECT * FROM {name}").fetchall() == [(1, 1)]
    cursor.close()
    assert cursor.cancel()


@ENGINES
def test_one_of_several(server: Any, connection: Any, engine: str) -> None:
    """They look the same to the server, and are sent at the same time."""
    cursors = [connection.cursor() for _ in range(5)]
    calls = [
        Running(lambda cursor=cursor: cursor.execute(SLOW[engine], query_engine=engine, timeout=LIMIT))
        for cursor in cursors
    ]
    half_read = connection.execute("SELECT x FROM SYSTEM_RANGE(1, 100)", page_size=10)
    for cursor in cursors:
        until_under_way(cursor, 0.1)
    order = list(range(5))
    random.Random(7).shuffle(order)
    for place, number in enumerate(order):
        assert cursors[number].cancel(20)
        assert calls[number].was_cancelled()
        time.sleep(0.1)
        assert [calls[other].is_alive for other in order[place + 1 :]] == [True] * (4 - place)
    assert half_read.fetchall() == [(x,) for x in range(1, 101)]


@ENGINES
def test_others_give_their_results(server: Any, connection: Any, engine: str) -> None:
    victim = connection.cursor()
    slow = Running(lambda: victim.execute(SLOW[engine], query_engine=engine, timeout=LIMIT))
    fast = {
        "h2": "SELECT COUNT(*) FROM SYSTEM_RANGE(1, 2000) a, SYSTEM_RANGE(1, 2000) b",
        "calcite": "SELECT COUNT(*) FROM TABLE(SYSTEM_RANGE(1, 2000)) a, TABLE(SYSTEM_RANGE(1, 2000)) b",
    }[engine]
    others = [
        Running(lambda: connection.execute(fast, query_engine=engine, timeout=LIMIT).fetchall()) for _ in range(3)
    ]
    until_under_way(victim)
    assert victim.cancel(20)
    assert slow.was_cancelled()
    for other in others:
        assert other.join().error is None
        assert other.result == [(4_000_000,)]


def test_eight_threads(server: Any) -> None:
    # Fewer at once than the node has threads for clients.
    failures: list[BaseException] = []
    seats = threading.Semaphore(5)

    with ignite_dbapi.connect(server.url) as connection:

        def work(number: int) -> None:
            chance = random.Random(number)
            engine = "h2" if number % 2 else "calcite"
            try:
                for i in range(4):
                    cursor = connection.cursor()
                    with seats:
                        running = Running(
                            lambda cursor=cursor: cursor.execute(SLOW[engine], query_engine=engine, timeout=LIMIT)
                        )
                        time.sleep(chance.random() * 0.2)
                        while running.is_alive:
                            cursor.cancel(10)
                        assert running.was_cancelled()
                    cursor.execute("SELECT x + ? FROM SYSTEM_RANGE(1, 30)", [number * 100 + i], page_size=7)
                    assert [x for (x,) in cursor.fetchall()] == [number * 100 + i + x for x in range(1, 31)]
            except BaseException as error:
                failures.append(error)

        threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(100)
        if failures:
            raise failures[0]
        assert not any(thread.is_alive() for thread in threads)


@ENGINES
def test_while_pages_are_fetched(server: Any, connection: Any, engine: str) -> None:
    for fetch in ("fetchall", "fetchone", "fetchmany"):
        cursor = connection.execute(SLOW_PAGES[engine], page_size=10, query_engine=engine, timeout=LIMIT)
        cursor.arraysize = 2000

        def read(cursor: Any = cursor, fetch: str = fetch) -> None:
            while True:
                getattr(cursor, fetch)()

        running = Running(read)
        until_under_way(cursor, 0.5)
        assert cursor.cancel(30)
        assert running.was_cancelled()
        # What follows is missing, which must never look like the end.
        with pytest.raises(ignite_dbapi.OperationalError) as caught:
            cursor.fetchall()
        assert caught.value.code == "query_cancelled"
        assert cursor.execute("SELECT 42").fetchall() == [(42,)]


def test_a_subquery_of_a_row_that_is_fetched(server: Any, connection: Any) -> None:
    """H2 mostly sees neither that its cursor is closed nor KILL QUERY, but its timeout; and all of them if not lazy."""
    sql = (
        "SELECT a.x FROM SYSTEM_RANGE(1, 200) a WHERE a.x <= 100 OR a.x < "
        "(SELECT COUNT(*) FROM SYSTEM_RANGE(1, 100000) b, SYSTEM_RANGE(1, 100000) c WHERE b.x + c.x = a.x)"
    )
    cursor = connection.execute(sql, page_size=10, query_engine="h2", timeout=10)
    running = Running(cursor.fetchall)
    until_under_way(cursor, 0.5)
    began = time.monotonic()
    is_ended = cursor.cancel(0.5)
    assert running.was_cancelled()
    # True says that it has ended, not that it will.
    assert time.monotonic() - began < (5 if is_ended else LIMIT)
    assert cursor.execute("SELECT 42").fetchall() == [(42,)]

    running = Running(lambda: cursor.execute(sql, query_engine="h2", lazy=False, timeout=LIMIT))
    until_under_way(cursor, 0.5)
    assert cursor.cancel(30)
    assert running.was_cancelled()


@ENGINES
def test_statements_that_change_data(server: Any, connection: Any, table: Callable[..., str], engine: str) -> None:
    name = table("id BIGINT PRIMARY KEY, v BIGINT")
    connection.execute(f"INSERT INTO {name} VALUES (0, 0)")
    slow = SLOW[engine].removeprefix("SELECT COUNT(*)")
    for sql in (
        f"INSERT INTO {name} SELECT 1, COUNT(*) {slow}",
        f"UPDATE {name} SET v = 7 WHERE v < (SELECT COUNT(*) {slow})",
        f"DELETE FROM {name} WHERE v < (SELECT COUNT(*) {slow})",
    ):
        cursor = connection.cursor()
        running = Running(lambda cursor=cursor, sql=sql: cursor.execute(sql, query_engine=engine, timeout=LIMIT))
        until_under_way(cursor, 0.3)
        assert cursor.cancel(30)
        assert running.was_cancelled()
    assert connection.execute(f"SELECT * FROM {name}").fetchall() == [(0, 0)]


def test_what_the_server_does_not_stop(connection: Any, table: Callable[..., str]) -> None:
    """H2 writes to the end what it has begun to write: cancel says so, and the count is right."""
    name = table("id BIGINT PRIMARY KEY, v INT")
    cursor = connection.cursor()
    running = Running(lambda: cursor.execute(f"INSERT INTO {name} SELECT x, 1 FROM SYSTEM_RANGE(1, 150000)"))
    time.sleep(0.5)
    if cursor.cancel(0.2):
        assert cursor._state._work.has_ended
    running.join()
    written = connection.execute(f"SELECT COUNT(*) FROM {name}").fetchone()[0]
    if running.error is None:
        assert cursor.rowcount == written == 150_000
    else:
        assert is_cancelled(running.error)


def test_a_node_that_hears_nothing(server: Any, connection: Any, table: Callable[..., str]) -> None:
    """With all its threads for clients taken it answers nobody: cancel says in time that nothing has ended."""
    name = table("id BIGINT PRIMARY KEY, v BIGINT")
    slow = SLOW["h2"].replace("SELECT", "SELECT /* deaf */")
    cursor = connection.cursor()
    others = [ignite_dbapi.connect(server.url) for _ in range(THREADS - 1)]
    try:
        calls = [Running(lambda other=other: other.execute(slow, timeout=10)) for other in others]
        sql = "SELECT COUNT(*) FROM SYS.SQL_QUERIES WHERE SQL LIKE '%deaf%'"
        deadline = time.monotonic() + 8
        # The one that counts is listed as well.
        while connection.execute(sql).fetchone() != (THREADS,):
            assert time.monotonic() < deadline
            time.sleep(0.01)
        calls.append(Running(lambda: cursor.execute(f"INSERT INTO {name} SELECT 1, COUNT(*) FROM ({slow})", timeout=5)))
        time.sleep(0.3)
        began = time.monotonic()
        assert not cursor.cancel(0.5)
        assert 0.5 <= time.monotonic() - began < 3
        for call in calls:
            assert isinstance(call.join().error, ignite_dbapi.OperationalError)
    finally:
        for other in others:
            other.close()
    assert connection.execute(f"SELECT COUNT(*) FROM {name}").fetchone() == (0,)


@ENGINES
def test_a_batch(server: Any, connection: Any, table: Callable[..., str], engine: str) -> None:
    name = table("id INT PRIMARY KEY, v INT")
    for statement in (f"INSERT INTO {name} VALUES (?, ?)", f"MERGE INTO {name} (id, v) VALUES (?, ?)"):
        if engine == "calcite" and statement.startswith("MERGE"):
            continue
        cursor = connection.cursor()
        is_far = threading.Event()

        def sets() -> Iterator[tuple[int, int]]:
            for number in range(10**9):
                if number == 1500:
                    is_far.set()  # noqa: B023
                yield number, number

        running = Running(lambda: cursor.executemany(statement, sets(), query_engine=engine))  # noqa: B023
        assert is_far.wait(60)
        assert cursor.cancel(30)
        assert running.was_cancelled()
        assert "parameter set" in str(running.error)
        assert cursor.rowcount > 0
        assert connection.execute(f"SELECT COUNT(*) FROM {name}").fetchone() == (cursor.rowcount,)
        connection.execute(f"DELETE FROM {name}")


@ENGINES
def test_timeouts_have_a_code_of_their_own(server: Any, connection: Any, engine: str) -> None:
    cursor = connection.cursor()
    began = time.monotonic()
    with pytest.raises(ignite_dbapi.OperationalError) as caught:
        cursor.execute(SLOW[engine], query_engine=engine, timeout=0.4)
    # The server's timeouts may come early by some ticks of its clock, of 10 ms each.
    assert 0.3 <= time.monotonic() - began < 30
    assert (caught.value.code, caught.value.sqlstate) == ("query_timeout", "57014")
    assert "timeout of 0.4 s" in str(caught.value) or "timed out" in str(caught.value)


def test_where_calcite_is_the_default(tokyo: Any) -> None:
    with ignite_dbapi.connect(tokyo.url) as connection:
        # The first statements of a new node take Calcite long.
        connection.execute(SLOW["calcite"].replace("100000000000", "10")).fetchall()
        connection.execute("SELECT COUNT(*) FROM SYS.SQL_QUERIES WHERE INITIATOR_ID = ?", ["x"]).fetchall()
        cursors = [connection.cursor() for _ in range(2)]
        calls = [Running(lambda cursor=cursor: cursor.execute(SLOW["calcite"], timeout=LIMIT)) for cursor in cursors]
        for cursor in cursors:
            until_under_way(cursor, 0.25)
        assert cursors[1].cancel(20)
        assert calls[1].was_cancelled()
        assert calls[0].is_alive
        assert cursors[0].cancel(20)
        assert calls[0].was_cancelled()


@ENGINES
def test_a_statement_that_was_just_sent(
    server: Any, connection: Any, engine: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server lists it, and the thread that has sent it did not get to note that."""
    different = {
        "h2": "SELECT MAX(a.x) FROM SYSTEM_RANGE(1, 100000) a, SYSTEM_RANGE(1, ?) b",
        "calcite": "SELECT COUNT(*) FROM TABLE(SYSTEM_RANGE(1, ?)) a",
    }[engine]
    cursors = [connection.cursor() for _ in range(3)]
    # Without one, nothing but the victim would be under way, and its cursor be closed.
    calls = [Running(lambda: cursors[0].execute(different, [100000000000], query_engine=engine, timeout=LIMIT))]
    until_under_way(cursors[0], 0.25)
    victim = Running(lambda: cursors[1].execute(SLOW[engine], query_engine=engine, timeout=LIMIT))
    until_under_way(cursors[1], 0.25)
    # The first time, the connection asks what the server calls it, for which it waits for whoever sends something.
    assert cursors[1].cancel(20)
    assert victim.was_cancelled()
    calls.append(Running(lambda: cursors[1].execute(SLOW[engine], query_engine=engine, timeout=LIMIT)))
    until_under_way(cursors[1], 0.25)
    was_sent, may_go_on = threading.Event(), threading.Event()
    opening = ResourceLedger.opening

    def note_late(*arguments: Any, **keywords: Any) -> None:
        was_sent.set()
        may_go_on.wait(30)
        opening(*arguments, **keywords)

    with monkeypatch.context() as patched:
        patched.setattr(ResourceLedger, "opening", note_late)
        calls.append(Running(lambda: cursors[2].execute(SLOW[engine], query_engine=engine, timeout=LIMIT)))
        assert was_sent.wait(30)
        time.sleep(0.5)
    cancelling = Running(lambda: cursors[1].cancel(20))
    time.sleep(0.5)
    assert [call.is_alive for call in [*calls, cancelling]] == [True] * 4
    may_go_on.set()
    assert cancelling.join().result is True
    assert calls[1].was_cancelled()
    assert calls[0].is_alive
    assert calls[2].is_alive
    for number in (0, 2):
        assert cursors[number].cancel(20)
        assert calls[number].was_cancelled()


def test_over_tls_with_a_user(secured: Any) -> None:
    with ignite_dbapi.connect(secured.url) as connection:
        cursors = [connection.cursor() for _ in range(2)]
        calls = [Running(lambda cursor=cursor: cursor.execute(SLOW["h2"], timeout=LIMIT)) for cursor in cursors]
        for cursor in cursors:
            until_under_way(cursor, 0.25)
        for cursor, call in zip(cursors, calls, strict=True):
            assert cursor.cancel(20)
            assert call.was_cancelled()


# --- asyncio --------------------------------------------------------------------------------------------------------


def run(url: str, main: Callable[[Any], Awaitable[None]]) -> None:
    async def connected() -> None:
        async with await ignite_dbapi.aio.connect(url) as connection:
            await main(connection)

    asyncio.run(connected())


@ENGINES
def test_tasks(server: Any, engine: str) -> None:
    async def main(connection: Any) -> None:
        cursors = [connection.cursor() for _ in range(4)]
        tasks = [
            asyncio.create_task(cursor.execute(SLOW[engine], query_engine=engine, timeout=LIMIT)) for cursor in cursors
        ]
        await asyncio.sleep(0.3)
        for number in (2, 0, 3, 1):
            assert await cursors[number].cancel(20)
            (result,) = await asyncio.gather(tasks[number], return_exceptions=True)
            assert is_cancelled(result)
            tasks[number] = None
            assert not any(task.done() for task in tasks if task is not None)
            cursor = await connection.execute("SELECT 42")
            assert await cursor.fetchall() == [(42,)]
        assert await cursors[0].cancel()

    run(server.url, main)


@ENGINES
def test_tasks_that_fetch(server: Any, engine: str) -> None:
    async def main(connection: Any) -> None:
        cursor = await connection.execute(SLOW_PAGES[engine], page_size=10, query_engine=engine, timeout=LIMIT)
        task = asyncio.create_task(cursor.fetchall())
        await asyncio.sleep(0.5)
        assert not task.done()
        assert await cursor.cancel(30)
        with pytest.raises(ignite_dbapi.OperationalError) as caught:
            await task
        assert is_cancelled(caught.value)
        with pytest.raises(ignite_dbapi.OperationalError, match="57014"):
            await cursor.fetchone()

    run(server.url, main)
