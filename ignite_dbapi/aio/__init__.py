"""The driver for asyncio: the same operations as the blocking driver, awaited.

>>> import ignite_dbapi.aio
>>> async with await ignite_dbapi.aio.connect("ignite://127.0.0.1:10800") as connection:  # doctest: +SKIP
...     cursor = await connection.execute("SELECT id, name FROM city")
...     async for row in cursor:
...         print(row)
"""

from __future__ import annotations

from ignite_dbapi.aio.atomic_long import AsyncAtomicLong
from ignite_dbapi.aio.connection import AsyncConnection, connect
from ignite_dbapi.aio.cursor import AsyncCursor

__all__ = ["AsyncAtomicLong", "AsyncConnection", "AsyncCursor", "connect"]
