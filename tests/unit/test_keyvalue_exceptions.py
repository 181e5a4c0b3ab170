"""Expiry policies, and exceptions under the names of pyignite."""

from __future__ import annotations

import pickle
from datetime import timedelta

import pytest

import ignite_dbapi
from ignite_dbapi.keyvalue import exceptions
from ignite_dbapi.keyvalue.datatypes import (
    ExpiryPolicy,
)
from ignite_dbapi.keyvalue.exceptions import translated
from ignite_dbapi.protocol.messages import cache_configuration


def test_expiry_policy() -> None:
    policy = ExpiryPolicy(create=timedelta(seconds=1.5), access=ExpiryPolicy.ETERNAL)
    assert (policy.create, policy.update, policy.access) == (1500, ExpiryPolicy.UNCHANGED, -1)
    assert policy == cache_configuration.ExpiryPolicy(1500, -2, -1)
    assert cache_configuration.ExpiryPolicy(1500, -2, -1) == policy
    assert policy != ExpiryPolicy(create=1)
    for wrong, also in ((-3, ValueError), (timedelta(-1), ValueError), (1.5, TypeError), ("1", TypeError)):
        with pytest.raises(also) as caught:
            ExpiryPolicy(update=wrong)  # type: ignore[arg-type]
        assert isinstance(caught.value, exceptions.ParameterError)


EXCEPTIONS = [
    value
    for value in vars(exceptions).values()
    if isinstance(value, type) and issubclass(value, ignite_dbapi.Error) and value.__module__ == exceptions.__name__
]


@pytest.mark.parametrize("kind", EXCEPTIONS)
def test_exceptions_belong_to_pep_249(kind: type[ignite_dbapi.Error]) -> None:
    error = kind(message="text", code="x") if kind is exceptions.HandshakeError else kind("text", code="x")
    assert str(error) == "text"
    copy = pickle.loads(pickle.dumps(error))
    assert (type(copy), str(copy), copy.code) == (kind, "text", "x")


TRANSLATED = [
    (ignite_dbapi.ProgrammingError("x", status=1000), "cache", (exceptions.CacheError,)),
    (ignite_dbapi.IntegrityError("x", sqlstate="23000"), "sql", (exceptions.SQLError, exceptions.CacheError)),
    (ignite_dbapi.NotSupportedError("x", status=2), "sql", (exceptions.SQLError,)),
    (ignite_dbapi.NotSupportedError("x", code="no_feature"), "cache", (exceptions.NotSupportedByClusterError,)),
    (ignite_dbapi.DatabaseError("x"), "binary_type", (exceptions.BinaryTypeError, exceptions.CacheError)),
    (ignite_dbapi.DatabaseError("x"), "cache_creation", (exceptions.CacheCreationError, exceptions.CacheError)),
    (ignite_dbapi.DatabaseError("x"), "transaction", (exceptions.CacheError,)),
    (ignite_dbapi.OperationalError("x"), "cluster", (exceptions.ClusterError,)),
    (ignite_dbapi.InterfaceError("x"), "cache", (exceptions.ParameterError,)),
    (ignite_dbapi.DataError("x", code="value_out_of_range"), "cache", (exceptions.ParseError, ValueError)),
    (ignite_dbapi.DataError("x", sqlstate="22000"), "sql", (exceptions.SQLError,)),
    (
        ignite_dbapi.OperationalError("x", code="connection_lost", is_connection_lost=True),
        "cache",
        (OSError, ConnectionError, exceptions.SocketError),
    ),
    (
        ignite_dbapi.OperationalError("x", code="authentication_failed", is_connection_lost=True),
        "connect",
        (exceptions.AuthenticationError,),
    ),
    (
        ignite_dbapi.OperationalError("x", code="reconnect_failed", is_connection_lost=True),
        "cache",
        (exceptions.ReconnectError,),
    ),
    (
        ignite_dbapi.OperationalError("x", code="handshake_refused", is_connection_lost=True),
        "connect",
        (exceptions.HandshakeError, OSError),
    ),
    (ignite_dbapi.errors.ProtocolError("x"), "cache", (exceptions.ParseError, ignite_dbapi.OperationalError)),
]


@pytest.mark.parametrize(("error", "where", "kinds"), TRANSLATED, ids=lambda value: getattr(value, "code", None))
def test_translated_errors(error: ignite_dbapi.Error, where: str, kinds: tuple[type[Exception], ...]) -> None:
    fresh = translated(error, where)
    for kind in kinds:
        assert isinstance(fresh, kind)
    if not isinstance(fresh, exceptions.HandshakeError):
        assert isinstance(fresh, type(error))
    assert (str(fresh), fresh.code, fresh.status, fresh.sqlstate) == ("x", error.code, error.status, error.sqlstate)
    assert translated(fresh, where) is fresh
    copy = pickle.loads(pickle.dumps(fresh))
    assert (type(copy), str(copy), copy.code) == (type(fresh), "x", error.code)


def test_handshake_errors_tell_the_version_that_is_offered() -> None:
    error = ignite_dbapi.NotSupportedError("the server offers protocol version 9.1.0; no", code="no_common_version")
    fresh = translated(error, "connect")
    assert isinstance(fresh, exceptions.HandshakeError)
    assert (fresh.expected_version, fresh.message) == ((9, 1, 0), str(error))
