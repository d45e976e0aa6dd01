"""Bodies that web pages send: JSON or a form, as their content type says."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

from litestar import Request

from ooni_core.errors import Invalid
from ooni_entrypoints.http.bodies import decoded
from ooni_entrypoints.http.probe_bodies import json_object
from ooni_entrypoints.settings import ServiceSettings

AnyRequest = Request[Any, Any, Any]
_MOST_FIELDS = 100
_REFUSAL = "Invalid request"


async def fields_of(request: AnyRequest, settings: ServiceSettings) -> Mapping[str, Any]:
    """Return the fields of a JSON object or of a form.

    Args:
        request: the request; a body of another content type counts as absent.
        settings: say how long a body may be.

    Raises:
        Invalid: there are no fields, or the body is not what its content type says.
        TooLarge: it is longer than the settings allow.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    fields: Mapping[str, Any] = {}
    if kind == "application/json" or kind.endswith("+json"):
        fields = await json_object(request, settings, refusal=_REFUSAL)
    elif kind == "application/x-www-form-urlencoded":
        wire = await request.body()
        fields = _form(decoded(wire, request.headers.get("content-encoding", ""), settings.max_decompressed_bytes))
    if not fields:
        raise Invalid(_REFUSAL, "expected a JSON object or a form, with its content type")
    return fields


def _form(body: bytes) -> dict[str, str]:
    try:
        pairs = parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=_MOST_FIELDS, errors="strict")
    except ValueError as exc:
        raise Invalid(_REFUSAL, f"the form cannot be read: {exc}") from exc
    return dict(reversed(pairs))  # of repeated fields the first counts


def text_of(fields: Mapping[str, Any], name: str) -> str:
    """Return a field, ``""`` when it is absent.

    Raises:
        Invalid: it is not a text.
    """
    value = fields.get(name, "")
    if not isinstance(value, str):
        raise Invalid(_REFUSAL, f"{name} is a text")
    return value
