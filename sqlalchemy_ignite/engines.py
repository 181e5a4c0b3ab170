"""The two SQL engines of a node: what each can say, and which of them a statement goes to.

A node runs SQL on the H2-based engine, on Calcite, or on either, chosen per statement. The H2 engine prunes partitions
for the whole statement as soon as one table is pinned by its key, so an ordinary join or subquery over partitioned
tables that are not collocated silently loses rows. Everything here serves one rule: such a statement goes to Calcite
where the node has it, and otherwise asks the H2 engine for distributed joins, so that it is right or an error.

Nothing here touches a connection: the functions look at facts and answer.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator

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
    #: The most values an ``IN`` list may have; None when the engine sets no limit worth guarding.
    largest_in_list: int | None


H2 = Vocabulary(
    name="h2",
    pads_text_literals=False,
    stores_updates_unconverted=False,
    like_escapes_with_backslash=True,
    casts_tuple_elements=False,
    labels_hide_behind_columns=True,
    largest_in_list=None,
)
CALCITE = Vocabulary(
    name="calcite",
    pads_text_literals=True,
    stores_updates_unconverted=True,
    like_escapes_with_backslash=False,
    casts_tuple_elements=True,
    labels_hide_behind_columns=False,
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


#: Before the first connection nothing is refused for want of an engine: compiling without a server shows SQL, it runs none.
UNKNOWN_SERVER = ServerEngines(available=frozenset({"h2", "calcite"}), default="h2")


@attrs.frozen
class Choice:
    """Where a statement goes.

    ``query_engine`` is what the driver is told (None: the node's default engine, no hint); ``vocabulary`` is how the
    statement is rendered; ``distributed_joins`` asks the H2 engine to be right or to refuse.
    """

    vocabulary: Vocabulary
    query_engine: str | None = None
    distributed_joins: bool = False


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
    #: Textual SQL inside the statement was seen to join or to select.
    text_may_mislead: bool = False
    #: Why an engine cannot run the statement, by the engine's name.
    refusals: dict[str, str] = attrs.field(factory=dict)
    #: The engine to try first, whatever the statement reads.
    preferred: str | None = None
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
            )
    reasons = "; ".join(f"{name}: {facts.refusals[name]}" for name in dict.fromkeys(candidates))
    missing = {"h2", "calcite"} - set(candidates) - set(facts.refusals)
    way_out = f" The {' or '.join(sorted(missing))} engine could run it." if missing else ""
    raise exc.CompileError(f"No SQL engine that may be used can run this statement ({reasons}).{way_out}")


# --- textual SQL -------------------------------------------------------------------------------------------------------

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
_ENDS_FROM = frozenset(
    "WHERE GROUP ORDER HAVING LIMIT OFFSET FETCH UNION INTERSECT EXCEPT MINUS SET VALUES WHEN".split()
)
_ROUTED_VERBS = frozenset("SELECT WITH VALUES INSERT UPDATE DELETE".split())
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
    #: The text chooses its engine itself, in a hint.
    has_engine_hint: bool

    @property
    def may_mislead(self) -> bool:
        """Whether the H2 engine may lose rows without saying so."""
        if self.sources == 0 or self.only_system:
            return False
        subqueries = self.selects if self.verb in ("UPDATE", "DELETE") else self.selects - 1
        return self.sources > 1 or subqueries > 0


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
    verb = ""
    sources = selects = parameters = 0
    schemas: list[str | None] = []
    # One entry per open parenthesis: [a SELECT or DELETE was seen here, its FROM clause is open].
    levels = [[after_from, after_from]]
    wants_source = after_from
    last_name: str | None = None
    awaiting_dot = False
    for kind, value in _tokens(sql):
        if awaiting_dot and kind == ".":
            schemas[-1] = last_name
            awaiting_dot = False
            continue
        awaiting_dot = False
        if kind == "word" and not verb:
            verb = value
            if value in ("UPDATE", "DELETE"):
                levels[-1][0] = True
                wants_source = value == "UPDATE"
                continue
        if wants_source and kind in ("word", "name") and value not in ("SELECT", "LATERAL", "ONLY"):
            sources += 1
            schemas.append(None)
            last_name, awaiting_dot, wants_source = value, True, False
            continue
        if kind == "(":
            # FROM (a JOIN b): the parenthesis holds sources; FROM (SELECT ..) holds a statement.
            levels.append([wants_source, wants_source])
        elif kind == ")":
            if len(levels) > 1:
                levels.pop()
            wants_source = False
        elif kind == "?":
            parameters += 1
        elif kind == "," and levels[-1][1]:
            wants_source = True
        elif kind == "word":
            if value == "SELECT":
                selects += 1
                levels[-1][:] = [True, False]
                wants_source = False
            elif value == "FROM" and levels[-1][0]:
                levels[-1][1] = wants_source = True
            elif value == "JOIN":
                wants_source = True
            elif value in _ENDS_FROM:
                levels[-1][1] = wants_source = False
    return TextFacts(
        verb=verb,
        sources=sources,
        selects=selects,
        only_system=bool(schemas) and all(schema in _SCHEMAS_EVERYWHERE for schema in schemas),
        parameters=parameters,
        has_engine_hint="QUERY_ENGINE" in sql.upper(),
    )


def choose_for_text(option: str, server: ServerEngines, sql: str) -> Choice:
    """Return where the textual statement `sql` goes under the engine `option`."""
    default = Choice(vocabulary=_VOCABULARIES[server.default])
    seen = read_text(sql)
    # Other verbs are left alone: a comment in front of a native statement hides it from the H2 engine's parser.
    if option == "node" or seen.has_engine_hint or seen.verb not in _ROUTED_VERBS:
        if option in ("h2", "calcite") and not seen.has_engine_hint:
            return choose(option, server, Facts())
        return default
    facts = Facts(text_may_mislead=seen.may_mislead)
    if seen.parameters and seen.verb == "UPDATE":
        # Calcite would store a parameter of a textual UPDATE with the type it came with, whatever the column is.
        facts.preferred = "h2"
    elif seen.parameters and seen.verb == "DELETE":
        # The H2 engine deletes by key without converting the parameter: an int of the wrong width deletes nothing.
        facts.preferred = "calcite"
    return choose(option, server, facts)
