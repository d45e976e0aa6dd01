"""Recorded normal forms of legacy reports: ours are the same, and so are their verdicts."""

import json

import pytest

from ooni_core.measurement.legacy import LegacyMeasurement, iter_yaml_measurements
from ooni_core.scoring import Engine, FingerprintSet

from .test_golden_scores import check

pytestmark = pytest.mark.shared_data


@pytest.mark.parametrize("chunk_size", [1, 7, 2**20])
@pytest.mark.parametrize("name", ["binary_city.yaml", "dns_n_http_bin_body.yaml", "http_invalid_request_line.yaml"])
def test_legacy_report_gets_its_recorded_normal_form_and_verdict(shared_data, name, chunk_size):
    recorded = json.loads((shared_data / "golden" / "legacy_yaml_normalized.json").read_text())[name]
    folder = shared_data / "fingerprints"
    texts = [(folder / f"fingerprints_{kind}.csv").read_bytes().decode() for kind in ("dns", "http")]
    raw = (shared_data / "legacy_yaml" / name).read_bytes()
    chunks = [raw[start : start + chunk_size] for start in range(0, len(raw), chunk_size)]
    read = list(iter_yaml_measurements(chunks, recorded["day"], recorded["report_filename"]))
    assert all(isinstance(one, LegacyMeasurement) for one in read), read
    assert [one.measurement for one in read] == [one["normalized"] for one in recorded["measurements"]]
    engine = Engine(FingerprintSet.from_csv(*texts), "2023-09")
    for ours, theirs in zip(read, recorded["measurements"], strict=True):
        check(engine.score_measurement(ours.measurement, ours.measurement_uid), theirs["result"])
