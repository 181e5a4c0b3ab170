"""Transactions of key-value clients."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from contextvars import ContextVar
from enum import IntEnum
from types import MappingProxyType, TracebackType
from typing import TYPE_CHECKING, Any, Final, TypeVar

from ignite_dbapi.errors import DatabaseError, ProgrammingError
from ignite_dbapi.keyvalue.datatypes.transactions import TransactionConcurrency, TransactionIsolation
from ignite_dbapi.keyvalue.exceptions import ParameterError, combined
from ignite_dbapi.operations import explicit_transactions
from ignite_dbapi.operations.explicit_transactions import ExplicitTransaction
from ignite_dbapi.operations.session import Session
from ignite_dbapi.protocol.exchange import Operation
from ignite_dbapi.protocol.messages.transactions import Concurrency, Isolation

if TYPE_CHECKING:
    from ignite_dbapi.keyvalue.aio_client import AioClient
    from ignite_dbapi.keyvalue.client import Client

EnumT = TypeVar("EnumT", bound=IntEnum)

_NONE: Final[Mapping[Any, ExplicitTransaction]] = MappingProxyType({})
# The transaction of each client in which the thread or task is.
_current: ContextVar[Mapping[Any, ExplicitTransaction]] = ContextVar("transactions of clients", default=_NONE)


def current_transaction(client: Any) -> ExplicitTransaction | None:
    """The transaction of *client* that the running thread or task is in.

    One that was ended by somebody else is still given: operations that were meant to be in it must not take effect.
    """
    return _current.get().get(client)


def _enter(client: Any, transaction: ExplicitTransaction) -> None:
    _current.set({**_current.get(), client: transaction})


def _leave(client: Any, transaction: ExplicitTransaction) -> None:
    transactions = _current.get()
    if transactions.get(client) is transaction:
        _current.set({other: its for other, its in transactions.items() if other is not client})


def _member(enum: type[EnumT], name: str, value: Any) -> EnumT:
    try:
        return enum(value)
    except ValueError:
        allowed = ", ".join(f"{member.name} ({member.value})" for member in enum)
        raise _invalid(name, value, f"one of {allowed}") from None


def _invalid(name: str, value: Any, expected: str) -> Exception:
    error_class = combined(ParameterError, ValueError)
    return error_class(f"{name} of a transaction: {value!r} is not {expected}", code="invalid_transaction")


class TransactionAttributes:
    """What is known of a transaction. *timeout* is in milliseconds."""

    client: Any
    closed = False
    _transaction: ExplicitTransaction | None = None

    def __init__(
        self,
        client: Any,
        concurrency: TransactionConcurrency | int = TransactionConcurrency.PESSIMISTIC,
        isolation: TransactionIsolation | int = TransactionIsolation.REPEATABLE_READ,
        timeout: int | None = None,
        label: str | None = None,
    ) -> None:
        self.client = client
        self.concurrency = _member(TransactionConcurrency, "concurrency", concurrency)
        self.isolation = _member(TransactionIsolation, "isolation", isolation)
        if timeout is not None and (type(timeout) is not int or not 0 <= timeout < 1 << 63):
            raise _invalid("timeout", timeout, "a whole number of milliseconds, 0 for none")
        if label is not None and not isinstance(label, str):
            raise _invalid("label", label, "text")
        self.timeout = client._transaction_timeout if timeout is None else timeout
        self.label = label

    @property
    def tx_id(self) -> int | None:
        """The number of the transaction on its connection, as long as it is open."""
        return None if self._transaction is None else self._transaction.transaction_id

    def _start(self) -> Operation[None]:
        current = current_transaction(self.client)
        if current is not None and current.is_open:
            raise ProgrammingError(
                "a transaction of this client is open already; Ignite has no nested transactions: commit it or roll "
                "it back first",
                code="transaction_open",
            )
        # What a lost connection has started is gone with it.
        self._transaction = yield from self.client._call(self._started, is_idempotent=True)
        self.closed = False

    def _started(self, session: Session) -> Operation[ExplicitTransaction]:
        return explicit_transactions.start(
            session, Concurrency(self.concurrency), Isolation(self.isolation), self.timeout, self.label
        )

    def _entered(self) -> None:
        assert self._transaction is not None
        _enter(self.client, self._transaction)

    def _end(self, *, commit: bool) -> Operation[None]:
        transaction, is_closed = self._transaction, self.closed
        self.closed = True
        if transaction is None:
            return
        if is_closed and not commit:
            _leave(self.client, transaction)
            return
        try:
            yield from explicit_transactions.end(transaction, commit=commit)
        except DatabaseError as error:
            # The server has rolled back what belonged to a lost connection.
            if commit or not error.is_connection_lost:
                raise
        finally:
            if transaction.transaction_id is None:
                _leave(self.client, transaction)
            else:
                # Given up before the end was sent, while something within it was under way.
                self.closed = False

    def __repr__(self) -> str:
        state = "closed" if self.closed else "open" if self._transaction is not None else "not started"
        return (
            f"<{type(self).__name__} {self.label or ''!r} {self.concurrency.name} {self.isolation.name} "
            f"timeout={self.timeout} ({state})>"
        )


class Transaction(TransactionAttributes):
    """A transaction of a blocking client, made by :meth:`Client.tx_start`, which has started it.

    Operations of the client's caches, and SQL, join it if the thread that started it does them, until it ends.
    Leaving its block rolls back what was not committed.
    """

    client: Client

    def __init__(self, client: Client, *arguments: Any, **options: Any) -> None:
        super().__init__(client, *arguments, **options)
        client._run(self._start(), "transaction")
        self._entered()

    def commit(self) -> None:
        """Make the changes take effect. If that fails they were rolled back; CacheError if it has ended already."""
        self.client._run(self._end(commit=True), "transaction")

    def rollback(self) -> None:
        """Undo the changes. Nothing happens if it has ended already."""
        self.close()

    def close(self) -> None:
        """Undo the changes, unless they were committed."""
        self.client._run(self._end(commit=False), "transaction")

    def __enter__(self) -> Transaction:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class AioTransaction(TransactionAttributes):
    """A transaction of an :class:`AioClient`, made by its ``tx_start``, and started when it is awaited or entered.

    Operations of the client's caches, and SQL, join it if the task that started it does them, until it ends.
    Leaving its block rolls back what was not committed.
    """

    client: AioClient

    async def commit(self) -> None:
        """Make the changes take effect. If that fails they were rolled back; CacheError if it has ended already."""
        await self.client._run(self._end(commit=True), "transaction")

    async def rollback(self) -> None:
        """Undo the changes. Nothing happens if it has ended already."""
        await self.close()

    async def close(self) -> None:
        """Undo the changes, unless they were committed."""
        await self.client._run(self._end(commit=False), "transaction")

    def __await__(self) -> Generator[Any, None, AioTransaction]:
        return self.__aenter__().__await__()

    async def __aenter__(self) -> AioTransaction:
        await self.client._run(self._start(), "transaction")
        self._entered()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()


__all__ = ["AioTransaction", "Transaction"]
