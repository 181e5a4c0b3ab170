"""Columns of a result as pyarrow, NumPy and pandas hold them.

These packages are imported when they are used for the first time, and needed for nothing else. The buffers of numbers,
texts and times are handed over as they are, without a copy.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from decimal import Decimal
from importlib import import_module
from itertools import chain
from typing import TYPE_CHECKING, Any, Final

from ignite_dbapi.errors import DataError, InterfaceError, ProgrammingError
from ignite_dbapi.protocol.codec.column_buffers import (
    DATES,
    NO_VALUES,
    OBJECTS,
    ColumnBatch,
    DecodedColumn,
    no_arrow_type,
)
from ignite_dbapi.protocol.codec.column_objects import objects_of
from ignite_dbapi.protocol.codec.type_codes import TypeCode

if TYPE_CHECKING:
    import pyarrow

# The types of columns by name; those that are not named stay as they are.
Schema = Mapping[str, Any]

_NUMPY_NUMBERS: Final = {1: "<i1", 2: "<i2", 3: "<i4", 4: "<i8", 5: "<f4", 6: "<f8"}
_FLOATS: Final = (5, 6)
# Columns that NumPy has only objects for. For pandas these two alone: pyarrow makes the others as fast.
_NUMPY_OBJECTS: Final = frozenset(
    {TypeCode.STRING, TypeCode.BYTE_ARRAY, TypeCode.DECIMAL, TypeCode.UUID, TypeCode.TIME}
)
_PANDAS_OBJECTS: Final = frozenset({TypeCode.DECIMAL, TypeCode.UUID})


def _import(package: str, extra: str) -> Any:
    try:
        return import_module(package)
    except ModuleNotFoundError as error:
        raise InterfaceError(
            f"this needs the package {error.name!r}, which is not installed: pip install 'ignite-dbapi[{extra}]'",
            code="missing_package",
        ) from error


# --- pyarrow --------------------------------------------------------------------------------------------------


def _arrow_type(column: DecodedColumn) -> pyarrow.DataType:
    pa = _import("pyarrow", "arrow")
    kind = column.kind
    if kind == 30:
        return pa.decimal128(38, column.scale) if column.width == 16 else pa.decimal256(76, column.scale)
    if kind == 33:
        return pa.timestamp("us" if column.unit == 1000 else "ns")
    simple: dict[int, Callable[[], pyarrow.DataType]] = {
        1: pa.int8,
        2: pa.int16,
        3: pa.int32,
        4: pa.int64,
        5: pa.float32,
        6: pa.float64,
        8: pa.bool_,
        9: pa.string,
        10: pa.uuid,
        12: pa.binary,
        36: lambda: pa.time64("us"),
        DATES: pa.date32,
        NO_VALUES: pa.null,
    }
    return simple[kind]()


def _array(column: DecodedColumn, batch: ColumnBatch) -> pyarrow.Array:
    """*column* as an Arrow array that lies in the column's own memory."""
    pa = _import("pyarrow", "arrow")
    if column.kind == NO_VALUES:
        return pa.nulls(batch.row_count)
    arrow_type = _arrow_type(column)
    validity = None if column.validity is None else pa.py_buffer(column.validity)
    buffers = [validity, pa.py_buffer(column.values)]
    if column.offsets is not None:
        buffers.insert(1, pa.py_buffer(column.offsets))
    storage = arrow_type.storage_type if column.kind == TypeCode.UUID else arrow_type
    array = pa.Array.from_buffers(storage, batch.row_count, buffers, column.null_count)
    return array if storage is arrow_type else pa.ExtensionArray.from_storage(arrow_type, array)


def _cast(array: pyarrow.Array, target: pyarrow.DataType, name: str, first_row: int) -> pyarrow.Array:
    """*array* with the type *target*; DataError names the first value that does not fit."""
    pa = _import("pyarrow", "arrow")
    if array.type.equals(target):
        return array
    if array.null_count == len(array):
        return pa.nulls(len(array), target)
    try:
        return _converted(array, target)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, pa.ArrowTypeError) as error:
        place = _first_failing(array, target)
        raise DataError(
            f"column {name!r}, row {first_row + place} (from 0): {array[place].as_py()!r} does not fit the column's "
            f"type {target}; name a type that holds all values (schema={{{name!r}: pyarrow.…}}), CAST the column "
            f"in the statement, or let fetch_arrow_table() find the type, which looks at all rows first",
            code="column_type",
        ) from error


def _converted(array: pyarrow.Array, target: pyarrow.DataType) -> pyarrow.Array:
    pa = _import("pyarrow", "arrow")
    if array.type.equals(pa.uuid()) and not pa.types.is_fixed_size_binary(target):
        return pa.array([None if value is None else str(value) for value in array.to_pylist()], pa.string()).cast(
            target
        )
    if pa.types.is_decimal(target) and pa.types.is_integer(array.type):
        # pyarrow asks for room for the largest number of the type, whatever the numbers are.
        array = array.cast(pa.decimal128(38, 0))
    if pa.types.is_decimal(target) and pa.types.is_decimal(array.type):
        _check_digits(array, target)
    return array.cast(target)


def _check_digits(array: pyarrow.Array, target: pyarrow.DataType) -> None:
    """Raise ArrowInvalid for a decimal with too many digits before the point: pyarrow makes another number of it."""
    pa, pc = _import("pyarrow", "arrow"), _import("pyarrow.compute", "arrow")
    limit = Decimal(1).scaleb(target.precision - target.scale)
    for value in pc.min_max(array).as_py().values():
        # Not abs(), which rounds.
        if value is not None and value.copy_abs() >= limit:
            raise pa.ArrowInvalid(f"{value} has too many digits for {target}")


def _first_failing(array: pyarrow.Array, target: pyarrow.DataType) -> int:
    """The first value of *array* that cannot be cast, found by halving."""
    pa = _import("pyarrow", "arrow")
    start, stop = 0, len(array)
    while stop - start > 1:
        middle = (start + stop) // 2
        try:
            _converted(array.slice(start, middle - start), target)
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError, pa.ArrowTypeError):
            # Types without any conversion fail for NULLs as well, which are not to blame.
            if array.slice(start, middle - start).null_count < middle - start:
                stop = middle
                continue
        start = middle
    return start


def _record_batch(batch: ColumnBatch, wanted: Sequence[pyarrow.DataType]) -> pyarrow.RecordBatch:
    pa = _import("pyarrow", "arrow")
    names = [column.name for column in batch.columns]
    arrays = [
        _cast(_array(column, batch), target, column.name, batch.first_row)
        for column, target in zip(batch.columns, wanted, strict=True)
    ]
    # By fields and not by names alone, which could not be those of several columns.
    schema = pa.schema([pa.field(name, array.type) for name, array in zip(names, arrays, strict=True)])
    return pa.RecordBatch.from_arrays(arrays, schema=schema)


class _ArrowMaker:
    holds_objects = False
    object_kinds: Collection[int] = ()

    def __init__(self, schema: Schema | pyarrow.Schema | None = None) -> None:
        pa = _import("pyarrow", "arrow")
        if isinstance(schema, pa.Schema):
            schema = dict(zip(schema.names, schema.types, strict=True))
        self._schema: Schema = schema or {}

    def check(self, names: Sequence[str]) -> None:
        """Raise ProgrammingError if the schema names other columns than *names*."""
        unknown = [name for name in self._schema if name not in names]
        if unknown:
            raise ProgrammingError(
                f"schema names {', '.join(map(repr, unknown))}, but the columns of the result are "
                f"{', '.join(map(repr, names))}",
                code="unknown_column",
            )

    def _wanted_types(self, batch: ColumnBatch) -> list[pyarrow.DataType]:
        for column in batch.columns:
            if column.kind == OBJECTS:
                # Fetched for NumPy or pandas first, by a call that was given up.
                places = (place for place, value in enumerate(column.objects or ()) if value is not None)
                raise no_arrow_type(column.name, batch.first_row + next(places, 0))
        return [self._schema.get(column.name) or _arrow_type(column) for column in batch.columns]


class Tables(_ArrowMaker):
    """Makes a pyarrow.Table, whose columns have the types that all their values fit into, or those of *schema*."""

    def make(self, batches: Sequence[ColumnBatch]) -> pyarrow.Table:
        """All rows of *batches*. The types of columns in later ones are the same, or wider."""
        pa = _import("pyarrow", "arrow")
        wanted = self._wanted_types(batches[-1])
        return pa.Table.from_batches([_record_batch(batch, wanted) for batch in batches])


class RecordBatches(_ArrowMaker):
    """Makes a pyarrow.RecordBatch at a time, of the types of the first one, or of *schema*."""

    _wanted: list[pyarrow.DataType] | None = None

    def make(self, batches: Sequence[ColumnBatch]) -> pyarrow.RecordBatch:
        """The only one of *batches*."""
        (batch,) = batches
        if self._wanted is None:
            self._wanted = self._wanted_types(batch)
        return _record_batch(batch, self._wanted)


def reader(next_batch: Callable[[], pyarrow.RecordBatch]) -> pyarrow.RecordBatchReader:
    """A reader of what *next_batch* returns until that has no rows; the first one is fetched at once."""
    pa = _import("pyarrow", "arrow")
    first = next_batch()

    def batches() -> Iterator[pyarrow.RecordBatch]:
        batch = first
        while batch.num_rows:
            yield batch
            batch = next_batch()

    return pa.RecordBatchReader.from_batches(first.schema, batches())


# --- NumPy ----------------------------------------------------------------------------------------------------


class NumpyArrays:
    """Makes a dict of NumPy arrays by column name."""

    holds_objects = True
    object_kinds = _NUMPY_OBJECTS

    def __init__(self) -> None:
        _import("numpy", "numpy")

    def check(self, names: Sequence[str]) -> None:
        """Raise ProgrammingError for names that occur twice."""
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ProgrammingError(
                f"several columns have the name {', '.join(map(repr, twice))}, of which a dict can hold one; give them "
                f"names of their own with AS",
                code="duplicate_column",
            )

    def make(self, batches: Sequence[ColumnBatch]) -> dict[str, Any]:
        """All rows of *batches*."""
        np = _import("numpy", "numpy")
        arrays: dict[str, Any] = {}
        for index, column in enumerate(batches[-1].columns):
            parts = [_numpy_array(batch.columns[index], batch.row_count) for batch in batches]
            if len({part.dtype for part in parts}) > 1:
                raise DataError(
                    f"column {column.name!r} has values of several types, and the result more than 2 GiB of text in "
                    f"one column; fetch it in parts, or CAST the column to one type",
                    code="mixed_column",
                )
            is_masked = any(np.ma.isMaskedArray(part) for part in parts)
            joined = np.ma.concatenate if is_masked else np.concatenate
            arrays[column.name] = parts[0] if len(parts) == 1 else joined(parts)
        return arrays


def _numpy_array(column: DecodedColumn, count: int) -> Any:
    np = _import("numpy", "numpy")
    kind = column.kind
    is_null = None
    if column.validity is not None:
        is_null = np.unpackbits(np.frombuffer(column.validity, "u1"), count=count, bitorder="little") == 0
    if kind in _NUMPY_NUMBERS:
        array = np.frombuffer(column.values, _NUMPY_NUMBERS[kind])
        if kind in _FLOATS and is_null is not None:
            array[is_null] = np.nan
            is_null = None
    elif kind == TypeCode.BOOL:
        array = np.unpackbits(np.frombuffer(column.values, "u1"), count=count, bitorder="little").view(bool)
    elif kind in (TypeCode.TIMESTAMP, DATES):
        if kind == DATES:
            array = np.frombuffer(column.values, "<i4").astype("datetime64[D]")
        else:
            array = np.frombuffer(column.values, "datetime64[us]" if column.unit == 1000 else "datetime64[ns]")
        if is_null is not None:
            array[is_null] = np.array("NaT", array.dtype)  # in its own unit: NumPy wants no other
            is_null = None
    else:
        # Not np.array(): an object may be a sequence, which NumPy would take for more dimensions.
        array = np.fromiter(objects_of(column, count), object, count)
        is_null = None
    return array if is_null is None else np.ma.MaskedArray(array, is_null)


# --- pandas ---------------------------------------------------------------------------------------------------


class DataFrames:
    """Makes a pandas.DataFrame; *dtype_backend* as in pandas.read_sql."""

    holds_objects = True

    def __init__(self, dtype_backend: str | None = None) -> None:
        if dtype_backend not in (None, "pyarrow", "numpy_nullable"):
            raise ProgrammingError(
                f"dtype_backend {dtype_backend!r} is none of 'pyarrow', 'numpy_nullable', None", code="invalid_option"
            )
        _import("pyarrow", "arrow")
        self._pandas = _import("pandas", "pandas")
        self._dtype_backend = dtype_backend
        self.object_kinds: Collection[int] = () if dtype_backend == "pyarrow" else _PANDAS_OBJECTS

    def check(self, names: Sequence[str]) -> None:
        """Nothing to say: a DataFrame may have any names."""

    def make(self, batches: Sequence[ColumnBatch]) -> Any:
        """All rows of *batches*."""
        pd = self._pandas
        names = [column.name for column in batches[-1].columns]
        series = [_series(batches, index, self._dtype_backend) for index in range(len(names))]
        frame = pd.DataFrame(dict(enumerate(series)), copy=False)
        # Only now, because several columns may have the same name.
        frame.columns = pd.Index(names)
        return frame


def _series(batches: Sequence[ColumnBatch], index: int, dtype_backend: str | None) -> Any:
    pa, pd = _import("pyarrow", "arrow"), _import("pandas", "pandas")
    columns = [batch.columns[index] for batch in batches]
    last = columns[-1]
    # Numbers that became decimals later are for Arrow to cast.
    is_decimals = {(column.kind, column.scale) for column in columns} == {(TypeCode.DECIMAL, last.scale)}
    if last.kind == OBJECTS or (dtype_backend != "pyarrow" and (is_decimals or last.kind == TypeCode.UUID)):
        values = [objects_of(column, batch.row_count) for column, batch in zip(columns, batches, strict=True)]
        return pd.Series(values[0] if len(values) == 1 else list(chain(*values)), dtype=object)
    wanted = _arrow_type(last)
    parts = [
        _cast(_array(column, batch), wanted, last.name, batch.first_row)
        for column, batch in zip(columns, batches, strict=True)
    ]
    chunked = pa.chunked_array(parts, wanted)
    dtype = _dtype_of(pd, wanted, dtype_backend, has_nulls=chunked.null_count > 0)
    # Whatever the function is, with one pyarrow makes an object of each text, which pandas has an array for.
    return chunked.to_pandas(types_mapper=None if dtype is None else lambda _: dtype)


def _dtype_of(pd: Any, wanted: pyarrow.DataType, dtype_backend: str | None, *, has_nulls: bool) -> Any:
    """pandas' type for an Arrow type; None where it is what pandas takes by itself."""
    pa = _import("pyarrow", "arrow")
    if dtype_backend == "pyarrow":
        return pd.ArrowDtype(wanted)
    nullable: dict[Any, Any] = {}
    if dtype_backend == "numpy_nullable" or has_nulls:
        # NumPy's whole numbers and booleans have no NULL: pandas would make floats of them, which lose digits.
        nullable = {
            pa.int8(): pd.Int8Dtype(),
            pa.int16(): pd.Int16Dtype(),
            pa.int32(): pd.Int32Dtype(),
            pa.int64(): pd.Int64Dtype(),
            pa.bool_(): pd.BooleanDtype(),
        }
    if dtype_backend == "numpy_nullable":
        nullable |= {pa.float32(): pd.Float32Dtype(), pa.float64(): pd.Float64Dtype(), pa.string(): pd.StringDtype()}
    return nullable.get(wanted)


__all__ = ["DataFrames", "NumpyArrays", "RecordBatches", "Schema", "Tables", "reader"]
