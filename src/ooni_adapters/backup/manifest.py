"""The manifest of a backup: what it holds, and how to tell that it is whole."""

from datetime import datetime

import attrs
import msgspec

from ooni_core.errors import Invalid

VERSION = 1


@attrs.frozen
class StoredObject:
    """An object of a backup or export.

    Attributes:
        key: where it is.
        rows: rows in it.
        bytes: its length.
        sha256: hash of its bytes, hex.
    """

    key: str
    rows: int
    bytes: int
    sha256: str


@attrs.frozen
class StoredChunk:
    """A chunk of a table.

    Attributes:
        name: which part of the table: ``all``, or how the keys of its rows begin.
        object: the Parquet file.
        content_sha256: hash (hex) over its rows as CSV lines in key order; the same for equal rows on every engine.
        updated: largest ``update_time`` when it was copied, to tell whether it changed; empty when unknown.
        copied: which run copied it; an earlier one when the chunk has not changed since.
    """

    name: str
    object: StoredObject
    content_sha256: str
    updated: str
    copied: str


@attrs.frozen
class StoredTable:
    """A table of a backup.

    Attributes:
        columns: name and kind of each column, in order.
        key: names of the key columns.
        ddl: statements that made the table in the engine it came from, for people.
        chunks: in key order.
    """

    name: str
    columns: tuple[tuple[str, str], ...]
    key: tuple[str, ...]
    ddl: tuple[str, ...]
    chunks: tuple[StoredChunk, ...]

    @property
    def rows(self) -> int:
        """Number of rows."""
        return sum(chunk.object.rows for chunk in self.chunks)


@attrs.frozen
class BackupManifest:
    """A backup, or an export.

    Attributes:
        version: of this format.
        set: ``private`` or ``public``.
        run: name of the run: the instant at which it began, ``YYYYMMDDTHHMMSSZ``.
        software: version of the program that made it.
        engine: the kind of database it came from.
        started, finished: aware instants, UTC.
        tables: what was copied.
        exports: further files in formats for others.
        removed: keys of earlier exports that no longer belong to it and were deleted.
    """

    version: int
    set: str
    run: str
    software: str
    engine: str
    started: datetime
    finished: datetime
    tables: tuple[StoredTable, ...]
    exports: tuple[StoredObject, ...] = ()
    removed: tuple[str, ...] = ()

    @classmethod
    def parse(cls, content: bytes) -> "BackupManifest":
        """Read a manifest.

        Raises:
            Invalid: it is something else, or of a version this program does not know.
        """
        try:
            manifest = msgspec.json.decode(content, type=cls)
        except msgspec.MsgspecError as exc:
            raise Invalid(f"not the manifest of a backup: {exc}") from exc
        if manifest.version != VERSION:
            raise Invalid(f"a backup of version {manifest.version} cannot be read, only {VERSION}")
        return manifest

    @property
    def content(self) -> bytes:
        """The manifest as it is stored."""
        return msgspec.json.format(msgspec.json.encode(self), indent=1) + b"\n"

    def table(self, name: str) -> StoredTable:
        """Return one table.

        Raises:
            Invalid: the backup does not hold it.
        """
        for table in self.tables:
            if table.name == name:
                return table
        raise Invalid(f"backup {self.run} has no table {name!r}; it has {', '.join(t.name for t in self.tables)}")
