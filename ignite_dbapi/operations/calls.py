"""Sending a message and getting its answer, learning on the way what the codec needs to know."""

from __future__ import annotations

import time
from typing import Any, Final, TypeVar

from ignite_dbapi.errors import (
    REENTERED,
    SQLSTATE_QUERY_CANCELLED,
    STATUS_RESOURCE_DOES_NOT_EXIST,
    DatabaseError,
    Error,
    InterfaceError,
    OperationalError,
)
from ignite_dbapi.operations import facts
from ignite_dbapi.operations.resources import Opener, Work
from ignite_dbapi.operations.session import Session
from ignite_dbapi.protocol.codec import MissingFact
from ignite_dbapi.protocol.exchange import Acquire, Call, Operation, Pending, Receive, Send
from ignite_dbapi.protocol.messages.base import Message
from ignite_dbapi.protocol.messages.pages import QueryAnswer
from ignite_dbapi.protocol.messages.sql import ResourceClose, SqlFieldsQuery

# Seconds by which the server's timeouts may come early: its clock ticks every 10 ms, and later on a busy machine. As
# much as 31 ms were seen.
_TICK: Final = 0.1

AnswerT = TypeVar("AnswerT")
QueryAnswerT = TypeVar("QueryAnswerT", bound=QueryAnswer)


def send(session: Session, message: Message[Any]) -> Operation[Pending]:
    """Send *message*, and first ask the server for whatever is missing to encode it."""
    while True:
        try:
            pending: Pending = yield Send(session.channel, message)
            return pending
        except MissingFact as missing:
            fact = missing
        yield from facts.learn(session, fact)


def call(session: Session, message: Message[AnswerT]) -> Operation[AnswerT]:
    """Send *message* and wait for its answer."""
    try:
        answer: AnswerT = yield Call(session.channel, message)
        return answer
    except MissingFact as missing:
        fact = missing
    while True:
        yield from facts.learn(session, fact)
        try:
            # What was sent is not sent again.
            answer = yield Call(session.channel, message) if fact.pending is None else Receive(fact.pending)
            return answer
        except MissingFact as missing:
            fact = missing


def open_query(
    session: Session, message: Message[Any], *, may_leak: bool, work: Work | None = None
) -> Operation[Pending]:
    """Send a query, which makes the server open a cursor.

    *may_leak*: a failure may leave the cursor open, as for every SELECT. *work* is the call of a cursor that the query
    belongs to, which may be cancelled.
    """
    if session.abandoned or session.resources.orphans:
        yield from close_orphans(session)
    while True:
        yield Acquire(session.resource_lock)
        try:
            # Nearly always nothing has failed, which is seen without a call.
            if session.resources.suspects and session.resources.must_drain:
                yield from _wait_for_queries(session)
                yield from _probe(session)
            if work is not None and work.is_cancelled:
                raise query_cancelled()
            # Before it is sent: the server may start to count its timeout while this thread waits for its turn.
            since = time.monotonic()
            session.resources.is_sending = True
            pending: Pending = yield Send(session.channel, message)
            sql = message.sql if isinstance(message, SqlFieldsQuery) else None
            session.resources.opening(pending, may_leak=may_leak, sql=sql, since=since)
            if work is not None:
                work.queries.append(pending)
            return pending
        except MissingFact as missing:
            fact = missing
        finally:
            session.resources.is_sending = False
            session.resource_lock.release()
        # Learning sends queries itself, hence after the lock is free again.
        yield from facts.learn(session, fact)


def receive_query(session: Session, pending: Pending, *, work: Work | None = None) -> Operation[Any]:
    """Wait for the answer to a query."""
    try:
        try:
            answer: QueryAnswer = yield Receive(pending)
        finally:
            if work is not None:
                work.queries.remove(pending)
    except Error as error:
        opener = session.resources.opener(pending)
        session.resources.failed(pending)
        if opener is not None and not (work is not None and work.is_cancelled):
            _tell_timeout(error, pending, opener)
        if session.resources.must_probe and not error.is_connection_lost:
            yield from _close_leaked(session)
        raise
    except BaseException:
        # The waiting was given up (a cancelled task), the query was not: its answer still comes, with a cursor.
        session.abandoned.append(pending)
        raise
    session.resources.opened(pending, answer.cursor_id, has_more=answer.page.has_more)
    if session.resources.suspects and session.resources.must_probe:
        yield from _close_leaked(session)
    return answer


def query(
    session: Session, message: Message[QueryAnswerT], *, may_leak: bool, work: Work | None = None
) -> Operation[QueryAnswerT]:
    """Run a query and wait for its first page."""
    while True:
        pending = yield from open_query(session, message, may_leak=may_leak, work=work)
        opener = session.resources.opener(pending)
        try:
            answer: QueryAnswerT = yield from receive_query(session, pending, work=work)
        except OperationalError as error:
            # One that only reads, and was ended in place of another, is run again.
            if error.code != "query_cancelled" or opener is None or not opener.is_at_risk:
                raise
        else:
            return answer


def query_cancelled() -> OperationalError:
    """The error for a statement that was cancelled without the server saying so."""
    return OperationalError(
        f"{SQLSTATE_QUERY_CANCELLED}: the statement was cancelled",
        sqlstate=SQLSTATE_QUERY_CANCELLED,
        code="query_cancelled",
    )


def _tell_timeout(error: Error, pending: Pending, opener: Opener) -> None:
    """Let *error* say so if the time that the statement was given is up, which H2 calls cancelled as well."""
    limit = pending.message.timeout if isinstance(pending.message, SqlFieldsQuery) else None
    if error.code == "query_cancelled" and limit and time.monotonic() - opener.since >= limit / 1000 - _TICK:
        error.code = "query_timeout"
        error.args = (f"{error} It took longer than its timeout of {limit / 1000:g} s.",)


def close_resource(session: Session, resource_id: int) -> Operation[bool]:
    """Close a cursor on the server; False if the server has it no more."""
    session.resources.closed(resource_id)
    pending: Pending | None = None
    try:
        pending = yield from send(session, ResourceClose(resource_id))
        return (yield from receive_close(pending))
    except InterfaceError as error:
        if error.code != REENTERED:
            raise
        # By a finalizer amid another request, which cannot wait for the answer.
        return True
    finally:
        if pending is None:
            # Not sent: that is left to the next query.
            session.resources.orphans.append(resource_id)


def receive_close(pending: Pending) -> Operation[bool]:
    """Wait for the answer to the closing of a cursor; False if the server had it no more."""
    try:
        yield Receive(pending)
    except DatabaseError as error:
        # Without the connection the server has freed everything that it held for it.
        if error.status != STATUS_RESOURCE_DOES_NOT_EXIST and not error.is_connection_lost:
            raise
        return False
    return True


def close_orphans(session: Session) -> Operation[None]:
    """Close the cursors whose owners were garbage collected, or never got to know them."""
    yield from receive_abandoned(session, [pending for pending in session.abandoned if pending.is_done])
    orphans = session.resources.orphans
    while orphans:
        try:
            resource_id = orphans.popleft()
        except IndexError:  # another thread was faster
            return
        session.resources.closed(resource_id)
        try:
            # Nobody waits for the answer: whether the cursor was still there makes no difference.
            yield Send(session.channel, ResourceClose(resource_id))
        except BaseException:
            orphans.append(resource_id)
            raise


def receive_abandoned(session: Session, abandoned: list[Pending]) -> Operation[None]:
    """Wait for the answers to *abandoned* queries, whose cursors are then orphans."""
    for pending in abandoned:
        try:
            session.abandoned.remove(pending)
        except ValueError:  # another thread was faster
            continue
        try:
            answer: QueryAnswer = yield Receive(pending)
        except Error:
            session.resources.failed(pending)
        except BaseException:
            session.abandoned.append(pending)
            raise
        else:
            session.resources.opened(pending, answer.cursor_id)
            if pending.subscription is not None:
                session.channel.unsubscribe(pending.subscription)
            if answer.page.has_more:
                session.resources.orphans.append(answer.cursor_id)


def _close_leaked(session: Session) -> Operation[None]:
    yield Acquire(session.resource_lock)
    try:
        if session.resources.must_probe:
            yield from _probe(session)
    finally:
        session.resource_lock.release()


def _probe(session: Session) -> Operation[None]:
    """Close what may have leaked. No query is under way, nor can one be sent meanwhile."""
    for resource_id in session.resources.suspicious_ids():
        existed = yield from receive_close((yield from send(session, ResourceClose(resource_id))))
        session.resources.probed(resource_id, existed=existed)
        if not existed and resource_id > session.resources.last_id:
            break
    session.resources.cleared()


def _wait_for_queries(session: Session) -> Operation[None]:
    """Wait for the answers to all queries that are under way, which others wait for as well."""
    for pending in session.resources.in_flight:
        try:
            answer: QueryAnswer = yield Receive(pending)
        except Error:
            session.resources.failed(pending)
        else:
            session.resources.opened(pending, answer.cursor_id, has_more=answer.page.has_more)
