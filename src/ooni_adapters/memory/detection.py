"""Blocking status and events, implausible measurements, and checks through Tor, in memory."""

from collections.abc import Sequence
from datetime import datetime
from operator import itemgetter

import attrs

from ooni_core.detection.model import BlockingEvent, BlockingStatus, ExitCheck, Fault, Subject


@attrs.define
class MemoryBlockingRecord:
    """A BlockingRecord that lives as long as the process."""

    _statuses: dict[Subject, BlockingStatus] = attrs.field(factory=dict, init=False)
    _events: dict[tuple[datetime, Subject], BlockingEvent] = attrs.field(factory=dict, init=False)

    def statuses(self) -> list[BlockingStatus]:
        """Return all."""
        return [status for _, status in sorted(self._statuses.items(), key=itemgetter(0))]

    def events(self, since: datetime | None = None) -> list[BlockingEvent]:
        """Return those of a time."""
        ordered = sorted(self._events.items(), key=itemgetter(0))
        return [event for _, event in ordered if since is None or event.at >= since]

    def record(self, statuses: Sequence[BlockingStatus], events: Sequence[BlockingEvent]) -> None:
        """Keep the last of each."""
        self._events = self._events | {(event.at, event.subject): event for event in events}
        self._statuses = self._statuses | {status.subject: status for status in statuses}

    def rebuild(self, statuses: Sequence[BlockingStatus], events: Sequence[BlockingEvent]) -> None:
        """Forget what was, and record."""
        self._events = {(event.at, event.subject): event for event in events}
        self._statuses = {status.subject: status for status in statuses}


@attrs.define
class MemoryFaultLog:
    """A FaultLog that lives as long as the process."""

    _faults: dict[str, Fault] = attrs.field(factory=dict, init=False)

    def note(self, faults: Sequence[Fault]) -> None:
        """Keep the last of each uid."""
        self._faults = self._faults | {fault.uid: fault for fault in faults}

    def faults(self, since: datetime, limit: int) -> list[Fault]:
        """Return the newest."""
        found = sorted((fault for fault in self._faults.values() if fault.at >= since), key=lambda fault: fault.uid)
        return sorted(found, key=lambda fault: fault.at, reverse=True)[:limit]


@attrs.define
class MemoryExitCheckLog:
    """An ExitCheckLog that lives as long as the process."""

    _checks: dict[tuple[datetime, str, str], ExitCheck] = attrs.field(factory=dict, init=False)

    def note(self, checks: Sequence[ExitCheck]) -> None:
        """Keep the last of each instant, exit and site."""
        self._checks = self._checks | {(check.at, check.exit_address, check.url): check for check in checks}

    def checks(self, since: datetime, limit: int) -> list[ExitCheck]:
        """Return the newest."""
        found = sorted((c for c in self._checks.values() if c.at >= since), key=lambda c: (c.exit_address, c.url))
        return sorted(found, key=lambda check: check.at, reverse=True)[:limit]
