"""The ``fastpath`` row of a measurement, column by column."""

import json
import math
import re
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

import orjson

from ooni_core.measurement.times import parsed_time
from ooni_core.scoring.model import FastpathRow
from ooni_core.scoring.reading import kind_of, number, shallow, wrong_type
from ooni_core.scoring.verdict import Lost, Scores

_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
_MAX_ASN = 2**32 - 1
_MAX_FLOAT32 = 3.4028235677973366e38
_MAX_LINK_ID = 2**64 - 1
_FIRST, _LAST = datetime(1970, 1, 1), datetime(2106, 2, 7, 6, 28, 15)  # noqa: DTZ001  naive UTC


def build_row(measurement: dict[str, Any], uid: str, scores: Scores, is_verified: str | None) -> FastpathRow:
    """Build the row.

    Args:
        measurement: without envelope; ``report_id``, ``probe_cc`` and ``probe_asn`` were checked.
        uid: its name.
        scores: all of them.
        is_verified: what the envelope says; None for rule sets that predate the newer columns.

    Raises:
        Lost: a column would have to hold what it cannot.
    """
    annotations = _object(measurement.get("annotations"))
    helper = _object(_object(measurement.get("test_helpers")).get("backend"))
    input, domain = input_and_domain(measurement)
    blocking_type = _object(scores.get("analysis")).get("blocking_type") or ""
    return FastpathRow(
        measurement_uid=uid,
        report_id=_text(measurement, "report_id"),
        input=input,
        probe_cc=_text(measurement, "probe_cc"),
        probe_asn=_asn(measurement["probe_asn"]),
        test_name=_text(measurement, "test_name"),
        test_start_time=_time(measurement, "test_start_time"),
        measurement_start_time=_time(measurement, "measurement_start_time"),
        scores=scores_text(scores),
        platform=_text(annotations, "platform", "unset"),
        anomaly=scores.get("blocking_general", 0.0) > 0.5,
        confirmed=scores.get("confirmed", False),
        msm_failure=scores.get("accuracy", 1.0) < 0.5,
        blocking_type=blocking_type,
        domain=domain,
        software_name=_text(measurement, "software_name"),
        software_version=_text(measurement, "software_version"),
        test_version=_text(measurement, "test_version"),
        test_runtime=_runtime(measurement.get("test_runtime")),
        architecture=_text(annotations, "architecture"),
        engine_name=_text(annotations, "engine_name"),
        engine_version=_text(annotations, "engine_version"),
        test_helper_address=_text(helper, "address"),
        test_helper_type=_text(helper, "type"),
        ooni_run_link_id=None if is_verified is None else _link_id(annotations.get("ooni_run_link_id")),
        is_verified=is_verified or "u",
    )


def input_and_domain(measurement: dict[str, Any]) -> tuple[str, str]:
    """Return what was measured, and the host part of its URL: with user, port and capitals as they stand.

    Raises:
        Lost: the input is no text (or for meek, no list of texts), or no URL at all.
    """
    value = measurement.get("input")
    if not value:
        return "", ""
    if isinstance(value, list) and measurement.get("test_name") == "meek_fronted_requests_test":
        if not all(isinstance(item, str) for item in value):
            raise Lost("bad_type", "input is a list of other things than texts")
        return storable("{" + ",".join(value) + "}"), storable(value[0])
    if not isinstance(value, str):
        raise wrong_type("input", value, "a text")
    try:
        return storable(value), storable(urlsplit(value).netloc)
    except ValueError as exc:
        raise Lost("bad_value", f"input is not a URL: {exc}") from exc


def storable(text: str) -> str:
    """Return *text* as tables can hold it: NUL and lone surrogates become U+FFFD."""
    return _UNSTORABLE.sub("\ufffd", text)


def scores_text(scores: dict[str, Any]) -> str:
    r"""Write scores as compact ASCII JSON with ``/`` as ``\/``, as this column always did; never NaN.

    Raises:
        Lost: a value copied from the measurement is nested too deep.
    """
    try:
        text = orjson.dumps(scores)
    except orjson.JSONEncodeError:
        text = b"\xff"
    if not text.isascii():
        for value in scores.values():
            shallow(value, "a value in scores")
        text = json.dumps(_finite(scores), separators=(",", ":")).encode()
    return text.decode().replace("/", "\\/")


def _finite(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, dict):
        return {key: _finite(inner) for key, inner in value.items()}
    return [_finite(inner) for inner in value] if isinstance(value, list) else value


def _object(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _text(holder: dict[str, Any], key: str, default: str = "") -> str:
    value = holder.get(key, default)
    if isinstance(value, str):
        return value if value.isascii() and "\x00" not in value else storable(value)
    if value is None:
        return default
    if isinstance(value, list | dict):
        raise wrong_type(key, value, "a text")
    return json.dumps(value)


def _time(measurement: dict[str, Any], key: str) -> datetime:
    if key not in measurement:
        raise Lost("missing", f"{key} is missing")
    time = parsed_time(measurement[key])
    if time is None:
        raise Lost("bad_value", f"{key} is {_shown(measurement[key])}, expected YYYY-MM-DD HH:MM:SS")
    if not _FIRST <= time <= _LAST:
        raise Lost("bad_value", f"{key} is {time}, outside of 1970 to 2106")
    return time


def _shown(value: Any) -> str:
    return repr(value[:60]) if isinstance(value, str) else kind_of(value)


def _asn(text: str) -> int:
    try:
        asn = int(text[2:])
    except ValueError as exc:
        raise Lost("bad_value", f"probe_asn is {text[:40]!r}, expected AS and a number") from exc
    if not 0 <= asn <= _MAX_ASN:
        raise Lost("bad_value", f"probe_asn is {text[:40]!r}, no such network can exist")
    return asn


def _runtime(value: Any) -> float:
    if value is None:
        return 0.0
    if isinstance(value, float) and math.isnan(value):
        return value
    seconds = number(value, "test_runtime")
    if _MAX_FLOAT32 < abs(seconds) < math.inf:
        raise Lost("bad_value", f"test_runtime is {seconds:g}, more than its column can hold")
    return seconds


def _link_id(value: Any) -> int | None:
    if value is None:
        return None
    if isinstance(value, list | dict):
        raise wrong_type("annotations.ooni_run_link_id", value, "a number")
    try:
        link_id = int(value)
    except (ValueError, OverflowError):
        return None
    if not 0 <= link_id <= _MAX_LINK_ID:
        raise Lost("bad_value", "annotations.ooni_run_link_id is no link id")
    return link_id
