"""Login and sessions as newer clients know them: JSON in and out, and errors under ``detail``."""

from datetime import UTC, datetime
from typing import Any

import anyio
from litestar import Request, Response, get, post
from litestar.di import NamedDependency
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import SkipValidation

from ooni_core.accounts.model import OpenedSession, Session
from ooni_core.accounts.ports import MailNotSent
from ooni_core.accounts.service import Accounts
from ooni_core.accounts.sessions import SessionGuard
from ooni_core.accounts.tokens import Expired
from ooni_core.errors import Invalid, Unauthorized
from ooni_entrypoints.http.accounts import answer_mail_failure, token_answer
from ooni_entrypoints.http.cors import OUR_PAGES_ONLY
from ooni_entrypoints.http.probe_bodies import json_object
from ooni_entrypoints.http.responses import NO_STORE, json_answer
from ooni_entrypoints.http.web_bodies import text_of
from ooni_entrypoints.settings import ServiceSettings

AnyRequest = Request[Any, Any, Any]
People = NamedDependency[SkipValidation[Accounts]]
Guard = NamedDependency[SkipValidation[SessionGuard]]
Limits = NamedDependency[SkipValidation[ServiceSettings]]

_TIME = "%Y-%m-%dT%H:%M:%S.%fZ"
_INVALID = ResponseSpec(dict[str, Any], description="The request cannot be right: `detail` says why.")


def _answer_invalid(_: AnyRequest, error: Invalid) -> Response[bytes]:
    wrong = {"loc": ["body"], "msg": error.detail or str(error), "type": "value_error"}
    return json_answer({"detail": [wrong], "error": str(error)}, 422, "no-cache")


def _answer_unauthorized(_: AnyRequest, error: Unauthorized) -> Response[bytes]:
    text = "Expired token" if isinstance(error, Expired) else "Invalid credentials"
    return json_answer({"detail": text, "error": text}, 401, "no-cache")


def _answer_unsent(request: AnyRequest, error: MailNotSent) -> Response[bytes]:
    answer_mail_failure(request, error)
    text = "Unable to send the email"
    return json_answer({"detail": text, "error": text}, 500, NO_STORE)


@post(
    "/api/v2/ooniauth/user-login",
    status_code=200,
    tags=["accounts"],
    opt=OUR_PAGES_ONLY,
    exception_handlers={Invalid: _answer_invalid, MailNotSent: _answer_unsent},
    responses={422: _INVALID},
)
async def ask_for_login(request: AnyRequest, accounts: People, service_settings: Limits) -> Response[bytes]:
    """Send a login link to `email_address`; it leads to the page of `redirect_to`, one of the project's own."""
    fields = await json_object(request, service_settings, refusal="Invalid request")
    address, redirect_to = text_of(fields, "email_address"), text_of(fields, "redirect_to")
    limiter = request.app.state.mail_limiter
    expires = await anyio.to_thread.run_sync(accounts.register, address, redirect_to, limiter=limiter)
    return json_answer({"email_address": address.strip().lower(), "login_token_expiration": f"{expires:{_TIME}}"})


@post(
    "/api/v2/ooniauth/user-session",
    status_code=200,
    tags=["accounts"],
    opt=OUR_PAGES_ONLY,
    exception_handlers={Invalid: _answer_invalid, Unauthorized: _answer_unauthorized},
    responses={422: _INVALID},
)
async def open_session(
    request: AnyRequest, accounts: People, session_guard: Guard, service_settings: Limits
) -> Response[bytes]:
    """Open a session for `login_token`, that of a login link; without one, refresh the caller's session."""
    fields = await json_object(request, service_settings, refusal="Invalid request") if await request.body() else {}
    authorization = request.headers.get("authorization")

    def opened() -> OpenedSession | None:
        if fields.get("login_token") is not None:
            return accounts.login(text_of(fields, "login_token"))
        return accounts.refresh(authorization) if session_guard.session(authorization) else None

    found = await anyio.to_thread.run_sync(opened)
    if found is None:
        text = "no valid session found"
        return json_answer({"detail": text, "error": text}, 401, "no-cache")
    return token_answer({**_described(found.session), "session_token": found.bearer, "redirect_to": found.redirect_to})


@get("/api/v2/ooniauth/user-session", tags=["accounts"], opt=OUR_PAGES_ONLY)
async def describe_session(request: AnyRequest, session_guard: Guard) -> Response[bytes]:
    """Say who the caller is; nobody when they are not logged in."""
    session = await anyio.to_thread.run_sync(session_guard.session, request.headers.get("authorization"))
    return json_answer(_described(session), headers={"Vary": "Authorization"})


def _described(session: Session | None) -> dict[str, Any]:
    at = datetime.fromtimestamp(session.login_time, UTC).strftime(_TIME) if session else None
    return {
        "session_token": "",
        "redirect_to": "",
        "email_address": session.email_address if session else "",
        "account_id": session.account_id if session else "",
        "role": session.role if session else "",
        "login_time": at,
        "is_logged_in": session is not None,
    }


handlers = [ask_for_login, open_session, describe_session]
