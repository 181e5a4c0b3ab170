"""Other people's test suites, each in a pytest run of its own, and their counts in the summary of ours."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
_COUNTS = pytest.StashKey[list[str]]()

# Need SQLAlchemy's plugin, which does not go with our tests' own.
collect_ignore = ["alembic_suite", "sqlalchemy_suite"]


@pytest.fixture
def run_suite(pytestconfig: pytest.Config) -> Callable[..., dict[str, int]]:
    """A function that runs a suite of this folder and returns how many of its tests passed, were skipped and so on."""

    def run(suite: str, driver: str, *arguments: str) -> dict[str, int]:
        folder = f"tests/conformance/{suite}"
        command = [sys.executable, "-m", "pytest", "-c", f"{folder}/pytest.ini", *arguments, folder]
        command += ["-q", "--tb=short", "-p", "no:cacheprovider", "--ignite-driver", driver]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=850)
        output = done.stdout + done.stderr
        assert done.returncode == 0, output[-20_000:]
        counts = {word: int(number) for number, word in re.findall(r"(\d+) (passed|skipped|failed|errors?)\b", output)}
        told = ", ".join(f"{number} {word}" for word, number in counts.items())
        pytestconfig.stash.setdefault(_COUNTS, []).append(f"{suite}, {driver}: {told}")
        return counts

    return run


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    counts = config.stash.get(_COUNTS, [])
    if counts:
        terminalreporter.section("suites")
        for line in counts:
            terminalreporter.write_line(line)
