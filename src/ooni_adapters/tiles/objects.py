"""The files of a log as objects beside the published data."""

from collections.abc import Sequence

import attrs

from ooni_core.errors import NotFound
from ooni_core.publication.ports import ObjectStore

PREFIX = "transparency/"


@attrs.frozen
class ObjectTiles:
    """A LogStorage in an object store.

    Attributes:
        objects: the store of the published files.
        prefix: folder of the log in it, ending in ``/``.
    """

    objects: ObjectStore
    prefix: str = PREFIX

    def read(self, path: str) -> bytes | None:
        """Return the file, or None when there is none."""
        try:
            return self.objects.get(self.prefix + path)
        except NotFound:
            return None

    def add(self, path: str, content: bytes) -> None:
        """Keep *content* under *path*; the store refuses to put other bytes over it."""
        self.objects.put(self.prefix + path, content)

    def point(self, path: str, content: bytes) -> None:
        """Keep *content* under *path*, in place of what was there."""
        self.objects.replace(self.prefix + path, [content])

    def names(self, folder: str) -> Sequence[str]:
        """Return the paths below *folder*, sorted."""
        return [key.removeprefix(self.prefix) for key in self.objects.keys(f"{self.prefix}{folder}/")]

    def remove(self, path: str) -> None:
        """Forget the file."""
        self.objects.delete(self.prefix + path)
