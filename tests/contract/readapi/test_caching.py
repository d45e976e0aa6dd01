"""How long answers keep, how clients ask whether theirs is still good, compression, and what other sites may read."""

import gzip

import pytest
import zstandard
from litestar import get
from litestar.exceptions import HTTPException
from litestar.testing import TestClient

from ooni_adapters.memory.catalog import MemoryCatalog
from ooni_core.errors import QueryTimeout, Unavailable
from tests.contract.readapi.application import application, client
from tests.unit.catalog.rows import LISTS, row

ROWS = [
    *(row(n) for n in range(40)),
    row(50, minutes=20_000, test_name="signal"),
    row(51, minutes=20_000, test_name="tor", scores='{"extra":{"test_runtime":1}}'),
    row(52, minutes=20_000, probe_asn=1),
]
UID, REPORT, WITHOUT_BODY = ROWS[0].measurement_uid, ROWS[0].report_id, ROWS[1].measurement_uid
UNKNOWN = "20990101000000.000000_IT_x_0000000000000000"
BODY = b'{"input": "https://a.example/",  "n": "' + b"1" * 2000 + b'"}'
RANGE = "since=2026-10-31&until=2026-11-30"
FOREIGN = {"Origin": "https://notebook.example"}
DAY, TWO_HOURS, HOUR, MINUTE = "max-age=86400", "max-age=7200", "max-age=3600", "max-age=60"
SETTLED = "max-age=600, stale-while-revalidate=3600"

CACHE = {
    f"/api/v1/measurements?{RANGE}": MINUTE,
    f"/api/v1/measurement_meta?measurement_uid={UID}": MINUTE,
    f"/api/v1/measurement_meta?measurement_uid={UID}&full=true": MINUTE,
    f"/api/v1/raw_measurement?measurement_uid={UID}": DAY,
    f"/api/v1/measurement/{UID}": HOUR,
    "/api/v1/torsf_stats": MINUTE,
    "/api/v1/torsf_stats?until=2026-11-20T22:41:50": MINUTE,
    "/api/v1/torsf_stats?until=2026-11-20T22:41:48": DAY,
    "/api/v1/aggregation": MINUTE,
    "/api/v1/aggregation?until=2026-11-20T22:41:50": MINUTE,
    "/api/v1/aggregation?until=2026-11-20T22:41:48": SETTLED,
    "/api/v1/aggregation?until=2026-11-10&format=CSV": SETTLED,
    "/api/v1/files": DAY,
    "/robots.txt": DAY,
    "/api/_/countries": DAY,
    "/api/_/country_overview?probe_cc=IT": DAY,
    "/api/_/global_overview": DAY,
    "/api/_/global_overview_by_month": DAY,
    "/api/_/asn_by_month": DAY,
    "/api/_/countries_by_month": DAY,
    "/api/_/test_names": HOUR,
    "/api/_/test_coverage?probe_cc=IT": HOUR,
    "/api/_/website_networks?probe_cc=IT": "max-age=0",
    "/api/_/website_stats?probe_cc=IT&probe_asn=1&input=x": "max-age=0",
    "/api/_/website_urls?probe_cc=IT&probe_asn=1": HOUR,
    "/api/_/vanilla_tor_stats?probe_cc=IT": "max-age=0",
    "/api/_/im_networks?probe_cc=IT": HOUR,
    "/api/_/im_stats?probe_cc=IT&probe_asn=1&test_name=signal": HOUR,
    "/api/_/network_stats?probe_cc=IT": DAY,
    "/api/_/circumvention_stats_by_country": DAY,
    "/api/_/circumvention_runtime_stats": DAY,
    "/api/_/domain_metadata?domain=a.example": TWO_HOURS,
    "/api/_/domains": TWO_HOURS,
    "/api/_/asnmeta?asn=30722": TWO_HOURS,
    "/api/_/networks": TWO_HOURS,
    "/api/_/check_report_id?report_id=x": "max-age=1",
}
CONSTANT = ("/api/v1/files", "/robots.txt", "/api/_/network_stats", "/api/_/check_report_id")
# What is not there may be there in a moment; what was refused was refused to one client.
NEGATIVE = {
    f"/api/v1/measurement_meta?measurement_uid={UNKNOWN}": (200, "no-store"),
    f"/api/v1/measurement_meta?measurement_uid={UNKNOWN}&full=true": (200, "no-store"),
    f"/api/v1/measurement_meta?measurement_uid={WITHOUT_BODY}&full=true": (200, "no-store"),
    f"/api/v1/raw_measurement?measurement_uid={UNKNOWN}": (200, "no-store"),
    f"/api/v1/raw_measurement?measurement_uid={WITHOUT_BODY}": (404, "no-store"),
    f"/api/v1/measurement/{UNKNOWN}": (400, "max-age=0, no-cache"),
    "/api/_/asnmeta?asn=99": (200, "max-age=0"),
    "/api/v1/measurements?limit=x": (400, "no-cache"),
    "/api/v1/measurements?probe_cc=ZZ": (403, "no-cache"),
    "/api/v1/aggregation?probe_cc=zz": (200, "no-cache"),
    "/api/v1/aggregation?axis_x=bogus": (400, "no-cache"),
    "/api/_/country_overview": (400, "no-cache"),
    "/nothing-here": (404, "max-age=0, no-cache"),
}


@pytest.fixture(scope="module")
def http():
    catalog = MemoryCatalog(ROWS, LISTS, {30722: "Example"})
    with client(catalog, {UID: BODY}) as found:
        yield found


@pytest.fixture(scope="module")
def bare():
    with client(MemoryCatalog()) as found:
        yield found


def fetch(http, path, **headers):
    return http.get(path, headers=headers, follow_redirects=False)


@pytest.mark.parametrize("path", CACHE)
def test_answer_keeps_as_long_as_its_route_says(http, path):
    answer = fetch(http, path)
    assert (answer.status_code, answer.headers["cache-control"]) == (200, CACHE[path])
    assert {"Origin", "Accept-Encoding"} <= set(answer.headers["vary"].replace(" ", "").split(","))


@pytest.mark.parametrize("path", NEGATIVE)
def test_negative_answer_is_not_kept(http, path):
    answer = fetch(http, path)
    assert (answer.status_code, answer.headers["cache-control"]) == NEGATIVE[path]


@pytest.mark.parametrize(
    "path",
    [
        "/api/_/countries",
        "/api/_/country_overview?probe_cc=IT",
        "/api/_/global_overview",
        "/api/_/global_overview_by_month",
        "/api/_/asn_by_month",
        "/api/_/countries_by_month",
        "/api/_/website_urls?probe_cc=IT&probe_asn=1",
        "/api/_/im_networks?probe_cc=IT",
        "/api/_/circumvention_stats_by_country",
        "/api/_/circumvention_runtime_stats",
        "/api/_/domains",
        "/api/_/networks",
    ],
)
def test_figures_of_nothing_are_not_kept(bare, path):
    answer = fetch(bare, path)
    assert (answer.status_code, answer.headers["cache-control"]) == (200, "max-age=0")


def test_answer_to_old_apps_is_not_kept_for_others(http):
    answer = fetch(http, f"/api/v1/measurements?{RANGE}", **{"User-Agent": "okhttp/3.12"})
    assert answer.headers["cache-control"] == "max-age=0, no-cache"
    assert answer.json()["results"] == [{"measurement_url": ""}]
    assert fetch(http, "/api/v1/measurements?limit=x", **{"User-Agent": "okhttp/3.12"}).status_code == 400


@pytest.mark.parametrize("path", [path for path in CACHE if not path.startswith(CONSTANT)])
def test_client_that_has_the_answer_is_told_so(http, path):
    first = fetch(http, path)
    tag = first.headers["etag"]
    for wanted in (tag, "*", f'"other", {tag}', f"W/{tag.removeprefix('W/')}"):
        again = fetch(http, path, **{"If-None-Match": wanted})
        assert (again.status_code, again.content) == (304, b"")
        assert again.headers["etag"].removeprefix("W/") == tag.removeprefix("W/")
        assert again.headers["cache-control"] == first.headers["cache-control"]
    assert fetch(http, path, **{"If-None-Match": f'"other{tag.strip(chr(34))}"'}).status_code == 200


def test_tag_is_strong_for_bytes_that_stay_and_weak_for_others(http):
    body = f"/api/v1/raw_measurement?measurement_uid={UID}"
    plain, packed = (fetch(http, body, **{"Accept-Encoding": how}) for how in ("identity", "gzip"))
    assert plain.headers["etag"].startswith('"')
    assert packed.headers["etag"] == f"W/{plain.headers['etag']}"
    for timed in (f"/api/v1/measurements?{RANGE}", "/api/v1/aggregation"):
        assert fetch(http, timed).headers["etag"].startswith('W/"')


def test_tag_changes_with_the_answer():
    tags = set()
    for rows in (ROWS[:1], ROWS[:2]):
        with client(MemoryCatalog(rows, LISTS)) as http:
            tags |= {fetch(http, "/api/v1/aggregation").headers["etag"]}
            tags |= {fetch(http, f"/api/v1/measurements?{RANGE}").headers["etag"]}
    assert len(tags) == 4


@pytest.mark.parametrize(
    "path",
    [
        f"/api/v1/measurements?{RANGE}",
        f"/api/v1/measurements?{RANGE}&format=CSV",
        f"/api/v1/measurements?{RANGE}&format=JSONL",
        f"/api/v1/aggregation?{RANGE}&axis_x=measurement_start_day&axis_y=input&time_grain=day&format=CSV",
        f"/api/v1/raw_measurement?measurement_uid={UID}",
        "/api/_/test_coverage?probe_cc=IT",
    ],
)
@pytest.mark.parametrize("encoding", ["gzip", "zstd"])
def test_answers_travel_compressed(http, path, encoding):
    with http.stream("GET", path, headers={"Accept-Encoding": encoding}) as answer:
        packed = b"".join(answer.iter_raw())
    plain = fetch(http, path, **{"Accept-Encoding": "identity"})
    if len(plain.content) < 1024:
        assert "content-encoding" not in answer.headers
        return
    assert answer.headers["content-encoding"] == encoding
    unpacked = (
        gzip.decompress(packed)
        if encoding == "gzip"
        else zstandard.ZstdDecompressor().stream_reader(packed, read_across_frames=True).read()
    )
    assert len(unpacked) == pytest.approx(len(plain.content), abs=20), "only query_time differs"
    assert len(packed) < len(unpacked) / 2


@get("/busy", sync_to_thread=False)
def busy() -> None:
    raise HTTPException(status_code=429, detail="429 error")


@get("/bug", sync_to_thread=False)
def bug() -> None:
    raise RuntimeError("secret")


@get("/slow", sync_to_thread=False)
def slow() -> None:
    raise QueryTimeout("too slow")


@get("/away", sync_to_thread=False)
def away() -> None:
    raise Unavailable("away")


@pytest.fixture(scope="module")
def failing():
    app = application(MemoryCatalog(ROWS, LISTS), {UID: BODY}, more=[busy, bug, slow, away])
    with TestClient(app, raise_server_exceptions=False) as found:
        yield found


@pytest.mark.parametrize(
    ("path", "status"),
    [
        (f"/api/v1/measurements?{RANGE}", 200),
        (f"/api/v1/measurements?{RANGE}&format=CSV", 200),
        ("/stats", 301),
        ("/api/v1/measurements?limit=x", 400),
        ("/api/v1/aggregation?axis_x=bogus", 400),
        ("/api/v1/measurements?probe_cc=ZZ", 403),
        ("/nothing-here", 404),
        (f"/api/v1/raw_measurement?measurement_uid={WITHOUT_BODY}", 404),
        ("/busy", 429),
        ("/bug", 500),
        ("/away", 503),
        ("/slow", 504),
    ],
)
def test_every_answer_can_be_read_from_other_sites(failing, path, status):
    answer = failing.get(path, headers=FOREIGN, follow_redirects=False)
    assert answer.status_code == status
    assert answer.headers["access-control-allow-origin"] == "*"
    assert "access-control-allow-credentials" not in answer.headers
    assert "secret" not in answer.text


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE", "OPTIONS"])
def test_preflight_allows_what_web_pages_send(failing, method):
    asked = {"Access-Control-Request-Method": method, "Access-Control-Request-Headers": "content-type,authorization"}
    answer = failing.options("/api/v1/measurements", headers={**FOREIGN, **asked})
    assert (answer.status_code, answer.content) == (200, b"")
    assert method in answer.headers["access-control-allow-methods"]
    assert answer.headers["access-control-allow-headers"] == "content-type,authorization"
