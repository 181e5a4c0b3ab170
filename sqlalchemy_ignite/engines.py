"""The two SQL engines of a node: what each can say, and which of them a statement goes to.

A node runs SQL on the H2-based engine, on Calcite, or on either, chosen per statement. The H2 engine prunes partitions
for the whole statement as soon as one table is pinned by its key, so an ordinary join or subquery over partitioned
tables that are not collocated silently loses rows. Everything here serves one rule: such a statement goes to Calcite
where the node has it, and otherwise asks the H2 engine for distributed joins, so that it is right or an error.

Distributed joins mend joins, and queries in FROM. They do not mend a subquery in an expression (IN, EXISTS, scalar): in
a cluster each node looks for its rows only among its own. There, such a statement is refused.

Nothing here touches a connection: the functions look at facts and answer.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable, Iterator

import attrs
from sqlalchemy import exc

__all__ = [
    "CALCITE",
    "ENGINE_OPTIONS",
    "H2",
    "UNKNOWN_SERVER",
    "Choice",
    "Facts",
    "ServerEngines",
    "ServerFacts",
    "TextFacts",
    "Vocabulary",
    "choose",
    "choose_for_text",
    "read_text",
]

#: The values of the dialect option ``engine`` and of the execution option ``ignite_engine``.
ENGINE_OPTIONS = ("auto", "h2", "calcite", "node")


@attrs.frozen
class Vocabulary:
    """What one engine of the node says differently from the other."""

    #: The name of the engine as the driver's ``query_engine`` has it.
    name: str
    #: A text literal is CHAR padded to its neighbours' length, so it is cast to VARCHAR.
    pads_text_literals: bool
    #: UPDATE stores the assigned value without converting it to the type of the column.
    stores_updates_unconverted: bool
    #: ``LIKE`` without ``ESCAPE`` takes the backslash as an escape, and ``LIKE .. ESCAPE`` on a column is refused.
    like_escapes_with_backslash: bool
    #: A tuple of bare parameters in ``IN`` is refused, each element wants its cast.
    casts_tuple_elements: bool
    #: A label in ORDER BY that is also the name of a column means the column.
    labels_hide_behind_columns: bool
    #: A query with WITH keeps a hold on its tables: once dropped, they cannot be created again.
    writes_ctes_in_place: bool
    #: The values of an IN list are rounded to the type of what stands before IN.
    converts_in_lists: bool
    #: The most values an ``IN`` list may have; None when the engine sets no limit worth guarding.
    largest_in_list: int | None


H2 = Vocabulary(
    name="h2",
    pads_text_literals=False,
    stores_updates_unconverted=False,
    like_escapes_with_backslash=True,
    casts_tuple_elements=False,
    labels_hide_behind_columns=True,
    writes_ctes_in_place=True,
    converts_in_lists=True,
    largest_in_list=None,
)
CALCITE = Vocabulary(
    name="calcite",
    pads_text_literals=True,
    stores_updates_unconverted=True,
    like_escapes_with_backslash=False,
    casts_tuple_elements=True,
    labels_hide_behind_columns=False,
    writes_ctes_in_place=False,
    converts_in_lists=False,
    largest_in_list=500,
)
_VOCABULARIES = {"h2": H2, "calcite": CALCITE}


@attrs.frozen
class ServerEngines:
    """The SQL engines of the node that the dialect is connected to."""

    available: frozenset[str]
    default: str

    def describe(self) -> str:
        """Return the engines in words, for error texts."""
        return " and ".join(sorted(self.available))


#: Before the first connection nothing is refused for want of an engine: what is compiled then is shown, not run.
UNKNOWN_SERVER = ServerEngines(available=frozenset({"h2", "calcite"}), default="h2")


@attrs.frozen
class Choice:
    """Where a statement goes.

    ``query_engine`` is what the driver is told (None: the node's default engine, no hint); ``vocabulary`` is how the
    statement is rendered; ``distributed_joins`` asks the H2 engine to be right or to refuse a join.
    """

    vocabulary: Vocabulary
    query_engine: str | None = None
    distributed_joins: bool = False
    #: The rows are right only where one node has all of them.
    needs_one_node: bool = False


@attrs.define
class Facts:
    """What a statement turned out to be while it was rendered."""

    #: Tables and other row sources read, each mention counted; the target of an INSERT is not read.
    sources: int = 0
    #: Those of ``sources`` that have all their rows on each node.
    sources_everywhere: int = 0
    #: SELECTs beyond the one that an engine runs as the statement itself.
    selects: int = 0
    #: The statement writes to a table that it also names as a source (UPDATE, DELETE): each SELECT in it is a subquery.
    changes_source: bool = False
    #: Textual SQL inside the statement, or a view that it reads, was seen to join or to select.
    text_may_mislead: bool = False
    #: A subquery in an expression reads rows that not each node has.
    subquery_in_expression: bool = False
    #: Why an engine cannot run the statement, by the engine's name.
    refusals: dict[str, str] = attrs.field(factory=dict)
    #: The engine to try first, whatever the statement reads.
    preferred: str | None = None
    #: (schema, name) of the table inserted into, if the metadata know of no primary key of it.
    inserts_into: tuple[str | None, str] | None = None
    #: (schema, name) of each table read, as the metadata has them.
    tables: set[tuple[str | None, str]] = attrs.field(factory=set)

    def refuse(self, engine: str, why: str) -> None:
        """Note that `engine` cannot run the statement; the first reason stays."""
        self.refusals.setdefault(engine, why)

    @property
    def may_mislead(self) -> bool:
        """Whether the H2 engine may lose rows without saying so."""
        if self.text_may_mislead:
            return True
        if self.sources == 0 or self.sources == self.sources_everywhere:
            return False
        subqueries = self.selects if self.changes_source else self.selects - 1
        return self.sources > 1 or subqueries > 0


@attrs.frozen
class ServerFacts:
    """What only the server tells of a statement's tables."""

    #: Views that the statement reads join or select.
    may_mislead: bool = False
    #: Views that the statement reads have a subquery in an expression.
    subquery_in_expression: bool = False
    #: The table that the statement inserts into has no primary key.
    inserts_without_key: bool = False

    @classmethod
    def of(cls, bodies: Iterable[str], *, inserts_without_key: bool = False) -> ServerFacts | None:
        """Return the facts from the bodies of the views that a statement reads; None if there is nothing to tell."""
        seen = [read_text(body) for body in bodies]
        facts = cls(
            may_mislead=any(one.may_mislead for one in seen),
            subquery_in_expression=any(one.subquery_in_expression for one in seen),
            inserts_without_key=inserts_without_key,
        )
        return None if facts == cls() else facts


def _hint(name: str, server: ServerEngines) -> str | None:
    # A node whose configuration names no engines refuses every hint, also the one that names its only engine.
    return None if name == server.default else name


def choose(option: str, server: ServerEngines, facts: Facts) -> Choice:
    """Return where a statement with these `facts` goes under the engine `option`.

    Raises `sqlalchemy.exc.CompileError` when no engine that the option permits can run it rightly.
    """
    if option == "node":
        candidates = [server.default]
    elif option in ("h2", "calcite"):
        if option not in server.available:
            raise exc.CompileError(
                f"engine={option!r} was asked for, but the node has only {server.describe()}; "
                "use engine='auto', or start the node with that engine configured"
            )
        candidates = [option]
    else:
        first = facts.preferred or ("calcite" if facts.may_mislead else server.default)
        candidates = [name for name in (first, "calcite", "h2") if name in server.available]
    for name in candidates:
        if name not in facts.refusals:
            return Choice(
                vocabulary=_VOCABULARIES[name],
                query_engine=None if option == "node" else _hint(name, server),
                distributed_joins=option != "node" and name == "h2" and facts.may_mislead,
                needs_one_node=option != "node" and name == "h2" and facts.subquery_in_expression,
            )
    reasons = "; ".join(f"{name}: {facts.refusals[name]}" for name in dict.fromkeys(candidates))
    missing = {"h2", "calcite"} - set(candidates) - set(facts.refusals)
    way_out = f" The {' or '.join(sorted(missing))} engine could run it." if missing else ""
    raise exc.CompileError(f"No SQL engine that may be used can run this statement ({reasons}).{way_out}")


# --- textual SQL ----------------------------------------------------------------------------------------------------

_TOKEN = re.compile(
    r"""
      '(?:[^']|'')*'                      # text literal
    | (?P<quoted>"(?:[^"]|"")*")          # quoted identifier
    | --[^\n]* | //[^\n]*                 # line comment
    | /\*.*?\*/                           # block comment
    | (?P<word>[^\W\d][\w$]*)             # keyword or identifier
    | (?P<mark>[(),.?])
    """,
    re.VERBOSE | re.DOTALL,
)
_ENGINE_HINT = re.compile(r"/\*\+(?:(?!\*/).)*QUERY_ENGINE", re.IGNORECASE | re.DOTALL)
_ENDS_FROM = frozenset(
    [
        "WHERE",
        "GROUP",
        "ORDER",
        "HAVING",
        "LIMIT",
        "OFFSET",
        "FETCH",
        "UNION",
        "INTERSECT",
        "EXCEPT",
        "MINUS",
        "SET",
        "VALUES",
        "WHEN",
    ]
)
_ROUTED_VERBS = frozenset(["SELECT", "WITH", "VALUES", "INSERT", "UPDATE", "DELETE"])
_BEFORE_SOURCE = frozenset({"SELECT", "LATERAL", "ONLY"})
_BEFORE_QUERY = frozenset({"", "(", "AS", "UNION", "ALL", "INTERSECT", "EXCEPT", "MINUS"})
_SCHEMAS_EVERYWHERE = frozenset({"SYS", "INFORMATION_SCHEMA"})


@attrs.frozen
class TextFacts:
    """What textual SQL was seen to be."""

    #: The first keyword, in upper case.
    verb: str
    #: Row sources after FROM, JOIN, UPDATE.
    sources: int
    #: SELECT keywords.
    selects: int
    #: All sources belong to the system schemas.
    only_system: bool
    #: ``?`` outside of literals and comments.
    parameters: int
    #: A subquery in an expression reads a source.
    subquery_in_expression: bool
    #: The text chooses its engine itself, in a hint.
    has_engine_hint: bool
    #: Schema (None: the current one) and name of each source, as the server has them.
    tables: frozenset[tuple[str | None, str]]

    @property
    def may_mislead(self) -> bool:
        """Whether the H2 engine may lose rows without saying so."""
        if self.sources == 0 or self.only_system:
            return False
        subqueries = self.selects if self.verb in ("UPDATE", "DELETE") else self.selects - 1
        return self.sources > 1 or subqueries > 0


@attrs.define
class _Level:
    """An open parenthesis: what has been seen in it so far."""

    has_query: bool = False
    in_from: bool = False
    in_expression: bool = False


def _tokens(sql: str) -> Iterator[tuple[str, str]]:
    for match in _TOKEN.finditer(sql):
        if (word := match["word"]) is not None:
            yield "word", word.upper()
        elif (quoted := match["quoted"]) is not None:
            yield "name", quoted[1:-1]
        elif (mark := match["mark"]) is not None:
            yield mark, mark


@functools.lru_cache(maxsize=512)
def read_text(sql: str, *, after_from: bool = False) -> TextFacts:
    """Read textual SQL far enough to tell whether it has more than one source, or a subquery.

    This is not a parser: what it cannot tell apart counts as a source. `after_from` reads a fragment that stands
    after FROM.
    """
    verb = before = ""
    selects = parameters = 0
    subquery_in_expression = False
    found: list[tuple[str | None, str]] = []
    levels = [_Level(has_query=after_from, in_from=after_from)]
    wants_source = after_from
    awaiting_dot = False
    for kind, value in _tokens(sql):
        level = levels[-1]
        previous, before = before, value
        if awaiting_dot and kind == ".":
            continue
        if awaiting_dot and previous == "." and kind in ("word", "name"):
            found[-1] = (found[-1][1], value)
            awaiting_dot = False
            continue
        awaiting_dot = False
        if kind == "word" and not verb:
            verb = value
            if value in ("UPDATE", "DELETE"):
                level.has_query = True
                wants_source = value == "UPDATE"
                continue
        if wants_source and kind in ("word", "name") and (kind == "name" or value not in _BEFORE_SOURCE):
            found.append((None, value))
            subquery_in_expression |= level.in_expression
            awaiting_dot, wants_source = True, False
            continue
        if kind == "(":
            # FROM (a JOIN b): the parenthesis holds sources; FROM (SELECT ..) and WITH q AS (SELECT ..) hold a query
            # that takes part as a whole; anywhere else a SELECT is a subquery in an expression.
            takes_part = wants_source or previous in _BEFORE_QUERY or (verb == "INSERT" and selects == 0)
            levels.append(
                _Level(
                    has_query=wants_source,
                    in_from=wants_source,
                    in_expression=level.in_expression or not takes_part,
                )
            )
        elif kind == ")":
            if len(levels) > 1:
                levels.pop()
            wants_source = False
        elif kind == "?":
            parameters += 1
        elif kind == "," and level.in_from:
            wants_source = True
        elif kind == "word":
            if value == "SELECT":
                selects += 1
                level.has_query, level.in_from = True, False
                wants_source = False
            elif value == "FROM" and level.has_query:
                level.in_from = wants_source = True
            elif value == "JOIN":
                wants_source = True
            elif value in _ENDS_FROM:
                level.in_from = wants_source = False
    only_system = bool(found) and all(schema in _SCHEMAS_EVERYWHERE for schema, _ in found)
    return TextFacts(
        verb=verb,
        sources=len(found),
        selects=selects,
        only_system=only_system,
        parameters=parameters,
        subquery_in_expression=subquery_in_expression and not only_system,
        has_engine_hint=_ENGINE_HINT.search(sql) is not None,
        tables=frozenset(found),
    )


def choose_for_text(option: str, server: ServerEngines, sql: str, told: ServerFacts | None = None) -> Choice:
    """Return where the text `sql`, of whose tables the server has `told`, goes under the engine `option`."""
    default = Choice(vocabulary=_VOCABULARIES[server.default])
    seen = read_text(sql)
    # Other verbs are left alone: a comment in front of a native statement hides it from the H2 engine's parser.
    if option == "node" or seen.has_engine_hint or seen.verb not in _ROUTED_VERBS:
        if option in ("h2", "calcite") and not seen.has_engine_hint:
            return choose(option, server, Facts())
        return default
    facts = Facts(
        text_may_mislead=seen.may_mislead or (told is not None and told.may_mislead),
        subquery_in_expression=seen.subquery_in_expression or (told is not None and told.subquery_in_expression),
    )
    if seen.parameters and seen.verb == "UPDATE":
        # Calcite would store a parameter of a textual UPDATE with the type it came with, whatever the column is.
        facts.preferred = "h2"
    return choose(option, server, facts)
