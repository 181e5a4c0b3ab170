"""Agreeing on a version and features, with servers of every kind."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable
from pathlib import Path
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ignite_dbapi.errors import Error, NotSupportedError, OperationalError, ProtocolError
from ignite_dbapi.protocol.context import (
    ALL_FEATURES,
    SUPPORTED_VERSIONS,
    Context,
    Feature,
    ProtocolVersion,
)
from ignite_dbapi.protocol.handshake import VersionRefused, handshake
from tests.unit.pages import encoded

CAPTURED = {
    name: bytes.fromhex(text)
    for name, text in json.loads((Path(__file__).parent / "data" / "frames.json").read_text()).items()
}
NODE_ID = UUID("6b2aa9f5-f2aa-4714-8f43-dd0590d01f08")
Server = Callable[[bytes], bytes]


def agree(server: Server, user: str | None = None, password: str | None = None) -> tuple[Context, list[bytes]]:
    """Run a handshake against *server*, a function from requests to answers, both without their length."""
    steps = handshake(user, password)
    requests = []
    answer: bytes | None = None
    while True:
        try:
            request = next(steps) if answer is None else steps.send(answer)
        except StopIteration as agreed:
            return agreed.value, requests
        assert struct.unpack_from("<i", request)[0] == len(request) - 4
        requests.append(request[4:])
        answer = server(request[4:])


def version_of(request: bytes) -> ProtocolVersion:
    return struct.unpack_from("<hhh", request, 1)


def accept(version: ProtocolVersion, features: bytes = b"\xff\xff\x0f") -> bytes:
    answer = b"\x01"
    if version >= (1, 7, 0):
        answer += encoded([features])
    if version >= (1, 4, 0):
        answer += encoded([NODE_ID])
    return answer


def refuse(offered: ProtocolVersion, text: str | None, status: int | None = 1) -> bytes:
    return (
        b"\x00"
        + struct.pack("<hhh", *offered)
        + encoded([text])
        + (b"" if status is None else struct.pack("<i", status))
    )


def server_of(version: ProtocolVersion) -> Server:
    """A server that speaks *version* and older ones, as old servers do."""

    def answer(request: bytes) -> bytes:
        asked = version_of(request)
        if asked <= version:
            return accept(asked)
        return refuse(version, f"Unsupported version: {asked}", 1 if asked >= (1, 1, 0) else None)

    return answer


def test_request_as_captured() -> None:
    request = next(handshake(attributes={"tag": "x1"}))
    assert request == CAPTURED["handshake request"]


def test_answer_as_captured() -> None:
    steps = handshake()
    next(steps)
    with pytest.raises(StopIteration) as agreed:
        steps.send(CAPTURED["handshake response"][4:])
    context = agreed.value.value
    assert context.version == (1, 7, 0)
    assert context.features == ALL_FEATURES
    assert context.node_id == UUID(bytes=bytes.fromhex("6b2aa9f5f2aa47148f43dd0590d01f08"))
    assert all(context.has(feature) for feature in Feature)


@pytest.mark.parametrize("version", SUPPORTED_VERSIONS)
def test_old_servers_are_followed(version: ProtocolVersion) -> None:
    context, requests = agree(server_of(version))
    assert context.version == version
    assert [version_of(request) for request in requests] == list(dict.fromkeys([(1, 7, 0), version]))
    assert context.node_id == (NODE_ID if version >= (1, 4, 0) else None)
    assert context.features == (ALL_FEATURES if version >= (1, 7, 0) else 0)
    # What a version does not know must not be sent to it: command, version, client type and nothing else.
    if version < (1, 7, 0):
        assert requests[-1] == b"\x01" + struct.pack("<hhh", *version) + b"\x02"


def test_a_server_that_goes_down_step_by_step() -> None:
    def one_lower(request: bytes) -> bytes:
        major, minor, patch = version_of(request)
        return refuse((major, minor - 1, patch), "lower, please") if minor else accept((1, 0, 0))

    context, requests = agree(one_lower)
    assert context.version == (1, 0, 0)
    assert [version_of(request) for request in requests] == list(SUPPORTED_VERSIONS)


@pytest.mark.parametrize("version", SUPPORTED_VERSIONS[:-1])
def test_credentials(version: ProtocolVersion) -> None:
    context, requests = agree(server_of(version), "ann", "päss")
    assert context.version == version
    assert requests[-1].endswith(encoded(["ann", "päss"]))
    _, requests = agree(server_of(version), "ann")
    assert requests[-1].endswith(encoded(["ann", ""]))


def test_credentials_that_the_version_has_no_place_for() -> None:
    with pytest.raises(NotSupportedError, match=r"version 1\.0\.0, which has no authentication") as error:
        agree(server_of((1, 0, 0)), "ann", "secret")
    assert "secret" not in str(error.value)


def test_wrong_password() -> None:
    def server(request: bytes) -> bytes:
        return refuse((0, 0, 0), "The user name or password is incorrect [userName=ann]", 2000)

    with pytest.raises(OperationalError, match="refused the login: The user name or password") as error:
        agree(server, "ann", "secret")
    assert (error.value.sqlstate, error.value.status, error.value.code) == (
        "28000",
        2000,
        "authentication_failed",
    )
    assert error.value.is_connection_lost
    assert "secret" not in str(error.value)


@pytest.mark.parametrize(
    ("answer", "error_class", "code", "words"),
    [
        (refuse((1, 7, 0), "Unsupported version: 1.7.0"), OperationalError, "handshake_refused", "Unsupported version"),
        (refuse((0, 0, 0), "Thin client connection is not allowed"), OperationalError, "handshake_refused", "not allowed"),  # noqa: E501
        (refuse((0, 0, 0), None), OperationalError, "handshake_refused", "no reason given"),
        (refuse((1, 7, 0), "recovering", 11), OperationalError, "node_in_recovery_mode", "recovery mode: recovering"),
        (refuse((2, 0, 0), "future"), NotSupportedError, "no_common_version", r"2\.0\.0; this driver speaks 1\.0\.0 to 1\.7\.0"),  # noqa: E501
        (refuse((1, 8, 0), "future"), NotSupportedError, "no_common_version", r"offers protocol version 1\.8\.0"),
        (refuse((1, 6, 1), "odd"), NotSupportedError, "no_common_version", r"1\.6\.1"),
        (refuse((-1, -1, -1), "odd"), NotSupportedError, "no_common_version", r"-1\.-1\.-1"),
    ],
)  # fmt: skip
def test_refusals(answer: bytes, error_class: type[Error], code: str, words: str) -> None:
    with pytest.raises(error_class, match=words) as error:
        agree(lambda request: answer)
    assert error.value.code == code
    assert error.value.is_connection_lost


@given(st.lists(st.sampled_from(SUPPORTED_VERSIONS), min_size=1))
def test_renegotiation_comes_to_an_end(offers: list[ProtocolVersion]) -> None:
    tried = []

    def server(request: bytes) -> bytes:
        tried.append(version_of(request))
        return refuse(offers[len(tried) % len(offers)], "another one")

    with pytest.raises(OperationalError, match="refused the connection"):
        agree(server)
    assert len(tried) == len(set(tried)) <= len(SUPPORTED_VERSIONS)


@pytest.mark.parametrize("features", [b"", b"\x40", b"\xff" * 40, b"\x00\x00\x04"])
def test_features_are_those_of_both_sides(features: bytes) -> None:
    context, _ = agree(lambda request: accept((1, 7, 0), features))
    assert context.features == int.from_bytes(features, "little") & ALL_FEATURES
    for feature in Feature:
        assert context.has(feature) is bool(context.features & 1 << feature)


@pytest.mark.parametrize("whole", [accept((1, 7, 0)), refuse((1, 6, 0), "no"), refuse((0, 0, 0), "no", 2000)])
def test_answers_cut_off(whole: bytes) -> None:
    for cut in range(len(whole)):
        if whole[0] == 0 and cut >= len(whole) - 4:
            continue  # old servers send no status
        with pytest.raises(ProtocolError):
            agree(lambda request, cut=cut: whole[:cut])


def test_an_answer_that_is_none() -> None:
    with pytest.raises(ProtocolError):
        agree(lambda request: b"HTTP/1.1 400 Bad Request\r\n\r\n")


def test_a_server_that_closes_the_connection_after_it_offered_another_version() -> None:
    steps = handshake()
    next(steps)
    steps.send(refuse((1, 3, 0), ""))
    with pytest.raises(VersionRefused, match=r"1\.3\.0") as caught:
        steps.throw(EOFError())
    assert caught.value.offered == (1, 3, 0)
    # Without an offer the lost connection is nothing but that.
    steps = handshake()
    next(steps)
    with pytest.raises(EOFError):
        steps.throw(EOFError())
