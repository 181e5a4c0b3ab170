"""Continuous queries: every event arrives once, waiting disturbs nobody, and every end is told."""

from __future__ import annotations

import asyncio
import gc
import itertools
import os
import signal
import threading
import time
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from wire import Proxy

import ignite_dbapi
import ignite_dbapi.aio
from ignite_dbapi.errors import Error, OperationalError, ProgrammingError
from ignite_dbapi.keyvalue import AioClient, Client, GenericObjectMeta
from ignite_dbapi.keyvalue.datatypes import LongObject, String
from ignite_dbapi.keyvalue.events import CacheEvent, CacheEventType
from ignite_dbapi.protocol.codec.values import BinaryObject

_numbers = itertools.count(1)

CREATED, UPDATED, REMOVED, EXPIRED = CacheEventType


@pytest.fixture
def client(node: Any) -> Iterator[Client]:
    with Client().connect(*node.addresses[0]) as client:
        yield client


@pytest.fixture
def cache(client: Client) -> Iterator[Any]:
    cache = client.get_or_create_cache(f"events {next(_numbers)}")
    yield cache
    cache.destroy()


@pytest.fixture
def elsewhere(node: Any, cache: Any) -> Iterator[Any]:
    """The same cache through another connection."""
    with Client().connect(*node.addresses[0]) as other:
        yield other.get_cache(cache.name)


def told(events: list[CacheEvent]) -> list[tuple[CacheEventType, Any, Any, Any]]:
    return [(event.type, event.key, event.value, event.old_value) for event in events]


def test_every_type_of_event(cache: Any, elsewhere: Any) -> None:
    cache.put("before", 0)
    with cache.continuous_query(include_expired=True) as query:
        elsewhere.put(1, "a")
        elsewhere.put(1, "b")
        elsewhere.remove_key(1)
        elsewhere.with_expire_policy(create=timedelta(milliseconds=100)).put(2, "c")
        assert told([query.next_event(60) for _ in range(5)]) == [
            (CREATED, 1, "a", None),
            (UPDATED, 1, "b", "a"),
            (REMOVED, 1, None, "b"),
            (CREATED, 2, "c", None),
            (EXPIRED, 2, None, "c"),
        ]
        assert query.next_event(0) is None
        assert query.next_event(0.05) is None


def test_the_first_change_is_told(cache: Any) -> None:
    # A server that has much else to do answers before it passes events on, and drops those in between.
    for number in range(60):
        with cache.continuous_query() as query:
            cache.put(number, "a")
            event = query.next_event(20)
            assert event is not None
            assert event.key == number


def test_expiry_is_told_of_only_if_asked_for(cache: Any) -> None:
    with cache.continuous_query() as query:
        cache.with_expire_policy(create=timedelta(milliseconds=50)).put(1, "a")
        assert told([query.next_event(60)]) == [(CREATED, 1, "a", None)]
        while cache.get(1) is not None:
            time.sleep(0.05)
        cache.put(2, "b")
        assert told([query.next_event(60)]) == [(CREATED, 2, "b", None)]


def test_changes_by_sql(client: Client) -> None:
    client.sql('CREATE TABLE told (id INT PRIMARY KEY, name VARCHAR) WITH "cache_name=told,value_type=Told"')
    try:
        with client.get_cache("told").continuous_query() as query:
            client.sql("INSERT INTO told VALUES (1, 'Ann'), (2, 'Bob')")
            client.sql("UPDATE told SET name = 'Eve' WHERE id = 2")
            client.sql("DELETE FROM told WHERE id = 1")
            events = [query.next_event(60) for _ in range(4)]
        assert sorted((event.key, event.value.NAME) for event in events[:2]) == [(1, "Ann"), (2, "Bob")]
        assert (events[2].type, events[2].value.NAME, events[2].old_value.NAME) == (UPDATED, "Eve", "Bob")
        assert (events[3].type, events[3].key, events[3].value) == (REMOVED, 1, None)
    finally:
        client.sql("DROP TABLE told")


class Person(metaclass=GenericObjectMeta, type_name="PersonOfEvents", schema={"name": String, "age": LongObject}):
    pass


def test_objects_of_a_class_that_the_listener_never_saw(node: Any, cache: Any, elsewhere: Any) -> None:
    # Reading them needs their schema, which is asked for while the query waits.
    with cache.continuous_query() as query:
        elsewhere.put(1, Person(name="Ann", age=30))
        event = query.next_event(60)
        assert (event.value.name, event.value.age) == ("Ann", 30)


@pytest.mark.parametrize("options", [{}, {"page_size": 64, "time_interval": 0.05}])
def test_none_is_lost_under_load(node: Any, cache: Any, options: dict[str, Any]) -> None:
    keys = range(4000)
    with cache.continuous_query(**options) as query:

        def change(part: int) -> None:
            with Client().connect(*node.addresses[0]) as other:
                mine = other.get_cache(cache.name)
                own = keys[part::4]
                for start in range(0, len(own), 50):
                    mine.put_all(dict.fromkeys(own[start : start + 50], "first"))
                for key in own[:100]:
                    mine.put(key, "second")
                    mine.remove_key(key)

        threads = [threading.Thread(target=change, args=(part,)) for part in range(4)]
        for thread in threads:
            thread.start()
        events: list[CacheEvent] = []
        while len(events) < len(keys) + 800:
            event = query.next_event(10)
            assert event is not None, f"{len(events)} events came"
            events.append(event)
        for thread in threads:
            thread.join()
        assert query.next_event(0.2) is None
    counts = Counter(event.type for event in events)
    assert counts == {CREATED: len(keys), UPDATED: 400, REMOVED: 400}
    assert {event.key for event in events if event.type is CREATED} == set(keys)
    order: dict[int, list[CacheEventType]] = {}
    for event in events:
        order.setdefault(event.key, []).append(event.type)
    assert {tuple(types) for types in order.values()} == {(CREATED,), (CREATED, UPDATED, REMOVED)}


def test_waiting_is_not_limited_by_the_request_timeout(node: Any, cache: Any) -> None:
    with Client(timeout=2).connect(*node.addresses[0]) as impatient:
        mine = impatient.get_cache(cache.name)
        with mine.continuous_query() as query:
            started = time.monotonic()
            threading.Timer(5, cache.put, (1, "a")).start()
            assert query.next_event().value == "a"
            assert time.monotonic() - started > 3
        assert mine.get(1) == "a"


@pytest.mark.parametrize("count", [1, 3])
def test_others_use_the_connection_meanwhile(cache: Any, client: Client, count: int) -> None:
    with cache.continuous_query() as query:
        seen: list[CacheEvent] = []

        def listen() -> None:
            seen.extend(query)

        listeners = [threading.Thread(target=listen) for _ in range(count)]
        for listener in listeners:
            listener.start()
        for number in range(200):
            cache.put(number, number)
            assert cache.get(number) == number
        assert client.sql("SELECT COUNT(*) FROM SYSTEM_RANGE(1, 100)").__next__() == [100]
        deadline = time.monotonic() + 60
        while len(seen) < 200 and time.monotonic() < deadline:
            time.sleep(0.01)
    for listener in listeners:
        listener.join(60)
        assert not listener.is_alive(), "close() wakes whoever waits"
    assert sorted(event.key for event in seen) == list(range(200))


def test_a_request_of_another_thread_times_out_all_the_same(node: Any, cache: Any) -> None:
    held = threading.Event()

    def hold(number: int, frame: bytes) -> bytes | None:
        if held.is_set():
            time.sleep(10)
        return frame

    with Proxy(node.addresses[0], hold) as proxy:
        connection = ignite_dbapi.connect(proxy.url, request_timeout=2)
        query = connection.cache(cache.name).continuous_query()
        failures: list[Error] = []

        def listen() -> None:
            try:
                query.next_event()
            except Error as error:
                failures.append(error)

        listener = threading.Thread(target=listen)
        listener.start()
        time.sleep(0.2)
        held.set()
        started = time.monotonic()
        with pytest.raises(OperationalError, match="within request_timeout") as timeout:
            connection.execute("SELECT 1")
        assert 1.9 < time.monotonic() - started < 8
        assert timeout.value.is_connection_lost
        listener.join(60)
        assert [error.is_connection_lost for error in failures] == [True]
        connection.close()


def test_over_tls(secured: Any) -> None:
    with ignite_dbapi.connect(secured.url) as other:
        other.execute("CREATE TABLE IF NOT EXISTS watched (id INT PRIMARY KEY, v INT)")
        with (
            ignite_dbapi.connect(secured.url, request_timeout=2) as connection,
            connection.cache("SQL_PUBLIC_WATCHED").continuous_query() as query,
        ):
            seen: list[CacheEvent] = []
            listener = threading.Thread(target=lambda: seen.extend(query))
            listener.start()
            time.sleep(3)
            for number in range(50):
                other.execute("INSERT INTO watched VALUES (?, ?)", (number, number))
                assert connection.execute("SELECT 1").fetchone() == (1,)
            deadline = time.monotonic() + 60
            while len(seen) < 50 and time.monotonic() < deadline:
                time.sleep(0.01)
        listener.join(60)
        assert not listener.is_alive()
        assert sorted(event.key for event in seen) == list(range(50))
        other.execute("DROP TABLE watched")


def test_interrupted_wait_leaves_the_connection_usable(cache: Any) -> None:
    handler = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with cache.continuous_query() as query:

            def wait_until_interrupted() -> None:
                threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGINT)).start()
                query.next_event(60)

            for _ in range(3):
                with pytest.raises(KeyboardInterrupt):
                    wait_until_interrupted()
                cache.put(1, "a")
                assert query.next_event(60).value == "a"
    finally:
        signal.signal(signal.SIGINT, handler)


def test_lost_connection(node: Any, cache: Any) -> None:
    with Proxy(node.addresses[0]) as proxy:
        connection = ignite_dbapi.connect(proxy.url)
        query = connection.cache(cache.name).continuous_query()
        cache.put(1, "a")
        assert query.next_event(60).key == 1
    with pytest.raises(OperationalError) as lost:
        query.next_event()
    assert lost.value.is_connection_lost
    with pytest.raises(OperationalError):
        query.next_event()
    query.close()
    connection.close()


def test_closed_client(node: Any, cache: Any) -> None:
    client = Client().connect(*node.addresses[0])
    query = client.get_cache(cache.name).continuous_query()
    threading.Timer(0.2, client.close).start()
    with pytest.raises(Error, match="closed"):
        query.next_event(10)


def test_slow_reader(cache: Any, elsewhere: Any) -> None:
    with cache.continuous_query(buffer_limit=20_000) as query:
        elsewhere.put(0, "first")
        for number in range(1, 100):
            elsewhere.put(number, "x" * 1000)
        cache.get(0)  # reads what came before the answer
        seen: list[Any] = []
        with pytest.raises(OperationalError, match="more than 20000 bytes wait") as overflow:
            seen.extend(event.key for event in query)
        assert overflow.value.code == "notifications_overflow"
        assert seen == list(range(len(seen)))
        assert 10 < len(seen) < 25
        assert not overflow.value.is_connection_lost
    assert cache.get(0) == "first"


def test_callback(cache: Any, capfd: pytest.CaptureFixture[str]) -> None:
    seen: list[CacheEvent] = []
    errors: list[BaseException] = []
    done = threading.Event()

    def on_event(event: CacheEvent) -> None:
        seen.append(event)
        if event.key == 1:
            raise ValueError("not this one")
        if event.key == 3:
            done.set()

    query = cache.continuous_query(on_event, on_error=errors.append)
    (thread,) = [thread for thread in threading.enumerate() if thread.name == "ignite_dbapi continuous query"]
    assert thread.daemon
    for key in range(4):
        cache.put(key, "a")
    assert done.wait(60)
    query.close()
    query.close()
    thread.join(60)
    assert not thread.is_alive()
    assert [event.key for event in seen] == [0, 1, 2, 3]
    assert [str(error) for error in errors] == ["not this one"]
    assert query.is_closed


@pytest.mark.filterwarnings("error::pytest.PytestUnhandledThreadExceptionWarning")
def test_callback_whose_errors_nobody_handles(cache: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    reported: list[Any] = []
    monkeypatch.setattr(threading, "excepthook", reported.append)
    with cache.continuous_query(lambda event: 1 // event.value):
        cache.put(1, 0)
        cache.put(2, 0)
        deadline = time.monotonic() + 60
        while len(reported) < 2 and time.monotonic() < deadline:
            time.sleep(0.01)
    assert [arguments.exc_type for arguments in reported] == [ZeroDivisionError] * 2


def test_callback_learns_that_the_connection_is_lost(node: Any, cache: Any) -> None:
    errors: list[Any] = []
    with Proxy(node.addresses[0]) as proxy:
        connection = ignite_dbapi.connect(proxy.url)
        connection.cache(cache.name).continuous_query(print, on_error=errors.append)
        (thread,) = [thread for thread in threading.enumerate() if thread.name == "ignite_dbapi continuous query"]
    thread.join(60)
    assert not thread.is_alive()
    assert [error.is_connection_lost for error in errors] == [True]
    connection.close()


@pytest.mark.usefixtures("fast_collection")
def test_closing_frees_the_server(cache: Any) -> None:
    # One connection may have 128 cursors, which a query counts as.
    for _ in range(130):
        cache.continuous_query().close()
    queries = [cache.continuous_query() for _ in range(70)]
    del queries
    gc.collect()
    for _ in range(70):
        cache.continuous_query()
        gc.collect()


def test_wrong_arguments(cache: Any) -> None:
    for options in ({"page_size": 0}, {"time_interval": -1}, {"buffer_limit": 0}):
        with pytest.raises(ProgrammingError, match=str(next(iter(options.values())))):
            cache.continuous_query(**options)
    assert cache.get(1) is None


def test_missing_cache(client: Client) -> None:
    with pytest.raises(Error, match="Cache does not exist"):
        client.get_cache("nowhere").continuous_query()


def test_remote_filter(java_node: Any) -> None:
    with Client().connect(*java_node.addresses[0]) as client:
        cache = client.get_or_create_cache("filtered")
        with cache.continuous_query(event_filter=BinaryObject("tests.Above", {"limit": 10})) as query:
            for value in (5, 11, 10, 12):
                cache.put("k", value)
            assert [query.next_event(60).value for _ in range(2)] == [11, 12]
            assert query.next_event(0.1) is None


def test_asyncio(node: Any, cache: Any) -> None:
    async def main() -> None:
        async with AioClient().connect(*node.addresses[0]) as client:
            mine = await client.get_cache(cache.name)
            async with mine.continuous_query() as query:
                assert await query.next_event(0.05) is None
                await mine.put(1, "a")
                await mine.remove_key(1)
                assert told([await query.next_event(60) for _ in range(2)]) == [
                    (CREATED, 1, "a", None),
                    (REMOVED, 1, None, "a"),
                ]
                # A wait that is cancelled loses nothing.
                received, cancelled = [], 0
                for number in range(50):
                    waiting = asyncio.create_task(query.next_event())
                    await asyncio.sleep(0)
                    waiting.cancel()
                    await mine.put(number, "b")
                    (outcome,) = await asyncio.gather(waiting, return_exceptions=True)
                    if isinstance(outcome, asyncio.CancelledError):
                        cancelled += 1
                    else:
                        # It had an event before it could be cancelled.
                        received.append(outcome.key)
                while len(received) < 50:
                    received.append((await query.next_event(60)).key)
                assert received == list(range(50))
                assert cancelled > 0

                keys = []

                async def listen() -> None:
                    async for event in query:
                        keys.append(event.key)

                listener = asyncio.create_task(listen())
                await asyncio.gather(*(mine.put(number, "c") for number in range(100, 600)))
                while len(keys) < 500:
                    await asyncio.sleep(0.01)
            await asyncio.wait_for(listener, 60)
            assert sorted(keys) == list(range(100, 600))

    asyncio.run(asyncio.wait_for(main(), 60))


def test_asyncio_callbacks(node: Any, cache: Any) -> None:
    async def main() -> None:
        async with AioClient().connect(*node.addresses[0]) as client:
            mine = await client.get_cache(cache.name)
            seen: list[Any] = []
            errors: list[BaseException] = []
            reported: list[dict[str, Any]] = []

            async def on_event(event: CacheEvent) -> None:
                await asyncio.sleep(0)
                seen.append(event.key)
                if event.key == 1:
                    raise ValueError("not this one")

            asyncio.get_running_loop().set_exception_handler(lambda _, context: reported.append(context))
            async with (
                mine.continuous_query(on_event, on_error=errors.append),
                mine.continuous_query(lambda event: 1 // 0),
            ):
                for key in range(3):
                    await mine.put(key, "a")
                while len(seen) < 3 or len(reported) < 3:
                    await asyncio.sleep(0.01)
            assert seen == [0, 1, 2]
            assert [str(error) for error in errors] == ["not this one"]
            assert [type(context["exception"]) for context in reported] == [ZeroDivisionError] * 3
        assert asyncio.all_tasks() == {asyncio.current_task()}

    asyncio.run(main())


def test_asyncio_lost_connection_and_slow_reader(node: Any, cache: Any) -> None:
    async def main() -> None:
        with Proxy(node.addresses[0]) as proxy:
            connection = await ignite_dbapi.aio.connect(proxy.url)
            mine = connection.cache(cache.name)
            slow = await mine.continuous_query(buffer_limit=2000)
            query = await mine.continuous_query()
            for number in range(50):
                await mine.put(number, "x" * 100)

            async def listen() -> None:
                async for event in slow:
                    assert event.value == "x" * 100

            with pytest.raises(OperationalError, match="more than 2000 bytes wait"):
                await listen()
            for number in range(50):
                assert (await query.next_event(60)).key == number
        with pytest.raises(OperationalError) as lost:
            await query.next_event(10)
        assert lost.value.is_connection_lost
        await query.close()
        await connection.close()

    asyncio.run(asyncio.wait_for(main(), 60))
