import base64
import json

import jwt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ooni_adapters.tokens import JwtKeys
from ooni_core.accounts.rules import account_id_of
from ooni_core.accounts.tokens import (
    BadSignature,
    Expired,
    Malformed,
    NotYetValid,
    TokenError,
    WrongAudience,
)
from ooni_core.errors import Invalid

KEYS = JwtKeys.of(["first key of all, which is long enough", "second"])
NOW = 1_800_000_000


def test_known_account_ids():
    assert account_id_of("integtest@openobservatory.org", "CHANGEME") == "71e398652ecfb1be6a2359923c7df008"
    assert account_id_of(" Ada@Example.org ", "CHANGEME") == "0cdff8085544283c516b91fe2e8c2de2"
    assert len(account_id_of("a@b.org", "k" * 100)) == 32


def test_independent_implementation_reads_our_tokens_and_we_read_its():
    token = KEYS.sign({"aud": "x", "a": 1})
    assert jwt.decode(token, KEYS.keys[0], ["HS256"], audience="x") == {"aud": "x", "a": 1}
    theirs = jwt.encode({"aud": "x", "b": 2}, KEYS.keys[0], "HS256")
    assert KEYS.claims(theirs, "x", NOW) == {"aud": "x", "b": 2}


def test_older_keys_still_verify_and_never_sign():
    old = JwtKeys.of(["second"])
    assert KEYS.claims(old.sign({"aud": "x"}), "x", NOW)
    with pytest.raises(BadSignature):
        old.claims(KEYS.sign({"aud": "x"}), "x", NOW)


def test_derived_keys_verify_nothing_of_the_others():
    with pytest.raises(BadSignature):
        KEYS.claims(KEYS.derived("probes").sign({"aud": "x"}), "x", NOW)
    with pytest.raises(BadSignature):
        KEYS.derived("probes").claims(KEYS.sign({"aud": "x"}), "x", NOW)


@pytest.mark.parametrize(
    ("claims", "error"),
    [
        ({}, WrongAudience),
        ({"aud": "y"}, WrongAudience),
        ({"aud": "x", "exp": NOW - 31}, Expired),
        ({"aud": "x", "nbf": NOW + 31}, NotYetValid),
        ({"aud": "x", "exp": "soon"}, Malformed),
    ],
)
def test_claims_are_checked(claims, error):
    with pytest.raises(error):
        KEYS.claims(KEYS.sign(claims), "x", NOW)


def test_half_a_minute_between_clocks_is_allowed():
    assert KEYS.claims(KEYS.sign({"aud": "x", "exp": NOW - 29, "nbf": NOW + 29}), "x", NOW)


def part(document):
    return base64.urlsafe_b64encode(json.dumps(document).encode()).rstrip(b"=").decode()


@pytest.mark.parametrize("header", [{"alg": "none"}, {"alg": "HS512"}, {"typ": "JWT"}, [], "x"])
def test_other_algorithms_are_no_tokens_of_ours(header):
    for signature in ("", "AAAA"):
        with pytest.raises(Malformed):
            KEYS.claims(f"{part(header)}.{part({'aud': 'x'})}.{signature}", "x", NOW)


@given(st.text(max_size=200) | st.from_regex(r"[A-Za-z0-9_-]*\.[A-Za-z0-9_-]*\.[A-Za-z0-9_-]*"))
def test_any_text_is_a_token_or_raises_the_one_error(text):
    with pytest.raises(TokenError):
        KEYS.claims(text, "x", NOW)


@given(st.integers(0, 10_000), st.integers(0, 255))
def test_changed_token_is_never_accepted(place, value):
    token = bytearray(KEYS.sign({"aud": "x", "role": "user"}).encode())
    place %= len(token) - 1  # the last letter of base64 has bits that stand for nothing
    if token[place] != value:
        token[place] = value
        with pytest.raises(TokenError):
            KEYS.claims(token.decode("latin-1"), "x", NOW)


@pytest.mark.parametrize("texts", [[], [""], ["a", ""]])
def test_empty_keys_are_refused(texts):
    with pytest.raises(Invalid):
        JwtKeys.of(texts)


def test_keys_are_not_shown():
    assert "first key" not in repr(KEYS)
