"""Row factories."""

from __future__ import annotations

import keyword

import attrs
from hypothesis import given
from hypothesis import strategies as st

from ignite_dbapi.rows import dict_row, namedtuple_row, tuple_row
from ignite_dbapi.types import INTEGER, Column


@attrs.frozen
class Described:
    description: list[Column] | None


def with_columns(*names: str) -> Described:
    return Described([Column(name, INTEGER, None, None, None, None, None) for name in names])


def test_tuples_stay_what_they_are() -> None:
    row = (1, 2)
    assert tuple_row(with_columns("A", "B"))(row) is row


def test_dicts() -> None:
    assert dict_row(with_columns("A", "b c"))((1, 2)) == {"A": 1, "b c": 2}
    assert dict_row(with_columns("A", "A"))((1, 2)) == {"A": 2}
    assert dict_row(Described(None))(()) == {}


def test_namedtuples() -> None:
    row = namedtuple_row(with_columns("ID", "COUNT(*)", "class", "_x", "1st", "", "ID", "ID", "ID_2"))(tuple(range(9)))
    assert row._fields == ("ID", "COUNT___", "fclass", "f_x", "f1st", "f", "ID_2", "ID_3", "ID_2_2")
    assert (row.ID, row.COUNT___, row.fclass, row[8]) == (0, 1, 2, 8)
    assert row == tuple(range(9))
    assert namedtuple_row(with_columns("A"))((1,)).__class__ is namedtuple_row(with_columns("A"))((2,)).__class__


@given(st.lists(st.text(max_size=5) | st.sampled_from(["²", "a²", "ﬁ", "fi", "ª", "a", "None", "\u0301"]), max_size=6))
def test_any_names_make_a_row(names: list[str]) -> None:
    row = namedtuple_row(with_columns(*names))(tuple(range(len(names))))
    assert tuple(row) == tuple(range(len(names)))
    assert len(set(row._fields)) == len(names)
    for place, field in enumerate(row._fields):
        assert field.isidentifier()
        assert not keyword.iskeyword(field)
        assert getattr(row, field) == place
