"""Running Java code of the servers: compute tasks and services."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from ignite_dbapi.cluster.cluster import guarded
from ignite_dbapi.keyvalue.owners import AwaitingOwner, BlockingOwner, Owner
from ignite_dbapi.operations import compute, services
from ignite_dbapi.operations.compute import ComputeTask
from ignite_dbapi.operations.services import ServiceDescriptor
from ignite_dbapi.operations.session import Session
from ignite_dbapi.protocol.exchange import Operation


def started(owner: Any, task: str, argument: Any, options: dict[str, Any]) -> Operation[tuple[Session, ComputeTask]]:
    """Start a task; returns where it was started, too."""

    def start(session: Session) -> Operation[tuple[Session, ComputeTask]]:
        return session, (yield from compute.start(session, task, owner.conversion.value(argument, None), **options))

    both: tuple[Session, ComputeTask] = yield from owner._call(start)
    return both


class _Task:
    """What a task knows without asking the server."""

    def __init__(self, owner: Any, session: Session, task: ComputeTask) -> None:
        self._owner = owner
        self._session = session
        self._task = task

    @property
    def name(self) -> str:
        """The name of the task's class."""
        return self._task.name

    @property
    def is_done(self) -> bool:
        """Whether its result, or why there is none, was received already."""
        return self._task.is_done

    def _result(self, timeout: float | None) -> Operation[Any]:
        return guarded(self._session, lambda _: self._task.result(timeout))

    def _cancel(self) -> Operation[None]:
        return guarded(self._session, lambda _: self._task.cancel())


class Task(_Task):
    """A compute task that was started, by :meth:`Client.start_task`."""

    _owner: BlockingOwner

    def result(self, timeout: float | None = None) -> Any:
        """What the task returned; raises what it failed with.

        OperationalError with the code ``task_timeout`` if it has not ended within *timeout* seconds: it goes on.
        """
        return self._owner._run(self._result(timeout))

    def cancel(self) -> None:
        """End the task, unless it has ended. Whoever waits for its result gets an OperationalError."""
        self._owner._run(self._cancel())


class AioTask(_Task):
    """A compute task that was started, by :meth:`AioClient.start_task`."""

    _owner: AwaitingOwner

    async def result(self, timeout: float | None = None) -> Any:
        """What the task returned; see :meth:`Task.result`."""
        return await self._owner._run(self._result(timeout))

    async def cancel(self) -> None:
        """End the task, unless it has ended. Whoever waits for its result gets an OperationalError."""
        await self._owner._run(self._cancel())


class _Service:
    """What a service knows without asking the server."""

    _owner: Owner

    def __init__(
        self,
        owner: Any,
        name: str,
        node_ids: Sequence[UUID],
        timeout: float,
        call_context: Mapping[str, str | bytes] | None,
        keep_binary: bool,
    ) -> None:
        self._owner = owner
        self.name = name
        self._node_ids = tuple(node_ids)
        self._timeout = timeout
        self._call_context = call_context
        self._keep_binary = keep_binary

    def _call(self, method: str, arguments: Sequence[Any], parameter_types: Sequence[int] | None) -> Operation[Any]:
        values = self._owner.conversion.keys(arguments)
        return self._owner._call(
            lambda session: services.invoke(
                session,
                self.name,
                method,
                values,
                parameter_types=parameter_types,
                node_ids=self._node_ids,
                timeout=self._timeout,
                keep_binary=self._keep_binary,
                call_context=self._call_context,
            )
        )

    def _descriptor(self) -> Operation[ServiceDescriptor]:
        return self._owner._call(lambda session: services.descriptor(session, self.name), is_idempotent=True)

    def _nodes(self) -> Operation[tuple[UUID, ...]]:
        return self._owner._call(lambda session: services.topology(session, self.name), is_idempotent=True)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name!r} of {self._owner._public!r}>"


class Service(_Service):
    """A service that the cluster runs, made by :meth:`Client.service`."""

    _owner: BlockingOwner

    def call(self, method: str, *arguments: Any, parameter_types: Sequence[int] | None = None) -> Any:
        """Call a method; returns what it returns. DatabaseError if there is no such service or method, or it fails.

        *parameter_types* are type ids that choose between methods of the same name with as many parameters.
        """
        return self._owner._run(self._call(method, arguments, parameter_types))

    def descriptor(self) -> ServiceDescriptor:
        """What the cluster knows of the service."""
        return self._owner._run(self._descriptor())

    def nodes(self) -> tuple[UUID, ...]:
        """The nodes that it runs on."""
        return self._owner._run(self._nodes())


class AioService(_Service):
    """A service that the cluster runs, made by :meth:`AioClient.service`."""

    _owner: AwaitingOwner

    async def call(self, method: str, *arguments: Any, parameter_types: Sequence[int] | None = None) -> Any:
        """Call a method; see :meth:`Service.call`."""
        return await self._owner._run(self._call(method, arguments, parameter_types))

    async def descriptor(self) -> ServiceDescriptor:
        """What the cluster knows of the service."""
        return await self._owner._run(self._descriptor())

    async def nodes(self) -> tuple[UUID, ...]:
        """The nodes that it runs on."""
        return await self._owner._run(self._nodes())


__all__ = ["AioService", "AioTask", "Service", "ServiceDescriptor", "Task"]
