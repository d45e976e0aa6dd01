"""Surviving the loss of the journal: what the object store already holds under this host's names is remembered anew."""

from collections.abc import Iterator

from ooni_core.errors import Invalid
from ooni_core.measurement import SpoolBucket
from ooni_core.publication.files import read_sidecar
from ooni_core.publication.manifests import read_manifest
from ooni_core.publication.model import (
    JSONL,
    POSTCAN,
    SEEKABLE,
    SIDECAR,
    Batch,
    BatchName,
    BatchState,
    Manifest,
    folder_of,
)
from ooni_core.publication.ports import BodyIndex, ObjectStore, PublicationJournal


def published_files(objects: ObjectStore, bucket: SpoolBucket, identity: str) -> dict[BatchName, set[str]]:
    """Return the suffixes of the published files of *bucket* and *identity*, by batch."""
    found: dict[BatchName, set[str]] = {}
    for key in objects.keys(folder_of(bucket)):
        try:
            name, suffix = BatchName.parse(key)
        except Invalid:
            continue  # somebody else's file
        if name.bucket == bucket and name.identity == identity:
            found.setdefault(name, set()).add(suffix)
    return found


def next_number(objects: ObjectStore, bucket: SpoolBucket, identity: str) -> int:
    """Return the first number that no published file of *bucket* and *identity* has, or had before a withdrawal."""
    used = [-1]
    for key in objects.keys(folder_of(bucket)):
        try:
            name, _ = BatchName.parse(key)
        except Invalid:
            continue  # somebody else's file
        if name.bucket == bucket and identity in {name.identity, name.original.identity}:
            used.append(name.number)
    return max(used) + 1


def adopt_published(
    journal: PublicationJournal, objects: ObjectStore, index: BodyIndex, bucket: SpoolBucket, identity: str
) -> list[Batch]:
    """Take over every complete batch of *bucket* that the store holds: index it, and never publish it again.

    A batch is complete when its ``.jsonl.gz`` is there, because that is uploaded last. Files of an older writer have no
    index beside them and are left to ``rebuild``.
    """
    adopted = []
    for name, suffixes in sorted(published_files(objects, bucket, identity).items()):
        if not {SIDECAR, JSONL} <= suffixes:
            continue
        order = [suffix for suffix in (POSTCAN, SIDECAR, SEEKABLE, JSONL) if suffix in suffixes]
        files = {name.key(suffix): objects.get(name.key(suffix)) for suffix in order}
        lines = read_sidecar(files[name.key(SIDECAR)])
        index.put([line.entry(name.key(JSONL)) for line in lines if not line.problem])
        adopted.append(journal.adopt(name, files, lines))
    return adopted


def published_manifests(objects: ObjectStore, identity: str, day: str) -> Iterator[Manifest]:
    """Yield the manifests that this host published about hours of *day* (``YYYYMMDD``), without their files' bytes.

    Batches whose files are gone, because a body in them was withdrawn, are left out.

    Raises:
        Invalid: a manifest or an index is damaged.
    """
    for key in objects.keys(f"manifests/{day}"):
        document = read_manifest(objects.get(key))
        if document.identity == identity:
            sidecars = [file.key for file in document.files if file.key.endswith(SIDECAR)]
            batches = tuple(batch for sidecar in sidecars if (batch := _listed_batch(objects, sidecar)) is not None)
            yield Manifest(document.hour, identity, document.number, batches)


def unlisted_buckets(objects: ObjectStore, identity: str, day: str) -> list[SpoolBucket]:
    """Return what this host published of *day* and no manifest lists: a journal was lost before it was.

    Raises:
        Invalid: a manifest is damaged.
    """
    manifests = [read_manifest(objects.get(key)) for key in objects.keys(f"manifests/{day}")]
    listed = {file.key for manifest in manifests for file in manifest.files}
    unlisted = (key for key in objects.keys(f"raw/{day}") if key.endswith(JSONL) and key not in listed)
    names = (_named(key) for key in unlisted)
    return sorted({name.bucket for name in names if name is not None and name.identity == identity})


def _listed_batch(objects: ObjectStore, sidecar: str) -> Batch | None:
    name = _named(sidecar)
    if name is None or objects.size(sidecar) is None:
        return None
    lines = read_sidecar(objects.get(sidecar))
    return Batch(name, BatchState.DONE, (), (), lines)


def _named(key: str) -> BatchName | None:
    try:
        return BatchName.parse(key)[0]
    except Invalid:
        return None  # somebody else's file
