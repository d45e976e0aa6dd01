"""Priority rules: who may change them, what clashes, and what probes get of it."""

from datetime import timedelta

import pytest

from tests.contract.probes.conftest import NOW, session

UPDATE, LIST = "/api/_/url-priorities/update", "/api/_/url-priorities/list"


def update(client, old=None, new=None, headers=None):
    body = {"old_entry": old, "new_entry": new}
    return client.post(UPDATE, json=body, headers=session() if headers is None else headers)


def rules(client):
    return client.get(LIST).json()["rules"]


def test_first_start_has_the_default_rules(client):
    found = rules(client)
    assert len(found) == 31
    assert {"category_code": "NEWS", "cc": "*", "domain": "*", "priority": 100, "url": "*"} in found
    assert all(value != "" for rule in found for value in rule.values())
    assert found == sorted(found, key=lambda r: (r["category_code"], r["cc"], r["domain"], r["url"], r["priority"]))


def test_rule_is_created_replaced_and_deleted(client):
    sent = {"category_code": "NEWS", "cc": "", "url": "https://a.example/", "priority": 7}
    kept = {"category_code": "NEWS", "cc": "*", "domain": "*", "url": "https://a.example/", "priority": 7}
    created = update(client, new=sent)
    assert (created.status_code, created.json(), created.headers["cache-control"]) == (200, 1, "no-cache")
    assert kept in rules(client)
    again = update(client, new={**sent, "priority": 9})
    assert again.status_code == 400
    assert again.json() == {
        "err_args": {**kept, "priority": 9},
        "err_str": "err_duplicate_rule",
        "error": "Duplicate rule",
    }
    assert update(client, old=sent, new={**sent, "url": "https://b.example/", "priority": 8}).json() == 1
    assert kept not in rules(client)
    assert update(client, old={**kept, "url": "https://b.example/", "priority": 8}).json() == 1
    assert len(rules(client)) == 31


def test_clash_keeps_the_old_rule(client):
    first = {"category_code": "NEWS", "cc": "IT", "priority": 1}
    second = {"category_code": "NEWS", "cc": "FR", "priority": 1}
    assert update(client, new=first).json() == update(client, new=second).json() == 1
    assert update(client, old=first, new=second).status_code == 400
    assert len(rules(client)) == 33


def test_rule_that_somebody_changed_meanwhile_is_not_overwritten(client):
    rule = {"category_code": "NEWS", "cc": "IT", "priority": 1}
    update(client, new=rule)
    assert update(client, old=rule, new={**rule, "priority": 2}).status_code == 200
    late = update(client, old=rule, new={**rule, "priority": 3})
    assert late.status_code == 404
    assert late.json() == {"err_str": "err_rule_not_found", "error": "Rule not found error"}
    assert update(client, old=rule).status_code == 404


@pytest.mark.parametrize("body", [{}, {"old_entry": {}, "new_entry": {}}, {"old_entry": None}])
def test_nothing_to_change_is_refused(client, body):
    answer = client.post(UPDATE, json=body, headers=session())
    assert (answer.status_code, answer.json()["err_str"]) == (400, "err_no_proposed_changes")


@pytest.mark.parametrize(
    "entry",
    [
        {"category_code": "NEWS"},
        {"priority": "7"},
        {"priority": 1.5},
        {"priority": 1, "sign": 1},
        {"priority": 1, "cc": "ITA"},
        {"priority": 1, "category_code": "news"},
        {"priority": 1, "url": "a b"},
        {"priority": 1, "domain": 7},
        [1],
    ],
)
def test_rule_that_cannot_be_right_is_refused(client, entry):
    answer = update(client, new=entry)
    assert (answer.status_code, answer.json()["err_str"]) == (400, "err_request_params")


@pytest.mark.parametrize(
    ("headers", "error"),
    [
        ({}, "Authentication required"),
        ({"Authorization": "Bearer x"}, "Authentication required"),
        ({"Authorization": "bearer x"}, "Authentication required"),
        (session("user"), "Role not authorized"),
        (session(at=NOW - timedelta(days=3)), "Authentication required"),
        (session(aud="probe_token"), "Authentication required"),
    ],
)
def test_only_admins_change_rules(client, headers, error):
    answer = update(client, new={"priority": 1}, headers=headers)
    assert (answer.status_code, answer.json()["error"]) == (401, error)
    assert client.get("/api/_/url-priorities/history", headers=headers).status_code == 401


def test_expunged_session_is_void(client, service):
    account = "71e398652ecfb1be6a2359923c7df008"
    headers = session(email="integtest@openobservatory.org")
    assert update(client, new={"priority": 1}, headers=headers).status_code == 200
    service.expunged.thresholds[account] = NOW
    answer = update(client, old={"priority": 1}, headers=headers)
    assert (answer.status_code, answer.json()["error"]) == (401, "Authentication token expired")


def test_history_says_who_changed_what_when(client, service):
    rule = {"category_code": "NEWS", "cc": "IT", "priority": 1}
    service.clock.instant += timedelta(seconds=1)
    update(client, new=rule)
    service.clock.instant += timedelta(seconds=4)
    update(client, old=rule)
    latest, before, *seeded = client.get("/api/_/url-priorities/history", headers=session()).json()["changes"]
    full = {"domain": "*", "url": "*", **rule}
    assert (latest["old_entry"], latest["new_entry"]) == (full, None)
    assert (before["old_entry"], before["new_entry"]) == (None, full)
    assert latest["changed_at"] == "2026-11-23T22:41:54Z"
    assert len(latest["account_id"]) == 32
    assert len(seeded) == 31


def test_edited_rule_reaches_probes_at_once(client):
    update(client, new={"domain": "7.it.example", "cc": "IT", "priority": -1000})
    found = client.get("/api/v1/test-list/urls?country_code=it").json()["results"]
    assert "https://7.it.example/" not in {each["url"] for each in found}
    assert len(found) == 179


def test_list_route_has_the_shape_that_old_clients_know(client):
    answer = client.get("/api/v1/test-list/urls?probe_cc=IT&category_codes=humr,%20NEWS&limit=20&debug=yes")
    assert answer.headers["cache-control"] == "max-age=1"
    assert answer.json()["metadata"] == {"count": 20, "current_page": -1, "limit": -1, "next_url": "", "pages": 1}
    assert set(answer.json()["results"][0]) == {
        "category_code",
        "country_code",
        "msmt_cnt",
        "priority",
        "url",
        "weight",
    }
    assert answer.json()["results"][0]["weight"] == 1000.0


@pytest.mark.parametrize(("query", "count"), [("limit=-1", 150), ("limit=0", 1), ("country_code=ITA", 150), ("", 150)])
def test_limits_of_the_list(client, query, count):
    assert client.get(f"/api/v1/test-list/urls?{query}").json()["metadata"]["count"] == count


@pytest.mark.parametrize("query", ["limit=x", "limit=-2", "limit=1.5"])
def test_limit_that_is_none_is_400(client, query):
    assert client.get(f"/api/v1/test-list/urls?{query}").status_code == 400


def test_debugging_explains_each_place(client):
    found = client.get("/api/_/debug_prioritization?probe_cc=it&probe_asn=AS1&category_codes=HUMR&limit=5").json()
    assert len(found["test_items"]) == 5
    assert found["test_items"][0]["country_code"] == "IT"
    assert len(found["entries"]) == 181
    assert {entry["cc"] for entry in found["entries"]} == {"ZZ", "it"}
    assert len(found["prio_rules"]) == 31
    assert client.get("/api/_/debug_prioritization").json()["test_items"]
    for wrong in ("probe_asn=ASX", "limit=x"):
        assert client.get(f"/api/_/debug_prioritization?{wrong}").status_code == 400


def test_one_url_is_explained_with_the_rules_that_it_matches(client):
    def explained(url, cc="IT"):
        query = {"probe_cc": cc, "probe_asn": "AS1", "url": url}
        return client.get("/api/_/debug_prioritization", params=query).json()["explanation"]

    update(client, new={"domain": "7.it.example", "cc": "IT", "priority": 50})
    update(client, new={"domain": "8.it.example", "priority": -1000})
    (favoured,) = explained("https://7.it.example/")
    assert {(rule["category_code"], rule["domain"], rule["priority"]) for rule in favoured["rules"]} == {
        ("HUMR", "*", 100),
        ("*", "7.it.example", 50),
    }
    assert (favoured["priority"], favoured["msmt_cnt"], favoured["weight"], favoured["place"]) == (150, 0, 1500.0, 1)
    (dropped,) = explained("https://8.it.example/")
    assert (dropped["priority"], dropped["place"], len(dropped["rules"])) == (-900, None, 2)
    assert explained("https://7.it.example/", cc="FR") == explained("https://nowhere.example/") == []


def test_table_of_all_countries_in_both_forms(client):
    rows = client.get("/api/_/show_countries_prioritization?format=json").json()
    assert len(rows) == 181
    assert rows[0] | {"url": "", "domain": ""} == {
        "anomaly_perc": 0,
        "category_code": "HUMR",
        "cc": "IT",
        "domain": "",
        "msmt_cnt": 0,
        "priority": 100,
        "url": "",
    }
    table = client.get("/api/_/show_countries_prioritization?format=CSV")
    assert table.headers["content-type"].startswith("text/csv")
    assert table.text.splitlines()[0] == "anomaly_perc,category_code,cc,domain,msmt_cnt,priority,url"
    assert client.get("/api/_/show_countries_prioritization?format=XML").status_code == 400
