"""The first exchange on a connection: which version of the protocol, which features, who is asking.

:func:`handshake` is a generator without I/O: it yields frames to send and receives the frames answered, tries
the version that a server offers instead of ours, and returns what was agreed on.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping
from struct import pack
from typing import Any, Final

from ignite_dbapi.errors import NotSupportedError, OperationalError
from ignite_dbapi.protocol.codec import Knowledge, Reader, Writer
from ignite_dbapi.protocol.codec.values import MapValue
from ignite_dbapi.protocol.context import (
    ALL_FEATURES,
    SUPPORTED_VERSIONS,
    VERSION_WITH_CREDENTIALS,
    VERSION_WITH_FEATURES,
    VERSION_WITH_FLAGS,
    Context,
    Feature,
    ProtocolVersion,
)

_COMMAND: Final = 1
_THIN_CLIENT: Final = 2
_STATUS_AUTHENTICATION_FAILED: Final = 2000
_STATUS_NODE_IN_RECOVERY_MODE: Final = 11


class VersionRefused(OperationalError):
    """The server offered another version, and closed the connection instead of waiting for an answer."""

    def __init__(self, message: str = "", *, offered: ProtocolVersion = (0, 0, 0), **attributes: Any) -> None:
        attributes.setdefault("code", "version_refused")
        attributes.setdefault("is_connection_lost", True)
        super().__init__(message, **attributes)
        self.offered = offered


def handshake(
    user: str | None = None,
    password: str | None = None,
    attributes: Mapping[str, str] | None = None,
    version: ProtocolVersion = SUPPORTED_VERSIONS[0],
) -> Generator[bytes, bytes, Context]:
    """Agree on a version, *version* at best, and on features.

    Yields requests (with their frame length), receives answers (without it). Raises OperationalError if the
    server refuses the login, NotSupportedError if there is no common version, VersionRefused if a lost connection is
    thrown in after another version was offered.
    """
    tried: list[ProtocolVersion] = []
    while True:
        tried.append(version)
        try:
            answer = yield _request(version, user, password, attributes or {})
        except (EOFError, ConnectionError) as error:
            if len(tried) == 1:
                raise
            raise VersionRefused(
                f"the server speaks protocol version {_text(version)}, and closed the connection", offered=version
            ) from error
        # The protocol's strings before the context exists: servers of every kind write these in plain ASCII.
        reader = Reader(answer, Knowledge(is_string_version_2=False))
        if reader.boolean():
            return _accepted(reader, version)
        version = _offered_instead(reader, version, tried, has_credentials=user is not None)


def _request(version: ProtocolVersion, user: str | None, password: str | None, attributes: Mapping[str, str]) -> bytes:
    writer = Writer(Knowledge(is_string_version_2=False))
    writer.u8(_COMMAND)
    for part in version:
        writer.i16(part)
    writer.u8(_THIN_CLIENT)
    if version >= VERSION_WITH_FEATURES:
        features = ALL_FEATURES
        writer.byte_array(features.to_bytes((features.bit_length() + 7) // 8, "little"))
        # The attributes follow because bit USER_ATTRIBUTES is among the features.
        writer.value(MapValue(list(attributes.items())))
    if version >= VERSION_WITH_CREDENTIALS and user is not None:
        writer.string(user)
        writer.string(password or "")
    return pack("<i", len(writer.buffer)) + bytes(writer.buffer)


def _accepted(reader: Reader, version: ProtocolVersion) -> Context:
    features = int.from_bytes(reader.byte_array(), "little") if version >= VERSION_WITH_FEATURES else 0
    node_id = reader.uuid() if version >= VERSION_WITH_FLAGS else None
    # A bit that this client does not know must not make it expect anything.
    return Context(version, features & ALL_FEATURES, node_id)


def _offered_instead(
    reader: Reader, version: ProtocolVersion, tried: list[ProtocolVersion], *, has_credentials: bool
) -> ProtocolVersion:
    """The version to try next, or the error that the refusal means."""
    offered = (reader.i16(), reader.i16(), reader.i16())
    message = reader.string() or "no reason given"
    status = reader.i32() if reader.remaining() >= 4 else 1
    if status == _STATUS_AUTHENTICATION_FAILED:
        raise OperationalError(
            f"the server refused the login: {message}",
            sqlstate="28000",
            status=status,
            code="authentication_failed",
            is_connection_lost=True,
        )
    if status == _STATUS_NODE_IN_RECOVERY_MODE:
        raise OperationalError(
            f"the node is in recovery mode: {message}",
            status=status,
            code="node_in_recovery_mode",
            is_connection_lost=True,
        )
    if offered in tried or offered == (0, 0, 0):
        raise OperationalError(
            f"the server refused the connection: {message}",
            status=status,
            code="handshake_refused",
            is_connection_lost=True,
        )
    if offered not in SUPPORTED_VERSIONS:
        raise NotSupportedError(
            f"the server offers protocol version {_text(offered)}; this driver speaks "
            f"{_text(SUPPORTED_VERSIONS[-1])} to {_text(SUPPORTED_VERSIONS[0])}",
            status=status,
            code="no_common_version",
            is_connection_lost=True,
        )
    if has_credentials and offered < VERSION_WITH_CREDENTIALS:
        raise NotSupportedError(
            f"the server speaks protocol version {_text(offered)}, which has no authentication; connect "
            f"without user and password",
            status=status,
            code="no_common_version",
            is_connection_lost=True,
        )
    # No version is tried twice, so this comes to an end.
    return offered


def _text(version: ProtocolVersion) -> str:
    return ".".join(map(str, version))


__all__ = ["Feature", "VersionRefused", "handshake"]
