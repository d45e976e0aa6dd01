"""Which backups there are, where their parts are, and which may go."""

import hashlib
from collections.abc import Iterator

import attrs
import msgspec

from ooni_adapters.backup.manifest import BackupManifest, StoredObject
from ooni_core.errors import Invalid, NotFound
from ooni_core.publication.ports import ObjectStore

_READ_BYTES = 8 << 20


@attrs.frozen
class BackupCatalog:
    """The backups of one set in one object store.

    Attributes:
        objects: the store.
        set: ``private`` or ``public``.
    """

    objects: ObjectStore
    set: str = attrs.field(validator=attrs.validators.in_(("private", "public")))

    @property
    def folder(self) -> str:
        """Where the set is, ending in a slash."""
        return f"backup/{self.set}/"

    def manifest_key(self, run: str) -> str:
        """Where the manifest of a run is."""
        return f"{self.folder}{run}/manifest.json"

    def runs(self) -> list[str]:
        """Return the names of all complete runs, oldest first.

        Raises:
            Unavailable: the store failed.
        """
        keys = self.objects.keys(self.folder.rstrip("/"))
        return [key.split("/")[2] for key in keys if key.endswith("/manifest.json")]

    def manifest(self, run: str = "latest") -> BackupManifest:
        """Return the manifest of a run.

        Raises:
            NotFound: there is no such complete run.
            Invalid: the manifest is damaged.
            Unavailable: the store failed.
        """
        if run == "latest":
            run = self._latest()
        manifest = BackupManifest.parse(self.objects.get(self.manifest_key(run)))
        if (manifest.set, manifest.run) != (self.set, run):
            raise Invalid(f"the manifest of {self.set} run {run} says that it is {manifest.set} run {manifest.run}")
        return manifest

    def newest(self) -> BackupManifest | None:
        """Return the newest complete run, or None when there is none."""
        try:
            return self.manifest()
        except NotFound:
            return None

    def publish(self, manifest: BackupManifest) -> None:
        """Make a run exist: its manifest is written last, then the pointer to it."""
        self.objects.put(self.manifest_key(manifest.run), manifest.content)
        self.objects.replace(f"{self.folder}latest.json", [msgspec.json.encode({"run": manifest.run}) + b"\n"])

    def verify(self, manifest: BackupManifest) -> Iterator[str]:
        """Read every object of a run again; yield one sentence for each that is not what was written."""
        for table in manifest.tables:
            for chunk in table.chunks:
                yield from self.verify_object(chunk.object)
        for export in manifest.exports:
            yield from self.verify_object(export)

    def verify_object(self, stored: StoredObject) -> Iterator[str]:
        """Read one object again, in parts; yield a sentence when it is not what was written."""
        digest, length = hashlib.sha256(), 0
        try:
            for part in self.parts(stored.key):
                digest.update(part)
                length += len(part)
        except NotFound:
            yield f"{stored.key} is missing"
            return
        if (length, digest.hexdigest()) != (stored.bytes, stored.sha256):
            yield f"{stored.key} is damaged: {length} bytes with another hash than the {stored.bytes} that were written"

    def parts(self, key: str) -> Iterator[bytes]:
        """Read an object in parts of a few megabytes.

        Raises:
            NotFound: there is no such object.
        """
        size = self.objects.size(key)
        if size is None:
            raise NotFound(f"there is no object {key}")
        for start in range(0, size, _READ_BYTES):
            yield self.objects.get_range(key, start, _READ_BYTES)

    def prune(self, keep: int) -> list[str]:
        """Forget all but the newest *keep* runs and the objects that only they use; return the deleted keys.

        Manifests go first: a run that lost an object must not look whole.
        """
        if keep < 1:
            raise Invalid("at least one backup must be kept")
        runs = self.runs()
        kept = {run: self.manifest(run) for run in runs[-keep:]}
        used = {chunk.object.key for manifest in kept.values() for table in manifest.tables for chunk in table.chunks}
        gone = [self.manifest_key(run) for run in runs[:-keep]]
        newest = max(kept, default="")
        for key in self.objects.keys(self.folder.rstrip("/")):
            parts = key.split("/")
            # Parts of a run that is under way, or was cut, after the newest kept one are left alone.
            if len(parts) > 4 and key not in used and parts[2] <= newest:
                gone.append(key)
        for key in gone:
            self.objects.delete(key)
        return gone

    def _latest(self) -> str:
        try:
            pointer = msgspec.json.decode(self.objects.get(f"{self.folder}latest.json"), type=dict[str, str])
        except (NotFound, msgspec.MsgspecError):
            runs = self.runs()
            if not runs:
                raise NotFound(f"there is no {self.set} backup here") from None
            return runs[-1]
        return pointer["run"]
