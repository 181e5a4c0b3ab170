"""What rows of a table consist of, and the blocks of rows that are encoded: as sequences, or column by column."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import attrs

# How the values of a column in a ColumnBlock lie in memory: as Arrow has them.
OBJECTS: Final = 0
INTEGERS: Final = 1
FLOATS: Final = 2
BOOLEANS: Final = 3
TEXTS: Final = 4
BINARIES: Final = 5
UUIDS: Final = 6
DECIMALS: Final = 7
INSTANTS: Final = 8
DAYS: Final = 9
TIMES: Final = 10

# Bytes of one value where all are of one size.
VALUE_SIZES: Final = {INTEGERS: 8, FLOATS: 8, UUIDS: 16, DECIMALS: 16, INSTANTS: 8, DAYS: 4, TIMES: 8}


@attrs.frozen
class TableColumn:
    """A column of a table as its rows are encoded.

    *code* is the type code of its values, None where the server takes any. Its value stands at *place* in a row; with a
    place of -1 it is *constant*, a data object, for all rows. Texts and byte arrays are no longer than *precision*,
    decimals have no more digits, and no more than *scale* behind the point; -1 leaves them open.
    """

    name: str
    code: int | None
    sql_name: str
    place: int = -1
    constant: bytes = b""
    is_nullable: bool = True
    precision: int = -1
    scale: int = -1


@attrs.frozen
class EntryPart:
    """The key, or the value, of the entry that a row is: which columns it holds, in the order of writing.

    It is an object of the type *type_id* with fields *field_ids*, or without a type id the plain value of its only
    column.
    """

    columns: tuple[TableColumn, ...]
    type_id: int | None = None
    field_ids: tuple[int, ...] = ()


@attrs.define(eq=False)
class RowBlock:
    """Rows as sequences of values; the first one has the number *first_row*. *position* is how many are encoded."""

    rows: Sequence[Any]
    first_row: int
    position: int = 0

    @property
    def row_count(self) -> int:
        """How many rows the block has."""
        return len(self.rows)


@attrs.frozen(eq=False)
class ColumnValues:
    """The values of one column: *layout* says how they lie in *values*, where the first one is at *offset*.

    A value is NULL where its bit in *validity* is 0. *ends* has, for texts and byte arrays, the offsets of 64 bits at
    which they start and end. *scale* is that of decimals, and how many parts a second of instants has; these are exact
    (*is_exact*), or else the wall clock of the server's zone. With the layout OBJECTS they are in the list *objects*.
    """

    layout: int
    values: Any = None
    validity: Any = None
    ends: Any = None
    offset: int = 0
    scale: int = 0
    is_exact: bool = False
    objects: list[Any] | None = None


@attrs.define(eq=False)
class ColumnBlock:
    """Rows column by column, in the order of the places of a row; otherwise as a :class:`RowBlock`."""

    columns: Sequence[ColumnValues]
    row_count: int
    first_row: int
    position: int = 0

    def __attrs_post_init__(self) -> None:
        # Whoever encodes the block relies on it, without looking again.
        for column in self.columns:
            last = column.offset + self.row_count
            if column.objects is not None:
                room = len(column.objects)
            elif column.layout == BOOLEANS:
                room = 8 * memoryview(column.values).nbytes
            elif column.layout in (TEXTS, BINARIES):
                room = memoryview(column.ends).nbytes // 8 - 1
            else:
                room = memoryview(column.values).nbytes // VALUE_SIZES[column.layout]
            if column.validity is not None:
                room = min(room, 8 * memoryview(column.validity).nbytes)
            if self.row_count and room < last:
                raise ValueError(f"a column of {room} values is to give {self.row_count} from {column.offset} on")
