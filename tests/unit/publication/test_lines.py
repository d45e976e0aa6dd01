"""The published line is the probe's own text."""

import json

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ooni_core.errors import Invalid
from ooni_core.publication.lines import content_of, identity_of, input_text

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(codec="utf-8")),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(st.characters(codec="utf-8"), max_size=8), inner, max_size=4)
    ),
    max_leaves=12,
)
MEASUREMENTS = st.dictionaries(st.text(st.characters(codec="utf-8"), max_size=8), JSON, max_size=5)


def envelope(content: str, **more: str) -> bytes:
    fields = {"format": '"json"', **more, "content": content}
    return ("{" + ",".join(f'"{name}": {text}' for name, text in fields.items()) + "}").encode()


@given(MEASUREMENTS, st.booleans(), st.sampled_from([None, 1, "\t"]))
def test_the_text_says_what_the_probe_said_in_one_line(content, ascii_only, indent):
    body = json.dumps({"content": content, "format": "json"}, ensure_ascii=ascii_only, indent=indent).encode()
    text = content_of(body).text
    assert b"\n" not in text
    assert json.loads(text) == content


@given(MEASUREMENTS)
def test_a_text_without_newlines_is_published_byte_for_byte(content):
    text = json.dumps(content, ensure_ascii=False)
    assert content_of(envelope(text)).text == text.encode()


@pytest.mark.parametrize(
    "text",
    [
        '{"n": 1.0, "m": 1.00, "e": 1E5, "big": 9007199254740993}',
        '{"a": "\\u00e9é\\/", "b" : [ 1,2 ] }',
        '{"b": 1, "a": 2, "b": 3}',
        "{}",
    ],
)
def test_numbers_escapes_order_and_spaces_survive(text):
    assert content_of(envelope(text)).text == text.encode()


def test_newlines_between_tokens_become_spaces():
    assert content_of(b'{"content":{\r\n"a":\n1}}').text == b'{  "a": 1}'


@given(st.binary(max_size=200))
def test_any_bytes_are_a_measurement_or_the_documented_error(body):
    try:
        text = content_of(body).text
    except Invalid:
        return
    assert isinstance(orjson.loads(text), dict)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"{}",
        b'{"format":"json"}',
        b'{"content":null}',
        b'{"content":[]}',
        b'{"content":"text"}',
        b'{"content":{"a":"\xff"}}',
        b'{"content":{"a":NaN}}',
        b'{"content":{"a":1}} trailing',
        b'{"format":"yaml","content":"a: 1"}',
        b'{"format":"YAML","content":{}}',
        b"[" * 50_000,
        b'{"content":' * 50_000,
    ],
)
def test_what_is_no_measurement_is_refused(body):
    with pytest.raises(Invalid):
        content_of(body)


@pytest.mark.parametrize("depth", [10, 500, 900, 1000, 1020])
def test_a_deep_measurement_is_published_whatever_the_depth_of_the_caller(depth):
    nested = "[" * depth + "]" * depth
    text = f'{{"a": {nested}, "report_id": "r", "input": "\\"content\\": {{"}}'
    content = content_of(envelope(text, other='{"content": {"x": [1]}}'))
    assert (content.text, content.report_id, content.input) == (text.encode(), "r", '"content": {')
    assert identity_of(content.text) == ("r", '"content": {')


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("https://x/", "https://x/"),
        (None, ""),
        (["a", "b"], "{a,b}"),
        ([], "{}"),
        ([1], ""),
        (5, ""),
        ({"a": 1}, ""),
    ],
)
def test_inputs_read_as_tables_keep_them(value, text):
    assert input_text(value) == text
    assert identity_of(json.dumps({"input": value, "report_id": 7}).encode()) == ("", text)


def test_a_line_that_is_no_object_has_no_identity():
    with pytest.raises(Invalid):
        identity_of(b"[]")
