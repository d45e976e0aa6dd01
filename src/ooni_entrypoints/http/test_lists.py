"""URL lists for older probes and third parties: ``/api/v1/test-list/urls``."""

import re
import secrets
from collections.abc import Sequence
from typing import Any

import attrs
from litestar import Request, Response, get
from litestar.di import NamedDependency
from litestar.params import SkipValidation

from ooni_core.errors import Invalid
from ooni_core.ports import Tally
from ooni_core.prioritization.model import GLOBAL, ListedUrl, RankedUrl
from ooni_core.prioritization.service import Prioritization
from ooni_core.probes.checkin import EVERYTHING
from ooni_entrypoints.http.parameters import Query, documented, parameter
from ooni_entrypoints.http.responses import json_answer

AnyRequest = Request[Any, Any, Any]
Prio = NamedDependency[SkipValidation[Prioritization]]
Told = NamedDependency[SkipValidation[Tally]]

_CC = re.compile(r"[A-Z]{2}")
_ASN = re.compile(r"(?:AS)?(\d{1,10})")
_INTEGER = re.compile(r"-?\d{1,9}")
_METADATA = {"current_page": -1, "limit": -1, "next_url": "", "pages": 1}


@attrs.frozen
class AskedList:
    """What a query string asks for.

    Attributes:
        cc: two capital letters; ``ZZ`` also for what is no country.
        limit: most URLs.
        categories: empty for all.
    """

    cc: str
    limit: int
    categories: frozenset[str]


def asked_list(query: Query) -> AskedList:
    """Read the parameters that the list routes share.

    Raises:
        Invalid: a number is none.
    """
    cc = (query.text("country_code") or query.text("probe_cc") or GLOBAL).upper()
    codes = (code.strip().upper() for code in query.text("category_codes").split(","))
    return AskedList(
        cc if _CC.fullmatch(cc) else GLOBAL,
        _limit(query.text("limit")),
        frozenset(code for code in codes if code),
    )


def asked_network(query: Query) -> int:
    """Read ``probe_asn``, 0 when not given.

    Raises:
        Invalid: it is no network's number.
    """
    asn = query.read("probe_asn", _ASN.fullmatch) if query.text("probe_asn") else None
    if query.text("probe_asn") and (asn is None or int(asn[1]) >= 2**32):
        raise Invalid("probe_asn is AS and a number, such as AS1234")
    return int(asn[1]) if asn else 0


def _limit(text: str) -> int:
    if not text:
        return EVERYTHING
    if not _INTEGER.fullmatch(text) or int(text) < -1:
        raise Invalid("limit is a whole number; -1 asks for everything")
    if int(text) == -1:
        return EVERYTHING
    # Asking for none has always been answered with one: probes give up on an empty list.
    return min(max(int(text), 1), EVERYTHING)


def explained_rows(picked: Sequence[ListedUrl], explained: Sequence[RankedUrl]) -> list[dict[str, Any]]:
    """Return *picked* as probes read it, each with its count, priority and weight."""
    by_entry = {each.entry: each for each in explained}
    rows = []
    for entry in picked:
        found = by_entry.get(entry) or RankedUrl(entry, 0, 0)
        numbers = {"msmt_cnt": found.measured, "priority": found.priority, "weight": found.weight}
        rows.append({**_row(entry), **numbers})
    return rows


def _row(entry: ListedUrl) -> dict[str, Any]:
    return {"category_code": entry.category_code, "country_code": entry.country_code, "url": entry.url}


@get(
    "/api/v1/test-list/urls",
    tags=["probes"],
    operation_class=documented(
        parameter("country_code", "Country of the probe, two letters."),
        parameter("probe_cc", "The same."),
        parameter("category_codes", "Categories, such as `NEWS`, separated by commas."),
        parameter("limit", "Most URLs; -1 for all."),
        parameter("debug", "`true` adds count, priority and weight of each URL."),
    ),
)
async def test_list_urls(request: AnyRequest, prioritization: Prio, tally: Told) -> Response[bytes]:
    """List URLs to measure in a country, the most urgent first."""
    query = Query.of(request)
    asked = asked_list(query)  # the network that some clients send never mattered here
    picked = prioritization.urls(asked.cc, 0, asked.limit, asked.categories, secrets.randbits(64))
    tally.level("test_list_urls_count", len(picked))
    if query.text("debug").lower() in {"true", "1", "yes"}:
        rows = explained_rows(picked, prioritization.explain(asked.cc, 0))
    else:
        rows = [_row(entry) for entry in picked]
    return json_answer({"metadata": {"count": len(rows), **_METADATA}, "results": rows}, cache="max-age=1")


handlers = [test_list_urls]
