"""OONI Run links over HTTP, on every engine."""

from datetime import timedelta

import pytest

from tests.contract.accounts.conftest import ADA, ADMIN, NOW, bearer

BASE = "/api/_/ooni_run"
OWNER, OTHER, STAFF = bearer("user", ADA), bearer("user", "other@example.org"), bearer("admin", ADMIN)
DESCRIPTOR = {
    "name": "Election watch",
    "name_intl": {"it": "Osservatorio elezioni"},
    "short_description": "Sites to test",
    "description": "Длинный текст",
    "icon": "myicon",
    "author": "Some NGO",
    "nettests": [
        {"test_name": "web_connectivity", "inputs": ["https://example.org/"], "options": {"HTTP3Enabled": True}},
        {"test_name": "dnscheck"},
    ],
    "kept": {"a": [1, None]},
}
FIRST = "2026-11-23T22:41:49.000000Z"


def make(client, session=OWNER, query="", **changed):
    return client.post(f"{BASE}/create{query}", json={**DESCRIPTOR, **changed}, headers=session)


def made(client, session=OWNER, **changed):
    answer = make(client, session, **changed)
    assert answer.status_code == 200, answer.json()
    return answer.json()["ooni_run_link_id"]


def fetch(client, link, query="", session=None):
    return client.get(f"{BASE}/fetch/{link}{query}", headers=session)


def listed(client, query="", session=None):
    answer = client.get(f"{BASE}/list{query}", headers=session)
    assert answer.status_code == 200, answer.json()
    assert answer.headers["cache-control"] == "max-age=0, no-cache"
    return answer.json()["descriptors"]


def test_link_is_made_and_fetched_as_it_was_sent(client):
    answer = make(client)
    link = answer.json()["id"]
    assert answer.json() == {"id": link, "ooni_run_link_id": link, "v": 1}
    assert link % 100 == 0, "a collector without a number"
    assert fetch(client, link).json() == {
        "archived": False,
        "descriptor": DESCRIPTOR,
        "descriptor_creation_time": FIRST,
        "mine": False,
        "translation_creation_time": FIRST,
        "v": 1,
    }
    assert fetch(client, link, session=OWNER).json()["mine"] is True
    assert client.get(f"/api/v1/ooni_run/fetch/{link}").json() == fetch(client, link).json()


def test_change_of_nettests_is_a_version_and_change_of_words_is_not(client, service):
    link = made(client)
    service.clock.instant = NOW + timedelta(seconds=1)
    nettests = [*DESCRIPTOR["nettests"], {"test_name": "tor"}]
    assert make(client, query=f"?ooni_run_link_id={link}", nettests=nettests).json()["id"] == link
    second = fetch(client, link).json()
    assert second["descriptor_creation_time"] == second["translation_creation_time"] == "2026-11-23T22:41:50.000000Z"
    service.clock.instant = NOW + timedelta(seconds=2)
    words = {"nettests": nettests, "name_intl": {"it": "x", "es": "y"}}
    assert make(client, query=f"?id={link}", **words).status_code == 200
    third = fetch(client, link).json()
    assert third["descriptor_creation_time"] == "2026-11-23T22:41:50.000000Z"
    assert third["translation_creation_time"] == "2026-11-23T22:41:51.000000Z"
    assert third["descriptor"]["name_intl"] == {"it": "x", "es": "y"}
    assert [each["descriptor_creation_time"] for each in listed(client)] == [FIRST, "2026-11-23T22:41:50.000000Z"]
    assert [each["translation_creation_time"] for each in listed(client, "?only_latest=1")] == [
        "2026-11-23T22:41:51.000000Z"
    ]
    assert fetch(client, link, f"?creation_time={FIRST}").json()["descriptor"] == DESCRIPTOR


def test_changes_of_the_same_instant_are_told_apart(client):
    link = made(client)
    assert make(client, query=f"?id={link}", icon="other").status_code == 200
    assert [each["icon"] for each in listed(client)] == ["myicon", "other"]


@pytest.mark.parametrize("session", [OTHER, STAFF])
def test_link_of_somebody_else_is_not_edited(client, session):
    link = made(client)
    refused = make(client, session, f"?id={link}", name="mine now")
    assert (refused.status_code, refused.json()) == (400, {"error": "OONIRun descriptor not found"})
    assert fetch(client, link).json()["descriptor"]["name"] == DESCRIPTOR["name"]


def test_archived_link_is_hidden_from_lists_and_says_so_when_fetched(client):
    link = made(client)
    make(client, query=f"?id={link}", icon="other")
    assert client.post(f"{BASE}/archive/{link}", headers=OWNER).json() == {"v": 1}
    assert listed(client) == []
    assert [each["archived"] for each in listed(client, "?include_archived=True")] == [True, True]
    assert fetch(client, link).json()["archived"] is True
    assert make(client, query=f"?id={link}", name="still archived").status_code == 200
    assert fetch(client, link).json()["archived"] is True


def test_link_is_archived_by_who_made_it_and_staff(client):
    link = made(client)
    refused = client.post(f"{BASE}/archive/{link}", headers=OTHER)
    assert (refused.status_code, refused.json()["err_str"]) == (400, "err_ownership")
    assert client.post(f"{BASE}/archive/{link}", headers=STAFF).json() == {"v": 1}
    assert client.post(f"{BASE}/archive/99", headers=STAFF).status_code == 404
    assert client.post(f"{BASE}/archive/x", headers=STAFF).status_code == 404


def test_lists_say_what_is_there_and_whose_it_is(client):
    first, second = made(client), made(client, OTHER, name="other")
    shown = {each["id"]: each for each in listed(client, session=OWNER)}
    assert shown[first] == {
        "archived": False,
        "author": "Some NGO",
        "descriptor_creation_time": FIRST,
        "icon": "myicon",
        "id": first,
        "mine": True,
        "name": "Election watch",
        "ooni_run_link_id": first,
        "short_description": "Sites to test",
        "translation_creation_time": FIRST,
    }
    assert [shown[second]["mine"], shown[second]["name"]] == [False, "other"]
    assert not any(each["mine"] for each in listed(client))
    assert [each["id"] for each in listed(client, "?only_mine=1", OWNER)] == [first]
    assert listed(client, "?only_mine=1") == []
    assert len(listed(client, "?only_mine=false&only_latest=no&include_archived=0", OWNER)) == 2
    for name in ("ids", "ooni_run_link_id"):
        assert [each["id"] for each in listed(client, f"?{name}={second},5,")] == [second]


def test_nobody_makes_or_archives_links_without_a_session(client):
    for refused in (client.post(f"{BASE}/create", json=DESCRIPTOR), client.post(f"{BASE}/archive/1")):
        assert (refused.status_code, refused.json()) == (401, {"error": "Authentication required"})


@pytest.mark.parametrize(
    ("changed", "error", "err_str"),
    [
        ({"name": ""}, "'name' field must not be empty", None),
        ({"name_intl": {"it": ""}}, "Empty translation field", "err_empty_translation_field"),
        ({"nettests": 5}, "Invalid parameters in the request", "err_request_params"),
        ({"author": 5}, "Invalid parameters in the request", "err_request_params"),
    ],
)
def test_descriptor_that_cannot_be_right_is_refused(client, changed, error, err_str):
    refused = make(client, **changed)
    assert (refused.status_code, refused.json()["error"], refused.json().get("err_str")) == (400, error, err_str)
    assert listed(client) == []


@pytest.mark.parametrize("query", ["?id=x", "?id=-1", "?ooni_run_link_id=99999999999999999999", "?id=1.5"])
def test_id_that_is_no_number_is_refused(client, query):
    refused = make(client, query=query)
    assert (refused.status_code, refused.json()["error"]) == (400, "Incorrect parameter used")
    asked = client.get(f"{BASE}/list{query.replace('id=', 'ids=', 1) if query[1] == 'i' else query}")
    assert (asked.status_code, asked.json()["error"]) == (400, "Incorrect parameter used")


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"null"])
def test_body_that_is_no_descriptor_is_refused(client, content):
    assert client.post(f"{BASE}/create", content=content, headers=OWNER).status_code == 400


def test_descriptor_that_is_too_long_is_refused(client):
    assert make(client, filler="x" * 2**20).status_code == 413


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("999999999999999", 400),
        ("1?creation_time=now", 400),
        ("1?creation_time=2026-13-01T00:00:00Z", 400),
        ("99999999999999999999", 400),
        ("abc", 404),
        ("-1", 404),
        ("²", 404),
    ],
)
def test_link_that_is_not_there_is_not_fetched(client, path, status):
    assert client.get(f"{BASE}/fetch/{path}").status_code == status


def test_unknown_link_has_the_historical_error(client):
    assert fetch(client, 999).json() == {"error": "oonirun descriptor not found"}


def test_fetched_link_is_kept_by_caches_only_for_who_has_no_session(client):
    link = made(client)
    public, personal = fetch(client, link), fetch(client, link, session=OWNER)
    assert public.headers["cache-control"] == "max-age=300, public"
    assert personal.headers["cache-control"] == "no-cache, private"
    for answer in (public, personal):
        assert "Authorization" in answer.headers["vary"]
    again = client.get(f"{BASE}/fetch/{link}", headers={"If-None-Match": public.headers["etag"]})
    assert again.status_code == 304
    assert public.headers["etag"] != personal.headers["etag"]
