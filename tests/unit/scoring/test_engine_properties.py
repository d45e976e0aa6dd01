"""What holds for every input: an outcome, the same one by every way, in time linear in size."""

import json
import math
import sys

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ooni_core.measurement.partial import FIELDS
from ooni_core.scoring import RULESETS, Discarded, Engine, FingerprintSet, Quarantined, Stored
from ooni_core.scoring.verdict import KINDS
from ooni_core.testing import UID, measurement, submission

from .documents import ANSWERS, PAGES, bodies, damaged_bodies, measurements

ENGINES = {name: Engine(FingerprintSet(ANSWERS, PAGES), name) for name in RULESETS}
RULESET = st.sampled_from(list(RULESETS))
MANY = settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))


def comparable(outcome):
    """Make NaN equal to itself, and the texts of one value alone."""
    return repr(outcome)


def check_outcome(outcome, uid):
    assert isinstance(outcome, Stored | Discarded | Quarantined)
    if isinstance(outcome, Stored):
        row = outcome.row
        assert row.measurement_uid == uid
        assert outcome.scores is not None
        assert row.scores.isascii()
        assert "NaN" not in row.scores
        json.loads(row.scores)
        assert row.anomaly is (outcome.scores.get("blocking_general", 0.0) > 0.5)
        assert row.confirmed is outcome.scores.get("confirmed", False)
        assert row.msm_failure is (outcome.scores.get("accuracy", 1.0) < 0.5)
        for text in (row.input, row.probe_cc, row.software_name, row.domain, row.test_name, row.platform):
            text.encode()
        assert 0 <= row.probe_asn < 2**32
        assert math.isnan(row.test_runtime) or abs(row.test_runtime) <= 3.5e38 or math.isinf(row.test_runtime)
    else:
        assert outcome.reason
        assert outcome.measurement_uid == uid
    if isinstance(outcome, Quarantined):
        assert outcome.kind in KINDS


@MANY
@given(bodies() | damaged_bodies() | st.binary(max_size=60), RULESET)
def test_any_bytes_give_a_verdict_a_discard_or_a_quarantine(body, ruleset):
    check_outcome(ENGINES[ruleset].score(body, UID), UID)


@MANY
@given(bodies() | damaged_bodies(), RULESET)
def test_partial_parsing_changes_no_verdict(body, ruleset):
    engine = ENGINES[ruleset]
    assert comparable(engine.score(body, UID)) == comparable(engine.score_whole(body, UID))


@MANY
@given(measurements())
def test_rules_read_no_field_that_partial_parsing_leaves_out(document):
    class Recording(dict):
        def get(self, key, default=None):
            seen.add(key)
            return super().get(key, default)

        def __getitem__(self, key):
            seen.add(key)
            return super().__getitem__(key)

        def __contains__(self, key):
            seen.add(key)
            return super().__contains__(key)

    seen: set[str] = set()
    ENGINES["full"].score_measurement(Recording(document), UID)
    assert seen <= FIELDS


@pytest.mark.parametrize("ruleset", RULESETS)
@pytest.mark.parametrize(
    "body",
    [
        b"[" * 10_000,
        b"[" * 10_000 + b"]" * 10_000,
        b'{"a":' * 10_000 + b"1" + b"}" * 10_000,
        b'{"format":"yaml","content":"' + b"[" * 100_000 + b'"}',
        b'{"format":"yaml","content":"' + b"- " * 100_000 + b'"}',
        b'{"format":"yaml","content":"a: &a [x]\\nb: *a\\nc: &c [*c]"}',
        b'{"test_runtime":' + b"9" * 100_000 + b"}",
        b'{"report_id":"\\ud800","probe_cc":"\\udfff"}',
        b"\xff\xfe",
        b"\xef\xbb\xbf{}",
        b"",
        b"null",
        b'"x"',
        b"NaN",
    ],
    ids=lambda body: f"{bytes(body[:12])!r}x{len(body)}",
)
def test_hostile_bytes_are_quarantined_or_discarded(body, ruleset):
    outcome = ENGINES[ruleset].score(body)
    assert isinstance(outcome, Quarantined | Discarded)
    check_outcome(outcome, outcome.measurement_uid)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("test_keys", {"requests": [{"response": {"body": None}}], "sent": [], "x": []}),
        ("test_runtime", float("nan")),
        ("test_runtime", float("inf")),
        ("software_name", "\ud800\x00"),
        ("input", "http://\ud800/"),
        ("test_runtime", 2**70),
    ],
)
def test_what_json_allows_and_tables_do_not_is_still_stored(field, value):
    body = json.dumps(measurement(**{field: value})).encode()
    outcome = ENGINES["head"].score(body, UID)
    assert isinstance(outcome, Stored)
    check_outcome(outcome, UID)


@pytest.mark.parametrize("name", ["http_invalid_request_line", "psiphon", "telegram", "stunreachability"])
def test_deep_values_that_rules_copy_or_compare_are_quarantined(name):
    deep = json.loads("[" * 300 + "]" * 300)
    keys = {
        "sent": [deep],
        "received": [deep],
        "bootstrap_time": deep,
        "failure": deep,
        "requests": [{"request": {"url": "https://web.telegram.org/"}, "failure": deep}],
    }
    outcome = ENGINES["head"].score(submission_of(name, keys), UID)
    assert isinstance(outcome, Quarantined)
    assert outcome.kind == "too_deep"


def submission_of(name, keys):
    return json.dumps({"format": "json", "content": measurement(name, keys)}).encode()


@pytest.mark.parametrize(
    "grow",
    [
        lambda n: submission(measurement(test_keys={"requests": [{"response": {"body": "<p>Blocked by" * n}}]})),
        lambda n: submission(measurement(test_keys={"queries": [{"answers": [{"ipv4": "1.1.1.1"}] * n}]})),
        lambda n: submission(measurement(test_keys={f"k{i}_failure": "x" for i in range(n)})),
        lambda n: submission(measurement()) + b" " * n,
        lambda n: b'{"a":"' + b'\\"' * n,
        lambda n: b"[NaN," * n,
    ],
)
def test_work_grows_with_size_and_no_faster(grow):
    def calls(body):
        count = 0

        def seen(_frame, event, _argument):
            nonlocal count
            count += event in {"call", "c_call"}

        before = sys.getprofile()
        sys.setprofile(seen)
        try:
            ENGINES["full"].score_whole(body, UID)
        finally:
            sys.setprofile(before)
        return count

    # Ten times the size may take ten times the calls; a quadratic step would take a hundred times.
    assert calls(grow(2_000)) < 15 * calls(grow(200)) + 1_000
