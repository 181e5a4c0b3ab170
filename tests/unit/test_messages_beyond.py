"""Layouts of the messages about the cluster, streamers, sets, tasks and services."""

from __future__ import annotations

import importlib
import pkgutil
import struct
from typing import Any
from uuid import UUID

import pytest

from ignite_dbapi.errors import NotSupportedError, ProtocolError
from ignite_dbapi.protocol import messages
from ignite_dbapi.protocol.codec import Reader, Writer
from ignite_dbapi.protocol.context import ALL_FEATURES, Context, Feature
from ignite_dbapi.protocol.messages import cluster, compute, heartbeats, services, sets, streamer, transactions
from ignite_dbapi.protocol.messages.base import Message
from tests.unit.pages import encoded, known

NODE = UUID("00112233-4455-6677-8899-aabbccddeeff")
RAW_NODE = bytes.fromhex("7766554433221100 ffeeddccbbaa9988")
REFERENCE = sets.SetReference("s", 7, True)
RAW_REFERENCE = encoded(["s"]) + struct.pack("<i?", 7, True)


def context(*missing: Feature) -> Context:
    features = ALL_FEATURES
    for feature in missing:
        features &= ~(1 << feature)
    return Context((1, 7, 0), features, None, known())


def request(message: Message[Any], agreed: Context | None = None) -> bytes:
    writer = Writer(known())
    message.encode(writer, agreed or context())
    return bytes(writer.buffer)


def answer(message: Message[Any], data: bytes) -> Any:
    reader = Reader(data, known())
    return message.decode(reader, context())


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        (heartbeats.IdleTimeout(), b""),
        (cluster.ClusterStateChange(cluster.ClusterState.INACTIVE, forced=True), b"\0\1"),
        (cluster.WalStateChange("c", True), encoded(["c"]) + b"\1"),
        (cluster.Endpoints(3), struct.pack("<qq", 3, -1)),
        (cluster.NodeInfo([NODE]), struct.pack("<i", 1) + RAW_NODE),
        (
            cluster.NodeIds(-1, cluster.NodeFilter({"a": "b"}, servers=True)),
            struct.pack("<qih", -1, 2, 1) + encoded(["a", "b"]) + struct.pack("<h?", 2, True),
        ),
        (
            streamer.StreamerStart(cache_id=7, allow_overwrite=True, skip_store=True, keep_binary=True),
            struct.pack("<iBii", 7, 7, -1, -1) + b"\x65" + struct.pack("<i", 0),
        ),
        (
            streamer.StreamerAdd(
                5, streamer.streamer_batch([("k", None)], known(), size_limit=9), flush=True, close=True
            ),
            struct.pack("<qBi", 5, 24, 1) + encoded(["k", None]),
        ),
        (sets.SetGetOrCreate("s"), encoded(["s"]) + b"\0"),
        (
            sets.SetGetOrCreate("s", sets.SetConfiguration(backups=2, group="g", collocated=True)),
            encoded(["s"]) + struct.pack("<?BBi", True, 1, 2, 2) + encoded(["g"]) + b"\1",
        ),
        (sets.SetAdd(REFERENCE, "x"), RAW_REFERENCE + b"\1" + encoded(["x"])),
        (sets.SetRetainAll(REFERENCE, ["x", "y"]), RAW_REFERENCE + b"\1" + struct.pack("<i", 2) + encoded(["x", "y"])),
        (sets.SetIteratorStart(REFERENCE, 5), RAW_REFERENCE + struct.pack("<i", 5)),
        (sets.SetIteratorPage(9, 5), struct.pack("<qi", 9, 5)),
        (
            compute.ComputeTaskExecute(
                task="t", argument="a", node_ids=[NODE], timeout=9, failover=False, result_cache=False, keep_binary=True
            ),
            struct.pack("<i", 1) + RAW_NODE + struct.pack("<Bq", 7, 9) + encoded(["t", "a"]),
        ),
        (
            services.ServiceInvoke(name="s", method="m", arguments=["a"], parameter_types=[9], timeout=5),
            b"".join([
                encoded(["s"]), struct.pack("<Bqi", 2, 5, 0), encoded(["m"]),
                struct.pack("<ii", 1, 9), encoded(["a", None]),
            ]),
        ),
    ],
)  # fmt: skip
def test_requests(message: Message[Any], expected: bytes) -> None:
    assert request(message) == expected


@pytest.mark.parametrize(
    ("message", "feature", "what"),
    [
        (cluster.Endpoints(), Feature.CLUSTER_GROUP_GET_NODES_ENDPOINTS, "the addresses of its nodes"),
        (cluster.NodeIds(), Feature.CLUSTER_GROUPS, "groups of nodes"),
        (cluster.NodeInfo([]), Feature.CLUSTER_GROUPS, "groups of nodes"),
        (compute.ComputeTaskExecute(task="t"), Feature.EXECUTE_TASK_BY_NAME, "compute tasks"),
        (services.ServiceInvoke(name="s", method="m"), Feature.SERVICE_INVOKE, "service calls"),
        (services.ServiceDescriptors(), Feature.GET_SERVICE_DESCRIPTORS, "descriptions of services"),
        (services.ServiceDescriptorGet("s"), Feature.GET_SERVICE_DESCRIPTORS, "descriptions of services"),
        (services.ServiceTopology("s"), Feature.SERVICE_TOPOLOGY, "the nodes of services"),
        (
            services.ServiceInvoke(name="s", method="m", call_context={"a": "b"}),
            Feature.SERVICE_INVOKE_CALL_CONTEXT,
            "a context of service calls",
        ),
    ],
)
def test_what_a_server_does_not_offer(message: Message[Any], feature: Feature, what: str) -> None:
    with pytest.raises(NotSupportedError, match=f"the server does not offer {what}") as error:
        request(message, context(feature))
    assert error.value.code == "no_feature"
    request(message)


def test_layouts_follow_the_features() -> None:
    state = cluster.ClusterStateChange(cluster.ClusterState.ACTIVE)
    assert request(state, context(Feature.FORCE_DEACTIVATION_FLAG)) == b"\1"
    call = services.ServiceInvoke(name="s", method="m")
    assert request(call, context(Feature.SERVICE_INVOKE_CALL_CONTEXT)) == request(call)[:-1]


def test_batches_end_at_their_size() -> None:
    entries = [("key", "x" * 10)] * 10
    size = len(encoded(entries[0]))
    assert streamer.streamer_batch(entries, known(), size_limit=3 * size).count == 3
    assert streamer.streamer_batch(entries, known(), size_limit=3 * size + 1).count == 4
    assert streamer.streamer_batch(entries, known(), size_limit=1 << 20).count == 10


def test_answers() -> None:
    assert answer(heartbeats.IdleTimeout(), struct.pack("<q", 1500)) == 1500
    assert answer(cluster.ClusterStateGet(), b"\2") is cluster.ClusterState.ACTIVE_READ_ONLY
    with pytest.raises(ProtocolError, match="cluster state 3"):
        answer(cluster.ClusterStateGet(), b"\3")
    assert answer(cluster.NodeIds(), b"\0") is None
    ids = b"\1" + struct.pack("<qi", 4, 1) + RAW_NODE
    assert answer(cluster.NodeIds(), ids) == cluster.NodeIdsAnswer(4, (NODE,))
    data = struct.pack("<qi", 4, 1) + RAW_NODE + struct.pack("<ii", 10800, 1) + encoded(["h"])
    data += struct.pack("<i", 1) + RAW_NODE
    assert answer(cluster.Endpoints(), data) == cluster.EndpointsAnswer(
        4, (cluster.NodeEndpoints(NODE, 10800, ("h",)),), (NODE,)
    )
    assert answer(sets.SetGetOrCreate("s"), b"\0") is None
    assert answer(sets.SetGetOrCreate("s"), b"\1\1" + struct.pack("<i", 7)) == REFERENCE


@pytest.mark.parametrize("has_more", [False, True])
def test_first_page_of_a_set(has_more: bool) -> None:
    values = ["a", 5, [1, "x"]]
    data = struct.pack("<i", 3) + encoded(values) + (b"\1" + struct.pack("<q", 42) if has_more else b"\0")
    opened = answer(sets.SetIteratorStart(REFERENCE), data)
    assert (opened.cursor_id, opened.page.has_more) == (42 if has_more else 0, has_more)
    assert opened.page.take(9, context()) == [("a",), (5,), ([1, "x"],)]


@pytest.mark.parametrize("size", range(40))
def test_truncated_answers(size: int) -> None:
    data = struct.pack("<qi", 4, 1) + RAW_NODE + struct.pack("<ii", 10800, 1) + encoded(["h"]) + struct.pack("<i", 0)
    assert size < len(data)
    with pytest.raises(ProtocolError):
        answer(cluster.Endpoints(), data[:size])


def test_messages_let_attrs_make_neither_equality_nor_repr() -> None:
    count = 0
    for module in pkgutil.iter_modules(messages.__path__):
        for each in vars(importlib.import_module(f"{messages.__name__}.{module.name}")).values():
            if isinstance(each, type) and issubclass(each, Message) and "__attrs_attrs__" in vars(each):
                assert (each.__repr__, each.__eq__) == (Message.__repr__, object.__eq__), each
                count += 1
    assert count > 90
    assert repr(transactions.TransactionEnd(7, commit=True)) == "TransactionEnd(transaction_id=7, commit=True)"
    assert repr(heartbeats.Heartbeat()) == "Heartbeat()"
