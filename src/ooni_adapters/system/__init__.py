"""The machine's own clock, random source and locks."""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import attrs

from ooni_core.errors import Unavailable

__all__ = ["ReplayClock", "SystemClock", "SystemEntropy", "locked"]


@attrs.frozen
class SystemClock:
    """A Clock that tells real time."""

    def now(self) -> datetime:
        """Return the current instant, aware, in UTC."""
        return datetime.now(UTC)


@attrs.frozen
class ReplayClock:
    """A Clock that begins at a given instant and runs on from there, for replays and recorded tests.

    Attributes:
        start: aware instant that it tells when it is made.
    """

    start: datetime
    _made: float = attrs.field(factory=time.monotonic, init=False)

    def now(self) -> datetime:
        """Return the instant, aware, in UTC."""
        return self.start.astimezone(UTC) + timedelta(seconds=time.monotonic() - self._made)


@attrs.frozen
class SystemEntropy:
    """An Entropy from the operating system."""

    def bytes(self, count: int) -> bytes:
        """Return *count* random bytes."""
        return os.urandom(count)


@contextmanager
def locked(file: Path) -> Iterator[None]:
    """Keep all others who lock *file* waiting while the block runs, in this process and in others on this host.

    Raises:
        Unavailable: the file cannot be made.
    """
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as exc:
        raise Unavailable(f"cannot lock {file}: {exc.strerror}") from exc
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
