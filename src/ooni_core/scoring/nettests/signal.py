"""Signal. Its certificates changed twice, and the probes released before could no longer check them."""

from collections.abc import Callable
from datetime import datetime
from functools import lru_cache
from typing import Any

from packaging.version import InvalidVersion, Version

from ooni_core.measurement.times import parsed_time
from ooni_core.scoring.nettests.rule import Knowledge
from ooni_core.scoring.reading import shallow, test_keys
from ooni_core.scoring.verdict import Scores

_LOWEST = Version("0.dev0")
_ROOT_CHANGED = datetime(2022, 10, 19)  # noqa: DTZ001  times of measurements are naive UTC throughout
_ENGINE_FAULT = datetime(2023, 5, 2)  # noqa: DTZ001
_CHAT_CHANGED = datetime(2023, 11, 7)  # noqa: DTZ001


class _Unreadable(Exception):
    """A version or time that cannot be compared."""


def score(measurement: dict[str, Any], knowledge: Knowledge) -> Scores:
    """Take the probe's word (``signal_backend_status``), unless this release of the probe could not know."""
    keys = test_keys(measurement)
    scores = Scores()
    if keys.get("failed_operation", True) or keys.get("failure", True):
        scores.distrust("the probe reports a failure, or does not say that there was none")
    rules = knowledge.ruleset
    outdated = (_outdated_since_2024 if rules.signal_stops_early else _outdated_in_2023)(
        measurement, _version_lowest if rules.unparsable_version_is_lowest else _version
    )
    if outdated:
        scores.distrust(outdated)
        if rules.signal_stops_early:
            return scores
    status = keys.get("signal_backend_status")
    if status == "blocked":
        scores.block(1.0, "signal_backend_status is blocked")
        failure = shallow(keys.get("signal_backend_failure"), "signal_backend_failure")
        scores["analysis"] = {"signal_backend_failure": failure}
    elif status != "ok":
        scores.distrust("signal_backend_status is neither ok nor blocked")
    return scores


@lru_cache(maxsize=512)
def _parsed_version(text: str) -> Version | None:
    try:
        return Version(text)
    except InvalidVersion:
        return None


def _version(value: object) -> Version:
    version = _parsed_version(value) if isinstance(value, str) else None
    if version is None:
        raise _Unreadable
    return version


def _version_lowest(value: object) -> Version:
    if not isinstance(value, str):
        raise _Unreadable
    return _parsed_version(value) or _LOWEST


_ReadVersion = Callable[[object], Version]


def _or_default(holder: object, key: str, default: str) -> object:
    if not isinstance(holder, dict):
        raise _Unreadable
    value = holder.get(key)
    return default if value is None else value


def _engine(measurement: dict[str, Any], read: _ReadVersion) -> Version:
    annotations = measurement.get("annotations")
    return read(_or_default({} if annotations is None else annotations, "engine_version", "0.0.0"))


def _start(measurement: dict[str, Any]) -> datetime:
    start = parsed_time(measurement.get("measurement_start_time"))
    if start is None:
        raise _Unreadable
    return start


def _outdated_in_2023(measurement: dict[str, Any], read: _ReadVersion) -> str:
    try:
        test_version = read(_or_default(measurement, "test_version", "0.0.0"))
        if test_version < Version("0.2.2") and _start(measurement) >= _ROOT_CHANGED:
            return "nettests before 0.2.2 do not know the root certificate of October 2022"
        if _engine(measurement, read) < Version("3.17.2") and _start(measurement) >= _ENGINE_FAULT:
            return "engines before 3.17.2 cannot check the certificates of May 2023"
    except _Unreadable:
        return "version or start time cannot be read"
    return ""


def _outdated_since_2024(measurement: dict[str, Any], read: _ReadVersion) -> str:
    try:
        start = _start(measurement)
        test_version = read(_or_default(measurement, "test_version", "0.0.0"))
        if test_version == Version("0.2.4"):
            return "nettest 0.2.4 was a broken release"
        if test_version <= Version("0.2.3") and start >= _CHAT_CHANGED:
            return "nettests up to 0.2.3 cannot check the certificates of November 2023"
    except _Unreadable:
        return "version or start time cannot be read"
    return _outdated_in_2023(measurement, read)
