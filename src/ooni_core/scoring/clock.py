"""Does a measurement's own clock agree with the time of its arrival?"""

import re
from datetime import datetime
from typing import Any

from ooni_core.measurement.times import parsed_time
from ooni_core.scoring.verdict import Scores

_ARRIVAL = re.compile(r"\d{14}\.\d{6}_", re.ASCII)
_MAX_AHEAD = -3600.0
_MAX_BEHIND = 365 * 86400.0


def check_clock(measurement: dict[str, Any], uid: str, scores: Scores) -> None:
    """Distrust a measurement that began over an hour after, or over 365 days before it arrived.

    Only names that begin with the time of arrival (``20…``) can tell.
    """
    if not uid.startswith("20") or len(uid) < 20:
        return
    arrival, start = _arrival(uid), parsed_time(measurement.get("measurement_start_time"))
    if arrival is None or start is None:
        return
    behind = (arrival - start).total_seconds()
    message = ""
    if behind < _MAX_AHEAD:
        message = "Measurement start time from the future"
    elif behind > _MAX_BEHIND:
        message = "Measurement start time too old"
    if message:
        scores.distrust(message)
        scores.give("msg", message, f"it arrived {behind:.0f} seconds after its start")


def _arrival(uid: str) -> datetime | None:
    if _ARRIVAL.match(uid) is None:
        return None
    try:
        return datetime.fromisoformat(f"{uid[:8]}T{uid[8:21]}")
    except ValueError:
        return None
