"""Request metrics: each request is timed under the name of its handler, and ``/metrics`` shows the figures."""

import base64
import hmac
import time
from typing import Any, Protocol

from litestar import Request, Response, get
from litestar.di import NamedDependency
from litestar.params import SkipValidation
from litestar.types import ASGIApp, Message, Receive, Scope, Send

from ooni_entrypoints.http.responses import NO_STORE, bytes_answer, json_answer
from ooni_entrypoints.settings import ServiceSettings

AnyRequest = Request[Any, Any, Any]
Limits = NamedDependency[SkipValidation[ServiceSettings]]

_USER = "prom"


class Figures(Protocol):
    """Keeps what operators want to know about requests."""

    def begin(self) -> None:
        """Note that a request is being answered."""

    def end(self, name: str, status: int, seconds: float) -> None:
        """Note that the handler *name* answered it with *status* after *seconds*."""

    def page(self) -> bytes:
        """Return all figures as text."""


Kept = NamedDependency[SkipValidation[Figures]]


class MetricsMiddleware:
    """Times what is behind it. Requests for paths that do not exist have no handler, and are not counted."""

    def __init__(self, app: ASGIApp, figures: Figures) -> None:
        self._app = app
        self._figures = figures

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        status = 500

        async def noting(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        started = time.perf_counter()
        self._figures.begin()
        try:
            await self._app(scope, receive, noting)
        finally:
            name = getattr(scope.get("route_handler"), "handler_name", "unknown")
            self._figures.end(name, status, time.perf_counter() - started)


@get("/metrics", include_in_schema=False, sync_to_thread=True)
def show_metrics(request: AnyRequest, service_settings: Limits, figures: Kept) -> Response[bytes]:
    """Show the figures of this process to who knows the password."""
    if not _knows(service_settings.metrics_password, request.headers.get("authorization", "")):
        return json_answer({"error": "Authentication required"}, 401, headers={"WWW-Authenticate": "Basic"})
    return bytes_answer(figures.page(), "text/plain; version=0.0.4; charset=utf-8", cache=NO_STORE)


def _knows(password: str, authorization: str) -> bool:
    expected = b"Basic " + base64.b64encode(f"{_USER}:{password}".encode())
    return hmac.compare_digest(authorization.encode(), expected)


handlers = [show_metrics]
