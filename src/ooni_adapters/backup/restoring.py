"""Restoring: the tables of a backup into an empty database of any engine, checked row by row."""

import io
from collections.abc import Callable, Mapping, Sequence

import attrs
import pyarrow as pa
import pyarrow.parquet as pq

from ooni_adapters.backup.catalog import BackupCatalog
from ooni_adapters.backup.chunks import ChunkRange, chunk_rows
from ooni_adapters.backup.encoding import Measured
from ooni_adapters.backup.manifest import BackupManifest, StoredChunk, StoredTable
from ooni_adapters.backup.progress import Progress, silent
from ooni_adapters.sql.engine import UNLIMITED, SqlEngine
from ooni_adapters.sql.schema import Table
from ooni_core.errors import Conflict, Invalid, Unavailable

_BATCH_ROWS = 50_000


@attrs.frozen
class Restorer:
    """Copies a backup into a database.

    Attributes:
        engine: the database, with its tables created.
        catalog: where the backup is.
        tables: the tables this program knows, by name.
        progress: called after each chunk.
    """

    engine: SqlEngine
    catalog: BackupCatalog
    tables: Mapping[str, Table]
    progress: Callable[[Progress], None] = silent

    def run(
        self,
        manifest: BackupManifest,
        names: Sequence[str] = (),
        months: tuple[str, str] | None = None,
    ) -> int:
        """Copy tables of *manifest* into the database and check what arrived; return the number of rows.

        A restore that was interrupted can be repeated: chunks that arrived whole are recognised.

        Args:
            manifest: the backup.
            names: which tables; empty for all.
            months: first and last month, ``YYYYMM``, of tables that are stored by measurement uid; None for all.

        Raises:
            Conflict: a table holds rows that are not from this backup.
            Invalid: the backup does not hold a table, or this program does not know it or one of its columns.
            Unavailable: the store or the database failed, an object is damaged, or the rows that arrived are not the
                rows of the backup.
        """
        chosen = [manifest.table(name) for name in names] or list(manifest.tables)
        plans = [(self._known(stored), stored) for stored in chosen]
        for table, stored in plans:
            self._check_free(manifest.run, table, stored)
        return sum(
            self._chunk(manifest.run, table, stored, chunk)
            for table, stored in plans
            for chunk in _in_months(stored, months)
        )

    def _known(self, stored: StoredTable) -> Table:
        table = self.tables.get(stored.name)
        if table is None:
            raise Invalid(f"this program knows no table {stored.name!r}; the backup may be of a newer version")
        unknown = [name for name, _ in stored.columns if name not in table.column_names]
        if unknown:
            raise Invalid(f"table {stored.name} has no column {unknown[0]!r} here: is the backup of a newer version?")
        return table

    def _check_free(self, run: str, table: Table, stored: StoredTable) -> None:
        rows = self._count(ChunkRange(table))
        if not rows or self._begun(run, table):
            return
        arrived = all(self._arrived(_range(table, stored, chunk), chunk) for chunk in stored.chunks)
        if rows != stored.rows or not arrived:
            raise Conflict(f"table {table.name} holds {rows} rows of other origin: restore into an empty database")

    def _begun(self, run: str, table: Table) -> bool:
        """Say whether an earlier attempt of this restore put rows into *table*."""
        found = self.engine.query(
            "SELECT count(*) FROM stored_batches WHERE table_name = $table AND batch_key LIKE $keys",
            {"table": table.name, "keys": f"restore/{run}/%"},
        )
        return bool(found.scalar())

    def _count(self, chunk: ChunkRange) -> int:
        found = self.engine.query(
            f"SELECT count(*) FROM {chunk.table.name} WHERE {chunk.where}",  # noqa: S608 - declared names
            chunk.params,
            UNLIMITED,
        )
        return int(found.scalar())

    def _arrived(self, chunk: ChunkRange, wanted: StoredChunk) -> bool:
        """Say whether the database holds exactly the rows of a chunk."""
        if self._count(chunk) != wanted.object.rows:
            return False
        measured = Measured()
        for _ in measured.observed_rows(chunk.table, chunk_rows(self.engine, chunk)):
            pass
        return measured.content.hexdigest() == wanted.content_sha256

    def _chunk(self, run: str, table: Table, stored: StoredTable, chunk: StoredChunk) -> int:
        target = _range(table, stored, chunk)
        if not self._arrived(target, chunk):
            self._load(run, table, chunk)
            if not self._arrived(target, chunk):
                raise Unavailable(f"{table.name}/{chunk.name} did not arrive as it is in the backup")
        self.progress(Progress(f"{table.name}/{chunk.name}", chunk.object.rows, chunk.object.bytes))
        return chunk.object.rows

    def _load(self, run: str, table: Table, chunk: StoredChunk) -> None:
        for problem in self.catalog.verify_object(chunk.object):
            raise Unavailable(f"the backup cannot be restored: {problem}")
        content = _ObjectFile(self.catalog, chunk.object.key, chunk.object.bytes)
        file = pq.ParquetFile(io.BufferedReader(content, 1 << 20))
        if chunk.name == "all":
            self.engine.replace({table: file.read()})
            return
        for number, batch in enumerate(file.iter_batches(_BATCH_ROWS)):
            self.engine.insert(table, pa.Table.from_batches([batch]), f"restore/{run}/{chunk.name}/{number}")


def _range(table: Table, stored: StoredTable, chunk: StoredChunk) -> ChunkRange:
    """Return the rows of *chunk*, with only the columns that the backup has: a newer table may have more."""
    columns = tuple(table.column(name) for name, _ in stored.columns)
    return ChunkRange.named(attrs.evolve(table, columns=columns, indexes=(), ranges=()), chunk.name)


def _in_months(stored: StoredTable, months: tuple[str, str] | None) -> Sequence[StoredChunk]:
    if months is None:
        return stored.chunks
    first, last = (f"uid-{month}" for month in months)
    return [chunk for chunk in stored.chunks if chunk.name == "all" or first <= chunk.name <= last]


class _ObjectFile(io.RawIOBase):
    """A seekable file whose bytes are read from the store when they are asked for."""

    def __init__(self, catalog: BackupCatalog, key: str, size: int) -> None:
        super().__init__()
        self._catalog, self._key, self._size, self._at = catalog, key, size, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        self._at = start + offset
        return self._at

    def readinto(self, buffer: bytearray) -> int:  # type: ignore[override]
        length = min(len(buffer), self._size - self._at)
        if length <= 0:
            return 0
        content = self._catalog.objects.get_range(self._key, self._at, length)
        buffer[: len(content)] = content
        self._at += len(content)
        return len(content)
