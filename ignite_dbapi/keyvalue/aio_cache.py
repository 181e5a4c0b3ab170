"""Caches, as asyncio programs use them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeVar

from ignite_dbapi.keyvalue.cache import PAGE_SIZE, BaseCache
from ignite_dbapi.keyvalue.cursors import AioScanCursor, AioSqlCursor
from ignite_dbapi.keyvalue.events import AioContinuousQuery, CacheEvent
from ignite_dbapi.keyvalue.index_queries import AioIndexCursor, AioPartitionScanCursor, Criterion, value_type_of
from ignite_dbapi.keyvalue.owners import AwaitingOwner
from ignite_dbapi.keyvalue.pipeline import WINDOW, AioPipeline
from ignite_dbapi.keyvalue.streamer import AioDataStreamer
from ignite_dbapi.protocol.exchange import NOTIFICATIONS_LIMIT, Operation
from ignite_dbapi.protocol.messages.cache import ConflictEntry, EntryVersion, InvokeOutcome

T = TypeVar("T")


class AioCache(BaseCache):
    """A cache, made by ``get_cache``, ``create_cache`` or ``get_or_create_cache`` of an :class:`AioClient`.

    Its methods are those of :class:`Cache`, and take a *timeout* in seconds, after which TimeoutError is raised.
    0 is none. What a change that was given up has done is not known.
    """

    _owner: AwaitingOwner

    async def _within(self, timeout: float, operation: Operation[T]) -> T:
        if not timeout:
            return await self._owner._run(operation)
        async with asyncio.timeout(timeout):
            return await self._owner._run(operation)

    async def settings(self, timeout: float = 0) -> dict[int, Any]:
        """The properties of the cache by their codes (``PROP_...``), as the server told them when first asked."""
        return await self._within(timeout, self._configuration())

    async def destroy(self, timeout: float = 0) -> None:
        """Remove the cache with all that it holds."""
        await self._within(timeout, self._destroy())

    async def get(self, key: Any, key_hint: Any = None, timeout: float = 0) -> Any:
        """The value of *key*, or None."""
        return await self._within(timeout, self._get(key, key_hint))

    async def put(self, key: Any, value: Any, key_hint: Any = None, value_hint: Any = None, timeout: float = 0) -> None:
        """Set the value of *key*."""
        await self._within(timeout, self._put(key, value, key_hint, value_hint))

    async def get_all(self, keys: Iterable[Any], timeout: float = 0) -> dict[Any, Any]:
        """The values of those *keys* that have one, by key."""
        return await self._within(timeout, self._get_all(keys))

    async def put_all(self, pairs: Mapping[Any, Any] | Iterable[tuple[Any, Any]], timeout: float = 0) -> None:
        """Set the values of many keys at once."""
        await self._within(timeout, self._put_all(pairs))

    async def replace(
        self, key: Any, value: Any, key_hint: Any = None, value_hint: Any = None, timeout: float = 0
    ) -> bool:
        """Set the value of *key* if it has one; tells whether it was set."""
        return await self._within(timeout, self._replace(key, value, key_hint, value_hint))

    async def clear(self, keys: Iterable[Any] | None = None, timeout: float = 0) -> None:
        """Drop all entries, or those of *keys*, without telling listeners and stores."""
        await self._within(timeout, self._clear(keys))

    async def clear_key(self, key: Any, key_hint: Any = None, timeout: float = 0) -> None:
        """Drop the entry of *key*, without telling listeners and stores."""
        await self._within(timeout, self._clear_key(key, key_hint))

    async def clear_keys(self, keys: Iterable[Any], timeout: float = 0) -> None:
        """Drop the entries of *keys*, without telling listeners and stores."""
        await self._within(timeout, self._clear_keys(keys))

    async def contains_key(self, key: Any, key_hint: Any = None, timeout: float = 0) -> bool:
        """Whether *key* has a value."""
        return await self._within(timeout, self._contains_key(key, key_hint))

    async def contains_keys(self, keys: Iterable[Any], timeout: float = 0) -> bool:
        """Whether all of *keys* have a value."""
        return await self._within(timeout, self._contains_keys(keys))

    async def get_and_put(
        self, key: Any, value: Any, key_hint: Any = None, value_hint: Any = None, timeout: float = 0
    ) -> Any:
        """Set the value of *key*; returns the one before, or None."""
        return await self._within(timeout, self._get_and_put(key, value, key_hint, value_hint))

    async def get_and_put_if_absent(
        self, key: Any, value: Any, key_hint: Any = None, value_hint: Any = None, timeout: float = 0
    ) -> Any:
        """Set the value of *key* if it has none; returns the one that it has, or None."""
        return await self._within(timeout, self._get_and_put_if_absent(key, value, key_hint, value_hint))

    async def put_if_absent(
        self, key: Any, value: Any, key_hint: Any = None, value_hint: Any = None, timeout: float = 0
    ) -> bool:
        """Set the value of *key* if it has none; tells whether it was set."""
        return await self._within(timeout, self._put_if_absent(key, value, key_hint, value_hint))

    async def get_and_remove(self, key: Any, key_hint: Any = None, timeout: float = 0) -> Any:
        """Remove *key*; returns its value, or None."""
        return await self._within(timeout, self._get_and_remove(key, key_hint))

    async def get_and_replace(
        self, key: Any, value: Any, key_hint: Any = None, value_hint: Any = None, timeout: float = 0
    ) -> Any:
        """Set the value of *key* if it has one; returns the one before, or None."""
        return await self._within(timeout, self._get_and_replace(key, value, key_hint, value_hint))

    async def remove_key(self, key: Any, key_hint: Any = None, timeout: float = 0) -> bool:
        """Remove *key*; tells whether it had a value."""
        return await self._within(timeout, self._remove_key(key, key_hint))

    async def remove_keys(self, keys: Iterable[Any], timeout: float = 0) -> None:
        """Remove *keys*."""
        await self._within(timeout, self._remove_keys(keys))

    async def remove_all(self, timeout: float = 0) -> None:
        """Remove every entry, and tell listeners and stores."""
        await self._within(timeout, self._remove_all())

    async def remove_if_equals(
        self, key: Any, sample: Any, key_hint: Any = None, sample_hint: Any = None, timeout: float = 0
    ) -> bool:
        """Remove *key* if it has the value *sample*; tells whether it was removed."""
        return await self._within(timeout, self._remove_if_equals(key, sample, key_hint, sample_hint))

    async def replace_if_equals(
        self,
        key: Any,
        sample: Any,
        value: Any,
        key_hint: Any = None,
        sample_hint: Any = None,
        value_hint: Any = None,
        timeout: float = 0,
    ) -> bool:
        """Set the value of *key* if it has the value *sample*; tells whether it was set."""
        return await self._within(
            timeout, self._replace_if_equals(key, sample, value, key_hint, sample_hint, value_hint)
        )

    async def get_size(self, peek_modes: int | Sequence[int] | None = None, timeout: float = 0) -> int:
        """The number of entries, each counted once, or as *peek_modes* say: ``PeekModes``, one or a list of them."""
        return await self._within(timeout, self._get_size(peek_modes))

    async def local_peek(self, key: Any, key_hint: Any = None, timeout: float = 0) -> Any:
        """The value of *key* if the node that is asked holds it in memory, or None."""
        return await self._within(timeout, self._local_peek(key, key_hint))

    async def invoke(
        self, key: Any, processor: Any, arguments: Sequence[Any] = (), key_hint: Any = None, timeout: float = 0
    ) -> Any:
        """Run *processor*, an object of a Java class that the servers have, on an entry; returns its result."""
        return await self._within(timeout, self._invoke(key, processor, arguments, key_hint))

    async def invoke_all(
        self, keys: Iterable[Any], processor: Any, arguments: Sequence[Any] = (), timeout: float = 0
    ) -> list[InvokeOutcome]:
        """Run *processor* on the entry of each of *keys*; returns key, value and error for each."""
        return await self._within(timeout, self._invoke_all(keys, processor, arguments))

    async def put_all_conflict(self, entries: Iterable[ConflictEntry], timeout: float = 0) -> None:
        """Set entries as another cluster has them, with their versions there."""
        await self._within(timeout, self._put_all_conflict(entries))

    async def remove_all_conflict(self, keys: Iterable[tuple[Any, EntryVersion]], timeout: float = 0) -> None:
        """Remove keys that another cluster has removed, with the versions of that."""
        await self._within(timeout, self._remove_all_conflict(keys))

    def pipeline(self, window: int = WINDOW) -> AioPipeline:
        """Operations on entries that are sent without waiting for each answer, in an ``async with`` block.

        *window* is how many may be under way at once, 64 at most. See :class:`AioPipeline`.
        """
        return AioPipeline(self, window)

    def scan(self, page_size: int = PAGE_SIZE, partitions: int | None = -1, local: bool = False) -> AioScanCursor:
        """All entries, as an asynchronous iterator of pairs (key, value); to be awaited, or entered."""
        return AioScanCursor(*self._scan_arguments(page_size, partitions, local))

    async def select_row(
        self,
        query_str: str,
        page_size: int = PAGE_SIZE,
        query_args: Iterable[Any] | None = None,
        distributed_joins: bool = False,
        replicated_only: bool = False,
        local: bool = False,
        timeout: int = 0,
    ) -> AioSqlCursor:
        """The entries behind the rows that a condition finds; see :meth:`Cache.select_row`."""
        query = {
            "condition": query_str,
            "arguments": query_args,
            "distributed_joins": distributed_joins,
            "replicated_only": replicated_only,
            "local": local,
            "timeout": timeout,
        }
        return await AioSqlCursor(*self._sql_arguments(await self.settings(), page_size, query))

    async def index_query(
        self,
        *criteria: Criterion,
        value_type: str | None = None,
        index_name: str | None = None,
        page_size: int = PAGE_SIZE,
        partition: int | None = None,
        local: bool = False,
        limit: int = 0,
        entry_filter: Any = None,
    ) -> AioIndexCursor:
        """The entries that an SQL index finds, in its order; see :meth:`Cache.index_query`."""
        options = {
            "page_size": page_size,
            "partition": partition,
            "local": local,
            "limit": limit,
            "entry_filter": self._value(entry_filter, None),
        }
        value_type = value_type or value_type_of(self.name, await self.settings())
        return await AioIndexCursor(self._owner, self._access, value_type, index_name, criteria, options)

    def scan_partitions(
        self,
        partitions: Iterable[int] | None = None,
        *,
        parallel: int = 8,
        page_size: int = PAGE_SIZE,
        entry_filter: Any = None,
    ) -> AioPartitionScanCursor:
        """The entries of partitions, read in parallel; see :meth:`Cache.scan_partitions`. To be awaited, or entered."""
        options = {
            "partitions": partitions,
            "parallel": parallel,
            "page_size": page_size,
            "entry_filter": self._value(entry_filter, None),
        }
        return AioPartitionScanCursor(self._owner, self._access, options)

    def continuous_query(
        self,
        on_event: Callable[[CacheEvent], Any] | None = None,
        *,
        on_error: Callable[[BaseException], Any] | None = None,
        page_size: int = 1,
        time_interval: float = 0,
        include_expired: bool = False,
        event_filter: Any = None,
        buffer_limit: int = NOTIFICATIONS_LIMIT,
    ) -> AioContinuousQuery:
        """What happens to the entries from now on; see :meth:`Cache.continuous_query`. To be awaited, or entered.

        *on_event* may be a coroutine function, and is called by a task. Without *on_error* the event loop's exception
        handler is told of errors.
        """
        return AioContinuousQuery(
            self._owner,
            self._access,
            on_event,
            on_error,
            page_size=page_size,
            time_interval=time_interval,
            include_expired=include_expired,
            event_filter=self._value(event_filter, None),
            buffer_limit=buffer_limit,
        )

    def streamer(
        self,
        *,
        allow_overwrite: bool = False,
        skip_store: bool = False,
        batch_size: int = 1024,
        window: int = 8,
        per_node_buffer: int | None = None,
        per_thread_buffer: int | None = None,
        receiver: Any = None,
    ) -> AioDataStreamer:
        """A streamer that loads entries into the cache; see :meth:`Cache.streamer`. To be awaited, or entered."""
        return AioDataStreamer(
            self._owner,
            self._access,
            allow_overwrite=allow_overwrite,
            skip_store=skip_store,
            batch_size=batch_size,
            window=window,
            per_node_buffer=per_node_buffer,
            per_thread_buffer=per_thread_buffer,
            receiver=self._value(receiver, None),
        )
