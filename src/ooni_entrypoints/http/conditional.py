"""Conditional answers: a client that still has the current content is told so instead of being sent it again."""

import hashlib
from typing import Any

from litestar import Request, Response

from ooni_entrypoints.http.responses import bytes_answer, json_bytes

AnyRequest = Request[Any, Any, Any]


def tagged_json(
    request: AnyRequest, content: Any, cache: str, identity: Any = None, headers: dict[str, str] | None = None
) -> Response[bytes]:
    """Answer with JSON and an ``ETag``, or with 304 when the client names that tag.

    Args:
        request: whose ``If-None-Match`` counts.
        content: the answer.
        cache: value of ``Cache-Control``.
        identity: what the tag is made of, when *content* holds values that change from call to call.
        headers: further headers.
    """
    shown = None if identity is None else json_bytes(identity)
    return tagged(request, json_bytes(content), "application/json", cache, identity=shown, headers=headers)


def tagged(
    request: AnyRequest,
    body: bytes,
    media_type: str,
    cache: str,
    *,
    identity: bytes | None = None,
    headers: dict[str, str] | None = None,
) -> Response[bytes]:
    """Answer with *body* and an ``ETag``, or with 304 when the client names that tag and only reads.

    The tag is strong, that is of these bytes, unless it is made of something else.

    Args:
        request: whose ``If-None-Match`` counts.
        body: the answer.
        media_type: of the answer.
        cache: value of ``Cache-Control``.
        identity: what the tag is made of, when *body* holds values that change from call to call.
        headers: further headers.
    """
    digest = hashlib.blake2b(body if identity is None else identity, digest_size=16).hexdigest()
    tag = f'"{digest}"' if identity is None else f'W/"{digest}"'
    known = request.headers.get("if-none-match", "") if request.method != "POST" else ""
    wanted = [item.strip().removeprefix("W/") for item in known.split(",")]
    if "*" in wanted or f'"{digest}"' in wanted:
        return bytes_answer(b"", media_type, 304, cache, {"ETag": tag})
    return bytes_answer(body, media_type, 200, cache, {"ETag": tag, **(headers or {})})
