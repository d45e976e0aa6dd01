"""Several processes of one service: who does what must be done once."""

import fcntl
import logging
import os
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

import attrs

_log = logging.getLogger(__name__)

_LOOK_SECONDS = 1.0


@attrs.define(eq=False)
class Leadership:
    """Gives the duties to one of the processes that share a folder, and to another when that one ends or dies.

    The operating system keeps the lock, so a process that is killed lets go of it at once.

    Attributes:
        path: file that is locked; it stays empty.
        duties: what begins and what ends each of them, in order.
    """

    path: Path
    duties: Sequence[tuple[Callable[[], None], Callable[[], None]]]
    _stopping: threading.Event = attrs.field(factory=threading.Event, init=False)
    _lock: int | None = attrs.field(default=None, init=False)
    _waiting: threading.Thread | None = attrs.field(default=None, init=False)

    def start(self) -> None:
        """Take the duties up now if nobody has them, else wait for them in a thread."""
        if not self._take():
            self._waiting = threading.Thread(target=self._wait, name="leadership", daemon=True)
            self._waiting.start()

    def stop(self) -> None:
        """End the duties, if this process has them, and let another have them."""
        self._stopping.set()
        if self._waiting is not None:
            self._waiting.join()
        if self._lock is not None:
            for _, end in self.duties:
                end()
            os.close(self._lock)
            self._lock = None

    def _wait(self) -> None:
        while not self._stopping.wait(_LOOK_SECONDS):
            try:
                if self._take():
                    return
            except Exception:  # noqa: BLE001 - whoever could not begin leaves the duties to the others, and tries again
                _log.exception("the duties of a process that ended could not be taken up")

    def _take(self) -> bool:
        lock = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            for begin, _ in self.duties:
                begin()
        except BlockingIOError:
            os.close(lock)
            return False
        except BaseException:
            os.close(lock)
            raise
        self._lock = lock
        return True
