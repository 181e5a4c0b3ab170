"""Services: calling Java objects that the cluster keeps running, and finding out about them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from ignite_dbapi.errors import ProgrammingError
from ignite_dbapi.operations import calls
from ignite_dbapi.operations.session import Session
from ignite_dbapi.protocol.exchange import Operation
from ignite_dbapi.protocol.messages.services import (
    ServiceDescriptor,
    ServiceDescriptorGet,
    ServiceDescriptors,
    ServiceInvoke,
    ServiceTopology,
)

__all__ = ["ServiceDescriptor"]


def invoke(
    session: Session,
    name: str,
    method: str,
    arguments: Sequence[Any] = (),
    *,
    parameter_types: Sequence[int] | None = None,
    node_ids: Sequence[UUID] = (),
    timeout: float = 0,
    keep_binary: bool = False,
    call_context: Mapping[str, str | bytes] | None = None,
    lossless: bool = False,
) -> Operation[Any]:
    """Call *method* of the service *name* with *arguments*; returns what it returns.

    *timeout* is how many seconds the server waits until the service is there, 0 for ever.
    """
    if parameter_types is not None and len(parameter_types) != len(arguments):
        raise ProgrammingError(
            f"{len(parameter_types)} parameter types for {len(arguments)} arguments", code="parameter_count"
        )
    if timeout < 0:
        raise ProgrammingError(f"timeout of {timeout} s; 0 means none", code="invalid_time")
    message = ServiceInvoke(
        name=name,
        method=method,
        arguments=arguments,
        parameter_types=parameter_types,
        node_ids=node_ids,
        timeout=round(timeout * 1000),
        keep_binary=keep_binary,
        call_context=call_context,
        lossless=lossless,
    )
    return calls.call(session, message)


def descriptors(session: Session) -> Operation[tuple[ServiceDescriptor, ...]]:
    """All services of the cluster."""
    return calls.call(session, ServiceDescriptors())


def descriptor(session: Session, name: str) -> Operation[ServiceDescriptor]:
    """The service *name*; DatabaseError if there is none."""
    return calls.call(session, ServiceDescriptorGet(name))


def topology(session: Session, name: str) -> Operation[tuple[UUID, ...]]:
    """The nodes on which the service *name* runs."""
    return calls.call(session, ServiceTopology(name))
