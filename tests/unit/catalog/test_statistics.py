"""Figures for web pages, over the plain-Python catalog."""

from datetime import UTC, date, datetime, timedelta

import attrs

from ooni_adapters.memory.catalog import MemoryCatalog
from ooni_core.catalog.model import ListedUrl
from ooni_core.catalog.statistics import CountryCount, StatisticsService
from tests.stand_ins import HandClock
from tests.unit.catalog.rows import LISTS, row

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
TODAY = datetime(2026, 11, 23)


def at(number, instant, **changes):
    return attrs.evolve(row(number), measurement_start_time=instant, **changes)


def statistics(*rows, urls=LISTS, names=None, groups=None):
    catalog = MemoryCatalog(list(rows), urls, names or {}, groups or {})
    return StatisticsService(catalog, catalog, HandClock(NOW))


def test_countries_with_a_name_are_counted_in_either_case():
    found = statistics(row(1), row(2, probe_cc="it"), row(3, probe_cc="ZZ"), row(4, probe_cc="XK")).countries()
    assert found == [CountryCount("IT", "Italy", 2), CountryCount("XK", "Kosovo", 1)]


def test_country_without_data_has_no_first_day():
    assert statistics().country_overview("IT").first_day is None


def test_country_overview_leaves_out_times_before_the_project_measured():
    found = statistics(at(1, datetime(2012, 12, 1)), at(2, datetime(2012, 12, 5, 3))).country_overview("IT")
    assert (found.first_day, found.measurements, found.networks) == (date(2012, 12, 5), 1, 1)


def test_months_go_back_two_years_from_behind_the_first_instant():
    first = datetime(2024, 11, 1)
    months = statistics(
        at(1, first), at(2, first + timedelta(seconds=1)), at(3, TODAY), at(4, datetime(2026, 12, 1))
    ).by_month()
    assert [(month.keys[0], month.measurements) for month in months] == [(date(2024, 11, 1), 1), (date(2026, 11, 1), 1)]


def test_coverage_is_dense():
    coverage = statistics(at(1, TODAY - timedelta(days=4))).coverage("IT", None)
    assert len(coverage.tests) == 7 * 30
    assert len(coverage.networks) == 30
    assert ("websites", date(2026, 11, 19), 1) in coverage.tests
    assert sum(count for _, _, count in coverage.tests) == 1
    assert sum(count for _, count in coverage.networks) == 1


def test_coverage_of_unknown_groups_is_zero():
    coverage = statistics(at(1, TODAY - timedelta(days=4))).coverage("IT", ["bogus"])
    assert {count for _, count in coverage.networks} == {0}


def test_operators_table_of_groups_replaces_the_built_in_one():
    coverage = statistics(groups={"tor": "mine"}).coverage("IT", None)
    assert {group for group, _, _ in coverage.tests} == {"mine"}


def test_most_blocked_websites_come_first():
    day = TODAY - timedelta(days=1)
    found = statistics(
        at(1, day, input="quiet"),
        at(2, day, input="busy"),
        at(3, day, input="busy"),
        at(4, day, input="blocked", confirmed=True),
    ).websites("IT", 30722)
    assert [site.keys[0] for site in found] == ["blocked", "busy", "quiet"]


def test_only_tor_counts_as_tor():
    day = TODAY - timedelta(days=1)
    found = statistics(at(1, day), at(2, day, test_name="tor"), at(3, day, test_name="vanilla_tor")).tor_networks("IT")
    assert [network.measurements for network in found] == [2]


def test_messenger_days_are_32_and_today_is_zero():
    days = statistics(at(1, TODAY - timedelta(days=1), test_name="signal"), at(2, TODAY, test_name="signal"))
    series = days.messenger_by_day("IT", 30722, "signal")
    assert len(series) == 32
    assert series[-2:] == [(date(2026, 11, 22), 1), (date(2026, 11, 23), 0)]


def test_half_a_year_ends_with_the_shorter_month():
    service = statistics(
        at(1, datetime(2026, 2, 28, 12), test_name="tor"), at(2, datetime(2026, 2, 28), test_name="tor")
    )
    august = attrs.evolve(service, clock=type("August", (), {"now": lambda _: datetime(2026, 8, 31, tzinfo=UTC)})())
    assert [row.measurements for row in august.tor_networks("IT")] == [1]


def test_domain_is_found_with_and_without_www():
    urls = [
        ListedUrl("www.f.example", "https://www.f.example/", "ZZ", "GRP"),
        ListedUrl("f.example", "https://f.example/", "IT", "NEWS"),
    ]
    service = statistics(urls=urls)
    assert service.domain_metadata("f.example") == ("GRP", "www.f.example")
    assert service.domain_metadata("WWW.F.example") == ("GRP", "www.f.example")
    assert service.domain_metadata("www.x.example") == ("MISC", "x.example")


def test_shortest_url_speaks_for_a_domain():
    urls = [
        ListedUrl("f.example", "https://f.example/long", "ZZ", "NEWS"),
        ListedUrl("f.example", "http://f.example/", "ZZ", "POLR"),
    ]
    assert statistics(urls=urls).domain_metadata("f.example") == ("POLR", "f.example")


def test_every_listed_domain_is_counted_once():
    found = statistics(row(1), row(2), row(3, test_name="tor")).domains()
    assert [(d.domain, d.category_code, d.measurements) for d in found] == [
        ("a.example", "NEWS", 2),
        ("b.example", "NEWS", 0),
    ]


def test_networks_without_a_name_have_an_empty_one():
    found = statistics(row(1), row(2, probe_asn=0), row(3), names={30722: "Example"}).networks()
    assert [(n.probe_asn, n.organisation, n.measurements) for n in found] == [(30722, "Example", 2), (0, "", 1)]
