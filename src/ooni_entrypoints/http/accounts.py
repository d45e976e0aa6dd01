"""Login by e-mail, and sessions."""

import logging
from typing import Any

import anyio
from litestar import Request, Response, get, post
from litestar.di import NamedDependency
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import SkipValidation

from ooni_core.accounts.model import OpenedSession
from ooni_core.accounts.ports import MailNotSent
from ooni_core.accounts.service import Accounts
from ooni_core.accounts.sessions import SessionGuard
from ooni_core.errors import Invalid
from ooni_entrypoints.http.cors import OUR_PAGES_ONLY
from ooni_entrypoints.http.parameters import Query, documented, parameter
from ooni_entrypoints.http.responses import json_answer
from ooni_entrypoints.http.web_bodies import fields_of, text_of
from ooni_entrypoints.settings import ServiceSettings

_log = logging.getLogger(__name__)

AnyRequest = Request[Any, Any, Any]
People = NamedDependency[SkipValidation[Accounts]]
Guard = NamedDependency[SkipValidation[SessionGuard]]
Limits = NamedDependency[SkipValidation[ServiceSettings]]

_TOKEN_CACHE = "max-age=0, no-cache, no-store"  # noqa: S105 - says that tokens are not to be kept
_TOKEN_HEADERS = {"Referrer-Policy": "no-referrer"}


def answer_mail_failure(_: AnyRequest, error: MailNotSent) -> Response[bytes]:
    """Tell the person in the words that web pages know, and the operator why."""
    _log.warning("a login link was not sent: %s", error)
    return json_answer({"error": "Unable to send the email"}, 400, "no-cache")


@post(
    "/api/v1/user_register",
    status_code=200,
    tags=["accounts"],
    opt=OUR_PAGES_ONLY,
    exception_handlers={MailNotSent: answer_mail_failure},
)
async def user_register(request: AnyRequest, accounts: People, service_settings: Limits) -> Response[bytes]:
    """Send a login link to `email_address`; it leads to the page of `redirect_to`, one of the project's own.

    The body is JSON or a form. The answer does not depend on who has logged in before.
    """
    fields = await fields_of(request, service_settings)
    email_address, redirect_to = text_of(fields, "email_address"), text_of(fields, "redirect_to")
    if not email_address.strip():
        raise Invalid("Invalid request")
    await anyio.to_thread.run_sync(
        accounts.register, email_address, redirect_to, limiter=request.app.state.mail_limiter
    )
    return json_answer({"msg": "ok"})


@get(
    "/api/v1/user_login",
    tags=["accounts"],
    opt=OUR_PAGES_ONLY,
    operation_class=documented(parameter("k", "Token of the login link.")),
)
async def user_login(request: AnyRequest, accounts: People) -> Response[bytes]:
    """Open a session for who holds the token of a login link."""
    return await anyio.to_thread.run_sync(_logged_in, accounts, Query.of(request).text("k"))


@post("/api/v1/user_login", status_code=200, tags=["accounts"], opt=OUR_PAGES_ONLY)
async def user_login_unlogged(request: AnyRequest, accounts: People, service_settings: Limits) -> Response[bytes]:
    """Do the same with the token as `k` of the body, where no proxy writes it down."""
    token = text_of(await fields_of(request, service_settings), "k")
    return await anyio.to_thread.run_sync(_logged_in, accounts, token)


def _logged_in(accounts: Accounts, token: str) -> Response[bytes]:
    opened = accounts.login(token)
    # Operators find the id of an account here; the address is nowhere.
    _log.info("account %s logged in as %s", opened.session.account_id, opened.session.role)
    return token_answer(
        {
            "bearer": opened.bearer,
            "email_address": opened.session.email_address,
            "redirect_to": opened.redirect_to,
        }
    )


@get("/api/v1/user_refresh_token", sync_to_thread=True, tags=["accounts"], opt=OUR_PAGES_ONLY)
def user_refresh_token(request: AnyRequest, accounts: People) -> Response[bytes]:
    """Open a new session for who has one. Some days after the login by e-mail, only another login helps."""
    opened: OpenedSession = accounts.refresh(request.headers.get("authorization"))
    return token_answer({"bearer": opened.bearer})


@get(
    "/api/_/account_metadata",
    sync_to_thread=True,
    tags=["accounts"],
    opt=OUR_PAGES_ONLY,
    responses={401: ResponseSpec(dict[str, bool], description="Nobody is logged in.")},
)
def account_metadata(request: AnyRequest, session_guard: Guard) -> Response[bytes]:
    """Say whether the caller is logged in, and as what; 401 when they are not."""
    session = session_guard.session(request.headers.get("authorization"))
    vary = {"Vary": "Authorization"}
    if session is None:
        return json_answer({"logged_in": False}, 401, "no-cache", vary)
    return json_answer({"logged_in": True, "role": session.role}, headers=vary)


def token_answer(content: Any) -> Response[bytes]:
    """Answer with a token, which is for nobody but the caller."""
    return json_answer(content, cache=_TOKEN_CACHE, headers=_TOKEN_HEADERS)


handlers = [user_register, user_login, user_login_unlogged, user_refresh_token, account_metadata]
