"""What a connection leaves open on the server: nothing, however its statements end."""

from __future__ import annotations

import gc
import threading
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from wire import Proxy

import ignite_dbapi

# More than twice what one connection may have open.
FAILURES = 300
FAILING = {
    "h2 division": ("SELECT 1 / (x - x) FROM SYSTEM_RANGE(1, 3)", "h2", None),
    "h2 division by row": ("SELECT id / v FROM {table}", "h2", None),
    "h2 cast by row": ("SELECT CAST(s AS INT) FROM {table}", "h2", None),
    "calcite division": ("SELECT id / v FROM {table}", "calcite", None),
    "calcite constant": ("SELECT 1 / 0", "calcite", None),
    "h2 parse error": ("SELECT nothing FROM {table}", "h2", None),
    "calcite parse error": ("SELECT nothing FROM {table}", "calcite", None),
}


@pytest.fixture
def rows(table: Callable[..., str], connection: Any) -> str:
    name = table("id INT PRIMARY KEY, v INT, s VARCHAR")
    connection.cursor().executemany(f"INSERT INTO {name} VALUES (?, 0, 'x')", [(i,) for i in range(5)])
    return name


def open_cursors(connection: Any) -> int:
    """How many cursors the connection has open, by trying how many more it may open."""
    cursors = []
    try:
        while True:
            cursor = connection.cursor()
            cursor.execute("SELECT x FROM SYSTEM_RANGE(1, 100)", page_size=1)
            cursors.append(cursor)
    except ignite_dbapi.OperationalError as error:
        assert error.code == "too_many_cursors"  # noqa: PT017
    count = 128 - len(cursors)
    for cursor in cursors:
        cursor.close()
    return count


@pytest.mark.parametrize("case", FAILING)
def test_failing_queries(connection: Any, rows: str, case: str) -> None:
    sql, engine, _ = FAILING[case]
    cursor = connection.cursor()
    kinds = Counter()
    for _ in range(FAILURES):
        with pytest.raises(ignite_dbapi.DatabaseError) as caught:
            cursor.execute(sql.format(table=rows), query_engine=engine)
        kinds[caught.value.code] += 1
    assert kinds == {None: FAILURES}
    assert cursor.execute("SELECT 1").fetchone() == (1,)
    assert open_cursors(connection) == 0


def test_timeouts(connection: Any) -> None:
    cursor = connection.cursor()
    for _ in range(140):
        with pytest.raises(ignite_dbapi.OperationalError, match="cancelled"):
            cursor.execute("SELECT COUNT(*) FROM SYSTEM_RANGE(1, 100000) a, SYSTEM_RANGE(1, 100000) b", timeout=0.01)
    assert open_cursors(connection) == 0


@pytest.mark.parametrize("engine", ["h2", "calcite"])
def test_failures_in_threads_that_share_a_connection(connection: Any, rows: str, engine: str) -> None:
    kinds: Counter[Any] = Counter()
    good: Counter[Any] = Counter()

    def work(number: int) -> None:
        cursor = connection.cursor()
        for i in range(60):
            try:
                cursor.execute(f"SELECT id / v FROM {rows}", query_engine=engine)
            except ignite_dbapi.DatabaseError as error:
                kinds[error.code] += 1
            if number % 4 == 0:
                cursor.execute("SELECT x FROM SYSTEM_RANGE(1, ?)", [i + 1], page_size=10)
                good[len(cursor.fetchall()) == i + 1] += 1

    run_threads(work, 8)
    assert kinds == {None: 480}
    assert good == {True: 120}
    assert open_cursors(connection) == 0


def test_half_read_cursors(connection: Any) -> None:
    for number in range(300):
        cursor = connection.cursor()
        cursor.execute("SELECT x FROM SYSTEM_RANGE(1, 100)", page_size=5)
        if number % 3:
            assert cursor.fetchmany(number % 12) == [(x,) for x in range(1, number % 12 + 1)]
        cursor.close()
    assert open_cursors(connection) == 0


def test_executing_again_gives_the_old_result_up(connection: Any) -> None:
    cursor = connection.cursor()
    for _ in range(300):
        cursor.execute("SELECT x FROM SYSTEM_RANGE(1, 100)", page_size=5)
        cursor.fetchone()
    cursor.execute("SELECT 1")
    assert open_cursors(connection) == 0


def test_garbage_collected_cursors(connection: Any) -> None:
    for number in range(300):
        cursor = connection.execute("SELECT x FROM SYSTEM_RANGE(1, 100)", page_size=5)
        if number % 2:
            cursor.fetchmany(7)
        if number % 50 == 0:
            cycle = [cursor]
            cycle.append(cycle)  # only the collector finds these
    del cursor, cycle
    gc.collect()
    connection.execute("SELECT 1")
    connection.ping()
    assert open_cursors(connection) == 0


def test_too_many_cursors_is_said(node: Any) -> None:
    with ignite_dbapi.connect(node.url) as connection:
        cursors = [connection.execute("SELECT x FROM SYSTEM_RANGE(1, 9)", page_size=1) for _ in range(128)]
        with pytest.raises(ignite_dbapi.OperationalError, match="Too many open cursors") as caught:
            connection.execute("SELECT 1")
        assert (caught.value.status, caught.value.code) == (1010, "too_many_cursors")
        cursors.pop().close()
        assert connection.execute("SELECT 1").fetchone() == (1,)
        assert [len(cursor.fetchall()) for cursor in cursors] == [9] * 127


def test_dml_and_full_results_close_nothing(node: Any, table: Callable[..., str]) -> None:
    name = table("id INT PRIMARY KEY, v INT")
    with Proxy(node.addresses[0]) as proxy, ignite_dbapi.connect(proxy.url) as connection:
        cursor = connection.cursor()
        cursor.executemany(f"INSERT INTO {name} VALUES (?, ?)", [(i, i) for i in range(50)])
        cursor.execute(f"SELECT * FROM {name}").fetchall()
        with pytest.raises(ignite_dbapi.IntegrityError):
            cursor.execute(f"INSERT INTO {name} VALUES (1, 1)")
        cursor.close()
        assert set(proxy.requests) == {2004}


def test_threads_sharing_a_connection(node: Any, table: Callable[..., str]) -> None:
    name = table("id INT PRIMARY KEY, owner INT, v VARCHAR")
    with ignite_dbapi.connect(node.url) as connection:
        heavy_mix(connection, name)


def heavy_mix(connection: Any, name: str, threads: int = 8, rounds: int = 12) -> None:
    """Each thread writes and reads rows of its own, in pages, with failures and half-read cursors between."""

    def work(number: int) -> None:
        first = number * 100_000
        with connection.cursor() as cursor:
            for i in range(rounds):
                start = first + i * 100
                sets = [(start + k, number, f"{number}-{i}-{k}" * (k % 5)) for k in range(40)]
                assert cursor.executemany(f"INSERT INTO {name} VALUES (?, ?, ?)", sets).rowcount == 40
                cursor.execute(
                    f"SELECT id, owner, v FROM {name} WHERE id >= ? AND id < ?", [start, start + 100], page_size=7
                )
                assert sorted(cursor.fetchall()) == sets
                other = connection.execute("SELECT x FROM SYSTEM_RANGE(?, ?)", [first, first + 50], page_size=3)
                assert other.fetchmany(5) == [(first + x,) for x in range(5)]
                try:
                    cursor.execute(f"SELECT id / 0 FROM {name} WHERE id = ?", [start])
                except ignite_dbapi.DataError:
                    pass
                else:
                    raise AssertionError
                assert cursor.execute(f"DELETE FROM {name} WHERE id = ?", [start]).rowcount == 1
                assert cursor.execute(f"UPDATE {name} SET v = ? WHERE id = ?", ["new", start + 1]).rowcount == 1
                assert other.fetchone() == (first + 5,)
                if i % 2:
                    other.close()

    run_threads(work, threads)
    cursor = connection.cursor()
    cursor.execute(f"SELECT owner, COUNT(*), SUM(CASE WHEN v = 'new' THEN 1 ELSE 0 END) FROM {name} GROUP BY owner")
    assert sorted(cursor.fetchall()) == [(number, 39 * rounds, rounds) for number in range(threads)]


def run_threads(work: Callable[[int], None], count: int) -> None:
    errors: list[BaseException] = []

    def guarded(number: int) -> None:
        try:
            work(number)
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=guarded, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(100)
    assert not any(thread.is_alive() for thread in threads)
    if errors:
        raise errors[0]
