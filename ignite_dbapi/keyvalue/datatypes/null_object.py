"""NULL."""

from __future__ import annotations

from typing import Any

from ignite_dbapi.keyvalue.datatypes.base import Ancestors, IgniteDataType, Nullable
from ignite_dbapi.protocol.codec.type_codes import TypeCode

__all__ = ["Null", "Nullable"]


class Null(IgniteDataType):
    """NULL, whatever value is given."""

    code = TypeCode.NULL

    @classmethod
    def _to_wire(cls, value: Any, ancestors: Ancestors | None) -> Any:
        return None
