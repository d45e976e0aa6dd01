"""From a body as received to the line that is published.

The published text is the probe's own: only a newline between two tokens is replaced, by a space, because a line cannot
hold it. Numbers, escapes, key order and spaces stay as they were sent.
"""

import re
from typing import Any

import attrs
import msgspec
import orjson

from ooni_core.errors import Invalid

EMPTY_LINE = b"{}"

# One JSON token that matters for finding where a value ends.
_TOKEN = re.compile(rb'"(?:[^"\\]|\\.)*"|[\[{\]}:,]|[^\s"\[{\]}:,]+', re.DOTALL)
_NEWLINES = bytes.maketrans(b"\r\n", b"  ")
_USUAL = b'{"format":"json","content":'


class _Envelope(msgspec.Struct):
    content: msgspec.Raw
    format: Any = None


class _Identity(msgspec.Struct):
    report_id: Any = None
    input: Any = None


_ENVELOPE = msgspec.json.Decoder(_Envelope)
_IDENTITY = msgspec.json.Decoder(_Identity)


@attrs.frozen
class Content:
    """The measurement inside a body.

    Attributes:
        text: the JSON object as the probe wrote it, without newlines.
        report_id: empty when the measurement has none.
        input: empty when the measurement has none; a list of texts reads ``{a,b}``.
    """

    text: bytes
    report_id: str
    input: str


def content_of(body: bytes) -> Content:
    """Take the measurement out of ``{"format": "json", "content": {…}}``.

    Raises:
        Invalid: there is none; the message says why.
    """
    try:
        text, identity = _usual_content(body) or _any_content(body)
        if not text.isascii():
            str(text, "utf-8")
        return Content(text, _text(identity.report_id), input_text(identity.input))
    except RecursionError:
        return _deep_content(body)
    except (msgspec.DecodeError, UnicodeDecodeError) as exc:
        raise Invalid(f"not a measurement: {exc}") from exc


def _usual_content(body: bytes) -> tuple[bytes, _Identity] | None:
    """Take it out of an envelope written as probes write it, in one pass instead of two; None for any other.

    What stands between the known beginning and the last brace is one JSON object, so the whole is an envelope too, and
    nothing follows the content in it.
    """
    if not (body.startswith(_USUAL) and body.endswith(b"}")):
        return None
    text = _in_one_line(body[len(_USUAL) : -1].strip(b" \t\r\n"))
    try:
        return text, _IDENTITY.decode(text)
    except msgspec.DecodeError:
        return None


def _any_content(body: bytes) -> tuple[bytes, _Identity]:
    envelope = _ENVELOPE.decode(body)
    if isinstance(envelope.format, str) and envelope.format.lower() == "yaml":
        raise Invalid("the content is YAML")
    text = _in_one_line(bytes(envelope.content))
    return text, _IDENTITY.decode(text)


def _in_one_line(text: bytes) -> bytes:
    return text.translate(_NEWLINES) if b"\n" in text or b"\r" in text else text


def identity_of(text: bytes) -> tuple[str, str]:
    """Return (report_id, input) of a published line.

    Raises:
        Invalid: the line is not a JSON object.
    """
    try:
        identity = _IDENTITY.decode(text)
    except RecursionError:
        document = _parsed(text)
        return _text(document.get("report_id")), input_text(document.get("input"))
    except msgspec.DecodeError as exc:
        raise Invalid(f"not a measurement: {exc}") from exc
    return _text(identity.report_id), input_text(identity.input)


def input_text(value: Any) -> str:
    """Return an ``input`` as tables keep it: texts as they are, a list as ``{a,b}``, all else as the empty text."""
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return "{" + ",".join(value) + "}"
    return _text(value)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _deep_content(body: bytes) -> Content:
    """Do the same for a body nested more deeply than the fast parser goes; how deep that is depends on the caller."""
    document = _parsed(body)
    if not isinstance(document.get("content"), dict):
        raise Invalid("not a measurement: content is not an object")
    text = _last_value(body, b'"content"').translate(_NEWLINES)
    if not text.startswith(b"{"):
        raise Invalid("not a measurement: the key of content is written with escapes")
    measurement = document["content"]
    return Content(text, _text(measurement.get("report_id")), input_text(measurement.get("input")))


def _parsed(text: bytes) -> dict[str, Any]:
    try:
        document = orjson.loads(text)
    except ValueError as exc:
        raise Invalid(f"not a measurement: {exc}") from exc
    if not isinstance(document, dict):
        raise Invalid("not a measurement: not an object")
    return document


def _last_value(document: bytes, key: bytes) -> bytes:
    """Cut the value of a top-level key out of a document that is known to be a valid object; the last one counts."""
    found, depth, begin, is_key = b"", 0, -1, False
    wanted = False
    for token in _TOKEN.finditer(document):
        text = token[0]
        depth += (text in (b"{", b"[")) - (text in (b"}", b"]"))
        if (depth == 1 and text == b",") or depth == 0:
            if wanted and begin >= 0:
                found = document[begin : token.start()].rstrip()
            begin, is_key = -1, True
        elif depth == 1 and is_key and text.startswith(b'"'):
            wanted, is_key = text == key, False
        elif depth == 1 and text == b":":
            begin = token.end()
        elif text == b"{" and depth == 1:
            is_key = True
    return found.lstrip()
