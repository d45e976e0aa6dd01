"""What is accepted as a submission, and what is refused before anything is kept."""

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ooni_core.errors import Invalid
from ooni_core.intake.envelope import check_body


def envelope(**content):
    return orjson.dumps({"format": "json", "content": {"test_keys": {}, **content}})


@pytest.mark.parametrize(
    "body",
    [
        envelope(),
        envelope(report_id="x", probe_cc="IT", probe_asn="AS1", input=None),
        envelope(input=["a", "b"]),
        envelope(test_keys=[1, {"deep": None}]),
        b' {"content": {}, "format": "JSON", "is_verified": "u"} ',
        b'{"format": "yaml", "content": "a: 1"}',
        b'{"format":"json","content":{"n":18446744073709551615,"m":-9223372036854775808,"t":"' + b"1" * 40 + b'"}}',
    ],
)
def test_submissions_of_all_ages_are_accepted(body):
    check_body(body)


@pytest.mark.parametrize(
    ("body", "hint"),
    [
        (b"", "not JSON"),
        (b"{", "not JSON"),
        (b"[]", "object"),
        (b"null", "object"),
        (b"{}", '"format"'),
        (b'{"format": 7, "content": {}}', '"format"'),
        (b'{"format": "xml", "content": {}}', '"format"'),
        (b'{"format": "json"}', '"content"'),
        (b'{"format": "json", "content": []}', '"content"'),
        (b'{"format": "json", "content": null}', '"content"'),
        (b'{"format": "yaml", "content": {}}', "yaml"),
        (b'{"format": "json", "content": {}, "is_verified": "t"}', "is_verified"),
        (b'{"format": "json", "content": {}, "is_verified": null}', "is_verified"),
        (envelope(probe_cc=7), "content.probe_cc"),
        (envelope(probe_asn=30722), "content.probe_asn"),
        (envelope(report_id=["x"]), "content.report_id"),
        (envelope(test_name={}), "content.test_name"),
        (envelope(input=7), "content.input"),
        (envelope(input=["a", 7]), "content.input"),
        (b'{"format":"json","content":{"a":NaN}}', "not JSON"),
        (b'{"format":"json","content":{"a":Infinity}}', "not JSON"),
        (b'{"format":"json","content":{"a":1e999}}', "not JSON"),
        (b'{"format":"json","content":{"a":"\\ud800"}}', "not JSON"),
        (b'{"format":"json","content":{"a":"\xff"}}', "not JSON"),
        (b'{"format":"json","content":{"a":18446744073709551616}}', "beyond 64 bits"),
        (b'{"format":"json","content":{"a":' + b"9" * 5000 + b"}}", "not JSON"),
        (b'{"format":"json","content":' + b'{"a":' * 10_000 + b"1" + b"}" * 10_000 + b"}", "not JSON"),
        (b"[" * 10_000 + b"]" * 10_000, "not JSON"),
        (b'{"format":"json","content":{}} trailing', "not JSON"),
    ],
)
def test_what_cannot_be_published_is_refused_with_a_hint(body, hint):
    with pytest.raises(Invalid, match=r"^Incorrect format$") as refusal:
        check_body(body)
    assert hint in refusal.value.detail


def test_only_the_service_itself_vouches_for_a_probe():
    check_body(b'{"format": "json", "content": {}, "is_verified": "t"}', vouched=True)


@given(st.binary(max_size=200))
def test_any_bytes_are_accepted_or_refused(body):
    try:
        check_body(body)
    except Invalid as refusal:
        assert refusal.detail


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=20,
)


@given(st.dictionaries(st.sampled_from(["format", "content", "x"]), json_values))
def test_any_document_is_accepted_or_refused(document):
    import json

    try:
        check_body(json.dumps(document).encode("utf-8", "surrogatepass"))
    except Invalid as refusal:
        assert refusal.detail
