"""SQL as key-value clients run it: with a cache for a schema, in a transaction of their own, or for whole entries."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import attrs

from ignite_dbapi.errors import NotSupportedError, ProgrammingError
from ignite_dbapi.operations import explicit_transactions
from ignite_dbapi.operations.cache import CacheAccess
from ignite_dbapi.operations.explicit_transactions import ExplicitTransaction
from ignite_dbapi.operations.running import Outcome, Run
from ignite_dbapi.operations.scans import EntriesState
from ignite_dbapi.operations.session import Session
from ignite_dbapi.operations.sql import CursorState
from ignite_dbapi.options import StatementOptions, override
from ignite_dbapi.protocol.exchange import Operation
from ignite_dbapi.protocol.messages.cache import CacheHeader
from ignite_dbapi.protocol.messages.scans import SqlPage, SqlQuery
from ignite_dbapi.protocol.messages.sql import SqlFieldsAnswer, SqlFieldsQuery


@attrs.frozen(eq=False, kw_only=True)
class _ClientRun(Run):
    """A statement with what only key-value clients say about it."""

    request: Mapping[str, Any]
    transaction: ExplicitTransaction | None

    def once(self, arguments: Sequence[Any]) -> Operation[Outcome]:
        """Run the statement with *arguments*, in the transaction if there is one."""
        if self.transaction is None:
            return Run.once(self, arguments)
        if self.statement.is_other:
            raise NotSupportedError(
                f"{self.statement.verb} inside a transaction is refused: it would take effect at once and could "
                f"block the whole cluster; commit or roll back first",
                code="ddl_in_transaction",
            )
        return explicit_transactions.within(self.session, self.transaction, lambda id_: self._once(arguments, id_))

    def message(self, *arguments: Any, **options: Any) -> SqlFieldsQuery:
        """The request for *arguments*."""
        return attrs.evolve(Run.message(self, *arguments, **options), **self.request)


class ClientQueryState(CursorState):
    """A statement of a key-value client. *request* are fields of the request that :class:`StatementOptions` lack."""

    def __init__(
        self,
        session: Session,
        options: StatementOptions,
        *,
        request: Mapping[str, Any] = {},
        transaction: ExplicitTransaction | None = None,
    ) -> None:
        if transaction is not None:
            _check_joins(transaction)
            options = override(options, {"query_engine": "calcite"})
        super().__init__(session, options)
        # The number of the cursor on the server; None for statements that return no rows.
        self.cursor_id: int | None = None
        self._is_counted = False
        self._request = request
        self._transaction = transaction

    def _prepare(self, *arguments: Any) -> Operation[Run]:
        run = yield from super()._prepare(*arguments)
        inherited = {field.name: getattr(run, field.name) for field in attrs.fields(Run)}
        return _ClientRun(**inherited, request=self._request, transaction=self._transaction)

    def _present(self, answer: SqlFieldsAnswer) -> Operation[None]:
        self.cursor_id = answer.cursor_id
        return super()._present(answer)

    @property
    def columns(self) -> list[str]:
        """The names of the columns; of a statement that returns no rows, of the one with the number of changed ones."""
        return [column.name for column in self.description] if self.description is not None else ["UPDATED"]

    def fetch_rows(self, count: int) -> Operation[list[tuple[Any, ...]]]:
        """The next *count* rows; of a statement that returns none, one with the number of changed rows."""
        if self.description is not None:
            return (yield from self.fetch_many(count))
        counted, self._is_counted = self._is_counted, True
        return [] if counted else [(max(self.rowcount, 0),)]


def _check_joins(transaction: ExplicitTransaction) -> None:
    if not transaction.joins_queries:
        raise NotSupportedError(
            f"SQL cannot join this transaction, which is {transaction.isolation.name}: that needs isolation "
            f"READ_COMMITTED, and a server with transaction-aware SQL (Apache Ignite 2.17 with the Calcite engine and "
            f"TransactionConfiguration.txAwareQueriesEnabled=true)",
            code="no_transactions",
        )


class SqlEntriesState(EntriesState):
    """The entries behind the rows that a condition finds, as *query* describes them: the fields of an SqlQuery."""

    def __init__(self, session: Session, cache: CacheAccess, *, page_size: int, query: Mapping[str, Any]) -> None:
        super().__init__(session, cache, page_size, None, None)
        if not 0 <= query.get("timeout", 0) < 1 << 31:
            raise ProgrammingError(
                f"a timeout of {query['timeout']} ms; 0 means none, others are positive", code="invalid_timeout"
            )
        if cache.transaction is not None:
            raise NotSupportedError(
                "select_row takes no part in transactions, because the H2 engine does not; use sql, or do it outside",
                code="no_transactions",
            )
        self._fields = query

    def _query(self, header: CacheHeader) -> SqlQuery:
        return SqlQuery(header, self._page_size, lossless=self._cache.lossless, **self._fields)

    def _next_page(self, cursor_id: int) -> SqlPage:
        return SqlPage(cursor_id, self._cache.lossless)
