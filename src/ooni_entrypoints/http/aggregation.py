"""``/api/v1/aggregation``: charts. Clients match its error texts and its odd status codes."""

import functools
import time
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec
import orjson
from litestar import Request, Response, get
from litestar.di import NamedDependency
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import SkipValidation

from ooni_core.catalog import parsing
from ooni_core.catalog.model import (
    GLOBAL_LIST,
    Axis,
    CategoryFilter,
    Chart,
    CountQuery,
    Grain,
    MeasurementFilter,
    TimeWindow,
)
from ooni_core.catalog.rules import UnsupportedChart, chosen_grain
from ooni_core.catalog.service import CatalogService
from ooni_core.errors import Invalid, TooLarge
from ooni_core.ports import Clock
from ooni_entrypoints.http import parameters as known
from ooni_entrypoints.http.conditional import tagged, tagged_json
from ooni_entrypoints.http.downloads import csv_text
from ooni_entrypoints.http.measurements import run_links
from ooni_entrypoints.http.parameters import Query, documented, parameter
from ooni_entrypoints.http.responses import json_answer

AnyRequest = Request[Any, Any, Any]
Catalog = NamedDependency[SkipValidation[CatalogService]]
Time = NamedDependency[SkipValidation[Clock]]

_GRAINS = (*Grain, "auto")
_FORMATS = ("JSON", "CSV")
_WRITER = msgspec.json.Encoder()
_COUNTERS = ("anomaly_count", "confirmed_count", "failure_count", "measurement_count", "ok_count")
_STILL_FILLING = timedelta(hours=72)
_ERROR = ResponseSpec(dict[str, str | int], description="`error` says what is wrong.")

_PARAMETERS = (
    known.INPUT,
    known.DOMAIN,
    known.CATEGORY,
    known.PROBE_CC,
    known.PROBE_ASN,
    known.TEST_NAME,
    known.RUN_LINK,
    parameter("since", "Only measurements that started at or after this instant (UTC)."),
    parameter("until", "Only measurements that started before this instant (UTC)."),
    parameter("time_grain", "Step of the time axis; weeks begin on Sunday. Default: the finest allowed.", enum=_GRAINS),
    parameter("axis_x", "First dimension.", enum=tuple(Axis)),
    parameter("axis_y", "Second dimension.", enum=tuple(Axis)),
    parameter("include_unknown", "`false`: leave out unknown places, as lists do.", enum=("true", "false")),
    parameter("format", "`JSON` or `CSV`.", enum=_FORMATS),
    known.DOWNLOAD,
)


def _refuse(_: AnyRequest, error: Invalid) -> Response[bytes]:
    """Refuse a chart: with 400 when no chart is like that, with 200 when a filter cannot be read."""
    status = 400 if isinstance(error, UnsupportedChart | TooLarge | parsing.Undeclared) else 200
    return json_answer({"error": str(error), "v": 0}, status, cache="no-cache")


@get(
    "/api/v1/aggregation",
    sync_to_thread=True,
    tags=["aggregation"],
    operation_class=documented(*_PARAMETERS),
    responses={400: _ERROR, 503: _ERROR, 504: _ERROR},
    exception_handlers={Invalid: _refuse},
)
def aggregation(request: AnyRequest, catalog: Catalog, clock: Time) -> Response[bytes]:
    """Count measurements, along up to two axes.

    Each cell has five counters: `anomaly_count`, `confirmed_count`, `failure_count` and `ok_count` are disjoint and add
    up to `measurement_count`. A filter that cannot be read is answered with 200 and `error`.
    """
    started = time.perf_counter()
    query, now = Query.of(request), clock.now()
    form = (query.text("format") or "JSON").upper()
    parsing.one_of(form, _FORMATS)
    chart_query = read_chart(query, now)
    chart = catalog.chart(chart_query)
    cache = _cache(chart_query.filter.window, now)
    extension = form.lower()
    headers = {}
    if query.is_true("download"):
        headers["Content-Disposition"] = f"attachment; filename=ooni-aggregate-data.{extension}"
    if form == "CSV":
        return tagged(request, _csv(chart_query, chart), "text/csv", cache, headers=headers)
    content = {"v": 0, "dimension_count": len(chart_query.axes), "result": result_of(chart_query, chart)}
    # What engines read to find the answer is for operators to know, not for everybody.
    counted = sum(chart.counts.measurements)
    stats = {
        "row_count": counted,
        "bytes": 0,
        "total_row_count": counted,
        "elapsed_seconds": time.perf_counter() - started,
    }
    return tagged_json(request, {**content, "db_stats": stats}, cache, identity=content, headers=headers)


def read_chart(query: Query, now: datetime) -> CountQuery:
    """Read which chart is asked for.

    Raises:
        Invalid: a filter cannot be read, or both axes are the same.
        Undeclared: a value is outside what the API description declares.
        UnsupportedChart: there is no such axis, or the grain does not suit the time range.
    """
    grain_text = (query.text("time_grain") or "auto").lower()
    parsing.one_of(grain_text, _GRAINS)
    for name, length in (("input", 3), ("domain", 3), ("probe_cc", 2)):
        query.read(name, lambda text, length=length: parsing.at_least(text, length))
    since = query.read("since", lambda text: parsing.instant(text, now))
    until = query.read("until", lambda text: parsing.instant(text, now))
    filter = _filter(query, since, until)
    axes = _axes(query)
    grain = Grain.DAY
    if Axis.DAY in axes:
        grain = chosen_grain(since, until, None if grain_text == "auto" else Grain(grain_text))
    return CountQuery(filter, axes, grain)


def _filter(query: Query, since: datetime | None, until: datetime | None) -> MeasurementFilter:
    input = query.read("input", parsing.input)
    probe_ccs = query.read("probe_cc", parsing.countries) or ()
    category = query.read("category_code", parsing.upper_word)
    unknown_too = query.read("include_unknown", parsing.yes_or_no)
    probe_asns = query.read("probe_asn", parsing.asns) or ()
    return MeasurementFilter(
        window=TimeWindow.since_until(since, until),
        inputs=(input,) if input else (),
        domains=query.read("domain", parsing.domains) or (),
        probe_ccs=probe_ccs,
        probe_asns=probe_asns,
        test_names=query.read("test_name", parsing.test_names) or (),
        category=CategoryFilter(category, frozenset({GLOBAL_LIST, *probe_ccs})) if category else None,
        ooni_run_link_ids=query.read("ooni_run_link_id", run_links) or (),
        known_country=unknown_too is False and not probe_ccs,
        known_network=unknown_too is False and not probe_asns,
    )


def _axes(query: Query) -> tuple[Axis, ...]:
    names = [query.read(name, parsing.lower_word) for name in ("axis_x", "axis_y")]
    if query.values.get("axis_x") is not None and query.values.get("axis_x") == query.values.get("axis_y"):
        raise Invalid("Axis X and Y cannot be the same")
    try:
        return tuple(Axis(name) for name in names if name)
    except ValueError as exc:
        raise UnsupportedChart("Invalid axis name") from exc


def _cache(window: TimeWindow, now: datetime) -> str:
    """Say how long an answer keeps: measurements of the last days are still arriving, older ones rarely change."""
    settled = window.end is not None and window.end < now.replace(tzinfo=None) - _STILL_FILLING
    return "max-age=600, stale-while-revalidate=3600" if settled else "max-age=60"


def _columns(query: CountQuery, chart: Chart) -> dict[str, Sequence[Any]]:
    """Return the columns of the answer by their names, ascending."""
    counts = chart.counts
    numbers = (counts.anomaly, counts.confirmed, counts.failure, counts.measurements, counts.ok)
    axes = [axis.value for axis in query.axes]
    return dict(sorted(zip((*_COUNTERS, *axes), (*numbers, *map(_written, chart.keys)), strict=True)))


def _written(keys: Sequence[Any]) -> Sequence[Any]:
    """Write instants as the API does; every other value is written right by itself."""
    if not keys or not isinstance(keys[0], datetime):
        return keys
    texts = {instant: f"{instant:%Y-%m-%dT%H:%M:%SZ}" for instant in set(keys)}
    return [texts[instant] for instant in keys]


@functools.cache
def _cell_type(names: tuple[str, ...]) -> type[msgspec.Struct]:
    return msgspec.defstruct("Cell", [(name, Any) for name in names], gc=False)


def result_of(query: CountQuery, chart: Chart) -> orjson.Fragment:
    """Write *chart* as JSON: an object without axes, a list of them with axes.

    There can be ten thousands of cells, and declared objects are written several times as fast as dictionaries.
    """
    columns = _columns(query, chart)
    cells = list(map(_cell_type(tuple(columns)), *columns.values()))
    return orjson.Fragment(_WRITER.encode(cells if query.axes else cells[0]))


def _csv(query: CountQuery, chart: Chart) -> bytes:
    columns = _columns(query, chart)
    rows = zip(*columns.values(), strict=True)
    return csv_text(tuple(columns), (dict(zip(columns, row, strict=True)) for row in rows)).encode()


handlers = [aggregation]
