"""What was agreed on with a server, and what every message is encoded and decoded by."""

from __future__ import annotations

from enum import IntEnum
from typing import Final
from uuid import UUID

import attrs

from ignite_dbapi.protocol.codec import Knowledge

ProtocolVersion = tuple[int, int, int]

# Every version that a thin client may speak, the best first.
SUPPORTED_VERSIONS: Final[tuple[ProtocolVersion, ...]] = tuple((1, minor, 0) for minor in range(7, -1, -1))

VERSION_WITH_CREDENTIALS: Final = (1, 1, 0)
VERSION_WITH_FLAGS: Final = (1, 4, 0)
VERSION_WITH_FEATURES: Final = (1, 7, 0)


class Feature(IntEnum):
    """The feature bits of the handshake. Some of them add fields to messages."""

    USER_ATTRIBUTES = 0
    EXECUTE_TASK_BY_NAME = 1
    CLUSTER_STATES = 2
    CLUSTER_GROUP_GET_NODES_ENDPOINTS = 3
    CLUSTER_GROUPS = 4
    SERVICE_INVOKE = 5
    DEFAULT_QUERY_TIMEOUT = 6
    QUERY_PARTITIONS_BATCH_SIZE = 7
    BINARY_CONFIGURATION = 8
    GET_SERVICE_DESCRIPTORS = 9
    SERVICE_INVOKE_CALL_CONTEXT = 10
    HEARTBEAT = 11
    DATA_REPLICATION_OPERATIONS = 12
    ALL_AFFINITY_MAPPINGS = 13
    INDEX_QUERY = 14
    INDEX_QUERY_LIMIT = 15
    SERVICE_TOPOLOGY = 16
    CACHE_INVOKE = 17
    TRANSACTION_AWARE_QUERIES = 18
    FORCE_DEACTIVATION_FLAG = 19


ALL_FEATURES: Final = (1 << len(Feature)) - 1


@attrs.define(eq=False)
class Context:
    """The agreed *version* and *features* (a bit mask), the *node_id*, and what is known of the cluster."""

    version: ProtocolVersion
    features: int = 0
    node_id: UUID | None = None
    knowledge: Knowledge = attrs.field(factory=Knowledge)

    def has(self, feature: Feature) -> bool:
        """Whether both sides know *feature*."""
        return bool(self.features >> feature & 1)
