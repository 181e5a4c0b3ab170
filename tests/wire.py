"""A proxy between driver and server that sees, and may change, what passes."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable
from types import TracebackType

Change = Callable[[int, bytes], "bytes | None"]


class Proxy:
    """Passes frames on between clients and the node at *target*.

    ``requests`` has the operation code of each request after the handshake, ``frames`` its bytes. *change* is called
    with the number of an answer (from 0, the handshake's) and its frame, length included, and returns what to send
    instead, or None to close the connection.
    """

    def __init__(self, target: tuple[str, int], change: Change | None = None) -> None:
        self.target = target
        self.change = change
        self.requests: list[int] = []
        self.frames: list[bytes] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._sockets: list[socket.socket] = [self._listener]
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def url(self) -> str:
        # The question after the server's idle timeout is left out, so that the first request is the test's own.
        return f"ignite://127.0.0.1:{self._listener.getsockname()[1]}?heartbeat_interval=0"

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                server = socket.create_connection(self.target)
                for one in (client, server):
                    one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self._sockets += [client, server]
                threading.Thread(target=self._requests, args=(client, server), daemon=True).start()
                threading.Thread(target=self._answers, args=(server, client), daemon=True).start()

    def _requests(self, client: socket.socket, server: socket.socket) -> None:
        number = 0
        with contextlib.suppress(OSError, EOFError):
            while True:
                frame = read_frame(client)
                if number:
                    self.requests.append(int.from_bytes(frame[4:6], "little"))
                    self.frames.append(frame[4:])
                number += 1
                server.sendall(frame)
        shut(server)

    def _answers(self, server: socket.socket, client: socket.socket) -> None:
        number = 0
        with contextlib.suppress(OSError, EOFError):
            while True:
                frame: bytes | None = read_frame(server)
                if self.change is not None:
                    frame = self.change(number, frame)
                if frame is None:
                    break
                number += 1
                client.sendall(frame)
        shut(client)
        shut(server)

    def close(self) -> None:
        for one in self._sockets:
            shut(one)
            one.close()

    def __enter__(self) -> Proxy:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class Impostor:
    """Listens like a server; *behave* gets each client's socket."""

    def __init__(self, behave: Callable[[socket.socket], None]) -> None:
        self._behave = behave
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._clients: list[socket.socket] = []
        self.address: tuple[str, int] = self._listener.getsockname()[:2]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                self._clients.append(client)
                with contextlib.suppress(OSError):
                    self._behave(client)

    def __enter__(self) -> Impostor:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for one in [self._listener, *self._clients]:
            shut(one)
            one.close()


def read_frame(source: socket.socket) -> bytes:
    """The next frame, its length included; EOFError at the end."""
    head = _read(source, 4)
    return head + _read(source, int.from_bytes(head, "little"))


def _read(source: socket.socket, size: int) -> bytes:
    data = bytearray()
    while len(data) < size:
        chunk = source.recv(size - len(data))
        if not chunk:
            raise EOFError
        data += chunk
    return bytes(data)


def shut(one: socket.socket) -> None:
    with contextlib.suppress(OSError):
        one.shutdown(socket.SHUT_RDWR)


def unused_port() -> int:
    """A port that nothing listens at."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
    return port
