"""The blocking cursor: a shell over :class:`~ignite_dbapi.operations.sql.CursorState`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any

from ignite_dbapi.operations.sql import NO_ROW, CursorState
from ignite_dbapi.rows import RowFactory, tuple_row
from ignite_dbapi.types import Column

if TYPE_CHECKING:
    import pyarrow

    # Fetches of columns load it, as few programs have any.
    from ignite_dbapi import arrow
    from ignite_dbapi.connection import Connection


class CursorAttributes:
    """What a cursor knows without asking the server; the blocking and the asynchronous cursor share it."""

    _state: CursorState

    def _choose_rows(self, row_factory: RowFactory | None) -> None:
        if row_factory is not None and row_factory is not tuple_row:
            self._state.make_row_maker = lambda: row_factory(self)

    @property
    def description(self) -> list[Column] | None:
        """The columns of the result, seven items each (PEP 249); None if the statement returned no rows.

        The server does not send types: ``type_code`` is that of the first value that is not NULL.
        """
        return self._state.description

    @property
    def rowcount(self) -> int:
        """Rows changed by the last statement, or in its result if they all came at once; -1: not known."""
        return self._state.rowcount

    @property
    def rownumber(self) -> int | None:
        """The index, from 0, of the row that is fetched next; None without a result."""
        return self._state.rownumber

    @property
    def arraysize(self) -> int:
        """How many rows ``fetchmany()`` fetches; 1 at first."""
        return self._state.arraysize

    @arraysize.setter
    def arraysize(self, size: int) -> None:
        self._state.arraysize = size

    @property
    def lastrowid(self) -> None:
        """Always None: Ignite makes no row ids."""

    @property
    def messages(self) -> list[tuple[type[BaseException], BaseException]]:
        """The driver's warnings and errors of the last call, as (class, exception); fetches add to them (PEP 249)."""
        return self._state.messages

    @property
    def closed(self) -> bool:
        """Whether the cursor was closed."""
        return self._state.is_closed

    def setinputsizes(self, sizes: Sequence[Any] | None) -> None:
        """Fix the types of the next statement's parameters.

        *sizes* has a type object (``ignite_dbapi.INTEGER``), or its name, for each parameter; None leaves one to the
        value's own type. Values that do not fit raise DataError.
        """
        self._state.set_input_types(sizes)

    def setoutputsize(self, size: int, column: int | None = None) -> None:
        """Accepted and without effect: values come whole, whatever their size (PEP 249)."""
        self._state.check_open()


class Cursor(CursorAttributes):
    """Runs statements and fetches their rows. Made by :meth:`Connection.cursor`; not to be shared by threads."""

    def __init__(self, connection: Connection, row_factory: RowFactory | None = None) -> None:
        self._connection = connection
        self._state = connection._new_cursor_state()
        self._choose_rows(row_factory or connection.options.row_factory)

    @property
    def connection(self) -> Connection:
        """The connection that made this cursor."""
        return self._connection

    def execute(self, operation: str, parameters: Sequence[Any] | None = None, **options: Any) -> Cursor:
        """Run a statement, with a value for each ``?`` in it. Returns the cursor itself.

        *options* override the connection's for this statement: schema, query_engine, page_size, timeout, lazy,
        distributed_joins, enforce_join_order, collocated, local, partitions, ordered.
        """
        self._connection._run(self._state.execute(operation, parameters, options))
        return self

    def executemany(self, operation: str, seq_of_parameters: Iterable[Sequence[Any]], **options: Any) -> Cursor:
        """Run a statement once for each set of parameters, in their order; :attr:`rowcount` is the sum.

        *seq_of_parameters* may be a generator: sets are taken as they are sent. INSERTs of rows with different keys are
        sent several at a time, to the H2 engine in statements of many rows. With the option ``ordered=False`` every
        statement is: sets that concern the same row then take effect in any order.

        An error tells the set that failed (``error.parameter_set``). Those before it took effect, those from
        ``error.sent_sets`` on did not, and of those in ``error.unknown_sets`` nobody knows: rowcount is without them.
        """
        self._connection._run(self._state.execute_many(operation, seq_of_parameters, options))
        return self

    def cancel(self, timeout: float = 5.0) -> bool:
        """End what another thread runs with this cursor, which then gets OperationalError (``query_cancelled``).

        Waits up to *timeout* seconds for it. Returns whether it has ended, in whatever way: False says that it still
        runs, because the server does not stop what it is doing, or hears nothing. Without anything to end it does
        nothing.
        """
        return self._connection._run(self._state.cancel(timeout))

    def fetchone(self) -> Any:
        """The next row, or None when there are no more."""
        if not self._connection._is_closed:
            # Nearly always there is one: a loop is the fastest way to take it.
            for row in self._state.buffer:
                return row
        self._connection._check_open()
        row = self._state.next_at_hand()
        return row if row is not NO_ROW else self._connection._run(self._state.fetch_one())

    def fetchmany(self, size: int | None = None) -> list[Any]:
        """The next *size* rows (default: :attr:`arraysize`); fewer, or none, at the end."""
        return self._connection._run(self._state.fetch_many(size))

    def fetchall(self) -> list[Any]:
        """All rows that are left."""
        return self._connection._run(self._state.fetch_all())

    def fetch_arrow_table(self, schema: arrow.Schema | pyarrow.Schema | None = None) -> pyarrow.Table:
        """All rows that are left, as a pyarrow.Table (extra ``arrow``).

        Each column has the narrowest type that holds all its values exactly; *schema*, a pyarrow.Schema or a mapping of
        column names to types, names others. DataError says which column and row do not fit.
        """
        from ignite_dbapi import arrow

        return self._connection._run(self._state.fetch_all_columns(arrow.Tables(schema)))

    def fetch_record_batches(
        self, size: int | None = None, schema: arrow.Schema | pyarrow.Schema | None = None
    ) -> pyarrow.RecordBatchReader:
        """The rows that are left as a pyarrow.RecordBatchReader, which fetches while it is read (extra ``arrow``).

        Batches have *size* rows, or are the pages as they come. All have the types of the first one, or those that
        *schema* names; a later value that does not fit raises DataError.
        """
        from ignite_dbapi import arrow

        maker = arrow.RecordBatches(schema)
        return arrow.reader(lambda: self._connection._run(self._state.fetch_columns(maker, size)))

    def fetch_numpy(self) -> dict[str, Any]:
        """All rows that are left, as a dict of NumPy arrays by column name.

        NULL is NaN or NaT where the type has it, None in columns of objects (texts, decimals, UUIDs, times of day),
        and masked (numpy.ma) in columns of integers and booleans.
        """
        from ignite_dbapi import arrow

        return self._connection._run(self._state.fetch_all_columns(arrow.NumpyArrays()))

    def fetch_pandas(self, dtype_backend: str | None = None) -> Any:
        """All rows that are left, as a pandas.DataFrame (extras ``arrow`` and ``pandas``).

        *dtype_backend* is that of pandas.read_sql: ``"pyarrow"``, ``"numpy_nullable"``, or None for NumPy's types,
        with pandas' nullable ones for integers and booleans in columns with NULLs.
        """
        from ignite_dbapi import arrow

        return self._connection._run(self._state.fetch_all_columns(arrow.DataFrames(dtype_backend)))

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        """All rows that are left, for whoever takes Arrow streams: polars, pandas, pyarrow, duckdb.

        Called again before the next statement, it gives the same rows again, as duckdb expects; the cursor keeps them
        until then, or until it is closed.
        """
        if self._state.exported is None:
            self._state.exported = self.fetch_arrow_table()
        return self._state.exported.__arrow_c_stream__(requested_schema)

    def __iter__(self) -> Iterator[Any]:
        return self

    def __next__(self) -> Any:
        row = self.fetchone()
        if row is None:
            raise StopIteration
        return row

    def close(self) -> None:
        """Free what the server holds for the cursor; it cannot be used afterwards. May be called again."""
        self._connection._finish(self._state.close())

    def __enter__(self) -> Cursor:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
