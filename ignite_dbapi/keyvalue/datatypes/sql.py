"""The kinds of SQL statements."""

from __future__ import annotations

from enum import IntEnum


class StatementType(IntEnum):
    """What kind a statement has to be of."""

    ANY = 0
    ALL = 0
    SELECT = 1
    UPDATE = 2
