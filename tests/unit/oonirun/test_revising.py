"""Links with revisions, over a store in memory."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import attrs
import pytest

from ooni_adapters.memory.oonirun import MemoryLinks
from ooni_core.accounts.model import Session
from ooni_core.errors import Conflict
from ooni_core.oonirun.links import NEVER, RunLink
from ooni_core.oonirun.model import LinkVersion
from ooni_core.oonirun.revising import RevisedLinks
from tests.stand_ins import HandClock, Zeros
from tests.unit.oonirun.documents import LINK

NOW = datetime(2026, 11, 23, 22, 41, 49, 123_000, tzinfo=UTC)
ADA = Session("ada", "user", NOW, 0)


class NoWebsites:
    def urls(self, probe_cc, probe_asn, limit, categories, seed):
        return []


def links(store=None):
    return RevisedLinks(store or MemoryLinks(), HandClock(NOW), Zeros(), lambda address: address, NoWebsites())


def test_links_that_are_made_at_once_have_different_ids():
    made, begin = links(), threading.Barrier(5)

    def create(_):
        begin.wait()
        return made.create(ADA, LINK).latest.link_id

    with ThreadPoolExecutor(5) as pool:
        assert sorted(pool.map(create, range(5))) == [10_000, 10_001, 10_002, 10_003, 10_004]


@attrs.define
class Contested(MemoryLinks):
    """Somebody else is always faster."""

    def add(self, version, after):
        raise Conflict("it was changed meanwhile")


def test_id_that_others_keep_taking_is_given_up():
    with pytest.raises(Conflict, match="try again"):
        links(Contested()).create(ADA, LINK)


def test_change_that_others_overtake_is_not_made():
    store = MemoryLinks()
    links(store).create(ADA, LINK)
    overtaken = Contested()
    overtaken._versions.update(store._versions)
    with pytest.raises(Conflict, match="meanwhile"):
        links(overtaken).edit(ADA, "10000", {**LINK, "name": "Other"})
    assert overtaken.versions() == store.versions()


VERSION = LinkVersion(10_000, {}, NOW, NOW, "ada")
PAST = NOW.replace(microsecond=0) - timedelta(days=1)


@pytest.mark.parametrize(
    ("changed", "end", "has_ended"),
    [
        ({}, NEVER, False),
        ({"expires": PAST}, PAST, True),
        ({"archived": True}, NOW, True),
        ({"archived": True, "expires": PAST}, PAST, True),
    ],
)
def test_end_of_a_link_is_its_expiration_or_when_it_was_archived(changed, end, has_ended):
    link = RunLink((attrs.evolve(VERSION, **changed),), NOW)
    assert (link.end, link.has_ended) == (end, has_ended)
