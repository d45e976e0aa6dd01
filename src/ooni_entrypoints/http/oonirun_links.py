"""OONI Run links with numbered revisions, as newer clients know them: errors are under ``detail`` too."""

import logging
import re
from collections.abc import Callable
from datetime import datetime
from typing import Any

import anyio
from litestar import Request, Response, Router, get, post, put
from litestar.di import NamedDependency
from litestar.openapi.spec import OpenAPIType, Parameter, Schema
from litestar.params import FromPath, SkipValidation

from ooni_core.accounts.model import Session
from ooni_core.accounts.sessions import SessionGuard
from ooni_core.errors import Conflict, Forbidden, Invalid, NotFound, OoniError, TooLarge, Unauthorized
from ooni_core.oonirun.checking import BadDocument
from ooni_core.oonirun.links import LATEST, Revision, RunLink
from ooni_core.oonirun.revising import ForeignAuthor, RevisedLinks, Run
from ooni_core.oonirun.rules import MOST_BYTES
from ooni_core.oonirun.targets import read_conditions
from ooni_entrypoints.http.conditional import tagged_json
from ooni_entrypoints.http.cors import OUR_PAGES_ONLY
from ooni_entrypoints.http.parameters import Query, documented, parameter
from ooni_entrypoints.http.probe_bodies import json_object
from ooni_entrypoints.http.responses import json_answer
from ooni_entrypoints.settings import ServiceSettings

AnyRequest = Request[Any, Any, Any]
Links = NamedDependency[SkipValidation[RevisedLinks]]
Guard = NamedDependency[SkipValidation[SessionGuard]]
Limits = NamedDependency[SkipValidation[ServiceSettings]]

_log = logging.getLogger(__name__)

_VARY = {"Vary": "Authorization"}
_KEPT = "max-age=300, public"
_REVISION = re.compile(rf"{LATEST}|[0-9]+")
_NUMBER = re.compile(r"[0-9]{1,9}")
_WORDS = {"true": True, "1": True, "yes": True, "on": True, "false": False, "0": False, "no": False, "off": False}
_SOFTWARE = "useragent"
_NAME, _VERSION = r"[a-zA-Z0-9_-]+", r"[a-zA-Z0-9_.-]+"
_SOFTWARE_FIELDS = re.compile(f"{_NAME},{_VERSION},[a-zA-Z0-9 ]+,{_NAME},{_VERSION},{_VERSION}")
_STATUS = {ForeignAuthor: 400, Unauthorized: 401, Forbidden: 403, NotFound: 404, Conflict: 409, TooLarge: 413}


def _answering(status: int) -> Callable[[AnyRequest, OoniError], Response[bytes]]:
    def answer(_: AnyRequest, error: OoniError) -> Response[bytes]:
        more = error.detail if isinstance(error, Invalid) else ""
        return json_answer({"detail": more or str(error), "error": str(error)}, status, "no-cache")

    return answer


def _answer_invalid(_: AnyRequest, error: Invalid) -> Response[bytes]:
    text = str(error)
    detail: Any = {"error": text}
    if not isinstance(error, BadDocument):
        detail = [{"loc": ["body"], "msg": error.detail or text, "type": "value_error"}]
    elif error.path:
        detail = [{"loc": ["body", *error.path], "msg": error.reason, "type": "value_error"}]
    return json_answer({"detail": detail, "error": text}, 422, "no-cache")


@post("/links", status_code=200, tags=["OONI Run"], opt=OUR_PAGES_ONLY)
async def create_link(
    request: AnyRequest, revised_links: Links, session_guard: Guard, service_settings: Limits
) -> Response[bytes]:
    """Make a link of the object in the body. Its `author` is the address of the account that makes it.

    The body has `name`, `short_description`, `description`, `author` and `nettests`; it may have `icon`, `color`,
    `expiration_date`, `name_intl`, `short_description_intl` and `description_intl`.
    """
    author = await anyio.to_thread.run_sync(session_guard.require, request.headers.get("authorization"))
    document = await json_object(request, service_settings, most_bytes=MOST_BYTES)
    link = await anyio.to_thread.run_sync(revised_links.create, author, document)
    return json_answer(_shown(link, link.revision(), link.created, author), headers=_VARY)


@put("/links/{link_id:str}", tags=["OONI Run"], opt=OUR_PAGES_ONLY)
async def edit_link(
    request: AnyRequest, link_id: FromPath[str], revised_links: Links, session_guard: Guard, service_settings: Limits
) -> Response[bytes]:
    """Replace what is said about a link, for who made it and staff. Other nettests make another revision.

    One whose `expiration_date` has passed cannot be changed any more.
    """
    author = await anyio.to_thread.run_sync(session_guard.require, request.headers.get("authorization"))
    document = await json_object(request, service_settings, most_bytes=MOST_BYTES)
    link = await anyio.to_thread.run_sync(revised_links.edit, author, link_id, document)
    return json_answer(_shown(link, link.revision(), link.created, author), headers=_VARY)


@get("/links/{link_id:str}", tags=["OONI Run"])
async def show_link(
    request: AnyRequest, link_id: FromPath[str], revised_links: Links, session_guard: Guard
) -> Response[bytes]:
    """Return a link with its latest list of nettests."""
    return await _one(request, link_id, LATEST, revised_links, session_guard)


@get("/links/{link_id:str}/full-descriptor/{revision:str}", tags=["OONI Run"])
async def show_revision(
    request: AnyRequest, link_id: FromPath[str], revision: FromPath[str], revised_links: Links, session_guard: Guard
) -> Response[bytes]:
    """Return a link with the list of nettests that `revision` says: a number, or `latest`."""
    return await _one(request, link_id, _revision(revision), revised_links, session_guard)


@get("/links/{link_id:str}/revisions", tags=["OONI Run"])
async def list_revisions(request: AnyRequest, link_id: FromPath[str], revised_links: Links) -> Response[bytes]:
    """Return the numbers of the revisions of a link, the newest first."""
    link = await anyio.to_thread.run_sync(revised_links.get, link_id)
    return tagged_json(request, {"revisions": [str(each) for each in reversed(link.revisions)]}, "no-cache")


@get(
    "/links",
    tags=["OONI Run"],
    operation_class=documented(
        parameter("is_mine", "`true`: only links that the caller made."),
        parameter("is_expired", "`true`: expired links too."),
        parameter("limit", "Most links."),
        parameter("offset", "How many links to leave out."),
    ),
)
async def list_links(request: AnyRequest, revised_links: Links, session_guard: Guard) -> Response[bytes]:
    """List links with their latest lists of nettests, the one that was made last first."""
    query = Query.of(request)
    mine, ended = _flag(query, "is_mine"), _flag(query, "is_expired")
    limit, offset = _number(query, "limit"), _number(query, "offset") or 0

    def listed() -> list[dict[str, Any]]:
        reader = session_guard.session(request.headers.get("authorization"))
        found = revised_links.listed(reader, only_mine=mine, include_ended=ended)
        return [_shown(link, link.revision(), link.created, reader) for link in found[offset:][:limit]]

    shown = await anyio.to_thread.run_sync(listed)
    return tagged_json(request, {"oonirun_links": shown}, "no-cache", headers=_VARY)


@post(
    "/links/{link_id:str}/engine-descriptor/{revision:str}",
    status_code=200,
    tags=["OONI Run"],
    operation_class=documented(
        Parameter(
            name=_SOFTWARE,
            param_in="header",
            description="Software and engine: six fields with commas between them.",
            schema=Schema(type=OpenAPIType.STRING),
        )
    ),
)
async def run_link(
    request: AnyRequest, link_id: FromPath[str], revision: FromPath[str], revised_links: Links, service_settings: Limits
) -> Response[bytes]:
    """Tell a probe what to run: the nettests of a revision, each with its inputs.

    The body says in what circumstances: `run_type` (`timed` or `manual`), `is_charging`, `probe_cc`, `probe_asn`,
    `network_type` and, where wanted, `website_category_codes`. Nothing of it is stored.
    """
    wanted = _revision(revision)
    software = request.headers.get(_SOFTWARE)
    if software is not None and not _SOFTWARE_FIELDS.fullmatch(software):
        raise Invalid("The header useragent has six fields with commas between them", "malformed useragent header")
    conditions = read_conditions(await json_object(request, service_settings, most_bytes=MOST_BYTES))
    found = await anyio.to_thread.run_sync(revised_links.run, link_id, wanted, conditions)
    for name in found.unknown_targets:
        _log.warning("OONI Run link %s asks for targets that are not known: %r", link_id, name)
    content = _run(found)
    return json_answer(content, cache="no-store") if found.is_dynamic else tagged_json(request, content, _KEPT)


async def _one(
    request: AnyRequest, link_id: str, revision: str, revised_links: RevisedLinks, session_guard: SessionGuard
) -> Response[bytes]:
    authorization = request.headers.get("authorization")

    def shown() -> dict[str, Any]:
        link = revised_links.get(link_id)
        found = link.revision(revision)
        return _shown(link, found, found.created, session_guard.session(authorization))

    content = await anyio.to_thread.run_sync(shown)
    return tagged_json(request, content, _KEPT if authorization is None else "no-cache, private", headers=_VARY)


def _shown(link: RunLink, revision: Revision, created: datetime, reader: Session | None) -> dict[str, Any]:
    words = link.words
    return {
        "oonirun_link_id": str(link.latest.link_id),
        "date_created": _written(created),
        "date_updated": _written(link.updated),
        "revision": str(revision.number),
        "is_mine": reader is not None and reader.account_id == link.latest.creator_account_id,
        "is_expired": link.has_ended,
        "expiration_date": _written(link.end),
        **{key: words.get(key) or "" for key in ("name", "short_description", "description", "author")},
        **{key: words.get(key) for key in ("name_intl", "short_description_intl", "description_intl", "icon", "color")},
        "nettests": [each.document for each in revision.nettests],
    }


def _run(run: Run) -> dict[str, Any]:
    return {
        "revision": str(run.revision.number),
        "date_created": _written(run.revision.created),
        "nettests": [each.document for each in run.revision.nettests],
        **({"is_expired": True} if run.has_ended else {}),
    }


def _written(instant: datetime) -> str:
    return f"{instant:%Y-%m-%dT%H:%M:%S}.000000Z"


def _revision(text: str) -> str:
    if not _REVISION.fullmatch(text):
        raise Invalid("a revision is latest or a number")
    return text


def _flag(query: Query, name: str) -> bool:
    word = query.text(name).lower()
    if word not in {"", *_WORDS}:
        raise Invalid(f"{name} is true or false")
    return _WORDS.get(word, False)


def _number(query: Query, name: str) -> int | None:
    text = query.text(name)
    if text and not _NUMBER.fullmatch(text):
        raise Invalid(f"{name} is a whole number from 0")
    return int(text) if text else None


handlers = [
    Router(
        "/api/v2/oonirun",
        route_handlers=[create_link, edit_link, show_link, show_revision, list_revisions, list_links, run_link],
        exception_handlers={Invalid: _answer_invalid, **{kind: _answering(status) for kind, status in _STATUS.items()}},
    )
]
