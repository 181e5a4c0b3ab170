"""Keys and values of every type on a real node, and what is refused."""

from __future__ import annotations

import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import attrs
import pytest

import ignite_dbapi
from ignite_dbapi.errors import (
    DatabaseError,
    DataError,
    IntegrityError,
    OperationalError,
)
from ignite_dbapi.operations import cache as operations
from ignite_dbapi.operations.cache import CacheAccess
from ignite_dbapi.protocol.codec import TypeCode, decode, encode
from ignite_dbapi.protocol.codec.values import (
    BinaryObject,
    ClassReference,
    Collection,
    EnumValue,
    Instant,
    MapValue,
    ObjectArray,
    OptimizedBlob,
    Typed,
    Wrapped,
)
from tests.cache_client import Client
from tests.unit.golden import VECTORS, data_of, knowledge_of

TYPED: dict[TypeCode, Any] = {
    TypeCode.BYTE: -5,
    TypeCode.SHORT: -300,
    TypeCode.INT: 70_000,
    TypeCode.LONG: 1 << 40,
    TypeCode.FLOAT: 1.5,
    TypeCode.DOUBLE: 0.1,
    TypeCode.CHAR: "\uffff",
    TypeCode.BOOL: True,
    TypeCode.STRING: "text\x00\U0001f600",
    TypeCode.UUID: UUID(int=1 << 127 | 5),
    TypeCode.DATE: 1_000_000_000_123,
    TypeCode.BYTE_ARRAY: b"\x00\xff",
    TypeCode.SHORT_ARRAY: [1, -2],
    TypeCode.INT_ARRAY: [1, -2],
    TypeCode.LONG_ARRAY: [1, -2],
    TypeCode.FLOAT_ARRAY: [1.5],
    TypeCode.DOUBLE_ARRAY: [0.1],
    TypeCode.CHAR_ARRAY: ["a", "\u0416"],
    TypeCode.BOOL_ARRAY: [True, False],
    TypeCode.STRING_ARRAY: ["a", None],
    TypeCode.UUID_ARRAY: [UUID(int=1), None],
    TypeCode.DATE_ARRAY: [5, None],
    TypeCode.OBJECT_ARRAY: [1, "a", None],
    TypeCode.COLLECTION: [1, "a", None],
    TypeCode.MAP: {1: "a", "b": None},
    TypeCode.DECIMAL: Decimal("-1.50"),
    TypeCode.DECIMAL_ARRAY: [Decimal("1.50"), None],
    TypeCode.TIMESTAMP: Instant(-1, 999_999),
    TypeCode.TIMESTAMP_ARRAY: [Instant(5, 6), None],
    TypeCode.TIME: 5_000,
    TypeCode.TIME_ARRAY: [5_000, None],
    TypeCode.BINARY_ENUM: EnumValue(94842723, 1),
    TypeCode.CLASS: ClassReference(9),
    TypeCode.COMPLEX_OBJECT: BinaryObject("test.Thing", {"a": 1}),
    TypeCode.OPTIMIZED: 86_400_000,
}
# Without a value of their own: enums in the form of servers before 2.0 (answered as the other one), proxies and blobs
# (of classes that the server must have), and what is no type of a value.
UNTYPED = {
    TypeCode.ENUM, TypeCode.ENUM_ARRAY, TypeCode.PROXY, TypeCode.WRAPPED, TypeCode.NULL, TypeCode.HANDLE,
}  # fmt: skip


def simplified(value: Any) -> Any:
    """A lossless value as what one gives for it."""
    if isinstance(value, Typed):
        return value.value
    if isinstance(value, Wrapped):
        return dict(value.value)
    if isinstance(value, (Collection, ObjectArray)):
        return value.items
    if isinstance(value, MapValue):
        return dict(value.pairs)
    return value


def test_all_types_are_tested() -> None:
    assert set(TYPED) | UNTYPED == set(TypeCode)


@pytest.mark.parametrize("code", TYPED, ids=lambda code: code.name)
def test_values_and_keys_of_every_type(client: Client, accounts: CacheAccess, code: TypeCode) -> None:
    lossless = attrs.evolve(accounts, lossless=True)
    given = Typed(code, TYPED[code])
    client.run(operations.put, lossless, "single", given)
    client.run(operations.put_all, lossless, {"batch": given})
    client.run(operations.put, lossless, given, "as key")
    for key in ("single", "batch"):
        found = client.run(operations.get, lossless, key)
        if code is not TypeCode.CLASS:  # answered in Java's serialization
            expected = TYPED[code]
            assert simplified(found) == (dict(expected) if code is TypeCode.COMPLEX_OBJECT else expected)
        else:
            assert isinstance(found, OptimizedBlob)
        if isinstance(found, Typed):
            assert found.code is code
        client.run(operations.get, accounts, key)
    assert client.run(operations.get, lossless, given) == "as key"
    assert client.run(operations.contains_keys, lossless, ["single", "batch", given]) is True
    assert len(client.scan(lossless)) == 3
    assert [value for _, value in client.run(operations.get_all, lossless, [given])] == ["as key"]
    assert client.run(operations.remove_key, lossless, given) is True


def test_types_are_told_apart(client: Client, accounts: CacheAccess) -> None:
    keys = [1, Typed(TypeCode.INT, 1), Typed(TypeCode.SHORT, 1), 1.0, True, "1", Decimal(1), Decimal("1.0")]
    client.run(operations.put_all, accounts, [(key, number) for number, key in enumerate(keys)])
    assert [client.run(operations.get, accounts, key) for key in keys] == list(range(len(keys)))
    # As many entries as keys, though Python takes most of the keys for equal.
    assert sorted(value for _, value in client.scan(accounts)) == list(range(len(keys)))
    assert len(client.run(operations.get_all, accounts, keys)) == len(keys)


def test_keys_that_no_dict_takes(client: Client, accounts: CacheAccess) -> None:
    keys = [[1, 2], {"a": 1}, Typed(TypeCode.INT_ARRAY, [5])]
    client.run(operations.put_all, accounts, [(key, str(number)) for number, key in enumerate(keys)])
    assert sorted(client.scan(accounts), key=lambda entry: entry[1]) == [([1, 2], "0"), ({"a": 1}, "1"), ([5], "2")]
    assert client.run(operations.get_all, accounts, [[1, 2]]) == [([1, 2], "0")]


def test_dates_and_times_of_the_servers_zone(client: Client, accounts: CacheAccess) -> None:
    values = [
        datetime.datetime(2024, 7, 1, 12, 30, 15, 123456),
        datetime.date(1969, 12, 31),
        datetime.time(23, 59, 59, 999000),
    ]
    client.run(operations.put_all, accounts, dict(enumerate(values)))
    assert [client.run(operations.get, accounts, number) for number in range(3)] == values


def test_values_that_python_does_not_have(client: Client, accounts: CacheAccess) -> None:
    far = Typed(TypeCode.DATE, 2**62)
    client.run(operations.put_all, accounts, {1: far})
    for operation in (operations.get, lambda session, cache, key: operations.get_all(session, cache, [key])):
        with pytest.raises(DataError, match="years 1 to 9999"):
            client.run(operation, accounts, 1)
    with pytest.raises(DataError, match="years 1 to 9999"):
        client.scan(accounts)
    assert client.run(operations.get, attrs.evolve(accounts, lossless=True), 1) == far


# What servers refuse, and how. Classes that they do not have cost the connection.
REFUSED: dict[str, type[DatabaseError]] = {
    "null": IntegrityError, "str.ver2_lone": DataError, "col.self": DatabaseError, "class.color": OperationalError,
    "proxy": OperationalError,
    "javatime.localdate": OperationalError, "javatime.localdatetime": OperationalError,
    "javatime.instant": OperationalError, "javatime.duration": OperationalError, "javatime.period": OperationalError,
}  # fmt: skip
# What servers answer otherwise than it was given: types of arrays, special collections, old enums, and classes.
CHANGED = {
    "str.ver2_emoji_nul", "objs.integer", "objs.2d_int", "objarr.unregistered", "col.singleton", "col.user_col",
    "col.user_set", "enum.color1", "enum.body", "enumarr.sample", "enumarr.empty", "class.string", "col.pojo_handle",
}  # fmt: skip


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["name"])
def test_golden_vectors(client: Client, golden: CacheAccess, vector: dict[str, Any]) -> None:
    name = vector["name"]
    value = decode(data_of(vector), knowledge_of(vector), lossless=True)
    if name in REFUSED:
        with pytest.raises(REFUSED[name]):
            client.run(operations.put, golden, name, value)
        return
    client.run(operations.put, golden, name, value)
    client.run(operations.put, golden, value, name)
    assert client.run(operations.get, golden, value) == name
    found = client.run(operations.get, golden, name)
    if isinstance(found, Wrapped) and not isinstance(value, Wrapped):
        found = found.value
    knowledge = client.session.context.knowledge
    if name in CHANGED:
        assert encode(found, knowledge) != data_of(vector)
        assert type(found) in {type(value), ObjectArray, OptimizedBlob}
    elif isinstance(value, Wrapped):
        assert found.value == value.value
    else:
        assert encode(found, knowledge).hex() == vector["hex"]


@pytest.fixture(scope="module")
def golden(server: Any) -> CacheAccess:
    with ignite_dbapi.connect(server.url) as connection:
        connection._run(operations.get_or_create(connection._session, "golden"))
    return CacheAccess("golden", lossless=True)
