"""The publication journal in SQLite, beside the spool.

Layout::

    <root>/uploader/journal.sqlite      batches, their measurements and lines, counters, manifests
    <root>/uploader/work/<batch>/       files built and not yet in the object store
    <root>/uploader/lock                held by the run that is under way

The database is in WAL mode with ``synchronous=FULL``: a transaction that was committed survives a power cut. Losing the
whole folder is survivable too: publication then looks at the object store first.
"""

import fcntl
import hashlib
import sqlite3
import threading
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import attrs
import msgspec

from ooni_adapters.journal.workbench import Workbench
from ooni_core.errors import Conflict, Unavailable
from ooni_core.measurement import MeasurementUid, SpoolBucket
from ooni_core.publication.model import Batch, BatchName, BatchState, FileRecord, Line, Manifest

_SCHEMA = """
CREATE TABLE IF NOT EXISTS batches (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    hour TEXT NOT NULL, cc TEXT NOT NULL, testname TEXT NOT NULL, identity TEXT NOT NULL, n INTEGER NOT NULL,
    state TEXT NOT NULL, files TEXT NOT NULL, manifest INTEGER,
    UNIQUE (hour, cc, testname, identity, n)
);
CREATE TABLE IF NOT EXISTS batch_lines (batch_id INTEGER PRIMARY KEY, lines BLOB NOT NULL);
CREATE INDEX IF NOT EXISTS open_batches ON batches (state) WHERE state <> 'done' OR manifest IS NULL;
CREATE TABLE IF NOT EXISTS members (
    uid TEXT PRIMARY KEY, batch_id INTEGER NOT NULL, place INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS members_of ON members (batch_id, place);
CREATE TABLE IF NOT EXISTS counters (
    hour TEXT NOT NULL, cc TEXT NOT NULL, testname TEXT NOT NULL, identity TEXT NOT NULL, next_n INTEGER NOT NULL,
    PRIMARY KEY (hour, cc, testname, identity)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS manifests (
    hour TEXT NOT NULL, identity TEXT NOT NULL, n INTEGER NOT NULL, published INTEGER NOT NULL,
    PRIMARY KEY (hour, identity, n)
) WITHOUT ROWID;
"""
# Before, lines stood in their batch and were written again with every change of its state: megabytes each time.
_LINES_APART = """
BEGIN IMMEDIATE;
INSERT OR IGNORE INTO batch_lines (batch_id, lines) SELECT id, lines FROM batches;
ALTER TABLE batches DROP COLUMN lines;
COMMIT;
"""
_BATCH_ID = "SELECT id FROM batches"
_BATCH = (
    "SELECT id, hour, cc, testname, identity, n, state, files, lines "
    "FROM batches LEFT JOIN batch_lines ON batch_lines.batch_id = batches.id"
)

_FILES = msgspec.json.Decoder(tuple[FileRecord, ...])
_LINES = msgspec.json.Decoder(tuple[Line, ...])


@attrs.define(eq=False)
class SqliteJournal:
    """A PublicationJournal in the folder ``uploader`` of the spool's *root*."""

    root: Path = attrs.field(converter=Path)
    _lock: threading.RLock = attrs.field(factory=threading.RLock, init=False)
    _open: sqlite3.Connection | None = attrs.field(default=None, init=False)

    @property
    def folder(self) -> Path:
        """Where the journal is."""
        return self.root / "uploader"

    def close(self) -> None:
        """Let go of the file; the next call opens it again."""
        with self._lock:
            if self._open is not None:
                self._open.close()
                self._open = None

    @contextmanager
    def exclusive(self) -> Iterator[bool]:
        """Say whether this run is alone; see PublicationJournal."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            file = (self.folder / "lock").open("ab")
        except OSError as exc:
            raise Unavailable(f"the publication journal cannot be locked: {exc}") from exc
        with file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                yield False
                return
            self._tidy()
            yield True

    def is_settled(self) -> bool:
        """Say whether this journal was compared with the object store."""
        with self._transaction() as db:
            return bool(db.execute("PRAGMA user_version").fetchone()[0])

    def settled(self) -> None:
        """Remember that it was."""
        with self._transaction() as db:
            db.execute("PRAGMA user_version = 1")

    def knows(self, bucket: SpoolBucket, identity: str) -> bool:
        """Say whether a batch of that bucket was ever planned or adopted."""
        with self._transaction() as db:
            query = "SELECT 1 FROM counters WHERE hour = ? AND cc = ? AND testname = ? AND identity = ?"
            return db.execute(query, (*_columns(bucket), identity)).fetchone() is not None

    def plan(self, bucket: SpoolBucket, identity: str, uids: Sequence[MeasurementUid], first_number: int = 0) -> Batch:
        """Bind *uids* to a new batch."""
        with self._transaction() as db:
            name = BatchName(bucket, identity, _take_number(db, bucket, identity, first_number))
            batch = Batch(name, BatchState.PLANNED, tuple(uids))
            batch_id = _insert(db, batch)
            rows = [(uid.text, batch_id, place) for place, uid in enumerate(uids)]
            try:
                db.executemany("INSERT INTO members (uid, batch_id, place) VALUES (?, ?, ?)", rows)
            except sqlite3.IntegrityError as exc:
                raise Conflict(f"a measurement of {name.stem} is in another batch already") from exc
        return batch

    def build(self, batch: Batch, files: Mapping[str, bytes], lines: Sequence[Line]) -> Batch:
        """Keep the files of a batch; see PublicationJournal."""
        with self._transaction() as db:
            batch_id = _id(db, batch)
            self._bench.keep(batch_id, {_base(key): content for key, content in files.items()})
            records = tuple(_record(key, content) for key, content in files.items())
            named = {line.measurement_uid for line in lines}
            uids = tuple(uid for uid in batch.uids if uid.text in named)
            built = Batch(batch.name, BatchState.BUILT, uids, records, tuple(lines))
            _update(db, batch_id, built)
            left_out = [(uid.text,) for uid in batch.uids if uid.text not in named]
            db.executemany("DELETE FROM members WHERE uid = ?", left_out)
        return built

    def content(self, batch: Batch, key: str) -> bytes | None:
        """Return a kept file; None when it is lost or damaged."""
        with self._transaction() as db:
            content = self._bench.fetch(_id(db, batch), _base(key))
        if content is None or _record(key, content) not in batch.files:
            return None
        return content

    def place(self, batch: Batch, key: str) -> str:
        """Return where a kept file is."""
        with self._transaction() as db:
            return str(self._bench.place(_id(db, batch), _base(key)))

    def advance(self, batch: Batch, state: BatchState) -> Batch:
        """Put *batch* into a later state."""
        with self._transaction() as db:
            batch_id = _id(db, batch)
            db.execute("UPDATE batches SET state = ? WHERE id = ?", (state.value, batch_id))
        if state is BatchState.DONE:
            self._clear(batch_id)
        return attrs.evolve(batch, state=state)

    def replan(self, batch: Batch, first_number: int = 0) -> Batch:
        """Return to PLANNED under a new number."""
        with self._transaction() as db:
            batch_id = _id(db, batch)
            bucket, identity = batch.name.bucket, batch.name.identity
            name = BatchName(bucket, identity, _take_number(db, bucket, identity, first_number))
            again = Batch(name, BatchState.PLANNED, batch.uids)
            db.execute("UPDATE batches SET n = ? WHERE id = ?", (name.number, batch_id))
            _update(db, batch_id, again)
        self._clear(batch_id)
        return again

    def drop(self, batch: Batch) -> None:
        """Forget a batch that is not uploaded."""
        with self._transaction() as db:
            batch_id = _id(db, batch)
            db.execute("DELETE FROM members WHERE batch_id = ?", (batch_id,))
            db.execute("DELETE FROM batch_lines WHERE batch_id = ?", (batch_id,))
            db.execute("DELETE FROM batches WHERE id = ?", (batch_id,))
        self._clear(batch_id)

    def adopt(self, name: BatchName, files: Mapping[str, bytes], lines: Sequence[Line]) -> Batch:
        """Remember a batch that was published before; see PublicationJournal."""
        uids = tuple(MeasurementUid(line.measurement_uid) for line in lines)
        records = tuple(_record(key, content) for key, content in files.items())
        batch = Batch(name, BatchState.INDEXED, uids, records, tuple(lines))
        with self._transaction() as db:
            row = db.execute(f"{_BATCH} WHERE {_NAMED}", _name_columns(name)).fetchone()
            if row is not None:
                return _batch(db, row)
            batch_id = _insert(db, batch)
            _take_number(db, name.bucket, name.identity, name.number)
            rows = [(uid.text, batch_id, place) for place, uid in enumerate(uids)]
            db.executemany("INSERT OR IGNORE INTO members (uid, batch_id, place) VALUES (?, ?, ?)", rows)
        return batch

    def states(self, uids: Collection[MeasurementUid]) -> Mapping[MeasurementUid, BatchState]:
        """Return the state of the batch of each of *uids* that is in one."""
        query = (
            "SELECT members.uid, batches.state FROM members JOIN batches ON batches.id = members.batch_id "
            "WHERE members.uid IN (SELECT value FROM json_each(?))"
        )
        wanted = msgspec.json.encode([uid.text for uid in uids]).decode()
        with self._transaction() as db:
            return {MeasurementUid(uid): BatchState(state) for uid, state in db.execute(query, (wanted,))}

    def unfinished(self) -> Sequence[Batch]:
        """Return all batches that are not DONE, oldest plan first."""
        with self._transaction() as db:
            rows = db.execute(f"{_BATCH} WHERE state <> 'done' ORDER BY id").fetchall()
            return [_batch(db, row) for row in rows]

    def plan_manifests(self, identity: str) -> Sequence[Manifest]:
        """Bind finished batches to manifests; return those that are not published."""
        with self._transaction() as db:
            query = "SELECT DISTINCT hour FROM batches WHERE state = 'done' AND manifest IS NULL AND identity = ?"
            for (hour,) in db.execute(query, (identity,)).fetchall():
                _bind_manifest(db, hour, identity)
            query = "SELECT hour, n FROM manifests WHERE published = 0 AND identity = ? ORDER BY hour, n"
            due = db.execute(query, (identity,)).fetchall()
            return [_manifest(db, hour, identity, number) for hour, number in due]

    def manifest_published(self, manifest: Manifest) -> None:
        """Remember that *manifest* is in the object store."""
        with self._transaction() as db:
            query = "UPDATE manifests SET published = 1 WHERE hour = ? AND identity = ? AND n = ?"
            db.execute(query, (manifest.hour, manifest.identity, manifest.number))

    def replan_manifest(self, manifest: Manifest, number: int) -> Manifest:
        """Give *manifest* another number; see PublicationJournal."""
        hour, identity = manifest.hour, manifest.identity
        with self._transaction() as db:
            number = max(number, _next_manifest(db, hour, identity))
            values = (number, hour, identity, manifest.number)
            db.execute("UPDATE manifests SET n = ? WHERE hour = ? AND identity = ? AND n = ?", values)
            db.execute("UPDATE batches SET manifest = ? WHERE hour = ? AND identity = ? AND manifest = ?", values)
        return attrs.evolve(manifest, number=number)

    def prune(self, before: datetime) -> None:
        """Forget finished batches of old hours; manifest numbers stay used."""
        hour = f"{before:%Y%m%d%H}"
        old = (
            "SELECT id FROM batches JOIN manifests ON manifests.hour = batches.hour "
            "AND manifests.identity = batches.identity AND manifests.n = batches.manifest "
            "WHERE state = 'done' AND published = 1 AND batches.hour < ?"
        )
        with self._transaction() as db:
            numbers = db.execute(old, (hour,)).fetchall()
            db.executemany("DELETE FROM members WHERE batch_id = ?", numbers)
            db.executemany("DELETE FROM batch_lines WHERE batch_id = ?", numbers)
            db.executemany("DELETE FROM batches WHERE id = ?", numbers)
            db.execute("DELETE FROM counters WHERE hour < ? AND hour NOT IN (SELECT hour FROM batches)", (hour,))

    @property
    def _bench(self) -> Workbench:
        return Workbench(self.folder / "work")

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            try:
                db = self._connection()
                db.execute("BEGIN IMMEDIATE")
                try:
                    yield db
                    db.execute("COMMIT")
                finally:
                    if db.in_transaction:
                        db.execute("ROLLBACK")
            except (sqlite3.Error, OSError) as exc:
                self.close()  # the next call starts from what is on disk
                raise Unavailable(f"the publication journal at {self.folder} failed: {exc}") from exc

    def _connection(self) -> sqlite3.Connection:
        if self._open is None:
            self.folder.mkdir(parents=True, exist_ok=True)
            db = sqlite3.connect(
                self.folder / "journal.sqlite", isolation_level=None, check_same_thread=False, timeout=30
            )
            self._open = db
            db.execute("PRAGMA journal_mode = WAL")
            db.execute("PRAGMA synchronous = FULL")
            db.executescript(_SCHEMA)
            if db.execute("SELECT 1 FROM pragma_table_info('batches') WHERE name = 'lines'").fetchone():
                db.executescript(_LINES_APART)
        return self._open

    def _clear(self, batch_id: int) -> None:
        try:
            self._bench.clear(batch_id)
        except OSError:
            return  # the next run tidies up

    def _tidy(self) -> None:
        with self._transaction() as db:
            due = [batch_id for (batch_id,) in db.execute("SELECT id FROM batches WHERE state <> 'done'")]
            self._bench.clear_all_but(due)


_NAMED = "hour = ? AND cc = ? AND testname = ? AND identity = ? AND n = ?"


def _columns(bucket: SpoolBucket) -> tuple[str, str, str]:
    return bucket.hour, bucket.probe_cc, bucket.test_name


def _name_columns(name: BatchName) -> tuple[Any, ...]:
    return (*_columns(name.bucket), name.identity, name.number)


def _base(key: str) -> str:
    return key.rpartition("/")[2]


def _record(key: str, content: bytes) -> FileRecord:
    return FileRecord(key, hashlib.sha256(content).hexdigest(), len(content))


def _take_number(db: sqlite3.Connection, bucket: SpoolBucket, identity: str, first_number: int) -> int:
    """Return a number never used before, and use it up."""
    where = (*_columns(bucket), identity)
    query = "SELECT next_n FROM counters WHERE hour = ? AND cc = ? AND testname = ? AND identity = ?"
    row = db.execute(query, where).fetchone()
    number = max(first_number, row[0] if row else 0)
    statement = "INSERT OR REPLACE INTO counters (hour, cc, testname, identity, next_n) VALUES (?, ?, ?, ?, ?)"
    db.execute(statement, (*where, number + 1))
    return int(number)


def _insert(db: sqlite3.Connection, batch: Batch) -> int:
    statement = "INSERT INTO batches (hour, cc, testname, identity, n, state, files) VALUES (?, ?, ?, ?, ?, ?, '[]')"
    cursor = db.execute(statement, (*_name_columns(batch.name), batch.state.value))
    if cursor.lastrowid is None:
        raise sqlite3.DatabaseError("a batch was inserted and has no number")
    _update(db, cursor.lastrowid, batch)
    return cursor.lastrowid


def _update(db: sqlite3.Connection, batch_id: int, batch: Batch) -> None:
    files, lines = msgspec.json.encode(batch.files).decode(), msgspec.json.encode(batch.lines)
    db.execute("UPDATE batches SET state = ?, files = ? WHERE id = ?", (batch.state.value, files, batch_id))
    db.execute("INSERT OR REPLACE INTO batch_lines (batch_id, lines) VALUES (?, ?)", (batch_id, lines))


def _id(db: sqlite3.Connection, batch: Batch) -> int:
    row = db.execute(f"{_BATCH_ID} WHERE {_NAMED}", _name_columns(batch.name)).fetchone()
    if row is None:
        raise Conflict(f"the journal has no batch {batch.name.stem}")
    return int(row[0])


def _batch(db: sqlite3.Connection, row: Sequence[Any]) -> Batch:
    members = db.execute("SELECT uid FROM members WHERE batch_id = ? ORDER BY place", (row[0],))
    return attrs.evolve(_published(row), uids=tuple(MeasurementUid(uid) for (uid,) in members))


def _published(row: Sequence[Any]) -> Batch:
    """Read a batch without its uids, whose lines tell them too."""
    _, hour, cc, testname, identity, number, state, files, lines = row
    name = BatchName(SpoolBucket(hour, cc, testname), identity, number)
    return Batch(name, BatchState(state), (), _FILES.decode(files), _LINES.decode(lines))


def _bind_manifest(db: sqlite3.Connection, hour: str, identity: str) -> None:
    number = _next_manifest(db, hour, identity)
    db.execute("INSERT INTO manifests (hour, identity, n, published) VALUES (?, ?, ?, 0)", (hour, identity, number))
    db.execute(
        "UPDATE batches SET manifest = ? WHERE hour = ? AND identity = ? AND state = 'done' AND manifest IS NULL",
        (number, hour, identity),
    )


def _next_manifest(db: sqlite3.Connection, hour: str, identity: str) -> int:
    query = "SELECT coalesce(max(n) + 1, 0) FROM manifests WHERE hour = ? AND identity = ?"
    return int(db.execute(query, (hour, identity)).fetchone()[0])


def _manifest(db: sqlite3.Connection, hour: str, identity: str, number: int) -> Manifest:
    where = "WHERE hour = ? AND identity = ? AND manifest = ? ORDER BY cc, testname, n"
    rows = db.execute(f"{_BATCH} {where}", (hour, identity, number)).fetchall()
    return Manifest(hour, identity, number, tuple(map(_published, rows)))
