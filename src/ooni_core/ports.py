"""Ports that every business area shares: time and randomness come from outside, so that runs can be replayed."""

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
