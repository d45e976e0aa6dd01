"""Bringing one entry of a legacy report into the form that measurements have today (data format 0.2.0)."""

from datetime import datetime, timedelta
from typing import Any

from ooni_core.measurement.legacy_dns import normalise_dns
from ooni_core.measurement.legacy_http import normalise_http
from ooni_core.measurement.legacy_text import Unsupported

__all__ = ["Unsupported", "normalised"]

_TOP_LEVEL = (
    "id",
    "input",
    "input_hashes",
    "report_id",
    "report_filename",
    "options",
    "probe_cc",
    "probe_asn",
    "probe_ip",
    "probe_city",
    "backend_version",
    "data_format_version",
    "test_name",
    "test_version",
    "test_start_time",
    "measurement_start_time",
    "test_runtime",
    "test_helpers",
    "software_name",
    "software_version",
    "bucket_date",
    "test_keys",
)
_SPELLINGS = {
    "bridge_reachability": ("bridgereachability",),
    "captive_portal": ("captivep", "captiveportal"),
    "dns_consistency": ("DNS tamper", "dnstamper"),
    "http_filtering_bypass": ("HTTPFilteringBypass", "httpfilteringbypass"),
    "http_header_field_manipulation": (
        "HTTP Header Field Manipulation",
        "test_get_random_capitalization",
        "test_put_random_capitalization",
        "test_post_random_capitalization",
    ),
    "http_host": ("HTTP Host",),
    "http_invalid_request_line": (
        "HTTP Invalid Request Line",
        "test_random_big_request_method",
        "test_random_invalid_field_count",
    ),
    "http_requests": ("http_requests_test", "HTTP Requests Test"),
    "http_trix": ("HTTPTrix", "httptrix"),
    "invalid": ("summary", "test_get", "test_post", "test_put", "test_send_host_header"),
    "multi_protocol_traceroute": ("Multi Protocol Traceroute Test", "multi_protocol_traceroute_test", "traceroute"),
    "netalyzr_wrapper": ("netalyzrwrapper",),
    "parasitic_traceroute": ("parasitic_traceroute_test", "parasitic_tcp_traceroute_test"),
    "tcp_connect": ("TCP Connect",),
    "tls_handshake": ("tls-handshake",),
}
_NAMES = {spelling: name for name, spellings in _SPELLINGS.items() for spelling in spellings}

_HTTP = {
    "http_requests",
    "meek_fronted_requests",
    "domclass_collector",
    "http_keyword_filtering",
    "http_uk_mobile_networks",
    "http_header_field_manipulation",
    "http_url_list",
    "http_host",
    "squid",
    "tor_http_requests_test",
}
_DNS = {"dns_consistency", "dns_injection"}
_UNSUPPORTED = {
    "bridge_reachability",
    "captive_portal",
    "chinatrigger",
    "dns_spoof",
    "keyword_filtering",
    "lantern",
    "multi_protocol_traceroute",
    "parasitic_traceroute",
    "psiphon",
    "tcp_connect",
    "tls_handshake",
}
_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001  times of measurements are naive UTC throughout


def normalised(entry: dict[str, Any], digest: bytes, bucket_date: str, report_filename: str) -> dict[str, Any]:
    """Return *entry*, which is changed on the way, in today's form.

    Args:
        entry: one YAML entry with the header put over it.
        digest: SHA-1 of header and entry, names it if nothing else does.
        bucket_date: day of the archive.
        report_filename: where the report stood in it.

    Raises:
        Unsupported: its nettest never produced usable data, or it has another shape than its nettest wrote.
    """
    report = entry.pop("report", None) if isinstance(entry.get("report"), dict) else None
    entry.update(report or {})
    name = canonical_test_name(entry.get("test_name", "invalid"))
    entry.update(test_name=name, bucket_date=bucket_date, report_filename=report_filename)
    entry["id"] = entry.get("id") or _uuid(digest)
    for key in _TOP_LEVEL:
        entry.setdefault(key, None)
    if entry["data_format_version"] == "0.2.0":
        if entry["test_keys"] is None:
            _nest(entry)
        return entry
    _set_times(entry)
    entry["data_format_version"] = "0.2.0"
    if isinstance(entry["options"], dict):
        entry["options"] = entry["options"].get("subargs", [])
    _nest(entry)
    if name in _UNSUPPORTED:
        raise Unsupported(f"nettest {name} never produced usable data")
    _normalise_keys(name, entry)
    return entry


def canonical_test_name(name: Any) -> str:
    """Return the one spelling of a nettest's name.

    Raises:
        Unsupported: it is no text.

    >>> canonical_test_name("HTTP Host")
    'http_host'
    """
    if not isinstance(name, str):
        raise Unsupported("test_name is no text")
    return _NAMES.get(name, name.lower())


def _uuid(digest: bytes) -> str:
    text = digest[:16].hex()
    return "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:]))


def _nest(entry: dict[str, Any]) -> None:
    """Move what the nettest recorded into ``test_keys``."""
    keys = entry["test_keys"]
    if keys is None:
        keys = entry["test_keys"] = {}
    if not isinstance(keys, dict):
        raise Unsupported("test_keys is no object")
    for name in [name for name in entry if name not in _TOP_LEVEL]:
        keys[name] = entry.pop(name)


def _set_times(entry: dict[str, Any]) -> None:
    """Give both times. ``start_time`` was that of the test; ``test_start_time``, as a number, that of the entry."""
    test_start = entry.pop("start_time", 0)
    given = entry["test_start_time"]
    if isinstance(given, str):
        if not isinstance(entry["measurement_start_time"], str):
            raise Unsupported("test_start_time is a text and measurement_start_time is not")
        return
    entry["test_start_time"] = _written(test_start)
    entry["measurement_start_time"] = _written(test_start if given is None else given)


def _written(seconds: Any) -> str:
    if isinstance(seconds, bool) or not isinstance(seconds, int | float):
        raise Unsupported(f"a start time is {str(seconds)[:60]!r}, expected seconds since 1970")
    try:
        return f"{_EPOCH + timedelta(seconds=seconds):%Y-%m-%d %H:%M:%S}"
    except (OverflowError, ValueError) as exc:
        raise Unsupported(f"a start time is {str(seconds)[:60]!r}, expected seconds since 1970") from exc


def _normalise_keys(name: str, entry: dict[str, Any]) -> None:
    keys = entry["test_keys"]
    if name in _HTTP:
        normalise_http(entry)
    elif name in _DNS:
        normalise_dns(name, keys)
    elif name == "website_probe" and "headers_diff" in keys:
        keys["headers_diff"] = list(keys["headers_diff"] or ())
    elif name == "http_invalid_request_line" and isinstance(keys.get("received"), list):
        keys["received"] = [
            piece.decode("utf-8", "ignore") if isinstance(piece, bytes) else piece for piece in keys["received"]
        ]
    _decode_bodies(keys.get("requests"))


def _decode_bodies(requests: Any) -> None:
    for request in requests if isinstance(requests, list) else ():
        response = request.get("response") if isinstance(request, dict) else None
        if isinstance(response, dict) and isinstance(response.get("body"), bytes):
            try:
                response["body"] = response["body"].decode("utf-8")
            except UnicodeDecodeError as exc:
                raise Unsupported(f"a response body is not UTF-8 at byte {exc.start}") from exc
