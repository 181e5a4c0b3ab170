"""Scans and index queries on a real node."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from ignite_dbapi.errors import (
    DatabaseError,
    InterfaceError,
    ProgrammingError,
)
from ignite_dbapi.operations import cache as operations
from ignite_dbapi.operations.cache import CacheAccess
from ignite_dbapi.operations.scans import NO_ENTRY, IndexQueryState, ScanState
from ignite_dbapi.protocol.codec import TypeCode
from ignite_dbapi.protocol.codec.hashing import java_hash, partition_of
from ignite_dbapi.protocol.codec.values import (
    BinaryObject,
    Typed,
)
from ignite_dbapi.protocol.messages.cache_configuration import (
    QueryEntity,
    QueryField,
    QueryIndex,
)
from ignite_dbapi.protocol.messages.scans import InCriterion, RangeCriterion
from tests.cache_client import THOUSAND, Client


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
