"""Notifications: frames that the server sends by itself find the subscription that they belong to."""

from __future__ import annotations

import struct

import pytest

from ignite_dbapi.errors import DatabaseError, NotSupportedError, OperationalError, ProtocolError
from ignite_dbapi.protocol.codec import Writer
from ignite_dbapi.protocol.context import ALL_FEATURES, Context
from ignite_dbapi.protocol.exchange import Exchange, Subscription, read_notification
from ignite_dbapi.protocol.messages.cache import CacheHeader
from ignite_dbapi.protocol.messages.continuous import (
    CacheEvent,
    CacheEventType,
    ContinuousQueryStart,
    read_events,
)
from ignite_dbapi.protocol.messages.heartbeats import Heartbeat
from tests.unit.pages import answer_bytes, encoded, known

START = ContinuousQueryStart(CacheHeader(1))


def exchange(version: tuple[int, int, int] = (1, 7, 0)) -> Exchange:
    return Exchange(Context(version, ALL_FEATURES, None, known()))


def event_bytes(*events: tuple[object, object, object, int]) -> bytes:
    parts = [struct.pack("<hi", 2007, len(events))]
    for key, old_value, value, number in events:
        parts += [encoded([key, old_value, value]), bytes([number])]
    return b"".join(parts)


def notification(resource_id: int, payload: bytes = b"", flags: int = 4) -> bytes:
    return answer_bytes(resource_id, payload or event_bytes(("k", None, "v", 0)), flags=flags)


def opened(running: Exchange, resource_id: int, flags: int = 0, prefix: bytes = b"") -> Subscription:
    pending, _ = running.request(START)
    running.feed(answer_bytes(pending.request_id, prefix + struct.pack("<q", resource_id), flags=flags))
    assert running.answer(pending).cursor_id == resource_id
    assert pending.subscription is not None
    return pending.subscription


def test_the_request() -> None:
    writer = Writer(known())
    ContinuousQueryStart(CacheHeader(7), 5, 200, True).encode(writer, exchange().context)
    assert writer.buffer == struct.pack("<iBiqB", 7, 0, 5, 200, 1) + b"\x65"
    with pytest.raises(NotSupportedError, match=r"continuous queries, which came with protocol version 1\.4\.0") as old:
        START.encode(writer, exchange((1, 3, 0)).context)
    assert old.value.code == "no_feature"


@pytest.mark.parametrize(("flags", "prefix"), [(0, b""), (2, struct.pack("<qi", 3, 1))])
def test_notifications_find_their_subscription(flags: int, prefix: bytes) -> None:
    running = exchange()
    first = opened(running, 5, flags, prefix)
    second = opened(running, 6)
    assert running.feed(notification(6) + notification(5) + notification(6) + notification(99)) == [
        second,
        first,
        second,
    ]
    assert first.is_ready
    frame = first.take()
    assert frame is not None
    reader = read_notification(frame, running.context)
    assert read_events(reader, running.context) == [CacheEvent(CacheEventType.CREATED, "k", "v", None)]
    assert first.take() is None
    assert not first.is_ready
    assert second.take() is not None
    assert second.take() is not None
    assert second.take() is None


def test_all_kinds_of_events_in_one_notification() -> None:
    running = exchange()
    query = opened(running, 5)
    running.feed(
        notification(5, event_bytes((1, None, "a", 0), (1, "a", "b", 1), (1, "b", None, 2), (2, "c", None, 3)))
    )
    frame = query.take()
    assert frame is not None
    events = read_events(read_notification(frame, running.context), running.context)
    assert [(event.type.name, event.key, event.value, event.old_value) for event in events] == [
        ("CREATED", 1, "a", None),
        ("UPDATED", 1, "b", "a"),
        ("REMOVED", 1, None, "b"),
        ("EXPIRED", 2, None, "c"),
    ]


def test_an_event_of_an_unknown_type() -> None:
    running = exchange()
    query = opened(running, 5)
    running.feed(notification(5, event_bytes((1, None, "a", 9))))
    frame = query.take()
    assert frame is not None
    with pytest.raises(ProtocolError, match="event of type 9"):
        read_events(read_notification(frame, running.context), running.context)


def test_a_notification_may_come_before_the_answer() -> None:
    running = exchange()
    early, other = running.request(START)[0], running.request(START)[0]
    assert running.feed(notification(8) + notification(9) + notification(10)) == []
    running.feed(answer_bytes(early.request_id, struct.pack("<q", 8)))
    running.feed(answer_bytes(other.request_id, struct.pack("<q", 9)))
    for pending in (early, other):
        assert pending.subscription is not None
        assert pending.subscription.take() is not None
        assert pending.subscription.take() is None
    # The one that nobody turned out to wait for is not kept for a later subscription of its number.
    assert opened(running, 10).take() is None


def test_a_failed_start_opens_nothing() -> None:
    running = exchange()
    pending, _ = running.request(START)
    running.feed(answer_bytes(pending.request_id, struct.pack("<i", 1) + encoded(["no such filter"]), flags=1))
    assert pending.subscription is None
    with pytest.raises(DatabaseError, match="no such filter"):
        running.answer(pending)
    assert running.feed(notification(1)) == []


def test_a_notification_may_say_that_something_failed() -> None:
    running = exchange()
    task = opened(running, 5)
    running.feed(notification(5, struct.pack("<hi", 6001, 1) + encoded(["task failed"]), flags=5))
    frame = task.take()
    assert frame is not None
    with pytest.raises(DatabaseError, match="task failed"):
        read_notification(frame, running.context)


def test_no_more_than_the_limit_is_kept() -> None:
    running = exchange()
    query = opened(running, 5)
    size = len(notification(5)) - 4
    query.limit = 2 * size
    running.feed(notification(5) * 5)
    assert query.take() is not None
    assert query.take() is not None
    for _ in range(2):
        with pytest.raises(OperationalError, match=f"more than {2 * size} bytes wait") as overflow:
            query.take()
        assert overflow.value.code == "notifications_overflow"
    assert not overflow.value.is_connection_lost
    # What is taken makes room again.
    another = opened(running, 6)
    another.limit = size
    for _ in range(3):
        running.feed(notification(6))
        frame = another.take()
        assert frame is not None
        another.put_back(frame)
        assert another.take() == frame


def test_a_closed_subscription_gets_nothing() -> None:
    running = exchange()
    query = opened(running, 5)
    running.unsubscribe(query)
    running.unsubscribe(query)
    assert query.is_ready
    assert running.feed(notification(5)) == []
    assert query.take() is None


def test_a_lost_connection_ends_subscriptions() -> None:
    running = exchange()
    query = opened(running, 5)
    running.feed(notification(5))
    pending, _ = running.request(Heartbeat())
    failure = OperationalError("gone", code="connection_lost", is_connection_lost=True)
    assert running.fail(failure) == [pending, query]
    assert query.take() is not None  # what came before is not lost
    with pytest.raises(OperationalError, match="gone") as error:
        query.take()
    assert error.value.is_connection_lost
    assert error.value is not failure
