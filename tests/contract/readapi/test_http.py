"""What clients of the read routes rely on: shapes, statuses, caching, pages and files."""

import csv
import io
from urllib.parse import urlsplit

import orjson
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ooni_adapters.memory.catalog import MemoryCatalog
from tests.contract.readapi.application import client
from tests.unit.catalog.rows import LISTS, row

ROWS = [row(n, minutes=n // 4) for n in range(25)]
UID = ROWS[0].measurement_uid
BODY = b'{"input": "https://a.example/",  "n": 1}'
RANGE = "since=2026-10-31&until=2026-11-30"


@pytest.fixture(scope="module")
def http():
    catalog = MemoryCatalog([*ROWS, row(99, probe_asn=0), row(98, probe_cc="ZZ")], LISTS, {30722: "Example"})
    with client(catalog, {UID: BODY, row(99).measurement_uid: BODY}) as found:
        yield found


@pytest.fixture(scope="module")
def empty():
    with client(MemoryCatalog()) as found:
        yield found


def get(http, path):
    return http.get(path, follow_redirects=False)


def walk(http, path):
    """Follow next_url to its end."""
    uids = []
    while path:
        page = get(http, path).json()
        uids += [found["measurement_uid"] for found in page["results"]]
        following = page["metadata"]["next_url"]
        path = following and f"{urlsplit(following).path}?{urlsplit(following).query}"
    return uids


@pytest.mark.parametrize("cursor", ["", "&cursor="])
def test_following_next_url_returns_each_measurement_once(http, cursor):
    uids = walk(http, f"/api/v1/measurements?limit=4&{RANGE}{cursor}")
    assert uids == [r.measurement_uid for r in reversed(ROWS)]


def test_page_by_cursor_names_its_place(http):
    metadata = get(http, f"/api/v1/measurements?limit=4&{RANGE}&cursor=").json()["metadata"]
    assert metadata["next_cursor"] in metadata["next_url"]


def test_lists_leave_out_unknown_places_and_charts_do_so_when_asked(http):
    assert get(http, f"/api/v1/measurements?{RANGE}").json()["metadata"]["count"] == 25
    for more, count in (("", 27), ("&include_unknown=false", 25)):
        result = get(http, f"/api/v1/aggregation?{RANGE}{more}").json()["result"]
        assert result["measurement_count"] == count


@pytest.mark.parametrize("form", ["CSV", "JSONL", "Parquet", "Arrow"])
def test_whole_result_sets_are_files(http, form):
    answer = get(http, f"/api/v1/measurements?{RANGE}&format={form}&order=asc")
    assert answer.status_code == 200
    readers = {
        "CSV": lambda content: list(csv.DictReader(io.StringIO(content.decode()))),
        "JSONL": lambda content: [orjson.loads(line) for line in content.splitlines()],
        "Parquet": lambda content: pq.read_table(io.BytesIO(content)).to_pylist(),
        "Arrow": lambda content: pa.ipc.open_stream(content).read_all().to_pylist(),
    }
    found = readers[form](answer.content)
    assert [r["measurement_uid"] for r in found] == [r.measurement_uid for r in ROWS]


def test_body_is_returned_byte_for_byte(http):
    assert get(http, f"/api/v1/raw_measurement?measurement_uid={UID}").content == BODY
    assert get(http, f"/api/v1/measurement/{UID}").content == BODY


def test_report_that_measured_an_input_several_times_says_so_and_gives_the_newest():
    bodies = {row(n).measurement_uid: b'{"n": %d}' % n for n in (1, 2)}
    with client(MemoryCatalog([row(1), row(2), row(3, input="")]), bodies) as http:
        pair = f"report_id={row(1).report_id}&input=https://a.example/"
        meta = get(http, f"/api/v1/measurement_meta?{pair}&full=true").json()
        assert (meta["measurement_uid"], meta["duplicates"]) == (row(2).measurement_uid, 2)
        assert meta["raw_measurement"] == '{"n": 2}\n'
        raw = get(http, f"/api/v1/raw_measurement?{pair}")
        assert (raw.content, raw.headers["x-ooni-duplicates"]) == (b'{"n": 2}', "2")
        for only in (f"measurement_uid={row(1).measurement_uid}", f"report_id={row(1).report_id}"):
            assert "duplicates" not in get(http, f"/api/v1/measurement_meta?{only}").json()
        alone = get(http, f"/api/v1/raw_measurement?measurement_uid={row(1).measurement_uid}")
        assert alone.content == b'{"n": 1}'
        assert "x-ooni-duplicates" not in alone.headers


def test_measurement_from_an_unknown_network_is_hidden_everywhere(http):
    uid = row(99).measurement_uid
    assert get(http, f"/api/v1/raw_measurement?measurement_uid={uid}").json() == {}
    assert get(http, f"/api/v1/measurement/{uid}").status_code == 400
    assert get(http, f"/api/v1/measurement_meta?measurement_uid={uid}&full=True").json() == {"raw_measurement": ""}


@pytest.mark.parametrize(("checked", "status"), [("t", "verified"), ("f", "failed"), ("u", None)])
def test_checked_signature_is_told_and_nothing_about_others(checked, status):
    found = row(1, is_verified=checked)
    with client(MemoryCatalog([found])) as http:
        listed = get(http, f"/api/v1/measurements?{RANGE}").json()["results"][0]
        meta = get(http, f"/api/v1/measurement_meta?measurement_uid={found.measurement_uid}").json()
    assert listed.get("verification_status") == meta.get("verification_status") == status
    assert len(meta) == 13 + (status is not None)


def test_known_measurement_without_body_is_404(http):
    assert get(http, f"/api/v1/raw_measurement?measurement_uid={ROWS[1].measurement_uid}").status_code == 404


# What the explorer asks for (its pages in the order of the compatibility checklist), and the keys that it reads.
EXPLORER = {
    "/api/_/global_overview": {"measurement_count", "network_count", "country_count"},
    "/api/_/global_overview_by_month": {"countries_by_month", "networks_by_month", "measurements_by_month"},
    "/api/_/countries": {"countries"},
    "/api/_/country_overview?probe_cc=it": {"measurement_count", "network_count", "first_bucket_date"},
    "/api/v1/aggregation?probe_cc=IT&since=2026-01-01&until=2026-11-24&axis_x=measurement_start_day": {"result"},
    f"/api/v1/aggregation?probe_cc=IT&{RANGE}&test_name=web_connectivity&axis_x=category_code": {"result"},
    f"/api/v1/aggregation?{RANGE}&axis_x=measurement_start_day&axis_y=domain&time_grain=day": {"result"},
    f"/api/v1/aggregation?{RANGE}&axis_x=measurement_start_day&axis_y=test_name&test_name=signal%2Ctelegram": {
        "result"
    },
    "/api/v1/measurements?limit=5&failure=false&order=desc&probe_asn=AS30722": {"results", "metadata"},
    "/api/v1/aggregation?probe_asn=AS30722&axis_x=probe_cc": {"result"},
    "/api/_/asnmeta?asn=30722": {"org_name"},
    "/api/v1/aggregation?probe_asn=30722&since=2014-11-23&until=2026-11-24&axis_x=measurement_start_day": {"result"},
    f"/api/v1/aggregation?{RANGE}&axis_x=measurement_start_day&axis_y=probe_cc&domain=a.example": {"result"},
    "/api/_/domain_metadata?domain=a.example": {"canonical_domain", "category_code"},
    "/api/_/domains": {"results"},
    "/api/_/networks": {"results"},
    f"/api/v1/aggregation?{RANGE}&axis_x=probe_cc&data=analysis": {"result", "dimension_count"},
    "/api/_/test_coverage?probe_cc=IT&test_groups=websites": {"test_coverage", "network_coverage"},
    "/api/_/circumvention_stats_by_country": {"results"},
}


@pytest.mark.parametrize("path", EXPLORER)
def test_explorer_finds_the_keys_it_reads(http, empty, path):
    for store in (http, empty):
        answer = get(store, path)
        assert answer.status_code == 200
        assert set(answer.json()) >= EXPLORER[path]


def test_explorer_reads_what_is_known_about_a_measurement(http):
    found = get(http, f"/api/v1/measurement_meta?measurement_uid={UID}&full=true").json()
    assert orjson.loads(found["raw_measurement"]) == orjson.loads(BODY)
    assert (found["probe_asn"], found["probe_cc"], found["input"]) == (30722, "IT", "https://a.example/")
    assert orjson.loads(found["scores"]) == {"blocking_general": 0.0}
    assert found["measurement_start_time"] == "2026-11-01T00:00:00Z"


def test_gardener_of_test_lists_reads_five_counters(http):
    answer = get(http, "/api/v1/aggregation?since=2026-10-31T10:00:00&input=https%3A%2F%2Fa.example%2F")
    assert (answer.json()["v"], answer.json()["result"]["measurement_count"]) == (0, 27)


SEARCH = "https://explorer.ooni.org/search"


@pytest.mark.parametrize(
    ("path", "status", "location"),
    [
        ("/stats", 301, "https://explorer.ooni.org"),
        ("/files", 301, SEARCH),
        ("/files/by_date", 301, SEARCH),
        ("/files/by_country", 301, SEARCH),
        ("/files/by_country/it", 301, f"{SEARCH}?probe_cc=IT"),
        ("/files/by_date/2026-12-31", 301, f"{SEARCH}?until=2027-01-01&since=2026-12-31"),
        ("/2026-11-01", 301, f"{SEARCH}?until=2026-11-02&since=2026-11-01"),
        ("/2026-11-01/x.json", 302, "/files/download/x.json"),
        ("/api/", 302, "/apidocs"),
    ],
)
def test_old_links_lead_on(empty, path, status, location):
    answer = get(empty, path)
    assert (answer.status_code, answer.headers["location"]) == (status, location)


def test_crawlers_are_told_what_not_to_read(empty):
    answer = get(empty, "/robots.txt")
    assert answer.headers["content-type"] == "text/plain"
    rules = [line.partition(": ")[::2] for line in answer.text.split("\n") if line]
    assert rules == [
        ("User-agent", "*"),
        ("Disallow", "/api/_"),
        ("Disallow", "/api/v1/aggregation"),
        ("Disallow", "/api/v1/measurement_meta"),
        ("Disallow", "/api/v1/raw_measurement"),
        ("Disallow", "/api/v1/test-list/urls"),
        ("Disallow", "/api/v1/torsf_stats"),
        ("Disallow", "/files"),
        ("Disallow", "/stats"),
        ("Disallow", "/201"),
        ("Disallow", "/202"),
        ("Crawl-delay", "300"),
    ]


HEADER = "anomaly_count,confirmed_count,failure_count,"


@pytest.mark.parametrize(
    ("query", "lines"),
    [
        ("", [f"{HEADER}measurement_count,ok_count", "1,0,0,2,1"]),
        (
            "axis_x=measurement_start_day&axis_y=probe_asn&since=2026-11-01&until=2026-11-02",
            [
                f"{HEADER}measurement_count,measurement_start_day,ok_count,probe_asn",
                "0,0,0,1,2026-11-01T00:00:00Z,1,30722",
                "1,0,0,1,2026-11-01T01:00:00Z,0,30722",
            ],
        ),
        (
            "axis_x=input",
            [f"{HEADER}input,measurement_count,ok_count", '0,0,0,"https://a.example/?x=""1,2""",1,1', "1,0,0,ü,1,0"],
        ),
        ("axis_x=probe_cc&test_name=tor", [f"{HEADER}measurement_count,ok_count,probe_cc"]),
    ],
)
def test_chart_as_csv_has_sorted_columns_quotes_and_line_ends_of_the_standard(query, lines):
    rows = [row(1, input='https://a.example/?x="1,2"'), row(2, minutes=60, input="ü", anomaly=True)]
    with client(MemoryCatalog(rows)) as http:
        answer = get(http, f"/api/v1/aggregation?format=CSV&probe_cc=IT&{query}")
    assert answer.headers["content-type"] == "text/csv"
    assert answer.content.decode() == "".join(f"{line}\r\n" for line in lines)
    assert "content-disposition" not in answer.headers
