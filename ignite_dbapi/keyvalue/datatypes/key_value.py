"""Which entries of a cache are counted."""

from __future__ import annotations

from enum import IntEnum


class PeekModes(IntEnum):
    """The parts of a cache."""

    ALL = 0
    NEAR = 1
    PRIMARY = 2
    BACKUP = 3
    ONHEAP = 4
    OFFHEAP = 5
