"""Bodies that probes send: JSON whatever their content type says, plain or compressed."""

from typing import Any

import orjson
from litestar import Request

from ooni_core.errors import Invalid
from ooni_entrypoints.http.bodies import decoded
from ooni_entrypoints.settings import ServiceSettings

AnyRequest = Request[Any, Any, Any]


async def json_object(request: AnyRequest, settings: ServiceSettings, refusal: str = "JSON expected") -> dict[str, Any]:
    """Return the body as an object.

    Args:
        request: the request.
        settings: say how long a body may be.
        refusal: text of the error that clients of this route know.

    Raises:
        Invalid: it is not a JSON object.
        TooLarge: it is longer than the settings allow.
    """
    wire = await request.body()
    body = decoded(wire, request.headers.get("content-encoding", ""), settings.max_decompressed_bytes)
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError as exc:
        raise Invalid(refusal, str(exc)) from exc
    if not isinstance(document, dict):
        raise Invalid(refusal, "expected an object")
    return document
