"""One node: its process, from the launch to the end."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from ignite_dbapi.local.certificates import Certificates
from ignite_dbapi.local.configuration import HOST, NodePorts
from ignite_dbapi.local.errors import LocalServerError, PortInUseError
from ignite_dbapi.local.log import LogReader, failure_reason
from ignite_dbapi.local.probe import ProbeConnection

__all__ = ["LocalNode"]

_SUPERVISOR = Path(__file__).with_name("supervisor.py")
_POLL_INTERVAL = 0.05
_SNAPSHOT = re.compile(r"Topology snapshot \[ver=(\d+), .*?\bservers=(\d+)")
_PORT_TROUBLE = (
    "BindException",
    "Address already in use",
    "ports in range are in use",
    "Failed to bind to any",
)


class LocalNode:
    """One server node of a :class:`~ignite_dbapi.local.LocalCluster`, which makes and starts it.

    :ivar name: ``"node-1"`` …, also the node's consistent id in the cluster.
    :ivar port: its client port.
    :ivar log_path: its log, appended to by every start.
    """

    def __init__(
        self,
        *,
        name: str,
        ports: NodePorts,
        command: Sequence[str],
        log_path: Path,
        temporary_directory: Path,
        start_timeout: float,
        stop_timeout: float,
        certificates: Certificates | None,
        credentials: tuple[str, str] | None,
    ) -> None:
        self.name = name
        self.ports = ports
        self.log_path = log_path
        self._command = list(command)
        self._temporary_directory = temporary_directory
        self._start_timeout = start_timeout
        self._stop_timeout = stop_timeout
        self._certificates = certificates
        self._credentials = credentials
        self._supervisor: subprocess.Popen[str] | None = None
        self._pid: int | None = None
        self._log: LogReader | None = None
        self._deadline = 0.0

    def __repr__(self) -> str:
        state = f"pid {self._pid}" if self.is_running else "stopped"
        return f"<LocalNode {self.name} {HOST}:{self.port} {state}>"

    @property
    def port(self) -> int:
        """The client port."""
        return self.ports.client

    @property
    def address(self) -> tuple[str, int]:
        """Host and client port."""
        return HOST, self.port

    @property
    def is_running(self) -> bool:
        """Whether the server process exists (it may be paused)."""
        return self._supervisor is not None and self._supervisor.poll() is None

    @property
    def pid(self) -> int:
        """Process id of the server's Java virtual machine; raises LocalServerError when it does not run."""
        if not self.is_running or self._pid is None:
            raise LocalServerError(f"{self.name} does not run, so it has no process id.", log_path=self.log_path)
        return self._pid

    def start(self) -> None:
        """Start the node, on the same port as before, and wait until it is ready; no effect when it runs."""
        if self.is_running:
            return
        self.launch()
        self.wait_until_ready()

    def launch(self) -> None:
        """Start the process without waiting for the server in it."""
        self._forget_process()
        self.log_path.parent.mkdir(parents=True, exist_ok=True)
        self._log = LogReader(self.log_path)
        self._deadline = time.monotonic() + self._start_timeout
        # Isolated from the environment and without site-packages: it starts faster and nothing can get in its
        # way.
        command = [sys.executable, "-I", "-S", str(_SUPERVISOR), str(self.log_path)]
        command += [str(self._temporary_directory), *self._command]
        with self.log_path.open("ab") as log:
            self._supervisor = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                cwd=self._temporary_directory,
                env=_environment(),
                # A session of its own, so that Ctrl-C in the terminal reaches Python alone, which then stops
                # the nodes in order.
                start_new_session=True,
            )
        assert self._supervisor.stdout is not None
        word, _, number = self._supervisor.stdout.readline().strip().partition(" ")
        if word != "pid":
            raise self._failure("its process could not be started")
        self._pid = int(number)

    def wait_until_ready(self) -> None:
        """Wait until the node answers a handshake.

        Raises PortInUseError when one of its ports was taken, LocalServerError with the log's own reason when
        it ended otherwise, and the same when it took longer than ``start_timeout``.
        """
        while not self._is_ready():
            if not self.is_running:
                raise self._failure("it ended")
            if time.monotonic() > self._deadline:
                error = self._failure(f"it was not ready after {self._start_timeout:g} seconds (start_timeout)")
                self.kill()
                raise error
            time.sleep(_POLL_INTERVAL)

    def wait_for_servers(self, count: int, timeout: float = 30.0) -> None:
        """Wait until this node sees ``count`` servers in its cluster, itself included.

        Raises LocalServerError when that has not come about after ``timeout`` seconds, or the node ends.
        """
        deadline = time.monotonic() + timeout
        while (seen := self._servers_seen()) != count:
            if not self.is_running:
                raise self._failure(f"it ended while it was to see {count} servers")
            if time.monotonic() > deadline:
                raise LocalServerError(
                    f"{self.name} sees {seen} servers instead of {count} after {timeout:g} seconds.\n"
                    f"Log: {self.log_path}",
                    log_path=self.log_path,
                )
            time.sleep(_POLL_INTERVAL)

    def _servers_seen(self) -> int:
        if self._log is None:
            return 0
        # The highest version, not the last line: a node that joins logs its own join last, however late.
        snapshots = [(int(version), int(count)) for version, count in _SNAPSHOT.findall(self._log.refresh())]
        return max(snapshots, default=(0, 0))[1]

    def _is_ready(self) -> bool:
        assert self._log is not None
        # The log is looked at first, because a handshake with a node that is still joining may be refused.
        if "Node started : " not in self._log.refresh():
            return False
        try:
            with self.connect(timeout=min(5.0, self._start_timeout)):
                return True
        except OSError:
            return False

    def connect(self, timeout: float) -> ProbeConnection:
        """Return a connection through the handshake."""
        return ProbeConnection(self.address, timeout, certificates=self._certificates, credentials=self._credentials)

    def _failure(self, what: str) -> LocalServerError:
        """Return the error for a node that did not start, with the reason that its log gives."""
        assert self._log is not None
        log = self._log.refresh()
        reason = failure_reason(log)
        if not reason:
            tail = [line for line in log.splitlines() if line.strip()][-3:]
            reason = f"no reason; its last lines are: {' / '.join(tail)}" if tail else "no reason; it is empty"
        kind = PortInUseError if any(sign in log for sign in _PORT_TROUBLE) else LocalServerError
        return kind(
            f"{self.name} did not start: {what}. The log says: {reason}\nLog: {self.log_path}",
            log_path=self.log_path,
        )

    def end_reason(self) -> str:
        """Return in one line why the node ended, or an empty string when its log does not tell."""
        return "" if self._log is None else failure_reason(self._log.refresh())

    def stop(self) -> None:
        """Let the node leave the cluster in order; kill it when that takes longer than ``stop_timeout``."""
        self.begin_stop()
        self.end_stop()

    def begin_stop(self) -> None:
        """Ask the node to leave the cluster, without waiting."""
        if self.is_running:
            self._order("continue")  # a paused process would not hear of the request
            self._order("terminate")

    def end_stop(self) -> None:
        """Wait for the end of a node that was asked to leave."""
        if self._supervisor is not None:
            try:
                self._supervisor.wait(self._stop_timeout)
            except subprocess.TimeoutExpired:
                self._order("kill")
                self._supervisor.wait()
        self._forget_process()

    def kill(self) -> None:
        """End the process at once, as a crash would (SIGKILL)."""
        if self.is_running:
            self._order("kill")
            assert self._supervisor is not None
            self._supervisor.wait()
        self._forget_process()

    def pause(self) -> None:
        """Halt the process (SIGSTOP): its connections stay open and nothing answers. Not on Windows."""
        self._check_can_pause()
        self._order("stop")
        self._wait_until_done("stop")

    def resume(self) -> None:
        """Let a paused process go on (SIGCONT)."""
        self._check_can_pause()
        self._order("continue")

    def _check_can_pause(self) -> None:
        if not hasattr(signal, "SIGSTOP"):
            raise LocalServerError("Windows has no way to pause a process; pause() and resume() need another system.")
        if not self.is_running:
            raise LocalServerError(f"{self.name} does not run.", log_path=self.log_path)

    def _order(self, order: str) -> None:
        assert self._supervisor is not None
        assert self._supervisor.stdin is not None
        # When the server has ended by itself, the supervisor may not listen any more; then the order is moot.
        with contextlib.suppress(BrokenPipeError):
            self._supervisor.stdin.write(order + "\n")
            self._supervisor.stdin.flush()

    def _wait_until_done(self, order: str) -> None:
        """Wait until *order* was carried out; orders before it are then as well."""
        assert self._supervisor is not None
        assert self._supervisor.stdout is not None
        # The output ends when the server does, and an order to nobody is done.
        while self._supervisor.stdout.readline() not in {f"done {order}\n", ""}:
            pass

    def _forget_process(self) -> None:
        if self._supervisor is not None:
            for pipe in (self._supervisor.stdin, self._supervisor.stdout):
                if pipe is not None:
                    with contextlib.suppress(BrokenPipeError):  # an order that nobody read is still in the buffer
                        pipe.close()
        self._supervisor = None
        self._pid = None


def _environment() -> dict[str, str]:
    """Return the environment without settings meant for other Ignite servers of the user."""
    return {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("IGNITE_") and name not in {"CLASSPATH", "JVM_OPTS"}
    }
