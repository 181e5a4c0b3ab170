"""SQL over a key-value client, and entries behind rows."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Iterator
from typing import Any

import pytest

import ignite_dbapi
from ignite_dbapi.keyvalue import AioClient, Client
from ignite_dbapi.keyvalue.datatypes import ByteObject, IntObject, String
from ignite_dbapi.keyvalue.datatypes.prop_codes import PROP_NAME, PROP_QUERY_ENTITIES, PROP_SQL_SCHEMA
from ignite_dbapi.keyvalue.datatypes.sql import StatementType
from ignite_dbapi.keyvalue.exceptions import CacheError, ParameterError, ParseError, SQLError

_numbers = itertools.count(1)


@pytest.fixture
def students(server: Any, client_arguments: dict[str, Any]) -> Iterator[str]:
    """A table with five rows."""
    name = f"student{next(_numbers)}"
    with Client(**client_arguments).connect(server.addresses) as client:
        client.sql(f"CREATE TABLE {name} (id INT PRIMARY KEY, name VARCHAR, grade INT)")
        for number, person in enumerate(("John", "Jane", "Joe", "Richard", "Negidius")):
            client.sql(
                f"INSERT INTO {name} (id, name, grade) VALUES (?, ?, ?)", query_args=[number, person, number % 3]
            )
        yield name
        client.sql(f"DROP TABLE IF EXISTS {name}")


@pytest.mark.parametrize("page_size", [1, 2, 1024])
def test_rows(client: Any, students: str, page_size: int) -> None:
    rows = client.sql(f"SELECT id, name FROM {students} ORDER BY id", page_size=page_size, include_field_names=True)
    assert next(rows) == ["ID", "NAME"]
    assert next(rows) == [0, "John"]
    assert list(rows) == [[1, "Jane"], [2, "Joe"], [3, "Richard"], [4, "Negidius"]]
    assert list(rows) == []
    assert not rows.more
    assert rows.field_names == ["ID", "NAME"]


def test_block(client: Any, students: str) -> None:
    with client.sql(f"SELECT id FROM {students} ORDER BY id", page_size=1) as rows:
        for row in rows:
            assert row == [0]
            break
        assert rows.more
        assert rows.connection.alive
    assert list(rows) == []


def test_counts(client: Any, students: str) -> None:
    assert list(client.sql(f"UPDATE {students} SET grade = 9 WHERE id < ?", query_args=(2,))) == [[2]]
    rows = client.sql(f"DELETE FROM {students} WHERE grade = 9", include_field_names=True)
    assert list(rows) == [["UPDATED"], [2]]
    assert list(client.sql(f"CREATE INDEX ON {students} (name)")) == [[0]]
    assert list(client.sql(f"SELECT COUNT(*) FROM {students}")) == [[3]]


def test_most_rows(client: Any, students: str) -> None:
    for most, expected in ((0, 0), (3, 3), (100, 5), (-1, 5)):
        assert len(list(client.sql(f"SELECT * FROM {students}", max_rows=most, page_size=2))) == expected


def test_options(client: Any, students: str) -> None:
    everything = {
        "distributed_joins": True,
        "local": False,
        "replicated_only": True,
        "enforce_join_order": True,
        "collocated": True,
        "lazy": True,
        "timeout": 5000,
        "statement_type": StatementType.SELECT,
    }
    assert len(list(client.sql(f"SELECT * FROM {students}", **everything))) == 5
    assert len(list(client.sql(f"SELECT * FROM {students}", local=True))) == 5
    with pytest.raises(SQLError, match="statement type"):
        client.sql(f"SELECT * FROM {students}", statement_type=StatementType.UPDATE)
    with pytest.raises(SQLError, match="cancelled") as cancelled:
        list(client.sql("SELECT COUNT(*) FROM SYSTEM_RANGE(1, 100000000) WHERE X % 7 = 3", timeout=100))
    assert isinstance(cancelled.value, ignite_dbapi.OperationalError)
    for wrong in ({"timeout": -1}, {"timeout": 1.5}, {"page_size": 0}, {"lazy": "perhaps"}):
        with pytest.raises(ParameterError):
            client.sql("SELECT 1", **wrong)
    with pytest.raises(ParameterError, match="not str"):
        client.sql("SELECT ?", query_args="x")
    with pytest.raises(ParameterError, match="text"):
        client.sql(5)


def test_hinted_arguments(client: Any, students: str) -> None:
    rows = client.sql(
        f"SELECT name FROM {students} WHERE id = ? OR name = ?", query_args=[(1, ByteObject), ("Joe", String)]
    )
    assert sorted(rows) == [["Jane"], ["Joe"]]
    with pytest.raises(ParseError):
        client.sql("SELECT ?", query_args=[(1000, ByteObject)])
    with pytest.raises(SQLError, match="2 parameters, but 1"):
        client.sql("SELECT ?, ?", query_args=[1])


def test_errors(client: Any) -> None:
    with pytest.raises(SQLError, match="NO_SUCH_TABLE") as refused:
        client.sql("SELECT * FROM no_such_table")
    assert isinstance(refused.value, (CacheError, ignite_dbapi.ProgrammingError))
    assert refused.value.sqlstate == "42000"
    # The error of a row may come with a later page.
    with pytest.raises(SQLError, match=r"[Dd]ivision by zero"):
        list(client.sql("SELECT 1 / (X - 2000) FROM SYSTEM_RANGE(1, 3000)", page_size=10, lazy=True))
    assert list(client.sql("SELECT 1")) == [[1]]


def test_schemas(client: Any, make_cache: Any, server: Any) -> None:
    cache = make_cache(
        {
            PROP_SQL_SCHEMA: "Mixed",
            PROP_QUERY_ENTITIES: [
                {
                    "table_name": "T",
                    "key_type_name": "java.lang.Integer",
                    "key_field_name": "K",
                    "value_type_name": "java.lang.String",
                    "value_field_name": "V",
                    "query_fields": [
                        {"name": "K", "type_name": "java.lang.Integer"},
                        {"name": "V", "type_name": "java.lang.String"},
                    ],
                }
            ],
        }
    )
    cache.put(1, "one", key_hint=IntObject)
    schema = cache.settings[PROP_SQL_SCHEMA].upper()
    for where in ({"schema": schema}, {"cache": cache}, {"cache": cache.name}, {"cache": cache.cache_id}):
        assert list(client.sql("SELECT v FROM t", **where)) == [["one"]]
    assert list(client.sql("SELECT v FROM t", schema=None, cache=cache)) == [["one"]]
    with pytest.raises(SQLError, match="Failed to set schema"):
        client.sql("SELECT 1", schema="NONE")
    with pytest.raises(SQLError, match="Cache does not exist"):
        client.sql("SELECT 1", schema=None, cache="no such cache")
    assert list(client.sql("SELECT 1", schema=None)) == [[1]]


def test_entries(client: Any, students: str) -> None:
    cache = client.get_cache(f"SQL_PUBLIC_{students.upper()}")
    with cache.select_row("ORDER BY id", page_size=2) as rows:
        found = list(rows)
    assert [(key, value.NAME) for key, value in found][:2] == [(0, "John"), (1, "Jane")]
    assert found[0][1].type_name == cache.settings[PROP_QUERY_ENTITIES][0]["value_type_name"]
    rows = cache.select_row("id > ? AND id < 4", query_args=[(1, IntObject)], timeout=10_000, distributed_joins=True)
    assert sorted(key for key, _ in rows) == [2, 3]
    value = cache.get(0, key_hint=IntObject)
    value.GRADE = 8
    cache.put(0, value, key_hint=IntObject)
    assert list(client.sql(f"SELECT grade FROM {students} WHERE id = 0")) == [[8]]
    with pytest.raises(SQLError, match="NO_COLUMN"):
        cache.select_row("no_column = 1")
    with pytest.raises(CacheError, match="timeout of -1"):
        cache.select_row("id = 1", timeout=-1)


def test_entries_without_table(cache: Any) -> None:
    with pytest.raises(SQLError, match="has no query entity"):
        cache.select_row("1 = 1")
    assert cache.settings[PROP_NAME] == cache.name


def test_many_rows(client: Any) -> None:
    rows = client.sql("SELECT X FROM SYSTEM_RANGE(1, 5000)", page_size=100)
    assert [row[0] for row in rows] == list(range(1, 5001))


def test_iterating_before_opening(server: Any, client_arguments: dict[str, Any]) -> None:
    async def work() -> None:
        client = AioClient(**client_arguments)
        async with client.connect(server.addresses):
            with pytest.raises(SQLError, match="await it"):
                await client.sql("SELECT 1").__anext__()
            cursor = await client.sql("SELECT 1")
            assert await cursor.__anext__() == [1]
            with pytest.raises(StopAsyncIteration):
                await cursor.__anext__()
            await cursor.close()

    asyncio.run(work())
