"""Heartbeats of blocking connections: a thread for each connection that a server would close otherwise."""

from __future__ import annotations

import threading
import weakref
from queue import Empty, SimpleQueue
from typing import Protocol

from ignite_dbapi.errors import Error


class Beating(Protocol):
    """A channel, as the thread sees it."""

    def beat(self, interval: float) -> float:
        """Send a heartbeat if nothing was sent for *interval* seconds; returns how many to wait for the next one."""


class HeartbeatThread:
    """Lets *channel* beat every *interval* seconds, until it is stopped, or the channel fails or is collected."""

    def __init__(self, channel: Beating, interval: float) -> None:
        # Unlike an Event, whose lock may be held by the very thread in which the garbage collector calls stop().
        self._stop: SimpleQueue[None] = SimpleQueue()
        threading.Thread(
            target=_run,
            args=(weakref.ref(channel), interval, self._stop),
            name="ignite_dbapi heartbeats",
            daemon=True,
        ).start()

    def stop(self) -> None:
        """End the thread soon."""
        self._stop.put(None)


def _run(reference: weakref.ref[Beating], interval: float, stop: SimpleQueue[None]) -> None:
    seconds = interval
    while True:
        try:
            stop.get(timeout=seconds)
        except Empty:
            pass
        else:
            return
        channel = reference()
        if channel is None:
            return
        try:
            seconds = channel.beat(interval)
        except Error:
            # The connection is lost, which whoever uses it next is told.
            return
        # Nothing may keep the channel alive while this thread sleeps.
        del channel
