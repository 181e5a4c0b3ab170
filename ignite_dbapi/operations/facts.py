"""Asking the cluster for what the codec needs to know: time zone, encodings, binary types."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any, Final

from ignite_dbapi.errors import DatabaseError, InterfaceError
from ignite_dbapi.operations import calls
from ignite_dbapi.operations.session import Session
from ignite_dbapi.protocol.codec import (
    Knowledge,
    MissingBinaryType,
    MissingFact,
    MissingServerFacts,
    Reader,
    UnregisteredBinaryType,
)
from ignite_dbapi.protocol.codec.clock import Clock, clock_for
from ignite_dbapi.protocol.exchange import Operation
from ignite_dbapi.protocol.messages.binary_types import BinaryTypeGet, BinaryTypePut
from ignite_dbapi.protocol.messages.sql import SqlFieldsQuery

_TIMEZONE: Final = "user.timezone"
_STRING_VERSION_2: Final = "org.apache.ignite.marshaller.utf8SerializationVer2"
_COMPACT_FOOTER: Final = "org.apache.ignite.marshaller.compactFooter"


def learn(session: Session, missing: MissingFact) -> Operation[None]:
    """Find out what *missing* names, so that the step that raised it can be done again."""
    if isinstance(missing, MissingServerFacts):
        yield from _learn_server_facts(session)
    elif isinstance(missing, MissingBinaryType):
        yield from _learn_binary_type(session, missing)
    elif isinstance(missing, UnregisteredBinaryType):
        yield from calls.call(session, BinaryTypePut(missing.binary_type))
        session.context.knowledge.binary_types.add(missing.binary_type)
    else:
        raise missing


def _learn_server_facts(session: Session) -> Operation[None]:
    knowledge = session.context.knowledge
    attributes = yield from _rows(
        session,
        "SELECT DISTINCT NAME, VALUE FROM SYS.NODE_ATTRIBUTES WHERE NAME IN "
        f"('{_TIMEZONE}', '{_STRING_VERSION_2}', '{_COMPACT_FOOTER}')",
    )
    values: dict[str, list[str]] = {}
    for name, value in attributes:
        values.setdefault(name, []).append(value)
    # Servers that do not say behave as the oldest ones do.
    knowledge.is_string_version_2 = values.get(_STRING_VERSION_2, ["false"]) == ["true"]
    if knowledge.is_compact_footer is None:
        knowledge.is_compact_footer = values.get(_COMPACT_FOOTER, ["true"]) == ["true"]
    if knowledge.clock is None:
        zones = values.get(_TIMEZONE, [])
        if len(zones) > 1:
            raise InterfaceError(
                f"the nodes of the cluster run in different time zones ({', '.join(sorted(zones))}), so the "
                f"same TIMESTAMP is shown differently by each; choose one with the option 'timezone'",
                code="ambiguous_timezone",
            )
        if zones:
            knowledge.clock = clock_for(zones[0])
        else:
            knowledge.clock = yield from _measured_clock(session)


def _measured_clock(session: Session) -> Operation[Clock]:
    """The zone of a server that does not name it, if it has the same offset all year."""
    literals = [datetime(2024, month, 1, tzinfo=UTC) for month in (1, 7)]
    columns = ", ".join(f"TIMESTAMP '{literal:%Y-%m-%d} 00:00:00'" for literal in literals)
    answer = yield from calls.query(session, SqlFieldsQuery(sql=f"SELECT {columns}"), may_leak=True)
    page = answer.page
    # Losslessly, because reading wall-clock values is what the zone is needed for.
    reader = Reader(page.data, session.context.knowledge, page.position, page.end, lossless=True)
    (row,) = reader.rows(1, len(literals))
    offsets = {
        int(literal.timestamp() * 1000) - value.value.milliseconds for literal, value in zip(literals, row, strict=True)
    }
    if len(offsets) != 1:
        raise InterfaceError(
            "the server does not name its time zone, and its offset changes over the year; name the zone with "
            "the option 'timezone'",
            code="unknown_timezone",
        )
    zone = timezone(timedelta(milliseconds=offsets.pop()))
    return Clock(zone, str(zone))


def _learn_binary_type(session: Session, missing: MissingBinaryType) -> Operation[None]:
    types = session.context.knowledge.binary_types
    found = yield from calls.call(session, BinaryTypeGet(missing.type_id))
    if found is not None:
        types.add(found)
    else:
        types.add_unknown(missing.type_id)
    if missing.field_id is not None:
        types.add_nameless(missing.type_id, missing.field_id)
    if missing.schema_id is not None and (found is None or missing.schema_id not in found.schemas):
        raise DatabaseError(
            f"an object of type {found.type_name if found else missing.type_id} cannot be read: the cluster does not "
            f"know its schema {missing.schema_id}; whoever wrote it did not register it",
            code="unknown_schema",
        )


def _rows(session: Session, sql: str) -> Operation[list[tuple[Any, ...]]]:
    answer = yield from calls.query(session, SqlFieldsQuery(sql=sql), may_leak=True)
    return answer.page.take(answer.page.row_count, session.context)


def initial_knowledge(zone: str | None) -> Knowledge:
    """What is known before anything was asked: the time zone, if the user named it."""
    return Knowledge(clock=clock_for(zone) if zone is not None else None)
