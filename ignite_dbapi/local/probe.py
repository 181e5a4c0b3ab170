"""The few words of the thin client protocol that the local server itself needs: is the node ready, and
activate it.

It speaks protocol 1.2.0, the plainest that every version answers, and stands beside the driver on purpose:
the local server is what the driver is tested against.
"""

from __future__ import annotations

import socket
import ssl
import struct

from ignite_dbapi.local.certificates import Certificates
from ignite_dbapi.local.errors import LocalServerError

__all__ = ["ProbeConnection"]

_HANDSHAKE = 1
_THIN_CLIENT = 2
_VERSION = (1, 2, 0)
_STRING = 9
_OP_CLUSTER_CHANGE_STATE = 5001
_ACTIVE = 1
_REQUEST_ID = 1


def _string(text: str) -> bytes:
    content = text.encode()
    return struct.pack("<bi", _STRING, len(content)) + content


class ProbeConnection:
    """A connection to one node, through the handshake. A context manager.

    Raises OSError while the port does not accept yet, and LocalServerError when the node refuses the
    handshake.
    """

    def __init__(
        self,
        address: tuple[str, int],
        timeout: float,
        *,
        certificates: Certificates | None = None,
        credentials: tuple[str, str] | None = None,
    ) -> None:
        self._socket = socket.create_connection(address, timeout=timeout)
        try:
            if certificates is not None:
                context = ssl.create_default_context(cafile=certificates.ca_file)
                context.load_cert_chain(certificates.client_cert_file, certificates.client_key_file)
                self._socket = context.wrap_socket(self._socket, server_hostname=address[0])
            self._shake_hands(credentials)
        except BaseException:
            self._socket.close()
            raise

    def __enter__(self) -> ProbeConnection:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def _shake_hands(self, credentials: tuple[str, str] | None) -> None:
        message = struct.pack("<bhhhb", _HANDSHAKE, *_VERSION, _THIN_CLIENT)
        for part in credentials or ():
            message += _string(part)
        answer = self.ask(message)
        if answer[:1] != b"\x01":
            # A refusal: the version the node wants, a string and a status.
            (length,) = struct.unpack_from("<i", answer, 8)
            raise LocalServerError(f"The node refused the handshake: {answer[12 : 12 + length].decode()}")

    def activate(self) -> None:
        """Activate the cluster; does nothing when it is active."""
        answer = self.ask(struct.pack("<hqb", _OP_CLUSTER_CHANGE_STATE, _REQUEST_ID, _ACTIVE))
        _, status = struct.unpack_from("<qi", answer)
        if status != 0:
            (length,) = struct.unpack_from("<i", answer, 13)
            raise LocalServerError(f"The cluster could not be activated: {answer[17 : 17 + length].decode()}")

    def ask(self, message: bytes) -> bytes:
        """Send one message and return the answer, both without the length before them."""
        self._socket.sendall(struct.pack("<i", len(message)) + message)
        (length,) = struct.unpack("<i", self._receive(4))
        return self._receive(length)

    def _receive(self, count: int) -> bytes:
        received = bytearray()
        while len(received) < count:
            chunk = self._socket.recv(count - len(received))
            if not chunk:
                raise ConnectionResetError("the node closed the connection")
            received += chunk
        return bytes(received)
