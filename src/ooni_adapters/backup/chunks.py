"""Cutting tables into chunks by key, so that a part of the past that does not change is not copied again."""

from collections.abc import Iterator
from urllib.parse import quote, unquote

import attrs
import pyarrow as pa

from ooni_adapters.sql.engine import UNLIMITED, SqlEngine
from ooni_adapters.sql.schema import Table

_PREFIX = 6  # YYYYMM of a measurement uid


@attrs.frozen
class ChunkRange:
    """The rows of one table whose first key column begins with *prefix*; all rows when it is None."""

    table: Table
    prefix: str | None = None

    @property
    def name(self) -> str:
        """Short name within the table, fit for a key in an object store."""
        return "all" if self.prefix is None else f"uid-{quote(self.prefix, safe='')}"

    @classmethod
    def named(cls, table: Table, name: str) -> "ChunkRange":
        """Return the chunk of that name."""
        return cls(table, None if name == "all" else unquote(name.removeprefix("uid-")))

    @property
    def where(self) -> str:
        """Condition of a query, with ``$prefix`` and ``$after`` as parameters."""
        if self.prefix is None:
            return "1 = 1"
        key = self.table.key[0]
        return f"{key} = $prefix" if len(self.prefix) < _PREFIX else f"{key} >= $prefix AND {key} < $after"

    @property
    def params(self) -> dict[str, str]:
        """Values of the parameters of ``where``."""
        if self.prefix is None:
            return {}
        return {"prefix": self.prefix, "after": self.prefix[:-1] + chr(ord(self.prefix[-1]) + 1) if self.prefix else ""}


@attrs.frozen
class ChunkState:
    """What tells whether a chunk changed since it was copied.

    Attributes:
        rows: number of rows.
        updated: largest ``update_time``, as text; empty where the table has none, which counts as changed.
    """

    rows: int
    updated: str


def is_cut(table: Table) -> bool:
    """Say whether *table* is copied in chunks: those keyed by measurement uid, which grow for ever at one end."""
    return table.key[0] == "measurement_uid"


def planned_chunks(engine: SqlEngine, table: Table) -> list[tuple[ChunkRange, ChunkState]]:
    """Return the chunks of a table in the order of its key, and their state now. An empty table has none."""
    updated = "max(update_time)" if "update_time" in table.column_names else "NULL"
    part = f"substring({table.key[0]}, 1, {_PREFIX})" if is_cut(table) else "'all'"
    found = engine.query(
        f"SELECT {part} AS part, count(*) AS row_count, {updated} AS updated FROM {table.name}"  # noqa: S608 - declared names
        " GROUP BY part ORDER BY part",
        limits=UNLIMITED,
    )
    return [
        (ChunkRange(table, prefix if is_cut(table) else None), ChunkState(rows, "" if last is None else str(last)[:23]))
        for prefix, rows, last in found.tuples
    ]


def chunk_rows(engine: SqlEngine, chunk: ChunkRange) -> Iterator[pa.RecordBatch]:
    """Read a chunk in the order of its key: one statement, so one consistent state."""
    table = chunk.table
    columns, order = ", ".join(f'"{name}"' for name in table.column_names), ", ".join(f'"{name}"' for name in table.key)
    yield from engine.stream(
        f"SELECT {columns} FROM {table.name} WHERE {chunk.where} ORDER BY {order}",  # noqa: S608 - declared names
        chunk.params,
        UNLIMITED,
    )
