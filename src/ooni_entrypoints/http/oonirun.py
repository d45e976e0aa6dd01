"""OONI Run links: lists of nettests that people share and probes fetch."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import anyio
from litestar import Request, Response, Router, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, SkipValidation

from ooni_core.accounts.sessions import SessionGuard
from ooni_core.errors import Invalid, NotFound
from ooni_core.oonirun.model import MAX_LINK_ID, LinkVersion
from ooni_core.oonirun.rules import MOST_BYTES, read_creation_time
from ooni_core.oonirun.service import Listing, RunLinks
from ooni_core.refusals import Refused
from ooni_entrypoints.http.conditional import tagged_json
from ooni_entrypoints.http.cors import OUR_PAGES_ONLY
from ooni_entrypoints.http.parameters import Query, documented, parameter
from ooni_entrypoints.http.probe_bodies import json_object
from ooni_entrypoints.http.refusals import answer_refusal
from ooni_entrypoints.http.responses import json_answer
from ooni_entrypoints.settings import ServiceSettings

AnyRequest = Request[Any, Any, Any]
Links = NamedDependency[SkipValidation[RunLinks]]
Guard = NamedDependency[SkipValidation[SessionGuard]]
Limits = NamedDependency[SkipValidation[ServiceSettings]]

_VARY = {"Vary": "Authorization"}
_NO = {"", "false", "0", "no"}
_REFUSALS = {Refused: answer_refusal}
_LINK = parameter("ooni_run_link_id", "Id of the link; `id` is the same.")


@post(
    "/create",
    status_code=200,
    tags=["OONI Run"],
    opt=OUR_PAGES_ONLY,
    exception_handlers=_REFUSALS,
    operation_class=documented(_LINK),
)
async def create_oonirun(
    request: AnyRequest, run_links: Links, session_guard: Guard, service_settings: Limits
) -> Response[bytes]:
    """Make a link of the descriptor in the body, or, with an id, another version of a link of one's own.

    A change that measures the same is a translation and keeps the version's creation time.
    """
    author = await anyio.to_thread.run_sync(session_guard.require, request.headers.get("authorization"))
    query = Query.of(request)
    link_id = query.text("ooni_run_link_id") or query.text("id")
    descriptor = await json_object(
        request, service_settings, "Invalid parameters in the request", most_bytes=MOST_BYTES
    )

    def store() -> int:
        if not link_id:
            return run_links.create(author, descriptor)
        number = _link_id(link_id)
        run_links.edit(author, number, descriptor)
        return number

    number = await anyio.to_thread.run_sync(store)
    return json_answer({"id": number, "ooni_run_link_id": number, "v": 1})


@post(
    "/archive/{link_id:str}",
    status_code=200,
    tags=["OONI Run"],
    opt=OUR_PAGES_ONLY,
    exception_handlers=_REFUSALS,
    sync_to_thread=True,
)
def archive_oonirun(
    request: AnyRequest, link_id: FromPath[str], run_links: Links, session_guard: Guard
) -> Response[bytes]:
    """Tell probes not to run a link any more. For who made it, and staff."""
    author = session_guard.require(request.headers.get("authorization"))
    run_links.archive(author, _path_id(link_id))
    return json_answer({"v": 1})


@get(
    "/fetch/{link_id:str}",
    tags=["OONI Run"],
    sync_to_thread=True,
    operation_class=documented(parameter("creation_time", "`descriptor_creation_time` of the wanted version.")),
)
def fetch_oonirun(
    request: AnyRequest, link_id: FromPath[str], run_links: Links, session_guard: Guard
) -> Response[bytes]:
    """Return the latest version of a link, or the one of `creation_time`. One that is `archived` must not be run."""
    authorization = request.headers.get("authorization")
    reader = session_guard.session(authorization)
    version = run_links.fetch(_path_id(link_id), Query.of(request).read("creation_time", read_creation_time))
    content = {
        "archived": version.archived,
        "descriptor": version.descriptor,
        **_times(version),
        "mine": reader is not None and reader.account_id == version.creator_account_id,
        "v": 1,
    }
    cache = "max-age=300, public" if authorization is None else "no-cache, private"
    return tagged_json(request, content, cache, headers=_VARY)


@get(
    "/list",
    tags=["OONI Run"],
    sync_to_thread=True,
    operation_class=documented(
        parameter("ooni_run_link_id", "Only these links, separated by commas; `ids` is the same."),
        parameter("only_latest", "Only the version of each link that was changed last."),
        parameter("only_mine", "Only links that the caller made."),
        parameter("include_archived", "Archived links too."),
    ),
)
def list_oonirun(request: AnyRequest, run_links: Links, session_guard: Guard) -> Response[bytes]:
    """List links without what they measure. A flag is set by any value but `false`, `0` and `no`."""
    reader = session_guard.session(request.headers.get("authorization"))
    query = Query.of(request)
    ids = query.text("ooni_run_link_id") or query.text("ids")
    wanted = Listing(
        link_ids=tuple(_link_id(text) for text in ids.split(",") if text) if ids else None,
        only_latest=_flag(query, "only_latest"),
        only_mine=_flag(query, "only_mine"),
        include_archived=_flag(query, "include_archived"),
    )
    found = run_links.listed(reader, wanted)
    shown = [_listed(each, mine=reader is not None and reader.account_id == each.creator_account_id) for each in found]
    return json_answer({"descriptors": shown, "v": 1}, headers=_VARY)


def _flag(query: Query, name: str) -> bool:
    return query.text(name).lower() not in _NO


def _listed(version: LinkVersion, *, mine: bool) -> dict[str, Any]:
    descriptor: Mapping[str, Any] = version.descriptor
    return {
        "archived": version.archived,
        **{name: descriptor.get(name) or "" for name in ("author", "icon", "name", "short_description")},
        **_times(version),
        "id": version.link_id,
        "mine": mine,
        "ooni_run_link_id": version.link_id,
    }


def _times(version: LinkVersion) -> dict[str, str]:
    return {
        "descriptor_creation_time": _written(version.descriptor_creation_time),
        "translation_creation_time": _written(version.translation_creation_time),
    }


def _written(instant: datetime) -> str:
    return f"{instant:%Y-%m-%dT%H:%M:%S.%fZ}"


def _link_id(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 20 and int(text) <= MAX_LINK_ID):
        raise Invalid("Incorrect parameter used", "the id of a link is a number")
    return int(text)


def _path_id(text: str) -> int:
    if not (text.isascii() and text.isdigit()):
        raise NotFound("Not found")
    return _link_id(text)


_BASES = ("/api/_/ooni_run", "/api/v1/ooni_run")  # what clients call, and what was documented
_LINKS = [create_oonirun, archive_oonirun, fetch_oonirun, list_oonirun]

handlers = [Router(base, route_handlers=_LINKS) for base in _BASES]
