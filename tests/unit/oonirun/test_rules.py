"""What descriptors must be like, and which changes are translations."""

from datetime import UTC, datetime, timedelta
from functools import reduce

import pytest

from ooni_core.errors import Invalid
from ooni_core.oonirun.model import LinkVersion
from ooni_core.oonirun.rules import check_descriptor, is_translation, next_instant, read_creation_time
from ooni_core.refusals import Refused

NOW = datetime(2026, 11, 23, 22, 41, 49, 123_000, tzinfo=UTC)
DESCRIPTOR = {
    "name": "Election watch",
    "name_intl": {"it": "Osservatorio elezioni"},
    "short_description": "Sites to test",
    "short_description_intl": None,
    "description": "Long text",
    "icon": "myicon",
    "author": "Some NGO",
    "nettests": [
        {"test_name": "web_connectivity", "inputs": ["https://example.org/"], "options": {"HTTP3Enabled": True}},
        {"test_name": "dnscheck", "unknown": 1},
    ],
    "unknown": [1, 2],
}


def test_descriptors_may_hold_what_is_not_known_here():
    check_descriptor(DESCRIPTOR)
    check_descriptor({"name": "x", "author": ""})


@pytest.mark.parametrize("name", [None, ""])
def test_descriptor_without_a_name_is_refused(name):
    with pytest.raises(Invalid, match="'name' field must not be empty"):
        check_descriptor({**DESCRIPTOR, "name": name})


@pytest.mark.parametrize("key", ["name_intl", "short_description_intl", "description_intl"])
def test_empty_translation_is_refused(key):
    with pytest.raises(Refused) as refused:
        check_descriptor({**DESCRIPTOR, key: {"it": "x", "es": ""}})
    assert (refused.value.err_str, str(refused.value)) == ("err_empty_translation_field", "Empty translation field")


@pytest.mark.parametrize(
    ("key", "value", "named"),
    [
        ("name", 5, "name"),
        ("name", "x" * 51, "name"),
        ("author", None, "author"),
        ("short_description", "x" * 201, "short_description"),
        ("name_intl", ["it"], "name_intl"),
        ("name_intl", {"it": 5}, "name_intl"),
        ("nettests", {}, "nettests"),
        ("nettests", [{"test_name": "dnscheck"}] * 101, "nettests"),
        ("nettests", [{"test_name": "a"}, {"test_name": "Web Connectivity"}], "nettests[1]"),
        ("nettests", ["dnscheck"], "nettests[0]"),
        ("nettests", [{"test_name": "a", "inputs": "https://a.example/"}], "nettests[0]"),
        ("nettests", [{"test_name": "a", "inputs": [5]}], "nettests[0]"),
        ("nettests", [{"test_name": "a", "options": []}], "nettests[0]"),
        ("nettests", [{"test_name": "a", "inputs": ["x"] * 5001}] * 2, "nettests"),
        ("nettests", [{"test_name": "a", "targets_name": "websites_list_prioritized"}] * 11, "nettests"),
        ("unknown", reduce(lambda inner, _: [inner], range(40), 1), "descriptor"),
    ],
)
def test_value_that_cannot_be_right_is_refused_by_name(key, value, named):
    with pytest.raises(Refused) as refused:
        check_descriptor({**DESCRIPTOR, key: value})
    assert (refused.value.err_str, refused.value.err_args["field"]) == ("err_request_params", named)


def test_missing_author_is_refused():
    with pytest.raises(Refused):
        check_descriptor({"name": "x"})


def test_only_what_is_measured_by_whom_makes_a_version():
    for key in ("name", "description", "short_description", "name_intl"):
        assert is_translation(DESCRIPTOR, {**DESCRIPTOR, key: "changed"})
    for key in ("nettests", "author", "icon"):
        assert not is_translation(DESCRIPTOR, {**DESCRIPTOR, key: "changed"})
    assert not is_translation(DESCRIPTOR, {**DESCRIPTOR, "nettests": DESCRIPTOR["nettests"][::-1]})


def test_every_change_is_later_than_the_one_before():
    version = LinkVersion(1, DESCRIPTOR, NOW, NOW + timedelta(seconds=1), "a")
    assert next_instant(NOW, version) == NOW + timedelta(seconds=1, milliseconds=1)
    assert next_instant(NOW + timedelta(seconds=2, microseconds=999), version) == NOW + timedelta(seconds=2)


@pytest.mark.parametrize(
    ("text", "microsecond"),
    [
        ("2026-11-23T22:41:49.123000Z", 123_000),
        ("2026-11-23T22:41:49.1239Z", 123_000),
        ("2026-11-23T22:41:49.1Z", 100_000),
        ("2026-11-23T22:41:49Z", 0),
    ],
)
def test_three_digits_of_a_fraction_count(text, microsecond):
    assert read_creation_time(text) == NOW.replace(microsecond=microsecond)


@pytest.mark.parametrize("text", ["", "now", "2026-11-23", "2026-13-23T22:41:49Z", "2026-11-23T22:41:49.1234567Z"])
def test_time_that_cannot_be_read_is_refused(text):
    with pytest.raises(Invalid, match="creation_time is written"):
        read_creation_time(text)


def test_version_that_cannot_be_is_refused():
    with pytest.raises(ValueError, match="link_id"):
        LinkVersion(-1, DESCRIPTOR, NOW, NOW, "a")
    with pytest.raises(Invalid, match="to the millisecond"):
        LinkVersion(1, DESCRIPTOR, NOW, NOW + timedelta(microseconds=1), "a")
