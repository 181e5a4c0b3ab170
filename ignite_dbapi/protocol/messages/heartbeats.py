"""Messages that keep a connection alive."""

from __future__ import annotations

import attrs

from ignite_dbapi.protocol.codec import Reader
from ignite_dbapi.protocol.context import Context
from ignite_dbapi.protocol.messages.base import Message


@attrs.frozen(eq=False, repr=False)
class Heartbeat(Message[None]):
    """An empty request, answered at once: shows that the connection and the server are alive."""

    op_code = 1


@attrs.frozen(eq=False, repr=False)
class IdleTimeout(Message[int]):
    """After how many milliseconds without a request the server closes a connection; 0: never."""

    op_code = 2

    def decode(self, reader: Reader, context: Context) -> int:
        """Read the time."""
        return reader.i64()
