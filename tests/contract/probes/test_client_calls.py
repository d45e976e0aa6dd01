"""Every call of the probe clients, one test each, over a socket: the acceptance checklist of ``probe-client.md``."""

import csv
import json
import re
from datetime import UTC, datetime

import ooniauth_py
import pytest

from ooni_adapters.credentials import make_credentials_file
from ooni_adapters.database import open_database
from ooni_adapters.sql.tables import TABLES
from tests.contract.accounts.conftest import ADA, KEY, bearer
from tests.contract.probes.conftest import write_geoip
from tests.contract.probes.go_client import ENGINE, REGISTRATION, GoClient, Missing, Time, decode
from tests.service import RunningService, eventually

NAME = "ooniprobe-cli"
SERVICES = ([{"address": str, "type": str, "front": str}],)
URLS = [{"category_code": str, "country_code": str, "url": str}]
CHECK_IN = {
    "charging": True,
    "on_wifi": True,
    "platform": "linux",
    "probe_asn": "AS65550",
    "probe_cc": "IT",
    "run_type": "timed",
    "software_name": NAME,
    "software_version": "3.31.0",
    "web_connectivity": {"category_codes": []},
}
TEMPLATE = {
    "data_format_version": "0.2.0",
    "format": "json",
    "probe_asn": "AS65550",
    "probe_cc": "IT",
    "software_name": NAME,
    "software_version": "3.31.0",
    "test_name": "web_connectivity",
    "test_start_time": "2026-11-24 10:11:12",
    "test_version": "0.5.28",
}
TOR = {
    "192.0.2.39:9101": {
        "address": "192.0.2.39:9101",
        "name": "exampledir",
        "fingerprint": "0123456789ABCDEF0123456789ABCDEF01234567",
        "protocol": "or_port_dirauth",
    },
    "f" * 64: {
        "address": "[2001:db8::1]:443",
        "fingerprint": "0123456789ABCDEF0123456789ABCDEF01234567",
        "protocol": "obfs4",
        "params": {"cert": ["x"], "iat-mode": ["0"]},
        "source": "bridgedb",
    },
}
PSIPHON = {"SponsorId": "x", "LocalHttpProxyPort": 0, "RemoteServerListURLs": [{"URL": "x", "SkipVerify": True}]}
VPN = {
    **{name: f"-----BEGIN {name}-----" for name in ("ca", "cert", "key")},
    "date_updated": "2026-08-01T00:00:00.000000Z",
    "endpoints": [f"openvpn://riseupvpn.corp/?address=192.0.2.{n}:1194&transport=udp" for n in range(9)],
}
# Addresses of clients, which must be found nowhere afterwards.
CLIENTS = ("198.51.100.77", "2001:db8:77:1::beef")

NETWORKS = [("198.51.100.0/24", "FR", "64502", "Example Telecom"), ("2001:db8:77::/48", "DE", "64503", "Sechs")]


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    folder = tmp_path_factory.mktemp("probes")
    keys = f'[accounts]\njwt_keys = ["{KEY}"]\naccount_id_hashing_keys = ["{KEY}"]\n'
    running = RunningService(folder, settings=f'[probes]\ncredentials = "{folder}/credentials.json"\n{keys}')
    make_credentials_file(folder / "credentials.json", datetime.now(UTC))
    (running.data_dir / "vpn").mkdir(parents=True)
    for name, document in (("tor_targets", TOR), ("psiphon_config", PSIPHON), ("vpn/riseupvpn", VPN)):
        (running.data_dir / f"{name}.json").write_text(json.dumps(document))
    running.run("import", "geoip", str(write_geoip(folder, NETWORKS)))
    running.run("import", "citizenlab", str(write_lists(folder)))
    running.start("--log-level", "debug")
    yield running
    running.stop()


def write_lists(folder):
    rows = [(f"{n}.world.example", f"https://{n}.world.example/", "ZZ", "NEWS") for n in range(2000)]
    rows += [(f"{n}.it.example", f"https://{n}.it.example/", "IT", "HUMR") for n in range(50)]
    with (folder / "lists.csv").open("w", newline="") as opened:
        csv.writer(opened).writerows([("domain", "url", "cc", "category_code"), *rows])
    return folder / "lists.csv"


@pytest.fixture
def probe(service):
    return GoClient(service.url)


@pytest.fixture
def token(probe):
    return log_in(probe)["token"]


def log_in(probe, username=None):
    username = username or probe.call("POST", "/api/v1/register", REGISTRATION)["client_id"]
    return probe.call("POST", "/api/v1/login", {"username": username, "password": "x" * 64})


def measurement(**more):
    now = f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S}"
    return {
        **{key: value for key, value in TEMPLATE.items() if key != "format"},
        "annotations": {"engine_name": "ooniprobe-engine", "engine_version": "3.31.0", "platform": "linux"},
        "input": "https://7.it.example/",
        "measurement_start_time": now,
        "test_start_time": now,
        "probe_ip": "127.0.0.1",
        "probe_network_name": "Example Telecom",
        "report_id": "",
        "resolver_asn": "AS65550",
        "resolver_ip": "127.0.0.1",
        "resolver_network_name": "Example Telecom",
        "test_keys": {"accessible": True, "blocking": False, "requests": []},
        "test_runtime": 1.25,
        **more,
    }


def submit(probe, **more):
    opened = probe.call("POST", "/report", TEMPLATE)["report_id"]
    content = measurement(report_id=opened, **more)
    answer = probe.call("POST", f"/report/{opened}", {"format": "json", "content": content})
    return opened, decode({"measurement_uid": str}, answer)["measurement_uid"]


def scored(probe, uid):
    def found():
        status, _, body = probe.exchange("GET", f"/api/v1/measurement_meta?measurement_uid={uid}")
        return status == 200 and json.loads(body).get("measurement_uid") == uid

    assert eventually(found), "it was never scored"


# 2 and 3: the session begins


@pytest.mark.parametrize("host", ["api.ooni.io", "dkyhjv0wpi2dk.cloudfront.net", "127.0.0.1:1"])
def test_test_helpers_answer_under_any_host_name(service, host):
    found = decode(SERVICES, GoClient(service.url, host=host).call("GET", "/api/v1/test-helpers"))
    usable = [each for each in found["web-connectivity"] if each["type"] in {"https", "cloudfront"}]
    assert usable[0]["type"] == "https"
    assert all("front" in each for each in usable if each["type"] == "cloudfront")


# 4: check-in

CHECKED_IN = {
    "v": int,
    "utc_time": Time,
    "probe_cc": str,
    "probe_asn": str,
    "conf": {"features": (bool,), "test_helpers": SERVICES},
    "tests": {"web_connectivity": {"report_id": str, "urls": URLS}},
}


@pytest.mark.parametrize(
    ("said", "count"),
    [
        ({}, 100),
        ({"charging": False}, 20),
        ({"run_type": "manual"}, 2050),
        ({"probe_cc": "ZZ", "probe_asn": "AS0"}, 100),
    ],
)
def test_check_in_gives_urls(probe, said, count):
    found = decode(CHECKED_IN, probe.call("POST", "/api/v1/check-in", CHECK_IN | said))
    assert len(found["tests"]["web_connectivity"]["urls"]) == count
    assert found["utc_time"].endswith("Z")


def test_check_in_keeps_to_the_categories_that_the_client_compares(probe):
    asked = CHECK_IN | {"web_connectivity": {"category_codes": ["HUMR"]}}
    found = decode(CHECKED_IN, probe.call("POST", "/api/v1/check-in", asked))
    assert {each["category_code"] for each in found["tests"]["web_connectivity"]["urls"]} == {"HUMR"}


def test_check_in_of_old_and_of_other_clients(service):
    for client, body, kind in (
        (GoClient(service.url, "ooniprobe-android/3.8.0 ooniprobe-engine/3.18.1"), CHECK_IN, "application/json"),
        (GoClient(service.url, "MeasurementKit/0.10.14", accepts_gzip=False), {}, None),
        (GoClient(service.url, None, accepts_gzip=False), {"probe_cc": "it", "unknown": [1]}, "text/plain"),
    ):
        found = decode(CHECKED_IN, client.call("POST", "/api/v1/check-in", body, content_type=kind))
        assert found["tests"]["web_connectivity"]["urls"]


def test_gzip_is_the_only_encoding_and_comes_only_when_asked_for(service):
    asked = CHECK_IN | {"run_type": "manual"}
    for accepts_gzip, encoding in ((True, "gzip"), (False, None)):
        client = GoClient(service.url, accepts_gzip=accepts_gzip)
        _, headers, body = client.exchange("POST", "/api/v1/check-in", asked)
        assert headers["Content-Encoding"] == encoding
    # Older clients cut answers at 4 MiB, and there may be 9,999 URLs in one.
    assert len(body) / 2050 * 9999 < 2**22


def test_probes_of_one_network_do_not_stand_in_each_others_way(probe):
    answers = [probe.call("POST", "/api/v1/check-in", CHECK_IN) for _ in range(60)]
    first = {answer["tests"]["web_connectivity"]["urls"][0]["url"] for answer in answers}
    assert len(first) > 30, "among equals, each begins elsewhere"


# 5 and 6: reports


@pytest.mark.parametrize(("cc", "asn"), [("IT", 65550), ("ZZ", 0)])
def test_report_is_opened_in_json(probe, cc, asn):
    kind = {"report_id": str, "supported_formats": [str], "backend_version": str}
    found = decode(kind, probe.call("POST", "/report", TEMPLATE | {"probe_cc": cc, "probe_asn": f"AS{asn}"}))
    assert "json" in found["supported_formats"]
    assert re.fullmatch(rf"\d{{8}}T\d{{6}}Z_webconnectivity_{cc}_{asn}_n1_[A-Za-z0-9]{{16}}", found["report_id"])


# What some measurements have: those of newer clients, and those that are uploaded again.
MORE = {
    "extensions": {"dnst": 0},
    "id": "bdd20d7a-bba5-40dd-a111-9863d7908572",
    "input_hashes": [],
    "measurement_uid": "20260101000000.000000_IT_webconnectivity_0123456789abcdef",
    "options": ["SafeOption=1"],
    "probe_city": None,
    "probe_id": "0123456789abcdef",
    "test_helpers": {"backend": {"address": "https://0.th.ooni.org", "type": "https"}},
}


@pytest.mark.parametrize("user_agent", [ENGINE, "ooniprobe-android/3.8.0 ooniprobe-engine/3.18.1"])
@pytest.mark.parametrize("more", [{}, MORE], ids=["new", "again"])
def test_measurement_is_acknowledged_with_its_uid(service, user_agent, more):
    _, uid = submit(GoClient(service.url, user_agent, accepts_gzip=user_agent == ENGINE), **more)
    assert re.fullmatch(r"\d{14}\.\d{6}_IT_webconnectivity_[0-9a-f]{16}", uid)
    assert uid != MORE["measurement_uid"]


def test_upload_of_fifteen_megabytes_in_slow_pieces_is_accepted(service, probe):
    opened = probe.call("POST", "/report", TEMPLATE)["report_id"]
    content = measurement(report_id=opened, test_keys={"body": "x" * (15 * 2**20)})
    body = json.dumps({"format": "json", "content": content}).encode()
    connection = http_connection(service)
    connection.putrequest("POST", f"/report/{opened}")
    connection.putheader("Content-Length", str(len(body)))
    connection.endheaders()
    for start in range(0, len(body), 2**20):
        connection.send(body[start : start + 2**20])
    answer = connection.getresponse()
    assert (answer.status, set(json.loads(answer.read()))) == (200, {"measurement_uid"})
    connection.close()


def http_connection(service):
    from http.client import HTTPConnection

    return HTTPConnection("127.0.0.1", service.port, timeout=60)


@pytest.mark.parametrize("place", ["IT_0", "ZZ_65550"])
def test_measurement_from_nowhere_makes_the_client_content(probe, place):
    path = f"/report/20261124T101112Z_webconnectivity_{place}_n1_Ab3dEf6hIj9lMn2p"
    assert probe.call("POST", path, {"format": "json", "content": measurement()}) == {}


def test_measurement_kit_closes_its_report(service):
    client = GoClient(service.url, "MeasurementKit/0.10.14", accepts_gzip=False)
    assert client.call("POST", "/report/TestReportID/close", b"", content_type=None) == {}


# 7: registration, login, protected inputs


BY_OTHERS = {
    "available_bandwidth": "100",
    "device_token": "x",
    "language": "it",
    "network_type": "wifi",
    "probe_family": "sbs",
    "probe_timezone": "Europe/Rome",
}


@pytest.mark.parametrize("more", [{}, BY_OTHERS], ids=["ours", "others"])
def test_probe_registers_and_logs_in(probe, more):
    client_id = decode({"client_id": str}, probe.call("POST", "/api/v1/register", REGISTRATION | more))["client_id"]
    assert client_id
    found = decode({"token": str, "expire": Time}, log_in(probe, client_id))
    assert found["token"]


def test_installation_of_before_2022_logs_in(probe):
    assert log_in(probe, "8d4d5c9b-1b0c-4a3e-9f6f-6f1d4a8f4a8e")["token"]


def test_psiphon_config_is_handed_over_as_it_is(probe, token):
    assert probe.call("GET", "/api/v1/test-list/psiphon-config", token=token) == PSIPHON


def test_tor_targets_are_a_map_of_targets(probe, token):
    target = {"address": str, "name": str, "params": ([str],), "protocol": str, "source": str}
    found = probe.call("GET", "/api/v1/test-list/tor-targets?country_code=IT", token=token)
    assert decode((target,), found).keys() == TOR.keys()
    assert found == TOR


@pytest.mark.parametrize("path", ["psiphon-config", "tor-targets?country_code=IT"])
def test_inputs_are_for_probes_that_logged_in(probe, path):
    status, _, _ = probe.exchange("GET", f"/api/v1/test-list/{path}", token="nonsense")
    assert status == 401


# 8: other calls


def test_measurement_meta_has_the_types_that_tools_decode(probe):
    meta = {
        **dict.fromkeys(("anomaly", "confirmed", "failure"), bool),
        **dict.fromkeys(("measurement_start_time", "test_start_time"), Time),
        **dict.fromkeys(("category_code", "probe_cc", "report_id", "scores", "test_name", "raw_measurement"), str),
        "probe_asn": int,
        "input": str,
    }
    opened, uid = submit(probe, input="https://8.it.example/")
    scored(probe, uid)
    for query in (f"measurement_uid={uid}", f"report_id={opened}&input=https%3A%2F%2F8.it.example%2F"):
        found = decode(meta, probe.call("GET", f"/api/v1/measurement_meta?{query}"))
        assert (found["probe_cc"], found["probe_asn"], found["category_code"]) == ("IT", 65550, "HUMR")
        assert isinstance(json.loads(found["scores"]), dict)
    full = decode(meta, probe.call("GET", f"/api/v1/measurement_meta?measurement_uid={uid}&full=true"))
    assert json.loads(full["raw_measurement"])["report_id"] == opened


def test_uploaded_result_is_shown_again(service, probe):
    opened, uid = submit(probe, input="https://9.it.example/")
    scored(probe, uid)
    shown = GoClient(service.url, user_agent=None)
    found = shown.call("GET", f"/api/v1/raw_measurement?report_id={opened}&input=https%3A%2F%2F9.it.example%2F")
    assert found["report_id"] == opened
    opened, uid = submit(probe, input=None)
    scored(probe, uid)
    assert shown.call("GET", f"/api/v1/raw_measurement?report_id={opened}")["report_id"] == opened


def test_maintenance_tool_reads_a_chart(probe):
    query = "since=2026-11-01&until=2026-12-01&test_name=dnscheck&axis_x=input"
    assert decode({"result": [(object,)], "v": int}, probe.call("GET", f"/api/v1/aggregation?{query}"))["result"] == []
    status, headers, _ = probe.exchange("GET", f"/api/v1/aggregation?{query}&format=CSV")
    assert (status, headers.get_content_type()) == (200, "text/csv")


def test_openvpn_experiment_gets_its_configuration_without_a_token(probe):
    texts = dict.fromkeys(("ca", "cert", "key", "username", "password"), str)
    kind = {"provider": str, "config": texts, "endpoints": [str], "date_updated": Time}
    found = decode(kind, probe.call("GET", "/api/v2/ooniprobe/vpn-config/riseupvpn?country_code=IT"))
    assert found["config"]["ca"]
    assert found["endpoints"]


RUN_LINK = {
    **dict.fromkeys(("name", "description", "author", "revision"), str),
    "date_created": Time,
    "nettests": [
        {
            **dict.fromkeys(("test_name", "targets_name"), str),
            **dict.fromkeys(("is_background_run_enabled", "is_manual_run_enabled"), bool),
            "inputs": [str],
            "inputs_extra": [(object,)],
            "options": (object,),
        }
    ],
}
RUN_CONDITIONS = {
    "is_charging": True,
    "run_type": "manual",
    "probe_cc": "IT",
    "probe_asn": "AS65550",
    "network_type": "wifi",
    "website_category_codes": [],
}
BROWSER = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36"


def run_link(probe, *nettests):
    """Make a link as the web page does; its path."""
    words = {"name": "Elections", "short_description": "Sites", "description": "Sites to test", "author": ADA}
    token = bearer("user", ADA, at=datetime.now(UTC))["Authorization"].removeprefix("Bearer ")
    made = probe.call("POST", "/api/v2/oonirun/links", {**words, "nettests": nettests}, token=token)
    return f"/api/v2/oonirun/links/{made['oonirun_link_id']}"


@pytest.mark.parametrize("revision", ["latest", "1"])
def test_run_link_is_fetched_with_the_conditions_of_the_run(service, probe, revision):
    chosen = {"test_name": "web_connectivity", "inputs": ["https://1.it.example/"], "inputs_extra": [{"a": 1}]}
    path = run_link(probe, chosen, {"test_name": "tor", "options": {"SafeX": 1}})
    client = GoClient(service.url, BROWSER)
    found = decode(RUN_LINK, client.call("POST", f"{path}/engine-descriptor/{revision}", RUN_CONDITIONS))
    assert found["revision"] == "1"
    assert [each["test_name"] for each in found["nettests"]] == ["web_connectivity", "tor"]
    assert [each["inputs"] for each in found["nettests"]] == [["https://1.it.example/"], []]
    asked = [client.exchange("POST", f"{path}/engine-descriptor/{revision}", RUN_CONDITIONS)[2] for _ in range(2)]
    assert asked[0] == asked[1], "or the person would be asked to agree again"


def test_run_link_without_inputs_gets_those_that_check_in_would_give(service, probe):
    path = run_link(probe, {"test_name": "web_connectivity", "targets_name": "websites_list_prioritized"})
    client = GoClient(service.url, BROWSER)
    for changed, count in (({}, 2050), ({"run_type": "timed"}, 100), ({"website_category_codes": ["HUMR"]}, 50)):
        answer = client.call("POST", f"{path}/engine-descriptor/latest", RUN_CONDITIONS | changed)
        (nettest,) = decode(RUN_LINK, answer)["nettests"]
        assert len(nettest["inputs"]) == len(nettest["inputs_extra"]) == count
        assert {extra["country_code"] for extra in nettest["inputs_extra"]} <= {"IT", "XX"}


def test_run_link_is_read_as_a_static_one(service, probe):
    path = run_link(probe, {"test_name": "dnscheck", "inputs": ["https://dns.example/"]})
    found = decode(RUN_LINK, GoClient(service.url, BROWSER).call("GET", path))
    assert (found["name"], found["author"], found["revision"]) == ("Elections", ADA, "1")
    assert found["nettests"][0]["inputs"] == ["https://dns.example/"]


def test_run_link_of_an_older_app_is_fetched(service, probe):
    path = run_link(probe, {"test_name": "dnscheck", "inputs": ["https://dns.example/"]})
    client = GoClient(service.url, "ooniprobe-android/3.8.2 ooniprobe-engine/3.18.1", accepts_gzip=False)
    found = client.call("GET", f"/api/_/ooni_run/fetch/{path.rpartition('/')[2]}")
    kind = {"archived": bool, "descriptor": RUN_LINK, "descriptor_creation_time": Time, "mine": bool, "v": int}
    assert decode(kind, found)["descriptor"]["nettests"][0]["inputs"] == ["https://dns.example/"]


def test_old_apps_are_told_that_their_report_is_there(service):
    client = GoClient(service.url, "ooniprobe-android/2.3.0", accepts_gzip=False)
    found = client.call("GET", "/api/_/check_report_id?report_id=20200101T000000Z_AS1_x")
    assert decode({"error": str, "found": bool, "v": int}, found) == {"found": True, "v": 0}


def test_url_list_of_old_clients(service):
    client = GoClient(service.url, "ooniprobe-cli/3.9.0 ooniprobe-engine/3.9.0", accepts_gzip=False)
    kind = {
        "metadata": {"count": int, "current_page": int, "limit": int, "next_url": str, "pages": int},
        "results": URLS,
    }
    for query, count in (("country_code=IT&limit=10", 10), ("country_code=IT&limit=5&category_codes=HUMR,NEWS", 5)):
        found = decode(kind, client.call("GET", f"/api/v1/test-list/urls?{query}"))
        assert (found["metadata"]["count"], len(found["results"])) == (count, count)


def test_network_of_a_url_list_that_nobody_can_read_does_not_matter(probe):
    assert (
        probe.call("GET", "/api/v1/test-list/urls?country_code=IT&probe_asn=unknown&limit=3")["metadata"]["count"] == 3
    )


def test_legacy_probes_find_collector_and_helpers(service):
    client = GoClient(service.url, "ooniprobe-agent/2.3.0", accepts_gzip=False)
    asked = {"name": "web_connectivity", "version": "0.0.1", "input-hashes": None, "test-helpers": ["web-connectivity"]}
    found = client.call("POST", "/bouncer/net-tests", {"net-tests": [asked]}, content_type=None)["net-tests"][0]
    assert decode({"collector": str, "name": str, "version": str, "test-helpers": (str,)}, found)["collector"]
    assert found["input-hashes"] is None
    kind = [{"address": str, "type": str, "front": str}]
    assert {each["type"] for each in decode(kind, client.call("GET", "/api/v1/collectors"))} >= {"https", "cloudfront"}


def test_orchestra_update_of_legacy_probes_is_answered(service):
    client = GoClient(service.url, "MeasurementKit/0.10.14", accepts_gzip=False)
    assert client.call("PUT", "/api/v1/update/some-client-id", {"probe_cc": "IT", "token": "x"}) == {"status": "ok"}


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/measurement"),
        ("GET", "/deck"),
        ("GET", "/deck/x"),
        ("GET", "/policy/input"),
        ("GET", "/policy/nettest"),
        ("POST", "/bouncer"),
        ("POST", "/bouncer/test-helpers"),
        ("POST", "/pcap"),
        ("GET", "/invalidpath"),
    ],
)
def test_protocol_of_2012_is_gone(probe, method, path):
    assert probe.exchange(method, path, {} if method == "POST" else None)[0] == 404


# 9: newer submission path

MANIFEST = {
    "manifest": {
        "nym_scope": str,
        "submission_policy": [
            {"match": {"probe_cc": str, "probe_asn": str}, "policy": {"age": [int], "min_measurement_count": int}}
        ],
        "public_parameters": str,
    },
    "meta": dict.fromkeys(
        ("version", "last_modification_date", "manifest_url", "library_version", "protocol_version"), str
    ),
}
SUBMITTED = dict.fromkeys(("measurement_uid", "report_id", "verification_status", "submit_response", "error"), str)


def test_measurement_goes_with_the_proof_of_a_credential(service):
    probe = GoClient(service.url, user_agent=NAME)
    known = decode(MANIFEST, probe.call("GET", "/api/v1/manifest"))
    rules, version = known["manifest"], known["meta"]["version"]
    assert len(rules["submission_policy"][-1]["policy"]["age"]) == 2
    user = ooniauth_py.UserState(rules["public_parameters"])
    asked = {"manifest_version": version, "credential_sign_request": user.make_registration_request()}
    signed = decode(
        {"credential_sign_response": str, "emission_day": int}, probe.call("POST", "/api/v1/sign_credential", asked)
    )
    user.handle_registration_response(signed["credential_sign_response"])
    for _ in range(2):
        content, policy = json.dumps(measurement()), rules["submission_policy"][0]["policy"]
        proof = user.make_submit_request_with_hash(
            "IT", "AS65550", content, tuple(policy["age"]), policy["min_measurement_count"]
        )
        body = {"format": "json", "content": content, "nym": proof.nym, "zkp_request": proof.request}
        body |= {"manifest_version": version, "protocol_version": known["meta"]["protocol_version"]}
        found = decode(SUBMITTED, probe.call("POST", "/api/v1/submit_measurement", body))
        assert (found["verification_status"], found["error"]) == ("verified", None)
        user.handle_submit_response(found["submit_response"])


def test_measurement_goes_plainly_in_one_step(service):
    proof = dict.fromkeys(("nym", "zkp_request", "manifest_version", "protocol_version"))
    body = {"format": "json", "content": json.dumps(measurement(report_id="an old one")), **proof}
    found = decode(SUBMITTED, GoClient(service.url, NAME).call("POST", "/api/v1/submit_measurement", body))
    assert found["measurement_uid"]
    assert found["verification_status"] == "unverified"


# The loop, end to end: a probe's upload is what other probes are not sent to next


@pytest.mark.parametrize("path", ["report", "submit_measurement"])
def test_scored_upload_lowers_its_url_for_its_country_and_network(probe, path):
    number = {"report": 20, "submit_measurement": 21}[path]
    url = f"https://{number}.it.example/"
    before = explained(probe, url)
    assert (before["msmt_cnt"], before["weight"]) == (0, before["priority"] * 10)
    if path == "report":
        submit(probe, input=url)
    else:
        content = json.dumps(measurement(input=url))
        probe.call("POST", "/api/v1/submit_measurement", {"format": "json", "content": content})
    assert eventually(lambda: explained(probe, url)["msmt_cnt"] == 1)
    assert explained(probe, url)["weight"] == before["priority"]
    assert explained(probe, url, asn=0)["msmt_cnt"] == 1, "the country's own count"
    assert explained(probe, url, asn=64999) == before, "another network of the country"

    def sent_first():
        found = probe.call("POST", "/api/v1/check-in", CHECK_IN | {"run_type": "manual"})
        return [each["url"] for each in found["tests"]["web_connectivity"]["urls"]]

    # The order of a network is made anew when it is older than two seconds.
    assert eventually(lambda: url in sent_first()[-20:]), "everything else is more urgent now"


def explained(probe, url, asn=65550):
    found = probe.call("GET", f"/api/_/debug_prioritization?probe_cc=IT&probe_asn=AS{asn}")
    return next(each for each in found["test_items"] if each["url"] == url)


# What operators bring up to date while the service runs


def test_new_location_database_is_noticed(service, probe):
    asked = {"addresses": ["203.0.113.9"]}
    place = {"cc": None, "asn": None, "as_name": None}
    assert probe.call("POST", "/api/v1/geolookup", asked)["geolocation"] == {"203.0.113.9": place}
    networks = [*NETWORKS, ("203.0.113.0/24", "SE", "64504", "Ny")]
    service.run("import", "geoip", str(write_geoip(service.folder, networks)))
    place = {"cc": "SE", "asn": 64504, "as_name": "Ny"}
    assert eventually(lambda: probe.call("POST", "/api/v1/geolookup", asked)["geolocation"] == {"203.0.113.9": place})


# Privacy: the addresses of all those clients


def test_addresses_of_clients_are_neither_stored_nor_logged(service, probe, token):
    for address in CLIENTS:
        headers = [("X-Forwarded-For", f"203.0.113.5, {address}"), ("X-Real-IP", address)]
        everything(probe, headers)
        found = probe.call("POST", "/api/v1/check-in", {}, more=headers)
        assert found["probe_cc"] == {CLIENTS[0]: "FR", CLIENTS[1]: "DE"}[address], "it was looked at"
    service.stop()
    kept = {path: path.read_bytes() for path in service.folder.rglob("*") if path.is_file()}
    engine = open_database(f"duckdb://{service.data_dir}/ooni.duckdb")
    for name, table in TABLES.items():
        columns = ", ".join(f'"{column}"' for column in table.column_names)
        kept[name] = repr(engine.query(f'SELECT {columns} FROM "{name}"').tuples).encode()
    engine.close()
    assert b"POST" in kept[service.folder / "serve.log"] or b"DEBUG" in kept[service.folder / "serve.log"]
    assert any(b"https://77.it.example/" in content for content in kept.values()), "the search finds what is there"
    del kept[service.folder / "geoip.csv"]  # the networks, not the clients
    parts = [CLIENTS[0].encode(), b"2001:db8:77:1", bytes([198, 51, 100, 77]), b"203.0.113.5"]
    assert {str(path): part for path, content in kept.items() for part in parts if part in content} == {}
    service.start("--log-level", "debug")
    # The one restart of this service also shows that tokens outlive it.
    assert probe.call("GET", "/api/v1/test-list/psiphon-config", token=token) == PSIPHON


def everything(probe, headers):
    """Make calls of every kind, good and bad ones."""
    opened = probe.call("POST", "/report", TEMPLATE | {"probe_ip": CLIENTS[0]}, more=headers)["report_id"]
    content = measurement(report_id=opened, input="https://77.it.example/")
    _, _, acknowledged = probe.exchange(
        "POST", f"/report/{opened}", {"format": "json", "content": content}, more=headers
    )
    scored(probe, json.loads(acknowledged)["measurement_uid"])
    for body in ({"format": "json", "content": json.dumps(content)}, {"format": "json", "content": "{"}, b"\xff"):
        probe.exchange("POST", "/api/v1/submit_measurement", body, more=headers)
    for path in ("check-in", "register", "login", "geolookup", "sign_credential"):
        for body in (CHECK_IN, {"probe_cc": 7, "username": "x.y.z", "addresses": ["no"]}, b"{"):
            probe.exchange("POST", f"/api/v1/{path}", body, more=headers)
    for path in ("test-helpers", "test-list/urls?limit=x", "test-list/tor-targets", "measurements", "no/such/path"):
        probe.exchange("GET", f"/api/v1/{path}", more=headers, token="nonsense")
    probe.exchange("POST", "/report/bogus", b"{", more=headers)
    link = run_link(probe, {"test_name": "web_connectivity", "targets_name": "websites_list_prioritized"})
    for body in (RUN_CONDITIONS, {}, b"{"):
        probe.exchange("POST", f"{link}/engine-descriptor/latest", body, more=headers)


def test_client_that_decodes_strictly_would_have_noticed(probe):
    with pytest.raises(Missing, match=r"answer\.v is True"):
        decode({"v": int}, {"v": True})
    with pytest.raises(Missing, match=r"answer\.urls\[\]\.url is 7"):
        decode({"urls": URLS}, {"urls": [{"url": 7}]})
    with pytest.raises(Missing, match="status 401"):
        probe.call("GET", "/api/v1/test-list/psiphon-config", token="nonsense")
    assert ENGINE in probe.user_agent
