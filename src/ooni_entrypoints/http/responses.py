"""How answers are written: JSON with sorted keys, times in UTC with a ``Z``, explicit caching."""

from collections.abc import Mapping
from typing import Any

import orjson
from litestar import Response

NO_CACHE = "max-age=0, no-cache"
NO_STORE = "no-store"

_OPTIONS = orjson.OPT_SORT_KEYS | orjson.OPT_APPEND_NEWLINE | orjson.OPT_NAIVE_UTC | orjson.OPT_UTC_Z


def json_bytes(content: Any) -> bytes:
    """Encode *content* as the API writes JSON.

    Keys are sorted; date-times without a zone are UTC and end in ``Z``; dates are ``YYYY-MM-DD``; NaN and infinities
    become null; a newline ends the text.

    Raises:
        TypeError: something in *content* has no JSON form.
    """
    return orjson.dumps(content, option=_OPTIONS)


def json_answer(
    content: Any, status: int = 200, cache: str = NO_CACHE, headers: Mapping[str, str] | None = None
) -> Response[bytes]:
    """Answer with JSON.

    Args:
        content: anything JSON can say, dates included.
        status: HTTP status code.
        cache: the whole ``Cache-Control`` value; every answer has one, nothing is left to a proxy's default.
        headers: further headers.
    """
    return bytes_answer(json_bytes(content), "application/json", status, cache, headers)


def bytes_answer(
    content: bytes,
    media_type: str,
    status: int = 200,
    cache: str = NO_CACHE,
    headers: Mapping[str, str] | None = None,
) -> Response[bytes]:
    """Answer with *content* as it is; text is UTF-8."""
    # The framework would add a charset to all text, which clients of CSV do not expect.
    all_headers = {"Content-Type": media_type, "Cache-Control": cache, **(headers or {})}
    return Response(content, media_type=media_type, status_code=status, headers=all_headers)
