"""The binary data format: values to bytes and back, without I/O.

``IGNITE_DBAPI_PURE=1`` in the environment forces the interpreted form of the modules that are compiled where
a compiler was at hand; :data:`COMPILED` tells which form runs.
"""

from __future__ import annotations

from ignite_dbapi.protocol import _forms

if _forms.MUST_INTERPRET:
    _forms.interpret(__path__)

from ignite_dbapi.protocol.codec.knowledge import (
    BinaryField,
    BinaryType,
    BinaryTypes,
    Knowledge,
    MissingBinaryType,
    MissingFact,
    MissingServerFacts,
    UnregisteredBinaryType,
)
from ignite_dbapi.protocol.codec.reader import COMPILED, Reader, decode
from ignite_dbapi.protocol.codec.type_codes import TypeCode
from ignite_dbapi.protocol.codec.writer import Writer, encode

__all__ = [
    "COMPILED",
    "BinaryField",
    "BinaryType",
    "BinaryTypes",
    "Knowledge",
    "MissingBinaryType",
    "MissingFact",
    "MissingServerFacts",
    "Reader",
    "TypeCode",
    "UnregisteredBinaryType",
    "Writer",
    "decode",
    "encode",
]
