"""TCP ports that are free on this machine."""

from __future__ import annotations

import random
import socket
import sys
import threading

from ignite_dbapi.local.configuration import HOST

__all__ = ["free_ports", "is_free", "release_ports"]

# Below the range that systems take the ports of outgoing connections from, so that a port stays free while
# its node is being started again.
_LOWEST, _HIGHEST = 15_000, 32_000

_lock = threading.Lock()
#: Ports given to clusters of this process, whose nodes may not listen yet, or be about to be started again. What keeps
#: other processes from taking them is a socket at the UDP port of the same number, which Ignite has no use for.
_reserved: dict[int, socket.socket] = {}
# Not random.seed()'s: programs that seed it, as tests do, would all try the same ports.
_random = random.SystemRandom()


def is_free(port: int) -> bool:
    """Return whether a server can listen on ``port`` of the local address at this moment."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        if sys.platform != "win32":
            # As Java does: connections of an earlier server that are still closing do not count.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
        return True


def free_ports(count: int) -> list[int]:
    """Return ``count`` free ports, which nobody else gets from here until :func:`release_ports`."""
    ports: list[int] = []
    with _lock:
        while len(ports) < count:
            port = _random.randrange(_LOWEST, _HIGHEST)
            if port in _reserved or not is_free(port):
                continue
            mark = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            try:
                mark.bind((HOST, port))
            except OSError:
                mark.close()
                continue
            _reserved[port] = mark
            ports.append(port)
    return ports


def release_ports(ports: list[int]) -> None:
    """Give back what :func:`free_ports` reserved."""
    with _lock:
        for port in ports:
            mark = _reserved.pop(port, None)
            if mark is not None:
                mark.close()
