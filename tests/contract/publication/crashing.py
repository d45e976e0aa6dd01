"""Cutting a publication run anywhere: a process that dies, or whose n-th effect fails, at the n-th checkpoint.

There is a checkpoint before and after every call of a port, before and after every call to the operating system that
changes files, those inside SQLite excepted, and before every statement that changes a SQLite database, commits included.
"""

import errno
import io
import json
import os
import signal
import sqlite3
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Self

import attrs

from ooni_core.errors import OoniError
from ooni_core.publication.model import IndexEntry

_SYSTEM_CALLS = ("open", "write", "fsync", "replace", "rename", "link", "unlink", "rmdir", "mkdir", "close")


@attrs.define
class Checkpoints:
    """Counts checkpoints and does something at one of them."""

    at: int
    act: Callable[[str], None]
    passed: int = 0
    names: list[str] = attrs.field(factory=list)
    lock: threading.RLock = attrs.field(factory=threading.RLock)

    def here(self, name: str) -> None:
        with self.lock:
            self.passed += 1
            self.names.append(name)
            now = self.passed == self.at
        if now:
            self.act(name)


def die(name: str) -> None:
    """End this process as a power cut would, as far as a process can tell."""
    os.kill(os.getpid(), signal.SIGKILL)


def disk_full(name: str) -> None:
    raise OSError(errno.ENOSPC, f"No space left on device, at {name}")


def input_output_error(name: str) -> None:
    raise OSError(errno.EIO, f"Input/output error, at {name}")


@attrs.define
class Cut:
    """Stands before an adapter: a checkpoint before and after each call."""

    inner: object
    name: str
    checkpoints: Checkpoints

    def __getattr__(self, method: str) -> object:
        found = getattr(self.inner, method)
        if not callable(found) or method == "exclusive":
            return found

        def called(*args: object, **kwargs: object) -> object:
            self.checkpoints.here(f"before {self.name}.{method}")
            answer = found(*args, **kwargs)
            self.checkpoints.here(f"after {self.name}.{method}")
            return answer

        return called


class _CutFile:
    """A file with a checkpoint before each write."""

    def __init__(self, file: object, checkpoints: Checkpoints) -> None:
        self.file, self.checkpoints = file, checkpoints

    def write(self, content: bytes) -> int:
        self.checkpoints.here("before write")
        return self.file.write(content)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.file.close()

    def __getattr__(self, name: str) -> object:
        return getattr(self.file, name)


@contextmanager
def cut_system_calls(checkpoints: Checkpoints, *, after: bool) -> Iterator[None]:
    """Put a checkpoint before (and after) each file system call that changes something."""
    really = {name: getattr(os, name) for name in _SYSTEM_CALLS}

    def cut(name: str) -> Callable[..., object]:
        def called(*args: object, **kwargs: object) -> object:
            checkpoints.here(f"before os.{name}")
            answer = really[name](*args, **kwargs)
            if after:
                checkpoints.here(f"after os.{name}")
            return answer

        return called

    really_open = io.open

    def cut_open(path: object, mode: str = "r", *args: object, **kwargs: object) -> object:
        if mode.startswith("r"):
            return really_open(path, mode, *args, **kwargs)
        checkpoints.here("before open")
        return _CutFile(really_open(path, mode, *args, **kwargs), checkpoints)

    try:
        io.open = cut_open
        for name in _SYSTEM_CALLS:
            if name != "close" or after:  # a close that fails leaks the descriptor: that is not about publication
                setattr(os, name, cut(name))
        yield
    finally:
        io.open = really_open
        for name, call in really.items():
            setattr(os, name, call)


@contextmanager
def cut_statements(checkpoints: Checkpoints) -> Iterator[None]:
    """Put a checkpoint before each change within a transaction, and before its end. For those that kill: no error
    leaves the place from where SQLite tells its statements.
    """
    really = sqlite3.connect

    def told(statement: str) -> None:
        if statement.startswith(("INSERT", "UPDATE", "DELETE", "COMMIT")):
            checkpoints.here(f"before {statement[:40]}")

    def connect(*args: object, **kwargs: object) -> sqlite3.Connection:
        db = really(*args, **kwargs)
        db.set_trace_callback(told)
        return db

    sqlite3.connect = connect
    try:
        yield
    finally:
        sqlite3.connect = really


class FileIndex:
    """A durable BodyIndex that counts how often each uid was put under another place."""

    def __init__(self, path: Path) -> None:
        self.path = path
        with self._db() as db:
            db.execute("CREATE TABLE IF NOT EXISTS jsonl (uid TEXT PRIMARY KEY, entry TEXT)")

    def _db(self) -> "_Closing":
        return _Closing(self.path)

    def put(self, entries: Sequence[IndexEntry]) -> None:
        rows = [(entry.measurement_uid, json.dumps(attrs.asdict(entry))) for entry in entries]
        with self._db() as db:
            for uid, text in rows:
                there = db.execute("SELECT entry FROM jsonl WHERE uid = ?", (uid,)).fetchone()
                assert there in (None, (text,)), f"{uid} was indexed at two places"
            db.executemany("INSERT OR REPLACE INTO jsonl (uid, entry) VALUES (?, ?)", rows)

    def by_uid(self, measurement_uid: str) -> IndexEntry | None:
        with self._db() as db:
            row = db.execute("SELECT entry FROM jsonl WHERE uid = ?", (measurement_uid,)).fetchone()
        return IndexEntry(**json.loads(row[0])) if row else None

    def by_report(self, report_id: str, input: str) -> list[IndexEntry]:
        return [each for each in self.all() if (each.report_id, each.input) == (report_id, input)]

    def all(self) -> list[IndexEntry]:
        with self._db() as db:
            return [IndexEntry(**json.loads(text)) for (text,) in db.execute("SELECT entry FROM jsonl")]


class _Closing:
    """One transaction on a connection of its own, so that a process that was forked shares none."""

    def __init__(self, path: Path) -> None:
        self.db = sqlite3.connect(path)

    def __enter__(self) -> sqlite3.Connection:
        return self.db

    def __exit__(self, kind: object, *rest: object) -> None:
        if kind is None:
            self.db.commit()
        self.db.close()


def in_child(work: Callable[[], None]) -> int:
    """Do *work* in a forked process; return 0, or the number of the signal that ended it."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            work()
            code = 0
        except OoniError:
            code = 0  # told to the operator; the next run goes on
        finally:
            os._exit(code)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == 0, "the run broke down"
    return os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0
