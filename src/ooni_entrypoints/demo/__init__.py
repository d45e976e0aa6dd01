"""Invented measurements and fingerprints, to look at a working service without waiting for probes.

Names, networks and addresses are those reserved for documentation; nothing here was measured.
"""

from datetime import datetime, timedelta
from importlib import resources
from typing import Any

import orjson

_TIMES = ("measurement_start_time", "test_start_time")
_FORMAT = "%Y-%m-%d %H:%M:%S"
_NEWEST_AGE = timedelta(minutes=10)


def measurements(now: datetime) -> list[dict[str, Any]]:
    """Return the sample measurements, moved in time so that the newest began ten minutes before *now*."""
    lines = resources.files(__name__).joinpath("measurements.jsonl").read_bytes().splitlines()
    documents = [orjson.loads(line) for line in lines]
    newest = max(datetime.strptime(each[_TIMES[0]], _FORMAT) for each in documents)
    shift = now.replace(tzinfo=None) - _NEWEST_AGE - newest
    return [_moved(each, shift) for each in documents]


def fingerprints() -> tuple[str, str]:
    """Return the texts of the sample DNS and HTTP fingerprint files (CSV)."""
    folder = resources.files(__name__)
    names = ("fingerprints_dns.csv", "fingerprints_http.csv")
    dns, http = (folder.joinpath(name).read_bytes().decode() for name in names)
    return dns, http


def _moved(document: dict[str, Any], shift: timedelta) -> dict[str, Any]:
    moved = {name: (datetime.strptime(document[name], _FORMAT) + shift).strftime(_FORMAT) for name in _TIMES}
    return document | moved
