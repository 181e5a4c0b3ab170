"""SQLAlchemy's own dialect suite passes, blocking and over asyncio. It runs in a pytest of its own."""

from __future__ import annotations

from collections.abc import Callable

import pytest


@pytest.mark.timeout(900)
@pytest.mark.parametrize("driver", ["ignite_dbapi", "aio"])
def test_sqlalchemy_suite(run_suite: Callable[..., dict[str, int]], driver: str) -> None:
    counts = run_suite("sqlalchemy_suite", driver, "--rootdir", ".")
    # A suite that skips itself passes, too.
    assert counts["passed"] > 800, counts
    assert set(counts) == {"passed", "skipped"}
