"""What probes say when they are about to run a link, and what they get."""

import pytest

from ooni_core.oonirun.checking import BadDocument
from ooni_core.oonirun.nettests import Nettest
from ooni_core.oonirun.targets import RunConditions, read_conditions, with_inputs
from ooni_core.prioritization.model import ListedUrl
from tests.unit.oonirun.documents import CONDITIONS

BAD_CONDITIONS = [
    *(({key: None}, key) for key in CONDITIONS),
    ({"run_type": "bad"}, "run_type"),
    ({"run_type": "timed\n"}, "run_type"),
    ({"network_type": "bad"}, "network_type"),
    ({"network_type": []}, "network_type"),
    ({"is_charging": "yes"}, "is_charging"),
    ({"is_charging": 1}, "is_charging"),
    *(({"probe_cc": cc}, "probe_cc") for cc in ("it", "ITA", "", "I1", 5)),
    *(({"probe_asn": asn}, "probe_asn") for asn in ("AS", "", "ASx", "AS12345678901", "AS4294967296", "-1", "²", 5)),
    *(({"website_category_codes": codes}, "website_category_codes") for codes in ("NEWS", {}, [5], [None])),
]


@pytest.mark.parametrize(("changed", "place"), BAD_CONDITIONS)
def test_condition_that_cannot_be_right_is_refused_by_name(changed, place):
    with pytest.raises(BadDocument) as refused:
        read_conditions({**CONDITIONS, **changed})
    assert refused.value.path == (place,)


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({}, RunConditions(9999, "IT", 1234, frozenset({"NEWS"}))),
        ({"run_type": "timed", "probe_asn": "0"}, RunConditions(100, "IT", 0, frozenset({"NEWS"}))),
        ({"run_type": "timed", "is_charging": False}, RunConditions(20, "IT", 1234, frozenset({"NEWS"}))),
        ({"probe_asn": "4294967295", "unknown": 1}, RunConditions(9999, "IT", 2**32 - 1, frozenset({"NEWS"}))),
    ],
)
def test_conditions_are_read(changed, expected):
    assert read_conditions({**CONDITIONS, "website_category_codes": [" news"], **changed}) == expected


def test_all_categories_are_wanted_unless_some_are_named():
    said = {key: value for key, value in CONDITIONS.items() if key != "website_category_codes"}
    assert read_conditions(said).categories == frozenset()


def test_inputs_come_from_the_list_that_the_targets_name_says():
    def websites():
        return [ListedUrl("https://a.example/", "a.example", "ZZ", "NEWS")]

    chosen = Nettest("web_connectivity", inputs=["https://b.example/"])
    assert with_inputs(chosen, websites) == chosen
    dynamic = with_inputs(Nettest("web_connectivity", targets_name="websites_list_prioritized"), websites)
    assert dynamic.inputs == ["https://a.example/"]
    assert dynamic.inputs_extra == [{"category_code": "NEWS", "country_code": "XX"}]
    unknown = with_inputs(Nettest("web_connectivity", targets_name="another"), websites)
    assert (unknown.inputs, unknown.inputs_extra) == ([], [])
