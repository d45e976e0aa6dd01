"""Cross-origin rules: everything public is open to everybody, our own pages may send credentials."""

import re

from litestar.datastructures import MutableScopeHeaders
from litestar.types import ASGIApp, Message, Receive, Scope, Send

_OUR_PAGES = re.compile(r"https://[-A-Za-z0-9]+(\.(test|dev))?\.ooni\.(org|io)")
_METHODS = b"DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT"
_EXPOSED = "X-RateLimit-Remaining, ETag"


class CorsMiddleware:
    """Adds the headers to every answer, errors included, and answers preflights by itself."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        asked = {name: value.decode("latin-1") for name, value in scope["headers"]}
        origin = asked.get(b"origin", "")
        if scope["method"] == "OPTIONS" and b"access-control-request-method" in asked:
            await _preflight(send, origin, asked.get(b"access-control-request-headers", ""))
            return

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableScopeHeaders.from_message(message)
                for name, value in _headers(origin):
                    headers.add(name.decode(), value.decode("latin-1"))
            await send(message)

        await self._app(scope, receive, with_headers)


def _headers(origin: str) -> list[tuple[bytes, bytes]]:
    exposed = (b"access-control-expose-headers", _EXPOSED.encode())
    if origin and _OUR_PAGES.fullmatch(origin):
        return [
            (b"access-control-allow-origin", origin.encode("latin-1")),
            (b"access-control-allow-credentials", b"true"),
            (b"vary", b"Origin"),
            exposed,
        ]
    return [(b"access-control-allow-origin", b"*"), (b"vary", b"Origin"), exposed]


async def _preflight(send: Send, origin: str, requested: str) -> None:
    headers = [
        *_headers(origin),
        (b"access-control-allow-methods", _METHODS),
        (b"access-control-max-age", b"600"),
        (b"content-length", b"0"),
    ]
    if requested:
        headers.append((b"access-control-allow-headers", requested.encode("latin-1")))
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b"", "more_body": False})
