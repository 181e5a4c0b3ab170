"""executemany where the rows of a statement lie on several nodes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

import ignite_dbapi
from ignite_dbapi import DataError, Error, IntegrityError


@pytest.fixture(scope="module")
def cursor(make_ignite_cluster: Callable[..., Any]) -> Iterator[Any]:
    with ignite_dbapi.connect(make_ignite_cluster(nodes=2).url) as connection:
        connection.execute("DROP TABLE IF EXISTS batches")
        connection.execute(
            'CREATE TABLE batches (id INT, part VARCHAR, v VARCHAR(10), PRIMARY KEY (id, part)) WITH "backups=1"'
        )
        yield connection.cursor()
        connection.execute("DROP TABLE batches")


@pytest.mark.parametrize("position", [0, 700, 1499])
@pytest.mark.parametrize(
    ("bad", "kind"),
    [((10_000, "there", "x"), IntegrityError), ((-1, "x", "x" * 11), DataError), (("abc", "x", "x"), DataError)],
)
def test_errors(cursor: Any, position: int, bad: Any, kind: type[Error]) -> None:
    cursor.execute("DELETE FROM batches")
    cursor.execute("INSERT INTO batches VALUES (10000, 'there', '')")
    sets = [(number // 2, f"a, b{number % 2}", f"v{number}") for number in range(1500)]
    sets[position] = bad
    with pytest.raises(kind) as caught:
        cursor.executemany("INSERT INTO batches VALUES (?, ?, ?)", sets)
    error = caught.value
    assert (error.parameter_set, error.unknown_sets) == (position, None)
    assert error.sent_sets is not None
    count = cursor.rowcount
    there = set(cursor.execute("SELECT id, part, v FROM batches WHERE id <> 10000").fetchall())
    assert len(there) == count
    assert set(sets[:position]) <= there <= set(sets[: error.sent_sets]) - {bad}


def test_the_first_row_of_a_key_wins(cursor: Any) -> None:
    cursor.execute("DELETE FROM batches")
    sets = [(number % 1000, "x", f"v{number}") for number in range(1500)]
    with pytest.raises(IntegrityError) as caught:
        cursor.executemany("INSERT INTO batches VALUES (?, ?, ?)", sets)
    assert caught.value.parameter_set == 1000
    assert sorted(cursor.execute("SELECT id, v FROM batches")) == [(number, f"v{number}") for number in range(1000)]
