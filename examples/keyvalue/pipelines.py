"""Pipelines: many operations sent without waiting for each answer.

Run it with ``python -m examples.keyvalue.pipelines [host:port,…]``.
"""

from __future__ import annotations

from examples.running import Addresses, run_client
from ignite_dbapi.keyvalue import Client
from ignite_dbapi.keyvalue.exceptions import ParseError


def main(addresses: Addresses) -> None:
    """Count visits, and look up many visitors at once."""
    with Client().connect(addresses) as client:
        visits = client.get_or_create_cache("example visits")

        with visits.pipeline() as pipeline:
            for number in range(1000):
                pipeline.put(f"visitor {number}", number % 7)
            # Operations on one key keep their order.
            pipeline.put("last", "morning")
            pipeline.put("last", "evening")
        print("visitors:", visits.get_size() - 1, "the last one came in the", visits.get("last"))

        with visits.pipeline() as pipeline:
            found = [pipeline.get(f"visitor {number}") for number in range(1000)]
            refused = pipeline.put("broken", object())
            print("refused:", isinstance(refused.exception(), ParseError))
        print("visits:", sum(each.result() for each in found))
        visits.destroy()


if __name__ == "__main__":
    run_client(main)
