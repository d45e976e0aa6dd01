"""Is this body something that can be published and scored at all? Decided before it is accepted, never later.

What this refuses, the probe is told about at once and nothing is kept. Everything else is kept byte for byte, also
when the scoring rules cannot make sense of it: that is for quarantine, not for refusal.
"""

import json
import re
from typing import Any

import orjson

from ooni_core.errors import Invalid

# Fields that identify a measurement: tables and published indexes hold them as text.
_TEXT_FIELDS = (
    "report_id",
    "probe_cc",
    "probe_asn",
    "test_name",
    "test_start_time",
    "measurement_start_time",
    "software_name",
    "software_version",
)
_LONG_NUMBER = re.compile(rb"\d{20}")
_INT64, _UINT64 = -(2**63), 2**64 - 1


def check_body(body: bytes, *, vouched: bool = False) -> None:
    """Accept a submission ``{"format": "json", "content": {…}}``, or YAML text in ``content`` from the oldest probes.

    Extra keys are fine. JSON is meant strictly: UTF-8, no NaN, no lone surrogates, no integers beyond 64 bits, at most
    1024 levels deep.

    Args:
        body: the whole envelope.
        vouched: this service made the envelope itself, after it checked the probe's credential. Nobody else may say
            ``"is_verified": "t"``.

    Raises:
        Invalid: the body is something else; ``detail`` says where it goes wrong.
    """
    document = _parsed(body)
    if not isinstance(document, dict):
        raise _refusal('expected a JSON object {"format": "json", "content": {...}}')
    if not vouched and document.get("is_verified", "u") != "u":
        raise _refusal('"is_verified" is for this service to say: expected it to be absent')
    kind, content = document.get("format"), document.get("content")
    if not isinstance(kind, str) or kind.lower() not in {"json", "yaml"}:
        raise _refusal('expected "format": "json"')
    if kind.lower() == "yaml":
        if not isinstance(content, str):
            raise _refusal('expected "content" to be a text, since "format" is yaml')
        return
    if not isinstance(content, dict):
        raise _refusal('expected "content" to be an object, the measurement')
    _check_identity(content)


def _parsed(body: bytes) -> Any:
    try:
        document = orjson.loads(body)
        if _LONG_NUMBER.search(body):
            # orjson turns an integer beyond 64 bits into a float in silence; readers in other languages choke on it.
            json.loads(body, parse_int=_small_integer)
    except (ValueError, RecursionError) as exc:
        raise _refusal(f"not JSON: {exc}") from exc
    return document


def _small_integer(digits: str) -> int:
    if len(digits) > 20 or not _INT64 <= int(digits) <= _UINT64:
        raise ValueError(f"the integer {digits[:24]}... is beyond 64 bits")
    return int(digits)


def _check_identity(content: dict[str, Any]) -> None:
    for name in _TEXT_FIELDS:
        value = content.get(name)
        if value is not None and not isinstance(value, str):
            raise _refusal(f"expected content.{name} to be a text or null")
    value = content.get("input")
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return  # meek_fronted_requests_test measures a pair
    if value is not None and not isinstance(value, str):
        raise _refusal("expected content.input to be a text or null")


def _refusal(detail: str) -> Invalid:
    return Invalid("Incorrect format", detail)
