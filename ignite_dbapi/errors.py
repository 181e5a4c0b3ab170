"""The exceptions of PEP 249, and how a server's answer becomes one of them.

Every exception carries what a program needs to decide what to do next:

``sqlstate``
    the five characters that the server put before its text (``"23000"``), or None.
``status``
    the thin protocol's status code of the answer (1010: too many cursors …), or None.
``code``
    a stable name for errors raised by the driver itself (``"parameter_count"``), or None.
``is_connection_lost``
    True when the connection cannot be used any more; whatever was under way then has an unknown outcome.
``is_unsent``
    True when the connection was gone before the request was sent, so that it had no effect for certain.

The errors of ``executemany`` also tell:

``parameter_set``
    the index, from 0, of the first parameter set that failed; None if the server does not tell which one it was.
``sent_sets``
    how many parameter sets were sent: those from this index on had no effect for certain.
``unknown_sets``
    the range of indexes within which lie all parameter sets of which it is not known whether they took effect; None:
    there are none, and ``cursor.rowcount`` is exact.
"""

from __future__ import annotations

import builtins
import re
from typing import Any, Final

__all__ = [
    "DataError",
    "DatabaseError",
    "Error",
    "IntegrityError",
    "InterfaceError",
    "InternalError",
    "NotSupportedError",
    "OperationalError",
    "ProgrammingError",
    "ProtocolError",
    "Warning",
    "error_from_answer",
]


class Warning(builtins.Warning):
    """Something that a user should know and that is not an error (PEP 249)."""


class Error(Exception):
    """The base of all errors of this driver (PEP 249)."""

    def __init__(
        self,
        message: str = "",
        *,
        sqlstate: str | None = None,
        status: int | None = None,
        code: str | None = None,
        is_connection_lost: bool = False,
    ) -> None:
        super().__init__(message)
        self.sqlstate = sqlstate
        self.status = status
        self.code = code
        self.is_connection_lost = is_connection_lost
        self.is_unsent = False
        self.parameter_set: int | None = None
        self.sent_sets: int | None = None
        self.unknown_sets: range | None = None

    def __reduce__(self) -> tuple[Any, ...]:
        # The default form calls the class with ``args`` alone and restores the rest from ``__dict__``;
        # spelled out because subclasses may define slots one day and errors cross process borders.
        return type(self), self.args, self.__dict__.copy()


class InterfaceError(Error):
    """The driver was used in a way that it does not offer, such as a call on a closed cursor."""


class DatabaseError(Error):
    """An error of the database; the more precise classes below are used where the cause is known."""


class DataError(DatabaseError):
    """A value does not fit: out of range, not convertible, too long."""


class OperationalError(DatabaseError):
    """Something outside the program's control: lost connections, timeouts, refused logins."""


class IntegrityError(DatabaseError):
    """A duplicate key, or a NULL where none may be."""


class InternalError(DatabaseError):
    """The database failed within itself."""


class ProgrammingError(DatabaseError):
    """The statement is wrong: syntax, unknown tables or columns, wrong number of parameters."""


class NotSupportedError(DatabaseError):
    """The server does not offer what was asked for."""


class ProtocolError(OperationalError):
    """The peer sent bytes that are not a valid message. The connection is closed when this is raised."""

    def __init__(self, message: str = "", **attributes: Any) -> None:
        attributes.setdefault("code", "protocol")
        attributes.setdefault("is_connection_lost", True)
        super().__init__(message, **attributes)


#: Codes of errors that parts of the driver tell from others.
CONNECTION_OF_PARENT: Final = "connection_of_parent"
REENTERED: Final = "reentered"

# --- from a server's answer to an exception ---------------------------------------------------------------

STATUS_INVALID_NODE_STATE: Final = 10
STATUS_TOO_MANY_CURSORS: Final = 1010
STATUS_RESOURCE_DOES_NOT_EXIST: Final = 1011
STATUS_SECURITY_VIOLATION: Final = 1012

_CLASS_BY_STATUS: Final[dict[int, type[DatabaseError]]] = {
    2: NotSupportedError,  # unknown operation code
    STATUS_INVALID_NODE_STATE: OperationalError,
    11: OperationalError,  # node in recovery mode
    100: NotSupportedError,  # functionality disabled
    1000: ProgrammingError,  # cache does not exist
    1001: ProgrammingError,  # cache exists
    1002: ProgrammingError,  # cache configuration invalid
    STATUS_TOO_MANY_CURSORS: OperationalError,
    STATUS_RESOURCE_DOES_NOT_EXIST: ProgrammingError,
    STATUS_SECURITY_VIOLATION: OperationalError,
    1020: OperationalError,  # transaction limit exceeded
    1021: ProgrammingError,  # transaction not found
    1030: OperationalError,  # too many compute tasks
    2000: OperationalError,  # authentication failed
}

_CLASS_BY_SQLSTATE: Final[dict[str, type[DatabaseError]]] = {
    "23000": IntegrityError,
    "22004": IntegrityError,
    "0700B": DataError,
    "0A000": NotSupportedError,
    "42000": ProgrammingError,
    "57014": OperationalError,
    "90097": OperationalError,
}

SQLSTATE_QUERY_CANCELLED: Final = "57014"

# Patterns are texts here, which re compiles and caches when the first error is looked up: to compile them now would be
# a fortieth of the time to import this package.

# The server says this in several ways, and mostly with the SQLSTATE of general errors.
_QUERY_ENDED: Final = r"query was (cancelled|timed out)"
_CODE_OF_ENDED: Final = {"cancelled": "query_cancelled", "timed out": "query_timeout"}

# Five letters without a digit are a word ("ERROR: ").
_SQLSTATE_PREFIX: Final = r"(?=[A-Z]*[0-9])([0-9A-Z]{5}): "
# H2 ends its texts with its own, finer code: "... [42102-197]"; deeper in a text when a map query failed.
_H2_CODE: Final = r"\[(\d{5})-\d+\]"
# A server that sends stack traces appends them to the text: cut at the first frame or "Caused by".
_STACK_TRACE: Final = r"(?s:\r?\n(?:[ \t]+at \S+\(|Caused by: |[ \t]*(?:class )?[\w.$]+(?:Exception|Error)\b).*)"

# Where the SQLSTATE is too coarse (50000, or 23000 for a value that is too long) the text decides; the
# first match wins.
_CLASS_BY_TEXT: Final[tuple[tuple[str, type[DatabaseError]], ...]] = (
    (r"spans operations on atomic cache", NotSupportedError),
    # First, because its text shows the keys, which may hold any words.
    (r"because they are already in cache|Duplicate key during INSERT", IntegrityError),
    (r"is too long|is out of range|[Nn]umeric field overflow|\boverflow\b", DataError),
    (r"Null value is not allowed|does not allow NULLs", IntegrityError),
    (r"[Dd]ivision by zero|/ by zero", DataError),
    (
        r"Value conversion failed|Data conversion error|neither a decimal digit number|For input string",
        DataError,
    ),
    (r"Invalid (?:DATE|TIME|TIMESTAMP|UUID) |Cannot convert|cannot be cast to class", DataError),
    (r"Cannot parse \"(?:DATE|TIME|TIMESTAMP)\"", DataError),
    (r"was cancelled|timed out|QueryCancelledException", OperationalError),
    (
        r"modified concurrently|[Tt]ransaction|deadlock|read-only mode|cluster is inactive",
        OperationalError,
    ),
    (r"Invalid number of query parameters|Failed to set schema|\"schema\" is null", ProgrammingError),
    (r"User management operations are not allowed|UserManagementException", ProgrammingError),
    (
        r"Failed to prepare update plan|Schema with name|"
        r"(?:View|Table|Index|Column) (?:already exists|doesn't exist)",
        ProgrammingError,
    ),
    (r"Query engine not found|Query engines not configured", NotSupportedError),
    (
        r"Unsupported (?:query|expression)|not supported|Failed to prepare distributed join",
        NotSupportedError,
    ),
    (r"can't be joined with", NotSupportedError),
)


def error_from_answer(status: int, text: str | None, *, message_prefix: str = "") -> DatabaseError:
    """Make the exception for an answer that carries an error.

    *status* is the answer's status code, *text* the server's text: ``"<SQLSTATE>: <words>"`` for SQL, words
    alone for others. Stack traces are cut off. The class is chosen by status, SQLSTATE, H2's own error
    code and, for what the server reports as a general error, by the words.
    """
    full_text = text or f"the server answered with status {status} and no text"
    sqlstate: str | None = None
    match = re.match(_SQLSTATE_PREFIX, full_text)
    if match:
        sqlstate = match.group(1)
        full_text = full_text[match.end() :]
    shown = re.sub(_STACK_TRACE, "", full_text).strip()
    error_class = _choose_class(status, sqlstate, full_text)
    prefix = f"{sqlstate}: " if sqlstate else ""
    code = "too_many_cursors" if status == STATUS_TOO_MANY_CURSORS else None
    ended = re.search(_QUERY_ENDED, _without_statement(shown)) if error_class is OperationalError else None
    if ended is not None:
        code, sqlstate = _CODE_OF_ENDED[ended.group(1)], SQLSTATE_QUERY_CANCELLED
    elif sqlstate == SQLSTATE_QUERY_CANCELLED:
        code = "query_cancelled"
    return error_class(
        f"{message_prefix}{prefix}{shown}",
        sqlstate=sqlstate,
        status=status,
        code=code,
        is_connection_lost=status == STATUS_INVALID_NODE_STATE,
    )


def _choose_class(status: int, sqlstate: str | None, text: str) -> type[DatabaseError]:
    if status in _CLASS_BY_STATUS:
        return _CLASS_BY_STATUS[status]
    h2_codes = re.findall(_H2_CODE, text)
    if h2_codes:
        # The last one: the statement stands before it, and may hold anything.
        if h2_codes[-1].startswith("22"):
            return DataError
        if h2_codes[-1].startswith("23"):
            return IntegrityError
        if h2_codes[-1].startswith(("42", "90")):
            return ProgrammingError
    for pattern, error_class in _CLASS_BY_TEXT:
        # A text such as "Column 'X' not found" must not be overruled by words that a user's own SQL
        # contains, so the words decide only where the SQLSTATE leaves the cause open.
        if sqlstate in {None, "50000", "23000", "42000"} and re.search(pattern, _without_statement(text)):
            if sqlstate == "42000" and error_class not in {IntegrityError, DataError}:
                continue
            if sqlstate == "23000" and error_class not in {IntegrityError, DataError}:
                continue
            return error_class
    return _CLASS_BY_SQLSTATE.get(sqlstate or "", DatabaseError)


def _without_statement(text: str) -> str:
    """*text* without the statement that H2 repeats in it, whose words say nothing about the cause."""
    return text.partition("SQL statement:\n")[0]
