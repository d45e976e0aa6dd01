"""Scoring in the calling thread and in a process of its own: the same outcomes, and only the guilty one pays."""

import os
import time

import orjson
import pytest

from ooni_adapters.scorers import EngineScorer, ProcessScorer
from ooni_core.errors import Unavailable
from ooni_core.scoring import Discarded, Engine, FingerprintSet, Quarantined, Stored

UID = "20260203040506.{:06}_IT_ndt_0123456789abcdef"


def body(**more):
    times = dict.fromkeys(("test_start_time", "measurement_start_time"), "2026-02-03 04:05:06")
    content = {"report_id": "r", "probe_cc": "IT", "probe_asn": "AS1", "test_name": "ndt", "test_keys": {}, **times}
    return orjson.dumps({"format": "json", "content": content | more})


BATCH = [
    (UID.format(1), body()),
    (UID.format(2), body(test_name="telegram", test_keys=[])),
    (UID.format(3), body(probe_cc="ZZ")),
]


class Poison:
    """A body that takes the process down, or holds it up, when that process reads it."""

    def __init__(self, act, argument):
        self._reduced = act, (argument,)

    def __reduce__(self):
        return self._reduced

    def __len__(self):
        return 0


@pytest.fixture(scope="module")
def process():
    scorer = ProcessScorer(FingerprintSet.EMPTY, "head")
    scorer.start()
    yield scorer
    scorer.close()


def test_both_give_one_outcome_for_each_in_order(process):
    local = EngineScorer(Engine()).score(BATCH)
    assert process.score(BATCH) == local
    assert [type(outcome) for outcome in local] == [Stored, Quarantined, Discarded]


def test_body_that_kills_the_scorer_is_quarantined_and_its_companions_are_scored(process):
    outcomes = process.score([(UID.format(1), body()), (UID.format(2), Poison(os._exit, 9)), (UID.format(3), body())])
    assert [type(outcome) for outcome in outcomes] == [Stored, Quarantined, Stored]
    assert (outcomes[1].measurement_uid, outcomes[1].kind) == (UID.format(2), "crash")


def test_body_whose_process_somebody_else_kills_is_scored_all_the_same(process, tmp_path):
    outcomes = process.score([(UID.format(1), Poison(die_twice, tmp_path)), (UID.format(2), body())])
    assert [type(outcome) for outcome in outcomes] == [Stored, Stored]


def die_twice(folder):
    """Give a good body, once two processes died over it."""
    if len(list(folder.iterdir())) < 2:
        (folder / str(os.getpid())).touch()
        os._exit(9)
    return body()


def test_scorer_that_cannot_start_blames_no_measurement():
    scorer = ProcessScorer(FingerprintSet.EMPTY, "no such rule set")
    try:
        with pytest.raises(Unavailable, match="could not start"):
            scorer.score([(UID.format(1), body())])
    finally:
        scorer.close()


def test_new_fingerprints_count_from_the_next_batch_on(process):
    old = Engine().provenance.fingerprints
    dns = {"name": "t.dns", "scope": "nat", "other_names": "", "location_found": "dns", "pattern_type": "full"}
    new = FingerprintSet.from_rows(
        [{**dns, "pattern": "1.2.3.4", "confidence_no_fp": 5, "expected_countries": "IT"}], []
    )
    assert process.score(BATCH)[0].provenance.fingerprints == old
    process.use(new)
    assert process.score(BATCH)[0].provenance.fingerprints == new.sha256
    process.use(FingerprintSet.EMPTY)
    assert process.score(BATCH)[0].provenance.fingerprints == old


def test_body_that_takes_for_ever_is_quarantined_and_its_companions_are_scored():
    scorer = ProcessScorer(FingerprintSet.EMPTY, "head", seconds=2.0)
    try:
        scorer.score([(UID.format(1), body())])
        outcomes = scorer.score([(UID.format(1), Poison(time.sleep, 60)), (UID.format(2), body())])
    finally:
        scorer.close()
    assert isinstance(outcomes[1], Stored)
    assert outcomes[0].kind == "timeout"


def test_scorer_goes_on_after_it_was_closed(process):
    process.close()
    assert isinstance(process.score([(UID.format(1), body())])[0], Stored)
