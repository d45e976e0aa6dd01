"""What every LinkStore promises, on every adapter."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import attrs
import pytest

from ooni_adapters.memory.oonirun import MemoryLinks
from ooni_adapters.sql.oonirun import SqlLinks
from ooni_core.errors import Conflict
from ooni_core.oonirun.model import LinkVersion

NOW = datetime(2024, 5, 15, 12, 0, 0, 123_000, tzinfo=UTC)
SOON = timedelta(milliseconds=1)
DESCRIPTOR = {
    "name": "Наблюдение '; DROP TABLE oonirun --",
    "name_intl": {"it": "corsa"},
    "author": "me",
    "icon": None,
    "nettests": [
        {"test_name": "web_connectivity", "inputs": ["https://a.example/"], "options": {"HTTP3Enabled": True}}
    ],
    "number": 1.5,
}
FIRST = LinkVersion(429_496_729_599, DESCRIPTOR, NOW, NOW, "a" * 32)
OTHER = attrs.evolve(FIRST, link_id=7, creator_account_id="b" * 32)


@pytest.fixture(params=["memory", "duckdb_memory", "chdb", "clickhouse"])
def store(request):
    return MemoryLinks() if request.param == "memory" else SqlLinks(request.getfixturevalue(request.param))


def version_after(known, **changed):
    at = max(known.order) + SOON
    return attrs.evolve(known, descriptor_creation_time=at, translation_creation_time=at, **changed)


def translation_of(known, name):
    descriptor = {**known.descriptor, "name": name}
    return attrs.evolve(known, descriptor=descriptor, translation_creation_time=known.translation_creation_time + SOON)


def test_versions_come_back_as_they_were_oldest_first(store):
    store.add(FIRST, None)
    store.add(OTHER, None)
    second = version_after(FIRST, descriptor={**DESCRIPTOR, "author": "you"})
    store.add(second, FIRST)
    assert list(store.versions()) == [OTHER, FIRST, second]
    assert list(store.versions([FIRST.link_id])) == [FIRST, second]
    assert list(store.versions([FIRST.link_id, 7, 5])) == [OTHER, FIRST, second]
    assert list(store.versions([5])) == list(store.versions([])) == []


def test_versions_know_when_they_end(store):
    ending = attrs.evolve(OTHER, expires=NOW.replace(microsecond=0) + timedelta(days=180))
    store.add(ending, None)
    store.add(FIRST, None)
    assert list(store.versions()) == [ending, FIRST]
    assert FIRST.expires is None


def test_lowest_free_id_is_between_those_that_are_taken(store):
    assert store.first_free(10_000) == 10_000
    for taken in (9_999, 10_000, 10_001, 10_003):
        store.add(attrs.evolve(FIRST, link_id=taken), None)
    assert [store.first_free(start) for start in (9_998, 9_999, 10_003, 20_000)] == [9_998, 10_002, 10_004, 20_000]


def test_translation_takes_the_place_of_the_version_it_translates(store):
    store.add(FIRST, None)
    translated = translation_of(FIRST, "in other words")
    store.add(translated, FIRST)
    assert list(store.versions()) == [translated]


def test_change_of_a_version_that_is_not_the_latest_is_refused(store):
    store.add(FIRST, None)
    second = version_after(FIRST)
    store.add(second, FIRST)
    for version, after in ((version_after(FIRST), FIRST), (FIRST, None), (version_after(OTHER), OTHER)):
        with pytest.raises(Conflict):
            store.add(version, after)
    assert list(store.versions()) == [FIRST, second]


def test_archiving_marks_every_version_of_one_link(store):
    store.add(FIRST, None)
    store.add(version_after(FIRST), FIRST)
    store.add(OTHER, None)
    for _ in range(2):
        store.archive(FIRST.link_id)
        store.archive(99)
    assert [(each.link_id, each.archived) for each in store.versions()] == [
        (7, False),
        (FIRST.link_id, True),
        (FIRST.link_id, True),
    ]


def test_one_of_many_who_change_a_link_at_once_wins(store):
    store.add(FIRST, None)
    begin = threading.Barrier(5)

    def change(number):
        begin.wait()
        try:
            store.add(translation_of(FIRST, f"by {number}"), FIRST)
        except Conflict:
            return None
        return number

    with ThreadPoolExecutor(5) as pool:
        (winner,) = [number for number in pool.map(change, range(5)) if number is not None]
    assert [each.descriptor["name"] for each in store.versions()] == [f"by {winner}"]
