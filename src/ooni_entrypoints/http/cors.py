"""Cross-origin rules: what is public is open to everybody, what is done in somebody's name to our own pages alone."""

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from litestar.datastructures import MutableScopeHeaders
from litestar.routes import BaseRoute, HTTPRoute
from litestar.types import ASGIApp, Message, Receive, Scope, Send

_OUR_PAGES = re.compile(r"https://[-A-Za-z0-9]+(\.(test|dev))?\.ooni\.(org|io)")
_METHODS = b"DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT"
_EXPOSED = "X-RateLimit-Remaining, ETag"
_MARK = "our_pages_only"

OUR_PAGES_ONLY: Mapping[str, Any] = {_MARK: True}
"""The ``opt`` of handlers for people who log in: pages of others are told nothing about their answers."""

Closed = Callable[[str, str], bool]


def closed_routes(routes: Iterable[BaseRoute]) -> Closed:
    """Return what says of a method and a path whether its handler is marked with ``OUR_PAGES_ONLY``."""
    marked = [
        (handler.http_methods, re.compile(re.sub(r"\\{[^}]*\\}", "[^/]+", re.escape(route.path_format))))
        for route in routes
        if isinstance(route, HTTPRoute)
        for handler in route.route_handlers
        if handler.opt.get(_MARK)
    ]

    def is_closed(method: str, path: str) -> bool:
        wanted = "GET" if method == "HEAD" else method
        return any(wanted in methods and pattern.fullmatch(path) for methods, pattern in marked)

    return is_closed


class CorsMiddleware:
    """Adds the headers to every answer, errors included, and answers preflights by itself."""

    def __init__(self, app: ASGIApp, is_closed: Closed) -> None:
        self._app = app
        self._is_closed = is_closed

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        asked = {name: value.decode("latin-1") for name, value in scope["headers"]}
        preflight = scope["method"] == "OPTIONS" and asked.get(b"access-control-request-method")
        closed = self._is_closed(preflight or scope["method"], scope["path"])
        headers = _headers(asked.get(b"origin", ""), closed=closed)
        if preflight:
            await _preflight(send, headers, asked.get(b"access-control-request-headers", ""))
            return

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                sent = MutableScopeHeaders.from_message(message)
                for name, value in headers:
                    sent.add(name.decode(), value.decode("latin-1"))
            await send(message)

        await self._app(scope, receive, with_headers)


def _headers(origin: str, *, closed: bool) -> list[tuple[bytes, bytes]]:
    exposed = (b"access-control-expose-headers", _EXPOSED.encode())
    vary = (b"vary", b"Origin")
    if _OUR_PAGES.fullmatch(origin):
        allowed = (b"access-control-allow-origin", origin.encode("latin-1"))
        return [allowed, (b"access-control-allow-credentials", b"true"), vary, exposed]
    return [vary] if closed else [(b"access-control-allow-origin", b"*"), vary, exposed]


async def _preflight(send: Send, headers: list[tuple[bytes, bytes]], requested: str) -> None:
    told = [*headers, (b"content-length", b"0")]
    if any(name == b"access-control-allow-origin" for name, _ in headers):
        told += [(b"access-control-allow-methods", _METHODS), (b"access-control-max-age", b"600")]
        if requested:
            told.append((b"access-control-allow-headers", requested.encode("latin-1")))
    await send({"type": "http.response.start", "status": 200, "headers": told})
    await send({"type": "http.response.body", "body": b"", "more_body": False})
