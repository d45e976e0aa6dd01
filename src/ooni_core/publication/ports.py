"""What publication needs from the outside world."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Protocol

from ooni_core.measurement import MeasurementUid, SpoolBucket
from ooni_core.publication.model import Batch, BatchName, BatchState, IndexEntry, Line, Manifest


class ObjectStore(Protocol):
    """Holds published files by key. Keys use ``/`` and never begin with it."""

    def put(self, key: str, content: bytes, copy: str = "") -> None:
        """Store *content* under *key*, all of it or nothing. Putting equal bytes again does nothing.

        *copy* names a local file, if there is one, that holds just that, durably, and is never written to again: a
        store on the same file system may take it in, instead of writing the bytes a second time.

        Raises:
            Conflict: other bytes are already stored under *key*; nothing was changed.
            Unavailable: the store failed; the object may be there or not, never half of it.
        """

    def replace(self, key: str, parts: Iterable[bytes]) -> None:
        """Store the joined *parts* under *key*, in place of what was there, holding only some of them in memory.

        A reader sees the old object or the new one, never less. When *parts* itself raises, the old object stays.
        Published measurements never go this way: it is for pointers, exports and lists.

        Raises:
            Unavailable: the store failed; the object is the old one or the new one.
        """

    def get(self, key: str) -> bytes:
        """Return the whole object.

        Raises:
            NotFound: there is no such object.
            Unavailable: the store failed.
        """

    def get_range(self, key: str, offset: int, length: int) -> bytes:
        """Return *length* bytes from *offset*, fewer only at the end of the object.

        Raises:
            NotFound: there is no such object.
            Unavailable: the store failed, or answered with fewer bytes than the object has there.
        """

    def size(self, key: str) -> int | None:
        """Return the length in bytes, or None when there is no such object.

        Raises:
            Unavailable: the store failed.
        """

    def keys(self, prefix: str) -> Iterable[str]:
        """Return the keys below the folder *prefix* (``""`` for all), sorted.

        Raises:
            Unavailable: the store failed.
        """

    def delete(self, key: str) -> None:
        """Remove an object; one that is not there is ignored.

        Raises:
            Unavailable: the store failed.
        """


class BodyIndex(Protocol):
    """Says where each published body is (the ``jsonl`` table): one entry per measurement uid, the last put wins."""

    def put(self, entries: Sequence[IndexEntry]) -> None:
        """Store all of *entries*, or none. Putting them again changes nothing.

        Raises:
            Unavailable: nothing was stored.
        """

    def by_uid(self, measurement_uid: str) -> IndexEntry | None:
        """Return where the body of *measurement_uid* is, or None."""

    def by_report(self, report_id: str, input: str) -> Sequence[IndexEntry]:
        """Return all bodies published for that pair, newest uid first; *input* is ``""`` for tests without one."""


class PublicationJournal(Protocol):
    """Remembers, durably, what publication is doing, so that a run can be cut anywhere and taken up again.

    Every method is one transaction: when it returns it survives a power cut, when it raises nothing happened. All raise
    Unavailable when the medium failed.
    """

    def exclusive(self) -> AbstractContextManager[bool]:
        """Say on entry whether this run is alone; while it is inside, every other one is told False."""

    def is_settled(self) -> bool:
        """Say whether this journal was compared with the object store; one that was just made was not."""

    def settled(self) -> None:
        """Remember that it was."""

    def knows(self, bucket: SpoolBucket, identity: str) -> bool:
        """Say whether a batch of that bucket and identity was ever planned or adopted here."""

    def plan(self, bucket: SpoolBucket, identity: str, uids: Sequence[MeasurementUid], first_number: int = 0) -> Batch:
        """Bind *uids* to a new batch.

        Its number is the lowest that was never used for that bucket and identity, and at least *first_number*.

        Raises:
            Conflict: one of *uids* is in a batch already.
        """

    def build(self, batch: Batch, files: Mapping[str, bytes], lines: Sequence[Line]) -> Batch:
        """Keep the files of a batch that is not uploaded (content by key, in the order of upload); it becomes BUILT.

        Measurements that have no line leave the batch and may be planned again.
        """

    def content(self, batch: Batch, key: str) -> bytes | None:
        """Return a kept file, or None when it is lost or not the one that was built."""

    def place(self, batch: Batch, key: str) -> str:
        """Return where a kept file is until it is let go; it is never written to again."""

    def advance(self, batch: Batch, state: BatchState) -> Batch:
        """Put *batch* into a later state. DONE lets go of the kept files."""

    def replan(self, batch: Batch, first_number: int = 0) -> Batch:
        """Return to PLANNED under a number never used before: another object has the old name."""

    def drop(self, batch: Batch) -> None:
        """Forget a batch that is not uploaded.

        Its measurements may be planned again; its number is never used again.
        """

    def adopt(self, name: BatchName, files: Mapping[str, bytes], lines: Sequence[Line]) -> Batch:
        """Remember a batch that was published before this journal existed; it is INDEXED and its numbers are used up.

        Content by key tells the files' lengths and hashes; nothing is kept of it. Adopting it again does nothing.
        """

    def states(self, uids: Collection[MeasurementUid]) -> Mapping[MeasurementUid, BatchState]:
        """Return the state of the batch of each of *uids* that is in one."""

    def unfinished(self) -> Sequence[Batch]:
        """Return all batches that are not DONE, oldest plan first."""

    def plan_manifests(self, identity: str) -> Sequence[Manifest]:
        """Bind every DONE batch that is in no manifest to a new one of its hour; return all that are not published."""

    def manifest_published(self, manifest: Manifest) -> None:
        """Remember that *manifest* is in the object store."""

    def replan_manifest(self, manifest: Manifest, number: int) -> Manifest:
        """Give *manifest* another number, at least *number* and never used before: another object has its name."""

    def prune(self, before: datetime) -> None:
        """Forget finished batches of hours that began before that instant and are listed in published manifests."""
