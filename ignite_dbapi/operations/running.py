"""Running one statement, once or with many sets of parameters, past the traps that are the driver's to know."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import attrs

from ignite_dbapi.errors import DatabaseError
from ignite_dbapi.operations import calls, server, transactions
from ignite_dbapi.operations.resources import Work
from ignite_dbapi.operations.session import Session
from ignite_dbapi.operations.statements import Statement, with_engine, without_key_shortcut
from ignite_dbapi.options import StatementOptions
from ignite_dbapi.protocol.codec import TypeCode
from ignite_dbapi.protocol.exchange import Operation, Pending
from ignite_dbapi.protocol.messages.sql import EncodedArguments, SqlFieldsAnswer, SqlFieldsQuery

Codes = Sequence[TypeCode | None]

_COUNT_COLUMNS: Final = (["UPDATED"], ["ROWCOUNT"])

# The types in which H2 may want an integer key of a DELETE or UPDATE, and their bits, in the order they are tried.
_INTEGER_FORMS: Final = ((None, 0), (TypeCode.INT, 31), (TypeCode.SHORT, 15), (TypeCode.BYTE, 7))
_LEARNED_LIMIT: Final = 1000

# What Calcite says of any failure in a worker, of which a BIGINT compared with an indexed TINYINT is one.
_CALCITE_WORKER_FAILED: Final = "Remote query execution"


@attrs.define(eq=False)
class Outcome:
    """What a statement gave: its *answer*, and the number of changed rows if it has no result."""

    answer: SqlFieldsAnswer
    count: int | None


@attrs.define(eq=False)
class Attempt:
    """A statement under way.

    *form* is that of its parameters if it is tried as a direct operation on a key; see :meth:`Run.complete`.
    """

    message: SqlFieldsQuery
    pending: Pending
    form: int | None


@attrs.define(eq=False)
class Run:
    """A statement with its options and the types of its parameters (*codes*), ready to be run as part of *work*."""

    session: Session
    sql: str
    statement: Statement
    options: StatementOptions
    codes: Codes | None
    work: Work

    def once(self, arguments: Sequence[Any]) -> Operation[Outcome]:
        """Run the statement with *arguments*, in the transaction if there is one."""
        if self.session.autocommit:
            return self._once(arguments, None)
        return transactions.within(
            self.session, self.statement, lambda transaction_id: self._once(arguments, transaction_id)
        )

    def message(
        self,
        arguments: Sequence[Any] | EncodedArguments,
        codes: Codes | None = None,
        *,
        sql: str | None = None,
        transaction_id: int | None = None,
        update_batch_size: int = 1,
    ) -> SqlFieldsQuery:
        """The request for *arguments*; *codes* and *sql* instead of the statement's own.

        H2 writes the rows of an INSERT in batches of *update_batch_size*.
        """
        options = self.options
        if sql is None:
            sql = self.sql
        return SqlFieldsQuery(
            sql=sql if options.query_engine is None else with_engine(sql, options.query_engine, self.statement),
            arguments=arguments,
            argument_codes=codes or self.codes,
            schema=options.schema,
            page_size=options.page_size,
            distributed_joins=options.distributed_joins,
            local=options.local,
            enforce_join_order=options.enforce_join_order,
            collocated=options.collocated,
            lazy=options.lazy and self.statement.is_query,
            timeout=None if options.timeout is None else round(options.timeout * 1000),
            partitions=options.partitions,
            transaction_id=transaction_id,
            update_batch_size=update_batch_size,
        )

    def outcome(self, answer: SqlFieldsAnswer) -> Outcome:
        """What *answer* says: the number of changed rows is all that a statement without result has for a result."""
        page = answer.page
        if self.statement.is_query or answer.columns not in _COUNT_COLUMNS or page.has_more:
            return Outcome(answer, None)
        ((count,),) = page.take(1, self.session.context)
        return Outcome(answer, int(count))

    def begin(self, arguments: Sequence[Any], transaction_id: int | None = None) -> Operation[Attempt]:
        """Send the statement, one that changes data, with *arguments*."""
        codes, sql, form = self.codes, None, None
        if self._is_conditional:
            learned = self.session.learned_forms.get(self.sql, 0)
            # An UPDATE is hardly ever turned into a direct operation.
            direct = None if self.statement.verb == "UPDATE" else self._direct_codes(arguments, learned)
            if direct is not None:
                codes, form = direct, learned
            else:
                sql = without_key_shortcut(self.sql, self.statement)
        message = self.message(arguments, codes, sql=sql, transaction_id=transaction_id)
        pending = yield from calls.open_query(self.session, message, may_leak=False, work=self.work)
        return Attempt(message, pending, form)

    def begin_rows(self, sql: str, arguments: EncodedArguments, rows: int) -> Operation[Attempt]:
        """Send *sql*, an INSERT of so many *rows*, of which the H2 engine makes one batch."""
        message = self.message(arguments, sql=sql, update_batch_size=rows)
        pending = yield from calls.open_query(self.session, message, may_leak=False, work=self.work)
        return Attempt(message, pending, None)

    def complete(self, attempt: Attempt) -> Operation[Outcome]:
        """Wait for the answer to what was begun.

        H2 turns ``WHERE key = ?`` into a direct operation on the key, with the values as they came. A DELETE by a
        BIGINT then finds no INTEGER key, without an error: when nothing was deleted, the statement is run again in
        a form that has H2 convert and compare, so that it finds what a SELECT with the condition finds. If that finds
        something, the same statement starts in another form the next time.
        """
        try:
            answer = yield from calls.receive_query(self.session, attempt.pending, work=self.work)
        except DatabaseError as error:
            answer = yield from self._as_calcite_compares(error, attempt.message, may_leak=False)
        outcome = self.outcome(answer)
        if attempt.form is None or outcome.count:
            return outcome
        if self.options.query_engine is None and (yield from self._is_calcite_default()):
            return outcome
        sql = with_engine(without_key_shortcut(self.sql, self.statement), self.options.query_engine, self.statement)
        message = attrs.evolve(attempt.message, sql=sql, argument_codes=self.codes)
        answer = yield from calls.query(self.session, message, may_leak=False, work=self.work)
        outcome = self.outcome(answer)
        if outcome.count:
            learned = self.session.learned_forms
            if len(learned) >= _LEARNED_LIMIT:
                learned.clear()
            learned[self.sql] = max(learned.get(self.sql, 0), attempt.form + 1)
        return outcome

    def _once(self, arguments: Sequence[Any], transaction_id: int | None) -> Operation[Outcome]:
        if self.statement.is_change:
            return (yield from self.complete((yield from self.begin(arguments, transaction_id))))
        message = self.message(arguments, transaction_id=transaction_id)
        try:
            answer = yield from calls.query(self.session, message, may_leak=True, work=self.work)
        except DatabaseError as error:
            answer = yield from self._as_calcite_compares(error, message, may_leak=True)
        return self.outcome(answer)

    def _as_calcite_compares(
        self, error: DatabaseError, message: SqlFieldsQuery, *, may_leak: bool
    ) -> Operation[SqlFieldsAnswer]:
        """Run *message* again if *error* may be due to Calcite, which looks a TINYINT up with nothing but a TINYINT.

        Nothing has been changed by that failure. Raises *error* if it was not that.
        """
        if _CALCITE_WORKER_FAILED not in str(error) or isinstance(message.arguments, EncodedArguments):
            raise error
        narrow = self._as_bytes(message.arguments, message.argument_codes)
        if narrow is None:
            raise error
        try:
            return (
                yield from calls.query(
                    self.session, attrs.evolve(message, argument_codes=narrow), may_leak=may_leak, work=self.work
                )
            )
        except DatabaseError:
            raise error from None

    @property
    def _is_conditional(self) -> bool:
        """Whether it is a DELETE or UPDATE with a condition that H2 may turn into a direct operation on a key."""
        return self.statement.condition_start is not None and self.options.query_engine != "calcite"

    def _is_calcite_default(self) -> Operation[bool]:
        return (yield from server.default_query_engine(self.session)) == "calcite"

    def _direct_codes(self, arguments: Sequence[Any], form: int) -> list[TypeCode | None] | None:
        """The types of the parameters in which a direct operation on the key is tried; None: not at all.

        *form* counts the attempts that were found to miss: after the types that the values have by nature come
        the narrower ones, for the integers in the condition.
        """
        if form == 0:
            return list(self.codes) if self.codes else [None] * len(arguments)
        if form >= len(_INTEGER_FORMS):
            return None
        code, bits = _INTEGER_FORMS[form]
        return self._narrowed(arguments, self.codes, code, bits)

    def _as_bytes(self, arguments: Sequence[Any], codes: Codes | None) -> list[TypeCode | None] | None:
        """The types of the parameters with the integers that are compared as TINYINT; None: there are none."""
        if self.statement.verb in ("INSERT", "MERGE"):
            return None
        return self._narrowed(arguments, codes, TypeCode.BYTE, 7)

    def _narrowed(
        self, arguments: Sequence[Any], codes: Codes | None, code: TypeCode | None, bits: int
    ) -> list[TypeCode | None] | None:
        """*codes* with *code* for the integers that are compared, not assigned; None if one does not fit."""
        result: list[TypeCode | None] = list(codes) if codes else [None] * len(arguments)
        is_changed = False
        for index in range(self.statement.condition_parameter or 0, len(arguments)):
            if type(arguments[index]) is int and result[index] is None:
                if not -(1 << bits) <= arguments[index] < 1 << bits:
                    return None
                result[index] = code
                is_changed = True
        return result if is_changed else None
