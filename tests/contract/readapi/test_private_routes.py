"""The exact answers of the routes under ``/api/_/`` that no recorded answer of the reference shows, or shows mended."""

from datetime import datetime, timedelta

import pytest

from ooni_adapters.memory.catalog import MemoryCatalog
from tests.contract.readapi.application import client
from tests.unit.catalog.rows import row

# The application's clock stands at 2026-11-23 22:41:49.
DAYS = {days: datetime(2026, 11, 23, 10) - timedelta(days=days) for days in (0, 1, 2, 40)}


def measured(number, days, **changes):
    return row(number, measurement_start_time=DAYS[days], **changes)


ROWS = [
    *(measured(n, 2, test_name="vanilla_tor", anomaly=n < 3, probe_asn=1) for n in range(6)),
    *(measured(n, 1, test_name="tor", anomaly=n < 13, probe_asn=2) for n in range(10, 15)),
    measured(20, 40, test_name="tor", probe_asn=3, msm_failure=True),
    measured(21, 1, test_name="signal"),
    measured(22, 0, test_name="signal"),
    measured(30, 2, test_name="torsf", probe_cc="BR", scores='{"extra":{"test_runtime":10}}'),
    measured(31, 2, test_name="torsf", probe_cc="BR", scores='{"extra":{"test_runtime":20}}'),
    measured(32, 2, test_name="psiphon", probe_cc="DE", scores='{"extra":{"test_runtime":5}}'),
    measured(33, 0, test_name="torsf", probe_cc="FR", scores='{"extra":{"test_runtime":99}}'),
    *(measured(n, 1, probe_cc="US", input=f"https://{n % 3}.example/") for n in range(40, 46)),
]


@pytest.fixture(scope="module")
def http():
    with client(MemoryCatalog(ROWS)) as found:
        yield found


def network(probe_asn, total, success, failures, last_tested):
    return {
        "probe_asn": probe_asn,
        "failure_count": failures,
        "success_count": success,
        "total_count": total,
        "last_tested": last_tested,
        "test_runtime_avg": None,
        "test_runtime_max": None,
        "test_runtime_min": None,
    }


def test_tor_networks_that_mostly_fail_are_counted_when_they_measured_more_than_five_times(http):
    assert http.get("/api/_/vanilla_tor_stats?probe_cc=IT").json() == {
        "networks": [
            network(1, 6, 3, 0, "2026-11-21"),
            network(2, 5, 2, 0, "2026-11-22"),
            network(3, 1, 1, 1, "2026-10-14"),
        ],
        "notok_networks": 1,
        "last_tested": "2026-11-22",
    }
    nothing = {"networks": [], "notok_networks": 0, "last_tested": None}
    assert http.get("/api/_/vanilla_tor_stats?probe_cc=FR").json() == nothing


@pytest.mark.parametrize("network", ["30722", "AS30722"])
def test_days_of_a_messenger_are_32_instants_of_which_today_counts_nothing(http, network):
    found = http.get(f"/api/_/im_stats?probe_cc=IT&probe_asn={network}&test_name=signal").json()["results"]
    assert len(found) == 32
    assert {(day["anomaly_count"], len(day["test_day"])) for day in found} == {(None, 25)}
    assert (found[0]["test_day"], found[-1]["test_day"]) == ("2026-10-23T00:00:00+00:00", "2026-11-23T00:00:00+00:00")
    assert [day["test_day"][:10] for day in found if day["total_count"]] == ["2026-11-22"]


def test_circumvention_is_counted_by_country_up_to_the_day_before_yesterday(http):
    assert http.get("/api/_/circumvention_stats_by_country").json() == {
        "v": 0,
        "results": [
            {"probe_cc": "BR", "cnt": 2},
            {"probe_cc": "DE", "cnt": 1},
            {"probe_cc": "IT", "cnt": 1},
        ],
    }


def test_runtimes_are_every_combination_unless_asked_for_those_with_data(http):
    def runtime(test_name, probe_cc, *value):
        return {"test_name": test_name, "probe_cc": probe_cc, "date": "2026-11-21", "v": list(value)}

    psiphon, torsf = runtime("psiphon", "DE", 5.0, 5.0, 1), runtime("torsf", "BR", 15.0, 19.0, 2)
    dense = [runtime("psiphon", "BR"), psiphon, torsf, runtime("torsf", "DE")]
    assert http.get("/api/_/circumvention_runtime_stats").json() == {"v": 0, "results": dense}
    assert http.get("/api/_/circumvention_runtime_stats?dense=0").json() == {"v": 0, "results": [psiphon, torsf]}


def test_full_page_of_urls_has_a_next_one(http):
    def page(more):
        return http.get(f"/api/_/website_urls?probe_cc=US&probe_asn=AS30722{more}").json()["metadata"]

    assert page("&limit=3") == {
        "offset": 0,
        "limit": 3,
        "current_page": 1,
        "total_count": 3,
        "next_url": "https://api.ooni.io/api/_/website_urls?limit=3&offset=3&probe_asn=30722&probe_cc=US",
    }
    assert (page("&limit=2&offset=2")["current_page"], page("&limit=2&offset=2")["next_url"]) == (2, None)
    assert page("&limit=-1")["limit"] == 10


def test_speeds_were_never_computed(http):
    assert http.get("/api/_/network_stats?probe_cc=GB").json() == {
        "metadata": {"current_page": 1, "limit": 10, "next_url": None, "offset": 0, "total_count": 0},
        "results": [],
    }
