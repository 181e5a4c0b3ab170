"""Which of a node's running queries is the one to be cancelled: never one of somebody else who would lose by it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from ignite_dbapi.operations import cancelling
from ignite_dbapi.operations.cancelling import RunningQuery, find
from ignite_dbapi.operations.resources import Opener
from ignite_dbapi.protocol.exchange import Pending
from ignite_dbapi.protocol.messages.sql import SqlFieldsQuery

NOW = 10.0
COUNT = "SELECT COUNT(*) FROM t"
# How Calcite lists it.
COUNT_ANEW = "SELECT COUNT(*)\nFROM `T`"


def opener(sql: str, since: float, *, is_open: bool = False) -> Opener:
    """A statement under way, or one whose cursor has more pages."""
    pending = None if is_open else Pending(int(since * 10), SqlFieldsQuery(sql=sql))
    return Opener(pending, may_leak=True, sql=sql, since=since)


def running(*texts: str, ages: Sequence[float] = ()) -> list[RunningQuery]:
    seconds = ages or [0.1] * len(texts)
    return [
        RunningQuery(f"00000000-0000-0000-0000-000000000001_{number}", sql, round(seconds[number] * 1000))
        for number, sql in enumerate(texts)
    ]


def found(queries: list[RunningQuery], openers: list[Opener], victim: Opener, *ours: Opener) -> tuple[list[int], Any]:
    assert victim.pending is not None
    together = [victim.pending, *(one.pending for one in ours if one.pending is not None)]
    kills, at_risk = find(queries, openers, victim.pending, together, now=NOW)
    return [query.number for query in kills], at_risk


def test_by_its_text() -> None:
    one, other = opener("SELECT 1 -- a\n;", 0), opener(COUNT, 0)
    assert found(running("SELECT 1", COUNT), [one, other], one) == ([0], [])
    assert found(running("SELECT 1", COUNT), [one, other], other) == ([1], [])
    # One that starts like another is another.
    longer = opener("SELECT 1 + 1", 0)
    assert found(running("SELECT 1", "SELECT 1 + 1"), [one, longer], longer) == ([1], [])
    assert found(running("SELECT 1"), [one, longer], longer) == ([], [])


def test_by_the_order_of_those_that_look_alike() -> None:
    openers = [opener(COUNT, since) for since in (0, 1, 2)]
    for number, victim in enumerate(openers):
        assert found(running(COUNT, COUNT, COUNT), openers, victim) == ([number], [])
        assert found(running(*[COUNT_ANEW] * 3), openers, victim) == ([number], [])
        # One has not started, or has ended: nobody knows which.
        assert found(running(COUNT, COUNT), openers, victim) == ([], [])


def test_what_is_sent_at_the_same_time_may_be_hit() -> None:
    one, other, later = opener(COUNT, 0), opener(COUNT, 0.1), opener(COUNT, 9)
    assert found(running(COUNT, COUNT, COUNT), [one, other, later], one) == ([0], [other])
    assert found(running(COUNT, COUNT, COUNT), [one, other, later], later) == ([2], [])


def test_what_cannot_be_run_again_is_not_put_at_risk() -> None:
    update = "UPDATE t SET v = 1"
    one, other = opener(update, 0), opener(update, 0.1)
    assert found(running(update, update), [one, other], one) == ([], [])
    assert found(running(update, update), [one, other], one, other) == ([0, 1], [])
    other.since = 5
    assert found(running(update, update), [one, other], one) == ([0], [])
    # Nor is what somebody reads page by page.
    reader = opener(COUNT, 0.1, is_open=True)
    victim = opener(COUNT, 0)
    assert found(running(COUNT, COUNT), [victim, reader], victim) == ([], [])


def test_what_has_pages_left_may_be_done_on_the_server() -> None:
    reader, victim = opener(COUNT, 0, is_open=True), opener(COUNT, 5)
    assert found(running(COUNT_ANEW, COUNT_ANEW, ages=[9.9, 4.9]), [reader, victim], victim) == ([1], [])
    assert found(running(COUNT_ANEW, ages=[4.9]), [reader, victim], victim) == ([0], [])
    # It is not, and the victim has not started yet.
    assert found(running(COUNT_ANEW, ages=[9.9]), [reader, victim], victim) == ([], [])
    reader.since = 5.1
    assert found(running(COUNT_ANEW, ages=[4.8]), [reader, victim], victim) == ([], [])


def test_what_was_answered_meanwhile_is_not_looked_for() -> None:
    assert find(running(COUNT), [], Pending(1, SqlFieldsQuery(sql=COUNT)), [], now=NOW) == ([], [])


def test_what_is_answered_while_it_is_looked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    victim = opener(COUNT, 0)
    pending = victim.pending
    assert pending is not None
    original = cancelling._outline

    def answered(sql: str | None) -> tuple[str, int]:
        # The thread that waits for it goes on: the first page is here, and there are more.
        victim.pending = None
        return original(sql)

    monkeypatch.setattr(cancelling, "_outline", answered)
    assert find(running(), [victim], pending, [pending], now=NOW) == ([], [])
