"""Published files in a local folder, put there so that they survive a power cut.

The general file system interface writes in place and does not synchronise; what is published here lets the spool forget
its copy, so this adapter does both itself.
"""

import os
import uuid
from collections.abc import Iterable
from pathlib import Path

import attrs

from ooni_adapters.objectstore.keys import checked_key
from ooni_core.errors import Conflict, NotFound, Unavailable

_PARTIAL = ".partial"


@attrs.frozen
class FolderObjects:
    """An ObjectStore in the folder *root*, which is made when something is put."""

    root: Path

    def put(self, key: str, content: bytes, copy: str = "") -> None:
        """Store *content*; see ObjectStore."""
        path = self._path(key)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            try:
                if not (copy and _linked(copy, path)):
                    _create(path, content)
            except FileExistsError as exc:
                if path.read_bytes() != content:
                    raise Conflict(f"{key} is already stored with other bytes") from exc
            self._sync_folders(path.parent)  # also when it was there: an earlier put may have failed just here
        except OSError as exc:
            raise Unavailable(f"{key} cannot be stored in {self.root}: {exc}") from exc

    def replace(self, key: str, parts: Iterable[bytes]) -> None:
        """Store the joined *parts* in place of what was there; see ObjectStore."""
        path = self._path(key)
        partial = path.with_name(f".{uuid.uuid4().hex}{_PARTIAL}")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            try:
                _write(partial, parts)
                partial.replace(path)
            finally:
                partial.unlink(missing_ok=True)
            self._sync_folders(path.parent)
        except OSError as exc:
            raise Unavailable(f"{key} cannot be stored in {self.root}: {exc}") from exc

    def get(self, key: str) -> bytes:
        """Return the whole object."""
        try:
            return self._path(key).read_bytes()
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError) as exc:
            raise NotFound(f"there is no object {key}") from exc
        except OSError as exc:
            raise Unavailable(f"{key} cannot be read from {self.root}: {exc}") from exc

    def get_range(self, key: str, offset: int, length: int) -> bytes:
        """Return *length* bytes from *offset*."""
        try:
            with self._path(key).open("rb") as file:
                file.seek(offset)
                return file.read(length)
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError) as exc:
            raise NotFound(f"there is no object {key}") from exc
        except OSError as exc:
            raise Unavailable(f"{key} cannot be read from {self.root}: {exc}") from exc

    def size(self, key: str) -> int | None:
        """Return the length in bytes, or None."""
        try:
            path = self._path(key)
            return path.stat().st_size if path.is_file() else None
        except FileNotFoundError:
            return None
        except OSError as exc:
            raise Unavailable(f"{key} cannot be read from {self.root}: {exc}") from exc

    def keys(self, prefix: str) -> Iterable[str]:
        """Return the keys below the folder *prefix*, sorted."""
        top = self.root / checked_key(prefix.strip("/")) if prefix.strip("/") else self.root
        found = []
        try:
            for folder, _, names in os.walk(top, onerror=_raise_unless_missing):
                inside = Path(folder).relative_to(self.root)
                found += [(inside / name).as_posix() for name in names if not name.endswith(_PARTIAL)]
        except OSError as exc:
            raise Unavailable(f"{self.root} cannot be listed: {exc}") from exc
        return sorted(found)

    def delete(self, key: str) -> None:
        """Remove an object."""
        path = self._path(key)
        try:
            path.unlink(missing_ok=True)
            if path.parent.is_dir():
                self._sync_folders(path.parent)
        except NotADirectoryError:
            return
        except OSError as exc:
            raise Unavailable(f"{key} cannot be removed from {self.root}: {exc}") from exc

    def _path(self, key: str) -> Path:
        return self.root / checked_key(key)

    def _sync_folders(self, folder: Path) -> None:
        """Bring the names to the medium, up to and including the root's own."""
        for each in (folder, *folder.parents):
            descriptor = os.open(each, os.O_RDONLY | os.O_DIRECTORY)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
            if each in {self.root.parent, each.parent}:
                return


def _create(path: Path, content: bytes) -> None:
    partial = path.with_name(f".{uuid.uuid4().hex}{_PARTIAL}")
    try:
        _write(partial, [content])
        os.link(partial, path)  # fails when the name is taken, unlike rename
    finally:
        partial.unlink(missing_ok=True)


def _linked(copy: str, path: Path) -> bool:
    """Say whether *path* is now another name of *copy*: not when they are on two file systems, or it has no links."""
    try:
        os.link(copy, path)
    except FileExistsError:
        raise
    except OSError:
        return False
    return True


def _write(path: Path, parts: Iterable[bytes]) -> None:
    with path.open("xb") as file:
        for part in parts:
            file.write(part)
        file.flush()
        os.fsync(file.fileno())


def _raise_unless_missing(error: OSError) -> None:
    if not isinstance(error, FileNotFoundError | NotADirectoryError):
        raise error
