"""Portions of a run that lie in object storage."""

from collections.abc import Iterable, Iterator

import attrs

from ooni_adapters.measurementfiles import Entry, Rejected, read_stream
from ooni_adapters.measurementfiles.model import DamagedFileError
from ooni_adapters.measurementfiles.published import PublishedFile
from ooni_adapters.measurementfiles.remote import PublishedFiles
from ooni_adapters.measurementfiles.sidecar import index_name, uids_in_index
from ooni_core.errors import NotFound, OoniError

_SHARE_BYTES = 4 * 2**20
_SHARE_FILES = 50


@attrs.frozen
class StoredObjects:
    """Published files that the worker reads one after the other from where they are published.

    Attributes:
        size: theirs as stored, in bytes.
    """

    store: PublishedFiles
    keys: tuple[str, ...]
    size: int

    def entries(self) -> Iterator[Entry]:
        """Yield what the files hold; a file that cannot be read ends in a Rejected that says so."""
        for key in self.keys:
            try:
                with self.store.open(key) as raw:
                    yield from read_stream(raw, key, self._uids(key))
            except (OoniError, DamagedFileError) as exc:
                yield Rejected(key, str(exc), "bad_file")

    def _uids(self, key: str) -> dict[int, str] | None:
        name = index_name(key)
        if name is None:
            return None
        try:
            with self.store.open(name) as raw:
                return uids_in_index(raw, name)
        except NotFound:
            return None


def stored_objects(store: PublishedFiles, files: Iterable[PublishedFile]) -> Iterator[StoredObjects]:
    """Group *files* into portions, in order: large files alone, small ones together."""
    group: list[PublishedFile] = []
    for file in files:
        if group and (sum(f.size for f in group) + file.size > _SHARE_BYTES or len(group) == _SHARE_FILES):
            yield _together(store, group)
            group = []
        group.append(file)
    if group:
        yield _together(store, group)


def _together(store: PublishedFiles, group: list[PublishedFile]) -> StoredObjects:
    return StoredObjects(store, tuple(file.key for file in group), sum(file.size for file in group))


_PREFERENCE = ("postcan", "can", "jsonl", "jsonl.zst")


def one_form_each(files: Iterable[PublishedFile]) -> Iterator[PublishedFile]:
    """Pass on one file of each batch: its archive where there is one, as that holds names and envelopes too.

    Args:
        files: as listed; the forms of one batch stand together, since their keys differ in the ending only.
    """
    batch: list[PublishedFile] = []
    for file in files:
        if file.form not in _PREFERENCE:
            continue
        if batch and _stem(batch[0]) != _stem(file):
            yield min(batch, key=lambda one: _PREFERENCE.index(one.form))
            batch = []
        batch.append(file)
    if batch:
        yield min(batch, key=lambda one: _PREFERENCE.index(one.form))


def _stem(file: PublishedFile) -> str:
    for ending in (".tar.gz", ".jsonl.gz", ".jsonl.zst"):
        if file.key.endswith(ending):
            return file.key.removesuffix(ending)
    return file.key
