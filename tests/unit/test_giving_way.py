"""Who is given way to."""

from __future__ import annotations

import socket

import attrs
import pytest

from ignite_dbapi.transport.giving_way import is_on_this_machine, stay, way_to


@attrs.frozen
class Ends:
    """A socket between two addresses."""

    own: str
    other: str

    def getsockname(self) -> tuple[str, int]:
        return self.own, 50000

    def getpeername(self) -> tuple[str, int]:
        return self.other, 10800


@pytest.mark.parametrize(
    ("own", "other", "expected"),
    [
        ("10.0.0.1", "10.0.0.1", True),
        ("10.0.0.1", "10.0.0.2", False),
        ("127.0.0.1", "127.0.1.1", True),
        ("fd00::1", "fd00::1", True),
        ("fd00::1", "fd00::2", False),
    ],
)
def test_other_end_by_addresses(own: str, other: str, expected: bool) -> None:
    assert is_on_this_machine(Ends(own, other)) is expected
    assert (way_to(Ends(own, other)) is not stay) is expected


def test_other_end_of_a_socket() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        client = socket.create_connection(listening.getsockname())
        assert is_on_this_machine(client)
        client.close()
        assert not is_on_this_machine(client)


def test_a_pair_of_sockets_has_no_addresses() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        assert not is_on_this_machine(ours)
