"""How an example gets its server: from its command line, or else one is started for it."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

from ignite_dbapi.local import LocalCluster

Addresses = list[tuple[str, int]]


def run(main: Callable[[str], None]) -> None:
    """Call *main* with a URL."""
    if len(sys.argv) > 1:
        main(sys.argv[1])
    else:
        with LocalCluster() as cluster:
            main(cluster.url)


def run_client(main: Callable[..., None], *attributes: str, **options: Any) -> None:
    """Call *main* with the addresses of nodes, and with whatever else it needs to log in.

    The command line gives them, the addresses first, as ``host:port,host:port``. Without any, they are those of a
    cluster that is started with *options*, and its *attributes*.
    """
    if len(sys.argv) > 1:
        main(parsed(sys.argv[1]), *sys.argv[2:])
    else:
        with LocalCluster(**options) as cluster:
            main(cluster.addresses, *(getattr(cluster, name) for name in attributes))


def parsed(text: str) -> Addresses:
    """The addresses in ``host:port,host:port``; the port is 10800 where there is none."""
    parts = [address.partition(":") for address in text.split(",")]
    return [(host, int(port or 10800)) for host, _, port in parts]
