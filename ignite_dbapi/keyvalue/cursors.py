"""The results of scans and of SQL: iterators, which are context managers as well."""

from __future__ import annotations

from collections.abc import AsyncIterator, Generator, Iterator, Mapping, Sequence
from itertools import chain
from types import TracebackType
from typing import Any, ClassVar, Final, TypeVar

from ignite_dbapi.cluster.cluster import ANYWHERE, OnSession, Target, guarded
from ignite_dbapi.errors import ProgrammingError
from ignite_dbapi.keyvalue.exceptions import ParameterError, translated
from ignite_dbapi.keyvalue.owners import AwaitingOwner, BlockingOwner, Owner
from ignite_dbapi.operations.cache import CacheAccess
from ignite_dbapi.operations.client_queries import ClientQueryState, SqlEntriesState
from ignite_dbapi.operations.scans import EntriesState, ScanState
from ignite_dbapi.operations.session import Session
from ignite_dbapi.operations.statements import analyze
from ignite_dbapi.options import StatementOptions
from ignite_dbapi.protocol.exchange import Operation

# Rows that are decoded at once.
_BLOCK: Final = 1024

BlockingT = TypeVar("BlockingT", bound="_BlockingCursor")
AwaitingT = TypeVar("AwaitingT", bound="_AwaitingCursor")


class CursorAttributes:
    """What a cursor knows without asking the server."""

    _where: ClassVar[str]

    _owner: Owner
    _state: Any = None
    _session: Session | None = None
    _is_exhausted = False

    def _begin(self, owner: Owner) -> None:
        self._owner = owner
        self._buffer: Iterator[Any] = iter(())
        transaction = self._transaction = owner._current_transaction()
        self._target: Target = ANYWHERE if transaction is None else OnSession(transaction.session)

    @property
    def client(self) -> Any:
        """The client that made the cursor."""
        return self._owner._public

    @property
    def connection(self) -> Any:
        """The node that holds the cursor; None before the cursor is opened."""
        return None if self._session is None else self._owner._node_of(self._session)

    @property
    def cursor_id(self) -> int | None:
        """The number of the cursor on its node; None before the cursor is opened, and for statements without rows."""
        return None if self._state is None else self._state.cursor_id

    @property
    def more(self) -> bool:
        """Whether there may be more rows to come."""
        return not self._is_exhausted

    def _make_state(self, session: Session) -> Operation[Any]:
        """Run the query on *session*; returns its state."""
        raise NotImplementedError

    def _fetch(self) -> Operation[list[Any]]:
        """The next rows; none at the end."""
        raise NotImplementedError

    def _open(self, *, is_idempotent: bool = True) -> Operation[None]:
        self._state = yield from self._owner._call(self._opened, self._target, is_idempotent=is_idempotent)

    def _opened(self, session: Session) -> Operation[Any]:
        self._session = session
        return self._make_state(session)

    def _next_block(self) -> Operation[list[Any]]:
        if self._is_exhausted:
            return []
        self._check_open()
        rows = yield from self._fetch_on_session()
        if not rows:
            self._is_exhausted = True
        return rows

    def _fetch_on_session(self) -> Operation[list[Any]]:
        assert self._session is not None
        return self._owner._call(lambda _: self._fetch(), OnSession(self._session))

    def _check_open(self) -> None:
        if self._state is None:
            raise translated(
                ProgrammingError(
                    "the cursor was not opened; await it, or use it in an 'async with' block", code="cursor_not_open"
                ),
                self._where,
            )

    def _close(self) -> Operation[None]:
        self._is_exhausted = True
        self._buffer = iter(())
        if self._state is not None:
            yield from self._close_on_session()

    def _close_on_session(self) -> Operation[None]:
        # Without its connection the server has freed the cursor already.
        if self._session is not None and self._session.channel.failure is None:
            yield from guarded(self._session, lambda _: self._state.close())


class _BlockingCursor(CursorAttributes):
    _owner: BlockingOwner

    def __iter__(self) -> Iterator[Any]:
        return chain.from_iterable(self._blocks())

    def _blocks(self) -> Iterator[Iterator[Any]]:
        """The buffer, whenever it is full: whoever iterates over it leaves the rest to the next one."""
        while True:
            yield self._buffer
            block = self._owner._run(self._next_block(), self._where)
            if not block:
                return
            self._buffer = iter(block)

    def __next__(self) -> Any:
        for row in self._buffer:
            return row
        self._buffer = iter(self._owner._run(self._next_block(), self._where))
        return next(self._buffer)

    def close(self) -> None:
        """Free what the server holds for the cursor. May be called again."""
        self._owner._run(self._close(), self._where)

    def __enter__(self: BlockingT) -> BlockingT:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class _AwaitingCursor(CursorAttributes):
    _owner: AwaitingOwner

    async def __aiter__(self) -> AsyncIterator[Any]:
        self._check_open()
        while True:
            for row in self._buffer:
                yield row
            block = await self._owner._run(self._next_block(), self._where)
            if not block:
                return
            self._buffer = iter(block)

    async def __anext__(self) -> Any:
        self._check_open()
        for row in self._buffer:
            return row
        self._buffer = iter(await self._owner._run(self._next_block(), self._where))
        for row in self._buffer:
            return row
        raise StopAsyncIteration

    async def close(self) -> None:
        """Free what the server holds for the cursor. May be called again."""
        await self._owner._run(self._close(), self._where)

    def __await__(self: AwaitingT) -> Generator[Any, None, AwaitingT]:
        return self.__aenter__().__await__()

    async def __aenter__(self: AwaitingT) -> AwaitingT:
        if self._state is None:
            await self._owner._run(self._open(), self._where)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()


# --- entries of caches ----------------------------------------------------------------------------------------


class _Entries(CursorAttributes):
    _state: EntriesState | None

    def _fetch(self) -> Operation[list[Any]]:
        assert self._state is not None
        return self._state.fetch(_BLOCK)

    def _make_state(self, session: Session) -> Operation[EntriesState]:
        state = self._new_state(session)
        yield from state.open()
        return state

    def _new_state(self, session: Session) -> EntriesState:
        raise NotImplementedError


class _Scan(_Entries):
    _where = "cache"

    def __init__(self, owner: Any, cache: CacheAccess, page_size: int, partitions: int | None, local: bool) -> None:
        self._begin(owner)
        self._cache = cache
        self._page_size = page_size
        self._partition = None if partitions is None or partitions < 0 else partitions
        self._local = local

    def _new_state(self, session: Session) -> ScanState:
        return ScanState(session, self._cache, page_size=self._page_size, partition=self._partition, local=self._local)


class ScanCursor(_Scan, _BlockingCursor):
    """The entries of a cache as pairs (key, value). Made by :meth:`Cache.scan`."""

    def __init__(self, owner: Any, cache: CacheAccess, page_size: int, partitions: int | None, local: bool) -> None:
        super().__init__(owner, cache, page_size, partitions, local)
        self._owner._run(self._open(), self._where)


class AioScanCursor(_Scan, _AwaitingCursor):
    """The entries of a cache as pairs (key, value). Made by :meth:`AioCache.scan`; to be awaited, or entered."""


class _SqlEntries(_Entries):
    _where = "sql"

    def __init__(self, owner: Any, cache: CacheAccess, page_size: int, query: Mapping[str, Any]) -> None:
        self._begin(owner)
        self._cache = cache
        self._page_size = page_size
        self._query = query

    def _new_state(self, session: Session) -> SqlEntriesState:
        return SqlEntriesState(session, self._cache, page_size=self._page_size, query=self._query)


class SqlCursor(_SqlEntries, _BlockingCursor):
    """The entries behind rows of SQL, as pairs (key, value). Made by :meth:`Cache.select_row`."""

    def __init__(self, owner: Any, cache: CacheAccess, page_size: int, query: Mapping[str, Any]) -> None:
        super().__init__(owner, cache, page_size, query)
        self._owner._run(self._open(), self._where)


class AioSqlCursor(_SqlEntries, _AwaitingCursor):
    """The entries behind rows of SQL, as pairs (key, value). Made by :meth:`AioCache.select_row`."""


# --- SQL ------------------------------------------------------------------------------------------------------


class _SqlFields(CursorAttributes):
    _where = "sql"
    _state: ClientQueryState | None

    def __init__(
        self,
        owner: Any,
        sql: Any,
        arguments: Sequence[Any],
        options: StatementOptions,
        request: Mapping[str, Any],
        include_field_names: bool,
        max_rows: int,
    ) -> None:
        self._begin(owner)
        if not isinstance(sql, str):
            raise ParameterError(f"a statement is text, not {type(sql).__name__}", code="statement_not_text")
        self._sql = sql
        self._arguments = arguments
        self._options = options
        self._request = request
        self._includes_names = include_field_names
        self._rest = max_rows

    @property
    def field_names(self) -> list[str]:
        """The names of the columns."""
        self._check_open()
        assert self._state is not None
        return self._state.columns

    def _open(self, *, is_idempotent: bool = True) -> Operation[None]:
        is_query = analyze(self._sql).is_query
        yield from super()._open(is_idempotent=is_query)
        if self._includes_names:
            self._buffer = iter([self.field_names])

    def _make_state(self, session: Session) -> Operation[ClientQueryState]:
        state = ClientQueryState(session, self._options, request=self._request, transaction=self._transaction)
        yield from state.execute(self._sql, self._arguments, {})
        return state

    def _fetch(self) -> Operation[list[Any]]:
        assert self._state is not None
        if self._rest == 0:
            yield from self._state.close()
            return []
        count = _BLOCK if self._rest < 0 else min(_BLOCK, self._rest)
        rows = list(map(list, (yield from self._state.fetch_rows(count))))
        if self._rest > 0:
            self._rest -= len(rows)
        return rows


class SqlFieldsCursor(_SqlFields, _BlockingCursor):
    """The rows of a statement, as lists; at first the names of the columns, if asked for. Made by ``sql()``."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._owner._run(self._open(), self._where)


class AioSqlFieldsCursor(_SqlFields, _AwaitingCursor):
    """The rows of a statement, as lists. Made by ``sql()`` of an :class:`AioClient`; to be awaited, or entered."""


__all__ = ["AioScanCursor", "AioSqlCursor", "AioSqlFieldsCursor", "ScanCursor", "SqlCursor", "SqlFieldsCursor"]
