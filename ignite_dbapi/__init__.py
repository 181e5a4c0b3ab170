"""Apache Ignite 2.x for Python: a DB-API 2.0 (PEP 249) driver over the thin client protocol.

>>> import ignite_dbapi
>>> with ignite_dbapi.connect("ignite://127.0.0.1:10800") as connection:  # doctest: +SKIP
...     connection.execute("SELECT name FROM city WHERE id = ?", [1]).fetchone()
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from ignite_dbapi._version import __version__
from ignite_dbapi.connection import Connection, connect
from ignite_dbapi.cursor import Cursor
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
    Warning,
)
from ignite_dbapi.options import ConnectOptions, StatementOptions
from ignite_dbapi.protocol.codec import COMPILED
from ignite_dbapi.rows import dict_row, namedtuple_row, tuple_row
from ignite_dbapi.types import *  # noqa: F403 - the type objects and constructors of PEP 249
from ignite_dbapi.types import __all__ as _types

if TYPE_CHECKING:
    from ignite_dbapi.atomic_long import AtomicLong

apilevel: Final = "2.0"
# Threads may share the module and connections, but not cursors.
threadsafety: Final = 2
paramstyle: Final = "qmark"

__all__ = [
    "COMPILED",
    "AtomicLong",
    "ConnectOptions",
    "Connection",
    "Cursor",
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
    "StatementOptions",
    "Warning",
    "__version__",
    "apilevel",
    "connect",
    "dict_row",
    "namedtuple_row",
    "paramstyle",
    "threadsafety",
    "tuple_row",
    *_types,
]


def __getattr__(name: str) -> Any:
    # What few programs use is imported when they do.
    if name == "AtomicLong":
        from ignite_dbapi.atomic_long import AtomicLong

        return AtomicLong
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
