"""The bytes of requests for caches and of their answers, as captured and as laid down; hostile answers."""

from __future__ import annotations

import pickle
import struct
from datetime import timedelta
from typing import Any
from uuid import UUID

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ignite_dbapi.errors import DataError, IntegrityError, NotSupportedError, ProgrammingError, ProtocolError
from ignite_dbapi.protocol.codec import MissingFact, Reader, TypeCode, Writer
from ignite_dbapi.protocol.codec.names import string_hash
from ignite_dbapi.protocol.codec.values import Typed
from ignite_dbapi.protocol.context import ALL_FEATURES, Context, Feature
from ignite_dbapi.protocol.exchange import Exchange
from ignite_dbapi.protocol.messages import cache as messages
from ignite_dbapi.protocol.messages.affinity import CachePartitions
from ignite_dbapi.protocol.messages.base import Message
from ignite_dbapi.protocol.messages.cache import (
    Batch,
    CacheHeader,
    ConflictEntry,
    EntryVersion,
    InvokeOutcome,
    PeekMode,
)
from ignite_dbapi.protocol.messages.cache_configuration import (
    PROPERTIES,
    PROPERTIES_BY_NAME,
    CacheAtomicityMode,
    CacheConfiguration,
    CacheMode,
    CacheProperty,
    ExpiryPolicy,
    FieldAlias,
    IndexField,
    IndexType,
    KeyConfiguration,
    PartitionLossPolicy,
    QueryEntity,
    QueryField,
    QueryIndex,
    RebalanceMode,
    WriteSynchronizationMode,
)
from ignite_dbapi.protocol.messages.scans import (
    InCriterion,
    IndexPage,
    IndexQuery,
    RangeCriterion,
    ScanPage,
    ScanQuery,
)
from tests.unit.pages import encoded, known, page_bytes

HEADER = CacheHeader(7)
PLAIN = bytes.fromhex("0700000000")


def context(version: tuple[int, int, int] = (1, 7, 0), features: int = ALL_FEATURES) -> Context:
    return Context(version, features, None, known())


def written(message: Message[Any], agreed: Context | None = None) -> bytes:
    writer = Writer(known())
    message.encode(writer, agreed or context())
    return bytes(writer.buffer)


def answered(message: Message[Any], payload: bytes, agreed: Context | None = None) -> Any:
    agreed = agreed or context()
    return message.decode(Reader(payload, agreed.knowledge), agreed)


def int_of(number: int) -> bytes:
    return struct.pack("<i", number)


def batch(*keys: Any) -> Batch:
    return Batch.of_keys(keys, 0, known(), size_limit=1 << 20, count_limit=1000)


# --- requests for entries -------------------------------------------------------------------------------------


def test_put_as_captured() -> None:
    running = Exchange(context())
    for _ in range(8):
        running.request(messages.CacheNames())
    header = CacheHeader(97600673, ExpiryPolicy(create=1000), keep_binary=True)
    _, data = running.request(messages.Put(header, (Typed(TypeCode.INT, 1), "v")))
    assert data.hex() == (
        "32000000e9030900000000000000a144d10505e803000000000000fefffffffffffffffeffffffffffffff0301000000090100000076"
    )


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (CacheHeader(-2), "feffffff00"),
        (CacheHeader(7, keep_binary=True), "0700000001"),
        (CacheHeader(7, transaction_id=9), "070000000209000000"),
        (
            CacheHeader(7, ExpiryPolicy(1, -1, 0), 9, True),
            "0700000007" + "0100000000000000" + "ffffffffffffffff" + "0000000000000000" + "09000000",
        ),
    ],
)
def test_headers(header: CacheHeader, expected: str) -> None:
    assert written(messages.Clear(header)).hex() == expected


K, V, W = (encoded([value]) for value in (1, "v", 2.5))
ENTRIES = Batch.of_entries([(1, "v"), (2.5, 1)], 0, known(), size_limit=1 << 20)
VERSION = bytes.fromhex("fe17000000") + b"\x65" + int_of(
    string_hash("org.apache.ignite.internal.processors.cache.version.GridCacheVersion")
) + bytes(2) + struct.pack("<iqI", 3, 4, 5 | 31 << 27)  # fmt: skip

REQUESTS: list[tuple[Message[Any], int, bytes]] = [
    (messages.Get(HEADER, (1,)), 1000, K),
    (messages.Put(HEADER, (1, "v")), 1001, K + V),
    (messages.PutIfAbsent(HEADER, (1, "v")), 1002, K + V),
    (messages.GetAll(HEADER, batch(1, "v")), 1003, int_of(2) + K + V),
    (messages.PutAll(HEADER, ENTRIES), 1004, int_of(2) + K + V + W + K),
    (messages.GetAndPut(HEADER, (1, "v")), 1005, K + V),
    (messages.GetAndReplace(HEADER, (1, "v")), 1006, K + V),
    (messages.GetAndRemove(HEADER, (1,)), 1007, K),
    (messages.GetAndPutIfAbsent(HEADER, (1, "v")), 1008, K + V),
    (messages.Replace(HEADER, (1, "v")), 1009, K + V),
    (messages.ReplaceIfEquals(HEADER, (1, "v", 2.5)), 1010, K + V + W),
    (messages.ContainsKey(HEADER, (1,)), 1011, K),
    (messages.ContainsKeys(HEADER, batch(1, "v")), 1012, int_of(2) + K + V),
    (messages.Clear(HEADER), 1013, b""),
    (messages.ClearKey(HEADER, (1,)), 1014, K),
    (messages.ClearKeys(HEADER, batch(1)), 1015, int_of(1) + K),
    (messages.RemoveKey(HEADER, (1,)), 1016, K),
    (messages.RemoveIfEquals(HEADER, (1, "v")), 1017, K + V),
    (messages.RemoveKeys(HEADER, batch(1)), 1018, int_of(1) + K),
    (messages.RemoveAll(HEADER), 1019, b""),
    (messages.GetSize(HEADER), 1020, int_of(0)),
    (messages.GetSize(HEADER, [PeekMode.PRIMARY, PeekMode.BACKUP]), 1020, int_of(2) + b"\x02\x03"),
    (messages.LocalPeek(HEADER, (1,)), 1021, K),
    (
        messages.PutAllConflict(HEADER, [ConflictEntry(1, "v", EntryVersion(3, 4, 5, 31), 6)]),
        1022,
        int_of(1) + K + V + VERSION + struct.pack("<q", 6),
    ),
    (messages.RemoveAllConflict(HEADER, [(1, EntryVersion(3, 4, 5, 31))]), 1023, int_of(1) + K + VERSION),
    (messages.Invoke(HEADER, 1, "processor", ["v"]), 1024, K + encoded(["processor"]) + b"\x01" + int_of(1) + V),
    (
        messages.InvokeAll(HEADER, [1, "v"], "processor"),
        1025,
        int_of(2) + K + V + encoded(["processor"]) + b"\x01" + int_of(0),
    ),
    (ScanQuery(HEADER), 2000, b"\x65" + int_of(1024) + int_of(-1) + b"\x00"),
    (
        ScanQuery(HEADER, 5, 3, True, filter="filter"),
        2000,
        encoded(["filter"]) + b"\x01" + int_of(5) + int_of(3) + b"\x01",
    ),
    (
        IndexQuery(HEADER, 5, value_type="T"),
        2008,
        int_of(5) + b"\x00" + int_of(-1) + int_of(0) + encoded(["T", None]) + b"\x65\x65",
    ),
    (
        IndexQuery(
            HEADER, 5, 3, True, value_type="T", index_name="I", limit=9, filter="filter",
            criteria=[
                RangeCriterion("A", 1, "v", upper_inclusive=False),
                RangeCriterion("B", None, None, has_lower=False),
                InCriterion("C", [1, 2.5]),
            ],
        ),
        2008,
        int_of(5) + b"\x01" + int_of(3) + int_of(9) + encoded(["T", "I"]) + b"\x01" + int_of(3)
        + b"\x00" + encoded(["A"]) + bytes([1, 0, 0, 0]) + K + V
        + b"\x00" + encoded(["B"]) + bytes([1, 1, 0, 1]) + b"\x65\x65"
        + b"\x01" + encoded(["C"]) + int_of(2) + K + W
        + encoded(["filter"]),
    ),
]  # fmt: skip


@pytest.mark.parametrize(("message", "op_code", "payload"), REQUESTS, ids=lambda value: type(value).__name__)
def test_requests(message: Message[Any], op_code: int, payload: bytes) -> None:
    assert message.op_code == op_code
    assert written(message) == PLAIN + payload


def test_every_operation_on_entries_is_there() -> None:
    assert {op_code for _, op_code, _ in REQUESTS} == {*range(1000, 1026), 2000, 2008}


def test_index_queries_of_servers_without_a_limit() -> None:
    without = context(features=ALL_FEATURES & ~(1 << Feature.INDEX_QUERY_LIMIT))
    message = IndexQuery(HEADER, 5, value_type="T", limit=9)
    assert len(written(message, without)) == len(written(message)) - 4


def test_pages_are_asked_for_by_cursor() -> None:
    assert (written(ScanPage(5)), ScanPage.op_code) == (struct.pack("<q", 5), 2001)
    assert (written(IndexPage(5)), IndexPage.op_code) == (struct.pack("<q", 5), 2009)


@pytest.mark.parametrize(
    "message",
    [
        messages.Get(HEADER, (None,)),
        messages.Put(HEADER, (1, None)),
        messages.ReplaceIfEquals(HEADER, (1, 2, None)),
    ],
)
def test_no_nulls(message: Message[Any]) -> None:
    with pytest.raises(IntegrityError, match="no NULL keys and values") as error:
        written(message)
    assert error.value.code == "null_entry"


def test_no_nulls_in_batches() -> None:
    with pytest.raises(IntegrityError, match="NULL"):
        batch(1, None)
    for entry in ((None, 1), (1, None)):
        with pytest.raises(IntegrityError, match="NULL"):
            Batch.of_entries([entry], 0, known(), size_limit=1)


def test_expiry_needs_a_server_that_knows_it() -> None:
    message = messages.Put(CacheHeader(7, ExpiryPolicy(1)), (1, 2))
    with pytest.raises(NotSupportedError, match=r"1\.6\.0"):
        written(message, context((1, 5, 0), 0))
    assert written(message, context((1, 6, 0), 0))[4] == 4


@given(st.lists(st.text(max_size=40), max_size=30), st.integers(1, 200), st.integers(1, 7))
def test_batches_put_together_are_all_keys(keys: list[str], size_limit: int, count_limit: int) -> None:
    knowledge = known()
    data, start = b"", 0
    while start < len(keys):
        part = Batch.of_keys(keys, start, knowledge, size_limit=size_limit, count_limit=count_limit)
        assert 1 <= part.count <= count_limit
        last = len(encoded([keys[start + part.count - 1]]))
        assert len(part.data) - last < size_limit
        data += part.data
        start += part.count
    assert data == encoded(keys)


@given(st.lists(st.tuples(st.integers(0, 9), st.text(max_size=40)), max_size=30), st.integers(1, 200))
def test_batches_put_together_are_all_entries(entries: list[tuple[int, str]], size_limit: int) -> None:
    data, start = b"", 0
    while start < len(entries):
        part = Batch.of_entries(entries, start, known(), size_limit=size_limit)
        data += part.data
        start += part.count
    assert start == len(entries)
    assert data == encoded([item for entry in entries for item in entry])


# --- answers ----------------------------------------------------------------------------------------------------

ANSWERS: list[tuple[Message[Any], bytes, Any]] = [
    (messages.Get(HEADER, (1,)), V, "v"),
    (messages.Get(HEADER, (1,)), b"\x65", None),
    (messages.Get(HEADER, (1,)), b"\x03\x05\x00\x00\x00", 5),
    (messages.Get(HEADER, (1,), lossless=True), b"\x03\x05\x00\x00\x00", Typed(TypeCode.INT, 5)),
    (messages.GetAndPut(HEADER, (1, 2)), V, "v"),
    (messages.Put(HEADER, (1, 2)), b"", None),
    (messages.PutIfAbsent(HEADER, (1, 2)), b"\x01", True),
    (messages.ContainsKeys(HEADER, batch(1)), b"\x00", False),
    (messages.GetSize(HEADER), struct.pack("<q", 1 << 40), 1 << 40),
    (messages.Invoke(HEADER, 1, "p"), V, "v"),
    (
        messages.InvokeAll(HEADER, [1, 2], "p"),
        int_of(2) + K + b"\x01" + V + V + b"\x00" + encoded(["why"]),
        [InvokeOutcome(1, "v"), InvokeOutcome("v", error="why")],
    ),
    (messages.CacheNames(), int_of(2) + encoded(["a", "b\u00e9"]), ["a", "b\u00e9"]),
]


@pytest.mark.parametrize(("message", "payload", "expected"), ANSWERS)
def test_answers(message: Message[Any], payload: bytes, expected: Any) -> None:
    assert answered(message, payload) == expected


def test_entries_are_decoded_when_they_are_taken() -> None:
    payload = int_of(2) + b"\x03\x01\x00\x00\x00" + V + encoded([["unhashable"]]) + W
    page = answered(messages.GetAll(HEADER, batch(1)), payload)
    assert (page.row_count, page.column_count, page.has_more) == (2, 2, False)
    assert page.take(1, context()) == [(1, "v")]
    assert page.take(9, context()) == [(["unhashable"], 2.5)]
    assert page.take(9, context()) == []
    lossless = answered(messages.GetAll(HEADER, batch(1), lossless=True), payload)
    assert lossless.take(1, context()) == [(Typed(TypeCode.INT, 1), "v")]


@pytest.mark.parametrize("lossless", [False, True])
def test_scans_answer_pages(lossless: bool) -> None:
    rows = page_bytes([[Typed(TypeCode.SHORT, 1), "a"], [2, "b"]], has_more=True)
    answer = answered(ScanQuery(HEADER, lossless=lossless), struct.pack("<q", 5) + rows)
    first = Typed(TypeCode.SHORT, 1) if lossless else 1
    assert (answer.cursor_id, answer.page.has_more) == (5, True)
    assert answer.page.take(9, context()) == [(first, "a"), (2, "b")]
    assert answered(ScanPage(5, lossless), rows).take(1, context()) == [(first, "a")]


@pytest.mark.parametrize(
    ("message", "payload"),
    [
        (messages.Get(HEADER, (1,)), V + b"\x00"),
        (messages.GetAll(HEADER, batch(1)), int_of(0) + b"\x00"),
        (messages.GetAll(HEADER, batch(1)), int_of(1 << 30) + K),
        (messages.GetAll(HEADER, batch(1)), int_of(-1)),
        (messages.InvokeAll(HEADER, [1], "p"), int_of(1 << 30)),
        (messages.CacheNames(), int_of(1 << 30)),
        (ScanQuery(HEADER), struct.pack("<q", 5) + int_of(1 << 20) + b"\x00"),
        (CachePartitions([1]), struct.pack("<qii", 1, 0, 1 << 30)),
    ],
)
def test_answers_that_do_not_hold_what_they_announce(message: Message[Any], payload: bytes) -> None:
    with pytest.raises(ProtocolError):
        answered(message, payload)


# --- configurations -----------------------------------------------------------------------------------------------

ENTITY = QueryEntity(
    "java.lang.Long",
    "Person",
    "PERSON",
    "ID",
    None,
    [
        QueryField("ID", "java.lang.Long", is_key_field=True, is_notnull_constraint_field=True),
        QueryField("NAME", "java.lang.String", default_value="nobody", precision=20),
    ],
    [FieldAlias("NAME", "N")],
    [QueryIndex("I", IndexType.SORTED, 10, [IndexField("NAME", True)]), QueryIndex("J")],
)
ENTITY_BYTES = (
    encoded(["java.lang.Long", "Person", "PERSON", "ID", None])
    + int_of(2)
    + encoded(["ID", "java.lang.Long"]) + b"\x01\x01\x65" + int_of(-1) + int_of(-1)
    + encoded(["NAME", "java.lang.String"]) + b"\x00\x00" + encoded(["nobody"]) + int_of(20) + int_of(-1)
    + int_of(1) + encoded(["NAME", "N"])
    + int_of(2)
    + encoded(["I"]) + b"\x00" + int_of(10) + int_of(1) + encoded(["NAME"]) + b"\x01"
    + encoded(["J"]) + b"\x00" + int_of(-1) + int_of(0)
)  # fmt: skip

EVERYTHING: dict[int, Any] = {
    0: "cache", 1: CacheMode.REPLICATED, 2: CacheAtomicityMode.TRANSACTIONAL, 3: 2,
    4: WriteSynchronizationMode.FULL_ASYNC, 5: False, 6: False, 100: "region", 101: True, 200: (ENTITY,), 201: 3,
    202: 4, 203: "S", 204: 5, 205: True, 206: 6, 300: RebalanceMode.NONE, 301: 7, 302: 8, 303: 9, 304: 10, 305: 11,
    306: 12, 400: "group", 401: (KeyConfiguration("K", "A"),), 402: 13, 403: 14,
    404: PartitionLossPolicy.READ_WRITE_SAFE, 405: False, 406: True, 407: ExpiryPolicy(15, 16, 17),
}  # fmt: skip


def answer_to_configuration(version: tuple[int, int, int] = (1, 7, 0)) -> bytes:
    """Every property of EVERYTHING, put together as servers do."""
    policy = b"\x01" + struct.pack("<qqq", 15, 16, 17) if version >= (1, 6, 0) else b""
    entity = ENTITY_BYTES
    if version < (1, 2, 0):
        entity = entity.replace(int_of(-1) + int_of(-1) + encoded(["NAME"]), encoded(["NAME"]), 1)
        entity = entity.replace(int_of(20) + int_of(-1), b"", 1)
    body = (
        int_of(0) + int_of(2) + int_of(1) + b"\x00" + encoded(["region"]) + b"\x00\x01" + encoded(["group"])
        + struct.pack("<qii", 13, 14, 6) + encoded(["cache"]) + b"\x01" + int_of(2) + int_of(4) + int_of(3) + b"\x00"
        + struct.pack("<iqqiiqq", 9, 10, 7, 2, 11, 12, 8) + b"\x01" + int_of(5) + encoded(["S"]) + int_of(1)
        + int_of(1) + encoded(["K", "A"]) + int_of(1) + entity + policy
    )  # fmt: skip
    return int_of(len(body)) + body


def test_a_configuration_is_read_property_by_property() -> None:
    found = answered(messages.GetConfiguration(7), answer_to_configuration())
    assert found == CacheConfiguration.from_properties(EVERYTHING)
    assert written(messages.GetConfiguration(7)) == PLAIN


@pytest.mark.parametrize("version", [(1, minor, 0) for minor in range(8)])
def test_configurations_of_older_protocols(version: tuple[int, int, int]) -> None:
    found = answered(messages.GetConfiguration(7), answer_to_configuration(version), context(version, 0))
    assert (found.expiry_policy is None) == (version < (1, 6, 0))
    (entity,) = found.query_entities
    assert [field.precision for field in entity.query_fields] == ([-1, -1] if version < (1, 2, 0) else [-1, 20])
    assert attrs.evolve(entity, query_fields=ENTITY.query_fields) == ENTITY


def read_properties(payload: bytes, version: tuple[int, int, int]) -> dict[int, Any]:
    reader = Reader(payload, known())
    assert reader.i32() == reader.remaining()
    found = {}
    for _ in range(reader.i16()):
        code = reader.i16()
        found[code] = PROPERTIES[code].decode(reader, context(version, 0))
    assert reader.remaining() == 0
    return found


@pytest.mark.parametrize("message", [messages.CreateWithConfiguration, messages.GetOrCreateWithConfiguration])
def test_a_configuration_is_written_property_by_property(message: Any) -> None:
    everything = CacheConfiguration.from_properties(EVERYTHING)
    data = written(message(everything))
    assert ENTITY_BYTES in data
    assert read_properties(data, (1, 7, 0)) == EVERYTHING
    little = written(message(CacheConfiguration(name="n", backups_number=1)))
    assert little == int_of(16) + struct.pack("<hh", 2, 0) + encoded(["n"]) + struct.pack("<hi", 3, 1)
    old = attrs.evolve(everything, expiry_policy=None)
    assert len(written(message(old), context((1, 1, 0), 0))) == len(written(message(old))) - 16


def test_what_cannot_be_created_is_refused() -> None:
    create = messages.CreateWithConfiguration
    with pytest.raises(NotSupportedError, match="LOCAL") as local:
        written(create(CacheConfiguration(name="x", cache_mode=CacheMode.LOCAL)))
    assert local.value.code == "local_cache"
    with pytest.raises(ProgrammingError, match="needs a name"):
        written(create(CacheConfiguration(backups_number=1)))
    with pytest.raises(NotSupportedError, match=r"1\.6\.0"):
        written(create(CacheConfiguration(name="x", expiry_policy=ExpiryPolicy(1))), context((1, 5, 0), 0))


def test_names_only() -> None:
    assert (written(messages.CreateWithName("x")), messages.CreateWithName.op_code) == (encoded(["x"]), 1051)
    assert written(messages.GetOrCreateWithName("x")) == encoded(["x"])
    assert (written(messages.Destroy(7)), messages.Destroy.op_code) == (int_of(7), 1056)


def test_the_table_of_properties_is_the_configuration() -> None:
    assert [each.name for each in PROPERTIES.values()] == [field.name for field in attrs.fields(CacheConfiguration)]
    assert set(EVERYTHING) == set(PROPERTIES)
    assert all(each.type_name and each.allowed for each in PROPERTIES.values())


def test_properties_and_back() -> None:
    everything = CacheConfiguration.from_properties(EVERYTHING)
    plain = everything.as_properties()
    assert plain[1] == 1
    assert plain[200] == [
        {
            "key_type_name": "java.lang.Long", "value_type_name": "Person", "table_name": "PERSON",
            "key_field_name": "ID", "value_field_name": None,
            "query_fields": [
                {
                    "name": "ID", "type_name": "java.lang.Long", "is_key_field": True,
                    "is_notnull_constraint_field": True, "default_value": None, "precision": -1, "scale": -1,
                },
                {
                    "name": "NAME", "type_name": "java.lang.String", "is_key_field": False,
                    "is_notnull_constraint_field": False, "default_value": "nobody", "precision": 20, "scale": -1,
                },
            ],
            "field_name_aliases": [{"field_name": "NAME", "alias": "N"}],
            "query_indexes": [
                {
                    "index_name": "I", "index_type": 0, "inline_size": 10,
                    "fields": [{"name": "NAME", "is_descending": True}],
                },
                {"index_name": "J", "index_type": 0, "inline_size": -1, "fields": []},
            ],
        }
    ]  # fmt: skip
    assert CacheConfiguration.from_properties(plain) == everything
    by_name = {PROPERTIES[code].name.upper(): value for code, value in plain.items()}
    assert CacheConfiguration.from_properties(by_name) == everything
    assert set(CacheConfiguration(name="x").as_properties().values()) == {"x", None}
    assert CacheConfiguration.from_properties({1: "partitioned"}).cache_mode is CacheMode.PARTITIONED
    assert CacheConfiguration.from_properties({402: timedelta(seconds=2)}).default_lock_timeout == 2000


@pytest.mark.parametrize(
    ("properties", "told"),
    [
        ({999: 1}, r"^999 is no property of caches; these are: 0 \(name\), 1 \(cache_mode\), "),
        ({"backup": 1}, r"^'backup' is no property of caches; .* 3 \(backups_number\)"),
        ({3: 1, "backups_number": 2}, "backups_number is given twice"),
        ({1: 3}, r"^cache property cache_mode \(1\): 3 is out .* REPLICATED \(1\), PARTITIONED \(2\) are allowed$"),
        ({2: "both"}, r"cache_atomicity_mode \(2\): 'both' .* TRANSACTIONAL \(0\), ATOMIC \(1\)"),
        ({2: True}, r"True is out of place"),
        ({3: -1}, r"backups_number \(3\): -1 .* from 0 to 2147483647"),
        ({3: "1"}, r"backups_number \(3\): '1'"),
        ({3: True}, r"True is out of place"),
        ({201: 0}, r"query_parallelism \(201\): 0 .* from 1 to"),
        ({402: 1 << 63}, r"default_lock_timeout"),
        ({5: 2}, r"copy_on_read \(5\): 2 .* True and False"),
        ({100: ""}, r"data_region_name \(100\): '' is no name"),
        ({203: ""}, r"sql_schema"),
        ({0: 5}, r"name \(0\): 5 is no name"),
        ({200: "x"}, r"query_entities \(200\): 'x' is no list; .* QueryEntity"),
        ({200: [5]}, r"5 is no QueryEntity"),
        ({200: [{"tabel_name": "x"}]}, r"QueryEntity has no field 'tabel_name'; its fields are .*table_name"),
        ({200: [{"query_fields": [{"name": "x"}]}]}, r"QueryField needs 'type_name'"),
        ({200: [{"query_indexes": [{"index_type": 7}]}]}, r"7 is out .* SORTED \(0\), FULLTEXT \(1\)"),
        ({401: [{"type_name": "x"}]}, r"KeyConfiguration needs 'affinity_key_field_name'"),
        ({407: 5}, r"expiry_policy \(407\): 5 is no ExpiryPolicy"),
    ],
)
def test_wrong_properties_say_which_and_what_is_allowed(properties: dict[Any, Any], told: str) -> None:
    with pytest.raises(ProgrammingError, match=told) as error:
        CacheConfiguration.from_properties(properties)
    assert error.value.code == "cache_property"


@pytest.mark.parametrize("value", [-3, 1.5, True, "1", timedelta(seconds=-1), 1 << 63])
def test_wrong_durations(value: Any) -> None:
    with pytest.raises(ProgrammingError, match="expiry policy cannot have"):
        ExpiryPolicy(access=value)


def test_durations() -> None:
    policy = ExpiryPolicy(timedelta(seconds=1.5), ExpiryPolicy.ETERNAL)
    assert (policy.create, policy.update, policy.access) == (1500, -1, -2)


def test_properties_have_a_default_and_a_check() -> None:
    for each in PROPERTIES.values():
        assert isinstance(each, CacheProperty)
        if each.default is not None:
            assert each.convert(each.default) == each.default
    assert PROPERTIES_BY_NAME["cache_mode"] is PROPERTIES[1]


# --- partitions ---------------------------------------------------------------------------------------------------

NODES = (UUID(int=5), UUID(int=1 << 127 | 9))


def uuids(node: UUID | None) -> bytes:
    return encoded([node])


def partitions_answer(*, flags: bool, custom: bool = False) -> bytes:
    flag = bytes([not custom]) if flags else b""
    return (
        struct.pack("<qi", 4, 2)
        + int_of(2)
        + b"\x01" + int_of(2)
        + int_of(11) + int_of(1) + int_of(100) + int_of(200)
        + int_of(12) + int_of(0)
        + int_of(2) + uuids(NODES[0]) + int_of(2) + int_of(0) + int_of(2) + uuids(NODES[1]) + int_of(1) + int_of(1)
        + flag
        + b"\x00" + int_of(2) + int_of(13) + int_of(14)
    )  # fmt: skip


@pytest.mark.parametrize("flags", [False, True])
@pytest.mark.parametrize("custom", [False, True])
def test_partitions(flags: bool, custom: bool) -> None:
    agreed = context(features=ALL_FEATURES if flags else ALL_FEATURES & ~(1 << Feature.ALL_AFFINITY_MAPPINGS))
    message = CachePartitions([11, 13], custom)
    assert written(message, agreed) == (bytes([custom]) if flags else b"") + int_of(2) + int_of(11) + int_of(13)
    affinity = answered(message, partitions_answer(flags=flags, custom=custom), agreed)
    assert affinity.topology_version == (4, 2)
    group, other = affinity.groups
    assert (group.cache_ids, group.key_fields[11], group.key_fields[12]) == ([11, 12], {100: 200}, {})
    assert group.primary_nodes() == [NODES[0], NODES[1], NODES[0]]
    assert group.is_default_mapping is not (flags and custom)
    assert (other.cache_ids, other.is_applicable, other.primary_nodes()) == ([13, 14], False, [])
    assert affinity.group_of(12) is group
    assert affinity.group_of(99) is None


@pytest.mark.parametrize("number", [-1, 65_000, 2**31 - 1])
def test_partitions_that_cannot_be(number: int) -> None:
    payload = struct.pack("<qi", 4, 2) + int_of(1) + b"\x01" + int_of(0) + int_of(1) + uuids(NODES[0]) + int_of(1)
    with pytest.raises(ProtocolError, match="there are 0 to 64999"):
        answered(CachePartitions([1]), payload + int_of(number) + b"\x01")


# --- hostile answers ----------------------------------------------------------------------------------------------

VALID: list[tuple[Message[Any], bytes]] = [
    *((message, payload) for message, payload, _ in ANSWERS),
    (messages.GetAll(HEADER, batch(1)), int_of(2) + K + V + W + K),
    (messages.GetAll(HEADER, batch(1), lossless=True), int_of(2) + K + V + W + K),
    (messages.GetConfiguration(7), answer_to_configuration()),
    (CachePartitions([1]), partitions_answer(flags=True)),
    (ScanQuery(HEADER), struct.pack("<q", 5) + page_bytes([[1, "a"], [2, "b"]])),
    (ScanPage(5, lossless=True), page_bytes([[1, "a"], [2, "b"]])),
]


def consume(message: Message[Any], payload: bytes) -> None:
    """Read an answer to its end. Only what a caller is prepared for may be raised."""
    try:
        answer = answered(message, payload)
        page = getattr(answer, "page", answer)
        if hasattr(page, "take"):
            page.take(page.row_count, context())
    except (ProtocolError, DataError, MissingFact):
        pass


@pytest.mark.parametrize(("message", "payload"), VALID, ids=lambda value: type(value).__name__)
def test_answers_cut_off_or_changed_anywhere(message: Message[Any], payload: bytes) -> None:
    for place in range(len(payload)):
        consume(message, payload[:place])
        for value in (0x00, 0x01, 0x65, 0x7F, 0x80, 0xFF):
            consume(message, payload[:place] + bytes([value]) + payload[place + 1 :])


@given(st.sampled_from([message for message, _ in VALID]), st.binary(max_size=200))
def test_answers_of_any_bytes(message: Message[Any], payload: bytes) -> None:
    consume(message, payload)


def test_a_configuration_must_end_where_it_says() -> None:
    data = answer_to_configuration()
    for broken in (data + b"\x00", data[:-1], int_of(5) + data[4:]):
        with pytest.raises(ProtocolError):
            answered(messages.GetConfiguration(7), broken)


def test_modes_that_nobody_knows() -> None:
    data = answer_to_configuration()
    assert data[4:8] == int_of(0)
    with pytest.raises(ProtocolError, match=r"9 is no CacheAtomicityMode: TRANSACTIONAL \(0\), ATOMIC \(1\) are"):
        answered(messages.GetConfiguration(7), data[:4] + int_of(9) + data[8:])


@pytest.mark.parametrize("values", [(-1, 0), (0, -1), (0, 1 << 63), (1 << 31, 0), (0, 0, 1 << 27), (0, 0, 0, 32)])
def test_versions_that_cannot_be(values: tuple[int, ...]) -> None:
    with pytest.raises(ProgrammingError, match="version of an entry"):
        EntryVersion(*values)


def test_a_description_equals_one_without_its_defaults() -> None:
    field = QueryField(name="X", type_name="java.lang.Integer")
    described = QueryEntity(key_type_name="K", value_type_name="V", query_fields=(field,)).as_mapping()
    short = {
        "key_type_name": "K",
        "value_type_name": "V",
        "query_fields": [{"name": "X", "type_name": field.type_name}],
    }
    assert described == short
    assert short == described
    assert [described] == [short]
    assert described != {**short, "table_name": "T"}
    assert described != {**short, "query_fields": []}
    assert described != 1
    assert pickle.loads(pickle.dumps(described)) == short
    assert QueryEntity.from_mapping(described) == QueryEntity.from_mapping(short)
