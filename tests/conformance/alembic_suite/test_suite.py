"""Alembic's dialect suite."""

from __future__ import annotations

from alembic.testing.suite import *  # noqa: F403
