"""The operations of caches on a real node: every one of them, every type, what is refused, transactions, scans."""

from __future__ import annotations

import asyncio
import contextlib
import datetime
import itertools
import threading
import time
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any
from uuid import UUID

import attrs
import pytest

import ignite_dbapi
import ignite_dbapi.aio
from ignite_dbapi.errors import (
    DatabaseError,
    DataError,
    IntegrityError,
    InterfaceError,
    NotSupportedError,
    OperationalError,
    ProgrammingError,
)
from ignite_dbapi.operations import cache as operations
from ignite_dbapi.operations import explicit_transactions
from ignite_dbapi.operations.cache import CacheAccess
from ignite_dbapi.operations.explicit_transactions import ExplicitTransaction
from ignite_dbapi.operations.scans import NO_ENTRY, IndexQueryState, ScanState
from ignite_dbapi.protocol.codec import TypeCode, decode, encode
from ignite_dbapi.protocol.codec.hashing import java_hash, partition_of
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
from ignite_dbapi.protocol.messages.cache import ConflictEntry, EntryVersion, InvokeOutcome, PeekMode
from ignite_dbapi.protocol.messages.cache_configuration import (
    PROPERTIES,
    CacheAtomicityMode,
    CacheConfiguration,
    CacheMode,
    ExpiryPolicy,
    KeyConfiguration,
    PartitionLossPolicy,
    QueryEntity,
    QueryField,
    QueryIndex,
    RebalanceMode,
    WriteSynchronizationMode,
)
from ignite_dbapi.protocol.messages.scans import InCriterion, RangeCriterion
from ignite_dbapi.protocol.messages.transactions import Concurrency, Isolation
from tests.unit.golden import VECTORS, data_of, knowledge_of

_numbers = itertools.count(1)


class Client:
    """Runs operations on a connection."""

    def __init__(self, connection: ignite_dbapi.Connection) -> None:
        self.connection = connection
        self.session = connection._session

    def run(self, operation: Any, *arguments: Any, **options: Any) -> Any:
        return self.connection._run(operation(self.session, *arguments, **options))

    def scan(self, cache: CacheAccess, **options: Any) -> list[tuple[Any, Any]]:
        entries: list[tuple[Any, Any]] = self.connection._run(ScanState(self.session, cache, **options).fetch())
        return entries

    def start(self, *arguments: Any, **options: Any) -> ExplicitTransaction:
        transaction: ExplicitTransaction = self.run(explicit_transactions.start, *arguments, **options)
        return transaction

    def end(self, transaction: ExplicitTransaction, *, commit: bool) -> None:
        self.connection._run(explicit_transactions.end(transaction, commit=commit))


@pytest.fixture(scope="module")
def server(make_ignite_cluster: Callable[..., Any]) -> Any:
    return make_ignite_cluster(tx_aware=True)


@pytest.fixture
def client(server: Any) -> Iterator[Client]:
    with ignite_dbapi.connect(server.url) as connection:
        yield Client(connection)


@pytest.fixture
def other(server: Any) -> Iterator[Client]:
    with ignite_dbapi.connect(server.url) as connection:
        yield Client(connection)


@pytest.fixture
def new_cache(client: Client) -> Iterator[Callable[..., CacheAccess]]:
    """A function that creates a cache with the given properties and returns how to use it."""
    created: list[str] = []

    def create(**properties: Any) -> CacheAccess:
        name = f"cache {next(_numbers)} of test"
        client.run(operations.create, CacheConfiguration(name=name, **properties))
        created.append(name)
        return CacheAccess(name)

    yield create
    for name in created:
        client.run(operations.destroy, name)


@pytest.fixture(params=[CacheAtomicityMode.ATOMIC, CacheAtomicityMode.TRANSACTIONAL], ids=lambda mode: mode.name)
def cache(request: Any, new_cache: Callable[..., CacheAccess]) -> CacheAccess:
    return new_cache(cache_atomicity_mode=request.param)


@pytest.fixture
def accounts(new_cache: Callable[..., CacheAccess]) -> CacheAccess:
    return new_cache(cache_atomicity_mode=CacheAtomicityMode.TRANSACTIONAL)


# --- entries ----------------------------------------------------------------------------------------------------


def test_single_entries(client: Client, cache: CacheAccess) -> None:
    run = client.run
    assert run(operations.get, cache, "k") is None
    assert run(operations.put, cache, "k", 1) is None
    assert run(operations.get, cache, "k") == 1
    assert run(operations.put_if_absent, cache, "k", 2) is False
    assert run(operations.put_if_absent, cache, "n", 2) is True
    assert run(operations.get_and_put, cache, "k", 3) == 1
    assert run(operations.get_and_put, cache, "new", 3) is None
    assert run(operations.get_and_put_if_absent, cache, "k", 4) == 3
    assert run(operations.get_and_put_if_absent, cache, "absent", 4) is None
    assert run(operations.get_and_replace, cache, "k", 5) == 3
    assert run(operations.get_and_replace, cache, "missing", 5) is None
    assert run(operations.replace, cache, "k", 6) is True
    assert run(operations.replace, cache, "missing", 6) is False
    assert run(operations.replace_if_equals, cache, "k", 99, 7) is False
    assert run(operations.replace_if_equals, cache, "k", 6, 7) is True
    assert run(operations.local_peek, cache, "k") == 7
    assert run(operations.contains_key, cache, "k") is True
    assert run(operations.contains_key, cache, "missing") is False
    assert run(operations.remove_if_equals, cache, "k", 99) is False
    assert run(operations.remove_if_equals, cache, "k", 7) is True
    assert run(operations.get_and_remove, cache, "n") == 2
    assert run(operations.get_and_remove, cache, "n") is None
    assert run(operations.remove_key, cache, "new") is True
    assert run(operations.remove_key, cache, "new") is False
    assert run(operations.clear_key, cache, "absent") is None
    assert run(operations.get_size, cache) == 0


def test_many_entries(client: Client, cache: CacheAccess) -> None:
    run = client.run
    run(operations.put_all, cache, {number: f"v{number}" for number in range(10)})
    run(operations.put_all, cache, [(10, "first"), (10, "last")])
    assert run(operations.get, cache, 10) == "last"
    assert sorted(run(operations.get_all, cache, [1, 2, 99, 1])) == [(1, "v1"), (2, "v2")]
    assert run(operations.contains_keys, cache, [1, 2]) is True
    assert run(operations.contains_keys, cache, [1, 99]) is False
    assert run(operations.get_size, cache) == 11
    assert run(operations.get_size, cache, [PeekMode.PRIMARY, PeekMode.BACKUP]) == 11
    assert run(operations.get_size, cache, [PeekMode.BACKUP]) == 0
    run(operations.remove_keys, cache, [0, 1, 99])
    run(operations.clear_keys, cache, [2, 3])
    assert sorted(key for key, _ in client.scan(cache)) == list(range(4, 11))
    run(operations.remove_all, cache)
    assert run(operations.get_size, cache) == 0
    run(operations.put, cache, 1, 1)
    run(operations.clear, cache)
    assert client.scan(cache) == []
    # Nothing to do is nothing to ask.
    assert run(operations.get_all, cache, []) == []
    assert run(operations.contains_keys, cache, []) is True
    assert run(operations.put_all, cache, {}) is None


@pytest.mark.parametrize("entries", [5, [1], [(1, 2, 3)], "text"])
def test_put_all_takes_pairs(client: Client, accounts: CacheAccess, entries: Any) -> None:
    with pytest.raises(ProgrammingError, match="mapping, or an iterable of pairs"):
        client.run(operations.put_all, accounts, entries)


def test_big_batches(client: Client, cache: CacheAccess, monkeypatch: pytest.MonkeyPatch) -> None:
    entries = {number: f"value of {number}" for number in range(6_000)}
    client.run(operations.put_all, cache, entries)
    assert dict(client.run(operations.get_all, cache, list(entries))) == entries
    assert dict(client.scan(cache, page_size=777)) == entries
    # Several requests, with the borders between them anywhere.
    monkeypatch.setattr(operations, "_BATCH_SIZE", 20_000)
    monkeypatch.setattr(operations, "_BATCH_KEYS", 1_001)
    client.run(operations.put_all, cache, {key: value.upper() for key, value in entries.items()})
    found = client.run(operations.get_all, cache, list(entries))
    assert dict(found) == {key: value.upper() for key, value in entries.items()}
    assert client.run(operations.contains_keys, cache, list(entries)) is True
    assert client.run(operations.contains_keys, cache, [*entries, -1]) is False
    client.run(operations.remove_keys, cache, list(entries)[5:])
    assert client.run(operations.get_size, cache) == 5


def test_large_values(client: Client, cache: CacheAccess) -> None:
    values = {number: bytes([number]) * 9_000_000 for number in range(3)}
    client.run(operations.put_all, cache, values)
    assert dict(client.run(operations.get_all, cache, [0, 1, 2])) == values


def test_no_nulls(client: Client, accounts: CacheAccess) -> None:
    for operation, arguments in [
        (operations.get, (None,)),
        (operations.put, (1, None)),
        (operations.put_all, ({None: 1},)),
        (operations.get_all, ([None],)),
    ]:
        with pytest.raises(IntegrityError, match="no NULL"):
            client.run(operation, accounts, *arguments)
    # One that hides behind a type is found by the server.
    with pytest.raises(DatabaseError, match="cannot be null"):
        client.run(operations.get, accounts, Typed(TypeCode.INT, None))
    assert client.run(operations.get_size, accounts) == 0


def test_caches_that_are_not_there(client: Client) -> None:
    nothing = CacheAccess("there is no such cache")
    for operation, arguments in [(operations.get, (1,)), (operations.put_all, ({1: 1},)), (operations.get_size, ())]:
        with pytest.raises(ProgrammingError, match="Cache does not exist") as error:
            client.run(operation, nothing, *arguments)
        assert error.value.status == 1000
    with pytest.raises(ProgrammingError, match="Cache does not exist"):
        client.scan(nothing)
    for operation in (operations.destroy, operations.get_configuration):
        with pytest.raises(ProgrammingError, match="Cache does not exist"):
            client.run(operation, nothing.name)


def test_cache_ids_are_of_utf16_units(client: Client) -> None:
    name = "name beyond the first plane: \U0001f600"
    client.run(operations.get_or_create, name)
    assert name in client.run(operations.cache_names)
    client.run(operations.put, CacheAccess(name), 1, 2)
    assert client.run(operations.get, CacheAccess(name), 1) == 2
    client.run(operations.destroy, name)
    assert name not in client.run(operations.cache_names)


def test_over_asyncio(server: Any, client: Client, accounts: CacheAccess) -> None:
    async def work() -> None:
        async with await ignite_dbapi.aio.connect(server.url) as connection:
            session = connection._session
            await connection._run(operations.put_all(session, accounts, {number: [number] for number in range(3000)}))
            assert await connection._run(operations.get(session, accounts, 7)) == [7]
            scan = ScanState(session, accounts, page_size=100)
            entries = await connection._run(scan.fetch())
            assert sorted(entries) == [(number, [number]) for number in range(3000)]
            transaction = await connection._run(explicit_transactions.start(session, timeout=60_000))
            within = attrs.evolve(accounts, transaction=transaction)
            await connection._run(operations.put(session, within, 7, "changed"))
            await connection._run(explicit_transactions.end(transaction, commit=True))
            assert await connection._run(operations.get(session, accounts, 7)) == "changed"

    asyncio.run(work())


# --- types --------------------------------------------------------------------------------------------------------

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


# --- caches and their configuration ---------------------------------------------------------------------------------


def test_creating_and_destroying(client: Client) -> None:
    run = client.run
    run(operations.create, "by name")
    assert "by name" in run(operations.cache_names)
    for again in ("by name", CacheConfiguration(name="by name")):
        with pytest.raises(ProgrammingError, match="already started") as error:
            run(operations.create, again)
        assert error.value.status == 1001
    run(operations.get_or_create, "by name")
    run(operations.get_or_create, CacheConfiguration(name="by name", backups_number=3))
    assert run(operations.get_configuration, "by name").backups_number == 0
    run(operations.destroy, "by name")
    assert "by name" not in run(operations.cache_names)


def test_defaults_are_what_the_table_says(client: Client, new_cache: Callable[..., CacheAccess]) -> None:
    found = client.run(operations.get_configuration, new_cache().name)
    for each in PROPERTIES.values():
        if each.name != "name":
            assert getattr(found, each.name) == each.default, each.name


def test_every_property_is_read_back(client: Client, new_cache: Callable[..., CacheAccess]) -> None:
    entity = QueryEntity(
        "java.lang.Long", "test.Person", "PERSON", "ID", None,
        [
            QueryField("ID", "java.lang.Long", is_key_field=True, is_notnull_constraint_field=True),
            QueryField("NAME", "java.lang.String", default_value="nobody", precision=20),
            QueryField("HEIGHT", "java.math.BigDecimal", precision=5, scale=2),
        ],
        [],
        [QueryIndex("BY_NAME", 0, 10, [{"name": "NAME", "is_descending": True}, {"name": "HEIGHT"}])],
    )  # fmt: skip
    properties: dict[str, Any] = {
        "cache_mode": CacheMode.PARTITIONED,
        "cache_atomicity_mode": CacheAtomicityMode.TRANSACTIONAL,
        "backups_number": 2,
        "write_synchronization_mode": WriteSynchronizationMode.FULL_SYNC,
        "copy_on_read": False,
        "read_from_backup": False,
        "is_onheap_cache_enabled": True,
        "query_entities": (entity,),
        "query_parallelism": 3,
        "query_detail_metric_size": 4,
        "sql_schema": "OF_TEST",
        "sql_index_inline_max_size": 50,
        "sql_escape_all": True,
        "max_query_iterators": 6,
        "rebalance_mode": RebalanceMode.SYNC,
        "rebalance_delay": 7,
        "rebalance_timeout": 8,
        "rebalance_batch_size": 9,
        "rebalance_batches_prefetch_count": 10,
        "rebalance_order": 11,
        "rebalance_throttle": 12,
        "group_name": "group of test",
        "cache_key_configuration": (KeyConfiguration("test.Key", "part"),),
        "default_lock_timeout": 13,
        "max_concurrent_async_operations": 14,
        "partition_loss_policy": PartitionLossPolicy.READ_WRITE_SAFE,
        "eager_ttl": False,
        "statistics_enabled": True,
        "expiry_policy": ExpiryPolicy(15, 16, 17),
        "data_region_name": None,
    }
    assert set(properties) == {each.name for each in PROPERTIES.values()} - {"name"}
    cache = new_cache(**properties)
    found = client.run(operations.get_configuration, cache.name)
    (found_entity,) = found.query_entities
    # The server completes the aliases.
    assert {alias.field_name for alias in found_entity.field_name_aliases} == {"ID", "NAME", "HEIGHT"}
    assert attrs.evolve(found_entity, field_name_aliases=()) == entity
    properties["query_entities"] = found.query_entities
    assert {name: value for name, value in properties.items() if getattr(found, name) != value} == {}
    # What was read can be created again.
    client.run(operations.destroy, cache.name)
    client.run(operations.create, CacheConfiguration.from_properties(found.as_properties()))
    assert client.run(operations.get_configuration, cache.name) == found


def test_replicated_caches(client: Client, new_cache: Callable[..., CacheAccess]) -> None:
    cache = new_cache(cache_mode="replicated")
    assert client.run(operations.get_configuration, cache.name).cache_mode is CacheMode.REPLICATED
    client.run(operations.put, cache, 1, 2)
    assert client.run(operations.get, cache, 1) == 2
    (group,) = client.run(operations.affinity, [cache.name]).groups
    assert not group.is_applicable


def test_configurations_that_the_server_refuses(client: Client) -> None:
    with pytest.raises(ProgrammingError, match="server refused the configuration") as error:
        client.run(operations.create, CacheConfiguration(name="refused", data_region_name="there is none"))
    assert error.value.code == "cache_refused"
    with pytest.raises(NotSupportedError, match="LOCAL"):
        client.run(operations.create, CacheConfiguration(name="refused", cache_mode=CacheMode.LOCAL))
    with pytest.raises(DatabaseError, match="must not be null or empty"):
        client.run(operations.create, "")
    assert "refused" not in client.run(operations.cache_names)


def test_tables_are_caches(client: Client) -> None:
    client.connection.execute("DROP TABLE IF EXISTS people")
    client.connection.execute("CREATE TABLE people (id BIGINT PRIMARY KEY, name VARCHAR(20), d DECIMAL(5, 2))")
    client.connection.execute("INSERT INTO people VALUES (?, ?, ?)", (1, "Ada", Decimal("1.50")))
    assert "SQL_PUBLIC_PEOPLE" in client.run(operations.cache_names)
    found = client.run(operations.get_configuration, "SQL_PUBLIC_PEOPLE")
    (entity,) = found.query_entities
    assert (entity.table_name, found.sql_schema) == ("PEOPLE", '"PUBLIC"')
    assert {field.name: field.precision for field in entity.query_fields} == {"ID": -1, "NAME": 20, "D": 5}
    value = client.run(operations.get, CacheAccess("SQL_PUBLIC_PEOPLE"), 1)
    assert dict(value) == {"NAME": "Ada", "D": Decimal("1.50")}
    assert client.scan(CacheAccess("SQL_PUBLIC_PEOPLE")) == [(1, value)]
    client.connection.execute("DROP TABLE people")


# --- expiry ---------------------------------------------------------------------------------------------------------


def gone_within(client: Client, cache: CacheAccess, key: Any, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if not client.run(operations.contains_key, cache, key):
            return True
        time.sleep(0.05)
    return False


def test_expiry_of_single_requests(client: Client, cache: CacheAccess) -> None:
    short = attrs.evolve(cache, expiry=ExpiryPolicy(create=300, update=ExpiryPolicy.ETERNAL))
    client.run(operations.put, short, "created", 1)
    client.run(operations.put_all, short, {"batch": 1})
    client.run(operations.put, cache, "kept", 1)
    client.run(operations.put, short, "updated", 1)
    client.run(operations.put, short, "updated", 2)
    assert gone_within(client, cache, "created", 10)
    assert gone_within(client, cache, "batch", 10)
    assert client.run(operations.contains_keys, cache, ["kept", "updated"]) is True
    client.run(operations.get, attrs.evolve(cache, expiry=ExpiryPolicy(access=100)), "kept")
    assert gone_within(client, cache, "kept", 10)


def test_expiry_of_a_cache(client: Client, new_cache: Callable[..., CacheAccess]) -> None:
    cache = new_cache(expiry_policy=ExpiryPolicy(create=300))
    client.run(operations.put, cache, 1, 1)
    client.run(operations.put, attrs.evolve(cache, expiry=ExpiryPolicy(create=ExpiryPolicy.ETERNAL)), 2, 2)
    assert gone_within(client, cache, 1, 10)
    assert client.run(operations.get, cache, 2) == 2


# --- scans ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def thousand(client: Client, new_cache: Callable[..., CacheAccess]) -> CacheAccess:
    cache = new_cache()
    client.run(operations.put_all, cache, {number: f"v{number}" for number in range(1000)})
    return cache


THOUSAND = [(number, f"v{number}") for number in range(1000)]


@pytest.mark.parametrize("page_size", [1, 7, 500, 1000, 1001, 2**31 - 1])
def test_scans(client: Client, thousand: CacheAccess, page_size: int) -> None:
    assert sorted(client.scan(thousand, page_size=page_size)) == THOUSAND
    assert sorted(client.scan(thousand, page_size=page_size, local=True)) == THOUSAND


def test_scans_by_blocks_and_one_by_one(client: Client, thousand: CacheAccess) -> None:
    scan = ScanState(client.session, thousand, page_size=300)
    run = client.connection._run
    entries = run(scan.fetch(10))
    assert len(entries) == 10
    assert scan.next_buffered() is NO_ENTRY
    entries.append(run(scan.fetch_one()))
    entries.append(scan.next_buffered())
    entries += run(scan.fetch(300))
    while (entry := scan.next_buffered()) is not NO_ENTRY:
        entries.append(entry)
    entries += run(scan.fetch())
    assert sorted(entries) == THOUSAND
    assert run(scan.fetch()) == []
    assert run(scan.fetch_one()) is NO_ENTRY
    run(scan.close())
    run(scan.close())
    with pytest.raises(InterfaceError, match="closed"):
        run(scan.fetch())


def test_scans_of_partitions(client: Client, thousand: CacheAccess) -> None:
    (group,) = client.run(operations.affinity, [thousand.name, "there is none"], with_custom_mappings=True).groups
    assert group.is_default_mapping
    nodes = group.primary_nodes()
    assert set(nodes) == {client.connection.node_id}
    found = []
    for partition in {partition_of(java_hash(number), len(nodes)) for number in range(20)}:
        entries = client.scan(thousand, partition=partition)
        assert all(partition_of(java_hash(key), len(nodes)) == partition for key, _ in entries)
        found += [key for key, _ in entries if key < 20]
    assert sorted(found) == list(range(20))
    with pytest.raises(DatabaseError, match="Invalid partition number: 5000"):
        client.scan(thousand, partition=5000)


@pytest.mark.parametrize("options", [{"page_size": 0}, {"page_size": -1}, {"page_size": 2**31}, {"partition": -1}])
def test_scans_that_cannot_be(client: Client, thousand: CacheAccess, options: dict[str, int]) -> None:
    with pytest.raises(ProgrammingError):
        ScanState(client.session, thousand, **options)


def test_scans_leave_no_cursors_open(client: Client, thousand: CacheAccess) -> None:
    """128 of them would be the end of the connection."""
    run = client.connection._run
    for _ in range(150):
        scan = ScanState(client.session, thousand, page_size=10)
        run(scan.fetch(5))
        run(scan.close())
    for _ in range(150):
        run(ScanState(client.session, thousand, page_size=10).fetch(5))
    for _ in range(150):
        with pytest.raises(DatabaseError):
            client.scan(thousand, partition=5000)
    for _ in range(150):
        with pytest.raises(DatabaseError):
            client.connection.execute("SELECT 1 / (x - x) FROM system_range(1, 2)").fetchall()
        client.scan(thousand)
    assert sorted(client.scan(thousand, page_size=10)) == THOUSAND


def test_scans_and_sql_side_by_side(client: Client, thousand: CacheAccess) -> None:
    scans = [ScanState(client.session, thousand, page_size=50) for _ in range(5)]
    cursor = client.connection.execute("SELECT x FROM system_range(1, 5000)", page_size=100)
    rows, entries = [], []
    while row := cursor.fetchone():
        rows.append(row[0])
        entries += [(index, client.connection._run(scan.fetch(1))) for index, scan in enumerate(scans)]
    assert rows == list(range(1, 5001))
    for index in range(len(scans)):
        assert sorted(one for place, found in entries if place == index for one in found) == THOUSAND


def test_index_queries(client: Client, new_cache: Callable[..., CacheAccess]) -> None:
    entity = QueryEntity(
        "java.lang.Long", "test.Town", "TOWN",
        query_fields=[QueryField("NAME", "java.lang.String"), QueryField("SIZE", "java.lang.Integer")],
        query_indexes=[QueryIndex("BY_SIZE", fields=[{"name": "SIZE"}])],
    )  # fmt: skip
    cache = new_cache(query_entities=[entity], sql_schema="PUBLIC")
    towns = {
        number: BinaryObject("test.Town", {"NAME": f"town {number}", "SIZE": Typed(TypeCode.INT, number % 10)})
        for number in range(100)
    }
    client.run(operations.put_all, cache, towns)
    assert client.connection.execute("SELECT COUNT(*) FROM town WHERE size = 3").fetchall() == [(10,)]

    def query(*arguments: Any, **options: Any) -> list[tuple[Any, Any]]:
        state = IndexQueryState(client.session, cache, "test.Town", *arguments, **options)
        found: list[tuple[Any, Any]] = client.connection._run(state.fetch())
        return found

    def number(value: int) -> Typed:
        return Typed(TypeCode.INT, value)

    between = query("BY_SIZE", [RangeCriterion("SIZE", number(3), number(5), upper_inclusive=False)], page_size=7)
    assert sorted(key for key, _ in between) == [key for key in range(100) if key % 10 in (3, 4)]
    assert [value["SIZE"] for _, value in between] == [3] * 10 + [4] * 10
    from_eight = query(None, [RangeCriterion("SIZE", number(8), has_upper=False)])
    assert {key % 10 for key, _ in from_eight} == {8, 9}
    assert {key % 10 for key, _ in query("BY_SIZE", [InCriterion("SIZE", [number(1), number(7)])])} == {1, 7}
    assert len(query("BY_SIZE")) == 100
    assert len(query("BY_SIZE", limit=15)) == 15
    with pytest.raises(ProgrammingError, match="limit of -1"):
        query("BY_SIZE", limit=-1)
    with pytest.raises(DatabaseError, match="NO_SUCH_INDEX"):
        query("NO_SUCH_INDEX")


# --- transactions -----------------------------------------------------------------------------------------------------

MODES = list(itertools.product(Concurrency, Isolation))


@pytest.mark.parametrize(("concurrency", "isolation"), MODES, ids=lambda mode: mode.name)
def test_transactions(
    client: Client, other: Client, accounts: CacheAccess, concurrency: Concurrency, isolation: Isolation
) -> None:
    client.run(operations.put_all, accounts, {1: 100, 2: 200})
    transaction = client.start(concurrency, isolation, 60_000, "move")
    within = attrs.evolve(accounts, transaction=transaction)
    assert client.run(operations.get, within, 1) == 100
    client.run(operations.put, within, 1, 50)
    client.run(operations.put_all, within, {2: 250, 3: 5})
    client.run(operations.remove_keys, within, [3])
    assert sorted(client.run(operations.get_all, within, [1, 2, 3])) == [(1, 50), (2, 250)]
    assert sorted(other.run(operations.get_all, accounts, [1, 2, 3])) == [(1, 100), (2, 200)]
    assert transaction.is_open
    client.end(transaction, commit=True)
    assert not transaction.is_open
    assert sorted(other.scan(accounts)) == [(1, 50), (2, 250)]

    transaction = client.start(concurrency, isolation, 60_000)
    client.run(operations.get_and_remove, attrs.evolve(accounts, transaction=transaction), 1)
    client.end(transaction, commit=False)
    assert sorted(other.scan(accounts)) == [(1, 50), (2, 250)]


def test_what_has_ended_is_never_sent(client: Client, other: Client, accounts: CacheAccess) -> None:
    transaction = client.start(timeout=60_000)
    within = attrs.evolve(accounts, transaction=transaction)
    client.end(transaction, commit=False)
    client.end(transaction, commit=False)
    for operation, arguments in [(operations.put, (1, 1)), (operations.get, (1,)), (operations.put_all, ({1: 1},))]:
        with pytest.raises(ProgrammingError, match="committed or rolled back already") as error:
            client.run(operation, within, *arguments)
        assert error.value.code == "transaction_ended"
    with pytest.raises(ProgrammingError, match="committed or rolled back already"):
        client.end(transaction, commit=True)
    transaction = client.start(timeout=60_000)
    with pytest.raises(InterfaceError, match="another connection"):
        other.run(operations.put, attrs.evolve(accounts, transaction=transaction), 1, 1)
    client.end(transaction, commit=False)
    assert client.run(operations.get_size, accounts) == 0


def test_transactions_end_with_their_connection(server: Any, other: Client, accounts: CacheAccess) -> None:
    with ignite_dbapi.connect(server.url) as connection:
        client = Client(connection)
        transaction = client.start(timeout=60_000)
        client.run(operations.put, attrs.evolve(accounts, transaction=transaction), 1, 1)
    assert not transaction.is_open
    with pytest.raises(InterfaceError, match="closed"):
        client.end(transaction, commit=True)
    assert other.run(operations.get, accounts, 1) is None


def test_several_transactions_on_one_connection(client: Client, accounts: CacheAccess) -> None:
    transactions = [client.start(timeout=60_000) for _ in range(5)]
    for number, transaction in enumerate(transactions):
        client.run(operations.put, attrs.evolve(accounts, transaction=transaction), number, number)
    for number, transaction in enumerate(transactions):
        client.end(transaction, commit=number % 2 == 0)
    assert sorted(client.scan(accounts)) == [(0, 0), (2, 2), (4, 4)]


def test_a_waiting_operation_does_not_hold_up_others(client: Client, accounts: CacheAccess) -> None:
    """One transaction waits for a lock of another one, whose commit must get through."""
    holder, waiter = client.start(timeout=60_000), client.start(timeout=60_000)
    client.run(operations.put, attrs.evolve(accounts, transaction=holder), 1, "holder")
    thread = threading.Thread(
        target=client.run, args=(operations.put, attrs.evolve(accounts, transaction=waiter), 1, "waiter")
    )
    thread.start()
    time.sleep(0.2)
    assert thread.is_alive()
    client.end(holder, commit=True)
    thread.join(10)
    assert not thread.is_alive()
    client.end(waiter, commit=True)
    assert client.run(operations.get, accounts, 1) == "waiter"


def test_transactions_that_time_out(client: Client, other: Client, accounts: CacheAccess) -> None:
    transaction = client.start(timeout=200)
    within = attrs.evolve(accounts, transaction=transaction)
    client.run(operations.put, within, 1, 1)
    time.sleep(0.5)
    with pytest.raises(OperationalError, match="timed out"):
        client.run(operations.put, within, 2, 2)
    with pytest.raises(OperationalError, match="rolled back instead of committed") as error:
        client.end(transaction, commit=True)
    assert error.value.code == "commit_failed"
    assert other.run(operations.get_size, accounts) == 0
    with pytest.raises(ProgrammingError, match="timeout of -1"):
        client.start(timeout=-1)


def test_what_takes_no_part_in_transactions(
    client: Client, accounts: CacheAccess, new_cache: Callable[..., CacheAccess]
) -> None:
    atomic = new_cache()
    client.run(operations.put, accounts, 1, 1)
    transaction = client.start(timeout=60_000)
    within = attrs.evolve(accounts, transaction=transaction)
    for operation, arguments in [
        (operations.clear, ()),
        (operations.remove_all, ()),
        (operations.clear_key, (1,)),
        (operations.clear_keys, ([1],)),
    ]:
        with pytest.raises(NotSupportedError, match="takes no part in transactions"):
            client.run(operation, within, *arguments)
    for operation in (operations.create, operations.get_or_create, operations.destroy):
        with pytest.raises(NotSupportedError, match="while a transaction is open"):
            client.run(operation, accounts.name)
    with pytest.raises(NotSupportedError, match="spans operations on atomic cache"):
        client.run(operations.put, attrs.evolve(atomic, transaction=transaction), 1, 1)
    client.end(transaction, commit=False)
    assert client.run(operations.get, accounts, 1) == 1


def test_scans_see_what_they_can(client: Client, accounts: CacheAccess) -> None:
    for isolation, seen in [(Isolation.READ_COMMITTED, [(1, 1)]), (Isolation.REPEATABLE_READ, [])]:
        transaction = client.start(Concurrency.PESSIMISTIC, isolation, 60_000)
        within = attrs.evolve(accounts, transaction=transaction)
        client.run(operations.put, within, 1, 1)
        assert transaction.joins_queries is (isolation is Isolation.READ_COMMITTED)
        assert client.scan(within) == seen
        assert client.scan(accounts) == []
        client.end(transaction, commit=False)


def test_one_transaction_over_sql_and_entries(server: Any, client: Client) -> None:
    client.connection.execute("DROP TABLE IF EXISTS of_both")
    client.connection.execute(
        'CREATE TABLE of_both (id BIGINT PRIMARY KEY, v BIGINT) WITH "atomicity=transactional,wrap_value=false"'
    )
    table = CacheAccess("SQL_PUBLIC_OF_BOTH")
    with ignite_dbapi.connect(server.url, autocommit=False, transaction_timeout=60) as connection:
        inside = Client(connection)
        assert inside.run(operations.get, table, 1) is None
        assert not connection.in_transaction
        inside.run(operations.put, table, 1, 10)
        assert connection.in_transaction
        connection.execute("INSERT INTO of_both VALUES (?, ?)", (2, 20))
        inside.run(operations.put_all, table, {3: 30, 4: 40})
        assert connection.execute("SELECT * FROM of_both ORDER BY id").fetchall() == [
            (1, 10),
            (2, 20),
            (3, 30),
            (4, 40),
        ]
        assert sorted(inside.scan(table)) == [(1, 10), (2, 20), (3, 30), (4, 40)]
        assert client.scan(table) == []
        with pytest.raises(NotSupportedError, match="no part in transactions"):
            inside.run(operations.remove_all, table)
        with pytest.raises(NotSupportedError, match="while a transaction is open"):
            inside.run(operations.create, "meanwhile")
        connection.rollback()
        assert client.scan(table) == []
        inside.run(operations.put, table, 5, 50)
        connection.commit()
    assert client.scan(table) == [(5, 50)]
    client.connection.execute("DROP TABLE of_both")


def test_what_a_cancelled_task_has_sent_is_waited_for(server: Any, client: Client, accounts: CacheAccess) -> None:
    """A transaction that ended before a request that is under way would leave its effect outside of any."""

    async def work() -> None:
        async with await ignite_dbapi.aio.connect(server.url) as connection:
            session, run = connection._session, connection._run
            transaction = await run(explicit_transactions.start(session, timeout=60_000))
            within = attrs.evolve(accounts, transaction=transaction)
            task = asyncio.create_task(run(operations.put(session, within, 1, "waits")))
            await asyncio.sleep(0.3)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert len(transaction.unanswered) == 1
            ending = asyncio.create_task(run(explicit_transactions.end(transaction, commit=False)))
            await asyncio.sleep(0.2)
            assert not ending.done()
            await asyncio.to_thread(client.end, holder, commit=True)
            await asyncio.wait_for(ending, 30)
            assert transaction.unanswered == []

    holder = client.start(timeout=60_000)
    client.run(operations.put, attrs.evolve(accounts, transaction=holder), 1, "holds")
    asyncio.run(work())
    assert client.run(operations.get, accounts, 1) == "holds"


def test_scans_that_were_given_up_go_on(server: Any, thousand: CacheAccess) -> None:
    async def work() -> None:
        async with await ignite_dbapi.aio.connect(server.url) as connection:
            scan = ScanState(connection._session, thousand, page_size=10)
            entries = []
            for _ in range(400):
                task = asyncio.create_task(connection._run(scan.fetch(7)))
                await asyncio.sleep(0)
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    entries += await task
                entries += await connection._run(scan.fetch(3))
            assert sorted(entries) == THOUSAND

    asyncio.run(work())


# --- code on the server, and other clusters ---------------------------------------------------------------------

# A class that servers with the H2 engine have: it sets a value where there is none, and tells whether it could not.
PROCESSOR = BinaryObject(
    "org.apache.ignite.internal.processors.query.h2.DmlStatementsProcessor$InsertEntryProcessor", {"val": 77}
)


def test_invoke(client: Client, cache: CacheAccess) -> None:
    assert client.run(operations.invoke, cache, "k", PROCESSOR) is None
    assert client.run(operations.get, cache, "k") == 77
    assert client.run(operations.invoke, cache, "k", PROCESSOR, ["argument"]) is False
    outcomes = client.run(operations.invoke_all, cache, ["k", "new"], PROCESSOR)
    assert {outcome.key: outcome.value for outcome in outcomes if outcome.error is None} == {"k": False}
    assert sorted(client.scan(cache)) == [("k", 77), ("new", 77)]
    assert all(isinstance(outcome, InvokeOutcome) for outcome in outcomes)


def test_invoke_within_a_transaction(client: Client, accounts: CacheAccess) -> None:
    transaction = client.start(timeout=60_000)
    client.run(operations.invoke, attrs.evolve(accounts, transaction=transaction), 1, PROCESSOR)
    client.end(transaction, commit=False)
    assert client.run(operations.get, accounts, 1) is None


def test_invoke_of_what_the_server_does_not_have(client: Client, accounts: CacheAccess) -> None:
    with pytest.raises(DatabaseError, match=r"no\.such\.Processor"):
        client.run(operations.invoke, accounts, 1, BinaryObject("no.such.Processor", {"a": 1}))
    with pytest.raises(DatabaseError, match="should be marshalled as a BinaryObject"):
        client.run(operations.invoke, accounts, 1, 5)
    with pytest.raises(DatabaseError, match=r"InsertEntryProcessor cannot be cast to class .*IgniteBiPredicate"):
        client.scan(accounts, entry_filter=PROCESSOR)


def test_entries_of_other_clusters(client: Client, cache: CacheAccess) -> None:
    version = EntryVersion(topology_version=1, order=5, data_center=31)
    soon = int(time.time() * 1000) + 500
    client.run(
        operations.put_all_conflict,
        cache,
        [ConflictEntry(1, "kept", version), ConflictEntry(2, "short", version, soon), ConflictEntry(3, "x", version)],
    )
    assert client.run(operations.get, cache, 1) == "kept"
    client.run(operations.remove_all_conflict, cache, [(3, EntryVersion(1, 6, data_center=31)), (9, version)])
    assert client.run(operations.contains_key, cache, 3) is False
    assert gone_within(client, cache, 2, 10)
    assert client.run(operations.get, cache, 1) == "kept"


def test_features_that_the_server_does_not_have(client: Client, accounts: CacheAccess) -> None:
    client.session.context.features = 0
    for operation, arguments in [
        (operations.invoke, (1, PROCESSOR)),
        (operations.invoke_all, ([1], PROCESSOR)),
        (operations.put_all_conflict, ([],)),
        (operations.remove_all_conflict, ([],)),
    ]:
        with pytest.raises(NotSupportedError, match="server does not offer"):
            client.run(operation, accounts, *arguments)
    with pytest.raises(NotSupportedError, match="server does not offer"):
        IndexQueryState(client.session, accounts, "T")
