"""The test list editor: what people who are logged in propose to change in the test lists."""

from typing import Any

import anyio
from litestar import Request, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, SkipValidation

from ooni_core.accounts.sessions import SessionGuard
from ooni_core.refusals import Refused
from ooni_core.testlists.editor import ListEditor
from ooni_entrypoints.http.conditional import tagged_json
from ooni_entrypoints.http.cors import OUR_PAGES_ONLY
from ooni_entrypoints.http.probe_bodies import json_object
from ooni_entrypoints.http.refusals import answer_refusal_described
from ooni_entrypoints.http.responses import NO_CACHE, json_answer
from ooni_entrypoints.settings import ServiceSettings

AnyRequest = Request[Any, Any, Any]
Editor = NamedDependency[SkipValidation[ListEditor]]
Guard = NamedDependency[SkipValidation[SessionGuard]]
Limits = NamedDependency[SkipValidation[ServiceSettings]]

_REFUSALS = {Refused: answer_refusal_described}
_KEYS = ("country_code", "old_entry", "new_entry", "comment")


@get(
    "/api/_/url-submission/test-list/{country_code:str}",
    tags=["test lists"],
    sync_to_thread=True,
    exception_handlers=_REFUSALS,
    opt=OUR_PAGES_ONLY,
)
def show_test_list(
    request: AnyRequest, country_code: FromPath[str], list_editor: Editor, session_guard: Guard
) -> Response[bytes]:
    """Show a country's list, or `global`, with the caller's own edits, and where their proposal stands.

    `test_list` is null for a country without a list; `state` is CLEAN, IN_PROGRESS or PR_OPEN.
    """
    session = session_guard.require(request.headers.get("authorization"))
    return tagged_json(request, list_editor.show(session.account_id, country_code), NO_CACHE)


@post(
    "/api/v1/url-submission/update-url",
    status_code=200,
    tags=["test lists"],
    exception_handlers=_REFUSALS,
    opt=OUR_PAGES_ONLY,
)
async def update_url(
    request: AnyRequest, list_editor: Editor, session_guard: Guard, service_settings: Limits
) -> Response[bytes]:
    """Add, change or remove a line of a list.

    Without `old_entry` the line is added, without `new_entry` removed. An open proposal is withdrawn first, unless the
    change is refused. `comment` says why, in one line. `also_listed_in` names the countries whose lists hold a URL that
    was added to the global list: it should be removed there.
    """
    session = session_guard.require(request.headers.get("authorization"))
    document = await json_object(request, service_settings, refusal="Invalid JSON")
    if not set(_KEYS) <= set(document):
        raise Refused("err_request_params")
    asked = {key: document[key] for key in _KEYS}
    return json_answer(await anyio.to_thread.run_sync(lambda: list_editor.update(session.account_id, **asked)))


@post(
    "/api/v1/url-submission/submit",
    status_code=200,
    tags=["test lists"],
    sync_to_thread=True,
    exception_handlers=_REFUSALS,
    opt=OUR_PAGES_ONLY,
)
def submit_changes(request: AnyRequest, list_editor: Editor, session_guard: Guard) -> Response[bytes]:
    """Propose the caller's edits to the maintainers of the lists."""
    session = session_guard.require(request.headers.get("authorization"))
    return json_answer({"pr_id": list_editor.submit(session.account_id)})


handlers = [show_test_list, update_url, submit_changes]
