"""What detection needs from the outside world."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from ooni_core.detection.model import BlockingEvent, BlockingStatus, ExitCheck, Fault


class BlockingRecord(Protocol):
    """Remembers the status of each subject, and every change of state. Numbers of a status keep 32 bits."""

    def statuses(self) -> Sequence[BlockingStatus]:
        """Return the latest status of each subject, sorted by subject.

        Raises:
            Unavailable: the medium failed.
        """

    def events(self, since: datetime | None = None) -> Sequence[BlockingEvent]:
        """Return the changes at or after *since* (aware, UTC), oldest first, then by subject.

        Raises:
            Unavailable: the medium failed.
        """

    def record(self, statuses: Sequence[BlockingStatus], events: Sequence[BlockingEvent]) -> None:
        """Store *events*, and each of *statuses* in place of that of the same subject.

        Recording the same again changes nothing. Of two events of one subject at one instant the last stays.

        Raises:
            Invalid: a value cannot be stored, such as an instant before 1970; nothing was stored.
            Unavailable: some may be stored, no status without all events; the caller records all of them again.
        """

    def rebuild(self, statuses: Sequence[BlockingStatus], events: Sequence[BlockingEvent]) -> None:
        """Put a computed history in the place of everything. A reader of either sees the old or the new, never less.

        Raises:
            Invalid: a value cannot be stored; nothing was changed.
            Unavailable: the medium failed; statuses and events are each the old or the new ones.
        """


class FaultLog(Protocol):
    """Remembers what was not plausible about measurements."""

    def note(self, faults: Sequence[Fault]) -> None:
        """Store all of *faults*, or none. Noting the same again changes nothing.

        Raises:
            Invalid: a value cannot be stored; nothing was stored.
            Unavailable: nothing was stored.
        """

    def faults(self, since: datetime, limit: int) -> Sequence[Fault]:
        """Return at most *limit* faults noticed at or after *since* (aware, UTC), newest first, then by uid.

        Raises:
            Unavailable: the medium failed.
        """


class ExitCheckLog(Protocol):
    """Remembers how sites answered through Tor exits."""

    def note(self, checks: Sequence[ExitCheck]) -> None:
        """Store all of *checks*, or none. Two of one second stay apart by exit and site; the last of equal ones stays.

        Raises:
            Invalid: a value cannot be stored; nothing was stored.
            Unavailable: nothing was stored.
        """

    def checks(self, since: datetime, limit: int) -> Sequence[ExitCheck]:
        """Return at most *limit* checks made at or after *since* (aware, UTC), newest first, then by exit and site.

        Raises:
            Unavailable: the medium failed.
        """
