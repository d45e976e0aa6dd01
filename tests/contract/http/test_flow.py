"""The main job, over a socket: open a report, submit, find, fetch, count, publish, fetch again."""

import gzip
import json

import pytest
import zstandard

from tests.service import eventually

START = "2026-11-20 10:00:00"


def measurement(report_id, **more):
    return {
        "report_id": report_id,
        "probe_cc": "IT",
        "probe_asn": "AS64496",
        "test_name": "web_connectivity",
        "input": "https://www.example.com/",
        "test_start_time": START,
        "measurement_start_time": START,
        "test_keys": {"blocking": "dns", "accessible": False},
        "software_name": "ooniprobe-cli",
        "software_version": "3.20.0",
        "annotations": {"platform": "linux"},
        **more,
    }


def open_report(http, **more):
    request = {"test_name": "web_connectivity", "probe_cc": "IT", "probe_asn": "AS64496", **more}
    answer = http.post("/report", content=json.dumps(request))  # as old probes: without any content type
    assert answer.status_code == 200
    return answer.json()


def submit(http, content, report_id=None, **headers):
    body = json.dumps({"format": "json", "content": content}).encode()
    return http.post(f"/report/{report_id or content['report_id']}", content=body, headers=headers)


def test_measurement_lives_its_whole_life(service, http):
    opened = open_report(http)
    assert opened["backend_version"] == "1.3.5"
    assert opened["supported_formats"] == ["yaml", "json"]
    content = measurement(opened["report_id"], number=1.0, text="caffè ☕ \\u0000")
    uid = submit(http, content).json()["measurement_uid"]

    def meta(**more):
        answer = http.get("/api/v1/measurement_meta", params={"measurement_uid": uid, **more})
        return answer.json() if answer.json().get("measurement_uid") else None

    found = eventually(meta)
    assert found["anomaly"] is True
    assert json.loads(found["scores"])["analysis"] == {"blocking_type": "dns"}
    listed = http.get("/api/v1/measurements", params={"since": "2026-11-20", "until": "2026-11-21"}).json()
    assert uid in [each["measurement_uid"] for each in listed["results"]]

    before = http.get("/api/v1/raw_measurement", params={"measurement_uid": uid})
    assert before.json() == content
    chart = http.get(
        "/api/v1/aggregation",
        params={"since": "2026-11-20", "until": "2026-11-21", "axis_x": "probe_cc", "domain": "www.example.com"},
    ).json()
    assert chart["result"][0]["probe_cc"] == "IT"
    assert chart["result"][0]["anomaly_count"] >= 1

    service.run("publish", "--now")
    assert not list((service.data_dir / "measurements" / "incoming").glob("*/*.post"))
    after = http.get("/api/v1/raw_measurement", params={"measurement_uid": uid})
    assert after.content == before.content
    assert http.get(f"/api/v1/measurement/{uid}").content == before.content
    assert json.loads(meta(full="true")["raw_measurement"]) == content
    assert http.post(f"/report/{opened['report_id']}/close").json() == {}


@pytest.mark.parametrize(
    ("encoding", "compress"),
    [
        ("zstd", zstandard.compress),
        ("zstd", zstandard.ZstdCompressor(write_content_size=False).compress),
        ("gzip", gzip.compress),
    ],
)
def test_compressed_body_is_kept_as_it_was_before_compression(service, http, encoding, compress):
    report_id = open_report(http)["report_id"]
    body = json.dumps({"format": "json", "content": measurement(report_id)}, indent=1).encode()
    answer = http.post(f"/report/{report_id}", content=compress(body), headers={"Content-Encoding": encoding})
    uid = answer.json()["measurement_uid"]
    (spooled,) = (service.data_dir / "measurements" / "incoming").glob(f"*/{uid}.post")
    assert spooled.read_bytes() == body


@pytest.mark.parametrize("place", ["IT_0", "ZZ_1", "zz_1"])
def test_measurement_from_nowhere_is_dropped_and_the_probe_is_content(http, place):
    answer = http.post(f"/report/20261120T100000Z_ndt_{place}_n1_AAAAAAAAAAAAAAAA", content=b"")
    assert (answer.status_code, answer.json()) == (200, {})


def test_report_that_was_opened_elsewhere_is_accepted(http):
    content = measurement("20261120T095959Z_webconnectivity_IT_64496_n9_integtest0000000")
    assert submit(http, content).json()["measurement_uid"]


def test_measurement_that_cannot_be_scored_is_kept_and_listed(service, http):
    report_id = open_report(http, test_name="telegram")["report_id"]
    content = measurement(report_id, test_name="telegram", test_keys=["not", "an", "object"])
    uid = submit(http, content).json()["measurement_uid"]
    listed = eventually(lambda: [line for line in _quarantine(service) if line["measurement_uid"] == uid])
    assert listed[0]["kind"]
    assert listed[0]["reason"]
    assert http.get("/api/v1/raw_measurement", params={"measurement_uid": uid}).json() in ({}, content)


def _quarantine(service):
    done = service.run("quarantine", "list", "--json")
    return [json.loads(line) for line in done.stdout.splitlines()]
