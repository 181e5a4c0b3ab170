"""What the operations of one connection share."""

from __future__ import annotations

import attrs

from ignite_dbapi.operations.resources import ResourceLedger
from ignite_dbapi.options import ConnectOptions
from ignite_dbapi.protocol.context import Context
from ignite_dbapi.protocol.exchange import Channel, Lock, Pending


@attrs.frozen(eq=False)
class Table:
    """What INSERTs must know of a table: its *columns* in their order, and the Java types of those of its key."""

    columns: tuple[str, ...]
    key_types: dict[str, str]


@attrs.define(eq=False)
class Session:
    """A connection as operations see it: what was agreed on, what is open, what has been learned.

    *resource_lock* is held while a request is sent that opens a cursor, and while leaked cursors are looked
    for, because a number guessed for a leaked cursor must not be given to a new one meanwhile. *transaction_lock*
    is held while a statement runs that may belong to a transaction, and while one ends.
    """

    channel: Channel
    options: ConnectOptions
    context: Context = attrs.field(init=False)
    resource_lock: Lock = attrs.field(init=False)
    transaction_lock: Lock = attrs.field(init=False)
    resources: ResourceLedger = attrs.field(factory=ResourceLedger)
    # Queries whose answers nobody waits for any more, each of which may bring an open cursor.
    abandoned: list[Pending] = attrs.field(factory=list)
    # What the server's list of running queries calls the connection.
    initiator: str | None = None
    # The ids of queries that were killed and what for, as long as the server lists them.
    killed: dict[str, Pending] = attrs.field(factory=dict)
    # The errors of the last commit or rollback, as PEP 249 shows them.
    messages: list[tuple[type[BaseException], BaseException]] = attrs.field(factory=list)
    autocommit: bool = True
    # The transaction that is open, and still good: an id that has ended must never be sent.
    transaction_id: int | None = None
    # When that one times out, by time.monotonic(); a little early, as the server starts to count later.
    transaction_ends_at: float = 0.0
    # What was sent within it and is not waited for any more, though it may still be under way.
    unanswered: list[Pending] = attrs.field(factory=list)
    # The ids of those that were started explicitly, beside the connection's own.
    explicit_transactions: set[int] = attrs.field(factory=set)
    # Requests for such whose answers nobody waits for any more, each of which may bring one that is open.
    abandoned_transactions: list[Pending] = attrs.field(factory=list)
    server_version: str | None = None
    default_query_engine: str | None = None
    query_engines: frozenset[str] | None = None
    # Which of its forms a DELETE or UPDATE starts with, by statement: those before were found to miss its key.
    learned_forms: dict[str, int] = attrs.field(factory=dict)
    # By schema and name, the tables that were asked for, until a statement may have changed them.
    tables: dict[tuple[str, str], Table] = attrs.field(factory=dict)

    def __attrs_post_init__(self) -> None:
        self.context = self.channel.context
        self.resource_lock = self.channel.new_lock()
        self.transaction_lock = self.channel.new_lock()
        self.channel.keep_alive(self)
