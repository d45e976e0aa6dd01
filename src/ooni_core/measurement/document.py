"""From the bytes of a submission to the measurement in it."""

import json
import re
from typing import Any

import orjson

from ooni_core.measurement.yaml_text import BadYaml, as_json, load_yaml

_BRACKETS = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"?|[\[{\]}]', re.DOTALL)
MAX_DEPTH = 200
"""How deep a document may be nested that only the lenient parser accepts. Real ones are 10 deep."""


class BadDocument(Exception):
    """These bytes hold no measurement.

    Attributes:
        kind: ``bad_json``, ``bad_envelope``, ``bad_yaml`` or ``too_deep``.
    """

    def __init__(self, kind: str, reason: str) -> None:
        super().__init__(reason)
        self.kind = kind
        self.reason = reason


def parse_json(body: bytes) -> Any:
    """Parse JSON, also what the strict grammar forbids and probes have sent: NaN, infinities, lone surrogates.

    Of duplicate keys the last one wins.

    Returns:
        The value; None if the bytes are no JSON, and for ``null``.
    """
    try:
        return load_json(body)
    except BadDocument:
        return None


def load_json(body: bytes) -> Any:
    """Parse JSON, also what the strict grammar forbids and probes have sent: NaN, infinities, lone surrogates.

    Of duplicate keys the last one wins. Integers beyond 64 bits may come out as floating point numbers.

    Raises:
        BadDocument: the bytes are no JSON, no UTF-8, or nested too deep.
    """
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        return _load_leniently(body)


def _load_leniently(body: bytes) -> Any:
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError as exc:
        raise BadDocument("bad_json", f"byte {exc.start} is not UTF-8") from exc
    # The parser below recurses: how deep it may go must depend on the document alone, not on who called.
    if _depth(body) > MAX_DEPTH:
        raise BadDocument("too_deep", f"values are nested more than {MAX_DEPTH} levels deep")
    try:
        return json.loads(text)
    except ValueError as exc:
        raise BadDocument("bad_json", f"not JSON: {exc}") from exc


def _depth(body: bytes) -> int:
    depth = deepest = 0
    for token in _BRACKETS.finditer(body):
        first = token[0][0]
        if first in b"[{":
            depth += 1
            deepest = max(deepest, depth)
        elif first in b"]}":
            depth -= 1
    return deepest


def unwrap(document: Any, *, may_have_more_keys: bool = True) -> tuple[dict[str, Any], str]:
    """Take a measurement out of its envelope ``{"format": …, "content": …}``; one without envelope is itself.

    Args:
        document: parsed JSON.
        may_have_more_keys: recognise an envelope that has other keys too; before 2026 there were none.

    Returns:
        The measurement and ``is_verified``: ``t`` or ``f`` as the envelope says, ``u`` if it does not say.

    Raises:
        BadDocument: there is no measurement in it.
    """
    if not isinstance(document, dict):
        raise BadDocument("bad_envelope", "the document is not a JSON object")
    if not ("content" in document and "format" in document) or (len(document) > 2 and not may_have_more_keys):
        return document, "u"
    content = _content(document["format"], document["content"])
    if not isinstance(content, dict):
        raise BadDocument("bad_envelope", "the content of the envelope is not an object")
    verified = document.get("is_verified")
    return content, verified if isinstance(verified, str) and verified in {"t", "f"} else "u"


def _content(format: Any, content: Any) -> Any:
    name = format.lower() if isinstance(format, str) else None
    if name == "json":
        return content
    if name == "yaml" and isinstance(content, str):
        try:
            return as_json(load_yaml(content))
        except BadYaml as exc:
            raise BadDocument("bad_yaml", str(exc)) from exc
    raise BadDocument("bad_envelope", "the format of the envelope is neither json nor yaml")
