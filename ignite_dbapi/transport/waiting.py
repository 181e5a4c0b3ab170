"""Waiting for a socket."""

from __future__ import annotations

import errno
import select
import socket


def wait_for(connected: socket.socket, *, for_writing: bool, timeout: float | None) -> bool:
    """Wait until *connected* can be read (or written); False if that took longer than *timeout* seconds."""
    number = connected.fileno()
    if number < 0:
        raise OSError(errno.EBADF, "the connection is closed")
    if not hasattr(select, "poll"):  # Windows
        wanted = [number]
        return any(select.select([] if for_writing else wanted, wanted if for_writing else [], [], timeout))
    poll = select.poll()
    poll.register(number, select.POLLOUT if for_writing else select.POLLIN)
    return bool(poll.poll(None if timeout is None else timeout * 1000))
