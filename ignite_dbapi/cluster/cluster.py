"""The nodes of a cluster: which of them an operation goes to, and what happens when one is lost.

Everything here is written as operations, so that it exists once for both kinds of waiting.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator, Mapping
from enum import Enum
from typing import Any, Final, Protocol, TypeVar
from uuid import UUID

import attrs

from ignite_dbapi.cluster.affinity import Placement, Placements
from ignite_dbapi.cluster.connecting import HOPELESS, all_failed, connect_to
from ignite_dbapi.errors import STATUS_INVALID_NODE_STATE, DatabaseError, Error, OperationalError, ProtocolError
from ignite_dbapi.operations import calls, facts
from ignite_dbapi.operations.cluster_state import endpoints
from ignite_dbapi.operations.facts import initial_knowledge
from ignite_dbapi.operations.session import Session
from ignite_dbapi.options import Address, ConnectOptions
from ignite_dbapi.protocol.codec import MissingFact
from ignite_dbapi.protocol.codec.knowledge import BinaryTypes, Knowledge
from ignite_dbapi.protocol.context import VERSION_WITH_FLAGS, Feature
from ignite_dbapi.protocol.exchange import Acquire, Lock, Operation
from ignite_dbapi.protocol.messages.affinity import CachePartitions

T = TypeVar("T")

# Seconds before a node that could not be connected to is tried again, as long as others do its work.
_FIRST_PAUSE: Final = 0.5
_LONGEST_PAUSE: Final = 30.0


@attrs.frozen
class Anywhere:
    """Target: any node."""


ANYWHERE: Final = Anywhere()


# Made for every operation on an entry, and made faster than frozen classes are.
@attrs.define(eq=False)
class Entry:
    """Target: the node that holds the entry *key* of a cache."""

    cache_id: int
    key: Any


@attrs.frozen
class Partition:
    """Target: the node that holds a *partition* of a cache."""

    cache_id: int
    partition: int


@attrs.frozen
class OnNode:
    """Target: this node and no other."""

    node_id: UUID


@attrs.frozen
class OnSession:
    """Target: this connection and no other, because of what the server holds for it."""

    session: Session


Target = Anywhere | Entry | Partition | OnNode | OnSession


class RetryPolicy(Enum):
    """Whether an operation whose connection was lost is tried again on another one.

    ``READS``: operations that change nothing are. ``NEVER``: the error always reaches the caller.
    """

    READS = "reads"
    NEVER = "never"


class Router(Protocol):
    """Runs operations on the right connection."""

    knowledge: Knowledge

    def call(
        self,
        operation: Callable[..., Operation[T]],
        target: Target = ANYWHERE,
        *,
        arguments: tuple[Any, ...] = (),
        is_idempotent: bool = False,
    ) -> Operation[T]:
        """Run *operation*, with a session and *arguments*, on the connection that *target* asks for."""

    def session(self, target: Target = ANYWHERE) -> Operation[Session]:
        """The connection that *target* asks for."""

    def close(self) -> None:
        """Close what was opened."""


class SingleNode:
    """A router with one connection, which belongs to somebody else and is not replaced when it is lost."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self.knowledge = session.context.knowledge

    def call(
        self,
        operation: Callable[..., Operation[T]],
        target: Target = ANYWHERE,
        *,
        arguments: tuple[Any, ...] = (),
        is_idempotent: bool = False,
    ) -> Operation[T]:
        """Run *operation* on the one connection."""
        return guarded(self._session, operation, arguments)

    def session(self, target: Target = ANYWHERE) -> Operation[Session]:
        """The one connection."""
        return self._session
        yield  # an operation, though one that needs nothing

    def close(self) -> None:
        """Leave the connection open: it is not the router's."""


class Listener:
    """Is told what happens to the connections of a cluster; by default it does nothing."""

    def connecting(self, address: Address) -> None:
        """A node is about to be connected to."""

    def connected(self, session: Session) -> None:
        """A node was connected to."""

    def connect_failed(self, address: Address, error: Error) -> None:
        """A node could not be connected to."""

    def lost(self, session: Session, error: Error) -> None:
        """A connection broke."""

    def closed(self, session: Session) -> None:
        """A connection was closed."""


@attrs.define(eq=False)
class Node:
    """A node, by the *addresses* that lead to it, and the connection to it if there is one."""

    addresses: tuple[Address, ...]
    lock: Lock
    node_id: UUID | None = None
    session: Session | None = None
    pause: float = 0.0
    # Not to be tried again before this moment of time.monotonic(), as long as there are others.
    retry_at: float = 0.0

    @property
    def is_connected(self) -> bool:
        """Whether there is a connection, and it is not known to be broken."""
        return self.session is not None and self.session.channel.failure is None


class Cluster:
    """Connections to the nodes of a cluster, opened when they are needed and replaced when they are lost.

    With *partition_awareness* an operation on an entry goes to the node that holds it, and other nodes than those of
    *options* are found by asking the cluster (*discovery*). Without it one connection serves everything, and the
    other addresses are there to fail over to. *node_order*, if given, says which address to try next whenever a
    connection is needed and there is none; its end is the end of trying.
    """

    def __init__(
        self,
        options: ConnectOptions,
        attributes: Mapping[str, str],
        *,
        new_lock: Callable[[], Lock],
        partition_awareness: bool = True,
        discovery: bool = True,
        retry_policy: RetryPolicy = RetryPolicy.READS,
        node_order: Iterator[Address] | None = None,
        listener: Listener | None = None,
    ) -> None:
        self.options = options
        self.knowledge = initial_knowledge(options.timezone)
        self.partition_awareness = partition_awareness
        self.retry_policy = retry_policy
        self.is_closed = False
        self._attributes = attributes
        self._discovery = discovery and partition_awareness
        self._node_order = node_order
        self._node_order_lock = new_lock()
        self._listener = listener or Listener()
        self._new_lock = new_lock
        # Addresses that the user gave: whoever answers there is meant.
        self._named = set(options.addresses)
        self._nodes = [Node((address,), new_lock()) for address in dict.fromkeys(options.addresses)]
        self._placements = Placements()
        # Where something was changed last. Copies on other nodes may lag behind, so that it is read from there.
        self._changed_on: Session | None = None
        # Held while the cluster is asked for its nodes and partitions, so that one caller does it for all.
        self._topology_lock = new_lock()
        self._topology_version = (0, 0)
        self._endpoints_version = -1

    # --- what there is ------------------------------------------------------------------------------------------

    @property
    def sessions(self) -> list[Session]:
        """The open connections."""
        return [node.session for node in self._nodes if node.session is not None and node.is_connected]

    @property
    def addresses(self) -> list[Address]:
        """The addresses of all nodes that are known."""
        return [address for node in self._nodes for address in node.addresses]

    # --- running operations -------------------------------------------------------------------------------------

    def call(
        self,
        operation: Callable[..., Operation[T]],
        target: Target = ANYWHERE,
        *,
        arguments: tuple[Any, ...] = (),
        is_idempotent: bool = False,
    ) -> Operation[T]:
        """Run *operation* on the connection that *target* asks for.

        If the connection is lost before anything was sent, another one is taken. If it is lost later, the outcome is
        unknown and the error says so, unless the operation *is_idempotent* and the retry policy allows to try again.
        """
        tries = 0
        lost: Error | None = None
        while True:
            preferred = self._changed_on if is_idempotent else None
            try:
                session = self._at_hand(target, preferred) or (yield from self.session(target, preferred))
            except Error as error:
                if lost is not None and error.code == "reconnect_failed":
                    # What became of this operation; that no node is left is for the next one to find out.
                    raise lost from lost.__cause__
                raise
            try:
                result = yield from operation(session, *arguments)
                if not is_idempotent:
                    self._changed_on = session
                return result
            except Error as error:
                if isinstance(error, ProtocolError):
                    session.channel.give_up(error, "reading an answer")
                if not error.is_connection_lost and error.status != STATUS_INVALID_NODE_STATE:
                    raise
                self._lost(session, error)
                lost = None if error.is_unsent else error
                tries += 1
                if (
                    tries > len(self._nodes)
                    or isinstance(target, OnSession)
                    or not self._may_retry(error, target, is_idempotent)
                ):
                    raise

    def _may_retry(self, error: Error, target: Target, is_idempotent: bool) -> bool:
        if self.is_closed or isinstance(error, ProtocolError) or isinstance(target, OnSession):
            return False
        if error.is_unsent:
            return True
        # Who has waited as long as the options allow is not to wait once more.
        has_timed_out = isinstance(error.__cause__, TimeoutError)
        return is_idempotent and self.retry_policy is RetryPolicy.READS and not has_timed_out

    def _at_hand(self, target: Target, preferred: Session | None) -> Session | None:
        """What :meth:`session` gives, if that is known without waiting for anything; otherwise None."""
        kind = type(target)
        if kind is OnSession:
            return target.session  # type: ignore[union-attr]
        if kind is OnNode:
            return None
        found = None
        is_alone = len(self._nodes) == 1
        for node in self._nodes:
            session = node.session
            if session is None:
                continue
            exchange = session.channel.exchange
            if exchange.failure is not None:
                continue
            if self.partition_awareness and exchange.topology_version > self._topology_version:
                return None
            if is_alone:
                return session
            if found is None or session is preferred:
                found = session
        if self.partition_awareness and isinstance(target, (Entry, Partition)):
            return self._primary_at_hand(target)
        # Any of several is for session() to choose.
        return found if found is preferred else None

    def _primary_at_hand(self, target: Entry | Partition) -> Session | None:
        if target.cache_id not in self._placements:
            return None
        placement = self._placements[target.cache_id]
        if placement is None:
            return None
        if isinstance(target, Partition):
            partition: int | None = target.partition
        else:
            try:
                partition = placement.partition_of(target.key, self.knowledge)
            except (MissingFact, TypeError):
                return None
        node = self._known(placement.node_of(partition)) if partition is not None else None
        return node.session if node is not None and node.is_connected else None

    def session(self, target: Target = ANYWHERE, preferred: Session | None = None) -> Operation[Session]:
        """The connection that *target* asks for, opened if need be; where any will do, the *preferred* one if open."""
        if isinstance(target, OnSession):
            return target.session
        if isinstance(target, OnNode):
            return (yield from self._session_of(target.node_id))
        if self.partition_awareness:
            yield from self._follow_topology()
            if not isinstance(target, Anywhere) and len(self._nodes) > 1:
                session = yield from self._primary(target)
                if session is not None:
                    return session
        return (yield from self._any(preferred))

    def close(self) -> None:
        """Close all connections. The cluster cannot be used afterwards."""
        self.is_closed = True
        for session in self.sessions:
            session.channel.close()
            self._listener.closed(session)

    # --- connecting ---------------------------------------------------------------------------------------------

    def connect(self) -> Operation[None]:
        """Connect to the nodes of the options: to all of them with partition awareness, else to the first one.

        One is enough. Raises OperationalError if none answers.
        """
        if self._node_order is not None:
            yield from self._any()
            return
        failures: list[Error] = []
        for node in list(self._nodes):
            try:
                yield from self._open(node)
            except Error as error:
                if error.code in HOPELESS:
                    raise
                failures.append(error)
            else:
                if not self.partition_awareness:
                    break
        if not self.sessions:
            raise all_failed(failures)
        if self.partition_awareness:
            yield from self._follow_topology()

    def _open(self, node: Node) -> Operation[Session]:
        """The connection to *node*, opened if need be. Whoever comes second waits and finds it open."""
        yield Acquire(node.lock)
        try:
            if node.session is not None and node.is_connected:
                return node.session
            failures: list[Error] = []
            for address in node.addresses:
                try:
                    session = yield from self._connect(address)
                except Error as error:
                    self._listener.connect_failed(address, error)
                    if error.code in HOPELESS:
                        raise
                    failures.append(error)
                    continue
                if address not in self._named and session.context.node_id != node.node_id:
                    # Nodes announce addresses such as 127.0.0.1, where somebody else may be seen from here.
                    session.channel.close()
                    failures.append(_not_there(address, node.node_id))
                    continue
                node.session, node.node_id = session, session.context.node_id
                node.pause = node.retry_at = 0.0
                if self.is_closed:
                    # By another thread, which has not seen this connection any more.
                    session.channel.close()
                self._check_open()
                return session
            node.pause = min(max(node.pause * 2, _FIRST_PAUSE), _LONGEST_PAUSE)
            node.retry_at = time.monotonic() + node.pause
            raise all_failed(failures)
        finally:
            node.lock.release()

    def _connect(self, address: Address) -> Operation[Session]:
        self._check_open()
        self._listener.connecting(address)
        channel = yield from connect_to(self.options, address, self._attributes)
        if not self.sessions:
            self._forget()
        channel.context.knowledge = self.knowledge
        session = Session(channel, self.options)
        if self.is_closed:
            channel.close()
        self._check_open()
        self._listener.connected(session)
        return session

    def _forget(self) -> None:
        """Without a connection all nodes may be restarted meanwhile, and know nothing of what was before."""
        self.knowledge.binary_types = BinaryTypes()
        self._placements = Placements()
        self._topology_version = (0, 0)
        self._endpoints_version = -1

    def _check_open(self) -> None:
        if self.is_closed:
            raise OperationalError("the client is closed", code="connection_closed", is_connection_lost=True)

    def _any(self, preferred: Session | None = None) -> Operation[Session]:
        """Some connection: the *preferred* one if it is open, or else any that is, or else a new one."""
        self._check_open()
        sessions = self.sessions
        if preferred is not None and preferred in sessions:
            return preferred
        if sessions:
            return random.choice(sessions)  # noqa: S311 - to spread the load
        failures: list[Error] = []
        # Those first that failed least recently.
        known = iter(sorted(self._nodes, key=lambda node: node.retry_at))
        while True:
            node = next(known, None) if self._node_order is None else (yield from self._next_in_order(self._node_order))
            if node is None:
                break
            try:
                return (yield from self._open(node))
            except Error as error:
                failures.append(error)
        raise OperationalError(
            "no node of the cluster can be connected to"
            + (f": {'; '.join(str(failure) for failure in failures)}" if failures else " any more"),
            code="reconnect_failed",
            is_connection_lost=True,
        )

    def _next_in_order(self, order: Iterator[Address]) -> Operation[Node | None]:
        # A generator may be asked by one thread at a time.
        yield Acquire(self._node_order_lock)
        try:
            address = next(order, None)
        finally:
            self._node_order_lock.release()
        if address is None:
            return None
        self._named.add(address)
        return self._node_at((address,))

    def _node_at(self, addresses: tuple[Address, ...], node_id: UUID | None = None) -> Node:
        node = self._known(node_id)
        if node is None:
            nameless = (node for node in self._nodes if node.node_id is None)
            node = next((node for node in nameless if set(node.addresses) & set(addresses)), None)
        if node is None:
            node = Node(addresses, self._new_lock())
            self._nodes.append(node)
        return node

    def _lost(self, session: Session, error: Error) -> None:
        for node in self._nodes:
            if node.session is session:
                node.session = None
                self._listener.lost(session, error)
        if session.channel.failure is None:
            # A node that stops answers as long as it can.
            session.channel.give_up(error, "running an operation")

    # --- topology -----------------------------------------------------------------------------------------------

    def _follow_topology(self) -> Operation[None]:
        """Find out about nodes that came and went, if an answer has told that some did."""
        if not self._is_outdated():
            return
        yield Acquire(self._topology_lock)
        try:
            if not self._is_outdated():
                return
            followed, self._topology_version = self._topology_version, self._newest_version()
            self._placements.outdated(self._topology_version)
            is_done = not self._discovery
            try:
                is_done = is_done or (yield from self._discover())
            finally:
                if not is_done:
                    # Left to the next operation.
                    self._topology_version = min(followed, self._topology_version)
        finally:
            self._topology_lock.release()

    def _newest_version(self) -> tuple[int, int]:
        return max((session.channel.exchange.topology_version for session in self.sessions), default=(0, 0))

    def _is_outdated(self) -> bool:
        return self._newest_version() > self._topology_version

    def _discover(self) -> Operation[bool]:
        """Ask the cluster for its nodes; False if the connection was lost meanwhile."""
        session = next(iter(self.sessions), None)
        if session is None or not session.context.has(Feature.CLUSTER_GROUP_GET_NODES_ENDPOINTS):
            return True
        try:
            answer = yield from endpoints(session, self._endpoints_version)
        except DatabaseError as error:
            # Only an optimisation, without which every node is still reached by way of another.
            return not error.is_connection_lost
        self._endpoints_version = answer.topology_version
        gone = set(answer.removed)
        for node in self._nodes:
            if node.node_id in gone:
                node.node_id = None
        for found in answer.added:
            addresses = tuple((address, found.port) for address in found.addresses)
            node = self._node_at(addresses, found.node_id)
            node.node_id = found.node_id
            node.addresses = tuple(dict.fromkeys((*node.addresses, *addresses)))
        self._nodes = [
            node
            for node in self._nodes
            if node.node_id is not None or node.is_connected or self._named.intersection(node.addresses)
        ]
        return True

    def _primary(self, target: Entry | Partition) -> Operation[Session | None]:
        """The connection to the node that holds *target*; None if it is not known or cannot be connected to."""
        placement = yield from self._placement(target.cache_id)
        if placement is None:
            return None
        if isinstance(target, Partition):
            partition: int | None = target.partition
        else:
            partition = yield from self._partition_of(placement, target.key)
        node_id = placement.node_of(partition) if partition is not None else None
        node = self._known(node_id)
        if node is None:
            return None
        if node.is_connected:
            return node.session
        if time.monotonic() < node.retry_at:
            return None
        try:
            return (yield from self._open(node))
        except Error:
            # Any other node passes the operation on to the right one; if there is none, that will be the error.
            return None

    def _partition_of(self, placement: Placement, key: Any) -> Operation[int | None]:
        while True:
            try:
                return placement.partition_of(key, self.knowledge)
            except MissingFact as missing:
                fact = missing
            except TypeError:
                # No Java hash code is known: the server has to say what it thinks of such a key.
                return None
            session = yield from self._any()
            yield from facts.learn(session, fact)

    def _known(self, node_id: UUID | None) -> Node | None:
        if node_id is None:
            return None
        return next((node for node in self._nodes if node.node_id == node_id), None)

    def _session_of(self, node_id: UUID) -> Operation[Session]:
        node = self._known(node_id)
        if node is None:
            raise OperationalError(f"no node {node_id} is known", code="unknown_node", is_connection_lost=False)
        return (yield from self._open(node))

    def _placement(self, cache_id: int) -> Operation[Placement | None]:
        if cache_id in self._placements:
            return self._placements[cache_id]
        # A cache that was created a moment ago is known where that was done.
        session = yield from self._any(self._changed_on)
        if session.context.version < VERSION_WITH_FLAGS:
            return None
        yield Acquire(self._topology_lock)
        try:
            if cache_id not in self._placements:
                try:
                    affinity = yield from calls.call(session, CachePartitions([cache_id]))
                except DatabaseError as error:
                    if error.is_connection_lost:
                        self._lost(session, error)
                    # An inactive cluster has no partitions; the operation itself will say so.
                    return None
                self._placements.add(affinity, cache_id)
            return self._placements[cache_id]
        finally:
            self._topology_lock.release()


def _not_there(address: Address, node_id: UUID | None) -> Error:
    return OperationalError(
        f"{address[0]}:{address[1]} is another node than {node_id}", code="connect_failed", is_connection_lost=True
    )


def guarded(session: Session, operation: Callable[..., Operation[T]], arguments: tuple[Any, ...] = ()) -> Operation[T]:
    """Run *operation*, and give its connection up if an answer turns out to be broken."""
    try:
        return (yield from operation(session, *arguments))
    except ProtocolError as error:
        session.channel.give_up(error, "reading an answer")
        raise


__all__ = [
    "ANYWHERE",
    "Anywhere",
    "Cluster",
    "Entry",
    "Listener",
    "Node",
    "OnNode",
    "OnSession",
    "Partition",
    "RetryPolicy",
    "Router",
    "SingleNode",
    "Target",
    "guarded",
]
