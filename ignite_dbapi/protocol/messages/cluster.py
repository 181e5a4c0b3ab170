"""Messages about the connection and the cluster itself."""

from __future__ import annotations

import attrs

from ignite_dbapi.protocol.messages.base import Message


@attrs.frozen
class Heartbeat(Message[None]):
    """An empty request, answered at once: shows that the connection and the server are alive."""

    op_code = 1
