"""The SSLContext that the options of a connection describe."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Callable
from typing import TypeVar

from ignite_dbapi.errors import InterfaceError
from ignite_dbapi.options import ConnectOptions
from ignite_dbapi.transport.waiting import wait_for

T = TypeVar("T")

_VERSIONS = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}


def context_for(options: ConnectOptions) -> ssl.SSLContext | None:
    """The context for *options*; None without TLS. Raises InterfaceError if its files cannot be used."""
    if options.ssl_context is not None:
        return options.ssl_context
    if not options.tls:
        return None
    file = options.tls_ca_file
    try:
        context = ssl.create_default_context(cafile=file)
        if not options.tls_verify:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        elif not options.tls_check_hostname:
            context.check_hostname = False
        if options.tls_version is not None:
            context.minimum_version = context.maximum_version = _VERSIONS[options.tls_version]
        if options.tls_ciphers is not None:
            _set_ciphers(context, options.tls_ciphers)
        if options.tls_cert_file is not None:
            file = options.tls_cert_file
            context.load_cert_chain(
                options.tls_cert_file,
                options.tls_key_file,
                # A function, because OpenSSL asks at the terminal if an encrypted key comes without password.
                password=lambda: options.tls_key_password or "",
            )
    except (OSError, ssl.SSLError) as error:
        raise InterfaceError(
            f"the TLS files cannot be used ({file}): {error.strerror or error}; check tls_ca_file, "
            f"tls_cert_file, tls_key_file and tls_key_password",
            code="tls_options",
        ) from None
    return context


def _set_ciphers(context: ssl.SSLContext, ciphers: str) -> None:
    try:
        context.set_ciphers(ciphers)
    except ssl.SSLError:
        raise InterfaceError(
            f"option 'tls_ciphers': OpenSSL has none of {ciphers!r}; they look like 'ECDHE+AESGCM'", code="tls_options"
        ) from None


class SharedTlsSocket:
    """A TLS connection that one thread may read while others write.

    OpenSSL allows one call at a time on a connection, and a call that waits would keep the others out. So no
    call waits: a lock is held for its short time, and waiting for the socket takes place outside.
    """

    def __init__(self, connected: ssl.SSLSocket) -> None:
        self._timeout = connected.gettimeout()
        connected.settimeout(0)
        self._socket = connected
        self._lock = threading.Lock()

    def settimeout(self, timeout: float | None) -> None:
        """Seconds that a call may wait, None: for ever."""
        self._timeout = timeout

    def recv(self, size: int) -> bytes:
        """Up to *size* bytes, as soon as there are any; none at the end."""
        return self._receiving(lambda: self._socket.recv(size))

    def recv_into(self, room: memoryview) -> int:
        """Fill *room* with as many bytes as there are, as soon as there are any; returns how many, 0 at the end."""
        return self._receiving(lambda: self._socket.recv_into(room))

    def _receiving(self, receive: Callable[[], T]) -> T:
        while True:
            try:
                with self._lock:
                    return receive()
            except ssl.SSLWantReadError:
                for_writing = False
            except ssl.SSLWantWriteError:
                for_writing = True
            self._wait(for_writing)

    def sendall(self, data: bytes | bytearray) -> None:
        """Send all of *data*; one thread at a time."""
        left = memoryview(data)
        while left:
            try:
                with self._lock:
                    left = left[self._socket.send(left) :]
                continue
            except ssl.SSLWantReadError:
                for_writing = False
            except ssl.SSLWantWriteError:
                for_writing = True
            self._wait(for_writing)

    def recv_now(self, size: int) -> bytes | None:
        """Up to *size* bytes of what has arrived; None if nothing has."""
        try:
            with self._lock:
                return self._socket.recv(size)
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
            # Bytes may have come that are no data, but the other side's keys, or a part of a record.
            return None

    def wait_for_data(self, timeout: float | None) -> bool:
        """Wait until more may have arrived; False if that took longer than *timeout* seconds."""
        return wait_for(self._socket, for_writing=False, timeout=timeout)

    def _wait(self, for_writing: bool) -> None:
        if not wait_for(self._socket, for_writing=for_writing, timeout=self._timeout):
            raise TimeoutError("timed out")

    def shutdown(self, how: int) -> None:
        """End the connection, which wakes the threads that wait."""
        with self._lock:
            self._socket.shutdown(how)

    def close(self) -> None:
        """Free the socket."""
        self._socket.close()
