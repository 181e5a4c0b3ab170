"""What a statement's text tells about it, as far as a driver must know: its kind and its parameters."""

from __future__ import annotations

import re
from enum import Enum
from functools import lru_cache
from typing import Final

import attrs

_TOKEN: Final = re.compile(
    r"""
      '[^']*(?:'|\Z)                 # a literal; one with a doubled quote in it looks like two
    | "[^"]*(?:"|\Z)                 # a quoted name
    | --[^\r\n]* | //[^\r\n]*        # a comment up to the end of the line
    | /\*.*?(?:\*/|\Z)               # a comment
    | \$\$.*?(?:\$\$|\Z)             # H2's dollar quotes
    | (?P<parameter>\?\d*)
    | (?P<word>[^\W\d][\w$]*)
    | (?P<bracket>[()])
    | (?P<end>;)
    | \d[\w.]*                       # a number, whose exponent is not a word
    """,
    re.VERBOSE | re.DOTALL,
)
_CACHEABLE_LENGTH: Final = 16_384


class StatementKind(Enum):
    """What running a statement gives."""

    QUERY = "rows"
    DML = "a number of changed rows"
    OTHER = "nothing, or what only the server knows"


_QUERIES: Final = frozenset({"SELECT", "VALUES", "EXPLAIN", "TABLE", "SHOW", "CALL"})
_CHANGES: Final = frozenset({"INSERT", "UPDATE", "DELETE", "MERGE"})


@attrs.frozen(eq=False)
class Statement:
    """A statement's *kind*, its first keyword as *verb*, and its number of parameters.

    *condition_parameter* is the index of the first parameter behind the WHERE of a DELETE or UPDATE, and
    *condition_start* where its text starts. *end* is where the statement ends before a semicolon that closes it.

    That it *is_query*, *is_change* or *is_other* says what its kind does: finding a member of an Enum takes Python 3.11
    longer than many a step of running a statement.
    """

    kind: StatementKind
    verb: str
    parameter_count: int
    condition_parameter: int | None = None
    condition_start: int | None = None
    end: int | None = None
    is_query: bool = attrs.field(init=False)
    is_change: bool = attrs.field(init=False)
    is_other: bool = attrs.field(init=False)

    @is_query.default
    def _is_query(self) -> bool:
        return self.kind is StatementKind.QUERY

    @is_change.default
    def _is_change(self) -> bool:
        return self.kind is StatementKind.DML

    @is_other.default
    def _is_other(self) -> bool:
        return self.kind is StatementKind.OTHER


def analyze(sql: str) -> Statement:
    """Look at the text of *sql*; literals, quoted names and comments are passed over."""
    return _analyze_cached(sql) if len(sql) <= _CACHEABLE_LENGTH else _analyze(sql)


def _analyze(sql: str) -> Statement:
    verb = ""
    parameters = 0
    highest = 0
    condition: int | None = None
    condition_start: int | None = None
    end: int | None = None
    depth = 0
    in_with = False
    for match in _TOKEN.finditer(sql):
        kind = match.lastgroup
        if kind == "end":
            end = match.start() if end is None else end
            continue
        if kind is not None:
            end = None
        if kind == "parameter":
            number = match.group()[1:]
            if number:
                highest = max(highest, int(number))
            else:
                parameters += 1
        elif kind == "bracket":
            if match.group() == "(":
                depth += 1
            else:
                depth -= 1
        elif kind == "word":
            word = match.group().upper()
            if not verb:
                # Brackets may stand in front of a SELECT.
                verb = word
                in_with = word == "WITH"
                if depth:
                    depth = 0
            elif in_with and depth <= 0 and (word in _CHANGES or word in _QUERIES):
                # WITH ... leads to the statement proper.
                verb = word
                in_with = False
            elif word == "WHERE" and verb in ("DELETE", "UPDATE") and depth <= 0 and condition is None:
                condition = max(parameters, highest)
                condition_start = match.end()
    return Statement(
        kind=(
            StatementKind.QUERY
            if verb in _QUERIES or verb == "WITH"
            else StatementKind.DML
            if verb in _CHANGES
            else StatementKind.OTHER
        ),
        verb=verb,
        parameter_count=max(parameters, highest),
        condition_parameter=condition,
        condition_start=condition_start,
        end=end,
    )


_analyze_cached = lru_cache(maxsize=1024)(_analyze)

_ENGINE_COMMENT: Final = "-- /*+ QUERY_ENGINE('{engine}') */\n"


def with_engine(sql: str, engine: str | None, statement: Statement) -> str:
    """*sql* with the comment that makes a node run it on *engine*.

    The server takes the first hint that it finds anywhere in the text, so the comment goes in front. For H2's
    own commands (CREATE INDEX, ALTER TABLE, KILL …) it goes behind, because H2 tells them by how the text starts;
    a closing semicolon is left out then, because a comment behind it would count as a second statement.
    """
    if engine is None:
        return sql
    comment = _ENGINE_COMMENT.format(engine=engine)
    if engine == "h2" and statement.is_other:
        return f"{sql[: statement.end]}\n{comment}"
    return comment + sql


def without_key_shortcut(sql: str, statement: Statement) -> str:
    """The DELETE or UPDATE *sql* in a form that H2 does not turn into a direct operation on a key.

    ``_KEY`` is a column of every table and never NULL, so the condition keeps its meaning, whatever follows.
    """
    assert statement.condition_start is not None
    return f"{sql[: statement.condition_start]} _KEY IS NOT NULL AND {sql[statement.condition_start :]}"
