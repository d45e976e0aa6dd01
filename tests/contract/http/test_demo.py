"""`ooni serve --demo`: a service with something to look at, that leaves nothing behind."""

import httpx

from tests.service import RunningService, eventually


def test_demo_shows_invented_measurements_of_several_nettests_and_countries(tmp_path):
    service = RunningService(tmp_path).start("--demo")
    with httpx.Client(base_url=service.url, timeout=30) as http:

        def listed():
            found = http.get("/api/v1/measurements").json()["results"]
            return found if len(found) == 14 else None

        found = eventually(listed)
        counts = http.get("/api/v1/aggregation").json()["result"]
    service.stop()
    assert len({each["probe_cc"] for each in found}) == 5
    assert {"web_connectivity", "telegram", "signal", "tor", "ndt"} <= {each["test_name"] for each in found}
    assert counts["confirmed_count"] == 2
    assert not (tmp_path / "data" / "ooni.duckdb").exists(), "the demo works in a folder of its own"
