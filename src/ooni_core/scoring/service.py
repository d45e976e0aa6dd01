"""The use case of scoring what was received: read from the spool, score, store. Safe to repeat at any time."""

from collections.abc import Iterator, Sequence

import attrs

from ooni_core.errors import Invalid, Unavailable
from ooni_core.intake.ports import MeasurementSpool
from ooni_core.measurement import MeasurementUid
from ooni_core.scoring.model import UNREADABLE, Discarded, Outcome, Quarantined, Stored
from ooni_core.scoring.ports import QuarantineStore, Scorer, VerdictStore

_BATCH = 500


@attrs.frozen
class ScoringSummary:
    """What became of some measurements.

    Attributes:
        gone: no longer in the spool, so published and scored before.
        handed_over: taken by a scoring daemon, which stores their verdicts.
        unreadable: in the spool, but cannot be read from it; in quarantine until they can.
    """

    stored: int = 0
    discarded: int = 0
    quarantined: int = 0
    gone: int = 0
    handed_over: int = 0
    unreadable: int = 0

    def __add__(self, other: "ScoringSummary") -> "ScoringSummary":
        return ScoringSummary(
            self.stored + other.stored,
            self.discarded + other.discarded,
            self.quarantined + other.quarantined,
            self.gone + other.gone,
            self.handed_over + other.handed_over,
            self.unreadable + other.unreadable,
        )


@attrs.frozen
class ScoringService:
    """Gives each spooled measurement its verdict, exactly once in effect, however often it is asked."""

    spool: MeasurementSpool
    scorer: Scorer
    verdicts: VerdictStore
    quarantine: QuarantineStore

    def score(self, uids: Sequence[MeasurementUid]) -> ScoringSummary:
        """Score *uids* and store what comes out. One that cannot be read holds up no other.

        Raises:
            Unavailable: some or all were not stored; the caller asks again.
        """
        bodies, missed = self.read(uids)
        outcomes = self.scorer.score(bodies) if bodies else []
        return store_outcomes(outcomes, self.verdicts, self.quarantine) + missed

    def read(self, uids: Sequence[MeasurementUid]) -> tuple[list[tuple[str, bytes]], ScoringSummary]:
        """Return the bodies that the spool holds, by uid, and how many are gone or cannot be read.

        Raises:
            Unavailable: the quarantine store does not answer.
        """
        bodies, unreadable = [], []
        for uid in uids:
            try:
                body = self.spool.get(uid)
            except Unavailable as exc:
                unreadable.append(Quarantined(uid.text, str(exc), UNREADABLE))
                continue
            if body is not None:
                bodies.append((uid.text, body))
        if unreadable:
            self.quarantine.put(unreadable)
        gone = len(uids) - len(bodies) - len(unreadable)
        return bodies, ScoringSummary(gone=gone, unreadable=len(unreadable))

    def score_missing(self, uids: Sequence[MeasurementUid]) -> ScoringSummary:
        """Score those of *uids* that have neither a verdict nor a quarantine entry.

        Raises:
            Unavailable: some were not stored.
        """
        summary = ScoringSummary()
        for start in range(0, len(uids), _BATCH):
            summary += self.score(self.unscored(uids[start : start + _BATCH]))
        return summary

    def settle(self, uids: Sequence[MeasurementUid]) -> None:
        """See to it that each of *uids* has its verdict or a quarantine entry that will stay, so that it may go.

        Raises:
            Unavailable: that cannot be said of all of them now.
        """
        summary = self.score_missing(uids)
        if summary.unreadable:
            raise Unavailable(f"{summary.unreadable} measurements have no verdict and cannot be read from the spool")
        self.quarantine.release(sorted(self.quarantine.unreadable([uid.text for uid in uids])))

    def unscored(self, uids: Sequence[MeasurementUid]) -> list[MeasurementUid]:
        """Return those of *uids* that have neither a verdict nor a quarantine entry.

        Raises:
            Unavailable: the stores do not answer.
        """
        texts = [uid.text for uid in uids]
        done = self.verdicts.known(texts) | self.quarantine.known(texts)
        return [uid for uid in uids if uid.text not in done]

    def waiting(self) -> Iterator[list[MeasurementUid]]:
        """Yield what the spool holds, unit by unit, for `score_missing` after a restart."""
        for bucket in self.spool.buckets():
            yield list(self.spool.uids(bucket))


def store_outcomes(outcomes: Sequence[Outcome], verdicts: VerdictStore, quarantine: QuarantineStore) -> ScoringSummary:
    """Store what scoring said, whatever it was. Repeating it changes nothing.

    A verdict that no table can hold goes into quarantine; one of them does not cost the others.

    Raises:
        Unavailable: some or all were not stored; the caller does it again.
    """
    stored = [one for one in outcomes if isinstance(one, Stored)]
    quarantined = [one for one in outcomes if isinstance(one, Quarantined)]
    refused = _put(stored, verdicts)
    names = {one.measurement_uid for one in refused}
    quarantine.release([one.row.measurement_uid for one in stored if one.row.measurement_uid not in names])
    if quarantined or refused:
        quarantine.put([*quarantined, *refused])
    discarded = sum(isinstance(one, Discarded) for one in outcomes)
    return ScoringSummary(len(stored) - len(refused), discarded, len(quarantined) + len(refused))


def _put(verdicts: Sequence[Stored], store: VerdictStore) -> list[Quarantined]:
    """Store *verdicts*; return entries for those that no table can hold."""
    if not verdicts:
        return []
    try:
        store.put(verdicts)
    except Invalid as exc:
        if len(verdicts) == 1:
            uid = verdicts[0].row.measurement_uid
            return [Quarantined(uid, f"the verdict cannot be stored: {exc}", "unstorable")]
        middle = len(verdicts) // 2
        return _put(verdicts[:middle], store) + _put(verdicts[middle:], store)
    return []
