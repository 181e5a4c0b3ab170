"""Waiting until a cluster has come to rest after a cache was made or dropped."""

from __future__ import annotations

import ignite_dbapi


def settle(url: str, change: str) -> None:
    """Wait until *change*, which changes nothing in effect even if it is carried out, needs no time in a transaction.

    One right after CREATE TABLE may wait for the cluster, which waits for the transaction, until that times out.
    """
    for _ in range(20):
        with ignite_dbapi.connect(url, autocommit=False, transaction_timeout=1) as connection:
            try:
                connection.execute(change)
            except ignite_dbapi.OperationalError:
                connection.rollback()
            else:
                connection.rollback()
                return
    raise AssertionError("the cluster does not come to rest")
