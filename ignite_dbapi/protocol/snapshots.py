"""Rows of a caller's iterable, several of which are taken before the first is encoded."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

# What is no row stays as it is, to be refused where it is looked at; mappings are read as they come.
_NO_ROWS: Final = (str, bytes, bytearray, Mapping, set, frozenset)


def snapshots(rows: Iterable[Any]) -> Iterator[Any]:
    """Each of *rows* with the values that it has when it comes: its maker may put the next ones into the same list."""
    for row in rows:
        if type(row) is tuple or isinstance(row, _NO_ROWS) or not isinstance(row, Iterable):
            yield row
        else:
            yield tuple(row)
