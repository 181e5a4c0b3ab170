"""How long entries of a cache live."""

from __future__ import annotations

from datetime import timedelta

from ignite_dbapi.errors import ProgrammingError
from ignite_dbapi.keyvalue.exceptions import ParameterError, combined
from ignite_dbapi.protocol.messages import cache_configuration


class ExpiryPolicy(cache_configuration.ExpiryPolicy):
    """How long entries live after they were created, updated or read: milliseconds, or a ``timedelta``.

    ``UNCHANGED`` (-2, the default) leaves the time as it is, ``ETERNAL`` (-1) is for ever. Anything else below zero
    raises ParameterError, which is a ValueError; what is no number raises one that is a TypeError.
    """

    __slots__ = ()

    def __init__(
        self, *, create: int | timedelta = -2, update: int | timedelta = -2, access: int | timedelta = -2
    ) -> None:
        try:
            super().__init__(create, update, access)
        except ProgrammingError as error:
            is_number = all(type(value) in (int, timedelta) for value in (create, update, access))
            raise combined(ParameterError, ValueError if is_number else TypeError)(
                str(error), code=error.code
            ) from None

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, cache_configuration.ExpiryPolicy):
            return NotImplemented
        return (self.create, self.update, self.access) == (other.create, other.update, other.access)

    def __hash__(self) -> int:
        return hash((self.create, self.update, self.access))
