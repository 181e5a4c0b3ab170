"""Loading many rows into a table past SQL: as entries of its cache, in the bytes that an INSERT would make of them."""

from __future__ import annotations

import uuid
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any, Final, Protocol

import attrs

from ignite_dbapi.errors import Error, IntegrityError, NotSupportedError, ProgrammingError
from ignite_dbapi.operations import calls, facts, server, tables
from ignite_dbapi.operations.session import Session
from ignite_dbapi.operations.tables import KEY, VALUE, Column, Table
from ignite_dbapi.protocol.codec import BinaryField, BinaryType, MissingFact, MissingServerFacts, TypeCode, Writer
from ignite_dbapi.protocol.codec.names import name_id, schema_id, string_hash
from ignite_dbapi.protocol.codec.table_columns import ColumnBlock, EntryPart, RowBlock, TableColumn
from ignite_dbapi.protocol.codec.table_rows import RowEncoder
from ignite_dbapi.protocol.exchange import Operation, Pending, Receive
from ignite_dbapi.protocol.messages.binary_types import BinaryTypeGet, BinaryTypePut
from ignite_dbapi.protocol.messages.cache import Batch, CacheHeader, GetSize, PutAll
from ignite_dbapi.protocol.messages.streamer import StreamerAdd, StreamerStart

Progress = Callable[[int, "int | None"], Any]

MAXIMUM_WINDOW: Final = 64
# A request ends with the row that fills it, whatever the batch size.
_BATCH_BYTES: Final = 512 * 1024
# What is under way at once, however large the window.
_WINDOW_BYTES: Final = 16 * 1024 * 1024


class Source(Protocol):
    """Rows that are to be loaded."""

    @property
    def names(self) -> Sequence[Any] | None:
        """The columns that the rows have values for; None if the rows do not tell."""

    @property
    def total(self) -> int | None:
        """How many rows there are, if that is known."""

    def blocks(self, columns: Sequence[TableColumn], size: int) -> Iterator[RowBlock | ColumnBlock]:
        """The rows, about *size* at a time. Their values go into *columns*, in this order."""


@attrs.frozen
class Options:
    """How rows are loaded: see :meth:`ignite_dbapi.Connection.bulk_load`."""

    schema: str | None = None
    overwrite: bool = False
    batch_size: int = 2000
    window: int = 4
    on_progress: Progress | None = None

    def __attrs_post_init__(self) -> None:
        for name, value, limit in (("batch_size", self.batch_size, 1 << 20), ("window", self.window, MAXIMUM_WINDOW)):
            if type(value) is not int or not 1 <= value <= limit:
                raise ProgrammingError(f"{name} of {value!r}; 1 to {limit} are possible", code="invalid_size")


def load(session: Session, table_name: str, source: Source, options: Options) -> Operation[int]:
    """Load the rows of *source* into a table; returns how many there were."""
    if not session.autocommit:
        raise NotSupportedError(
            "bulk_load does not belong to transactions: its rows would stay after a rollback. Connect with "
            "autocommit=True, or use executemany",
            code="bulk_load_in_transaction",
        )
    table = yield from tables.find(session, table_name, options.schema or session.options.schema)
    if session.context.knowledge.is_compact_footer is None or session.context.knowledge.is_string_version_2 is None:
        yield from facts.learn(session, MissingServerFacts())
    plan = yield from _plan(session, table, source.names)
    overwrites = options.overwrite or (yield from _is_empty(session, table))
    loading = _Loading(session, table, options, source.total, overwrites=overwrites)
    return (yield from loading.run(plan.encoder, source.blocks(plan.columns, options.batch_size)))


def _is_empty(session: Session, table: Table) -> Operation[bool]:
    """Whether *table* may be loaded by put_all, because there is no row to overwrite.

    That is a quarter faster than a data streamer, which looks for every key. Those who write the same keys while the
    load runs may win or lose.
    """
    if table.is_transactional:
        # There put_all goes one request after the other.
        return False
    return (yield from calls.call(session, GetSize(CacheHeader(string_hash(table.cache_name))))) == 0


# --- what becomes of a row ------------------------------------------------------------------------------------


@attrs.frozen
class _Plan:
    columns: tuple[TableColumn, ...]
    encoder: RowEncoder


def _plan(session: Session, table: Table, names: Sequence[str] | None) -> Operation[_Plan]:
    named = _named(table, names)
    places = {column.name: place for place, column in enumerate(named)}
    key = None if table.has_generated_keys else (yield from _key_part(session, table, places))
    value = _value_part(session, table, places)
    for part, type_name, affinity_field in (
        (key, table.key_type, table.affinity_field),
        (value, table.value_type, None),
    ):
        if part is not None and part.type_id is not None:
            yield from _register(session, table, part, type_name, affinity_field)
    generated = None
    if key is None:
        # As Ignite makes them: a UUID of whoever makes keys, and a number.
        number = uuid.uuid4().int
        high, low = (half - (half >> 63 << 64) for half in (number >> 64, number & (1 << 64) - 1))
        generated = (high, low, 1)
    encoder = RowEncoder(
        session.context.knowledge, key, value, [column.name for column in named], generated_key=generated
    )
    return _Plan(tuple(_encoded(session, column, places) for column in named), encoder)


def _named(table: Table, names: Sequence[Any] | None) -> list[Column]:
    """The columns of *table* that *names* name; all of them without names."""
    if names is None:
        named = list(table.columns)
    else:
        named = []
        for name in names:
            column = table.column(name) if isinstance(name, str) else None
            if column is None:
                raise ProgrammingError(
                    f"table {table.shown} has no column {name!r}, but "
                    f"{', '.join(repr(column.name) for column in table.columns)}",
                    code="unknown_column",
                )
            if column in named:
                raise ProgrammingError(f"column {column.name!r} is named twice", code="duplicate_column")
            named.append(column)
    for column in named:
        if not column.is_supported:
            raise NotSupportedError(
                f"column {column.name!r} of {table.shown} holds objects of the class {column.sql_name}, which "
                f"bulk_load does not write; use INSERT",
                code="unsupported_column",
            )
    return named


def _key_part(session: Session, table: Table, places: Mapping[str, int]) -> Operation[EntryPart]:
    columns = table.key_columns()
    if not columns:
        raise NotSupportedError(
            f"the keys of {table.shown} are objects of the type {table.key_type}, of which no column is part; put "
            f"entries into the cache {table.cache_name!r} instead",
            code="no_key_columns",
        )
    missing = [column.name for column in columns if column.name not in places]
    if missing:
        raise ProgrammingError(
            f"table {table.shown}: the rows have no value for the key column{'s' if len(missing) > 1 else ''} "
            f"{', '.join(map(repr, missing))}",
            code="missing_key_column",
        )
    if table.key_column is not None:
        return EntryPart((_encoded(session, columns[0], places),))
    type_id = name_id(table.key_type)
    known = yield from calls.call(session, BinaryTypeGet(type_id))
    by_id = {name_id(column.field): column for column in columns}
    if known is not None and len(known.schemas) == 1:
        (order,) = known.schemas.values()
        if set(order) == set(by_id):
            columns = tuple(by_id[field_id] for field_id in order)
    elif (session.options.query_engine or (yield from server.default_query_engine(session))) == "h2":
        columns = _defaults_first(columns)
    return _object(session, type_id, columns, places)


def _value_part(session: Session, table: Table, places: Mapping[str, int]) -> EntryPart:
    if table.value_column is not None:
        column = table.column(f'"{table.value_column}"')
        if column is None or column.name not in places:
            raise ProgrammingError(
                f"table {table.shown}: the rows have no value for the column {table.value_column!r}, which is all "
                f"that is stored beside the key",
                code="missing_value_column",
            )
        # As the whole value it cannot be NULL, which is no value.
        return EntryPart((attrs.evolve(_encoded(session, column, places), is_nullable=False),))
    columns = _defaults_first(
        column for column in table.columns if not column.is_key and column.name not in (KEY, VALUE)
    )
    stored = tuple(column for column in columns if column.name in places or column.default is not None)
    for column in columns:
        if column not in stored and not column.is_nullable:
            raise IntegrityError(
                f"table {table.shown}: the rows have no value for the column {column.name!r}, which is NOT NULL and "
                f"has no DEFAULT",
                sqlstate="22004",
                code="null_not_allowed",
            )
    return _object(session, name_id(table.value_type), stored, places)


def _defaults_first(columns: Any) -> tuple[Column, ...]:
    """*columns* in the order in which H2 writes them: those with a DEFAULT come first, whatever value they get."""
    return tuple(sorted(columns, key=lambda column: column.default is None))


def _object(session: Session, type_id: int, columns: Sequence[Column], places: Mapping[str, int]) -> EntryPart:
    return EntryPart(
        tuple(_encoded(session, column, places) for column in columns),
        type_id,
        tuple(name_id(column.field) for column in columns),
    )


def _encoded(session: Session, column: Column, places: Mapping[str, int]) -> TableColumn:
    """How the values of *column* are encoded. A key must not be NULL, even where SQL lets a part of it be.

    The engines write such keys differently, and do not find each other's.
    """
    constant = b""
    if column.name not in places:
        writer = Writer(session.context.knowledge)
        if column.code is None:
            writer.value(column.default)
        else:
            writer.typed(column.code, column.default)
        constant = bytes(writer.buffer)
    return TableColumn(
        name=column.name,
        code=column.code,
        sql_name=column.sql_name,
        place=places.get(column.name, -1),
        constant=constant,
        is_nullable=column.is_nullable and not column.is_key,
        precision=column.precision,
        scale=column.scale,
    )


def _register(
    session: Session, table: Table, part: EntryPart, type_name: str, affinity_field: str | None
) -> Operation[None]:
    """Tell the cluster of a type and its fields, before the first object of it: as the first INSERT does."""
    assert part.type_id is not None
    fields = {name_id(column.field): column for column in table.columns}
    described = BinaryType(
        type_id=part.type_id,
        type_name=type_name,
        affinity_key_field=affinity_field,
        fields=tuple(
            BinaryField(fields[field_id].field, _METADATA_CODES.get(column.code, column.code or 0), field_id)
            for field_id, column in zip(part.field_ids, part.columns, strict=True)
        ),
        schemas={schema_id(part.field_ids): part.field_ids} if part.field_ids else {},
    )
    known = yield from calls.call(session, BinaryTypeGet(part.type_id))
    if known is not None:
        described = attrs.evolve(described, affinity_key_field=known.affinity_key_field)
        if all(known.field_codes.get(field.field_id) == field.type_code for field in described.fields) and set(
            described.schemas
        ) <= set(known.schemas):
            return
    yield from calls.call(session, BinaryTypePut(described))


# How metadata names the types of fields: a java.sql.Date is an object like any other.
_METADATA_CODES: Final[dict[int | None, int]] = {
    TypeCode.OPTIMIZED: TypeCode.COMPLEX_OBJECT,
    None: TypeCode.COMPLEX_OBJECT,
}


# --- the way to the server ------------------------------------------------------------------------------------


class _Loading:
    """Sends rows in batches, several of which are under way at once, and knows what has become of them."""

    def __init__(
        self, session: Session, table: Table, options: Options, total: int | None, *, overwrites: bool
    ) -> None:
        self._session = session
        self._table = table
        self._options = options
        self._total = total
        self._overwrites = overwrites
        # Concurrent put_all of a TRANSACTIONAL cache wait for each other's keys, and may do so for ever.
        self._window = 1 if overwrites and table.is_transactional else options.window
        self._cache_id = string_hash(table.cache_name)
        self._header = CacheHeader(self._cache_id)
        self._streamer_id: int | None = None
        self._under_way: deque[tuple[Pending, int, int]] = deque()
        self._bytes = 0
        self.sent = 0
        self.answered = 0
        # Rows that are in the table whatever comes, apart from what others do.
        self.written = 0

    def run(self, encoder: RowEncoder, blocks: Iterator[RowBlock | ColumnBlock]) -> Operation[int]:
        """Load all rows; returns their number."""
        try:
            try:
                for block in blocks:
                    while block.position < block.row_count:
                        yield from self._encode(encoder, block)
                        if encoder.count >= self._options.batch_size or len(encoder) >= _BATCH_BYTES:
                            yield from self._send(encoder)
                yield from self._send(encoder)
                yield from self._finish()
            except Exception as error:
                yield from self._settle(error)
                raise
        except Exception:
            raise
        except (GeneratorExit, KeyboardInterrupt):
            # Nothing can be sent by now; the next query ends the streamer first, as does the end of the connection.
            self._session.resources.orphans.extend(self._leave())
            raise
        except BaseException:
            # A streamer that outlives its table takes the node with it: it ends before anything else is done.
            self._session.resources.orphans.extend(self._leave())
            with suppress(Error):  # without the connection the server has ended it
                yield from calls.close_orphans(self._session)
            raise
        return self.sent

    def _encode(self, encoder: RowEncoder, block: RowBlock | ColumnBlock) -> Operation[None]:
        while True:
            try:
                encoder.encode(block, self._options.batch_size, _BATCH_BYTES)
                return
            except MissingFact as missing:
                fact = missing
            except Error:
                # The rows before the one that is refused are written.
                yield from self._send(encoder)
                raise
            yield from facts.learn(self._session, fact)

    def _send(self, encoder: RowEncoder) -> Operation[None]:
        if not encoder.count:
            return
        batch = Batch(encoder.count, encoder.take())
        size = len(batch.data)
        while self._under_way and (len(self._under_way) >= self._window or self._bytes + size > _WINDOW_BYTES):
            yield from self._receive_oldest()
        message: Any
        if self._overwrites:
            message = PutAll(self._header, batch)
        else:
            if self._streamer_id is None:
                yield from self._open()
                assert self._streamer_id is not None
            message = StreamerAdd(self._streamer_id, batch)
        pending = yield from calls.send(self._session, message)
        self._under_way.append((pending, batch.count, size))
        self._bytes += size
        self.sent += batch.count

    def _open(self) -> Operation[None]:
        start = StreamerStart(cache_id=self._cache_id, keep_binary=True)
        try:
            answer = yield from calls.query(self._session, start, may_leak=False)
        except NotSupportedError as error:
            raise NotSupportedError(
                "this server has no data streamers for clients, as old ones have not; overwrite=True does without",
                status=error.status,
                code="no_streamer",
            ) from error
        self._streamer_id = answer.cursor_id

    def _receive_oldest(self) -> Operation[None]:
        pending, count, size = self._under_way[0]
        try:
            yield Receive(pending)
        finally:
            if pending.is_done:
                self._under_way.popleft()
                self._bytes -= size
        self.answered += count
        if self._streamer_id is None:
            self.written = self.answered
        if self._options.on_progress is not None:
            self._options.on_progress(self.answered, self._total)

    def _finish(self) -> Operation[None]:
        # Requests are carried out in any order: nothing may be under way that the end is to include.
        while self._under_way:
            yield from self._receive_oldest()
        if self._streamer_id is None:
            return
        streamer_id, self._streamer_id = self._streamer_id, None
        try:
            yield from calls.call(self._session, StreamerAdd(streamer_id, close=True))
        except Error:
            raise
        except BaseException:
            self._session.resources.orphans.append(streamer_id)
            raise
        self._session.resources.closed(streamer_id)
        self.written = self.answered

    def _settle(self, error: Exception) -> Operation[None]:
        """After *error*: wait for what is under way, end the streamer, and let the error say what was written."""
        while self._under_way:
            with suppress(Error):  # the first one is raised
                yield from self._wait_for_oldest()
        if self._streamer_id is not None:
            with suppress(Error):
                yield from self._finish()
        uncertain = self.sent - self.written
        told = f"{self.written} rows of the load were written before"
        if uncertain:
            told += f", and {uncertain} more may have been: look before they are loaded again"
        if isinstance(error, Error):
            error.args = (f"{error} [{told}]",)
        else:
            error.add_note(f"bulk_load into {self._table.shown}: {told}")

    def _wait_for_oldest(self) -> Operation[None]:
        """As _receive_oldest, after an error: nobody wants to know of progress."""
        pending, count, size = self._under_way.popleft()
        self._bytes -= size
        yield Receive(pending)
        self.answered += count
        if self._streamer_id is None:
            self.written = self.answered

    def _leave(self) -> list[int]:
        """Leave what is under way to itself; returns the streamer that is to be ended, if there is one."""
        self._under_way.clear()
        streamer_id, self._streamer_id = self._streamer_id, None
        return [] if streamer_id is None else [streamer_id]
