"""Making a backup: every chunk that changed is copied, verified, and listed in a manifest that is written last."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime

import attrs

from ooni_adapters.backup.catalog import BackupCatalog
from ooni_adapters.backup.chunks import ChunkRange, ChunkState, chunk_rows, planned_chunks
from ooni_adapters.backup.encoding import Measured, parquet_parts
from ooni_adapters.backup.exporting import PublicExport, check_public
from ooni_adapters.backup.manifest import VERSION, BackupManifest, StoredChunk, StoredObject, StoredTable
from ooni_adapters.backup.progress import Progress, silent
from ooni_adapters.sql.batches import arrow_schema
from ooni_adapters.sql.engine import SqlEngine
from ooni_adapters.sql.schema import Table
from ooni_core.errors import Conflict, Unavailable
from ooni_core.ports import Clock


@attrs.frozen
class BackupMaker:
    """Copies tables into an object store.

    Attributes:
        engine: the database.
        catalog: where backups of the set are.
        clock: tells the name of the run.
        software: version of this program, for the manifest.
        progress: called after each part.
        export: writes files in formats for others too; for the public set.
    """

    engine: SqlEngine
    catalog: BackupCatalog
    clock: Clock
    software: str
    progress: Callable[[Progress], None] = silent
    export: PublicExport | None = None

    def run(self, tables: Sequence[Table], *, full: bool = False) -> BackupManifest:
        """Copy *tables* and return the manifest, which is in the store by then.

        Chunks that have not changed since the newest run are not copied again: the manifest points to the objects of
        that run. Each chunk is one consistent state of its rows.

        Args:
            tables: what to copy.
            full: copy everything again.

        Raises:
            Forbidden: the set is public and a table is not; nothing was copied.
            Conflict: a run began within the same second.
            Unavailable: the database or the store failed, or an object could not be read back as it was written. No
                manifest is written: the run does not exist, and the next one starts afresh.
        """
        if self.catalog.set == "public":
            check_public(tables)
        started = self.clock.now().astimezone(UTC).replace(microsecond=0)
        run = f"{started:%Y%m%dT%H%M%SZ}"
        if run in self.catalog.runs():
            raise Conflict(f"there is a {self.catalog.set} backup {run} already")
        earlier = None if full else self.catalog.newest()
        stored = tuple(self._table(run, table, earlier) for table in tables)
        exports, removed = self.export.run(tables) if self.export else ((), ())
        manifest = attrs.evolve(self._manifest(run, started, stored), exports=exports, removed=removed)
        self.catalog.publish(manifest)
        return manifest

    def _manifest(self, run: str, started: datetime, tables: tuple[StoredTable, ...]) -> BackupManifest:
        return BackupManifest(
            version=VERSION,
            set=self.catalog.set,
            run=run,
            software=self.software,
            engine=self.engine.dialect.name,
            started=started,
            finished=self.clock.now().astimezone(UTC).replace(microsecond=0),
            tables=tables,
        )

    def _table(self, run: str, table: Table, earlier: BackupManifest | None) -> StoredTable:
        columns = tuple((column.name, column.kind.name) for column in table.columns)
        known = _chunks_of(earlier, table.name, columns)
        chunks = []
        for chunk, state in planned_chunks(self.engine, table):
            same = known.get(chunk.name)
            stored = same if _unchanged(same, state) and same else self._copy(run, chunk, state)
            chunks.append(stored)
            self.progress(
                Progress(f"{table.name}/{chunk.name}", stored.object.rows, 0 if stored is same else stored.object.bytes)
            )
        ddl = tuple(self.engine.dialect.create(table))
        return StoredTable(table.name, columns, table.key, ddl, tuple(chunks))

    def _copy(self, run: str, chunk: ChunkRange, state: ChunkState) -> StoredChunk:
        table, measured = chunk.table, Measured()
        key = f"{self.catalog.folder}{run}/{table.name}/{chunk.name}.parquet"
        rows = measured.observed_rows(table, chunk_rows(self.engine, chunk))
        parts = parquet_parts(arrow_schema(table), rows)
        self.catalog.objects.replace(key, measured.observed_parts(parts))
        stored = StoredObject(key, measured.rows, measured.length, measured.object.hexdigest())
        for problem in self.catalog.verify_object(stored):
            raise Unavailable(f"the backup failed: {problem}")
        # Rows that arrived between counting and copying make the chunk look changed next time, as it should.
        updated = state.updated if measured.rows == state.rows else ""
        return StoredChunk(chunk.name, stored, measured.content.hexdigest(), updated, run)


def _chunks_of(
    manifest: BackupManifest | None, name: str, columns: tuple[tuple[str, str], ...]
) -> dict[str, StoredChunk]:
    if manifest is None:
        return {}
    same = (table for table in manifest.tables if table.name == name and table.columns == columns)
    return {chunk.name: chunk for table in same for chunk in table.chunks}


def _unchanged(stored: StoredChunk | None, state: ChunkState) -> bool:
    if stored is None or not state.updated:
        return False
    return (stored.object.rows, stored.updated) == (state.rows, state.updated)
