"""``/api/_/``: figures for the project's own web pages. Shapes are historical; each route keeps its own key names."""

import math
from collections.abc import Sequence
from datetime import date
from typing import Any

from litestar import Request, Response, get
from litestar.di import NamedDependency
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import SkipValidation

from ooni_core.catalog import parsing
from ooni_core.catalog.model import Activity, Runtime
from ooni_core.catalog.statistics import MESSENGER_TESTS, StatisticsService
from ooni_core.errors import Invalid
from ooni_core.reference.test_groups import TEST_TITLES
from ooni_entrypoints.http import parameters as known
from ooni_entrypoints.http.conditional import tagged_json
from ooni_entrypoints.http.parameters import Query, documented, parameter
from ooni_entrypoints.http.responses import json_answer
from ooni_entrypoints.settings import ServiceSettings

AnyRequest = Request[Any, Any, Any]
Statistics = NamedDependency[SkipValidation[StatisticsService]]
Site = NamedDependency[SkipValidation[ServiceSettings]]

_ERROR = ResponseSpec(dict[str, str], description="`error` says what is wrong.")
_DAY, _TWO_HOURS, _HOUR, _AT_ONCE = "max-age=86400", "max-age=7200", "max-age=3600", "max-age=0"
_MOST_URLS = 1000
_COUNTRY = parameter("probe_cc", "Country, two letters.", required=True)
_NETWORK = parameter("probe_asn", "Network, `AS123` or `123`.", required=True)


def _options(*parameters: Any) -> dict[str, Any]:
    return {
        "sync_to_thread": True,
        "tags": ["web pages"],
        "operation_class": documented(*parameters),
        "responses": {400: _ERROR, 503: _ERROR, 504: _ERROR},
    }


def _probe_cc(query: Query) -> str:
    return parsing.country(query.text("probe_cc"))


def _probe_asn(query: Query) -> int:
    asn = query.read("probe_asn", parsing.asn)
    if asn is None:
        raise Invalid("missing or incorrect probe_asn")
    return asn


def _if_any(found: object, cache: str) -> str:
    """Return how long figures keep: that there are none may be over in a moment."""
    return cache if found else _AT_ONCE


def _at_midnight(day: Any) -> str:
    return f"{day}T00:00:00+00:00"


def _flags(row: Activity) -> dict[str, int]:
    return {
        "anomaly_count": row.anomalies,
        "confirmed_count": row.confirmed,
        "failure_count": row.failures,
        "total_count": row.measurements,
    }


@get("/api/_/countries", **_options())
def countries(request: AnyRequest, statistics: Statistics) -> Response[bytes]:
    """List all countries with measurements, and how many each has."""
    rows = [{"alpha_2": c.probe_cc, "name": c.name, "count": c.measurements} for c in statistics.countries()]
    return tagged_json(request, {"countries": rows}, _if_any(rows, _DAY))


@get("/api/_/country_overview", **_options(_COUNTRY))
def country_overview(request: AnyRequest, statistics: Statistics) -> Response[bytes]:
    """Sum up one country: its first day with measurements (null without any), measurements, networks."""
    total = statistics.country_overview(_probe_cc(Query.of(request)))
    content = {
        "first_bucket_date": total.first_day,
        "measurement_count": total.measurements,
        "network_count": total.networks,
    }
    return tagged_json(request, content, _if_any(total.measurements, _DAY))


@get("/api/_/global_overview", **_options())
def global_overview(request: AnyRequest, statistics: Statistics) -> Response[bytes]:
    """Sum up everything: networks, countries, measurements."""
    total = statistics.global_overview()
    content = {
        "network_count": total.networks,
        "country_count": total.countries,
        "measurement_count": total.measurements,
    }
    return tagged_json(request, content, _if_any(total.measurements, _DAY))


def _series(rows: Sequence[Activity], figure: str) -> list[dict[str, Any]]:
    return [{"date": _at_midnight(row.keys[0]), "value": getattr(row, figure)} for row in rows]


@get("/api/_/global_overview_by_month", **_options())
def global_overview_by_month(request: AnyRequest, statistics: Statistics) -> Response[bytes]:
    """Sum up each month of the last two years; the last entry is the current, partial month."""
    rows = statistics.by_month()
    content = {
        "networks_by_month": _series(rows, "networks"),
        "countries_by_month": _series(rows, "countries"),
        "measurements_by_month": _series(rows, "measurements"),
    }
    return tagged_json(request, content, _if_any(rows, _DAY))


@get("/api/_/asn_by_month", **_options())
def asn_by_month(request: AnyRequest, statistics: Statistics) -> Response[bytes]:
    """Count the networks of each month of the last two years."""
    rows = statistics.by_month()
    return tagged_json(request, _series(rows, "networks"), _if_any(rows, _DAY))


@get("/api/_/countries_by_month", **_options())
def countries_by_month(request: AnyRequest, statistics: Statistics) -> Response[bytes]:
    """Count the countries of each month of the last two years."""
    rows = statistics.by_month()
    return tagged_json(request, _series(rows, "countries"), _if_any(rows, _DAY))


@get("/api/_/test_names", **_options())
def test_names(request: AnyRequest) -> Response[bytes]:
    """List the nettests that web pages have a title for."""
    rows = [{"id": id, "name": TEST_TITLES[id]} for id in sorted(TEST_TITLES)]
    return tagged_json(request, {"test_names": rows}, _HOUR)


@get("/api/_/test_coverage", **_options(_COUNTRY, parameter("test_groups", "Groups, separated by commas.")))
def test_coverage(request: AnyRequest, statistics: Statistics) -> Response[bytes]:
    """Count a country's tests per day and group, and its networks per day, over the last month; zeros included."""
    query = Query.of(request)
    coverage = statistics.coverage(_probe_cc(query), query.read("test_groups", parsing.items))
    content = {
        "test_coverage": [
            {"count": count, "test_day": day, "test_group": group} for group, day, count in coverage.tests
        ],
        "network_coverage": [{"count": count, "test_day": day} for day, count in coverage.networks],
    }
    return tagged_json(request, content, _HOUR)


@get("/api/_/website_networks", **_options(_COUNTRY))
def website_networks(request: AnyRequest, statistics: Statistics) -> Response[bytes]:
    """Count the measurements of each network of a country in the last month, whatever the nettest."""
    rows = statistics.networks_of(_probe_cc(Query.of(request)))
    results = [{"count": row.measurements, "probe_asn": row.keys[0]} for row in rows]
    return tagged_json(request, {"results": results}, _AT_ONCE)


@get("/api/_/website_stats", **_options(_COUNTRY, _NETWORK, known.INPUT))
def website_stats(request: AnyRequest, statistics: Statistics) -> Response[bytes]:
    """Count the measurements of one URL in one network per day of the last month."""
    query = Query.of(request)
    probe_cc, probe_asn, url = _probe_cc(query), _probe_asn(query), query.text("input")
    rows = statistics.website_by_day(probe_cc, probe_asn, url) if url else ()
    results = [{"test_day": row.keys[0], **_flags(row)} for row in rows]
    return tagged_json(request, {"results": results}, _AT_ONCE)


@get(
    "/api/_/website_urls",
    **_options(
        _COUNTRY,
        _NETWORK,
        parameter("limit", f"URLs per page, up to {_MOST_URLS}. Default: 10."),
        parameter("offset", "Skip so many URLs."),
    ),
)
def website_urls(request: AnyRequest, statistics: Statistics, service_settings: Site) -> Response[bytes]:
    """Count the measurements of each URL in one network over the last month, most blocked first."""
    query = Query.of(request)
    probe_cc, probe_asn = _probe_cc(query), _probe_asn(query)
    limit = parsing.integer(query.text("limit") or "10", "limit", -_MOST_URLS, _MOST_URLS)
    offset = parsing.integer(query.text("offset") or "0", "offset", 0, 10**9)
    limit = limit if limit > 0 else 10
    rows = statistics.websites(probe_cc, probe_asn)
    page = rows[offset : offset + limit]
    following = None
    if len(page) == limit:
        base = f"{service_settings.base_url.rstrip('/')}/api/_/website_urls"
        following = f"{base}?limit={limit}&offset={offset + limit}&probe_asn={probe_asn}&probe_cc={probe_cc}"
    metadata = {
        "offset": offset,
        "limit": limit,
        "current_page": math.ceil(offset / limit) + 1,
        "total_count": len(rows),
        "next_url": following,
    }
    results = [{"input": row.keys[0], **_flags(row)} for row in page]
    return tagged_json(request, {"metadata": metadata, "results": results}, _if_any(rows, _HOUR))


@get("/api/_/vanilla_tor_stats", **_options(_COUNTRY))
def vanilla_tor_stats(request: AnyRequest, statistics: Statistics) -> Response[bytes]:
    """Say per network of a country how well Tor worked in the last half year."""
    rows = statistics.tor_networks(_probe_cc(Query.of(request)))
    networks = [
        {
            "probe_asn": row.keys[0],
            "failure_count": row.failures,
            "success_count": row.measurements - row.anomalies,
            "total_count": row.measurements,
            "last_tested": row.last_day,
            "test_runtime_avg": None,
            "test_runtime_max": None,
            "test_runtime_min": None,
        }
        for row in rows
    ]
    failing = [row for row in rows if row.measurements > 5 and 5 * row.anomalies > 2 * row.measurements]
    content = {"networks": networks, "notok_networks": len(failing), "last_tested": _latest(rows)}
    return tagged_json(request, content, _AT_ONCE)


def _latest(rows: Sequence[Activity]) -> date | None:
    return max((row.last_day for row in rows if row.last_day), default=None)


@get("/api/_/im_networks", **_options(_COUNTRY))
def im_networks(request: AnyRequest, statistics: Statistics) -> Response[bytes]:
    """List the networks of a country that tested instant messengers in the last month, by nettest."""
    content = {
        test_name: {
            "anomaly_networks": [],
            "ok_networks": [
                {"asn": row.keys[1], "name": "", "total_count": row.measurements, "last_tested": row.last_day}
                for row in rows
            ],
            "last_tested": _latest(rows),
        }
        for test_name, rows in statistics.messenger_networks(_probe_cc(Query.of(request))).items()
    }
    return tagged_json(request, content, _if_any(content, _HOUR))


@get(
    "/api/_/im_stats",
    **_options(_COUNTRY, _NETWORK, parameter("test_name", "Messenger nettest.", enum=MESSENGER_TESTS, required=True)),
)
def im_stats(request: AnyRequest, statistics: Statistics) -> Response[bytes]:
    """Count one messenger's measurements in one network per day of the last month; zeros included."""
    query = Query.of(request)
    probe_cc, probe_asn, test_name = _probe_cc(query), _probe_asn(query), query.text("test_name")
    if test_name not in MESSENGER_TESTS:
        raise Invalid("invalid test_name")
    days = statistics.messenger_by_day(probe_cc, probe_asn, test_name)
    results = [{"test_day": _at_midnight(day), "anomaly_count": None, "total_count": count} for day, count in days]
    return tagged_json(request, {"results": results}, _HOUR)


@get("/api/_/network_stats", **_options(_COUNTRY))
def network_stats(request: AnyRequest) -> Response[bytes]:
    """Answer old web pages; speeds were never computed."""
    _probe_cc(Query.of(request))
    metadata = {"current_page": 1, "limit": 10, "next_url": None, "offset": 0, "total_count": 0}
    return json_answer({"metadata": metadata, "results": []}, cache=_DAY)


@get("/api/_/circumvention_stats_by_country", **_options())
def circumvention_stats_by_country(request: AnyRequest, statistics: Statistics) -> Response[bytes]:
    """Count measurements of circumvention tools per country over half a year."""
    rows = statistics.circumvention_by_country()
    results = [{"probe_cc": row.keys[0], "cnt": row.measurements} for row in rows]
    return tagged_json(request, {"v": 0, "results": results}, _if_any(rows, _DAY))


@get(
    "/api/_/circumvention_runtime_stats",
    **_options(parameter("dense", "`0`: leave out combinations without data.", enum=("0", "1"))),
)
def circumvention_runtime_stats(request: AnyRequest, statistics: Statistics) -> Response[bytes]:
    """Say how long circumvention tools took per nettest, country and day: median, 0.9 quantile (seconds), count."""
    rows = statistics.circumvention_runtimes()
    sparse = Query.of(request).read("dense", parsing.yes_or_no) is False
    results = _runtimes(rows) if sparse else _dense_runtimes(rows)
    return tagged_json(request, {"v": 0, "results": results}, _if_any(rows, _DAY))


def _runtimes(rows: Sequence[Runtime]) -> list[dict[str, Any]]:
    return [_runtime((row.test_name, row.probe_cc, row.day), row) for row in rows]


def _dense_runtimes(rows: Sequence[Runtime]) -> list[dict[str, Any]]:
    """Write every combination of the nettests, countries and days that occur."""
    found = {(row.test_name, row.probe_cc, row.day): row for row in rows}
    tests, places, days = (sorted({key[n] for key in found}) for n in range(3))
    keys = ((test, place, day) for test in tests for place in places for day in days)
    return [_runtime(key, found.get(key)) for key in keys]


def _runtime(key: tuple[Any, Any, Any], row: Runtime | None) -> dict[str, Any]:
    value = [row.median, row.ninth_decile, row.count] if row else []
    return {"test_name": key[0], "probe_cc": key[1], "date": key[2], "v": value}


@get("/api/_/domain_metadata", **_options(parameter("domain", "With or without `www.`", required=True)))
def domain_metadata(request: AnyRequest, statistics: Statistics) -> Response[bytes]:
    """Return the category of a domain and how the test lists spell it."""
    domain = Query.of(request).text("domain")
    if not domain:
        raise Invalid("missing domain")
    category_code, canonical = statistics.domain_metadata(domain)
    return tagged_json(request, {"category_code": category_code, "canonical_domain": canonical}, _TWO_HOURS)


@get("/api/_/domains", **_options())
def domains(request: AnyRequest, statistics: Statistics) -> Response[bytes]:
    """List the domains of the test lists with their categories and numbers of measurements."""
    results = [
        {"domain_name": d.domain, "category_code": d.category_code, "measurement_count": d.measurements}
        for d in statistics.domains()
    ]
    return tagged_json(request, {"v": 0, "results": results}, _if_any(results, _TWO_HOURS))


@get("/api/_/asnmeta", **_options(parameter("asn", "Network, `AS123` or `123`.", required=True)))
def asnmeta(request: AnyRequest, statistics: Statistics) -> Response[bytes]:
    """Return the name of the organisation that runs a network; `Unknown` when nobody knows."""
    asn = Query.of(request).read("asn", lambda text: parsing.asn(text, "asn"))
    if asn is None:
        raise Invalid("missing asn")
    name = statistics.network_name(asn)
    return tagged_json(request, {"org_name": name or "Unknown"}, _TWO_HOURS if name else _AT_ONCE)


@get("/api/_/networks", **_options())
def networks(request: AnyRequest, statistics: Statistics) -> Response[bytes]:
    """List every network ever seen with its organisation and number of measurements, busiest first."""
    results = [
        {"probe_asn": n.probe_asn, "cnt": n.measurements, "org_name": n.organisation} for n in statistics.networks()
    ]
    return tagged_json(request, {"v": 0, "results": results}, _if_any(results, _TWO_HOURS))


handlers = [
    countries,
    country_overview,
    global_overview,
    global_overview_by_month,
    asn_by_month,
    countries_by_month,
    test_names,
    test_coverage,
    website_networks,
    website_stats,
    website_urls,
    vanilla_tor_stats,
    im_networks,
    im_stats,
    network_stats,
    circumvention_stats_by_country,
    circumvention_runtime_stats,
    domain_metadata,
    domains,
    asnmeta,
    networks,
]
