"""The binary data format: values to bytes and back, without I/O.

``IGNITE_DBAPI_PURE=1`` in the environment forces the interpreted form of the modules that are compiled where
a compiler was at hand; :data:`COMPILED` tells which form runs.
"""

from __future__ import annotations

import os
import sys

if os.environ.get("IGNITE_DBAPI_PURE", "") not in ("", "0"):
    from importlib.machinery import SOURCE_SUFFIXES, FileFinder, SourceFileLoader

    # Python looks for the modules of this folder among the sources alone.
    for _folder in __path__:
        sys.path_importer_cache[_folder] = FileFinder(_folder, (SourceFileLoader, SOURCE_SUFFIXES))

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
