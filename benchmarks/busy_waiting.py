"""What it brings to look for the answer to a short request before going to sleep, and what it costs.

``python -m benchmarks.busy_waiting`` starts a node and lets clients that look for answers (option ``busy_wait``) for
different times take turns with ones that sleep at once: in peace, beside programs that keep the processors busy, beside
a thread of the program's own that does, and several threads at once with a connection each. It prints the time of an
operation in us, what processor time the client needs for it, and the ratio to sleeping at once within the same round
(medians).
"""

from __future__ import annotations

import argparse
import statistics
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, nullcontext
from typing import Any, Final

from benchmarks import works
from benchmarks.giving_way import busy

OPERATIONS: Final = 1000
TABLE: Final = "BENCH_BUSY_WAITING"
THREADS: Final = 4
# Rounds until the server has compiled what it needs.
WARM_UP: Final = 20

Work = Callable[[], object]


@contextmanager
def busy_thread() -> Iterator[None]:
    """Have another thread of this program at work all the time."""
    is_over = threading.Event()

    def work() -> None:
        while not is_over.is_set():
            sum(range(1000))

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield
    finally:
        is_over.set()
        thread.join()


def operations(client: Any, connection: Any) -> dict[str, Work]:
    """Works of so many short requests, one after the other."""
    cache = client.get_or_create_cache("bench_busy_waiting")
    cursor = connection.cursor()
    values = [works.text(number) for number in range(OPERATIONS)]

    def put() -> None:
        for number in range(OPERATIONS):
            cache.put(number, values[number])

    def get() -> None:
        for number in range(OPERATIONS):
            assert cache.get(number) == values[number]

    def select() -> None:
        for number in range(OPERATIONS):
            cursor.execute(f"SELECT V FROM {TABLE} WHERE ID = ?", (number,))
            assert cursor.fetchone() == (values[number],)

    def update() -> None:
        for number in range(OPERATIONS):
            cursor.execute(f"UPDATE {TABLE} SET V = ? WHERE ID = ?", (values[number], number))

    return {"put": put, "get": get, "SELECT": select, "UPDATE": update}


def at_once(forms: list[dict[str, Work]]) -> dict[str, Work]:
    """The same works by several threads at once, each with its own connection."""

    def together(name: str) -> None:
        threads = [threading.Thread(target=form[name]) for form in forms]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    return {name: lambda name=name: together(name) for name in forms[0]}  # type: ignore[misc]


def measure(title: str, contenders: Mapping[str, Mapping[str, Work]], rounds: int) -> None:
    """Let all take turns, and print what they needed."""
    print(f"\n{title}")
    for name in next(iter(contenders.values())):
        times: dict[str, list[float]] = {contender: [] for contender in contenders}
        shares: dict[str, list[float]] = {contender: [] for contender in contenders}
        for turn in range(-3, rounds):
            for contender in contenders if turn % 2 else reversed(contenders):
                begin, used = time.perf_counter(), time.process_time()
                contenders[contender][name]()
                seconds, used = time.perf_counter() - begin, time.process_time() - used
                if turn >= 0:  # the first ones warm up
                    times[contender].append(seconds / OPERATIONS * 1e6)
                    shares[contender].append(used / OPERATIONS * 1e6)
        first = next(iter(contenders))
        figures = (
            f"{contender} {statistics.median(times[contender]):5.0f} "
            f"({statistics.median(shares[contender]):4.0f}) "
            f"{statistics.median(b / t for b, t in zip(times[first], times[contender], strict=True)):5.2f}"
            for contender in contenders
        )
        print(f"  {name:7}" + "   ".join(figures), flush=True)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--microseconds", type=float, nargs="+", default=[0, 50, 100, 200, 400])
    arguments = parser.parse_args()
    import ignite_dbapi
    from ignite_dbapi.keyvalue import Client
    from ignite_dbapi.local import LocalCluster

    with ExitStack() as stack:
        cluster = stack.enter_context(LocalCluster(heap="2g"))
        with ignite_dbapi.connect(cluster.url) as connection:
            connection.execute(f"CREATE TABLE {TABLE} (ID INT PRIMARY KEY, V VARCHAR)")
            connection.cursor().executemany(
                f"INSERT INTO {TABLE} VALUES (?, ?)", [(number, works.text(number)) for number in range(OPERATIONS)]
            )

        def waiting(microseconds: float) -> dict[str, Work]:
            client = Client(busy_wait=microseconds / 1e6)
            stack.callback(client.close)
            client.connect(*cluster.addresses[0])
            return operations(
                client, stack.enter_context(ignite_dbapi.connect(cluster.url, busy_wait=microseconds / 1e6))
            )

        names = {f"{number:g} us": number for number in arguments.microseconds}
        single = {name: waiting(number) for name, number in names.items()}
        several = {name: at_once([waiting(number) for _ in range(THREADS)]) for name, number in names.items()}
        for _ in range(WARM_UP):
            for work in single[next(iter(names))].values():
                work()
        print(f"{OPERATIONS:,} operations, {arguments.rounds} rounds; compiled: {ignite_dbapi.COMPILED}")
        print("us of time, (us of the client's processor time), ratio to the first one")
        for title, beside in (
            ("in peace", nullcontext()),
            ("beside one busy program", busy(1)),
            ("beside two busy programs", busy(2)),
            ("beside a busy thread of the program's own", busy_thread()),
        ):
            with beside:
                measure(title, single, arguments.rounds)
        measure(f"{THREADS} threads at once, a connection each", several, arguments.rounds)


if __name__ == "__main__":
    main()
