"""Keeps the server's cursors of one connection from leaking.

The server numbers whatever it holds for a connection 1, 2, 3, … A SELECT that fails while its first rows are made
has a number already, but the error does not tell it; after 128 of them the connection is dead. As every
successful answer does tell its number, the leaked ones can be worked out and closed.
"""

from __future__ import annotations

from collections import deque


class ResourceLedger:
    """Which numbers the server has given out, and which of them nobody got to know."""

    def __init__(self) -> None:
        self.last_id = 0
        self.in_flight = 0
        # Cursors whose owner was garbage collected; deque.append is atomic, so __del__ may use it.
        self.orphans: deque[int] = deque()
        self._suspects = 0
        self._gaps: set[int] = set()

    def opening(self) -> None:
        """A request that makes the server open something was sent."""
        self.in_flight += 1

    def opened(self, resource_id: int) -> None:
        """It was answered with *resource_id*."""
        self.in_flight -= 1
        if resource_id > self.last_id:
            self._gaps.update(range(self.last_id + 1, resource_id))
            self.last_id = resource_id
        else:
            self._gaps.discard(resource_id)
        self._settle()

    def failed(self, *, may_leak: bool) -> None:
        """It was answered with an error, or never; *may_leak* says whether a cursor may be left open."""
        self.in_flight -= 1
        self._suspects += may_leak
        self._settle()

    def _settle(self) -> None:
        if not self.in_flight and not self._suspects:
            self._gaps.clear()

    @property
    def must_probe(self) -> bool:
        """Whether something may have leaked and nothing is under way that could be mistaken for it."""
        return self._suspects > 0 and self.in_flight == 0

    def suspicious_ids(self) -> list[int]:
        """The numbers to try to close, in order; those after the last known one end at the first unknown."""
        beyond = max(self._suspects - len(self._gaps), 0)
        return [*sorted(self._gaps), *range(self.last_id + 1, self.last_id + 1 + beyond)]

    def probed(self, resource_id: int, *, existed: bool) -> None:
        """*resource_id* was tried: the server had it open, or not."""
        if existed and resource_id > self.last_id:
            self.last_id = resource_id

    def cleared(self) -> None:
        """All suspicious numbers were tried."""
        self._suspects = 0
        self._gaps.clear()
