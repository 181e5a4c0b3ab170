"""Failover: a program that goes on while nodes of the cluster die and come back.

Run it with ``python -m examples.keyvalue.failover host:port,host:port,host:port [seconds]``, and stop and start nodes
in the meantime; without arguments it does so itself, with three nodes of its own.
"""

from __future__ import annotations

import sys
import time
from threading import Thread

from examples.running import Addresses, parsed
from ignite_dbapi.keyvalue import Client
from ignite_dbapi.keyvalue.connection.generators import RoundRobin
from ignite_dbapi.keyvalue.datatypes.cache_config import CacheMode, WriteSynchronizationMode
from ignite_dbapi.keyvalue.datatypes.prop_codes import PROP_CACHE_MODE, PROP_NAME, PROP_WRITE_SYNCHRONIZATION_MODE
from ignite_dbapi.keyvalue.exceptions import SocketError
from ignite_dbapi.local import LocalCluster


def main(addresses: Addresses, seconds: float = 60.0, *, in_turns: bool = False) -> int:
    """Count for some *seconds*, whatever happens to the nodes; returns how often the count was written.

    With *in_turns* the client uses one node at a time and goes to the next when that is lost; otherwise it is connected
    to all of them, and asks each for the entries that it keeps.
    """
    client = Client(timeout=4.0, partition_aware=not in_turns)
    with client.connect(RoundRobin(addresses, max_reconnects=20) if in_turns else addresses):
        print(f"Connected to {client}")
        # On every node before a write is confirmed, so that no count is lost with one of them.
        counts = client.get_or_create_cache(
            {
                PROP_NAME: "example counts",
                PROP_CACHE_MODE: CacheMode.REPLICATED,
                PROP_WRITE_SYNCHRONIZATION_MODE: WriteSynchronizationMode.FULL_SYNC,
            }
        )
        counts.put("count", 0)
        written = 0
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            time.sleep(0.005)  # as a program that does something else as well
            try:
                counts.put("count", counts.get("count") + 1)
                written += 1
            except (OSError, SocketError) as error:
                # The write under way has happened or not; reading tells which, on another connection.
                print(f"Error: {error}")
                print(f"Last value: {counts.get('count')}, written: {written}")
                print(f"Reconnected to {client}")
        print(f"Counted to {counts.get('count')} over {client}")
        counts.destroy()
    return written


def disturb(cluster: LocalCluster) -> None:
    """Kill one node after the other, and start it again."""
    for node in cluster.nodes:
        time.sleep(3)
        node.kill()
        time.sleep(3)
        node.start()


if __name__ == "__main__":
    if len(sys.argv) > 1:
        main(parsed(sys.argv[1]), *map(float, sys.argv[2:]))
    else:
        with LocalCluster(nodes=3) as three_nodes:
            trouble = Thread(target=disturb, args=(three_nodes,))
            trouble.start()
            main(three_nodes.addresses, 45.0)
            trouble.join()
