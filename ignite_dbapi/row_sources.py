"""What rows are loaded from: iterables of sequences or mappings, Arrow tables and streams, data frames.

pyarrow, NumPy and pandas are imported when there is something of theirs to load, and needed for nothing else.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Sized
from importlib import import_module
from itertools import chain, islice
from typing import TYPE_CHECKING, Any, Final

from ignite_dbapi.errors import InterfaceError, ProgrammingError
from ignite_dbapi.protocol.codec.table_columns import (
    BINARIES,
    BOOLEANS,
    DAYS,
    DECIMALS,
    FLOATS,
    INSTANTS,
    INTEGERS,
    OBJECTS,
    TEXTS,
    TIMES,
    UUIDS,
    ColumnBlock,
    ColumnValues,
    RowBlock,
    TableColumn,
)
from ignite_dbapi.protocol.codec.type_codes import TypeCode
from ignite_dbapi.protocol.snapshots import snapshots

if TYPE_CHECKING:
    import pyarrow

_INTEGER_CODES: Final = (TypeCode.BYTE, TypeCode.SHORT, TypeCode.INT, TypeCode.LONG)
_PARTS_OF_SECOND: Final = {"s": 1, "ms": 1_000, "us": 1_000_000, "ns": 1_000_000_000}
# Rows of an Arrow table that are looked at together; without a copy, so that more would gain nothing.
_ARROW_ROWS: Final = 65_536


def source_of(rows: Any, columns: Sequence[str] | None) -> Any:
    """The rows that *rows* has, for *columns*, as :func:`ignite_dbapi.operations.bulk.load` takes them.

    ProgrammingError for what has no rows.
    """
    if isinstance(columns, (str, bytes)):
        raise ProgrammingError(f"columns are a sequence of names, not {columns!r}", code="invalid_columns")
    columns = None if columns is None else list(columns)
    if columns is not None and not columns:
        raise ProgrammingError("columns names none; leave it out for all columns", code="invalid_columns")
    pandas = sys.modules.get("pandas")
    if pandas is not None and isinstance(rows, pandas.DataFrame):
        return _FrameRows(rows, columns) if _pyarrow() is None else _ArrowRows(*_of_frame(rows), columns)
    is_arrow = hasattr(rows, "__arrow_c_stream__") or hasattr(rows, "__arrow_c_array__")
    # A cursor gives its rows in either way.
    if is_arrow and not (hasattr(rows, "fetchmany") and _pyarrow() is None):
        return _ArrowRows(*_of_arrow(rows), columns)
    if isinstance(rows, (str, bytes, bytearray, Mapping)) or not isinstance(rows, Iterable):
        raise ProgrammingError(
            f"rows are an iterable of sequences or mappings, an Arrow table or a data frame, not {type(rows).__name__}",
            code="invalid_rows",
        )
    return _Rows(rows, columns)


# --- sequences and mappings -----------------------------------------------------------------------------------


class _Rows:
    """Rows of an iterable, of which no more are in memory than a block has."""

    def __init__(self, rows: Iterable[Any], columns: list[str] | None) -> None:
        self.total = len(rows) if isinstance(rows, Sized) else None
        iterator = snapshots(rows)
        first = list(islice(iterator, 1))
        self._rows = chain(first, iterator)
        self._are_mappings = bool(first) and isinstance(first[0], Mapping)
        # Columns that were named are picked from mappings; otherwise each has those of the first one.
        self._may_have_more = columns is not None
        if columns is None and self._are_mappings:
            columns = list(first[0])
        self.names = columns

    def blocks(self, columns: Sequence[TableColumn], size: int) -> Iterator[RowBlock]:
        """Blocks of *size* rows."""
        rows = self._values() if self._are_mappings else self._rows
        first_row = 0
        while block := list(islice(rows, size)):
            yield RowBlock(block, first_row)
            first_row += len(block)

    def _values(self) -> Iterator[tuple[Any, ...]]:
        names = self.names or []
        for number, row in enumerate(self._rows):
            try:
                values = tuple([row[name] for name in names])
            except (KeyError, TypeError, IndexError):
                missing = [name for name in names if not isinstance(row, Mapping) or name not in row]
                raise ProgrammingError(
                    f"row {number} (from 0) has no value for {', '.join(map(repr, missing))}; rows that are mappings "
                    f"have the columns of the first one, or those that columns= names",
                    code="row_without_column",
                ) from None
            if len(row) != len(values) and not self._may_have_more:
                unknown = [name for name in row if name not in names]
                raise ProgrammingError(
                    f"row {number} (from 0) has {', '.join(map(repr, unknown))} besides the columns of the load "
                    f"({', '.join(map(repr, names))})",
                    code="row_with_other_columns",
                )
            yield values


# --- pandas without pyarrow -----------------------------------------------------------------------------------


class _FrameRows:
    """Rows of a pandas DataFrame, whose missing values are NULL."""

    def __init__(self, frame: Any, columns: list[str] | None) -> None:
        self._frame = _picked(frame, columns)
        self.names = list(self._frame.columns)
        self.total = len(frame)

    def blocks(self, columns: Sequence[TableColumn], size: int) -> Iterator[RowBlock]:
        """Blocks of *size* rows."""
        for start in range(0, self.total, size):
            part = self._frame.iloc[start : start + size]
            # As objects, because NULL is not among the values of all types.
            values = part.astype(object).where(part.notna(), None).to_numpy(dtype=object)
            yield RowBlock([tuple(row) for row in values.tolist()], start)


def _picked(frame: Any, columns: list[str] | None) -> Any:
    names = list(frame.columns)
    _check_names(names, columns, "the data frame")
    return frame if columns is None else frame[columns]


def _check_names(names: Sequence[Any], columns: Sequence[str] | None, what: str) -> None:
    unknown = [name for name in columns or () if name not in names]
    if unknown:
        raise ProgrammingError(
            f"{what} has no column {', '.join(map(repr, unknown))}, but {', '.join(map(repr, names))}",
            code="unknown_column",
        )
    twice = sorted({str(name) for name in names if list(names).count(name) > 1})
    if twice:
        raise ProgrammingError(f"{what} has several columns {', '.join(map(repr, twice))}", code="duplicate_column")


# --- Arrow ----------------------------------------------------------------------------------------------------


class _ArrowRows:
    """Rows of record batches with columns *names*: each batch is a list of arrays, or of lists of objects."""

    def __init__(
        self, names: list[str], total: int | None, batches: Iterable[list[Any]], columns: list[str] | None
    ) -> None:
        _check_names(names, columns, "the table")
        self._places = [names.index(name) for name in (names if columns is None else columns)]
        self.names = [names[place] for place in self._places]
        self.total = total
        self._batches = batches

    def blocks(self, columns: Sequence[TableColumn], size: int) -> Iterator[ColumnBlock]:
        """A block for each batch, whatever *size*: what it holds is in memory in any case."""
        first_row = 0
        for batch in self._batches:
            values = [_values_of(batch[place], column) for place, column in zip(self._places, columns, strict=True)]
            count = len(batch[0]) if batch else 0
            yield ColumnBlock(values, count, first_row)
            first_row += count


def _pyarrow() -> Any:
    try:
        return import_module("pyarrow")
    except ModuleNotFoundError:
        return None


def _of_arrow(data: Any) -> tuple[list[str], int | None, Iterator[list[Any]]]:
    """Names, number of rows and batches of what can be read as Arrow."""
    pa = _pyarrow()
    if pa is None:
        raise InterfaceError(
            f"loading a {type(data).__name__} needs the package 'pyarrow', which is not installed: "
            f"pip install 'ignite-dbapi[arrow]'",
            code="missing_package",
        )
    if isinstance(data, pa.RecordBatch) or not hasattr(data, "__arrow_c_stream__"):
        data = pa.Table.from_batches([pa.record_batch(data)])
    total = getattr(data, "num_rows", None)
    if total is None and hasattr(data, "__len__"):
        total = len(data)
    reader = data.to_reader(_ARROW_ROWS) if isinstance(data, pa.Table) else pa.RecordBatchReader.from_stream(data)
    return list(reader.schema.names), total, _arrays(reader)


def _arrays(reader: pyarrow.RecordBatchReader) -> Iterator[list[Any]]:
    for batch in reader:
        for start in range(0, batch.num_rows, _ARROW_ROWS):
            yield batch.slice(start, _ARROW_ROWS).columns


def _of_frame(frame: Any) -> tuple[list[str], int, Iterator[list[Any]]]:
    """As _of_arrow, for a pandas DataFrame: missing values are NULL, and objects that Arrow has no type for stay."""
    return list(frame.columns), len(frame), _frame_batches(frame)


def _frame_batches(frame: Any) -> Iterator[list[Any]]:
    for start in range(0, len(frame), _ARROW_ROWS):
        part = frame.iloc[start : start + _ARROW_ROWS]
        yield [_array_of_series(part.iloc[:, place]) for place in range(part.shape[1])]


def _array_of_series(series: Any) -> Any:
    pa = _pyarrow()
    if series.dtype != object:
        try:
            array = pa.Array.from_pandas(series)
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError, pa.ArrowTypeError):
            pass
        else:
            # pandas holds some of its types in pieces.
            return array.combine_chunks() if isinstance(array, pa.ChunkedArray) else array
    elif all(type(value) is str or value is None for value in series):
        # Texts alone: of other objects Arrow might make something that is not the same.
        return pa.array(series, pa.large_string())
    return series.astype(object).where(series.notna(), None).tolist()


# What is done with arrays of each kind of column: how they are converted first, and how their values then lie.


def _values_of(array: Any, column: TableColumn) -> ColumnValues:
    """*array*, an Arrow array or a list, as the values of *column*; what has no place there by type, as objects."""
    if isinstance(array, list):
        return ColumnValues(OBJECTS, objects=array)
    pa = _pyarrow()
    array = _plain(array)
    if array.null_count == len(array):
        return ColumnValues(OBJECTS, objects=[None] * len(array))
    layout = _layouts(pa).get(column.code or 0)
    if layout is not None:
        try:
            values: ColumnValues | None = layout(array)
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError, pa.ArrowTypeError):
            # Some value does not fit: taken one by one, the error tells which.
            values = None
        if values is not None:
            return values
    return ColumnValues(OBJECTS, objects=_objects(array))


def _plain(array: Any) -> Any:
    """*array* as an array of the values themselves: not of numbers of a dictionary, runs or extensions."""
    pa = _pyarrow()
    if isinstance(array.type, pa.BaseExtensionType):
        array = array.storage
    if pa.types.is_dictionary(array.type):
        array = array.dictionary_decode()
    if pa.types.is_run_end_encoded(array.type):
        array = import_module("pyarrow.compute").run_end_decode(array)
    return array


def _objects(array: Any) -> list[Any]:
    pa = _pyarrow()
    if pa.types.is_timestamp(array.type) and array.type.unit == "ns":
        # Python's datetime ends at microseconds.
        array = array.cast(pa.timestamp("us", array.type.tz))
    objects: list[Any] = array.to_pylist()
    return objects


def _layouts(pa: Any) -> Mapping[int, Callable[[Any], ColumnValues | None]]:
    types = pa.types

    def integers(array: Any) -> ColumnValues | None:
        if not (types.is_integer(array.type) or types.is_floating(array.type)):
            return None
        return _fixed(INTEGERS, array.cast(pa.int64()))

    def floats(array: Any) -> ColumnValues | None:
        if not (types.is_integer(array.type) or types.is_floating(array.type)):
            return None
        return _fixed(FLOATS, array.cast(pa.float64()))

    def booleans(array: Any) -> ColumnValues | None:
        return _fixed(BOOLEANS, array) if types.is_boolean(array.type) else None

    def texts(array: Any) -> ColumnValues | None:
        if not (types.is_string(array.type) or types.is_large_string(array.type) or types.is_string_view(array.type)):
            return None
        return _variable(TEXTS, array.cast(pa.large_string()))

    def binaries(array: Any) -> ColumnValues | None:
        if not (
            types.is_binary(array.type)
            or types.is_large_binary(array.type)
            or types.is_fixed_size_binary(array.type)
            or types.is_binary_view(array.type)
        ):
            return None
        return _variable(BINARIES, array.cast(pa.large_binary()))

    def uuids(array: Any) -> ColumnValues | None:
        return _fixed(UUIDS, array) if array.type.equals(pa.binary(16)) else None

    def decimals(array: Any) -> ColumnValues | None:
        if types.is_integer(array.type):
            return _fixed(INTEGERS, array.cast(pa.int64()))
        if types.is_decimal128(array.type) and array.type.scale >= 0:
            return _fixed(DECIMALS, array, scale=array.type.scale)
        return None

    def instants(array: Any) -> ColumnValues | None:
        if types.is_timestamp(array.type):
            unit = _PARTS_OF_SECOND[array.type.unit]
            return _fixed(INSTANTS, array, scale=unit, is_exact=array.type.tz is not None)
        return _fixed(DAYS, array.cast(pa.date32())) if types.is_date(array.type) else None

    def times(array: Any) -> ColumnValues | None:
        return _fixed(TIMES, array.cast(pa.time64("ns"))) if types.is_time(array.type) else None

    return {
        **dict.fromkeys(map(int, _INTEGER_CODES), integers),
        int(TypeCode.FLOAT): floats,
        int(TypeCode.DOUBLE): floats,
        int(TypeCode.BOOL): booleans,
        int(TypeCode.STRING): texts,
        int(TypeCode.BYTE_ARRAY): binaries,
        int(TypeCode.UUID): uuids,
        int(TypeCode.DECIMAL): decimals,
        int(TypeCode.TIMESTAMP): instants,
        int(TypeCode.OPTIMIZED): instants,
        int(TypeCode.TIME): times,
    }


def _fixed(layout: int, array: Any, *, scale: int = 0, is_exact: bool = False) -> ColumnValues:
    validity, values = array.buffers()
    validity = validity if array.null_count else None
    return ColumnValues(layout, values, validity, offset=array.offset, scale=scale, is_exact=is_exact)


def _variable(layout: int, array: Any) -> ColumnValues:
    validity, ends, values = array.buffers()
    validity = validity if array.null_count else None
    return ColumnValues(layout, b"" if values is None else values, validity, ends=ends, offset=array.offset)


__all__ = ["source_of"]
