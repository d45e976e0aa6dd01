"""What staff see and change of prioritization: the order explained, the rules and their history."""

import csv
import io
from typing import Any

import anyio
import attrs
from litestar import Request, Response, get, post
from litestar.di import NamedDependency
from litestar.params import SkipValidation

from ooni_core.accounts.model import ADMIN
from ooni_core.accounts.sessions import SessionGuard
from ooni_core.errors import Invalid
from ooni_core.prioritization.explanation import Explanation, explanations
from ooni_core.prioritization.model import GLOBAL, ListedUrl
from ooni_core.prioritization.overview import PrioritizationOverview
from ooni_core.prioritization.rulebook import RuleBook
from ooni_core.prioritization.service import Prioritization
from ooni_core.refusals import Refused
from ooni_entrypoints.http.cors import OUR_PAGES_ONLY
from ooni_entrypoints.http.parameters import Query, documented, parameter
from ooni_entrypoints.http.probe_bodies import json_object
from ooni_entrypoints.http.refusals import answer_refusal
from ooni_entrypoints.http.responses import bytes_answer, json_answer
from ooni_entrypoints.http.test_lists import asked_list, asked_network, explained_rows
from ooni_entrypoints.settings import ServiceSettings

AnyRequest = Request[Any, Any, Any]
Prio = NamedDependency[SkipValidation[Prioritization]]
Rules = NamedDependency[SkipValidation[RuleBook]]
Overview = NamedDependency[SkipValidation[PrioritizationOverview]]
Guard = NamedDependency[SkipValidation[SessionGuard]]
Limits = NamedDependency[SkipValidation[ServiceSettings]]

_HISTORY = 500


@get(
    "/api/_/debug_prioritization",
    tags=["prioritization"],
    sync_to_thread=True,
    operation_class=documented(
        parameter("probe_cc", "Country of the probe, two letters."),
        parameter("probe_asn", "Network of the probe, `AS123` or `123`."),
        parameter("category_codes", "Categories, separated by commas."),
        parameter("limit", "Most URLs to list."),
        parameter("url", "A URL as it is listed, to be explained with the rules that it matches."),
    ),
)
def debug_prioritization(request: AnyRequest, prioritization: Prio) -> Response[bytes]:
    """Explain the list that a probe would get: each URL with count, priority and weight, and the rules behind them.

    With `url`, `explanation` says of that URL which rules were added up and which place it has, null when it has none.
    """
    query = Query.of(request)
    asked, asn = asked_list(query), asked_network(query)
    # Always the same order among equals, so that two looks can be compared.
    picked = prioritization.urls(asked.cc, asn, asked.limit, asked.categories, seed=0)
    explained = prioritization.explain(asked.cc, asn)
    rules = prioritization.rules_for(asked.cc)
    content = {
        "entries": [{**_entry(each.entry), "msmt_cnt": each.measured} for each in explained],
        "prio_rules": [attrs.asdict(rule) for rule in rules],
        "test_items": explained_rows(picked, explained),
    }
    if url := query.text("url"):
        content["explanation"] = [_explanation(each) for each in explanations(url, picked, explained, rules)]
    return json_answer(content, cache="max-age=0")


def _explanation(found: Explanation) -> dict[str, Any]:
    return {
        **_entry(found.ranked.entry),
        "msmt_cnt": found.ranked.measured,
        "priority": found.ranked.priority,
        "weight": found.ranked.weight,
        "place": found.place,
        "rules": [attrs.asdict(rule) for rule in found.rules],
    }


def _entry(entry: ListedUrl) -> dict[str, Any]:
    cc = entry.cc if entry.cc == GLOBAL else entry.cc.lower()
    return {"category_code": entry.category_code, "cc": cc, "domain": entry.domain, "url": entry.url}


@get(
    "/api/_/show_countries_prioritization",
    tags=["prioritization"],
    sync_to_thread=True,
    operation_class=documented(parameter("format", "Form of the answer.", enum=("JSON", "CSV"))),
)
def show_countries_prioritization(request: AnyRequest, prioritization_overview: Overview) -> Response[bytes]:
    """List every URL of every list with its priority, and how it was measured in the last seven days."""
    form = Query.of(request).text("format").upper() or "JSON"
    if form not in {"JSON", "CSV"}:
        raise Invalid("format is JSON or CSV")
    rows = prioritization_overview.rows()
    if form == "JSON":
        return json_answer(rows, cache="max-age=1")
    return bytes_answer(_csv(rows), "text/csv", cache="max-age=1")


def _csv(rows: list[dict[str, Any]]) -> bytes:
    text = io.StringIO()
    columns = ["anomaly_perc", "category_code", "cc", "domain", "msmt_cnt", "priority", "url"]
    writer = csv.DictWriter(text, columns)
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode()


@get("/api/_/url-priorities/list", tags=["prioritization"], sync_to_thread=True)
def list_url_priorities(rule_book: Rules) -> Response[bytes]:
    """List the priority rules in force; `*` matches anything."""
    return json_answer({"rules": [attrs.asdict(rule) for rule in rule_book.rules()]}, cache="max-age=1")


@post(
    "/api/_/url-priorities/update",
    status_code=200,
    tags=["prioritization"],
    exception_handlers={Refused: answer_refusal},
    opt=OUR_PAGES_ONLY,
)
async def update_url_priorities(
    request: AnyRequest, rule_book: Rules, session_guard: Guard, service_settings: Limits
) -> Response[bytes]:
    """Create, replace or delete a rule: `old_entry` is the rule as it was listed, `new_entry` what takes its place.

    For admins. A rule that somebody else changed meanwhile is not found (404), so nobody overwrites another's work
    unseen.
    """
    session = session_guard.require(request.headers.get("authorization"), [ADMIN])
    document = await json_object(request, service_settings, refusal="Invalid JSON")
    await anyio.to_thread.run_sync(
        rule_book.update, document.get("old_entry"), document.get("new_entry"), session.account_id
    )
    return json_answer(1, cache="no-cache")


@get("/api/_/url-priorities/history", tags=["prioritization"], sync_to_thread=True, opt=OUR_PAGES_ONLY)
def url_priorities_history(request: AnyRequest, rule_book: Rules, session_guard: Guard) -> Response[bytes]:
    """List the latest changes of rules: when, by which account, from what to what. For admins."""
    session_guard.require(request.headers.get("authorization"), [ADMIN])
    changes = [
        {
            "account_id": change.author,
            "changed_at": change.at,
            "old_entry": attrs.asdict(change.old) if change.old else None,
            "new_entry": attrs.asdict(change.new) if change.new else None,
        }
        for change in rule_book.history(_HISTORY)
    ]
    return json_answer({"changes": changes}, cache="no-cache")


handlers = [
    debug_prioritization,
    show_countries_prioritization,
    list_url_priorities,
    update_url_priorities,
    url_priorities_history,
]
