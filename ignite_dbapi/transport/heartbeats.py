"""Heartbeats of blocking connections: a thread for each connection that a server would close otherwise."""

from __future__ import annotations

import threading
import weakref
from queue import Empty, SimpleQueue
from typing import Final, Protocol

from ignite_dbapi.errors import Error

# Seconds after which a connection that nobody has used yet finds out whether it has to send any.
FIRST_BEAT: Final = 0.3


class Beating(Protocol):
    """A channel, as the thread sees it."""

    def beat(self) -> float | None:
        """Send a heartbeat if it is time; returns how many seconds to wait for the next one, None to send no more."""


class HeartbeatThread:
    """Lets *channel* beat as long as it wants to, until it is stopped, or the channel fails or is collected."""

    def __init__(self, channel: Beating) -> None:
        # Unlike an Event, whose lock may be held by the very thread in which the garbage collector calls stop().
        self._stop: SimpleQueue[None] = SimpleQueue()
        threading.Thread(
            target=_run,
            args=(weakref.ref(channel), self._stop),
            name="ignite_dbapi heartbeats",
            daemon=True,
        ).start()

    def stop(self) -> None:
        """End the thread soon."""
        self._stop.put(None)


def _run(reference: weakref.ref[Beating], stop: SimpleQueue[None]) -> None:
    seconds: float | None = FIRST_BEAT
    while seconds is not None:
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
            seconds = channel.beat()
        except Error:
            # The connection is lost, which whoever uses it next is told.
            return
        # Nothing may keep the channel alive while this thread sleeps.
        del channel
