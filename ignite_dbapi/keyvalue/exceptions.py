"""The exceptions of pyignite, which are exceptions of PEP 249 as well.

``except CacheError`` and ``except ignite_dbapi.DatabaseError`` both work: where a server's answer is, say, an
:class:`~ignite_dbapi.errors.IntegrityError`, what is raised is of both classes at once. Errors of lost connections are
an ``OSError`` too, as they are for pyignite.
"""

from __future__ import annotations

import re
from typing import Any, Final

from ignite_dbapi import errors

SocketError = OSError
connection_errors: Final = (OSError, EOFError)


class ParseError(errors.DataError):
    """A value cannot be written as the type that it is to have, or an answer cannot be read."""


class ParameterError(errors.InterfaceError):
    """An argument of a method is wrong."""


class AuthenticationError(errors.OperationalError):
    """The server refused user and password."""

    @property
    def message(self) -> str:
        """The text of the error."""
        return str(self)


class HandshakeError(errors.OperationalError, OSError):
    """The server refused the connection; *expected_version* is the version of the protocol that it offers."""

    def __init__(
        self, expected_version: tuple[int, int, int] | None = None, message: str = "", **attributes: Any
    ) -> None:
        errors.OperationalError.__init__(self, message, **attributes)
        self.expected_version = expected_version
        self.message = message

    def __str__(self) -> str:
        return self.message

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.expected_version, self.message), self.__dict__.copy()


class ConnectionFailure(errors.OperationalError, ConnectionError):
    """The connection was lost; the outcome of what was under way is unknown."""


class ReconnectError(errors.OperationalError):
    """No node is left to connect to."""


class CacheError(errors.DatabaseError):
    """The server answered an operation on a cache with an error."""


class BinaryTypeError(CacheError):
    """The server refused to tell or to register a binary type."""


class CacheCreationError(CacheError):
    """A cache could not be created."""


class SQLError(CacheError):
    """The server answered a statement with an error."""


class ClusterError(errors.DatabaseError):
    """The server answered an operation on the cluster with an error."""


class NotSupportedByClusterError(errors.NotSupportedError):
    """The cluster does not offer the operation, most likely because it is too old."""


class NotSupportedError(errors.NotSupportedError):
    """The client does not offer the operation."""


_CLASS_BY_PLACE: Final[dict[str, type[errors.Error]]] = {
    "cache": CacheError,
    "cache_creation": CacheCreationError,
    "transaction": CacheError,
    "binary_type": BinaryTypeError,
    "sql": SQLError,
    "cluster": ClusterError,
    "connect": ReconnectError,
}
_OFFERED_VERSION: Final = re.compile(r"protocol version (\d+)\.(\d+)\.(\d+)")


def translated(error: errors.Error, where: str) -> errors.Error:
    """The exception that a user of pyignite expects instead of *error*.

    *where* is what was being done: ``"cache"``, ``"cache_creation"``, ``"transaction"``, ``"binary_type"``, ``"sql"``,
    ``"cluster"`` or ``"connect"``. Text, ``code``, ``status``, ``sqlstate`` and PEP 249 class stay what they are.
    """
    if type(error).__module__ == __name__:
        return error
    if error.code in ("handshake_refused", "no_common_version"):
        found = _OFFERED_VERSION.search(str(error))
        version = (int(found[1]), int(found[2]), int(found[3])) if found else None
        return _like(error, HandshakeError(version, str(error)))
    return _like(error, _class_for(error, where)(str(error)))


def _class_for(error: errors.Error, where: str) -> type[errors.Error]:
    # The driver's own codes say more than the classes do; what a server answered has none.
    if error.code == "authentication_failed":
        return AuthenticationError
    if error.code in ("connect_failed", "reconnect_failed"):
        # No OSError: a loop that tries again whatever failed is to end with it.
        return ReconnectError
    if error.is_connection_lost and not isinstance(error, errors.ProtocolError):
        # Programs also catch what broke the connection: ConnectionResetError, TimeoutError.
        cause = error.__cause__
        if isinstance(cause, (ConnectionError, TimeoutError)):
            return combined(ConnectionFailure, type(cause))
        return ConnectionFailure
    if isinstance(error, errors.ProtocolError):
        return combined(ParseError, type(error))
    if isinstance(error, errors.DataError) and error.code is not None:
        return combined(ParseError, TypeError if error.code == "value_mismatch" else ValueError)
    if isinstance(error, errors.InterfaceError):
        return ParameterError
    if isinstance(error, errors.NotSupportedError) and error.status is None:
        return NotSupportedByClusterError
    return combined(_CLASS_BY_PLACE[where], type(error))


def _like(error: errors.Error, fresh: errors.Error) -> errors.Error:
    fresh.__dict__.update(error.__dict__)
    fresh.__cause__ = error.__cause__
    return fresh


_combinations: dict[tuple[type, type], type[errors.Error]] = {}


def combined(first: type[errors.Error], second: type[Exception]) -> type[errors.Error]:
    """The class of errors that are both a *first* and a *second*."""
    if issubclass(first, second):
        return first
    if issubclass(second, first):
        return second
    found = _combinations.get((first, second))
    if found is None:
        found = type(first.__name__, (_Combined, first, second), {"__module__": __name__, "__doc__": first.__doc__})
        _combinations[first, second] = found
    return found


class _Combined:
    """Pickled by the classes that were combined, since the combination has no name to be found by."""

    def __reduce__(self) -> tuple[Any, ...]:
        _, first, second = type(self).__bases__
        error: Any = self
        return _restored, (first, second, error.args, error.__dict__.copy())


def _restored(first: type[errors.Error], second: type[Exception], args: tuple[Any, ...], state: dict[str, Any]) -> Any:
    error = combined(first, second)(*args)
    error.__dict__.update(state)
    return error
