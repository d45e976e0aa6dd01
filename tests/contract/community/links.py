"""OONI Run links with numbered revisions, as the web page makes them and probes run them."""

from tests.contract.accounts.conftest import ADA, ADMIN, bearer
from tests.unit.oonirun.documents import CONDITIONS

BASE, OLD = "/api/v2/oonirun/links", "/api/_/ooni_run"
OTHER_ADDRESS = "other@example.org"
OWNER, OTHER, STAFF = bearer("user", ADA), bearer("user", OTHER_ADDRESS), bearer("admin", ADMIN)
NETTESTS = [
    {
        "test_name": "web_connectivity",
        "inputs": ["https://example.com/", "https://ooni.example/"],
        "inputs_extra": [{"category_code": "HUMR"}, {}],
        "targets_name": None,
        "options": {"HTTP3Enabled": True},
        "is_background_run_enabled_default": False,
        "is_manual_run_enabled_default": True,
    },
    {
        "test_name": "dnscheck",
        "inputs": ["https://dns.example/"],
        "inputs_extra": None,
        "targets_name": None,
        "options": {},
        "is_background_run_enabled_default": True,
        "is_manual_run_enabled_default": False,
    },
]
WEB = {"test_name": "web_connectivity"}
WORDS = {
    "name": "Наблюдение",
    "name_intl": {"it": "corsa"},
    "short_description": "Sites to test",
    "short_description_intl": {"it": "Siti da provare"},
    "description": "Long text",
    "description_intl": None,
    "author": ADA,
    "icon": "myicon",
    "color": "#00aaFF",
}
LINK = {**WORDS, "nettests": NETTESTS}
LATER = "2027-01-01T00:00:00.000000Z"
FIRST = "2026-11-23T22:41:49.000000Z"


def create(client, session=OWNER, **changed):
    return client.post(BASE, json={**LINK, **changed}, headers=session)


def made(client, session=OWNER, **changed):
    answer = create(client, session, **changed)
    assert answer.status_code == 200, answer.json()
    return answer.json()


def edit(client, link, session=OWNER, **changed):
    return client.put(f"{BASE}/{link['oonirun_link_id']}", json={**link, **changed}, headers=session)


def edited(client, link, session=OWNER, **changed):
    answer = edit(client, link, session, **changed)
    assert answer.status_code == 200, answer.json()
    return answer.json()


def show(client, link, revision="", session=None):
    path = f"/full-descriptor/{revision}" if revision else ""
    return client.get(f"{BASE}/{link['oonirun_link_id']}{path}", headers=session)


def run(client, link, revision="latest", headers=None, **changed):
    path = f"{BASE}/{link['oonirun_link_id']}/engine-descriptor/{revision}"
    return client.post(path, json={**CONDITIONS, **changed}, headers=headers)


def listed(client, query="", session=None):
    answer = client.get(f"{BASE}{query}", headers=session)
    assert answer.status_code == 200, answer.json()
    assert set(answer.json()) == {"oonirun_links"}
    return answer.json()["oonirun_links"]


def refusal(answer):
    """Status and text of a refusal, which is under both keys."""
    assert answer.json()["error"]
    return answer.status_code, answer.json()["detail"]
