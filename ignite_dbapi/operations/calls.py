"""Sending a message and getting its answer, learning on the way what the codec needs to know."""

from __future__ import annotations

from typing import Any, TypeVar

from ignite_dbapi.errors import STATUS_RESOURCE_DOES_NOT_EXIST, DatabaseError, Error
from ignite_dbapi.operations import facts
from ignite_dbapi.operations.session import Session
from ignite_dbapi.protocol.codec import MissingFact
from ignite_dbapi.protocol.exchange import Acquire, Operation, Pending, Receive, Send
from ignite_dbapi.protocol.messages.base import Message
from ignite_dbapi.protocol.messages.sql import ResourceClose, SqlFieldsAnswer, SqlFieldsQuery

AnswerT = TypeVar("AnswerT")


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
    pending = yield from send(session, message)
    while True:
        try:
            answer: AnswerT = yield Receive(pending)
        except MissingFact as missing:
            fact = missing
        else:
            return answer
        yield from facts.learn(session, fact)


def open_query(session: Session, message: SqlFieldsQuery, *, may_leak: bool) -> Operation[Pending]:
    """Send a query, which makes the server open a cursor.

    *may_leak*: a failure may leave the cursor open, as for every SELECT.
    """
    yield from close_orphans(session)
    while True:
        yield Acquire(session.resource_lock)
        try:
            if session.resources.must_drain:
                yield from _wait_for_queries(session)
                yield from _probe(session)
            pending: Pending = yield Send(session.channel, message)
            session.resources.opening(pending, may_leak=may_leak)
            return pending
        except MissingFact as missing:
            fact = missing
        finally:
            session.resource_lock.release()
        # Learning sends queries itself, hence after the lock is free again.
        yield from facts.learn(session, fact)


def receive_query(session: Session, pending: Pending) -> Operation[SqlFieldsAnswer]:
    """Wait for the answer to a query."""
    try:
        answer: SqlFieldsAnswer = yield Receive(pending)
    except Error as error:
        session.resources.failed(pending)
        if session.resources.must_probe and not error.is_connection_lost:
            yield from _close_leaked(session)
        raise
    except BaseException:
        # The waiting was given up (a cancelled task), the query was not: its answer still comes, with a cursor.
        session.abandoned.append(pending)
        raise
    session.resources.opened(pending, answer.cursor_id)
    if session.resources.must_probe:
        yield from _close_leaked(session)
    return answer


def query(session: Session, message: SqlFieldsQuery, *, may_leak: bool) -> Operation[SqlFieldsAnswer]:
    """Run a query and wait for its first page."""
    pending = yield from open_query(session, message, may_leak=may_leak)
    return (yield from receive_query(session, pending))


def close_resource(session: Session, resource_id: int) -> Operation[bool]:
    """Close a cursor on the server; False if the server has it no more."""
    try:
        yield from call(session, ResourceClose(resource_id))
    except DatabaseError as error:
        # Without the connection the server has freed everything that it held for it.
        if error.status != STATUS_RESOURCE_DOES_NOT_EXIST and not error.is_connection_lost:
            raise
        return False
    return True


def close_orphans(session: Session) -> Operation[None]:
    """Close the cursors whose owners were garbage collected, or never got to know them."""
    for pending in [pending for pending in session.abandoned if pending.is_done]:
        try:
            session.abandoned.remove(pending)
        except ValueError:  # another thread was faster
            continue
        try:
            answer: SqlFieldsAnswer = yield Receive(pending)
        except Error:
            session.resources.failed(pending)
        else:
            session.resources.opened(pending, answer.cursor_id)
            if answer.page.has_more:
                session.resources.orphans.append(answer.cursor_id)
    orphans = session.resources.orphans
    while orphans:
        try:
            resource_id = orphans.popleft()
        except IndexError:  # another thread was faster
            return
        # Nobody waits for the answer: whether the cursor was still there makes no difference.
        yield Send(session.channel, ResourceClose(resource_id))


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
        existed = yield from close_resource(session, resource_id)
        session.resources.probed(resource_id, existed=existed)
        if not existed and resource_id > session.resources.last_id:
            break
    session.resources.cleared()


def _wait_for_queries(session: Session) -> Operation[None]:
    """Wait for the answers to all queries that are under way, which others wait for as well."""
    for pending in session.resources.in_flight:
        try:
            answer: SqlFieldsAnswer = yield Receive(pending)
        except Error:
            session.resources.failed(pending)
        else:
            session.resources.opened(pending, answer.cursor_id)
