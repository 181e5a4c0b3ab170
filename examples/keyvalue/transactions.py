"""Transactions: several entries change together or not at all.

Run it with ``python -m examples.keyvalue.transactions [host:port,…]``.
"""

from __future__ import annotations

import asyncio

from examples.running import Addresses, run_client
from ignite_dbapi.keyvalue import AioClient, Client
from ignite_dbapi.keyvalue.datatypes import TransactionConcurrency, TransactionIsolation
from ignite_dbapi.keyvalue.datatypes.cache_config import CacheAtomicityMode
from ignite_dbapi.keyvalue.datatypes.prop_codes import PROP_CACHE_ATOMICITY_MODE, PROP_NAME
from ignite_dbapi.keyvalue.exceptions import CacheError

# Only caches of this mode take part; others change at once.
ACCOUNTS = {PROP_NAME: "example accounts", PROP_CACHE_ATOMICITY_MODE: CacheAtomicityMode.TRANSACTIONAL}


def main(addresses: Addresses) -> None:
    """Move money."""
    with Client().connect(addresses) as client:
        accounts = client.get_or_create_cache(ACCOUNTS)
        accounts.put_all({"ann": 100, "ben": 20})

        transfer(client, "ann", "ben", 70)
        print("after 70:", accounts.get_all(["ann", "ben"]))
        transfer(client, "ann", "ben", 70)
        print("after 70 more:", accounts.get_all(["ann", "ben"]))

        conflict(addresses, client)
        print("after a conflict:", accounts.get("ann"))
        asyncio.run(transfer_back(addresses))
        print("after 70 back:", accounts.get_all(["ann", "ben"]))
        accounts.destroy()


def transfer(client: Client, source: str, target: str, amount: int) -> None:
    """Move *amount*, if there is as much."""
    accounts = client.get_cache("example accounts")
    # What was read stays locked until the end, which comes within 1000 ms in any case.
    with client.tx_start(timeout=1000, label="transfer") as transaction:
        left = accounts.get(source) - amount
        accounts.put(source, left)
        accounts.put(target, accounts.get(target) + amount)
        if left < 0:
            # Leaving the block without a commit rolls back, as an exception does.
            print("refused:", f"{source} would have {left}")
            return
        transaction.commit()


def conflict(addresses: Addresses, client: Client) -> None:
    """An OPTIMISTIC transaction locks nothing, and fails at its end if somebody else was faster."""
    accounts = client.get_cache("example accounts")
    with Client().connect(addresses) as other:
        try:
            with client.tx_start(TransactionConcurrency.OPTIMISTIC, TransactionIsolation.SERIALIZABLE) as transaction:
                accounts.put("ann", accounts.get("ann") + 1)
                other.get_cache("example accounts").put("ann", 50)
                transaction.commit()
        except CacheError as error:
            print("failed:", type(error).__name__)


async def transfer_back(addresses: Addresses) -> None:
    """The same with asyncio."""
    async with AioClient().connect(addresses) as client:
        accounts = await client.get_cache("example accounts")
        async with client.tx_start() as transaction:
            await accounts.put("ann", await accounts.get("ann") + 70)
            await accounts.put("ben", await accounts.get("ben") - 70)
            await transaction.commit()


if __name__ == "__main__":
    run_client(main)
