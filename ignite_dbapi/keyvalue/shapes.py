"""The tuples that values are read as, which remember what they are so that they can be written again without a hint.

They are equal to plain tuples, and look like them.
"""

from __future__ import annotations

from typing import Any

from ignite_dbapi.keyvalue.datatypes import (
    BinaryEnumObject,
    CollectionObject,
    IgniteDataType,
    MapObject,
    ObjectArrayObject,
    TimestampObject,
)
from ignite_dbapi.keyvalue.datatypes.base import Ancestors


class Shape(tuple[Any, ...]):
    """Base of the tuples."""

    __slots__ = ()

    data_type: type[IgniteDataType]

    def __ignite_value__(self, ancestors: Ancestors | None = None) -> Any:
        return self.data_type.to_wire(self, ancestors)


class TimestampValue(Shape):
    """``(datetime, nanoseconds)``: see :class:`~ignite_dbapi.keyvalue.datatypes.TimestampObject`."""

    __slots__ = ()

    data_type = TimestampObject


class CollectionValue(Shape):
    """``(kind, list)``: see :class:`~ignite_dbapi.keyvalue.datatypes.CollectionObject`."""

    __slots__ = ()

    data_type = CollectionObject


class MapValue(Shape):
    """``(kind, dict)``, or a list of pairs in place of the dict, if the keys cannot be keys of one."""

    __slots__ = ()

    data_type = MapObject


class ObjectArrayValue(Shape):
    """``(type id, list)``: see :class:`~ignite_dbapi.keyvalue.datatypes.ObjectArrayObject`."""

    __slots__ = ()

    data_type = ObjectArrayObject


class EnumConstant(Shape):
    """``(type id, ordinal)``; *name* is the constant's name, None if the cluster does not know it.

    *is_binary* tells which of its two forms it was read in.
    """

    data_type = BinaryEnumObject

    name: str | None = None
    is_binary: bool = True
