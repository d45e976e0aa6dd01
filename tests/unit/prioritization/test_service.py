from datetime import UTC, datetime, timedelta

import pytest

from ooni_core.errors import Unavailable
from ooni_core.prioritization.defaults import DEFAULT_RULES, SEED_LIST
from ooni_core.prioritization.model import ListedUrl, PriorityRule, TestLists
from ooni_core.prioritization.ports import Measured
from ooni_core.prioritization.service import Prioritization
from tests.unit.prioritization.stores import HandClock, PlainStore

HOUR = timedelta(hours=1)
ONE = ListedUrl("https://one.example/", "one.example", "ZZ", "NEWS")
TWO = ListedUrl("https://two.example/", "two.example", "IT", "NEWS")
ALIEN = ListedUrl("https://three.example/", "three.example", "ZZ", "ODD")


class Kept:
    def __init__(self, lists=None):
        self.lists = lists

    def save(self, lists):
        self.lists = lists

    def load(self):
        return self.lists


def service(store, clock=None, failover=None):
    return Prioritization(store, store, store, clock or HandClock(), failover=failover)


def urls(prioritization, cc="IT", asn=1, limit=100, categories=(), seed=5):
    return [entry.url for entry in prioritization.urls(cc, asn, limit, categories, seed)]


def measured(entry, number, asn=1):
    return Measured(f"uid-{number}", "IT", asn, entry.url, HandClock().now() - HOUR)


def test_before_the_first_refresh_the_seed_list_is_handed_out():
    asked = service(PlainStore(down=True))
    assert set(urls(asked, limit=9999)) == {entry.url for entry in SEED_LIST}
    with pytest.raises(Unavailable):
        asked.refresh()
    assert len(urls(asked, limit=20)) == 20
    assert not asked.loaded


def test_copy_kept_beside_the_service_serves_a_start_without_database():
    kept = Kept()
    asked = service(PlainStore([ONE, TWO]), failover=kept)
    asked.refresh()
    asked.keep()
    assert set(urls(service(PlainStore(down=True), failover=kept))) == set() | {ONE.url, TWO.url}


def refreshed(store, clock=None):
    asked = service(store, clock)
    asked.refresh()
    return asked


def test_answers_go_on_when_a_later_refresh_fails():
    store = PlainStore([ONE, TWO])
    asked = refreshed(store)
    store.down = True
    with pytest.raises(Unavailable):
        asked.refresh()
    assert set(urls(asked)) == {ONE.url, TWO.url}
    assert asked.loaded


def test_lists_are_read_again_only_when_they_changed():
    store = PlainStore([ONE])
    asked = refreshed(store)
    asked.refresh()
    assert store.lists_read == 1
    store.entries = [ONE, TWO]
    asked.refresh()
    assert store.lists_read == 2
    assert set(urls(asked)) == {ONE.url, TWO.url}


def test_empty_tables_still_give_every_probe_something():
    asked = refreshed(PlainStore())
    assert urls(asked, "ZZ", 0)
    assert urls(asked, "FR", 5, categories={"GMB"})


def test_measurement_lowers_a_url_within_the_freshness():
    clock, store = HandClock(), PlainStore([ONE, TWO])
    asked = refreshed(store, clock)
    before = urls(asked)
    head = ONE if before[0] == ONE.url else TWO
    asked.measured([measured(head, 1)])
    clock.pass_seconds(2)
    assert urls(asked)[-1] == head.url
    assert urls(asked, asn=2, seed=5) == before, "other networks are not affected"
    assert next(r.measured for r in asked.explain("IT", 1) if r.entry == head) == 1
    assert next(r.measured for r in asked.explain("IT", 0) if r.entry == head) == 1


def count(asked, asn=1):
    return asked.explain("IT", asn)[0].measured


def test_recent_counts_come_on_top_of_the_stored_ones_until_these_are_read_again():
    clock, store = HandClock(), PlainStore([ONE], counted={("IT", 1): {ONE.url: 10}})
    asked = refreshed(store, clock)
    asked.measured([measured(ONE, 1), measured(ONE, 2)])
    assert count(asked) == 12
    store.counted = {("IT", 1): {ONE.url: 12}}
    asked.refresh()
    assert (count(asked), store.counts_read) == (12, 1), "they are not read yet"
    clock.pass_seconds(600)
    asked.refresh()
    assert (count(asked), store.counts_read) == (12, 2)


def test_measurement_that_this_process_and_the_database_tell_of_counts_once():
    clock, store = HandClock(), PlainStore([ONE])
    asked = refreshed(store, clock)
    asked.measured([measured(ONE, 1)])
    store.scored = [(clock.now(), measured(ONE, 1)), (clock.now(), measured(ONE, 2, asn=2))]
    for _ in range(3):
        clock.pass_seconds(5)
        asked.refresh()
        assert [count(asked, asn) for asn in (0, 1, 2)] == [2, 1, 1]


def test_what_another_process_scored_lowers_a_url_at_the_next_refresh():
    clock, store = HandClock(), PlainStore([ONE, TWO])
    asked = refreshed(store, clock)
    head = ONE if urls(asked)[0] == ONE.url else TWO
    clock.pass_seconds(5)
    store.scored = [(clock.now(), measured(head, 1))]
    asked.refresh()
    assert urls(asked)[-1] == head.url


def test_measurement_whose_row_appears_late_is_not_missed():
    clock, store = HandClock(), PlainStore([ONE])
    asked = refreshed(store, clock)
    clock.pass_seconds(5)
    scored = clock.now()
    clock.pass_seconds(20)
    asked.refresh()
    store.scored = [(scored, measured(ONE, 1))]
    clock.pass_seconds(5)
    asked.refresh()
    assert count(asked) == 1


def test_what_was_scored_before_counts_were_read_does_not_come_on_top():
    clock, store = HandClock(), PlainStore([ONE], counted={("IT", 1): {ONE.url: 1}})
    store.scored = [(clock.now() - timedelta(seconds=1), measured(ONE, 1))]
    asked = refreshed(store, clock)
    assert count(asked) == 1
    clock.pass_seconds(5)
    asked.refresh()
    assert count(asked) == 1


def test_measurements_of_long_ago_and_of_wrong_clocks_do_not_count():
    clock = HandClock()
    asked = refreshed(PlainStore([ONE]), clock)
    for number, at in enumerate([clock.now() - timedelta(days=15), clock.now() + HOUR]):
        asked.measured([Measured(f"uid-{number}", "IT", 1, ONE.url, at)])
    assert count(asked) == 0


@pytest.mark.parametrize("why", ["lists changed", "another week began", "ten minutes passed"])
def test_counts_are_read_as_a_whole_only_when(why):
    clock = HandClock(datetime(2026, 11, 28, 23, 59, 50, tzinfo=UTC))  # a Saturday
    store = PlainStore([ONE])
    asked = refreshed(store, clock)
    clock.pass_seconds(5)
    asked.refresh()
    assert store.counts_read == 1
    if why == "lists changed":
        store.entries = [ONE, TWO]
    else:
        clock.pass_seconds(600 if "minutes" in why else 5)
    asked.refresh()
    assert store.counts_read == 2


def test_orders_are_kept_for_as_long_as_nothing_changes():
    clock, store = HandClock(), PlainStore([ONE], [PriorityRule("NEWS", priority=10)])
    asked = refreshed(store, clock)
    generations = [asked.snapshot.generation]
    for change in (lambda: None, lambda: store.held_rules.append(PriorityRule("GMB", priority=1)), lambda: None):
        change()
        clock.pass_seconds(5)
        asked.refresh()
        generations.append(asked.snapshot.generation)
    assert generations == [1, 1, 2, 2]


def test_failed_refresh_does_not_lose_recent_counts():
    store = PlainStore([ONE])
    asked = refreshed(store)
    asked.measured([measured(ONE, 1)])
    store.down = True
    with pytest.raises(Unavailable):
        asked.refresh()
    assert asked.explain("IT", 1)[0].measured == 1


def test_edited_rules_hold_at_once():
    store = PlainStore([ONE, TWO], [PriorityRule("NEWS", priority=10)])
    asked = refreshed(store)
    store.held_rules.append(PriorityRule(domain="one.example", priority=-50))
    asked.refresh_rules()
    assert urls(asked) == [TWO.url]


def test_what_rules_take_out_stays_out_even_when_nothing_else_is_left():
    asked = refreshed(PlainStore([ONE], [PriorityRule("NEWS", priority=-1)]))
    assert urls(asked, categories={"NEWS"}) == []


def test_unfavoured_urls_come_only_when_there_is_nothing_else():
    asked = refreshed(PlainStore([ONE, ALIEN], [PriorityRule("NEWS", priority=10)]))
    assert urls(asked) == [ONE.url]
    assert urls(asked, categories={"ODD"}) == [ALIEN.url]


def test_category_that_exists_nowhere_gives_nothing():
    assert urls(refreshed(PlainStore([ONE])), categories={"BOGUS"}) == []


def test_country_lists_go_to_their_country_only():
    asked = refreshed(PlainStore([ONE, TWO]))
    assert urls(asked, "FR") == [ONE.url]


def test_default_rules_are_seeded_once():
    store = PlainStore()
    asked = service(store)
    assert asked.seed_rules()
    assert not asked.seed_rules()
    assert store.held_rules == list(DEFAULT_RULES)


def test_rules_for_a_country_leave_out_those_of_others():
    mine, all_, other = PriorityRule("NEWS", "IT"), PriorityRule("NEWS"), PriorityRule("NEWS", "US")
    asked = refreshed(PlainStore([ONE], [mine, all_, other]))
    assert set(asked.rules_for("IT")) == {mine, all_}


def test_lists_are_equal_whatever_the_order_of_their_lines():
    assert TestLists.of([ONE, TWO]) == TestLists.of([TWO, ONE, ONE])
