"""Caches as a program uses them, blocking and with asyncio: every method, hints, what is refused."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

import ignite_dbapi
from ignite_dbapi.keyvalue import AioClient
from ignite_dbapi.keyvalue.datatypes import (
    CharObject,
    ExpiryPolicy,
    IntObject,
    ShortObject,
    String,
)
from ignite_dbapi.keyvalue.datatypes.cache_config import CacheAtomicityMode, CacheMode
from ignite_dbapi.keyvalue.datatypes.key_value import PeekModes
from ignite_dbapi.keyvalue.datatypes.prop_codes import (
    PROP_BACKUPS_NUMBER,
    PROP_CACHE_ATOMICITY_MODE,
    PROP_CACHE_MODE,
    PROP_EXPIRY_POLICY,
    PROP_NAME,
)
from ignite_dbapi.keyvalue.exceptions import CacheCreationError, CacheError, ParameterError, ParseError
from ignite_dbapi.keyvalue.utils import cache_id


def test_one_entry(cache: Any) -> None:
    assert cache.get("key") is None
    cache.put("key", 42)
    assert cache.get("key") == 42
    assert (cache.contains_key("key"), cache.contains_key("other")) == (True, False)
    assert (cache.get_and_put("key", 43), cache.get_and_put("new", 1)) == (42, None)
    assert (cache.get_and_replace("key", 44), cache.get_and_replace("none", 1)) == (43, None)
    assert (cache.replace("key", 45), cache.replace("none", 1)) == (True, False)
    assert (cache.put_if_absent("key", 1), cache.put_if_absent("absent", 2)) == (False, True)
    assert (cache.get_and_put_if_absent("key", 1), cache.get_and_put_if_absent("absent 2", 3)) == (45, None)
    assert (cache.replace_if_equals("key", 0, 1), cache.replace_if_equals("key", 45, 46)) == (False, True)
    assert (cache.remove_if_equals("key", 0), cache.remove_if_equals("key", 46)) == (False, True)
    assert (cache.get_and_remove("absent"), cache.get_and_remove("absent")) == (2, None)
    assert (cache.remove_key("new"), cache.remove_key("new")) == (True, False)
    cache.clear_key("absent 2")
    assert cache.get_size() == 0


def test_many_entries(cache: Any) -> None:
    cache.put_all({f"key {number}": number for number in range(2000)})
    assert cache.get_size() == 2000
    assert cache.get_all(["key 1", "key 1999", "none"]) == {"key 1": 1, "key 1999": 1999}
    assert (cache.contains_keys(["key 1", "key 2"]), cache.contains_keys(["key 1", "none"])) == (True, False)
    cache.remove_keys(["key 1", "key 2"])
    cache.clear_keys(["key 3"])
    cache.clear(["key 4"])
    cache.clear([])
    assert cache.get_size() == 1996
    assert cache.get_size(PeekModes.PRIMARY) == cache.get_size([PeekModes.PRIMARY, PeekModes.BACKUP]) == 1996
    cache.remove_all()
    assert cache.get_size() == 0
    cache.put_all([("pair", 1)])
    cache.clear()
    assert cache.get_all(["pair"]) == {}


def test_hints(cache: Any) -> None:
    cache.put("my key", 42, value_hint=ShortObject)
    cache.put("a", 1)
    cache.put("a", 2, key_hint=CharObject)
    assert (cache.get("a"), cache.get("a", key_hint=CharObject), cache.get("a", CharObject)) == (1, 2, 2)
    cache.put_all({(7, IntObject): ("seven", String), 7: "long seven"})
    assert cache.get_all([(7, IntObject)]) == {7: "seven"}
    assert cache.replace_if_equals(7, ("seven", String), "7", key_hint=IntObject)
    assert cache.get(7, IntObject) == "7"
    cache.remove_keys(["a", ("a", CharObject)])
    assert cache.get_size() == 3
    # The number 42 is a SHORT there, which a LONG does not equal.
    assert not cache.remove_if_equals("my key", 42)
    assert cache.remove_if_equals("my key", 42, sample_hint=ShortObject)
    with pytest.raises(ParseError):
        cache.put(1, 70_000, value_hint=ShortObject)
    with pytest.raises(ParameterError, match="no type hint"):
        cache.put(1, 1, value_hint="ShortObject")


def test_names(client: Any, make_cache: Callable[..., Any]) -> None:
    cache = make_cache()
    assert cache.cache_id == cache.cache_info.cache_id == cache_id(cache.name)
    assert cache.name in client.get_cache_names()
    assert cache.name in repr(cache)
    unicode = client.get_or_create_cache("кэш \N{GRINNING FACE}")
    try:
        unicode.put("ключ", "значение \N{GRINNING FACE}")
        assert client.get_cache("кэш \N{GRINNING FACE}").get("ключ") == "значение \N{GRINNING FACE}"
    finally:
        unicode.destroy()
    with pytest.raises(CacheError, match=r"Cache does not exist \[cacheId="):
        unicode.get("ключ")


def test_creating(client: Any, make_cache: Callable[..., Any]) -> None:
    cache = make_cache({PROP_CACHE_MODE: CacheMode.REPLICATED, PROP_EXPIRY_POLICY: ExpiryPolicy(create=2000)})
    with pytest.raises(CacheCreationError, match="same name") as refused:
        client.create_cache(cache.name)
    assert isinstance(refused.value, ignite_dbapi.ProgrammingError)
    same = client.get_or_create_cache({PROP_NAME: cache.name, PROP_BACKUPS_NUMBER: 3})
    settings = same.settings
    assert (settings[PROP_NAME], settings[PROP_CACHE_MODE]) == (cache.name, CacheMode.REPLICATED)
    assert settings[PROP_EXPIRY_POLICY] == ExpiryPolicy(create=2000)
    assert client.get_cache({PROP_NAME: cache.name}).settings == settings
    for wrong in (None, "", {}, {PROP_CACHE_MODE: 1}):
        with pytest.raises(ParameterError, match="You should supply at least cache name"):
            client.create_cache(wrong)
    with pytest.raises(ParameterError, match="Only cache name"):
        client.get_cache({PROP_NAME: "x", PROP_CACHE_MODE: 1})
    with pytest.raises(ParameterError, match=r"9999.*is no property"):
        client.create_cache({PROP_NAME: "x", 9999: 1})
    with pytest.raises(ParameterError, match=r"cache_mode.*7.*REPLICATED \(1\)"):
        client.create_cache({PROP_NAME: "x", PROP_CACHE_MODE: 7})


def test_expiry(cache: Any) -> None:
    short = cache.with_expire_policy(create=timedelta(seconds=3))
    eternal = cache.with_expire_policy(ExpiryPolicy(create=ExpiryPolicy.ETERNAL))
    short.put("short", 1)
    eternal.put("eternal", 1)
    cache.put("plain", 1)
    assert short.get_size() == 3
    deadline = time.monotonic() + 60
    while cache.contains_key("short") and time.monotonic() < deadline:
        time.sleep(0.05)
    assert cache.get_all(["short", "eternal", "plain"]) == {"eternal": 1, "plain": 1}
    with pytest.raises(ValueError, match="-3"):
        cache.with_expire_policy(create=-3)


def test_scans(cache: Any) -> None:
    entries = {f"key {number}": number for number in range(3000)}
    cache.put_all(entries)
    scan = cache.scan()
    first = next(scan)
    assert dict([first, *scan]) == entries
    with cache.scan(page_size=7) as cursor:
        for _ in range(20):
            next(cursor)
        assert cursor.more
        assert (cursor.cursor_id or 0) > 0
    assert list(cursor) == []
    assert not cursor.more
    assert dict(cache.scan(3, -1, True)) == entries
    of_partitions = [dict(cache.scan(partitions=number)) for number in range(1024)]
    assert sum(map(len, of_partitions)) == 3000
    with pytest.raises(CacheError, match="page size of 0"):
        cache.scan(page_size=0)


def test_scan_of_nothing(client: Any, cache: Any) -> None:
    assert list(cache.scan()) == []
    with pytest.raises(CacheError, match="Cache does not exist"):
        client.get_cache("no such cache").scan()


def test_processors(cache: Any) -> None:
    with pytest.raises(CacheError):
        # There is no such class on the server.
        cache.invoke("key", "no processor")


def test_local_peek(cache: Any) -> None:
    cache.put("key", "value")
    assert (cache.local_peek("key"), cache.local_peek("other")) == ("value", None)


def test_destroyed_while_used(cache: Any) -> None:
    cache.put(1, 1)
    cache.destroy()
    with pytest.raises(CacheError, match="Cache does not exist") as refused:
        cache.put(1, 1)
    assert refused.value.status == 1000


def test_timeouts_of_asyncio(server: Any, client_arguments: dict[str, Any]) -> None:
    async def work() -> None:
        client = AioClient(**client_arguments)
        async with client.connect(server.addresses):
            cache = await client.get_or_create_cache(
                {PROP_NAME: "timeouts", PROP_CACHE_ATOMICITY_MODE: CacheAtomicityMode.TRANSACTIONAL}
            )
            await cache.put(1, 1, timeout=5)
            assert await cache.get(1, timeout=5) == 1
            other = AioClient(**client_arguments)
            async with other.connect(server.addresses):
                theirs = await other.get_cache("timeouts")
                async with client.tx_start():
                    await cache.put(1, 2)
                    started = time.monotonic()
                    with pytest.raises(TimeoutError):
                        await theirs.put(1, 3, timeout=0.2)
                    assert time.monotonic() - started < 5
                # The connection is as good as before.
                assert await theirs.get_size(timeout=5) == 1
            await cache.destroy()

    asyncio.run(work())


def test_iterating_before_opening(server: Any, client_arguments: dict[str, Any]) -> None:
    async def work() -> None:
        client = AioClient(**client_arguments)
        async with client.connect(server.addresses):
            cache = await client.get_or_create_cache("not opened")
            with pytest.raises(CacheError, match="await it"):
                async for _ in cache.scan():
                    pass
            assert [row async for row in await cache.scan()] == []
            await cache.destroy()

    asyncio.run(work())
