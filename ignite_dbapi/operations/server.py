"""Questions to the server about itself."""

from __future__ import annotations

import re
from typing import Any, Final

from ignite_dbapi.errors import DatabaseError
from ignite_dbapi.operations import calls
from ignite_dbapi.operations.session import Session
from ignite_dbapi.protocol.context import Feature as Feature
from ignite_dbapi.protocol.exchange import Operation
from ignite_dbapi.protocol.messages.binary_types import BinaryTypeGet
from ignite_dbapi.protocol.messages.heartbeats import Heartbeat
from ignite_dbapi.protocol.messages.sql import SqlFieldsQuery

_VERSION: Final = re.compile(r"\d+(?:\.\d+)*")


def ping(session: Session) -> Operation[None]:
    """Make a round trip that costs the server nothing."""
    if session.context.has(Feature.HEARTBEAT):
        yield from calls.call(session, Heartbeat())
    else:
        # Every version can say that there is no binary type 0.
        yield from calls.call(session, BinaryTypeGet(0))


def version(session: Session) -> Operation[str]:
    """The release of the server, such as ``2.17.0``."""
    if session.server_version is None:
        value = yield from _scalar(session, "SELECT MIN(VERSION) FROM SYS.NODES")
        match = _VERSION.match(value or "")
        if match is None:
            raise DatabaseError(f"the server names its version {value!r}", code="unknown_server_version")
        session.server_version = match.group()
    return session.server_version


def default_query_engine(session: Session) -> Operation[str]:
    """The engine that runs statements which do not choose one: ``h2`` or ``calcite``."""
    if session.default_query_engine is None:
        try:
            engine = yield from _scalar(session, "SELECT QUERY_ENGINE()")
        except DatabaseError as error:
            if error.is_connection_lost:
                raise
            engine = "h2"  # servers from before there was a choice
        session.default_query_engine = str(engine)
    return session.default_query_engine


def query_engines(session: Session) -> Operation[frozenset[str]]:
    """All engines that the node has."""
    if session.query_engines is None:
        engines = {(yield from default_query_engine(session))}
        for engine in {"h2", "calcite"} - engines:
            try:
                answer = yield from _scalar(session, f"SELECT /*+ QUERY_ENGINE('{engine}') */ QUERY_ENGINE()")
            except DatabaseError as error:
                if error.is_connection_lost:
                    raise
            else:
                if answer == engine:
                    engines.add(engine)
        session.query_engines = frozenset(engines)
    return session.query_engines


def _scalar(session: Session, sql: str) -> Operation[Any]:
    answer = yield from calls.query(session, SqlFieldsQuery(sql=sql), may_leak=True)
    rows = answer.page.take(1, session.context)
    return rows[0][0] if rows else None
