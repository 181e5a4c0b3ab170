"""Running SQL: statements, pages one ahead, batches. What both kinds of cursor are shells of."""

from __future__ import annotations

import warnings
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import chain, islice
from typing import Any, Final

from ignite_dbapi.errors import (
    DataError,
    Error,
    InterfaceError,
    NotSupportedError,
    ProgrammingError,
    Warning,
)
from ignite_dbapi.operations import calls, facts, server
from ignite_dbapi.operations.session import Session
from ignite_dbapi.operations.statements import (
    Statement,
    StatementKind,
    analyze,
    with_engine,
    without_key_shortcut,
)
from ignite_dbapi.options import StatementOptions, override
from ignite_dbapi.protocol.codec import MissingFact, TypeCode
from ignite_dbapi.protocol.codec.values import ObjectArray
from ignite_dbapi.protocol.exchange import Operation, Pending, Receive, Send, again
from ignite_dbapi.protocol.messages.sql import Page, SqlFieldsAnswer, SqlFieldsPage, SqlFieldsQuery
from ignite_dbapi.types import Column, SqlType, sql_type, type_of_column

# Rows that are looked at for the types of the columns: one is enough unless columns start with NULLs.
_ROWS_FOR_TYPES: Final = 256
# Rows decoded at once for fetchone: enough to spread the cost of a call, few enough to waste nothing.
_BLOCK: Final = 128
# INSERTs of an executemany that are under way at once; far below what would fill the server's thread pool queue.
_BATCH_WINDOW: Final = 16

_COUNT_COLUMNS: Final = (["UPDATED"], ["ROWCOUNT"])
_NO_ROW: Final = object()

# The types in which H2 may want an integer key of a DELETE or UPDATE, and their bits, in the order they are tried.
_INTEGER_FORMS: Final = ((None, 0), (TypeCode.INT, 31), (TypeCode.SHORT, 15), (TypeCode.BYTE, 7))
_LEARNED_LIMIT: Final = 1000

RowMaker = Callable[[tuple[Any, ...]], Any]


class ResultSet:
    """The rows of one query: the current page, and whether the next one was asked for."""

    def __init__(self, session: Session, answer: SqlFieldsAnswer) -> None:
        self.session = session
        self.cursor_id = answer.cursor_id
        self.columns = answer.columns
        self.page = answer.page
        self._next: Pending | None = None
        self._failure: Error | None = None
        self._is_closed = not answer.page.has_more

    def fetch(self, count: int | None) -> Operation[list[tuple[Any, ...]]]:
        """The next *count* rows, or all; fewer at the end."""
        rows: list[tuple[Any, ...]] = []
        while count is None or len(rows) < count:
            if self.page.row_count:
                yield from self._request_ahead()
                taken = yield from self._take(self.page.row_count if count is None else count - len(rows))
                rows = taken if not rows else _extended(rows, taken)
            elif self._failure is not None:
                raise again(self._failure)
            elif self._next is None and not self.page.has_more:
                break
            else:
                yield from self._turn_page()
        return rows

    def _request_ahead(self) -> Operation[None]:
        if self._next is None and self.page.has_more and not self._is_closed:
            self._next = yield Send(SqlFieldsPage(self.cursor_id, len(self.columns)))

    def _turn_page(self) -> Operation[None]:
        yield from self._request_ahead()
        pending, self._next = self._next, None
        if pending is None:
            raise InterfaceError("the result was closed before it was read to its end", code="result_closed")
        try:
            self.page = yield Receive(pending)
        except Error as error:
            # Rows are missing from here on, which must not look like the end of the result.
            self._failure = error
            # The cursor stays open on the server when a later page fails.
            yield from self.close()
            raise
        except BaseException:
            # Only the waiting was given up: this page is still the next one.
            self._next = pending
            raise
        self._is_closed = not self.page.has_more

    def _take(self, count: int) -> Operation[list[tuple[Any, ...]]]:
        while True:
            try:
                return self.page.take(count, self.session.context)
            except MissingFact as missing:
                fact = missing
            except DataError:
                # One value cannot be given as a Python object: the rows before it can.
                if count == 1:
                    raise
                return (yield from self._take_until_error())
            yield from facts.learn(self.session, fact)

    def _take_until_error(self) -> Operation[list[tuple[Any, ...]]]:
        rows = yield from self._take(1)
        try:
            while True:
                rows += self.page.take(1, self.session.context)
        except (DataError, MissingFact):
            return rows

    def close(self) -> Operation[None]:
        """Free the cursor on the server, if it still has it."""
        if self._is_closed:
            return
        self._is_closed = True
        self._next = None
        yield from calls.close_resource(self.session, self.cursor_id)

    def __del__(self) -> None:
        if not self._is_closed:
            self.session.resources.orphans.append(self.cursor_id)


def _extended(rows: list[Any], more: list[Any]) -> list[Any]:
    rows += more
    return rows


class CursorState:
    """A cursor without I/O: the operations, and what is known after each of them."""

    def __init__(self, session: Session, options: StatementOptions) -> None:
        self._session = session
        self._options = options
        self._input_codes: list[TypeCode | None] | None = None
        self._result: ResultSet | None = None
        self._buffer: Iterator[Any] = iter(())
        self._statement: Statement | None = None
        self._delivered = 0
        self.make_row: RowMaker | None = None
        self.make_row_maker: Callable[[], RowMaker | None] = lambda: None
        self.is_closed = False
        self.description: list[Column] | None = None
        self.rowcount = -1
        self.arraysize = 1

    # --- running ------------------------------------------------------------------------------------------------

    def execute(self, sql: str, parameters: Sequence[Any] | None, overrides: Mapping[str, Any]) -> Operation[None]:
        """Run *sql* once."""
        statement, options = yield from self._prepare(sql, overrides)
        arguments = _arguments(parameters, statement)
        codes = self._take_input_codes(statement)
        self._warn_of_lost_microseconds(arguments, options)
        answer, count = yield from self._run(sql, statement, options, arguments, codes)
        if count is not None:
            self.rowcount = count if statement.kind is StatementKind.DML else -1
        else:
            yield from self._present(answer)

    def execute_many(
        self, sql: str, parameter_sets: Iterable[Sequence[Any]], overrides: Mapping[str, Any]
    ) -> Operation[None]:
        """Run *sql* once for each of *parameter_sets*; :attr:`rowcount` is the sum."""
        statement, options = yield from self._prepare(sql, overrides)
        if statement.kind is StatementKind.QUERY:
            raise ProgrammingError(
                f"executemany is for statements that change data; {statement.verb} returns rows: use execute",
                code="executemany_query",
            )
        codes = self._take_input_codes(statement)
        self.rowcount = 0 if statement.kind is StatementKind.DML else -1
        if statement.verb == "INSERT":
            yield from self._insert_many(sql, statement, options, parameter_sets, codes)
            return
        # The order of UPDATEs and DELETEs matters, and the server does not keep the order of what is under
        # way at the same time: one after the other.
        for index, parameters in enumerate(parameter_sets):
            arguments = _arguments(parameters, statement)
            try:
                _, count = yield from self._run(sql, statement, options, arguments, codes)
            except Error as error:
                raise _of_parameter_set(error, index) from error.__cause__
            if statement.kind is StatementKind.DML:
                self.rowcount += count or 0

    def _prepare(self, sql: str, overrides: Mapping[str, Any]) -> Operation[tuple[Statement, StatementOptions]]:
        self.check_open()
        if not isinstance(sql, str):
            raise ProgrammingError(f"a statement is text, not {type(sql).__name__}", code="statement_not_text")
        options = override(self._options, overrides)
        yield from self.discard()
        self.description = None
        self.rowcount = -1
        statement = self._statement = analyze(sql)
        return statement, options

    def _run(
        self,
        sql: str,
        statement: Statement,
        options: StatementOptions,
        arguments: Sequence[Any],
        codes: list[TypeCode | None] | None,
    ) -> Operation[tuple[SqlFieldsAnswer, int | None]]:
        """Run a statement once: its answer, and the number of changed rows if it has no result."""
        if statement.condition_start is not None and options.query_engine != "calcite":
            return (yield from self._run_conditional(sql, statement, options, arguments, codes))
        message = _message(sql, statement, options, arguments, codes)
        may_leak = statement.kind is not StatementKind.DML
        answer = yield from calls.query(self._session, message, may_leak=may_leak)
        return answer, (yield from self._count(answer, statement))

    def _run_conditional(
        self,
        sql: str,
        statement: Statement,
        options: StatementOptions,
        arguments: Sequence[Any],
        codes: list[TypeCode | None] | None,
    ) -> Operation[tuple[SqlFieldsAnswer, int | None]]:
        """Run a DELETE or UPDATE with a condition, so that it finds what a SELECT with the condition finds.

        H2 turns ``WHERE key = ?`` into a direct operation on the key, with the values as they came. A DELETE by a
        BIGINT then finds no INTEGER key, without an error: when nothing was deleted, the statement is run again in a
        form that has H2 convert and compare, and if that finds something, the same statement starts in another form
        the next time. An UPDATE is hardly ever turned into a direct operation, hence the safe form at once.
        """
        learned = self._session.learned_forms
        form = learned.get(sql, 0)
        direct = None if statement.verb == "UPDATE" else _direct_codes(statement, arguments, codes, form)
        if direct is not None:
            message = _message(sql, statement, options, arguments, direct)
            answer = yield from calls.query(self._session, message, may_leak=False)
            count = yield from self._count(answer, statement)
            if count or (options.query_engine is None and (yield from self._is_calcite_default())):
                return answer, count
        message = _message(without_key_shortcut(sql, statement), statement, options, arguments, codes)
        answer = yield from calls.query(self._session, message, may_leak=False)
        count = yield from self._count(answer, statement)
        if count and direct is not None:
            if len(learned) >= _LEARNED_LIMIT:
                learned.clear()
            learned[sql] = form + 1
        return answer, count

    def _is_calcite_default(self) -> Operation[bool]:
        return (yield from server.default_query_engine(self._session)) == "calcite"

    def _count(self, answer: SqlFieldsAnswer, statement: Statement) -> Operation[int | None]:
        """The number of changed rows that the answer to a statement without result consists of."""
        if statement.kind is StatementKind.QUERY or answer.columns not in _COUNT_COLUMNS:
            return None
        result = ResultSet(self._session, answer)
        ((count,),) = yield from result.fetch(1)
        return int(count)

    def _present(self, answer: SqlFieldsAnswer) -> Operation[None]:
        result = self._result = ResultSet(self._session, answer)
        page = answer.page
        if not page.has_more:
            self.rowcount = page.row_count
        self._delivered = 0
        codes = page.column_codes(self._session.context, _ROWS_FOR_TYPES)
        # A value of code OPTIMIZED may be a DATE or an INTERVAL; only reading it tells.
        first_row: Sequence[Any] = ()
        if TypeCode.OPTIMIZED in codes and page.row_count:
            rows = yield from result.fetch(1)
            first_row = rows[0]
            self._buffer = iter(())
            self._first = rows
        else:
            self._first = []
        self.description = [
            _column(name, code, first_row[index] if first_row else None)
            for index, (name, code) in enumerate(zip(answer.columns, codes, strict=True))
        ]
        self.make_row = self.make_row_maker()
        self._buffer = iter(self._made(self._first))

    def _insert_many(
        self,
        sql: str,
        statement: Statement,
        options: StatementOptions,
        parameter_sets: Iterable[Sequence[Any]],
        codes: list[TypeCode | None] | None,
    ) -> Operation[None]:
        """INSERTs, several under way at once: their effects do not depend on their order."""
        window: deque[tuple[int, Pending]] = deque()
        failure: BaseException | None = None
        sets = enumerate(parameter_sets)
        try:
            while True:
                while failure is None and len(window) < _BATCH_WINDOW:
                    try:
                        index, parameters = next(sets, (-1, ()))
                    except Exception as error:
                        failure = error
                        break
                    if index < 0:
                        break
                    try:
                        arguments = _arguments(parameters, statement)
                        self._warn_of_lost_microseconds(arguments, options)
                        message = _message(sql, statement, options, arguments, codes)
                        window.append((index, (yield from calls.open_query(self._session, message, may_leak=False))))
                    except Error as error:
                        failure = _of_parameter_set(error, index)
                if not window:
                    break
                index, pending = window.popleft()
                try:
                    answer = yield from calls.receive_query(self._session, pending)
                    self.rowcount += (yield from self._count(answer, statement)) or 0
                except Error as error:
                    # What is under way already is waited for, so that rowcount tells what was written.
                    failure = failure or _of_parameter_set(error, index)
        finally:
            # Whoever gives the waiting up leaves answers behind that are still to come.
            self._session.abandoned.extend(pending for _, pending in window)
        if failure is not None:
            raise failure

    # --- fetching -----------------------------------------------------------------------------------------------

    def next_buffered(self) -> Any:
        """The next row if it is decoded already, else :data:`NO_ROW`."""
        row = next(self._buffer, _NO_ROW)
        if row is not _NO_ROW:
            self._delivered += 1
        return row

    def fetch_one(self) -> Operation[Any]:
        """The next row, or None at the end."""
        result = self._readable()
        row = self.next_buffered()
        if row is _NO_ROW:
            self._buffer = iter(self._made((yield from result.fetch(_BLOCK))))
            row = self.next_buffered()
        return None if row is _NO_ROW else row

    def fetch_many(self, size: int | None) -> Operation[list[Any]]:
        """The next *size* (default: :attr:`arraysize`) rows; fewer at the end."""
        result = self._readable()
        count = self.arraysize if size is None else size
        if count < 0:
            raise ProgrammingError(f"fetchmany of {count} rows", code="invalid_size")
        rows = list(islice(self._buffer, count))
        if len(rows) < count:
            rows += self._made((yield from result.fetch(count - len(rows))))
        self._delivered += len(rows)
        return rows

    def fetch_all(self) -> Operation[list[Any]]:
        """All rows that are left."""
        result = self._readable()
        rows = list(self._buffer)
        more = self._made((yield from result.fetch(None)))
        rows = list(chain(rows, more)) if rows else more
        self._delivered += len(rows)
        return rows

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
        return self._delivered if self._result is not None else None

    # --- parameters ---------------------------------------------------------------------------------------------

    def set_input_types(self, sizes: Sequence[Any] | None) -> None:
        """Fix the types of the parameters of the next statement."""
        self.check_open()
        self._input_codes = None if sizes is None else [_input_code(size) for size in sizes]

    def _take_input_codes(self, statement: Statement) -> list[TypeCode | None] | None:
        codes, self._input_codes = self._input_codes, None
        if codes is None:
            return None
        if any(code is not None for code in codes[statement.parameter_count :]):
            raise ProgrammingError(
                f"setinputsizes named {len(codes)} types; the statement has {statement.parameter_count} parameters",
                code="parameter_count",
            )
        count = statement.parameter_count
        return codes[:count] + [None] * (count - len(codes))

    def _warn_of_lost_microseconds(self, arguments: Sequence[Any], options: StatementOptions) -> None:
        if options.query_engine == "calcite":
            for argument in arguments:
                if isinstance(argument, datetime) and argument.microsecond % 1000:
                    warnings.warn(
                        f"the Calcite engine keeps milliseconds of a TIMESTAMP: {argument!r} loses its "
                        f"microseconds; round it, or use query_engine='h2'",
                        Warning,
                        stacklevel=2,
                    )
                    return

    # --- closing ------------------------------------------------------------------------------------------------

    def check_open(self) -> None:
        """Raise InterfaceError if the cursor was closed."""
        if self.is_closed:
            raise InterfaceError("the cursor is closed", code="cursor_closed")

    def discard(self) -> Operation[None]:
        """Give up the current result."""
        result, self._result = self._result, None
        self._buffer = iter(())
        if result is not None:
            yield from result.close()

    def close(self) -> Operation[None]:
        """Give up everything; later calls raise InterfaceError."""
        if not self.is_closed:
            self.is_closed = True
            self.description = None
            yield from self.discard()


NO_ROW: Final = _NO_ROW


def _message(
    sql: str,
    statement: Statement,
    options: StatementOptions,
    arguments: Sequence[Any],
    codes: Sequence[TypeCode | None] | None,
) -> SqlFieldsQuery:
    return SqlFieldsQuery(
        sql=with_engine(sql, options.query_engine, statement),
        arguments=arguments,
        argument_codes=codes,
        schema=options.schema,
        page_size=options.page_size,
        distributed_joins=options.distributed_joins,
        local=options.local,
        enforce_join_order=options.enforce_join_order,
        collocated=options.collocated,
        lazy=options.lazy and statement.kind is StatementKind.QUERY,
        timeout=None if options.timeout is None else round(options.timeout * 1000),
        partitions=options.partitions,
    )


def _arguments(parameters: Sequence[Any] | None, statement: Statement) -> Sequence[Any]:
    if parameters is None:
        parameters = ()
    elif isinstance(parameters, (str, bytes, Mapping)) or not isinstance(parameters, Iterable):
        raise ProgrammingError(
            f"parameters are a sequence of values, one for each '?', not {type(parameters).__name__}",
            code="parameters_not_sequence",
        )
    elif not isinstance(parameters, (tuple, list)):
        parameters = tuple(parameters)
    if len(parameters) != statement.parameter_count:
        raise ProgrammingError(
            f"the statement has {statement.parameter_count} parameters, but {len(parameters)} values were given",
            code="parameter_count",
        )
    if any(type(argument) in _CONTAINERS for argument in parameters):
        return [_array(argument) for argument in parameters]
    return parameters


_CONTAINERS: Final = frozenset({list, tuple, set, frozenset, dict})


def _array(argument: Any) -> Any:
    if isinstance(argument, (list, tuple)):
        return ObjectArray(list(argument))
    if isinstance(argument, (set, frozenset, dict)):
        raise NotSupportedError(
            f"SQL has no {type(argument).__name__} parameters; pass a list for an array", code="value_mismatch"
        )
    return argument


def _direct_codes(
    statement: Statement, arguments: Sequence[Any], codes: list[TypeCode | None] | None, form: int
) -> list[TypeCode | None] | None:
    """The types of the parameters in which a direct operation on the key is tried; None: not at all.

    *form* counts the attempts that were found to miss: after the types that the values have by nature come the
    narrower ones, for the integers in the condition.
    """
    result: list[TypeCode | None] = list(codes) if codes else [None] * len(arguments)
    if form == 0:
        return result
    if form >= len(_INTEGER_FORMS):
        return None
    code, bits = _INTEGER_FORMS[form]
    is_changed = False
    for index in range(statement.condition_parameter or 0, len(arguments)):
        if type(arguments[index]) is int and result[index] is None:
            if not -(1 << bits) <= arguments[index] < 1 << bits:
                return None
            result[index] = code
            is_changed = True
    return result if is_changed else None


def _input_code(size: Any) -> TypeCode | None:
    if size is None or type(size) is int:  # PEP 249 allows lengths, which mean nothing here
        return None
    if isinstance(size, TypeCode):
        return size
    if isinstance(size, str):
        known = size if isinstance(size, SqlType) else sql_type(size)
        return known.parameter_code
    raise ProgrammingError(
        f"setinputsizes takes SQL types such as ignite_dbapi.INTEGER, or None; not {size!r}", code="unknown_type"
    )


def _column(name: str, code: int, first_value: Any) -> Column:
    kind = type_of_column(code, first_value)
    return Column(
        name, kind, None, kind.internal_size, kind.precision, kind.scale, True if code == TypeCode.NULL else None
    )


def _of_parameter_set(error: Error, index: int) -> Error:
    """*error*, saying which parameter set of an executemany it belongs to."""
    if error.args and not str(error).endswith(")"):
        error.args = (f"{error} (parameter set {index})",)
    else:
        error.args = (f"{error} [parameter set {index}]",)
    return error


__all__ = ["NO_ROW", "CursorState", "Page", "ResultSet"]
