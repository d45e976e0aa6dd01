"""Feedback on measurements over HTTP, on every engine. Rows 30 and 31 of the compatibility checklist."""

import pytest
from litestar.testing import TestClient

from ooni_adapters.sql.tables import FASTPATH
from ooni_adapters.sql.verdicts import SqlVerdictStore
from ooni_core.errors import Invalid
from ooni_core.feedback.model import STATUSES
from ooni_core.feedback.service import FeedbackService
from ooni_entrypoints.http.app import create_app
from tests.contract.accounts.conftest import ADA, ADMIN, NOW, HandClock, bearer

UID = "20231115120000.123456_IT_webconnectivity_0123456789abcdef"
POST = "/api/_/measurement_feedback"
PATH = f"{POST}/{UID}"
ME, OTHER, THIRD = bearer(), bearer("admin", ADMIN), bearer(email="third@example.org")


def say(client, status, session=ME, uid=UID):
    return client.post(POST, json={"measurement_uid": uid, "status": status}, headers=session)


def test_explorer_reads_summary_and_own_feedback_and_submits_another(client):
    for session in (OTHER, THIRD):
        assert say(client, "ok", session).status_code == 200
    assert client.get(PATH, headers=ME).json() == {"summary": {"ok": 2}}, "no own feedback, no key"
    assert say(client, "ok").json() == {}
    found = client.get(PATH, headers=ME).json()
    assert (found["summary"], found["user_feedback"]) == ({"ok": 3}, "ok")
    assert say(client, "blocked.blockpage.server_side.captcha").json() == {}
    found = client.get(PATH, headers=ME).json()
    assert found["summary"] == {"ok": 2, "blocked.blockpage.server_side.captcha": 1}
    assert found["user_feedback"] == "blocked.blockpage.server_side.captcha"
    assert client.get(PATH).json() == {"summary": found["summary"]}
    refused = say(client, "foo")
    assert (refused.status_code, refused.json()["error"]) == (400, "Invalid status")


def test_unknown_measurement_has_an_empty_summary(client):
    for uid in ("never_seen", "x" * 3000, "%27%20OR%201=1%20--"):
        found = client.get(f"{POST}/{uid}", headers=ME)
        assert (found.status_code, found.json()) == (200, {"summary": {}})


def test_name_that_is_too_short_is_refused(client):
    assert client.get(f"{POST}/abcd").status_code == 400


def test_what_one_person_is_told_is_not_kept_for_others(client):
    say(client, "ok")
    mine, anybody = client.get(PATH, headers=ME), client.get(PATH)
    assert mine.headers["cache-control"] == "max-age=0, no-cache, private"
    assert anybody.headers["cache-control"] == "max-age=0"
    assert all("Authorization" in found.headers["vary"] for found in (mine, anybody))
    assert say(client, "ok").headers["cache-control"] == "max-age=0, no-cache"


def test_every_status_and_spaces_around_it_are_accepted(client):
    for status in STATUSES:
        assert say(client, f" {status}\n", uid=f" {UID} ").status_code == 200
        assert client.get(PATH, headers=ME).json() == {"summary": {status: 1}, "user_feedback": status}


@pytest.mark.parametrize("session", [{}, {"Authorization": "Bearer x"}, bearer("guest")])
@pytest.mark.parametrize("body", [b'{"status": "foo"}', b"not JSON", b""])
def test_who_is_not_logged_in_is_told_so_before_anything_else(client, session, body):
    refused = client.post(POST, content=body, headers=session)
    assert refused.status_code == 401
    assert refused.json()["error"] in {"Authentication required", "Role not authorized"}
    assert refused.headers["cache-control"] == "no-cache"


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ({}, "Invalid status"),
        ({"measurement_uid": UID}, "Invalid status"),
        ({"measurement_uid": UID, "status": ""}, "Invalid status"),
        ({"measurement_uid": UID, "status": "OK"}, "Invalid status"),
        ({"measurement_uid": UID, "status": "o" * 10_000}, "Invalid status"),
        ({"measurement_uid": UID, "status": 1}, "Invalid request"),
        ({"measurement_uid": [UID], "status": "ok"}, "Invalid request"),
        ({"measurement_uid": None, "status": "ok"}, "Invalid request"),
        ({"measurement_uid": "", "status": "ok"}, "Invalid request"),
        ({"status": "ok"}, "Invalid request"),
        ([], "Invalid request"),
    ],
)
def test_bad_feedback_is_refused_and_nothing_kept(client, body, error):
    refused = client.post(POST, json=body, headers=ME)
    assert (refused.status_code, refused.json()["error"]) == (400, error)
    assert client.get(PATH).json() == {"summary": {}}


def test_body_that_is_not_json_is_refused(client):
    for content in (b"", b"status=ok", b"{", b"\xff"):
        refused = client.post(POST, content=content, headers=ME)
        assert (refused.status_code, refused.json()["error"]) == (400, "Invalid request")


def test_feedback_can_be_taken_back(client):
    say(client, "ok")
    say(client, "down", OTHER)
    assert client.delete(PATH).status_code == 401
    assert client.delete(PATH, headers=ME).json() == {}
    assert client.delete(PATH, headers=ME).json() == {}
    assert client.get(PATH, headers=ME).json() == {"summary": {"down": 1}}


def test_expunged_session_is_nobody_and_may_say_nothing(client, service):
    say(client, "ok")
    service.parts.use_cases["accounts"].expunge(ADA)
    assert client.get(PATH, headers=ME).json() == {"summary": {"ok": 1}}
    refused = say(client, "down")
    assert (refused.status_code, refused.json()) == (401, {"error": "Authentication token expired"})
    assert client.get("/api/_/account_metadata", headers=ME).status_code == 401


def test_only_known_measurements_can_be_judged_where_that_is_asked(service):
    use_case = service.parts.use_cases["feedback"]
    strict = FeedbackService(use_case.store, SqlVerdictStore(service.engine, HandClock()))
    session = service.parts.sessions.require(ME["Authorization"])
    with pytest.raises(Invalid, match=r"^Unknown measurement_uid$"):
        strict.submit(session, "ok", UID)
    service.engine.insert(FASTPATH, [{"measurement_uid": UID, "measurement_start_time": NOW.replace(tzinfo=None)}])
    strict.submit(session, "ok", UID)
    assert use_case.summary(UID, session).own == "ok"


def test_summary_is_open_to_all_pages_and_saying_to_ours_alone(client):
    theirs = {"Origin": "https://evil.example"}
    assert client.get(PATH, headers=theirs).headers["access-control-allow-origin"] == "*"
    assert "access-control-allow-origin" not in client.post(POST, json={}, headers=theirs).headers
    asked = {**theirs, "Access-Control-Request-Method": "DELETE"}
    assert "access-control-allow-origin" not in client.options(PATH, headers=asked).headers
    asked["Access-Control-Request-Method"] = "GET"
    assert client.options(PATH, headers=asked).headers["access-control-allow-origin"] == "*"


class Names:
    """Figures that keep the names under which requests are timed."""

    def __init__(self):
        self.names = []

    def begin(self):
        pass

    def end(self, name, status, seconds):
        self.names.append(name)


def test_requests_are_timed_under_the_names_that_dashboards_know(service):
    figures = Names()
    use_cases = {**service.parts.use_cases, "service_settings": service.parts.settings.service}
    with TestClient(create_app(service.parts.handlers, use_cases, "1", 2**20, figures)) as client:
        client.get(PATH)
        say(client, "ok")
    assert figures.names == ["get_msmt_feedback", "submit_msmt_feedback"]
