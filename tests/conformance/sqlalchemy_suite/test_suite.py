"""SQLAlchemy's dialect suite. What no requirement switches off is skipped in conftest.py, or put right here."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Column, String, Table, select, testing
from sqlalchemy.testing.suite import *  # noqa: F403
from sqlalchemy.testing.suite import ComponentReflectionTest as _ComponentReflectionTest
from sqlalchemy.testing.suite import ServerSideCursorsTest as _ServerSideCursorsTest
from sqlalchemy.testing.suite import StringTest as _StringTest


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


class StringTest(_StringTest):
    @testing.combinations(("%B%", ["AB", "BC"]), ("A%C", ["AC"]), ("A%C%Z", []), argnames="expr, expected")
    def test_dont_truncate_rightside(self, metadata: Any, connection: Any, expr: str, expected: list[str]) -> None:
        # As it is since 2.0.45: before, it took the rows to be in the order in which they were inserted.
        table = Table("t", metadata, Column("x", String(2)))
        table.create(connection)
        connection.execute(table.insert(), [{"x": "AB"}, {"x": "BC"}, {"x": "AC"}])
        found = connection.scalars(select(table.c.x).where(table.c.x.like(expr)).order_by(table.c.x))
        assert found.all() == expected
