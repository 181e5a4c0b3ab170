"""Ignite's SQL types for SQLAlchemy: how each is named, bound and read.

Exact types of parameters matter here: a DELETE by key whose parameter has another integer width than the key deletes
nothing, and says nothing. So each type tells the driver, by its `get_dbapi_type`, the one type its values are sent as.
"""

from __future__ import annotations

import datetime
import decimal
import math
import uuid
from collections.abc import Callable
from typing import Any, ClassVar, cast

from sqlalchemy import exc
from sqlalchemy import types as sqltypes
from sqlalchemy.engine.interfaces import Dialect
from sqlalchemy.types import (
    BIGINT,
    BINARY,
    BOOLEAN,
    CHAR,
    DATE,
    DECIMAL,
    DOUBLE,
    INTEGER,
    REAL,
    SMALLINT,
    TIME,
    TIMESTAMP,
    UUID,
    VARBINARY,
    VARCHAR,
)

__all__ = [
    "BIGINT",
    "BINARY",
    "BOOLEAN",
    "CHAR",
    "COLSPECS",
    "DATE",
    "DECIMAL",
    "DOUBLE",
    "INTEGER",
    "REAL",
    "SMALLINT",
    "TIME",
    "TIMESTAMP",
    "TINYINT",
    "UUID",
    "VARBINARY",
    "VARCHAR",
    "sql_name",
    "type_of_java_class",
]

_Processor = Callable[[Any], Any] | None


class TINYINT(sqltypes.Integer):
    """One byte: whole numbers from -128 to 127."""

    __visit_name__ = "TINYINT"


class _Ignite:
    """Mixin: the name of the type that values are sent as, and that a parameter is cast to."""

    ignite_name: ClassVar[str]

    def get_dbapi_type(self, dbapi: Any) -> Any:
        """Return the driver's type object for `setinputsizes`."""
        return getattr(dbapi, self.ignite_name)


class _Boolean(_Ignite, sqltypes.Boolean):
    ignite_name = "BOOLEAN"


class _TinyInteger(_Ignite, TINYINT):
    ignite_name = "TINYINT"


class _SmallInteger(_Ignite, sqltypes.SmallInteger):
    ignite_name = "SMALLINT"


class _Integer(_Ignite, sqltypes.Integer):
    ignite_name = "INTEGER"


class _BigInteger(_Ignite, sqltypes.BigInteger):
    ignite_name = "BIGINT"


def _as_decimal(value: Any) -> Any:
    # Through repr, so that 0.1 stays 0.1.
    return decimal.Decimal(repr(value)) if isinstance(value, float) else decimal.Decimal(value)


class _Numeric(_Ignite, sqltypes.Numeric[Any]):
    ignite_name = "DECIMAL"

    def bind_processor(self, dialect: Dialect) -> _Processor:
        """Pad to the scale of the type: as a key, 1.5 and 1.50 are two values to the H2 engine."""
        scale = self.scale

        def process(value: Any) -> Any:
            if value is None:
                return None
            if not isinstance(value, decimal.Decimal):
                value = _as_decimal(value)
            if scale is not None and value.is_finite():
                exponent = cast(int, value.as_tuple().exponent)
                if -exponent < scale:
                    digits = len(value.as_tuple().digits) + exponent + scale + 1
                    return value.quantize(
                        decimal.Decimal(1).scaleb(-scale), context=decimal.Context(prec=max(digits, 1))
                    )
            return value

        return process


class _FloatingPoint(_Ignite):
    def bind_processor(self, dialect: Dialect) -> _Processor:
        """Return floats as they are, and numbers of other types as floats."""

        def process(value: Any) -> Any:
            return value if value is None or isinstance(value, float) else float(value)

        return process

    def literal_processor(self, dialect: Dialect) -> Callable[[Any], str]:
        """Render a literal that both engines take as a DOUBLE: a bare ``1e0`` is a DECIMAL to the H2 engine."""

        def process(value: Any) -> str:
            number = float(value)
            if math.isfinite(number):
                return f"CAST({number!r} AS {self.ignite_name})"
            name = "NaN" if math.isnan(number) else "Infinity" if number > 0 else "-Infinity"
            return f"CAST('{name}' AS {self.ignite_name})"

        return process


class _Float(_FloatingPoint, sqltypes.Float[Any]):
    ignite_name = "DOUBLE"

    def get_dbapi_type(self, dbapi: Any) -> Any:
        """Return REAL for a precision that fits four bytes, DOUBLE otherwise, as the type is rendered."""
        return getattr(dbapi, float_name(self))


class _Double(_FloatingPoint, sqltypes.Double[Any]):
    ignite_name = "DOUBLE"


class _Real(_FloatingPoint, sqltypes.REAL[Any]):
    ignite_name = "REAL"


class _String(_Ignite, sqltypes.String):
    ignite_name = "VARCHAR"


class _Enum(_Ignite, sqltypes.Enum):
    ignite_name = "VARCHAR"


class _JSON(_Ignite, sqltypes.JSON):
    ignite_name = "VARCHAR"


class _Date(_Ignite, sqltypes.Date):
    ignite_name = "DATE"

    def literal_processor(self, dialect: Dialect) -> Callable[[Any], str]:
        """Render ``DATE '…'``."""
        return lambda value: f"DATE '{value.isoformat()}'"


class _Time(_Ignite, sqltypes.Time):
    ignite_name = "TIME"

    def literal_processor(self, dialect: Dialect) -> Callable[[Any], str]:
        """Render ``TIME '…'``."""
        return lambda value: f"TIME '{value.replace(tzinfo=None).isoformat()}'"


class _DateTime(_Ignite, sqltypes.DateTime):
    ignite_name = "TIMESTAMP"

    def literal_processor(self, dialect: Dialect) -> Callable[[Any], str]:
        """Render ``TIMESTAMP '…'``; a literal cannot carry a time zone."""

        def process(value: datetime.datetime) -> str:
            if value.tzinfo is not None:
                raise exc.CompileError(
                    f"{value!r} has a time zone and cannot be rendered as a literal: give it without, in the server's "
                    "time zone, or let it be sent as a parameter"
                )
            return f"TIMESTAMP '{value.isoformat(sep=' ')}'"

        return process


class _LargeBinary(_Ignite, sqltypes.LargeBinary):
    ignite_name = "VARBINARY"

    def literal_processor(self, dialect: Dialect) -> Callable[[Any], str]:
        """Render ``X'…'``."""
        return lambda value: f"X'{bytes(value).hex()}'"


class _Binary(_LargeBinary):
    """The impl of BINARY and VARBINARY, which share only a private base with LargeBinary."""


class _Uuid(_Ignite, sqltypes.Uuid[Any]):
    ignite_name = "UUID"

    def get_dbapi_type(self, dbapi: Any) -> Any:
        """Return UUID, or VARCHAR where ``native_uuid=False`` stores 32 digits."""
        return dbapi.UUID if self.native_uuid else dbapi.VARCHAR

    def literal_processor(self, dialect: Dialect) -> Any:
        """Render ``CAST('…' AS UUID)``."""
        if not self.native_uuid:
            return super().literal_processor(dialect)  # type: ignore[no-untyped-call]
        return lambda value: f"CAST('{value if isinstance(value, uuid.UUID) else uuid.UUID(value)}' AS UUID)"


#: The dialect's implementation of each of SQLAlchemy's types.
COLSPECS: dict[type[sqltypes.TypeEngine[Any]], type[sqltypes.TypeEngine[Any]]] = {
    sqltypes.Boolean: _Boolean,
    TINYINT: _TinyInteger,
    sqltypes.SmallInteger: _SmallInteger,
    sqltypes.BigInteger: _BigInteger,
    sqltypes.Integer: _Integer,
    sqltypes.Numeric: _Numeric,
    sqltypes.REAL: _Real,
    sqltypes.Double: _Double,
    sqltypes.Float: _Float,
    sqltypes.Enum: _Enum,
    sqltypes.String: _String,
    sqltypes.JSON: _JSON,
    sqltypes.Date: _Date,
    sqltypes.Time: _Time,
    sqltypes.DateTime: _DateTime,
    sqltypes.LargeBinary: _LargeBinary,
    sqltypes.VARBINARY: _Binary,
    sqltypes.BINARY: _Binary,
    sqltypes.Uuid: _Uuid,
}


def float_name(type_: sqltypes.Float[Any]) -> str:
    """Return REAL or DOUBLE; never FLOAT, which has 8 bytes in the H2 engine and 4 in Calcite."""
    return "REAL" if type_.precision is not None and type_.precision <= 24 else "DOUBLE"


def sql_name(type_: sqltypes.TypeEngine[Any], dialect: Dialect) -> str | None:
    """Return the name of the SQL type to cast a parameter of `type_` to, without length: a length would cut the value.

    None when the type says nothing, as NullType does.
    """
    impl = type_._unwrapped_dialect_impl(dialect)
    if isinstance(impl, _Float):
        return float_name(impl)
    if isinstance(impl, _Uuid) and not impl.native_uuid:
        return "VARCHAR"
    if isinstance(impl, _Time):
        # Without it the H2 engine cuts the milliseconds off.
        return "TIME(3)"
    if isinstance(impl, _Ignite):
        return impl.ignite_name
    return None


_JAVA_TYPES: dict[str, type[sqltypes.TypeEngine[Any]]] = {
    "java.lang.Boolean": BOOLEAN,
    "boolean": BOOLEAN,
    "java.lang.Byte": TINYINT,
    "byte": TINYINT,
    "java.lang.Short": SMALLINT,
    "short": SMALLINT,
    "java.lang.Integer": INTEGER,
    "int": INTEGER,
    "java.lang.Long": BIGINT,
    "long": BIGINT,
    "java.lang.Float": REAL,
    "float": REAL,
    "java.lang.Double": DOUBLE,
    "double": DOUBLE,
    "java.math.BigDecimal": DECIMAL,
    "java.lang.String": VARCHAR,
    "java.sql.Date": DATE,
    "java.sql.Time": TIME,
    "java.sql.Timestamp": TIMESTAMP,
    "java.util.Date": TIMESTAMP,
    "java.util.UUID": UUID,
    "[B": VARBINARY,
}


def type_of_java_class(name: str, precision: int | None, scale: int | None) -> sqltypes.TypeEngine[Any]:
    """Return the type of a column that the server holds as Java class `name`; NullType if it has no SQL type.

    `precision` and `scale` are the server's, where a negative number means none.
    """
    cls = _JAVA_TYPES.get(name.removeprefix("class "))
    if cls is None:
        return sqltypes.NullType()
    length = precision if precision is not None and precision > 0 else None
    if cls is DECIMAL:
        # Without a precision the scale says nothing: such a column keeps any number of digits.
        return DECIMAL(length, scale if length is not None and scale is not None and scale >= 0 else None)
    if cls is VARCHAR or cls is VARBINARY:
        return cls(length)
    return cls()
