"""Several operations under way at once, started one after the other without waiting for each answer.

What servers do with pipelined requests has no order. Operations on the same key therefore wait for each other, unless
they only read; those on different keys do not. Operations that hold a lock while they wait, as within a transaction,
are run to their end before the next one starts.
"""

from __future__ import annotations

from collections import Counter, deque
from contextlib import suppress
from typing import Any, Final, Generic, TypeVar

import attrs

from ignite_dbapi.errors import Error, OperationalError, ProgrammingError
from ignite_dbapi.protocol.codec import Knowledge, MissingFact, encode
from ignite_dbapi.protocol.exchange import Acquire, Call, Channel, Flush, Lock, Operation, Pending, Receive, Send

T = TypeVar("T")

# Servers queue requests without limit, and run few at once.
LARGEST_WINDOW: Final = 64
_GROUPS: Final = 4


@attrs.define(eq=False)
class Step(Generic[T]):
    """An operation of a pipeline: until it *is_done*, it waits for the answer to *pending*.

    *error* is what it failed with, which *was_seen* once somebody has asked for the outcome.
    """

    operation: Operation[T]
    # The key that it is about, as it travels; None if that is not known.
    key: bytes | None
    is_read: bool
    pending: Pending | None = None
    value: Any = None
    error: Exception | None = None
    is_done: bool = False
    was_seen: bool = False
    has_locked: bool = False


class Pipeline:
    """Operations under way, no more than *window* of them.

    It belongs to one thread or task at a time, which *lock* sees to.
    """

    def __init__(self, lock: Lock, window: int) -> None:
        if type(window) is not int or not 1 <= window <= LARGEST_WINDOW:
            raise ProgrammingError(
                f"a pipeline with {window!r} operations under way; 1 to {LARGEST_WINDOW} can be",
                code="invalid_window",
            )
        self._lock = lock
        self._window = window
        self._under_way: deque[Step[Any]] = deque()
        # How many of them read or change which key; None is one that is not known.
        self._read: Counter[bytes | None] = Counter()
        self._changed: Counter[bytes | None] = Counter()
        self._failed: list[Step[Any]] = []
        # How many requests wait to be sent, by channel. Several are sent at once, but so that the servers have always
        # some to work on while others are made.
        self._waiting: dict[Channel, int] = {}
        self._group = max(window // _GROUPS, 1)
        self.is_closed = False

    def start(self, operation: Operation[T], key: Any, knowledge: Knowledge, *, is_read: bool) -> Operation[Step[T]]:
        """Start *operation*, which is about the entry of *key*, as soon as its turn has come.

        An error that it fails with before it has to wait is kept like one that is answered.
        """
        step: Step[T] = Step(operation, _identity(key, knowledge), is_read)
        yield Acquire(self._lock)
        try:
            if self.is_closed:
                raise ProgrammingError("the pipeline has ended; start another", code="pipeline_ended")
            while self._must_wait_for_others(step):
                yield from self._finish_oldest()
            yield from self._advance(step, None, None, is_first=True)
            if not step.is_done:
                self._under_way.append(step)
                (self._read if step.is_read else self._changed)[step.key] += 1
        finally:
            self._lock.release()
        return step

    def outcome(self, step: Step[T]) -> Operation[T]:
        """Wait for *step*; returns what its operation does, or raises what that failed with."""
        if not step.is_done:
            yield Acquire(self._lock)
            try:
                yield from self._flush()
                yield from self._finish(step)
            finally:
                self._lock.release()
        step.was_seen = True
        if step.error is not None:
            raise step.error
        value: T = step.value
        return value

    def settle(self) -> Operation[None]:
        """Wait for all that is under way."""
        yield Acquire(self._lock)
        try:
            while self._under_way:
                yield from self._finish_oldest()
        finally:
            self._lock.release()

    def close(self) -> Operation[None]:
        """Wait for all that is under way; raises the first error, in the order of starting, that nobody has seen."""
        self.is_closed = True
        yield from self.settle()
        failed, self._failed = self._failed, []
        for step in failed:
            if not step.was_seen and step.error is not None:
                step.was_seen = True
                raise step.error

    def _flush(self) -> Operation[None]:
        for channel in list(self._waiting):
            # One that is lost fails those that wait for it, and no others.
            with suppress(Error):
                yield Flush(channel)
        self._waiting.clear()

    def abandon(self) -> Operation[None]:
        """Wait for all that is under way, and let errors go that nobody has seen."""
        self.is_closed = True
        yield from self.settle()

    def _must_wait_for_others(self, step: Step[Any]) -> bool:
        if len(self._under_way) >= self._window:
            return True
        if step.key is None or None in self._read or None in self._changed:
            return bool(self._under_way)
        return step.key in self._changed or (step.key in self._read and not step.is_read)

    def _finish_oldest(self) -> Operation[None]:
        """Wait for the oldest, and take what has been answered besides."""
        yield from self._flush()
        yield from self._finish(self._under_way[0])
        while self._under_way:
            pending = self._under_way[0].pending
            if pending is None or not pending.is_done:
                break
            yield from self._finish(self._under_way[0])

    def _finish(self, step: Step[Any]) -> Operation[None]:
        """Wait until *step* is done. If that is given up (a cancelled task), the step stays under way as it is."""
        if step.is_done:
            return
        assert step.pending is not None
        result: Any = None
        raised: Exception | None = None
        try:
            result = yield Receive(step.pending)
        except Exception as error:
            raised = error
        try:
            yield from self._advance(step, result, raised)
        finally:
            if step.is_done:
                self._under_way.remove(step)
                counted = self._read if step.is_read else self._changed
                counted[step.key] -= 1
                if not counted[step.key]:
                    del counted[step.key]

    def _advance(
        self, step: Step[Any], result: Any, raised: BaseException | None, *, is_first: bool = False
    ) -> Operation[None]:
        """Let the operation of *step* go on with *result* to its end; at *first* to where it waits for an answer."""
        operation = step.operation
        while True:
            try:
                effect = operation.send(result) if raised is None else operation.throw(raised)
            except StopIteration as stop:
                step.value = stop.value
                step.is_done = True
                return
            except Exception as error:
                step.error = error
                step.is_done = True
                self._failed.append(step)
                return
            except BaseException:
                step.error = OperationalError(
                    "the operation was given up while it was started or repeated; whether it took effect is unknown",
                    code="operation_given_up",
                )
                step.is_done = True
                raise
            may_wait = is_first and not step.has_locked
            raised = None
            try:
                if type(effect) is Call:
                    # In two steps, so that others can be started between them.
                    effect = Receive((yield self._sending(effect, may_wait=may_wait)))
                elif type(effect) is Send:
                    effect = self._sending(effect, may_wait=may_wait)
                elif type(effect) is Acquire:
                    step.has_locked = True
                if type(effect) is Receive:
                    step.pending = effect.pending
                    # What holds a lock must not keep it while others take their turn.
                    if may_wait:
                        return
                result = yield effect
            except Exception as error:
                raised = error
            except BaseException as error:
                if type(effect) is Receive and not step.has_locked:
                    # Only the waiting was given up.
                    raise
                raised = error

    def _sending(self, effect: Call | Send, *, may_wait: bool) -> Send:
        """What sends the message of *effect*, if it *may_wait* together with those of others."""
        if not may_wait:
            return Send(effect.channel, effect.message)
        number = self._waiting.get(effect.channel, 0) + 1
        self._waiting[effect.channel] = number % self._group
        return Send(effect.channel, effect.message, number < self._group)


def _identity(key: Any, knowledge: Knowledge) -> bytes | None:
    try:
        return encode(key, knowledge)
    except MissingFact:
        return None


__all__ = ["LARGEST_WINDOW", "Pipeline", "Step"]
