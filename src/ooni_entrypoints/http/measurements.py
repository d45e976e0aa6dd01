"""Searching measurements: ``/api/v1/measurements``, and the Snowflake statistics."""

import base64
import time
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

import orjson
from litestar import Request, Response, get
from litestar.di import NamedDependency
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import SkipValidation

from ooni_core.catalog import parsing
from ooni_core.catalog.model import (
    EARLIEST,
    LATEST,
    UNKNOWN_COUNTRY,
    UNKNOWN_NETWORK,
    Axis,
    CatalogEntry,
    CategoryFilter,
    CountQuery,
    Cursor,
    MeasurementFilter,
    OrderBy,
    Page,
    TimeWindow,
)
from ooni_core.catalog.rules import default_window, page_numbers
from ooni_core.catalog.service import DEEPEST_OFFSET, LARGEST_PAGE, CatalogService, cursor_after
from ooni_core.errors import Forbidden, Invalid
from ooni_core.ports import Clock
from ooni_entrypoints.http import parameters as known
from ooni_entrypoints.http.conditional import tagged_json
from ooni_entrypoints.http.downloads import FORMATS, download
from ooni_entrypoints.http.parameters import Query, documented, parameter
from ooni_entrypoints.http.responses import NO_CACHE, json_answer
from ooni_entrypoints.settings import ServiceSettings

AnyRequest = Request[Any, Any, Any]
Catalog = NamedDependency[SkipValidation[CatalogService]]
Time = NamedDependency[SkipValidation[Clock]]
Site = NamedDependency[SkipValidation[ServiceSettings]]

ERROR = ResponseSpec(dict[str, str], description="`error` says what is wrong.")
REFUSALS = {400: ERROR, 503: ERROR, 504: ERROR}
# Old Android applications ask this to find out whether a measurement was uploaded, and look at nothing else.
_ANSWER_TO_OLD_APPS = {
    "metadata": {
        "count": 1,
        "current_page": 1,
        "limit": 100,
        "next_url": None,
        "offset": 0,
        "pages": 1,
        "query_time": 0.001,
    },
    "results": [{"measurement_url": ""}],
}
_VERIFICATION = {"t": "verified", "f": "failed"}
_CLOSED_PERIOD = timedelta(hours=72)

_PARAMETERS = (
    known.REPORT_ID,
    known.INPUT,
    known.DOMAIN,
    known.PROBE_CC,
    known.PROBE_ASN,
    known.TEST_NAME,
    known.CATEGORY,
    known.RUN_LINK,
    parameter("since", "Only measurements that started after this instant (UTC). Default: 30 days before `until`."),
    parameter("until", "Only measurements that started at or before this instant (UTC). Default: the next midnight."),
    parameter("confirmed", "`true`: only confirmed blocking; any other word: everything else."),
    parameter("anomaly", "`true`: only anomalies; any other word: everything else."),
    parameter("failure", "`true`: only failed measurements; any other word: everything else."),
    parameter("software_version", "Versions of the probe, separated by commas."),
    parameter("test_version", "Versions of the nettest, separated by commas."),
    parameter("engine_version", "Versions of the measurement engine, separated by commas."),
    parameter("order_by", "Field to sort by; the uid breaks ties.", enum=tuple(OrderBy)),
    parameter("order", "Direction.", enum=("asc", "desc", "ASC", "DESC")),
    parameter("offset", f"Skip so many measurements; up to {DEEPEST_OFFSET} unless few are meant."),
    parameter("limit", f"Measurements per page, from 1 to {LARGEST_PAGE}. Default: 100."),
    parameter(
        "cursor",
        "Present but empty: page by cursor. `metadata.next_url` then continues exactly behind the last measurement, "
        "whatever arrives meanwhile, and `metadata.next_cursor` holds the place.",
    ),
    parameter("format", "Anything but JSON streams the whole result set.", enum=FORMATS),
)


@get(
    "/api/v1/measurements",
    sync_to_thread=True,
    tags=["measurements"],
    operation_class=documented(*_PARAMETERS),
    responses={**REFUSALS, 403: ERROR},
)
def list_measurements(request: AnyRequest, catalog: Catalog, clock: Time, service_settings: Site) -> Response[Any]:
    """Search measurements, newest first.

    `metadata.next_url` leads to the next page; it is null on the last one. Measurements whose country or network is
    unknown are left out.
    """
    started = time.perf_counter()
    query = Query.of(request)
    filter, page = list_filter(query, clock.now()), list_page(query)
    if request.headers.get("user-agent", "").startswith("okhttp"):
        return json_answer(_ANSWER_TO_OLD_APPS, cache=NO_CACHE)
    base = service_settings.base_url.rstrip("/")
    form = (query.text("format") or "JSON").upper()
    if parsing.one_of(form, tuple(name.upper() for name in FORMATS)) != "JSON":
        most = page.limit if query.text("limit") else None
        return download(catalog.everything(filter, page, most), form, base)
    entries = catalog.search(filter, page)
    content: dict[str, Any] = {
        "metadata": _metadata(query, page, entries, base),
        "results": [result(entry, base) for entry in entries],
    }
    timed = {**content, "metadata": {**content["metadata"], "query_time": time.perf_counter() - started}}
    return tagged_json(request, timed, "max-age=60", identity=content)


def list_filter(query: Query, now: datetime) -> MeasurementFilter:
    """Read what a list is asked for.

    Raises:
        Invalid: a value cannot be read.
        Forbidden: measurements from an unknown country or network are asked for.
    """
    report_id = query.read("report_id", parsing.report_id)
    inputs = _long_enough(query, "input")
    domains = _long_enough(query, "domain") if not inputs else ""
    category = query.text("category_code") if not inputs else ""
    probe_ccs = tuple(sorted({code.upper() for code in query.read("probe_cc", parsing.items) or ()}))
    probe_asns = query.read("probe_asn", parsing.asns) or ()
    if UNKNOWN_COUNTRY in probe_ccs or UNKNOWN_NETWORK in probe_asns:
        raise Forbidden("Measurements from an unknown country or network are not listed.")
    return MeasurementFilter(
        window=_list_window(query, now, bounded=report_id is None),
        report_id=report_id,
        inputs=(inputs,) if inputs else (),
        domains=parsing.items(domains),
        probe_ccs=probe_ccs,
        probe_asns=probe_asns,
        test_names=query.read("test_name", parsing.items) or (),
        category=CategoryFilter(category) if category else None,
        anomaly=query.read("anomaly", parsing.flag),
        confirmed=query.read("confirmed", parsing.flag),
        failure=query.read("failure", parsing.flag),
        software_versions=query.read("software_version", parsing.items) or (),
        test_versions=query.read("test_version", parsing.items) or (),
        engine_versions=query.read("engine_version", parsing.items) or (),
        ooni_run_link_ids=query.read("ooni_run_link_id", run_links) or (),
        known_country=not probe_ccs,
        known_network=not probe_asns,
    )


def run_links(text: str) -> tuple[int, ...]:
    """Read a comma list of OONI Run link numbers."""
    return tuple(parsing.integer(item, "ooni_run_link_id", 0, 10**17) for item in parsing.items(text))


def _long_enough(query: Query, name: str, length: int = 3) -> str:
    return query.read(name, lambda text: parsing.at_least(text, length)) or ""


def _list_window(query: Query, now: datetime, *, bounded: bool) -> TimeWindow:
    since = query.read("since", lambda text: parsing.instant(text, now))
    until = query.read("until", lambda text: parsing.instant(text, now))
    if bounded:
        since, until = default_window(since, until, now)
    return TimeWindow.after_through(since, until)


def list_page(query: Query) -> Page:
    """Read which page of a list is asked for.

    Raises:
        Invalid: a value cannot be read.
    """
    order = (query.text("order") or "desc").lower()
    if order not in ("asc", "desc"):
        raise Invalid("Invalid order")
    order_by = OrderBy(
        query.read("order_by", lambda text: parsing.one_of(text, tuple(OrderBy))) or OrderBy.MEASUREMENT_START_TIME
    )
    return Page(
        limit=parsing.integer(query.text("limit") or "100", "limit", 1, LARGEST_PAGE),
        offset=parsing.integer(query.text("offset") or "0", "offset", 0, 10**12),
        order_by=order_by,
        descending=order == "desc",
        after=query.read("cursor", lambda text: read_cursor(text, order_by)),
    )


def write_cursor(cursor: Cursor) -> str:
    """Write a place in a list as a word for URLs. Clients treat it as opaque."""
    return base64.urlsafe_b64encode(orjson.dumps([cursor.value, cursor.measurement_uid])).decode().rstrip("=")


def read_cursor(text: str, order_by: OrderBy) -> Cursor:
    """Read what `write_cursor` wrote for a list sorted by *order_by*.

    Raises:
        Invalid: it did not write that.
    """
    try:
        value, uid = orjson.loads(base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True))
        return Cursor(_READ_PLACE.get(order_by, _text)(value), _text(uid))
    except (ValueError, TypeError) as exc:
        raise Invalid("Invalid cursor") from exc


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value


def _instant(value: Any) -> datetime:
    instant = datetime.fromisoformat(value)
    if not EARLIEST <= instant <= LATEST:  # an aware one cannot be compared, and raises too
        raise ValueError
    return instant


def _network(value: Any) -> int:
    return parsing.integer(str(value), "cursor", 0, 2**32 - 1)


_READ_PLACE: dict[OrderBy, Callable[[Any], str | int | datetime]] = {
    OrderBy.MEASUREMENT_START_TIME: _instant,
    OrderBy.TEST_START_TIME: _instant,
    OrderBy.PROBE_ASN: _network,
}


def _metadata(query: Query, page: Page, entries: Sequence[CatalogEntry], base: str) -> dict[str, Any]:
    numbers = page_numbers(page.offset, page.limit, len(entries))
    by_cursor = "cursor" in query.values
    content: dict[str, Any] = {
        "count": numbers.count,
        "current_page": numbers.current_page,
        "limit": page.limit,
        "next_url": None,
        "offset": page.offset,
        "pages": numbers.pages,
    }
    if by_cursor:
        content["next_cursor"] = None
    if numbers.has_next:
        following: dict[str, Any] = {**query.values, "offset": page.offset + page.limit, "limit": page.limit}
        # Skipping gets slower page by page: far behind, a link continues by place instead of by number.
        if by_cursor or page.offset + page.limit > DEEPEST_OFFSET:
            following["cursor"] = write_cursor(cursor_after(entries[-1], page.order_by))
        if by_cursor:
            content["next_cursor"] = following["cursor"]
        content["next_url"] = f"{base}/api/v1/measurements?{urlencode(following, errors='replace')}"
    return content


def result(entry: CatalogEntry, base: str) -> dict[str, Any]:
    """Write one measurement as lists show it."""
    return {
        "measurement_uid": entry.measurement_uid,
        "measurement_url": f"{base}/api/v1/raw_measurement?{urlencode({'measurement_uid': entry.measurement_uid})}",
        "report_id": entry.report_id,
        "probe_cc": entry.probe_cc,
        "probe_asn": f"AS{entry.probe_asn}",
        "test_name": entry.test_name,
        "measurement_start_time": entry.measurement_start_time,
        "input": entry.input or None,
        "anomaly": entry.anomaly,
        "confirmed": entry.confirmed,
        "failure": entry.failure,
        "scores": scores_object(entry),
        **verification(entry),
    }


def verification(entry: CatalogEntry) -> dict[str, str]:
    """Say how the check of a measurement's signature ended; nothing about the many that nobody could check."""
    status = _VERIFICATION.get(entry.is_verified)
    return {"verification_status": status} if status else {}


def scores_object(entry: CatalogEntry) -> Any:
    """Read the scores of a row; the few historical rows whose text is no JSON have none."""
    try:
        return orjson.loads(entry.scores)
    except orjson.JSONDecodeError:
        return {}


@get(
    "/api/v1/torsf_stats",
    sync_to_thread=True,
    tags=["measurements"],
    operation_class=documented(
        known.PROBE_CC,
        parameter("since", "After this instant (UTC)."),
        parameter("until", "At or before this instant (UTC)."),
    ),
    responses=REFUSALS,
)
def torsf_stats(request: AnyRequest, catalog: Catalog, clock: Time) -> Response[bytes]:
    """Count measurements of Tor through Snowflake per day and country; flags are counted as stored."""
    query, now = Query.of(request), clock.now()
    until = query.read("until", lambda text: parsing.instant(text, now))
    since = query.read("since", lambda text: parsing.instant(text, now))
    filter = MeasurementFilter(
        test_names=("torsf",),
        probe_ccs=parsing.items(_long_enough(query, "probe_cc", 2)),
        window=TimeWindow.after_through(since, until),
    )
    rows = catalog.activity(CountQuery(filter, (Axis.DAY, Axis.COUNTRY)))
    closed = until is not None and until < now.replace(tzinfo=None) - _CLOSED_PERIOD
    content = [
        {
            "measurement_start_day": row.keys[0],
            "probe_cc": row.keys[1],
            "anomaly_count": row.anomalies,
            "confirmed_count": row.confirmed,
            "failure_count": row.failures,
            "measurement_count": row.measurements,
            "anomaly_rate": row.anomalies / row.measurements,
        }
        for row in rows
    ]
    return tagged_json(request, {"v": 0, "result": content}, "max-age=86400" if closed else "max-age=60")


handlers = [list_measurements, torsf_stats]
