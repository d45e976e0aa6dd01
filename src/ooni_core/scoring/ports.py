"""What scoring needs from the outside world."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol

import attrs

from ooni_core.scoring.fingerprints import FingerprintSet
from ooni_core.scoring.model import Correction, Outcome, Quarantined, Stored


class VerdictStore(Protocol):
    """Keeps verdicts: one per measurement uid, the last one put wins."""

    def put(self, verdicts: Sequence[Stored]) -> None:
        """Store all of *verdicts*, or none.

        A verdict for a uid that has one already replaces it, also inside one call (the last wins), so a retry never
        makes a duplicate.

        Raises:
            Invalid: a value does not fit its column, such as a date before 1970; nothing was stored.
            Unavailable: nothing was stored; the caller puts them again.
        """

    def known(self, uids: Sequence[str]) -> set[str]:
        """Return those of *uids* that have a verdict."""


class QuarantineStore(Protocol):
    """Remembers which measurements could not be scored, and why. Their bodies stay where they are."""

    def put(self, entries: Sequence[Quarantined]) -> None:
        """Store all of *entries*, or none; a later entry for the same uid replaces the earlier one.

        Raises:
            Unavailable: nothing was stored.
        """

    def known(self, uids: Sequence[str]) -> set[str]:
        """Return those of *uids* that are in quarantine for what they are: scoring them again is of no use."""

    def unreadable(self, uids: Sequence[str]) -> set[str]:
        """Return those of *uids* that are in quarantine because they could not be read."""

    def release(self, uids: Sequence[str]) -> None:
        """Forget entries, because these measurements were scored or read after all. Unknown uids are ignored."""

    def entries(self, limit: int) -> Iterable[Quarantined]:
        """Return at most *limit* entries, newest uid first."""


class FingerprintStore(Protocol):
    """Keeps the fingerprints that scoring looks for."""

    def load(self) -> FingerprintSet:
        """Return both lists as they were put together, never a new one beside an old one.

        They are in the order of the historical tables, which decides how a measurement that matches several lists them.

        Raises:
            Invalid: something is stored that is no fingerprint.
            Unavailable: the medium failed.
        """

    def replace(self, dns: Sequence[Mapping[str, Any]], http: Sequence[Mapping[str, Any]]) -> None:
        """Put both lists in the place of the current ones. Entries have the columns of the published files by name.

        Raises:
            Invalid: a value does not fit its column; nothing was changed.
            Unavailable: the medium failed.
        """


class CorrectionLog(Protocol):
    """Remembers every change of published results that was made by hand, for everybody to see."""

    def note(self, correction: Correction) -> None:
        """Store *correction*. Noting the same again changes nothing.

        Raises:
            Invalid: a value cannot be stored, such as an instant before 1970; nothing was stored.
            Unavailable: nothing was stored.
        """

    def corrections(self, limit: int) -> Sequence[Correction]:
        """Return at most *limit* corrections, newest first, then by operator.

        Raises:
            Unavailable: the medium failed.
        """


class Scorer(Protocol):
    """Scores measurements somewhere: in this thread, in another process, on another host."""

    def score(self, batch: Sequence[tuple[str, bytes]]) -> Sequence[Outcome]:
        """Return one outcome for each pair of uid and body, in the same order.

        A body that crashes the scorer or takes too long is answered with a `Quarantined` of kind ``crash`` or
        ``timeout``; the others of its batch are scored all the same.

        Raises:
            Unavailable: nobody could score just now.
        """


@attrs.frozen
class Handover:
    """What a scoring daemon did with a batch. What is in neither set is safe there, and will be scored.

    Attributes:
        refused: uids that it will never take, such as that of a body beyond its limit.
        left: uids that it did not take this time. It may have them all the same, if its answer was lost.
        reason: why some are left; empty if none is.
    """

    refused: frozenset[str] = frozenset()
    left: frozenset[str] = frozenset()
    reason: str = ""


class ScoringDaemon(Protocol):
    """Scores measurements in its own time, and stores their verdicts where everybody reads them."""

    def take(self, batch: Sequence[tuple[str, bytes]]) -> Handover:
        """Hand over pairs of uid and body. Handing the same over again does no harm.

        A daemon that is away, slow or full leaves what it cannot take; the caller hands that over again later.
        """
