"""A whole cluster on this machine: from the options to ready nodes, and back to nothing."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlencode

from ignite_dbapi.local.artifacts import cache_directory, fetch_jars
from ignite_dbapi.local.certificates import Certificates, make_certificates
from ignite_dbapi.local.configuration import HOST, NodePorts, node_configuration
from ignite_dbapi.local.errors import LocalServerError, PortInUseError
from ignite_dbapi.local.java import find_java, module_options
from ignite_dbapi.local.node import LocalNode
from ignite_dbapi.local.options import LocalOptions
from ignite_dbapi.local.ports import free_ports, is_free, release_ports

__all__ = ["LocalCluster"]

_MAIN_CLASS = "org.apache.ignite.startup.cmdline.CommandLineStartup"
_PORT_ATTEMPTS = 5
#: Logs that stay in the cache: those of the last runs, and all of the last days.
_KEPT_LOG_RUNS = 20
_KEPT_LOG_SECONDS = 3 * 24 * 3600
#: What Ignite creates when authentication is switched on.
_DEFAULT_CREDENTIALS = ("ignite", "ignite")


class LocalCluster:
    """A cluster of real Apache Ignite servers on this machine, for one program's use.

    ::

        with LocalCluster(nodes=2) as cluster:
            connection = ignite_dbapi.connect(cluster.url)

    It takes the fields of :class:`~ignite_dbapi.local.LocalOptions` as keywords, or one as its only argument.
    The first start ever downloads the server. Clusters never see each other, and none outlives its program,
    however that ends.

    :ivar options: what was asked for.
    :ivar nodes: the :class:`~ignite_dbapi.local.LocalNode` objects, once started.
    """

    def __init__(self, options: LocalOptions | None = None, /, **keywords: Any) -> None:
        if options is not None and keywords:
            raise TypeError("LocalCluster takes a LocalOptions object or keywords, not both")
        self.options = options if options is not None else LocalOptions(**keywords)
        self.nodes: list[LocalNode] = []
        self._certificates: Certificates | None = None
        self._directory: Path | None = None
        self._logs: Path | None = None
        self._reserved_ports: list[int] = []

    def __repr__(self) -> str:
        addresses = ",".join(f"{host}:{port}" for host, port in self.addresses)
        return f"<LocalCluster Ignite {self.options.ignite_version} {addresses or 'stopped'}>"

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    # -- what a client needs to know
    # ------------------------------------------------------------------------------

    @property
    def addresses(self) -> list[tuple[str, int]]:
        """Host and client port of every node; empty before the start."""
        return [node.address for node in self.nodes]

    @property
    def user(self) -> str | None:
        """The user to log in as, or None without authentication."""
        return _DEFAULT_CREDENTIALS[0] if self.options.auth else None

    @property
    def password(self) -> str | None:
        """The password of ``user``, or None without authentication."""
        return _DEFAULT_CREDENTIALS[1] if self.options.auth else None

    @property
    def url(self) -> str:
        """The URL for ``ignite_dbapi.connect``: all addresses, and the credentials and TLS files if any."""
        if not self.nodes:
            raise LocalServerError("The cluster has not been started, so it has no URL yet.")
        addresses = ",".join(f"{host}:{port}" for host, port in self.addresses)
        credentials = f"{self.user}:{self.password}@" if self.options.auth else ""
        query: dict[str, str] = {}
        if self._certificates is not None:
            query |= {"tls": "true", "tls_ca_file": str(self._certificates.ca_file)}
            if self.options.tls_client_auth:
                query["tls_cert_file"] = str(self._certificates.client_cert_file)
                query["tls_key_file"] = str(self._certificates.client_key_file)
        return f"ignite://{credentials}{addresses}" + (f"?{urlencode(query, safe='/')}" if query else "")

    @property
    def ca_file(self) -> Path | None:
        """PEM file with the authority's certificate that a TLS client has to trust; None without TLS."""
        return None if self._certificates is None else self._certificates.ca_file

    @property
    def client_cert_file(self) -> Path | None:
        """PEM file with a client certificate that the cluster accepts; None without TLS."""
        return None if self._certificates is None else self._certificates.client_cert_file

    @property
    def client_key_file(self) -> Path | None:
        """PEM file with the key of :attr:`client_cert_file`; None without TLS."""
        return None if self._certificates is None else self._certificates.client_key_file

    @property
    def logs_directory(self) -> Path | None:
        """Where the nodes' logs are; None before the first start."""
        return self._logs

    # -- start and stop
    # -------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Start every node and wait until all are ready; does nothing when the cluster is started.

        Raises LocalServerError with the server's own reason when a node does not start; then nothing is left
        running and the logs stay.
        """
        if self._directory is not None:
            return
        if self.options.persistent is not None:
            self._claim_storage(self.options.persistent)
        jars = fetch_jars(self.options.ignite_version)
        java = find_java(self.options.ignite_version)
        self._logs = self._make_logs_directory()
        self._directory = Path(tempfile.mkdtemp(prefix="ignite-local-"))
        try:
            if self.options.uses_tls:
                folder = self._directory / "tls"
                folder.mkdir()
                self._certificates = make_certificates(folder)
            command = [str(java.path), *self._jvm_options(java.major)]
            class_path = [*jars, *self.options.class_path]
            command += ["-cp", os.pathsep.join(str(path) for path in class_path), _MAIN_CLASS]
            for attempt in range(1, _PORT_ATTEMPTS + 1):
                self._make_nodes(command)
                try:
                    self._start_nodes()
                    break
                except PortInUseError:
                    # Somebody took one of the ports between the choice and the bind: choose others.
                    self._kill_nodes()
                    if attempt == _PORT_ATTEMPTS or not self._client_ports_are_free():
                        raise
            if self.options.uses_storage:
                with self.nodes[0].connect(timeout=self.options.start_timeout) as connection:
                    connection.activate()
        except BaseException:
            self._clean_up(keep_logs=True)
            raise

    def stop(self) -> None:
        """Stop every node and remove the temporary files, but not the logs; may be called at any time."""
        if self._directory is None:
            return
        try:
            if self.options.persistent is not None:
                for node in self.nodes:
                    node.begin_stop()
                for node in self.nodes:
                    node.end_stop()
        finally:
            # Without storage there is nothing to bring to an end in order, so the nodes need not take their
            # time.
            self._clean_up(keep_logs=self.options.keep_logs)

    def _clean_up(self, *, keep_logs: bool) -> None:
        self._kill_nodes()
        self.nodes = []
        self._certificates = None
        release_ports(self._reserved_ports)
        self._reserved_ports = []
        assert self._directory is not None
        shutil.rmtree(self._directory, ignore_errors=True)
        self._directory = None
        if not keep_logs:
            self._remove_logs()

    def _remove_logs(self) -> None:
        assert self._logs is not None
        # File by file: a directory that the user named may hold more than these logs.
        for i in range(self.options.nodes):
            (self._logs / f"node-{i + 1}.log").unlink(missing_ok=True)
        if self.options.logs_dir is None:
            self._logs.rmdir()

    def _kill_nodes(self) -> None:
        for node in self.nodes:
            node.kill()

    def _client_ports_are_free(self) -> bool:
        return self.options.port is None or all(is_free(self.options.port + i) for i in range(self.options.nodes))

    def _claim_storage(self, directory: Path) -> None:
        """Refuse stored data of another number of nodes, a part of which would be missing or never used."""
        _make_directory(directory)
        note = directory / "ignite-local.json"
        if note.exists():
            nodes = json.loads(note.read_text(encoding="utf-8"))["nodes"]
            if nodes != self.options.nodes:
                raise LocalServerError(
                    f"persistent={str(directory)!r} holds the data of {nodes} node(s), and "
                    f"nodes={self.options.nodes} was asked for. Use nodes={nodes}, or another directory."
                )
        else:
            note.write_text(json.dumps({"nodes": self.options.nodes}), encoding="utf-8")

    def _make_nodes(self, command: list[str]) -> None:
        assert self._directory is not None
        assert self._logs is not None
        count, first = self.options.nodes, self.options.port
        if first is not None:
            for port in range(first, first + count):
                if not is_free(port):
                    raise PortInUseError(f"Port {port} on {HOST} is taken by another program; choose another one.")
        release_ports(self._reserved_ports)
        self._reserved_ports = free_ports(3 * count)
        client, discovery, communication = (self._reserved_ports[i * count : (i + 1) * count] for i in range(3))
        if first is not None:
            client = list(range(first, first + count))
        self.nodes = []
        for i in range(count):
            name = f"node-{i + 1}"
            ports = NodePorts(client[i], discovery[i], communication[i])
            work_directory = (self.options.persistent or self._directory) / name
            _make_directory(work_directory)
            configuration = self._directory / f"{name}.xml"
            configuration.touch(mode=0o600)
            configuration.write_text(
                node_configuration(
                    self.options,
                    name=name,
                    ports=ports,
                    discovery_ports=discovery,
                    work_directory=work_directory,
                    certificates=self._certificates,
                ),
                encoding="utf-8",
            )
            self.nodes.append(
                LocalNode(
                    name=name,
                    ports=ports,
                    command=[*command, str(configuration)],
                    log_path=self._logs / f"{name}.log",
                    temporary_directory=self._directory,
                    start_timeout=self.options.start_timeout,
                    stop_timeout=self.options.stop_timeout,
                    certificates=self._certificates,
                    credentials=_DEFAULT_CREDENTIALS if self.options.auth else None,
                )
            )

    def _start_nodes(self) -> None:
        # The first node alone, so that the others find a cluster to join instead of each founding its own.
        first, *others = self.nodes
        first.start()
        for node in others:
            node.launch()
        for node in others:
            node.wait_until_ready()
        for node in self.nodes:
            node.wait_for_servers(len(self.nodes), self.options.start_timeout)

    def _jvm_options(self, java_major: int) -> list[str]:
        options = [
            f"-Xmx{self.options.heap}",
            # On a small machine the collectors with their own threads only get in the way of start-up.
            "-XX:+UseSerialGC",
            "-Djava.net.preferIPv4Stack=true",
            "-Dfile.encoding=UTF-8",
            "-DIGNITE_QUIET=false",
            "-DIGNITE_NO_ASCII=true",
            "-DIGNITE_UPDATE_NOTIFIER=false",
            "-DIGNITE_PERFORMANCE_SUGGESTIONS_DISABLED=true",
            "-Djava.util.logging.SimpleFormatter.format=[%1$tF %1$tT.%1$tL] %4$s %5$s%6$s%n",
        ]
        if self.options.timezone is not None:
            options.append(f"-Duser.timezone={self.options.timezone}")
        return [*options, *module_options(java_major), *self.options.jvm_options]

    def _make_logs_directory(self) -> Path:
        if self.options.logs_dir is not None:
            _make_directory(self.options.logs_dir)
            return self.options.logs_dir
        logs = cache_directory() / "logs"
        logs.mkdir(parents=True, exist_ok=True)
        _remove_old_logs(logs)
        return Path(tempfile.mkdtemp(prefix=time.strftime("%Y%m%d-%H%M%S-"), dir=logs))


def _make_directory(path: Path) -> None:
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise LocalServerError(f"The directory {path} cannot be used: {error}") from error


def _remove_old_logs(logs: Path) -> None:
    oldest_kept = time.time() - _KEPT_LOG_SECONDS
    runs = sorted((path for path in logs.iterdir() if path.is_dir()), key=lambda path: path.name, reverse=True)
    for run in runs[_KEPT_LOG_RUNS:]:
        # Another process may be removing the same directory.
        with suppress(FileNotFoundError):
            if run.stat().st_mtime < oldest_kept:
                shutil.rmtree(run, ignore_errors=True)
