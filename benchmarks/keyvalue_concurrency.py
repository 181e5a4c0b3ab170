"""How much several key-value operations at once gain over one after the other, on one connection.

``python -m benchmarks.keyvalue_concurrency`` starts a node and lets pipelines of the blocking client, and tasks of the
asyncio client, take turns with the same operations made one by one, round after round. It prints how many operations
each did in a second (the median of the rounds), the processor time that one takes in the client, and the ratio to one
by one within the same round (median, lowest to highest).
"""

from __future__ import annotations

import argparse
import asyncio
import platform
import statistics
import time
from collections.abc import Callable
from typing import Any

from benchmarks import works
from ignite_dbapi import COMPILED
from ignite_dbapi.keyvalue import AioClient, Client
from ignite_dbapi.local import LocalCluster

AT_ONCE = 64
COUNT = AT_ONCE * 50
CACHE = "BENCH_CONCURRENCY"


def blocking_forms(cache: Any) -> dict[str, Callable[[], None]]:
    """Gets and puts of the blocking client."""
    values = [works.text(number) for number in range(COUNT)]

    def get() -> None:
        for number in range(COUNT):
            assert cache.get(number) == values[number]

    def pipelined_get() -> None:
        with cache.pipeline() as pipeline:
            found = [pipeline.get(number) for number in range(COUNT)]
        assert [each.result() for each in found] == values

    def put() -> None:
        for number in range(COUNT):
            cache.put(number, values[number])

    def pipelined_put() -> None:
        with cache.pipeline() as pipeline:
            for number in range(COUNT):
                pipeline.put(number, values[number])

    return {"get": get, "get, pipeline": pipelined_get, "put": put, "put, pipeline": pipelined_put}


def asyncio_forms(cache: Any, loop: asyncio.AbstractEventLoop) -> dict[str, Callable[[], None]]:
    """Gets of the asyncio client."""

    async def get() -> None:
        for number in range(COUNT):
            await cache.get(number)

    async def gathered_get() -> None:
        for start in range(0, COUNT, AT_ONCE):
            await asyncio.gather(*(cache.get(number) for number in range(start, start + AT_ONCE)))

    async def pipelined_get() -> None:
        async with cache.pipeline() as pipeline:
            for number in range(COUNT):
                await pipeline.get(number)

    return {
        "asyncio get": lambda: loop.run_until_complete(get()),
        f"asyncio get, {AT_ONCE} tasks": lambda: loop.run_until_complete(gathered_get()),
        "asyncio get, pipeline": lambda: loop.run_until_complete(pipelined_get()),
    }


def measure(forms: dict[str, Callable[[], None]], rounds: int) -> None:
    """Measure and print."""
    seconds: dict[str, list[float]] = {name: [] for name in forms}
    processor: dict[str, list[float]] = {name: [] for name in forms}
    for number in range(rounds + 1):
        for name, form in forms.items():
            started, processor_started = time.perf_counter(), time.process_time()
            form()
            if number:  # the first round warms up
                seconds[name].append(time.perf_counter() - started)
                processor[name].append(time.process_time() - processor_started)
    base = ""
    for name, times in seconds.items():
        if "," not in name:
            base = name
        ratios = [one / own for one, own in zip(seconds[base], times, strict=True)]
        print(
            f"| {name} | {COUNT / statistics.median(times):,.0f} | {min(processor[name]) / COUNT * 1e6:.1f} | "
            f"**{statistics.median(ratios):.2f}** ({min(ratios):.2f} to {max(ratios):.2f}) |"
        )


def main() -> None:
    """Start a node and measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7)
    rounds = parser.parse_args().rounds
    loop = asyncio.new_event_loop()
    with LocalCluster(heap="1g") as cluster, Client().connect(cluster.addresses) as client:
        blocking = client.get_or_create_cache(CACHE)
        aio_client = AioClient()
        loop.run_until_complete(aio_client.connect(cluster.addresses).__aenter__())
        aio_cache = loop.run_until_complete(aio_client.get_cache(CACHE))
        form = "compiled" if COMPILED else "interpreted"
        print(f"Python {platform.python_version()}, codec {form}, {COUNT:,} operations, {rounds} rounds in turns\n")
        print("| | operations/s | processor, µs | ratio to one by one |\n|---|---|---|---|")
        blocking.put_all({number: works.text(number) for number in range(COUNT)})
        measure({**blocking_forms(blocking), **asyncio_forms(aio_cache, loop)}, rounds)
        loop.run_until_complete(aio_client.close())
    loop.close()


if __name__ == "__main__":
    main()
