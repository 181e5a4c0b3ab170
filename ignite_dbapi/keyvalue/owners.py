"""What caches, cursors and transactions are used through: a client, or a connection of the DB-API."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterable, Mapping
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import attrs

from ignite_dbapi.cluster.cluster import ANYWHERE, Router, SingleNode, Target
from ignite_dbapi.keyvalue.datatypes.conversion import is_hinted, keys_to_wire, pairs_to_wire, to_wire
from ignite_dbapi.operations.explicit_transactions import ExplicitTransaction
from ignite_dbapi.operations.session import Session
from ignite_dbapi.protocol.exchange import Lock, Operation

if TYPE_CHECKING:
    from ignite_dbapi.aio.connection import AsyncConnection
    from ignite_dbapi.connection import Connection

T = TypeVar("T")


@attrs.frozen
class Conversion:
    """How keys and values of a program become what the codec writes: one by one, as keys, as entries."""

    value: Callable[[Any, Any], Any]
    keys: Callable[[Iterable[Any]], list[Any]]
    pairs: Callable[[Mapping[Any, Any]], Mapping[Any, Any] | list[tuple[Any, Any]]]


#: As pyignite does it.
OF_CLIENTS = Conversion(to_wire, keys_to_wire, pairs_to_wire)


def _natural(value: Any, hint: Any = None) -> Any:
    return to_wire(value, hint) if hint is not None or is_hinted(value) else value


#: As parameters of SQL are converted; type hints are followed all the same.
OF_CONNECTIONS = Conversion(
    _natural,
    lambda keys: [_natural(key) for key in keys],
    lambda pairs: [(_natural(key), _natural(value)) for key, value in pairs.items()],
)


class Owner(Protocol):
    """What operations on caches need, without waiting for anything."""

    conversion: Conversion
    _new_lock: Callable[[], Lock]

    @property
    def _router(self) -> Router:
        """What finds the connections."""

    @property
    def _public(self) -> Any:
        """The object that the program knows."""

    @property
    def _protocol_version(self) -> tuple[int, int, int] | None:
        """The version of the protocol that was agreed on; None before there is a connection."""

    def _current_transaction(self) -> ExplicitTransaction | None:
        """The transaction that operations join."""

    def _call(
        self,
        operation: Callable[..., Operation[T]],
        target: Target = ANYWHERE,
        *,
        arguments: tuple[Any, ...] = (),
        is_idempotent: bool = False,
    ) -> Operation[T]:
        """*operation*, with a session and *arguments*, on the connection that *target* asks for."""

    def _node_of(self, session: Session) -> Any:
        """The node that *session* is connected to, as the program sees it."""


class BlockingOwner(Owner, Protocol):
    """An owner that waits by blocking."""

    def _run(self, operation: Operation[T], where: str = "cache") -> T:
        """Drive *operation*; errors are those of *where* it belongs to."""


class AwaitingOwner(Owner, Protocol):
    """An owner that waits by awaiting."""

    def _run(self, operation: Operation[T], where: str = "cache") -> Coroutine[Any, Any, T]:
        """Drive *operation*; errors are those of *where* it belongs to."""


class _OwnerAttributes:
    conversion = OF_CONNECTIONS

    def __init__(self, connection: Any) -> None:
        self._public = connection
        self._router: Router = SingleNode(connection._session)
        self._new_lock = connection._session.channel.new_lock

    @property
    def _protocol_version(self) -> tuple[int, int, int] | None:
        version: tuple[int, int, int] = self._public.protocol_version
        return version

    def _current_transaction(self) -> ExplicitTransaction | None:
        # Without one of their own, operations join the connection's.
        return None

    def _call(
        self,
        operation: Callable[..., Operation[T]],
        target: Target = ANYWHERE,
        *,
        arguments: tuple[Any, ...] = (),
        is_idempotent: bool = False,
    ) -> Operation[T]:
        return self._router.call(operation, target, arguments=arguments, is_idempotent=is_idempotent)

    def _node_of(self, session: Session) -> Any:
        return self._public


class ConnectionOwner(_OwnerAttributes):
    """A blocking connection of the DB-API."""

    _public: Connection

    def _run(self, operation: Operation[T], where: str = "cache") -> T:
        return self._public._run(operation)


class AsyncConnectionOwner(_OwnerAttributes):
    """An asynchronous connection of the DB-API."""

    _public: AsyncConnection

    async def _run(self, operation: Operation[T], where: str = "cache") -> T:
        return await self._public._run(operation)
