"""Addresses, account ids, where login links may lead, and how long sessions are good."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ooni_core.accounts.mail import login_mail
from ooni_core.accounts.model import AccountPolicy, EmailAddress
from ooni_core.accounts.rules import account_id_of, login_link, redirect_host, session_end
from ooni_core.errors import Invalid

HOSTS = {"explorer.ooni.org", "run.ooni.io"}
DAY = 86_400


@pytest.mark.parametrize(
    ("address", "account_id"),
    [
        ("integtest@openobservatory.org", "71e398652ecfb1be6a2359923c7df008"),
        ("ada@example.org", "0cdff8085544283c516b91fe2e8c2de2"),
    ],
)
def test_account_ids_are_those_of_the_specification(address, account_id):
    assert account_id_of(address, "CHANGEME") == account_id
    assert account_id_of(address, "another key") != account_id


def test_long_key_gives_ids_of_its_own():
    keys = ["k" * 64, "k" * 65, "k" * 66, "é" * 40]
    ids = {account_id_of("ada@example.org", key) for key in keys}
    assert len(ids) == len(keys)
    assert all(re.fullmatch(r"[0-9a-f]{32}", each) for each in ids)


@pytest.mark.parametrize("typed", ["ada@example.org", " ADA@Example.ORG\t", "\nAda@example.org\n"])
def test_space_and_case_do_not_matter(typed):
    assert EmailAddress.parsed(typed).text == "ada@example.org"


@pytest.mark.parametrize("typed", ["someone@localhost.local", "a.b+c-d_e@x-y.example", "1@2.3", "a@b.c-d.e"])
def test_address_with_a_dot_in_its_domain_is_one(typed):
    assert EmailAddress.parsed(typed).text == typed


@pytest.mark.parametrize(
    "typed",
    [
        "",
        "ada",
        "someone@localhost",
        "@example.org",
        "ada@",
        "a b@example.org",
        '"a"@example.org',
        "ada@[127.0.0.1]",
        "ada@example.org, x@y.org",
        "ada@example.org\r\nBcc: x@y.org",
        "é@example.org",
        "\u212aate@example.org",  # the Kelvin sign becomes an ASCII k in small letters
        "ada@exampl\u0435.org",
        "a" * 250 + "@example.org",
    ],
)
def test_anything_else_is_no_address(typed):
    with pytest.raises(Invalid, match=r"^Invalid email address$"):
        EmailAddress.parsed(typed)


@given(st.text())
def test_any_text_is_an_address_or_refused(typed):
    try:
        address = EmailAddress.parsed(typed).text
    except Invalid:
        return
    assert address == address.lower().strip()
    assert address.isascii()


def test_address_is_not_shown_by_accident():
    address = EmailAddress("ada@example.org")
    assert "ada" not in f"{address} {login_mail(address, 'https://x/login?token=secret')!r}"
    assert "secret" not in repr(login_mail(address, "https://x/login?token=secret"))


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("https://explorer.ooni.org", "explorer.ooni.org"),
        ("https://explorer.ooni.org/country/IT?since=2021-01-01&until=2022-01-01", "explorer.ooni.org"),
        ("https://run.ooni.io/v2/1?a=https://evil.org#b", "run.ooni.io"),
    ],
)
def test_pages_of_ours_may_be_led_to(url, host):
    assert redirect_host(url, HOSTS) == host


@pytest.mark.parametrize(
    "url",
    [
        "",
        "/",
        "explorer.ooni.org",
        "//explorer.ooni.org/",
        "http://explorer.ooni.org",
        "https:explorer.ooni.org",
        "https:///explorer.ooni.org",
        "https://BOGUS.ooni.org",
        "https://invalid.ooni.org/country/IT",
        "https://Explorer.ooni.org",
        "https://explorer.ooni.org.",
        "https://explorer.ooni.org:443/",
        "https://explorer.ooni.org@evil.org/",
        "https://user@explorer.ooni.org/",
        "https://evil.org/explorer.ooni.org",
        "https://evil.org#https://explorer.ooni.org",
        "https://evil.org?explorer.ooni.org",
        "https://explorer.ooni.org\\@evil.org/",
        "https://evil.org\\explorer.ooni.org",
        "https://explorer.ooni.org%2eevil.org",
        "https://explorer.ooni.org.evil.org",
        "https://explorer.\tooni.org/",
        "https://explorer.ooni.org/\r\nX: y",
        "https://[explorer.ooni.org",
        "javascript:alert(1)//https://explorer.ooni.org",
        "https://explorer.ooni.org/" + "x" * 5000,
    ],
)
def test_nothing_else_may_be_led_to(url):
    assert redirect_host(url, HOSTS) is None


@given(st.text())
def test_any_text_is_led_to_a_known_host_or_nowhere(url):
    assert redirect_host(url, HOSTS) in {*HOSTS, None}
    assert redirect_host(f"https://explorer.ooni.org/{url}", HOSTS) in {"explorer.ooni.org", None}


def test_link_carries_the_token_to_the_login_page():
    assert login_link("run.ooni.org", "a.b-_c&=d") == "https://run.ooni.org/login?token=a.b-_c%26%3Dd"


def test_mail_says_what_the_link_is_for():
    mail = login_mail(EmailAddress("ada@example.org"), 'https://x/login?token="><b>')
    assert mail.subject == "OONI Account activation"
    assert mail.html.count("<a href=") == 1
    assert 'href="https://x/login?token=&quot;&gt;&lt;b&gt;">Please login here</a>' in mail.html
    for part in (mail.text, mail.html):
        assert "Welcome" in part
        assert "works on several devices and expires in 24 hours" in part


@pytest.mark.parametrize(("now", "end"), [(0, 2), (1, 3), (5, 7), (6, 7), (7, 7), (9, 7)])
def test_session_ends_after_its_time_and_never_past_that_of_the_login(now, end):
    assert session_end(now * DAY, 0, AccountPolicy("key", frozenset())) == end * DAY
