"""Registration, login, and what only registered probes get."""

import json
import os
from datetime import timedelta

import attrs
import pytest
from litestar.testing import TestClient

from ooni_adapters.tokens import JwtKeys
from ooni_core.probes.login import ProbeLogin
from tests.contract.probes.conftest import KEY, serving, session
from tests.contract.probes.go_client import REGISTRATION

TARGETS = {
    "192.0.2.39:9101": {
        "address": "192.0.2.39:9101",
        "name": "exampledir",
        "fingerprint": "0123456789ABCDEF0123456789ABCDEF01234567",
        "protocol": "or_port_dirauth",
    }
}


@pytest.fixture
def files(tmp_path):
    (tmp_path / "tor_targets.json").write_text(json.dumps(TARGETS))
    (tmp_path / "psiphon_config.json").write_text('{"SponsorId": "x"}')
    return tmp_path


def login(client, username):
    return client.post("/api/v1/login", json={"username": username, "password": "x"})


@pytest.fixture
def token(client):
    return login(client, client.post("/api/v1/register", json=REGISTRATION).json()["client_id"]).json()["token"]


def get(client, path, token):
    return client.get(f"/api/v1/test-list/{path}", headers={"Authorization": f"Bearer {token}"})


def test_registered_probe_logs_in_and_gets_its_inputs(client, files, token):
    found = get(client, "tor-targets?country_code=IT", token)
    assert (found.status_code, found.json()) == (200, TARGETS)
    assert found.headers["cache-control"] == "max-age=0, no-cache"
    assert get(client, "psiphon-config", token).json() == {"SponsorId": "x"}


def test_client_id_has_the_length_that_clients_have_seen(client):
    answer = client.post("/api/v1/register", json=REGISTRATION)
    assert len(answer.json()["client_id"]) == 132


def test_registration_insists_on_a_json_content_type(client):
    answer = client.post("/api/v1/register", content=b"{}", headers={"Content-Type": "text/plain"})
    assert (answer.status_code, answer.json()["error"]) == (400, "error: JSON expected!")


def test_login_says_until_when_the_token_should_be_used(client):
    assert login(client, "BOGUSBOGUS").json()["expire"] == "2026-11-30T22:41:49Z"


@pytest.mark.parametrize("username", ["BOGUSBOGUS", "8d4d5c9b-1b0c-4a3e-9f6f-6f1d4a8f4a8e", "", None, 7])
def test_ids_of_before_2022_still_log_in(client, files, username):
    answer = login(client, username)
    assert answer.status_code == 200
    assert get(client, "tor-targets", answer.json()["token"]).status_code == 200


def test_client_id_survives_a_change_of_keys(client, service):
    old_keys = JwtKeys.of(["another key"])
    client_id = ProbeLogin(old_keys, service.clock).register()
    assert login(client, client_id).status_code == 200


def with_keys(settings, engine, *keys):
    accounts = attrs.evolve(settings.accounts, jwt_keys=keys)
    return TestClient(serving(attrs.evolve(settings, accounts=accounts), engine).asgi)


def test_tokens_and_ids_survive_a_rotation_of_keys(settings, engine, files):
    with with_keys(settings, engine, "first key") as before:
        client_id = before.post("/api/v1/register", json=REGISTRATION).json()["client_id"]
        token = login(before, client_id).json()["token"]
    with with_keys(settings, engine, "second key", "first key") as during:
        assert get(during, "tor-targets", token).status_code == 200
        newer = login(during, client_id).json()["token"]
    with with_keys(settings, engine, "second key") as after:
        assert get(after, "tor-targets", newer).status_code == 200
        assert get(after, "tor-targets", token).status_code == 401, "its key is gone for good"
        renewed = login(after, client_id).json()["token"]
        assert get(after, "tor-targets", renewed).status_code == 200, "the id is as good as ever"


def test_id_and_token_of_the_former_service_are_good(client, files):
    former = JwtKeys.of([KEY])  # it signed with the key itself
    client_id = former.sign({"iat": 1600000000, "aud": "probe_login"})
    assert login(client, client_id).status_code == 200
    token = former.sign({"registration_time": 1600000000, "aud": "probe_token"})
    assert get(client, "tor-targets", token).status_code == 200


def test_session_of_a_person_is_no_client_id(client):
    token = session()["Authorization"].removeprefix("Bearer ")
    answer = login(client, token)
    assert (answer.status_code, answer.json()["error"]) == (401, "Invalid credentials")


def test_probe_token_is_no_session(client, token):
    answer = client.get("/api/_/url-priorities/history", headers={"Authorization": f"Bearer {token}"})
    assert (answer.status_code, answer.json()["error"]) == (401, "Authentication required")


def test_probe_token_cannot_be_made_into_a_session_even_without_looking_at_its_audience(token):
    assert JwtKeys.of([KEY]).derived("probe login").claims(token, "probe_token", 1795473709)
    with pytest.raises(Exception, match="Invalid credentials"):
        JwtKeys.of([KEY]).claims(token, "probe_token", 1795473709)


@pytest.mark.parametrize("days", [0, 6.9, 7])
def test_token_is_good_for_all_of_its_advertised_time(client, service, files, token, days):
    service.clock.instant += timedelta(days=days)
    assert get(client, "tor-targets", token).status_code == 200


def test_token_ends_after_its_time(client, service, files, token):
    service.clock.instant += timedelta(days=9)
    answer = get(client, "tor-targets", token)
    assert (answer.status_code, answer.json()["error"]) == (401, "Invalid credentials")


@pytest.mark.parametrize(
    ("header", "status", "error"),
    [
        (None, 401, "Invalid credentials"),
        ("Basic abc", 400, "Invalid token format"),
        ("Bearer foo", 401, "Invalid credentials"),
    ],
)
def test_inputs_need_a_token(client, files, header, status, error):
    headers = {"Authorization": header} if header else {}
    for path in ("tor-targets", "psiphon-config"):
        answer = client.get(f"/api/v1/test-list/{path}", headers=headers)
        assert (answer.status_code, answer.json()["error"]) == (status, error)


def test_damaged_token_is_refused(client, files, token):
    assert get(client, "tor-targets", token[2:]).status_code == 401
    answer = get(client, "tor-targets", token[:-4] + "AAAA")
    assert (answer.status_code, answer.json()["error"]) == (401, "Invalid JWT signature")


def test_changed_file_is_served_and_a_broken_one_is_not(client, files, token):
    assert get(client, "tor-targets", token).json() == TARGETS
    file = files / "tor_targets.json"
    file.write_text('{"broken": {"address": "x"}}')
    os.utime(file, ns=(1, 1))
    assert get(client, "tor-targets", token).json() == TARGETS
    file.write_text("{}")
    os.utime(file, ns=(2, 2))
    assert get(client, "tor-targets", token).json() == {}


def test_country_may_have_targets_of_its_own(client, files, token):
    (files / "tor_targets.IR.json").write_text("{}")
    assert get(client, "tor-targets?country_code=IR", token).json() == {}
    assert get(client, "tor-targets?country_code=../x", token).json() == TARGETS


def test_missing_configuration_is_no_bug(client, token):
    assert get(client, "psiphon-config", token).status_code == 503


def test_vpn_config_gives_credentials_and_a_few_endpoints(client, files):
    (files / "vpn").mkdir()
    endpoints = [f"openvpn://riseupvpn.corp/?address=192.0.2.{n}:1194&transport=udp" for n in range(9)]
    secrets = {"ca": "CA", "cert": "CERT", "key": "KEY"}
    document = {**secrets, "date_updated": "2026-08-01T00:00:00.000000Z", "endpoints": endpoints}
    (files / "vpn" / "riseupvpn.json").write_text(json.dumps(document))
    found = client.get("/api/v2/ooniprobe/vpn-config/riseupvpn?country_code=IT").json()
    assert found["config"] == secrets
    assert len(found["endpoints"]) == 4
    assert set(found["endpoints"]) <= set(endpoints)
    answer = client.get("/api/v2/ooniprobe/vpn-config/bogus")
    assert (answer.status_code, answer.json()["error"]) == (404, "provider not found")
