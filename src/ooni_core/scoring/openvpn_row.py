"""The second row of an ``openvpn`` measurement, for the table ``obs_openvpn``."""

from typing import Any

from ooni_core.scoring.model import FastpathRow
from ooni_core.scoring.reading import test_keys

_TEXTS_OF_KEYS = (
    "failure",
    "minivpn_version",
    "obfs4_version",
    "obfuscation",
    "provider",
    "remote",
    "transport",
)
_FLAGS_OF_KEYS = ("success", "success_handshake", "success_icmp", "success_urlgrab")
_TEXTS = ("probe_network_name", "resolver_ip", "resolver_network_name", "platform")


def build_openvpn_row(measurement: dict[str, Any], row: FastpathRow) -> dict[str, Any]:
    """Return the observation by column name; what is missing, null or of another type is empty."""
    keys = test_keys(measurement)
    same = {
        name: getattr(row, name)
        for name in (
            "input",
            "measurement_start_time",
            "measurement_uid",
            "probe_asn",
            "probe_cc",
            "report_id",
            "software_name",
            "software_version",
            "test_runtime",
            "test_start_time",
        )
    }
    columns = {
        # Reads the top level, where no probe writes it: kept, because stored rows are so.
        "anomaly": measurement.get("success") is True,
        "bootstrap_time": _number(keys.get("bootstrap_time")),
        "confirmed": False,
        "last_handshake_transaction_id": _last_transaction(keys.get("network_events")),
        "resolver_asn": _resolver_asn(measurement.get("resolver_asn")),
        **same,
        **{name: _text(measurement.get(name)) for name in _TEXTS},
        **{name: _text(keys.get(name)) for name in _TEXTS_OF_KEYS},
        **{name: bool(keys.get(name)) for name in _FLAGS_OF_KEYS},
    }
    return dict(sorted(columns.items()))


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _number(value: Any) -> float:
    return value if isinstance(value, int | float) else 0


def _last_transaction(events: Any) -> int:
    if not isinstance(events, list):
        return 0
    ids = [event.get("transaction_id") for event in events if isinstance(event, dict)]
    numbers = [one for one in ids if type(one) is int]
    # One event without a number, and the historical row holds 0.
    return max(numbers, default=0) if len(numbers) == len(events) else 0


def _resolver_asn(value: Any) -> int:
    text = str(value) if isinstance(value, int | str) else ""
    digits = text.removeprefix("AS")
    return int(digits) if digits.isascii() and digits.isdigit() and len(digits) <= 10 else 0
