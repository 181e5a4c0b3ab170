"""The asynchronous connection: a shell over the operations and the asyncio channel."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any, TypeVar

from ignite_dbapi.aio.atomic_long import AsyncAtomicLong
from ignite_dbapi.aio.cursor import AsyncCursor
from ignite_dbapi.cluster.connecting import open_session
from ignite_dbapi.connection import ConnectionAttributes, client_attributes
from ignite_dbapi.operations import server, transactions
from ignite_dbapi.operations.atomic_longs import AtomicLongReference
from ignite_dbapi.operations.session import Session
from ignite_dbapi.options import ConnectOptions
from ignite_dbapi.protocol.exchange import Operation
from ignite_dbapi.rows import RowFactory
from ignite_dbapi.transport import awaiting

if TYPE_CHECKING:
    from ignite_dbapi.keyvalue.aio_cache import AioCache

T = TypeVar("T")


class AsyncConnection(ConnectionAttributes):
    """A connection to a cluster for the tasks of one event loop. Made by :func:`ignite_dbapi.aio.connect`.

    As a context manager it commits, if the block was left without an exception, and closes itself.
    """

    def __init__(self, session: Session) -> None:
        self._session = session

    async def _run(self, operation: Operation[T]) -> T:
        self._check_open()
        return await awaiting.run(operation, self._session.channel)

    async def _finish(self, operation: Operation[None]) -> None:
        if self._must_finish(operation):
            await awaiting.run(operation, self._session.channel)

    def cursor(self, row_factory: RowFactory | None = None) -> AsyncCursor:
        """A new cursor; *row_factory* says what its rows are (default: the connection's, else tuples)."""
        return AsyncCursor(self, row_factory)

    async def execute(self, operation: str, parameters: Any = None, **options: Any) -> AsyncCursor:
        """Run a statement on a new cursor, which is returned."""
        return await self.cursor().execute(operation, parameters, **options)

    async def commit(self) -> None:
        """Make the changes of the transaction take effect. With autocommit, the default, they have already."""
        await self._run(transactions.end(self._session, commit=True))

    async def rollback(self) -> None:
        """Undo the changes of the transaction. With autocommit, the default, it undoes nothing."""
        await self._run(transactions.end(self._session, commit=False))

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

        *group* is the cache group that it is kept in, *backups* and *replicated* say how a new group is kept;
        None is as the server is configured. A new group must not be made while this or another connection is in a
        transaction. NotSupportedError before Ignite 2.13. Without *create* nothing is sent.
        """
        reference = AtomicLongReference(name, group)
        if create:
            await self._run(reference.create(self._session, initial, backups=backups, replicated=replicated))
        return AsyncAtomicLong(lambda operation: operation(self._session), self._run, reference)

    def cache(self, name: str) -> AioCache:
        """The cache *name*, to use keys and values of it; see :meth:`ignite_dbapi.Connection.cache`."""
        # Here, because who uses SQL only does not need them.
        from ignite_dbapi.keyvalue.aio_cache import AioCache
        from ignite_dbapi.keyvalue.owners import AsyncConnectionOwner

        self._check_open()
        return AioCache(AsyncConnectionOwner(self), name)

    async def bulk_load(
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
        """Load *rows* into *table*, past SQL; see :meth:`ignite_dbapi.Connection.bulk_load`.

        *rows* is no asynchronous iterable. If the task is cancelled, nobody knows which of the rows were written.
        """
        # Here, because who does without it need not wait for its modules.
        from ignite_dbapi.operations import bulk
        from ignite_dbapi.row_sources import source_of

        self._check_open()
        options = bulk.Options(schema, overwrite, batch_size, window, on_progress)
        return await self._run(bulk.load(self._session, table, source_of(rows, columns), options))

    async def ping(self) -> None:
        """Make sure that the server answers; OperationalError if it does not."""
        await self._run(server.ping(self._session))

    async def server_version(self) -> str:
        """The release of the server, such as ``"2.17.0"``."""
        return await self._run(server.version(self._session))

    async def default_query_engine(self) -> str:
        """The engine that runs statements which do not choose one: ``"h2"`` or ``"calcite"``."""
        return await self._run(server.default_query_engine(self._session))

    async def query_engines(self) -> frozenset[str]:
        """The SQL engines that the node has."""
        return await self._run(server.query_engines(self._session))

    async def close(self) -> None:
        """Close the connection; an open transaction is rolled back, cursors cannot be used. May be called again."""
        self._is_closed = True
        self._session.channel.close()

    async def __aenter__(self) -> AsyncConnection:
        self._check_open()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if error is None and not self.closed:
                await self.commit()
        finally:
            await self.close()


async def connect(url: str | None = None, /, **options: Any) -> AsyncConnection:
    """Connect to a cluster; takes what :func:`ignite_dbapi.connect` takes."""
    built = ConnectOptions.build(url, options, os.environ)
    return AsyncConnection(await awaiting.run(open_session(built, client_attributes())))
