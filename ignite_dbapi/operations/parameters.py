"""The values of a statement's parameters: as many as there are, and in types that SQL has."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from ignite_dbapi.errors import NotSupportedError, ProgrammingError
from ignite_dbapi.operations.statements import Statement
from ignite_dbapi.protocol.codec import TypeCode
from ignite_dbapi.protocol.codec.values import ObjectArray
from ignite_dbapi.types import SqlType, sql_type


def check_arguments(parameters: Sequence[Any] | None, statement: Statement) -> Sequence[Any]:
    """*parameters* as a sequence with a value for each parameter of *statement*; lists as arrays."""
    if type(parameters) is tuple or type(parameters) is list:
        pass
    elif parameters is None:
        parameters = ()
    elif isinstance(parameters, (str, bytes, Mapping)) or not isinstance(parameters, Iterable):
        raise ProgrammingError(
            f"parameters are a sequence of values, one for each '?', not {type(parameters).__name__}",
            code="parameters_not_sequence",
        )
    elif not isinstance(parameters, (tuple, list)):
        parameters = tuple(parameters)
    if len(parameters) != statement.parameter_count:
        raise ProgrammingError(
            f"the statement has {statement.parameter_count} parameters, but {len(parameters)} values were given",
            code="parameter_count",
        )
    if not CONTAINERS.isdisjoint(map(type, parameters)):
        return [_array(argument) for argument in parameters]
    return parameters


# Python's own containers, of which only some stand for something in SQL.
CONTAINERS: Final = frozenset({list, tuple, set, frozenset, dict})


def _array(argument: Any) -> Any:
    if isinstance(argument, (list, tuple)):
        return ObjectArray(list(argument))
    if isinstance(argument, (set, frozenset, dict)):
        raise NotSupportedError(
            f"SQL has no {type(argument).__name__} parameters; pass a list for an array", code="value_mismatch"
        )
    return argument


def input_code(size: Any) -> TypeCode | None:
    """The type code that an item of ``setinputsizes`` names; None where it leaves the type to the value."""
    if size is None or type(size) is int:  # PEP 249 allows lengths, which mean nothing here
        return None
    if isinstance(size, TypeCode):
        return size
    if isinstance(size, str):
        known = size if isinstance(size, SqlType) else sql_type(size)
        return known.parameter_code
    raise ProgrammingError(
        f"setinputsizes takes SQL types such as ignite_dbapi.INTEGER, or None; not {size!r}", code="unknown_type"
    )
