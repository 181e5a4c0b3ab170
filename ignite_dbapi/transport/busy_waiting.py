"""Looking for an answer again and again, where that takes less time than being woken up does."""

from __future__ import annotations

import os
import select
from time import perf_counter
from typing import Final

from ignite_dbapi.transport.giving_way import Connected, is_on_this_machine

#: Seconds that the answer of a server on this machine is looked for; see ``benchmarks.busy_waiting``.
SECONDS: Final = 0.0002

# What it saves to find an answer: to be woken up takes a thread about so many seconds.
_SAVED: Final = 0.00005
# So much may be lost of what was saved before.
_MOST_SAVED: Final = 200 * _SAVED
# Once more was lost than saved, answers are waited for at once, for so many times as long as that.
_PAUSE: Final = 30
# If the thread gets the processor, or the GIL, so many seconds too late, others need it as well. Answers are waited for
# at once for so many seconds then: longer each time, until nothing was lost for a while.
_TOO_LATE: Final = 0.0006
_FIRST_PAUSE_FOR_OTHERS: Final = 0.03
_LONGEST_PAUSE_FOR_OTHERS: Final = 0.5


class BusyWait:
    """Looks for *seconds* whether the socket of this *number* can be read, as long as that saves time on the whole.

    It loses time if answers take longer, and more if others need the processor, or other threads the GIL: who has slept
    gets both sooner than who has not.
    """

    def __init__(self, number: int, seconds: float) -> None:
        self._seconds = seconds
        self._poll = select.poll()
        self._poll.register(number, select.POLLIN)
        self._saved = 0.0
        self._pauses_until = 0.0
        self._pause_for_others = _FIRST_PAUSE_FOR_OTHERS

    def until_readable(self) -> None:
        """Return as soon as the socket can be read, or when it is time to sleep until it can. One thread at a time."""
        begin = perf_counter()
        if begin < self._pauses_until:
            return
        while True:
            # Whoever wants this processor goes first, the server's threads among others.
            os.sched_yield()
            now = perf_counter()
            if now - begin > self._seconds:
                self._lose(now - begin, now)
                return
            if self._poll.poll(0):
                self._saved += _SAVED
                if self._saved > _MOST_SAVED:
                    self._saved, self._pause_for_others = _MOST_SAVED, _FIRST_PAUSE_FOR_OTHERS
                return

    def _lose(self, seconds: float, now: float) -> None:
        if seconds > self._seconds + _TOO_LATE:
            self._saved = 0.0
            self._pauses_until = now + self._pause_for_others
            self._pause_for_others = min(4 * self._pause_for_others, _LONGEST_PAUSE_FOR_OTHERS)
            return
        self._saved -= seconds
        if self._saved < 0.0:
            self._pauses_until = now - _PAUSE * self._saved
            self._saved = 0.0


def busy_wait_for(connected: Connected, number: int, seconds: float | None) -> BusyWait | None:
    """How to wait busily for *connected*, whose file has this *number*; *seconds* None: as long as it makes sense."""
    if seconds is None:
        seconds = SECONDS if is_on_this_machine(connected) and _processors() > 1 else 0.0
    # Windows has neither call.
    if not seconds or not hasattr(os, "sched_yield") or not hasattr(select, "poll"):
        return None
    return BusyWait(number, seconds)


def _processors() -> int:
    """How many processors this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
