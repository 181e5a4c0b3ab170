"""Compiles the hot modules of the codec where Cython and a C compiler are at hand; see pyproject.toml.

Without them, or with ``IGNITE_DBAPI_PURE=1`` in the environment, the same modules are installed as they are and
interpreted: compiling is never a condition for installing.
"""

from __future__ import annotations

import os
import sys
from typing import Any

from setuptools import setup
from setuptools.command.build_ext import build_ext

COMPILED_MODULES = [
    f"ignite_dbapi/protocol/codec/{name}.py"
    for name in (
        "reader",
        "columns",
        "table_rows",
    )
]


class OptionalBuild(build_ext):
    """Builds the extensions, and goes on without them if that fails."""

    def run(self) -> None:
        try:
            super().run()
        except Exception as error:  # no compiler, no headers: the causes differ by platform
            self._warn(error)

    def build_extension(self, extension: Any) -> None:
        try:
            super().build_extension(extension)
        except Exception as error:
            self._warn(error)

    def _warn(self, error: Exception) -> None:
        print(f"ignite-dbapi: the codec is not compiled ({error}); it will be interpreted", file=sys.stderr)


def extensions() -> list[Any]:
    # The compiled form reads little-endian data as it lies in memory.
    if os.environ.get("IGNITE_DBAPI_PURE", "") not in ("", "0") or sys.byteorder != "little":
        return []
    try:
        from Cython.Build import cythonize
    except ModuleNotFoundError:
        return []
    modules: list[Any] = cythonize(
        COMPILED_MODULES,
        compiler_directives={"language_level": "3", "boundscheck": True, "annotation_typing": True},
    )
    return modules


setup(ext_modules=extensions(), cmdclass={"build_ext": OptionalBuild})
