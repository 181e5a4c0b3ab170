"""Expiry: entries that vanish by themselves.

Run it with ``python -m examples.keyvalue.expiry_policy [host:port,…]``. The servers have to be 2.11 or newer.
"""

from __future__ import annotations

import time
from datetime import timedelta

from examples.running import Addresses, run_client
from ignite_dbapi.keyvalue import Client
from ignite_dbapi.keyvalue.datatypes import ExpiryPolicy
from ignite_dbapi.keyvalue.datatypes.prop_codes import PROP_EXPIRY_POLICY, PROP_NAME

LIFE = timedelta(seconds=1)


def main(addresses: Addresses) -> None:
    """Let entries expire after they were written, and after they were read."""
    with Client().connect(addresses) as client:
        # For all entries of a cache: a time from when they are created, which updates do not prolong.
        codes = client.create_cache({PROP_NAME: "example codes", PROP_EXPIRY_POLICY: ExpiryPolicy(create=LIFE)})
        codes.put("alice", 271828)
        print("code:", codes.get("alice"))

        # For what is done through one object: here, a time from the last access. Others see the same entries.
        sessions = client.get_or_create_cache("example sessions")
        short = sessions.with_expire_policy(create=LIFE, access=LIFE)
        short.put("bob", "logged in")
        sessions.put("carol", "logged in")
        for _ in range(3):
            time.sleep(LIFE.total_seconds() / 2)
            print("bob is", short.get("bob"))

        print("code, later:", codes.get("alice"))
        time.sleep(1.5 * LIFE.total_seconds())
        print("bob, later:", sessions.get("bob"))
        print("carol, later:", sessions.get("carol"))
        codes.destroy()
        sessions.destroy()


if __name__ == "__main__":
    run_client(main)
