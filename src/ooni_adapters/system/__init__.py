"""The machine's own clock and random source."""

import os
import time
from datetime import UTC, datetime, timedelta

import attrs

__all__ = ["ReplayClock", "SystemClock", "SystemEntropy"]


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
