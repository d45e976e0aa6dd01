"""What links are read from, and what is refused."""

from datetime import UTC, datetime, timedelta

import pytest

from ooni_core.oonirun.checking import BadDocument
from ooni_core.oonirun.nettests import Nettest, nettests_of
from ooni_core.oonirun.writing import read_link
from tests.unit.oonirun.documents import LINK

NOW = datetime(2026, 11, 23, 22, 41, 49, 123_456, tzinfo=UTC)
WEB, EXTRA = {"test_name": "web_connectivity"}, {"inputs": ["https://a.example/"], "inputs_extra": [{}]}
TOGETHER = "When targets_name is provided, you can't provide inputs or inputs_extra"
BAD_LINKS = [
    *(({key: None}, [key]) for key in ("name", "short_description", "description", "author", "nettests")),
    *(({key: 5}, [key]) for key in ("name", "short_description", "description", "author", "nettests")),
    *(({key: "x"}, [key]) for key in ("name", "short_description", "description", "author")),
    ({"name": ""}, ["name"]),
    ({"name": "x" * 51}, ["name"]),
    ({"short_description": "x" * 201}, ["short_description"]),
    ({"description": "x" * (2**18 + 1)}, ["description"]),
    ({"author": "x" * 101}, ["author"]),
    *(({key: {"it": ""}}, [key, "it"]) for key in ("name_intl", "short_description_intl", "description_intl")),
    ({"name_intl": {"it": "x"}}, ["name_intl", "it"]),
    ({"name_intl": {"it": None}}, ["name_intl", "it"]),
    ({"name_intl": ["it"]}, ["name_intl"]),
    ({"icon": 5}, ["icon"]),
    *(({"color": color}, ["color"]) for color in ("red", "#fff", "#00aaFG", "00aaFF", "#00aaFF\n", 5)),
    *(
        ({"expiration_date": date}, ["expiration_date"])
        for date in ("soon", "", None, 5, True, "2027-13-01T00:00:00Z", "1969-12-31T23:59:59Z", "2106-01-01", "9999-12-31T23:59:59-01:00")
    ),
    ({"nettests": []}, ["nettests"]),
    ({"nettests": {}}, ["nettests"]),
    ({"nettests": [WEB] * 101}, ["nettests"]),
    ({"nettests": [{**WEB, "inputs": ["x"] * 5001}] * 2}, ["nettests"]),
    ({"nettests": [{**WEB, "targets_name": "websites_list_prioritized"}] * 11}, ["nettests"]),
    ({"nettests": ["tor"]}, ["nettests", 0]),
    ({"nettests": [WEB, {}]}, ["nettests", 1, "test_name"]),
    *(({"nettests": [{"test_name": name}]}, ["nettests", 0, "test_name"]) for name in ("", "x", "x" * 101, None, 5)),
    ({"nettests": [{**WEB, "inputs": "https://a.example/"}]}, ["nettests", 0, "inputs"]),
    ({"nettests": [{**WEB, "inputs": ["a", 5]}]}, ["nettests", 0, "inputs", 1]),
    ({"nettests": [{**WEB, "inputs": [None]}]}, ["nettests", 0, "inputs", 0]),
    ({"nettests": [{**WEB, **EXTRA, "inputs_extra": ["x"]}]}, ["nettests", 0, "inputs_extra", 0]),
    ({"nettests": [{**WEB, **EXTRA, "inputs_extra": {}}]}, ["nettests", 0, "inputs_extra"]),
    ({"nettests": [{**WEB, "targets_name": 5}]}, ["nettests", 0, "targets_name"]),
    *(({"nettests": [{**WEB, "options": options}]}, ["nettests", 0, "options"]) for options in (None, [], "x")),
    ({"nettests": [{**WEB, "is_background_run_enabled": "yes"}]}, ["nettests", 0, "is_background_run_enabled_default"]),
    ({"nettests": [{**WEB, "is_manual_run_enabled_default": None}]}, ["nettests", 0, "is_manual_run_enabled_default"]),
    *(
        ({"nettests": [{**WEB, "targets_name": "x", **more}]}, TOGETHER)
        for more in ({"inputs": []}, {"inputs_extra": []}, EXTRA, {"inputs": ["https://a.example/"]})
    ),
    *(
        ({"nettests": [{**WEB, **more}]}, "When inputs_extra is provided, inputs must be provided too, as many as there are of it")
        for more in ({**EXTRA, "inputs_extra": []}, {"inputs_extra": [{}]}, {"inputs_extra": []}, {**EXTRA, "inputs_extra": [{}, {}]})
    ),
]  # fmt: skip


@pytest.mark.parametrize(("changed", "expected"), BAD_LINKS, ids=lambda value: None)
def test_value_that_cannot_be_right_is_refused_by_name(changed, expected):
    with pytest.raises(BadDocument) as refused:
        read_link({**LINK, **changed}, NOW)
    assert list(refused.value.path) == ([] if isinstance(expected, str) else expected)


@pytest.mark.parametrize(
    "changed",
    [
        {"name": "x" * 50, "short_description": "x" * 200, "author": "x" * 100, "description": "x" * 2**18},
        {"name": "ää", "icon": "", "color": "#abcdef", "name_intl": {}},
        {"nettests": [{**WEB, "inputs": ["x"] * 5000}] * 2},
        {"nettests": [{**WEB, "inputs": [], "inputs_extra": []}, {**WEB, **EXTRA}]},
        {"nettests": [{**WEB, "targets_name": ""}, {**WEB, "targets_name": "unknown", "inputs": None}]},
        {"nettests": [WEB] * 100},
        {"expiration_date": "1970-01-01T00:00:00Z"},
        {"expiration_date": "2105-12-31T23:59:59.999Z"},
    ],
)
def test_value_at_its_limit_is_accepted(changed):
    read_link({**LINK, **changed, "unknown": [[1]]}, NOW)


def test_link_ends_after_180_days_unless_something_else_is_said():
    assert read_link(LINK, NOW).expires == NOW.replace(microsecond=0) + timedelta(days=180)


def test_what_was_not_said_has_no_key():
    nothing = dict.fromkeys(("name_intl", "short_description_intl", "description_intl", "icon", "color"))
    assert read_link({**LINK, **nothing}, NOW).words == {key: LINK[key] for key in LINK if key != "nettests"}


def test_stored_nettests_have_all_keys_and_what_cannot_be_right_counts_as_absent():
    stored = [
        {"test_name": "tor", "inputs": "x", "targets_name": 5, "options": None, "is_manual_run_enabled": True},
        "dnscheck",
        {"test_name": None, "inputs": ["x"], "is_background_run_enabled_default": 1},
    ]
    assert nettests_of({"nettests": stored}) == (
        Nettest("tor", is_manual_run_enabled_default=True),
        Nettest("", inputs=["x"]),
    )
    assert nettests_of({}) == nettests_of({"nettests": {"a": 1}}) == ()
