"""Pure rules of the catalog: windows, grains, pages, and which rows a filter keeps."""

import math
from collections.abc import Collection
from datetime import date, datetime, time, timedelta

import attrs

from ooni_core.catalog.model import (
    EARLIEST,
    UNKNOWN_COUNTRY,
    UNKNOWN_NETWORK,
    Axis,
    CountQuery,
    Counts,
    Grain,
    MeasurementFilter,
)
from ooni_core.errors import Invalid
from ooni_core.scoring.model import FastpathRow

DEFAULT_SPAN = timedelta(days=30)
_LONGEST_BY_INPUT = timedelta(days=31)

_GRAINS_BY_SPAN: tuple[tuple[timedelta, tuple[Grain, ...]], ...] = (
    (timedelta(days=7), (Grain.HOUR, Grain.DAY)),
    (timedelta(days=30), (Grain.DAY, Grain.WEEK)),
    (timedelta(days=365), (Grain.DAY, Grain.WEEK, Grain.MONTH)),
    (timedelta.max, (Grain.DAY, Grain.WEEK, Grain.MONTH, Grain.YEAR)),
)


class UnsupportedChart(Invalid):
    """The parameters are well formed, but no chart has that axis, that grain, or that many cells."""

    code = "unsupported_chart"


def default_window(since: datetime | None, until: datetime | None, now: datetime) -> tuple[datetime, datetime]:
    """Fill in a list's missing bounds: until the next midnight (UTC), since 30 days before *until*.

    Args:
        since: naive UTC, or None.
        until: naive UTC, or None.
        now: any aware instant.
    """
    if until is None:
        until = datetime.combine(now.date() + timedelta(days=1), time())
    if since is None:
        since = until - DEFAULT_SPAN if until > EARLIEST + DEFAULT_SPAN else EARLIEST
    return since, until


def chosen_grain(since: datetime | None, until: datetime | None, requested: Grain | None) -> Grain:
    """Choose the step of the time axis.

    Args:
        since: naive UTC.
        until: naive UTC.
        requested: None chooses the finest grain that the span allows.

    Raises:
        UnsupportedChart: a bound is missing, they are reversed, or the grain does not suit the span. Clients match
            the texts.
    """
    if since is None or until is None or until <= since:
        raise UnsupportedChart("Invalid since and until values")
    span = until - since
    allowed = next(grains for limit, grains in _GRAINS_BY_SPAN if span <= limit)
    if requested is None:
        return allowed[0]
    if requested not in allowed:
        names = ", ".join([*allowed, "auto"])
        raise UnsupportedChart(f"Choose time_grain between {names} for the given time range")
    return requested


def step_start(instant: datetime, grain: Grain) -> date | datetime:
    """Return the key of the step *instant* (naive UTC) falls in: a `datetime` for hours, else a `date`."""
    day = instant.date()
    match grain:
        case Grain.HOUR:
            return instant.replace(minute=0, second=0, microsecond=0)
        case Grain.DAY:
            return day
        case Grain.WEEK:
            return day - timedelta(days=day.isoweekday() % 7)
        case Grain.MONTH:
            return day.replace(day=1)
        case Grain.YEAR:
            return day.replace(month=1, day=1)


def keeps(filter: MeasurementFilter, row: FastpathRow, listed: Collection[tuple[str, str]]) -> bool:
    """Say whether *filter* keeps *row*.

    Args:
        filter: what is asked for.
        row: a scored measurement.
        listed: (list name in capitals, category code) of each test list entry for the row's input.
    """
    return (
        filter.window.contains(row.measurement_start_time)
        and (filter.report_id is None or row.report_id == filter.report_id)
        and _is_among(row.input, filter.inputs)
        and _is_among(row.domain, filter.domains)
        and _is_among(row.probe_cc, filter.probe_ccs)
        and _is_among(row.probe_asn, filter.probe_asns)
        and _is_among(row.test_name, filter.test_names)
        and _is_among(row.software_version, filter.software_versions)
        and _is_among(row.test_version, filter.test_versions)
        and _is_among(row.engine_version, filter.engine_versions)
        and _is_among(row.ooni_run_link_id, filter.ooni_run_link_ids)
        and not (filter.known_country and row.probe_cc == UNKNOWN_COUNTRY)
        and not (filter.known_network and row.probe_asn == UNKNOWN_NETWORK)
        and filter.anomaly in (None, row.anomaly)
        and filter.confirmed in (None, row.confirmed)
        and filter.failure in (None, row.msm_failure)
        and (filter.category is None or filter.category.code in admitted_categories(filter, listed))
    )


def _is_among(value: object, wanted: Collection[object]) -> bool:
    return not wanted or value in wanted


def admitted_categories(filter: MeasurementFilter, listed: Collection[tuple[str, str]]) -> frozenset[str]:
    """Return the categories of an input, from the lists that the filter admits, restricted to the filter's code."""
    wanted = filter.category
    if wanted is None:
        return frozenset(code for _, code in listed)
    return frozenset(
        code for name, code in listed if code == wanted.code and (wanted.lists is None or name in wanted.lists)
    )


def counts_of(row: FastpathRow) -> Counts:
    """Count one measurement: a failure whatever else it is, else confirmed, else anomaly, else ok."""
    if row.msm_failure:
        return Counts(failure=1, measurements=1)
    if row.confirmed:
        return Counts(confirmed=1, measurements=1)
    if row.anomaly:
        return Counts(anomaly=1, measurements=1)
    return Counts(ok=1, measurements=1)


def check_axes(query: CountQuery) -> None:
    """Refuse a chart that makes no sense, or that would count millions of inputs apart.

    Raises:
        Invalid: its two axes are the same; clients match the text.
        UnsupportedChart: it has inputs as an axis, a long window and no filter that leaves few of them.
    """
    filter = query.filter
    if len(set(query.axes)) < len(query.axes):
        raise Invalid("Axis X and Y cannot be the same")
    is_narrow = filter.is_selective or filter.probe_ccs or filter.category or filter.ooni_run_link_ids
    if Axis.INPUT in query.axes and not is_narrow and filter.window.is_longer_than(_LONGEST_BY_INPUT):
        raise UnsupportedChart(
            f"The axis input is only allowed over up to {_LONGEST_BY_INPUT.days} days without probe_cc, probe_asn, "
            "domain, input, category_code or ooni_run_link_id"
        )


@attrs.frozen
class PageNumbers:
    """What a list says about itself. No counting query is ever run, so totals are known on the last page only.

    Attributes:
        count: number of measurements up to the end of this page, -1 when there may be more.
        pages: number of pages, -1 when there may be more.
        current_page: from 1.
        has_next: the page is full, so there may be another one.
    """

    count: int
    pages: int
    current_page: int
    has_next: bool


def page_numbers(offset: int, limit: int, returned: int) -> PageNumbers:
    """Number a page of *limit* places, of which *returned* are filled, behind *offset* measurements."""
    current = math.ceil(offset / limit) + 1
    if returned >= limit:
        return PageNumbers(-1, -1, current, has_next=True)
    count = offset + returned
    return PageNumbers(count, math.ceil(count / limit), current, has_next=False)
