"""Backups and exports of the database that the settings name."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import attrs

from ooni_adapters.backup import PUBLIC_TABLES, BackupCatalog, BackupMaker, BackupManifest, Progress, PublicExport
from ooni_adapters.sql.engine import SqlEngine
from ooni_adapters.sql.schema import Table
from ooni_adapters.sql.tables import PREVIOUS, SCHEMA_MIGRATIONS, STORED_BATCHES, TABLES
from ooni_adapters.sql.tables.rollups import ROLLUP_TABLES
from ooni_core.errors import Invalid
from ooni_core.ports import Clock
from ooni_entrypoints.settings import Settings

# Derived from other tables, or about this database alone: made anew wherever a backup is restored.
_NOT_COPIED = {
    SCHEMA_MIGRATIONS.name,
    STORED_BATCHES.name,
    *(table.name for table in PREVIOUS.values()),
    *(table.name for table in ROLLUP_TABLES),
}


def _silent(progress: Progress) -> None:
    """Nobody watches."""


def backup_url(settings: Settings, set: str) -> str:
    """Return the URL of the object store that holds the backups of a set."""
    from ooni_entrypoints.composition import objects_url

    if set == "public":
        return settings.backup.public or objects_url(settings)
    return settings.backup.private or f"file://{(settings.storage.data_dir / 'backups').absolute()}"


def open_catalog(settings: Settings, set: str, url: str = "") -> BackupCatalog:
    """Open the backups of a set, at *url* or where the settings say.

    Raises:
        Invalid: the URL names no store.
    """
    from ooni_entrypoints.composition import open_objects

    at = attrs.evolve(settings.storage, objects=url or backup_url(settings, set))
    return BackupCatalog(open_objects(attrs.evolve(settings, storage=at)), set)


def tables_of(set: str, names: Sequence[str] = ()) -> list[Table]:
    """Return the tables of a set, or those of them that are named.

    Raises:
        Invalid: a name is not one of them.
    """
    copied = [table for table in TABLES.values() if table.name not in _NOT_COPIED]
    tables = {table.name: table for table in (PUBLIC_TABLES if set == "public" else copied)}
    for name in names:
        if name not in tables:
            raise Invalid(f"{name!r} is not a table of the {set} set: one of {', '.join(tables)}")
    return [tables[name] for name in names] or list(tables.values())


def make_backup(
    engine: SqlEngine,
    clock: Clock,
    catalog: BackupCatalog,
    names: Sequence[str] = (),
    *,
    full: bool = False,
    keep: int = 0,
    progress: Callable[[Progress], None] = _silent,
) -> BackupManifest:
    """Copy the tables of a set; a public set also gets its CSV files.

    Args:
        engine: the database.
        clock: tells the name of the run.
        catalog: where the set is.
        names: which tables; empty for all of the set.
        full: copy what has not changed too.
        keep: afterwards forget all but this many runs; 0 keeps all.
        progress: called after each part.

    Raises:
        Unavailable: something could not be copied or read back; the run does not exist.
        Invalid: a table is not one of the set.
    """
    from ooni_entrypoints.composition import version

    export = PublicExport(engine, catalog, progress) if catalog.set == "public" else None
    maker = BackupMaker(engine, catalog, clock, version(), progress, export)
    manifest = maker.run(tables_of(catalog.set, names), full=full)
    if keep:
        catalog.prune(keep)
    return manifest


def backup_commands(settings: Settings, engine: SqlEngine, clock: Clock) -> Mapping[str, Callable[..., Any]]:
    """Return what other processes may ask of a running service; see `ooni_entrypoints.control`."""

    def backup(*, set: str, url: str, tables: list[str], full: bool, keep: int) -> dict[str, Any]:
        manifest = make_backup(engine, clock, open_catalog(settings, set, url), tables, full=full, keep=keep)
        return summary(manifest)

    return {"backup": backup}


def summary(manifest: BackupManifest) -> dict[str, Any]:
    """Describe a run in a few numbers."""
    chunks = [chunk for table in manifest.tables for chunk in table.chunks]
    return {
        "run": manifest.run,
        "set": manifest.set,
        "tables": len(manifest.tables),
        "rows": sum(table.rows for table in manifest.tables),
        "chunks": len(chunks),
        "copied": sum(chunk.copied == manifest.run for chunk in chunks),
        "bytes": sum(chunk.object.bytes for chunk in chunks if chunk.copied == manifest.run)
        + sum(export.bytes for export in manifest.exports),
        "exports": len(manifest.exports),
    }
