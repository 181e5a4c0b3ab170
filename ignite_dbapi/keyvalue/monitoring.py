"""Telling a program what its client does: events of connections and of requests, for listeners and for the log.

    class SlowQueries(QueryEventListener):
        def on_query_success(self, event):
            if event.duration > 100:
                print(event)

    client = Client(event_listeners=[SlowQueries()])

Listeners are called by the thread or task that has caused the event, which waits for them. What one of them raises is
logged, and otherwise without effect. The logger is called ``pyignite``, as programs have configured it: it says at
level DEBUG what the events say, and at level ERROR why a node could not be connected to.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable
from typing import Any, Final, TypeVar

import attrs

from ignite_dbapi.cluster.cluster import Listener
from ignite_dbapi.errors import Error
from ignite_dbapi.keyvalue.connection.protocol_context import ProtocolContext
from ignite_dbapi.keyvalue.exceptions import AuthenticationError, translated
from ignite_dbapi.keyvalue.queries.op_codes import operation_name
from ignite_dbapi.operations.session import Session
from ignite_dbapi.options import Address
from ignite_dbapi.protocol.codec import MissingFact
from ignite_dbapi.protocol.exchange import Call, Effect, Operation, Pending, Receive, Send

T = TypeVar("T")

logger: Final = logging.getLogger("pyignite")


# --- events ---------------------------------------------------------------------------------------------------


@attrs.frozen
class _ConnectionEvent:
    """*host* and *port* are those of the node."""

    host: str
    port: int


@attrs.frozen
class HandshakeStartEvent(_ConnectionEvent):
    """A node is about to be connected to. *protocol_context* is what the client hopes for, or knows already."""

    protocol_context: ProtocolContext


@attrs.frozen
class HandshakeFailedEvent(_ConnectionEvent):
    """A node could not be connected to."""

    protocol_context: ProtocolContext
    error_msg: str


@attrs.frozen
class AuthenticationFailedEvent(HandshakeFailedEvent):
    """The server refused user and password."""


@attrs.frozen
class HandshakeSuccessEvent(_ConnectionEvent):
    """A node was connected to. *node_uuid* is its id as text, empty for servers that tell none."""

    protocol_context: ProtocolContext
    node_uuid: str


@attrs.frozen
class ConnectionClosedEvent(_ConnectionEvent):
    """A connection was closed by the client."""

    node_uuid: str


@attrs.frozen
class ConnectionLostEvent(ConnectionClosedEvent):
    """A connection broke."""

    error_msg: str


@attrs.frozen
class _QueryEvent:
    """*op_code* and *op_name* are those of the operation, *query_id* the number of the request on its connection."""

    host: str
    port: int
    node_uuid: str
    query_id: int
    op_code: int
    op_name: str


@attrs.frozen
class QueryStartEvent(_QueryEvent):
    """A request was sent."""


@attrs.frozen
class QuerySuccessEvent(_QueryEvent):
    """A request was answered, *duration* milliseconds after it was sent."""

    duration: int


@attrs.frozen
class QueryFailEvent(_QueryEvent):
    """A request was answered with an error, or not at all, *duration* milliseconds after it was sent."""

    duration: int
    error_msg: str

    @property
    def err_msg(self) -> str:
        """The error, by the other name that it has in pyignite."""
        return self.error_msg


# --- listeners ------------------------------------------------------------------------------------------------


class ConnectionEventListener:
    """To be subclassed: the methods that are overridden are told of connections."""

    def on_handshake_start(self, event: HandshakeStartEvent) -> None:
        """A node is about to be connected to."""

    def on_handshake_success(self, event: HandshakeSuccessEvent) -> None:
        """A node was connected to."""

    def on_handshake_fail(self, event: HandshakeFailedEvent) -> None:
        """A node could not be connected to."""

    def on_authentication_fail(self, event: AuthenticationFailedEvent) -> None:
        """The server refused user and password."""

    def on_connection_closed(self, event: ConnectionClosedEvent) -> None:
        """A connection was closed by the client."""

    def on_connection_lost(self, event: ConnectionLostEvent) -> None:
        """A connection broke."""


class QueryEventListener:
    """To be subclassed: the methods that are overridden are told of requests.

    The client's own questions, where the nodes are and what they hold, are no events.
    """

    def on_query_start(self, event: QueryStartEvent) -> None:
        """A request was sent."""

    def on_query_success(self, event: QuerySuccessEvent) -> None:
        """A request was answered."""

    def on_query_fail(self, event: QueryFailEvent) -> None:
        """A request was answered with an error, or not at all."""


# --- publishing -----------------------------------------------------------------------------------------------


class Publisher(Listener):
    """Passes on what happens to the connections and requests of a client."""

    def __init__(self, listeners: Iterable[Any] | None, agreed: Callable[[], ProtocolContext | None]) -> None:
        listeners = list(listeners or ())
        self._connection_listeners = [each for each in listeners if isinstance(each, ConnectionEventListener)]
        self._query_listeners = [each for each in listeners if isinstance(each, QueryEventListener)]
        #: Whether a listener wants to know about requests; the log may want to as well.
        self.has_query_listeners = bool(self._query_listeners)
        self._agreed = agreed

    def _tell(self, listeners: Iterable[Any], method: str, event: Any) -> None:
        for listener in listeners:
            try:
                getattr(listener, method)(event)
            except Exception:
                logger.exception("The listener %r failed on %r", listener, event)

    def _protocol_context(self) -> ProtocolContext:
        return self._agreed() or ProtocolContext.best()

    def connecting(self, address: Address) -> None:
        """A node is about to be connected to."""
        protocol_context = self._protocol_context()
        logger.debug("Connecting to node(address=%s, port=%d): %s", *address, protocol_context)
        self._tell(self._connection_listeners, "on_handshake_start", HandshakeStartEvent(*address, protocol_context))

    def connected(self, session: Session) -> None:
        """A node was connected to."""
        address, protocol_context = session.channel.address, ProtocolContext.of(session.context)
        node_id = _node_id(session)
        logger.debug("Connected to node(address=%s, port=%d, node_uuid=%s): %s", *address, node_id, protocol_context)
        event = HandshakeSuccessEvent(*address, protocol_context, node_id)
        self._tell(self._connection_listeners, "on_handshake_success", event)

    def connect_failed(self, address: Address, error: Error) -> None:
        """A node could not be connected to."""
        shown = translated(error, "connect")
        protocol_context = self._protocol_context()
        if isinstance(shown, AuthenticationError):
            logger.error("Authentication failed while connecting to node(address=%s, port=%d): %s", *address, shown)
            failed = AuthenticationFailedEvent(*address, protocol_context, repr(shown))
            self._tell(self._connection_listeners, "on_authentication_fail", failed)
        else:
            logger.error(
                "Failed to perform handshake, connection to node(address=%s, port=%d) failed: %s", *address, shown
            )
            event = HandshakeFailedEvent(*address, protocol_context, repr(shown))
            self._tell(self._connection_listeners, "on_handshake_fail", event)

    def lost(self, session: Session, error: Error) -> None:
        """A connection broke."""
        address, node_id = session.channel.address, _node_id(session)
        logger.info("Connection lost to node(address=%s, port=%d, node_uuid=%s): %s", *address, node_id, error)
        event = ConnectionLostEvent(*address, node_id, repr(translated(error, "cache")))
        self._tell(self._connection_listeners, "on_connection_lost", event)

    def closed(self, session: Session) -> None:
        """A connection was closed."""
        address, node_id = session.channel.address, _node_id(session)
        logger.debug("Connection closed to node(address=%s, port=%d, node_uuid=%s)", *address, node_id)
        self._tell(self._connection_listeners, "on_connection_closed", ConnectionClosedEvent(*address, node_id))

    def started(self, pending: Pending) -> None:
        """A request was sent."""
        about = _about(pending)
        logger.debug("Start query(host=%s, port=%d, node_id=%s, query_id=%d, op_code=%d, op_type=%s)", *about)
        self._tell(self._query_listeners, "on_query_start", QueryStartEvent(*about))

    def succeeded(self, pending: Pending, duration: int) -> None:
        """A request was answered after *duration* milliseconds."""
        about = _about(pending)
        logger.debug(
            "Finished query(host=%s, port=%d, node_id=%s, query_id=%d, op_code=%d, op_type=%s) successfully in %d ms",
            *about,
            duration,
        )
        self._tell(self._query_listeners, "on_query_success", QuerySuccessEvent(*about, duration))

    def failed(self, pending: Pending, duration: int, error: BaseException) -> None:
        """A request was answered with an *error* after *duration* milliseconds, or given up."""
        about = _about(pending)
        logger.debug(
            "Failed to perform query(host=%s, port=%d, node_id=%s, query_id=%d, op_code=%d, op_type=%s) in %d ms: %s",
            *about,
            duration,
            error,
        )
        self._tell(self._query_listeners, "on_query_fail", QueryFailEvent(*about, duration, repr(error)))

    def follow(self, operation: Operation[T]) -> Operation[T]:
        """*operation*, telling of each request that it makes."""
        started: dict[Pending, float] = {}
        result: Any = None
        raised: BaseException | None = None
        while True:
            try:
                effect = operation.send(result) if raised is None else operation.throw(raised)
            except StopIteration as stop:
                value: T = stop.value
                return value
            raised = None
            try:
                result = yield from self._followed(effect, started)
            except BaseException as error:
                raised = error

    def _followed(self, effect: Effect, started: dict[Pending, float]) -> Operation[Any]:
        """The result of *effect*, telling of it; *started* has the moments at which requests were sent."""
        if isinstance(effect, Call):
            # In two steps, between which the number of the request is known.
            pending = yield from self._followed(Send(effect.channel, effect.message), started)
            return (yield from self._followed(Receive(pending), started))
        moment = time.monotonic()
        if isinstance(effect, Send):
            pending = yield effect
            started[pending] = moment
            self.started(pending)
            return pending
        if not isinstance(effect, Receive):
            return (yield effect)
        pending = effect.pending
        try:
            answer = yield effect
        except MissingFact:
            # The answer cannot be read yet, and is read again.
            raise
        except BaseException as error:
            self.failed(pending, _milliseconds(started, pending, moment), error)
            raise
        self.succeeded(pending, _milliseconds(started, pending, moment))
        return answer


def _milliseconds(started: dict[Pending, float], pending: Pending, moment: float) -> int:
    return round((time.monotonic() - started.pop(pending, moment)) * 1000)


def _node_id(session: Session) -> str:
    return str(session.context.node_id or "")


def _about(pending: Pending) -> tuple[str, int, str, int, int, str]:
    channel, op_code = pending.channel, pending.message.op_code
    host, port = channel.address
    return host, port, str(channel.context.node_id or ""), pending.request_id, op_code, operation_name(op_code)


__all__ = [
    "AuthenticationFailedEvent",
    "ConnectionClosedEvent",
    "ConnectionEventListener",
    "ConnectionLostEvent",
    "HandshakeFailedEvent",
    "HandshakeStartEvent",
    "HandshakeSuccessEvent",
    "QueryEventListener",
    "QueryFailEvent",
    "QueryStartEvent",
    "QuerySuccessEvent",
    "logger",
]
