"""Whole published files, with the checksums under which they were published."""

import hashlib
import re
from collections.abc import Iterator

import attrs

from ooni_core.archive.cache import RecentParts
from ooni_core.errors import Invalid, NotFound, Unavailable
from ooni_core.publication.manifests import ListedFile, read_manifest
from ooni_core.publication.ports import ObjectStore

_PUBLIC = re.compile(r"(?:raw/(?P<day>[0-9]{8})/(?P<hour>[0-9]{2})|jsonl|canned|manifests)/[A-Za-z0-9_./-]+")
_PART = 2**20


@attrs.frozen
class WholeFile:
    """A published file on its way to a reader.

    Attributes:
        length: in bytes.
        sha256: of the content, hexadecimal, as its manifest says; empty for files that no manifest lists.
        parts: the content, once. When it is not what the manifest says, the last part never comes: Unavailable does.
    """

    length: int
    sha256: str
    parts: Iterator[bytes]


@attrs.frozen
class FileArchive:
    """Gives out published files, and nothing else that the object store holds.

    Attributes:
        recent: manifests, which never change.
    """

    objects: ObjectStore
    recent: RecentParts = attrs.field(factory=lambda: RecentParts(parts=16, part_bytes=8 * 2**20))

    def open(self, key: str) -> WholeFile:
        """Return the file *key*; its content is read while it is sent.

        Raises:
            NotFound: no such file is published.
            Unavailable: the store failed, or holds something else than what was published.
        """
        match = _PUBLIC.fullmatch(key)
        if match is None or ".." in key:
            raise NotFound("there is no such published file")
        length = self.objects.size(key)
        if length is None:
            raise NotFound("there is no such published file")
        listed = self._listed(key, match["day"], match["hour"]) if match["day"] else None
        if listed is None:
            return WholeFile(length, "", self._read(key, length))
        if listed.bytes != length:
            raise Unavailable(f"{key} is not the file that was published")
        return WholeFile(length, listed.sha256, _checked(key, listed.sha256, self._read(key, length)))

    def _listed(self, key: str, day: str, hour: str) -> ListedFile | None:
        for manifest in self.objects.keys(f"manifests/{day}/{hour}"):
            try:
                files = read_manifest(self._manifest(manifest)).files
            except Invalid as exc:
                raise Unavailable(f"{manifest}: {exc}") from exc
            found = next((file for file in files if file.key == key), None)
            if found is not None:
                return found
        return None

    def _manifest(self, key: str) -> bytes:
        content = self.recent.get(key)
        if content is None:
            content = self.objects.get(key)
            self.recent.put(key, content)
        return content

    def _read(self, key: str, length: int) -> Iterator[bytes]:
        for offset in range(0, length, _PART):
            yield self.objects.get_range(key, offset, min(_PART, length - offset))


def _checked(key: str, sha256: str, parts: Iterator[bytes]) -> Iterator[bytes]:
    """Hand parts on, the last one only when all of them are what was published."""
    digest, held = hashlib.sha256(), b""
    for part in parts:
        digest.update(part)
        if held:
            yield held
        held = part
    if digest.hexdigest() != sha256:
        raise Unavailable(f"{key} is not the file that was published")
    yield held
