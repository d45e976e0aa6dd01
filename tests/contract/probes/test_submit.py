"""One-step submission, plain and with anonymous credentials."""

import json

import pytest
from litestar.testing import TestClient

from ooni_adapters.credentials import make_credentials_file
from ooni_core.errors import Conflict
from ooni_core.measurement import MeasurementUid
from ooni_entrypoints.settings import load
from tests.contract.probes.conftest import KEY, NOW, serving

ooniauth_py = pytest.importorskip("ooniauth_py", reason="needs the extra 'credentials'")

TEXT = (
    '{"probe_cc":"IE","probe_asn":"AS65550","test_name":"web_connectivity","input":"https://a.example/",'
    '"test_runtime":1.50,"report_id":"an old one","test_keys":{"x":1e3}}'
)
PLAIN = {
    "format": "json",
    "content": TEXT,
    "nym": None,
    "zkp_request": None,
    "manifest_version": None,
    "protocol_version": None,
}


def submit(client, **more):
    return client.post("/api/v1/submit_measurement", json=PLAIN | more)


def stored(service, answer):
    return service.spool.get(MeasurementUid(answer.json()["measurement_uid"]))


def test_plain_submission_is_kept_under_a_report_id_of_its_own(client, service):
    answer = submit(client)
    assert answer.status_code == 200
    found = answer.json()
    assert set(found) == {
        "error",
        "measurement_uid",
        "protocol_version",
        "report_id",
        "submit_response",
        "verification_status",
    }
    assert (found["verification_status"], found["error"], found["submit_response"]) == ("unverified", None, None)
    assert found["report_id"].startswith("20261123T224149Z_webconnectivity_IE_65550_n1_")
    body = json.loads(stored(service, answer))
    assert body["is_verified"] == "u"
    assert body["content"]["report_id"] == found["report_id"]
    assert body["content"]["input"] == "https://a.example/"
    assert [uid.text for uid in service.queue.uids] == [found["measurement_uid"]]


def test_values_keep_their_spelling(client, service):
    body = stored(service, submit(client))
    assert b'"test_runtime":1.50' in body
    assert b'"test_keys":{"x":1e3}' in body


def test_proof_is_never_stored(client, service):
    answer = submit(
        client, nym="secret nym", zkp_request="secret proof", manifest_version="1", protocol_version="0.1.0"
    )
    assert answer.json()["error"] == "manifest_not_found"
    assert b"secret" not in stored(service, answer)


def changed(**more):
    return json.dumps(json.loads(TEXT) | more)


@pytest.mark.parametrize(
    ("content", "codes"),
    [
        (changed(probe_cc="ie"), ["bad_cc"]),
        (changed(probe_cc="ZZ"), ["cc_zz"]),
        (changed(test_name="x"), ["tn_len"]),
        (changed(test_name="NDT"), ["tn_no_lower"]),
        (changed(probe_asn="A"), ["asn_len"]),
        (changed(probe_asn="1234"), ["asn_no_as_prefix"]),
        (changed(probe_asn="AS07"), ["asn_leading_zero"]),
        (changed(probe_asn="AS0"), ["asn_0"]),
        (changed(probe_asn="ASx"), ["asn_invalid"]),
        (changed(probe_cc=None, probe_asn=7), ["bad_cc", "asn_len"]),
    ],
)
def test_measurement_from_nowhere_is_refused_in_known_codes(client, service, content, codes):
    answer = submit(client, content=content)
    assert answer.status_code == 400
    assert answer.json()["detail"] == {"error": "bad_metadata", "message": f"Errors: {codes}"}
    assert not service.queue.uids


@pytest.mark.parametrize("more", [{"content": "{"}, {"content": "[]"}, {"content": {}}, {"format": "yaml"}, {"nym": 7}])
def test_submission_that_cannot_be_right_is_400(client, service, more):
    assert submit(client, **more).status_code == 400
    assert not service.queue.uids


def test_without_credentials_the_routes_say_that_they_are_not_offered(client):
    assert client.get("/api/v1/manifest").status_code == 404
    asked = {"manifest_version": "1", "credential_sign_request": "x"}
    answer = client.post("/api/v1/sign_credential", json=asked)
    assert (answer.status_code, answer.json()["detail"]["error"]) == (404, "manifest_not_found")


@pytest.fixture
def issuing(engine, tmp_path):
    file = tmp_path / "credentials.json"
    make_credentials_file(file, NOW)
    flags = {"storage.data_dir": str(tmp_path), "accounts.jwt_keys": KEY, "service.collector_id": "1"}
    settings = load(None, {}, flags | {"probes.credentials": str(file)}).settings
    service = serving(settings, engine)
    with TestClient(service.asgi) as client:
        yield service, client


class Probe:
    """What a probe does with the library."""

    def __init__(self, client):
        self.client = client
        self.manifest = client.get("/api/v1/manifest").json()
        self.user = ooniauth_py.UserState(self.manifest["manifest"]["public_parameters"])
        asked = {
            "manifest_version": self.manifest["meta"]["version"],
            "credential_sign_request": self.user.make_registration_request(),
        }
        answer = client.post("/api/v1/sign_credential", json=asked).json()
        self.user.handle_registration_response(answer["credential_sign_response"])
        self.emission_day = answer["emission_day"]

    def proof(self, text=TEXT):
        policy = self.manifest["manifest"]["submission_policy"][0]["policy"]
        made = self.user.make_submit_request_with_hash(
            "IE", "AS65550", text, tuple(policy["age"]), policy["min_measurement_count"]
        )
        return {
            "nym": made.nym,
            "zkp_request": made.request,
            "manifest_version": self.manifest["meta"]["version"],
            "protocol_version": self.manifest["meta"]["protocol_version"],
        }


def test_proof_of_a_known_probe_is_verified_again_and_again(issuing):
    service, client = issuing
    probe = Probe(client)
    for _ in range(2):
        answer = submit(client, **probe.proof())
        assert (answer.json()["verification_status"], answer.json()["error"]) == ("verified", None)
        assert json.loads(stored(service, answer))["is_verified"] == "t"
        probe.user.handle_submit_response(answer.json()["submit_response"])


def test_proof_for_another_text_fails_and_the_measurement_is_kept(issuing):
    service, client = issuing
    answer = submit(client, **Probe(client).proof(TEXT + " "))
    assert answer.status_code == 200
    assert (answer.json()["verification_status"], answer.json()["error"]) == ("failed", "protocol_error")
    assert json.loads(stored(service, answer))["is_verified"] == "f"


@pytest.mark.parametrize(
    ("more", "status", "error"),
    [
        ({"manifest_version": "another"}, "unverified", "manifest_not_found"),
        ({"nym": None}, "unverified", "incomplete_anonc_fields"),
        ({"protocol_version": "0.0.9"}, "unverified", "protocol_version_too_old"),
        ({"protocol_version": "new"}, "unverified", "invalid_protocol_version"),
        ({"zkp_request": "!!"}, "failed", "deserialization_failed"),
    ],
)
def test_what_is_wrong_with_a_proof_is_said(issuing, more, status, error):
    _, client = issuing
    answer = submit(client, **Probe(client).proof() | more)
    assert (answer.json()["verification_status"], answer.json()["error"]) == (status, error)


def test_credential_request_that_cannot_be_read_is_refused(issuing):
    _, client = issuing
    version = client.get("/api/v1/manifest").json()["meta"]["version"]
    answer = client.post("/api/v1/sign_credential", json={"manifest_version": version, "credential_sign_request": "!"})
    assert (answer.status_code, answer.json()["detail"]["error"]) == (400, "deserialization_failed")
    answer = client.post("/api/v1/sign_credential", json={"manifest_version": "x", "credential_sign_request": "!"})
    assert answer.status_code == 404


@pytest.mark.parametrize(
    "damage", [lambda asked: asked[:-8], lambda asked: "A" * len(asked), lambda asked: asked[::-1]]
)
def test_damaged_credential_request_is_refused_in_known_codes(issuing, damage):
    _, client = issuing
    known = client.get("/api/v1/manifest").json()
    asked = ooniauth_py.UserState(known["manifest"]["public_parameters"]).make_registration_request()
    body = {"manifest_version": known["meta"]["version"], "credential_sign_request": damage(asked)}
    answer = client.post("/api/v1/sign_credential", json=body)
    code = answer.json()["detail"]["error"]
    assert answer.status_code == {"deserialization_failed": 400, "protocol_error": 403, "credential_error": 403}[code]


def test_credential_request_for_the_keys_of_another_service_is_refused(issuing):
    _, client = issuing
    stranger = ooniauth_py.UserState(ooniauth_py.ServerState().get_public_parameters())
    version = client.get("/api/v1/manifest").json()["meta"]["version"]
    body = {"manifest_version": version, "credential_sign_request": stranger.make_registration_request()}
    answer = client.post("/api/v1/sign_credential", json=body)
    assert (answer.status_code, answer.json()["detail"]["error"]) == (403, "protocol_error")


def test_proof_that_makes_no_sense_is_a_failed_one(issuing):
    service, client = issuing
    good = Probe(client).proof()
    for name in ("nym", "zkp_request"):
        for text in (good[name][::-1], "A" * len(good[name]), good[name][:-8], "\u2028"):
            answer = submit(client, **good | {name: text})
            assert answer.json()["verification_status"] == "failed"
            assert stored(service, answer)


def test_keys_are_never_overwritten(tmp_path):
    make_credentials_file(tmp_path / "file", NOW)
    assert (tmp_path / "file").stat().st_mode & 0o077 == 0
    with pytest.raises(Conflict):
        make_credentials_file(tmp_path / "file", NOW)
