"""Ports that every business area shares: what makes runs differ comes from outside, so that they can be replayed."""

from datetime import datetime
from typing import Protocol


class Clock(Protocol):
    """Tells the time."""

    def now(self) -> datetime:
        """Return the current instant as an aware datetime in UTC."""


class Entropy(Protocol):
    """Gives unpredictable bytes."""

    def bytes(self, count: int) -> bytes:
        """Return *count* random bytes, fit for identifiers and keys."""


class Tally(Protocol):
    """Counts what happens, for operators to watch. It never fails, and nobody waits for it."""

    def count(self, name: str, **labels: str) -> None:
        """Note that *name* happened once more; each label has few different values."""

    def level(self, name: str, value: float) -> None:
        """Note that *name* is at *value* now."""


class NoTally:
    """Nobody watches."""

    def count(self, name: str, **labels: str) -> None:
        """Forget it."""

    def level(self, name: str, value: float) -> None:
        """Forget it."""


NO_TALLY = NoTally()
