"""Incidents, which web pages call findings: reports on censorship written by people."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import anyio
from litestar import Request, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, SkipValidation

from ooni_core.accounts.model import Session
from ooni_core.accounts.sessions import SessionGuard
from ooni_core.catalog.parsing import asn
from ooni_core.errors import Invalid, TooLarge
from ooni_core.incidents.model import Incident
from ooni_core.incidents.rules import Search, is_admin, is_owner
from ooni_core.incidents.service import Incidents
from ooni_core.refusals import Refused
from ooni_entrypoints.http.cors import OUR_PAGES_ONLY
from ooni_entrypoints.http.errors import answer_domain_error
from ooni_entrypoints.http.parameters import Query, documented, parameter
from ooni_entrypoints.http.refusals import answer_bad_request, answer_refusal
from ooni_entrypoints.http.responses import json_answer
from ooni_entrypoints.http.web_bodies import fields_of
from ooni_entrypoints.settings import ServiceSettings

AnyRequest = Request[Any, Any, Any]
Reports = NamedDependency[SkipValidation[Incidents]]
Guard = NamedDependency[SkipValidation[SessionGuard]]
Limits = NamedDependency[SkipValidation[ServiceSettings]]
Change = Callable[[Session, Mapping[str, Any]], Any]

_VARY = {"Vary": "Authorization"}
_MOST_SHOWN = 10_000
_TIME = "%Y-%m-%dT%H:%M:%SZ"


@get(
    "/api/v1/incidents/search",
    sync_to_thread=True,
    tags=["incidents"],
    operation_class=documented(
        parameter("only_mine", "`true` shows what the caller wrote."),
        parameter("creator", "`me` does the same.", enum=("me",)),
        parameter("theme", "Theme, such as `social_media`; may be repeated."),
        parameter("country_code", "Country, two letters; may be repeated."),
        parameter("asn", "Network, `AS123` or `123`; may be repeated."),
        parameter("domain", "Domain; may be repeated."),
        parameter("tag", "Tag; may be repeated."),
        parameter("test_name", "Nettest; may be repeated."),
        parameter("sort", "`title`, `start_time`, `end_time`, `create_time` or `update_time`; `-` before it reverses."),
        parameter("limit", "Most incidents to list; all by default."),
        parameter("offset", "How many to leave out."),
    ),
)
def search_incidents(request: AnyRequest, incidents: Reports, session_guard: Guard) -> Response[bytes]:
    """List published incidents; also those that the caller wrote, and to staff all.

    Values of one filter are alternatives; different filters all hold.
    """
    reader = session_guard.session(request.headers.get("authorization"))
    found = incidents.search(reader, _wanted(request))
    return json_answer({"incidents": [_shown(each, reader) for each in found], "v": 1}, headers=_VARY)


def _wanted(request: AnyRequest) -> Search:
    query = Query.of(request)

    def several(name: str) -> tuple[str, ...]:
        return tuple(value for value in request.query_params.getall(name, []) if value)

    return Search(
        only_mine=query.is_true("only_mine") or query.text("creator") == "me",
        themes=several("theme"),
        ccs=tuple(value.upper() for value in several("country_code")),
        asns=tuple(asn(value, "asn") for value in several("asn")),
        domains=several("domain"),
        tags=several("tag"),
        test_names=several("test_name"),
        sort=query.text("sort") or "title",
        limit=query.read("limit", lambda text: _number("limit", text)),
        offset=query.read("offset", lambda text: _number("offset", text)) or 0,
    )


def _number(name: str, text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise Invalid(f"{name} is a number from 0")
    return min(int(text), _MOST_SHOWN)


@get("/api/v1/incidents/show/{name:str}", sync_to_thread=True, tags=["incidents"])
def show_incident(
    name: FromPath[str], request: AnyRequest, incidents: Reports, session_guard: Guard
) -> Response[bytes]:
    """Return one incident by its id or its readable name, with its text."""
    reader = session_guard.session(request.headers.get("authorization"))
    incident = incidents.show(reader, name)
    shown = {**_shown(incident, reader), "text": incident.content.text}
    return json_answer({"incident": shown, "v": 1}, headers=_VARY)


def _shown(incident: Incident, reader: Session | None) -> dict[str, Any]:
    content = incident.content
    return {
        "ASNs": content.asns,
        "CCs": content.ccs,
        "create_time": f"{incident.create_time:{_TIME}}",
        "domains": content.domains,
        "email_address": content.email_address if is_admin(reader) else None,
        "end_time": content.end_time and f"{content.end_time:{_TIME}}",
        "event_type": content.event_type,
        "id": incident.id,
        "links": content.links,
        "mine": int(is_owner(reader, incident)),
        "published": content.published,
        "reported_by": content.reported_by,
        "short_description": content.short_description,
        "slug": incident.slug or None,
        "start_time": f"{content.start_time:{_TIME}}",
        "tags": content.tags,
        "test_names": content.test_names,
        "themes": content.themes,
        "title": content.title,
        "update_time": f"{incident.update_time:{_TIME}}",
    }


def _changes(path: str) -> Callable[[Callable[..., Awaitable[Response[bytes]]]], Any]:
    return post(
        f"/api/v1/incidents/{path}",
        status_code=200,
        tags=["incidents"],
        opt=OUR_PAGES_ONLY,
        exception_handlers={Refused: answer_refusal, TooLarge: answer_domain_error, Invalid: answer_bad_request},
    )


@_changes("create")
async def create_incident(
    request: AnyRequest, incidents: Reports, session_guard: Guard, service_settings: Limits
) -> Response[bytes]:
    """Write an incident. Everybody who is logged in may; it is shown to others once staff has published it."""
    return _stored(await _change(request, session_guard, service_settings, incidents.create))


@_changes("update")
async def update_incident(
    request: AnyRequest, incidents: Reports, session_guard: Guard, service_settings: Limits
) -> Response[bytes]:
    """Replace everything that the author of the incident `id` wrote. For its author, and staff.

    When `update_time` is sent as it was read, a change that somebody else made meanwhile is not overwritten (409).
    """
    return _stored(await _change(request, session_guard, service_settings, incidents.update))


@_changes("delete")
async def delete_incident(
    request: AnyRequest, incidents: Reports, session_guard: Guard, service_settings: Limits
) -> Response[bytes]:
    """Delete the incident `id`. For its author, and staff."""
    await _change(request, session_guard, service_settings, incidents.delete)
    return json_answer({})


@_changes("publish")
async def publish_incident(
    request: AnyRequest, incidents: Reports, session_guard: Guard, service_settings: Limits
) -> Response[bytes]:
    """Show the incident `id` to everybody. For staff."""
    return await _published(request, incidents, session_guard, service_settings, published=True)


@_changes("unpublish")
async def unpublish_incident(
    request: AnyRequest, incidents: Reports, session_guard: Guard, service_settings: Limits
) -> Response[bytes]:
    """Show the incident `id` to its author and staff alone. For staff."""
    return await _published(request, incidents, session_guard, service_settings, published=False)


@post("/api/v1/incidents/{action:str}", status_code=200, tags=["incidents"], opt=OUR_PAGES_ONLY)
async def change_incident(action: FromPath[str], request: AnyRequest, session_guard: Guard) -> Response[bytes]:
    """Refuse any other action."""
    await anyio.to_thread.run_sync(session_guard.require, request.headers.get("authorization"))
    raise Invalid("Invalid request", f"{action[:40]!r} is not one of create, update, delete, publish, unpublish")


async def _published(
    request: AnyRequest, incidents: Incidents, guard: SessionGuard, settings: ServiceSettings, *, published: bool
) -> Response[bytes]:
    def change(author: Session, document: Mapping[str, Any]) -> str:
        return incidents.set_published(author, document, published=published)

    return _stored(await _change(request, guard, settings, change))


async def _change(request: AnyRequest, guard: SessionGuard, settings: ServiceSettings, change: Change) -> Any:
    author = await anyio.to_thread.run_sync(guard.require, request.headers.get("authorization"))
    document = await fields_of(request, settings)
    return await anyio.to_thread.run_sync(change, author, document)


def _stored(id: str) -> Response[bytes]:
    return json_answer({"id": id, "r": 1})


handlers = [
    search_incidents,
    show_incident,
    create_incident,
    update_incident,
    delete_incident,
    publish_incident,
    unpublish_incident,
    change_incident,
]
