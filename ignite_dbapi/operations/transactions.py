"""Transactions over SQL: when one starts, which statements join it, how it ends.

The server is unforgiving here. A transaction id that has ended, or was never started on this connection, makes it
run the statement on its own, without a word; an end that overtakes a statement does the same to that. Hence the
rules: statements of a transaction run one after the other, the end waits for all of them, and an id is forgotten
before its end is sent.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from typing import Final, TypeVar

import attrs

from ignite_dbapi.errors import DatabaseError, Error, NotSupportedError, OperationalError, ProgrammingError
from ignite_dbapi.operations import calls
from ignite_dbapi.operations.session import Session
from ignite_dbapi.operations.statements import Statement
from ignite_dbapi.options import StatementOptions
from ignite_dbapi.protocol.codec import MissingFact
from ignite_dbapi.protocol.context import Feature
from ignite_dbapi.protocol.exchange import Acquire, Call, Operation, Pending, Receive, Send, again
from ignite_dbapi.protocol.messages.base import Message
from ignite_dbapi.protocol.messages.transactions import Concurrency, Isolation, TransactionEnd, TransactionStart

T = TypeVar("T")

# Statements that both engines accept, or might, and that do nothing: control is by messages of their own.
_CONTROL: Final = frozenset({"BEGIN", "START", "COMMIT", "ROLLBACK", "SAVEPOINT", "RELEASE"})


def check_supported(session: Session) -> None:
    """Raise NotSupportedError if the server's SQL does not join transactions."""
    if not session.context.has(Feature.TRANSACTION_AWARE_QUERIES):
        raise NotSupportedError(
            "autocommit=False needs a server whose SQL joins transactions: Apache Ignite 2.17 with the Calcite "
            "engine and TransactionConfiguration.txAwareQueriesEnabled=true; this one does not offer it",
            code="no_transactions",
        )


def set_autocommit(session: Session, value: bool) -> None:
    """Switch between statements that take effect by themselves and transactions."""
    if value == session.autocommit:
        return
    if not value:
        check_supported(session)
    elif session.transaction_id is not None:
        raise ProgrammingError(
            "autocommit cannot be switched on while a transaction is open; commit or roll back first",
            code="transaction_open",
        )
    session.autocommit = value


def check_statement(statement: Statement) -> None:
    """Refuse SQL that looks like transaction control, which the server ignores or misunderstands."""
    if statement.verb in _CONTROL:
        raise NotSupportedError(
            f"{statement.verb} is not run as SQL; use commit() and rollback() of a connection with "
            f"autocommit=False. Ignite has no savepoints",
            code="transaction_control",
        )


def options_within(options: StatementOptions) -> StatementOptions:
    """*options* for a statement of a transaction: transactions are Calcite's alone."""
    if options.query_engine == "calcite":
        return options
    if options.query_engine == "h2":
        raise NotSupportedError(
            "the H2 engine does not join transactions; leave query_engine out, or connect with autocommit=True",
            code="no_transactions",
        )
    return attrs.evolve(options, query_engine="calcite")


def within(session: Session, statement: Statement, run: Callable[[int | None], Operation[T]]) -> Operation[T]:
    """Without autocommit: let *run* run a statement with the id of the transaction that it belongs to, or None.

    A transaction starts with the first statement that changes something: under READ COMMITTED a query sees the same
    with and without one.
    """

    def checked(transaction_id: int | None) -> Operation[T]:
        if statement.is_other and transaction_id is not None:
            raise NotSupportedError(
                f"{statement.verb} inside a transaction is refused: it would take effect at once and could "
                f"block the whole cluster; commit or roll back first",
                code="ddl_in_transaction",
            )
        return run(transaction_id)

    return joined(session, checked, is_change=statement.is_change)


def joined(session: Session, run: Callable[[int | None], Operation[T]], *, is_change: bool) -> Operation[T]:
    """Let *run* do something with the id of the connection's transaction, or None; a change starts one."""
    if session.autocommit:
        return run(None)
    return _joined(session, run, is_change=is_change)


def _joined(session: Session, run: Callable[[int | None], Operation[T]], *, is_change: bool) -> Operation[T]:
    yield Acquire(session.transaction_lock)
    try:
        yield from settle(session.unanswered)
        if is_change and session.transaction_id is None:
            session.transaction_ends_at = time.monotonic() + session.options.transaction_timeout
            session.transaction_id = yield from _control(
                session,
                TransactionStart(
                    Concurrency.PESSIMISTIC,
                    Isolation.READ_COMMITTED,
                    round(session.options.transaction_timeout * 1000),
                    session.options.transaction_label,
                ),
            )
        result = yield from watched(run(session.transaction_id), session.unanswered)
        if is_change and time.monotonic() >= session.transaction_ends_at:
            # The server has ended the transaction meanwhile, and runs what belongs to none by itself.
            raise OperationalError(
                f"the transaction timed out (option 'transaction_timeout', {session.options.transaction_timeout:g} s) "
                f"while this change was made: whether it took effect by itself is unknown; roll back, and look",
                sqlstate="40000",
                code="transaction_timed_out",
            )
        return result
    finally:
        session.transaction_lock.release()


def watched(operation: Operation[T], unanswered: list[Pending]) -> Operation[T]:
    """Run *operation*. If it is given up while waiting for an answer (a cancelled task), *unanswered* gets the request.

    That is still under way then, and its transaction must not end before it. What was given up while it was to be sent
    has not been sent, or has ended the connection.
    """
    try:
        effect = operation.send(None)
        while True:
            try:
                if isinstance(effect, Call):
                    # In two steps, so that it is known which of them was given up.
                    effect = Send(effect.channel, effect.message)
                    effect = Receive((yield effect))
                result = yield effect
            except Exception as error:
                effect = operation.throw(error)
            except BaseException as error:
                if isinstance(effect, Receive):
                    unanswered.append(effect.pending)
                effect = operation.throw(error)
            else:
                effect = operation.send(result)
    except StopIteration as stop:
        value: T = stop.value
        return value


def settle(unanswered: list[Pending]) -> Operation[None]:
    """Wait for the answers to requests that were given up; what they are is nobody's business any more."""
    while unanswered:
        with suppress(Error, MissingFact):
            yield Receive(unanswered[-1])
        unanswered.pop()


def end(session: Session, *, commit: bool) -> Operation[None]:
    """Commit or roll back; nothing happens if nothing was changed since the last time."""
    session.messages.clear()
    # Also with autocommit: it may have been switched on while another thread was about to start a transaction.
    yield Acquire(session.transaction_lock)
    try:
        yield from settle(session.unanswered)
        transaction_id, session.transaction_id = session.transaction_id, None
        if transaction_id is not None:
            yield from send_end(session, transaction_id, commit=commit)
    except Error as error:
        session.messages.append((type(error), again(error)))
        raise
    finally:
        session.transaction_lock.release()


def send_end(session: Session, transaction_id: int, *, commit: bool) -> Operation[None]:
    """Commit or roll back *transaction_id*, which nobody may use any more."""
    try:
        yield from _control(session, TransactionEnd(transaction_id, commit))
    except DatabaseError as error:
        if not commit or error.is_connection_lost:
            raise
        # A transaction that could not be committed (it timed out) stays until it is rolled back.
        yield from _control(session, TransactionEnd(transaction_id, False))
        raise OperationalError(
            f"the transaction was rolled back instead of committed: {error}",
            sqlstate="40000",
            status=error.status,
            code="commit_failed",
        ) from error


def _control(session: Session, message: Message[T]) -> Operation[T]:
    """Start or end a transaction. If that is given up half-way, so is the connection, and with it the transaction.

    Otherwise nobody could tell whether it is still there, or whether it was committed.
    """
    try:
        return (yield from calls.call(session, message))
    except Exception:
        raise
    except BaseException as error:
        session.channel.give_up(error, "starting or ending a transaction")
        raise
