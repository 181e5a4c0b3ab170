"""The states of a cluster."""

from __future__ import annotations

from enum import IntEnum


class ClusterState(IntEnum):
    """What a cluster does for its clients."""

    #: Caches cannot be used.
    INACTIVE = 0
    #: Caches can be read and changed.
    ACTIVE = 1
    #: Caches can be read, but not changed.
    ACTIVE_READ_ONLY = 2
