"""Bad input: a 4xx with an error text, nothing kept, and the service goes on."""

import gzip
import json

import httpx
import pytest
import zstandard

from tests.service import post

REPORT = "20261120T100000Z_webconnectivity_IT_64496_n1_AAAAAAAAAAAAAAAA"


def envelope(**content):
    return json.dumps({"format": "json", "content": {"test_keys": {}, **content}}).encode()


def spooled(service):
    return sorted((service.data_dir / "measurements").rglob("*.post*"))


@pytest.fixture
def nothing_kept(service, http):
    before = spooled(service)
    yield
    assert spooled(service) == before
    assert http.get("/health").text == "UP"


BODIES = {
    "empty": b"",
    "half": b'{"format": "json", "content": {',
    "array": b"[]",
    "number": b"7",
    "no content": b'{"format": "json"}',
    "content a list": b'{"format": "json", "content": []}',
    "format a number": b'{"format": 1, "content": {}}',
    "country a number": envelope(probe_cc=1),
    "network a number": envelope(probe_asn=30722),
    "input an object": envelope(input={"a": 1}),
    "report id a list": envelope(report_id=[]),
    "claims to be verified": b'{"format":"json","content":{},"is_verified":"t"}',
    "deep": b'{"format":"json","content":' + b'{"a":' * 10_000 + b"1" + b"}" * 10_000 + b"}",
    "deep array": b"[" * 10_000 + b"]" * 10_000,
    "invalid UTF-8": b'{"format":"json","content":{"a":"\xff\xfe"}}',
    "NaN": b'{"format":"json","content":{"a":NaN}}',
    "infinite": b'{"format":"json","content":{"a":-Infinity}}',
    "lone surrogate": b'{"format":"json","content":{"a":"\\ud800"}}',
    "huge integer": b'{"format":"json","content":{"a":' + b"9" * 400 + b"}}",
    "integer of 65 bits": b'{"format":"json","content":{"a":36893488147419103232}}',
}


@pytest.mark.usefixtures("nothing_kept")
@pytest.mark.parametrize("name", BODIES)
def test_body_that_is_no_measurement_is_refused(http, name):
    answer = http.post(f"/report/{REPORT}", content=BODIES[name])
    assert answer.status_code == 400
    assert answer.json()["error"] == "Incorrect format"
    assert answer.json()["detail"]
    assert answer.headers["cache-control"] == "no-cache"


@pytest.mark.usefixtures("nothing_kept")
@pytest.mark.parametrize(
    ("encoding", "body"),
    [
        ("zstd", b"not zstd"),
        ("zstd", zstandard.compress(envelope())[:-2]),
        ("gzip", b"not gzip"),
        ("gzip", gzip.compress(envelope())[:-4]),
        ("br", b"\x0b\x02\x80"),
    ],
    # gzip puts the time into its bytes, and names of cases must be the same in every process.
    ids=lambda value: value if isinstance(value, str) else "body",
)
def test_body_that_is_not_compressed_as_it_says_is_refused(http, encoding, body):
    answer = http.post(f"/report/{REPORT}", content=body, headers={"Content-Encoding": encoding})
    assert (answer.status_code, answer.json()["error"]) == (400, "Incorrect format")


@pytest.mark.usefixtures("nothing_kept")
@pytest.mark.parametrize(
    ("encoding", "compress"), [("gzip", lambda body: gzip.compress(body, 1)), ("zstd", zstandard.compress)]
)
def test_decompression_bomb_is_refused(http, encoding, compress):
    answer = http.post(
        f"/report/{REPORT}", content=compress(bytes(300_000_000)), headers={"Content-Encoding": encoding}
    )
    assert (answer.status_code, answer.json()["error"]) == (413, "Payload too large")


@pytest.mark.usefixtures("nothing_kept")
def test_body_of_a_hundred_megabytes_is_refused(http, service):
    try:
        answer = post(f"{service.url}/report/{REPORT}", content=bytes(100_000_000))
    except (httpx.NetworkError, httpx.RemoteProtocolError):
        return  # the service hung up on us before we were done, which says the same
    assert (answer.status_code, answer.json()["error"]) == (413, "Payload too large")


@pytest.mark.usefixtures("nothing_kept")
@pytest.mark.parametrize(
    "report_id",
    [
        "bogus",
        "%2e%2e",
        "..%2f..%2fetc%2fpasswd",
        "20261120T100000Z_webconnectivity_.._64496_n1_AAAAAAAAAAAAAAAA",
        "20261120T100000Z_..%2fx_IT_64496_n1_AAAAAAAAAAAAAAAA",
        "20261120T100000Z_webconnectivity_IT_64496_n1_AAAAAAAA%00AAAAAAA",
        "20261120T100000Z_webconnectivity_IT_99999999999_n1_AAAAAAAAAAAAAAAA",
        "20261120T100000Z_webconnectivity_IT_x_n1_AAAAAAAAAAAAAAAA",
        "20261120T100000Z_web_connectivity_IT_1_n1_AAAAAAAAAAAAAAAA",
        "a" * 4000,
    ],
)
def test_trick_in_a_report_id_is_refused(http, report_id):
    answer = http.post(f"/report/{report_id}", content=envelope())
    assert answer.status_code in {400, 404}
    assert answer.json()["error"] in {"Incorrect format", "Not found"}


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b"\xff", b'{"test_name": NaN}'])
def test_report_is_not_opened_without_json(http, body):
    answer = http.post("/report", content=body)
    assert (answer.status_code, answer.json()["error"]) == (400, "JSON expected")


@pytest.mark.parametrize(
    "request_", [{}, {"test_name": 7}, {"test_name": "ndt", "probe_asn": 7}, {"test_name": "../x"}, {"test_name": ""}]
)
def test_report_is_not_opened_for_impossible_values(http, request_):
    answer = http.post("/report", json=request_)
    assert (answer.status_code, answer.json()["error"]) == (400, "Incorrect format")


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/nothing-here", 404),
        ("GET", "/api/v1/nothing", 404),
        ("PUT", "/report", 405),
        ("DELETE", "/api/v1/measurements", 405),
        ("GET", "/report/x/y/z", 404),
    ],
)
def test_unknown_path_and_wrong_method_are_told_in_json(http, method, path, status):
    answer = http.request(method, path)
    assert answer.status_code == status
    assert answer.json()["error"]
    assert ("allow" in answer.headers) == (status == 405)
    assert answer.headers["access-control-allow-origin"] == "*"


def test_person_gets_a_page_for_an_unknown_path(http):
    answer = http.get("/nothing-here", headers={"Accept": "text/html,*/*"})
    assert answer.status_code == 404
    assert "<h1>404 error</h1>" in answer.text


def test_head_answers_as_get_does_without_a_body(http):
    head, get = http.head("/health"), http.get("/health")
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-type"] == get.headers["content-type"]


def test_our_pages_may_send_credentials_and_others_may_not(http):
    ours = http.options(
        "/api/v1/measurements",
        headers={"Origin": "https://explorer.ooni.org", "Access-Control-Request-Method": "GET"},
    )
    assert ours.status_code == 200
    assert ours.headers["access-control-allow-origin"] == "https://explorer.ooni.org"
    assert ours.headers["access-control-allow-credentials"] == "true"
    theirs = http.get("/health", headers={"Origin": "https://evil-ooni.org"})
    assert theirs.headers["access-control-allow-origin"] == "*"
    assert "access-control-allow-credentials" not in theirs.headers


def test_description_is_valid_and_every_page_of_it_works_offline(http):
    from openapi_spec_validator import validate

    description = http.get("/openapi.json").json()
    validate(description)
    assert http.get("/apispec_1.json").json() == description
    page = http.get("/apidocs/").text
    assert "/report/{report_id}" in page
    assert "src=" not in page
    assert "http://" not in page.replace("http://127.0.0.1", "")


def test_health_warns_that_there_is_no_location_database(http):
    (warning,) = [each for each in http.get("/health/ready").json()["warnings"] if "GeoIP" in each]
    assert "every probe looks as if it were nowhere (ZZ, AS0)" in warning
    found = http.post("/api/v1/check-in", json={}, headers={"X-Forwarded-For": "8.8.8.8"}).json()
    assert (found["probe_cc"], found["probe_asn"], found["probe_network_name"]) == ("ZZ", "AS0", None)


def test_health_and_version(http):
    assert http.get("/health").text == "UP"
    assert http.get("/health/ready").json()["status"] == "ok"
    assert http.get("/version").json()["version"]
