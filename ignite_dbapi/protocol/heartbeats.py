"""How often to send heartbeats, so that the server does not take a connection for forgotten."""

from __future__ import annotations

# The server's clock for idle connections is coarse, and a heartbeat may be held up on its way.
_PER_IDLE_TIMEOUT = 3


def heartbeat_interval(wanted: float | None, idle_timeout: int) -> float | None:
    """Every how many seconds to send one; None: not at all.

    *wanted* is what the user asked for (None: whatever is needed, 0: none), *idle_timeout* the milliseconds after which
    the server closes a connection on which nothing happens (0: never).
    """
    if wanted == 0:
        return None
    if idle_timeout <= 0:
        return wanted
    needed = idle_timeout / 1000 / _PER_IDLE_TIMEOUT
    return needed if wanted is None else min(wanted, needed)
