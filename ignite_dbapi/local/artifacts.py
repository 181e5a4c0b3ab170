"""The server's jars: which ones, where they are kept, and how they get there.

Each Ignite version has a list of its jars in ``jars/``, with the SHA-256 of each, so nothing has to be
resolved and nothing else can get in. The jars are kept in one cache for all versions and all processes of a
user; a jar that is missing, cut short or changed is downloaded again. A file appears under its final name
only when it is complete and its checksum is right.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path

import attrs

from ignite_dbapi.local.errors import LocalServerError, missing_extra

__all__ = ["JARS_DIRECTORY", "Jar", "cache_directory", "fetch_jars", "locked", "read_jar_list", "sha256_of"]

JARS_DIRECTORY = Path(__file__).parent / "jars"

#: Threads that download at the same time; registries slow a client down that opens many more.
_PARALLEL_DOWNLOADS = 6
_ATTEMPTS = 3
_HTTP_TIMEOUT = 30

#: Called with the number of bytes that arrived since the last call.
ByteCounter = Callable[[int], None]


@attrs.frozen
class Jar:
    """One pinned jar: its Maven coordinate, the SHA-256 of the file (hexadecimal) and its size in bytes."""

    group: str
    artifact: str
    version: str
    sha256: str
    size: int

    @property
    def coordinate(self) -> str:
        """``group:artifact:version``."""
        return f"{self.group}:{self.artifact}:{self.version}"

    @property
    def relative_path(self) -> str:
        """The path below the root of a Maven repository, with slashes."""
        folder = self.group.replace(".", "/")
        return f"{folder}/{self.artifact}/{self.version}/{self.artifact}-{self.version}.jar"


def cache_directory() -> Path:
    """Return the directory for everything that is downloaded; it need not exist yet.

    ``IGNITE_DBAPI_CACHE`` names it; otherwise it is ``ignite-dbapi`` in ``XDG_CACHE_HOME`` or in the place
    where the system keeps caches.
    """
    if chosen := os.environ.get("IGNITE_DBAPI_CACHE"):
        return Path(chosen).expanduser().absolute()
    if base := os.environ.get("XDG_CACHE_HOME"):
        return Path(base).expanduser().absolute() / "ignite-dbapi"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "ignite-dbapi"
    if sys.platform == "win32" and (local := os.environ.get("LOCALAPPDATA")):
        return Path(local) / "ignite-dbapi" / "Cache"
    return Path.home() / ".cache" / "ignite-dbapi"


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file as hexadecimal text."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def read_jar_list(ignite_version: str) -> list[Jar]:
    """Return the pinned jars of a version; raises LocalServerError for a version without a list."""
    path = JARS_DIRECTORY / f"{ignite_version}.txt"
    if not path.is_file():
        raise LocalServerError(f"There is no list of jars for Ignite {ignite_version} ({path} does not exist).")
    jars = []
    for line in path.read_text(encoding="utf-8").splitlines():
        if not line or line.startswith("#"):
            continue
        match = re.fullmatch(r"([^:\s]+):([^:\s]+):([^:\s]+) ([0-9a-f]{64}) (\d+)", line)
        if match is None:
            raise LocalServerError(f"{path}: this line is not 'group:artifact:version sha256 size': {line!r}")
        jars.append(Jar(match[1], match[2], match[3], match[4], int(match[5])))
    return jars


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the lock file ``path`` exclusively, waiting for whichever process or thread has it.

    The operating system gives the lock back when its holder dies, so a killed download blocks nobody.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+b") as file:
        if sys.platform == "win32":
            import msvcrt

            while True:
                try:
                    file.seek(0)
                    msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
                    break
                except OSError:
                    time.sleep(0.2)
            try:
                yield
            finally:
                file.seek(0)
                msvcrt.locking(file.fileno(), msvcrt.LK_UNLCK, 1)
        else:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX)
            try:
                yield
            finally:
                fcntl.flock(file, fcntl.LOCK_UN)


def fetch_jars(ignite_version: str) -> list[Path]:
    """Return the paths of all jars of a version, downloading those that the cache lacks or has broken.

    Progress is shown on standard error while something downloads, and nothing is printed otherwise. Raises
    LocalServerError when a jar cannot be had, naming the jar and the reason.
    """
    jars = read_jar_list(ignite_version)
    root = cache_directory()
    store = root / "jars"
    stamp = _Stamp(root / "stamps" / f"{ignite_version}.json", store)
    if stamp.covers(jars):
        return [store / jar.relative_path for jar in jars]
    # One process at a time fills the cache; the others wait here and then find it full.
    with locked(root / "jars.lock"):
        if not stamp.covers(jars):
            for leftover in root.glob("download-*"):
                # Of a download that was killed: whoever holds the lock is the only one who downloads.
                shutil.rmtree(leftover)
            missing = [jar for jar in jars if not _is_intact(store / jar.relative_path, jar)]
            if missing:
                _download_all(missing, root, f"Apache Ignite {ignite_version}")
            stamp.write(jars)
    return [store / jar.relative_path for jar in jars]


class _Stamp:
    """The memory that a version's jars were verified: size and time of each file at that moment.

    Reading every jar at each start would cost some tenths of a second; looking at each file's size and time
    does not, and finds a file that was cut short or replaced.
    """

    def __init__(self, path: Path, store: Path) -> None:
        self._path = path
        self._store = store

    def _state(self, jars: list[Jar]) -> dict[str, list[object]] | None:
        state: dict[str, list[object]] = {}
        for jar in jars:
            try:
                status = (self._store / jar.relative_path).stat()
            except FileNotFoundError:
                return None
            state[jar.relative_path] = [jar.sha256, status.st_size, status.st_mtime_ns]
        return state

    def covers(self, jars: list[Jar]) -> bool:
        """Return whether every jar is still the file that was verified."""
        state = self._state(jars)
        if state is None:
            return False
        try:
            return bool(json.loads(self._path.read_bytes()) == state)
        except (FileNotFoundError, ValueError):
            # No stamp yet, or one that was cut short: both only mean that the jars have to be verified again.
            return False

    def write(self, jars: list[Jar]) -> None:
        """Remember the present files as verified."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        temporary = self._path.with_suffix(f".{os.getpid()}.tmp")
        temporary.write_text(json.dumps(self._state(jars)), encoding="utf-8")
        os.replace(temporary, self._path)


def _is_intact(path: Path, jar: Jar) -> bool:
    return path.is_file() and path.stat().st_size == jar.size and sha256_of(path) == jar.sha256


def _download_all(jars: list[Jar], root: Path, title: str) -> None:
    from ignite_dbapi.local.progress import download_progress

    try:
        import jgo.maven  # noqa: F401  # asked for here, so that one clear error comes before any thread starts
    except ImportError as error:
        raise missing_extra("jgo", "download the server's jars") from error

    root.mkdir(parents=True, exist_ok=True)
    # In the cache itself, so that the finished files can be moved into place without being copied.
    with (
        tempfile.TemporaryDirectory(prefix="download-", dir=root) as scratch,
        download_progress(f"Downloading {title}", len(jars), sum(jar.size for jar in jars)) as progress,
        ThreadPoolExecutor(_PARALLEL_DOWNLOADS, thread_name_prefix="jar-download") as pool,
    ):
        futures = []
        for number, jar in enumerate(jars):
            repository = Path(scratch, str(number))
            futures.append(pool.submit(_fetch_one, jar, root / "jars", repository, progress.add_bytes))
        try:
            for future in as_completed(futures):
                future.result()
                progress.file_done()
        except BaseException:
            # Without this the pool would finish the whole queue before the error or Ctrl-C gets out.
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _fetch_one(jar: Jar, store: Path, scratch: Path, count: ByteCounter) -> None:
    """Bring one jar into the store; raises LocalServerError when no source has it as pinned."""
    target = store / jar.relative_path
    target.parent.mkdir(parents=True, exist_ok=True)
    reasons: list[str] = []
    for number, source in enumerate([_from_maven_cache, *[_from_registry] * _ATTEMPTS, _from_mvn]):
        folder = scratch / str(number)
        folder.mkdir(parents=True)
        try:
            candidate = source(jar, folder, count)
        except (OSError, RuntimeError, subprocess.SubprocessError) as error:
            reasons.append(f"{type(error).__name__}: {error}")
            time.sleep(0.5 * number)
            continue
        if candidate is None:
            continue
        if _is_intact(candidate, jar):
            os.replace(candidate, target)
            return
        reasons.append(f"what came has {candidate.stat().st_size} bytes and SHA-256 {sha256_of(candidate)}")
    raise LocalServerError(
        f"The jar {jar.coordinate} could not be had as pinned ({jar.size} bytes, SHA-256 {jar.sha256}). "
        f"Tried: {'; '.join(dict.fromkeys(reasons))}. "
        "Behind a proxy, set HTTPS_PROXY, and REQUESTS_CA_BUNDLE if it has its own certificates; "
        "or install Maven (mvn) with settings that work there."
    )


def _from_maven_cache(jar: Jar, folder: Path, count: ByteCounter) -> Path | None:
    """Copy the jar out of the user's own Maven repository, where Java developers often have it already."""
    repository = Path(os.environ.get("M2_REPO") or Path.home() / ".m2" / "repository")
    present = repository / jar.relative_path
    if not _is_intact(present, jar):
        return None
    count(jar.size)
    return Path(shutil.copyfile(present, folder / present.name))


def _from_registry(jar: Jar, folder: Path, count: ByteCounter) -> Path | None:
    """Download the jar with jgo, which knows where Maven's registry is."""
    from jgo.maven import MavenContext, PythonResolver

    @contextlib.contextmanager
    def per_file(_name: str, _size: int) -> Iterator[ByteCounter]:
        yield count

    context = MavenContext(
        resolver=PythonResolver(progress_callback=per_file), repo_cache=folder, timeout=_HTTP_TIMEOUT
    )
    artifact = context.project(jar.group, jar.artifact).at_version(jar.version).artifact(packaging="jar")
    return Path(artifact.resolve())


def _from_mvn(jar: Jar, folder: Path, count: ByteCounter) -> Path | None:
    """Let an installed Maven fetch the jar: its settings know a company's mirrors and proxies."""
    mvn = shutil.which("mvn")
    if mvn is None:
        return None
    command = [
        mvn,
        "-q",
        "-B",
        "dependency:copy",
        f"-Dartifact={jar.coordinate}:jar",
        f"-DoutputDirectory={folder}",
    ]
    done = subprocess.run(command, cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=300)
    if done.returncode != 0:
        raise RuntimeError(f"mvn failed with exit code {done.returncode}: {(done.stdout + done.stderr).strip()[-500:]}")
    count(jar.size)
    return folder / Path(jar.relative_path).name
