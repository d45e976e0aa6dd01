"""Incidents over HTTP, as web pages read and write them, on every engine."""

from datetime import timedelta

import pytest

from tests.contract.accounts.conftest import ADA, ADMIN, NOW, bearer

BASE = "/api/v1/incidents"
STAFF, WRITER, OTHER = bearer("admin", ADMIN), bearer("user", ADA), bearer("user", "other@example.org")
DOCUMENT = {
    "title": "Blocking of example.org",
    "text": "body\ntext",
    "short_description": "Three networks",
    "reported_by": "Some NGO",
    "email_address": "",
    "event_type": "incident",
    "published": False,
    "start_time": "2026-10-01T00:00:00Z",
    "end_time": None,
    "CCs": ["UK", "FR"],
    "ASNs": [1, 2],
    "domains": ["a.example"],
    "tags": ["media"],
    "themes": ["social_media"],
    "test_names": ["signal"],
    "links": ["https://explorer.ooni.org/"],
}
PARAMS_ERROR = "Invalid parameters in the request"


def post(client, action, document, session=WRITER):
    return client.post(f"{BASE}/{action}", json=document, headers=session)


def create(client, session=WRITER, **changed):
    answer = post(client, "create", {**DOCUMENT, **changed}, session)
    assert answer.status_code == 200, answer.json()
    assert set(answer.json()) == {"id", "r"}
    return answer.json()["id"]


def show(client, name, session=None):
    return client.get(f"{BASE}/show/{name}", headers=session).json()["incident"]


def found(client, query="", session=None):
    answer = client.get(f"{BASE}/search{query}", headers=session)
    assert answer.status_code == 200, answer.json()
    return [incident["title"] for incident in answer.json()["incidents"]]


# Rows 11, 36 and 37 of the compatibility checklist: what the explorer sends, and the keys that it reads.


def test_explorer_lists_findings_of_a_country_and_of_a_theme(client):
    create(client, STAFF, published=True)
    create(client, STAFF, title="elsewhere", CCs=["BR"], themes=["im"], published=True)
    for query in ("country_code=FR", "theme=social_media"):
        incidents = client.get(f"{BASE}/search?{query}").json()["incidents"]
        assert [each["title"] for each in incidents if each["published"]] == [DOCUMENT["title"]]
        shown = incidents[0]
        assert (shown["start_time"], shown["end_time"]) == ("2026-10-01T00:00:00Z", None)
        assert (shown["short_description"], shown["themes"]) == ("Three networks", ["social_media"])


def test_explorer_shows_a_finding_by_id_and_by_slug(client):
    id = create(client, STAFF, published=True)
    shown = show(client, id)
    assert shown["id"] == id
    assert show(client, shown["slug"]) == shown
    read = ("title", "text", "short_description", "published", "themes", "tags", "mine", "start_time", "end_time")
    assert [shown[key] for key in read][:2] == [DOCUMENT["title"], DOCUMENT["text"]]
    assert shown["update_time"] == "2026-11-23T22:41:49Z"


def test_explorer_writes_changes_publishes_and_deletes_a_finding(client):
    id = create(client, STAFF)
    sent_back = {k: v for k, v in show(client, id, STAFF).items() if k not in {"update_time", "mine"}}
    assert post(client, "update", {**sent_back, "title": "Better title"}, STAFF).json()["id"] == id
    assert post(client, "publish", {"id": id}, STAFF).json() == {"id": id, "r": 1}
    assert show(client, id)["title"] == "Better title"
    assert post(client, "delete", {"id": id}, STAFF).json() == {}
    assert client.get(f"{BASE}/show/{id}", headers=STAFF).json() == {"error": "Incident not found"}


def test_explorer_reads_why_a_finding_is_refused(client):
    assert post(client, "create", {**DOCUMENT, "title": ""}).json()["error"] == PARAMS_ERROR


def test_phone_app_lists_findings(client):
    assert client.get(f"{BASE}/search").json() == {"incidents": [], "v": 1}


# The whole contract.


def test_all_that_was_written_is_shown_and_nothing_else(client):
    id = create(client, STAFF, email_address="press@example.org")
    shown = show(client, id, STAFF)
    assert shown == {
        **DOCUMENT,
        "email_address": "press@example.org",
        "create_time": "2026-11-23T22:41:49Z",
        "id": id,
        "mine": 1,
        "slug": "2026-blocking-of-exampleorg",
        "update_time": "2026-11-23T22:41:49Z",
    }
    assert id.endswith("00"), "a collector without a number"
    listed = client.get(f"{BASE}/search", headers=STAFF).json()["incidents"]
    assert listed == [{key: value for key, value in shown.items() if key != "text"}]


def test_answers_are_kept_by_nobody_and_differ_by_reader(client):
    for path in ("search", f"show/{create(client, STAFF, published=True)}"):
        answer = client.get(f"{BASE}/{path}")
        assert answer.headers["cache-control"] == "max-age=0, no-cache"
        assert "Authorization" in answer.headers["vary"]


def test_unpublished_incident_is_seen_by_its_author_and_staff_alone(client):
    id = create(client)
    assert found(client) == found(client, session=OTHER) == []
    assert found(client, session=WRITER) == found(client, session=STAFF) == [DOCUMENT["title"]]
    for session in (None, OTHER):
        refused = client.get(f"{BASE}/show/{id}", headers=session)
        assert (refused.status_code, refused.json()) == (404, {"error": "Incident not found"})


def test_email_address_is_shown_to_staff_alone(client):
    id = create(client, email_address=ADA)
    assert show(client, id, WRITER)["email_address"] is None
    assert show(client, id, STAFF)["email_address"] == ADA
    sent_back = {k: v for k, v in show(client, id, WRITER).items() if k != "update_time"}
    assert post(client, "update", {**sent_back, "title": "New"}).status_code == 200
    assert show(client, id, STAFF)["email_address"] == ADA, "its author could not see it to send it back"


def test_deleted_incident_keeps_no_address(client, service):
    id = create(client, email_address=ADA)
    assert post(client, "delete", {"id": id}).json() == {}
    rows = service.engine.query("SELECT email_address, deleted FROM incidents WHERE id = $id", {"id": id})
    assert rows.tuples == [("", 1)]
    assert post(client, "delete", {"id": id}).json() == {}, "it is gone already"


def test_author_keeps_the_incident_that_staff_edits(client, service):
    id = create(client)
    service.clock.instant = NOW + timedelta(hours=1)
    edited = {**DOCUMENT, "id": int(id), "published": True, "create_time": "2020-01-01T00:00:00Z"}
    assert post(client, "update", edited, bearer("admin", ADMIN)).json() == {"id": id, "r": 1}
    shown = show(client, id, WRITER)
    assert (shown["mine"], shown["published"]) == (1, True)
    assert (shown["create_time"], shown["update_time"]) == ("2026-11-23T22:41:49Z", "2026-11-23T23:41:49Z")
    assert show(client, id)["mine"] == 0


def test_edit_by_its_author_takes_a_published_incident_back(client):
    id = create(client)
    post(client, "publish", {"id": id}, STAFF)
    assert post(client, "update", {**DOCUMENT, "id": id, "published": True}).json()["error"] == PARAMS_ERROR
    assert found(client) == [DOCUMENT["title"]]
    assert post(client, "update", {**DOCUMENT, "id": id}).status_code == 200
    assert found(client) == []


@pytest.mark.parametrize("action", ["update", "delete", "publish", "unpublish"])
def test_incident_of_somebody_else_is_not_changed(client, action):
    id = create(client)
    refused = post(client, action, {**DOCUMENT, "id": id}, OTHER)
    assert (refused.status_code, refused.json()) == (
        400,
        {
            "error": "Attempted to create, update or delete an item beloging to another user",
            "err_str": "err_ownership",
        },
    )
    assert show(client, id, STAFF)["title"] == DOCUMENT["title"]


def test_only_staff_decides_what_is_published(client):
    refusals = [
        post(client, "create", {**DOCUMENT, "published": True}),
        *(post(client, action, {"id": create(client, title=action)}) for action in ("publish", "unpublish")),
    ]
    for refused in refusals:
        assert (refused.status_code, refused.json()["err_args"]["field"]) == (400, "published")
    id = create(client)
    for action, published in (("publish", True), ("publish", True), ("unpublish", False)):
        assert post(client, action, {"id": id}, STAFF).json() == {"id": id, "r": 1}
        assert show(client, id, STAFF)["published"] is published


def test_address_of_somebody_else_is_refused(client):
    refused = post(client, "create", {**DOCUMENT, "email_address": "other@example.org"})
    assert (refused.status_code, refused.json()["err_args"]["field"]) == (400, "email_address")
    assert create(client, email_address=" ADA@example.org ")
    assert create(client, STAFF, title="by staff", email_address="other@example.org")


@pytest.mark.parametrize("action", ["create", "update", "delete", "publish", "unpublish", "bogus"])
def test_nobody_writes_without_a_session(client, action):
    refused = client.post(f"{BASE}/{action}", json=DOCUMENT)
    assert (refused.status_code, refused.json()) == (401, {"error": "Authentication required"})
    assert refused.headers["cache-control"] == "no-cache"


def test_unknown_action_is_refused(client):
    refused = post(client, "bogus", DOCUMENT)
    assert (refused.status_code, refused.json()["error"]) == (400, "Invalid request")


@pytest.mark.parametrize("action", ["update", "publish", "unpublish"])
def test_incident_that_is_not_there_cannot_be_changed(client, action):
    refused = post(client, action, {**DOCUMENT, "id": "999"}, STAFF)
    assert (refused.status_code, refused.json()) == (404, {"error": "Incident not found"})


@pytest.mark.parametrize(
    ("action", "document"),
    [
        ("create", {**DOCUMENT, "BOGUS_UNEXPECTED": 1}),
        ("create", {**DOCUMENT, "ASNs": [1, 2, "foo"]}),
        ("create", {**DOCUMENT, "end_time": "2026-09-01T00:00:00Z"}),
        ("create", {"incident": DOCUMENT}),
        ("update", {"incident": {**DOCUMENT, "id": "5"}}),
        ("update", {**DOCUMENT, "id": None}),
        ("delete", {"id": ["5"]}),
        ("publish", {"id": True}),
    ],
)
def test_what_cannot_be_right_is_refused_and_says_what(client, action, document):
    refused = post(client, action, document, STAFF)
    assert (refused.status_code, refused.json()["error"]) == (400, PARAMS_ERROR)
    assert refused.json()["err_str"] == "err_request_params"
    assert refused.json()["err_args"]["reason"]
    assert found(client, session=STAFF) == []


@pytest.mark.parametrize(
    ("content", "kind"),
    [(b"", "application/json"), (b"{", "application/json"), (b"[]", "application/json"), (b"x", "")],
)
def test_body_that_is_no_document_is_refused(client, content, kind):
    headers = {**WRITER, **({"Content-Type": kind} if kind else {})}
    refused = client.post(f"{BASE}/create", content=content, headers=headers)
    assert (refused.status_code, refused.json()["err_str"]) == (400, "err_request_params")


def test_change_made_meanwhile_is_not_overwritten(client, service):
    id = create(client)
    read = show(client, id, WRITER)
    service.clock.instant = NOW + timedelta(minutes=1)
    assert post(client, "update", {**read, "title": "mine"}).status_code == 200
    refused = post(client, "update", {**read, "title": "lost"})
    assert (refused.status_code, refused.json()["error"]) == (409, "the incident was changed meanwhile: load it again")
    assert show(client, id, WRITER)["title"] == "mine"


def test_titles_that_are_equal_get_names_that_are_not(client):
    names = [show(client, create(client), WRITER)["slug"] for _ in range(3)]
    assert names == ["2026-blocking-of-exampleorg" + tail for tail in ("", "-2", "-3")]


@pytest.mark.parametrize(
    ("query", "titles"),
    [
        ("", ["a", "b", "c"]),
        ("?asn=AS7", ["b"]),
        ("?asn=7&asn=8", ["b", "c"]),
        ("?asn=7&domain=c.example", []),
        ("?domain=c.example", ["c"]),
        ("?tag=t&test_name=tor", ["a"]),
        ("?country_code=it", ["a", "b"]),
        ("?country_code=IT&theme=im", ["b"]),
        ("?sort=-title&limit=2", ["c", "b"]),
        ("?sort=start_time&offset=1", ["b", "a"]),
        ("?theme=", ["a", "b", "c"]),
        ("?only_mine=true", ["c"]),
        ("?only_mine=false", ["a", "b", "c"]),
        ("?creator=me", ["c"]),
    ],
)
def test_search_filters_orders_and_pages(client, query, titles):
    common = {"published": True, "tags": ["t"], "domains": []}
    create(client, STAFF, **common, title="a", CCs=["IT"], test_names=["tor"], start_time="2026-03-01T00:00:00Z")
    create(
        client, STAFF, **common, title="b", CCs=["IT", "FR"], ASNs=[7], themes=["im"], start_time="2026-02-01T00:00:00Z"
    )
    mine = {**common, "domains": ["c.example"], "published": False}
    create(client, **mine, title="c", CCs=["FR"], ASNs=[8], themes=[], start_time="2026-01-01T00:00:00Z")
    assert found(client, query, WRITER) == titles


@pytest.mark.parametrize("query", ["asn=x", "sort=text", "limit=-1", "offset=x", "limit=1.5", "asn=4294967296"])
def test_search_that_cannot_be_read_is_refused(client, query):
    refused = client.get(f"{BASE}/search?{query}")
    assert refused.status_code == 400
    assert query.partition("=")[0] in refused.json()["error"]


def test_nobody_has_incidents_of_their_own_without_a_session(client):
    create(client, STAFF, published=True)
    assert found(client, "?only_mine=true") == []


@pytest.mark.parametrize("name", ["999", "x", "'; DROP TABLE incidents --", "x" * 5000, "²", "%00"])
def test_name_of_no_incident_is_not_found(client, name):
    answer = client.get(f"{BASE}/show/{name}")
    assert (answer.status_code, answer.json()) == (404, {"error": "Incident not found"})
