"""Builders of small, valid measurements and fingerprints, for tests and for trying rules in a REPL.

>>> from ooni_core.scoring import Engine, FingerprintSet
>>> from ooni_core.testing import block_page, measurement, submission
>>> page = block_page("Access denied by decree", countries="IT")
>>> found = measurement("web_connectivity", {"requests": [{"response": {"body": "<p>Access denied by decree</p>"}}]})
>>> Engine(FingerprintSet(http=(page,))).score(submission(found)).row.confirmed
True
"""

from collections.abc import Mapping
from typing import Any

import orjson

from ooni_core.scoring.fingerprints import Fingerprint, countries

UID = "20240506070809.000000_IT_webconnectivity_0123456789abcdef"
"""A measurement uid that fits the start time of `measurement`."""

_HEALTHY: dict[str, dict[str, Any]] = {
    "dash": {"failure": None},
    "openvpn": {"success": True},
    "psiphon": {"failure": None, "bootstrap_time": 2.5},
    "signal": {
        "signal_backend_status": "ok",
        "signal_backend_failure": None,
        "failed_operation": None,
        "failure": None,
    },
    "tcp_connect": {"connection": "success"},
    "telegram": {
        "telegram_web_status": "ok",
        "tcp_connect": [{"status": {"success": True}}],
        "requests": [{"request": {"url": "http://149.154.167.50/"}, "failure": None}],
    },
    "tor": {"targets": {"a": {"failure": None, "network_events": []}}},
    "vanilla_tor": {"tor_log": "Bootstrapped 100%: Done", "tor_progress": 100},
    "web_connectivity": {"blocking": False, "accessible": True, "queries": [], "requests": []},
    "whatsapp": {
        "tcp_connect": [{"status": {"success": True}}],
        "requests": [
            {"request": {"url": "https://web.whatsapp.com/"}, "failure": None},
            {"request": {"url": "https://v.whatsapp.net/v2/register"}, "failure": None},
        ],
    },
}


def measurement(
    test_name: str = "web_connectivity", test_keys: Mapping[str, Any] | None = None, **fields: Any
) -> dict[str, Any]:
    """Build a measurement that shows no blocking, from Italy.

    Args:
        test_name: of which nettest.
        test_keys: put over those of a healthy measurement of that nettest.
        fields: put over the other fields; the value ``...`` leaves a field out.

    >>> measurement("ndt", probe_cc="FR", resolver_ip=...)["probe_cc"]
    'FR'
    """
    document = {
        "annotations": {"platform": "linux", "engine_name": "ooniprobe-engine", "engine_version": "3.22.0"},
        "data_format_version": "0.2.0",
        "input": "https://www.example.org/",
        "measurement_start_time": "2024-05-06 07:08:00",
        "probe_asn": "AS65001",
        "probe_cc": "IT",
        "report_id": "20240506T070800Z_webconnectivity_IT_65001_n1_AbCdEfGhIjKlMnOp",
        "resolver_ip": "192.0.2.53",
        "software_name": "ooniprobe-cli",
        "software_version": "3.22.0",
        "test_keys": {**_HEALTHY.get(test_name, {}), **(test_keys or {})},
        "test_name": test_name,
        "test_runtime": 1.5,
        "test_start_time": "2024-05-06 07:07:59",
        "test_version": "0.5.28",
    }
    document.update(fields)
    return {name: value for name, value in document.items() if value is not ...}


def submission(document: Mapping[str, Any]) -> bytes:
    """Return the bytes with which a probe submits *document*: in the usual envelope.

    >>> submission({"probe_cc": "IT"})
    b'{"format":"json","content":{"probe_cc":"IT"}}'
    """
    return orjson.dumps({"format": "json", "content": document})


def block_page(
    pattern: str,
    *,
    scope: str = "nat",
    location: str = "body",
    pattern_type: str = "contains",
    countries: str = "",
    name: str = "",
) -> Fingerprint:
    """Build a fingerprint; for a forged DNS answer say ``location="dns"``, for a header ``location="header.server"``.

    Raises:
        Invalid: it cannot be one.
    """
    return Fingerprint(
        name=name or f"test.{scope}_{location}",
        scope=scope,
        location_found=location,
        pattern_type=pattern_type,
        pattern=pattern,
        confidence_no_fp=5,
        expected_countries=_countries(countries),
    )


_countries = countries
