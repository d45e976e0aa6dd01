"""OONI Run links with numbered revisions over HTTP: who makes, changes and reads them, on every engine."""

import gzip
import json
from datetime import timedelta

import pytest

from tests.contract.accounts.conftest import ADA, NOW
from tests.contract.community.links import (
    BASE,
    FIRST,
    LATER,
    LINK,
    NETTESTS,
    OLD,
    OTHER,
    OTHER_ADDRESS,
    OWNER,
    STAFF,
    WORDS,
    create,
    edit,
    edited,
    listed,
    made,
    refusal,
    run,
    show,
)
from tests.unit.oonirun.test_writing import BAD_LINKS

# Making, and what everybody reads


def test_link_is_made_and_shown_with_all_that_was_sent(client):
    link = made(client, expiration_date=LATER)
    assert link == {
        **LINK,
        "oonirun_link_id": "10000",
        "date_created": FIRST,
        "date_updated": FIRST,
        "expiration_date": LATER,
        "revision": "1",
        "is_mine": True,
        "is_expired": False,
    }
    for shown in (show(client, link), show(client, link, "latest"), show(client, link, "1")):
        assert (shown.status_code, shown.json()) == (200, {**link, "is_mine": False})
    assert show(client, link, session=OWNER).json()["is_mine"] is True
    assert listed(client) == [{**link, "is_mine": False}]


def test_ids_count_up(client):
    assert [made(client)["oonirun_link_id"] for _ in range(2)] == ["10000", "10001"]


def test_what_may_be_left_out_has_a_default(client):
    said = {key: WORDS[key] for key in ("name", "short_description", "description", "author")}
    link = client.post(BASE, json={**said, "nettests": [{"test_name": "tor"}]}, headers=OWNER).json()
    assert link["expiration_date"] == "2027-05-22T22:41:49.000000Z", "180 days"
    nullable = ("name_intl", "short_description_intl", "description_intl", "icon", "color")
    assert {link[key] for key in nullable} == {None}
    assert link["nettests"] == [
        {
            "test_name": "tor",
            "inputs": None,
            "inputs_extra": None,
            "targets_name": None,
            "options": {},
            "is_background_run_enabled_default": False,
            "is_manual_run_enabled_default": False,
        }
    ]


def test_switches_of_nettests_may_be_called_as_the_engine_calls_them(client):
    short = {"is_background_run_enabled": True, "is_manual_run_enabled": True, "is_manual_run_enabled_default": False}
    (nettest,) = made(client, nettests=[{"test_name": "tor", **short}])["nettests"]
    assert nettest["is_background_run_enabled_default"] is True
    assert nettest["is_manual_run_enabled_default"] is False, "the full name counts"
    assert not set(nettest) & {"is_background_run_enabled", "is_manual_run_enabled"}


@pytest.mark.parametrize(
    ("sent", "shown"),
    [
        ("2027-01-01T00:00:00", LATER),
        ("2027-01-01 01:30:00+01:30", LATER),
        ("2027-01-01T00:00:00.999Z", LATER),
        ("2027-01-01", LATER),
    ],
)
def test_end_of_a_link_is_told_in_utc_to_the_second(client, sent, shown):
    assert made(client, expiration_date=sent)["expiration_date"] == shown


# Who may do what


def test_nobody_makes_or_changes_links_without_a_session(client):
    link = made(client)
    for refused in (create(client, None), edit(client, link, None)):
        assert refusal(refused) == (401, "Authentication required")


@pytest.mark.parametrize("session", [OTHER, STAFF])
def test_link_is_made_in_ones_own_name_alone(client, session):
    text = "email_address must match the email address of the user who created the oonirun link"
    assert refusal(create(client, session)) == (400, text)
    assert listed(client) == []


def test_address_of_the_author_is_compared_as_accounts_are(client):
    assert made(client, author="Ada@Example.org")["author"] == "Ada@Example.org"


def test_link_is_not_changed_in_the_name_of_somebody_else(client):
    text = "You are not allowed to set the email_address to something other than your email address"
    link = made(client)
    assert refusal(edit(client, link, author=OTHER_ADDRESS)) == (403, text)
    assert refusal(edit(client, {**link, "oonirun_link_id": "99"}, author=OTHER_ADDRESS)) == (403, text)


def test_link_of_somebody_else_is_not_there_to_change(client):
    link = made(client)
    assert refusal(edit(client, link, OTHER, author=OTHER_ADDRESS)) == (404, "OONI Run link not found")
    assert show(client, link).json()["date_updated"] == FIRST


def test_staff_changes_links_of_others_who_keep_them(client):
    link = made(client)
    changed = edited(client, link, STAFF, name="Better name")
    assert (changed["is_mine"], changed["author"], changed["name"]) == (False, ADA, "Better name")
    assert edited(client, link, STAFF, author="somebody@example.org")["author"] == "somebody@example.org"
    assert show(client, link, session=OWNER).json()["is_mine"] is True
    assert edited(client, link)["author"] == ADA


# Revisions


def test_other_nettests_are_another_revision_and_other_words_are_not(client, service):
    link = made(client)
    service.clock.instant = NOW + timedelta(seconds=5)
    worded = edited(client, link, name="Other words", color=None, expiration_date=LATER)
    assert [worded[key] for key in ("revision", "name", "color", "expiration_date")] == [
        "1",
        "Other words",
        None,
        LATER,
    ]
    assert (worded["date_created"], worded["date_updated"]) == (FIRST, "2026-11-23T22:41:54.000000Z")
    service.clock.instant = NOW + timedelta(seconds=9)
    inputs = {**NETTESTS[0], "inputs": ["https://example.com/", "https://changed.example/"]}
    second = edited(client, worded, nettests=[inputs, NETTESTS[1]])
    assert (second["revision"], second["date_created"]) == ("2", FIRST)
    third = edited(client, second, nettests=second["nettests"][::-1])
    assert third["revision"] == "3", "their order counts"
    answer = client.get(f"{BASE}/{link['oonirun_link_id']}/revisions")
    assert answer.json() == {"revisions": ["3", "2", "1"]}

    shown = [show(client, link, number).json() for number in (1, 2, 3)]
    assert [each["nettests"] for each in shown] == [NETTESTS, second["nettests"], third["nettests"]]
    assert [each["revision"] for each in shown] == ["1", "2", "3"]
    assert [each["date_created"] for each in shown] == [FIRST, *["2026-11-23T22:41:58.000000Z"] * 2], "of the revision"
    assert {each["name"] for each in shown} == {"Other words"}, "of the link"
    assert show(client, link, "latest").json() == shown[2] == show(client, link).json()
    assert [each["revision"] for each in listed(client)] == ["3"]
    for number in ("1", "3", "latest"):
        found = run(client, link, number).json()
        same = shown[0 if number == "1" else 2]
        assert found == {key: same[key] for key in ("revision", "date_created", "nettests")}


@pytest.mark.parametrize(
    "changed",
    [
        {"test_name": "other"},
        {"options": {}},
        {"inputs_extra": [{}, {}]},
        {"is_background_run_enabled_default": True},
        {"is_manual_run_enabled_default": False},
        {"inputs": None, "inputs_extra": None},
        {"inputs": None, "inputs_extra": None, "targets_name": "example_name"},
    ],
)
def test_each_part_of_a_nettest_makes_a_revision(client, changed):
    link = made(client)
    again = edited(client, link, nettests=[{**NETTESTS[0], **changed}, NETTESTS[1]])
    assert (again["revision"], again["nettests"][0]) == ("2", {**NETTESTS[0], **changed})
    assert edited(client, again)["revision"] == "2"


def test_revision_that_is_not_there_is_not_found(client):
    link = made(client)
    for revision in ("0", "2", "99999999999999999999999", "00"):
        for refused in (show(client, link, revision), run(client, link, revision)):
            assert refusal(refused) == (404, f"OONI Run link has no revision {revision[:20]}")


def test_revision_that_is_neither_a_number_nor_latest_is_refused(client):
    link = made(client)
    for revision in ("notarevision", "-1", "1.0", "Latest", "²", "1%20"):
        for refused in (show(client, link, revision), run(client, link, revision)):
            assert (refused.status_code, refused.json()["error"]) == (422, "a revision is latest or a number")


def test_link_that_is_not_there_is_not_found(client):
    made(client)
    for link_id in ("99", "0", "999999999999999", "9" * 30, "abc", "-1", "1.5", "²", "10000%20"):
        link = {**LINK, "oonirun_link_id": link_id}
        revisions = client.get(f"{BASE}/{link_id}/revisions")
        for refused in (show(client, link), show(client, link, "1"), revisions, run(client, link), edit(client, link)):
            assert refusal(refused) == (404, "OONI Run link not found"), link_id


# The end of a link


def test_link_that_ended_is_shown_and_not_changed_any_more(client):
    link = made(client)
    ended = edited(client, link, expiration_date="2020-01-01T00:00:00Z")
    assert (ended["is_expired"], ended["expiration_date"]) == (True, "2020-01-01T00:00:00.000000Z")
    for session in (OWNER, STAFF):
        assert refusal(edit(client, link, session)) == (403, "OONI Run link has expired and cannot be edited")
    assert show(client, link).json() == {**ended, "is_mine": False}


def test_link_ends_by_itself(client, service):
    link = made(client)
    service.clock.instant = NOW + timedelta(days=180)
    assert show(client, link).json()["is_expired"] is False, "in its last second"
    service.clock.instant += timedelta(milliseconds=1)
    assert show(client, link).json()["is_expired"] is True
    assert listed(client) == []


def test_probe_is_told_to_run_nothing_of_a_link_that_ended(client):
    link = made(client)
    edited(client, link, expiration_date="2020-01-01T00:00:00Z")
    assert run(client, link).json() == {"revision": "1", "date_created": FIRST, "nettests": [], "is_expired": True}


# Lists


def test_list_shows_live_links_of_everybody_the_newest_first(client, service):
    first = made(client)
    service.clock.instant = NOW + timedelta(seconds=1)
    second, third = made(client, OTHER, author=OTHER_ADDRESS), made(client)
    edited(client, third, expiration_date="2020-01-01T00:00:00Z")
    one, two, three = (each["oonirun_link_id"] for each in (first, second, third))
    for query, session, expected in (
        ("", None, [two, one]),
        ("?is_expired=True", None, [three, two, one]),
        ("?is_expired=false", OWNER, [two, one]),
        ("?is_mine=true", OWNER, [one]),
        ("?is_mine=1&is_expired=on", OWNER, [three, one]),
        ("?is_mine=true", OTHER, [two]),
        ("?is_mine=true&is_expired=true", None, []),
        ("?is_expired=true&limit=2", None, [three, two]),
        ("?is_expired=true&limit=1&offset=2", None, [one]),
        ("?limit=0", None, []),
        ("?offset=7", None, []),
    ):
        assert [each["oonirun_link_id"] for each in listed(client, query, session)] == expected, query
    assert [each["is_mine"] for each in listed(client, session=OTHER)] == [True, False]


def test_parameter_that_cannot_be_read_is_refused(client):
    for query in ("is_mine=perhaps", "is_expired=2", "limit=-1", "limit=x", "offset=1.5", "limit=²"):
        refused = client.get(f"{BASE}?{query}")
        assert refused.status_code == 422, query
        assert refused.json()["error"].startswith(query.partition("=")[0])


# What is refused: status 422, the place under `detail`, and nothing kept


def test_value_that_cannot_be_right_is_refused_by_name(client):
    for changed, expected in BAD_LINKS:
        refused = create(client, **changed)
        assert refused.status_code == 422, (changed, refused.json())
        detail = refused.json()["detail"]
        if isinstance(expected, str):
            assert refused.json() == {"detail": {"error": expected}, "error": expected}
        else:
            assert [each["loc"] for each in detail] == [["body", *expected]]
            assert refused.json()["error"] == f"{'.'.join(map(str, expected))}: {detail[0]['msg']}"
    assert listed(client) == []


def test_what_must_be_said_is_missed_by_name(client):
    link = made(client)
    for missing in ("name", "short_description", "description", "author", "nettests"):
        sent = {key: value for key, value in LINK.items() if key != missing}
        for refused in (
            client.post(BASE, json=sent, headers=OWNER),
            client.put(f"{BASE}/{link['oonirun_link_id']}", json=sent, headers=OWNER),
            client.put(f"{BASE}/99", json=sent, headers=OWNER),
        ):
            wrong = {"loc": ["body", missing], "msg": "it is missing", "type": "value_error"}
            assert refusal(refused) == (422, [wrong])


def test_body_that_is_no_object_is_refused(client):
    path = f"{BASE}/{made(client)['oonirun_link_id']}"
    for content in (b"", b"{", b"[]", b"null", b"7", b'"x"', b"\xff", b'{"name": NaN}', b"[" * 2000):
        for refused in (
            client.post(BASE, content=content, headers=OWNER),
            client.put(path, content=content, headers=OWNER),
            client.post(f"{path}/engine-descriptor/latest", content=content),
        ):
            assert (refused.status_code, refused.json()["error"]) == (422, "JSON expected"), content
            assert refused.json()["detail"][0]["msg"]


def test_object_that_no_answer_can_hold_is_refused(client):
    deep = "[" * 40 + "]" * 40
    body = json.dumps(LINK)[:-1] + f', "unknown": {deep}}}'
    refused = client.post(BASE, content=body, headers=OWNER)
    assert refusal(refused) == (422, {"error": "expected at most 32 levels of objects and lists"})


@pytest.mark.parametrize("path", [BASE, OLD + "/create"])
def test_link_that_is_too_long_is_refused_however_it_is_packed(client, path):
    body = json.dumps({**LINK, "filler": "x" * 2**20}).encode()
    for headers, content in (({}, body), ({"Content-Encoding": "gzip"}, gzip.compress(body))):
        refused = client.post(path, content=content, headers=OWNER | headers)
        assert refusal(refused) == (413, "expected at most 1048576 bytes after decompression")
    assert listed(client, "?is_expired=true") == []


def test_any_text_is_kept_as_it_was(client):
    words = {"name": "'; DROP TABLE oonirun --", "description": "\x00 \U0001f600 $name \\ \n", "icon": "\x00"}
    options = {"big": 2**53, "real": 0.1, "none": None, "nested": [{"a": []}]}
    link = made(client, **words, nettests=[{**NETTESTS[0], "options": options}])
    assert {key: link[key] for key in words} == words
    assert show(client, link).json()["nettests"][0]["options"] == options


# Caches


def test_link_is_kept_by_caches_only_for_who_has_no_session(client):
    link = made(client)
    for revision in ("", "latest", "1"):
        public, personal = show(client, link, revision), show(client, link, revision, OWNER)
        assert public.headers["cache-control"] == "max-age=300, public"
        assert personal.headers["cache-control"] == "no-cache, private"
        assert public.headers["etag"] != personal.headers["etag"]
        assert all("Authorization" in answer.headers["vary"] for answer in (public, personal))
    again = client.get(f"{BASE}/10000", headers={"If-None-Match": show(client, link).headers["etag"]})
    assert again.status_code == 304


def test_lists_are_asked_for_again(client):
    made(client)
    for path in (BASE, f"{BASE}/10000/revisions"):
        answer = client.get(path)
        assert answer.headers["cache-control"] == "no-cache"
        assert client.get(path, headers={"If-None-Match": answer.headers["etag"]}).status_code == 304


def test_refusals_and_what_is_done_in_a_name_are_kept_by_nobody(client):
    for answer in (create(client), show(client, {"oonirun_link_id": "99"}), create(client, name="")):
        assert "no-cache" in answer.headers["cache-control"]


def test_pages_of_others_learn_nothing_about_what_is_done_in_a_name(client):
    link, ours, others = made(client), "https://run.ooni.io", "https://run-ooni.example"
    path = f"{BASE}/{link['oonirun_link_id']}"
    for method, asked, origin, allowed in (
        ("PUT", path, ours, ours),
        ("PUT", path, others, None),
        ("POST", BASE, others, None),
        ("GET", BASE, others, "*"),
        ("GET", path, others, "*"),
        ("POST", f"{path}/engine-descriptor/latest", others, "*"),
    ):
        answer = client.options(asked, headers={"Origin": origin, "Access-Control-Request-Method": method})
        assert answer.headers.get("access-control-allow-origin") == allowed, (method, asked)
