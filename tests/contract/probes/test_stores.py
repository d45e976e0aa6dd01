"""Rules, lists and counts: what their ports promise, on every engine."""

import itertools
from datetime import UTC, datetime, timedelta

import pytest

from ooni_adapters.database import open_database
from ooni_adapters.probefiles import FailoverFile
from ooni_adapters.sql.counters import SqlCounts
from ooni_adapters.sql.prioritization import SqlRules
from ooni_adapters.sql.tables import COUNTERS_ASN_TEST_LIST, URL_PRIORITIES
from ooni_adapters.sql.testlists import SqlTestLists
from ooni_core.errors import Conflict, NotFound
from ooni_core.prioritization.model import ListedUrl, PriorityRule, TestLists
from tests.embedded_clickhouse import chdb_url

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)  # a Monday
NEWS, GAME = PriorityRule("NEWS", priority=3), PriorityRule("GAME", priority=4)
WORLD = ListedUrl("https://a.example/", "a.example", "ZZ", "NEWS")
ITALY = ListedUrl("https://b.example/", "b.example", "IT", "NEWS")


_SERIAL = itertools.count()


@pytest.fixture(params=["duckdb", "chdb"])
def engine(request):
    url = "duckdb://:memory:" if request.param == "duckdb" else chdb_url(f"probes{next(_SERIAL)}")
    engine = open_database(url, lambda: NOW.replace(tzinfo=None))
    yield engine
    engine.close()


def test_rules_are_seeded_only_where_there_were_never_any(engine):
    rules = SqlRules(engine)
    assert rules.seed([NEWS, GAME], NOW)
    assert rules.rules() == [GAME, NEWS]
    assert not rules.seed([NEWS], NOW)
    rules.change(NEWS, None, "me", NOW)
    rules.change(GAME, None, "me", NOW)
    assert not rules.seed([NEWS], NOW), "somebody deleted them on purpose"
    assert rules.rules() == []


def test_change_is_made_and_remembered(engine):
    rules = SqlRules(engine)
    rules.change(None, NEWS, "me", NOW)
    rules.change(NEWS, GAME, "you", NOW + timedelta(seconds=1))
    assert rules.rules() == [GAME]
    latest, first = rules.history(5)
    assert (latest.author, latest.old, latest.new, latest.at) == ("you", NEWS, GAME, NOW + timedelta(seconds=1))
    assert (first.author, first.old, first.new) == ("me", None, NEWS)
    assert len(rules.history(1)) == 1


def test_rule_that_is_not_in_force_cannot_be_changed(engine):
    rules = SqlRules(engine)
    rules.change(None, NEWS, "me", NOW)
    for gone in (GAME, PriorityRule("NEWS", priority=99)):
        with pytest.raises(NotFound):
            rules.change(gone, None, "me", NOW)
    assert rules.rules() == [NEWS]


def test_clash_changes_nothing(engine):
    rules = SqlRules(engine)
    rules.seed([NEWS, GAME], NOW)
    with pytest.raises(Conflict):
        rules.change(GAME, PriorityRule("NEWS", priority=9), "me", NOW)
    with pytest.raises(Conflict):
        rules.change(None, PriorityRule("NEWS", priority=9), "me", NOW)
    assert rules.rules() == [GAME, NEWS]
    rules.change(NEWS, PriorityRule("NEWS", priority=9), "me", NOW)
    assert PriorityRule("NEWS", priority=9) in rules.rules()


def test_rows_of_older_systems_are_read_and_deleted(engine):
    row = {"sign": 1, "category_code": "NEWS", "cc": "it", "domain": "", "url": "", "priority": 5}
    engine.insert(URL_PRIORITIES, [row, {**row, "category_code": "news", "cc": "??"}])
    rules = SqlRules(engine)
    assert rules.rules() == [PriorityRule("NEWS", "IT", "*", "*", 5)]
    rules.change(PriorityRule("NEWS", "IT", "*", "*", 5), None, "me", NOW)
    assert rules.rules() == []


def test_lists_are_replaced_as_a_whole(engine):
    lists = SqlTestLists(engine)
    empty = lists.version()
    lists.replace([WORLD, ITALY])
    full = lists.version()
    assert lists.lists() == TestLists.of([WORLD, ITALY])
    lists.replace([WORLD])
    assert lists.lists() == TestLists.of([WORLD])
    assert len({empty, full, lists.version()}) == 3
    lists.replace([ITALY, WORLD])
    assert lists.version() == full


def test_counts_are_those_of_this_week_and_the_one_before(engine):
    weeks = {"this": "2026-11-22", "last": "2026-11-15", "old": "2026-11-08"}
    rows = [
        {"week": datetime.fromisoformat(day).date(), "probe_cc": cc, "probe_asn": asn, "input": url, "msmt_cnt": count}
        for day, cc, asn, url, count in (
            (weeks["this"], "IT", 1, WORLD.url, 1),
            (weeks["last"], "IT", 1, WORLD.url, 10),
            (weeks["old"], "IT", 1, WORLD.url, 100),
            (weeks["this"], "IT", 2, WORLD.url, 5),
            (weeks["this"], "IT", 2, ITALY.url, 7),
            (weeks["this"], "FR", 1, WORLD.url, 9),
        )
    ]
    engine.insert(COUNTERS_ASN_TEST_LIST, rows)
    counts = SqlCounts(engine).counts(NOW)
    assert counts.of("IT", 1) == {WORLD.url: 11}
    assert counts.of("IT", 2) == {WORLD.url: 5, ITALY.url: 7}
    assert counts.of("IT", 0) == {WORLD.url: 16, ITALY.url: 7}
    assert counts.of("FR", 1) == {WORLD.url: 9}
    assert counts.of("FR", 2) == counts.of("ZZ", 0) == {}


def test_no_counts_are_no_counts(engine):
    assert SqlCounts(engine).counts(NOW).of("IT", 1) == {}
    assert SqlCounts(engine).coverage(NOW) == {}


def test_failover_copy_is_given_back_and_a_broken_one_is_none(tmp_path):
    copy = FailoverFile(tmp_path / "folder" / "lists.json.gz")
    assert copy.load() is None
    copy.save(TestLists.of([WORLD, ITALY]))
    assert copy.load() == TestLists.of([WORLD, ITALY])
    copy.file.write_bytes(b"nonsense")
    assert copy.load() is None
