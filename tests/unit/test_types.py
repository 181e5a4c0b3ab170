"""The type objects and constructors of PEP 249."""

from __future__ import annotations

import copy
import pickle
import time as time_module
from datetime import date, datetime, time, timedelta

import pytest

import ignite_dbapi
from ignite_dbapi import types
from ignite_dbapi.errors import InterfaceError
from ignite_dbapi.protocol.codec.values import OptimizedBlob, Period
from ignite_dbapi.types import SqlType, TypeCode, TypeGroup, sql_type, type_of_column

SQL_TYPES = [value for value in vars(types).values() if isinstance(value, SqlType)]
GROUPS = {
    types.STRING: {"CHAR", "VARCHAR"},
    types.BINARY: {"VARBINARY", "BINARY"},
    types.NUMBER: {"TINYINT", "SMALLINT", "INTEGER", "BIGINT", "REAL", "DOUBLE", "DECIMAL"},
    types.DATETIME: {"DATE", "TIME", "TIMESTAMP"},
    types.ROWID: set(),
}


@pytest.mark.parametrize("group", GROUPS, ids=repr)
@pytest.mark.parametrize("kind", SQL_TYPES)
def test_groups_are_equal_to_their_members_both_ways(group: TypeGroup, kind: SqlType) -> None:
    # A column of which only NULL was seen may be of any type.
    belongs = str(kind) in GROUPS[group] or (kind is types.NULL and group is not types.ROWID)
    assert (group == kind) is (kind == group) is belongs
    assert (group != kind) is (kind != group) is not belongs
    assert (group == str(kind)) is belongs


def test_groups_are_equal_to_themselves_only() -> None:
    for group in GROUPS:
        assert [other == group for other in GROUPS].count(True) == 1
        assert [other != group for other in GROUPS].count(False) == 1
        assert group != 5
        assert (group == None) is False  # noqa: E711
        assert getattr(ignite_dbapi, repr(group).removeprefix("ignite_dbapi.")) is group
    assert len(set(GROUPS)) == 5


def test_types_are_their_names() -> None:
    assert types.INTEGER == "INTEGER"
    assert types.INTEGER == "INTEGER"
    assert types.INTEGER != "BIGINT"
    assert types.INTEGER != 3
    assert hash(types.INTEGER) == hash("INTEGER")
    assert {types.INTEGER: 1}["INTEGER"] == 1
    assert f"{types.INTEGER}" == "INTEGER"


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize("value", [*SQL_TYPES, *GROUPS], ids=repr)
def test_they_survive_pickling_and_copying(value: object, protocol: int) -> None:
    for again in (pickle.loads(pickle.dumps(value, protocol)), copy.copy(value), copy.deepcopy(value)):
        assert again is value


@pytest.mark.parametrize("kind", SQL_TYPES)
def test_types_by_name(kind: SqlType) -> None:
    assert sql_type(str(kind)) is sql_type(str(kind).lower()) is kind
    assert kind.parameter_code is None or isinstance(kind.parameter_code, TypeCode)


def test_other_names() -> None:
    assert sql_type("int") is types.INTEGER
    assert sql_type("numeric") is types.DECIMAL
    assert sql_type("Double Precision") is types.DOUBLE
    with pytest.raises(InterfaceError, match="unknown SQL type 'INTEGRE'; there are: BOOLEAN, TINYINT"):
        sql_type("INTEGRE")


@pytest.mark.parametrize(
    ("code", "value", "expected"),
    [
        (1, 1, types.TINYINT), (2, 1, types.SMALLINT), (3, 1, types.INTEGER), (4, 1, types.BIGINT),
        (5, 1.0, types.REAL), (6, 1.0, types.DOUBLE), (7, "c", types.CHAR), (8, True, types.BOOLEAN),
        (9, "x", types.VARCHAR), (10, None, types.UUID), (11, None, types.TIMESTAMP), (12, b"", types.VARBINARY),
        (23, [], types.ARRAY), (24, [], types.ARRAY), (30, None, types.DECIMAL), (33, None, types.TIMESTAMP),
        (36, None, types.TIME), (101, None, types.NULL), (-2, date(2024, 1, 1), types.DATE),
        (-2, OptimizedBlob(b""), types.OTHER), (-2, timedelta(1), types.INTERVAL), (-2, Period(1, 2, 3), types.INTERVAL),  # noqa: E501
        (103, None, types.OTHER), (27, None, types.OTHER), (25, {}, types.OTHER),
    ],
)  # fmt: skip
def test_types_of_columns(code: int, value: object, expected: SqlType) -> None:
    assert type_of_column(code, type(value)) is expected


def test_constructors() -> None:
    assert ignite_dbapi.Date(2024, 5, 6) == date(2024, 5, 6)
    assert ignite_dbapi.Time(7, 8, 9) == time(7, 8, 9)
    assert ignite_dbapi.Timestamp(2024, 5, 6, 7, 8, 9) == datetime(2024, 5, 6, 7, 8, 9)
    for value in (b"\x00\xff", bytearray(b"\x00\xff"), memoryview(b"\x00\xff")):
        assert ignite_dbapi.Binary(value) == b"\x00\xff"
        assert type(ignite_dbapi.Binary(value)) is bytes


def test_constructors_from_ticks() -> None:
    ticks = 1_714_979_289.75
    local = datetime(*time_module.localtime(ticks)[:6])
    assert ignite_dbapi.TimestampFromTicks(ticks) == local
    assert ignite_dbapi.DateFromTicks(ticks) == local.date()
    assert ignite_dbapi.TimeFromTicks(ticks) == local.time()


def test_nanosecond_datetimes() -> None:
    value = ignite_dbapi.NanosecondDatetime.from_datetime(datetime(2024, 5, 6, 7, 8, 9, 10, fold=1), 11)
    assert repr(value).endswith("nanosecond=11)")
    assert value == datetime(2024, 5, 6, 7, 8, 9, 10)
    for again in (copy.deepcopy(value), copy.copy(value), pickle.loads(pickle.dumps(value))):
        assert (again, again.nanosecond, again.fold, type(again)) == (value, 11, 1, type(value))
    assert (value + timedelta(1)).nanosecond == value.replace(year=2000).nanosecond == 0


def test_objects_are_mappings_with_attributes() -> None:
    value = ignite_dbapi.BinaryObject("Person", {"id": 1, "name": "Ann", "keys": 5})
    assert (value["id"], value.name, len(value), list(value)) == (1, "Ann", 3, ["id", "name", "keys"])
    assert value == ignite_dbapi.BinaryObject("Person", {"keys": 5, "name": "Ann", "id": 1})
    assert value != ignite_dbapi.BinaryObject("Other", dict(value))
    assert value != {"id": 1}
    assert bool(ignite_dbapi.BinaryObject("Person"))
    with pytest.raises(AttributeError, match="no field 'age' in 'Person'"):
        _ = value.age
    assert pickle.loads(pickle.dumps(value)) == copy.deepcopy(value) == value


def test_everything_public_is_there() -> None:
    for name in [*types.__all__, *ignite_dbapi.__all__]:
        assert hasattr(ignite_dbapi, name)
    assert (ignite_dbapi.apilevel, ignite_dbapi.threadsafety, ignite_dbapi.paramstyle) == ("2.0", 2, "qmark")
