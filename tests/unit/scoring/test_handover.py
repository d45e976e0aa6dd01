"""Handing over to a daemon: what is sent, what is scored here, what is asked again."""

import attrs
import pytest

from ooni_core.errors import Unavailable
from ooni_core.measurement import MeasurementUid, SpoolBucket
from ooni_core.scoring.handover import HandoverService, HandoverUnfinished
from ooni_core.scoring.model import Discarded, Quarantined
from ooni_core.scoring.ports import Handover
from ooni_core.scoring.service import ScoringService, ScoringSummary

UIDS = [MeasurementUid(f"20260203040506.{number:06}_IT_ndt_0123456789abcdef") for number in range(4)]
TEXTS = [uid.text for uid in UIDS]


@attrs.define
class Spool:
    """Holds a body for each uid but those that are gone."""

    gone: set = attrs.field(factory=set)

    def get(self, uid):
        return None if uid in self.gone else uid.text.encode()

    def buckets(self):
        return [SpoolBucket("2026020304", "IT", "ndt")]

    def uids(self, bucket):
        return UIDS


@attrs.define
class Daemon:
    """Gives one answer, and remembers what it was handed."""

    answer: Handover = attrs.field(factory=Handover)
    handed: list = attrs.field(factory=list)

    def take(self, batch):
        self.handed.append(list(batch))
        return self.answer


@attrs.define
class Store:
    """Knows some uids, and remembers what is put."""

    done: set = attrs.field(factory=set)
    entries: list = attrs.field(factory=list)

    def known(self, uids):
        return self.done & set(uids)

    def put(self, entries):
        self.entries.extend(entries)

    def release(self, uids):
        self.done -= set(uids)


@attrs.define
class Here:
    """Scores in this process, or cannot just now."""

    away: bool = False
    scored: list = attrs.field(factory=list)

    def score(self, batch):
        if self.away:
            raise Unavailable("no scorer")
        self.scored += [uid for uid, _ in batch]
        return [Discarded(uid, "r") if uid == TEXTS[0] else Quarantined(uid, "r", "k") for uid, _ in batch]


@pytest.fixture
def world():
    """A use case over parts that remember."""
    verdicts, quarantine = Store(), Store()
    return HandoverService(ScoringService(Spool(), Here(), verdicts, quarantine), Daemon())


def test_bodies_go_to_the_daemon_and_nothing_is_scored_here(world):
    assert world.score(UIDS) == ScoringSummary(handed_over=4)
    assert world.daemon.handed == [[(text, text.encode()) for text in TEXTS]]
    assert world.local.scorer.scored == []


def test_what_is_no_longer_spooled_is_not_handed_over(world):
    world.local.spool.gone = set(UIDS[1:])
    assert world.score(UIDS) == ScoringSummary(handed_over=1, gone=3)
    world.local.spool.gone = set(UIDS)
    assert world.score(UIDS) == ScoringSummary(gone=4)
    assert len(world.daemon.handed) == 1, "a daemon is not bothered with nothing"


def test_what_the_daemon_refuses_is_scored_here(world):
    world.daemon.answer = Handover(refused=frozenset(TEXTS[:2]))
    assert world.score(UIDS) == ScoringSummary(discarded=1, quarantined=1, handed_over=2)
    assert world.local.scorer.scored == TEXTS[:2]
    assert [entry.measurement_uid for entry in world.local.quarantine.entries] == [TEXTS[1]]


def test_what_the_daemon_leaves_is_named_with_its_reason(world):
    world.daemon.answer = Handover(refused=frozenset(TEXTS[:1]), left=frozenset(TEXTS[2:]), reason="it is full")
    with pytest.raises(HandoverUnfinished, match="it is full") as caught:
        world.score(UIDS)
    assert caught.value.left == UIDS[2:]
    assert world.local.scorer.scored == TEXTS[:1]


def test_refused_that_cannot_be_scored_here_are_asked_again(world):
    world.daemon.answer = Handover(refused=frozenset(TEXTS[:1]))
    world.local.scorer.away = True
    with pytest.raises(Unavailable, match="no scorer"):
        world.score(UIDS)


def test_only_what_has_neither_verdict_nor_quarantine_is_handed_over_after_a_restart(world):
    world.local.verdicts.done = {TEXTS[0]}
    world.local.quarantine.done = {TEXTS[3]}
    assert list(world.waiting()) == [UIDS]
    assert world.score_missing(UIDS) == ScoringSummary(handed_over=2)
    assert [uid for uid, _ in world.daemon.handed[0]] == TEXTS[1:3]
