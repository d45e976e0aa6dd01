"""Login and sessions as newer clients know them."""

from datetime import timedelta

import pytest

from tests.contract.accounts.conftest import ADA, NOW, PAGE, bearer, log_in, mailed_token

LOGIN, SESSION = "/api/v2/ooniauth/user-login", "/api/v2/ooniauth/user-session"
NOBODY = {
    "session_token": "",
    "redirect_to": "",
    "email_address": "",
    "account_id": "",
    "role": "",
    "login_time": None,
    "is_logged_in": False,
}


def test_newer_client_logs_in_looks_and_refreshes(client, service):
    asked = client.post(LOGIN, json={"email_address": "Ada@example.org", "redirect_to": PAGE})
    assert asked.json() == {"email_address": ADA, "login_token_expiration": "2026-11-24T22:41:49.000000Z"}
    opened = client.post(SESSION, json={"login_token": mailed_token(service)}).json()
    assert opened["session_token"].count(".") == 2
    expected = {
        "redirect_to": PAGE,
        "email_address": ADA,
        "account_id": "0cdff8085544283c516b91fe2e8c2de2",
        "role": "user",
        "login_time": "2026-11-23T22:41:49.000000Z",
        "is_logged_in": True,
    }
    assert opened == {**expected, "session_token": opened["session_token"]}
    header = {"Authorization": f"Bearer {opened['session_token']}"}
    assert client.get(SESSION, headers=header).json() == {**expected, "session_token": "", "redirect_to": ""}
    service.parts.use_cases["accounts"].set_role(ADA, "admin")
    service.clock.instant = NOW + timedelta(hours=13)
    for body in ({}, {"json": {"login_token": None}}, {"json": {}}):
        fresh = client.post(SESSION, headers=header, **body).json()
        assert (fresh["redirect_to"], fresh["role"], fresh["login_time"]) == ("", "admin", expected["login_time"])
        assert fresh["session_token"] not in {"", opened["session_token"]}
    assert client.get(
        "/api/_/account_metadata", headers={"Authorization": f"Bearer {fresh['session_token']}"}
    ).json() == {
        "logged_in": True,
        "role": "admin",
    }


@pytest.mark.parametrize("header", [{}, {"Authorization": "Bearer x"}, bearer(at=NOW - timedelta(days=9))])
def test_nobody_is_described_as_nobody_and_has_nothing_to_refresh(client, header):
    found = client.get(SESSION, headers=header)
    assert (found.status_code, found.json()) == (200, NOBODY)
    refused = client.post(SESSION, headers=header)
    assert (refused.status_code, refused.json()["detail"]) == (401, "no valid session found")


def test_expunged_session_is_nobody(client, service):
    header = log_in(service)
    service.parts.use_cases["accounts"].expunge(ADA)
    assert client.get(SESSION, headers=header).json() == NOBODY
    assert client.post(SESSION, headers=header).json()["detail"] == "no valid session found"


def test_bad_login_token_is_refused(client, service):
    for token in ("BOGUS", "", bearer()["Authorization"].partition(" ")[2]):
        refused = client.post(SESSION, json={"login_token": token}, headers=bearer())
        assert (refused.status_code, refused.json()["detail"]) == (401, "Invalid credentials")
    log_in(service)
    service.clock.instant = NOW + timedelta(days=2)
    refused = client.post(SESSION, json={"login_token": mailed_token(service)})
    assert (refused.status_code, refused.json()["detail"]) == (401, "Expired token")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        b"[]",
        b"email_address=ada%40example.org",
        b'{"email_address": "ada@example.org", "redirect_to": "https://evil.org"}',
        b'{"email_address": "bogus", "redirect_to": "https://explorer.ooni.org"}',
        b'{"email_address": 1, "redirect_to": "https://explorer.ooni.org"}',
    ],
)
def test_bad_request_is_refused_in_the_newer_form(client, service, body):
    refused = client.post(LOGIN, content=body)
    assert refused.status_code == 422
    assert refused.json()["detail"][0]["msg"]
    assert service.mailer.sent == []


@pytest.mark.parametrize("body", [b"{", b"[]", b'{"login_token": 7}'])
def test_session_request_that_is_none_is_refused(client, body):
    assert client.post(SESSION, content=body, headers=bearer()).status_code == 422


def test_mail_that_is_not_sent_is_said(client, service):
    service.mailer.failing = True
    refused = client.post(LOGIN, json={"email_address": ADA, "redirect_to": PAGE})
    assert (refused.status_code, refused.json()["detail"]) == (500, "Unable to send the email")
