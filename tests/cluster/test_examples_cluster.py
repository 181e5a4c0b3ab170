"""The examples that need several nodes, certificates or a password."""

from __future__ import annotations

import re
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from examples.keyvalue import authentication, failover, tls
from ignite_dbapi.keyvalue import Client

ROOT = Path(__file__).parent.parent.parent


@pytest.mark.parametrize("in_turns", [False, True])
def test_failover(
    make_ignite_cluster: Callable[..., Any],
    in_turns: bool,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # A busy machine takes longer over the loss of a node than the example has patience.
    monkeypatch.setattr(failover, "Client", lambda **options: Client(**{**options, "timeout": 30.0}))
    # The same nodes as in test_routing.
    cluster = make_ignite_cluster(nodes=3, jvm_options=("-Dname=routing",))
    first = cluster.nodes[0]

    def disturb() -> None:
        time.sleep(3)
        first.kill()
        time.sleep(1)
        first.start()

    trouble = Thread(target=disturb)
    trouble.start()
    try:
        written = failover.main(cluster.addresses, 12.0, in_turns=in_turns)
    finally:
        trouble.join()
    output = capsys.readouterr().out
    began = re.match(r"Connected to (127\.0\.0\.1:\d+)$", output, re.MULTILINE)
    assert began is not None
    counted = re.search(r"^Counted to (\d+) over (127\.0\.0\.1:\d+)$", output, re.MULTILINE)
    assert counted is not None
    # What was confirmed is there; what was under way when the connection was lost may be there as well.
    errors = output.count("Error: ")
    assert 0 < written <= int(counted[1]) <= written + errors
    if in_turns:
        # This client was on the node that died. Where it died between two writes, nobody had to be told.
        assert began[1] == "{}:{}".format(*first.address)
        assert counted[2] != began[1]
        assert errors == output.count("Reconnected to 127.0.0.1:")


def test_tls(secured: Any, capsys: pytest.CaptureFixture[str]) -> None:
    files = (secured.ca_file, secured.client_cert_file, secured.client_key_file)
    tls.main(secured.addresses, *files, username=secured.user, password=secured.password)
    shown = capsys.readouterr().out.splitlines()
    assert shown[:2] == ["encrypted: nobody else can read this", "unchecked: True"]
    (refused,) = shown[2:]
    assert re.match(
        r"refused: .*certificate of .* not accepted.*'ssl_ca_certfile'.*ssl_cert_reqs=ssl.CERT_NONE", refused
    )
    assert "tls_" not in refused


def test_authentication(make_ignite_cluster: Callable[..., Any], capsys: pytest.CaptureFixture[str]) -> None:
    cluster = make_ignite_cluster(auth=True)
    authentication.main(cluster.addresses, cluster.user, cluster.password)
    shown = capsys.readouterr().out.splitlines()
    assert shown == ["logged in: True", "refused: a wrong password", "refused: no password"]


def test_options_for_a_secured_cluster_of_ones_own(secured: Any) -> None:
    host, port = secured.addresses[0]
    arguments = [
        f"--ignite-host={host}",
        f"--ignite-port={port}",
        "--use-ssl",
        f"--ssl-ca-certfile={secured.ca_file}",
        f"--ssl-certfile={secured.client_cert_file}",
        f"--ssl-keyfile={secured.client_key_file}",
        "--ssl-cert-reqs=REQUIRED",
        "--ssl-version=TLSV1_2",
        "--ssl-ciphers=ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-AES256-GCM-SHA384",
        f"--username={secured.user}",
        f"--password={secured.password}",
    ]
    test = "tests/integration/keyvalue/test_keyvalue_cache.py::test_one_entry"
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", test, *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert "2 passed" in done.stdout, done.stdout + done.stderr
