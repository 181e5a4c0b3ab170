"""Which form of the modules runs that are compiled where a compiler was at hand.

``IGNITE_DBAPI_PURE=1`` in the environment forces the interpreted one.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from typing import Final

MUST_INTERPRET: Final = os.environ.get("IGNITE_DBAPI_PURE", "") not in ("", "0")


def interpret(folders: Iterable[str]) -> None:
    """Have Python look for the modules of *folders* among the sources alone."""
    from importlib.machinery import SOURCE_SUFFIXES, FileFinder, SourceFileLoader

    for folder in folders:
        sys.path_importer_cache[folder] = FileFinder(folder, (SourceFileLoader, SOURCE_SUFFIXES))
