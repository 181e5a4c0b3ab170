"""Every golden vector: bytes made by Java, which are to be read right and written again byte for byte."""

from __future__ import annotations

import struct
from typing import Any

import pytest

from ignite_dbapi.errors import DataError, ProtocolError
from ignite_dbapi.protocol.codec import BinaryTypes, MissingBinaryType, TypeCode, decode, encode
from ignite_dbapi.protocol.codec.hashing import data_hash, java_hash, partition_of
from ignite_dbapi.protocol.codec.names import EMPTY_SCHEMA_ID, name_id, schema_id
from ignite_dbapi.protocol.codec.values import BinaryObject, EnumValue, Typed
from tests.unit.golden import VECTORS, Comparison, ExpectedObject, data_of, expected_of, knowledge_of

every_vector = pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["name"])
every_object = pytest.mark.parametrize(
    "vector",
    [vector for vector in VECTORS if vector["type_code"] == 103 and isinstance(expected_of(vector), ExpectedObject)],
    ids=lambda vector: vector["name"],
)

# The codes of values that come as plain Python values even in the lossless form.
_PLAIN_CODES = {int: 4, str: 9, float: 6, bool: 8, bytes: 12}


def test_there_are_as_many_vectors_as_were_made() -> None:
    assert len(VECTORS) == 218
    assert {vector["type_code"] for vector in VECTORS} >= {*range(1, 26), *range(27, 39), 101, 103, -2}


@every_vector
def test_reads_the_described_value(vector: dict[str, Any]) -> None:
    knowledge = knowledge_of(vector)
    value = decode(data_of(vector), knowledge, lossless=True)
    assert Comparison(data_of(vector), knowledge, value).mismatch(value, expected_of(vector)) is None
    if isinstance(value, Typed):
        assert value.code == vector["type_code"]
    elif type(value) in _PLAIN_CODES:
        assert _PLAIN_CODES[type(value)] == vector["type_code"]


@every_vector
def test_writes_the_same_bytes_again(vector: dict[str, Any]) -> None:
    knowledge = knowledge_of(vector)
    value = decode(data_of(vector), knowledge, lossless=True)
    assert encode(value, knowledge).hex() == vector["hex"]


@every_vector
def test_natural_reading_works_or_tells_what_python_cannot_hold(vector: dict[str, Any]) -> None:
    if vector["name"] == "date.9223372036854775807":
        with pytest.raises(DataError, match="years 1 to 9999"):
            decode(data_of(vector), knowledge_of(vector))
        return
    value = decode(data_of(vector), knowledge_of(vector))
    assert not isinstance(value, Typed)
    if vector["type_code"] in (1, 2, 3, 4, 7, 8, 9, 10, 12, 30) and "Ver2" not in vector["python_repr"]:
        assert value == expected_of(vector)


@pytest.mark.parametrize(
    "vector", [vector for vector in VECTORS if "java_hash" in vector], ids=lambda vector: vector["name"]
)
def test_hashes_as_java_does(vector: dict[str, Any]) -> None:
    value = decode(data_of(vector), knowledge_of(vector), lossless=True)
    assert java_hash(value) == vector["java_hash"]
    key = value.fields["affKey"] if isinstance(value, BinaryObject) and value.type_name == "AffinityKey" else value
    assert partition_of(java_hash(key), 1024) == vector["partition_1024"]


@every_object
def test_header_is_what_follows_from_the_fields(vector: dict[str, Any]) -> None:
    data, expected = data_of(vector), expected_of(vector)
    _, _, flags, type_id, hash_code, length, schema, offset = struct.unpack_from("<BBHiiiii", data)
    assert length == len(data)
    assert data_hash(data[24 : offset if flags & 2 else len(data)]) == hash_code
    assert schema_id(map(name_id, expected.fields)) == schema
    if expected.type_id is None:
        assert name_id(expected.type_name) == type_id
    if not expected.fields:
        assert schema == EMPTY_SCHEMA_ID


def _cuts(size: int) -> list[int]:
    return list(range(size)) if size < 2000 else [*range(400), *range(400, size - 400, 997), *range(size - 400, size)]


@every_vector
@pytest.mark.parametrize("lossless", [True, False], ids=["lossless", "natural"])
def test_cut_off_anywhere_is_a_protocol_error(vector: dict[str, Any], lossless: bool) -> None:
    data, knowledge = data_of(vector), knowledge_of(vector)
    for cut in _cuts(len(data)):
        with pytest.raises(ProtocolError):
            decode(data[:cut], knowledge, lossless=lossless)


@every_vector
def test_bytes_after_the_value_are_a_protocol_error(vector: dict[str, Any]) -> None:
    if vector["name"] == "date.9223372036854775807":
        return
    with pytest.raises(ProtocolError, match="1 bytes follow"):
        decode(data_of(vector) + b"\x65", knowledge_of(vector), lossless=True)


@every_object
def test_a_type_that_was_not_asked_for_is_missing(vector: dict[str, Any]) -> None:
    knowledge, expected = knowledge_of(vector), expected_of(vector)
    knowledge.binary_types = BinaryTypes()
    if not expected.user:
        assert decode(data_of(vector), knowledge) is not None
        return
    with pytest.raises(MissingBinaryType) as missing:
        decode(data_of(vector), knowledge)
    assert missing.value.type_id == name_id(expected.type_name)


@every_object
def test_a_type_that_the_cluster_does_not_know(vector: dict[str, Any]) -> None:
    data, expected = data_of(vector), expected_of(vector)
    if not expected.user or "proxy" in vector["name"] or "nested" in vector["name"] or "ref" in vector["name"]:
        return
    knowledge = knowledge_of(vector)
    knowledge.binary_types = BinaryTypes()
    knowledge.binary_types.add_unknown(name_id(expected.type_name))
    is_compact_with_fields = struct.unpack_from("<H", data, 2)[0] & 0x22 == 0x22
    if is_compact_with_fields:
        with pytest.raises(MissingBinaryType) as missing:
            decode(data, knowledge)
        assert missing.value.schema_id == schema_id(map(name_id, expected.fields))
    else:
        # The footer has the ids of the fields, if not their names.
        value = decode(data, knowledge)
        assert value.type_name is None
        assert list(value) == [f"#{name_id(name)}" for name in expected.fields]


def test_enums_are_written_as_servers_answer_them() -> None:
    assert encode(EnumValue(94842723, 2)) == b"\x26" + struct.pack("<ii", 94842723, 2)


def test_types_with_class_names() -> None:
    data = bytes.fromhex("1c00000000") + b"\x09\x03\x00\x00\x00a.B" + struct.pack("<i", 7)
    value = decode(data)
    assert value == EnumValue(0, 7, "a.B", binary=False)
    assert encode(value) == data
    assert TypeCode(data[0]) is TypeCode.ENUM
