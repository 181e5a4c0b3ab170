"""Ctrl-C and cancelled tasks in the middle of something: nothing is lost, doubled, leaked or guessed."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import pytest

import ignite_dbapi
import ignite_dbapi.aio

SLOW = "SELECT COUNT(*) FROM SYSTEM_RANGE(1, 100000) a, SYSTEM_RANGE(1, 100000) b"


@pytest.fixture(scope="module")
def transactional(make_ignite_cluster: Callable[..., Any]) -> Any:
    return make_ignite_cluster(tx_aware=True)


def run(url: str, main: Callable[[Any], Awaitable[None]], **options: Any) -> None:
    async def connected() -> None:
        async with await ignite_dbapi.aio.connect(url, **options) as connection:
            await main(connection)

    asyncio.run(connected())


async def give_up(call: Awaitable[Any], seconds: float) -> bool:
    """Cancel *call* after some time; whether that was before its end."""
    task = asyncio.ensure_future(call)
    await asyncio.sleep(seconds)
    return task.cancel() and bool((await asyncio.gather(task, return_exceptions=True))[0])


async def is_free(connection: Any) -> bool:
    """Whether the connection has none of its 128 cursors open."""
    cursors = [await connection.execute("SELECT x FROM SYSTEM_RANGE(1, 9)", page_size=1) for _ in range(128)]
    rows = [await cursor.fetchall() for cursor in cursors]
    return [len(one) for one in rows] == [9] * 128


def test_tasks_cancelled_while_they_execute(node: Any) -> None:
    async def main(connection: Any) -> None:
        for number in range(30):
            cursor = connection.cursor()
            await give_up(cursor.execute("SELECT x FROM SYSTEM_RANGE(1, 5000)", page_size=7), 0.0005 * (number % 6))
            again = await cursor.execute("SELECT x FROM SYSTEM_RANGE(1, 20)", page_size=7)
            assert await again.fetchall() == [(x,) for x in range(1, 21)]
        await connection.ping()
        assert await is_free(connection)

    run(node.url, main)


@pytest.mark.parametrize("method", ["fetchone", "fetchmany", "fetchall"])
def test_rows_of_a_cancelled_fetch_come_later(node: Any, method: str) -> None:
    async def main(connection: Any) -> None:
        for number in range(25):
            cursor = await connection.execute("SELECT x FROM SYSTEM_RANGE(1, 3000)", page_size=11)
            cursor.arraysize = 500
            read: list[int] = []
            for _ in range(5):
                task = asyncio.ensure_future(getattr(cursor, method)())
                await asyncio.sleep(0.0004 * (number % 9))
                task.cancel()
                try:
                    rows = await task
                except asyncio.CancelledError:
                    continue
                read += [x for (x,) in ([rows] if method == "fetchone" else rows)]
            assert cursor.rownumber == len(read)
            read += [x for (x,) in await cursor.fetchall()]
            assert read == list(range(1, 3001))
        assert await is_free(connection)

    run(node.url, main)


def test_tasks_cancelled_within_a_batch(node: Any, table: Callable[..., str]) -> None:
    name = table("id INT PRIMARY KEY, v INT")

    async def main(connection: Any) -> None:
        cursor = connection.cursor()

        def sets() -> Iterator[tuple[int, int]]:
            for number in range(10**9):
                if number == 5000:
                    task.cancel()
                yield number, number

        task = asyncio.ensure_future(cursor.executemany(f"INSERT INTO {name} VALUES (?, ?)", sets()))
        with pytest.raises(asyncio.CancelledError):
            await task
        await connection.ping()
        # What was sent is written: a row of numbers without a gap, of which the cursor knows at least the first.
        deadline = time.monotonic() + 60
        while not all(pending.is_done for pending in connection._session.abandoned):
            assert time.monotonic() < deadline
            await asyncio.sleep(0.01)
        rows = await (await connection.execute(f"SELECT id FROM {name} ORDER BY id")).fetchall()
        assert [number for (number,) in rows] == list(range(len(rows)))
        # Four statements of 256 rows are under way at most.
        assert 5000 - 5 * 256 <= cursor.rowcount <= len(rows) <= cursor.rowcount + 4 * 256
        assert await is_free(connection)

    run(node.url, main)


def test_a_commit_that_is_given_up_is_never_guessed(transactional: Any) -> None:
    with ignite_dbapi.connect(transactional.url) as outside:
        outside.execute("DROP TABLE IF EXISTS interrupted")
        outside.execute('CREATE TABLE interrupted (id INT PRIMARY KEY, v INT) WITH "atomicity=transactional"')

        async def main() -> None:
            ends = set()
            for number in range(12):
                connection = await ignite_dbapi.aio.connect(transactional.url, autocommit=False)
                await connection.execute("INSERT INTO interrupted VALUES (?, ?)", (number * 2, 1))
                await connection.execute("INSERT INTO interrupted VALUES (?, ?)", (number * 2 + 1, 1))
                if await give_up(connection.commit(), 0.0004 * number):
                    ends.add("given up")
                    assert connection.closed
                    with pytest.raises(ignite_dbapi.OperationalError, match="outcome of what was under way") as caught:
                        await connection.execute("SELECT 1")
                    assert caught.value.is_connection_lost
                else:
                    ends.add("committed")
                    assert not connection.closed
                await connection.close()
            assert "given up" in ends

        asyncio.run(main())
        rows = outside.execute("SELECT id FROM interrupted").fetchall()
        # Both rows of a transaction or none.
        assert {number ^ 1 for (number,) in rows} == {number for (number,) in rows}
        outside.execute("DROP TABLE interrupted")


CTRL_C = """
import _thread, signal, sys, threading, time, ignite_dbapi
signal.signal(signal.SIGINT, signal.default_int_handler)
url, what = sys.argv[1:]
outcomes = set()
for number in range(25):
    connection = ignite_dbapi.connect(url)
    cursor = connection.execute("SELECT x FROM SYSTEM_RANGE(1, 3000)", page_size=11)
    timer = threading.Timer(0.001 * number, _thread.interrupt_main)
    read = []
    try:
        timer.start()
        if what == "fetch":
            while len(read) < 3000:
                read += cursor.fetchmany(500)
        else:
            while True:
                connection.execute("SELECT x FROM SYSTEM_RANGE(1, 50)", page_size=11).fetchmany(20)
        time.sleep(1)
    except KeyboardInterrupt:
        pass
    timer.join()
    try:
        if what == "fetch":
            before = len(read)
            read += cursor.fetchall()
            # An interrupt between the call's return and the addition may cost the rows of that call.
            assert [x for x, in read] == list(range(1, 3001)) or before % 500 == 0 and len(read) % 500 == 0, len(read)
        assert connection.execute("SELECT 42").fetchall() == [(42,)]
        outcomes.add("usable")
    except ignite_dbapi.OperationalError as error:
        assert error.is_connection_lost and connection.closed, error
        outcomes.add("closed")
    connection.close()
print(*sorted(outcomes))
"""


@pytest.mark.parametrize("what", ["fetch", "execute"])
def test_ctrl_c_at_any_moment(node: Any, what: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", CTRL_C, node.url, what], capture_output=True, text=True, timeout=100, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "closed" in done.stdout


CTRL_C_AMONG_THREADS = """
import faulthandler, os, random, signal, sys, threading, time
import ignite_dbapi
from ignite_dbapi import keyvalue

# A test run in the background has Ctrl-C ignored, and its children inherit that.
signal.signal(signal.SIGINT, signal.default_int_handler)
faulthandler.dump_traceback_later(80, exit=True)
host, port = sys.argv[1].rpartition("/")[2].split(":")
client = keyvalue.Client().connect(host, int(port))
cache = client.get_or_create_cache("ctrl-c")
for number in range(20):
    cache.put(number, "x" * number)
reads = [0, 0]
interrupts = 0
stop = threading.Event()

def read(place):
    number = random.randrange(20)
    try:
        value = cache.get(number)
    except ignite_dbapi.Error as error:
        assert error.is_connection_lost, error
    else:
        assert value == "x" * number, (number, value)
        reads[place] += 1

def beside():
    while not stop.is_set():
        read(1)

def interrupt():
    for number in range(600):
        time.sleep(random.random() * (0.01 if number % 3 else 0.001))
        os.kill(os.getpid(), signal.SIGINT)
        if number % 30 == 29:
            let_both_read()

def let_both_read():
    # However busy the machine is, only a lock that was left behind keeps one of them from it for so long.
    before = list(reads)
    deadline = time.monotonic() + 30
    while reads[0] == before[0] or reads[1] == before[1]:
        if time.monotonic() > deadline:
            print("no reads any more:", before, reads, file=sys.stderr)
            faulthandler.dump_traceback()
            os._exit(1)
        time.sleep(0.001)

def interrupted():
    global interrupts
    while interrupter.is_alive():
        try:
            while interrupter.is_alive():
                read(0)
        except KeyboardInterrupt:
            interrupts += 1

def repeat(action):
    # One more may come while another is counted.
    try:
        action()
    except KeyboardInterrupt:
        repeat(action)

reader = threading.Thread(target=beside, daemon=True)
interrupter = threading.Thread(target=interrupt, daemon=True)
reader.start()
repeat(lambda: repeat(lambda: (interrupter.ident or interrupter.start(), interrupted())))
stop.set()
reader.join()
assert cache.get(7) == "x" * 7
client.close()
assert interrupts > 20 and min(reads) > 5, (interrupts, reads)
print("done")
"""


def test_ctrl_c_leaves_no_lock_behind(node: Any) -> None:
    # Connecting again takes locks, which a thread that is interrupted must let go.
    done = subprocess.run(
        [sys.executable, "-c", CTRL_C_AMONG_THREADS, node.url], capture_output=True, text=True, timeout=100, check=False
    )
    # Python itself tells of interrupts that it met in callbacks of its own.
    assert (done.returncode, done.stdout) == (0, "done\n"), done.stderr
