"""Numbers and names that programs written for pyignite import."""

from __future__ import annotations

from typing import Final

MAX_LONG: Final = 2**63 - 1
MIN_LONG: Final = -(2**63)
MAX_INT: Final = 2**31 - 1
MIN_INT: Final = -(2**31)

PROTOCOL_BYTE_ORDER: Final = "little"
PROTOCOL_STRING_ENCODING: Final = "utf-8"
PROTOCOL_CHAR_ENCODING: Final = "utf-16le"

FNV1_OFFSET_BASIS: Final = 0x811C9DC5
FNV1_PRIME: Final = 0x01000193

IGNITE_DEFAULT_HOST: Final = "localhost"
IGNITE_DEFAULT_PORT: Final = 10800
