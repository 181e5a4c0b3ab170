"""The features of the protocol, as bits."""

from __future__ import annotations

from enum import IntFlag

from ignite_dbapi.protocol.context import ALL_FEATURES


class BitmaskFeature(IntFlag):
    """The features that client and server have agreed on.

    ``CLUSTER_API`` is the one that pyignite knows; other bits are kept as they are.
    """

    CLUSTER_API = 1 << 2

    def __bytes__(self) -> bytes:
        return self.to_bytes(self.bit_length() // 8 + 1, "little")

    @staticmethod
    def all_supported() -> BitmaskFeature:
        """Everything that this client knows."""
        return BitmaskFeature(ALL_FEATURES)

    @staticmethod
    def from_array(features_array: bytes | None) -> BitmaskFeature | None:
        """The features whose bits are set in *features_array*, the lowest bit of its first byte being number 0."""
        return None if features_array is None else BitmaskFeature(int.from_bytes(features_array, "little"))
