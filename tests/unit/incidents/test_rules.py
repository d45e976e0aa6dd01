"""How incidents are read and named, and who sees which."""

from datetime import UTC, datetime, timedelta

import attrs
import pytest

from ooni_core.accounts.model import Session
from ooni_core.errors import Invalid
from ooni_core.incidents.model import Content, Incident
from ooni_core.incidents.rules import Search, may_see, next_version, numbered, read_content, read_time, slug_of
from ooni_core.refusals import Refused

NOW = datetime(2026, 11, 23, 22, 41, 49, tzinfo=UTC)
DOCUMENT = {
    "title": "Blocking of example.org",
    "text": "body\ntext",
    "short_description": "Three networks",
    "reported_by": "Some NGO",
    "event_type": "incident",
    "start_time": "2026-10-01T00:00:00Z",
    "end_time": None,
    "CCs": ["IT", "FR"],
    "ASNs": [1, 2],
    "domains": ["a.example"],
    "tags": ["media"],
    "test_names": ["signal"],
    "links": ["https://explorer.ooni.org/"],
}
CONTENT = Content(
    title="Blocking of example.org",
    text="body\ntext",
    short_description="Three networks",
    reported_by="Some NGO",
    event_type="incident",
    start_time=datetime(2026, 10, 1, tzinfo=UTC),
    end_time=None,
    ccs=("IT", "FR"),
    asns=(1, 2),
    domains=("a.example",),
    tags=("media",),
    test_names=("signal",),
    links=("https://explorer.ooni.org/",),
)
INCIDENT = Incident("123400", "2026-blocking", CONTENT, "a" * 32, NOW, NOW)


def test_document_becomes_content():
    assert read_content(DOCUMENT) == CONTENT
    more = {"themes": ["im"], "email_address": "a@b.example", "published": True, "end_time": "2026-10-01T00:00:00Z"}
    found = read_content({**DOCUMENT, **more})
    assert (found.themes, found.email_address, found.published) == (("im",), "a@b.example", True)
    assert found.end_time == CONTENT.start_time


def test_what_a_page_was_shown_can_be_sent_back():
    shown = dict.fromkeys(("id", "slug", "create_time", "update_time", "creator_account_id", "mine", "v"), "x")
    assert read_content({**DOCUMENT, **shown, "email_address": None}) == CONTENT


@pytest.mark.parametrize("key", [*DOCUMENT])
def test_missing_key_is_named(key):
    with pytest.raises(Refused) as refused:
        read_content({name: value for name, value in DOCUMENT.items() if name != key})
    assert (refused.value.err_str, refused.value.err_args["field"]) == ("err_request_params", key)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("BOGUS_UNEXPECTED", 1),
        ("title", ""),
        ("title", " "),
        ("title", 5),
        ("title", "x" * 1001),
        ("text", ""),
        ("text", "x" * (256 * 1024 + 1)),
        ("reported_by", None),
        ("start_time", None),
        ("start_time", "2026-10-01"),
        ("start_time", "2026-10-01T00:00:00"),
        ("start_time", "2026-10-01T00:00:00+02:00"),
        ("start_time", "2026-13-01T00:00:00Z"),
        ("start_time", "1969-12-31T00:00:00Z"),
        ("start_time", "2106-01-01T00:00:00Z"),
        ("start_time", 5),
        ("end_time", "2026-09-30T23:59:59Z"),
        ("end_time", ""),
        ("CCs", ["ITA"]),
        ("CCs", ["it"]),
        ("CCs", "IT"),
        ("ASNs", [1, 2, "foo"]),
        ("ASNs", [-1]),
        ("ASNs", [2**32]),
        ("ASNs", [True]),
        ("ASNs", [1.5]),
        ("domains", [1]),
        ("tags", ["x"] * 101),
        ("tags", ["x" * 2001]),
        ("links", ["javascript:alert(1)"]),
        ("links", ["https://"]),
        ("links", ["https://a.example/\n"]),
        ("published", 1),
        ("published", "true"),
        ("email_address", 5),
    ],
)
def test_value_that_cannot_be_right_is_refused_by_name(key, value):
    with pytest.raises(Refused) as refused:
        read_content({**DOCUMENT, key: value})
    assert refused.value.err_args["field"] == key
    assert refused.value.err_args["reason"]


@pytest.mark.parametrize("text", ["2024-05-01T10:00:00Z", "2024-05-01T10:00:00.999999Z", "2024-05-01T10:00:00+00:00"])
def test_times_are_read_to_the_second(text):
    assert read_time(text) == datetime(2024, 5, 1, 10, tzinfo=UTC)


@pytest.mark.parametrize(
    ("title", "slug"),
    [
        ("Blocking of example.org", "2026-blocking-of-exampleorg"),
        ("  ", "2026-77"),
        ("Блокировка", "2026-77"),
        ("2023", "2026-2023"),
        ("x" * 90, "2026-" + "x" * 59),
    ],
)
def test_slug_is_readable_never_all_digits_and_short(title, slug):
    assert slug_of(title, 2026, "77") == slug
    assert not slug.isdigit()


def test_slugs_that_are_taken_get_numbers():
    assert [numbered("x" * 64, n) for n in (1, 2, 10)] == ["x" * 64, "x" * 62 + "-2", "x" * 61 + "-10"]


def test_unpublished_incident_is_seen_by_its_author_and_staff():
    public = attrs.evolve(INCIDENT, content=attrs.evolve(CONTENT, published=True))
    author, other = Session("a" * 32, "user", NOW, 0), Session("b" * 32, "user", NOW, 0)
    staff = attrs.evolve(other, role="admin")
    assert [may_see(who, INCIDENT) for who in (None, other, author, staff)] == [False, False, True, True]
    assert all(may_see(who, public) for who in (None, other, author, staff))


def test_search_is_any_of_one_filter_and_all_of_several():
    assert Search().matches(INCIDENT)
    assert Search(ccs=("DE", "IT")).matches(INCIDENT)
    assert Search(ccs=("IT",), asns=(2,), domains=("a.example",), tags=("media",), test_names=("signal",)).matches(
        INCIDENT
    )
    assert not Search(ccs=("IT",), asns=(3,)).matches(INCIDENT)
    assert not Search(themes=("im",)).matches(INCIDENT)


def test_search_orders_and_cuts():
    def made(title, days, end):
        start = CONTENT.start_time + timedelta(days=days)
        content = attrs.evolve(CONTENT, title=title, start_time=start, end_time=end and start + timedelta(days=end))
        return attrs.evolve(INCIDENT, id=title, content=content)

    a, b, c = found = [made("1", 2, None), made("2", 1, 5), made("3", 0, 1)]
    assert Search().ordered(found) == [a, b, c]
    assert Search(sort="-title", limit=2).ordered(found) == [c, b]
    assert Search(sort="start_time", offset=1).ordered(found) == [b, a]
    assert Search(sort="-end_time").ordered(found) == [a, b, c], "what goes on comes first"
    with pytest.raises(Invalid, match="sort is one of"):
        Search(sort="text")


def test_every_version_is_later_than_the_one_before():
    assert next_version(NOW + timedelta(microseconds=1999), INCIDENT) == NOW + timedelta(milliseconds=1)
    assert next_version(NOW - timedelta(hours=1), INCIDENT) == NOW + timedelta(milliseconds=1)


def test_incident_that_cannot_be_is_refused():
    with pytest.raises(ValueError, match="id"):
        attrs.evolve(INCIDENT, id="12a")
    with pytest.raises(Invalid, match="update_time"):
        attrs.evolve(INCIDENT, update_time=NOW.replace(tzinfo=None))
    with pytest.raises(Invalid, match="before"):
        attrs.evolve(CONTENT, end_time=CONTENT.start_time - timedelta(seconds=1))
