"""What can be done with an atomic long: a number that the whole cluster shares under a name.

None of it takes part in a transaction: a number that was taken stays taken when the transaction is rolled back.
"""

from __future__ import annotations

from typing import Any, Final, TypeVar

import attrs

from ignite_dbapi.errors import (
    STATUS_RESOURCE_DOES_NOT_EXIST,
    DatabaseError,
    DataError,
    NotSupportedError,
    ProgrammingError,
)
from ignite_dbapi.operations import calls
from ignite_dbapi.operations.session import Session
from ignite_dbapi.protocol.exchange import Operation
from ignite_dbapi.protocol.messages.atomic_longs import (
    AtomicConfiguration,
    AtomicLongAddAndGet,
    AtomicLongCompareAndSet,
    AtomicLongCompareAndSetAndGet,
    AtomicLongCreate,
    AtomicLongExists,
    AtomicLongGet,
    AtomicLongGetAndSet,
    AtomicLongRemove,
    AtomicMode,
)
from ignite_dbapi.protocol.messages.base import Message

AnswerT = TypeVar("AnswerT")

_SMALLEST: Final = -(2**63)
_LARGEST: Final = 2**63 - 1
_UNKNOWN_OPERATION: Final = 2
#: What the server does itself when a client names no configuration.
_DEFAULT_BACKUPS: Final = 1


def _number(what: str, value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not _SMALLEST <= value <= _LARGEST:
        raise DataError(
            f"{what}={value!r} is not a whole number of 64 bits, from {_SMALLEST} to {_LARGEST}",
            code="atomic_long_value",
        )
    return value


@attrs.frozen
class AtomicLongReference:
    """Which atomic long is meant: its *name*, and the *group* that it was created in (None: the server's own)."""

    name: str
    group: str | None = None

    def __attrs_post_init__(self) -> None:
        texts: dict[str, Any] = {"name": self.name}
        if self.group is not None:
            texts["group"] = self.group
        for what, value in texts.items():
            if not isinstance(value, str) or not value:
                raise ProgrammingError(
                    f"{what}={value!r} of an atomic long is not a text of at least one character",
                    code="atomic_long_name",
                )

    def create(
        self, session: Session, initial: int, *, backups: int | None = None, replicated: bool = False
    ) -> Operation[None]:
        """Create it with the value *initial*; where it exists already, nothing changes."""
        configuration = None
        if self.group is not None or backups is not None or replicated:
            if backups is not None and not (type(backups) is int and backups >= 0):
                raise ProgrammingError(
                    f"backups={backups!r} of an atomic long is not a whole number from 0 on", code="atomic_long_backups"
                )
            configuration = AtomicConfiguration(
                mode=AtomicMode.REPLICATED if replicated else AtomicMode.PARTITIONED,
                backups=_DEFAULT_BACKUPS if backups is None else backups,
                group=self.group,
            )
        yield from self._call(session, AtomicLongCreate(self.name, _number("initial", initial), configuration))

    def remove(self, session: Session) -> Operation[None]:
        """Remove it, if there is one."""
        yield from self._call(session, AtomicLongRemove(self.name, self.group))

    def exists(self, session: Session) -> Operation[bool]:
        """Whether there is one."""
        return (yield from self._call(session, AtomicLongExists(self.name, self.group)))

    def get(self, session: Session) -> Operation[int]:
        """The value."""
        return (yield from self._call(session, AtomicLongGet(self.name, self.group)))

    def add_and_get(self, session: Session, amount: int) -> Operation[int]:
        """Add *amount*, and return the value after that."""
        message = AtomicLongAddAndGet(self.name, self.group, operand=_number("amount", amount))
        return (yield from self._call(session, message))

    def get_and_set(self, session: Session, value: int) -> Operation[int]:
        """Set the value, and return the one before."""
        message = AtomicLongGetAndSet(self.name, self.group, operand=_number("value", value))
        return (yield from self._call(session, message))

    def compare_and_set(self, session: Session, expected: int, value: int) -> Operation[bool]:
        """Set the value if it is *expected*, and return whether it was."""
        message = AtomicLongCompareAndSet(
            self.name, self.group, expected=_number("expected", expected), new=_number("value", value)
        )
        return (yield from self._call(session, message))

    def raise_to(self, session: Session, least: int) -> Operation[int]:
        """Set the value to *least* if it is below that, and return what it is then."""
        _number("least", least)
        found = yield from self.get(session)
        while found < least:
            message = AtomicLongCompareAndSetAndGet(self.name, self.group, expected=found, new=least)
            before = yield from self._call(session, message)
            if before == found:
                return least
            found = before
        return found

    def _call(self, session: Session, message: Message[AnswerT]) -> Operation[AnswerT]:
        try:
            return (yield from calls.call(session, message))
        except DatabaseError as error:
            if error.status == _UNKNOWN_OPERATION:
                raise NotSupportedError(
                    f"The server has no atomic longs for thin clients, as Apache Ignite has from 2.13 on ({error})",
                    status=error.status,
                    code="no_atomic_longs",
                ) from error
            if error.status == STATUS_RESOURCE_DOES_NOT_EXIST:
                where = "" if self.group is None else f" in the group {self.group!r}"
                raise ProgrammingError(
                    f"There is no atomic long {self.name!r}{where}: it was never created, or is removed",
                    status=error.status,
                    code="no_such_atomic_long",
                ) from error
            raise
