"""One statement with many sets of parameters: several rows a statement, several statements under way.

What may be sent how:

- An INSERT whose rows have different keys, to the H2 engine: many rows in one statement.
- An INSERT whose rows have different keys, to Calcite, or of a form that cannot be repeated: one row a statement,
  because Calcite needs minutes to plan a statement of many rows with parameters, and may take the node with it.
- Everything else, whose order matters, and everything within a transaction: one after the other. The user may say that
  the order of a statement does not matter (the option ``ordered``).

A statement of many rows that fails is taken apart. The server writes none of its rows if one has a value that does not
fit its column, and all but those whose keys exist already: the rows that were not written are then run one by one, up
to the first that fails, so that the error is the same, and names the same parameter set, as without any of this.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from itertools import chain, islice
from typing import Any, Final

import attrs

from ignite_dbapi.errors import Error
from ignite_dbapi.operations import facts, server
from ignite_dbapi.operations.inserts import Insert, Keys, analyze_insert, is_known_table, keys_of
from ignite_dbapi.operations.parameters import CONTAINERS, check_arguments
from ignite_dbapi.operations.running import Attempt, Run
from ignite_dbapi.protocol.codec import MissingFact, Writer
from ignite_dbapi.protocol.context import Feature
from ignite_dbapi.protocol.exchange import Operation
from ignite_dbapi.protocol.messages.sql import EncodedArguments
from ignite_dbapi.protocol.snapshots import snapshots

# Rows of a statement. Fewer, the next power of two, where there are so many parameters or bytes: each number of rows is
# a text of its own, which the server has to parse, so there must not be many.
_ROWS: Final = 256
_PARAMETERS: Final = 8192
_BYTES: Final = 1 << 20
# Statements under way at once. The server has eight threads for all its clients, by default, and must be able to do
# something else beside, such as to cancel these statements, even if each of them waits for a lock. Those with many rows
# keep it busy all the same; INSERTs of new keys hardly wait.
_STATEMENTS_OF_ROWS: Final = 4
_INSERTS: Final = 6
_CHANGES: Final = 4
# Fewer parameter sets are faster run one by one than after the questions about the table.
_WORTH_ASKING: Final = 8
# Parameter sets that are looked at together. More would hardly be faster, and are in memory before they are sent.
_TOGETHER: Final = 32

_EXISTING_KEYS: Final = "because they are already in cache"
# What H2 finds before it writes anything of a batch.
_STATES_BEFORE_WRITING: Final = frozenset({"22004", "23000", "0700B", "42000"})
_WORDS_BEFORE_WRITING: Final = re.compile(r"Failed to prepare update plan|Invalid number of query parameters")
_ENDED: Final = frozenset({"query_cancelled", "query_timeout"})

Sets = Iterator[Sequence[Any]]


@attrs.define(eq=False)
class _Sent:
    """A statement under way: the parameter sets *rows*, of which the first has the index *first*, and their *keys*."""

    first: int
    rows: list[Sequence[Any]]
    keys: list[Hashable]
    attempt: Attempt

    @property
    def indexes(self) -> range:
        return range(self.first, self.first + len(self.rows))


class Batch:
    """Runs a statement once for each of many parameter sets. :attr:`rowcount` is what it has changed so far.

    *look* is shown each set before it is sent.
    """

    def __init__(self, run: Run, look: Callable[[Sequence[Any]], None]) -> None:
        self._run = run
        self._session = run.session
        self._parameter_count = run.statement.parameter_count
        self._is_ordered = run.options.ordered
        self._look = look
        self.rowcount = 0
        # The INSERT whose row is repeated, and how to tell rows with the same key, if that is possible.
        self._repeated: Insert | None = None
        self._keys: Keys | None = None
        self._limit = 1
        # The first statement is planned, which takes Calcite long, before others can use its plan.
        self._window = 1
        self._full_window = 1
        self._under_way: deque[_Sent] = deque()
        # The keys that no row may have which is sent now: those of what is under way, and of what is sent next.
        self._taken: set[Hashable] = set()
        # The index of the parameter set that comes next.
        self._next = 0
        # What is sent next: rows from index *first* on, encoded, and where each of them ends.
        self._first = 0
        self._rows: list[Sequence[Any]] = []
        self._row_keys: list[Hashable] = []
        self._ends: list[int] = []
        self._writer = Writer(self._session.context.knowledge)
        self._failures: list[tuple[_Sent, Error]] = []
        # What is wrong with a parameter set that was not sent, or happened while the caller made one.
        self._fault: Exception | None = None
        self._sent_sets = 0
        self._unknown: list[range] = []

    def execute(self, parameter_sets: Iterable[Sequence[Any]]) -> Operation[None]:
        """Run the statement with each of *parameter_sets*. They are taken as they are sent."""
        sets = self._taken_from(parameter_sets)
        first = list(islice(sets, _WORTH_ASKING))
        if (yield from self._prepare(len(first))):
            yield from self._pipeline(chain(first, sets))
        else:
            for index, parameters in enumerate(chain(first, sets)):
                yield from self._alone(index, parameters)
        if self._fault is not None:
            if isinstance(self._fault, Error):
                self._fault.sent_sets = self._sent_sets
            raise self._fault

    def _taken_from(self, parameter_sets: Iterable[Sequence[Any]]) -> Sets:
        try:
            yield from snapshots(parameter_sets)
        except Exception as error:
            # What came before it is sent, whether it is under way already or not.
            self._fault = error

    # --- what may be done -----------------------------------------------------------------------------------------

    def _prepare(self, count: int) -> Operation[bool]:
        """Decide how *count* parameter sets, or more, are sent; False: one after the other."""
        run, options = self._run, self._run.options
        if not self._session.autocommit or not run.statement.is_change or count < 2:
            return False
        insert = analyze_insert(run.sql) if run.statement.verb == "INSERT" else None
        if insert is not None and (count >= _WORTH_ASKING or is_known_table(self._session, insert, options)):
            engine = options.query_engine or (yield from server.default_query_engine(self._session))
            self._keys = yield from keys_of(self._session, insert, options, run.codes, engine)
            if (
                self._keys is not None
                and engine == "h2"
                and insert.is_plain
                and self._session.context.has(Feature.QUERY_PARTITIONS_BATCH_SIZE)
            ):
                self._repeated = insert
                self._limit = _power_of_two(min(_ROWS, _PARAMETERS // max(self._parameter_count, 1)))
        if self._repeated is not None and self._limit > 1:
            self._window = self._full_window = _STATEMENTS_OF_ROWS
        else:
            self._repeated = None
            self._full_window = _INSERTS if insert is not None else _CHANGES
        return self._keys is not None or not self._is_ordered

    # --- one by one -------------------------------------------------------------------------------------------------

    def _alone(self, index: int, parameters: Sequence[Any]) -> Operation[None]:
        """Run the statement with the parameter set *index*, and wait for it."""
        try:
            arguments = self._checked(parameters)
            outcome = yield from self._run.once(arguments)
        except Error as error:
            if _was_sent(error):
                self._sent_sets = max(self._sent_sets, index + 1)
                if self._is_uncertain(error):
                    self._unknown.append(range(index, index + 1))
            raise self._marked(error, index) from error.__cause__
        self._sent_sets = max(self._sent_sets, index + 1)
        self.rowcount += outcome.count or 0

    def _checked(self, parameters: Sequence[Any]) -> Sequence[Any]:
        arguments = check_arguments(parameters, self._run.statement)
        self._look(arguments)
        return arguments

    # --- many at once -----------------------------------------------------------------------------------------------

    def _pipeline(self, sets: Sets) -> Operation[None]:
        try:
            while together := list(islice(sets, min(_TOGETHER, self._limit - len(self._rows)))):
                if not (yield from self._add(together)):
                    break
            yield from self._flush()
            yield from self._settle()
        finally:
            # Whoever gives the waiting up leaves answers behind that are still to come.
            self._session.abandoned.extend(sent.attempt.pending for sent in self._under_way)

    def _add(self, sets: list[Sequence[Any]]) -> Operation[bool]:
        """Send *sets*, or keep them for the next statement; False if one of them cannot be sent."""
        while sets:
            count = self._append(sets)
            if not count:
                if len(sets) > 1:
                    for parameters in sets:
                        if not (yield from self._add([parameters])):
                            return False
                    return True
                if not (yield from self._place(sets[0])):
                    return False
                count = 1
            self._next += count
            sets = sets[count:]
            if len(self._rows) >= self._limit or len(self._writer.buffer) >= _BYTES:
                yield from self._flush()
        return True

    def _append(self, sets: list[Sequence[Any]]) -> int:
        """Add the first of *sets* to the next statement, if nothing is special about any; returns how many."""
        keys = self._keys
        if (
            keys is None
            or self._repeated is None
            or set(map(type, sets)) != {tuple}
            or set(map(len, sets)) != {self._parameter_count}
            or not CONTAINERS.isdisjoint(map(type, chain.from_iterable(sets)))
        ):
            return 0
        found = keys.of_rows(sets)
        if found is None:
            return 0
        distinct = set(found)
        if len(distinct) < len(found) or not distinct.isdisjoint(self._taken):
            return 0
        try:
            return self._encode(sets, found)
        except (Error, MissingFact):
            return 0

    def _encode(self, sets: Sequence[Sequence[Any]], keys: Sequence[Hashable]) -> int:
        """Encode the first of *sets* as rows of the next statement, as many as fit; returns how many."""
        writer = self._writer
        start = self._ends[-1] if self._ends else 0
        try:
            ends = writer.rows(sets, self._run.codes, _BYTES - start)
        except BaseException:
            # One that has failed is good for nothing more.
            self._writer = Writer(self._session.context.knowledge)
            self._writer.raw(writer.buffer[:start])
            raise
        if not self._rows:
            self._first = self._next
        count = len(ends)
        self._rows += sets[:count]
        self._row_keys += keys[:count]
        self._ends += ends
        self._taken.update(keys[:count])
        return count

    def _place(self, parameters: Sequence[Any]) -> Operation[bool]:
        """Send a parameter set, by itself or in a statement with others, when its turn has come; False if it cannot."""
        try:
            arguments = self._checked(parameters)
        except Error as error:
            self._fault = self._marked(error, self._next)
            return False
        key = None if self._keys is None else self._keys.of(arguments)
        if key is None or key in self._taken:
            yield from self._flush()
            if self._is_ordered:
                yield from self._settle()
        if key is None or self._repeated is None:
            yield from self._send_alone(self._next, arguments, [] if key is None else [key])
            if key is None and self._is_ordered:
                yield from self._settle()
            return True
        while True:
            try:
                self._encode([arguments], [key])
                return True
            except MissingFact as missing:
                fact = missing
            except Error as error:
                self._fault = self._marked(error, self._next)
                return False
            yield from facts.learn(self._session, fact)

    def _send_alone(self, index: int, arguments: Sequence[Any], keys: list[Hashable]) -> Operation[None]:
        yield from self._make_room()
        try:
            attempt = yield from self._run.begin(arguments)
        except Error as error:
            yield from self._not_sent(error, range(index, index + 1))
        else:
            self._sent(index, [arguments], keys, attempt)

    def _flush(self) -> Operation[None]:
        """Send the rows that wait."""
        position = start = 0
        while position < len(self._rows):
            count = _power_of_two(len(self._rows) - position)
            yield from self._make_room()
            end = self._ends[position + count - 1]
            arguments = EncodedArguments(count * self._parameter_count, self._writer.buffer[start:end])
            index = self._first + position
            assert self._repeated is not None
            try:
                attempt = yield from self._run.begin_rows(self._repeated.of_rows(count), arguments, count)
            except Error as error:
                yield from self._not_sent(error, range(index, index + count))
            else:
                piece = slice(position, position + count)
                self._sent(index, self._rows[piece], self._row_keys[piece], attempt)
            position, start = position + count, end
        self._rows, self._row_keys, self._ends = [], [], []
        self._writer = Writer(self._session.context.knowledge)

    def _sent(self, index: int, rows: list[Sequence[Any]], keys: list[Hashable], attempt: Attempt) -> None:
        self._under_way.append(_Sent(index, rows, keys, attempt))
        self._sent_sets = index + len(rows)
        if self._is_ordered:
            self._taken.update(keys)
        else:
            self._taken.difference_update(keys)

    def _not_sent(self, error: Error, indexes: range) -> Operation[None]:
        """Raise *error*, which came while *indexes* were sent, or one of those before."""
        if _was_sent(error):
            self._sent_sets = indexes.stop
            self._unknown.append(indexes)
        yield from self._settle()
        raise self._marked(error, indexes[0]) from error.__cause__

    def _make_room(self) -> Operation[None]:
        while len(self._under_way) >= self._window:
            yield from self._receive()
        if self._failures:
            yield from self._settle()

    def _receive(self) -> Operation[None]:
        sent = self._under_way.popleft()
        try:
            outcome = yield from self._run.complete(sent.attempt)
        except Error as error:
            self._failures.append((sent, error))
        else:
            self.rowcount += outcome.count or 0
        self._window = self._full_window
        if self._is_ordered:
            self._taken.difference_update(sent.keys)

    # --- what went wrong --------------------------------------------------------------------------------------------

    def _settle(self) -> Operation[None]:
        """Wait for everything that is under way; raise what went wrong with the first parameter set that failed."""
        while self._under_way:
            yield from self._receive()
        failures, self._failures = self._failures, []
        left = [self._left(sent, error) for sent, error in failures]
        for (sent, error), positions in zip(failures, left, strict=True):
            if positions is None:
                raise self._marked(error, sent.first if len(sent.rows) == 1 else None, sent.indexes)
            for position in positions:
                yield from self._alone(sent.first + position, sent.rows[position])

    def _left(self, sent: _Sent, error: Error) -> list[int] | None:
        """Which rows, by their positions, a failed statement has not written, to be run one by one.

        None if *error* is all that is to be known.
        """
        count = len(sent.rows)
        if count == 1:
            if self._is_uncertain(error):
                self._unknown.append(sent.indexes)
            return None
        if error.code not in _ENDED and not error.is_connection_lost:
            if _EXISTING_KEYS in str(error):
                existing = self._keys.find(sent.rows, str(error)) if self._keys is not None else None
                if existing is not None:
                    self.rowcount += count - len(existing)
                    return existing
            elif error.sqlstate in _STATES_BEFORE_WRITING or _WORDS_BEFORE_WRITING.search(str(error)):
                return list(range(count))
        self._unknown.append(sent.indexes)
        return None

    def _is_uncertain(self, error: Error) -> bool:
        """Whether a statement that failed with *error* may have changed something."""
        if error.is_connection_lost or error.code in _ENDED:
            return _was_sent(error)
        # One that changes many rows may fail at one of them.
        return analyze_insert(self._run.sql) is None and error.sqlstate != "42000" and _was_sent(error)

    def _marked(self, error: Error, index: int | None, indexes: range = range(0)) -> Error:
        """*error*, saying which parameter set it belongs to, or among which that is."""
        place = f"parameter set {index}" if index is not None else f"a parameter set of {indexes[0]} to {indexes[-1]}"
        if error.args and not str(error).endswith(")"):
            error.args = (f"{error} ({place})",)
        else:
            error.args = (f"{error} [{place}]",)
        error.parameter_set = index
        error.sent_sets = self._sent_sets
        if self._unknown:
            error.unknown_sets = range(
                min(unknown.start for unknown in self._unknown), max(unknown.stop for unknown in self._unknown)
            )
        return error


def _power_of_two(count: int) -> int:
    """The largest power of two that is not greater than *count*; at least 1."""
    return 1 << max(count, 1).bit_length() - 1


def _was_sent(error: Error) -> bool:
    """Whether the server may have got the statement that failed with *error*."""
    return error.status is not None or (error.is_connection_lost and not error.is_unsent)
