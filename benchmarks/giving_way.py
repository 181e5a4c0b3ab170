"""What it brings to let a server on this machine go first when the next page was asked for, and what it costs.

``python -m benchmarks.giving_way`` starts a node, fills a table, and fetches all rows in turns, round after round:
giving way as the driver does, after every page however small, and never. Then it does so again beside programs that
keep the processors busy, which go first as well. It prints the time of a fetch, in ms, and its ratio to the raw wire's
within the same round.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import statistics
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final
from unittest import mock

from benchmarks import works
from benchmarks.__main__ import fill
from benchmarks.contenders import Outcome, RawWire, timed

PAGES: Final = (256, 1024, 4096, 10_000)


def keep_busy() -> None:
    """Use a processor for as long as the program runs."""
    while True:
        pass


@contextmanager
def busy(count: int) -> Iterator[None]:
    """Have so many other programs at work."""
    processes = [multiprocessing.Process(target=keep_busy, daemon=True) for _ in range(count)]
    for process in processes:
        process.start()
    try:
        yield
    finally:
        for process in processes:
            process.kill()
            process.join()


def measure(ways: dict[str, Callable[[int], Outcome]], raw: Callable[[int], Outcome], rounds: int) -> None:
    """Let all ways take turns, and print what they needed."""
    for page in PAGES:
        times: dict[str, list[float]] = {way: [] for way in ways}
        ratios: dict[str, list[float]] = {way: [] for way in ways}
        for turn in range(-2, rounds):
            for way, fetch in ways.items():
                base = raw(page)[0]
                seconds = fetch(page)[0]
                if turn >= 0:  # the first ones warm up
                    times[way].append(1000 * seconds)
                    ratios[way].append(base / seconds)
        figures = (f"{way} {statistics.median(times[way]):5.0f} {statistics.median(ratios[way]):5.2f}" for way in ways)
        print(f"  {page:6,}   " + "   ".join(figures), flush=True)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=15)
    arguments = parser.parse_args()
    import ignite_dbapi
    from ignite_dbapi.local import LocalCluster
    from ignite_dbapi.operations import results

    with LocalCluster(heap="2g") as cluster, ignite_dbapi.connect(cluster.url) as connection:
        fill(cluster.url)
        wire = RawWire("raw", *cluster.addresses[0])

        def fetch(page: int) -> Outcome:
            return timed(lambda: connection.execute(works.SELECT_8, page_size=page).fetchall())[0], None

        def raw(page: int) -> Outcome:
            with mock.patch.object(works, "PAGE", page):
                return wire.select_8()

        def always(page: int) -> Outcome:
            with mock.patch.object(results, "_LARGE_PAGE", 0):
                return fetch(page)

        def never(page: int) -> Outcome:
            with mock.patch.object(connection._session.channel, "give_way"):
                return fetch(page)

        ways = {"as it is": fetch, "always": always, "never": never}
        print(f"{works.ROWS:,} rows of 8 columns, {arguments.rounds} rounds; compiled: {ignite_dbapi.COMPILED}")
        for others in (0, os.cpu_count() or 1):
            print(f"\n{others} other programs at work\n  page size   ms and ratio to the raw wire with such pages")
            with busy(others):
                measure(ways, raw, arguments.rounds)


if __name__ == "__main__":
    main()
