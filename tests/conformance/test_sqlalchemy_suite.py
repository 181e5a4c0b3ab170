"""SQLAlchemy's own dialect suite passes, blocking and over asyncio. It runs in a pytest of its own."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
SUITE = "tests/conformance/sqlalchemy_suite"


@pytest.mark.timeout(900)
@pytest.mark.parametrize("driver", ["ignite_dbapi", "aio"])
def test_sqlalchemy_suite(driver: str) -> None:
    command = [sys.executable, "-m", "pytest", "-c", f"{SUITE}/pytest.ini", "--rootdir", ".", SUITE]
    command += ["-q", "--tb=short", "-p", "no:cacheprovider", "--ignite-driver", driver]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=850)
    output = done.stdout + done.stderr
    assert done.returncode == 0, output[-20_000:]
    counts = {word: int(number) for number, word in re.findall(r"(\d+) (passed|skipped|failed|errors?)", output)}
    print(driver, counts)
    # A suite that skips itself passes, too.
    assert counts["passed"] > 800, counts
    assert set(counts) == {"passed", "skipped"}
