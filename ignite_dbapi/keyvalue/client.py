"""The blocking client."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from logging import DEBUG
from types import TracebackType
from typing import Any, Final, TypeVar
from uuid import UUID

from ignite_dbapi.atomic_long import AtomicLong
from ignite_dbapi.cluster.cluster import ANYWHERE, Cluster, Entry, OnSession, RetryPolicy, Target
from ignite_dbapi.connection import client_attributes
from ignite_dbapi.errors import Error, InterfaceError, OperationalError
from ignite_dbapi.keyvalue import cluster as clusters
from ignite_dbapi.keyvalue import registration
from ignite_dbapi.keyvalue.cache import BaseCache, Cache
from ignite_dbapi.keyvalue.compute import Service, ServiceDescriptor, Task
from ignite_dbapi.keyvalue.compute import started as started_task
from ignite_dbapi.keyvalue.connection import BaseConnection, Connection
from ignite_dbapi.keyvalue.connection.protocol_context import ProtocolContext
from ignite_dbapi.keyvalue.cursors import SqlFieldsCursor
from ignite_dbapi.keyvalue.datatypes.transactions import TransactionConcurrency, TransactionIsolation
from ignite_dbapi.keyvalue.exceptions import ParameterError, ReconnectError, combined, translated
from ignite_dbapi.keyvalue.monitoring import Publisher, logger
from ignite_dbapi.keyvalue.owners import OF_CLIENTS
from ignite_dbapi.keyvalue.presentation import DataClasses
from ignite_dbapi.keyvalue.sets import ClusterSet, SetConfiguration
from ignite_dbapi.keyvalue.sets import found as found_set
from ignite_dbapi.keyvalue.settings import (
    cache_configuration,
    cache_name,
    connect_addresses,
    connect_options,
    in_terms_of_clients,
)
from ignite_dbapi.keyvalue.transaction import Transaction, current_transaction
from ignite_dbapi.keyvalue.utils import cache_id, entity_id, schema_id
from ignite_dbapi.operations import cache as cache_operations
from ignite_dbapi.operations.atomic_longs import AtomicLongReference
from ignite_dbapi.operations.services import descriptors as service_descriptors
from ignite_dbapi.operations.session import Session
from ignite_dbapi.operations.wrapped import unwrapped
from ignite_dbapi.options import ConnectOptions, StatementOptions
from ignite_dbapi.protocol.codec import Knowledge
from ignite_dbapi.protocol.exchange import Lock, Operation
from ignite_dbapi.transport import blocking

T = TypeVar("T")

_BEFORE_CONNECTING: Final = [("127.0.0.1", 10800)]


class BaseClient:
    """What a client knows without asking a server, and its operations without waiting for them."""

    conversion = OF_CLIENTS
    _new_lock: Callable[[], Lock]
    _connection_class: type[BaseConnection]

    def __init__(
        self,
        compact_footer: bool | None = None,
        partition_aware: bool = True,
        event_listeners: Sequence[Any] | None = None,
        *,
        retry_policy: RetryPolicy = RetryPolicy.READS,
        **arguments: Any,
    ) -> None:
        # What is wrong with the arguments is said at once.
        options = connect_options(arguments, _BEFORE_CONNECTING)
        self._transaction_timeout = round(options.transaction_timeout * 1000)
        self._arguments = arguments
        self._compact_footer = compact_footer
        self._partition_aware = partition_aware
        self._retry_policy = retry_policy
        self._publisher = Publisher(event_listeners, lambda: self.protocol_context)
        self._presentation = DataClasses()
        self._cluster: Cluster | None = None
        self._protocol_context: ProtocolContext | None = None
        self._views: dict[Session, BaseConnection] = {}

    # --- connecting ---------------------------------------------------------------------------------------------

    def _connect(self, nodes: tuple[Any, ...]) -> Operation[None]:
        """Connect to *nodes*, given as to connect(); errors are translated already."""
        self._close()
        addresses, node_order = connect_addresses(nodes)
        options: ConnectOptions = connect_options(self._arguments, addresses)
        cluster = Cluster(
            options,
            client_attributes(),
            new_lock=self._new_lock,
            partition_awareness=self._partition_aware,
            retry_policy=self._retry_policy,
            node_order=node_order,
            listener=self._publisher,
        )
        cluster.knowledge.presentation = self._presentation
        cluster.knowledge.is_compact_footer = self._compact_footer
        try:
            yield from cluster.connect()
        except Error as error:
            cluster.close()
            raise _cannot_connect(error) from error
        except BaseException:
            # Given up, by Ctrl-C or a cancelled task: nobody else knows of the connections.
            cluster.close()
            raise
        self._cluster = cluster
        self._protocol_context = ProtocolContext.of(cluster.sessions[0].context)

    def _close(self) -> None:
        cluster, self._cluster = self._cluster, None
        if cluster is not None:
            cluster.close()

    @property
    def _router(self) -> Cluster:
        if self._cluster is None:
            raise translated(
                OperationalError(
                    "the client is not connected; call connect() first", code="not_connected", is_connection_lost=True
                ),
                "cache",
            )
        return self._cluster

    # --- what caches, cursors and transactions need ---------------------------------------------------------------

    @property
    def _public(self) -> BaseClient:
        return self

    @property
    def _knowledge(self) -> Knowledge | None:
        return None if self._cluster is None else self._cluster.knowledge

    @property
    def _protocol_version(self) -> tuple[int, int, int] | None:
        return None if self._protocol_context is None else self._protocol_context.version

    _current_transaction = current_transaction

    def _call(
        self,
        operation: Callable[..., Operation[T]],
        target: Target = ANYWHERE,
        *,
        arguments: tuple[Any, ...] = (),
        is_idempotent: bool = False,
    ) -> Operation[T]:
        cluster, publisher = self._cluster or self._router, self._publisher
        if publisher.has_query_listeners or logger.isEnabledFor(DEBUG):
            return cluster.call(
                lambda session: publisher.follow(operation(session, *arguments)), target, is_idempotent=is_idempotent
            )
        return cluster.call(operation, target, arguments=arguments, is_idempotent=is_idempotent)

    def _joined(self) -> Target:
        """Where operations go that have no key: to the connection of the transaction, if there is one."""
        transaction = current_transaction(self)
        return ANYWHERE if transaction is None else OnSession(transaction.session)

    def _node_of(self, session: Session) -> BaseConnection:
        view = self._views.get(session)
        if view is None:
            view = self._views[session] = self._connection_class(self, session)
        return view

    # --- what is known ------------------------------------------------------------------------------------------

    @property
    def protocol_context(self) -> ProtocolContext | None:
        """What was agreed on with the node that was connected to first; None before there was one."""
        return self._protocol_context

    @property
    def partition_aware(self) -> bool:
        """Whether operations on entries go to the nodes that hold them."""
        return self._partition_aware and self.partition_awareness_supported_by_protocol

    @property
    def partition_awareness_supported_by_protocol(self) -> bool:
        """Whether the server tells where entries are."""
        return self._protocol_context is not None and self._protocol_context.is_partition_awareness_supported()

    @property
    def compact_footer(self) -> bool:
        """Whether objects are written without the ids of their fields: as the cluster does it, once that is known."""
        knowledge = self._knowledge
        known = self._compact_footer if knowledge is None else knowledge.is_compact_footer
        return known is None or known

    @compact_footer.setter
    def compact_footer(self, value: bool) -> None:
        if self._knowledge is not None and self._knowledge.is_compact_footer not in (None, value):
            raise ParameterError(
                "compact_footer cannot be changed once objects were read or written", code="compact_footer"
            )
        self._compact_footer = value
        if self._knowledge is not None:
            self._knowledge.is_compact_footer = value

    @property
    def _nodes(self) -> list[Any]:
        sessions = [] if self._cluster is None else self._cluster.sessions
        views = [self._node_of(session) for session in sessions]
        self._views = {view._session: view for view in views}
        return views

    @property
    def host(self) -> str | None:
        """The host of the first node that is connected to."""
        return next((node.host for node in self._nodes), None)

    @property
    def port(self) -> int | None:
        """The port of the first node that is connected to."""
        return next((node.port for node in self._nodes), None)

    def __str__(self) -> str:
        return f"{self.host or '?'}:{self.port or '?'}"

    def __repr__(self) -> str:
        nodes = ", ".join(map(repr, self._nodes))
        return f"<{type(self).__name__} {f'connected to {nodes}' if nodes else 'not connected'}>"

    # --- operations ---------------------------------------------------------------------------------------------

    def _get_random_node(self) -> Operation[Any]:
        return self._node_of((yield from self._router.session(ANYWHERE)))

    def _get_best_node(self, cache: Any, key: Any, key_hint: Any) -> Operation[Any]:
        if key is None:
            return (yield from self._get_random_node())
        number = cache.cache_id if isinstance(cache, BaseCache) else cache_id(cache)
        target = Entry(number, self.conversion.value(key, key_hint))
        return self._node_of((yield from self._router.session(target)))

    def _create_cache(self, settings: Any) -> Operation[str]:
        name, configuration = cache_configuration(settings)
        yield from self._call(lambda session: cache_operations.create(session, configuration or name), self._joined())
        return name

    def _get_or_create_cache(self, settings: Any) -> Operation[str]:
        name, configuration = cache_configuration(settings)
        yield from self._call(
            lambda session: cache_operations.get_or_create(session, configuration or name), self._joined()
        )
        return name

    def _get_cache_names(self) -> Operation[list[str]]:
        return self._call(cache_operations.cache_names, is_idempotent=True)

    def _get_binary_type(self, binary_type: str | int) -> Operation[dict[str, Any]]:
        return self._call(lambda session: registration.get_binary_type(session, binary_type), is_idempotent=True)

    def _put_binary_type(
        self, type_name: str, affinity_key_field: str | None, is_enum: bool, schema: Mapping[str, Any] | None
    ) -> Operation[dict[str, Any]]:
        # Registering a type once more changes nothing.
        return self._call(
            lambda session: registration.put_binary_type(session, type_name, affinity_key_field, is_enum, schema),
            is_idempotent=True,
        )

    def _register_binary_type(self, data_class: type, affinity_key_field: str | None) -> Operation[None]:
        return self._call(
            lambda session: registration.register_binary_type(session, data_class, affinity_key_field),
            is_idempotent=True,
        )

    def _query_binary_type(self, binary_type: int | str, schema: Any, sync: bool) -> Operation[Any]:
        if not sync:
            classes = self._presentation.classes(entity_id(binary_type) or 0)
            return classes if schema is None else classes.get(schema_id(schema))
        return (
            yield from self._call(
                lambda session: registration.query_binary_type(session, binary_type, schema), is_idempotent=True
            )
        )

    def _unwrap_binary(self, value: Any) -> Operation[Any]:
        if not isinstance(value, tuple) or len(value) != 2:
            return value
        head, tail = value
        if isinstance(head, bytes) and type(tail) is int:
            return (yield from self._call(lambda session: unwrapped(session, head, tail), is_idempotent=True))
        if isinstance(tail, list):
            items = []
            for item in tail:
                items.append((yield from self._unwrap_binary(item)))
            return head, items
        if isinstance(tail, dict):
            entries = {}
            for key, item in tail.items():
                entries[(yield from self._unwrap_binary(key))] = yield from self._unwrap_binary(item)
            return head, entries
        return value

    def _sql_arguments(
        self,
        query_str: str,
        query_args: Iterable[Any] | None,
        schema: str | None,
        cache: Any,
        timeout: int,
        include_field_names: bool,
        max_rows: int,
        request: dict[str, Any],
        options: dict[str, Any],
    ) -> tuple[Any, ...]:
        """What a cursor of ``sql()`` is made from."""
        if type(timeout) is not int or timeout < 0:
            raise ParameterError(f"timeout: {timeout!r} is not a whole number of milliseconds", code="invalid_option")
        if cache is not None:
            request["cache_id"] = cache.cache_id if isinstance(cache, BaseCache) else cache_id(cache)
        if cache is not None or schema is None:
            request["schema"] = None
        else:
            # Quoted, because names are taken as they stand.
            options["schema"] = '"{}"'.format(schema.replace('"', '""'))
        try:
            built = StatementOptions(timeout=timeout / 1000, **options)
        except InterfaceError as error:
            raise translated(error, "sql") from None
        if isinstance(query_args, (str, bytes, Mapping)):
            raise ParameterError(
                f"query_args is a sequence of values, one for each '?', not {type(query_args).__name__}",
                code="parameters_not_sequence",
            )
        arguments = self.conversion.keys(() if query_args is None else query_args)
        return self, query_str, arguments, built, request, include_field_names, max_rows


def _cannot_connect(error: Error) -> Error:
    """What to raise if connecting failed with *error*."""
    if error.code in ("authentication_failed", "handshake_refused", "no_common_version"):
        return translated(error, "connect")
    error_class = combined(ReconnectError, ParameterError) if error.code == "tls_options" else ReconnectError
    fresh = error_class(f"Can not connect. {in_terms_of_clients(str(error))}")
    fresh.__dict__.update(error.__dict__)
    return fresh


class Client(BaseClient):
    """A client of a cluster, for programs that block. Threads may share it.

    *compact_footer* says whether objects are written without the ids of their fields; None: as the cluster does it.
    With *partition_aware* it connects to all nodes and asks for an entry where it is kept, otherwise to one at a time.
    *event_listeners* are objects of :mod:`ignite_dbapi.keyvalue.monitoring`. *retry_policy* says whether operations
    that change nothing are tried again when their connection is lost. More keyword arguments:

    ``timeout``
        seconds without a byte from the server after which a connection counts as lost; None: wait.
    ``handshake_timeout``
        seconds for connecting to a node; 10.
    ``username``, ``password``
        where the cluster has authentication. They turn TLS on, unless ``use_ssl=False``.
    ``use_ssl``, ``ssl_ca_certfile``, ``ssl_certfile``, ``ssl_keyfile``, ``ssl_keyfile_password``, ``ssl_ciphers``,
    ``ssl_version``, ``ssl_cert_reqs``, ``ssl_check_hostname``, ``ssl_context``
        encryption. Certificates and host names are checked unless ``ssl_cert_reqs`` is ``ssl.CERT_NONE``, or
        ``ssl_check_hostname`` is False.
    ``timezone``
        the zone in which values are shown that are moments; None: the server's.
    ``busy_wait``
        seconds that a thread looks for an answer before it sleeps until there is one; None: 0.0002 for a node on this
        machine, 0 for others. asyncio has no use for it.
    ``heartbeat_interval``
        seconds between signs of life on idle connections; None: as often as the server needs them.
    ``transaction_timeout``
        seconds after which transactions are rolled back that were started without a timeout; 60.

    ParameterError is raised for wrong arguments.
    """

    _new_lock = staticmethod(threading.RLock)
    _connection_class = Connection

    def _run(self, operation: Operation[T], where: str = "cache") -> T:
        try:
            return blocking.run(operation)
        except Error as error:
            raise translated(error, where).with_traceback(error.__traceback__) from error.__cause__

    def connect(self, *nodes: Any) -> Client:
        """Connect; without arguments to localhost:10800, else to ``host, port`` or ``[(host, port), ...]``.

        Anything else that gives pairs (host, port), a generator for instance, is asked for the next node whenever a
        connection is needed. Returns the client, to be used in a ``with`` block, which closes it.

        Raises ReconnectError if no node answers, AuthenticationError, ParameterError.
        """
        self._run(self._connect(nodes), "connect")
        return self

    def close(self) -> None:
        """Close all connections. May be called again; so may :meth:`connect`."""
        self._close()

    def __enter__(self) -> Client:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def random_node(self) -> Connection:
        """Some node that is connected to."""
        node: Connection = self._run(self._get_random_node())
        return node

    def get_best_node(self, cache: int | str | Cache, key: Any = None, key_hint: Any = None) -> Connection:
        """The node that holds the entry of *key*, if it can be found out; or some node."""
        node: Connection = self._run(self._get_best_node(cache, key, key_hint))
        return node

    def get_cache(self, settings: str | Mapping[int, Any]) -> Cache:
        """The cache with a name, without asking whether it exists."""
        return Cache(self, cache_name(settings))

    def create_cache(self, settings: str | Mapping[int, Any]) -> Cache:
        """Create a cache by name, or by a dict of properties (``PROP_...``). CacheCreationError if it exists."""
        return Cache(self, self._run(self._create_cache(settings), "cache_creation"))

    def get_or_create_cache(self, settings: str | Mapping[int, Any]) -> Cache:
        """The cache with a name, which is created if it does not exist, with the properties that are given."""
        return Cache(self, self._run(self._get_or_create_cache(settings), "cache_creation"))

    def get_cache_names(self) -> list[str]:
        """The names of all caches, those of SQL tables among them."""
        return self._run(self._get_cache_names())

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
        cache: int | str | Cache | None = None,
    ) -> SqlFieldsCursor:
        """Run a statement, with *query_args* for each ``?`` in it. The rows are lists; SQLError if it fails.

        Of a statement that changes rows, the one row has their number. *schema* is the exact name of the schema, unless
        *cache* names a cache whose schema is meant. *include_field_names* puts the names of the columns in front,
        *max_rows* is how many rows are given at most (-1: all), *page_size* how many the server sends at a time.
        *timeout* is how long the statement may take there, in milliseconds (0: no limit). It joins a transaction of
        the client where the server can do that, and is refused where not.
        """
        request = {"statement_type": int(statement_type), "replicated_only": replicated_only}
        options = {
            "page_size": page_size,
            "distributed_joins": distributed_joins,
            "local": local,
            "enforce_join_order": enforce_join_order,
            "collocated": collocated,
            "lazy": lazy,
        }
        return SqlFieldsCursor(
            *self._sql_arguments(
                query_str, query_args, schema, cache, timeout, include_field_names, max_rows, request, options
            )
        )

    def get_binary_type(self, binary_type: str | int) -> dict[str, Any]:
        """What the cluster knows of a type: a dict with ``type_exists``, and if it does, ids, names and schemas."""
        return self._run(self._get_binary_type(binary_type), "binary_type")

    def put_binary_type(
        self,
        type_name: str,
        affinity_key_field: str | None = None,
        is_enum: bool = False,
        schema: Mapping[str, Any] | None = None,
    ) -> dict[str, Any]:
        """Register a type with the cluster: *schema* maps names of fields to data types, of constants to ordinals."""
        return self._run(self._put_binary_type(type_name, affinity_key_field, is_enum, schema), "binary_type")

    def register_binary_type(self, data_class: type, affinity_key_field: str | None = None) -> None:
        """Make objects of a type and schema from *data_class*, and tell the cluster about both."""
        self._run(self._register_binary_type(data_class, affinity_key_field), "binary_type")

    def query_binary_type(
        self, binary_type: int | str, schema: int | Mapping[str, Any] | None = None, sync: bool = True
    ) -> Any:
        """The class for a type and a schema, or None; without *schema* a dict of the type's classes by schema id.

        Without *sync* the cluster is not asked for schemas that the client does not know yet.
        """
        return self._run(self._query_binary_type(binary_type, schema, sync), "binary_type")

    def unwrap_binary(self, value: Any) -> Any:
        """The object in *value*, if it is a tuple (bytes, offset), or in the collection that it is; or *value*.

        Caches and cursors give objects as such, so that only values from elsewhere need it.
        """
        return self._run(self._unwrap_binary(value), "binary_type")

    def tx_start(
        self,
        concurrency: TransactionConcurrency | int = TransactionConcurrency.PESSIMISTIC,
        isolation: TransactionIsolation | int = TransactionIsolation.REPEATABLE_READ,
        timeout: int | None = None,
        label: str | None = None,
    ) -> Transaction:
        """Start a transaction, which what the thread does with the client's caches joins until it ends.

        *timeout* is in milliseconds: None is the client's ``transaction_timeout``, 0 is no limit, which lets a
        forgotten transaction block others for ever. SQL joins with isolation READ_COMMITTED only.
        """
        return Transaction(self, concurrency, isolation, timeout, label)

    def get_cluster(self) -> clusters.Cluster:
        """The cluster as a whole: its state, its nodes, write-ahead logs."""
        return clusters.Cluster(self)

    def atomic_long(
        self,
        name: str,
        initial: int = 0,
        *,
        create: bool = True,
        group: str | None = None,
        backups: int | None = None,
        replicated: bool = False,
    ) -> AtomicLong:
        """The number that the cluster shares under *name*; with *create* it is made, if there is none, from *initial*.

        *group* is the cache group that it is kept in, *backups* and *replicated* say how a new group is kept.
        """
        reference = AtomicLongReference(name, group)
        if create:
            self._run(
                self._call(lambda session: reference.create(session, initial, backups=backups, replicated=replicated))
            )
        return AtomicLong(self._call, self._run, reference)

    def get_set(self, name: str, configuration: SetConfiguration | None = None, *, create: bool = True) -> ClusterSet:
        """The set that the cluster keeps under *name*; with *create* one is made by *configuration* if there is none.

        Without *create*, ProgrammingError if there is none. One that exists has to be collocated, or not, as the
        configuration says.
        """
        return ClusterSet(self, self._run(found_set(self, name, configuration, create=create)))

    def start_task(
        self,
        task: str,
        argument: Any = None,
        *,
        node_ids: Sequence[UUID] = (),
        timeout: float = 0,
        failover: bool = True,
        result_cache: bool = True,
        keep_binary: bool = False,
    ) -> Task:
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
        session, started = self._run(started_task(self, task, argument, options))
        return Task(self, session, started)

    def run_task(self, task: str, argument: Any = None, **options: Any) -> Any:
        """Run a compute task to its end; returns its result. *options* are those of :meth:`start_task`."""
        return self.start_task(task, argument, **options).result()

    def service(
        self,
        name: str,
        *,
        node_ids: Sequence[UUID] = (),
        timeout: float = 0,
        call_context: Mapping[str, str | bytes] | None = None,
        keep_binary: bool = False,
    ) -> Service:
        """The service *name*, without asking whether there is one.

        It is called on one of the nodes *node_ids*, or wherever it runs. Calls wait *timeout* seconds for it to be
        deployed (0: for ever), and tell it the *call_context*. With *keep_binary* it is given objects in their binary
        form, not as instances of classes.
        """
        return Service(self, name, node_ids, timeout, call_context, keep_binary)

    def get_services(self) -> tuple[ServiceDescriptor, ...]:
        """All services of the cluster."""
        return self._run(self._call(service_descriptors, is_idempotent=True))


__all__ = ["Client"]
