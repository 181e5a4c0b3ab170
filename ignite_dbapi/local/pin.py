"""Write the list of jars that an Ignite version needs. For maintainers; users of the package never run it.

``python -m ignite_dbapi.local.pin 2.17.0`` asks Maven (``mvn`` on PATH) for the run-time dependencies of the
modules below and writes ``jars/2.17.0.txt``: one line per jar with its coordinate, SHA-256 and size in bytes.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from ignite_dbapi.local.artifacts import JARS_DIRECTORY, Jar, sha256_of
from ignite_dbapi.local.errors import LocalServerError
from ignite_dbapi.local.options import version_tuple

__all__ = ["main", "pinned_jars"]

#: The first version whose SQL can run on Calcite without a snapshot build.
_FIRST_WITH_CALCITE = (2, 13, 0)

_POM = """<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>ignite-dbapi</groupId><artifactId>pin</artifactId><version>1</version>
  <dependencies>
{dependencies}
  </dependencies>
</project>
"""

# "   group:artifact:jar:version:scope:/path" with, on newer Maven plugins, " -- module name" after it.
_RESOLVED = re.compile(
    r"^\s+(?P<group>[^:\s]+):(?P<artifact>[^:\s]+):jar:(?P<version>[^:\s]+):(?:compile|runtime):(?P<path>.+?\.jar)(?:\s|$)"
)


def modules(ignite_version: str) -> list[str]:
    """Return the Ignite modules that a local node of this version uses."""
    names = ["ignite-core", "ignite-indexing", "ignite-spring"]
    if version_tuple(ignite_version) >= _FIRST_WITH_CALCITE:
        names.append("ignite-calcite")
    return names


def pinned_jars(ignite_version: str) -> list[Jar]:
    """Let Maven resolve the modules of ``ignite_version`` and return every jar of the result, sorted."""
    dependencies = "\n".join(
        f"    <dependency><groupId>org.apache.ignite</groupId><artifactId>{name}</artifactId>"
        f"<version>{ignite_version}</version></dependency>"
        for name in modules(ignite_version)
    )
    with tempfile.TemporaryDirectory(prefix="ignite-pin-") as folder:
        output = Path(folder, "resolved.txt")
        Path(folder, "pom.xml").write_text(_POM.format(dependencies=dependencies), encoding="utf-8")
        command = ["mvn", "-q", "-B", "dependency:list", "-DincludeScope=runtime"]
        command += ["-DoutputAbsoluteArtifactFilename=true", f"-DoutputFile={output}"]
        subprocess.run(command, cwd=folder, check=True)
        jars = []
        for line in output.read_text(encoding="utf-8").splitlines():
            match = _RESOLVED.match(line)
            if match is None:
                if ":jar:" in line:
                    raise LocalServerError(f"Maven printed a jar in a form this script does not know: {line!r}")
                continue
            path = Path(match["path"])
            jars.append(Jar(match["group"], match["artifact"], match["version"], sha256_of(path), path.stat().st_size))
    return sorted(jars, key=lambda jar: jar.coordinate)


def main(arguments: list[str] | None = None) -> int:
    """Write the lists of the versions named on the command line."""
    parser = argparse.ArgumentParser(prog="python -m ignite_dbapi.local.pin", description=__doc__)
    parser.add_argument("ignite_version", nargs="+", help="for example 2.17.0")
    for ignite_version in parser.parse_args(arguments).ignite_version:
        jars = pinned_jars(ignite_version)
        path = JARS_DIRECTORY / f"{ignite_version}.txt"
        lines = [
            f"# The jars of Apache Ignite {ignite_version}: coordinate, SHA-256, bytes.",
            f"# Written by: python -m ignite_dbapi.local.pin {ignite_version}",
            *(f"{jar.coordinate} {jar.sha256} {jar.size}" for jar in jars),
        ]
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
        print(f"{path}: {len(jars)} jars, {sum(jar.size for jar in jars) / 1e6:.0f} MB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
