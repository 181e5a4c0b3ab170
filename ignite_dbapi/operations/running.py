"""Running one statement, once or with many sets of parameters, past the traps that are the driver's to know."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import attrs

from ignite_dbapi.errors import DatabaseError
from ignite_dbapi.operations import calls, server, transactions
from ignite_dbapi.operations.resources import Work
from ignite_dbapi.operations.results import ResultSet
from ignite_dbapi.operations.session import Session
from ignite_dbapi.operations.statements import Statement, StatementKind, with_engine, without_key_shortcut
from ignite_dbapi.options import StatementOptions
from ignite_dbapi.protocol.codec import TypeCode
from ignite_dbapi.protocol.exchange import Operation
from ignite_dbapi.protocol.messages.sql import SqlFieldsAnswer, SqlFieldsQuery

Codes = Sequence[TypeCode | None]

_COUNT_COLUMNS: Final = (["UPDATED"], ["ROWCOUNT"])

# The types in which H2 may want an integer key of a DELETE or UPDATE, and their bits, in the order they are tried.
_INTEGER_FORMS: Final = ((None, 0), (TypeCode.INT, 31), (TypeCode.SHORT, 15), (TypeCode.BYTE, 7))
_LEARNED_LIMIT: Final = 1000

# What Calcite says of any failure in a worker, of which a BIGINT compared with an indexed TINYINT is one.
_CALCITE_WORKER_FAILED: Final = "Remote query execution"


@attrs.frozen
class Outcome:
    """What a statement gave: its *answer*, and the number of changed rows if it has no result."""

    answer: SqlFieldsAnswer
    count: int | None


@attrs.frozen(eq=False)
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
        return (
            yield from transactions.within(
                self.session, self.statement, lambda transaction_id: self._once(arguments, transaction_id)
            )
        )

    def message(
        self,
        arguments: Sequence[Any],
        codes: Codes | None = None,
        *,
        sql: str | None = None,
        transaction_id: int | None = None,
    ) -> SqlFieldsQuery:
        """The request for *arguments*; *codes* and *sql* instead of the statement's own."""
        options = self.options
        return SqlFieldsQuery(
            sql=with_engine(sql or self.sql, options.query_engine, self.statement),
            arguments=arguments,
            argument_codes=codes or self.codes,
            schema=options.schema,
            page_size=options.page_size,
            distributed_joins=options.distributed_joins,
            local=options.local,
            enforce_join_order=options.enforce_join_order,
            collocated=options.collocated,
            lazy=options.lazy and self.statement.kind is StatementKind.QUERY,
            timeout=None if options.timeout is None else round(options.timeout * 1000),
            partitions=options.partitions,
            transaction_id=transaction_id,
        )

    def count(self, answer: SqlFieldsAnswer) -> Operation[int | None]:
        """The number of changed rows that the answer to a statement without result consists of."""
        if self.statement.kind is StatementKind.QUERY or answer.columns not in _COUNT_COLUMNS:
            return None
        result = ResultSet(self.session, answer)
        ((count,),) = yield from result.fetch(1)
        return int(count)

    def _once(self, arguments: Sequence[Any], transaction_id: int | None) -> Operation[Outcome]:
        if self.statement.condition_start is not None and self.options.query_engine != "calcite":
            return (yield from self._conditional(arguments))
        return (yield from self._query(arguments, self.codes, transaction_id=transaction_id))

    def _query(
        self,
        arguments: Sequence[Any],
        codes: Codes | None,
        *,
        sql: str | None = None,
        transaction_id: int | None = None,
    ) -> Operation[Outcome]:
        may_leak = self.statement.kind is not StatementKind.DML
        message = self.message(arguments, codes, sql=sql, transaction_id=transaction_id)
        try:
            answer = yield from calls.query(self.session, message, may_leak=may_leak, work=self.work)
        except DatabaseError as error:
            narrow = self._as_bytes(arguments, codes) if _CALCITE_WORKER_FAILED in str(error) else None
            if narrow is None:
                raise
            # Calcite looks a TINYINT up with nothing but a TINYINT. Nothing has been changed by this failure.
            message = attrs.evolve(message, argument_codes=narrow)
            try:
                answer = yield from calls.query(self.session, message, may_leak=may_leak, work=self.work)
            except DatabaseError:
                raise error from None
        return Outcome(answer, (yield from self.count(answer)))

    def _conditional(self, arguments: Sequence[Any]) -> Operation[Outcome]:
        """Run a DELETE or UPDATE with a condition, so that it finds what a SELECT with the condition finds.

        H2 turns ``WHERE key = ?`` into a direct operation on the key, with the values as they came. A DELETE by a
        BIGINT then finds no INTEGER key, without an error: when nothing was deleted, the statement is run again in
        a form that has H2 convert and compare, and if that finds something, the same statement starts in another
        form the next time. An UPDATE is hardly ever turned into a direct operation, hence the safe form at once.
        """
        learned = self.session.learned_forms
        form = learned.get(self.sql, 0)
        direct = None if self.statement.verb == "UPDATE" else self._direct_codes(arguments, form)
        if direct is not None:
            outcome = yield from self._query(arguments, direct)
            if outcome.count or (self.options.query_engine is None and (yield from self._is_calcite_default())):
                return outcome
        outcome = yield from self._query(arguments, self.codes, sql=without_key_shortcut(self.sql, self.statement))
        if outcome.count and direct is not None:
            if len(learned) >= _LEARNED_LIMIT:
                learned.clear()
            learned[self.sql] = form + 1
        return outcome

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
