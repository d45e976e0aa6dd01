"""The use case of having received measurements scored by a daemon. The spool stays the truth."""

from collections.abc import Iterator, Sequence

import attrs

from ooni_core.errors import Unavailable
from ooni_core.measurement import MeasurementUid
from ooni_core.scoring.ports import Handover, ScoringDaemon
from ooni_core.scoring.service import ScoringService, ScoringSummary


class HandoverUnfinished(Unavailable):
    """The daemon took only some.

    Attributes:
        left: what it did not take, to be handed over again. The others are dealt with.
    """

    def __init__(self, message: str, left: Sequence[MeasurementUid]) -> None:
        super().__init__(message)
        self.left = left


@attrs.frozen
class HandoverService:
    """Hands what was received over to a daemon, and scores here only what the daemon refuses.

    What the daemon took is not watched further: publication scores whatever has no verdict when its hour is published,
    so that even a daemon that never comes back costs nothing but time.
    """

    local: ScoringService
    daemon: ScoringDaemon

    def score(self, uids: Sequence[MeasurementUid]) -> ScoringSummary:
        """Hand *uids* over.

        Raises:
            HandoverUnfinished: the daemon did not take all of them.
            Unavailable: what it refuses could not be scored here; the caller hands all of them over again.
        """
        bodies, missed = self.local.read(uids)
        answer = self.daemon.take(bodies) if bodies else Handover()
        here = self.local.score([uid for uid in uids if uid.text in answer.refused])
        if answer.left:
            raise HandoverUnfinished(answer.reason, [uid for uid in uids if uid.text in answer.left])
        return here + missed + ScoringSummary(handed_over=len(bodies) - len(answer.refused))

    def score_missing(self, uids: Sequence[MeasurementUid]) -> ScoringSummary:
        """Hand over those of *uids* that have neither a verdict nor a quarantine entry.

        Raises:
            HandoverUnfinished: the daemon did not take all of them.
            Unavailable: the stores do not answer.
        """
        return self.score(self.local.unscored(uids))

    def waiting(self) -> Iterator[list[MeasurementUid]]:
        """Yield what the spool holds, unit by unit, for `score_missing` after a restart."""
        return self.local.waiting()
