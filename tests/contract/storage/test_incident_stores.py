"""What every IncidentStore promises, on every adapter."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import attrs
import pytest

from ooni_adapters.memory.incidents import MemoryIncidents
from ooni_adapters.sql.incidents import SqlIncidents
from ooni_core.errors import Conflict
from ooni_core.incidents.model import Content, Incident

NOW = datetime(2024, 5, 15, 12, 0, 0, 123_000, tzinfo=UTC)
START = datetime(2024, 5, 1, tzinfo=UTC)
CONTENT = Content(
    title="Blocking",
    text="Текст\n'; DROP TABLE incidents --",
    short_description="short",
    reported_by="ooni",
    event_type="incident",
    start_time=START,
    end_time=START + timedelta(days=3),
    ccs=("IT", "FR"),
    asns=(1, 4_294_967_295),
    domains=("a.example",),
    tags=("t",),
    test_names=("signal",),
    links=("https://explorer.ooni.org/",),
    themes=("im",),
    email_address="a@b.example",
    published=True,
)
FIRST = Incident("123400", "2024-blocking", CONTENT, "a" * 32, NOW.replace(microsecond=0), NOW)
EMPTY = Content("An incident", "text", "", "", "", START, None)
SECOND = Incident("7", "2024-an-incident", EMPTY, "b" * 32, NOW.replace(microsecond=0), NOW)


@pytest.fixture(params=["memory", "duckdb_memory", "chdb", "clickhouse"])
def store(request):
    if request.param == "memory":
        return MemoryIncidents()
    return SqlIncidents(request.getfixturevalue(request.param))


def changed(incident, **content):
    new = attrs.evolve(incident.content, **content)
    return attrs.evolve(incident, content=new, update_time=incident.update_time + timedelta(milliseconds=1))


def test_incidents_come_back_as_they_were_sorted_by_title(store):
    for incident in (FIRST, SECOND):
        store.create(incident)
    assert list(store.incidents()) == [SECOND, FIRST]
    assert store.get("123400") == store.by_slug("2024-blocking") == FIRST
    assert store.get("99") is store.by_slug("none") is None


def test_second_incident_of_an_id_or_slug_is_refused(store):
    store.create(FIRST)
    for taken in (attrs.evolve(SECOND, id=FIRST.id), attrs.evolve(SECOND, slug=FIRST.slug)):
        with pytest.raises(Conflict):
            store.create(taken)
    assert list(store.incidents()) == [FIRST]


def test_another_version_takes_the_place_of_the_one_before(store):
    store.create(FIRST)
    second = changed(FIRST, title="Blocking again", end_time=None, ccs=())
    store.replace(FIRST, second)
    third = changed(second, published=False)
    store.replace(second, third)
    assert list(store.incidents()) == [third]
    assert store.get(FIRST.id) == store.by_slug(FIRST.slug) == third


def test_change_of_a_version_that_is_not_the_latest_is_refused(store):
    store.create(FIRST)
    second = changed(FIRST, title="B")
    store.replace(FIRST, second)
    with pytest.raises(Conflict):
        store.replace(FIRST, changed(FIRST, title="C"))
    with pytest.raises(Conflict):
        store.replace(SECOND, changed(SECOND, title="C"))
    assert list(store.incidents()) == [second]


def test_deleted_incident_is_not_shown_and_keeps_its_names(store):
    store.create(FIRST)
    store.replace(FIRST, attrs.evolve(changed(FIRST, email_address=""), deleted=True))
    assert list(store.incidents()) == []
    assert store.get(FIRST.id) is store.by_slug(FIRST.slug) is None
    for taken in (FIRST, attrs.evolve(SECOND, slug=FIRST.slug)):
        with pytest.raises(Conflict):
            store.create(taken)


def test_one_of_many_who_change_an_incident_at_once_wins(store):
    store.create(FIRST)
    begin = threading.Barrier(5)

    def change(number):
        begin.wait()
        try:
            store.replace(FIRST, changed(FIRST, title=f"by {number}"))
        except Conflict:
            return None
        return number

    with ThreadPoolExecutor(5) as pool:
        (winner,) = [number for number in pool.map(change, range(5)) if number is not None]
    assert store.get(FIRST.id).content.title == f"by {winner}"
