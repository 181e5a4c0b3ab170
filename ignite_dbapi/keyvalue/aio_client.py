"""The client for asyncio."""

from __future__ import annotations

import asyncio
from collections.abc import Generator, Iterable, Mapping, Sequence
from types import TracebackType
from typing import Any, TypeVar
from uuid import UUID

from ignite_dbapi.aio.atomic_long import AsyncAtomicLong
from ignite_dbapi.errors import Error
from ignite_dbapi.keyvalue.aio_cache import AioCache
from ignite_dbapi.keyvalue.aio_cluster import AioCluster
from ignite_dbapi.keyvalue.client import BaseClient
from ignite_dbapi.keyvalue.compute import AioService, AioTask, ServiceDescriptor
from ignite_dbapi.keyvalue.compute import started as started_task
from ignite_dbapi.keyvalue.connection import AioConnection
from ignite_dbapi.keyvalue.cursors import AioSqlFieldsCursor
from ignite_dbapi.keyvalue.datatypes.transactions import TransactionConcurrency, TransactionIsolation
from ignite_dbapi.keyvalue.exceptions import translated
from ignite_dbapi.keyvalue.sets import AioClusterSet, SetConfiguration
from ignite_dbapi.keyvalue.sets import found as found_set
from ignite_dbapi.keyvalue.settings import cache_name
from ignite_dbapi.keyvalue.transaction import AioTransaction
from ignite_dbapi.operations.atomic_longs import AtomicLongReference
from ignite_dbapi.operations.services import descriptors as service_descriptors
from ignite_dbapi.protocol.exchange import Operation
from ignite_dbapi.transport import awaiting

T = TypeVar("T")


class _Connecting:
    """What ``connect()`` of a client gives: to be awaited, or entered, which closes the client at the end."""

    def __init__(self, client: AioClient, nodes: tuple[Any, ...]) -> None:
        self._client = client
        self._nodes = nodes

    def __await__(self) -> Generator[Any, None, AioClient]:
        return self.__aenter__().__await__()

    async def __aenter__(self) -> AioClient:
        await self._client._run(self._client._connect(self._nodes), "connect")
        return self._client

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._client.close()


class AioClient(BaseClient):
    """A client of a cluster for the tasks of one event loop. Its arguments are those of :class:`Client`."""

    _new_lock = asyncio.Lock
    _connection_class = AioConnection

    async def _run(self, operation: Operation[T], where: str = "cache") -> T:
        try:
            return await awaiting.run(operation)
        except Error as error:
            raise translated(error, where).with_traceback(error.__traceback__) from error.__cause__

    def connect(self, *nodes: Any) -> _Connecting:
        """Connect, to what :meth:`Client.connect` connects to; to be awaited, or used in an ``async with`` block."""
        return _Connecting(self, nodes)

    async def close(self) -> None:
        """Close all connections. May be called again; so may :meth:`connect`."""
        self._close()

    async def __aenter__(self) -> AioClient:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def random_node(self) -> AioConnection:
        """Some node that is connected to."""
        node: AioConnection = await self._run(self._get_random_node())
        return node

    async def get_best_node(self, cache: int | str | AioCache, key: Any = None, key_hint: Any = None) -> AioConnection:
        """The node that holds the entry of *key*, if it can be found out; or some node."""
        node: AioConnection = await self._run(self._get_best_node(cache, key, key_hint))
        return node

    async def get_cache(self, settings: str | Mapping[int, Any]) -> AioCache:
        """The cache with a name, without asking whether it exists."""
        return AioCache(self, cache_name(settings))

    async def create_cache(self, settings: str | Mapping[int, Any]) -> AioCache:
        """Create a cache by name, or by a dict of properties (``PROP_...``). CacheCreationError if it exists."""
        return AioCache(self, await self._run(self._create_cache(settings), "cache_creation"))

    async def get_or_create_cache(self, settings: str | Mapping[int, Any]) -> AioCache:
        """The cache with a name, which is created if it does not exist, with the properties that are given."""
        return AioCache(self, await self._run(self._get_or_create_cache(settings), "cache_creation"))

    async def get_cache_names(self) -> list[str]:
        """The names of all caches, those of SQL tables among them."""
        return await self._run(self._get_cache_names())

    def sql(
        self,
        query_str: str,
        page_size: int = 1024,
        query_args: Iterable[Any] | None = None,
        schema: str | None = "PUBLIC",
        statement_type: int = 0,
        distributed_joins: bool = False,
        local: bool = False,
        replicated_only: bool = False,
        enforce_join_order: bool = False,
        collocated: bool = False,
        lazy: bool = False,
        include_field_names: bool = False,
        max_rows: int = -1,
        timeout: int = 0,
        cache: int | str | AioCache | None = None,
    ) -> AioSqlFieldsCursor:
        """Run a statement, see :meth:`Client.sql`; to be awaited, or used in an ``async with`` block."""
        request = {"statement_type": int(statement_type), "replicated_only": replicated_only}
        options = {
            "page_size": page_size,
            "distributed_joins": distributed_joins,
            "local": local,
            "enforce_join_order": enforce_join_order,
            "collocated": collocated,
            "lazy": lazy,
        }
        return AioSqlFieldsCursor(
            *self._sql_arguments(
                query_str, query_args, schema, cache, timeout, include_field_names, max_rows, request, options
            )
        )

    async def get_binary_type(self, binary_type: str | int) -> dict[str, Any]:
        """What the cluster knows of a type: a dict with ``type_exists``, and if it does, ids, names and schemas."""
        return await self._run(self._get_binary_type(binary_type), "binary_type")

    async def put_binary_type(
        self,
        type_name: str,
        affinity_key_field: str | None = None,
        is_enum: bool = False,
        schema: Mapping[str, Any] | None = None,
    ) -> dict[str, Any]:
        """Register a type with the cluster; see :meth:`Client.put_binary_type`."""
        return await self._run(self._put_binary_type(type_name, affinity_key_field, is_enum, schema), "binary_type")

    async def register_binary_type(self, data_class: type, affinity_key_field: str | None = None) -> None:
        """Make objects of a type and schema from *data_class*, and tell the cluster about both."""
        await self._run(self._register_binary_type(data_class, affinity_key_field), "binary_type")

    async def query_binary_type(
        self, binary_type: int | str, schema: int | Mapping[str, Any] | None = None, sync: bool = True
    ) -> Any:
        """The class for a type and a schema; see :meth:`Client.query_binary_type`."""
        return await self._run(self._query_binary_type(binary_type, schema, sync), "binary_type")

    async def unwrap_binary(self, value: Any) -> Any:
        """The object in *value*, or *value*; see :meth:`Client.unwrap_binary`."""
        return await self._run(self._unwrap_binary(value), "binary_type")

    def tx_start(
        self,
        concurrency: TransactionConcurrency | int = TransactionConcurrency.PESSIMISTIC,
        isolation: TransactionIsolation | int = TransactionIsolation.REPEATABLE_READ,
        timeout: int | None = None,
        label: str | None = None,
    ) -> AioTransaction:
        """A transaction, which starts when it is awaited or entered, and which what the task then does joins.

        The arguments are those of :meth:`Client.tx_start`.
        """
        return AioTransaction(self, concurrency, isolation, timeout, label)

    def get_cluster(self) -> AioCluster:
        """The cluster as a whole: its state, its nodes, write-ahead logs."""
        return AioCluster(self)

    async def atomic_long(
        self,
        name: str,
        initial: int = 0,
        *,
        create: bool = True,
        group: str | None = None,
        backups: int | None = None,
        replicated: bool = False,
    ) -> AsyncAtomicLong:
        """The number that the cluster shares under *name*; with *create* it is made, if there is none, from *initial*.

        *group* is the cache group that it is kept in, *backups* and *replicated* say how a new group is kept.
        """
        reference = AtomicLongReference(name, group)
        if create:
            await self._run(
                self._call(lambda session: reference.create(session, initial, backups=backups, replicated=replicated))
            )
        return AsyncAtomicLong(self._call, self._run, reference)

    async def get_set(
        self, name: str, configuration: SetConfiguration | None = None, *, create: bool = True
    ) -> AioClusterSet:
        """The set that the cluster keeps under *name*; with *create* one is made by *configuration* if there is none.

        Without *create*, ProgrammingError if there is none. One that exists has to be collocated, or not, as the
        configuration says.
        """
        return AioClusterSet(self, await self._run(found_set(self, name, configuration, create=create)))

    async def start_task(
        self,
        task: str,
        argument: Any = None,
        *,
        node_ids: Sequence[UUID] = (),
        timeout: float = 0,
        failover: bool = True,
        result_cache: bool = True,
        keep_binary: bool = False,
    ) -> AioTask:
        """Start a compute task: a Java class of the servers, or a name that it was deployed under.

        It may use the nodes *node_ids*, or all; the server ends it after *timeout* seconds (0: never). Without
        *failover* a job that fails is not tried on another node; without *result_cache* the task does not keep the
        results of its jobs. With *keep_binary* it is given objects in their binary form, not as instances of classes.
        NotSupportedByClusterError unless the servers are configured to let thin clients run tasks.
        """
        options = {
            "node_ids": node_ids,
            "timeout": timeout,
            "failover": failover,
            "result_cache": result_cache,
            "keep_binary": keep_binary,
        }
        session, started = await self._run(started_task(self, task, argument, options))
        return AioTask(self, session, started)

    async def run_task(self, task: str, argument: Any = None, **options: Any) -> Any:
        """Run a compute task to its end; returns its result. *options* are those of :meth:`start_task`."""
        return await (await self.start_task(task, argument, **options)).result()

    def service(
        self,
        name: str,
        *,
        node_ids: Sequence[UUID] = (),
        timeout: float = 0,
        call_context: Mapping[str, str | bytes] | None = None,
        keep_binary: bool = False,
    ) -> AioService:
        """The service *name*, without asking whether there is one.

        It is called on one of the nodes *node_ids*, or wherever it runs. Calls wait *timeout* seconds for it to be
        deployed (0: for ever), and tell it the *call_context*. With *keep_binary* it is given objects in their binary
        form, not as instances of classes.
        """
        return AioService(self, name, node_ids, timeout, call_context, keep_binary)

    async def get_services(self) -> tuple[ServiceDescriptor, ...]:
        """All services of the cluster."""
        return await self._run(self._call(service_descriptors, is_idempotent=True))


__all__ = ["AioClient"]
