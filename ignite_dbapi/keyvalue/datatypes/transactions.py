"""How transactions keep clear of each other."""

from __future__ import annotations

from enum import IntEnum


class TransactionConcurrency(IntEnum):
    """When a transaction locks entries: as it commits, or as it uses them."""

    OPTIMISTIC = 0
    PESSIMISTIC = 1


class TransactionIsolation(IntEnum):
    """What a transaction sees of the changes that others make meanwhile."""

    READ_COMMITTED = 0
    REPEATABLE_READ = 1
    SERIALIZABLE = 2
