"""What tests of the operations of caches run them with."""

from __future__ import annotations

from typing import Any

import ignite_dbapi
from ignite_dbapi.operations import explicit_transactions
from ignite_dbapi.operations.cache import CacheAccess
from ignite_dbapi.operations.explicit_transactions import ExplicitTransaction
from ignite_dbapi.operations.scans import ScanState

THOUSAND = [(number, f"v{number}") for number in range(1000)]


class Client:
    """Runs operations on a connection."""

    def __init__(self, connection: ignite_dbapi.Connection) -> None:
        self.connection = connection
        self.session = connection._session

    def run(self, operation: Any, *arguments: Any, **options: Any) -> Any:
        return self.connection._run(operation(self.session, *arguments, **options))

    def scan(self, cache: CacheAccess, **options: Any) -> list[tuple[Any, Any]]:
        entries: list[tuple[Any, Any]] = self.connection._run(ScanState(self.session, cache, **options).fetch())
        return entries

    def start(self, *arguments: Any, **options: Any) -> ExplicitTransaction:
        transaction: ExplicitTransaction = self.run(explicit_transactions.start, *arguments, **options)
        return transaction

    def end(self, transaction: ExplicitTransaction, *, commit: bool) -> None:
        self.connection._run(explicit_transactions.end(transaction, commit=commit))
