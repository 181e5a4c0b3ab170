"""Objects that lie within other bytes."""

from __future__ import annotations

from typing import Any

from ignite_dbapi.operations import facts
from ignite_dbapi.operations.session import Session
from ignite_dbapi.protocol.codec import MissingFact, Reader
from ignite_dbapi.protocol.exchange import Operation


def unwrapped(session: Session, data: bytes, offset: int) -> Operation[Any]:
    """The value that starts at *offset* of *data*."""
    while True:
        try:
            return Reader(data, session.context.knowledge, offset, len(data)).value()
        except MissingFact as missing:
            fact = missing
        yield from facts.learn(session, fact)
