"""SQLAlchemy's dialect suite. What no requirement switches off is skipped in conftest.py, or put right here."""

from __future__ import annotations

from typing import Any

from sqlalchemy.testing.suite import *  # noqa: F403
from sqlalchemy.testing.suite import ComponentReflectionTest as _ComponentReflectionTest
from sqlalchemy.testing.suite import ServerSideCursorsTest as _ServerSideCursorsTest


class ComponentReflectionTest(_ComponentReflectionTest):
    def exp_indexes(self, *arguments: Any, **keywords: Any) -> Any:
        # Ignite has no unique indexes; the dialect creates an ordinary one.
        expected = super().exp_indexes(*arguments, **keywords)
        for indexes in expected.values():
            for index in indexes:
                index["unique"] = False
        return expected


class ServerSideCursorsTest(_ServerSideCursorsTest):
    def _is_server_side(self, cursor: Any) -> bool:
        # The suite knows SQLAlchemy's own drivers only.
        return bool(cursor.server_side)
