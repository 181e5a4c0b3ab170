"""The nodes that a client is connected to, as programs see them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any
from uuid import UUID

from ignite_dbapi.cluster.cluster import OnSession
from ignite_dbapi.errors import DatabaseError
from ignite_dbapi.keyvalue.connection.generators import RoundRobin
from ignite_dbapi.keyvalue.connection.protocol_context import ProtocolContext
from ignite_dbapi.operations.session import Session
from ignite_dbapi.protocol.exchange import Operation

if TYPE_CHECKING:
    from ignite_dbapi.keyvalue.aio_client import AioClient
    from ignite_dbapi.keyvalue.client import Client


class BaseConnection:
    """A connection to a node, which a client has opened. It does not mend itself: the client opens another one."""

    def __init__(self, client: Any, session: Session) -> None:
        self.client = client
        self._session = session

    @property
    def host(self) -> str:
        """The host that was connected to."""
        return self._session.channel.address[0]

    @property
    def port(self) -> int:
        """The port that was connected to."""
        return self._session.channel.address[1]

    @property
    def uuid(self) -> UUID | None:
        """The id of the node; None for servers before protocol 1.4."""
        return self._session.context.node_id

    @property
    def protocol_context(self) -> ProtocolContext:
        """What was agreed on with the node."""
        return ProtocolContext.of(self._session.context)

    @property
    def closed(self) -> bool:
        """Whether the connection was closed, or broke."""
        return self._session.channel.failure is not None

    @property
    def failed(self) -> bool:
        """Whether the connection broke."""
        failure = self._session.channel.failure
        return failure is not None and failure.is_connection_lost

    @property
    def alive(self) -> bool:
        """Whether the connection can be used, as far as is known."""
        return not self.closed

    def _api_result(self, operation: Callable[[Session], Operation[Any]]) -> Operation[Any]:
        # Here, because that module needs this one.
        from ignite_dbapi.keyvalue.api import APIResult

        try:
            value = yield from self.client._call(operation, OnSession(self._session))
        except DatabaseError as error:
            if error.status is None:
                raise
            return APIResult(error.status, str(error))
        return APIResult(value=value)

    def __repr__(self) -> str:
        return f"{self.host}:{self.port}"


class Connection(BaseConnection):
    """A connection of a :class:`Client`."""

    client: Client

    def _result_of(self, operation: Callable[[Session], Operation[Any]]) -> Any:
        return self.client._run(self._api_result(operation))


class AioConnection(BaseConnection):
    """A connection of an :class:`AioClient`."""

    client: AioClient

    async def _result_of(self, operation: Callable[[Session], Operation[Any]]) -> Any:
        return await self.client._run(self._api_result(operation))


__all__ = ["AioConnection", "Connection", "RoundRobin"]
