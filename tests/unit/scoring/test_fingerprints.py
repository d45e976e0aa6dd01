"""Fingerprint files are read whole or refused with the line at fault; matching equals the plain loop."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ooni_core.errors import Invalid
from ooni_core.scoring import Engine, Fingerprint, FingerprintSet
from ooni_core.scoring.fingerprints import HEADER
from ooni_core.scoring.matching import TextFinder, as_bytes
from ooni_core.scoring.proof import doubts, prove, sample_of
from ooni_core.testing import UID, block_page, measurement, submission

TWICE = "x.z,nat,,body,contains,Blocked,5,IT,,,"
GOOD = "a.b,nat,,body,contains,Blocked,5,IT,,,"


def read(*rows, header=HEADER):
    return FingerprintSet.from_csv(f"{HEADER}\r\n", "\r\n".join([header, *rows]) + "\r\n")


def test_fields_are_kept_to_the_letter():
    [one] = read('a.b,nat,,body,contains," say ""no""\r\nBlocked ",5,"RU,ZZ,IT",s,u,"n,m"').http
    assert one == Fingerprint("a.b", "nat", "body", "contains", ' say "no"\r\nBlocked ', 5, ("IT", "RU"))


def test_exotic_line_ends_inside_patterns_do_not_split_rows():
    [one] = read("a.b,nat,,body,contains,x\u2028y\x85z\x0b,5,,,,").http
    assert one.pattern == "x\u2028y\x85z\x0b"


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        ("a.b,nat,,body", "4 fields"),
        (GOOD.replace("nat", "foo"), "scope is 'foo'"),
        (GOOD.replace("Blocked", ""), "pattern is empty"),
        (GOOD.replace("body", "cookie"), "location_found is 'cookie'"),
        (GOOD.replace("body", "header.Server"), "lower case"),
        (GOOD.replace("body", "dns"), "belongs into the other file"),
        (GOOD.replace("contains", "glob"), "pattern_type is 'glob'"),
        (GOOD.replace(",5,", ",high,"), "confidence_no_fp is 'high'"),
        (GOOD.replace(",5,", ",256,"), "confidence_no_fp is 256"),
        (GOOD.replace("IT", "IT "), "expected_countries"),
        (GOOD.replace("IT", '"IT,,RU"'), "expected_countries"),
        (GOOD.replace("IT", "ITA"), "expected_countries holds 'ITA'"),
        (GOOD.replace("contains,Blocked", "regexp,("), "no regular expression"),
        (TWICE, "taken by line 4"),
        ('"a.b', "unexpected end of data"),
    ],
)
def test_bad_row_is_refused_with_its_line(row, problem):
    broken_over_lines = 'x.y,nat,,body,contains,"two\r\nlines",5,,,,'
    with pytest.raises(Invalid, match="fingerprint") as refusal:
        read(broken_over_lines, TWICE, row)
    assert problem in str(refusal.value)
    assert "fingerprints_http.csv, line 5" in str(refusal.value)


def test_other_header_is_refused():
    with pytest.raises(Invalid, match="line 1: expected the columns name,scope"):
        read(GOOD, header="name,scope")


def test_rows_of_tables_and_json_are_taken_in_their_order():
    rows = [
        {"name": name, "scope": "nat", "other_names": "", "location_found": "body", "pattern_type": "full",
         "pattern": "Blocked", "confidence_no_fp": 5, "expected_countries": "it, ru", "notes": "x"}
        for name in ("zz", "b", "aa")
    ]  # fmt: skip
    fingerprints = FingerprintSet.from_rows([], rows)
    assert [one.name for one in fingerprints.http] == ["zz", "b", "aa"]
    assert [one.name for one in fingerprints.as_database().http] == ["b", "aa", "zz"]
    assert fingerprints.http[0].expected_countries == ("IT", "RU")
    assert fingerprints.sha256 != fingerprints.as_database().sha256
    with pytest.raises(Invalid, match="no pattern"):
        FingerprintSet.from_rows([], [{**rows[0], "pattern": None}])


def test_empty_set_matches_nothing_and_has_a_name():
    assert len(FingerprintSet.EMPTY) == 0
    assert FingerprintSet.EMPTY.sha256 == FingerprintSet().sha256


TEXTS = st.text(alphabet="ab<\u00e9\ud800", min_size=1, max_size=4)


@settings(max_examples=300, deadline=None)
@given(st.lists(TEXTS, max_size=8), st.text(alphabet="ab<\u00e9\ud800", max_size=30))
def test_finding_many_texts_at_once_equals_the_plain_loop(texts, body):
    finder = TextFinder.of((number, as_bytes(text)) for number, text in enumerate(texts))
    assert finder.found(as_bytes(body)) == [number for number, text in enumerate(texts) if text in body]


@st.composite
def http_fingerprints(draw):
    pages = []
    for number in range(draw(st.integers(0, 6))):
        location = draw(st.sampled_from(["body", "header.server", "header.via"]))
        pattern = draw(st.text(alphabet="abc", min_size=1, max_size=3))
        kind = draw(st.sampled_from(["full", "prefix", "contains"]))
        pages.append(block_page(pattern, location=location, pattern_type=kind, name=f"p{number}"))
    return tuple(pages)


WORD = st.text(alphabet="abc", max_size=6)
RESPONSE = st.fixed_dictionaries({"body": WORD, "headers": st.dictionaries(st.sampled_from(["Server", "VIA"]), WORD)})


@settings(max_examples=300, deadline=None)
@given(http_fingerprints(), st.lists(RESPONSE, max_size=3))
def test_matches_and_their_order_equal_those_of_the_plain_loop(pages, responses):
    expected = {"head": [], "full": []}
    for response in responses:
        headers = {name.lower(): value for name, value in response["headers"].items()}
        for in_body in (True, False):
            for page in pages:
                if (page.location_found == "body") is not in_body:
                    continue
                text = response["body"] if in_body else headers.get(page.header)
                if text is None or (in_body and not text):
                    continue
                by_type = {
                    "full": text == page.pattern,
                    "prefix": text.startswith(page.pattern),
                    "contains": page.pattern in text,
                }
                if by_type[page.pattern_type]:
                    expected["full"].append(page.name)
                if (
                    (page.pattern in text)
                    if in_body
                    else by_type[page.pattern_type] and page.pattern_type != "contains"
                ):
                    expected["head"].append(page.name)
    body = submission(measurement(test_keys={"requests": [{"response": response} for response in responses]}))
    for ruleset, names in expected.items():
        scores = Engine(FingerprintSet(http=pages), ruleset).score(body, UID).scores
        assert [one["name"] for one in scores.get("fingerprints", [])] == names


@pytest.mark.parametrize(
    "page",
    [
        block_page("Blocked"),
        block_page("10.0.0.1", location="dns", pattern_type="full"),
        block_page("2001:db8::1", location="dns", pattern_type="full"),
        block_page("blocked.example", location="dns", pattern_type="full"),
        block_page("cleanfeed", location="header.via"),
        block_page("http://block", location="header.location", pattern_type="prefix"),
        block_page('{"msg":.*"id":', pattern_type="regexp"),
        block_page(r"You don.t have (?:any )?permission\.<[Pp]>", pattern_type="regexp"),
        block_page(r"first|second\d+", pattern_type="regexp"),
    ],
    ids=lambda page: page.pattern,
)
def test_each_kind_of_fingerprint_is_alive_under_full(page):
    dns, http = ((page,), ()) if page.location_found == "dns" else ((), (page,))
    assert [proof.problem for proof in prove(FingerprintSet(dns, http), "full")] == [""]


@pytest.mark.parametrize(
    ("page", "ruleset", "problem"),
    [
        (block_page("x.*yz!!", pattern_type="regexp"), "head", "as they are written"),
        (block_page("server", location="header.via"), "head", "never looks at header"),
        (block_page("server", location="header.via", pattern_type="full"), "2023-09", "first letter"),
        (block_page("a.*b", pattern_type="regexp"), "full", "by accident"),
        (block_page(r"abcd(?i)EFGH\pN", pattern_type="regexp"), "full", "write it more simply"),
    ],
)
def test_dead_fingerprint_is_reported_with_its_reason(page, ruleset, problem):
    [proof] = prove(FingerprintSet(http=(page,)), ruleset)
    assert problem in proof.problem


def test_samples_of_literal_types_hold_the_pattern_where_the_type_wants_it():
    assert sample_of(block_page("x", pattern_type="full")) == "x"
    assert sample_of(block_page("x", pattern_type="prefix")).startswith("x")
    assert "x" in sample_of(block_page("x"))[1:-1]


def test_valid_but_doubtful_fingerprints_are_named():
    pages = (
        block_page("abc", name="short"),
        block_page("a.*b", pattern_type="regexp", name="accident"),
        block_page("bell\x07bell", name="control"),
        block_page("expected", scope="fp", countries="IT", name="trap"),
        block_page("unknown", countries="QQ", name="country"),
        block_page("fine words", countries="IT", name="fine"),
    )
    found = {one.name: reason for one, reason in doubts(FingerprintSet(http=pages))}
    assert found.keys() == {"short", "accident", "control", "trap", "country"}
