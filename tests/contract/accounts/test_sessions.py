"""Login by e-mail as web pages do it, over HTTP, on every engine."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import jwt
import pytest
from litestar.testing import TestClient

from ooni_adapters.tokens import JwtKeys
from ooni_core.accounts.rules import account_id_of
from ooni_entrypoints.accounts import link_keys, make_account_services
from ooni_entrypoints.http.app import create_app
from ooni_entrypoints.probe_services import probe_keys
from tests.contract.accounts.conftest import ADA, ADMIN, KEY, KEYS, NOW, PAGE, bearer, log_in, mailed_token, register

REQUIRED = {"error": "Authentication required"}
METADATA, REFRESH = "/api/_/account_metadata", "/api/v1/user_refresh_token"


def claims_of(header):
    return jwt.decode(header["Authorization"].partition(" ")[2], options={"verify_signature": False})


def login(client, token):
    return client.get("/api/v1/user_login", params={"k": token})


def link(**changed):
    now = int(NOW.timestamp())
    claims = {"nbf": now, "exp": now + 86400, "aud": "register", "email_address": ADA, "redirect_to": PAGE, **changed}
    return link_keys(KEYS).sign({name: value for name, value in claims.items() if value is not None})


# Rows 32 to 35 of the compatibility checklist: what the explorer sends, and the keys that it reads.


def test_explorer_registers_logs_in_asks_who_it_is_and_refreshes(client, service):
    assert client.post("/api/v1/user_register", json={"email_address": ADA, "redirect_to": PAGE}).status_code == 200
    found = login(client, mailed_token(service))
    assert found.status_code == 200
    assert (found.json()["email_address"], found.json()["redirect_to"]) == (ADA, PAGE)
    session = {"Authorization": f"Bearer {found.json()['bearer']}"}
    known = client.get(METADATA, headers=session)
    assert (known.status_code, known.json()["logged_in"], known.json()["role"]) == (200, True, "user")
    again = client.get(REFRESH, headers=session)
    assert again.status_code == 200
    fresh = {"Authorization": f"Bearer {again.json()['bearer']}"}
    assert client.get(METADATA, headers=fresh).json()["logged_in"] is True


def test_explorer_is_told_that_nobody_is_logged_in(client):
    found = client.get(METADATA)
    assert (found.status_code, found.json()) == (401, {"logged_in": False})
    assert found.headers["cache-control"] == "no-cache"
    refused = client.get(REFRESH)
    assert (refused.status_code, refused.json()) == (401, REQUIRED)
    assert refused.headers["cache-control"] == "no-cache"


def test_answers_say_how_they_may_be_kept(client, service):
    registered = register(client)
    assert registered.headers["cache-control"] == "max-age=0, no-cache"
    session = log_in(service)
    known = client.get(METADATA, headers=session)
    assert (known.headers["cache-control"], "Authorization" in known.headers["vary"]) == ("max-age=0, no-cache", True)
    for found in (login(client, mailed_token(service)), client.get(REFRESH, headers=session)):
        assert found.headers["cache-control"] == "max-age=0, no-cache, no-store"
        assert found.headers["referrer-policy"] == "no-referrer"


def test_form_registers_as_json_does(client, service):
    sent = client.post("/api/v1/user_register", data={"email_address": f" {ADA.upper()} ", "redirect_to": f" {PAGE} "})
    assert sent.json() == {"msg": "ok"}
    found = login(client, mailed_token(service)).json()
    assert (found["email_address"], found["redirect_to"]) == (ADA, PAGE)


def test_link_leads_to_the_page_that_asked_and_works_on_several_devices(client, service):
    register(client, redirect_to="https://run.ooni.org/v2/10001?x=1#y")
    (mail,) = service.mailer.sent
    assert (mail.to.text, mail.subject) == (ADA, "OONI Account activation")
    expected = f"https://run.ooni.org/login?token={mailed_token(service)}"
    assert mail.html.count("<a ") == 1
    assert f'<a href="{expected}">Please login here</a>' in mail.html
    assert expected in mail.text
    assert "several devices" in mail.text
    assert "24 hours" in mail.html
    assert [login(client, mailed_token(service)).status_code for _ in range(3)] == [200, 200, 200]


def test_token_of_a_link_may_travel_in_the_body_where_nobody_logs_it(client, service):
    register(client)
    found = client.post("/api/v1/user_login", json={"k": mailed_token(service)})
    assert found.json()["email_address"] == ADA
    refused = client.post("/api/v1/user_login", json={"k": "BOGUS"})
    assert (refused.status_code, refused.json()) == (401, {"error": "Invalid credentials"})


def test_session_token_says_what_others_rely_on(service):
    claims = claims_of(log_in(service))
    now = int(NOW.timestamp())
    assert claims == {
        "nbf": now,
        "iat": now,
        "exp": now + 2 * 86400,
        "aud": "user_auth",
        "account_id": account_id_of(ADA, KEY),
        "login_time": now,
        "role": "user",
        "email_address": ADA,
    }


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ({}, "Invalid request"),
        ({"email_address": ADA}, "Invalid request"),
        ({"redirect_to": PAGE}, "Invalid request"),
        ({"email_address": " ", "redirect_to": PAGE}, "Invalid request"),
        ({"email_address": 7, "redirect_to": PAGE}, "Invalid request"),
        ({"email_address": ADA, "redirect_to": ["x"]}, "Invalid request"),
        ({"email_address": ADA, "redirect_to": None}, "Invalid request"),
        ({"email_address": "someone@localhost", "redirect_to": PAGE}, "Invalid email address"),
        ({"email_address": "bogus", "redirect_to": "https://BOGUS.ooni.org"}, "Invalid email address"),
        ({"email_address": f"{ADA}\nBcc: x@y.org", "redirect_to": PAGE}, "Invalid email address"),
        ({"email_address": "a" * 10_000 + "@example.org", "redirect_to": PAGE}, "Invalid email address"),
        ({"email_address": ADA, "redirect_to": "https://explorer.ooni.org@evil.org/"}, "Invalid request"),
    ],
)
def test_bad_registration_is_refused_and_no_mail_sent(client, service, body, error):
    refused = client.post("/api/v1/user_register", json=body)
    assert (refused.status_code, refused.json()["error"]) == (400, error)
    assert refused.headers["cache-control"] == "no-cache"
    assert service.mailer.sent == []


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"", "application/json"),
        (b"{", "application/json"),
        (b"[]", "application/json"),
        (b"\xff", "application/json"),
        (b"email_address=ada%40example.org&redirect_to=%FF", "application/x-www-form-urlencoded"),
        (b"&".join(b"a=1" for _ in range(200)), "application/x-www-form-urlencoded"),
        (b'{"email_address": "ada@example.org", "redirect_to": "https://explorer.ooni.org"}', "text/plain"),
        (b"", ""),
    ],
)
def test_body_that_is_not_what_it_says_is_refused(client, service, content, kind):
    headers = {"Content-Type": kind} if kind else {}
    refused = client.post("/api/v1/user_register", content=content, headers=headers)
    assert (refused.status_code, refused.json()["error"]) == (400, "Invalid request")
    assert service.mailer.sent == []


def test_mail_that_is_not_sent_is_said(client, service, caplog):
    service.mailer.failing = True
    refused = register(client)
    assert (refused.status_code, refused.json()) == (400, {"error": "Unable to send the email"})
    assert "the server is not there" in caplog.text
    assert ADA not in caplog.text


def test_registration_does_not_tell_who_is_known(client, service):
    service.parts.use_cases["accounts"].set_role(ADMIN, "admin")
    known, unknown = register(client, ADMIN), register(client)
    assert (known.status_code, known.content) == (unknown.status_code, unknown.content)
    assert {**known.headers, "date": ""} == {**unknown.headers, "date": ""}


PAST = {"nbf": int(NOW.timestamp()) - 90_000, "exp": int(NOW.timestamp()) - 60}
FUTURE = {"nbf": int(NOW.timestamp()) + 60}


@pytest.mark.parametrize(
    ("token", "error"),
    [
        ("BOGUS", "Invalid credentials"),
        ("", "Invalid credentials"),
        ("a.b.c", "Invalid credentials"),
        (link(**PAST), "Expired token"),
        (link(**FUTURE), "Invalid credentials"),
        (link(aud=None), "Invalid token type"),
        (link(aud="probe_token"), "Invalid token type"),
        (link(email_address=None), "Invalid token type"),
        (link(exp=None), "Invalid token type"),
        (bearer()["Authorization"].partition(" ")[2], "Invalid token type"),
        (JwtKeys.of(["another key"]).sign({"aud": "register", "email_address": ADA}), "Invalid credential signature"),
        (jwt.encode({"aud": "register", "email_address": ADA}, None, "none"), "Invalid credentials"),
        (jwt.encode({"aud": "register", "email_address": ADA}, KEY, "HS512"), "Invalid credentials"),
    ],
)
def test_bad_login_token_is_refused_with_the_reason(client, token, error):
    refused = login(client, token)
    assert (refused.status_code, refused.json()) == (401, {"error": error})
    assert refused.headers["cache-control"] == "no-cache"


def test_login_without_a_token_is_refused(client):
    assert client.get("/api/v1/user_login").json() == {"error": "Invalid credentials"}


@pytest.mark.parametrize(
    "header",
    [
        {},
        {"Authorization": ""},
        {"Authorization": "Bearer"},
        {"Authorization": "Bearer "},
        {"Authorization": bearer()["Authorization"].replace("Bearer", "bearer")},
        {"Authorization": bearer()["Authorization"].replace("Bearer ", "Basic ")},
        {"Authorization": f"Bearer {link()}"},
        {"Authorization": f"Bearer {KEYS.sign({'aud': 'register', 'email_address': ADA})}"},
        bearer(at=NOW - timedelta(days=3)),
        bearer(at=NOW + timedelta(minutes=5)),
        bearer(aud="probe_token"),
        bearer(exp=None),
        bearer(account_id=None),
        bearer(role=None),
        bearer(iat=None),
        bearer(key=JwtKeys.of(["another key"])),
        bearer(key=probe_keys(KEYS)),
        bearer(key=link_keys(KEYS)),
        {"Authorization": f"Bearer {jwt.encode(claims_of(bearer()), None, 'none')}"},
        {"Authorization": f"Bearer {jwt.encode(claims_of(bearer()), KEY, 'HS384')}"},
    ],
)
def test_header_that_proves_nothing_is_anonymous_everywhere(client, header):
    assert client.get(METADATA, headers=header).status_code == 401
    refused = client.get(REFRESH, headers=header)
    assert (refused.status_code, refused.json()) == (401, REQUIRED)


def test_session_without_refresh_ends_after_two_days(client, service):
    session = log_in(service)
    for days, status in ((1, 200), (1.99, 200), (2.01, 401), (18, 401)):
        service.clock.instant = NOW + timedelta(days=days)
        assert client.get(METADATA, headers=session).status_code == status


def test_refreshing_every_day_ends_a_week_after_the_login(client, service):
    session, days = log_in(service), 0
    while (answer := client.get(REFRESH, headers=session)).status_code == 200:
        session = {"Authorization": f"Bearer {answer.json()['bearer']}"}
        days += 1
        service.clock.instant = NOW + timedelta(days=days, minutes=1)
    assert days == 7
    assert answer.json() == REQUIRED
    assert claims_of(session)["login_time"] == int(NOW.timestamp())
    assert claims_of(session)["exp"] == int((NOW + timedelta(days=7)).timestamp())


def test_refresh_gives_the_role_that_the_account_has_now(client, service):
    accounts = service.parts.use_cases["accounts"]
    session = log_in(service)
    accounts.set_role(ADA, "admin")
    assert client.get(METADATA, headers=session).json()["role"] == "user"
    fresh = {"Authorization": f"Bearer {client.get(REFRESH, headers=session).json()['bearer']}"}
    assert client.get(METADATA, headers=fresh).json()["role"] == "admin"


def test_login_logs_the_account_and_never_the_address(client, service, caplog):
    with caplog.at_level("DEBUG"):
        log_in(service)
    # What this test's own client logs is no concern of the service.
    logged = "\n".join(str(r.__dict__) for r in caplog.records if not r.name.startswith("httpx"))
    assert account_id_of(ADA, KEY) in logged
    assert ADA not in logged
    assert mailed_token(service) not in logged


@pytest.mark.parametrize("method", ["GET", "OPTIONS"])
@pytest.mark.parametrize("path", [METADATA, REFRESH, "/api/v1/user_login"])
def test_only_our_pages_may_read_what_is_done_for_a_person(client, method, path):
    def asked(origin):
        headers = {"Origin": origin, **({"Access-Control-Request-Method": "GET"} if method == "OPTIONS" else {})}
        return client.request(method, path, headers=headers).headers

    ours = asked("https://explorer.test.ooni.org")
    assert ours["access-control-allow-origin"] == "https://explorer.test.ooni.org"
    assert ours["access-control-allow-credentials"] == "true"
    assert "Origin" in ours["vary"]
    for origin in ("https://evil.org", "http://explorer.ooni.org", "https://explorer.ooni.org.evil.org", "null", ""):
        assert [name for name in asked(origin) if name.startswith("access-control-")] == []


class StuckMailer:
    """A Mailer whose server does not answer until it is told to."""

    def __init__(self):
        self.asked, self.released = threading.Semaphore(0), threading.Event()

    def send(self, mail):
        self.asked.release()
        assert self.released.wait(60)


def test_slow_mail_server_keeps_nobody_else_waiting(service):
    mailer = StuckMailer()
    parts = make_account_services(service.parts.settings, service.engine, service.clock, None, mailer)
    use_cases = {**parts.use_cases, "service_settings": service.parts.settings.service}
    app = create_app(parts.handlers, use_cases, "1", 2**20)
    with TestClient(app) as client, ThreadPoolExecutor(61) as people:
        sent = [people.submit(register, client) for _ in range(60)]
        try:
            assert mailer.asked.acquire(timeout=30)
            while mailer.asked.acquire(timeout=1):
                pass  # until no further mail is begun
            for path in (METADATA, "/api/v1/user_login", "/api/_/measurement_feedback/bogus_uid"):
                assert people.submit(client.get, path).exception(timeout=30) is None
        finally:
            mailer.released.set()
        assert {each.result().status_code for each in sent} == {200}
