"""Bodies that probes send: JSON whatever their content type says, plain or compressed."""

from typing import Any

import orjson
from litestar import Request

from ooni_core.errors import Invalid
from ooni_entrypoints.http.bodies import decoded
from ooni_entrypoints.settings import ServiceSettings

AnyRequest = Request[Any, Any, Any]


async def json_object(
    request: AnyRequest, settings: ServiceSettings, refusal: str = "JSON expected", most_bytes: int | None = None
) -> dict[str, Any]:
    """Return the body as an object.

    Args:
        request: the request.
        settings: say how long a body may be.
        refusal: text of the error that clients of this route know.
        most_bytes: how long the body of this route may be; None for as long as the settings say.

    Raises:
        Invalid: it is not a JSON object.
        TooLarge: it is longer than that.
    """
    wire = await request.body()
    body = decoded(wire, request.headers.get("content-encoding", ""), most_bytes or settings.max_decompressed_bytes)
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError as exc:
        raise Invalid(refusal, str(exc)) from exc
    if not isinstance(document, dict):
        raise Invalid(refusal, "expected an object")
    return document
