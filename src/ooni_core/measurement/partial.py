"""Parsing only what rules read, several times faster than parsing everything, with the same result.

A measurement is mostly network events, certificates and pages. `parse_partially` walks over them, checks that they are
well-formed, and decodes a test key when a rule asks for it. Whatever is unusual, it hands back: the caller then parses
the whole document (`ooni_core.measurement.document`), which has the last word.
"""

from typing import Any, TypedDict, cast

import msgspec
import orjson


class _Measurement(TypedDict, total=False):
    """The fields outside of ``test_keys`` that rules and rows read."""

    annotations: Any
    control_failure: Any
    experiment_failure: Any
    input: Any
    measurement_start_time: Any
    platform: Any
    probe_asn: Any
    probe_cc: Any
    probe_network_name: Any
    report_id: Any
    resolver_asn: Any
    resolver_ip: Any
    resolver_network_name: Any
    software_name: Any
    software_version: Any
    success: Any
    test_helpers: Any
    test_keys: dict[str, msgspec.Raw] | None
    test_name: Any
    test_runtime: Any
    test_start_time: Any
    test_version: Any


class _Document(_Measurement, total=False):
    content: _Measurement
    format: Any
    is_verified: Any


class _Response(TypedDict, total=False):
    body: str | dict[str, Any] | None
    headers: dict[str, Any] | None
    headers_list: list[Any] | None


class _PageRequest(TypedDict, total=False):
    response: _Response | None


class _Answer(TypedDict, total=False):
    hostname: str | None
    ipv4: str | None
    ipv6: str | None


class _Query(TypedDict, total=False):
    answers: list[_Answer] | None


class _Url(TypedDict, total=False):
    url: str | None


class _ServiceRequest(TypedDict, total=False):
    failure: str | None
    request: _Url


class _Status(TypedDict, total=False):
    success: bool | None


class _Connection(TypedDict, total=False):
    status: _Status | None


class _Target(TypedDict, total=False):
    failure: str | bool | None
    network_events: msgspec.Raw


FIELDS = frozenset(_Measurement.__annotations__)
"""Names of the fields outside of ``test_keys`` that survive partial parsing."""

_document = msgspec.json.Decoder(_Document)
# What the rules of the most frequent nettests read of their largest test keys. Types are narrow on purpose: where a
# measurement has others, the whole of it is parsed.
_narrow: dict[str, dict[str, msgspec.json.Decoder[Any]]] = {
    "web_connectivity": {
        "requests": msgspec.json.Decoder(list[_PageRequest] | None),
        "queries": msgspec.json.Decoder(list[_Query] | None),
    },
    "telegram": {
        "requests": msgspec.json.Decoder(list[_ServiceRequest] | None),
        "tcp_connect": msgspec.json.Decoder(list[_Connection] | None),
    },
    "whatsapp": {
        "requests": msgspec.json.Decoder(list[_ServiceRequest] | None),
        "tcp_connect": msgspec.json.Decoder(list[_Connection] | None),
    },
    "tor": {"targets": msgspec.json.Decoder(dict[str, _Target])},
}
# Most test keys that rules read are one of these, and this decoder is four times as fast as one for any value.
_simple = msgspec.json.Decoder(str | bool | None)


class Unusual(Exception):
    """This part is not what nearly all measurements have there."""


class TestKeys(dict[str, Any]):
    """Test keys that are decoded when read with ``get`` or ``[]``. Read them in no other way.

    Reading raises `Unusual` if the value cannot be decoded the fast way.
    """

    __slots__ = ("_decoders",)
    __test__ = False  # not a test class, whatever its name

    def __init__(self, raw: dict[str, msgspec.Raw], test_name: Any) -> None:
        super().__init__(raw)
        self._decoders = _narrow.get(test_name, {}) if isinstance(test_name, str) else {}

    def get(self, key: str, default: Any = None) -> Any:
        """Return the decoded value, or *default* if there is none."""
        return self[key] if key in self else default  # noqa: SIM401  that would be this function

    def __getitem__(self, key: str) -> Any:
        value = super().__getitem__(key)
        if type(value) is msgspec.Raw:
            value = self[key] = self._decoded(key, value)
        return value

    def _decoded(self, key: str, raw: msgspec.Raw) -> Any:
        try:
            if key in self._decoders:
                return self._decoders[key].decode(raw)
            try:
                return _simple.decode(raw)
            except msgspec.ValidationError:
                return orjson.loads(memoryview(raw))
        except ValueError as exc:
            raise Unusual(key) from exc


def parse_partially(body: bytes, *, envelope_may_have_more_keys: bool = True) -> tuple[dict[str, Any], str]:
    """Parse a submission and take it out of its envelope.

    Returns:
        The measurement, with only the `FIELDS` and lazily decoded `TestKeys`, and ``is_verified`` as
        `ooni_core.measurement.document.unwrap` defines it.

    Raises:
        Unusual: there is anything special about this document, or it is broken.
    """
    try:
        if not body.isascii():
            body.decode()  # the decoder skips texts without looking at their encoding
        document: dict[str, Any] = cast("dict[str, Any]", _document.decode(body))
    except (ValueError, RecursionError) as exc:
        raise Unusual from exc
    verified = "u"
    if "content" in document or "format" in document:
        if document.get("format") != "json" or "content" not in document or not envelope_may_have_more_keys:
            raise Unusual
        is_verified = document.get("is_verified")
        if isinstance(is_verified, str) and is_verified in {"t", "f"}:
            verified = is_verified
        document = document["content"]
    keys = document.get("test_keys")
    if keys is not None:
        document["test_keys"] = TestKeys(keys, document.get("test_name"))
    return document, verified
