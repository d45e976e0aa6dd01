"""The page that operators' monitoring reads."""

import re

import httpx
import pytest

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


def test_requests_in_progress_are_those_of_this_moment(watched):
    watched.get("/health")
    assert of(figures(watched), "ooniapi_requests_in_progress") == 1  # the one that asks


def test_paths_that_strangers_invent_make_no_series(watched):
    watched.get("/no/such/page")
    assert not [name for name in figures(watched) if "no/such" in name or "unknown" in name]


def test_what_waits_is_shown(watched):
    report = "20261120T100000Z_webconnectivity_IT_64496_n1_ExampleExample00"
    watched.post(f"/report/{report}", json={"format": "json", "content": {}}).raise_for_status()
    series = figures(watched)
    assert of(series, "ooniapi_spool_measurements") == 1
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
