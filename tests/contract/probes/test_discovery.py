"""Collectors, helpers, location and the questions of old probes."""

import os
from collections import Counter

import attrs
import pytest
from litestar.testing import TestClient

from tests.contract.probes.conftest import serving

NET_TEST = {"name": "web_connectivity", "version": "0.0.1", "input-hashes": None, "test-helpers": ["web-connectivity"]}


def helpers(client, address):
    found = client.get("/api/v1/test-helpers", headers={"X-Forwarded-For": address}).json()
    return [each["address"] for each in found["web-connectivity"]]


def test_test_helpers_has_the_keys_that_probes_know(client):
    answer = client.get("/api/v1/test-helpers", headers={"Accept-Encoding": "gzip"})
    assert answer.headers["cache-control"] == "max-age=0"
    assert set(answer.json()) == {
        "dns",
        "http-return-json-headers",
        "ssl",
        "tcp-echo",
        "traceroute",
        "web-connectivity",
    }
    assert answer.json()["web-connectivity"][-1]["type"] == "cloudfront"
    assert answer.json()["web-connectivity"][0] == {"address": "https://1.th.ooni.org", "type": "https"}


def test_first_helper_is_shared_out_among_clients(client):
    first = Counter(helpers(client, f"1.2.3.{last}")[0] for last in range(200))
    assert first == {f"https://{n}.th.ooni.org": count for n, count in enumerate((20, 60, 60, 60))}
    assert helpers(client, "bogus") == [f"https://{n}.th.ooni.org" for n in (1, 2, 3, 0)] + [
        "https://d33d1gs9kpq1c5.cloudfront.net"
    ]


def test_collectors_are_the_known_six(client):
    answer = client.get("/api/v1/collectors")
    assert answer.headers["cache-control"] == "max-age=3600"
    assert len(answer.json()) == 6
    assert answer.json()[:3] == answer.json()[3:]
    assert "front" not in answer.json()[1]


def test_bouncer_answers_one_block_for_each_net_test(client):
    answer = client.post("/bouncer/net-tests", json={"net-tests": [NET_TEST, NET_TEST | {"name": "dash"}]})
    first, second = answer.json()["net-tests"]
    assert first == {
        "collector": "httpo://guegdifjy7bjpequ.onion",
        "collector-alternate": [
            {"type": "https", "address": "https://ams-pg.ooni.org"},
            {
                "type": "cloudfront",
                "front": "dkyhjv0wpi2dk.cloudfront.net",
                "address": "https://dkyhjv0wpi2dk.cloudfront.net",
            },
        ],
        "input-hashes": None,
        "name": "web_connectivity",
        "test-helpers": {
            "tcp-echo": "37.218.241.93",
            "http-return-json-headers": "http://37.218.241.94:80",
            "web-connectivity": "httpo://y3zq5fwelrzkkv3s.onion",
        },
        "test-helpers-alternate": {
            "web-connectivity": [
                {"type": "https", "address": "https://wcth.ooni.io"},
                {
                    "type": "cloudfront",
                    "front": "d33d1gs9kpq1c5.cloudfront.net",
                    "address": "https://d33d1gs9kpq1c5.cloudfront.net",
                },
            ]
        },
        "version": "0.0.1",
    }
    assert second["name"] == "dash"


@pytest.mark.parametrize(
    "body", [b"", b"{}", b'{"net-tests": []}', b'{"net-tests": [{"name": "x"}]}', b'{"net-tests": [3]}', b"nonsense"]
)
def test_bouncer_refuses_what_it_cannot_read(client, body):
    answer = client.post("/bouncer/net-tests", content=body)
    assert (answer.status_code, answer.json()["error"]) == (400, "Malformed request")


def test_geolookup_says_what_it_knows_part_by_part(client):
    asked = ["192.0.2.1", "1.2.3.4", "::1", "2001:db8::9"]
    found = client.post("/api/v1/geolookup", json={"addresses": asked}).json()
    assert found == {
        "v": 1,
        "geolocation": {
            "192.0.2.1": {"cc": "IT", "asn": 64500, "as_name": "Documentation Net One"},
            "1.2.3.4": {"cc": "AU", "asn": None, "as_name": None},
            "::1": {"cc": None, "asn": None, "as_name": None},
            "2001:db8::9": {"cc": "FR", "asn": 64511, "as_name": "Six"},
        },
    }
    assert client.post("/api/v1/geolookup", json={}).json() == {"v": 1, "geolocation": {}}


@pytest.mark.parametrize("addresses", [["nonsense"], [3], "1.2.3.4", ["1.2.3.4"] * 101])
def test_geolookup_refuses_what_is_no_list_of_addresses(client, addresses):
    assert client.post("/api/v1/geolookup", json={"addresses": addresses}).status_code == 400


OWN_SERVICES = """
collectors = [{ address = "https://collector.example", type = "https" }]

[web_connectivity]
pool = ["https://0.th.example", "https://1.th.example"]
unhealthy = ["https://1.th.example"]

[[features]]
name = "vanilla_tor_enabled"
value = false
cc = ["IT"]
"""


def test_own_services_are_reread_when_they_change_and_broken_ones_are_not_used(settings, engine, tmp_path):
    file = tmp_path / "services.toml"
    own = attrs.evolve(settings, probes=attrs.evolve(settings.probes, services=str(file)))
    service = serving(own, engine)

    def written(text, stamp):
        file.write_text(text)
        os.utime(file, ns=(stamp, stamp))

    with TestClient(service.asgi) as client:

        def first():
            return client.get("/api/v1/test-helpers").json()["web-connectivity"][0]["address"]

        def flags(cc):
            return client.post("/api/v1/check-in", json={"probe_cc": cc, "probe_asn": "AS1"}).json()["conf"]["features"]

        assert first() == "https://1.th.ooni.org", "without the file, what probes know"
        assert f"{file} is not there" in service.parts.warnings()
        written(OWN_SERVICES, 1)
        assert first() == "https://0.th.example"
        assert client.get("/api/v1/collectors").json() == [{"address": "https://collector.example", "type": "https"}]
        assert (flags("IT"), flags("FR")) == ({"vanilla_tor_enabled": False}, {})
        assert not [each for each in service.parts.warnings() if "services.toml" in each]
        for stamp, broken in enumerate(["[", "unknown = 1", "[web_connectivity]\npool = []", "features = 7"], start=2):
            written(broken, stamp)
            assert client.get("/api/v1/test-helpers").status_code == 200
            assert first() == "https://0.th.example", "the last good one stays in force"
            assert [each for each in service.parts.warnings() if "services.toml is not used" in each]
        written(OWN_SERVICES.replace("0.th", "2.th"), 9)
        assert first() == "https://2.th.example"


def test_small_questions_of_old_clients(client):
    assert client.get("/api/_/check_report_id?report_id=x").json() == {"found": True, "v": 0}
    assert client.put("/api/v1/update/abc", content=b"{}").json() == {"status": "ok"}
    answer = client.get("/invalidpath")
    assert (answer.status_code, answer.json()) == (404, {"error": 404})


def test_only_the_listed_methods_are_accepted(client):
    assert client.get("/api/v1/check-in").status_code == 405
    assert client.post("/api/v1/test-helpers").status_code == 405
