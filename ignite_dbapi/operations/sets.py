"""Sets that the cluster keeps under a name."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ignite_dbapi.errors import ProgrammingError
from ignite_dbapi.operations import calls
from ignite_dbapi.operations.results import PagedResult
from ignite_dbapi.operations.session import Session
from ignite_dbapi.protocol.exchange import Operation
from ignite_dbapi.protocol.messages import sets as messages
from ignite_dbapi.protocol.messages.sets import SetConfiguration, SetReference

__all__ = ["SetConfiguration", "SetItems", "SetReference"]


def get(session: Session, name: str) -> Operation[SetReference | None]:
    """The set *name*, or None."""
    return calls.call(session, messages.SetGetOrCreate(_checked(name)))


def get_or_create(
    session: Session, name: str, configuration: SetConfiguration | None = None
) -> Operation[SetReference]:
    """The set *name*, created by *configuration* if it does not exist.

    DatabaseError if there is one that is collocated, or is not, other than *configuration* says.
    """
    reference = yield from calls.call(
        session, messages.SetGetOrCreate(_checked(name), configuration or SetConfiguration())
    )
    assert reference is not None
    return reference


def remove_whole(session: Session, reference: SetReference) -> Operation[None]:
    """Remove the set itself, with all its items. Removing one that is removed already does nothing."""
    yield from calls.call(session, messages.SetRemoveWhole(reference))


def exists(session: Session, reference: SetReference) -> Operation[bool]:
    """Whether the set was not removed since."""
    return calls.call(session, messages.SetExists(reference))


def size(session: Session, reference: SetReference) -> Operation[int]:
    """The number of items."""
    return calls.call(session, messages.SetSize(reference))


def clear(session: Session, reference: SetReference) -> Operation[None]:
    """Remove all items."""
    return calls.call(session, messages.SetClear(reference))


def add(session: Session, reference: SetReference, item: Any) -> Operation[bool]:
    """Add *item*; tells whether it was not there yet."""
    return calls.call(session, messages.SetAdd(reference, item))


def remove(session: Session, reference: SetReference, item: Any) -> Operation[bool]:
    """Remove *item*; tells whether it was there."""
    return calls.call(session, messages.SetRemove(reference, item))


def contains(session: Session, reference: SetReference, item: Any) -> Operation[bool]:
    """Whether *item* is there."""
    return calls.call(session, messages.SetContains(reference, item))


def add_all(session: Session, reference: SetReference, items: Iterable[Any]) -> Operation[bool]:
    """Add *items*; tells whether any of them was not there yet."""
    return calls.call(session, messages.SetAddAll(reference, list(items)))


def remove_all(session: Session, reference: SetReference, items: Iterable[Any]) -> Operation[bool]:
    """Remove *items*; tells whether any of them was there."""
    return calls.call(session, messages.SetRemoveAll(reference, list(items)))


def contains_all(session: Session, reference: SetReference, items: Iterable[Any]) -> Operation[bool]:
    """Whether all of *items* are there."""
    return calls.call(session, messages.SetContainsAll(reference, list(items)))


def retain_all(session: Session, reference: SetReference, items: Iterable[Any]) -> Operation[bool]:
    """Remove all but *items*; tells whether any other was there."""
    return calls.call(session, messages.SetRetainAll(reference, list(items)))


class SetItems:
    """The items of a set, fetched page by page, the next one ahead."""

    def __init__(
        self, session: Session, reference: SetReference, page_size: int = 1024, *, lossless: bool = False
    ) -> None:
        if not 0 < page_size < 1 << 31:
            raise ProgrammingError(f"page size of {page_size}; at least 1 item fits", code="invalid_size")
        self._session = session
        self._reference = reference
        self._page_size = page_size
        self._lossless = lossless
        self._result: PagedResult | None = None
        self.is_closed = False

    def fetch(self, count: int | None = None) -> Operation[list[Any]]:
        """The next *count* items, or all; fewer at the end."""
        if self.is_closed:
            return []
        if self._result is None:
            start = messages.SetIteratorStart(self._reference, self._page_size, self._lossless)
            # The server counts an iterator only once it has a first page that is not the last.
            answer = yield from calls.query(self._session, start, may_leak=False)
            next_page = messages.SetIteratorPage(answer.cursor_id, self._page_size, self._lossless)
            self._result = PagedResult(self._session, answer, next_page)
        rows = yield from self._result.fetch(count)
        return [item for (item,) in rows]

    def close(self) -> Operation[None]:
        """Free the iterator on the server. May be called again."""
        self.is_closed = True
        result, self._result = self._result, None
        if result is not None:
            yield from result.close()


def _checked(name: str) -> str:
    if not name:
        raise ProgrammingError(f"{name!r} is not the name of a set: a text that is not empty is", code="invalid_name")
    return name
