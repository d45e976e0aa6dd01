"""What prioritization needs from the outside world."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Protocol

import attrs

from ooni_core.prioritization.model import PriorityRule, RuleChange, TestLists


class ListStore(Protocol):
    """Holds the test lists."""

    def version(self) -> str:
        """Return a text that changes whenever the lists do; cheap to ask for.

        Raises:
            Unavailable: the medium failed.
        """

    def lists(self) -> TestLists:
        """Return all lists as they are now.

        Raises:
            Unavailable: the medium failed.
        """


class RuleStore(Protocol):
    """Holds the priority rules and who changed them. Changes are all or nothing, and one after the other."""

    def rules(self) -> Sequence[PriorityRule]:
        """Return the rules in force, sorted; deleted ones are gone at once.

        Raises:
            Unavailable: the medium failed.
        """

    def change(self, old: PriorityRule | None, new: PriorityRule | None, author: str, at: datetime) -> None:
        """Replace *old* by *new*; without *old* create, without *new* delete. History remembers it.

        Raises:
            NotFound: *old* is not in force (any more); nothing was changed.
            Conflict: another rule has the target of *new* already; nothing was changed.
            Unavailable: the medium failed; nothing was changed.
        """

    def seed(self, rules: Sequence[PriorityRule], at: datetime) -> bool:
        """Store *rules* when there were never any, and say whether that was so.

        Raises:
            Unavailable: the medium failed; nothing was changed.
        """

    def history(self, limit: int) -> Sequence[RuleChange]:
        """Return the latest *limit* changes, newest first.

        Raises:
            Unavailable: the medium failed.
        """


class Counts(Protocol):
    """How often each URL was measured within the window, at one moment."""

    def of(self, probe_cc: str, probe_asn: int) -> Mapping[str, int]:
        """Return counts by URL for one network, or for the whole country when *probe_asn* is 0.

        URLs that were not measured may be left out.
        """


@attrs.frozen
class Measured:
    """One scored measurement, as far as counting goes.

    Attributes:
        measurement_uid: its public name: what makes counting it twice impossible.
        probe_cc: two capital letters.
        probe_asn: number of the network.
        input: the URL.
        at: when the probe measured (aware, UTC).
    """

    measurement_uid: str
    probe_cc: str
    probe_asn: int
    input: str
    at: datetime


class CountStore(Protocol):
    """Counts measurements of listed URLs."""

    def counts(self, now: datetime) -> Counts:
        """Return what was measured in the week (from Sunday) of *now* (aware, UTC) and in the one before.

        Raises:
            Unavailable: the medium failed.
        """

    def measured_since(self, since: datetime) -> Sequence[Measured]:
        """Return what was scored from *since* (aware, UTC) on, of what arrived after an hour before it.

        Only measurements of the kind that is counted; not all of them need count, nor be listed.

        Raises:
            Unavailable: the medium failed.
        """


class FailoverCopy(Protocol):
    """Keeps the last good lists beside the service, for starts without a database."""

    def save(self, lists: TestLists) -> None:
        """Replace the copy.

        Raises:
            Unavailable: the medium failed; the former copy is still there.
        """

    def load(self) -> TestLists | None:
        """Return the copy, or None when there is none that can be read."""


@attrs.frozen
class Coverage:
    """How one URL was measured in one country lately: measurements, and how many of them were anomalous."""

    measured: int
    anomalies: int

    @property
    def anomaly_percent(self) -> int:
        """Share of anomalies in percent, cut to a whole number."""
        return self.anomalies * 100 // self.measured if self.measured else 0


class CoverageStore(Protocol):
    """Summarises the measurements of listed URLs."""

    def coverage(self, since: datetime) -> Mapping[tuple[str, str], Coverage]:
        """Return a summary by country and URL of what was measured from *since* (aware, UTC) on.

        Raises:
            Unavailable: the medium failed.
        """
