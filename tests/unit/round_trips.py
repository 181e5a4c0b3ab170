"""Values of the key-value side, to bytes and back."""

from __future__ import annotations

from typing import Any

from ignite_dbapi.keyvalue.datatypes.conversion import to_wire
from ignite_dbapi.keyvalue.presentation import DataClasses
from ignite_dbapi.protocol.codec import (
    Knowledge,
    MissingBinaryType,
    UnregisteredBinaryType,
    Writer,
    decode,
)
from ignite_dbapi.protocol.codec.clock import clock_for


def knowledge(zone: str = "UTC", *, is_compact_footer: bool = True) -> Knowledge:
    return Knowledge(clock_for(zone), False, is_compact_footer, presentation=DataClasses())


def written(wire: Any, known: Knowledge) -> bytes:
    """The bytes of *wire*; its types are registered as an operation would do it."""
    while True:
        writer = Writer(known)
        try:
            writer.value(wire)
            return bytes(writer.buffer)
        except UnregisteredBinaryType as missing:
            known.binary_types.add(missing.binary_type)
        except MissingBinaryType as missing:
            known.binary_types.add_unknown(missing.type_id)


def read(data: bytes, known: Knowledge) -> Any:
    while True:
        try:
            return decode(data, known)
        except MissingBinaryType as missing:
            if missing.schema_id is not None:
                raise
            known.binary_types.add_unknown(missing.type_id)


def round_trip(value: Any, hint: Any = None, zone: str = "UTC") -> Any:
    known = knowledge(zone)
    return read(written(to_wire(value, hint), known), known)
