"""Ending a statement that another thread or task waits for.

The protocol has no message for it. What ends a statement all the same: closing the cursor that it fetches from;
closing the cursor that it is going to have, whose number is known before it is told while nothing else is under way;
and ``KILL QUERY``, over a connection of its own to the same node, once the statement is found in the list of what
the node runs.
"""

from __future__ import annotations

import re
import time
from collections.abc import Collection, Sequence
from typing import Any, Final
from uuid import uuid4

import attrs

from ignite_dbapi.errors import DatabaseError, OperationalError
from ignite_dbapi.operations import calls
from ignite_dbapi.operations.resources import Opener, Work
from ignite_dbapi.operations.session import Session
from ignite_dbapi.operations.statements import analyze
from ignite_dbapi.protocol.exchange import Acquire, Connect, Operation, Pending, Sleep
from ignite_dbapi.protocol.messages.sql import ResourceClose, SqlFieldsQuery

# Seconds between two attempts: few at first, because a statement that was just sent has no number yet.
_SHORTEST_PAUSE: Final = 0.002
_LONGEST_PAUSE: Final = 0.2
# Statements sent this many seconds apart start in the order in which they were sent.
_ORDERED: Final = 0.5
# What may stand behind a statement in what was sent; the server's list shows it without.
_NOTHING: Final = re.compile(r"(?:\s|;|--[^\r\n]*|//[^\r\n]*|/\*.*?\*/)*", re.DOTALL)
_NOT_KILLED: Final = "Failed to cancel query"


def cancel(session: Session, work: Work, seconds: float) -> Operation[bool]:
    """End *work*; returns whether it has ended, of itself or not, within *seconds*."""
    work.is_cancelled = True
    deadline = time.monotonic() + seconds
    pause = _SHORTEST_PAUSE
    killer = _Killer(session, deadline)
    try:
        while not work.has_ended:
            if time.monotonic() >= deadline:
                return False
            yield from _attempt(session, work, killer, deadline)
            yield Sleep(pause)
            pause = min(pause * 2, _LONGEST_PAUSE)
        return True
    finally:
        killer.close()


def _attempt(session: Session, work: Work, killer: _Killer, deadline: float) -> Operation[None]:
    cursor_id = work.cursor_id
    if cursor_id is not None:
        yield from _close(session, work, cursor_id, deadline)
    elif work.queries and not (yield from _close_unseen(session, work, deadline)):
        yield from killer.kill(work)


def _close(session: Session, work: Work, resource_id: int, deadline: float) -> Operation[bool]:
    """Close a cursor; False if the server has none, or is too busy to say."""
    pending = yield from calls.send(session, ResourceClose(resource_id))
    # As long as somebody waits for the statement, they receive this answer as well.
    while not pending.is_done and (work.queries or work.cursor_id is not None):
        if time.monotonic() >= deadline:
            return False
        yield Sleep(_SHORTEST_PAUSE)
    return (yield from calls.receive_close(pending))


def _close_unseen(session: Session, work: Work, deadline: float) -> Operation[bool]:
    """Close the cursor of a query that was not answered yet; whether there was one to close."""
    if not _is_alone(session, work):
        return False
    # With the lock no other query is sent, which might get one of the numbers.
    yield Acquire(session.resource_lock)
    try:
        resources = session.resources
        has_closed = False
        if _is_alone(session, work):
            for resource_id in resources.suspicious_ids(under_way=len(resources.in_flight)):
                existed = yield from _close(session, work, resource_id, deadline)
                resources.probed(resource_id, existed=existed)
                has_closed |= existed
                if not existed and resource_id > resources.last_id:
                    break
        return has_closed
    finally:
        session.resource_lock.release()


def _is_alone(session: Session, work: Work) -> bool:
    """Whether no cursor but that of *work*, and such as nobody wants, can have a number that is not known."""
    resources = session.resources
    ours = {*work.queries, *session.abandoned}
    openers = [resources.opener(pending) for pending in work.queries]
    return (
        # Whoever closes leaked cursors with queries under way holds the lock until these are answered.
        not resources.must_drain
        and set(resources.in_flight) <= ours
        # A statement that changes data gets its number when it is done.
        and any(opener is not None and opener.may_leak for opener in openers)
    )


@attrs.frozen(eq=False)
class RunningQuery:
    """A line of the list of what a node runs."""

    query_id: str
    sql: str
    milliseconds: int

    @property
    def number(self) -> int:
        """What a node's queries are numbered by, in the order in which they start."""
        return int(self.query_id.rpartition("_")[2])


class _Killer:
    """Runs KILL QUERY on a connection of its own, which is made when it is first needed."""

    def __init__(self, session: Session, deadline: float) -> None:
        self._session = session
        self._deadline = deadline
        self._side: Session | None = None

    def kill(self, work: Work) -> Operation[None]:
        """Kill what *work* runs, if it can be told from what others run on the connection."""
        try:
            yield from self._kill_all(work)
        except OperationalError as error:
            if not error.is_connection_lost:
                raise
            # The second connection waits no longer than the caller, who learns from the result that nothing has ended.
            if time.monotonic() >= self._deadline:
                return
            raise OperationalError(
                f"the statement could not be cancelled over a second connection: {error}", code="not_cancelled"
            ) from error

    def _kill_all(self, work: Work) -> Operation[None]:
        session = self._session
        if self._side is None:
            if time.monotonic() >= self._deadline:
                return
            self._side = yield from self._connect()
        if session.initiator is None:
            yield from self._learn_initiator()
        now = time.monotonic()
        rows = yield from _rows(
            self._side,
            "SELECT QUERY_ID, SQL, DURATION FROM SYS.SQL_QUERIES WHERE INITIATOR_ID = ?",
            [session.initiator],
        )
        # The list may have a statement that is not noted here yet: it would be taken for the one to be ended.
        if session.resources.is_sending:
            return
        listed = sorted((RunningQuery(*row) for row in rows), key=lambda query: query.number)
        openers = session.resources.openers
        # Calcite's stay in the list for a while after they have ended.
        killed = session.killed
        for query_id in set(killed) - {query.query_id for query in listed}:
            killed.pop(query_id, None)
        running = [query for query in listed if query.query_id not in killed]
        for victim in list(work.queries):
            found, at_risk = find(running, openers, victim, work.queries, now)
            for opener in at_risk:
                opener.is_at_risk = True
            # What was killed while it was planned may have been started all the same.
            for query in found or [query for query in listed if killed.get(query.query_id) is victim]:
                killed[query.query_id] = victim
                yield from self._kill(query)

    def _connect(self) -> Operation[Session]:
        session = self._session
        seconds = max(self._deadline - time.monotonic(), _SHORTEST_PAUSE)
        options = attrs.evolve(session.options, connect_timeout=seconds, request_timeout=seconds)
        channel = yield Connect(options, session.channel.address, {}, session.context.version)
        channel.context.knowledge = session.context.knowledge
        return Session(channel, options)

    def _learn_initiator(self) -> Operation[None]:
        """Find out what the server calls the connection, from a query of its own in the list."""
        sql = f"SELECT INITIATOR_ID FROM SYS.SQL_QUERIES WHERE SQL LIKE '%{uuid4().hex}%'"
        for (initiator,) in (yield from _rows(self._session, sql)):
            self._session.initiator = initiator

    def _kill(self, query: RunningQuery) -> Operation[None]:
        assert self._side is not None
        message = SqlFieldsQuery(sql=f"KILL QUERY ASYNC '{query.query_id}'")
        try:
            yield from calls.query(self._side, message, may_leak=False)
        except DatabaseError as error:
            # It has ended meanwhile, or is of a kind that cannot be ended.
            if _NOT_KILLED not in str(error):
                raise

    def close(self) -> None:
        if self._side is not None:
            self._side.channel.close()


def _rows(session: Session, sql: str, arguments: Sequence[Any] = ()) -> Operation[list[tuple[Any, ...]]]:
    answer = yield from calls.query(session, SqlFieldsQuery(sql=sql, arguments=arguments), may_leak=True)
    return answer.page.take(answer.page.row_count, session.context)


def find(
    running: Sequence[RunningQuery],
    openers: Sequence[Opener],
    victim: Pending,
    ours: Collection[Pending],
    now: float,
) -> tuple[list[RunningQuery], list[Opener]]:
    """Which of the *running* queries of a connection belong to *victim*, and whom it may hit if this is wrong.

    *running* is in the order in which they started, *openers* in the order in which they were sent; *ours* may be
    killed together with *victim*; *now* is when *running* was listed. The H2 engine lists statements as they were
    sent; Calcite writes them anew, so that they are told apart by their kind, their parameters and the order alone.
    Nothing is found while that order is not certain and somebody might lose by it.
    """
    # As they are now: the threads that wait for them go on meanwhile.
    under_way = {opener: opener.pending for opener in openers}
    target = next((opener for opener in openers if under_way[opener] is victim), None)
    if target is None:
        return [], []
    exact = {query.sql for query in running if any(_is_same(query.sql, opener.sql) for opener in openers)}
    if any(_is_same(sql, target.sql) for sql in exact):
        alike = [opener for opener in openers if _is_same_statement(opener.sql, target.sql)]
        candidates = [query for query in running if _is_same(query.sql, target.sql)]
    else:
        rest = [opener for opener in openers if not any(_is_same(sql, opener.sql) for sql in exact)]
        alike = [opener for opener in rest if _outline(opener.sql) == _outline(target.sql)]
        candidates = [
            query for query in running if query.sql not in exact and _outline(query.sql) == _outline(target.sql)
        ]
    if all(under_way[opener] in ours for opener in alike):
        return candidates, []
    if len(candidates) != len(alike):
        # What has pages left may be done on the server all the same. If it is not, it must be told by its age.
        waiting = [opener for opener in alike if under_way[opener] is not None]
        oldest = min(opener.since for opener in waiting)
        if any(under_way[opener] is None and opener.since > oldest - _ORDERED for opener in alike):
            return [], []
        limit = (now - oldest + _ORDERED / 2) * 1000
        alike, candidates = waiting, [query for query in candidates if query.milliseconds < limit]
        if len(candidates) != len(alike):
            return [], []
    near = [opener for opener in alike if under_way[opener] not in ours and abs(opener.since - target.since) < _ORDERED]
    if not all(under_way[opener] is not None and _only_reads(opener.sql) for opener in near):
        return [], []
    return [candidates[alike.index(target)]], near


def _is_same(listed: str, sent: str | None) -> bool:
    return sent is not None and sent.startswith(listed) and _NOTHING.fullmatch(sent, len(listed)) is not None


def _is_same_statement(one: str | None, other: str | None) -> bool:
    return one is not None and other is not None and (_is_same(one, other) or _is_same(other, one))


def _outline(sql: str | None) -> tuple[str, int]:
    statement = analyze(sql or "")
    return statement.verb, statement.parameter_count


def _only_reads(sql: str | None) -> bool:
    return analyze(sql or "").is_query
