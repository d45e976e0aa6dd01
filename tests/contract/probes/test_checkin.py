"""Check-in, as the clients' own checklist puts it."""

import gzip
import re

import anyio
import attrs
import httpx
import pytest
from litestar.testing import TestClient

from ooni_adapters.database import open_database
from ooni_adapters.geoip import build_mmdb
from tests.contract.probes.conftest import serving, write_geoip

HEADERS = {
    "User-Agent": "ooniprobe-cli/3.19.0 ooniprobe-engine/3.19.0",
    "Accept-Encoding": "gzip",
    "Content-Type": "application/json",
}
ASKED = {
    "charging": True,
    "on_wifi": True,
    "platform": "linux",
    "probe_asn": "AS65550",
    "probe_cc": "IT",
    "run_type": "timed",
    "software_name": "ooniprobe-cli",
    "software_version": "3.19.0",
    "web_connectivity": {"category_codes": []},
}


def ask(client, body=None, **headers):
    return client.post("/api/v1/check-in", json=ASKED | (body or {}), headers=HEADERS | headers)


def urls(answer):
    return answer.json()["tests"]["web_connectivity"]["urls"]


def test_answer_is_what_probes_decode(client):
    answer = ask(client, **{"X-Real-IP": "192.0.2.7"})
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["cache-control"] == "max-age=0, no-cache"
    assert answer.headers["content-encoding"] == "gzip"
    content = answer.json()
    assert content["v"] == 1
    assert content["utc_time"] == "2026-11-23T22:41:49Z"
    assert (content["probe_cc"], content["probe_asn"]) == ("IT", "AS64500")
    assert content["probe_network_name"] == "Documentation Net One"
    assert set(content["conf"]) == {"features", "test_helpers"}
    assert all(isinstance(flag, bool) for flag in content["conf"]["features"].values())
    assert len(content["tests"]) == 21
    assert all(set(url) == {"category_code", "country_code", "url"} for url in urls(answer))


def test_report_ids_say_test_country_and_network(client):
    tests = ask(client).json()["tests"]
    report_id = tests["web_connectivity"]["report_id"]
    assert len(report_id) == 61
    assert re.fullmatch(r"20261123T224149Z_webconnectivity_IT_65550_n1_[A-Za-z0-9]{16}", report_id)
    assert re.fullmatch(
        r"20261123T224149Z_httpinvalidrequestline_IT_65550_n1_\w{16}", tests["http_invalid_request_line"]["report_id"]
    )
    assert len({test["report_id"][-16:] for test in tests.values()}) == 21


@pytest.mark.parametrize(
    ("said", "count"),
    [({"charging": False}, 20), ({"charging": True}, 100), ({"run_type": "manual"}, 180), ({"charging": None}, 100)],
)
def test_occasion_of_the_run_decides_how_many_urls(client, said, count):
    found = urls(ask(client, said))
    assert len(found) == count
    assert len({each["url"] for each in found}) == count


def test_only_wanted_categories_come(client):
    found = urls(ask(client, {"web_connectivity": {"category_codes": ["humr "]}}))
    assert {(each["category_code"], each["country_code"]) for each in found} == {("HUMR", "IT")}


def test_unlocated_probe_gets_the_place_of_its_address(client):
    answer = client.post("/api/v1/check-in", json={}, headers={"X-Forwarded-For": "192.33.4.12"}).json()
    assert (answer["probe_cc"], answer["probe_asn"], answer["probe_network_name"]) == ("US", "AS2149", "Cogent")
    assert "_webconnectivity_US_2149_" in answer["tests"]["web_connectivity"]["report_id"]


def test_claim_of_a_probe_is_believed_even_where_its_address_says_otherwise(client):
    answer = ask(client, {"probe_cc": "it"}, **{"X-Forwarded-For": "192.33.4.12"}).json()
    assert answer["probe_cc"] == "US"
    assert "_webconnectivity_IT_65550_" in answer["tests"]["web_connectivity"]["report_id"]


def test_probe_that_nobody_can_locate_is_in_zz(client):
    answer = client.post("/api/v1/check-in", json={}).json()
    assert (answer["probe_cc"], answer["probe_asn"], answer["probe_network_name"]) == ("ZZ", "AS0", None)
    assert "_webconnectivity_ZZ_0_" in answer["tests"]["web_connectivity"]["report_id"]


@pytest.mark.parametrize(
    ("peer", "headers", "cc"),
    [
        ("10.0.0.1", {"X-Forwarded-For": "8.8.8.8"}, "US"),
        ("10.0.0.1", {"X-Real-IP": "8.8.8.8"}, "US"),
        ("10.0.0.1", {"X-Forwarded-For": "8.8.8.8, 192.0.2.9, 10.0.0.7"}, "IT"),
        ("2001:db8:ffff::1", {"X-Forwarded-For": "[2001:db8:1::7]:443"}, "FR"),
        ("192.0.2.1", {"X-Forwarded-For": "8.8.8.8", "X-Real-IP": "8.8.8.8"}, "IT"),
        ("2001:db8:1::7", {"X-Forwarded-For": "8.8.8.8"}, "FR"),
        ("127.0.0.1", {"X-Forwarded-For": "8.8.8.8"}, "ZZ"),
        ("10.0.0.1", {"X-Forwarded-For": "nonsense"}, "ZZ"),
    ],
)
def test_only_configured_proxies_are_believed(settings, engine, tmp_path, peer, headers, cc):
    build_mmdb(write_geoip(tmp_path), tmp_path)
    proxies = attrs.evolve(settings.service, trusted_proxies=("10.0.0.0/8", "2001:db8:ffff::/48"))
    asgi = serving(attrs.evolve(settings, service=proxies), engine).asgi

    async def ask():
        transport = httpx.ASGITransport(asgi, client=(peer, 1))
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
            return await client.post("/api/v1/check-in", json={}, headers=headers)

    assert anyio.run(ask).json()["probe_cc"] == cc


def test_content_type_does_not_matter_and_bodies_may_be_compressed(client):
    plain = client.post("/api/v1/check-in", content=b'{"probe_cc": "IT", "unknown": {"key": 1}}')
    packed = client.post(
        "/api/v1/check-in", content=gzip.compress(b'{"probe_cc": "IT"}'), headers={"Content-Encoding": "gzip"}
    )
    assert plain.status_code == packed.status_code == 200


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{not json",
        b"[]",
        b'{"probe_cc": "ITA"}',
        b'{"probe_asn": "1"}',
        b'{"charging": "yes"}',
        b'{"probe_cc": 3}',
        b'{"web_connectivity": {"category_codes": "NEWS"}}',
        b'{"web_connectivity": {"category_codes": ["N1"]}}',
        b'{"probe_asn": "AS99999999999"}',
        b'{"web_connectivity": []}',
    ],
)
def test_body_that_cannot_be_right_is_400(client, body):
    answer = client.post("/api/v1/check-in", content=body)
    assert answer.status_code == 400
    assert answer.json()["error"] in {"JSON expected", "Malformed request"}


def test_null_counts_as_absent(client):
    assert client.post("/api/v1/check-in", content=b'{"web_connectivity": null, "probe_cc": null}').status_code == 200


def test_urls_come_even_when_the_database_is_down(settings):
    engine = open_database("duckdb://:memory:")
    service = serving(settings, engine)
    engine.close()
    with TestClient(service.asgi) as client:
        answer = ask(client)
        assert answer.status_code == 200
        assert urls(answer)
        assert client.get("/api/v1/test-helpers").status_code == 200
        assert client.get("/api/v1/test-list/urls?country_code=IT&limit=7").json()["metadata"]["count"] == 7


@pytest.mark.parametrize(("address", "sampled"), [("1.34.2.3", True), ("203.239.113.9", True), ("1.35.2.3", False)])
def test_flags_follow_their_rules(client, address, sampled):
    features = ask(client, **{"X-Forwarded-For": address}).json()["conf"]["features"]
    assert features == {"torsf_enabled": True} | ({"webconnectivity_0.5": True} if sampled else {})


def test_experimental_form_has_targets_for_all_nettests(client):
    answer = client.post("/api/_/check-in", json=ASKED).json()
    assert answer["v"] == 2
    assert answer["conf"]["features"] == {}
    names = [nettest["test_name"] for nettest in answer["nettests"]]
    assert len(names) == 33
    assert names == sorted(names)
    web = next(each for each in answer["nettests"] if each["test_name"] == "web_connectivity")
    assert len(web["targets"]) == 100
    assert set(web["targets"][0]) == {"attributes", "input", "options"}
