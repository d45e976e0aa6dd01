"""Published files in memory: for tests and notebooks."""

import threading
from collections.abc import Iterable

import attrs

from ooni_adapters.objectstore.keys import checked_key
from ooni_core.errors import Conflict, NotFound

_STORES: dict[str, "MemoryObjects"] = {}
_STORES_LOCK = threading.Lock()


@attrs.define
class MemoryObjects:
    """An ObjectStore in memory. Nothing survives the process."""

    _contents: dict[str, bytes] = attrs.field(factory=dict, init=False)
    _lock: threading.Lock = attrs.field(factory=threading.Lock, init=False)

    def put(self, key: str, content: bytes, copy: str = "") -> None:
        """Store *content*; see ObjectStore."""
        with self._lock:
            if self._contents.setdefault(checked_key(key), bytes(content)) != content:
                raise Conflict(f"{key} is already stored with other bytes")

    def replace(self, key: str, parts: Iterable[bytes]) -> None:
        """Store the joined *parts* in place of what was there; see ObjectStore."""
        content = b"".join(parts)
        with self._lock:
            self._contents[checked_key(key)] = content

    def get(self, key: str) -> bytes:
        """Return the whole object."""
        try:
            return self._contents[checked_key(key)]
        except KeyError as exc:
            raise NotFound(f"there is no object {key}") from exc

    def get_range(self, key: str, offset: int, length: int) -> bytes:
        """Return *length* bytes from *offset*."""
        return self.get(key)[offset : offset + length]

    def size(self, key: str) -> int | None:
        """Return the length in bytes, or None."""
        content = self._contents.get(checked_key(key))
        return None if content is None else len(content)

    def keys(self, prefix: str) -> Iterable[str]:
        """Return the keys below the folder *prefix*, sorted."""
        folder = f"{prefix.strip('/')}/" if prefix.strip("/") else ""
        with self._lock:
            return sorted(key for key in self._contents if key.startswith(folder))

    def delete(self, key: str) -> None:
        """Remove an object."""
        with self._lock:
            self._contents.pop(checked_key(key), None)


def memory_objects(name: str) -> MemoryObjects:
    """Return the store of that name in this process."""
    with _STORES_LOCK:
        return _STORES.setdefault(name, MemoryObjects())
