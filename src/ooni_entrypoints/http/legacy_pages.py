"""Pages that old links and old clients still ask for: redirects to the explorer, and what crawlers may not read."""

import re
from datetime import date, timedelta

from litestar import Response, get, route
from litestar.di import NamedDependency
from litestar.exceptions import NotFoundException
from litestar.params import FromPath, SkipValidation

from ooni_core.errors import Invalid
from ooni_entrypoints.http.responses import bytes_answer, json_answer
from ooni_entrypoints.settings import ServiceSettings

Site = NamedDependency[SkipValidation[ServiceSettings]]
_DAY = re.compile(r"\d{4}-[01]\d-[0-3]\d", re.ASCII)
_FILE = re.compile(r"[A-Za-z0-9._-]+\.json", re.ASCII)
_CACHE = "max-age=86400"
_ROBOTS = """
User-agent: *
Disallow: /api/_
Disallow: /api/v1/aggregation
Disallow: /api/v1/measurement_meta
Disallow: /api/v1/raw_measurement
Disallow: /api/v1/test-list/urls
Disallow: /api/v1/torsf_stats
Disallow: /files
Disallow: /stats
Disallow: /201
Disallow: /202
Crawl-delay: 300
"""


def _moved(url: str, status: int = 301) -> Response[bytes]:
    return bytes_answer(b"", "text/html; charset=utf-8", status, _CACHE, {"Location": url})


def _measurements_of(day: str, site: ServiceSettings) -> Response[bytes]:
    try:
        first = date.fromisoformat(day)
        following = first + timedelta(days=1)
    except (ValueError, OverflowError) as exc:
        raise Invalid("Invalid date format") from exc
    return _moved(f"{site.explorer_url.rstrip('/')}/search?until={following}&since={first}")


@get("/stats", include_in_schema=False)
async def stats_page(service_settings: Site) -> Response[bytes]:
    """Lead to the explorer."""
    return _moved(service_settings.explorer_url)


@get(["/files", "/files/by_date", "/files/by_country"], include_in_schema=False)
async def files_pages(service_settings: Site) -> Response[bytes]:
    """Lead to the explorer's search."""
    return _moved(f"{service_settings.explorer_url.rstrip('/')}/search")


@get("/files/by_date/{day:str}", include_in_schema=False)
async def files_of_day(day: FromPath[str], service_settings: Site) -> Response[bytes]:
    """Lead to the measurements of one day."""
    if not _DAY.fullmatch(day):
        raise Invalid("Invalid date format")
    return _measurements_of(day, service_settings)


@get("/files/by_country/{probe_cc:str}", include_in_schema=False)
async def files_of_country(probe_cc: FromPath[str], service_settings: Site) -> Response[bytes]:
    """Lead to the measurements of one country."""
    if len(probe_cc) != 2 or not (probe_cc.isascii() and probe_cc.isalnum()):
        raise Invalid("Country code must be two characters")
    return _moved(f"{service_settings.explorer_url.rstrip('/')}/search?probe_cc={probe_cc.upper()}")


@get("/{day:str}", include_in_schema=False)
async def day_page(day: FromPath[str], service_settings: Site) -> Response[bytes]:
    """Lead to the measurements of one day; everything else that has no page of its own ends here."""
    if not _DAY.fullmatch(day):
        raise NotFoundException
    return _measurements_of(day, service_settings)


@get("/{day:str}/{name:str}", include_in_schema=False)
async def day_file(day: FromPath[str], name: FromPath[str]) -> Response[bytes]:
    """Lead to a report file, as the first version of the API published them."""
    if not _DAY.fullmatch(day) or not _FILE.fullmatch(name):
        raise NotFoundException
    return _moved(f"/files/download/{name}", 302)


@route(["/{day:str}", "/{day:str}/{name:str}"], http_method=["DELETE", "PATCH", "POST", "PUT"], include_in_schema=False)
async def no_page() -> None:
    """Say of unknown paths that they are not found, as for GET: probes of 2012 post to some of them."""
    raise NotFoundException


@get("/api/", include_in_schema=False)
async def api_root() -> Response[bytes]:
    """Lead to the API description."""
    return _moved("/apidocs", 302)


@get("/api/v1/files", tags=["measurements"])
async def files() -> Response[bytes]:
    """Answer old scripts: bulk data is in object storage."""
    return json_answer({"msg": "not implemented"}, cache=_CACHE)


@get("/robots.txt", include_in_schema=False)
async def robots() -> Response[bytes]:
    """Tell crawlers what not to read."""
    return bytes_answer(_ROBOTS.encode(), "text/plain", cache=_CACHE)


handlers = [
    stats_page,
    files_pages,
    files_of_day,
    files_of_country,
    day_page,
    day_file,
    no_page,
    api_root,
    files,
    robots,
]
