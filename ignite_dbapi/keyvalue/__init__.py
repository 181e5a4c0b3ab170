"""The key-value side: caches, scans, binary types, transactions, the cluster.

Names, arguments and results are those of the client ``pyignite``, whose programs run with the import changed:

>>> from ignite_dbapi.keyvalue import Client
>>> with Client().connect("127.0.0.1", 10800) as client:  # doctest: +SKIP
...     cache = client.get_or_create_cache("my cache")
...     cache.put("my key", 42)
...     cache.get("my key")
42
"""

from __future__ import annotations

from ignite_dbapi._version import __version__
from ignite_dbapi.cluster.cluster import RetryPolicy
from ignite_dbapi.keyvalue import (
    constants,
    datatypes,
    exceptions,
    monitoring,
    utils,
)
from ignite_dbapi.keyvalue.aio_client import AioClient
from ignite_dbapi.keyvalue.binary import GenericObjectMeta
from ignite_dbapi.keyvalue.client import Client

__all__ = [
    "AioClient",
    "Client",
    "GenericObjectMeta",
    "RetryPolicy",
    "__version__",
    "constants",
    "datatypes",
    "exceptions",
    "monitoring",
    "utils",
]
