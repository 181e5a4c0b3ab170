"""What client and server have agreed on."""

from __future__ import annotations

import attrs

from ignite_dbapi.keyvalue.connection.bitmask_feature import BitmaskFeature
from ignite_dbapi.protocol.context import (
    SUPPORTED_VERSIONS,
    VERSION_WITH_FEATURES,
    VERSION_WITH_FLAGS,
    Context,
    ProtocolVersion,
)
from ignite_dbapi.protocol.messages.cache_configuration import VERSION_WITH_EXPIRY_POLICY

VERSION_WITH_TRANSACTIONS = (1, 5, 0)


@attrs.frozen
class ProtocolContext:
    """The *version* of the protocol, and its *features*, which versions before 1.7.0 do not have."""

    version: ProtocolVersion
    features: BitmaskFeature | None = None

    def __attrs_post_init__(self) -> None:
        if not self.is_feature_flags_supported():
            object.__setattr__(self, "features", None)

    @classmethod
    def of(cls, context: Context) -> ProtocolContext:
        """What was agreed on in *context*."""
        return cls(context.version, BitmaskFeature(context.features))

    @classmethod
    def best(cls) -> ProtocolContext:
        """What the client offers first."""
        return cls(SUPPORTED_VERSIONS[0], BitmaskFeature.all_supported())

    def copy(self) -> ProtocolContext:
        """The same once more."""
        return ProtocolContext(self.version, self.features)

    def is_partition_awareness_supported(self) -> bool:
        """Whether the server tells where the entries of a cache are."""
        return self.version >= VERSION_WITH_FLAGS

    def is_status_flags_supported(self) -> bool:
        """Whether answers begin with flags."""
        return self.version >= VERSION_WITH_FLAGS

    def is_transactions_supported(self) -> bool:
        """Whether clients can start transactions."""
        return self.version >= VERSION_WITH_TRANSACTIONS

    def is_feature_flags_supported(self) -> bool:
        """Whether features are agreed on one by one."""
        return self.version >= VERSION_WITH_FEATURES

    def is_cluster_api_supported(self) -> bool:
        """Whether clients can ask for the state of the cluster and change it."""
        return bool(self.features is not None and BitmaskFeature.CLUSTER_API in self.features)

    def is_expiry_policy_supported(self) -> bool:
        """Whether entries can be given a time to live."""
        return self.version >= VERSION_WITH_EXPIRY_POLICY
