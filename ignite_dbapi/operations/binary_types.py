"""Asking the cluster for the description of binary types, and registering them."""

from __future__ import annotations

from ignite_dbapi.operations import calls
from ignite_dbapi.operations.session import Session
from ignite_dbapi.protocol.codec import BinaryType
from ignite_dbapi.protocol.exchange import Operation
from ignite_dbapi.protocol.messages.binary_types import BinaryTypeGet, BinaryTypePut


def find(session: Session, type_id: int) -> Operation[BinaryType | None]:
    """What the cluster knows of the type *type_id* at this moment; None if it does not know it."""
    found = yield from calls.call(session, BinaryTypeGet(type_id))
    if found is not None:
        session.context.knowledge.binary_types.add(found)
    return found


def register(session: Session, binary_type: BinaryType) -> Operation[None]:
    """Add *binary_type* to what the cluster knows: the server merges fields, schemas and constants."""
    yield from calls.call(session, BinaryTypePut(binary_type))
    session.context.knowledge.binary_types.add(binary_type)
