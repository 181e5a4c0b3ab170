"""The data types of Ignite: hints for values, and types of the fields of objects.

==================  ========================================  ==================================================
Type code           Class                                     Python value
==================  ========================================  ==================================================
0x01 to 0x04        ByteObject, ShortObject, IntObject,       int
                    LongObject
0x05, 0x06          FloatObject, DoubleObject                 float
0x07                CharObject                                str of one character
0x08                BoolObject                                bool
0x09                String                                    str
0x0a                UUIDObject                                uuid.UUID
0x0b                DateObject                                datetime.datetime (milliseconds)
0x0c                ByteArrayObject                           bytes
0x0d to 0x13        ShortArrayObject to BoolArrayObject       list
0x14 to 0x16,       StringArrayObject, UUIDArrayObject,       list, which may hold None
0x1f, 0x22, 0x25    DateArrayObject, DecimalArrayObject,
                    TimestampArrayObject, TimeArrayObject
0x17                ObjectArrayObject                         (type id, list)
0x18                CollectionObject                          (kind, list)
0x19                MapObject                                 (kind, dict)
0x1b                WrappedDataObject                         (bytes, offset); read as the object
0x1c, 0x26          EnumObject, BinaryEnumObject              (type id, ordinal)
0x1d                EnumArrayObject                           (type id, list)
0x1e                DecimalObject                             decimal.Decimal
0x21                TimestampObject                           (datetime.datetime, nanoseconds)
0x24                TimeObject                                datetime.timedelta since midnight
0x65                Null                                      None
0x67                BinaryObject                              object of a class made with GenericObjectMeta
0xfe                SqlDateObject                             datetime.date
==================  ========================================  ==================================================
"""

from __future__ import annotations

from typing import Final

from ignite_dbapi.keyvalue.datatypes.base import IgniteDataType
from ignite_dbapi.keyvalue.datatypes.cluster_state import ClusterState
from ignite_dbapi.keyvalue.datatypes.complex import (
    BinaryObject,
    CollectionObject,
    Map,
    MapObject,
    ObjectArrayObject,
    WrappedDataObject,
)
from ignite_dbapi.keyvalue.datatypes.expiry_policy import (
    ExpiryPolicy,
)
from ignite_dbapi.keyvalue.datatypes.null_object import (
    Null,
    Nullable,
)
from ignite_dbapi.keyvalue.datatypes.primitive import (
    Bool,
    Byte,
    Char,
    Double,
    Float,
    Int,
    Long,
    Short,
)
from ignite_dbapi.keyvalue.datatypes.primitive_arrays import (
    BoolArray,
    BoolArrayObject,
    ByteArray,
    ByteArrayObject,
    CharArray,
    CharArrayObject,
    DoubleArray,
    DoubleArrayObject,
    FloatArray,
    FloatArrayObject,
    IntArray,
    IntArrayObject,
    LongArray,
    LongArrayObject,
    ShortArray,
    ShortArrayObject,
)
from ignite_dbapi.keyvalue.datatypes.primitive_objects import (
    BoolObject,
    ByteObject,
    CharObject,
    DataObject,
    DoubleObject,
    FloatObject,
    IntObject,
    LongObject,
    ShortObject,
)
from ignite_dbapi.keyvalue.datatypes.standard import (
    BinaryEnumArrayObject,
    BinaryEnumObject,
    DateArray,
    DateArrayObject,
    DateObject,
    DecimalArray,
    DecimalArrayObject,
    DecimalObject,
    EnumArray,
    EnumArrayObject,
    EnumObject,
    SqlDateObject,
    String,
    StringArray,
    StringArrayObject,
    TimeArray,
    TimeArrayObject,
    TimeObject,
    TimestampArray,
    TimestampArrayObject,
    TimestampObject,
    UUIDArray,
    UUIDArrayObject,
    UUIDObject,
)
from ignite_dbapi.keyvalue.datatypes.transactions import (
    TransactionConcurrency,
    TransactionIsolation,
)
from ignite_dbapi.protocol.codec.type_codes import TypeCode

DATA_TYPES: Final[dict[int, type[IgniteDataType]]] = {
    data_type.code: data_type
    for data_type in (
        BinaryEnumObject, BinaryObject, BoolArrayObject, BoolObject, ByteArrayObject, ByteObject, CharArrayObject,
        CharObject, CollectionObject, DateArrayObject, DateObject, DecimalArrayObject, DecimalObject,
        DoubleArrayObject, DoubleObject, EnumArrayObject, EnumObject, FloatArrayObject, FloatObject, IntArrayObject,
        IntObject, LongArrayObject, LongObject, MapObject, Null, ObjectArrayObject, ShortArrayObject, ShortObject,
        SqlDateObject, String, StringArrayObject, TimeArrayObject, TimeObject, TimestampArrayObject,
        TimestampObject, UUIDArrayObject, UUIDObject, WrappedDataObject,
    )
    if data_type.code is not None
}  # fmt: skip


def data_type_of(code: int) -> type[IgniteDataType]:
    """The data type of fields that metadata give the type *code*; BinaryObject for all that have none of their own."""
    if code in (TypeCode.NULL, TypeCode.OPTIMIZED):
        return BinaryObject
    return DATA_TYPES.get(code, BinaryObject)


__all__ = [
    "DATA_TYPES",
    "BinaryEnumArrayObject",
    "BinaryEnumObject",
    "BinaryObject",
    "Bool",
    "BoolArray",
    "BoolArrayObject",
    "BoolObject",
    "Byte",
    "ByteArray",
    "ByteArrayObject",
    "ByteObject",
    "Char",
    "CharArray",
    "CharArrayObject",
    "CharObject",
    "ClusterState",
    "CollectionObject",
    "DataObject",
    "DateArray",
    "DateArrayObject",
    "DateObject",
    "DecimalArray",
    "DecimalArrayObject",
    "DecimalObject",
    "Double",
    "DoubleArray",
    "DoubleArrayObject",
    "DoubleObject",
    "EnumArray",
    "EnumArrayObject",
    "EnumObject",
    "ExpiryPolicy",
    "Float",
    "FloatArray",
    "FloatArrayObject",
    "FloatObject",
    "IgniteDataType",
    "Int",
    "IntArray",
    "IntArrayObject",
    "IntObject",
    "Long",
    "LongArray",
    "LongArrayObject",
    "LongObject",
    "Map",
    "MapObject",
    "Null",
    "Nullable",
    "ObjectArrayObject",
    "Short",
    "ShortArray",
    "ShortArrayObject",
    "ShortObject",
    "SqlDateObject",
    "String",
    "StringArray",
    "StringArrayObject",
    "TimeArray",
    "TimeArrayObject",
    "TimeObject",
    "TimestampArray",
    "TimestampArrayObject",
    "TimestampObject",
    "TransactionConcurrency",
    "TransactionIsolation",
    "UUIDArray",
    "UUIDArrayObject",
    "UUIDObject",
    "WrappedDataObject",
    "data_type_of",
]
