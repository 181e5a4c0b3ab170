"""The local server as processes: the command line, and that nothing outlives the program it belongs to."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the tests send POSIX signals")

# Starts a cluster, prints "PID SUPERVISOR DIRECTORY" and sleeps.
PARENT = """
import os, sys, time
from ignite_dbapi.local import LocalCluster
cluster = LocalCluster()
cluster.start()
node = cluster.nodes[0]
if "fork" in sys.argv and os.fork() == 0:
    time.sleep(200)  # this child holds the parent's end of the pipe to the supervisor
    os._exit(0)
print(node.pid, node._supervisor.pid, cluster._directory, flush=True)
time.sleep(200)
"""


def is_alive(pid: int) -> bool:
    """Tell whether a process runs; one that has ended and that nobody has waited for yet does not count."""
    if sys.platform == "linux":
        try:
            return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
        except FileNotFoundError:
            return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def ends_within(seconds: float, has_ended: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + seconds
    while not has_ended():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


@pytest.fixture
def parent(request: pytest.FixtureRequest) -> Iterator[tuple[subprocess.Popen[str], int, int, Path]]:
    """A Python process with a cluster: the process, the server's pid, its supervisor's, its directory."""
    process = subprocess.Popen(
        [sys.executable, "-c", PARENT, *getattr(request, "param", [])],
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert process.stdout is not None
    line = process.stdout.readline()
    server, supervisor, directory = line.split(maxsplit=2)
    assert is_alive(int(server))
    yield process, int(server), int(supervisor), Path(directory.strip())
    # The parent is dead by now, or has to be; a forked child is in its group, which else may be gone.
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    process.stdout.close()


class TestNoOrphan:
    @pytest.mark.parametrize("parent", [[], ["fork"]], indirect=True, ids=["alone", "with a forked child"])
    def test_a_killed_parent_takes_its_server_along(self, parent: tuple[subprocess.Popen[str], int, int, Path]) -> None:
        process, server, supervisor, directory = parent
        assert directory.is_dir()
        process.kill()
        process.wait()
        assert ends_within(60, lambda: not is_alive(server))
        assert ends_within(60, lambda: not is_alive(supervisor))
        assert not directory.exists()

    @pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a child of its parent's death")
    def test_a_killed_supervisor_takes_its_server_along(
        self, parent: tuple[subprocess.Popen[str], int, int, Path]
    ) -> None:
        _, server, supervisor, directory = parent
        os.kill(supervisor, signal.SIGKILL)
        assert ends_within(60, lambda: not is_alive(server))
        shutil.rmtree(directory)  # the parent, killed in its turn, will not do it


@pytest.fixture
def run_cli() -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Return a function that starts the command line with the given arguments."""
    with contextlib.ExitStack() as stack:

        def run(*arguments: str) -> subprocess.Popen[str]:
            process = subprocess.Popen(
                [sys.executable, "-m", "ignite_dbapi.local", *arguments],
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
            stack.enter_context(process)
            stack.callback(process.kill)
            return process

        yield run


def server_pid(log: Path) -> int:
    # The last one: a start whose port somebody else took is repeated, in the same log.
    return int(re.findall(r"PID: (\d+)", log.read_text())[-1])


class TestCommandLine:
    @pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["Ctrl-C", "SIGTERM"])
    def test_it_prints_the_url_and_stops_on_a_signal(
        self, number: signal.Signals, tmp_path: Path, run_cli: Callable[..., subprocess.Popen[str]]
    ) -> None:
        process = run_cli("--logs", str(tmp_path))
        assert process.stdout is not None
        lines = [process.stdout.readline() for _ in range(6)]
        url = lines[0].strip()
        assert re.fullmatch(r"ignite://127\.0\.0\.1:\d+", url)
        text = "".join(lines)
        assert f'ignite_dbapi.connect("{url}")' in text
        assert f'sqlalchemy.create_engine("{url}")' in text
        assert str(tmp_path) in text
        pid = server_pid(tmp_path / "node-1.log")
        assert is_alive(pid)
        process.send_signal(number)
        rest, errors = process.communicate(timeout=30)
        assert (process.returncode, rest, errors) == (0, "", "Stopped.\n")
        assert not is_alive(pid)

    def test_ctrl_c_during_the_start(self, tmp_path: Path, run_cli: Callable[..., subprocess.Popen[str]]) -> None:
        process = run_cli("--logs", str(tmp_path))
        log = tmp_path / "node-1.log"
        assert ends_within(30, lambda: log.exists() and "PID: " in log.read_text())
        process.send_signal(signal.SIGINT)
        output, errors = process.communicate(timeout=30)
        assert (process.returncode, output, errors) == (130, "", "Stopped.\n")
        assert not is_alive(server_pid(log))

    def test_a_failure_is_one_message(self, tmp_path: Path, run_cli: Callable[..., subprocess.Popen[str]]) -> None:
        process = run_cli("--jvm-option=-XX:+NoSuchOption", "--logs", str(tmp_path))
        output, errors = process.communicate(timeout=30)
        assert (process.returncode, output) == (1, "")
        assert "Traceback" not in errors
        assert errors.startswith("error: node-1 did not start: it ended. The log says: Unrecognized VM option")
        assert f"Log: {tmp_path / 'node-1.log'}" in errors

    def test_a_node_that_dies_is_reported(self, tmp_path: Path, run_cli: Callable[..., subprocess.Popen[str]]) -> None:
        process = run_cli("--logs", str(tmp_path))
        assert process.stdout is not None
        assert process.stdout.readline().startswith("ignite://")
        os.kill(server_pid(tmp_path / "node-1.log"), signal.SIGKILL)
        _, errors = process.communicate(timeout=30)
        assert process.returncode == 1
        assert errors.startswith("node-1 has ended.")
        assert str(tmp_path / "node-1.log") in errors


class TestPytestPlugin:
    def test_importing_it_imports_nothing_heavy(self) -> None:
        code = """
            import sys, ignite_dbapi
            before = set(sys.modules)
            import ignite_dbapi.local.pytest_plugin
            mine = {name for name in set(sys.modules) - before if not name.startswith(("_pytest", "pytest"))}
            print(sorted(name for name in mine if name.startswith("ignite_dbapi")))
            print(sorted({"jgo", "rich", "cryptography", "subprocess"} & {name for name in mine}))
        """
        code = "import pytest\n" + textwrap.dedent(code)
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        assert done.stdout.splitlines() == [
            "['ignite_dbapi.local', 'ignite_dbapi.local.pytest_plugin']",
            "[]",
        ]

    def test_fixtures_share_clusters_by_their_options(self, tmp_path: Path) -> None:
        (tmp_path / "pytest.ini").write_text("[pytest]\nignite_engine = calcite\nignite_timezone = UTC\n")
        (tmp_path / "test_users.py").write_text(
            textwrap.dedent(
                """
                def test_options(ignite_cluster, ignite_url):
                    assert ignite_url == ignite_cluster.url
                    assert ignite_cluster.options.engine == "calcite"
                    assert ignite_cluster.options.timezone == "UTC"
                    assert ignite_cluster.options.ignite_version == "2.16.0"
                    ignite_cluster.nodes[0].kill()

                def test_shared_and_mended(ignite_cluster, make_ignite_cluster):
                    options = {"engine": "calcite", "timezone": "UTC", "ignite_version": "2.16.0"}
                    again = make_ignite_cluster(**options)
                    assert again is ignite_cluster
                    assert again.nodes[0].is_running
                    again.stop()

                def test_started_again(ignite_cluster, make_ignite_cluster):
                    options = {"engine": "calcite", "timezone": "UTC", "ignite_version": "2.16.0"}
                    assert make_ignite_cluster(**options) is ignite_cluster
                    assert ignite_cluster.nodes[0].is_running
                """
            )
        )
        command = [sys.executable, "-m", "pytest", "-q", "-p", "ignite_dbapi.local.pytest_plugin"]
        done = subprocess.run(
            [*command, "--ignite-version", "2.16.0"],
            cwd=tmp_path,
            # Without this, an installed ignite-dbapi would load the plugin a second time.
            env={**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert "3 passed" in done.stdout, done.stdout + done.stderr
