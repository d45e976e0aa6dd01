"""What admins decide about accounts: roles, and the end of sessions."""

from collections.abc import Mapping
from typing import Any

import anyio
from litestar import Request, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, SkipValidation

from ooni_core.accounts.model import ADMIN
from ooni_core.accounts.service import Accounts
from ooni_core.accounts.sessions import SessionGuard
from ooni_core.errors import Invalid
from ooni_entrypoints.http.cors import OUR_PAGES_ONLY
from ooni_entrypoints.http.responses import json_answer
from ooni_entrypoints.http.web_bodies import fields_of, text_of
from ooni_entrypoints.settings import ServiceSettings

AnyRequest = Request[Any, Any, Any]
People = NamedDependency[SkipValidation[Accounts]]
Guard = NamedDependency[SkipValidation[SessionGuard]]
Limits = NamedDependency[SkipValidation[ServiceSettings]]


@post("/api/v1/set_account_role", status_code=200, tags=["accounts"], opt=OUR_PAGES_ONLY)
async def set_account_role(
    request: AnyRequest, accounts: People, session_guard: Guard, service_settings: Limits
) -> Response[bytes]:
    """Give `email_address` the `role` user or admin. Who loses a role is logged out. For admins."""
    fields = await _asked_by_admin(request, session_guard, service_settings)
    address, role = text_of(fields, "email_address"), text_of(fields, "role")
    await anyio.to_thread.run_sync(accounts.set_role, address, role)
    return json_answer({})


@get("/api/v1/get_account_role/{email_address:str}", sync_to_thread=True, tags=["accounts"], opt=OUR_PAGES_ONLY)
def get_account_role(
    request: AnyRequest, email_address: FromPath[str], accounts: People, session_guard: Guard
) -> Response[bytes]:
    """Return the role that was set for an address. For admins. Proxies log paths: better ask by POST."""
    session_guard.require(request.headers.get("authorization"), [ADMIN])
    return _role(accounts, email_address)


@post("/api/v1/get_account_role", status_code=200, tags=["accounts"], opt=OUR_PAGES_ONLY)
async def ask_account_role(
    request: AnyRequest, accounts: People, session_guard: Guard, service_settings: Limits
) -> Response[bytes]:
    """Return the role that was set for `email_address` of the body. For admins."""
    fields = await _asked_by_admin(request, session_guard, service_settings)
    return await anyio.to_thread.run_sync(_role, accounts, text_of(fields, "email_address"))


def _role(accounts: Accounts, email_address: str) -> Response[bytes]:
    role = accounts.role(email_address)
    if role is None:
        raise Invalid("Account not found")
    return json_answer({"role": role})


@post("/api/v1/set_session_expunge", status_code=200, tags=["accounts"], opt=OUR_PAGES_ONLY)
async def set_session_expunge(
    request: AnyRequest, accounts: People, session_guard: Guard, service_settings: Limits
) -> Response[bytes]:
    """End all sessions of `email_address` now. For admins."""
    fields = await _asked_by_admin(request, session_guard, service_settings)
    await anyio.to_thread.run_sync(accounts.expunge, text_of(fields, "email_address"))
    return json_answer({})


async def _asked_by_admin(
    request: AnyRequest, session_guard: SessionGuard, settings: ServiceSettings
) -> Mapping[str, Any]:
    await anyio.to_thread.run_sync(session_guard.require, request.headers.get("authorization"), [ADMIN])
    return await fields_of(request, settings)


handlers = [set_account_role, get_account_role, ask_account_role, set_session_expunge]
