"""The loop: what was measured comes later in the next list, first from memory, then from the database."""

from datetime import timedelta

import orjson

from ooni_adapters.sql.verdicts import SqlVerdictStore
from ooni_core.scoring import Engine, FingerprintSet
from ooni_core.scoring.model import Stored
from tests.contract.probes.conftest import NOW

URL = "https://3.it.example/"


def verdict(number, url=URL, asn=65550):
    measurement = {
        "probe_cc": "IT",
        "probe_asn": f"AS{asn}",
        "input": url,
        "test_name": "web_connectivity",
        "test_start_time": "2026-11-23 20:00:00",
        "measurement_start_time": "2026-11-23 20:00:01",
        "test_keys": {"accessible": True, "blocking": False, "requests": []},
        "software_name": "ooniprobe",
        "software_version": "3",
        "report_id": f"20261123T200000Z_webconnectivity_IT_{asn}_n1_aaaaaaaaaaaaaaaa",
        "test_runtime": 1.0,
        "annotations": {},
        "test_version": "0.4",
    }
    uid = f"20261123224100.{number:06}_IT_webconnectivity_0123456789abcdef"
    outcome = Engine(FingerprintSet.from_rows([], []), "head").score(
        orjson.dumps({"format": "json", "content": measurement}), uid
    )
    assert isinstance(outcome, Stored)
    return outcome


def debug(client, asn=65550):
    found = client.get(f"/api/_/debug_prioritization?probe_cc=IT&probe_asn=AS{asn}").json()["test_items"]
    return {each["url"]: (place, each) for place, each in enumerate(found)}


def test_scored_measurement_lowers_its_url_for_its_network_within_seconds(client, service):
    before = debug(client)
    assert before[URL][1]["weight"] == 1000.0
    service.parts.verdicts.put([verdict(1), verdict(2)])
    service.clock.instant = NOW + timedelta(seconds=2)
    after = debug(client)
    assert (after[URL][1]["msmt_cnt"], after[URL][1]["weight"]) == (2, 50.0)
    assert after[URL][0] == len(after) - 1, "everything else is more urgent now"
    assert debug(client, asn=1)[URL][1]["msmt_cnt"] == 0
    assert debug(client, asn=0)[URL][1]["msmt_cnt"] == 2


def test_probe_is_not_sent_to_measured_urls_again(client, service):
    service.parts.verdicts.put(
        [verdict(n, f"https://{n}.world.example/") for n in range(150)]
        + [verdict(1000 + n, f"https://{n}.it.example/") for n in range(25)]
    )
    service.clock.instant = NOW + timedelta(seconds=2)
    body = {"probe_cc": "IT", "probe_asn": "AS65550", "charging": False}
    found = client.post("/api/v1/check-in", json=body).json()["tests"]["web_connectivity"]["urls"]
    assert {each["url"] for each in found[:5]} == {f"https://{n}.it.example/" for n in range(25, 30)}


def test_what_another_process_scored_counts_at_the_next_refresh(client, service):
    service.parts.verdicts.put([verdict(1)])
    service.clock.instant = NOW + timedelta(seconds=5)
    SqlVerdictStore(service.engine, service.clock).put([verdict(2), verdict(3, "https://not.listed.example/")])
    service.parts.prioritization.refresh()
    assert debug(client)[URL][1]["msmt_cnt"] == 2


def test_database_says_the_same_when_counters_are_read_again(client, service):
    service.parts.verdicts.put([verdict(1), verdict(2), verdict(3, "https://not.listed.example/")])
    service.parts.verdicts.put([verdict(2)])
    for later in (timedelta(seconds=5), timedelta(minutes=10)):
        service.clock.instant = NOW + later
        service.parts.prioritization.refresh()
        assert debug(client)[URL][1]["msmt_cnt"] == 2
    rows = client.get("/api/_/show_countries_prioritization").json()
    assert next(row["msmt_cnt"] for row in rows if row["url"] == URL) == 2
