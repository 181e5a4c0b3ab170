"""Letting a server on the same machine go first, by whoever goes on working after a request."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any, Protocol


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
    except (OSError, IndexError):  # it is gone already, or has no addresses, as a pair of sockets
        return False
    return own == other or str(other).startswith("127.")


def stay() -> None:
    """What gives way to a server elsewhere, or where the system has no call for it: nothing."""


def way_to(connected: Connected) -> Callable[[], None]:
    """What lets threads that wait for this thread's processor go first, if the server may be among them."""
    # Windows does not have it.
    give_way: Callable[[], None] = getattr(os, "sched_yield", stay)
    return give_way if is_on_this_machine(connected) else stay
