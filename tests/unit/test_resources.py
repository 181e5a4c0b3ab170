"""No cursor leaks, whatever fails and in whatever order answers come: against a simulated server."""

from __future__ import annotations

from collections.abc import Generator
from random import Random
from typing import Any, cast

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ignite_dbapi.errors import DatabaseError, error_from_answer
from ignite_dbapi.operations import calls
from ignite_dbapi.operations.resources import ResourceLedger
from ignite_dbapi.operations.session import Session
from ignite_dbapi.options import ConnectOptions
from ignite_dbapi.protocol.context import ALL_FEATURES, Context
from ignite_dbapi.protocol.exchange import Acquire, Channel, Pending, Receive, Send
from ignite_dbapi.protocol.messages.sql import Page, ResourceClose, SqlFieldsAnswer, SqlFieldsQuery
from tests.unit.pages import known

MAXIMUM = 128


class GivenUp(BaseException):
    """What asyncio.CancelledError is to a task."""


class FakeChannel:
    """What a session wants of its channel."""

    def __init__(self) -> None:
        self.context = Context((1, 7, 0), ALL_FEATURES, None, known())

    def new_lock(self) -> FakeLock:
        return FakeLock()

    def keep_alive(self, owner: object) -> None:
        pass


class FakeLock:
    """A lock that a simulated task waits for."""

    def __init__(self) -> None:
        self.is_held = False

    def release(self) -> None:
        assert self.is_held
        self.is_held = False


class SimulatedServer:
    """Numbers its cursors, keeps those of failed SELECTs open, and answers when it is told to."""

    def __init__(self) -> None:
        self.last_id = 0
        self.open: dict[int, str] = {}
        self.owned: set[int] = set()
        self.given_up: set[Pending] = set()
        self.queue: list[Pending] = []
        self.answers: dict[Pending, Any] = {}
        self.closes = 0
        self.most_open = 0

    def process(self, pending: Pending) -> None:
        self.queue.remove(pending)
        pending.frame = b"answered"
        try:
            answer = self.answers[pending] = self._answer(pending.message)
        except DatabaseError as error:
            self.answers[pending] = error
        else:
            if isinstance(answer, SqlFieldsAnswer) and answer.page.has_more and pending not in self.given_up:
                self.owned.add(answer.cursor_id)

    def _answer(self, message: Any) -> Any:
        if isinstance(message, ResourceClose):
            self.closes += 1
            if message.resource_id not in self.open:
                raise error_from_answer(1011, "50000: Failed to find resource with id")
            assert message.resource_id not in self.owned, "a cursor in use was closed"
            del self.open[message.resource_id]
            return None
        assert isinstance(message, SqlFieldsQuery)
        if message.sql in ("parse error", "failing insert"):
            raise error_from_answer(1, "42000: Failed to parse query")
        if len(self.open) >= MAXIMUM:
            raise error_from_answer(1010, "50000: Too many open cursors")
        self.last_id += 1
        if message.sql != "one page":
            self.open[self.last_id] = message.sql
            self.most_open = max(self.most_open, len(self.open))
        if message.sql == "division by zero":
            raise error_from_answer(1, "50000: / by zero")
        return SqlFieldsAnswer(self.last_id, ["A"], Page(b"", 0, 0, 0, 1, message.sql == "many pages"))


@attrs.define(eq=False)
class Task:
    operation: Generator[Any, Any, Any]
    sql: str
    effect: Any = None
    # What it has sent, before it goes on.
    sent: Pending | None = None
    is_done: bool = False
    result: Any = None


class Simulation:
    """Runs many operations of one connection, interleaved with each other and with the server."""

    def __init__(self, random: Random) -> None:
        self.random = random
        self.server = SimulatedServer()
        self.session = Session(cast("Channel", FakeChannel()), ConnectOptions())
        self.lock = cast("FakeLock", self.session.resource_lock)
        self.tasks: list[Task] = []
        self._request_id = 0

    def start(self, sql: str) -> None:
        may_leak = sql != "failing insert"
        operation = calls.query(self.session, SqlFieldsQuery(sql=sql), may_leak=may_leak)
        task = Task(operation, sql)
        self.tasks.append(task)
        self._resume(task, lambda: next(operation))

    def _resume(self, task: Task, step: Any) -> None:
        try:
            task.effect = step()
        except StopIteration as stop:
            task.is_done, task.result = True, stop.value
        except (DatabaseError, GivenUp) as error:
            task.is_done, task.result = True, error

    def _is_ready(self, task: Task) -> bool:
        effect = task.effect
        if isinstance(effect, Receive):
            return effect.pending.is_done
        return isinstance(effect, Send) or not self.lock.is_held

    def advance(self, task: Task) -> None:
        effect = task.effect
        if isinstance(effect, Send) and task.sent is None:
            # A thread may have to wait for its turn when the server has its request already.
            self._request_id += 1
            task.sent = Pending(self._request_id, effect.message)
            self.server.queue.append(task.sent)
        elif isinstance(effect, Send):
            pending, task.sent = task.sent, None
            self._resume(task, lambda: task.operation.send(pending))
        elif isinstance(effect, Receive):
            answer = self.server.answers[effect.pending]
            if isinstance(answer, DatabaseError):
                self._resume(task, lambda: task.operation.throw(answer))
            else:
                self._resume(task, lambda: task.operation.send(answer))
        else:
            assert isinstance(effect, Acquire)
            assert effect.lock is self.lock
            assert not self.lock.is_held
            self.lock.is_held = True
            self._resume(task, lambda: task.operation.send(True))

    def step(self, *, gives_up: bool = False) -> bool:
        """One step of a task or of the server, by chance; False when there is none left to take."""
        running = [task for task in self.tasks if not task.is_done]
        choices: list[Any] = [task for task in running if self._is_ready(task)] + self.server.queue
        if not choices:
            assert not running, "tasks wait for each other"
            return False
        waiting = [task for task in running if isinstance(task.effect, Receive) and not self._is_ready(task)]
        if gives_up and waiting and self.random.random() < 0.1:
            task = self.random.choice(waiting)
            if isinstance(task.effect.pending.message, SqlFieldsQuery):
                self.server.given_up.add(task.effect.pending)
                self._resume(task, lambda: task.operation.throw(GivenUp()))
                return True
        choice = self.random.choice(choices)
        if isinstance(choice, Task):
            self.advance(choice)
        else:
            self.server.process(choice)
        return True

    def finish(self) -> None:
        while self.step():
            pass

    @property
    def leaked(self) -> set[int]:
        return set(self.server.open) - self.server.owned


KINDS = ("one page", "many pages", "division by zero", "parse error", "failing insert")


@settings(max_examples=200)
@given(st.lists(st.sampled_from(KINDS), min_size=1, max_size=14), st.randoms(use_true_random=False))
def test_nothing_leaks_whatever_the_order(statements: list[str], random: Random) -> None:
    simulation = Simulation(random)
    for sql in statements:
        simulation.start(sql)
        for _ in range(random.randrange(6)):
            simulation.step()
    simulation.finish()
    assert simulation.leaked == set()
    assert len(simulation.server.owned) == statements.count("many pages")
    for task in simulation.tasks:
        assert isinstance(task.result, SqlFieldsAnswer) is (task.sql in ("one page", "many pages"))
    assert not simulation.lock.is_held
    # What cannot have leaked is not looked for: a failure costs one attempt or two.
    failures = sum(sql in ("division by zero", "parse error") for sql in statements)
    assert simulation.server.closes <= 2 * failures


@settings(max_examples=100)
@given(st.lists(st.sampled_from(KINDS), min_size=1, max_size=10), st.randoms(use_true_random=False))
def test_nothing_leaks_when_waiting_is_given_up(statements: list[str], random: Random) -> None:
    simulation = Simulation(random)
    for sql in statements:
        simulation.start(sql)
        for _ in range(random.randrange(6)):
            simulation.step(gives_up=True)
    while simulation.step(gives_up=True):
        pass
    # The cursors that nobody waits for any more are closed by what runs next.
    for _ in range(2):
        simulation.start("one page")
        simulation.finish()
    assert simulation.leaked == set()
    assert not simulation.lock.is_held


@pytest.mark.parametrize("seed", range(5))
def test_a_thousand_failures_under_load(seed: int) -> None:
    """A connection that always has a query under way never finds a quiet moment by itself."""
    simulation = Simulation(Random(seed))
    for number in range(1000):
        simulation.start("division by zero" if number % 3 else "one page")
        while len([task for task in simulation.tasks if not task.is_done]) > 4:
            simulation.step()
        simulation.tasks = [task for task in simulation.tasks if not task.is_done]
    simulation.finish()
    assert simulation.leaked == set()
    assert simulation.server.most_open < MAXIMUM


def test_one_failure_after_the_other_closes_one_cursor_each() -> None:
    simulation = Simulation(Random(0))
    for number in range(200):
        simulation.start("division by zero")
        simulation.finish()
        assert simulation.leaked == set()
        assert simulation.server.closes == number + 1
    assert simulation.session.resources.last_id == 200


def test_orphans_are_closed_by_the_next_query() -> None:
    simulation = Simulation(Random(0))
    simulation.start("many pages")
    simulation.finish()
    (cursor_id,) = simulation.server.owned
    simulation.server.owned.clear()
    simulation.session.resources.orphans.append(cursor_id)
    simulation.start("one page")
    simulation.finish()
    assert simulation.server.open == {}


def test_closing_what_the_server_has_no_more() -> None:
    simulation = Simulation(Random(0))
    operation = calls.close_resource(simulation.session, 99)
    task = Task(operation, "close")
    simulation.tasks.append(task)
    simulation._resume(task, lambda: next(operation))
    simulation.finish()
    assert task.result is False


def test_only_the_first_report_counts() -> None:
    ledger = ResourceLedger()
    pending = Pending(1, SqlFieldsQuery(sql="x"))
    ledger.opening(pending, may_leak=True)
    assert ledger.in_flight == [pending]
    assert not ledger.must_probe
    ledger.failed(pending)
    ledger.failed(pending)
    ledger.opened(pending, 7)
    assert ledger.must_probe
    assert ledger.suspicious_ids() == [1]
    ledger.cleared()
    assert not ledger.must_probe
    assert ledger.suspicious_ids() == []
