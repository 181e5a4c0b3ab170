"""Row factories: what a cursor makes of the tuple of values that a row is.

A row factory takes the cursor, after it was executed, and returns a function from tuples to rows.
"""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Callable
from functools import lru_cache
from keyword import iskeyword
from typing import Any, Protocol
from unicodedata import normalize

from ignite_dbapi.types import Column

RowMaker = Callable[[tuple[Any, ...]], Any]


class HasDescription(Protocol):
    """What a row factory needs of a cursor, blocking or asynchronous."""

    @property
    def description(self) -> list[Column] | None:
        """The columns of the result."""


RowFactory = Callable[[Any], RowMaker]


def tuple_row(cursor: HasDescription) -> RowMaker:
    """Rows as tuples, the default."""
    return _same


def dict_row(cursor: HasDescription) -> RowMaker:
    """Rows as dicts by column name. Of columns with the same name, the last one is kept."""
    names = [column.name for column in cursor.description or ()]
    return lambda row: dict(zip(names, row, strict=True))


def namedtuple_row(cursor: HasDescription) -> RowMaker:
    """Rows as named tuples; names that are no identifiers are changed (``COUNT(*)`` to ``COUNT___``)."""
    make: RowMaker = _namedtuple(tuple(column.name for column in cursor.description or ()))._make
    return make


def _same(row: tuple[Any, ...]) -> tuple[Any, ...]:
    return row


@lru_cache(maxsize=512)
def _namedtuple(names: tuple[str, ...]) -> Any:
    fields: list[str] = []
    for name in names:
        # As Python reads identifiers, lest two names become the same one.
        field = "".join(character if f"f{character}".isidentifier() else "_" for character in normalize("NFKC", name))
        # Named tuples allow no leading underscore or digit, no keywords and no duplicates.
        if field.startswith("_") or not field.isidentifier() or iskeyword(field):
            field = f"f{field}"
        base, number = field, 2
        while field in fields:
            field, number = f"{base}_{number}", number + 1
        fields.append(field)
    return namedtuple("Row", fields)
