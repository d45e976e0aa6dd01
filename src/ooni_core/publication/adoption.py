"""Surviving the loss of the journal: what the object store already holds under this host's names is remembered anew."""

from ooni_core.errors import Invalid
from ooni_core.measurement import SpoolBucket
from ooni_core.publication.files import read_sidecar
from ooni_core.publication.model import JSONL, POSTCAN, SEEKABLE, SIDECAR, Batch, BatchName, folder_of
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
