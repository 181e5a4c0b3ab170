"""What a local cluster shall be like: one class for keywords, the command line and pytest's options."""

from __future__ import annotations

import re
import zoneinfo
from collections.abc import Iterable
from pathlib import Path
from typing import Literal, get_args

import attrs

from ignite_dbapi.local.errors import LocalServerError

__all__ = ["DEFAULT_IGNITE_VERSION", "Engine", "LocalOptions", "supported_versions", "version_tuple"]

Engine = Literal["h2", "calcite"]

DEFAULT_IGNITE_VERSION = "2.17.0"

_MEMORY_SIZE = re.compile(r"^[1-9][0-9]*[kmg]$", re.IGNORECASE)
_SMALLEST_HEAP = 128 << 20
_MEMORY_UNITS = {"k": 1 << 10, "m": 1 << 20, "g": 1 << 30}


def version_tuple(version: str) -> tuple[int, int, int]:
    """Return ``"2.17.0"`` as ``(2, 17, 0)``; raises LocalServerError for anything of another form."""
    match = re.fullmatch(r"(\d+)\.(\d+)\.(\d+)", version)
    if match is None:
        raise LocalServerError(f"An Ignite version looks like '2.17.0', not {version!r}.")
    return int(match[1]), int(match[2]), int(match[3])


def supported_versions() -> list[str]:
    """Return the Ignite versions whose jars are pinned in this package, newest first."""
    lists = (Path(__file__).parent / "jars").glob("*.txt")
    return sorted((path.stem for path in lists), key=version_tuple, reverse=True)


def memory_size_in_bytes(size: str) -> int:
    """Return a size as Java's ``-Xmx`` spells it, such as ``"512m"``, in bytes."""
    return int(size[:-1]) * _MEMORY_UNITS[size[-1].lower()]


def _check_memory_size(_: object, attribute: attrs.Attribute[str], value: str) -> None:
    if not _MEMORY_SIZE.match(value):
        raise LocalServerError(f"{attribute.name}={value!r} is not a memory size such as '512m' or '2g'.")


def _check_heap(instance: object, attribute: attrs.Attribute[str], value: str) -> None:
    _check_memory_size(instance, attribute, value)
    if memory_size_in_bytes(value) < _SMALLEST_HEAP:
        # With less the server does not fail, but hangs in a search for memory.
        raise LocalServerError(f"heap={value!r} is too little for a server; it needs at least 128m.")


def _check_timezone(_: object, attribute: attrs.Attribute[str | None], value: str | None) -> None:
    # Java takes a name it does not know for GMT without a word.
    if value is None or re.fullmatch(r"GMT[+-]\d{1,2}(:?\d{2})?", value):
        return
    known = zoneinfo.available_timezones()
    if known and value not in known:
        raise LocalServerError(f"timezone={value!r} is not the name of a time zone such as 'Asia/Tokyo' or 'UTC'.")


def _optional_path(value: str | Path | None) -> Path | None:
    return None if value is None else Path(value).expanduser().absolute()


def _paths(value: Iterable[str | Path]) -> tuple[Path, ...]:
    if isinstance(value, (str, Path)):
        raise LocalServerError(f"Expected a list of paths, not the single path {str(value)!r}: write [{str(value)!r}].")
    return tuple(Path(path).expanduser().absolute() for path in value)


def _engines(value: Iterable[Engine] | None) -> tuple[Engine, ...] | None:
    return None if value is None else tuple(value)


def _strings(value: Iterable[str]) -> tuple[str, ...]:
    if isinstance(value, str):
        raise LocalServerError(f"Expected a list of strings, not the single string {value!r}: write [{value!r}].")
    return tuple(value)


@attrs.frozen(kw_only=True)
class LocalOptions:
    """What a local cluster shall be like.

    Every field has a default, so ``LocalOptions()`` is one in-memory node of the default version on a free
    port. The class is frozen and hashable: equal options may share a cluster (the pytest plugin does that).

    :param nodes: number of server nodes.
    :param port: client port of the first node; the following nodes take the following ports. None: free
        ports.
    :param persistent: directory where data survive a restart. None: everything is in memory.
    :param engine: the SQL engine that runs a statement which names none.
    :param engines: the SQL engines that are configured at all. None: every engine the version has. An empty
        tuple: no engine configuration whatsoever, so that the server decides (it takes H2).
    :param tx_aware: let SQL join transactions (Ignite 2.17 and newer; needs Calcite).
    :param tls: encrypt the client ports, with certificates made for this cluster.
    :param tls_client_auth: also ask clients for a certificate (implies ``tls``).
    :param auth: ask for a user and a password. Ignite keeps its users in persistent storage, so without
        ``persistent`` a temporary directory is used, removed when the cluster stops.
    :param ignite_version: a version from :func:`supported_versions`.
    :param timezone: time zone of the server, such as ``"Asia/Tokyo"``. None: the one of this machine.
    :param sql_schemas: names of SQL schemas to have beside PUBLIC.
    :param heap: the most Java heap of a node, such as ``"1g"``, at least ``"128m"``.
    :param data_region: the most memory for data of a node, outside the heap.
    :param jvm_options: further options for the Java virtual machine, after those of this package.
    :param idle_timeout: seconds without a request after which the server closes a client's connection; 0: never.
    :param compute_tasks: how many compute tasks each client may run at once; 0: none at all, as is Ignite's default.
    :param class_path: directories and jar files with Java classes of your own, for the nodes to have.
    :param server_stack_traces: let the server send its stack traces to clients with each error.
    :param start_timeout: seconds that a node may take to start.
    :param stop_timeout: seconds that a node may take to stop before it is killed.
    :param logs_dir: directory for the logs. None: a new one in the cache.
    :param keep_logs: False removes the logs after a stop without failure.
    """

    nodes: int = 1
    port: int | None = None
    persistent: Path | None = attrs.field(default=None, converter=_optional_path)
    engine: Engine = "h2"
    engines: tuple[Engine, ...] | None = attrs.field(default=None, converter=_engines)
    tx_aware: bool = False
    tls: bool = False
    tls_client_auth: bool = False
    auth: bool = False
    ignite_version: str = DEFAULT_IGNITE_VERSION
    timezone: str | None = attrs.field(default=None, validator=_check_timezone)
    sql_schemas: tuple[str, ...] = attrs.field(default=(), converter=_strings)
    heap: str = attrs.field(default="1g", validator=_check_heap)
    data_region: str = attrs.field(default="1g", validator=_check_memory_size)
    jvm_options: tuple[str, ...] = attrs.field(default=(), converter=_strings)
    idle_timeout: float = 0
    compute_tasks: int = 0
    class_path: tuple[Path, ...] = attrs.field(default=(), converter=_paths)
    server_stack_traces: bool = False
    start_timeout: float = 90.0
    stop_timeout: float = 10.0
    logs_dir: Path | None = attrs.field(default=None, converter=_optional_path)
    keep_logs: bool = True

    def __attrs_post_init__(self) -> None:
        """Refuse what cannot work, before anything is downloaded or started."""
        if self.nodes < 1:
            raise LocalServerError(f"nodes={self.nodes}: a cluster has at least one node.")
        if self.port is not None and not 1 <= self.port <= 65536 - self.nodes:
            raise LocalServerError(
                f"port={self.port}: the {self.nodes} client port(s) from there must lie between 1 and 65535."
            )
        if self.ignite_version not in supported_versions():
            raise LocalServerError(
                f"ignite_version={self.ignite_version!r} is not one whose jars are pinned here: "
                f"{', '.join(supported_versions())}."
            )
        for engine in (self.engine, *(self.engines or ())):
            if engine not in get_args(Engine):
                raise LocalServerError(f"{engine!r} is not an SQL engine; there are {', '.join(get_args(Engine))}.")
        self._check_engines()
        if self.idle_timeout < 0:
            raise LocalServerError(
                f"idle_timeout={self.idle_timeout}: a number of seconds, or 0 for none, is expected."
            )
        if self.compute_tasks < 0:
            raise LocalServerError(
                f"compute_tasks={self.compute_tasks}: a number of tasks, or 0 for none, is expected."
            )
        if self.compute_tasks and self.version < (2, 9, 0):
            raise LocalServerError(f"compute_tasks needs Ignite 2.9.0 or newer, not {self.ignite_version}.")
        for path in self.class_path:
            if not path.exists():
                raise LocalServerError(f"class_path names {path}, which does not exist.")
        if self.sql_schemas and self.version < (2, 8, 0):
            raise LocalServerError(f"sql_schemas needs Ignite 2.8.0 or newer, not {self.ignite_version}.")

    def _check_engines(self) -> None:
        if self.engines and not self.has_calcite:
            raise LocalServerError(
                f"engines={self.engines!r}: Ignite {self.ignite_version} has H2 alone, not a choice."
            )
        if self.engine == "calcite" and "calcite" not in self.configured_engines:
            raise LocalServerError(
                f"engine='calcite' with Ignite {self.ignite_version} and engines={self.engines!r}: "
                "the Calcite engine is not there."
            )
        if self.engine == "h2" and self.configured_engines and "h2" not in self.configured_engines:
            raise LocalServerError(f"engine='h2', but engines={self.engines!r} leaves H2 out.")
        if self.tx_aware and self.version < (2, 17, 0):
            raise LocalServerError(f"tx_aware needs Ignite 2.17.0 or newer, not {self.ignite_version}.")
        if self.tx_aware and "calcite" not in self.configured_engines:
            raise LocalServerError(f"tx_aware needs the Calcite engine, which engines={self.engines!r} leaves out.")

    @property
    def version(self) -> tuple[int, int, int]:
        """``ignite_version`` as numbers."""
        return version_tuple(self.ignite_version)

    @property
    def has_calcite(self) -> bool:
        """Whether the version has the Calcite engine at all."""
        return self.version >= (2, 13, 0)

    @property
    def configured_engines(self) -> tuple[Engine, ...]:
        """The engines to name in the configuration; empty: name none."""
        if self.engines is not None:
            return self.engines
        return ("h2", "calcite") if self.has_calcite else ()

    @property
    def uses_tls(self) -> bool:
        """Whether the client ports speak TLS."""
        return self.tls or self.tls_client_auth

    @property
    def uses_storage(self) -> bool:
        """Whether the nodes write their data to disk."""
        return self.persistent is not None or self.auth
