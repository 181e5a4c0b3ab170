"""Which address to try next, and what to tell the user when none of them answers."""

from __future__ import annotations

import ssl
from collections.abc import Iterator

from ignite_dbapi.errors import Error, OperationalError
from ignite_dbapi.options import Address, ConnectOptions

_TLS_ALERT = b"\x15\x03"


class ConnectAttempts:
    """Goes through the addresses of *options* until one answers, and remembers why others did not."""

    def __init__(self, options: ConnectOptions) -> None:
        self._options = options
        self._failures: list[tuple[Address, Error]] = []

    def __iter__(self) -> Iterator[Address]:
        return iter(self._options.addresses)

    def failed(self, address: Address, error: BaseException, received: bytes = b"") -> None:
        """Connecting to *address* failed with *error*, after *received* had come in of an unfinished answer.

        Raises right away if another address cannot help: a wrong password is wrong everywhere.
        """
        explained = explain(error, address, self._options, received)
        if explained.code in ("authentication_failed", "tls_options"):
            raise explained from None
        self._failures.append((address, explained))

    def exhausted(self) -> Error:
        """The error to raise when every address has failed."""
        if len(self._failures) == 1:
            return self._failures[0][1]
        reasons = "; ".join(str(error) for _, error in self._failures)
        return OperationalError(
            f"none of {len(self._failures)} nodes could be connected to: {reasons}",
            code="connect_failed",
            is_connection_lost=True,
        )


def explain(error: BaseException, address: Address, options: ConnectOptions, received: bytes = b"") -> Error:
    """Why connecting to *address* failed, in words that say what to do."""
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
            f"{place} did not answer within {seconds}; is it the thin client port of an Ignite node? "
            f"(option 'connect_timeout')",
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
