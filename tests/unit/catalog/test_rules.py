"""Windows, grains and pages of the catalog."""

from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ooni_core.catalog.model import Axis, CategoryFilter, CountQuery, Grain, MeasurementFilter, Page, TimeWindow
from ooni_core.catalog.rules import (
    PageNumbers,
    UnsupportedChart,
    check_axes,
    chosen_grain,
    default_window,
    page_numbers,
    step_start,
)
from ooni_core.errors import Invalid

NOW = datetime(2026, 11, 23, 22, 41, 49, tzinfo=UTC)
START = datetime(2026, 1, 1)

seconds = st.datetimes(datetime(1990, 1, 1), datetime(2090, 1, 1)).map(lambda t: t.replace(microsecond=0))
instants = st.datetimes(datetime(1990, 1, 1), datetime(2090, 1, 1))


@given(since=instants, until=instants, start=seconds)
def test_window_of_a_chart_has_its_first_instant_and_lacks_its_last(since, until, start):
    assert TimeWindow.since_until(since, until).contains(start) == (since <= start < until)


@given(since=instants, until=instants, start=seconds)
def test_window_of_a_list_lacks_its_first_instant_and_has_its_last(since, until, start):
    assert TimeWindow.after_through(since, until).contains(start) == (since < start <= until)


def test_open_window_has_everything():
    assert TimeWindow().contains(datetime(1999, 1, 1))


@pytest.mark.parametrize("zone", [UTC, timezone(timedelta(hours=14)), timezone(timedelta(hours=-14))])
@pytest.mark.parametrize("extreme", [datetime.min, datetime.max])
def test_bounds_at_the_ends_of_the_calendar_are_moved_to_where_measurements_can_be(extreme, zone):
    window = TimeWindow.since_until(extreme.replace(tzinfo=zone), None)
    assert window.start in (datetime(1970, 1, 1), datetime(2106, 1, 1))


def test_bounds_with_a_zone_are_converted():
    aware = datetime(2026, 1, 1, 2, tzinfo=timezone(timedelta(hours=2)))
    assert TimeWindow.since_until(aware, None).start == START


def test_list_without_bounds_covers_thirty_days_until_the_next_midnight():
    assert default_window(None, None, NOW) == (datetime(2026, 10, 25), datetime(2026, 11, 24))


def test_missing_start_is_relative_to_the_given_end():
    assert default_window(None, datetime(2026, 10, 1), NOW)[0] == datetime(2026, 9, 1)
    assert default_window(None, datetime(1, 1, 5), NOW)[0] == datetime(1970, 1, 1)


@pytest.mark.parametrize(
    ("days", "grain"),
    [(1, Grain.HOUR), (7, Grain.HOUR), (8, Grain.DAY), (30, Grain.DAY), (366, Grain.DAY), (4400, Grain.DAY)],
)
def test_auto_grain_is_the_finest_and_never_coarser_than_a_day(days, grain):
    assert chosen_grain(START, START + timedelta(days=days), None) is grain


@pytest.mark.parametrize(
    ("days", "refused", "allowed"),
    [
        (2, Grain.YEAR, "hour, day, auto"),
        (8, Grain.HOUR, "day, week, auto"),
        (31, Grain.HOUR, "day, week, month, auto"),
        (730, Grain.HOUR, "day, week, month, year, auto"),
    ],
)
def test_grain_that_does_not_suit_the_span_is_refused_with_those_that_do(days, refused, allowed):
    with pytest.raises(UnsupportedChart) as caught:
        chosen_grain(START, START + timedelta(days=days), refused)
    assert str(caught.value) == f"Choose time_grain between {allowed} for the given time range"


@pytest.mark.parametrize(
    ("since", "until"), [(None, START), (START, None), (START, START), (START, datetime(2025, 1, 1))]
)
def test_time_axis_needs_two_bounds_in_order(since, until):
    with pytest.raises(UnsupportedChart, match="Invalid since and until values"):
        chosen_grain(since, until, None)


@pytest.mark.parametrize(
    ("grain", "key"),
    [
        (Grain.HOUR, datetime(2026, 11, 21, 13)),
        (Grain.DAY, date(2026, 11, 21)),
        (Grain.WEEK, date(2026, 11, 15)),
        (Grain.MONTH, date(2026, 11, 1)),
        (Grain.YEAR, date(2026, 1, 1)),
    ],
)
def test_key_of_a_step_is_its_start(grain, key):
    assert step_start(datetime(2026, 11, 21, 13, 14, 15), grain) == key


@given(day=st.dates(date(1990, 1, 1), date(2090, 1, 1)))
def test_weeks_begin_on_the_sunday_on_or_before(day):
    start = step_start(datetime(day.year, day.month, day.day), Grain.WEEK)
    assert start.isoweekday() == 7
    assert 0 <= (day - start).days < 7


def test_full_page_does_not_know_the_total():
    assert page_numbers(100, 100, 100) == PageNumbers(-1, -1, 2, has_next=True)


def test_short_page_is_the_last_and_counts_all():
    assert page_numbers(70, 10, 4) == PageNumbers(74, 8, 8, has_next=False)


def test_empty_page_behind_a_total_that_fills_its_pages():
    assert page_numbers(300, 100, 0) == PageNumbers(300, 3, 4, has_next=False)


def test_axes_differ():
    with pytest.raises(Invalid, match="Axis X and Y cannot be the same"):
        check_axes(CountQuery(MeasurementFilter(), (Axis.COUNTRY, Axis.COUNTRY)))


MONTH = TimeWindow(START, START + timedelta(days=31))
LONGER = TimeWindow(START, START + timedelta(days=31, seconds=1))


@pytest.mark.parametrize("window", [LONGER, TimeWindow(), TimeWindow(start=START), TimeWindow(end=START)])
def test_chart_along_inputs_needs_a_month_or_a_filter_that_leaves_few(window):
    axes = (Axis.COUNTRY, Axis.INPUT)
    check_axes(CountQuery(MeasurementFilter(window=MONTH), axes))
    check_axes(CountQuery(MeasurementFilter(window=window), (Axis.DOMAIN,)))
    for narrow in (
        {"probe_ccs": ("IT",)},
        {"probe_asns": (1,)},
        {"domains": ("a.example",)},
        {"inputs": ("https://a.example/",)},
        {"category": CategoryFilter("NEWS")},
        {"ooni_run_link_ids": (10001,)},
    ):
        check_axes(CountQuery(MeasurementFilter(window=window, **narrow), axes))
    with pytest.raises(UnsupportedChart, match="only allowed over up to 31 days without probe_cc"):
        check_axes(CountQuery(MeasurementFilter(window=window, test_names=("tor",)), axes))


@pytest.mark.parametrize("wrong", [{"limit": 0}, {"limit": -1}, {"offset": -1}])
def test_impossible_page_cannot_exist(wrong):
    with pytest.raises(Invalid):
        Page(**wrong)
