import ipaddress
from collections import Counter

import pytest

from ooni_core.errors import Invalid
from ooni_core.probes.location import Location, Place, effective_place
from ooni_core.probes.services import DEFAULT_SERVICES, Asking, Feature, ProbeServices, WebHelpers, shift_of
from ooni_core.probes.tor_targets import check_tor_targets

GOOD = {"address": "192.0.2.1:443", "fingerprint": "A" * 40, "protocol": "or_port"}


def with_features(*features):
    return ProbeServices.from_document({**DEFAULT_SERVICES, "features": list(features)})


def test_helpers_rotate_as_the_vector_says():
    shifts = Counter(shift_of(ipaddress.ip_address(f"1.2.3.{last}"), 4) for last in range(200))
    assert shifts == {0: 20, 1: 60, 2: 60, 3: 60}
    assert shift_of(None, 4) == 1
    assert shift_of(None, 1) == 0


def test_every_client_gets_every_helper_unhealthy_ones_last():
    helpers = WebHelpers(("https://a", "https://b", "https://c"), unhealthy=("https://b",))
    for last in range(100):
        order = [each.address for each in helpers.ordered(ipaddress.ip_address(f"1.2.3.{last}"))]
        assert sorted(order) == ["https://a", "https://b", "https://c"]
        assert order[-1] == "https://b"


@pytest.mark.parametrize(
    ("condition", "fits"),
    [
        ({}, True),
        ({"cc": ["IT"]}, True),
        ({"cc": ["FR"]}, False),
        ({"asn": [7]}, True),
        ({"asn": [8]}, False),
        ({"platforms": ["ios"]}, False),
        ({"software_names": ["ooniprobe-android"]}, True),
        ({"software_since": "3.9.0"}, True),
        ({"software_since": "3.20"}, False),
        ({"percent": 0}, False),
        ({"second_octets": [2]}, True),
    ],
)
def test_flag_is_sent_only_where_all_its_conditions_hold(condition, fits):
    asking = Asking("IT", 7, ipaddress.ip_address("1.2.3.4"), "android", "ooniprobe-android", "3.19.1-beta")
    found = with_features({"name": "x_enabled", "value": False, **condition}).features_for(asking)
    assert found == ({"x_enabled": False} if fits else {})


@pytest.mark.parametrize(
    ("version", "fits"), [("9" * 9999, True), ("", False), ("a.b", False), ("3", False), ("4", True), ("3.9.0.1", True)]
)
def test_any_text_is_a_version(version, fits):
    services = with_features({"name": "x", "value": True, "software_since": "3.9.0"})
    assert services.features_for(Asking(software_version=version)) == ({"x": True} if fits else {})


def test_first_fitting_flag_of_a_name_counts():
    services = with_features({"name": "x", "value": True, "cc": ["IT"]}, {"name": "x", "value": False})
    assert services.features_for(Asking("IT")) == {"x": True}
    assert services.features_for(Asking("FR")) == {"x": False}


def test_share_of_networks_is_about_the_percentage_and_stays_the_same():
    feature = Feature("x", value=True, percent=25)
    addresses = [ipaddress.ip_address(f"10.{n // 256}.{n % 256}.9") for n in range(4000)]
    got = [feature.fits(Asking(client=address)) for address in addresses]
    assert 850 < sum(got) < 1150
    assert got == [feature.fits(Asking(client=address + 100)) for address in addresses]


@pytest.mark.parametrize(
    "change",
    [
        {"features": [{"name": "x", "value": "true"}]},
        {"features": [{"name": "x", "value": 1}]},
        {"features": [{"name": "x", "value": True, "percent": 101}]},
        {"features": [{"name": "x", "value": True, "unknown": 1}]},
        {"collectors": [{"address": "x", "type": "carrier pigeon"}]},
        {"collectors": [{"type": "https"}]},
        {"web_connectivity": {"pool": []}},
        {"unknown": 1},
    ],
)
def test_document_that_probes_could_not_use_is_refused(change):
    with pytest.raises(Invalid):
        ProbeServices.from_document({**DEFAULT_SERVICES, **change})


@pytest.mark.parametrize(
    ("cc", "asn", "located", "place"),
    [
        ("ZZ", "AS0", Location("IT", 7), Place("IT", 7)),
        ("ZZ", "AS0", Location(), Place("ZZ", 0)),
        ("fr", "AS0", Location("IT", 7), Place("FR", 0)),
        ("ZZ", "AS5", Location("IT", 7), Place("ZZ", 5)),
        ("FR", "AS5", Location("IT", 7), Place("FR", 5)),
    ],
)
def test_claims_are_believed_unless_the_probe_knows_nothing(cc, asn, located, place):
    assert effective_place(cc, asn, located) == place


@pytest.mark.parametrize(
    ("cc", "asn"), [("ITA", "AS1"), ("I1", "AS1"), ("IT", "1"), ("IT", "as1"), ("IT", "AS4294967296")]
)
def test_impossible_claims_are_refused(cc, asn):
    with pytest.raises(Invalid, match="Malformed request"):
        effective_place(cc, asn, Location())


def test_good_tor_targets_pass():
    bridge = {**GOOD, "address": "[2001:db8::1]:80", "protocol": "obfs4", "params": {"cert": ["x"], "iat-mode": ["0"]}}
    check_tor_targets({"a": GOOD, "b": {**bridge, "source": "bridgedb", "name": "b"}, "c": {**GOOD, "params": None}})


@pytest.mark.parametrize(
    "change",
    [
        {"address": "192.0.2.1"},
        {"address": "2001:db8::1:80"},
        {"address": "192.0.2.1:0"},
        {"address": 7},
        {"fingerprint": "A" * 39},
        {"protocol": "smoke"},
        {"protocol": "obfs4"},
        {"name": 7},
        {"params": {"cert": "x"}},
        {"unknown": 1},
    ],
)
def test_tor_target_that_probes_could_not_use_is_named(change):
    with pytest.raises(Invalid, match="tor-targets: target-7: "):
        check_tor_targets({"good": GOOD, "target-7": {**GOOD, **change}})


@pytest.mark.parametrize("document", [None, [], "x", {"a": 1}])
def test_tor_targets_are_an_object_of_objects(document):
    with pytest.raises(Invalid):
        check_tor_targets(document)
