"""What the server keeps for a connection under a number, and that is no cursor: streamers, subscriptions, tasks."""

from __future__ import annotations

from typing import Final

import attrs

from ignite_dbapi.protocol.codec import Reader
from ignite_dbapi.protocol.messages.pages import Page

# There are no rows, but something is open nevertheless.
_NOTHING_YET: Final = Page(b"", 0, 0, 0, 0, has_more=True)


@attrs.frozen
class OpenedResource:
    """The answer to a request that opened something, which the server numbers like a cursor."""

    cursor_id: int
    page: Page = _NOTHING_YET

    @classmethod
    def read(cls, reader: Reader) -> OpenedResource:
        """Read the number."""
        return cls(reader.i64())
