"""Alembic's own dialect suite passes, blocking and over asyncio. It runs in a pytest of its own."""

from __future__ import annotations

from collections.abc import Callable

import pytest


@pytest.mark.timeout(300)
@pytest.mark.parametrize("driver", ["ignite_dbapi", "aio"])
def test_alembic_suite(run_suite: Callable[..., dict[str, int]], driver: str) -> None:
    counts = run_suite("alembic_suite", driver)
    # A suite that skips itself passes, too.
    assert counts["passed"] >= 20, counts
    assert set(counts) == {"passed", "skipped"}
