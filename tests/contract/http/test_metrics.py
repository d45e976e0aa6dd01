"""The page that operators' monitoring reads."""

import json
import re
from pathlib import Path

import httpx
import pytest

from ooni_adapters.telemetry import PrometheusFigures
from ooni_adapters.telemetry.prometheus import COUNTED, LEVELS
from tests.service import PATIENCE_SECONDS, RunningService

PASSWORD = "correct horse"


@pytest.fixture(scope="module")
def watched(tmp_path_factory):
    environment = {"OONI_SERVICE_METRICS_PASSWORD": PASSWORD}
    running = RunningService(tmp_path_factory.mktemp("watched"), environment=environment).start()
    with httpx.Client(base_url=running.url, timeout=PATIENCE_SECONDS) as client:
        yield client
    running.stop()


def figures(client):
    """Return the value of each series, by its name and labels as they are written."""
    answer = client.get("/metrics", auth=("prom", PASSWORD))
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    lines = (line for line in answer.text.splitlines() if not line.startswith("#"))
    return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines)}


def of(series, figure, **labels):
    wanted = [f'{label}="{value}"' for label, value in labels.items()]
    return sum(
        value for key, value in series.items() if re.match(figure + r"\b", key) and all(w in key for w in wanted)
    )


def test_each_request_is_timed_under_the_name_of_its_handler(watched):
    before = figures(watched)
    watched.get("/health")
    watched.get("/api/v1/measurements", params={"limit": "0"})
    after = figures(watched)

    def risen(series, **labels):
        return of(after, series, **labels) - of(before, series, **labels)

    assert risen("ooniapi_fn_execution_time_seconds_count", name="health", status="success") == 1
    assert risen("ooniapi_answers_total", name="health", code="2xx") == 1
    assert risen("ooniapi_answers_total", name="list_measurements", code="4xx") == 1
    assert risen("ooniapi_fn_execution_time_seconds_count", name="list_measurements", status="success") == 1


REPORT = "20261120T100000Z_webconnectivity_IT_64496_n1_ExampleExample00"
PROBE = {"probe_cc": "IT", "probe_asn": "AS64496", "software_name": "ooniprobe-android", "software_version": "3.8.1"}


def submitting(report, **more):
    return lambda client: client.post(f"/report/{report}", **more)


def at_once(content):
    envelope = {"format": "json", "content": json.dumps(content)}
    return lambda client: client.post("/api/v1/submit_measurement", json=envelope)


def checking_in(**more):
    return lambda client: client.post("/api/v1/check-in", json=PROBE | more)


def logging_in(username):
    return lambda client: client.post("/api/v1/login", json={"username": username, "password": "x"})


def logging_in_anew(client):
    logging_in(client.post("/api/v1/register", json={"password": "x"}).json()["client_id"])(client)


@pytest.mark.parametrize(
    ("happening", "risen"),
    [
        (submitting(REPORT, json={"format": "json", "content": {}}), "receive_measurement_count"),
        (submitting(REPORT, json={"format": "json", "content": {}}), 'probe_cc_asn_nomatch{mismatch="cc"}'),
        (submitting(REPORT, json={"format": "json", "content": {}}), 'probe_cc_asn_nomatch{mismatch="asn"}'),
        (submitting(REPORT, content=b"{"), 'measurement_bad_count{reason="bad_json"}'),
        (submitting("no_report", json={}), 'measurement_bad_count{reason="bad_report_id"}'),
        (submitting(REPORT.replace("64496", "0"), json={}), 'measurement_bad_count{reason="asn_0"}'),
        (submitting(REPORT.replace("IT", "ZZ"), json={}), 'measurement_bad_count{reason="cc_zz"}'),
        (
            submitting(REPORT, content=b"no zstd", headers={"Content-Encoding": "zstd"}),
            'measurement_bad_count{reason="bad_encoding"}',
        ),
        (at_once({"probe_cc": "IT"}), 'measurement_bad_count{reason="bad_metadata"}'),
        (checking_in(), 'check_ins{software="ooniprobe-android 3.8"}'),
        (checking_in(software_name="<script>"), 'check_ins{software="other"}'),
        (checking_in(), "geoip_ipaddr_not_found"),
        (checking_in(), "geoip_cc_differs"),
        (checking_in(), "geoip_asn_differs"),
        (logging_in("of-before-2022"), 'probe_login_requests{login="legacy",state="ok"}'),
        (logging_in_anew, 'probe_login_requests{login="standard",state="ok"}'),
    ],
)
def test_what_probes_do_is_counted(watched, happening, risen):
    figure, _, labels = risen.partition("{")
    name = f"ooniapi_{figure}_total{{{labels}" if labels else f"ooniapi_{figure}_total"
    before = figures(watched).get(name, 0)
    happening(watched)
    assert figures(watched)[name] == before + 1


def test_lengths_of_the_latest_lists_are_shown(watched):
    urls = checking_in()(watched).json()["tests"]["web_connectivity"]["urls"]
    listed = watched.get("/api/v1/test-list/urls", params={"limit": "3"}).json()["metadata"]["count"]
    series = figures(watched)
    assert series["ooniapi_check_in_test_list_count"] == len(urls) > 0
    assert series["ooniapi_test_list_urls_count"] == listed == 3


def test_labels_that_strangers_invent_make_no_series_without_end():
    shown = PrometheusFigures()
    for number in range(300):
        shown.count("check_ins", software=f"invented {number}.0")
    series = [line for line in shown.page().decode().splitlines() if line.startswith("ooniapi_check_ins_total")]
    assert len(series) == 101
    assert 'ooniapi_check_ins_total{software="other"} 200.0' in series
    shown.close()


def test_every_figure_is_documented(watched):
    page = (Path(__file__).parents[3] / "docs" / "operators" / "metrics.md").read_text()
    shown = {re.sub(r"(_bucket|_sum|_count)?\{.*", "", name) for name in figures(watched)}
    declared = {f"ooniapi_{name}_total" for name in COUNTED} | {f"ooniapi_{name}" for name in LEVELS}
    assert not [name for name in shown | declared if f"`{name}`" not in page]


def test_requests_in_progress_are_those_of_this_moment(watched):
    watched.get("/health")
    assert of(figures(watched), "ooniapi_requests_in_progress") == 1  # the one that asks


def test_paths_that_strangers_invent_make_no_series(watched):
    watched.get("/no/such/page")
    assert not [name for name in figures(watched) if "no/such" in name or "unknown" in name]


def test_what_waits_is_shown(watched):
    before = of(figures(watched), "ooniapi_spool_measurements")
    watched.post(f"/report/{REPORT}", json={"format": "json", "content": {"probe_cc": "IT"}}).raise_for_status()
    series = figures(watched)
    assert of(series, "ooniapi_spool_measurements") == before + 1
    assert "ooniapi_scoring_queue" in series


@pytest.mark.parametrize(
    "credentials", [None, ("prom", "wrong"), ("admin", PASSWORD), ("prom", ""), ("prom", "caf\u00e9")]
)
def test_only_who_knows_the_password_sees_figures(watched, credentials):
    answer = watched.get("/metrics", auth=credentials)
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == "Basic"
    assert "ooniapi" not in answer.text


def test_without_a_password_there_is_no_such_page(http):
    assert http.get("/metrics").status_code == 404
