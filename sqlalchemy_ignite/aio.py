"""The dialect for asyncio, ``ignite+aio://``: the same dialect over ``ignite_dbapi.aio``.

SQLAlchemy's own code is blocking; it runs in a greenlet, and where the blocking driver would wait, the classes here
await.
"""

# mypy: disallow-untyped-calls=False, disallow-subclassing-any=False
# SQLAlchemy's adapters carry few annotations, and differ in them between 2.0 and 2.1.

from __future__ import annotations

import collections
from types import ModuleType
from typing import Any

from sqlalchemy import pool, util
from sqlalchemy.connectors.asyncio import (
    AsyncAdapt_dbapi_connection,
    AsyncAdapt_dbapi_cursor,
    AsyncAdapt_dbapi_module,
    AsyncAdapt_dbapi_ss_cursor,
    AsyncAdapt_terminate,
)
from sqlalchemy.engine import URL

from sqlalchemy_ignite.base import IgniteDialect, IgniteExecutionContext

__all__ = ["IgniteDialectAsync"]


class _Cursor(AsyncAdapt_dbapi_cursor):
    """SQLAlchemy's adapter, with the keywords that the driver's ``execute`` takes."""

    __slots__ = ()

    def execute(self, operation: Any, parameters: Any = None, **options: Any) -> Any:
        return util.await_only(self._run("execute", operation, parameters, options))

    def executemany(self, operation: Any, seq_of_parameters: Any, **options: Any) -> Any:
        return util.await_only(self._run("executemany", operation, seq_of_parameters, options))

    async def _run(self, method: str, operation: Any, parameters: Any, options: dict[str, Any]) -> Any:
        cursor: Any = self._cursor
        async with self._adapt_connection._execute_mutex:
            await getattr(cursor, method)(operation, parameters, **options)
            if cursor.description and not self.server_side:
                self._rows = collections.deque(await cursor.fetchall())
        return self

    def setinputsizes(self, *sizes: Any) -> None:
        # Not awaited by this driver.
        self._cursor.setinputsizes(*sizes)  # type: ignore[unused-coroutine]


class _ServerSideCursor(AsyncAdapt_dbapi_ss_cursor, _Cursor):
    """A cursor that keeps no more than the pages under way."""

    __slots__ = ()


class _Connection(AsyncAdapt_terminate, AsyncAdapt_dbapi_connection):
    """SQLAlchemy's adapter, with what the dialect asks a connection besides."""

    __slots__ = ()

    _cursor_cls = _Cursor
    _ss_cursor_cls = _ServerSideCursor
    _connection: Any

    def __getattr__(self, name: str) -> Any:
        # What the connection knows without asking the server: schema, options, in_transaction, is_connection_lost, …
        if name.startswith("_"):
            raise AttributeError(name)
        return getattr(self._connection, name)

    @property
    def autocommit(self) -> bool:
        return bool(self._connection.autocommit)

    @autocommit.setter
    def autocommit(self, value: bool) -> None:
        self._connection.autocommit = value

    def atomic_long(self, name: str, initial: int = 0, **options: Any) -> _AtomicLong:
        return _AtomicLong(util.await_only(self._connection.atomic_long(name, initial, **options)))

    def bulk_load(self, table: str, rows: Any, columns: Any = None, **options: Any) -> int:
        return int(util.await_only(self._connection.bulk_load(table, rows, columns, **options)))

    def ping(self) -> None:
        util.await_only(self._connection.ping())

    def server_version(self) -> str:
        return str(util.await_only(self._connection.server_version()))

    def default_query_engine(self) -> str:
        return str(util.await_only(self._connection.default_query_engine()))

    def query_engines(self) -> frozenset[str]:
        return frozenset(util.await_only(self._connection.query_engines()))

    async def _terminate_graceful_close(self) -> None:
        await self._connection.close()

    def _terminate_force_close(self) -> None:
        # Garbage is collected where nothing can be awaited. The driver's close() waits for nothing, so that running it
        # once runs all of it.
        closing = self._connection.close()
        try:
            closing.send(None)
        except (StopIteration, RuntimeError):
            # RuntimeError: the event loop was closed before, and the sockets with it.
            pass
        finally:
            closing.close()


class _AtomicLong:
    """A blocking front of an asynchronous atomic long."""

    __slots__ = ("_atomic_long",)

    def __init__(self, atomic_long: Any) -> None:
        self._atomic_long = atomic_long

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._atomic_long, name)
        return lambda *arguments: util.await_only(method(*arguments))


class _Driver(AsyncAdapt_dbapi_module):
    """What SQLAlchemy takes for a blocking driver."""

    def __init__(self, driver: ModuleType, dbapi_module: ModuleType) -> None:
        # 2.0 has no __init__ that takes these.
        self.driver = driver
        self.dbapi_module = dbapi_module

    def __getattr__(self, name: str) -> Any:
        # Errors, types, paramstyle, version: those of the blocking driver.
        if name.startswith("_") and name != "__version__":
            raise AttributeError(name)
        return getattr(self.dbapi_module, name)

    def connect(self, *arguments: Any, **options: Any) -> _Connection:
        creator = options.pop("async_creator_fn", None) or self.driver.connect
        return _Connection(self, util.await_only(creator(*arguments, **options)))


class _ExecutionContext(IgniteExecutionContext):
    def create_server_side_cursor(self) -> Any:
        return self._dbapi_connection.cursor(server_side=True)


class IgniteDialectAsync(IgniteDialect):
    """SQLAlchemy dialect for Apache Ignite 2.x and asyncio: ``create_async_engine("ignite+aio://host:10800/PUBLIC")``."""

    driver = "aio"
    is_async = True
    has_terminate = True
    supports_statement_cache = True

    execution_ctx_cls = _ExecutionContext

    @classmethod
    def import_dbapi(cls) -> Any:
        """Return the driver, adapted."""
        import ignite_dbapi
        import ignite_dbapi.aio

        return _Driver(ignite_dbapi.aio, ignite_dbapi)

    @classmethod
    def get_pool_class(cls, url: URL) -> type[pool.Pool]:
        """Return the pool whose waiting does not block the event loop."""
        return pool.AsyncAdaptedQueuePool

    def get_driver_connection(self, connection: Any) -> Any:
        """Return the driver's asynchronous connection."""
        return connection._connection

    def do_terminate(self, dbapi_connection: Any) -> None:
        """Close a connection, also where nothing can be awaited."""
        dbapi_connection.terminate()
