"""Which address to try next, and what to tell the user when none of them answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ignite_dbapi.errors import Error, OperationalError
from ignite_dbapi.operations import transactions
from ignite_dbapi.operations.facts import initial_knowledge
from ignite_dbapi.operations.session import Session
from ignite_dbapi.options import Address, ConnectOptions
from ignite_dbapi.protocol.context import SUPPORTED_VERSIONS
from ignite_dbapi.protocol.exchange import Channel, Connect, Operation
from ignite_dbapi.protocol.handshake import VersionRefused

_TLS_ALERT = b"\x15\x03"


# Another address cannot help: a wrong password is wrong everywhere.
HOPELESS = frozenset({"authentication_failed", "tls_options"})


def connect_to(options: ConnectOptions, address: Address, attributes: Mapping[str, str]) -> Operation[Channel]:
    """Connect to the node at *address*; *attributes* describe the client to it."""
    version = SUPPORTED_VERSIONS[0]
    while True:
        try:
            channel: Channel = yield Connect(options, address, attributes, version)
        except VersionRefused as refused:
            if refused.offered >= version:
                raise
            version = refused.offered
        else:
            return channel


def connect_to_any(options: ConnectOptions, attributes: Mapping[str, str]) -> Operation[Channel]:
    """Connect to the first node of *options* that answers; *attributes* describe the client to it."""
    failures: list[Error] = []
    for address in options.addresses:
        try:
            return (yield from connect_to(options, address, attributes))
        except Error as error:
            if error.code in HOPELESS:
                raise
            failures.append(error)
    raise all_failed(failures)


def open_session(options: ConnectOptions, attributes: Mapping[str, str]) -> Operation[Session]:
    """Connect as *options* say, to a node that can do what they ask for."""
    # First what may be wrong with the options, then what needs to be closed again.
    knowledge = initial_knowledge(options.timezone)
    channel = yield from connect_to_any(options, attributes)
    channel.context.knowledge = knowledge
    session = Session(channel, options)
    try:
        transactions.set_autocommit(session, options.autocommit)
    except Error:
        channel.close()
        raise
    return session


def all_failed(failures: Sequence[Error]) -> Error:
    """The error to raise when connecting to every address has failed."""
    if len(failures) == 1:
        return failures[0]
    reasons = "; ".join(str(error) for error in failures)
    return OperationalError(
        f"none of {len(failures)} nodes could be connected to: {reasons}",
        code="connect_failed",
        is_connection_lost=True,
    )


def explain(error: BaseException, address: Address, options: ConnectOptions, received: bytes = b"") -> Error:
    """Why connecting to *address* failed, in words that say what to do."""
    # Here, because most programs never need it.
    import ssl

    place = f"{address[0]}:{address[1]}"
    if isinstance(error, ssl.SSLCertVerificationError):
        return _failure(
            f"the certificate of {place} is not accepted: {error.verify_message}; name the certificates to "
            f"trust with 'tls_ca_file' (or, without any protection against impostors, tls_verify=false)",
            "tls_certificate",
        )
    if isinstance(error, ssl.SSLError):
        reason = (error.reason or str(error)).replace("_", " ").lower()
        hint = ""
        if any(word in reason for word in ("wrong version number", "record layer failure", "unexpected eof")):
            hint = "; the port does not seem to speak TLS: connect without tls"
        elif "certificate required" in reason or "handshake failure" in reason or "bad certificate" in reason:
            hint = "; the server may ask for a client certificate: set 'tls_cert_file' and 'tls_key_file'"
        return _failure(f"no TLS connection to {place}: {reason}{hint}", "tls_failed")
    if isinstance(error, TimeoutError):
        seconds = f"{options.connect_timeout:g} s" if options.connect_timeout is not None else "the time allowed"
        return _failure(
            f"connecting timed out: {place} did not answer within {seconds}; is it the thin client port of an Ignite "
            f"node? (option 'connect_timeout')",
            "connect_timeout",
        )
    if isinstance(error, (EOFError, ConnectionResetError, BrokenPipeError)) and not options.uses_tls:
        return _failure(
            f"{place} closed the connection during the handshake; if the port speaks TLS, connect with "
            f"tls=true; otherwise it is not the thin client port of an Ignite node",
            "handshake_closed",
        )
    if isinstance(error, (EOFError, ConnectionResetError, BrokenPipeError)):
        return _failure(
            f"{place} closed the connection during the TLS or Ignite handshake: either the port does not "
            f"speak TLS (connect without tls), or the server refused the client's certificate",
            "handshake_closed",
        )
    if isinstance(error, OSError):
        return _failure(f"cannot connect to {place}: {error.strerror or error}", "connect_failed")
    if isinstance(error, Error):
        if error.code == "protocol":
            if received.startswith(_TLS_ALERT):
                return _failure(f"{place} speaks TLS: connect with tls=true", "tls_expected")
            return _failure(
                f"{place} does not answer like an Ignite node (it sent {received[:40]!r}); is it the thin client port?",
                "not_ignite",
            )
        error.args = (f"{place}: {error}",)
        return error
    return _failure(f"cannot connect to {place}: {error}", "connect_failed")


def _failure(message: str, code: str) -> OperationalError:
    return OperationalError(message, code=code, is_connection_lost=True)


def connection_lost(error: BaseException, address: Address, doing: str) -> OperationalError:
    """The error for a connection to *address* that broke with *error* while *doing* something."""
    place = f"{address[0]}:{address[1]}"
    if isinstance(error, TimeoutError):
        reason = "no byte came within request_timeout"
    elif isinstance(error, OSError):
        reason = error.strerror or str(error)
    elif isinstance(error, Exception):
        reason = str(error)
    else:
        reason = type(error).__name__
    return OperationalError(
        f"the connection to {place} was lost while {doing}: {reason}; the outcome of what was under way is unknown",
        sqlstate="08006",
        code="connection_lost",
        is_connection_lost=True,
    )
