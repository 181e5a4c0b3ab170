"""Every error that a server was seen to answer becomes the exception that PEP 249 has for it."""

# ruff: noqa: E501 - the texts of servers stay as they are

from __future__ import annotations

import copy
import pickle
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

import ignite_dbapi
from ignite_dbapi import errors
from ignite_dbapi.errors import (
    DatabaseError,
    DataError,
    Error,
    IntegrityError,
    InterfaceError,
    InternalError,
    NotSupportedError,
    OperationalError,
    ProgrammingError,
    ProtocolError,
    error_from_answer,
)

PREPARE = "42000: Failed to parse query. "
EXECUTE = "50000: An error occurred while query executing - "

SEEN: list[tuple[str, type[Error]]] = [
    # syntax
    (
        PREPARE + 'Syntax error in SQL statement "SELEC[*] 1 "; expected "..."; SQL statement:\nSELEC 1 [42001-197]',
        ProgrammingError,
    ),
    (
        PREPARE + 'Syntax error in SQL statement "SELECT 1 FROM[*]"; SQL statement:\nSELECT 1 FROM [42000-197]',
        ProgrammingError,
    ),
    (PREPARE + 'Encountered "from <EOF>" at line 1, column 41.', ProgrammingError),
    (PREPARE + "Non-query expression encountered in illegal context", ProgrammingError),
    (PREPARE + "Lexical error at line 1, column 8.", ProgrammingError),
    # missing and existing things
    (
        PREPARE + 'Table "H1_NOPE" not found; SQL statement:\nselect * from h1_nope [42102-197]',
        ProgrammingError,
    ),
    (
        "42000: Failed to validate query. From line 1, column 46 to line 1, column 52: Object 'H1_NOPE' not found",
        ProgrammingError,
    ),
    (PREPARE + 'Column "ZZZ" not found; SQL statement:\nselect zzz from t [42122-197]', ProgrammingError),
    (
        "42000: Failed to validate query. From line 1, column 8: Column 'ZZZ' not found in any table",
        ProgrammingError,
    ),
    ("42000: Failed to validate query. From line 1, column 8: Unknown target column 'ZZZ'", ProgrammingError),
    (PREPARE + 'Function "NOFUNC" not found; SQL statement:\nselect nofunc(1) [90022-197]', ProgrammingError),
    (
        "42000: Failed to validate query. No match found for function signature NOFUNC(<NUMERIC>)",
        ProgrammingError,
    ),
    (
        PREPARE + 'Schema "NOSCH" not found; SQL statement:\nselect * from nosch.t [90079-197]',
        ProgrammingError,
    ),
    ("50000: Failed to set schema for DB connection for thread [schema=public]", ProgrammingError),
    (EXECUTE + '"schema" is null', ProgrammingError),
    ('50000: Schema with name "NOSCH" not found', ProgrammingError),
    ("42000: Table already exists: T", ProgrammingError),
    ("42000: Table doesn't exist: T", ProgrammingError),
    ("42000: Index already exists: I", ProgrammingError),
    ("42000: Index doesn't exist: I", ProgrammingError),
    ("42000: Column already exists: V", ProgrammingError),
    ("42000: Column doesn't exist: ZZZ", ProgrammingError),
    ("50000: View already exists: VW1", ProgrammingError),
    ("50000: View doesn't exist: VW6", ProgrammingError),
    # duplicates
    ("23000: Failed to INSERT some keys because they are already in cache [keys=[1]]", IntegrityError),
    (
        "23000: Failed to INSERT some keys because they are already in cache. [cache=SQL_PUBLIC_M1, keys=[1]]",
        IntegrityError,
    ),
    ("50000: Failed to INSERT some keys because they are already in cache [keys=[1, 2]]", IntegrityError),
    (
        EXECUTE + "Failed to INSERT some keys because they are already in cache. [cache=SQL_PUBLIC_M1, keys=[1]]",
        IntegrityError,
    ),
    (
        "23000: Failed to INSERT some keys because they are already in cache [keys=[is too long, 9 is out of range]]",
        IntegrityError,
    ),
    (
        "50000: Failed to INSERT some keys because they are already in cache [keys=[was cancelled, overflow]]",
        IntegrityError,
    ),
    # NULL
    ("22004: Null value is not allowed for column 'ID'", IntegrityError),
    ("22004: Null value is not allowed for column 'V'", IntegrityError),
    (
        "42000: Failed to validate query. From line 1: Column 'V' has no default value and does not allow NULLs",
        IntegrityError,
    ),
    ("50000: Failed to prepare update plan.", ProgrammingError),
    (EXECUTE + "null", DatabaseError),
    # length, precision
    ("23000: Value for a column 'V' is too long. Maximum length: 3, actual length: 4", DataError),
    ("23000: Value for a column 'D' is out of range. Maximum precision: 4, actual precision: 6", DataError),
    (EXECUTE + "Numeric field overflow.", DataError),
    (EXECUTE + "INTEGER overflow", DataError),
    # conversion
    ("0700B: Value conversion failed [column=ID, from=java.lang.String, to=java.lang.Integer]", DataError),
    (
        EXECUTE + 'Character x is neither a decimal digit number, decimal point, nor "e" notation exponential mark.',
        DataError,
    ),
    (EXECUTE + "class java.lang.String cannot be cast to class java.lang.Integer", DataError),
    (EXECUTE + "Invalid DATE value, 'x'", DataError),
    (EXECUTE + "Invalid UUID string: x", DataError),
    (
        PREPARE + "Data conversion error converting \"abc\"; SQL statement:\nselect cast('abc' as int) [22018-197]",
        DataError,
    ),
    (
        '50000: Failed to execute map query on remote node [nodeId=x, errMsg=Failed to execute SQL query. Data conversion error converting "x"; SQL statement:\nSELECT 1 [22018-197]]',
        DataError,
    ),
    (EXECUTE + "Remote query execution", DatabaseError),
    # division by zero
    (PREPARE + 'Division by zero: "1"; SQL statement:\nselect 1/0 [22012-197]', DataError),
    (
        '50000: Failed to execute map query on remote node [nodeId=x, errMsg=General error: Division by zero: "1"; SQL statement:\nSELECT [22012-197]]',
        DataError,
    ),
    (EXECUTE + "/ by zero", DataError),
    (EXECUTE + "Division by zero", DataError),
    # keys, parameters, unsupported
    ("42000: SQL UPDATE can't modify key or its fields directly", ProgrammingError),
    (
        '42000: Failed to validate query. From line 1: Cannot update field "ID". You cannot update key, key fields or val field',
        ProgrammingError,
    ),
    ("50000: Invalid number of query parameters [expected=1, actual=0]", ProgrammingError),
    ("0A000: Multiple statements queries are not supported.", NotSupportedError),
    ('0A000: Failed to parse SQL statement "[*]begin": BEGIN command is not supported', NotSupportedError),
    ("0A000: Unsupported statement: TRUNCATE", NotSupportedError),
    ("50000: Unsupported query expression: x", NotSupportedError),
    ("50000: Failed to prepare distributed join query: join condition does not use index", NotSupportedError),
    ("50000: Query engine not found: foo", NotSupportedError),
    # time and concurrency
    (
        "50000: Failed to update some keys because they had been modified concurrently [keys=[1]]",
        OperationalError,
    ),
    (
        "50000: class org.apache.ignite.cache.query.QueryCancelledException: The query was cancelled while executing.",
        OperationalError,
    ),
    (EXECUTE + "The query was timed out.", OperationalError),
    ("57014: The query was cancelled while executing.", OperationalError),
    ("57014: Failed to plan query", OperationalError),
    ("50000: Failed to run reduce query locally. The query was cancelled while executing.", OperationalError),
    ("50000: Cache transaction timed out: GridNearTxLocal[xid=x]", OperationalError),
    ("Cache transaction timed out: GridNearTxLocal[xid=x]", OperationalError),
    # the cluster
    ("90097: Failed to execute DML statement. Cluster in read-only mode [x]", OperationalError),
    ("50000: Failed to perform cache operation (cluster is in read-only mode)", OperationalError),
    ("50000: Can not perform the operation because the cluster is inactive. Note, x", OperationalError),
    ("50000: User management operations are not allowed for user. [curUser=U1]", ProgrammingError),
    (
        "50000: Operation failed [nodeId=x, err=class org.apache.ignite.internal.processors.authentication.UserManagementException: User already exists [login=U1]]",
        ProgrammingError,
    ),
]

BY_STATUS: list[tuple[int, str, type[Error]]] = [
    (2, "Unknown op code: 9999", NotSupportedError),
    (10, "node is stopping", OperationalError),
    (100, "Compute grid functionality is disabled", NotSupportedError),
    (1000, "50000: Cache does not exist [cacheId= 12345]", ProgrammingError),
    (1001, "Cache already exists", ProgrammingError),
    (1002, "bad configuration", ProgrammingError),
    (
        1010,
        "50000: Too many open cursors (either close other open cursors or increase the limit) [maximum=128, current=128]",
        OperationalError,
    ),
    (1011, "50000: Failed to find resource with id: 13", ProgrammingError),
    (1012, "Client is not authorized to perform this operation", OperationalError),
    (1020, "Active transactions per connection limit exceeded", OperationalError),
    (1021, "Transaction with id 1 not found.", ProgrammingError),
    (1030, "Active compute tasks per connection limit exceeded", OperationalError),
    (1040, "entry processor failed", DatabaseError),
    (2000, "The user name or password is incorrect [userName=x]", OperationalError),
    (7777, "a status of the future", DatabaseError),
]


@pytest.mark.parametrize(("text", "error_class"), SEEN, ids=lambda value: value[:70] if isinstance(value, str) else "")
def test_what_servers_were_seen_to_answer(text: str, error_class: type[Error]) -> None:
    error = error_from_answer(1, text)
    assert type(error) is error_class
    assert str(error) == text.strip()
    if "query was" in text or text.startswith("57014"):
        assert error.sqlstate == "57014"
        assert error.code == ("query_timeout" if "timed out" in text else "query_cancelled")
    else:
        assert error.sqlstate == (text[:5] if text[5:7] == ": " else None)
        assert error.code is None
    assert (error.status, error.is_connection_lost) == (1, False)


@pytest.mark.parametrize(("status", "text", "error_class"), BY_STATUS)
def test_the_status_tells(status: int, text: str, error_class: type[Error]) -> None:
    error = error_from_answer(status, text)
    assert type(error) is error_class
    assert error.status == status
    assert error.is_connection_lost is (status == 10)
    assert error.code == ("too_many_cursors" if status == 1010 else None)


TRACES = [
    "\n\tat org.apache.ignite.internal.Foo.bar(Foo.java:12)\n\tat x.y(Z.java)",
    "\r\n    at org.apache.ignite.internal.Foo.bar(Foo.java:12)",
    "\nCaused by: java.lang.Exception: x",
    "\nclass org.apache.ignite.IgniteException: oops\n\tat x.y(Z.java)",
    "\njava.lang.NullPointerException\n\tat x.y(Z.java)",
]


@pytest.mark.parametrize("trace", TRACES)
def test_stack_traces_are_cut_off(trace: str) -> None:
    error = error_from_answer(1, f"42000: Table already exists: T{trace}")
    assert str(error) == "42000: Table already exists: T"
    assert type(error) is ProgrammingError


def test_what_is_only_in_a_stack_trace_counts_all_the_same() -> None:
    error = error_from_answer(
        1, EXECUTE + "Remote query execution\nCaused by: java.lang.ArithmeticException: / by zero"
    )
    assert type(error) is DataError
    assert str(error).endswith("Remote query execution")


def test_lines_of_the_statement_are_no_stack_trace() -> None:
    text = PREPARE + 'Column "ZZZ" not found; SQL statement:\nselect zzz\n  at time zone from\n t [42122-197]'
    assert str(error_from_answer(1, text)) == text


def test_words_of_the_statement_do_not_decide() -> None:
    text = "42000: Failed to parse query. Column \"X\" not found; SQL statement:\nSELECT 'Division by zero [22012-197]', x [42122-197]"
    assert type(error_from_answer(1, text)) is ProgrammingError


def test_texts_without_sqlstate() -> None:
    assert error_from_answer(1, "ERROR: something").sqlstate is None
    assert error_from_answer(1, "HY000: something").sqlstate == "HY000"
    assert str(error_from_answer(1, None)) == "the server answered with status 1 and no text"
    assert str(error_from_answer(1, "")) == "the server answered with status 1 and no text"
    assert str(error_from_answer(1, "42000: x", message_prefix="while y: ")) == "while y: 42000: x"


@given(st.integers(-(2**31), 2**31 - 1), st.text() | st.none())
def test_any_answer_becomes_an_error(status: int, text: str | None) -> None:
    error = error_from_answer(status, text)
    assert isinstance(error, DatabaseError)
    assert error.status == status


@pytest.mark.parametrize("piece", ["\n", "\n ", " ", "\n\tat ", "a.", "[22012-", "42000: ", "\nclass "])
def test_the_time_grows_with_the_length_only(piece: str) -> None:
    start = time.process_time()
    error_from_answer(1, "50000: " + piece * 200_000)
    assert time.process_time() - start < 5


# --- the classes ----------------------------------------------------------------------------------------------------


def test_the_tree() -> None:
    parents = {
        Error: Exception, InterfaceError: Error, DatabaseError: Error, DataError: DatabaseError,
        OperationalError: DatabaseError, IntegrityError: DatabaseError, InternalError: DatabaseError,
        ProgrammingError: DatabaseError, NotSupportedError: DatabaseError, ProtocolError: OperationalError,
    }  # fmt: skip
    for error_class, parent in parents.items():
        assert error_class.__bases__ == (parent,)
        assert getattr(ignite_dbapi, error_class.__name__) is error_class
    assert issubclass(ignite_dbapi.Warning, Warning)
    assert not issubclass(ignite_dbapi.Warning, Error)
    assert set(errors.__all__) - {"error_from_answer"} <= set(ignite_dbapi.__all__)


CLASSES = [Error, InterfaceError, DataError, OperationalError, ProtocolError]


@pytest.mark.parametrize("error_class", CLASSES)
def test_attributes_survive_pickling_and_copying(error_class: type[Error]) -> None:
    error = error_class("text", sqlstate="08006", status=7, code="lost", is_connection_lost=True)
    error.note = "more"  # type: ignore[attr-defined]
    for again in (pickle.loads(pickle.dumps(error)), copy.copy(error), copy.deepcopy(error)):
        assert type(again) is error_class
        assert str(again) == "text"
        assert vars(again) == vars(error)
        assert (again.sqlstate, again.status, again.code, again.is_connection_lost) == (
            "08006",
            7,
            "lost",
            True,
        )


@pytest.mark.parametrize("error_class", CLASSES[:-1])
def test_attributes_by_default(error_class: type[Error]) -> None:
    error = error_class()
    assert (str(error), error.sqlstate, error.status, error.code, error.is_connection_lost) == (
        "",
        None,
        None,
        None,
        False,
    )


def test_a_protocol_error_ends_the_connection() -> None:
    assert (ProtocolError("x").code, ProtocolError("x").is_connection_lost) == ("protocol", True)
    assert (
        ProtocolError("x", code="nesting").code,
        ProtocolError("x", code="nesting").is_connection_lost,
    ) == ("nesting", True)
