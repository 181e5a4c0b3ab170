"""Brings the tables of the shop up to date: ``python -m examples.shop.migrate ignite://host:port``."""

from __future__ import annotations

import sys
from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import create_engine
from sqlalchemy.pool import NullPool


def configuration(url: str) -> Config:
    """Return what Alembic has to know."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.attributes["engine"] = create_engine(url, poolclass=NullPool)
    return config


def upgrade(url: str, revision: str = "head") -> None:
    """Run the migrations that are missing."""
    command.upgrade(configuration(url), revision)


if __name__ == "__main__":
    upgrade(sys.argv[1])
