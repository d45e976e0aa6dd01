"""What every RuleStore, ListStore, CountStore and CoverageStore promises, on every adapter."""

import random
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest

from ooni_adapters.database import open_database
from ooni_adapters.memory.prioritization import MemoryCounts, MemoryRules, MemoryTestLists
from ooni_adapters.sql.counters import SqlCounts
from ooni_adapters.sql.prioritization import SqlRules
from ooni_adapters.sql.tables import CITIZENLAB, URL_PRIORITIES
from ooni_adapters.sql.testlists import SqlTestLists
from ooni_adapters.sql.verdicts import SqlVerdictStore
from ooni_adapters.system import locked
from ooni_core.errors import Conflict, NotFound
from ooni_core.prioritization.model import ListedUrl, PriorityRule, TestLists
from ooni_core.prioritization.ports import Coverage, Measured
from tests.contract.storage.test_scoring_stores import NOW, FixedClock, verdict
from tests.embedded_clickhouse import chdb_url

ENGINES = ("duckdb_memory", "chdb", "clickhouse")
NEWS, GAME = PriorityRule("NEWS", priority=3), PriorityRule("GAME", priority=4)
WORLD = ListedUrl("https://a.example/", "a.example", "ZZ", "NEWS")
ITALY = ListedUrl("https://b.example/", "b.example", "IT", "NEWS")
SOON = timedelta(seconds=1)


@pytest.fixture(params=ENGINES)
def engine(request):
    return request.getfixturevalue(request.param)


class TestRuleStore:
    @pytest.fixture(params=["memory", *ENGINES])
    def rules(self, request):
        return MemoryRules() if request.param == "memory" else SqlRules(request.getfixturevalue(request.param))

    def test_rules_are_seeded_only_where_there_were_never_any(self, rules):
        assert rules.seed([NEWS, GAME], NOW) is True
        assert rules.rules() == [GAME, NEWS]
        assert rules.seed([NEWS], NOW) is False
        rules.change(NEWS, None, "me", NOW)
        rules.change(GAME, None, "me", NOW)
        assert rules.seed([NEWS], NOW) is False, "somebody deleted them on purpose"
        assert rules.rules() == []

    def test_seeding_is_in_the_history_as_done_by_the_service(self, rules):
        rules.seed([NEWS], NOW)
        assert [(c.at, c.author, c.old, c.new) for c in rules.history(5)] == [(NOW, "", None, NEWS)]

    def test_change_is_made_and_remembered(self, rules):
        rules.change(None, NEWS, "me", NOW)
        rules.change(NEWS, GAME, "you", NOW + SOON)
        rules.change(GAME, None, "you", NOW + 2 * SOON)
        assert rules.rules() == []
        found = [(change.author, change.old, change.new, change.at) for change in rules.history(5)]
        assert found == [
            ("you", GAME, None, NOW + 2 * SOON),
            ("you", NEWS, GAME, NOW + SOON),
            ("me", None, NEWS, NOW),
        ]
        assert [change.new for change in rules.history(2)] == [None, GAME]

    def test_rule_that_is_not_in_force_cannot_be_changed(self, rules):
        rules.change(None, NEWS, "me", NOW)
        for gone in (GAME, PriorityRule("NEWS", priority=99)):
            with pytest.raises(NotFound):
                rules.change(gone, None, "me", NOW)
        assert rules.rules() == [NEWS]
        assert len(rules.history(5)) == 1

    def test_clash_changes_nothing(self, rules):
        rules.seed([NEWS, GAME], NOW)
        for old in (GAME, None):
            with pytest.raises(Conflict):
                rules.change(old, PriorityRule("NEWS", priority=9), "me", NOW)
        assert rules.rules() == [GAME, NEWS]
        assert len(rules.history(5)) == 2

    def test_priority_of_a_rule_can_be_changed(self, rules):
        rules.seed([NEWS, GAME], NOW)
        rules.change(NEWS, PriorityRule("NEWS", priority=9), "me", NOW + SOON)
        assert rules.rules() == [GAME, PriorityRule("NEWS", priority=9)]

    def test_one_of_many_who_change_a_rule_at_once_wins(self, rules):
        winner = winner_of_changes([rules] * 6)
        assert rules.rules() == [PriorityRule("NEWS", priority=100 + winner)]
        assert [change.author for change in rules.history(9)] == [f"admin {winner}", "me"]


def winner_of_changes(stores):
    """Let everybody change one rule at once, each through a store; return the number of the only one who could."""
    stores[0].change(None, NEWS, "me", NOW)
    begin = threading.Barrier(len(stores))

    def change(number):
        begin.wait()
        try:
            stores[number].change(NEWS, PriorityRule("NEWS", priority=100 + number), f"admin {number}", NOW + SOON)
        except NotFound:
            return None
        return number

    with ThreadPoolExecutor(len(stores)) as pool:
        (winner,) = [number for number in pool.map(change, range(len(stores))) if number is not None]
    return winner


@pytest.mark.usefixtures("chdb")
def test_processes_that_share_clickhouse_change_rules_one_after_the_other(tmp_path):
    engines = [open_database(chdb_url("storage"), prepare=False) for _ in range(3)]
    stores = [SqlRules(engine, partial(locked, tmp_path / "rules.lock")) for engine in engines]
    winner = winner_of_changes(stores)
    assert stores[0].rules() == [PriorityRule("NEWS", priority=100 + winner)]
    for engine in engines:
        engine.close()


def test_rows_of_older_systems_are_read_and_deleted(engine):
    row = {"sign": 1, "category_code": "NEWS", "cc": "it", "domain": "", "url": "", "priority": 5}
    engine.insert(URL_PRIORITIES, [row, {**row, "category_code": "news", "cc": "??"}])
    rules = SqlRules(engine)
    assert rules.rules() == [PriorityRule("NEWS", "IT", "*", "*", 5)]
    rules.change(PriorityRule("NEWS", "IT", "*", "*", 5), None, "me", NOW)
    assert rules.rules() == []


class TestListStore:
    @pytest.fixture(params=["memory", *ENGINES])
    def lists(self, request):
        if request.param == "memory":
            return MemoryTestLists()
        return SqlTestLists(request.getfixturevalue(request.param))

    def test_lists_are_replaced_as_a_whole(self, lists):
        assert lists.lists() == TestLists.of([])
        for entries in ([WORLD, ITALY], [WORLD], []):
            lists.replace(entries)
            assert lists.lists() == TestLists.of(entries)

    def test_version_changes_whenever_the_lists_do_and_not_otherwise(self, lists):
        versions = [lists.version()]
        for entries in ([WORLD, ITALY], [WORLD], [ListedUrl(WORLD.url, WORLD.domain, "ZZ", "POLR")]):
            lists.replace(entries)
            versions.append(lists.version())
        assert len(set(versions)) == 4
        lists.replace([ITALY, WORLD])
        assert lists.version() == versions[1]


def counting_of(engine, rows, listed):
    """Give *engine* these rows one by one, as they arrive, and return what counts them."""
    urls = [{"domain": "d", "url": url, "cc": cc, "category_code": "NEWS"} for url in listed for cc in ("ZZ", "IT")]
    engine.replace({CITIZENLAB: urls})
    SqlVerdictStore(engine, FixedClock()).put(rows)
    return SqlCounts(engine)


class TestCounts:
    """CountStore and CoverageStore."""

    @pytest.fixture(params=["memory", *ENGINES])
    def counting(self, request):
        """Return a function that makes a store which has seen the given verdicts, with these URLs on lists."""
        if request.param == "memory":
            return lambda rows, listed: MemoryCounts([stored.row for stored in rows], frozenset(listed), NOW)
        engine = request.getfixturevalue(request.param)
        return lambda rows, listed: counting_of(engine, rows, listed)

    def test_counts_are_those_of_this_week_and_the_one_before(self, counting):
        sundays = {"this": "2024-05-12", "last": "2024-05-05", "old": "2024-05-04"}
        seen = [
            ("this", "IT", 1, WORLD.url),
            *[("last", "IT", 1, WORLD.url)] * 3,
            ("old", "IT", 1, WORLD.url),
            ("this", "IT", 2, WORLD.url),
            ("this", "IT", 4_294_967_295, ITALY.url),
            ("this", "FR", 1, WORLD.url),
            ("this", "IT", 1, "https://unlisted.example/"),
        ]
        rows = [
            verdict(
                f"m{n}",
                probe_cc=cc,
                probe_asn=asn,
                input=url,
                measurement_start_time=datetime.fromisoformat(sundays[week]),
            )
            for n, (week, cc, asn, url) in enumerate(seen)
        ]
        counts = counting(rows, [WORLD.url, ITALY.url]).counts(NOW)
        assert counts.of("IT", 1) == {WORLD.url: 4}
        assert counts.of("IT", 4_294_967_295) == {ITALY.url: 1}
        assert counts.of("IT", 0) == {WORLD.url: 5, ITALY.url: 1}
        assert counts.of("FR", 1) == counts.of("FR", 0) == {WORLD.url: 1}
        assert counts.of("FR", 2) == counts.of("ZZ", 0) == {}

    def test_counts_are_those_of_one_moment(self, counting):
        counts = counting([verdict("m1")], [verdict().row.input]).counts(NOW)
        counting([verdict("m2")], [verdict().row.input])
        assert counts.of("IT", 0) == {verdict().row.input: 1}

    def test_what_was_scored_lately_is_told_unless_it_arrived_long_before(self, counting):
        started = NOW - timedelta(hours=5)
        more = {"probe_asn": 4_200_000_001, "input": ITALY.url, "measurement_start_time": started.replace(tzinfo=None)}
        uids = [f"{NOW - timedelta(minutes=minutes):%Y%m%d%H%M%S}.000001_IT_x_{minutes}" for minutes in (59, 61)]
        counts = counting(
            [*(verdict(uid, **more) for uid in uids), verdict("m1", test_name="tor")], [WORLD.url, ITALY.url]
        )
        assert counts.measured_since(NOW) == [Measured(uids[0], "IT", 4_200_000_001, ITALY.url, started)]
        assert counts.measured_since(NOW + SOON) == []

    def test_coverage_sums_up_by_country_and_url_from_an_instant_on(self, counting):
        start = NOW - timedelta(hours=5)
        rows = [
            verdict("m1", input=WORLD.url, anomaly=True, measurement_start_time=start.replace(tzinfo=None)),
            verdict("m2", input=WORLD.url, anomaly=False, test_name="dnscheck"),
            verdict("m3", input=WORLD.url, probe_cc="FR", anomaly=False),
            verdict("m4", input=WORLD.url, measurement_start_time=start.replace(tzinfo=None) - SOON),
            verdict("m5", input="https://unlisted.example/"),
        ]
        found = counting(rows, [WORLD.url]).coverage(start)
        assert found == {("IT", WORLD.url): Coverage(2, 1), ("FR", WORLD.url): Coverage(1, 0)}
        assert found["IT", WORLD.url].anomaly_percent == 50

    def test_nothing_measured_is_nothing_counted(self, counting):
        counts = counting([], [WORLD.url])
        assert counts.counts(NOW).of("IT", 1) == counts.coverage(NOW) == {}

    def test_random_measurements_are_counted_as_in_plain_python(self, counting):
        rnd = random.Random(7)
        urls = [f"https://{n}.example/" for n in range(6)]
        rows = [
            verdict(
                f"m{rnd.randrange(80)}",
                input=rnd.choice([*urls, ""]),
                probe_cc=rnd.choice(["IT", "FR"]),
                probe_asn=rnd.choice([0, 1, 4_200_000_001]),
                test_name=rnd.choice(["web_connectivity", "web_connectivity", "tor"]),
                anomaly=rnd.choice([True, False]),
                measurement_start_time=NOW.replace(tzinfo=None) - timedelta(hours=rnd.randrange(-5, 400)),
            )
            for _ in range(120)
        ]
        found, oracle = counting(rows, urls[:4]), MemoryCounts([stored.row for stored in rows], frozenset(urls[:4]))
        for cc in ("IT", "FR", "ZZ"):
            for asn in (0, 1, 4_200_000_001):
                assert found.counts(NOW).of(cc, asn) == oracle.counts(NOW).of(cc, asn)
        since = datetime(2024, 5, 10, tzinfo=UTC)
        assert found.coverage(since) == oracle.coverage(since)
