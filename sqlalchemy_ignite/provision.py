"""What ``sqlalchemy.testing`` is told of databases of this dialect: loaded by it when it meets the dialect."""

# mypy: disallow-untyped-calls=False, disallow-untyped-decorators=False

from __future__ import annotations

from typing import Any

from sqlalchemy.testing.provision import is_preferred_driver

__all__: list[str] = []


@is_preferred_driver.for_db("ignite")
def _prefer_blocking(cfg: Any, engine: Any) -> bool:
    # Tests that run with one driver only run with the blocking one.
    return not engine.dialect.is_async
