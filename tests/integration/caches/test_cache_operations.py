"""The operations of caches on a real node: entries, caches and their configuration, expiry, code on the server."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import attrs
import pytest

import ignite_dbapi
import ignite_dbapi.aio
from ignite_dbapi.errors import (
    DatabaseError,
    IntegrityError,
    NotSupportedError,
    ProgrammingError,
)
from ignite_dbapi.operations import cache as operations
from ignite_dbapi.operations import explicit_transactions
from ignite_dbapi.operations.cache import CacheAccess
from ignite_dbapi.operations.scans import IndexQueryState, ScanState
from ignite_dbapi.protocol.codec import TypeCode
from ignite_dbapi.protocol.codec.values import (
    BinaryObject,
    Typed,
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
from tests.cache_client import Client

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
    again = client.run(operations.get_configuration, cache.name)
    # The server keeps the aliases in a map, whose order depends on how it was filled.
    (entity,) = again.query_entities
    assert set(entity.field_name_aliases) == set(found_entity.field_name_aliases)
    entity = attrs.evolve(entity, field_name_aliases=found_entity.field_name_aliases)
    assert attrs.evolve(again, query_entities=(entity,)) == found


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
    short = attrs.evolve(cache, expiry=ExpiryPolicy(create=3000, update=ExpiryPolicy.ETERNAL))
    client.run(operations.put, short, "created", 1)
    client.run(operations.put_all, short, {"batch": 1})
    client.run(operations.put, cache, "kept", 1)
    client.run(operations.put, short, "updated", 1)
    client.run(operations.put, short, "updated", 2)
    assert gone_within(client, cache, "created", 60)
    assert gone_within(client, cache, "batch", 60)
    assert client.run(operations.contains_keys, cache, ["kept", "updated"]) is True
    client.run(operations.get, attrs.evolve(cache, expiry=ExpiryPolicy(access=100)), "kept")
    assert gone_within(client, cache, "kept", 60)


def test_expiry_of_a_cache(client: Client, new_cache: Callable[..., CacheAccess]) -> None:
    cache = new_cache(expiry_policy=ExpiryPolicy(create=300))
    client.run(operations.put, cache, 1, 1)
    client.run(operations.put, attrs.evolve(cache, expiry=ExpiryPolicy(create=ExpiryPolicy.ETERNAL)), 2, 2)
    assert gone_within(client, cache, 1, 60)
    assert client.run(operations.get, cache, 2) == 2


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
