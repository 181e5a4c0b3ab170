"""Caches, as blocking programs use them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import timedelta
from typing import Any, Final, TypeVar

import attrs

from ignite_dbapi.cluster.cluster import ANYWHERE, Entry, OnSession, Target
from ignite_dbapi.keyvalue.cursors import ScanCursor, SqlCursor
from ignite_dbapi.keyvalue.datatypes.conversion import PLAIN
from ignite_dbapi.keyvalue.datatypes.expiry_policy import ExpiryPolicy
from ignite_dbapi.keyvalue.datatypes.prop_codes import PROP_QUERY_ENTITIES
from ignite_dbapi.keyvalue.events import CacheEvent, ContinuousQuery
from ignite_dbapi.keyvalue.exceptions import NotSupportedByClusterError, SQLError
from ignite_dbapi.keyvalue.index_queries import Criterion, IndexCursor, PartitionScanCursor, value_type_of
from ignite_dbapi.keyvalue.owners import BlockingOwner, Owner
from ignite_dbapi.keyvalue.pipeline import WINDOW, Pipeline
from ignite_dbapi.keyvalue.settings import cache_properties
from ignite_dbapi.keyvalue.streamer import DataStreamer
from ignite_dbapi.operations import cache as operations
from ignite_dbapi.operations.cache import CacheAccess
from ignite_dbapi.protocol.exchange import NOTIFICATIONS_LIMIT, Operation
from ignite_dbapi.protocol.messages.cache import ConflictEntry, EntryVersion, InvokeOutcome, PeekMode
from ignite_dbapi.protocol.messages.cache_configuration import VERSION_WITH_EXPIRY_POLICY

T = TypeVar("T")
CacheT = TypeVar("CacheT", bound="BaseCache")

# Entries per answer of a scan. It has no effect on what comes out.
PAGE_SIZE: Final = 1024


class BaseCache:
    """What a cache knows without asking the server, and its operations without waiting for them."""

    _owner: Owner

    def __init__(self, client: Any, name: str, expiry_policy: ExpiryPolicy | None = None) -> None:
        self._owner = client
        self._access = CacheAccess(name, expiry=expiry_policy)
        self._entry_id = self._access.cache_id
        self._settings: dict[int, Any] | None = None

    @property
    def name(self) -> str:
        """The name of the cache."""
        return self._access.name

    @property
    def cache_id(self) -> int:
        """The number that follows from the name."""
        return self._access.cache_id

    @property
    def client(self) -> Any:
        """The client that the cache is used through, or the connection of the DB-API."""
        return self._owner._public

    @property
    def cache_info(self) -> CacheAccess:
        """How the cache is used: name, id and expiry policy."""
        return self._access

    def with_expire_policy(
        self: CacheT,
        expiry_policy: ExpiryPolicy | None = None,
        create: int | timedelta = ExpiryPolicy.UNCHANGED,
        update: int | timedelta = ExpiryPolicy.UNCHANGED,
        access: int | timedelta = ExpiryPolicy.UNCHANGED,
    ) -> CacheT:
        """The cache, with a time to live for entries that are created, updated or read through the returned object.

        Either *expiry_policy*, or times in milliseconds or as ``timedelta``. NotSupportedByClusterError before
        protocol version 1.6.0.
        """
        if expiry_policy is None:
            expiry_policy = ExpiryPolicy(create=create, update=update, access=access)
        version = self._owner._protocol_version
        if version is not None and version < VERSION_WITH_EXPIRY_POLICY:
            raise NotSupportedByClusterError(
                "the server does not know expiry policies, which came with protocol version 1.6.0",
                code="no_expiry_policy",
            )
        return type(self)(self._owner, self.name, expiry_policy)

    # --- operations ---------------------------------------------------------------------------------------------

    def _use(
        self, operation: Callable[..., Operation[T]], *arguments: Any, is_idempotent: bool = False, **options: Any
    ) -> Operation[T]:
        """*operation* on the cache as a whole."""
        access, target = self._joined()
        if options:
            return self._owner._call(
                lambda session: operation(session, access, *arguments, **options), target, is_idempotent=is_idempotent
            )
        return self._owner._call(operation, target, arguments=(access, *arguments), is_idempotent=is_idempotent)

    def _use_entry(
        self,
        operation: Callable[..., Operation[T]],
        key: Any,
        key_hint: Any,
        *values: Any,
        is_idempotent: bool = False,
    ) -> Operation[T]:
        """*operation* on the entry of *key*."""
        owner = self._owner
        if key_hint is not None or type(key) not in PLAIN:
            key = owner.conversion.value(key, key_hint)
        if owner._current_transaction() is not None:
            return self._use(operation, key, *values, is_idempotent=is_idempotent)
        target, arguments = Entry(self._entry_id, key), (self._access, key, *values)
        return owner._call(operation, target, arguments=arguments, is_idempotent=is_idempotent)

    def _joined(self) -> tuple[CacheAccess, Target]:
        """The cache in the current transaction, and where that is; or just the cache."""
        transaction = self._owner._current_transaction()
        if transaction is None:
            return self._access, ANYWHERE
        return attrs.evolve(self._access, transaction=transaction), OnSession(transaction.session)

    def _value(self, value: Any, hint: Any) -> Any:
        if hint is None and type(value) in PLAIN:
            return value
        return self._owner.conversion.value(value, hint)

    def _keys(self, keys: Iterable[Any]) -> list[Any]:
        return self._owner.conversion.keys(keys)

    def _configuration(self) -> Operation[dict[int, Any]]:
        if self._settings is None:
            name = self.name
            configuration = yield from self._owner._call(
                lambda session: operations.get_configuration(session, name), self._joined()[1], is_idempotent=True
            )
            self._settings = cache_properties(configuration)
        return self._settings

    def _destroy(self) -> Operation[None]:
        name = self.name
        return self._owner._call(lambda session: operations.destroy(session, name), self._joined()[1])

    def _get(self, key: Any, key_hint: Any) -> Operation[Any]:
        return self._use_entry(operations.get, key, key_hint, is_idempotent=True)

    def _get_all(self, keys: Iterable[Any]) -> Operation[dict[Any, Any]]:
        return dict((yield from self._use(operations.get_all, self._keys(keys), is_idempotent=True)))

    def _put(self, key: Any, value: Any, key_hint: Any, value_hint: Any) -> Operation[None]:
        return self._use_entry(operations.put, key, key_hint, self._value(value, value_hint))

    def _put_all(self, pairs: Mapping[Any, Any] | Iterable[tuple[Any, Any]]) -> Operation[None]:
        entries = pairs if isinstance(pairs, Mapping) else dict(pairs)
        return self._use(operations.put_all, self._owner.conversion.pairs(entries))

    def _put_if_absent(self, key: Any, value: Any, key_hint: Any, value_hint: Any) -> Operation[bool]:
        return self._use_entry(operations.put_if_absent, key, key_hint, self._value(value, value_hint))

    def _get_and_put(self, key: Any, value: Any, key_hint: Any, value_hint: Any) -> Operation[Any]:
        return self._use_entry(operations.get_and_put, key, key_hint, self._value(value, value_hint))

    def _get_and_put_if_absent(self, key: Any, value: Any, key_hint: Any, value_hint: Any) -> Operation[Any]:
        return self._use_entry(operations.get_and_put_if_absent, key, key_hint, self._value(value, value_hint))

    def _get_and_replace(self, key: Any, value: Any, key_hint: Any, value_hint: Any) -> Operation[Any]:
        return self._use_entry(operations.get_and_replace, key, key_hint, self._value(value, value_hint))

    def _get_and_remove(self, key: Any, key_hint: Any) -> Operation[Any]:
        return self._use_entry(operations.get_and_remove, key, key_hint)

    def _replace(self, key: Any, value: Any, key_hint: Any, value_hint: Any) -> Operation[bool]:
        return self._use_entry(operations.replace, key, key_hint, self._value(value, value_hint))

    def _replace_if_equals(
        self, key: Any, sample: Any, value: Any, key_hint: Any, sample_hint: Any, value_hint: Any
    ) -> Operation[bool]:
        values = self._value(sample, sample_hint), self._value(value, value_hint)
        return self._use_entry(operations.replace_if_equals, key, key_hint, *values)

    def _contains_key(self, key: Any, key_hint: Any) -> Operation[bool]:
        return self._use_entry(operations.contains_key, key, key_hint, is_idempotent=True)

    def _contains_keys(self, keys: Iterable[Any]) -> Operation[bool]:
        return self._use(operations.contains_keys, self._keys(keys), is_idempotent=True)

    def _remove_key(self, key: Any, key_hint: Any) -> Operation[bool]:
        return self._use_entry(operations.remove_key, key, key_hint)

    def _remove_keys(self, keys: Iterable[Any]) -> Operation[None]:
        return self._use(operations.remove_keys, self._keys(keys))

    def _remove_if_equals(self, key: Any, sample: Any, key_hint: Any, sample_hint: Any) -> Operation[bool]:
        return self._use_entry(operations.remove_if_equals, key, key_hint, self._value(sample, sample_hint))

    def _remove_all(self) -> Operation[None]:
        return self._use(operations.remove_all)

    def _clear(self, keys: Iterable[Any] | None) -> Operation[None]:
        return self._use(operations.clear) if keys is None else self._clear_keys(keys)

    def _clear_key(self, key: Any, key_hint: Any) -> Operation[None]:
        return self._use_entry(operations.clear_key, key, key_hint)

    def _clear_keys(self, keys: Iterable[Any]) -> Operation[None]:
        return self._use(operations.clear_keys, self._keys(keys))

    def _get_size(self, peek_modes: int | Sequence[int] | None) -> Operation[int]:
        modes = () if peek_modes is None else (peek_modes,) if isinstance(peek_modes, int) else tuple(peek_modes)
        return self._use(operations.get_size, [PeekMode(mode) for mode in modes], is_idempotent=True)

    def _local_peek(self, key: Any, key_hint: Any) -> Operation[Any]:
        return self._use_entry(operations.local_peek, key, key_hint, is_idempotent=True)

    def _invoke(self, key: Any, processor: Any, arguments: Sequence[Any], key_hint: Any) -> Operation[Any]:
        values = self._value(processor, None), self._keys(arguments)
        return self._use_entry(operations.invoke, key, key_hint, *values)

    def _invoke_all(
        self, keys: Iterable[Any], processor: Any, arguments: Sequence[Any]
    ) -> Operation[list[InvokeOutcome]]:
        values = self._keys(keys), self._value(processor, None), self._keys(arguments)
        return self._use(operations.invoke_all, *values)

    def _put_all_conflict(self, entries: Iterable[ConflictEntry]) -> Operation[None]:
        converted = [
            attrs.evolve(entry, key=self._value(entry.key, None), value=self._value(entry.value, None))
            for entry in entries
        ]
        return self._use(operations.put_all_conflict, converted)

    def _remove_all_conflict(self, keys: Iterable[tuple[Any, EntryVersion]]) -> Operation[None]:
        return self._use(operations.remove_all_conflict, [(self._value(key, None), version) for key, version in keys])

    def _scan_arguments(
        self, page_size: int, partitions: int | None, local: bool
    ) -> tuple[Owner, CacheAccess, int, int | None, bool]:
        return self._owner, self._joined()[0], page_size, partitions, local

    def _sql_arguments(
        self, settings: Mapping[int, Any], page_size: int, query: dict[str, Any]
    ) -> tuple[Owner, CacheAccess, int, dict[str, Any]]:
        entities = settings[PROP_QUERY_ENTITIES]
        if not entities or not entities[0]["value_type_name"]:
            raise SQLError(
                f"the cache {self.name!r} has no query entity, so that SQL does not see its entries", code="no_table"
            )
        query["value_type"] = entities[0]["value_type_name"]
        query["arguments"] = self._keys(() if query["arguments"] is None else query["arguments"])
        return self._owner, self._joined()[0], page_size, query

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name!r} of {self.client!r}>"


class Cache(BaseCache):
    """A cache, made by ``get_cache``, ``create_cache`` or ``get_or_create_cache`` of a client.

    Keys and values are Python values. A hint is a class of :mod:`ignite_dbapi.keyvalue.datatypes`, for what is to be
    stored as another type than its Python type suggests; where there is no argument for it, a value can be a tuple
    ``(value, hint)``. Errors are CacheErrors; ParseError is raised for values that do not fit their type.
    """

    _owner: BlockingOwner

    @property
    def settings(self) -> dict[int, Any]:
        """The properties of the cache by their codes (``PROP_...``), as the server told them when first asked."""
        return self._owner._run(self._configuration())

    def destroy(self) -> None:
        """Remove the cache with all that it holds."""
        self._owner._run(self._destroy())

    def get(self, key: Any, key_hint: Any = None) -> Any:
        """The value of *key*, or None."""
        return self._owner._run(self._get(key, key_hint))

    def put(self, key: Any, value: Any, key_hint: Any = None, value_hint: Any = None) -> None:
        """Set the value of *key*."""
        self._owner._run(self._put(key, value, key_hint, value_hint))

    def get_all(self, keys: Iterable[Any]) -> dict[Any, Any]:
        """The values of those *keys* that have one, by key."""
        return self._owner._run(self._get_all(keys))

    def put_all(self, pairs: Mapping[Any, Any] | Iterable[tuple[Any, Any]]) -> None:
        """Set the values of many keys at once."""
        self._owner._run(self._put_all(pairs))

    def replace(self, key: Any, value: Any, key_hint: Any = None, value_hint: Any = None) -> bool:
        """Set the value of *key* if it has one; tells whether it was set."""
        return self._owner._run(self._replace(key, value, key_hint, value_hint))

    def clear(self, keys: Iterable[Any] | None = None) -> None:
        """Drop all entries, or those of *keys*, without telling listeners and stores."""
        self._owner._run(self._clear(keys))

    def clear_key(self, key: Any, key_hint: Any = None) -> None:
        """Drop the entry of *key*, without telling listeners and stores."""
        self._owner._run(self._clear_key(key, key_hint))

    def clear_keys(self, keys: Iterable[Any]) -> None:
        """Drop the entries of *keys*, without telling listeners and stores."""
        self._owner._run(self._clear_keys(keys))

    def contains_key(self, key: Any, key_hint: Any = None) -> bool:
        """Whether *key* has a value."""
        return self._owner._run(self._contains_key(key, key_hint))

    def contains_keys(self, keys: Iterable[Any]) -> bool:
        """Whether all of *keys* have a value."""
        return self._owner._run(self._contains_keys(keys))

    def get_and_put(self, key: Any, value: Any, key_hint: Any = None, value_hint: Any = None) -> Any:
        """Set the value of *key*; returns the one before, or None."""
        return self._owner._run(self._get_and_put(key, value, key_hint, value_hint))

    def get_and_put_if_absent(self, key: Any, value: Any, key_hint: Any = None, value_hint: Any = None) -> Any:
        """Set the value of *key* if it has none; returns the one that it has, or None."""
        return self._owner._run(self._get_and_put_if_absent(key, value, key_hint, value_hint))

    def put_if_absent(self, key: Any, value: Any, key_hint: Any = None, value_hint: Any = None) -> bool:
        """Set the value of *key* if it has none; tells whether it was set."""
        return self._owner._run(self._put_if_absent(key, value, key_hint, value_hint))

    def get_and_remove(self, key: Any, key_hint: Any = None) -> Any:
        """Remove *key*; returns its value, or None."""
        return self._owner._run(self._get_and_remove(key, key_hint))

    def get_and_replace(self, key: Any, value: Any, key_hint: Any = None, value_hint: Any = None) -> Any:
        """Set the value of *key* if it has one; returns the one before, or None."""
        return self._owner._run(self._get_and_replace(key, value, key_hint, value_hint))

    def remove_key(self, key: Any, key_hint: Any = None) -> bool:
        """Remove *key*; tells whether it had a value."""
        return self._owner._run(self._remove_key(key, key_hint))

    def remove_keys(self, keys: Iterable[Any]) -> None:
        """Remove *keys*."""
        self._owner._run(self._remove_keys(keys))

    def remove_all(self) -> None:
        """Remove every entry, and tell listeners and stores."""
        self._owner._run(self._remove_all())

    def remove_if_equals(self, key: Any, sample: Any, key_hint: Any = None, sample_hint: Any = None) -> bool:
        """Remove *key* if it has the value *sample*; tells whether it was removed."""
        return self._owner._run(self._remove_if_equals(key, sample, key_hint, sample_hint))

    def replace_if_equals(
        self,
        key: Any,
        sample: Any,
        value: Any,
        key_hint: Any = None,
        sample_hint: Any = None,
        value_hint: Any = None,
    ) -> bool:
        """Set the value of *key* if it has the value *sample*; tells whether it was set."""
        return self._owner._run(self._replace_if_equals(key, sample, value, key_hint, sample_hint, value_hint))

    def get_size(self, peek_modes: int | Sequence[int] | None = None) -> int:
        """The number of entries, each counted once, or as *peek_modes* say: ``PeekModes``, one or a list of them."""
        return self._owner._run(self._get_size(peek_modes))

    def local_peek(self, key: Any, key_hint: Any = None) -> Any:
        """The value of *key* if the node that is asked holds it in memory, or None."""
        return self._owner._run(self._local_peek(key, key_hint))

    def invoke(self, key: Any, processor: Any, arguments: Sequence[Any] = (), key_hint: Any = None) -> Any:
        """Run *processor*, an object of a Java class that the servers have, on the entry of *key*; returns its result.

        NotSupportedByClusterError if the server does not offer it.
        """
        return self._owner._run(self._invoke(key, processor, arguments, key_hint))

    def invoke_all(self, keys: Iterable[Any], processor: Any, arguments: Sequence[Any] = ()) -> list[InvokeOutcome]:
        """Run *processor* on the entry of each of *keys*; returns key, value and error for each."""
        return self._owner._run(self._invoke_all(keys, processor, arguments))

    def put_all_conflict(self, entries: Iterable[ConflictEntry]) -> None:
        """Set entries as another cluster has them, with their versions there."""
        self._owner._run(self._put_all_conflict(entries))

    def remove_all_conflict(self, keys: Iterable[tuple[Any, EntryVersion]]) -> None:
        """Remove keys that another cluster has removed, with the versions of that."""
        self._owner._run(self._remove_all_conflict(keys))

    def pipeline(self, window: int = WINDOW) -> Pipeline:
        """Operations on entries that are sent without waiting for each answer, in a ``with`` block.

        *window* is how many may be under way at once, 64 at most. See :class:`Pipeline`.
        """
        return Pipeline(self, window)

    def scan(self, page_size: int = PAGE_SIZE, partitions: int | None = -1, local: bool = False) -> ScanCursor:
        """All entries, as an iterator of pairs (key, value).

        They come *page_size* at a time from the server. *partitions* is the number of the one partition that is
        wanted, if it is not negative; with *local* only what the node itself holds is.
        """
        return ScanCursor(*self._scan_arguments(page_size, partitions, local))

    def select_row(
        self,
        query_str: str,
        page_size: int = PAGE_SIZE,
        query_args: Iterable[Any] | None = None,
        distributed_joins: bool = False,
        replicated_only: bool = False,
        local: bool = False,
        timeout: int = 0,
    ) -> SqlCursor:
        """The entries behind the rows of the cache's table that a condition finds, as pairs (key, value).

        *query_str* is what follows FROM in a SELECT, such as ``WHERE age > ? ORDER BY name``, or a whole SELECT *.
        *timeout* is in milliseconds, 0 for none.
        """
        query = {
            "condition": query_str,
            "arguments": query_args,
            "distributed_joins": distributed_joins,
            "replicated_only": replicated_only,
            "local": local,
            "timeout": timeout,
        }
        return SqlCursor(*self._sql_arguments(self.settings, page_size, query))

    def index_query(
        self,
        *criteria: Criterion,
        value_type: str | None = None,
        index_name: str | None = None,
        page_size: int = PAGE_SIZE,
        partition: int | None = None,
        local: bool = False,
        limit: int = 0,
        entry_filter: Any = None,
    ) -> IndexCursor:
        """The entries that an SQL index finds, as pairs (key, value), in its order.

        *criteria* are made by the functions of :mod:`ignite_dbapi.keyvalue.index_queries`; the names of fields are
        those of the query entity. *value_type* is the entity's type, which is needed if there are several of them.
        Without *index_name* the server chooses the index. *limit* is how many entries are wanted, 0: all.
        *entry_filter* is an object of a Java class that the servers have. No transaction's changes are seen.
        """
        options = {
            "page_size": page_size,
            "partition": partition,
            "local": local,
            "limit": limit,
            "entry_filter": self._value(entry_filter, None),
        }
        value_type = value_type or value_type_of(self.name, self.settings)
        return IndexCursor(self._owner, self._access, value_type, index_name, criteria, options)

    def scan_partitions(
        self,
        partitions: Iterable[int] | None = None,
        *,
        parallel: int = 8,
        page_size: int = PAGE_SIZE,
        entry_filter: Any = None,
    ) -> PartitionScanCursor:
        """The entries of partitions (None: all) as pairs (key, value), in no order, and no transaction's changes.

        *parallel* partitions are read at once, on the nodes that hold them. *entry_filter* is an object of a Java class
        that the servers have.
        """
        options = {
            "partitions": partitions,
            "parallel": parallel,
            "page_size": page_size,
            "entry_filter": self._value(entry_filter, None),
        }
        return PartitionScanCursor(self._owner, self._access, options)

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
    ) -> ContinuousQuery:
        """What happens to the entries from now on: an iterator of events, or *on_event* is called with each.

        *on_event* is called by a thread of the query's own. What it raises goes to *on_error*, as does the error that
        ends the query; without *on_error* it is reported like any error of a thread. Nodes send events as they happen,
        or once they have *page_size* of them, or every *time_interval* seconds. Expired entries are told of with
        *include_expired*. *event_filter* is an object of a Java class that the servers have, which makes filters.
        Events that are not taken are kept, *buffer_limit* bytes of them at most.

        An entry of which a :meth:`scan` is to tell the state before must be looked up after the query was made.
        """
        return ContinuousQuery(
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
    ) -> DataStreamer:
        """A streamer that loads entries into the cache; to be used in a ``with`` block.

        Keys that have a value keep it, unless *allow_overwrite*. *skip_store* bypasses the cache's store. Up to
        *window* requests of *batch_size* entries are under way at once; the buffers are the server's, in entries.
        *receiver* is an object of a Java class that the servers have, which does the changing.
        """
        return DataStreamer(
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
