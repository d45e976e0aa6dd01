"""What every MeasurementCatalog promises, on every engine; and that all of them give equal answers."""

from datetime import date, datetime, timedelta

import attrs
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ooni_adapters.memory.catalog import MemoryCatalog
from ooni_core.catalog.model import (
    Activity,
    Axis,
    CategoryFilter,
    Cell,
    CountQuery,
    Counts,
    Cursor,
    Grain,
    MeasurementFilter,
    OrderBy,
    Page,
    Runtime,
    TimeWindow,
)
from ooni_core.catalog.service import cursor_after
from tests.contract.readapi.stores import ENGINES, catalog_on
from tests.unit.catalog.rows import LISTS, START, URLS, row, rows

ALL = MeasurementFilter()
SLOW_START = settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)


def uids(entries):
    return [entry.measurement_uid for entry in entries]


@pytest.fixture(params=["memory", *ENGINES, "clickhouse"])
def fill(request, engines):
    """Return a function that makes a catalog of the given rows."""
    return lambda found, **tables: catalog_on(request.param, engines, found, **tables)


class TestMeasurementCatalog:
    def test_page_is_in_a_total_order(self, fill):
        catalog = fill([row(n, minutes=n % 2) for n in (3, 1, 4, 2)])
        assert uids(catalog.search(ALL, Page(descending=False))) == uids([row(n) for n in (2, 4, 1, 3)])
        assert uids(catalog.search(ALL, Page())) == uids([row(n) for n in (3, 1, 4, 2)])

    def test_cursors_return_each_measurement_once_whatever_arrives_meanwhile(self, fill):
        first = uids(page := fill([row(n) for n in (1, 2, 4, 5)]).search(ALL, Page(limit=2)))
        later = fill([row(n) for n in (1, 2, 3, 4, 5, 6, 7)])
        after = cursor_after(page[-1], OrderBy.MEASUREMENT_START_TIME)
        rest = uids(later.search(ALL, Page(after=after)))
        assert first == uids([row(5), row(4)])
        assert rest == uids([row(3), row(2), row(1)])

    @pytest.mark.parametrize("descending", [True, False])
    @pytest.mark.parametrize("days", [0, 1, 2, 3, 8, 40])
    def test_page_of_a_long_window_is_found_wherever_its_measurements_lie(self, fill, descending, days):
        window = TimeWindow(START, START + timedelta(days=90))
        near = 90 * 1440 - 1 if descending else 0
        found = [row(n, minutes=near + (-1 if descending else 1) * n * days * 1440) for n in range(3)]
        catalog = fill([*found, row(3, minutes=90 * 1440), row(4, minutes=-1)])
        by_time = MeasurementFilter(window=window)
        for limit in (1, 2, 3, 4):
            page = Page(limit=limit, descending=descending)
            expected = sorted(found, key=lambda r: (r.measurement_start_time, r.measurement_uid), reverse=descending)
            kept = [r for r in expected if window.contains(r.measurement_start_time)]
            assert uids(catalog.search(by_time, page)) == uids(kept[:limit])
            assert uids(catalog.search(by_time, attrs.evolve(page, offset=1))) == uids(kept[1 : limit + 1])

    @pytest.mark.parametrize(("descending", "place"), [(True, 99), (True, 1), (False, -9), (False, 0)])
    def test_cursor_never_leads_out_of_the_window(self, fill, descending, place):
        catalog = fill([row(n, minutes=n * 1440) for n in range(-3, 10) if n])
        window = TimeWindow(START + timedelta(days=2), START + timedelta(days=5))
        after = Cursor(START + timedelta(days=place), "2")
        found = catalog.search(MeasurementFilter(window=window), Page(after=after, descending=descending))
        inside = [row(n) for n in (4, 3, 2)] if place > 1 else [] if descending else [row(n) for n in (2, 3, 4)]
        assert uids(found) == uids(inside)

    def test_measurement_scored_again_counts_once_as_last_scored(self, fill):
        catalog = fill([row(1), row(2), row(1, anomaly=True)])
        assert [entry.anomaly for entry in catalog.search(ALL, Page())] == [False, True]
        assert catalog.count(CountQuery(ALL)).cells == (Cell((), Counts(anomaly=1, ok=1, measurements=2)),)

    def test_entry_says_what_was_scored(self, fill):
        scored = row(1, confirmed=True, anomaly=True, probe_asn=4294967295, input="https://b.example/", is_verified="t")
        found = fill([scored]).by_uid(scored.measurement_uid)
        for name in ("report_id", "input", "probe_cc", "probe_asn", "test_name", "test_start_time", "scores"):
            assert getattr(found, name) == getattr(scored, name)
        assert (found.anomaly, found.confirmed, found.failure) == (True, True, False)
        assert found.measurement_start_time == scored.measurement_start_time
        assert (found.category_code, found.is_verified) == ("NEWS", "t")

    def test_unknown_measurement_is_none(self, fill):
        catalog = fill([row(1)])
        assert catalog.by_uid("20990101000000.000000_ZZ_x_0000000000000000") is None
        assert catalog.by_report("20990101T000000Z_webconnectivity_IT_30722_n1_aaaaaaaaaaaaaaaa", "") is None

    def test_newest_of_a_report_is_returned(self, fill):
        catalog = fill([row(1), row(3), row(2), row(4, input="")])
        assert catalog.by_report(row(1).report_id, "https://a.example/").measurement_uid == row(3).measurement_uid
        assert catalog.by_report(row(1).report_id, "").measurement_uid == row(4).measurement_uid

    def test_measurements_of_the_same_report_and_input_are_counted(self, fill):
        catalog = fill([row(1), row(3), row(1, anomaly=True), row(4, input="")])
        assert catalog.count_in_report(row(1).report_id, "https://a.example/") == 2
        assert catalog.count_in_report(row(1).report_id, "") == 1
        assert catalog.count_in_report(row(1).report_id, "https://never.example/") == 0

    def test_chart_without_axes_has_one_cell_even_of_nothing(self, fill):
        assert fill([]).count(CountQuery(ALL)).cells == (Cell((), Counts()),)
        assert list(fill([]).activity(CountQuery(ALL))) == [Activity()]

    def test_chart_with_axes_of_nothing_is_empty(self, fill):
        assert fill([]).count(CountQuery(ALL, (Axis.COUNTRY,))).cells == ()

    @pytest.mark.parametrize(
        ("grain", "keys"),
        [
            (Grain.HOUR, [datetime(2026, 10, 31, 23), datetime(2026, 11, 1, 0)]),
            (Grain.DAY, [date(2026, 10, 31), date(2026, 11, 1)]),
            (Grain.WEEK, [date(2026, 10, 25), date(2026, 11, 1)]),
            (Grain.MONTH, [date(2026, 10, 1), date(2026, 11, 1)]),
            (Grain.YEAR, [date(2026, 1, 1)]),
        ],
    )
    def test_time_keys_are_the_starts_of_their_steps(self, fill, grain, keys):
        catalog = fill([row(1, minutes=-1), row(2, minutes=59)])
        cells = catalog.count(CountQuery(ALL, (Axis.DAY,), grain)).cells
        assert [cell.keys[0] for cell in cells] == keys
        assert {type(cell.keys[0]) for cell in cells} == {type(keys[0])}

    def test_url_on_two_lists_counts_once_per_category(self, fill):
        catalog = fill([row(1), row(2, input="https://b.example/"), row(3, input="https://unlisted.example/")])
        cells = catalog.count(CountQuery(ALL, (Axis.CATEGORY,))).cells
        assert [(cell.keys, cell.counts.measurements) for cell in cells] == [(("NEWS",), 2), (("POLR",), 1)]

    def test_category_counts_only_on_the_admitted_lists(self, fill):
        catalog = fill([row(1), row(2, input="https://b.example/")])
        in_global = MeasurementFilter(category=CategoryFilter("NEWS", frozenset({"ZZ"})))
        in_any = MeasurementFilter(category=CategoryFilter("NEWS"))
        assert uids(catalog.search(in_global, Page())) == uids([row(1)])
        assert uids(catalog.search(in_any, Page())) == uids([row(2), row(1)])

    def test_flags_of_activity_overlap_as_stored(self, fill):
        catalog = fill([row(1, anomaly=True, confirmed=True, msm_failure=True), row(2, probe_cc="BR", minutes=3000)])
        assert list(catalog.activity(CountQuery(ALL))) == [
            Activity((), 2, 1, 1, 1, 1, 2, date(2026, 11, 1), date(2026, 11, 3))
        ]

    def test_runtimes_interpolate_and_leave_out_measurements_without_one(self, fill):
        scores = [
            '{"extra":{"test_runtime":10}}',
            '{"extra":{"test_runtime":20.0}}',
            '{"extra":{"test_runtime":40}}',
            "{}",
        ]
        catalog = fill([row(n, scores=text, test_name="tor") for n, text in enumerate(scores)])
        assert [attrs.astuple(found) for found in catalog.runtimes(ALL)] == [
            pytest.approx(attrs.astuple(Runtime("tor", "IT", date(2026, 11, 1), 20.0, 36.0, 3)))
        ]

    def test_reference_tables_are_returned(self, fill):
        catalog = fill([], names={1: "One", 4294967295: "Last"}, groups={"tor": "circumvention"})
        assert sorted(catalog.listed_urls(), key=attrs.astuple) == sorted(LISTS, key=attrs.astuple)
        assert {entry.list_name for entry in catalog.listed_urls(["b.example"])} == {"IT", "BR"}
        assert catalog.network_names() == {1: "One", 4294967295: "Last"}
        assert catalog.network_names([1, 2]) == {1: "One"}
        assert catalog.test_groups() == {"tor": "circumvention"}


def some(values):
    return st.one_of(st.just(()), st.lists(st.sampled_from(values), min_size=1, max_size=2, unique=True).map(tuple))


bounds = st.one_of(st.none(), st.integers(-60, 60_000).map(lambda minutes: START + timedelta(minutes=minutes)))
flags = st.sampled_from([None, None, True, False])
FILTERS = {
    "window": st.builds(TimeWindow, bounds, bounds),
    "report_id": st.sampled_from([None, None, row(1).report_id]),
    "inputs": some(URLS),
    "domains": some(["a.example", "bücher.example", ""]),
    "probe_ccs": some(["IT", "BR", "ZZ"]),
    "probe_asns": some([0, 30722, 4294967295]),
    "test_names": some(["web_connectivity", "tor"]),
    "category": st.sampled_from([None, None, CategoryFilter("NEWS"), CategoryFilter("NEWS", frozenset({"ZZ", "BR"}))]),
    "anomaly": flags,
    "confirmed": flags,
    "failure": flags,
    "software_versions": some(["3.20.0", "3.9.1"]),
    "test_versions": some(["0.5.0"]),
    "engine_versions": some(["", "3.20.0"]),
    "ooni_run_link_ids": some([10001, 2**40]),
    "known_country": st.booleans(),
    "known_network": st.booleans(),
}
filters = st.builds(MeasurementFilter, **FILTERS)
questions = st.builds(
    CountQuery, filters, st.lists(st.sampled_from(Axis), max_size=2, unique=True).map(tuple), st.sampled_from(Grain)
)
pages = st.builds(
    Page,
    limit=st.integers(1, 50),
    offset=st.integers(0, 5),
    order_by=st.sampled_from(OrderBy),
    descending=st.booleans(),
)
LOOSE = st.one_of(st.just(ALL), filters)


def test_random_filters_use_every_field_there_is():
    assert FILTERS.keys() == attrs.fields_dict(MeasurementFilter).keys()


@pytest.mark.parametrize("engine", ENGINES)
class TestEnginesAgreeWithPlainPython:
    @SLOW_START
    @given(found=rows(), query=questions, loose=st.booleans())
    def test_same_question_same_chart(self, engine, engines, found, query, loose):
        query = attrs.evolve(query, filter=ALL) if loose else query
        oracle = MemoryCatalog(found, LISTS)
        catalog = catalog_on(engine, engines, found)
        assert catalog.count(query).cells == oracle.count(query).cells
        assert list(catalog.activity(query)) == list(oracle.activity(query))

    @SLOW_START
    @given(found=rows(), filter=LOOSE, page=pages)
    def test_same_question_same_list(self, engine, engines, found, filter, page):
        oracle = MemoryCatalog(found, LISTS)
        catalog = catalog_on(engine, engines, found)
        # Lists do not look categories up; the oracle does so for all questions alike.
        expected = [attrs.evolve(entry, category_code="") for entry in oracle.search(filter, page)]
        assert list(catalog.search(filter, page)) == expected
        # Engines round the last bit of an interpolated quantile in their own ways.
        assert [attrs.astuple(each) for each in catalog.runtimes(filter)] == [
            pytest.approx(attrs.astuple(each)) for each in oracle.runtimes(filter)
        ]

    @SLOW_START
    @given(found=rows(), filter=LOOSE, page=pages, place=st.integers(0, 39))
    def test_list_goes_on_behind_any_of_its_entries(self, engine, engines, found, filter, page, place):
        oracle = MemoryCatalog(found, LISTS)
        whole = oracle.search(filter, attrs.evolve(page, limit=1000, offset=0))
        if not whole:
            return
        place %= len(whole)
        behind = attrs.evolve(page, after=cursor_after(whole[place], page.order_by))
        expected = whole[place + 1 : place + 1 + page.limit]
        assert list(oracle.search(filter, behind)) == expected
        found_there = catalog_on(engine, engines, found).search(filter, behind)
        assert uids(found_there) == uids(expected)

    @SLOW_START
    @given(found=rows(), query=questions)
    def test_classes_add_up_and_so_do_the_parts_of_a_window(self, engine, engines, found, query):
        catalog = catalog_on(engine, engines, found)
        middle = START + timedelta(days=9)
        total = {cell.keys: cell.counts for cell in catalog.count(query).cells}
        assert all(sum(counts[:4]) == counts[4] for counts in total.values())
        whole = TimeWindow()
        halves = [
            attrs.evolve(query, filter=attrs.evolve(query.filter, window=w))
            for w in (TimeWindow(end=middle), TimeWindow(start=middle), whole)
        ]
        first, second, both = (
            {cell.keys: cell.counts.measurements for cell in catalog.count(half).cells} for half in halves
        )
        assert both == {keys: first.get(keys, 0) + second.get(keys, 0) for keys in {**first, **second}}
