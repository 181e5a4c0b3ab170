"""Running SQL: statements, pages one ahead. What both kinds of cursor are shells of."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import islice
from operator import length_hint
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeVar, TypeVarTuple

from ignite_dbapi.errors import Error, InterfaceError, ProgrammingError, Warning
from ignite_dbapi.operations import calls, cancelling, transactions
from ignite_dbapi.operations.parameters import check_arguments, input_code
from ignite_dbapi.operations.resources import Work
from ignite_dbapi.operations.results import ResultSet
from ignite_dbapi.operations.running import Run
from ignite_dbapi.operations.session import Session
from ignite_dbapi.operations.statements import Statement, analyze
from ignite_dbapi.options import StatementOptions, override
from ignite_dbapi.protocol.codec import TypeCode
from ignite_dbapi.protocol.exchange import Operation, again
from ignite_dbapi.protocol.messages.sql import SqlFieldsAnswer
from ignite_dbapi.types import Column, describe

if TYPE_CHECKING:
    from ignite_dbapi.protocol.codec.column_buffers import ColumnBatch
    from ignite_dbapi.protocol.codec.columns import ColumnDecoder

# Rows that are looked at for the types of the columns: one is enough unless columns start with NULLs.
_ROWS_FOR_TYPES: Final = 256
# Rows decoded at once for fetchone: enough to spread the cost of a call, few enough to waste nothing.
_BLOCK: Final = 128

_NO_ROW: Final = object()
# Python 3.11 takes long to find a member of an Enum.
_OPTIMIZED: Final = int(TypeCode.OPTIMIZED)

T = TypeVar("T")
Arguments = TypeVarTuple("Arguments")
MadeT_co = TypeVar("MadeT_co", covariant=True)
RowMaker = Callable[[tuple[Any, ...]], Any]


class ColumnMaker(Protocol[MadeT_co]):
    """Makes what a user asked for of decoded columns."""

    @property
    def holds_objects(self) -> bool:
        """Whether columns may hold values that only Python has a type for."""

    @property
    def object_kinds(self) -> Collection[int]:
        """The kinds of columns whose values are wanted as Python objects."""

    def check(self, names: Sequence[str]) -> None:
        """Raise if nothing can be made of columns with *names*, before anything is fetched."""

    def make(self, batches: Sequence[ColumnBatch]) -> MadeT_co:
        """Make it of all rows of *batches*."""


class CursorState:
    """A cursor without I/O: the operations, and what is known after each of them."""

    def __init__(self, session: Session, options: StatementOptions) -> None:
        self._session = session
        self._options = options
        self._input_codes: list[TypeCode | None] | None = None
        self._result: ResultSet | None = None
        # Rows that were decoded and not fetched yet.
        self.buffer: Iterator[Any] = iter(())
        # How many rows of the result were decoded, fetched or not.
        self._taken = 0
        self._decoder: ColumnDecoder | None = None
        # Columns that are complete, of a fetch that is not.
        self._batches: list[ColumnBatch] = []
        self._statement: Statement | None = None
        self._work = Work(has_ended=True)
        # What was given away as an Arrow stream, which may be asked for again.
        self.exported: Any = None
        self.make_row: RowMaker | None = None
        self.make_row_maker: Callable[[], RowMaker | None] = lambda: None
        self.is_closed = False
        self.messages: list[tuple[type[BaseException], BaseException]] = []
        self.description: list[Column] | None = None
        self.rowcount = -1
        self.arraysize = 1

    # --- running ------------------------------------------------------------------------------------------------

    def execute(self, sql: str, parameters: Sequence[Any] | None, overrides: Mapping[str, Any]) -> Operation[None]:
        """Run *sql* once."""
        return self._working(self._execute, sql, parameters, overrides)

    def _working(self, run: Callable[[Work, *Arguments], Operation[T]], *arguments: *Arguments) -> Operation[T]:
        """Let *run* do something with *arguments* where :meth:`cancel` finds it."""
        work = self._work = Work()
        try:
            return (yield from run(work, *arguments))
        except Error as error:
            # A copy, because the error itself holds on to the frames that it passed, and so to the cursor.
            self.messages.append((type(error), again(error)))
            raise
        finally:
            work.has_ended = True

    def cancel(self, seconds: float) -> Operation[bool]:
        """End what another thread or task runs with the cursor; whether it has ended within *seconds*."""
        return cancelling.cancel(self._session, self._work, seconds)

    def _execute(
        self, work: Work, sql: str, parameters: Sequence[Any] | None, overrides: Mapping[str, Any]
    ) -> Operation[None]:
        run = yield from self._prepare(work, sql, overrides)
        arguments = check_arguments(parameters, run.statement)
        self._warn_of_lost_microseconds(arguments, run.options)
        outcome = yield from run.once(arguments)
        if outcome.count is None:
            yield from self._present(outcome.answer)
            if work.is_cancelled and outcome.answer.page.has_more:
                # It came too late to keep the answer from coming, and in time to close the cursor.
                yield from self.discard()
                self.description = None
                raise calls.query_cancelled()
        elif run.statement.is_change:
            self.rowcount = outcome.count

    def execute_many(
        self, sql: str, parameter_sets: Iterable[Sequence[Any]], overrides: Mapping[str, Any]
    ) -> Operation[None]:
        """Run *sql* once for each of *parameter_sets*; :attr:`rowcount` is the sum."""
        return self._working(self._execute_many, sql, parameter_sets, overrides)

    def _execute_many(
        self, work: Work, sql: str, parameter_sets: Iterable[Sequence[Any]], overrides: Mapping[str, Any]
    ) -> Operation[None]:
        run = yield from self._prepare(work, sql, overrides)
        if run.statement.is_query:
            raise ProgrammingError(
                f"executemany is for statements that change data; {run.statement.verb} returns rows: use execute",
                code="executemany_query",
            )
        # Loaded here because few programs use it.
        from ignite_dbapi.operations.batches import Batch

        batch = Batch(run, lambda arguments: self._warn_of_lost_microseconds(arguments, run.options))
        try:
            yield from batch.execute(parameter_sets)
        finally:
            self.rowcount = batch.rowcount if run.statement.is_change else -1

    def _prepare(self, work: Work, sql: str, overrides: Mapping[str, Any]) -> Operation[Run]:
        self.messages.clear()
        self.check_open()
        if not isinstance(sql, str):
            raise ProgrammingError(f"a statement is text, not {type(sql).__name__}", code="statement_not_text")
        options = override(self._options, overrides) if overrides else self._options
        if not self._session.autocommit:
            options = transactions.options_within(options)
        result = self._drop()
        if result is not None:
            yield from result.close()
        self.description = None
        self.rowcount = -1
        statement = self._statement = analyze(sql)
        if statement.is_other:
            transactions.check_statement(statement)
            # It may make a table another one.
            self._session.tables.clear()
        codes, self._input_codes = self._input_codes, None
        if codes is not None:
            codes = self._fitting(codes, statement)
        return Run(self._session, sql, statement, options, codes, work)

    def _present(self, answer: SqlFieldsAnswer) -> Operation[None]:
        result = self._result = ResultSet(self._session, answer)
        page = answer.page
        if not page.has_more:
            self.rowcount = page.row_count
        self._taken = 0
        codes = page.column_codes(self._session.context, _ROWS_FOR_TYPES)
        rows: list[tuple[Any, ...]] = []
        kinds: list[type | None] = [None] * len(codes)
        if _OPTIMIZED in codes and page.row_count:
            # A value of this code may be a DATE or an INTERVAL; only reading it tells.
            count = min(page.row_count, _ROWS_FOR_TYPES)
            at_hand = result.block_at_hand(count)
            rows = at_hand if at_hand is not None else (yield from result.fetch_block(count))
            for index, code in enumerate(codes):
                if code == _OPTIMIZED:
                    kinds[index] = next((type(row[index]) for row in rows if row[index] is not None), None)
        self.description = list(describe(tuple(answer.columns), tuple(codes), tuple(kinds)))
        self.make_row = self.make_row_maker()
        self._keep(self._made(rows))

    # --- fetching -----------------------------------------------------------------------------------------------

    def next_at_hand(self) -> Any:
        """The next row, or None at the end, if that takes no operation; else :data:`NO_ROW`."""
        row = next(self.buffer, _NO_ROW)
        if row is _NO_ROW:
            result = self._result
            if result is None or self._decoder is not None or self.is_closed:
                return _NO_ROW
            block = result.block_at_hand(_BLOCK)
            if not block:
                return _NO_ROW if block is None else None
            self._keep(self._made(block))
            row = next(self.buffer)
        return row

    def fetch_one(self) -> Operation[Any]:
        """The next row, or None at the end."""
        self._readable()
        result = self._rows_readable()
        row = next(self.buffer, _NO_ROW)
        if row is _NO_ROW:
            block = yield from self._working(lambda work: result.fetch_block(_BLOCK, work))
            self._keep(self._made(block))
            row = next(self.buffer, _NO_ROW)
        return None if row is _NO_ROW else row

    def _keep(self, rows: list[Any]) -> None:
        """Let *rows* be the next ones."""
        self.buffer = iter(rows)
        self._taken += len(rows)

    def fetch_many(self, size: int | None) -> Operation[list[Any]]:
        """The next *size* (default: :attr:`arraysize`) rows; fewer at the end."""
        self._readable()
        count = self.arraysize if size is None else size
        if count < 0:
            raise ProgrammingError(f"fetchmany of {count} rows", code="invalid_size")
        rows = list(islice(self.buffer, count))
        if len(rows) < count:
            rows = yield from self._with_next(rows, count - len(rows))
        return rows

    def fetch_all(self) -> Operation[list[Any]]:
        """All rows that are left."""
        self._readable()
        return (yield from self._with_next(list(self.buffer), None))

    def _with_next(self, rows: list[Any], count: int | None) -> Operation[list[Any]]:
        """*rows*, which were decoded before, and the next *count* of the result, or all that are left."""
        result = self._rows_readable()
        try:
            more = yield from self._working(lambda work: result.fetch(count, work))
        except Error:
            self._taken -= len(rows)
            raise
        except BaseException:
            # Only the waiting was given up: these are still the next ones.
            self.buffer = iter(rows)
            raise
        made = self._made(more)
        self._taken += len(made)
        # In place, because they are few and the others may be very many.
        made[:0] = rows
        return made

    def fetch_columns(self, maker: ColumnMaker[T], count: int | None) -> Operation[T]:
        """What *maker* makes of the next *count* rows, or (None) of those of a page; fewer, or none, at the end."""
        return self._working(self._fetch_columns, maker, count)

    def fetch_all_columns(self, maker: ColumnMaker[T]) -> Operation[T]:
        """What *maker* makes of all rows that are left."""
        return self._working(self._fetch_all_columns, maker)

    def _fetch_columns(self, work: Work, maker: ColumnMaker[T], count: int | None) -> Operation[T]:
        if count is not None and count < 1:
            raise ProgrammingError(f"batches of {count} rows", code="invalid_size")
        result, decoder = self._columns_readable(maker)
        if self._batches:
            return self._made_of(result, maker, [self._batches.pop(0)])
        if count is None and not decoder.row_count:
            yield from result.has_rows(work)
            count = result.page.row_count
        yield from result.fill(decoder, count or 0, work)
        return self._made_of(result, maker, [decoder.finish()])

    def _fetch_all_columns(self, work: Work, maker: ColumnMaker[T]) -> Operation[T]:
        result, decoder = self._columns_readable(maker)
        # One batch, unless a column is larger than Arrow's arrays may be.
        while not self._batches or decoder.row_count or (yield from result.has_rows(work)):
            yield from result.fill(decoder, None, work)
            self._batches.append(decoder.finish())
        batches, self._batches = self._batches, []
        return self._made_of(result, maker, batches)

    def _columns_readable(self, maker: ColumnMaker[Any]) -> tuple[ResultSet, ColumnDecoder]:
        result = self._readable()
        maker.check(result.columns)
        rows = list(self.buffer)
        self.buffer = iter(rows)
        result.rewind(len(rows))
        self.buffer = iter(())
        self._taken -= len(rows)
        if self._decoder is None:
            # Loaded here because few programs fetch columns.
            from ignite_dbapi.protocol.codec.columns import ColumnDecoder

            self._decoder = ColumnDecoder(result.columns, self._taken)
        self._decoder.holds_objects = maker.holds_objects
        self._decoder.object_kinds = maker.object_kinds
        return result, self._decoder

    def _made_of(self, result: ResultSet, maker: ColumnMaker[T], batches: list[ColumnBatch]) -> T:
        try:
            made = maker.make(batches)
        except Error as error:
            # Rows are missing from here on, which must not look like the end of the result.
            result.fail(error)
            raise
        except BaseException:
            # Only this call was given up: these rows are still the next ones.
            self._batches = [*batches, *self._batches]
            raise
        self._taken += sum(batch.row_count for batch in batches)
        return made

    def _rows_readable(self) -> ResultSet:
        result = self._readable()
        if self._batches or (self._decoder is not None and self._decoder.row_count):
            raise InterfaceError(
                "the next rows were made into columns, by a fetch that failed or was given up; run the statement again",
                code="columns_made",
            )
        # Rows that are fetched now are none of the columns that may be fetched later.
        self._decoder = None
        return result

    def _made(self, rows: list[tuple[Any, ...]]) -> list[Any]:
        return rows if self.make_row is None else list(map(self.make_row, rows))

    def _readable(self) -> ResultSet:
        self.check_open()
        if self._result is None:
            done = f"the last statement, {self._statement.verb}, returned none" if self._statement else "execute first"
            raise ProgrammingError(f"there are no rows to fetch: {done}", code="no_result")
        return self._result

    @property
    def rownumber(self) -> int | None:
        """The index of the next row, or None without a result."""
        return None if self._result is None else self._taken - length_hint(self.buffer)

    # --- parameters and what is wrong with them ------------------------------------------------------------------

    def set_input_types(self, sizes: Sequence[Any] | None) -> None:
        """Fix the types of the parameters of the next statement."""
        self.messages.clear()
        self.check_open()
        self._input_codes = None if sizes is None else [input_code(size) for size in sizes]

    def _warn_of_lost_microseconds(self, arguments: Sequence[Any], options: StatementOptions) -> None:
        if options.query_engine == "calcite":
            for argument in arguments:
                if isinstance(argument, datetime) and argument.microsecond % 1000:
                    warning = Warning(
                        f"the Calcite engine keeps milliseconds of a TIMESTAMP: {argument!r} loses its microseconds; "
                        f"round it, or use query_engine='h2'"
                    )
                    warnings.warn(warning, stacklevel=2)
                    self.messages.append((Warning, warning))
                    return

    @staticmethod
    def _fitting(codes: list[TypeCode | None], statement: Statement) -> list[TypeCode | None]:
        """*codes* for as many parameters as *statement* has."""
        if any(code is not None for code in codes[statement.parameter_count :]):
            raise ProgrammingError(
                f"setinputsizes named {len(codes)} types; the statement has {statement.parameter_count} parameters",
                code="parameter_count",
            )
        count = statement.parameter_count
        return codes[:count] + [None] * (count - len(codes))

    # --- closing ------------------------------------------------------------------------------------------------

    def check_open(self) -> None:
        """Raise InterfaceError if the cursor was closed."""
        if self.is_closed:
            raise InterfaceError("the cursor is closed", code="cursor_closed")

    def discard(self) -> Operation[None]:
        """Give up the current result."""
        result = self._drop()
        if result is not None:
            yield from result.close()

    def _drop(self) -> ResultSet | None:
        """Forget the current result, which is to be closed."""
        result, self._result = self._result, None
        self.buffer = iter(())
        self._decoder = None
        self._batches = []
        self.exported = None
        return result

    def close(self) -> Operation[None]:
        """Give up everything; later calls raise InterfaceError."""
        self.messages.clear()
        if not self.is_closed:
            self.is_closed = True
            self.description = None
            yield from self.discard()


NO_ROW: Final = _NO_ROW


__all__ = ["NO_ROW", "CursorState"]
