"""Names: which are quoted, which are refused, and which share their data on the server."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from sqlalchemy import exc
from sqlalchemy.sql import compiler

__all__ = [
    "RESERVED_WORDS",
    "IgniteIdentifierPreparer",
    "check_column_name",
    "check_column_names",
    "check_name",
    "java_hash",
]

#: Words that one of the engines refuses as a name (2.17.0: 58 words of the H2 engine, 94 of Calcite).
RESERVED_WORDS = frozenset(
    [
        "_key",
        "_val",
        "all",
        "alter",
        "and",
        "any",
        "array",
        "as",
        "asymmetric",
        "between",
        "both",
        "by",
        "case",
        "cast",
        "check",
        "column",
        "constraint",
        "create",
        "cross",
        "current_catalog",
        "current_date",
        "current_default_transform_group",
        "current_path",
        "current_role",
        "current_schema",
        "current_time",
        "current_timestamp",
        "current_user",
        "default",
        "delete",
        "distinct",
        "drop",
        "else",
        "except",
        "exists",
        "explain",
        "false",
        "fetch",
        "for",
        "foreign",
        "from",
        "full",
        "group",
        "having",
        "if",
        "ilike",
        "in",
        "index",
        "inner",
        "insert",
        "intersect",
        "intersects",
        "interval",
        "into",
        "is",
        "join",
        "leading",
        "left",
        "like",
        "limit",
        "localtime",
        "localtimestamp",
        "merge",
        "minus",
        "natural",
        "not",
        "null",
        "offset",
        "on",
        "or",
        "order",
        "outer",
        "partition",
        "primary",
        "regexp",
        "right",
        "row",
        "rownum",
        "select",
        "session_user",
        "set",
        "some",
        "stream",
        "symmetric",
        "sysdate",
        "systime",
        "systimestamp",
        "system_user",
        "table",
        "then",
        "to",
        "today",
        "top",
        "trailing",
        "true",
        "union",
        "unique",
        "unknown",
        "update",
        "user",
        "using",
        "values",
        "when",
        "where",
        "with",
    ]
)


class IgniteIdentifierPreparer(compiler.IdentifierPreparer):
    """Quotes what either engine would refuse; everything else is folded to upper case by the server."""

    reserved_words = set(RESERVED_WORDS)  # noqa: RUF012 - declared by SQLAlchemy as an instance's


def java_hash(text: str) -> int:
    """Return Java's ``String.hashCode`` of `text`, a signed 32-bit integer over its UTF-16 units."""
    units = text.encode("utf-16-be", "surrogatepass")
    value = 0
    for index in range(0, len(units), 2):
        value = (31 * value + (units[index] << 8 | units[index + 1])) & 0xFFFFFFFF
    return value - 0x100000000 if value >= 0x80000000 else value


def check_name(kind: str, name: str, *, longest: int) -> None:
    """Raise `CompileError` when a table, index or column of this `name` could be created but not used."""
    if '"' in name:
        raise exc.CompileError(
            f"The {kind} name {name!r} has a double quote in it: the server would create the {kind}, but the H2 engine "
            "would neither find nor drop it. Use a name without double quotes."
        )
    if len(name) > longest:
        raise exc.CompileError(
            f"The {kind} name {name!r} has {len(name)} characters; Ignite's Calcite engine takes at most {longest}."
        )


def check_column_name(name: str, *, longest: int) -> None:
    """Raise `CompileError` for a column name that the server would change, hide or refuse."""
    check_name("column", name, longest=longest)
    if "." in name:
        raise exc.CompileError(
            f"The column name {name!r} has a dot in it: the server would keep only what stands behind the last dot. "
            "Use a name without dots."
        )
    if name.upper() in ("_KEY", "_VAL", "_VER"):
        raise exc.CompileError(f"The column name {name!r} is Ignite's own; give the column another name.")


def check_column_names(part: str, names: Sequence[str], others: Iterable[str] = ()) -> None:
    """Raise `CompileError` when two columns of one part of a table would share one field.

    Ignite addresses the fields of a key and of a value by a hash of the lower-cased name: two names with the same
    hash read and write the same data, without an error. `part` is "key" or "value"; `names` are as the server has them;
    `others` are columns already there.
    """
    seen = {java_hash(name.lower()): name for name in others}
    for name in names:
        other = seen.setdefault(java_hash(name.lower()), name)
        if other is not name:
            raise exc.CompileError(
                f"The columns {other!r} and {name!r} would share their data: Ignite tells the fields of the "
                f"{part} of a "
                f"row apart by a hash of the lower-cased name, and both have {java_hash(name.lower())}. Rename one."
            )
