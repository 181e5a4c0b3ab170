"""Compute: running Java tasks that the servers have, and waiting for their results."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from ignite_dbapi.errors import (
    DatabaseError,
    InterfaceError,
    NotSupportedError,
    OperationalError,
    ProgrammingError,
)
from ignite_dbapi.operations import calls, facts
from ignite_dbapi.operations.cache import with_class
from ignite_dbapi.operations.session import Session
from ignite_dbapi.protocol.codec import MissingFact, Reader
from ignite_dbapi.protocol.exchange import Next, Operation, Subscription, again, read_notification
from ignite_dbapi.protocol.messages.compute import ComputeTaskExecute

_STATUS_FUNCTIONALITY_DISABLED = 100


class ComputeTask:
    """A task that runs on the servers, and its result once it has ended. Made by :func:`start`."""

    def __init__(self, session: Session, subscription: Subscription, name: str, *, lossless: bool) -> None:
        self._session = session
        self._subscription: Subscription | None = subscription
        self.name = name
        self._lossless = lossless
        self._value: Any = None
        self._error: DatabaseError | None = None

    @property
    def is_done(self) -> bool:
        """Whether its end is known: a result, an error, or that it was cancelled."""
        return self._subscription is None

    def result(self, timeout: float | None = None) -> Operation[Any]:
        """What the task returned. Raises what it failed with; OperationalError if *timeout* seconds were not enough.

        The task goes on then, and may be waited for again.
        """
        while self._subscription is not None:
            subscription = self._subscription
            try:
                frame: bytes | None = yield Next(subscription, timeout)
            except DatabaseError as error:
                self._ended(error=error)
                break
            if frame is None:
                if subscription.is_closed:
                    continue
                raise OperationalError(
                    f"the task {self.name} has not ended within {timeout:g} s; wait for it again, or cancel it",
                    code="task_timeout",
                )
            try:
                value = yield from self._decoded(frame)
            except DatabaseError as error:
                self._ended(error=error)
            except BaseException:
                subscription.put_back(frame)
                raise
            else:
                self._ended(value=value)
        if self._error is not None:
            raise again(self._error)
        return self._value

    def cancel(self) -> Operation[None]:
        """End the task, unless it has ended: its jobs are interrupted. Whoever waits gets an error."""
        subscription = self._subscription
        if subscription is None:
            return
        self._ended(
            error=OperationalError(f"the task {self.name} was cancelled", code="task_cancelled"),
        )
        yield from calls.close_resource(self._session, subscription.resource_id)

    def _ended(self, *, value: Any = None, error: DatabaseError | None = None) -> None:
        subscription = self._subscription
        if subscription is None:
            return
        # In this order, because others see from the last that it has ended.
        self._value, self._error = value, error
        self._subscription = None
        # The server frees the task itself when it ends.
        self._session.resources.closed(subscription.resource_id)
        self._session.channel.unsubscribe(subscription)

    def _decoded(self, frame: bytes) -> Operation[Any]:
        context = self._session.context
        while True:
            try:
                reader = read_notification(frame, context)
                if not reader.remaining():
                    return None
                return Reader(
                    reader.data, context.knowledge, reader.position, reader.end, lossless=self._lossless
                ).value()
            except MissingFact as missing:
                fact = missing
            yield from facts.learn(self._session, fact)

    def __del__(self) -> None:
        subscription: Subscription | None = self.__dict__.get("_subscription")
        if subscription is not None:
            self._session.channel.unsubscribe(subscription)
            self._session.resources.orphans.append(subscription.resource_id)


def start(
    session: Session,
    task: str,
    argument: Any = None,
    *,
    node_ids: Sequence[UUID] = (),
    timeout: float = 0,
    failover: bool = True,
    result_cache: bool = True,
    keep_binary: bool = False,
    lossless: bool = False,
) -> Operation[ComputeTask]:
    """Start *task*, a Java class of the servers or a name that it was deployed under, with *argument*.

    *node_ids* are the nodes that it may use, all if there are none named. The server ends it after *timeout* seconds
    (0: never).
    """
    if not task:
        raise ProgrammingError("a compute task needs the name of its class", code="invalid_name")
    if timeout < 0:
        raise ProgrammingError(f"timeout of {timeout} s; 0 means none", code="invalid_time")
    message = ComputeTaskExecute(
        task=task,
        argument=argument,
        node_ids=node_ids,
        timeout=round(timeout * 1000),
        failover=failover,
        result_cache=result_cache,
        keep_binary=keep_binary,
    )
    subscription = yield from with_class(session, argument, lambda: _started(session, message))
    return ComputeTask(session, subscription, task, lossless=lossless)


def _started(session: Session, message: ComputeTaskExecute) -> Operation[Subscription]:
    pending = yield from calls.open_query(session, message, may_leak=False)
    try:
        yield from calls.receive_query(session, pending)
    except DatabaseError as error:
        if error.status == _STATUS_FUNCTIONALITY_DISABLED:
            raise NotSupportedError(
                f"the server runs no compute tasks for thin clients ({error}); they are enabled by "
                "maxActiveComputeTasksPerConnection, in the ThinClientConfiguration of its client connector",
                status=error.status,
                code="compute_disabled",
            ) from error
        raise
    if pending.subscription is None:
        raise InterfaceError("the connection was closed while the task was started", code="connection_closed")
    pending.subscription.channel = session.channel
    return pending.subscription
