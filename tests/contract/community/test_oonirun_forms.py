"""Links that either form of the API makes are shown by the other one, whatever they hold, on every engine."""

from datetime import timedelta

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ooni_adapters.sql.oonirun import SqlLinks
from ooni_core.oonirun.model import LinkVersion
from tests.contract.accounts.conftest import ADA, NOW
from tests.contract.community.links import (
    BASE,
    CONDITIONS,
    FIRST,
    LINK,
    NETTESTS,
    OLD,
    OWNER,
    STAFF,
    WEB,
    WORDS,
    edit,
    edited,
    listed,
    made,
    run,
    show,
)


def test_older_clients_find_the_same_link_by_the_same_id(client, service):
    link = made(client)
    found = client.get(f"{OLD}/fetch/10000", headers=OWNER).json()
    assert (found["archived"], found["mine"], found["descriptor_creation_time"]) == (False, True, FIRST)
    said = {key: value for key, value in LINK.items() if value is not None}
    assert found["descriptor"] == said
    service.clock.instant = NOW + timedelta(seconds=5)
    edited(client, link, nettests=NETTESTS[:1])
    assert len(client.get(f"{OLD}/list?ids=10000").json()["descriptors"]) == 2
    edited(client, link, expiration_date="2020-01-01T00:00:00Z")
    assert client.get(f"{OLD}/list?ids=10000").json()["descriptors"] == []
    every = client.get(f"{OLD}/list?ids=10000&include_archived=1").json()["descriptors"]
    assert [each["archived"] for each in every] == [True, True, True]
    for query in ("", f"?creation_time={FIRST}"):
        assert client.get(f"{OLD}/fetch/10000{query}").json()["archived"] is True


def test_link_of_an_older_client_is_shown_with_all_keys(client, service):
    nettests = [{"test_name": "web_connectivity", "inputs": ["https://a.example/"], "mine": 1}, {"test_name": "tor"}]
    old = {"name": "Old", "author": "Some NGO", "nettests": nettests, "kept": [1]}
    number = client.post(f"{OLD}/create", json=old, headers=OWNER).json()["id"]
    link = show(client, {"oonirun_link_id": number}, session=OWNER).json()
    assert set(link) == set(made(client))
    assert (link["author"], link["description"], link["name_intl"], link["is_mine"]) == ("Some NGO", "", None, True)
    assert link["expiration_date"] == "2105-12-31T23:59:59.000000Z", "it has no end"
    assert [each["inputs"] for each in link["nettests"]] == [["https://a.example/"], None]
    words = {"author": ADA, "short_description": "Short", "description": "Long"}
    service.clock.instant = NOW + timedelta(seconds=5)
    changed = edited(client, link, **words)
    assert (changed["revision"], changed["nettests"]) == ("1", link["nettests"])
    found = client.get(f"{OLD}/fetch/{number}").json()
    assert found["descriptor"] == {**old, **words}, "nothing of it was lost"
    assert found["descriptor_creation_time"] == FIRST


def test_link_that_an_older_client_archived_has_ended(client, service):
    link = made(client)
    service.clock.instant = NOW + timedelta(seconds=5)
    assert client.post(f"{OLD}/archive/10000", headers=OWNER).json() == {"v": 1}
    shown = show(client, link).json()
    assert (shown["is_expired"], shown["expiration_date"]) == (True, FIRST)
    assert edit(client, link).status_code == 403
    assert run(client, link).json()["nettests"] == []
    assert listed(client) == []
    assert len(listed(client, "?is_expired=true")) == 1


def test_new_ids_pass_over_those_of_older_clients(client, service):
    for taken in (10_000, 10_001, 10_003):
        SqlLinks(service.engine).add(LinkVersion(taken, {"name": "Old", "author": ""}, NOW, NOW, "a" * 32), None)
    assert [made(client)["oonirun_link_id"] for _ in range(2)] == ["10002", "10004"]


# Whatever is sent, there is an answer, and what was accepted can be read again by everybody

scalars = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=20)
)
likely = st.sampled_from(["websites_list_prioritized", "2027-01-01", "#00aaff", ADA, "web_connectivity", "IT", "AS1"])
keys = st.sampled_from(["it", "test_name", "inputs", "inputs_extra", "targets_name", "options", "a"])
values = st.recursive(
    scalars | likely,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=4),
    max_leaves=8,
)
nettests = st.lists(st.fixed_dictionaries({}, optional=dict.fromkeys(NETTESTS[0], values)).map(lambda some: WEB | some))
changes = st.fixed_dictionaries(
    {}, optional={**dict.fromkeys([*WORDS, "expiration_date"], values), "nettests": nettests}
)


def test_any_link_is_refused_or_can_be_read_again(client):
    ids = {
        BASE: made(client)["oonirun_link_id"],
        OLD: client.post(f"{OLD}/create", json=LINK, headers=OWNER).json()["id"],
    }
    statuses = set()

    def send(method, path, document, session=None):
        answer = client.request(method, path, json=document, headers=session)
        statuses.add(answer.status_code)
        assert answer.status_code == 200 or answer.json()["error"], answer.text
        assert answer.status_code < 500, (path, document, answer.text)

    @settings(max_examples=25, derandomize=True, database=None, suppress_health_check=list(HealthCheck))
    @given(changes | values, st.fixed_dictionaries({}, optional=dict.fromkeys(CONDITIONS, values)))
    def ask(changed, conditions):
        document = {**LINK, **changed} if isinstance(changed, dict) else changed
        send("POST", BASE, document, OWNER)
        send("POST", f"{OLD}/create", document, OWNER)
        send("POST", f"{OLD}/create?id={ids[OLD]}", document, OWNER)
        for link_id in ids.values():
            send("PUT", f"{BASE}/{link_id}", document, STAFF)
            for path in (f"{BASE}/{link_id}", f"{OLD}/fetch/{link_id}"):
                assert client.get(path).status_code == 200, document
            send("POST", f"{BASE}/{link_id}/engine-descriptor/latest", {**CONDITIONS, **conditions})

    ask()
    assert len(listed(client, "?is_expired=true")) >= 2
    assert client.get(f"{OLD}/list").status_code == 200
    assert statuses >= {200, 400, 422}
