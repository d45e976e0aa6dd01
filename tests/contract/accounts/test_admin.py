"""What admins decide over HTTP: roles and the end of sessions."""

from datetime import timedelta

import pytest

from tests.contract.accounts.conftest import ADA, ADMIN, NOW, bearer, log_in

ROLE, EXPUNGE, GET = "/api/v1/set_account_role", "/api/v1/set_session_expunge", "/api/v1/get_account_role"
METADATA = "/api/_/account_metadata"
QUOTAS = "/api/_/quotas_summary"
BOSS = bearer("admin", ADMIN)


def role_of(client, address=ADA):
    return client.get(f"{GET}/{address}", headers=BOSS)


@pytest.mark.parametrize(
    ("method", "path"), [("POST", ROLE), ("POST", EXPUNGE), ("POST", GET), ("GET", f"{GET}/{ADA}"), ("GET", QUOTAS)]
)
def test_only_admins_may(client, service, method, path):
    body = {"json": {"email_address": ADA, "role": "admin"}} if method == "POST" else {}
    for session, error in (({}, "Authentication required"), (bearer(), "Role not authorized")):
        refused = client.request(method, path, headers=session, **body)
        assert (refused.status_code, refused.json()) == (401, {"error": error})
        assert refused.headers["cache-control"] == "no-cache"
    service.parts.use_cases["accounts"].expunge(ADMIN)
    assert client.request(method, path, headers=BOSS, **body).json() == {"error": "Authentication token expired"}
    assert service.parts.use_cases["accounts"].role(ADA) is None


def test_role_is_set_and_counts_from_the_next_login(client, service):
    assert (role_of(client).status_code, role_of(client).json()) == (400, {"error": "Account not found"})
    session = log_in(service)
    assert client.post(ROLE, json={"email_address": f" {ADA.upper()}", "role": " Admin "}, headers=BOSS).json() == {}
    assert role_of(client).json() == {"role": "admin"}
    assert client.post(GET, json={"email_address": ADA}, headers=BOSS).json() == {"role": "admin"}
    assert client.get(METADATA, headers=session).json()["role"] == "user"
    assert client.get(METADATA, headers=log_in(service)).json()["role"] == "admin"


def test_who_is_no_admin_any_more_is_logged_out(client, service):
    client.post(ROLE, data={"email_address": ADA, "role": "admin"}, headers=BOSS)
    session = log_in(service)
    assert client.post(ROLE, json={"email_address": ADA, "role": "user"}, headers=session).json() == {}
    assert client.get(METADATA, headers=session).status_code == 401
    service.clock.instant = NOW + timedelta(seconds=1)
    assert client.get(METADATA, headers=log_in(service)).json()["role"] == "user"
    assert role_of(client).json() == {"role": "user"}


def test_expunge_ends_sessions_of_before_and_a_new_login_works(client, service):
    session = log_in(service)
    service.clock.instant = NOW + timedelta(seconds=0.9)
    assert client.post(EXPUNGE, json={"email_address": ADA}, headers=BOSS).json() == {}
    refused = client.get("/api/v1/user_refresh_token", headers=session)
    assert (refused.status_code, refused.json()) == (401, {"error": "Authentication token expired"})
    service.clock.instant = NOW + timedelta(seconds=1)
    again = log_in(service)
    assert client.get("/api/v1/user_refresh_token", headers=again).status_code == 200
    assert client.get(METADATA, headers=session).status_code == 401


def test_admin_who_expunges_itself_is_logged_out(client):
    assert client.post(EXPUNGE, json={"email_address": ADMIN}, headers=BOSS).status_code == 200
    assert client.post(EXPUNGE, json={"email_address": ADMIN}, headers=BOSS).status_code == 401


@pytest.mark.parametrize(
    ("path", "body", "error"),
    [
        (ROLE, {"email_address": "BOGUS", "role": "root"}, "Invalid email address"),
        (ROLE, {"role": "user"}, "Invalid email address"),
        (ROLE, {"email_address": ADA, "role": "root"}, "Invalid role"),
        (ROLE, {"email_address": ADA}, "Invalid role"),
        (ROLE, {"email_address": ADA, "role": ["admin"]}, "Invalid request"),
        (ROLE, {}, "Invalid request"),
        (EXPUNGE, {"email_address": "someone@localhost"}, "Invalid email address"),
        (EXPUNGE, {}, "Invalid request"),
        (GET, {"email_address": "x" * 10_000}, "Invalid email address"),
        (GET, {}, "Invalid request"),
    ],
)
def test_bad_request_is_refused(client, path, body, error):
    refused = client.post(path, json=body, headers=BOSS)
    assert (refused.status_code, refused.json()["error"]) == (400, error)


@pytest.mark.parametrize("path", [ROLE, EXPUNGE, GET])
def test_absent_body_is_refused(client, path):
    for content, kind in ((b"", "application/json"), (b"{}", "text/plain"), (b"", "")):
        refused = client.post(path, content=content, headers={**BOSS, "Content-Type": kind})
        assert (refused.status_code, refused.json()["error"]) == (400, "Invalid request")


def test_address_in_a_path_is_checked(client):
    assert role_of(client, "bogus").json() == {"error": "Invalid email address"}
    assert role_of(client, " ada%2Bx%40example.org").json() == {"error": "Account not found"}


def test_failure_is_logged_without_the_address(client, service, caplog, monkeypatch):
    monkeypatch.setattr(type(service.engine), "query", lambda *_, **__: 1 / 0)
    assert role_of(client).status_code == 500
    logged = "\n".join(r.getMessage() for r in caplog.records if not r.name.startswith("httpx"))
    assert "/api/v1/get_account_role/{email_address}" in logged
    assert ADA not in logged


def test_nobody_is_listed_while_no_quotas_are_counted(client):
    assert client.get(QUOTAS, headers=BOSS).json() == []
