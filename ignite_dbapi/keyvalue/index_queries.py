"""Index queries, their criteria, and scans of many partitions at once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeVar

import attrs

from ignite_dbapi.cluster.cluster import ANYWHERE, OnSession, Partition
from ignite_dbapi.keyvalue.cursors import CursorAttributes, _AwaitingCursor, _BlockingCursor, _Entries
from ignite_dbapi.keyvalue.datatypes.prop_codes import PROP_QUERY_ENTITIES
from ignite_dbapi.keyvalue.exceptions import SQLError
from ignite_dbapi.keyvalue.owners import Owner
from ignite_dbapi.operations.cache import CacheAccess
from ignite_dbapi.operations.partition_scans import PartitionScanState
from ignite_dbapi.operations.scans import IndexQueryState
from ignite_dbapi.operations.session import Session
from ignite_dbapi.protocol.exchange import Operation
from ignite_dbapi.protocol.messages.scans import InCriterion, RangeCriterion

T = TypeVar("T")

Criterion = RangeCriterion | InCriterion


def eq(field: str, value: Any) -> RangeCriterion:
    """Entries whose *field* is *value*; None is NULL."""
    return RangeCriterion(field, value, value)


def lt(field: str, value: Any) -> RangeCriterion:
    """Entries whose *field* is less than *value*. NULL is less than everything."""
    return RangeCriterion(field, upper=value, upper_inclusive=False, has_lower=False)


def lte(field: str, value: Any) -> RangeCriterion:
    """Entries whose *field* is *value* or less. NULL is less than everything."""
    return RangeCriterion(field, upper=value, has_lower=False)


def gt(field: str, value: Any) -> RangeCriterion:
    """Entries whose *field* is greater than *value*."""
    return RangeCriterion(field, value, lower_inclusive=False, has_upper=False)


def gte(field: str, value: Any) -> RangeCriterion:
    """Entries whose *field* is *value* or greater."""
    return RangeCriterion(field, value, has_upper=False)


def between(field: str, lower: Any, upper: Any) -> RangeCriterion:
    """Entries whose *field* is *lower*, *upper*, or lies between."""
    return RangeCriterion(field, lower, upper)


def is_in(field: str, values: Iterable[Any]) -> InCriterion:
    """Entries whose *field* is one of *values*."""
    return InCriterion(field, tuple(values))


def value_type_of(name: str, settings: Mapping[int, Any]) -> str:
    """The type of values of the cache *name*, as its only query entity says."""
    entities = settings[PROP_QUERY_ENTITIES]
    if len(entities) != 1 or not entities[0]["value_type_name"]:
        raise SQLError(
            f"the cache {name!r} has {len(entities)} query entities, so that value_type must say which one is meant",
            code="no_table",
        )
    value_type: str = entities[0]["value_type_name"]
    return value_type


class _IndexQuery(_Entries):
    _where = "cache"

    def __init__(
        self,
        owner: Any,
        cache: CacheAccess,
        value_type: str,
        index_name: str | None,
        criteria: Sequence[Criterion],
        options: dict[str, Any],
    ) -> None:
        self._begin(owner)
        self._cache = cache
        self._value_type = value_type
        self._index_name = index_name
        self._criteria = [self._with_values(criterion) for criterion in criteria]
        self._options = options

    def _with_values(self, criterion: Criterion) -> Criterion:
        value_of = self._owner.conversion.value
        if isinstance(criterion, InCriterion):
            return attrs.evolve(criterion, values=[value_of(value, None) for value in criterion.values])
        return attrs.evolve(criterion, lower=value_of(criterion.lower, None), upper=value_of(criterion.upper, None))

    def _new_state(self, session: Session) -> IndexQueryState:
        return IndexQueryState(
            session, self._cache, self._value_type, self._index_name, self._criteria, **self._options
        )


class IndexCursor(_IndexQuery, _BlockingCursor):
    """The entries that an index finds, as pairs (key, value), in its order. Made by :meth:`Cache.index_query`."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._owner._run(self._open(), self._where)


class AioIndexCursor(_IndexQuery, _AwaitingCursor):
    """The entries that an index finds, as pairs (key, value), in its order. Made by :meth:`AioCache.index_query`."""


class _PartitionScan(CursorAttributes):
    _where = "cache"
    _state: Any

    def __init__(self, owner: Any, cache: CacheAccess, options: dict[str, Any]) -> None:
        self._begin(owner)
        self._cache = cache
        self._options = options

    def _make_state(self, session: Session) -> Operation[PartitionScanState]:
        return PartitionScanState(_Sessions(self._owner, self._cache), self._cache, **self._options)
        yield  # a generator, as every operation, though it has nothing to wait for

    def _fetch_on_session(self) -> Operation[list[Any]]:
        # Each partition is on a connection of its own.
        page: Operation[list[Any]] = self._state.fetch_page()
        return page

    def _close_on_session(self) -> Operation[None]:
        closing: Operation[None] = self._state.close()
        return closing

    @property
    def cursor_id(self) -> int | None:
        """None: there is a cursor for each partition."""
        return None


class PartitionScanCursor(_PartitionScan, _BlockingCursor):
    """Entries of many partitions as pairs (key, value), in no order. Made by :meth:`Cache.scan_partitions`."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._owner._run(self._open(), self._where)


class AioPartitionScanCursor(_PartitionScan, _AwaitingCursor):
    """Entries of many partitions as pairs (key, value), in no order. Made by :meth:`AioCache.scan_partitions`."""


@attrs.frozen
class _Sessions:
    """Finds the connections to the nodes of partitions, without keeping alive the cursor that asks for them."""

    owner: Owner
    cache: CacheAccess

    def of(self, partition: int | None) -> Operation[Session]:
        target = ANYWHERE if partition is None else Partition(self.cache.cache_id, partition)
        return self.owner._call(_itself, target, is_idempotent=True)

    def call(self, session: Session, operation: Callable[[Session], Operation[T]]) -> Operation[T]:
        return self.owner._call(operation, OnSession(session))


def _itself(session: Session) -> Operation[Session]:
    return session
    yield  # a generator, as every operation, though it has nothing to wait for


__all__ = [
    "AioIndexCursor",
    "AioPartitionScanCursor",
    "IndexCursor",
    "PartitionScanCursor",
    "between",
    "eq",
    "gt",
    "gte",
    "is_in",
    "lt",
    "lte",
]
