"""Which node to connect to next."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ignite_dbapi.options import Address


class RoundRobin(Iterator[Address]):
    """One of *nodes* after the other, and then again from the first.

    *nodes* are pairs (host, port). *max_reconnects* is how many of them are given in all, the first connection
    included; None: without end, so that a client whose nodes are all down tries for ever.
    """

    def __init__(self, nodes: Iterable[Address], max_reconnects: int | None = None) -> None:
        self.nodes = list(nodes)
        self.max_reconnects = max_reconnects
        self.reconnects = 0
        self.node_index = 0

    def __iter__(self) -> RoundRobin:
        return self

    def __next__(self) -> Address:
        if not self.nodes or (self.max_reconnects is not None and self.reconnects >= self.max_reconnects):
            raise StopIteration
        node = self.nodes[self.node_index % len(self.nodes)]
        self.node_index = self.node_index % len(self.nodes) + 1
        self.reconnects += 1
        return node
