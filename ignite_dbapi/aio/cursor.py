"""The asynchronous cursor: a shell over :class:`~ignite_dbapi.operations.sql.CursorState`."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any

from ignite_dbapi.cursor import CursorAttributes
from ignite_dbapi.operations.sql import NO_ROW
from ignite_dbapi.rows import RowFactory

if TYPE_CHECKING:
    import pyarrow

    # Fetches of columns load it, as few programs have any.
    from ignite_dbapi import arrow
    from ignite_dbapi.aio.connection import AsyncConnection


class AsyncCursor(CursorAttributes):
    """Runs statements and fetches their rows, like :class:`ignite_dbapi.Cursor`, for one task at a time."""

    def __init__(self, connection: AsyncConnection, row_factory: RowFactory | None = None) -> None:
        self._connection = connection
        self._state = connection._new_cursor_state()
        self._choose_rows(row_factory or connection.options.row_factory)

    @property
    def connection(self) -> AsyncConnection:
        """The connection that made this cursor."""
        return self._connection

    async def execute(self, operation: str, parameters: Sequence[Any] | None = None, **options: Any) -> AsyncCursor:
        """Run a statement; see :meth:`ignite_dbapi.Cursor.execute`."""
        await self._connection._run(self._state.execute(operation, parameters, options))
        return self

    async def executemany(
        self, operation: str, seq_of_parameters: Iterable[Sequence[Any]], **options: Any
    ) -> AsyncCursor:
        """Run a statement for each set of parameters; see :meth:`ignite_dbapi.Cursor.executemany`."""
        await self._connection._run(self._state.execute_many(operation, seq_of_parameters, options))
        return self

    async def cancel(self, timeout: float = 5.0) -> bool:
        """End what another task runs with this cursor; see :meth:`ignite_dbapi.Cursor.cancel`."""
        return await self._connection._run(self._state.cancel(timeout))

    async def fetchone(self) -> Any:
        """The next row, or None when there are no more."""
        if not self._connection._is_closed:
            # Nearly always there is one: a loop is the fastest way to take it.
            for row in self._state.buffer:
                return row
        self._connection._check_open()
        row = self._state.next_at_hand()
        return row if row is not NO_ROW else await self._connection._run(self._state.fetch_one())

    async def fetchmany(self, size: int | None = None) -> list[Any]:
        """The next *size* rows (default: :attr:`arraysize`); fewer, or none, at the end."""
        return await self._connection._run(self._state.fetch_many(size))

    async def fetchall(self) -> list[Any]:
        """All rows that are left."""
        return await self._connection._run(self._state.fetch_all())

    async def fetch_arrow_table(self, schema: arrow.Schema | pyarrow.Schema | None = None) -> pyarrow.Table:
        """All rows that are left, as a pyarrow.Table; see :meth:`ignite_dbapi.Cursor.fetch_arrow_table`."""
        from ignite_dbapi import arrow

        return await self._connection._run(self._state.fetch_all_columns(arrow.Tables(schema)))

    async def fetch_record_batches(
        self, size: int | None = None, schema: arrow.Schema | pyarrow.Schema | None = None
    ) -> AsyncIterator[pyarrow.RecordBatch]:
        """The rows that are left, a batch at a time; see :meth:`ignite_dbapi.Cursor.fetch_record_batches`.

        An empty result has one batch, without rows, that tells the columns.
        """
        from ignite_dbapi import arrow

        maker = arrow.RecordBatches(schema)
        batch = await self._connection._run(self._state.fetch_columns(maker, size))
        yield batch
        while batch.num_rows:
            batch = await self._connection._run(self._state.fetch_columns(maker, size))
            if batch.num_rows:
                yield batch

    async def fetch_numpy(self) -> dict[str, Any]:
        """All rows that are left, as NumPy arrays; see :meth:`ignite_dbapi.Cursor.fetch_numpy`."""
        from ignite_dbapi import arrow

        return await self._connection._run(self._state.fetch_all_columns(arrow.NumpyArrays()))

    async def fetch_pandas(self, dtype_backend: str | None = None) -> Any:
        """All rows that are left, as a pandas.DataFrame; see :meth:`ignite_dbapi.Cursor.fetch_pandas`."""
        from ignite_dbapi import arrow

        return await self._connection._run(self._state.fetch_all_columns(arrow.DataFrames(dtype_backend)))

    def __aiter__(self) -> AsyncIterator[Any]:
        return self

    async def __anext__(self) -> Any:
        row = await self.fetchone()
        if row is None:
            raise StopAsyncIteration
        return row

    async def close(self) -> None:
        """Free what the server holds for the cursor; it cannot be used afterwards. May be called again."""
        await self._connection._finish(self._state.close())

    async def __aenter__(self) -> AsyncCursor:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()
