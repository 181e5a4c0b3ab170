"""The primitive types by their short names. As hints they are the same as the types of :mod:`.primitive_objects`."""

from __future__ import annotations

from ignite_dbapi.keyvalue.datatypes.primitive_objects import (
    BoolObject,
    ByteObject,
    CharObject,
    DoubleObject,
    FloatObject,
    IntObject,
    LongObject,
    ShortObject,
)

__all__ = ["Bool", "Byte", "Char", "Double", "Float", "Int", "Long", "Short"]


class Byte(ByteObject):
    """See :class:`ByteObject`."""


class Short(ShortObject):
    """See :class:`ShortObject`."""


class Int(IntObject):
    """See :class:`IntObject`."""


class Long(LongObject):
    """See :class:`LongObject`."""


class Float(FloatObject):
    """See :class:`FloatObject`."""


class Double(DoubleObject):
    """See :class:`DoubleObject`."""


class Char(CharObject):
    """See :class:`CharObject`."""


class Bool(BoolObject):
    """See :class:`BoolObject`."""
