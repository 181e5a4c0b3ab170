"""Requests and answers of one connection: numbers, headers, errors, and the messages' own bytes."""

from __future__ import annotations

import json
import struct
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ignite_dbapi.errors import (
    DatabaseError,
    IntegrityError,
    OperationalError,
    ProgrammingError,
    ProtocolError,
)
from ignite_dbapi.protocol.codec import (
    BinaryField,
    BinaryType,
    Knowledge,
    MissingServerFacts,
    Reader,
    TypeCode,
    Writer,
)
from ignite_dbapi.protocol.context import ALL_FEATURES, Context, Feature
from ignite_dbapi.protocol.exchange import Exchange, Pending
from ignite_dbapi.protocol.messages.binary_types import BinaryTypeGet, BinaryTypePut
from ignite_dbapi.protocol.messages.heartbeats import Heartbeat
from ignite_dbapi.protocol.messages.sql import ResourceClose, SqlFieldsPage, SqlFieldsQuery
from tests.unit.pages import answer_bytes, encoded, error_bytes, frame, known, page_bytes

CAPTURED = {
    name: bytes.fromhex(text)
    for name, text in json.loads((Path(__file__).parent / "data" / "frames.json").read_text()).items()
}


def exchange(version: tuple[int, int, int] = (1, 7, 0), features: int = ALL_FEATURES) -> Exchange:
    return Exchange(Context(version, features, None, known()))


def at_request(number: int) -> Exchange:
    """An exchange whose next request has this number."""
    started = exchange()
    for _ in range(number - 1):
        started.request(Heartbeat())
    return started


SELECT = SqlFieldsQuery(
    sql="SELECT ? AS A, NULL AS B", arguments=[7], argument_codes=[TypeCode.INT], schema="PUBLIC", page_size=2,
    timeout=5000, lazy=False,
)  # fmt: skip
INSERT = SqlFieldsQuery(sql="insert into h1_g values(1,'x')", schema="PUBLIC", page_size=1024, timeout=0, lazy=False)


def test_select_as_captured() -> None:
    captured = bytearray(CAPTURED["select request"])
    assert captured[18] == 1
    captured[18] = 0  # "keep binary", which means nothing for SQL
    running = at_request(3)
    pending, data = running.request(SELECT)
    assert data == captured
    assert running.feed(CAPTURED["select response"]) == [pending]
    answer = running.answer(pending)
    assert (answer.cursor_id, answer.columns) == (3, ["A", "B"])
    assert (answer.page.row_count, answer.page.has_more) == (1, False)
    assert answer.page.column_codes(running.context, 10) == [TypeCode.INT, TypeCode.NULL]
    assert answer.page.take(10, running.context) == [(7, None)]


def test_insert_as_captured() -> None:
    captured = bytearray(CAPTURED["insert request"])
    captured[18] = 0
    running = at_request(4)
    pending, data = running.request(INSERT)
    assert data == captured
    running.feed(CAPTURED["insert response"])
    answer = running.answer(pending)
    assert (answer.cursor_id, answer.columns) == (4, ["UPDATED"])
    assert answer.page.take(1, running.context) == [(1,)]


def test_errors_as_captured() -> None:
    running = at_request(5)
    pending, _ = running.request(INSERT)
    running.feed(CAPTURED["duplicate response"])
    with pytest.raises(IntegrityError, match=r"^23000: Failed to INSERT some keys .* \[keys=\[1\]\]$") as duplicate:
        running.answer(pending)
    assert (duplicate.value.sqlstate, duplicate.value.status) == ("23000", 1)
    running = at_request(9)
    pending, _ = running.request(INSERT)
    running.feed(CAPTURED["missing cache response"])
    with pytest.raises(ProgrammingError, match=r"^Cache does not exist \[cacheId= 97600673\]$") as missing:
        running.answer(pending)
    assert (missing.value.sqlstate, missing.value.status) == (None, 1000)


@given(st.permutations(range(6)), st.integers(1, 50))
def test_answers_come_in_any_order_and_any_pieces(order: list[int], size: int) -> None:
    running = exchange()
    pendings = [running.request(SqlFieldsPage(number, 1))[0] for number in range(6)]
    assert [pending.request_id for pending in pendings] == [1, 2, 3, 4, 5, 6]
    stream = b"".join(answer_bytes(pendings[place].request_id, page_bytes([[place]])) for place in order)
    answered: list[Pending] = []
    for start in range(0, len(stream), size):
        answered += running.feed(stream[start : start + size])
    assert answered == [pendings[place] for place in order]
    for place, pending in enumerate(pendings):
        assert pending.is_done
        assert running.answer(pending).take(1, running.context) == [(place,)]


TOPOLOGY = struct.pack("<qi", 7, 1)


def test_topology_is_read_over() -> None:
    running = exchange()
    first, second = running.request(SqlFieldsPage(1, 1))[0], running.request(Heartbeat())[0]
    running.feed(answer_bytes(1, TOPOLOGY + page_bytes([[5]]), flags=2))
    assert running.answer(first).take(1, running.context) == [(5,)]
    running.feed(answer_bytes(2, TOPOLOGY + struct.pack("<i", 10) + encoded(["stopping"]), flags=3))
    with pytest.raises(OperationalError, match=r"^stopping$") as error:
        running.answer(second)
    assert error.value.is_connection_lost


def test_topology_is_followed_without_anybody_who_waits() -> None:
    running = exchange()
    running.request(Heartbeat())
    running.request(Heartbeat())
    assert running.topology_version == (0, 0)
    running.feed(answer_bytes(1, TOPOLOGY, flags=2))
    assert running.topology_version == (7, 1)
    running.feed(answer_bytes(2, struct.pack("<qi", 6, 9), flags=2))
    assert running.topology_version == (7, 1), "answers may overtake each other"


def test_notifications_are_dropped_whatever_their_id() -> None:
    running = exchange()
    pending, _ = running.request(Heartbeat())
    notification = struct.pack("<h", 2007) + b"event"
    assert running.feed(answer_bytes(1, notification, flags=4) + answer_bytes(99, notification, flags=4)) == []
    assert not pending.is_done
    assert running.feed(answer_bytes(1)) == [pending]
    assert running.answer(pending) is None


def test_answers_that_nobody_asked_for() -> None:
    running = exchange()
    pending, _ = running.request(Heartbeat())
    running.feed(answer_bytes(1))
    with pytest.raises(ProtocolError, match="answer to a request that was not made"):
        running.feed(answer_bytes(pending.request_id))
    for size in range(1, 8):
        with pytest.raises(ProtocolError, match="shorter than its header"):
            exchange().feed(frame(bytes(size)))


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"\x01",
        b"\x01\x00",
        b"\x02\x00\x01",
        b"\x01\x00\x01\x00\x00\x00",
        b"\x01\x00\x01\x00\x00\x00\x09\x05",
    ],
)
def test_headers_cut_off(payload: bytes) -> None:
    running = exchange()
    pending, _ = running.request(Heartbeat())
    running.feed(frame(struct.pack("<q", 1) + payload))
    with pytest.raises(ProtocolError):
        running.answer(pending)


@pytest.mark.parametrize("version", [(1, 0, 0), (1, 3, 0)])
def test_headers_of_old_servers(version: tuple[int, int, int]) -> None:
    running = exchange(version, 0)
    page, failing = running.request(SqlFieldsPage(1, 1))[0], running.request(Heartbeat())[0]
    running.feed(frame(struct.pack("<qi", 1, 0) + page_bytes([[5]])))
    # What would be a notification in newer versions is the status here.
    running.feed(frame(struct.pack("<qi", 2, 4) + encoded(["odd"])))
    assert running.answer(page).take(1, running.context) == [(5,)]
    with pytest.raises(DatabaseError, match=r"^odd$") as error:
        running.answer(failing)
    assert error.value.status == 4


def test_fields_that_old_servers_do_not_know_are_left_out() -> None:
    new, old = (exchange(features=features).request(SELECT)[1][4:] for features in (ALL_FEATURES, 0))
    assert new == old + struct.pack("<ii", -1, 1)
    message = SqlFieldsQuery(sql="x", partitions=[3, 5], update_batch_size=9)
    data = exchange().request(message)[1]
    assert data.endswith(struct.pack("<iiii", 2, 3, 5, 9))
    # No timeout: the server's own, which is 0 for those that cannot tell "none" from "default".
    for features, expected in ((ALL_FEATURES, -1), (ALL_FEATURES & ~(1 << Feature.DEFAULT_QUERY_TIMEOUT), 0)):
        running = exchange(features=features)
        assert struct.pack("<q", expected) + b"\x01\xff\xff\xff\xff" in running.request(SqlFieldsQuery(sql="x"))[1]


def test_failure() -> None:
    running = exchange()
    first, second = running.request(Heartbeat())[0], running.request(Heartbeat())[0]
    running.feed(answer_bytes(first.request_id))
    lost = OperationalError("gone", code="connection_lost", is_connection_lost=True)
    assert running.fail(lost) == [second]
    assert running.fail(OperationalError("later")) == []
    assert running.failure is lost
    assert running.answer(first) is None, "what was received before still counts"
    for step in (lambda: running.answer(second), lambda: running.request(Heartbeat())):
        with pytest.raises(OperationalError, match=r"^gone$") as error:
            step()
        assert error.value is not lost
        assert (error.value.code, error.value.is_connection_lost) == ("connection_lost", True)


def test_an_answer_is_decoded_again_when_more_is_known() -> None:
    running = Exchange(Context((1, 7, 0), ALL_FEATURES, None, Knowledge()))
    pending, _ = running.request(SqlFieldsQuery(sql="SELECT 1"))
    payload = struct.pack("<qi", 1, 1) + encoded(["C"]) + page_bytes([[b"x"]])
    running.feed(answer_bytes(1, payload))
    assert running.answer(pending).columns == running.answer(pending).columns == ["C"]


def test_a_request_that_cannot_be_encoded_leaves_nothing_behind() -> None:
    running = Exchange(Context((1, 7, 0), ALL_FEATURES, None, Knowledge()))
    with pytest.raises(MissingServerFacts):
        running.request(SqlFieldsQuery(sql="SELECT '\U0001f600'"))
    assert running.fail(OperationalError("x")) == []


def test_closing() -> None:
    running = exchange()
    pending, data = running.request(ResourceClose(5))
    assert data == frame(struct.pack("<hqq", 0, 1, 5))
    running.feed(error_bytes(1, 1011, "50000: Failed to find resource with id: 5"))
    with pytest.raises(ProgrammingError, match="Failed to find resource") as error:
        running.answer(pending)
    assert error.value.status == 1011


PERSON = BinaryType(
    type_id=5,
    type_name="Person",
    affinity_key_field="id",
    fields=(BinaryField("id", 3, 1), BinaryField("name", 9, 2)),
    schemas={7: (1, 2), -8: ()},
)
COLOR = BinaryType(type_id=6, type_name="Color", is_enum=True, enum_values=(("RED", 0), ("BLUE", 2)))


@pytest.mark.parametrize("binary_type", [PERSON, COLOR])
def test_binary_types(binary_type: BinaryType) -> None:
    context = Context((1, 7, 0), 0, None, known())
    writer = Writer(context.knowledge)
    BinaryTypePut(binary_type).encode(writer, context)
    # The answer to a question has the same form as the registration.
    data = b"\x01" + bytes(writer.buffer)
    message = BinaryTypeGet(binary_type.type_id)
    assert message.decode(Reader(data, context.knowledge), context) == binary_type
    assert message.decode(Reader(b"\x00", context.knowledge), context) is None
    for cut in range(len(data)):
        with pytest.raises(ProtocolError):
            message.decode(Reader(data[:cut], context.knowledge), context)


def test_binary_types_are_merged() -> None:
    merged = PERSON.merged_with(
        BinaryType(5, "Person", None, (BinaryField("name", 9, 2), BinaryField("age", 3, 3)), schemas={9: (3,)})
    )
    assert [field.name for field in merged.fields] == ["id", "name", "age"]
    assert set(merged.schemas) == {7, -8, 9}
    assert merged.affinity_key_field == "id"
    assert (merged.name_of(3), merged.name_of(4)) == ("age", "#4")
