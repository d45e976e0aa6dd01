"""Recorded verdicts of the historical scorer: ours are the same, document by document and field by field."""

import csv
import json
import math

import pytest

from ooni_core.scoring import Discarded, Engine, FingerprintSet, Quarantined, Stored

pytestmark = pytest.mark.shared_data

OUTCOMES = {"stored": Stored, "discarded": Discarded, "exception": Quarantined}
RULESETS = [("2023-09", "2023"), ("head", "head")]

# Where we differ on purpose from what the historical scorer handed to its database. The database refused these rows,
# so they were lost without a trace. See docs/scoring-differences.md.
QUARANTINED_INSTEAD = {"probe_asn huge"}
OTHER_ROW = {"test_runtime string": {"test_runtime": 1.5}}


def read(path):
    return json.loads(path.read_text())


@pytest.fixture(scope="module")
def csv_fingerprints(shared_data):
    folder = shared_data / "fingerprints"
    texts = [(folder / f"fingerprints_{kind}.csv").read_bytes().decode() for kind in ("dns", "http")]
    return FingerprintSet.from_csv(*texts)


@pytest.fixture(scope="module")
def json_fingerprints(shared_data):
    folder = shared_data / "fingerprints"
    return FingerprintSet.from_rows(read(folder / "fingerprints_dns.json"), read(folder / "fingerprints_http.json"))


def same(ours, recorded):
    if isinstance(ours, bool) or isinstance(recorded, bool):
        return ours is recorded
    if isinstance(ours, float) and math.isnan(ours):
        return recorded == "NaN"
    if isinstance(ours, int | float) and isinstance(recorded, int | float):
        return math.isclose(ours, recorded, rel_tol=1e-9, abs_tol=1e-12)
    if isinstance(ours, dict) and isinstance(recorded, dict):
        return ours.keys() == recorded.keys() and all(same(ours[key], recorded[key]) for key in ours)
    if isinstance(ours, list) and isinstance(recorded, list):
        return len(ours) == len(recorded) and all(map(same, ours, recorded))
    return ours == recorded


def as_recorded(value):
    if isinstance(value, bool):
        return "t" if value else "f"
    return value.strftime("%Y-%m-%d %H:%M:%S") if hasattr(value, "strftime") else value


def check(outcome, recorded, exact_text=True):
    assert type(outcome) is OUTCOMES[recorded["outcome"]], outcome
    if isinstance(outcome, Discarded):
        assert outcome.reason == recorded["reason"]
    if not isinstance(outcome, Stored):
        return
    row = outcome.row
    assert same(outcome.scores, recorded["scores"])
    assert (row.anomaly, row.confirmed, row.msm_failure) == tuple(
        recorded[flag] for flag in ("anomaly", "confirmed", "failure")
    )
    for column, value in recorded["row"].items():
        if column == "scores":
            assert not exact_text or row.scores == value
            assert same(json.loads(row.scores), json.loads(value))
        else:
            assert same(as_recorded(getattr(row, column)), value), column
    observation = recorded.get("obs_openvpn_row")
    assert (outcome.obs_openvpn is None) == (observation is None)
    for column, value in (observation or {}).items():
        ours = outcome.obs_openvpn[column]
        assert same(ours if isinstance(ours, bool) else as_recorded(ours), value), column


@pytest.mark.parametrize(("ruleset", "tag"), RULESETS)
@pytest.mark.parametrize("kind", ["csv", "json"])
def test_every_real_measurement_gets_its_recorded_verdict(
    shared_data, csv_fingerprints, json_fingerprints, ruleset, tag, kind
):
    fingerprints = csv_fingerprints if kind == "csv" else json_fingerprints
    engine = Engine(fingerprints, ruleset)
    suffix = "_fullcsv" if kind == "csv" else ""
    recorded = read(shared_data / "golden" / f"scores_{tag}{suffix}.json")
    index = read(shared_data / "measurements" / "index.json")
    assert len(index) == len(recorded) == 109
    for item in index:
        body = (shared_data / "measurements" / item["file"]).read_bytes()
        check(engine.score(body, item["measurement_uid"]), recorded[item["sha"]], exact_text=kind == "csv")


@pytest.mark.parametrize(("ruleset", "tag"), RULESETS)
def test_every_edge_case_gets_its_recorded_verdict(shared_data, csv_fingerprints, ruleset, tag):
    engine = Engine(csv_fingerprints, ruleset)
    cases = read(shared_data / "golden" / "edge_cases.json")
    assert len(cases) == 188
    for case in cases:
        body = (
            case["message_latin1"].encode("latin1")
            if "message_latin1" in case
            else json.dumps(case["message"]).encode()
        )
        outcome = engine.score(body, case["measurement_uid"])
        recorded = case[f"result_{tag}"]
        if case["name"] in QUARANTINED_INSTEAD:
            assert isinstance(outcome, Quarantined)
            continue
        if case["name"] in OTHER_ROW:
            recorded = {**recorded, "row": {**recorded["row"], **OTHER_ROW[case["name"]]}}
        check(outcome, recorded)


@pytest.mark.parametrize(("ruleset", "tag"), RULESETS)
def test_every_planted_fingerprint_is_found_as_recorded(shared_data, csv_fingerprints, ruleset, tag):
    engine = Engine(csv_fingerprints, ruleset)
    planted = read(shared_data / "golden" / "fingerprint_cases.json")
    for case in planted["cases"]:
        measurement = json.loads(json.dumps(planted["skeleton"]))
        measurement["probe_cc"] = case["probe_cc"]
        measurement["test_keys"].update(case["plant"])
        outcome = engine.score(json.dumps(measurement).encode(), planted["measurement_uid"])
        recorded = case[f"result_{tag}"]
        names = [one["name"] for one in outcome.scores.get("fingerprints", [])]
        assert names == recorded["matched"], case["fingerprint"]
        row = outcome.row
        assert [row.confirmed, row.anomaly, row.msm_failure] == [
            recorded[flag] for flag in ("confirmed", "anomaly", "failure")
        ]
        blocking = {key: value for key, value in outcome.scores.items() if key.startswith("blocking_") and value}
        assert blocking == {key: value for key, value in recorded.items() if key.startswith("blocking_") and value}


def test_published_fingerprints_load_completely(shared_data, csv_fingerprints, json_fingerprints):
    with (shared_data / "fingerprints" / "fingerprints_http.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [one.pattern for one in csv_fingerprints.http] == [row["pattern"] for row in rows]
    assert (len(csv_fingerprints.dns), len(csv_fingerprints.http)) == (226, 1729)
    assert (len(json_fingerprints.dns), len(json_fingerprints.http)) == (150, 1699)
