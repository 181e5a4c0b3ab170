"""Waiting for a socket, and for who is at its other end."""

from __future__ import annotations

import errno
import os
import select
import socket
from collections.abc import Callable
from typing import Any, Final, Protocol


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


class Connected(Protocol):
    """A socket, or what asyncio shows of one."""

    def getsockname(self) -> Any:
        """The address of this end."""

    def getpeername(self) -> Any:
        """The address of the other end."""


def is_on_this_machine(connected: Connected) -> bool:
    """Whether the other end of *connected* is on this machine too, as far as the addresses tell."""
    try:
        own, other = connected.getsockname()[0], connected.getpeername()[0]
    except OSError:  # it is gone already
        return False
    return own == other or str(other).startswith("127.")


#: Lets threads that wait for this thread's processor go first, where the system has a call for that.
give_way: Final[Callable[[], None]] = getattr(os, "sched_yield", lambda: None)
