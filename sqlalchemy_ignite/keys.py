"""Generated keys and sequences: numbers from atomic longs of the cluster, taken in blocks.

Ignite's SQL generates no keys. An atomic long per table, and per sequence, does instead: it holds the last number that
anybody has taken, and an engine takes a block of them at once. Numbers that an engine has taken and not used are lost
with it, so that there are gaps, as there are in sequences of other databases.

A table's counter begins behind the greatest key that is there. When it turns out to be behind after all, because rows
came with keys of their own, it is moved before the next block is taken.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import attrs
from sqlalchemy import exc
from sqlalchemy import types as sqltypes
from sqlalchemy.engine import Connection
from sqlalchemy.schema import Column, Identity, Table
from sqlalchemy.schema import Sequence as SchemaSequence

if TYPE_CHECKING:
    from sqlalchemy_ignite.base import IgniteDialect

__all__ = [
    "DEFAULT_BLOCK_SIZE",
    "Counter",
    "Generator",
    "KeyBlocks",
    "check_block_size",
    "generated_column",
    "reseed_keys",
    "sequence_prefix",
]

#: How many numbers are taken at once, unless ``create_engine(…, key_block_size=…)`` says otherwise.
DEFAULT_BLOCK_SIZE = 20

_SMALLEST = -(2**63)
_LARGEST = 2**63 - 1


def check_block_size(value: Any) -> int:
    """Return `value`, a number or the text of one in a URL; raise `ArgumentError` if it is no block size."""
    try:
        size = int(value) if isinstance(value, (int, str)) and not isinstance(value, bool) else 0
    except ValueError:
        size = 0
    if size < 1:
        raise exc.ArgumentError(f"key_block_size={value!r} is not a whole number from 1 on")
    return size


def _quoted(*names: str) -> str:
    # No name has a double quote in it: the dialect refuses such names.
    return ".".join(f'"{name}"' for name in names)


def sequence_prefix(schema: str) -> str:
    """Return what the names of the atomic longs of all sequences of `schema`, as the server has it, begin with."""
    return f"sequence {_quoted(schema)}."


def generated_column(table: Any) -> Column[Any] | None:
    """Return the key column of `table` whose values the dialect generates, or None.

    It is SQLAlchemy's autoincrement column: the one integer column of the key, or the one with ``autoincrement=True``,
    without a default of its own.
    """
    if not isinstance(table, Table):
        return None
    column: Column[Any] | None = table._autoincrement_column
    if column is None or (column.server_default is not None and not isinstance(column.server_default, Identity)):
        return None
    default: Any = column.default
    if default is not None and not (default.is_sequence and default.optional):
        return None
    return column


@attrs.frozen
class Generator:
    """What generates numbers, as the metadata have it: a table's key column, or a sequence."""

    schema: str | None
    name: str
    #: The key column; None for a sequence.
    column: str | None = None
    start: int = 1
    increment: int = 1
    #: The last number there may be.
    last: int | None = None
    #: How many numbers are taken at once; None: as many as the engine's option says.
    block_size: int | None = None

    @classmethod
    def of_column(cls, column: Column[Any]) -> Generator:
        """Return what generates the values of a key column; `Identity` says where they start."""
        table: Any = column.table
        identity = column.identity
        start = 1
        if identity is not None:
            if identity.increment not in (None, 1) or identity.cycle or identity.maxvalue is not None:
                raise exc.CompileError(
                    f"table {table.name!r}: of Identity(…) Ignite can have start alone for the column {column.name!r}; "
                    "for increment and maxvalue, use Sequence(…) as the default of the column"
                )
            start = 1 if identity.start is None else identity.start
        return cls(table.schema, table.name, column.name, start=start)

    @classmethod
    def of_sequence(cls, sequence: SchemaSequence) -> Generator:
        """Return what generates the values of a sequence."""
        increment = 1 if sequence.increment is None else sequence.increment
        if increment == 0:
            raise exc.CompileError(
                f"sequence {sequence.name!r}: increment=0 would give the same number again and again"
            )
        if sequence.cycle:
            raise exc.CompileError(
                f"sequence {sequence.name!r}: cycle=True is not possible, a sequence of Ignite does not start again"
            )
        end, beginning = sequence.maxvalue, sequence.minvalue
        if increment < 0:
            end, beginning = beginning, end
        start = sequence.start if sequence.start is not None else beginning
        if start is None:
            start = 1 if increment > 0 else -1
        # SQLAlchemy 2.1 made the order an argument of Oracle's.
        order = getattr(sequence, "order", None) or getattr(sequence, "dialect_kwargs", {}).get("oracle_order")
        block_size = 1 if order else sequence.cache
        if block_size is not None and block_size < 1:
            raise exc.CompileError(f"sequence {sequence.name!r}: cache={block_size} is not a number from 1 on")
        return cls(sequence.schema, sequence.name, start=start, increment=increment, last=end, block_size=block_size)

    def on_server(self, schema: str, name: str) -> Counter:
        """Return the counter that serves it, given schema and name as the server has them."""
        if self.column is None:
            return Counter(self, f"{sequence_prefix(schema)}{_quoted(name)}", schema, name)
        return Counter(self, f"key {_quoted(schema, name)}", schema, name)


@attrs.frozen
class Counter:
    """An atomic long of the cluster; it holds the last number taken, and before the first one what precedes it."""

    generator: Generator
    #: The name of the atomic long.
    atomic_long: str
    schema: str
    table: str

    @property
    def before_first(self) -> int:
        """The value before anything is taken."""
        return self.generator.start - self.generator.increment

    def describe(self) -> str:
        """Return what the counter is for, for error texts."""
        generator = self.generator
        if generator.column is None:
            return f"the sequence {generator.name!r}"
        return f"the key column {generator.column!r} of the table {generator.name!r}"


class KeyBlocks:
    """The blocks of numbers that one engine has taken, by atomic long. Threads and tasks share it.

    The lock is never held while the server is asked: two that ask at the same time get a block each, and what one does
    not need is there for the next.
    """

    def __init__(self, dialect: IgniteDialect) -> None:
        self._dialect = dialect
        self._lock = threading.Lock()
        self._process = os.getpid()
        self._blocks: dict[str, list[range]] = {}
        # Atomic longs that are known not to be behind the keys that were there when the engine first used them.
        self._seeded: set[str] = set()
        # Keys that came from elsewhere than the counter: the greatest, which the counter has to be moved behind.
        self._given: dict[str, int] = {}
        # Atomic longs that gave a number which was a key already.
        self._suspected: set[str] = set()

    def next_values(self, dbapi_connection: Any, counter: Counter, count: int) -> list[int]:
        """Return `count` numbers that nobody else gets, in ascending order of their taking."""
        if counter.atomic_long in self._suspected:
            self.reseed(dbapi_connection, counter)
        self._move_behind_given(dbapi_connection, counter)
        values = self._take(counter.atomic_long, count)
        missing = count - len(values)
        if missing:
            size = max(missing, counter.generator.block_size or self._dialect.key_block_size)
            block = self._reserve(dbapi_connection, counter, size)
            if len(block) < missing:
                raise self._exhausted(counter, counter.generator.last)
            values += block[:missing]
            if len(block) > missing:
                with self._lock:
                    self._blocks.setdefault(counter.atomic_long, []).append(block[missing:])
        return values

    def create(self, dbapi_connection: Any, counter: Counter, *, anew: bool) -> None:
        """Make the atomic long of a table or sequence that was just created; `anew`: it begins from its start."""
        self.forget(counter)
        atomic_long = dbapi_connection.atomic_long(counter.atomic_long, counter.before_first)
        if anew:
            # It may be left over from a table that was dropped by other means.
            atomic_long.set(counter.before_first)

    def remove(self, dbapi_connection: Any, counter: Counter) -> None:
        """Remove the atomic long of a table or sequence that was dropped."""
        self.forget(counter)
        self._handle(dbapi_connection, counter).remove()

    def exists(self, dbapi_connection: Any, counter: Counter) -> bool:
        """Return whether the atomic long is there."""
        return bool(self._handle(dbapi_connection, counter).exists())

    def forget(self, counter: Counter) -> None:
        """Give up the numbers that were taken, and look at the table again before the next are."""
        with self._lock:
            self._blocks.pop(counter.atomic_long, None)
            self._seeded.discard(counter.atomic_long)
            self._given.pop(counter.atomic_long, None)
            self._suspected.discard(counter.atomic_long)

    def note_given(self, counter: Counter, greatest: int) -> None:
        """Note that a row has the key `greatest`, which did not come from the counter."""
        with self._lock:
            if greatest > self._given.get(counter.atomic_long, _SMALLEST):
                self._given[counter.atomic_long] = min(greatest, _LARGEST)

    def reseed(self, dbapi_connection: Any, counter: Counter) -> int:
        """Move the counter of a table behind the greatest key that is there; return the last number it has given."""
        greatest = self._greatest_key(dbapi_connection, counter)
        before = counter.before_first if greatest is None else max(greatest, counter.before_first)
        self.forget(counter)
        atomic_long = dbapi_connection.atomic_long(counter.atomic_long, before)
        return int(atomic_long.raise_to(before))

    def suspect(self, counter: Counter) -> None:
        """Note that a number of the counter was found to be a key already: it is mended before the next is taken."""
        if counter.generator.column is not None:
            with self._lock:
                self._suspected.add(counter.atomic_long)

    # -- taking -------------------------------------------------------------------------------------------------------

    def _take(self, name: str, count: int) -> list[int]:
        values: list[int] = []
        with self._lock:
            if self._process != os.getpid():
                # A fork copied the blocks, and the parent goes on using them.
                self._process = os.getpid()
                self._blocks.clear()
            blocks = self._blocks.get(name, [])
            while blocks and len(values) < count:
                block = blocks[0]
                wanted = count - len(values)
                values += block[:wanted]
                if len(block) > wanted:
                    blocks[0] = block[wanted:]
                else:
                    del blocks[0]
        return values

    def _reserve(self, dbapi_connection: Any, counter: Counter, size: int) -> range:
        generator = counter.generator
        step = generator.increment
        last = self._step(dbapi_connection, counter, lambda atomic_long: atomic_long.add_and_get(size * step))
        first = last - (size - 1) * step
        if not _SMALLEST <= first - step <= _LARGEST:
            # It wrapped around.
            self._handle(dbapi_connection, counter).add_and_get(-size * step)
            raise self._exhausted(counter, _LARGEST if step > 0 else _SMALLEST)
        block = range(first, last + (1 if step > 0 else -1), step)
        if generator.last is not None:
            block = range(first, generator.last + (1 if step > 0 else -1), step)[:size]
        return block

    def _step(self, dbapi_connection: Any, counter: Counter, run: Callable[[Any], int]) -> int:
        """Run one step on the atomic long, which is made first if it is not there."""
        if counter.atomic_long not in self._seeded:
            self._seed(dbapi_connection, counter)
        handle = self._handle(dbapi_connection, counter)
        try:
            return run(handle)
        except self._dialect.loaded_dbapi.ProgrammingError as error:
            if getattr(error, "code", None) != "no_such_atomic_long":
                raise
        # It was there before: the cluster was started anew, or somebody removed it.
        self._seed(dbapi_connection, counter)
        return run(handle)

    def _exhausted(self, counter: Counter, last: int | None) -> Exception:
        error: Exception = self._dialect.loaded_dbapi.DataError(
            f"{counter.describe()} has given its last number, {last}", code="keys_exhausted"
        )
        return error

    def _seed(self, dbapi_connection: Any, counter: Counter) -> None:
        """See to it that the atomic long is there and, if it has given no number yet, not behind the keys there."""
        handle = self._handle(dbapi_connection, counter)
        dbapi = self._dialect.loaded_dbapi
        try:
            value = handle.get()
        except dbapi.NotSupportedError as error:
            raise dbapi.NotSupportedError(
                f"{counter.describe()} has no value, and this server has nothing to generate one with: {error}. Give "
                "the value, or let Python make it: Column(Uuid, primary_key=True, default=uuid.uuid4)",
                code=getattr(error, "code", None),
            ) from error
        except dbapi.ProgrammingError as error:
            if getattr(error, "code", None) != "no_such_atomic_long":
                raise
            self._create_missing(dbapi_connection, counter, error)
        else:
            if value == counter.before_first and counter.generator.column is not None:
                greatest = self._greatest_key(dbapi_connection, counter)
                if greatest is not None and greatest > value:
                    # Whoever is first moves it; nobody takes a number before that.
                    handle.compare_and_set(value, greatest)
        self._seeded.add(counter.atomic_long)

    def _create_missing(self, dbapi_connection: Any, counter: Counter, error: Exception) -> None:
        dbapi = self._dialect.loaded_dbapi
        if counter.generator.column is None:
            raise dbapi.ProgrammingError(
                f"There is no sequence {counter.generator.name!r} in the schema {counter.schema!r}: create it with "
                "Sequence.create(), MetaData.create_all() or CreateSequence; in a cluster without persistence it is "
                "gone when the cluster was stopped",
                code="no_such_sequence",
            ) from error
        if dbapi_connection.in_transaction:
            # The first atomic long of a cluster makes a cache, which waits for this very transaction to end.
            raise dbapi.NotSupportedError(
                f"The counter for {counter.describe()} does not exist yet, and making it in an open transaction could "
                "block the whole cluster. Make it before: let SQLAlchemy create the table, or call "
                "sqlalchemy_ignite.reseed_keys(connection, table)",
                code="key_counter_missing",
            ) from error
        greatest = self._greatest_key(dbapi_connection, counter)
        before = counter.before_first
        # If somebody else makes it in between, theirs stays.
        dbapi_connection.atomic_long(counter.atomic_long, before if greatest is None else max(before, greatest))

    def _move_behind_given(self, dbapi_connection: Any, counter: Counter) -> None:
        with self._lock:
            greatest = self._given.get(counter.atomic_long)
        if greatest is None:
            return
        self._step(dbapi_connection, counter, lambda atomic_long: atomic_long.raise_to(greatest))
        with self._lock:
            if self._given.get(counter.atomic_long) == greatest:
                del self._given[counter.atomic_long]
            behind = [
                block[max(0, greatest + 1 - block.start) :] for block in self._blocks.pop(counter.atomic_long, [])
            ]
            self._blocks[counter.atomic_long] = [block for block in behind if block]

    def _greatest_key(self, dbapi_connection: Any, counter: Counter) -> int | None:
        assert counter.generator.column is not None
        column = self._dialect.name_on_server(counter.generator.column)
        cursor = dbapi_connection.cursor()
        try:
            cursor.execute(f"SELECT MAX({_quoted(column)}) FROM {_quoted(counter.schema, counter.table)}", ())
            ((greatest,),) = cursor.fetchall()
        finally:
            cursor.close()
        return None if greatest is None else int(greatest)

    def _handle(self, dbapi_connection: Any, counter: Counter) -> Any:
        return dbapi_connection.atomic_long(counter.atomic_long, create=False)


def parameter_values(
    counters: Mapping[str, Counter],
    rows: Sequence[Mapping[str, Any]],
    take: Callable[[Counter, int], list[int]],
) -> list[dict[str, Any]]:
    """Return the parameter sets `rows` with a number for each parameter that `counters` name.

    What one statement needs of a counter is taken in one step, in the order of the rows.
    """
    names_by_counter: dict[Counter, list[str]] = {}
    for name, counter in counters.items():
        names_by_counter.setdefault(counter, []).append(name)
    filled = [dict(row) for row in rows] or [{}]
    for counter, names in names_by_counter.items():
        numbers: Iterator[int] = iter(take(counter, len(names) * len(filled)))
        for row in filled:
            for name in names:
                row[name] = next(numbers)
    return filled


def sequence_type(sequence: SchemaSequence) -> sqltypes.TypeEngine[Any]:
    """Return the type of the numbers of a sequence."""
    column: Any = sequence.column
    if column is not None and isinstance(column.type, sqltypes.Integer):
        return column.type
    return sequence.data_type if sequence.data_type is not None else sqltypes.BigInteger()


def reseed_keys(connection: Connection, table: Table) -> int:
    """Move the generator of the keys of `table` behind the greatest key that is there, and return its last number.

    To be called after rows with keys of their own were loaded by other programs, or in bulk. Raises `ArgumentError` for
    a table whose keys are not generated.
    """
    column = generated_column(table)
    if column is None:
        raise exc.ArgumentError(f"the keys of the table {table.name!r} are not generated")
    dialect: Any = connection.dialect
    dbapi_connection: Any = connection.connection
    counter = dialect.counter_of(dbapi_connection, Generator.of_column(column), connection.get_execution_options())
    return int(dialect.key_blocks.reseed(dbapi_connection, counter))
