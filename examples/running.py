"""How an example gets its server: the URL on its command line, or else a node started for it."""

from __future__ import annotations

import sys
from collections.abc import Callable

from ignite_dbapi.local import LocalCluster


def run(main: Callable[[str], None]) -> None:
    """Call *main* with a URL."""
    if len(sys.argv) > 1:
        main(sys.argv[1])
    else:
        with LocalCluster() as cluster:
            main(cluster.url)
