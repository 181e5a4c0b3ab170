"""Which page size, and whether results are made lazily: what the defaults of the driver were chosen by.

``python -m benchmarks.paging`` starts a node, fills a table, and lets all combinations take turns, round after round.
It prints how long a fetch of all rows took (the fastest and the median of the rounds) and how soon the first row came.
"""

from __future__ import annotations

import argparse
import statistics
import time

from benchmarks import works
from benchmarks.__main__ import fill

PAGES = (256, 1024, 2048, 4096, 10_000, 32_768)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=9)
    arguments = parser.parse_args()
    import ignite_dbapi
    from ignite_dbapi.local import LocalCluster

    combinations = [(page, lazy) for page in PAGES for lazy in (True, False)]
    with LocalCluster(heap="2g") as cluster, ignite_dbapi.connect(cluster.url) as connection:
        fill(cluster.url)
        print(f"{works.ROWS:,} rows, {arguments.rounds} rounds; compiled: {ignite_dbapi.COMPILED}")
        for title, sql in (("8 mixed columns", works.SELECT_8), ("one INT column", works.SELECT_1)):
            whole: dict[tuple[int, bool], list[float]] = {combination: [] for combination in combinations}
            first: dict[tuple[int, bool], list[float]] = {combination: [] for combination in combinations}
            for turn in range(arguments.rounds + 2):
                for page, lazy in combinations:
                    start = time.perf_counter()
                    cursor = connection.execute(sql, page_size=page, lazy=lazy)
                    cursor.fetchone()
                    after_first = time.perf_counter()
                    cursor.fetchall()
                    if turn > 1:  # the first ones warm up
                        whole[page, lazy].append(time.perf_counter() - start)
                        first[page, lazy].append(after_first - start)
            print(f"\n{title}\n  page size  lazy   all rows, ms: fastest  median   first row, ms: fastest  median")
            for page, lazy in combinations:
                figures = [
                    1000 * figure
                    for times in (whole[page, lazy], first[page, lazy])
                    for figure in (min(times), statistics.median(times))
                ]
                print(
                    f"  {page:9,}  {'yes' if lazy else 'no ':4}  {figures[0]:20.1f} {figures[1]:8.1f}"
                    f"  {figures[2]:21.1f} {figures[3]:8.1f}"
                )


if __name__ == "__main__":
    main()
