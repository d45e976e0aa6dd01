"""Times as every engine gives them: naive, in UTC. The embedded ClickHouse answers in the time zone of the host."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa


def naive_rows(rows: Sequence[Any], kinds: list[str]) -> Sequence[tuple[Any, ...]]:
    """Return *rows* with every time naive, in UTC; *kinds* are the types of the columns."""
    times = [position for position, kind in enumerate(kinds) if "DateTime" in kind]
    if not times:
        return rows
    return [tuple(_naive_value(value) for value in row) for row in rows]


def naive_columns(columns: Sequence[Sequence[Any]], kinds: list[str]) -> list[Sequence[Any]]:
    """Do as ``naive_rows`` does, for values column by column."""
    return [
        [_naive_value(value) for value in column] if "DateTime" in kind else column
        for column, kind in zip(columns, kinds, strict=True)
    ]


def _naive_value(value: Any) -> Any:
    if isinstance(value, datetime) and value.tzinfo is not None:
        return value.astimezone(UTC).replace(tzinfo=None)
    return value


def naive_batch(batch: pa.RecordBatch, seconds: list[str]) -> pa.RecordBatch:
    """Give times, which travel as plain numbers or with a zone, the type they have on every engine."""
    arrays = []
    for field, array in zip(batch.schema, batch.columns, strict=True):
        if field.name in seconds:
            arrays.append(array.cast(pa.int64()).cast(pa.timestamp("s")))
        elif pa.types.is_timestamp(field.type):
            arrays.append(array.cast(pa.timestamp(field.type.unit)))
        else:
            arrays.append(array)
    return pa.RecordBatch.from_arrays(arrays, names=batch.schema.names)
