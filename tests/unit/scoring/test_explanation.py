"""An explanation says what scoring says, and why."""

import pytest
from hypothesis import HealthCheck, given, settings

from ooni_core.scoring import Engine, FingerprintSet, Quarantined
from ooni_core.testing import UID, block_page, measurement, submission

from .documents import ANSWERS, PAGES, bodies, damaged_bodies

ENGINE = Engine(FingerprintSet(ANSWERS, PAGES), "full")


@settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
@given(bodies() | damaged_bodies())
def test_explanation_never_fails_and_agrees_with_the_verdict(body):
    explanation = ENGINE.explain(body, UID)
    outcome = ENGINE.score(body, UID)
    assert repr(explanation.outcome) == repr(outcome)
    scores = getattr(outcome, "scores", None)
    if scores is not None:
        assert [match.fingerprint.name for match in explanation.matches] == [
            one["name"] for one in scores.get("fingerprints", [])
        ]
        last = {decision.key: decision.value for decision in explanation.decisions if decision.key}
        for key in ("accuracy", "confirmed"):
            assert scores.get(key) == last.get(key)
        if scores.get("blocking_general"):
            assert last["blocking_general"] == scores["blocking_general"]


@pytest.mark.parametrize(
    ("page", "response", "where", "offset"),
    [
        (block_page("Blocked"), {"body": "<p>Blocked"}, "requests[0].response.body", 3),
        (block_page("Foo"), {"body": {"format": "base64", "data": "eEZvbw=="}}, "requests[0].response.body", 1),
        (block_page("Blo.*ed!", pattern_type="regexp"), {"body": "a Blocked!"}, "requests[0].response.body", 2),
        (
            block_page("free", location="header.x.via"),
            {"headers": {"X.Via": "ad free"}},
            "requests[0].response.headers.X.Via",
            3,
        ),
    ],
)
def test_match_says_where_it_stands(page, response, where, offset):
    engine = Engine(FingerprintSet(http=(page,)), "full")
    [match] = engine.explain(submission(measurement(test_keys={"requests": [{"response": response}]})), UID).matches
    assert (match.where, match.offset, match.confirms) == (where, offset, True)
    assert match.excerpt


def test_answer_match_shows_the_address():
    engine = Engine(FingerprintSet(dns=(block_page("10.0.0.1", location="dns", pattern_type="full", scope="fp"),)))
    keys = {"queries": [{}, {"answers": [{}, {"ipv4": "10.0.0.1"}]}]}
    [match] = engine.explain(submission(measurement(test_keys=keys)), UID).matches
    assert (match.where, match.excerpt, match.confirms) == ("queries[1].answers[1]", "10.0.0.1", False)


def test_clock_and_rules_appear_among_the_decisions():
    body = submission(measurement(test_keys={"blocking": "dns"}, measurement_start_time="2024-05-07 00:00:00"))
    explanation = ENGINE.explain(body, UID)
    assert explanation.test_name == "web_connectivity"
    assert explanation.rule
    reasons = [decision.why for decision in explanation.decisions]
    assert "blocking is dns" in reasons
    assert any("from the future" in reason for reason in reasons)


def test_what_cannot_be_scored_is_explained_by_its_outcome():
    explanation = ENGINE.explain(b"[]", UID)
    assert isinstance(explanation.outcome, Quarantined)
    assert explanation.decisions == ()
