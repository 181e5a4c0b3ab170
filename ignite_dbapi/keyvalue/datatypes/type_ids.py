"""The type codes as numbers, which metadata name the types of fields by."""

from __future__ import annotations

from typing import Final

TYPE_BYTE: Final = 1
TYPE_SHORT: Final = 2
TYPE_INT: Final = 3
TYPE_LONG: Final = 4
TYPE_FLOAT: Final = 5
TYPE_DOUBLE: Final = 6
TYPE_CHAR: Final = 7
TYPE_BOOLEAN: Final = 8
TYPE_STRING: Final = 9
TYPE_UUID: Final = 10
TYPE_DATE: Final = 11
TYPE_BYTE_ARR: Final = 12
TYPE_SHORT_ARR: Final = 13
TYPE_INT_ARR: Final = 14
TYPE_LONG_ARR: Final = 15
TYPE_FLOAT_ARR: Final = 16
TYPE_DOUBLE_ARR: Final = 17
TYPE_CHAR_ARR: Final = 18
TYPE_BOOLEAN_ARR: Final = 19
TYPE_STRING_ARR: Final = 20
TYPE_UUID_ARR: Final = 21
TYPE_DATE_ARR: Final = 22
TYPE_OBJ_ARR: Final = 23
TYPE_COL: Final = 24
TYPE_MAP: Final = 25
TYPE_BINARY_OBJ: Final = 27
TYPE_ENUM: Final = 28
TYPE_ENUM_ARR: Final = 29
TYPE_DECIMAL: Final = 30
TYPE_DECIMAL_ARR: Final = 31
TYPE_CLASS: Final = 32
TYPE_TIMESTAMP: Final = 33
TYPE_TIMESTAMP_ARR: Final = 34
TYPE_PROXY: Final = 35
TYPE_TIME: Final = 36
TYPE_TIME_ARR: Final = 37
TYPE_BINARY_ENUM: Final = 38
