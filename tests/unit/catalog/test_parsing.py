"""How values of query parameters are read."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ooni_core.catalog import parsing
from ooni_core.errors import Invalid

NOW = datetime(2026, 11, 23, 22, 41, 49, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2021-7-9", datetime(2021, 7, 9)),
        ("2019-12-8", datetime(2019, 12, 8)),
        ("20210709", datetime(2021, 7, 9)),
        ("2021-07-09T10:30:00", datetime(2021, 7, 9, 10, 30)),
        ("2021-07-09T10:30:00Z", datetime(2021, 7, 9, 10, 30)),
        ("2021-07-09T10:30:00+02:00", datetime(2021, 7, 9, 8, 30)),
        ("09/07/2021", datetime(2021, 9, 7)),
        ("2021", datetime(2021, 11, 23)),
        ("May 2023", datetime(2023, 5, 23)),
    ],
)
def test_dates_are_read_permissively_as_utc(text, expected):
    assert parsing.instant(text, NOW) == expected


@pytest.mark.parametrize("text", ["undefined", "2021-02-31", "x" * 10_000, "1" * 60, "10:00 BRST", "\x00", "' OR 1=1"])
def test_other_texts_are_no_dates(text):
    with pytest.raises(Invalid):
        parsing.instant(text, NOW)


def test_unreadable_date_is_named_in_the_error():
    with pytest.raises(Invalid, match="Unknown string format: undefined"):
        parsing.instant("undefined", NOW)


@pytest.mark.parametrize(("text", "expected"), [("AS123", 123), ("123", 123), ("0", 0), ("AS4294967295", 2**32 - 1)])
def test_networks_are_read_with_and_without_prefix(text, expected):
    assert parsing.asn(text) == expected


@pytest.mark.parametrize("text", ["as123", "-1", "4294967296", "ASfoo", "1.5", "١٢", "AS"])
def test_other_texts_are_no_networks(text):
    with pytest.raises(Invalid, match="Invalid ASN value in parameter probe_asn"):
        parsing.asn(text)


def test_lists_are_sorted_without_repetitions_and_empties():
    assert parsing.items("b,,a,b") == ("a", "b")
    assert parsing.asns("AS20,3") == (3, 20)


@pytest.mark.parametrize(("text", "message"), [("it", "Invalid characters"), ("ITA", "Invalid CC value")])
def test_countries_of_a_chart_are_pairs_of_capitals(text, message):
    with pytest.raises(Invalid, match=message):
        parsing.countries(text)


def test_country_of_a_page_may_be_in_lower_case():
    assert parsing.country("it") == "IT"


@pytest.mark.parametrize("text", ["", "I", "ITA", "1T", "ÀÀ"])
def test_country_of_a_page_is_two_letters(text):
    with pytest.raises(Invalid, match="missing or incorrect probe_cc"):
        parsing.country(text)


@pytest.mark.parametrize(
    ("text", "expected"), [("true", True), ("TRUE", True), ("1", False), ("no", False), ("", None)]
)
def test_only_the_word_true_is_true(text, expected):
    assert parsing.flag(text) is expected


@pytest.mark.parametrize(
    "text",
    [
        "https://8.8.4.4/dns-query",
        "dot://[2a00:5a60::ad2:0ff]:853",
        "stun://stun.voip.blackberry.com:3478",
        "obfs3 83.212.101.3:80 A09D536DD1752D542E1FBB3C9CE4449D51298239",
        "obfs4 154.35.22.9:80 C73AD cert=gEWN/bS",
        "https://ru.wikipedia.org/wiki/Вторжение_России_на_Украину_(2022)",
    ],
)
def test_inputs_of_all_nettests_are_accepted(text):
    assert parsing.input(text) == text


@pytest.mark.parametrize("text", ["~!^{}", "foo.org;", "foo.org='"])
def test_characters_that_no_input_needs_are_refused(text):
    with pytest.raises(Invalid, match="Invalid characters in input field"):
        parsing.input(text)


@pytest.mark.parametrize(
    "text",
    [
        "foo.org",
        "foo_bar.org",
        "bücher.de",
        "8.8.4.4",
        "8.8.8.8:853",
        "[2a00:5a60::ad2:0ff]:853",
        "2a00::1",
        "[2a00::1]",
        "xn--p1ai.xn--p1ai",
        "stun.voip.blackberry.com:3478",
    ],
)
def test_hosts_and_addresses_are_domains(text):
    assert parsing.domain(text) == text


@pytest.mark.parametrize(
    "text",
    [
        "localhost",
        "a.b",
        "a.c1",
        "foo.org.",
        "foo.org\n",
        "foo.org:0",
        "foo.org:99999",
        "bad domain",
        "a" * 10_000,
        ".",
    ],
)
def test_other_texts_are_no_domains(text):
    with pytest.raises(Invalid, match="Invalid characters in domain field"):
        parsing.domain(text)


@pytest.mark.parametrize("text", ["x" * 14, "x" * 101])
def test_report_ids_of_odd_length_are_refused(text):
    with pytest.raises(Invalid, match="Invalid report_id field"):
        parsing.report_id(text)


@pytest.mark.parametrize("text", ["20210709T000000Z_x+", "../../../../etc/passwd"])
def test_report_ids_have_no_punctuation(text):
    with pytest.raises(Invalid, match="Invalid characters"):
        parsing.report_id(text)


@pytest.mark.parametrize(
    "text", ["temp-id-999999999999999999", "01" + "0" * 38, "20261108200622.845405_US_signal_a7007a42"]
)
def test_uids_of_all_ages_are_accepted(text):
    assert parsing.measurement_uid(text) == text


@pytest.mark.parametrize("text", ["short", "../../../../etc/passwd", "a" * 101, "2026110820\r\nX: y"])
def test_texts_that_never_were_uids_are_refused(text):
    with pytest.raises(Invalid, match="Invalid measurement_uid field"):
        parsing.measurement_uid(text)


@pytest.mark.parametrize("text", ["x", "", "-1", "1.0", "99999999999999999999", "1_0", "١"])
def test_whole_numbers_in_range_only(text):
    with pytest.raises(Invalid, match="limit must be a whole number from 0 to 10"):
        parsing.integer(text, "limit", 0, 10)


PARSERS = [
    parsing.asns,
    parsing.countries,
    parsing.country,
    parsing.test_names,
    parsing.lower_word,
    parsing.upper_word,
    parsing.flag,
    parsing.input,
    parsing.domains,
    parsing.report_id,
    parsing.measurement_uid,
    lambda text: parsing.instant(text, NOW),
    lambda text: parsing.integer(text, "n", 0, 5),
    lambda text: parsing.one_of(text, ("a", "b")),
]


@given(parser=st.sampled_from(PARSERS), text=st.text(max_size=80))
def test_any_text_is_read_or_refused_with_words(parser, text):
    refusal = "read"
    try:
        parser(text)
    except Invalid as exc:
        refusal = str(exc)
    assert refusal
