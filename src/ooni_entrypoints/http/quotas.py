"""Quotas of clients, for admins."""

from typing import Any

from litestar import Request, Response, get
from litestar.di import NamedDependency
from litestar.params import SkipValidation

from ooni_core.accounts.model import ADMIN
from ooni_core.accounts.sessions import SessionGuard
from ooni_entrypoints.http.cors import OUR_PAGES_ONLY
from ooni_entrypoints.http.responses import json_answer

Guard = NamedDependency[SkipValidation[SessionGuard]]


@get("/api/_/quotas_summary", sync_to_thread=True, tags=["accounts"], opt=OUR_PAGES_ONLY)
def quotas_summary(request: Request[Any, Any, Any], session_guard: Guard) -> Response[bytes]:
    """List clients that used much of their daily quota. Quotas are not counted: nobody is listed. For admins."""
    session_guard.require(request.headers.get("authorization"), [ADMIN])
    return json_answer([])


handlers = [quotas_summary]
