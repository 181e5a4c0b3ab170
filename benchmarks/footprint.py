"""What the driver costs beside the speed of a fetch: imports, first rows, memory, processor time per row.

``python -m benchmarks.footprint`` starts a node. Everything that is measured runs in processes of its own, whose
resident memory and processor time the operating system tells.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
from typing import Any

from benchmarks import works

_IMPORT = "import time; start = time.perf_counter(); import {module}; print((time.perf_counter() - start) * 1000)"

_FIRST_ROW = """
import json, sys, time
import ignite_dbapi
start = time.perf_counter()
connection = ignite_dbapi.connect(sys.argv[1])
connected = time.perf_counter()
connection.execute({sql!r}).fetchone()
print(json.dumps([(connected - start) * 1000, (time.perf_counter() - connected) * 1000]))
"""

# Row by row, so that what stays in memory is the driver's doing.
_FETCH = """
import json, resource, sys, time
import ignite_dbapi
connection = ignite_dbapi.connect(sys.argv[1])
connection.execute({sql!r}, page_size={page}).fetchmany(10)
before, start = resource.getrusage(resource.RUSAGE_SELF), time.process_time()
count = 0
for row in connection.execute({sql!r}, page_size={page}):
    count += 1
after = resource.getrusage(resource.RUSAGE_SELF)
print(json.dumps([count, (after.ru_maxrss - before.ru_maxrss) / 1024, (time.process_time() - start) / count * 1e6]))
"""

_SELECT_MANY = "SELECT X, X * 3, 'text number ' || X, X / 7.0, X > 5 FROM SYSTEM_RANGE(1, {count})"


def python(program: str, *arguments: str, environment: dict[str, str] | None = None) -> Any:
    """What *program* printed, as JSON."""
    done = subprocess.run(
        [sys.executable, "-c", program, *arguments],
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | (environment or {}),
    )
    return json.loads(done.stdout)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=7)
    arguments = parser.parse_args()
    print("import, milliseconds (median of", arguments.rounds, "rounds, lowest to highest)")
    for module in ("ignite_dbapi", "ignite_dbapi.aio", "ignite_dbapi.keyvalue", "sqlalchemy_ignite", "sqlalchemy"):
        times = [python(_IMPORT.format(module=module)) for _ in range(arguments.rounds)]
        print(f"  {module:24} {statistics.median(times):7.0f} ({min(times):.0f} to {max(times):.0f})")
    from ignite_dbapi.local import LocalCluster

    with LocalCluster(heap="2g") as cluster:
        sql = "SELECT CURRENT_TIMESTAMP"
        python(_FIRST_ROW.format(sql=sql), cluster.url)
        times = [python(_FIRST_ROW.format(sql=sql), cluster.url) for _ in range(arguments.rounds)]
        print("to connect, and to the first row of the first query, milliseconds")
        print(f"  {statistics.median(t[0] for t in times):.1f}, {statistics.median(t[1] for t in times):.1f}")
        print(f"a fetch of {arguments.rows:,} rows of 5 columns, row by row, page {works.PAGE:,}")
        sql = _SELECT_MANY.format(count=arguments.rows)
        for name, environment in (("as installed", {}), ("interpreted", {"IGNITE_DBAPI_PURE": "1"})):
            count, megabytes, microseconds = python(
                _FETCH.format(sql=sql, page=works.PAGE), cluster.url, environment=environment
            )
            print(f"  {name:12} {count:,} rows: {megabytes:.0f} MB more at the peak, {microseconds:.2f} us CPU a row")


if __name__ == "__main__":
    main()
