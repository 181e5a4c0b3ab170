"""The binary data format: values to bytes and back, without I/O.

``IGNITE_DBAPI_PURE=1`` in the environment forces the interpreted form of the modules that are compiled where
a compiler was at hand; :data:`COMPILED` tells which form runs.
"""

from __future__ import annotations

import importlib.util
import os
import sys
from pathlib import Path

# The modules that setup.py compiles.
COMPILED_MODULES = (
    "reader",
    "columns",
    "table_rows",
)


def _load_interpreted(name: str) -> None:
    """Load a module from its source even if a compiled form stands beside it."""
    full_name = f"{__name__}.{name}"
    spec = importlib.util.spec_from_file_location(full_name, Path(__file__).with_name(f"{name}.py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[full_name] = module
    spec.loader.exec_module(module)


if os.environ.get("IGNITE_DBAPI_PURE", "") not in ("", "0"):
    for _name in COMPILED_MODULES:
        _load_interpreted(_name)

from ignite_dbapi.protocol.codec.knowledge import (  # noqa: E402 - after the choice above
    BinaryField,
    BinaryType,
    BinaryTypes,
    Knowledge,
    MissingBinaryType,
    MissingFact,
    MissingServerFacts,
    UnregisteredBinaryType,
)
from ignite_dbapi.protocol.codec.reader import COMPILED, Reader, decode  # noqa: E402
from ignite_dbapi.protocol.codec.type_codes import TypeCode  # noqa: E402
from ignite_dbapi.protocol.codec.writer import Writer, encode  # noqa: E402

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
