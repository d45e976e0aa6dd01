"""The public export: CSV files that others have downloaded for years, under the names they know, and Parquet beside."""

from collections.abc import Callable, Iterator, Sequence
from datetime import date

import attrs
import pyarrow as pa

from ooni_adapters.backup.catalog import BackupCatalog
from ooni_adapters.backup.encoding import Measured, csv_zstd_parts, parquet_parts
from ooni_adapters.backup.manifest import StoredObject
from ooni_adapters.backup.progress import Progress, silent
from ooni_adapters.sql.batches import arrow_schema
from ooni_adapters.sql.engine import UNLIMITED, Params, SqlEngine
from ooni_adapters.sql.schema import Column, Table
from ooni_adapters.sql.tables import (
    ASNMETA,
    BLOCKING_EVENTS,
    CITIZENLAB,
    FASTPATH,
    FINGERPRINTS_DNS,
    FINGERPRINTS_HTTP,
    JSONL,
)
from ooni_core.errors import Forbidden, Unavailable

# The only tables that may ever leave for the public; nothing about people is in them.
PUBLIC_TABLES = (FASTPATH, JSONL, CITIZENLAB, FINGERPRINTS_DNS, FINGERPRINTS_HTTP, ASNMETA, BLOCKING_EVENTS)
_JSONL_ROWS = 100_000_000
# ClickHouse fills it by itself, so it never was in these files.
_MATERIALIZED = ("update_time",)


def _csv(table: Table, batches: Iterator[pa.RecordBatch]) -> Iterator[bytes]:
    return csv_zstd_parts(_columns(table), batches)


def _parquet(table: Table, batches: Iterator[pa.RecordBatch]) -> Iterator[bytes]:
    names = [column.name for column in _columns(table)]
    schema = pa.schema([field for field in arrow_schema(table) if field.name in names])
    return parquet_parts(schema, (batch.select(names) for batch in batches))


@attrs.frozen
class _Form:
    """A kind of exported file."""

    folder: str
    ending: str
    parts: Callable[[Table, Iterator[pa.RecordBatch]], Iterator[bytes]]


_FORMS = (
    _Form("clickhouse_export/csv/", ".csv.zstd", _csv),
    _Form("clickhouse_export/parquet/", ".parquet", _parquet),
)


def check_public(tables: Sequence[Table]) -> None:
    """Refuse to publish what is not meant for the public.

    Raises:
        Forbidden: a table is private, or not listed as public.
    """
    for table in tables:
        if table.private or table.name not in {public.name for public in PUBLIC_TABLES}:
            raise Forbidden(f"table {table.name} is not public: it must never be in a public export")


@attrs.frozen
class PublicExport:
    """Writes the files of the public export.

    Attributes:
        engine: the database.
        catalog: the public set, for its object store.
        progress: called after each file.
        jsonl_rows: rows of one file of the ``jsonl`` table.
    """

    engine: SqlEngine
    catalog: BackupCatalog
    progress: Callable[[Progress], None] = silent
    jsonl_rows: int = _JSONL_ROWS

    def run(self, tables: Sequence[Table]) -> tuple[tuple[StoredObject, ...], tuple[str, ...]]:
        """Write the files of *tables*.

        Returns:
            What was written, and the keys of files of these tables that no longer belong to it and were deleted.

        Raises:
            Forbidden: a table is not public; nothing was written.
            Unavailable: the database or the store failed. Files that were not finished are as they were before.
        """
        check_public(tables)
        written = tuple(stored for form in _FORMS for table in tables for stored in self._table(form, table))
        keys = {stored.key for stored in written}
        stale = [key for form in _FORMS for key in self._keys(form, tables) if key not in keys]
        for key in stale:
            self.catalog.objects.delete(key)
        return written, tuple(stale)

    def _keys(self, form: _Form, tables: Sequence[Table]) -> Iterator[str]:
        """Yield the keys of all files of *tables*, former ones too."""
        names = {table.name for table in tables}
        for key in self.catalog.objects.keys(form.folder.rstrip("/")):
            stem = key.removeprefix(form.folder).removesuffix(form.ending)
            name, _, part = stem.rpartition("_")
            if stem in names or (name in names and part.isdigit()):
                yield key

    def _table(self, form: _Form, table: Table) -> Iterator[StoredObject]:
        if table is FASTPATH:
            yield from self._months(form, table)
        elif table is JSONL:
            yield from self._numbered(form, table)
        else:
            yield self._file(form, table, table.name, self._rows(table, "1 = 1", {}))

    def _months(self, form: _Form, table: Table) -> Iterator[StoredObject]:
        month = self.engine.dialect.bucket("month", "measurement_start_time")
        found = self.engine.query(
            f"SELECT DISTINCT {month} AS month FROM {table.name} ORDER BY month",  # noqa: S608 - declared names
            limits=UNLIMITED,
        )
        for (start,) in found.tuples:
            after = date(start.year + start.month // 12, start.month % 12 + 1, 1)
            where = "measurement_start_time >= $start AND measurement_start_time < $after"
            rows = self._rows(table, where, {"start": f"{start:%Y-%m-%d} 00:00:00", "after": f"{after} 00:00:00"})
            yield self._file(form, table, f"{table.name}_{start:%Y%m}", rows)

    def _numbered(self, form: _Form, table: Table) -> Iterator[StoredObject]:
        cut = _Cut(self._rows(table, "1 = 1", {}), self.jsonl_rows)
        number = 0
        while number == 0 or not cut.at_end:
            yield self._file(form, table, f"{table.name}_{number}", cut.next_rows())
            number += 1

    def _rows(self, table: Table, where: str, params: Params) -> Iterator[pa.RecordBatch]:
        columns, order = ", ".join(f'"{x}"' for x in table.column_names), ", ".join(f'"{x}"' for x in table.key)
        yield from self.engine.stream(
            f"SELECT {columns} FROM {table.name} WHERE {where} ORDER BY {order}",  # noqa: S608 - declared names
            params,
            UNLIMITED,
        )

    def _file(self, form: _Form, table: Table, name: str, rows: Iterator[pa.RecordBatch]) -> StoredObject:
        measured, key = Measured(), f"{form.folder}{name}{form.ending}"
        parts = form.parts(table, measured.observed_rows(table, rows))
        self.catalog.objects.replace(key, measured.observed_parts(parts))
        stored = StoredObject(key, measured.rows, measured.length, measured.object.hexdigest())
        for problem in self.catalog.verify_object(stored):
            raise Unavailable(f"the export failed: {problem}")
        self.progress(Progress(f"{name}{form.ending}", stored.rows, stored.bytes))
        return stored


def _columns(table: Table) -> tuple[Column, ...]:
    return tuple(column for column in table.columns if column.name not in _MATERIALIZED)


class _Cut:
    """Cuts one stream of batches into streams of a given number of rows."""

    def __init__(self, batches: Iterator[pa.RecordBatch], rows: int) -> None:
        self._batches, self._rows = batches, rows
        self._left: pa.RecordBatch | None = None
        self._fetch()

    @property
    def at_end(self) -> bool:
        return self._left is None

    def next_rows(self) -> Iterator[pa.RecordBatch]:
        wanted = self._rows
        while self._left is not None and wanted:
            taken = self._left.slice(0, wanted)
            wanted -= taken.num_rows
            yield taken
            rest = self._left.slice(taken.num_rows)
            if rest.num_rows:
                self._left = rest
            else:
                self._fetch()

    def _fetch(self) -> None:
        self._left = next((batch for batch in self._batches if batch.num_rows), None)
