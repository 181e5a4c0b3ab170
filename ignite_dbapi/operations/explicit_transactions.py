"""Transactions that a program starts by itself, with every mode that the server has.

They are for the key-value side. As many as one likes may be open on a connection, beside the one that SQL without
autocommit starts. The same rules hold for them as in :mod:`~ignite_dbapi.operations.transactions`: one operation after
the other, and an id is never sent once the transaction has ended.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Final, TypeVar

import attrs

from ignite_dbapi.errors import Error, InterfaceError, NotSupportedError, ProgrammingError
from ignite_dbapi.operations import calls, transactions
from ignite_dbapi.operations.session import Session
from ignite_dbapi.protocol.context import Feature
from ignite_dbapi.protocol.exchange import Acquire, Lock, Operation, Pending, Receive, Send
from ignite_dbapi.protocol.messages.transactions import Concurrency, Isolation, TransactionEnd, TransactionStart

T = TypeVar("T")

_VERSION_WITH_TRANSACTIONS: Final = (1, 5, 0)


@attrs.define(eq=False)
class ExplicitTransaction:
    """A transaction of one connection: *timeout* is in milliseconds, 0 for none.

    *transaction_id* is None once the transaction has ended.
    """

    session: Session = attrs.field(repr=False)
    lock: Lock = attrs.field(repr=False)
    transaction_id: int | None
    concurrency: Concurrency
    isolation: Isolation
    timeout: int
    label: str | None
    # What was sent within it and is not waited for any more, though it may still be under way.
    unanswered: list[Pending] = attrs.field(factory=list, repr=False)

    @property
    def is_open(self) -> bool:
        """Whether it has neither been committed nor rolled back, and its connection lives."""
        return self.transaction_id is not None and self.session.channel.failure is None

    @property
    def joins_queries(self) -> bool:
        """Whether scans and SQL see its changes: only with READ COMMITTED, on servers that offer it."""
        is_offered = self.session.context.has(Feature.TRANSACTION_AWARE_QUERIES)
        return is_offered and self.isolation is Isolation.READ_COMMITTED


def start(
    session: Session,
    concurrency: Concurrency = Concurrency.PESSIMISTIC,
    isolation: Isolation = Isolation.REPEATABLE_READ,
    timeout: int = 0,
    label: str | None = None,
) -> Operation[ExplicitTransaction]:
    """Start a transaction. *timeout* is in milliseconds; 0 lets it, and whoever it blocks, wait forever."""
    if session.context.version < _VERSION_WITH_TRANSACTIONS:
        raise NotSupportedError(
            "the server does not know transactions of thin clients, which came with protocol version 1.5.0",
            code="no_transactions",
        )
    if not 0 <= timeout < 1 << 63:
        raise ProgrammingError(
            f"a transaction's timeout of {timeout} ms; 0 means none, others are positive", code="invalid_timeout"
        )
    # Servers start a transaction without any mode for numbers that they do not know.
    concurrency, isolation = Concurrency(concurrency), Isolation(isolation)
    yield from _end_abandoned(session)
    pending = yield from calls.send(session, TransactionStart(concurrency, isolation, timeout, label))
    try:
        transaction_id: int = yield Receive(pending)
    except Exception:
        raise
    except BaseException:
        # Only the waiting was given up (a cancelled task): the transaction starts all the same.
        session.abandoned_transactions.append(pending)
        raise
    session.explicit_transactions.add(transaction_id)
    return ExplicitTransaction(
        session, session.channel.new_lock(), transaction_id, concurrency, isolation, timeout, label
    )


def _end_abandoned(session: Session) -> Operation[None]:
    """Roll back what nobody got to know, as far as the server has told of it."""
    for pending in [pending for pending in session.abandoned_transactions if pending.is_done]:
        try:
            session.abandoned_transactions.remove(pending)
        except ValueError:  # another thread was faster
            continue
        try:
            with suppress(Error):
                transaction_id: int = yield Receive(pending)
                yield Send(session.channel, TransactionEnd(transaction_id, False))
        except BaseException:
            session.abandoned_transactions.append(pending)
            raise


def end(transaction: ExplicitTransaction, *, commit: bool) -> Operation[None]:
    """Commit or roll back. Rolling back what has ended does nothing; committing it is an error."""
    yield Acquire(transaction.lock)
    try:
        yield from transactions.settle(transaction.unanswered)
        transaction_id, transaction.transaction_id = transaction.transaction_id, None
        if transaction_id is None:
            if commit:
                raise _ended()
            return
        transaction.session.explicit_transactions.discard(transaction_id)
        yield from transactions.send_end(transaction.session, transaction_id, commit=commit)
    finally:
        transaction.lock.release()


def within(session: Session, transaction: ExplicitTransaction, run: Callable[[int], Operation[T]]) -> Operation[T]:
    """Let *run* do something with the id of *transaction*."""
    if transaction.session is not session:
        raise InterfaceError(
            "the transaction belongs to another connection, where alone its id means something",
            code="transaction_of_other_connection",
        )
    yield Acquire(transaction.lock)
    try:
        if transaction.transaction_id is None:
            raise _ended()
        yield from transactions.settle(transaction.unanswered)
        return (yield from transactions.watched(run(transaction.transaction_id), transaction.unanswered))
    finally:
        transaction.lock.release()


def check_none_open(session: Session, doing: str) -> None:
    """Refuse what waits for all transactions of the cluster, and so for this connection's own forever."""
    is_open = session.transaction_id is not None or bool(session.explicit_transactions)
    if is_open and session.channel.failure is None:
        raise NotSupportedError(
            f"{doing} while a transaction is open on the same connection is refused: it would wait for the "
            f"transaction, and block the whole cluster; commit or roll back first",
            code="ddl_in_transaction",
        )


def _ended() -> ProgrammingError:
    return ProgrammingError(
        "the transaction was committed or rolled back already; start another", code="transaction_ended"
    )
