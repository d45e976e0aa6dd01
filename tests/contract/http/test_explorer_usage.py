"""What Explorer and other public clients ask, row by row of the compatibility checklist, and the keys that they read.

Each row is asked of a service with measurements and of one without any, over a socket, as a page of another site would.
"""

import csv
import json
import re
from datetime import datetime, timedelta
from urllib.parse import quote, urlencode

import attrs
import httpx
import pytest

from ooni_adapters.database import open_database
from ooni_core.reference.countries import COUNTRY_NAMES
from tests.contract.readapi.stores import fill
from tests.service import RunningService, eventually
from tests.unit.catalog.rows import row

NOW = "2026-11-23T22:41:49Z"
SETTINGS = f'[clock]\nstart = "{NOW}"\n'
SINCE, TOMORROW = "2026-10-25", "2026-11-24"
MESSENGERS, TOOLS = "signal,telegram,whatsapp,facebook_messenger", "psiphon,tor,torsf"
URL = "https://a.example/"

DAY_KEY = re.compile(r"\d{4}-\d\d-\d\d")
MONTH = re.compile(r"\d{4}-\d\d-01T00:00:00\+00:00")
INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")
CODE = re.compile(r"[A-Z]{2}")
COUNTERS = dict.fromkeys(("anomaly_count", "confirmed_count", "failure_count", "ok_count", "measurement_count"), int)
LISTED = {
    "measurement_uid": str,
    "test_name": str,
    "input": (str, type(None)),
    "probe_cc": CODE,
    "probe_asn": re.compile(r"AS\d+"),
    "measurement_start_time": INSTANT,
    "scores": dict,
    "anomaly": bool,
    "confirmed": bool,
    "failure": bool,
}
LIST = {"results": [LISTED], "metadata": {"next_url": (str, type(None))}}
META = {
    "confirmed": bool,
    "anomaly": bool,
    "failure": bool,
    "test_name": str,
    "measurement_start_time": INSTANT,
    "test_start_time": INSTANT,
    "probe_cc": CODE,
    "probe_asn": int,
    "measurement_uid": str,
    "report_id": str,
    "scores": str,
    "input": (str, type(None)),
    "category_code": (str, type(None)),
}
WITH_BODY = {**META, "raw_measurement": str}
NOT_FOUND = {"raw_measurement": re.compile("")}


@attrs.frozen
class Ask:
    """One request, and the shape of its answer; *empty* is the shape without measurements, where it differs."""

    path: str
    shape: object
    empty: object = None


def chart(*axes, **query):
    values = {"axis_x": axes[0] if axes else None, "axis_y": axes[1] if len(axes) > 1 else None, **query}
    path = "/api/v1/aggregation?" + urlencode({name: value for name, value in values.items() if value is not None})
    keys = {"measurement_start_day": DAY_KEY, "probe_asn": int}
    cell = {**COUNTERS, **{axis: keys.get(axis, str) for axis in axes}}
    return Ask(path, {"result": [cell] if axes else cell, "dimension_count": int})


def search(**query):
    return Ask(f"/api/v1/measurements?{urlencode(query)}", LIST)


def month(**more):
    return {"since": SINCE, "until": TOMORROW, "time_grain": "day", **more}


WEB = {"test_name": "web_connectivity"}
BY_DAY = "measurement_start_day"
SERIES = [{"date": MONTH, "value": int}]

# Rows of the checklist by number; {uid} and {report_id} name the measurement whose body is there.
EXPLORER = {
    1: [
        Ask("/api/_/global_overview", {"measurement_count": int, "network_count": int, "country_count": int}),
    ],
    2: [
        Ask(
            "/api/_/global_overview_by_month",
            {"countries_by_month": SERIES, "networks_by_month": SERIES, "measurements_by_month": SERIES},
        )
    ],
    3: [Ask("/api/_/countries", {"countries": [{"alpha_2": CODE, "name": str, "count": int}]})],
    4: [Ask("/api/_/countries", {"countries": [{"alpha_2": CODE, "name": str}]})],
    5: [
        Ask(
            f"/api/_/country_overview?probe_cc={probe_cc}",
            {"measurement_count": int, "network_count": int, "first_bucket_date": DAY_KEY},
            {"measurement_count": int, "network_count": int, "first_bucket_date": type(None)},
        )
        for probe_cc in ("IT", "it")
    ],
    6: [
        chart(BY_DAY, probe_cc="IT", since="2026-01-01", until=TOMORROW),
        chart(BY_DAY, probe_cc="IT", since="2023-01-01", until="2024-01-01"),
    ],
    7: [chart("category_code", probe_cc="IT", since=SINCE, until=TOMORROW, **WEB)],
    8: [chart(BY_DAY, "domain", **month(probe_cc="IT", **WEB))],
    9: [
        chart(BY_DAY, "test_name", **month(probe_cc="IT", test_name=MESSENGERS)),
        chart(BY_DAY, "test_name", **month(probe_cc="IT", test_name=TOOLS)),
    ],
    10: [
        search(limit=5, failure="false", order="desc", **{name: value})
        for name, value in (
            ("probe_cc", "IT"),
            ("probe_asn", "30722"),
            ("probe_asn", "AS30722"),
            ("domain", "a.example"),
        )
    ],
    12: [chart("probe_cc", probe_asn="AS30722")],
    13: [
        Ask(
            "/api/_/asnmeta?asn=30722", {"org_name": re.compile("Example Telecom")}, {"org_name": re.compile("Unknown")}
        )
    ],
    14: [chart(BY_DAY, probe_asn="AS30722", since="2014-11-23", until=TOMORROW)],
    15: [
        chart(BY_DAY, "domain", **month(probe_asn="AS30722", **WEB)),
        chart(BY_DAY, "test_name", **month(probe_asn="AS30722", probe_cc="IT", test_name=MESSENGERS)),
        chart(BY_DAY, "test_name", **month(probe_asn="AS30722", test_name=TOOLS)),
    ],
    16: [
        chart(BY_DAY, "probe_cc", **month(domain="a.example", **WEB)),
        chart(BY_DAY, "probe_cc", **month(domain="a.example", probe_cc="IT,BR", **WEB)),
    ],
    17: [
        search(limit=50, failure="false", order="desc", **query)
        for query in (
            {},
            {"since": SINCE, "until": TOMORROW},
            {"probe_cc": "IT", "test_name": "web_connectivity"},
            {"domain": "a.example"},
            {"input": URL},
            {"category_code": "NEWS"},
            {"probe_asn": "AS30722"},
            {"anomaly": "true"},
            {"confirmed": "true"},
            {"ooni_run_link_id": "10001"},
        )
    ],
    18: [search(limit=2, order="desc"), search(limit=2, offset=2, order="desc")],
    19: [Ask("/api/_/domain_metadata?domain=www.a.example", {"canonical_domain": str, "category_code": str})],
    20: [
        Ask(
            "/api/_/domains",
            {"results": [{"domain_name": str, "category_code": re.compile("[A-Z]+"), "measurement_count": int}]},
        )
    ],
    21: [Ask("/api/_/networks", {"results": [{"probe_asn": int, "org_name": str, "cnt": int}]})],
    22: [
        chart(),
        chart(**month(probe_cc="IT,BR", probe_asn="30722", domain="a.example", input=URL, category_code="NEWS", **WEB)),
        chart("probe_cc", ooni_run_link_id="10001", page="2", data="analysis", utm_source="x"),
        chart("category_code", "probe_asn", **month(**WEB)),
        chart(BY_DAY, "blocking_type", **month(axis_z="")),
    ],
    25: [chart(BY_DAY, "probe_asn", **month(download="true"))],
    26: [Ask("/api/v1/measurement_meta?measurement_uid={uid}&full=true", WITH_BODY, NOT_FOUND)],
    28: [
        Ask("/api/v1/raw_measurement?measurement_uid={uid}&webview=true&language=it", {"test_keys": dict}, {}),
    ],
    29: [
        Ask("/api/v1/measurement_meta?report_id={report_id}&full=true&input={url}", WITH_BODY, NOT_FOUND),
        Ask("/api/v1/measurement_meta?report_id={report_id}&full=true", NOT_FOUND),
    ],
    38: [
        chart(BY_DAY, "probe_cc", **month(domain="a.example", **WEB)),
        chart(BY_DAY, "probe_cc", **month(test_name="signal", probe_cc="IT,BR")),
    ],
}

# Other public clients, and Explorer of October 2023.
OTHERS = {
    "probe-cli results": [
        Ask("/api/v1/raw_measurement?report_id={report_id}&input={url}", {"test_keys": dict}, {}),
        Ask("/api/v1/raw_measurement?report_id={report_id}", {}),
    ],
    "probe-cli apitool": [
        Ask("/api/v1/measurement_meta?measurement_uid={uid}", META, {}),
        Ask("/api/v1/measurement_meta?report_id={report_id}&input={url}&full=true", WITH_BODY, NOT_FOUND),
    ],
    "gardener": [
        Ask(
            f"/api/v1/aggregation?since=2026-10-31T10:20:30&input={quote(url, safe='')}&test_name=web_connectivity",
            found,
        )
        for url in (URL, "https://d.example/~x;y=(1)'@*!", "http://ünï.example/")
        for found in ({"v": int, "result": COUNTERS},)
    ],
    "android": [
        Ask("/api/v1/raw_measurement?report_id={report_id}&input={url}", {"test_keys": dict}, {}),
        Ask("/api/_/check_report_id?report_id={report_id}", {"found": bool}),
        Ask("/api/_/check_report_id", {"found": bool}),
    ],
    "ooni/data": [
        Ask("/api/v1/measurement_meta?report_id={report_id}&full=True&input={url}", WITH_BODY, NOT_FOUND),
    ],
    "scripts": [
        Ask("/api/v1/measurements?since=2019-12-8&limit=3&since_index=abc", LIST),
        chart("domain", since=SINCE, until=TOMORROW, probe_cc="IT"),
    ],
    "explorer of 2023": [
        Ask(
            f"/api/_/test_coverage?probe_cc=IT{groups}",
            {
                "test_coverage": [{"count": int, "test_day": DAY_KEY, "test_group": str}],
                "network_coverage": [{"count": int, "test_day": DAY_KEY}],
            },
        )
        for groups in ("", "&test_groups=websites,im")
    ]
    + [
        Ask("/api/_/circumvention_stats_by_country", {"results": [{"probe_cc": CODE}]}),
        chart(BY_DAY, "probe_cc", **month(test_name="tor")),
        Ask("/api/_/countries", {"countries": [{"alpha_2": CODE, "name": str}]}),
    ],
}
# Rows of other areas have tests of their own, or are optional.
# What people do who log in: tests/contract/community (11, 36, 37) and tests/contract/accounts (30 to 35).
ELSEWHERE = {11, *range(30, 38)}
OPTIONAL = {23, 24}
INSIDE = {27: 26}

ASKED = [
    pytest.param(ask, id=f"{name}-{n}")
    for name, asks in {**EXPLORER, **OTHERS}.items()
    for n, ask in enumerate(asks, start=1)
]


def fits(value, shape, *, filled):
    """Say whether *value* has the keys and types of *shape*; lists hold something when *filled*."""
    if isinstance(shape, dict):
        return isinstance(value, dict) and all(
            key in value and fits(value[key], inner, filled=filled) for key, inner in shape.items()
        )
    if isinstance(shape, list):
        return (
            isinstance(value, list) and (value or not filled) and all(fits(v, shape[0], filled=filled) for v in value)
        )
    if isinstance(shape, re.Pattern):
        return isinstance(value, str) and shape.fullmatch(value) is not None
    if shape is int:
        return type(value) is int
    return isinstance(value, shape)


def seeds():
    """Measurements of every kind that the rows above ask for."""
    found = [row(n, minutes=n // 3, ooni_run_link_id=10001 if n == 1 else None) for n in range(9)]
    found += [row(10, anomaly=True), row(11, anomaly=True, confirmed=True), row(12, probe_cc="BR")]
    for n, test_name in enumerate((*MESSENGERS.split(","), *TOOLS.split(",")), start=20):
        found.append(row(n, test_name=test_name, input="", domain="", minutes=n * 1000))
    found.append(row(40, measurement_start_time=datetime(2023, 5, 1)))
    return found


def submit(http, input):
    """Send a measurement of *input*; return its uid, and what was sent."""
    opened = http.post("/report", json={"test_name": "web_connectivity", "probe_cc": "IT", "probe_asn": "AS30722"})
    content = {
        "report_id": opened.json()["report_id"],
        "probe_cc": "IT",
        "probe_asn": "AS30722",
        "test_name": "web_connectivity",
        "input": input,
        "test_start_time": "2026-11-20 10:00:00",
        "measurement_start_time": "2026-11-20 10:00:00",
        "test_keys": {"blocking": "dns", "accessible": False},
        "software_name": "ooniprobe-cli",
        "software_version": "3.20.0",
        "annotations": {"platform": "linux"},
    }
    answer = http.post(f"/report/{content['report_id']}", json={"format": "json", "content": content})
    return answer.json()["measurement_uid"], content


@attrs.frozen
class Site:
    """A running service, a client of it, and the measurement with a body that rows can name."""

    http: httpx.Client
    names: dict
    filled: bool

    def ask(self, path, **headers):
        path = path.format(**self.names) if "{" in path else path
        return self.http.get(path, headers={"Origin": "https://explorer.test", **headers})


@pytest.fixture(scope="module")
def seeded(tmp_path_factory):
    service = RunningService(tmp_path_factory.mktemp("seeded"), settings=SETTINGS)
    service.data_dir.mkdir()
    engine = open_database(f"duckdb://{service.data_dir}/ooni.duckdb")
    fill(engine, seeds(), names={30722: "Example Telecom"})
    engine.close()
    service.start()
    with httpx.Client(base_url=service.url, timeout=60) as http:
        uid, content = submit(http, URL)
        names = {"uid": uid, "report_id": content["report_id"], "url": quote(URL, safe="")}
        asked = {"measurement_uid": uid}
        assert eventually(lambda: "scores" in http.get("/api/v1/measurement_meta", params=asked).json())
        yield Site(http, names, filled=True)
    service.stop()


@pytest.fixture(scope="module")
def bare(tmp_path_factory):
    service = RunningService(tmp_path_factory.mktemp("bare"), settings=SETTINGS).start()
    names = {
        "uid": "20261120100000.000000_IT_webconnectivity_0123456789abcdef",
        "report_id": "20261120T100000Z_webconnectivity_IT_30722_n1_aaaaaaaaaaaaaaaa",
        "url": quote(URL, safe=""),
    }
    with httpx.Client(base_url=service.url, timeout=60) as http:
        yield Site(http, names, filled=False)
    service.stop()


@pytest.mark.parametrize("ask", ASKED)
def test_client_finds_the_keys_it_reads(seeded, bare, ask):
    for site, shape in ((seeded, ask.shape), (bare, ask.shape if ask.empty is None else ask.empty)):
        answer = site.ask(ask.path)
        assert answer.status_code == 200, answer.text[:300]
        assert answer.headers["access-control-allow-origin"] == "*"
        assert fits(answer.json(), shape, filled=site.filled), answer.text[:1000]


def test_every_row_of_the_checklist_is_asked_here_or_elsewhere():
    assert {*EXPLORER, *ELSEWHERE, *OPTIONAL, *INSIDE} == set(range(1, 39))


def test_rows_2_months_are_the_same_in_all_three_lists_and_the_last_is_the_current_one(seeded):
    found = seeded.ask("/api/_/global_overview_by_month").json()
    months = {tuple(entry["date"] for entry in series) for series in found.values()}
    assert len(months) == 1
    assert months.pop()[-1] == "2026-11-01T00:00:00+00:00"


def test_rows_3_and_4_countries_have_the_names_that_pages_are_built_from(seeded):
    found = {each["alpha_2"]: each for each in seeded.ask("/api/_/countries").json()["countries"]}
    assert {code: each["name"] for code, each in found.items()} == {code: COUNTRY_NAMES[code] for code in ("BR", "IT")}
    assert found["BR"]["count"] == 1


def test_row_14_days_ascend_over_twelve_years(seeded):
    days = [cell[BY_DAY] for cell in seeded.ask(EXPLORER[14][0].path).json()["result"]]
    assert days == sorted(days)
    assert (days[0], days[-1]) == ("2023-05-01", "2026-11-20")


@pytest.mark.parametrize("more", ["", "&cursor="])
def test_row_18_following_next_url_verbatim_shows_every_measurement_once(seeded, more):
    uids, url = [], f"/api/v1/measurements?limit=2&since=2012-01-01{more}"
    while url:
        page = seeded.ask(url).json()
        uids += [found["measurement_uid"] for found in page["results"]]
        url = page["metadata"]["next_url"]
        assert url is None or url.startswith(str(seeded.http.base_url.join("/api/v1/measurements?")))
    assert len(set(uids)) == len(uids)
    assert {each.measurement_uid for each in seeds()} < set(uids)


def test_row_21_organisations_are_never_null(seeded):
    found = {each["probe_asn"]: each for each in seeded.ask("/api/_/networks").json()["results"]}
    assert found[30722]["org_name"] == "Example Telecom"


@pytest.mark.parametrize("query", ["since=undefined&until=undefined", "axis_x=measurement_start_day&since=undefined"])
def test_row_22_undefined_of_a_page_that_is_not_ready_is_a_regular_error(seeded, bare, query):
    for site in (seeded, bare):
        answer = site.ask(f"/api/v1/aggregation?{query}")
        assert (answer.status_code, answer.json()["v"]) == (200, 0)
        assert "undefined" in answer.json()["error"]
        assert "result" not in answer.json()


@pytest.mark.parametrize("route", ["observations?group_by=failure&group_by=timestamp", "analysis?axis_x=probe_cc"])
def test_rows_23_and_24_are_not_there_and_pages_can_read_that(seeded, route):
    answer = seeded.ask(f"/api/v1/aggregation/{route}")
    assert (answer.status_code, answer.json()) == (404, {"error": "Not found"})
    assert answer.headers["access-control-allow-origin"] == "*"


def test_row_25_chart_is_a_file(seeded, bare):
    path = EXPLORER[25][0].path
    for site, lines in ((seeded, 9), (bare, 1)):
        answer = site.ask(f"{path}&format=CSV")
        assert answer.headers["content-type"] == "text/csv"
        assert answer.headers["content-disposition"] == "attachment; filename=ooni-aggregate-data.csv"
        found = list(csv.reader(answer.text.splitlines()))
        assert found[0] == sorted([*COUNTERS, BY_DAY, "probe_asn"])
        assert len(found) >= lines
    assert seeded.ask(path).headers["content-disposition"] == "attachment; filename=ooni-aggregate-data.json"


def test_rows_26_and_27_body_is_text_that_pages_parse_again(seeded):
    found = seeded.ask(EXPLORER[26][0].path).json()
    body = json.loads(found["raw_measurement"])
    assert {"software_name", "software_version", "annotations", "test_keys"} <= set(body)
    assert json.loads(found["scores"])["analysis"] == {"blocking_type": "dns"}


def test_row_29_old_link_leads_to_the_uid(seeded):
    found = seeded.ask(EXPLORER[29][0].path).json()
    assert found["measurement_uid"] == seeded.names["uid"]


def test_gardener_gets_counters_as_integers(seeded):
    answer = seeded.ask(OTHERS["gardener"][0].path).json()
    assert answer["v"] == 0
    assert answer["result"]["measurement_count"] == 13
    assert answer["result"]["confirmed_count"] == 1
    stats = answer["db_stats"]
    assert set(stats) == {"row_count", "bytes", "total_row_count", "elapsed_seconds"}
    assert (stats["row_count"], stats["total_row_count"], stats["bytes"]) == (13, 13, 0)
    assert stats["elapsed_seconds"] > 0


def test_old_clients_get_what_they_know(seeded, bare):
    for site in (seeded, bare):
        canned = site.ask("/api/v1/measurements?report_id={report_id}", **{"User-Agent": "okhttp/3.12.1"}).json()
        assert canned["results"] == [{"measurement_url": ""}]
        assert site.ask("/api/_/check_report_id?report_id=x").json() == {"found": True, "v": 0}
    assert seeded.ask("/api/v1/measurement/{uid}").json()["test_keys"]
    assert bare.ask("/api/v1/measurement/{uid}").status_code == 400


def test_measurement_can_be_fetched_the_moment_it_is_accepted_and_no_cache_keeps_that_it_was_not(seeded):
    before = seeded.ask("/api/v1/raw_measurement?measurement_uid=20261120100000.000000_IT_x_0123456789abcdef")
    assert (before.json(), before.headers["cache-control"]) == ({}, "no-store")
    uid, content = submit(seeded.http, "https://fresh.example/")
    assert seeded.ask(f"/api/v1/raw_measurement?measurement_uid={uid}").json() == content


def test_hours_weeks_and_months_have_the_keys_that_charts_fill_holes_with(seeded):
    first = datetime(2026, 11, 1)
    for grain, days, key in (
        ("hour", 7, "2026-11-01T00:00:00Z"),
        ("week", 23, "2026-11-01"),
        ("month", 60, "2026-11-01"),
    ):
        query = {
            "axis_x": BY_DAY,
            "time_grain": grain,
            "since": "2026-11-01",
            "until": f"{first + timedelta(days=days)}",
        }
        assert seeded.ask(f"/api/v1/aggregation?{urlencode(query)}").json()["result"][0][BY_DAY] == key
