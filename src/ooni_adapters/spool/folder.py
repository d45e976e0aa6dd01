"""A spool in a local folder, with group commit.

Layout, shared with every tool that reads a spool::

    <root>/incoming/<YYYYMMDDHH>_<CC>_<testname>/<uid>.post       a complete body
    <root>/incoming/<YYYYMMDDHH>_<CC>_<testname>/*.post.tmp       being written: readers ignore it

A put is durable after two rounds of synchronising: first the bytes, then, after the rename, the names. Puts that arrive
while a round is under way wait and share the next one: the first of them leads, the others follow.
"""

import os
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import attrs

from ooni_adapters.spool.sync import sync_files, sync_folders
from ooni_core.errors import Conflict, Invalid, OoniError, Unavailable
from ooni_core.measurement import MeasurementUid, SpoolBucket

_GROUP = 256  # bounds the open files and the wait of those who come next
_STALE_SECONDS = 900  # no put takes this long: what is still .tmp then was left behind by a dead process
_MAKE_FOLDER_AGAIN = 5
_RESERVE_NAMES = 1000
_MANY, _UNLINK_AT_ONCE = 256, 16
_READ = 2**20


@attrs.define(eq=False)
class _Put:
    """One caller waiting for its body to be durable."""

    uid: MeasurementUid
    body: bytes
    woken: threading.Event = attrs.field(factory=threading.Event)
    finished: bool = False
    error: OoniError | None = None
    partial: Path | None = None
    descriptor: int | None = None


@attrs.define(eq=False)
class FolderSpool:
    """A MeasurementSpool in a local folder. Any number of threads and processes may share it.

    Attributes:
        root: the folder; created when missing.
        fsync: False gives up durability; for benchmarks only.
        reserve_bytes: puts are refused (Unavailable) while less than this is free on the file system, or hardly any
            names, so that publication always has room to work and to make room. 0 refuses nothing.
    """

    root: Path = attrs.field(converter=Path)
    fsync: bool = True
    reserve_bytes: int = 64 * 2**20
    _lock: threading.Lock = attrs.field(factory=threading.Lock, init=False)
    _waiting: list[_Put] = attrs.field(factory=list, init=False)
    _led: bool = attrs.field(default=False, init=False)
    _serial: int = attrs.field(default=0, init=False)

    @property
    def incoming(self) -> Path:
        """The folder of hour folders."""
        return self.root / "incoming"

    def path(self, uid: MeasurementUid) -> Path:
        """Return where the body of *uid* is kept."""
        return Path(self._file(uid))

    def put(self, uid: MeasurementUid, body: bytes) -> None:
        """Make *body* durable; see MeasurementSpool."""
        mine = _Put(uid, body)
        with self._lock:
            self._waiting.append(mine)
            follow, self._led = self._led, True
        if follow:
            mine.woken.wait()
        if not mine.finished:
            self._lead()
        if mine.error is not None:
            raise mine.error

    def get(self, uid: MeasurementUid) -> bytes | None:
        """Return the body or None; see MeasurementSpool."""
        try:
            return _content(self._file(uid))
        except FileNotFoundError:
            return None
        except OSError as exc:
            raise Unavailable(f"spool cannot read {uid.text}: {exc}") from exc

    def buckets(self) -> Sequence[SpoolBucket]:
        """Return the units that hold anything; folders with other names are not ours and are left alone."""
        try:
            names = sorted(entry.name for entry in _scan(self.incoming))
            found = [bucket for bucket in map(_bucket, names) if bucket is not None]
            return [bucket for bucket in found if any(True for _ in self._posts(bucket))]
        except OSError as exc:
            raise Unavailable(f"spool cannot list {self.incoming}: {exc}") from exc

    def uids(self, bucket: SpoolBucket) -> Sequence[MeasurementUid]:
        """Return what *bucket* holds, in order."""
        try:
            return sorted(self._posts(bucket), key=_by_text)
        except OSError as exc:
            raise Unavailable(f"spool cannot list {bucket.name}: {exc}") from exc

    def discard(self, uids: Iterable[MeasurementUid]) -> None:
        """Forget *uids*, durably, and the folders that become empty."""
        try:
            files = {self._file(uid): uid.bucket_name for uid in uids}
            _unlink_all(list(files))
            folders = [self.incoming / name for name in dict.fromkeys(files.values())]
            self._sync_folders(folder for folder in folders if folder.is_dir())
            for folder in folders:
                _remove_if_empty(folder)
        except OSError as exc:
            raise Unavailable(f"spool cannot discard: {exc}") from exc

    def check_room(self) -> None:
        """Say whether puts are accepted.

        Raises:
            Unavailable: the file system is as good as full.
        """
        try:
            self._require_room()
        except OSError as exc:
            raise Unavailable(f"spool cannot store anything: {exc}") from exc

    def free_bytes(self) -> int:
        """Return how much the file system has left for puts, in bytes."""
        room = os.statvfs(self.root)
        return room.f_bavail * room.f_frsize

    def _file(self, uid: MeasurementUid) -> str:
        return f"{self.root}/incoming/{uid.bucket_name}/{uid.text}.post"

    def _posts(self, bucket: SpoolBucket) -> Iterator[MeasurementUid]:
        prefix, middle = bucket.hour, f"_{bucket.probe_cc}_{bucket.test_name}_"
        for entry in _scan(self.incoming / bucket.name):
            if entry.name.startswith(prefix) and entry.name[21:].startswith(middle):
                uid = _uid(entry.name)
                if uid is not None:
                    yield uid

    def _lead(self) -> None:
        """Commit what waits, then hand the lead to somebody who came meanwhile."""
        with self._lock:
            group, self._waiting = self._waiting[:_GROUP], self._waiting[_GROUP:]
        try:
            self._commit(group)
        except BaseException as exc:  # a bug: whoever waits must be answered all the same
            for each in group:
                each.error = each.error or _unavailable(each, exc)
            raise
        finally:
            with self._lock:
                self._led = bool(self._waiting)
                heir = self._waiting[0] if self._waiting else None
            for each in group:
                each.finished = True
                each.woken.set()
            if heir is not None:
                heir.woken.set()

    def _commit(self, group: Sequence[_Put]) -> None:
        """Commit *group*; callers with the same uid and bytes share one fate, those with other bytes come after."""
        first: dict[MeasurementUid, _Put] = {}
        for each in group:
            first.setdefault(each.uid, each)
        same = [each for each in group if each.body == first[each.uid].body]
        others = [each for each in group if each.body != first[each.uid].body]
        self._commit_distinct(list(first.values()))
        for each in same:
            each.error = first[each.uid].error
        if others:
            self._commit(others)

    def _commit_distinct(self, group: list[_Put]) -> None:
        try:
            self._require_room()
            self._write_all(group)
        except OSError as exc:
            for each in group:
                each.error = each.error or _unavailable(each, exc)
        finally:
            self._close_all(group)

    def _require_room(self) -> None:
        self.incoming.mkdir(parents=True, exist_ok=True)
        if self.reserve_bytes:
            room = os.statvfs(self.incoming)
            if room.f_bavail * room.f_frsize < self.reserve_bytes:
                raise OSError(f"less than {self.reserve_bytes} bytes are free at {self.root}")
            if room.f_files and room.f_favail < _RESERVE_NAMES:  # some file systems do not count them
                raise OSError(f"the file system of {self.root} has no room for more files")

    def _write_all(self, group: list[_Put]) -> None:
        for each in group:
            _guarded(each, self._write)
        written = [each for each in group if each.error is None and each.descriptor is not None]
        if self.fsync:
            errors = sync_files([each.descriptor for each in written if each.descriptor is not None])
            for each, error in zip(written, errors, strict=True):
                each.error = None if error is None else _unavailable(each, error)
        for each in written:
            if each.error is None:
                _guarded(each, self._rename)
        self._sync_names([each for each in group if each.error is None])

    def _write(self, each: _Put) -> None:
        final = self.path(each.uid)
        try:
            if final.read_bytes() != each.body:
                raise Conflict(f"{each.uid.text} is already spooled with other bytes")
        except FileNotFoundError:
            self._serial += 1
            each.partial = final.with_name(f"{each.uid.text}.{os.getpid()}-{self._serial}.post.tmp")
            each.descriptor = _create(each.partial)
            left = memoryview(each.body)
            while left:
                left = left[os.write(each.descriptor, left) :]

    def _rename(self, each: _Put) -> None:
        assert each.partial is not None
        each.partial.replace(self.path(each.uid))  # a reader sees all of it or none
        each.partial = None

    def _sync_names(self, group: list[_Put]) -> None:
        """Names must survive too: also those of puts that failed here before, so nothing is taken as already synced."""
        try:
            self._sync_folders({self.incoming / each.uid.bucket_name for each in group})
        except OSError as exc:
            for each in group:
                each.error = _unavailable(each, exc)

    def _sync_folders(self, folders: Iterable[Path]) -> None:
        if self.fsync:
            sync_folders([*folders, self.incoming, self.root])

    def _close_all(self, group: Iterable[_Put]) -> None:
        for each in group:
            if each.descriptor is not None:
                os.close(each.descriptor)
            if each.partial is not None:
                _remove_quietly(each.partial)


def _guarded(each: _Put, act: Callable[[_Put], None]) -> None:
    """Let a failing item fail only itself."""
    try:
        act(each)
    except Conflict as exc:
        each.error = exc
    except OSError as exc:
        each.error = _unavailable(each, exc)


def _unavailable(each: _Put, cause: BaseException) -> Unavailable:
    error = Unavailable(f"spool cannot store {each.uid.text}: {cause}")
    error.__cause__ = cause
    return error


def _create(path: Path) -> int:
    """Open *path* for writing. Its folder may be missing, or be removed by a discard in this very moment."""
    for _ in range(_MAKE_FOLDER_AGAIN):
        try:
            return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o644)
        except FileNotFoundError:
            path.parent.mkdir(parents=True, exist_ok=True)
    raise OSError(f"{path.parent} keeps disappearing")


def _content(file: str) -> bytes:
    """Read a file; making a Path or a file object takes as long as reading it."""
    descriptor = os.open(file, os.O_RDONLY | os.O_CLOEXEC)
    try:
        content = os.read(descriptor, _READ)
        while more := os.read(descriptor, _READ):
            content += more
        return content
    finally:
        os.close(descriptor)


def _unlink_all(files: list[str]) -> None:
    """Remove *files*, those that are gone ignored.

    A file system that trims as it frees, or that is elsewhere, has each caller wait: there many together are up to 18
    times as fast. Where nobody waits they take as long as one after the other.
    """
    if len(files) < _MANY:
        return _unlink_each(files)
    with ThreadPoolExecutor(_UNLINK_AT_ONCE, thread_name_prefix="discard") as threads:
        for _ in threads.map(_unlink_each, (files[first::_UNLINK_AT_ONCE] for first in range(_UNLINK_AT_ONCE))):
            pass  # each raises what it ran into
    return None


def _unlink_each(files: list[str]) -> None:
    for file in files:
        try:
            os.unlink(file)  # noqa: PTH108 - making a Path takes as long
        except FileNotFoundError:
            continue


def _remove_if_empty(folder: Path) -> None:
    """Remove the folder. A put that comes just now makes it again, so losing that race is harmless."""
    left = list(_scan(folder))
    if not all(_is_stale(entry) for entry in left):
        return
    for entry in left:
        Path(entry.path).unlink(missing_ok=True)
    try:
        folder.rmdir()
    except OSError:
        if folder.is_dir() and not any(_scan(folder)):
            raise


def _remove_quietly(partial: Path) -> None:
    try:
        partial.unlink(missing_ok=True)
    except OSError:
        return  # a reader ignores it and the discard of this hour removes it


def _is_stale(entry: "os.DirEntry[str]") -> bool:
    try:
        return entry.name.endswith(".tmp") and time.time() - entry.stat().st_mtime > _STALE_SECONDS
    except FileNotFoundError:
        return True


def _scan(folder: Path) -> Iterator["os.DirEntry[str]"]:
    try:
        entries = os.scandir(folder)
    except (FileNotFoundError, NotADirectoryError):
        return
    with entries:
        yield from entries


def _bucket(name: str) -> SpoolBucket | None:
    try:
        return SpoolBucket.parse(name)
    except Invalid:
        return None


def _by_text(uid: MeasurementUid) -> str:
    return uid.text


def _uid(name: str) -> MeasurementUid | None:
    if not name.endswith(".post"):
        return None
    try:
        return MeasurementUid(name.removesuffix(".post"))
    except Invalid:
        return None
