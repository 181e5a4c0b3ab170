"""SQLAlchemy dialect for Apache Ignite 2.x, on the driver `ignite_dbapi`.

>>> from sqlalchemy import create_engine
>>> engine = create_engine("ignite://127.0.0.1:10800/PUBLIC")  # doctest: +SKIP
"""

from __future__ import annotations

from sqlalchemy_ignite.base import IgniteDialect
from sqlalchemy_ignite.dml import Insert, bulk_load_method, insert, upsert_method
from sqlalchemy_ignite.keys import reseed_keys
from sqlalchemy_ignite.types import TINYINT

try:
    from sqlalchemy_ignite import alembic as _alembic  # noqa: F401 - Alembic finds IgniteImpl once it is imported
except ImportError as error:
    if not (error.name or "").startswith("alembic"):
        raise

__all__ = ["TINYINT", "IgniteDialect", "Insert", "bulk_load_method", "insert", "reseed_keys", "upsert_method"]
