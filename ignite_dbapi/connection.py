"""The blocking connection: a shell over the operations and the blocking channel."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any, TypeVar
from uuid import UUID, uuid4

from ignite_dbapi import errors
from ignite_dbapi._version import __version__
from ignite_dbapi.cluster.connecting import open_session
from ignite_dbapi.cursor import Cursor
from ignite_dbapi.operations import server, transactions
from ignite_dbapi.operations.session import Session
from ignite_dbapi.operations.sql import CursorState
from ignite_dbapi.options import ConnectOptions
from ignite_dbapi.protocol.exchange import Operation, again
from ignite_dbapi.rows import RowFactory
from ignite_dbapi.transport import blocking

if TYPE_CHECKING:
    from ignite_dbapi.atomic_long import AtomicLong
    from ignite_dbapi.keyvalue.cache import Cache

T = TypeVar("T")


def client_attributes() -> dict[str, str]:
    """How a connection introduces itself; shown by the server in SYS.CLIENT_CONNECTION_ATTRIBUTES."""
    return {"driver": f"ignite-dbapi {__version__}", "connection": uuid4().hex}


class ConnectionAttributes:
    """What a connection knows without asking the server; shared with the asynchronous connection."""

    Warning = errors.Warning
    Error = errors.Error
    InterfaceError = errors.InterfaceError
    DatabaseError = errors.DatabaseError
    DataError = errors.DataError
    OperationalError = errors.OperationalError
    IntegrityError = errors.IntegrityError
    InternalError = errors.InternalError
    ProgrammingError = errors.ProgrammingError
    NotSupportedError = errors.NotSupportedError

    _session: Session
    _is_closed = False

    def _new_cursor_state(self) -> CursorState:
        self._session.messages.clear()
        self._check_open()
        return CursorState(self._session, self._session.options)

    def _check_open(self) -> None:
        if self._is_closed:
            raise errors.InterfaceError("the connection is closed", code="connection_closed")
        failure = self._session.channel.failure
        if failure is not None and failure.code == errors.CONNECTION_OF_PARENT:
            # Before anything is waited for: a thread of the parent may have held a lock at the fork.
            raise again(failure)

    def _must_finish(self, operation: Operation[None]) -> bool:
        """Whether an operation that frees something is to be run: without a connection the server freed it."""
        if self.closed:
            operation.close()
            return False
        return True

    @property
    def options(self) -> ConnectOptions:
        """The options that the connection was made with."""
        return self._session.options

    @property
    def schema(self) -> str:
        """Where unqualified names are looked up."""
        return self._session.options.schema

    @property
    def closed(self) -> bool:
        """Whether the connection was closed, or lost."""
        return self._is_closed or self.is_connection_lost

    @property
    def is_connection_lost(self) -> bool:
        """Whether the connection broke. It does not mend itself: connect again."""
        failure = self._session.channel.failure
        return bool(failure is not None and failure.is_connection_lost)

    @property
    def protocol_version(self) -> tuple[int, int, int]:
        """The version of the thin client protocol that was agreed on."""
        return self._session.context.version

    @property
    def features(self) -> frozenset[str]:
        """The names of the protocol's features that both sides know."""
        context = self._session.context
        return frozenset(feature.name for feature in server.Feature if context.has(feature))

    @property
    def node_id(self) -> UUID | None:
        """The id of the node that is connected to; None for servers before protocol 1.4."""
        return self._session.context.node_id

    @property
    def address(self) -> tuple[str, int]:
        """Host and port of the node that is connected to."""
        return self._session.channel.address

    @property
    def autocommit(self) -> bool:
        """Whether each statement takes effect by itself; False: statements until commit() are a transaction.

        It can be switched while no transaction is open. Switching it off needs a server with transaction-aware
        SQL, otherwise it raises NotSupportedError.
        """
        return self._session.autocommit

    @autocommit.setter
    def autocommit(self, value: bool) -> None:
        self._check_open()
        transactions.set_autocommit(self._session, value)

    @property
    def messages(self) -> list[tuple[type[BaseException], BaseException]]:
        """The errors of the last commit or rollback, as (class, exception); cursors have their own (PEP 249)."""
        return self._session.messages

    @property
    def in_transaction(self) -> bool:
        """Whether something was changed that is neither committed nor rolled back yet."""
        return self._session.transaction_id is not None

    def __repr__(self) -> str:
        host, port = self.address
        state = "lost" if self.is_connection_lost else "closed" if self._is_closed else "open"
        return f"<ignite_dbapi.{type(self).__name__} to {host}:{port} ({state})>"


class Connection(ConnectionAttributes):
    """A connection to a cluster (PEP 249). Threads may share it; each needs cursors of its own.

    As a context manager it commits, if the block was left without an exception, and closes itself.
    """

    def __init__(self, options: ConnectOptions) -> None:
        self._session = blocking.run(open_session(options, client_attributes()))

    def _run(self, operation: Operation[T]) -> T:
        self._check_open()
        return blocking.run(operation, self._session.channel)

    def _finish(self, operation: Operation[None]) -> None:
        if self._must_finish(operation):
            blocking.run(operation, self._session.channel)

    def cursor(self, row_factory: RowFactory | None = None) -> Cursor:
        """A new cursor; *row_factory* says what its rows are (default: the connection's, else tuples)."""
        return Cursor(self, row_factory)

    def execute(self, operation: str, parameters: Any = None, **options: Any) -> Cursor:
        """Run a statement on a new cursor, which is returned."""
        return self.cursor().execute(operation, parameters, **options)

    def commit(self) -> None:
        """Make the changes of the transaction take effect. With autocommit, the default, they have already."""
        self._run(transactions.end(self._session, commit=True))

    def rollback(self) -> None:
        """Undo the changes of the transaction. With autocommit, the default, it undoes nothing."""
        self._run(transactions.end(self._session, commit=False))

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

        *group* is the cache group that it is kept in, *backups* and *replicated* say how a new group is kept;
        None is as the server is configured. A new group must not be made while this or another connection is in a
        transaction. NotSupportedError before Ignite 2.13. Without *create* nothing is sent.
        """
        # Here, because few programs need them.
        from ignite_dbapi.atomic_long import AtomicLong
        from ignite_dbapi.operations.atomic_longs import AtomicLongReference

        reference = AtomicLongReference(name, group)
        if create:
            self._run(reference.create(self._session, initial, backups=backups, replicated=replicated))
        return AtomicLong(lambda operation: operation(self._session), self._run, reference)

    def cache(self, name: str) -> Cache:
        """The cache *name*, to use keys and values of it; nothing is sent, so it may not exist.

        Values are Python's as SQL has them. What is changed belongs to the transaction of this connection, if
        autocommit is off. The cache of a table is called ``SQL_<SCHEMA>_<TABLE>`` if it was not given another name.
        """
        # Here, because who uses SQL only does not need them.
        from ignite_dbapi.keyvalue.cache import Cache
        from ignite_dbapi.keyvalue.owners import ConnectionOwner

        self._check_open()
        return Cache(ConnectionOwner(self), name)

    def bulk_load(
        self,
        table: str,
        rows: Any,
        columns: Sequence[str] | None = None,
        *,
        schema: str | None = None,
        overwrite: bool = False,
        batch_size: int = 2000,
        window: int = 4,
        on_progress: Callable[[int, int | None], Any] | None = None,
    ) -> int:
        """Load *rows* into *table*, past SQL and about twice as fast as executemany; returns how many there were.

        *table* is a name as in SQL: ``city``, ``"City"``, ``schema.city``; without a schema it is looked up in
        *schema*, or in that of the connection. *rows* is an iterable of sequences with a value for each of *columns*
        (all columns in the order of the table), taken as they are needed; or an iterable of mappings, an Arrow table or
        stream, or a data frame, of which *columns* picks some. Values must be of their columns' types: what an INSERT
        would refuse raises DataError, IntegrityError or ProgrammingError with the number of the row, after the rows
        before it. Columns that are not there get their DEFAULT, or NULL.

        Rows are sent *batch_size* at a time, *window* requests at once (1 to 64); *on_progress* is called with the
        number of rows that were taken in by the server and their total, None if that is not known.

        What it does not do: it belongs to no transaction (NotSupportedError with autocommit=False), and is not atomic;
        an error says how many rows were written. Rows whose keys are there already are skipped without being counted;
        with *overwrite* they replace what is there. Of several rows with one key, any may be the one that stays, also
        of those that others write while the load runs.
        """
        # Here, because who does without it need not wait for its modules.
        from ignite_dbapi.operations import bulk
        from ignite_dbapi.row_sources import source_of

        self._check_open()
        options = bulk.Options(schema, overwrite, batch_size, window, on_progress)
        return self._run(bulk.load(self._session, table, source_of(rows, columns), options))

    def ping(self) -> None:
        """Make sure that the server answers; OperationalError if it does not."""
        self._run(server.ping(self._session))

    def server_version(self) -> str:
        """The release of the server, such as ``"2.17.0"``."""
        return self._run(server.version(self._session))

    def default_query_engine(self) -> str:
        """The engine that runs statements which do not choose one: ``"h2"`` or ``"calcite"``."""
        return self._run(server.default_query_engine(self._session))

    def query_engines(self) -> frozenset[str]:
        """The SQL engines that the node has."""
        return self._run(server.query_engines(self._session))

    def close(self) -> None:
        """Close the connection; an open transaction is rolled back, cursors cannot be used. May be called again."""
        self._is_closed = True
        self._session.channel.close()

    def __del__(self, _warn: Callable[..., None] = warnings.warn) -> None:
        # A failed connect leaves no session behind; at the interpreter's exit globals may be gone, hence _warn.
        if "_session" in self.__dict__ and not self.closed:
            _warn(f"{self!r} was not closed", ResourceWarning, source=self)
            self.close()

    def __enter__(self) -> Connection:
        self._check_open()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if error is None and not self.closed:
                self.commit()
        finally:
            self.close()


def connect(url: str | None = None, /, **options: Any) -> Connection:
    """Connect to a cluster.

    *url* looks like ``ignite://user:password@host:10800,host2:10801/SCHEMA?option=value``. *options* are the
    fields of :class:`~ignite_dbapi.options.ConnectOptions`, and ``host`` and ``port``; they win over the url, and the
    url over environment variables ``IGNITE_DBAPI_<OPTION>``. Without an address it is ``127.0.0.1:10800``.

    Raises InterfaceError for options that are wrong, and OperationalError if no node can be connected to.
    """
    return Connection(ConnectOptions.build(url, options, os.environ))
