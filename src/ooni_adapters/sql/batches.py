"""From rows as callers have them to one Arrow batch that fits its table exactly."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from ooni_adapters.sql.schema import EPOCH, Column, Kind, Rule, Table
from ooni_core.errors import Invalid

_ARROW = {
    Kind.TEXT: pa.string(),
    Kind.LABEL: pa.string(),
    Kind.BOOL: pa.bool_(),
    Kind.INT8: pa.int8(),
    Kind.UINT8: pa.uint8(),
    Kind.INT32: pa.int32(),
    Kind.UINT32: pa.uint32(),
    Kind.INT64: pa.int64(),
    Kind.UINT64: pa.uint64(),
    Kind.FLOAT32: pa.float32(),
    Kind.FLOAT64: pa.float64(),
    Kind.DATE: pa.date32(),
    Kind.TIME: pa.timestamp("s"),
    Kind.TIME_MS: pa.timestamp("ms"),
    Kind.TEXTS: pa.list_(pa.string()),
    Kind.UINT32S: pa.list_(pa.uint32()),
}

# What every engine can store.
_RANGES: dict[Kind, tuple[Any, Any]] = {
    Kind.TIME: (EPOCH, datetime(2106, 2, 7, 6, 28, 15)),  # noqa: DTZ001 - storage times are naive UTC
    Kind.TIME_MS: (EPOCH, datetime(2261, 12, 31)),  # noqa: DTZ001
    Kind.DATE: (EPOCH.date(), date(2149, 6, 6)),
}


def arrow_type(kind: Kind) -> pa.DataType:
    """Return the Arrow type in which a column of this kind travels."""
    return _ARROW[kind]


def arrow_schema(table: Table) -> pa.Schema:
    """Return the Arrow schema of *table*, columns in declared order."""
    return pa.schema([pa.field(c.name, _ARROW[c.kind], nullable=c.nullable) for c in table.columns])


def complete_batch(table: Table, rows: pa.Table | Sequence[Mapping[str, Any]], now: datetime) -> pa.Table:
    """Make a batch that has every column of *table* in its type; the last row of each key stays.

    Args:
        table: where the rows go.
        rows: by column name; columns that are missing get their declared default.
        now: naive UTC, for columns that are stamped.

    Raises:
        Invalid: a column is not in the table, or a value does not fit its column.
    """
    batch = complete_rows(table, rows, now)
    return batch if table.rule is Rule.APPEND else _one_row_per_key(table, batch)


def complete_rows(table: Table, rows: pa.Table | Sequence[Mapping[str, Any]], now: datetime) -> pa.Table:
    """Do as ``complete_batch`` does, but keep all rows."""
    named = set(rows.column_names) if isinstance(rows, pa.Table) else {name for row in rows for name in row}
    unknown = sorted(named - set(table.column_names))
    if unknown:
        raise Invalid(f"table {table.name} has no column {unknown[0]!r}; it has {', '.join(table.column_names)}")
    height = rows.num_rows if isinstance(rows, pa.Table) else len(rows)
    columns = [_array(table, column, rows, height, now) for column in table.columns]
    return pa.Table.from_arrays(columns, schema=arrow_schema(table))


def _array(
    table: Table, column: Column, rows: pa.Table | Sequence[Mapping[str, Any]], height: int, now: datetime
) -> pa.Array | pa.ChunkedArray:
    kind, filler = _ARROW[column.kind], column.fill(now)
    try:
        if not isinstance(rows, pa.Table):
            made = pa.array([row.get(column.name, filler) for row in rows], kind)
        elif column.name in rows.column_names:
            made = rows[column.name].combine_chunks().cast(kind)
        else:
            made = pa.repeat(pa.scalar(filler, kind), height)
    except (pa.ArrowException, OverflowError, UnicodeError, TypeError, ValueError) as exc:
        raise Invalid(f"table {table.name}, column {column.name}: not {column.kind.value}: {exc}") from exc
    _check_range(table, column, made)
    if made.null_count and not column.nullable:
        raise Invalid(f"table {table.name}, column {column.name}: a value is missing")
    return made


def _check_range(table: Table, column: Column, values: pa.Array | pa.ChunkedArray) -> None:
    bounds = _RANGES.get(column.kind)
    if bounds is None or not len(values):
        return
    found = pc.min_max(values).as_py()
    if found["min"] is not None and (found["min"] < bounds[0] or found["max"] > bounds[1]):
        wrong = found["min"] if found["min"] < bounds[0] else found["max"]
        raise Invalid(f"table {table.name}, column {column.name}: {wrong} is not between {bounds[0]} and {bounds[1]}")


def _one_row_per_key(table: Table, batch: pa.Table) -> pa.Table:
    if table.rule is Rule.SUM:
        return _summed(table, batch)
    keys = list(zip(*(batch[name].to_pylist() for name in table.key), strict=True))
    last = {key: position for position, key in enumerate(keys)}
    return batch if len(last) == len(keys) else batch.take(pa.array(sorted(last.values())))


def _summed(table: Table, batch: pa.Table) -> pa.Table:
    added = batch.group_by(list(table.key)).aggregate([(name, "sum") for name in table.values])
    named = added.rename_columns([name.removesuffix("_sum") for name in added.column_names])
    return named.select(list(table.column_names)).cast(arrow_schema(table))
