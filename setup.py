"""Compiles the hot modules of the protocol where Cython and a C compiler are at hand; see pyproject.toml.

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
    f"ignite_dbapi/protocol/{name}.py"
    for name in (
        "codec/hashing",
        "codec/reader",
        "codec/columns",
        "codec/column_decimals",
        "codec/column_objects",
        "codec/table_rows",
        "codec/writer",
        "exchange",
        "frames",
    )
]


class NotCompiled(Exception):
    """The extensions cannot be built here, or are not for this Python."""


class BuildOrGiveUp(build_ext):
    """Builds the extensions, all or none."""

    def run(self) -> None:
        try:
            super().run()
        except Exception as error:  # no compiler, no headers: the causes differ by platform
            raise NotCompiled(error) from error


def extensions() -> list[Any]:
    if os.environ.get("IGNITE_DBAPI_PURE", "") not in ("", "0"):
        return []
    # Others only imitate the C functions and structures of CPython; PyPy itself compiles what is interpreted.
    if sys.implementation.name != "cpython":
        raise NotCompiled(f"it would be for CPython, and this is {sys.implementation.name}")
    # The compiled form reads little-endian data as it lies in memory, and adds lengths of up to 2 GiB to positions.
    if sys.byteorder != "little" or sys.maxsize < 2**32:
        raise NotCompiled("it would be for little-endian processors of 64 bits")
    try:
        from Cython.Build import cythonize
    except ModuleNotFoundError:
        return []
    modules: list[Any] = cythonize(
        COMPILED_MODULES,
        # Beside the sources, the C files would be taken for a part of the package.
        build_dir="build/cython",
        compiler_directives={"language_level": "3", "boundscheck": True, "annotation_typing": True},
    )
    if os.name == "posix":
        for module in modules:
            # Python's own flags ask for debugging information, which is most of the size and of the time.
            module.extra_compile_args.append("-g0")
    return modules


try:
    setup(ext_modules=extensions(), cmdclass={"build_ext": BuildOrGiveUp})
except NotCompiled as error:
    # Once more and without extensions, so that the wheel says itself that it is for any Python and platform.
    print(f"ignite-dbapi: the codec is not compiled ({error}); it will be interpreted", file=sys.stderr)
    setup()
