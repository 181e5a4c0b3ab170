"""What is remembered of where the entries of caches are."""

from __future__ import annotations

from uuid import UUID

import pytest

from ignite_dbapi.cluster import affinity
from ignite_dbapi.cluster.affinity import Placements
from ignite_dbapi.protocol.messages.affinity import Affinity, AffinityGroup

NODE = UUID(int=1)


@pytest.fixture
def moment(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [100.0]
    monkeypatch.setattr(affinity.time, "monotonic", lambda: now[0])
    return now


def test_a_cache_that_is_not_known_yet_is_asked_for_again(moment: list[float]) -> None:
    placements = Placements()
    placements.add(Affinity((3, 1), []), 5)
    assert 5 in placements
    assert placements[5] is None
    moment[0] += 1
    assert 5 not in placements
    placements.add(Affinity((3, 1), [AffinityGroup({5: {}}, {NODE: [0, 1]})]), 5)
    moment[0] += 1000
    assert 5 in placements
    assert placements[5] is not None
    assert placements[5].node_of(1) == NODE


def test_a_cache_that_is_not_partitioned_is_not_asked_for_again(moment: list[float]) -> None:
    placements = Placements()
    placements.add(Affinity((3, 1), [AffinityGroup({5: {}}, {})]), 5)
    moment[0] += 1000
    assert 5 in placements
    assert placements[5] is None


def test_an_answer_of_a_node_that_lags_behind_is_asked_for_again(moment: list[float]) -> None:
    placements = Placements()
    placements.outdated((6, 0))
    placements.add(Affinity((5, 0), [AffinityGroup({5: {}, 8: {}}, {NODE: [0, 1]})]), 5)
    assert placements[5] is not None
    assert placements.topology_version == (6, 0)
    moment[0] += 1
    assert 5 not in placements
    assert 8 not in placements
    placements.add(Affinity((6, 0), [AffinityGroup({5: {}}, {NODE: [0, 1]})]), 5)
    moment[0] += 1000
    assert 5 in placements


def test_a_newer_topology_makes_everything_outdated() -> None:
    placements = Placements()
    placements.add(Affinity((3, 1), [AffinityGroup({5: {}}, {NODE: [0]})]), 5)
    assert not placements.outdated((3, 1))
    assert 5 in placements
    assert placements.outdated((3, 2))
    assert 5 not in placements
    assert placements[5] is None
