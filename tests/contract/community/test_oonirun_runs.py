"""What probes are told to run, and with which inputs, on every engine."""

from datetime import timedelta

import pytest

from ooni_adapters.sql.prioritization import SqlRules
from ooni_adapters.sql.tables import CITIZENLAB
from ooni_adapters.sql.testlists import SqlTestLists
from ooni_core.prioritization.model import ListedUrl, PriorityRule
from ooni_core.prioritization.ports import Measured
from tests.contract.accounts.conftest import NOW, empty
from tests.contract.community.links import BASE, CONDITIONS, NETTESTS, WEB, made, run, show
from tests.unit.oonirun.test_targets import BAD_CONDITIONS


@pytest.fixture
def websites(service):
    """Test lists: 150 news of the world, and 30 sites of Italy."""
    lists = [ListedUrl(f"https://{n}.world.example/", f"{n}.world.example", "ZZ", "NEWS") for n in range(150)]
    lists += [ListedUrl(f"https://{n}.it.example/", f"{n}.it.example", "IT", "HUMR") for n in range(30)]
    SqlTestLists(service.engine).replace(lists)
    service.prioritization.refresh()
    yield service.prioritization
    empty(service.engine, CITIZENLAB)
    service.prioritization.refresh()


BEFORE = NOW - timedelta(hours=1)
DYNAMIC = {**WEB, "targets_name": "websites_list_prioritized"}


def dynamic(client):
    return made(client, nettests=[DYNAMIC, NETTESTS[1]])


def chosen(client, link, **changed):
    found = run(client, link, **changed).json()["nettests"][0]
    assert len(found["inputs"]) == len(found["inputs_extra"])
    return list(zip(found["inputs"], found["inputs_extra"], strict=True))


def test_probe_gets_websites_where_the_author_chose_none(client, websites):
    link = dynamic(client)
    found = run(client, link).json()
    web, dns = found["nettests"]
    assert dns == NETTESTS[1]
    assert set(web) == set(dns)
    assert web["targets_name"] == "websites_list_prioritized"
    by_url = dict(zip(web["inputs"], web["inputs_extra"], strict=True))
    assert len(by_url) == 180
    assert by_url["https://7.world.example/"] == {"category_code": "NEWS", "country_code": "XX"}
    assert by_url["https://7.it.example/"] == {"category_code": "HUMR", "country_code": "IT"}
    assert show(client, link).json()["nettests"][0]["inputs"] is None, "nobody else does"


OCCASIONS = [
    ({"run_type": "manual", "is_charging": False}, 180),
    ({"run_type": "timed", "is_charging": True}, 100),
    ({"run_type": "timed", "is_charging": False}, 20),
    ({"probe_cc": "FR"}, 150),
    ({"probe_cc": "ZZ", "probe_asn": "AS0"}, 150),
    ({"probe_asn": "1234"}, 180),
    ({"website_category_codes": ["HUMR"]}, 30),
    ({"website_category_codes": ["humr", "NEWS"]}, 180),
    ({"website_category_codes": ["NOWHERE"]}, 0),
]


def test_occasion_and_place_decide_how_many_websites(client, websites):
    link = dynamic(client)
    for conditions, count in OCCASIONS:
        found = chosen(client, link, **conditions)
        assert len(found) == count, conditions
        if wanted := {code.upper() for code in conditions.get("website_category_codes", ())}:
            assert {extra["category_code"] for _, extra in found} <= wanted


def test_without_test_lists_probes_get_the_bundled_ones(client, service):
    service.prioritization.refresh()
    assert len(chosen(client, dynamic(client))) > 30


def test_what_was_measured_little_comes_first(client, websites):
    link = dynamic(client)
    measured = [f"https://{n}.it.example/" for n in range(15)]
    websites.measured([Measured(f"uid {n}", "IT", 1234, url, BEFORE) for n, url in enumerate(measured)])
    assert {url for url, _ in chosen(client, link, website_category_codes=["HUMR"])[15:]} == set(measured)
    elsewhere = {url for url, _ in chosen(client, link, probe_asn="AS9", website_category_codes=["HUMR"])[15:]}
    assert elsewhere != set(measured), "another network measured nothing"


def test_urgent_website_comes_first_however_often_it_was_measured(client, service, websites):
    url = "https://3.it.example/"
    websites.measured([Measured(f"uid {n}", "IT", 1234, url, BEFORE) for n in range(5)])
    rule = PriorityRule(url=url, priority=100_000)
    rules = SqlRules(service.engine)
    rules.change(None, rule, "", NOW)
    websites.refresh_rules()
    try:
        assert chosen(client, dynamic(client))[0][0] == url
    finally:
        rules.change(rule, None, "", NOW)
        websites.refresh_rules()


def test_list_that_nobody_knows_has_no_inputs_and_is_logged(client, caplog):
    link = made(client, nettests=[{**WEB, "targets_name": "new_value"}])
    with caplog.at_level("WARNING", logger="ooni_entrypoints.http.oonirun_links"):
        (nettest,) = run(client, link).json()["nettests"]
    assert (nettest["inputs"], nettest["inputs_extra"]) == ([], [])
    assert [record.getMessage() for record in caplog.records] == [
        "OONI Run link 10000 asks for targets that are not known: 'new_value'"
    ]


def test_every_kind_of_network_is_known(client):
    link = made(client)
    for network in ("vpn", "wifi", "mobile", "wired_ethernet", "no_internet", "bluetooth", "usb", "unknown"):
        assert run(client, link, network_type=network).status_code == 200, network


def test_condition_that_cannot_be_right_is_refused_by_name(client):
    link = made(client)
    for changed, place in BAD_CONDITIONS:
        refused = run(client, link, **changed)
        assert refused.status_code == 422, (changed, refused.json())
        assert [each["loc"] for each in refused.json()["detail"]] == [["body", place]]


def test_condition_that_is_missing_is_named(client):
    path = f"{BASE}/{made(client)['oonirun_link_id']}/engine-descriptor/1"
    for missing in ("is_charging", "run_type", "probe_cc", "probe_asn", "network_type"):
        refused = client.post(path, json={key: value for key, value in CONDITIONS.items() if key != missing})
        assert refused.json()["error"] == f"{missing}: it is missing"
    assert client.post(path, json={**CONDITIONS, "unknown": 5}).status_code == 200


SOFTWARE = "ooniprobe-android-unattended,3.8.2,android,ooniprobe-engine,3.17.2,ooniprobe-engine_1.2.3"


def test_software_of_a_probe_is_told_well_or_not_at_all(client):
    link = made(client)
    for headers, status in (
        ({"useragent": SOFTWARE}, 200),
        ({"UserAgent": SOFTWARE.replace("android,", "any platform,")}, 200),
        ({"User-Agent": "Mozilla/5.0 (X11; Linux x86_64)"}, 200),
        ({"X-OONI-Credentials": "bm90IHlldA=="}, 200),
        ({"UserAgent": SOFTWARE.rpartition(",")[0]}, 422),
        ({"UserAgent": SOFTWARE + ",more"}, 422),
        ({"UserAgent": ""}, 422),
        ({"UserAgent": SOFTWARE.replace("3.8.2", "3 8 2")}, 422),
    ):
        assert run(client, link, headers=headers).status_code == status, headers


def test_answer_to_a_probe_is_the_same_until_the_link_changes_unless_it_is_made_for_it(client, websites):
    static, changing = made(client), dynamic(client)
    first, second = run(client, static), run(client, static, probe_cc="FR")
    assert first.content == second.content
    assert (first.headers["cache-control"], first.headers["etag"]) == ("max-age=300, public", second.headers["etag"])
    assert run(client, static, headers={"If-None-Match": first.headers["etag"]}).content == first.content
    answer = run(client, changing)
    assert answer.headers["cache-control"] == "no-store"
    assert "etag" not in answer.headers
