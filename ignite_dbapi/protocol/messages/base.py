"""What every message is: an operation code, how its fields are written, how its answer is read."""

from __future__ import annotations

from typing import Any, ClassVar, Generic, TypeVar

from ignite_dbapi.protocol.codec import Reader, Writer
from ignite_dbapi.protocol.context import Context

AnswerT = TypeVar("AnswerT")


class Message(Generic[AnswerT]):
    """A request of a client. Subclasses are attrs classes with the protocol's own field names.

    They let attrs make neither equality, which nothing asks for, nor a repr, which is here: both would be half of
    the time that it takes to import one.
    """

    op_code: ClassVar[int]
    # Whether the answer starts with the id of something that the server will send notifications of.
    opens_subscription: ClassVar[bool] = False
    # Whether there is anything to decode in the answer: classes that have a decode() of their own.
    has_answer: ClassVar[bool] = False

    __slots__ = ()

    def __init_subclass__(cls, **arguments: Any) -> None:
        super().__init_subclass__(**arguments)
        cls.has_answer = cls.decode is not Message.decode

    def __repr__(self) -> str:
        fields = (
            f"{field.name}={getattr(self, field.name)!r}"
            for field in getattr(self, "__attrs_attrs__", ())
            if field.repr
        )
        return f"{type(self).__qualname__}({', '.join(fields)})"

    def encode(self, writer: Writer, context: Context) -> None:
        """Write the fields that follow the request header. By default there are none."""

    def decode(self, reader: Reader, context: Context) -> AnswerT:
        """Read the answer's payload. By default it is empty and means None."""
        return None  # type: ignore[return-value]
