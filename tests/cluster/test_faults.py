"""Peers that are no Ignite, that lie, that die: an error of PEP 249, soon, and a connection that says it is lost."""

from __future__ import annotations

import asyncio
import contextlib
import http.server
import random
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from wire import Impostor, Proxy, read_frame, shut

import ignite_dbapi
import ignite_dbapi.aio
from ignite_dbapi import Error, OperationalError


@contextlib.contextmanager
def soon(seconds: float) -> Iterator[None]:
    began = time.monotonic()
    yield
    assert time.monotonic() - began < seconds


@pytest.fixture(scope="module")
def victim(make_ignite_cluster: Callable[..., Any]) -> Callable[[], Any]:
    """A function that returns a node to be killed or paused, running."""
    return lambda: make_ignite_cluster(data_region="512m", heap="512m")


# --- who answers is no Ignite server ------------------------------------------------------------------------------


def _never(client: socket.socket) -> None:
    """Keep silent, until the test ends."""


# A handshake that is refused, with protocol version 1.6.0 offered instead.
OFFER = b"\x0c\x00\x00\x00" + b"\x00\x01\x00\x06\x00\x00\x00\x65\x01\x00\x00\x00"
IMPOSTORS: dict[str, Callable[[socket.socket], None]] = {
    "closes at once": shut,
    "closes after the request": lambda client: (client.recv(1000), shut(client))[1],
    "garbage": lambda client: client.sendall(bytes(range(256)) * 10),
    "text": lambda client: client.sendall(b"220 mail.example.com ESMTP ready\r\n"),
    "zeros": lambda client: client.sendall(bytes(100)),
    "short frame": lambda client: client.sendall(b"\x01\x00\x00\x00\x01"),
    "negative length": lambda client: client.sendall(b"\xff\xff\xff\xff"),
    "huge length": lambda client: client.sendall(b"\xff\xff\xff\x7f\x01"),
    "truncated answer": lambda client: (client.sendall(b"\x10\x00\x00\x00\x01\x0c"), shut(client))[1],
    "endless versions": lambda client: client.sendall(OFFER * 99),
}  # fmt: skip


@pytest.mark.parametrize("name", IMPOSTORS)
def test_no_ignite_server(name: str) -> None:
    with Impostor(IMPOSTORS[name]) as impostor, soon(4), pytest.raises(ignite_dbapi.DatabaseError) as caught:
        ignite_dbapi.connect(addresses=[impostor.address], connect_timeout=1)
    assert f"{impostor.address[0]}:{impostor.address[1]}" in str(caught.value)
    assert caught.value.is_connection_lost


def test_silent_server() -> None:
    with Impostor(_never) as impostor, soon(2), pytest.raises(OperationalError, match="connect_timeout") as caught:
        ignite_dbapi.connect(addresses=[impostor.address], connect_timeout=0.5)
    assert caught.value.code == "connect_timeout"


def test_server_that_drips() -> None:
    def drip(client: socket.socket) -> None:
        for _ in range(200):
            client.sendall(b"\x01")
            time.sleep(0.05)

    with Impostor(drip) as impostor, soon(2), pytest.raises(OperationalError):
        ignite_dbapi.connect(addresses=[impostor.address], connect_timeout=0.5)


def test_http_server() -> None:
    class Handler(http.server.BaseHTTPRequestHandler):
        def log_message(self, *ignored: Any) -> None:
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            with soon(5), pytest.raises(OperationalError, match="Ignite node"):
                ignite_dbapi.connect(port=server.server_port, connect_timeout=2)
        finally:
            server.shutdown()
            thread.join()


def test_first_address_is_an_impostor(node: Any) -> None:
    for behave in (shut, IMPOSTORS["garbage"], _never):
        with (
            Impostor(behave) as impostor,
            ignite_dbapi.connect(addresses=[impostor.address, *node.addresses], connect_timeout=3) as connection,
        ):
            assert connection.address == node.addresses[0]


# --- a real node behind a line that damages -----------------------------------------------------------------------


def run_damaged(url: str, url_options: dict[str, Any]) -> tuple[str, Error | None]:
    """Connect and read several pages; how far it went, and what was raised."""
    step = "connect"
    try:
        with ignite_dbapi.connect(url, **url_options) as connection:
            try:
                step = "execute"
                cursor = connection.execute(
                    "SELECT x, CAST(x AS VARCHAR), x / 2.0, DATE '2024-01-01', TIMESTAMP '2024-01-01 01:02:03', "
                    "RANDOM_UUID() FROM SYSTEM_RANGE(1, 60)",
                    page_size=20,
                )
                step = "fetch"
                cursor.fetchall()
                step = "done"
            except ignite_dbapi.ProtocolError as error:
                assert connection.closed
                with pytest.raises(Error):
                    connection.execute("SELECT 1")
                return step, error
    except Error as error:
        return step, error
    return step, None


@pytest.mark.parametrize("seed", range(4))
def test_flipped_bits(node: Any, seed: int) -> None:
    chance = random.Random(seed)
    outcomes = set()
    for _ in range(30):
        damaged = chance.randrange(6)

        def flip(number: int, frame: bytes, damaged: int = damaged) -> bytes:
            if number != damaged:
                return frame
            data = bytearray(frame)
            for _ in range(chance.randrange(1, 4)):
                data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
            return bytes(data)

        with Proxy(node.addresses[0], flip) as proxy, soon(6):
            outcomes.add(run_damaged(proxy.url, {"connect_timeout": 0.5, "request_timeout": 0.5})[0])
    assert outcomes <= {"connect", "execute", "fetch", "done"}


def test_damaged_lengths_and_counts(node: Any) -> None:
    # The first 40 bytes hold the lengths, ids, flags and counts that a reader goes by.
    for position in range(40):
        for value in (0x00, 0x7F, 0x80, 0xFF):

            def damage(number: int, frame: bytes, position: int = position, value: int = value) -> bytes:
                if number != 1 or position >= len(frame):
                    return frame
                return frame[:position] + bytes([value]) + frame[position + 1 :]

            with Proxy(node.addresses[0], damage) as proxy, soon(4):
                run_damaged(proxy.url, {"connect_timeout": 0.4, "request_timeout": 0.3})


def test_truncated_answers(node: Any) -> None:
    for number in range(5):
        for keep in (0, 3, 4, 14, 100):
            for is_length_mended in (False, True):

                def cut(
                    index: int,
                    frame: bytes,
                    number: int = number,
                    keep: int = keep,
                    is_length_mended: bool = is_length_mended,
                ) -> bytes | None:
                    if index < number:
                        return frame
                    if index > number or keep >= len(frame) or keep == 0:
                        return None
                    frame = frame[:keep]
                    if is_length_mended and keep > 4:
                        frame = (keep - 4).to_bytes(4, "little") + frame[4:]
                    return frame

                with Proxy(node.addresses[0], cut) as proxy, soon(4):
                    step, error = run_damaged(proxy.url, {"connect_timeout": 0.4, "request_timeout": 0.4})
                assert error is not None
                assert error.is_connection_lost, (number, keep, step, error)


def test_answer_to_another_request(node: Any) -> None:
    def renumber(number: int, frame: bytes) -> bytes:
        return frame if number != 1 else frame[:4] + (999).to_bytes(8, "little") + frame[12:]

    with Proxy(node.addresses[0], renumber) as proxy, ignite_dbapi.connect(proxy.url) as connection:
        with pytest.raises(ignite_dbapi.ProtocolError):
            connection.execute("SELECT 1")
        assert connection.closed
        assert connection.is_connection_lost
        with pytest.raises(OperationalError):
            connection.execute("SELECT 1")


# --- a node that dies or hangs --------------------------------------------------------------------------------------


def test_node_killed_in_the_middle_of_a_fetch(victim: Callable[[], Any]) -> None:
    cluster = victim()
    connection = ignite_dbapi.connect(cluster.url)
    cursor = connection.execute("SELECT x FROM SYSTEM_RANGE(1, 10000)", page_size=10)
    assert cursor.fetchmany(5) == [(x,) for x in range(1, 6)]
    cluster.nodes[0].kill()
    with soon(5), pytest.raises(OperationalError) as caught:
        cursor.fetchall()
    assert caught.value.is_connection_lost
    assert caught.value.sqlstate == "08006"
    assert connection.is_connection_lost
    assert connection.closed
    assert "lost" in repr(connection)
    for attempt in (cursor.fetchone, cursor.fetchall, connection.ping, lambda: connection.execute("SELECT 1")):
        with pytest.raises(OperationalError):
            attempt()
    cursor.close()
    connection.close()
    connection.close()
    with pytest.raises(OperationalError):
        ignite_dbapi.connect(cluster.url, connect_timeout=2)
    cluster = victim()
    with ignite_dbapi.connect(cluster.url) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)


def test_node_killed_while_threads_wait(victim: Callable[[], Any]) -> None:
    cluster = victim()
    connection = ignite_dbapi.connect(cluster.url)
    errors: list[BaseException] = []

    def wait() -> None:
        try:
            connection.execute("SELECT COUNT(*) FROM SYSTEM_RANGE(1, 100000) a, SYSTEM_RANGE(1, 100000) b", timeout=60)
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=wait) for _ in range(4)]
    for thread in threads:
        thread.start()
    time.sleep(0.5)
    cluster.nodes[0].kill()
    for thread in threads:
        thread.join(5)
    assert [type(error) for error in errors] == [OperationalError] * 4
    assert all(error.is_connection_lost for error in errors)
    connection.close()


def test_paused_node(victim: Callable[[], Any]) -> None:
    cluster = victim()
    sql = "SELECT x FROM SYSTEM_RANGE(1, 10000)"
    with ignite_dbapi.connect(cluster.url) as connection:
        connection.execute(sql, page_size=10)  # the first one takes its time
    with ignite_dbapi.connect(cluster.url, request_timeout=5) as connection:
        cursor = connection.execute(sql, page_size=10)
        cluster.nodes[0].pause()
        try:
            with soon(15), pytest.raises(OperationalError, match="request_timeout") as caught:
                cursor.fetchall()
            assert caught.value.is_connection_lost
            with soon(3), pytest.raises(OperationalError) as caught:
                ignite_dbapi.connect(cluster.url, connect_timeout=0.5)
            assert caught.value.code == "connect_timeout"
        finally:
            cluster.nodes[0].resume()
    with ignite_dbapi.connect(cluster.url) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)


# --- Ctrl-C ---------------------------------------------------------------------------------------------------------

CTRL_C = """
import signal, sys, time, ignite_dbapi
# A test run in the background has Ctrl-C ignored, and its children inherit that.
signal.signal(signal.SIGINT, signal.default_int_handler)
connection = ignite_dbapi.connect(sys.argv[1])
cursor = connection.cursor()
def slow():
    cursor.execute("SELECT COUNT(*) FROM SYSTEM_RANGE(1, 100000) a, SYSTEM_RANGE(1, 100000) b", timeout=15)
def fetch():
    while True:
        for row in cursor.execute("SELECT x FROM SYSTEM_RANGE(1, 30000)", page_size=5):
            pass
def insert():
    while True:
        cursor.executemany("MERGE INTO ctrl_c (id, v) VALUES (?, ?)", ((i, i) for i in range(10 ** 9)))
print("ready", flush=True)
try:
    {"slow": slow, "fetch": fetch, "insert": insert}[sys.argv[2]]()
except KeyboardInterrupt:
    print("interrupted", flush=True)
try:
    print(cursor.execute("SELECT 42").fetchall(), flush=True)
except ignite_dbapi.OperationalError as error:
    assert error.is_connection_lost and connection.closed
    print("lost", flush=True)
connection.close()
with ignite_dbapi.connect(sys.argv[1]) as again:
    assert again.execute("SELECT 1").fetchone() == (1,)
print("end", flush=True)
"""


@pytest.mark.parametrize("what", ["slow", "fetch", "insert"])
def test_ctrl_c(node: Any, what: str) -> None:
    with ignite_dbapi.connect(node.url) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS ctrl_c (id INT PRIMARY KEY, v INT)")
    process = subprocess.Popen(
        [sys.executable, "-c", CTRL_C, node.url, what], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    with process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        time.sleep(0.6)
        process.send_signal(signal.SIGINT)
        began = time.monotonic()
        try:
            out, errors = process.communicate(timeout=60)
        finally:
            process.kill()
        # Nobody waits until the server ends the slow statement, which it does after 15 s.
        assert what != "slow" or time.monotonic() - began < 12
    assert errors == ""
    assert out.splitlines() in (["interrupted", "[(42,)]", "end"], ["interrupted", "lost", "end"])
    assert process.returncode == 0


def test_a_server_that_closes_the_connection_after_it_offered_another_version() -> None:
    """It is connected to once more, with that version; blocking and over asyncio."""
    versions: list[tuple[int, ...]] = []

    def behave(client: socket.socket) -> None:
        with contextlib.suppress(EOFError):
            version = struct.unpack_from("<hhh", read_frame(client), 5)
            versions.append(version)
            if version == (1, 3, 0):
                client.sendall(struct.pack("<ib", 1, 1))
                return
            client.sendall(struct.pack("<ibhhhbii", 16, 0, 1, 3, 0, 9, 0, 0))
        client.close()

    async def connect() -> tuple[int, int, int]:
        async with await ignite_dbapi.aio.connect(host=impostor.address[0], port=impostor.address[1]) as connection:
            return connection.protocol_version

    with Impostor(behave) as impostor, soon(5):
        with ignite_dbapi.connect(host=impostor.address[0], port=impostor.address[1]) as connection:
            assert connection.protocol_version == (1, 3, 0)
        assert asyncio.run(connect()) == (1, 3, 0)
    assert versions == [(1, 7, 0), (1, 3, 0)] * 2
