"""INSERTs of one row of values: what their text tells, and which of their rows have the same key.

The effects of requests that are under way at the same time come in no particular order. Before INSERTs are sent like
that, or several rows in one statement, one must know that no two of them write the same key.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Hashable, Iterator, Sequence
from datetime import date, datetime
from decimal import Decimal
from functools import lru_cache
from itertools import permutations
from types import NoneType
from typing import Any, Final
from uuid import UUID

import attrs

from ignite_dbapi.errors import DatabaseError
from ignite_dbapi.operations import calls, server
from ignite_dbapi.operations.session import Session, Table
from ignite_dbapi.options import StatementOptions
from ignite_dbapi.protocol.codec import TypeCode
from ignite_dbapi.protocol.exchange import Operation
from ignite_dbapi.protocol.messages.sql import SqlFieldsAnswer, SqlFieldsQuery

_TOKEN: Final = re.compile(
    r"""
      (?P<space>\s+)
    | (?P<comment> --[^\r\n]* | //[^\r\n]* | /\*.*?\*/ )
    | (?P<literal> '(?:[^']|'')*+' )
    | (?P<quoted> "[^"]+"(?!") )
    | (?P<word> [^\W\d][\w$]* )
    | (?P<number> \d+(?:\.\d+)?(?![\w.]) )
    | (?P<parameter> \?(?!\d) )
    | (?P<other> . )
    """,
    re.VERBOSE | re.DOTALL,
)
_CONSTANT_WORDS: Final = frozenset({"NULL", "TRUE", "FALSE"})
# In whatever place of the text a hint stands, the server takes it for the choice of the engine.
_HINT: Final = "/*+"
_CACHEABLE_LENGTH: Final = 16_384
_TABLES_LIMIT: Final = 1000


# --- the text -------------------------------------------------------------------------------------------------------


@attrs.frozen
class Value:
    """A value in an INSERT's row: the *parameter* that it consists of, or a *constant*; otherwise an expression."""

    parameter: int | None = None
    is_constant: bool = False


@attrs.frozen
class Insert:
    """An INSERT of one *row*, which follows the *head*. Names are as the server has them; *columns* may be left out.

    *is_plain* says that the row is of parameters and constants alone, so that it may be repeated.
    """

    head: str
    row: str
    schema: str | None
    table: str
    columns: tuple[str, ...] | None
    values: tuple[Value, ...]
    is_plain: bool

    def of_rows(self, count: int) -> str:
        """The statement with *count* rows."""
        return f"{self.head}{', '.join([self.row] * count)}"


def analyze_insert(sql: str) -> Insert | None:
    """Take *sql* apart if it is an INSERT of one row of values whose parameters have no numbers; else None."""
    return _analyze_cached(sql) if len(sql) <= _CACHEABLE_LENGTH else _analyze(sql)


def _analyze(sql: str) -> Insert | None:
    try:
        return _Parser(sql).insert()
    except _OtherStatement:
        return None


_analyze_cached = lru_cache(maxsize=256)(_analyze)


class _OtherStatement(Exception):
    """The text is something else than expected."""


class _Parser:
    def __init__(self, sql: str) -> None:
        self._sql = sql
        self._tokens = self._significant()
        self._has_comment = False
        self._kind = self._text = ""
        self._start = self._end = 0
        self._next()

    def _significant(self) -> Iterator[tuple[str, re.Match[str]]]:
        for match in _TOKEN.finditer(self._sql):
            kind = match.lastgroup or ""
            if kind == "comment":
                self._has_comment = True
            elif kind == "other" and match.group() in "'\"$?":
                # Something without an end, or of a kind that is not known here.
                raise _OtherStatement
            elif kind != "space":
                yield kind, match

    def _next(self) -> None:
        kind, match = next(self._tokens, ("end", None))
        self._kind = kind
        self._text = match.group() if match else ""
        if match:
            self._start, self._end = match.span()

    def _take(self, text: str) -> None:
        if self._text.upper() != text:
            raise _OtherStatement
        self._next()

    def _name(self) -> str:
        """A name, as the server has it."""
        text = self._text
        if self._kind == "quoted":
            text = text[1:-1]
        elif self._kind == "word" and text.isascii():
            text = text.upper()
        else:
            raise _OtherStatement
        self._next()
        return text

    def insert(self) -> Insert:
        self._take("INSERT")
        self._take("INTO")
        schema, table = None, self._name()
        if self._text == ".":
            self._next()
            schema, table = table, self._name()
        columns = None
        if self._text == "(":
            columns = [self._column()]
            while self._text == ",":
                columns.append(self._column())
            self._take(")")
        if self._text.upper() != "VALUES" or self._kind != "word":
            raise _OtherStatement
        self._next()
        self._has_comment, start = False, self._start
        values, end = self._row()
        if self._text == ";":
            self._next()
        if self._kind != "end":
            raise _OtherStatement
        return Insert(
            head=self._sql[:start],
            row=self._sql[start:end],
            schema=schema,
            table=table,
            columns=None if columns is None else tuple(columns),
            values=tuple(values),
            is_plain=not self._has_comment
            and _HINT not in self._sql
            and all(value.parameter is not None or value.is_constant for value in values),
        )

    def _column(self) -> str:
        self._next()
        return self._name()

    def _row(self) -> tuple[list[Value], int]:
        values: list[Value] = []
        parameters = 0
        depth = 0
        tokens: list[tuple[str, str]] = []
        while True:
            if self._kind == "end":
                raise _OtherStatement
            if depth == 1 and self._text in (",", ")"):
                values.append(_value(tokens, parameters))
                parameters += sum(kind == "parameter" for kind, _ in tokens)
                tokens = []
            elif depth:
                tokens.append((self._kind, self._text))
            if self._text == "(":
                depth += 1
            elif depth == 0:
                raise _OtherStatement
            elif self._text == ")":
                depth -= 1
            if depth == 0:
                end = self._end
                self._next()
                return values, end
            self._next()


def _value(tokens: list[tuple[str, str]], parameters: int) -> Value:
    if not tokens:
        raise _OtherStatement
    kind, text = tokens[0]
    if len(tokens) > 1:
        return Value()
    if kind == "parameter":
        return Value(parameters)
    return Value(is_constant=kind in ("literal", "number") or text.upper() in _CONSTANT_WORDS)


# --- the keys -------------------------------------------------------------------------------------------------------

# By the type of a key's column: the types of parameters of which different values are different keys. Values of others
# are converted on the way, and may become the same.
_FAITHFUL: Final[dict[str, frozenset[type]]] = {
    **dict.fromkeys(
        ("java.lang.Byte", "java.lang.Short", "java.lang.Integer", "java.lang.Long", "byte", "short", "int", "long"),
        frozenset({int}),
    ),
    "java.lang.Boolean": frozenset({bool}),
    "boolean": frozenset({bool}),
    "java.lang.String": frozenset({str, int}),
    "java.math.BigDecimal": frozenset({int, Decimal}),
    "java.util.UUID": frozenset({UUID}),
    "java.sql.Date": frozenset({date}),
    "java.sql.Timestamp": frozenset({datetime}),
    "[B": frozenset({bytes}),
}
_JAVA_OF_SQL: Final = {
    "TINYINT": "byte",
    "SMALLINT": "short",
    "INTEGER": "int",
    "BIGINT": "long",
    "BOOLEAN": "boolean",
    "VARCHAR": "java.lang.String",
    "CHAR": "java.lang.String",
    "DECIMAL": "java.math.BigDecimal",
    "UUID": "java.util.UUID",
    "DATE": "java.sql.Date",
    "TIMESTAMP": "java.sql.Timestamp",
    "VARBINARY": "[B",
    "BINARY": "[B",
}
# The same for types that setinputsizes() has fixed.
_FAITHFUL_AS: Final[dict[TypeCode, type]] = {
    **dict.fromkeys((TypeCode.BYTE, TypeCode.SHORT, TypeCode.INT, TypeCode.LONG), int),
    TypeCode.BOOL: bool,
    TypeCode.STRING: str,
    TypeCode.DECIMAL: Decimal,
    TypeCode.UUID: UUID,
    TypeCode.DATE: date,
    TypeCode.OPTIMIZED: date,
    TypeCode.TIMESTAMP: datetime,
    TypeCode.BYTE_ARRAY: bytes,
}


@attrs.define
class KeyPart:
    """The *column* of a key whose value is the *parameter*; values of *kinds* are the key as they are."""

    column: str
    parameter: int
    kinds: frozenset[type]
    # Of which type the values are. Those of another type might become the same key.
    kind: type | None = None

    @classmethod
    def of(cls, column: str, parameter: int, java_type: str) -> KeyPart:
        """That of a column of *java_type*."""
        return cls(column, parameter, _FAITHFUL.get(java_type, frozenset()))


class Keys:
    """Tells the keys of rows from their parameters.

    Without *parts* the server makes up each key. *complete* says that nothing else belongs to a key.
    """

    def __init__(self, parts: Sequence[KeyPart], *, is_complete: bool = True) -> None:
        self._parts = parts
        self._is_complete = is_complete

    def of(self, arguments: Sequence[Any]) -> Hashable | None:
        """What is the same for rows with the same key; None if this cannot be told of a row."""
        found = self.of_rows([arguments])
        return None if found is None else found[0]

    def of_rows(self, rows: Sequence[Sequence[Any]]) -> Sequence[Hashable] | None:
        """What :meth:`of` tells of each of *rows*; None if this cannot be told of all of them at once."""
        if not self._parts:
            return [object() for _ in rows]
        columns: list[list[Hashable]] = []
        for part in self._parts:
            values = self._values_of(part, rows)
            if values is None:
                return None
            columns.append(values)
        return columns[0] if len(columns) == 1 else list(zip(*columns, strict=True))

    def _values_of(self, part: KeyPart, rows: Sequence[Sequence[Any]]) -> list[Hashable] | None:
        values = [row[part.parameter] for row in rows]
        kinds = set(map(type, values))
        if len(self._parts) > 1:
            # Part of a key may be NULL.
            kinds.discard(NoneType)
            if not kinds:
                return values
        kind = kinds.pop()
        if kinds or (kind is not part.kind and not self._accept(part, kind)):
            return None
        if kind is datetime:
            if any(value is not None and value.tzinfo is not None for value in values):
                # It may equal one without.
                return None
            return [None if value is None else _milliseconds(value) for value in values]
        return values

    @staticmethod
    def _accept(part: KeyPart, kind: type) -> bool:
        if part.kind is not None or kind not in part.kinds:
            return False
        part.kind = kind
        return True

    def find(self, rows: Sequence[Sequence[Any]], text: str) -> list[int] | None:
        """Which of *rows* the server's *text* about keys that exist already names; None if this cannot be told."""
        _, found, keys = text.partition("[keys=[")
        keys, closed, rest = keys.rpartition("]]")
        if not found or not closed or rest or not self._is_complete or not self._parts:
            return None
        as_object = len(self._parts) > 1
        positions: dict[str, int | None] = {}
        for position, row in enumerate(rows):
            for name in self._names(row, as_object=as_object):
                # A name that two rows have in common tells neither.
                positions[name] = None if name in positions else position
        names = _binary_keys(keys) if as_object else _split(keys, positions)
        result = [positions.get(name) for name in names]
        if not result or None in result or len(set(result)) != len(result):
            return None
        return sorted(position for position in result if position is not None)

    def _names(self, row: Sequence[Any], *, as_object: bool) -> Iterator[str]:
        """What the server may call the key of *row*; a key of several columns names them in an order of its own."""
        if not as_object:
            yield _java_text(row[self._parts[0].parameter])
        elif len(self._parts) <= _MOST_PERMUTED:
            fields = [f"{part.column}={_java_text(row[part.parameter])}" for part in self._parts]
            for ordered in permutations(fields):
                yield ", ".join(ordered)


_MOST_PERMUTED: Final = 4
_BINARY_KEY: Final = re.compile(r"[\w.$]+ \[idHash=-?\d+, hash=-?\d+, ")


def _binary_keys(keys: str) -> list[str]:
    """The fields of keys of several columns, one text a key."""
    return [part.removesuffix(", ").removesuffix("]") for part in _BINARY_KEY.split(keys)[1:]]


def _split(keys: str, names: Collection[str]) -> list[str]:
    """Which of *names* stand in *keys*, separated by commas, which may also be part of a name; none if it is unsure."""
    pieces = keys.split(", ")
    lengths = {name.count(", ") + 1 for name in names}
    # In how many ways the pieces from here on are names, and the first name of one of these ways.
    ways: list[tuple[int, str]] = [(0, "")] * len(pieces) + [(1, "")]
    for start in reversed(range(len(pieces))):
        for length in lengths:
            name = ", ".join(pieces[start : start + length])
            if start + length <= len(pieces) and name in names and ways[start + length][0]:
                ways[start] = (ways[start][0] + ways[start + length][0], name)
    if ways[0][0] != 1:
        return []
    found: list[str] = []
    start = 0
    while start < len(pieces):
        found.append(ways[start][1])
        start += found[-1].count(", ") + 1
    return found


def _java_text(value: Any) -> str:
    """*value* as Java shows it."""
    if value is None:
        return "null"
    if type(value) is bool:
        return "true" if value else "false"
    if type(value) is datetime:
        return f"{value:%Y-%m-%d %H:%M:%S}.{f'{value.microsecond:06}'.rstrip('0') or '0'}"
    # Java shows arrays by where they lie in memory. str() of bytes is an error for Python's option -bb.
    return repr(value) if isinstance(value, (bytes, bytearray)) else str(value)


def _milliseconds(value: datetime) -> datetime:
    """What of a TIMESTAMP both engines keep."""
    return value.replace(microsecond=value.microsecond // 1000 * 1000, fold=0)


def keys_of(
    session: Session, insert: Insert, options: StatementOptions, codes: Sequence[TypeCode | None] | None, engine: str
) -> Operation[Keys | None]:
    """How to tell the keys of the rows that *insert* writes; None: not at all."""
    table = yield from _table(session, insert.schema or options.schema, insert.table, engine)
    columns = insert.columns or (table.columns if table else ())
    if table is None or len(columns) != len(insert.values):
        return None
    written = dict(zip(columns, insert.values, strict=True))
    names = ["_KEY"] if "_KEY" in written else [name for name in table.key_types if name != "_KEY"]
    if not names:
        # The server makes the keys up; only Calcite makes a different one for each row.
        return Keys(()) if engine != "h2" else None
    parts: list[KeyPart] = []
    is_complete = True
    for name in names:
        # Columns that are left out have the same value in each row.
        value = written.get(name, Value(is_constant=True))
        if value.parameter is None:
            is_complete = False
            if not value.is_constant:
                return None
            continue
        part = KeyPart.of(name, value.parameter, table.key_types.get(name, ""))
        if engine != "h2":
            # Calcite rounds.
            part.kinds -= {Decimal}
        code = codes[value.parameter] if codes else None
        if code is not None:
            part.kinds &= {_FAITHFUL_AS.get(code)}
        parts.append(part)
    return Keys(parts, is_complete=is_complete) if parts else None


# --- the table ------------------------------------------------------------------------------------------------------


def is_known_table(session: Session, insert: Insert, options: StatementOptions) -> bool:
    """Whether :func:`keys_of` has nothing to ask."""
    return (insert.schema or options.schema, insert.table) in session.tables


def _table(session: Session, schema: str, name: str, engine: str) -> Operation[Table | None]:
    """What the server says of a table, asked for once; None if it has no such table, or does not say."""
    table = session.tables.get((schema, name))
    if table is None:
        # H2 has the better answers. Which engine is the default was asked before, and costs less.
        default = yield from server.default_query_engine(session)
        if default == "h2" or (engine != "h2" and "h2" in (yield from server.query_engines(session))):
            engine = "h2"
        try:
            table = yield from _ask(session, schema, name, engine)
        except DatabaseError as error:
            if error.is_connection_lost:
                raise
            # It may be allowed later.
            table = None
        if table is None:
            return None
        if len(session.tables) >= _TABLES_LIMIT:
            session.tables.clear()
        session.tables[schema, name] = table
    return table


def _ask(session: Session, schema: str, name: str, engine: str) -> Operation[Table | None]:
    has_types = engine == "h2"
    rows = yield from _rows(
        session,
        f"SELECT COLUMN_NAME, {'CAST(TYPE AS VARCHAR)' if has_types else 'NULL'} FROM SYS.TABLE_COLUMNS "
        f"WHERE SCHEMA_NAME = ? AND TABLE_NAME = ? AND PK",
        engine,
        [schema, name],
    )
    if not rows:
        return None
    types: dict[str, str] = dict(rows)
    quoted = f'"{schema}"."{name}"'
    answer = yield from _query(session, f"SELECT * FROM {quoted} WHERE 1 = 0", engine)
    if not has_types:
        named = [column for column in types if column in answer.columns]
        told = ", ".join(f'TYPEOF(X."{column}")' for column in named) or "1"
        one_row = f"(VALUES (0)) AS Z(Q) LEFT JOIN (SELECT * FROM {quoted} LIMIT 1) X ON 1 = 1"
        # The outer join gives one row also when the table has none.
        ((*sql_types,),) = yield from _rows(session, f"SELECT {told} FROM {one_row}", engine)
        types |= {
            column: _JAVA_OF_SQL.get(re.split(r"\W", str(sql_type))[0], "")
            for column, sql_type in zip(named, sql_types, strict=False)
        }
    return Table(tuple(answer.columns), types)


def _rows(session: Session, sql: str, engine: str, arguments: Sequence[Any] = ()) -> Operation[list[tuple[Any, ...]]]:
    answer = yield from _query(session, sql, engine, arguments)
    return answer.page.take(answer.page.row_count, session.context)


def _query(session: Session, sql: str, engine: str, arguments: Sequence[Any] = ()) -> Operation[SqlFieldsAnswer]:
    # Where there is no choice, a hint is an error.
    hint = f"/*+ QUERY_ENGINE('{engine}') */ " if engine != session.default_query_engine else ""
    message = SqlFieldsQuery(sql=sql.replace("SELECT ", f"SELECT {hint}", 1), arguments=arguments)
    return (yield from calls.query(session, message, may_leak=True))
