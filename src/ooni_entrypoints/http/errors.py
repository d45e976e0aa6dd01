"""The one place where errors become answers: the core's tree, the framework's own, and bugs."""

import logging
import secrets
from collections.abc import Callable, Mapping
from typing import Any

from litestar import Request, Response
from litestar.exceptions import HTTPException, MethodNotAllowedException, NotFoundException

from ooni_core import errors
from ooni_entrypoints.http.responses import NO_STORE, bytes_answer, json_answer

_log = logging.getLogger(__name__)

AnyRequest = Request[Any, Any, Any]

_STATUS: Mapping[type[errors.OoniError], int] = {
    errors.Invalid: 400,
    errors.TooLarge: 413,
    errors.Unauthorized: 401,
    errors.Forbidden: 403,
    errors.NotFound: 404,
    errors.Conflict: 409,
    errors.Unavailable: 503,
    errors.QueryTimeout: 504,
}
_RETRY_SECONDS = "10"
_ALWAYS_JSON = ("/api/", "/report", "/bouncer")


def answer_domain_error(_: AnyRequest, error: errors.OoniError) -> Response[bytes]:
    """Render an error of the core's tree: its text, which clients match, and more words where it has them."""
    status = next((_STATUS[kind] for kind in type(error).__mro__ if kind in _STATUS), 500)
    if status == 500:
        return answer_bug(_, error)
    content = {"error": str(error)}
    if isinstance(error, errors.Invalid) and error.detail:
        content["detail"] = error.detail
    headers = {"Retry-After": _RETRY_SECONDS} if status == 503 else {}
    return json_answer(content, status, NO_STORE if status >= 500 else "no-cache", headers)


def answer_http_error(request: AnyRequest, error: HTTPException) -> Response[bytes]:
    """Render what the framework refuses by itself: unknown paths, wrong methods, unreadable parameters."""
    headers = dict(error.headers or {})
    if isinstance(error, NotFoundException):
        return _not_found(request)
    if isinstance(error, MethodNotAllowedException):
        return json_answer({"error": "Method not allowed"}, 405, headers=headers)
    if error.status_code == 413:
        return json_answer({"error": "Payload too large"}, 413)
    if error.status_code >= 500:
        return answer_bug(request, error)
    return json_answer({"error": error.detail}, error.status_code, headers=headers)


def answer_bug(request: AnyRequest, error: Exception) -> Response[bytes]:
    """Log what nobody expected and tell the client no more than a number to quote."""
    number = secrets.token_hex(8)
    _log.error("request %s failed: %s %s", number, request.method, _route(request), exc_info=error)
    return json_answer({"error": "Internal error", "request_id": number}, 500, NO_STORE)


def _route(request: AnyRequest) -> str:
    """Return the path as it was declared: a value in it, such as somebody's address, is not for logs."""
    return request.scope.get("path_template") or request.scope["path"]


def _not_found(request: AnyRequest) -> Response[bytes]:
    path = request.scope["path"]
    accept = request.headers.get("accept", "")
    if "text/html" in accept and not path.startswith(_ALWAYS_JSON):
        page = b"<!doctype html><title>OONI API</title><h1>404 error</h1><p>There is no such page.</p>"
        return bytes_answer(page, "text/html; charset=utf-8", 404)
    return json_answer({"error": "Not found"}, 404)


exception_handlers: dict[int | type[Exception], Callable[..., Response[Any]]] = {
    errors.OoniError: answer_domain_error,
    HTTPException: answer_http_error,
    Exception: answer_bug,
}
