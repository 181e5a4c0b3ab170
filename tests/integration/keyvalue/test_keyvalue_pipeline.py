"""Pipelines: many operations under way, in order where it matters, with every error where it belongs."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
from wire import Proxy

import ignite_dbapi
from ignite_dbapi.keyvalue import AioClient, Client, GenericObjectMeta
from ignite_dbapi.keyvalue.datatypes import IntObject, String
from ignite_dbapi.keyvalue.datatypes.cache_config import CacheAtomicityMode
from ignite_dbapi.keyvalue.datatypes.prop_codes import PROP_CACHE_ATOMICITY_MODE, PROP_NAME
from ignite_dbapi.keyvalue.exceptions import CacheError, ConnectionFailure, ParseError
from ignite_dbapi.keyvalue.monitoring import QueryEventListener

NAME = "pipelined"


@pytest.fixture
def blocking(server: Any, client_arguments: dict[str, Any]) -> Iterator[Client]:
    with Client(**client_arguments).connect(server.addresses) as client:
        client.get_or_create_cache({PROP_NAME: NAME, PROP_CACHE_ATOMICITY_MODE: CacheAtomicityMode.TRANSACTIONAL})
        yield client
        client.get_cache(NAME).destroy()


@pytest.fixture
def cache(blocking: Client) -> Any:
    return blocking.get_cache(NAME)


class Watched(Proxy):
    """Counts how many requests are under way at once.

    Answers are held back until as many requests are *awaited*: on a busy machine each could be answered before the next
    one comes.
    """

    def __init__(self, target: tuple[str, int]) -> None:
        super().__init__(target, self._answered)
        self.most = 0
        self.awaited = 1

    def _answered(self, number: int, frame: bytes) -> bytes:
        # The first answer is that to the handshake, which is no request here.
        answered = max(number - 1, 0)
        until = time.monotonic() + 30
        while True:
            self.most = max(self.most, len(self.requests) - answered)
            if not number or self.most >= self.awaited:
                return frame
            if time.monotonic() > until:
                self.awaited = 1  # they will not come: the test is to fail, and not to hang
            time.sleep(0.001)

    @property
    def address(self) -> tuple[str, int]:
        address: tuple[str, int] = self._listener.getsockname()[:2]
        return address


# --- what comes of it -----------------------------------------------------------------------------------------


def test_outcomes(cache: Any) -> None:
    with cache.pipeline() as pipeline:
        puts = [pipeline.put(number, f"value {number}") for number in range(200)]
        gets = [pipeline.get(number) for number in range(201)]
    assert all(put.is_done and put.result() is None for put in puts)
    assert [get.result() for get in gets] == [*(f"value {number}" for number in range(200)), None]
    assert cache.get_size() == 200


def test_every_operation(cache: Any) -> None:
    with cache.pipeline() as pipeline:
        done = [
            pipeline.put_if_absent(1, "a"),
            pipeline.put_if_absent(1, "b"),
            pipeline.get_and_put(1, "c"),
            pipeline.get_and_put_if_absent(1, "d"),
            pipeline.get_and_put_if_absent(2, "e"),
            pipeline.get_and_replace(2, "f"),
            pipeline.replace(3, "g"),
            pipeline.replace(2, "h"),
            pipeline.replace_if_equals(2, "x", "i"),
            pipeline.replace_if_equals(2, "h", "j"),
            pipeline.contains_key(2),
            pipeline.get_and_remove(2),
            pipeline.remove_key(2),
            pipeline.remove_if_equals(1, "x"),
            pipeline.remove_if_equals(1, "c"),
            pipeline.put(4, "k"),
            pipeline.clear_key(4),
            pipeline.contains_key(4),
        ]
    assert [each.result() for each in done] == [
        True, False, "a", "c", None, "e", False, True, False, True, True, "j", False, False, True, None, None, False,
    ]  # fmt: skip
    assert cache.get_size() == 0


def test_operations_on_one_key_keep_their_order(cache: Any) -> None:
    with cache.pipeline() as pipeline:
        seen = []
        for number in range(300):
            pipeline.put("key", number)
            pipeline.put(("other", String), number)
            seen.append(pipeline.get("key"))
            seen.append(pipeline.get("key"))
    assert [get.result() for get in seen] == [number for number in range(300) for _ in range(2)]
    assert (cache.get("key"), cache.get("other")) == (299, 299)


def test_keys_are_told_apart_as_the_cluster_does(cache: Any) -> None:
    with cache.pipeline() as pipeline:
        for number in range(50):
            pipeline.put(1, number)
            pipeline.put(1, f"int {number}", key_hint=IntObject)
            pipeline.put((1, IntObject), number, value_hint=IntObject)
            pipeline.put(1.0, number + 0.5)
    assert (cache.get(1), cache.get(1, key_hint=IntObject), cache.get(1.0), cache.get_size()) == (49, 49, 49.5, 3)


def test_objects_as_keys(cache: Any) -> None:
    place = GenericObjectMeta("PipelinedPlace", (), {}, schema={"x": IntObject, "y": String})
    with cache.pipeline() as pipeline:
        for number in range(60):
            pipeline.put(place(x=number % 3, y="here"), number)
    assert [cache.get(place(x=number, y="here")) for number in range(3)] == [57, 58, 59]


def test_outcomes_can_be_waited_for_on_the_way(cache: Any) -> None:
    with cache.pipeline() as pipeline:
        first = pipeline.put(1, "a")
        second = pipeline.get(1)
        third = pipeline.get(2)
        assert second.result() == "a"
        assert first.result() is None
        pipeline.sync()
        assert third.is_done
        assert third.exception() is None
        # The cache itself is as usable as ever.
        pipeline.put(3, "c")
        cache.put(4, "d")
        assert pipeline.get(3).result() == "c"
        assert cache.get(4) == "d"


# --- how many at once -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("window", [1, 3, 64])
def test_windows_are_kept(blocking: Client, server: Any, client_arguments: dict[str, Any], window: int) -> None:
    with (
        Watched(server.addresses[0]) as proxy,
        Client(partition_aware=False, heartbeat_interval=0, **client_arguments).connect(*proxy.address) as client,
    ):
        cache = client.get_cache(NAME)
        cache.get(0)
        proxy.most, proxy.awaited = 0, window
        with cache.pipeline(window) as pipeline:
            for number in range(500):
                pipeline.get(number)
        assert proxy.most == window
        proxy.most, proxy.awaited = 0, 1
        with cache.pipeline(window) as pipeline:
            for number in range(100):
                pipeline.put("one", number)
        assert proxy.most == 1


@pytest.mark.parametrize("window", [0, -1, 65, 1.5, True, None])
def test_windows_that_are_none(cache: Any, window: Any) -> None:
    with pytest.raises(ignite_dbapi.Error, match="1 to 64 can be") as caught:
        cache.pipeline(window)
    assert caught.value.code == "invalid_window"


def test_requests_that_fill_the_buffers(cache: Any) -> None:
    values = [bytes([number]) * 30_000 for number in range(100)]
    with cache.pipeline() as pipeline:
        for number, value in enumerate(values):
            pipeline.put(number, value)
        found = [pipeline.get(number) for number in range(100)]
    assert [get.result() for get in found] == values


# --- errors ---------------------------------------------------------------------------------------------------


def test_the_first_error_is_raised_at_the_end(cache: Any, blocking: Client) -> None:
    with pytest.raises(ParseError, match="cannot be sent"), cache.pipeline() as pipeline:  # noqa: PT012
        pipeline.put(1, "a")
        failed = pipeline.put(2, object())
        pipeline.put(3, complex(1, 1))
        last = pipeline.put(4, "d")
    assert isinstance(failed.exception(), ParseError)
    assert last.result() is None
    assert cache.get_all([1, 2, 3, 4]) == {1: "a", 4: "d"}
    missing = blocking.get_cache("there is no such cache")
    with pytest.raises(CacheError, match="does not exist"), missing.pipeline() as pipeline:  # noqa: PT012
        pipeline.get(1)
        pipeline.put(2, "b")


def test_errors_that_were_looked_at_are_not_raised_again(cache: Any) -> None:
    with cache.pipeline() as pipeline:
        failed = pipeline.put(2, object())
        assert isinstance(failed.exception(), ParseError)
        with pytest.raises(ParseError):
            failed.result()
        pipeline.put(1, "a")
    assert cache.get(1) == "a"
    with pytest.raises(ParseError):
        failed.result()


def test_an_error_of_the_program_comes_first(cache: Any) -> None:
    with pytest.raises(ZeroDivisionError), cache.pipeline() as pipeline:  # noqa: PT012
        put = pipeline.put(1, "a")
        pipeline.put(2, object())
        _ = 1 / 0
    # What was started is done all the same.
    assert put.is_done
    assert cache.get(1) == "a"


def test_hints_that_do_not_fit_are_told_at_once(cache: Any) -> None:
    with cache.pipeline() as pipeline:
        with pytest.raises(ignite_dbapi.Error, match="is no type hint"):
            pipeline.put(1, "a", key_hint=int)
        with pytest.raises(ParseError):
            pipeline.put(2**31, "a", key_hint=IntObject).result()


def test_nothing_follows_the_end(cache: Any) -> None:
    with cache.pipeline() as pipeline:
        pipeline.put(1, "a")
    with pytest.raises(ignite_dbapi.Error, match="pipeline has ended") as caught:
        pipeline.put(1, "b")
    assert caught.value.code == "pipeline_ended"
    assert cache.get(1) == "a"


def test_a_lost_connection_fails_what_is_under_way(
    blocking: Client, server: Any, client_arguments: dict[str, Any]
) -> None:
    answers = 0

    def change(number: int, frame: bytes) -> bytes | None:
        nonlocal answers
        answers += 1
        return frame if answers <= 20 else None

    with (
        Proxy(server.addresses[0], change) as proxy,
        Client(partition_aware=False, heartbeat_interval=0, **client_arguments) as client,
    ):
        client.connect(*proxy._listener.getsockname()[:2])
        cache = client.get_cache(NAME)
        with pytest.raises(ConnectionFailure, match="lost"), cache.pipeline() as pipeline:
            puts = [pipeline.put(number, "a") for number in range(60)]
        outcomes = [put.exception() for put in puts]
        lost = [isinstance(each, ConnectionFailure) for each in outcomes]
        # Those that were answered have succeeded; the connection answered once to the handshake.
        assert 10 <= lost.count(False) <= 20
        assert lost.count(True) >= 40


def test_answers_that_came_before_the_connection_was_lost(
    blocking: Client, server: Any, client_arguments: dict[str, Any]
) -> None:
    """They are read even if the loss shows when the next request is sent."""
    was_closed = threading.Event()

    def change(number: int, frame: bytes) -> bytes | None:
        # The handshake and 15 of the first 16 that are sent; nothing on further connections.
        if number < 16 and not was_closed.is_set():
            return frame
        was_closed.set()
        return None

    with (
        Proxy(server.addresses[0], change) as proxy,
        Client(partition_aware=False, heartbeat_interval=0, **client_arguments) as client,
    ):
        client.connect(*proxy._listener.getsockname()[:2])
        cache = client.get_cache(NAME)
        with cache.pipeline() as pipeline:
            puts = [pipeline.put(number, "a") for number in range(16)]
            assert was_closed.wait(10)
            time.sleep(0.1)
            # The first group tells the client's system that nobody listens any more, the second one the client.
            for number in range(16, 64):
                puts.append(pipeline.put(number, "a"))
                time.sleep(0.002)
            errors = [put.exception() for put in puts]
    assert errors[:16].count(None) == 15
    assert None not in errors[16:]


# --- transactions ---------------------------------------------------------------------------------------------


def test_transactions_have_all_answers_before_they_end(blocking: Client, cache: Any) -> None:
    cache.put_all({1: "before", 2: "before"})
    with cache.pipeline() as pipeline:
        outside = pipeline.get(1)
        with blocking.tx_start() as transaction:
            inside = [pipeline.put(1, number) for number in range(20)]
            inside.append(pipeline.put(2, "within"))
            assert all(put.is_done for put in inside)
            assert pipeline.get(1).result() == 19
            transaction.rollback()
        with blocking.tx_start() as transaction:
            pipeline.put(2, "committed")
            transaction.commit()
        after = pipeline.get(1)
    assert (outside.result(), after.result(), cache.get(2)) == ("before", "before", "committed")


def test_caches_of_connections(blocking: Client, server: Any) -> None:
    with ignite_dbapi.connect(server.url) as connection:
        cache = connection.cache(NAME)
        with cache.pipeline() as pipeline:
            for number in range(100):
                pipeline.put(number, str(number))
            gets = [pipeline.get(number) for number in range(100)]
        assert [get.result() for get in gets] == [str(number) for number in range(100)]
        connection.autocommit = False
        with cache.pipeline() as pipeline:
            pipeline.put(0, "changed")
            pipeline.put(1, "changed")
        connection.rollback()
        assert (cache.get(0), cache.get(1)) == ("0", "1")
        connection.rollback()


# --- beside other things --------------------------------------------------------------------------------------


def test_listeners_are_told(server: Any, client_arguments: dict[str, Any], blocking: Client) -> None:
    told: list[str] = []

    class Listener(QueryEventListener):
        def on_query_start(self, event: Any) -> None:
            told.append(f"start {event.op_name}")

        def on_query_success(self, event: Any) -> None:
            told.append(f"success {event.op_name}")

    with Client(event_listeners=[Listener()], partition_aware=False, **client_arguments) as client:
        client.connect(server.addresses)
        with client.get_cache(NAME).pipeline() as pipeline:
            pipeline.get(1)
            pipeline.get(2)
    assert told == ["start OP_CACHE_GET"] * 2 + ["success OP_CACHE_GET"] * 2


# --- asyncio --------------------------------------------------------------------------------------------------


def test_asyncio(blocking: Client, server: Any, client_arguments: dict[str, Any]) -> None:
    async def main() -> None:
        async with AioClient(**client_arguments).connect(server.addresses) as client:
            cache = await client.get_cache(NAME)
            async with cache.pipeline(16) as pipeline:
                for number in range(100):
                    await pipeline.put(number, number)
                    await pipeline.put("one", number)
                gets = [await pipeline.get(number) for number in range(100)]
                assert await gets[50] == 50
            assert [await get for get in gets] == list(range(100))
            assert await cache.get("one") == 99
            with pytest.raises(ParseError):  # noqa: PT012
                async with cache.pipeline() as pipeline:
                    failed = await pipeline.put(1, object())
                    await pipeline.put(2, "b")
            with pytest.raises(ParseError):
                await failed
            assert await cache.get(2) == "b"

    asyncio.run(main())


def test_many_tasks_at_once(blocking: Client, server: Any, client_arguments: dict[str, Any]) -> None:
    async def main() -> None:
        async with AioClient(**client_arguments).connect(server.addresses) as client:
            cache = await client.get_cache(NAME)
            values = [bytes([number]) * (30_000 if number % 3 else 3) for number in range(200)]
            await asyncio.gather(*(cache.put(number, value) for number, value in enumerate(values)))
            assert await asyncio.gather(*(cache.get(number) for number in range(200))) == values
            # One that is cancelled takes its own waiting along, and nobody else's.
            tasks = [asyncio.create_task(cache.get(number)) for number in range(200)]
            await asyncio.sleep(0)
            for task in tasks[::2]:
                task.cancel()
            outcomes = await asyncio.gather(*tasks, return_exceptions=True)
            assert outcomes[1::2] == values[1::2]
            assert all(isinstance(each, asyncio.CancelledError) for each in outcomes[::2])
            assert await cache.get(0) == values[0]

    asyncio.run(main())


def test_waiting_can_be_given_up(blocking: Client, server: Any, client_arguments: dict[str, Any]) -> None:
    async def main() -> None:
        async with AioClient(**client_arguments).connect(server.addresses) as client:
            cache = await client.get_cache(NAME)
            blocker = blocking.tx_start()
            blocking.get_cache(NAME).put("locked", 0)
            async with cache.pipeline() as pipeline:
                waiting = await pipeline.put("locked", 1)
                other = await pipeline.put("free", 1)
                with pytest.raises(TimeoutError):
                    async with asyncio.timeout(0.3):
                        await waiting
                with pytest.raises(TimeoutError):
                    async with asyncio.timeout(0.3):
                        await pipeline.put("locked", 2)
                assert await other is None
                assert not waiting.is_done
                blocker.commit()
                last = await pipeline.put("locked", 3)
            assert (await waiting, await last) == (None, None)
            assert await cache.get("locked") == 3

    asyncio.run(main())
