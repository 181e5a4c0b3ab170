"""The public DB-API compliance suite (``dbapi-compliance`` on PyPI), whole, on both SQL engines and both drivers."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

import ignite_dbapi
import ignite_dbapi.aio

dbapi20 = pytest.importorskip("dbapi20", reason="pip install dbapi-compliance")


class Suite(dbapi20.DatabaseAPI20Test):  # type: ignore[misc, name-defined, unused-ignore]
    """What the suite leaves to drivers: result sets after the first, and sizes of output columns."""

    __test__ = False
    driver = ignite_dbapi
    engine: Any = None

    @pytest.fixture(autouse=True)
    def _server(self, node: Any) -> None:
        self.connect_args = (node.url,)
        self.connect_kw_args = {"query_engine": self.engine}

    def test_non_idempotent_close(self) -> None:
        # The suite's author calls this one debatable. Closing twice is silent here, as with any file.
        connection = self._connect()
        connection.close()
        connection.close()
        with pytest.raises(ignite_dbapi.Error):
            connection.commit()

    def test_nextset(self) -> None:
        # One request brings one result: the optional method is left out, which is how PEP 249 says so.
        connection = self._connect()
        try:
            assert not hasattr(connection.cursor(), "nextset")
        finally:
            connection.close()

    def test_rollback(self) -> None:
        connection = self._connect()
        connection.rollback()
        connection.close()

    def test_ExceptionsAsConnectionAttributes(self) -> None:  # noqa: N802 - the suite's name
        connection = self._connect()
        for name in ("Warning", "Error", "DataError", "NotSupportedError", "OperationalError", "ProgrammingError"):
            assert getattr(connection, name) is getattr(ignite_dbapi, name)
        connection.close()

    def test_setoutputsize(self) -> None:
        connection = self._connect()
        cursor = connection.cursor()
        cursor.setoutputsize(2)
        cursor.setoutputsize(2, 0)
        text = "x" * 1000
        # Values are never cut.
        assert cursor.execute("SELECT CAST(? AS VARCHAR)", [text]).fetchall() == [(text,)]
        connection.close()


class TestOnCalcite(Suite):
    """Calcite creates tables without a primary key, as the suite's statements do."""

    __test__ = True
    engine = "calcite"
    table_prefix = "compliance_c_"
    ddl1 = f"create table {table_prefix}booze (name varchar(20))"
    ddl2 = f"create table {table_prefix}barflys (name varchar(20), drink varchar(30))"
    xddl1 = f"drop table {table_prefix}booze"
    xddl2 = f"drop table {table_prefix}barflys"


def with_column(operation: str) -> str:
    """Name the column that the suite's INSERTs into its table with one column mean."""
    return operation.replace("booze values", "booze (name) values")


class NamingCursor(ignite_dbapi.Cursor):
    """For a table that has a column more than the suite's."""

    def execute(self, operation: str, parameters: Any = None, **options: Any) -> Any:
        return super().execute(with_column(operation), parameters, **options)

    def executemany(self, operation: str, sets: Any, **options: Any) -> Any:
        return super().executemany(with_column(operation), sets, **options)


class TestOnH2(Suite):
    """H2 creates no table without a primary key, nor without a column beside it."""

    __test__ = True
    engine = "h2"
    table_prefix = "compliance_h_"
    ddl1 = f"create table {table_prefix}booze (name varchar(20) primary key, nothing int)"
    ddl2 = f"create table {table_prefix}barflys (name varchar(20) primary key, drink varchar(30))"
    xddl1 = f"drop table {table_prefix}booze"
    xddl2 = f"drop table {table_prefix}barflys"

    def _connect(self) -> Any:
        connection = super()._connect()
        connection.cursor = lambda: NamingCursor(connection)
        return connection


# --- asyncio --------------------------------------------------------------------------------------------------------


class Awaited:
    """An object of the asyncio driver, whose coroutines are run to their end where the suite calls a method."""

    def __init__(self, target: Any, runner: asyncio.Runner) -> None:
        self.__dict__.update(_target=target, _runner=runner)

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._target, name)
        if not inspect.isroutine(value):
            return value

        def call(*arguments: Any, **options: Any) -> Any:
            result = value(*arguments, **options)
            if inspect.isawaitable(result):
                result = self._runner.run(self._awaiting(result))
            return Awaited(result, self._runner) if isinstance(result, ignite_dbapi.aio.AsyncCursor) else result

        return call

    @staticmethod
    async def _awaiting(result: Any) -> Any:
        return await result

    def __setattr__(self, name: str, value: Any) -> None:
        setattr(self._target, name, value)


class NamingAsyncCursor(ignite_dbapi.aio.AsyncCursor):
    """For a table that has a column more than the suite's."""

    async def execute(self, operation: str, parameters: Any = None, **options: Any) -> Any:
        return await super().execute(with_column(operation), parameters, **options)

    async def executemany(self, operation: str, sets: Any, **options: Any) -> Any:
        return await super().executemany(with_column(operation), sets, **options)


class Awaiting:
    """The suite's checks, of the asyncio driver."""

    @pytest.fixture(autouse=True)
    def _loop(self) -> Iterator[None]:
        with asyncio.Runner() as runner:

            def connect(*arguments: Any, **options: Any) -> Awaited:
                return Awaited(runner.run(ignite_dbapi.aio.connect(*arguments, **options)), runner)

            # The asyncio module has the same globals, type objects and exceptions by way of the package.
            self.driver = SimpleNamespace(**{**vars(ignite_dbapi), "connect": connect})
            yield


class TestAsyncOnCalcite(Awaiting, TestOnCalcite):
    """The same checks, awaited."""


class TestAsyncOnH2(Awaiting, TestOnH2):
    """The same checks, awaited."""

    def _connect(self) -> Any:
        connection = Suite._connect(self)
        connection.cursor = lambda: NamingAsyncCursor(connection._target)
        return connection
