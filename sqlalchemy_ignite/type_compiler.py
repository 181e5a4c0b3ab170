"""The names of types in DDL and CAST."""

# mypy: disallow-untyped-calls=False, disable-error-code="override,no-any-return"
# SQLAlchemy's visitors carry no annotations.

from __future__ import annotations

from typing import Any

from sqlalchemy import exc
from sqlalchemy.sql import compiler

from sqlalchemy_ignite import types

__all__ = ["IgniteTypeCompiler"]


class IgniteTypeCompiler(compiler.GenericTypeCompiler):
    """Names types so that both engines mean the same: never FLOAT, TEXT, CLOB, BLOB, bare CHAR or BINARY."""

    def visit_TINYINT(self, type_: Any, **kwargs: Any) -> str:
        """Return TINYINT."""
        return "TINYINT"

    def visit_FLOAT(self, type_: Any, **kwargs: Any) -> str:
        """Return DOUBLE, or REAL for a precision of up to 24 bits."""
        return types.float_name(type_)

    def visit_DOUBLE(self, type_: Any, **kwargs: Any) -> str:
        """Return DOUBLE."""
        return "DOUBLE"

    def visit_DOUBLE_PRECISION(self, type_: Any, **kwargs: Any) -> str:
        """Return DOUBLE."""
        return "DOUBLE"

    def visit_NUMERIC(self, type_: Any, **kwargs: Any) -> str:
        """Return DECIMAL with its precision and scale."""
        if type_.precision is None:
            return "DECIMAL"
        if type_.scale is None:
            return f"DECIMAL({type_.precision})"
        if type_.scale > type_.precision:
            raise exc.CompileError(
                f"DECIMAL({type_.precision}, {type_.scale}) has a scale greater than its precision: the H2 engine "
                "could neither read nor drop a table with such a column"
            )
        return f"DECIMAL({type_.precision}, {type_.scale})"

    visit_DECIMAL = visit_NUMERIC

    def visit_VARCHAR(self, type_: Any, **kwargs: Any) -> str:
        """Return VARCHAR with its length, if any."""
        return f"VARCHAR({type_.length})" if type_.length else "VARCHAR"

    visit_NVARCHAR = visit_VARCHAR

    def visit_CHAR(self, type_: Any, **kwargs: Any) -> str:
        """Return CHAR with its length: the engines disagree on what a bare CHAR is."""
        return f"CHAR({type_.length or 1})"

    visit_NCHAR = visit_CHAR

    def visit_TEXT(self, type_: Any, **kwargs: Any) -> str:
        """Return VARCHAR: the H2 engine's TEXT cannot be read back, Calcite has none."""
        return self.visit_VARCHAR(type_, **kwargs)

    visit_CLOB = visit_TEXT
    visit_NCLOB = visit_TEXT

    def visit_JSON(self, type_: Any, **kwargs: Any) -> str:
        """Return VARCHAR: JSON is kept as text."""
        return "VARCHAR"

    def visit_VARBINARY(self, type_: Any, **kwargs: Any) -> str:
        """Return VARBINARY with its length, if any."""
        return f"VARBINARY({type_.length})" if type_.length else "VARBINARY"

    def visit_BINARY(self, type_: Any, **kwargs: Any) -> str:
        """Return BINARY with its length, or VARBINARY: a bare BINARY has one byte in Calcite."""
        return f"BINARY({type_.length})" if type_.length else "VARBINARY"

    def visit_BLOB(self, type_: Any, **kwargs: Any) -> str:
        """Return VARBINARY: the H2 engine's BLOB cannot be read back, Calcite has none."""
        return self.visit_VARBINARY(type_, **kwargs)

    def visit_large_binary(self, type_: Any, **kwargs: Any) -> str:
        """Return VARBINARY."""
        return self.visit_VARBINARY(type_, **kwargs)

    def visit_DATETIME(self, type_: Any, **kwargs: Any) -> str:
        """Return TIMESTAMP."""
        return "TIMESTAMP"

    def visit_TIMESTAMP(self, type_: Any, **kwargs: Any) -> str:
        """Return TIMESTAMP; Ignite has none with a time zone."""
        return "TIMESTAMP"

    def visit_TIME(self, type_: Any, **kwargs: Any) -> str:
        """Return TIME."""
        return "TIME"

    def visit_uuid(self, type_: Any, **kwargs: Any) -> str:
        """Return UUID, or CHAR(32) for ``native_uuid=False``."""
        return "UUID" if type_.native_uuid else "CHAR(32)"
