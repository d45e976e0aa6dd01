"""Synthetic rows of ``fastpath``, seeded, skewed as real ones are.

Few countries, networks and domains have most of the measurements, nearly all of them are of Web Connectivity, and most
show nothing. Rows arrive in the order of their uids, as in a service, and one in a hundred comes days late.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

START = datetime.fromisoformat("2024-01-01T00:00:00")
DAYS = 120
COUNTRIES = [f"{a}{b}" for a in "ABCDEFGHIJKLMNOPQRSTUVWXY" for b in "ACEIMRSTU"][:200]
_TESTS = {
    "web_connectivity": 0.86,
    "telegram": 0.03,
    "signal": 0.03,
    "whatsapp": 0.03,
    "tor": 0.02,
    "ndt": 0.02,
    "dash": 0.01,
}
_DOMAINS, _NETWORKS_PER_COUNTRY = 3000, 40
_PORTION = 250_000
_LATE, _LATEST_DAYS = 0.01, 30
_QUIET = '{"blocking_general":0.0,"blocking_global":0.0,"blocking_country":0.0,"blocking_isp":0.0,"blocking_local":0.0}'
_BLOCKED = (
    _QUIET.replace('"blocking_general":0.0', '"blocking_general":1.0')[:-1] + ',"analysis":{"blocking_type":"dns"}}'
)


def portions(total: int, days: int = DAYS, seed: int = 1) -> Iterator[pa.Table]:
    """Yield *total* rows in order of arrival, some hundred thousand at a time, always the same for one *seed*.

    Args:
        total: how many rows in all.
        days: over how many days from START they arrive, evenly.
        seed: of the random numbers.
    """
    numbers = np.random.default_rng(seed)
    for first in range(0, total, _PORTION):
        serial = np.arange(first, min(first + _PORTION, total))
        yield _portion(numbers, serial, serial * (days * 86_400) // total)


def _portion(numbers: np.random.Generator, serial: np.ndarray, second: np.ndarray) -> pa.Table:
    count = len(serial)
    country = _skewed(numbers, len(COUNTRIES), count)
    network = country * _NETWORKS_PER_COUNTRY + _skewed(numbers, _NETWORKS_PER_COUNTRY, count) + 1
    test = numbers.choice(len(_TESTS), count, p=list(_TESTS.values()))
    is_web = test == 0
    domain = np.where(is_web, _skewed(numbers, _DOMAINS, count) + 1, 0)
    outcome = numbers.random(count)
    anomaly, blocked = outcome < 0.04, (outcome < 0.04) & is_web
    arrived = np.datetime64(START, "us") + second.astype("timedelta64[s]")
    late = np.where(numbers.random(count) < _LATE, numbers.integers(0, _LATEST_DAYS * 86_400, count), 0)
    started = np.maximum(arrived - late.astype("timedelta64[s]"), np.datetime64(START, "us"))
    domains = [f"d{number}.example.org" for number in range(1, _DOMAINS + 1)]
    return pa.table(
        {
            "measurement_uid": _uids(serial, arrived, country, test),
            "report_id": _joined("20240101T000000Z_", _padded(serial // 37, 12), "_n1_abcdefgh"),
            "input": _chosen(["", *(f"https://{name}/" for name in domains)], domain),
            "probe_cc": _chosen(COUNTRIES, country),
            "probe_asn": pa.array(network.astype("uint32")),
            "test_name": _chosen(list(_TESTS), test),
            "test_start_time": pa.array(started),
            "measurement_start_time": pa.array(started),
            "scores": _chosen([_QUIET, _BLOCKED], anomaly),
            "anomaly": _chosen("ft", anomaly),
            "confirmed": _chosen("ft", outcome < 0.01),
            "msm_failure": _chosen("ft", outcome > 0.97),
            "blocking_type": _chosen(["", "dns"], blocked),
            "domain": _chosen(["", *domains], domain),
            "platform": _chosen(["linux", "android"], outcome < 0.7),
            "software_name": _chosen(["ooniprobe-cli", "ooniprobe-android"], outcome < 0.7),
            "software_version": _chosen(["3.18.0", "3.19.1", "3.20.0"], country % 3),
            "update_time": pa.array(arrived),
        }
    )


def _skewed(numbers: np.random.Generator, choices: int, count: int) -> np.ndarray:
    """Draw numbers below *choices*, the n-th about 1/n as often as the first."""
    weights = 1 / np.arange(1, choices + 1)
    return np.searchsorted(np.cumsum(weights / weights.sum()), numbers.random(count)).clip(0, choices - 1)


def _uids(serial: np.ndarray, arrived: np.ndarray, country: np.ndarray, test: np.ndarray) -> pa.Array:
    day, second = arrived.astype("datetime64[D]"), (arrived - arrived.astype("datetime64[D]")).astype("int64") // 10**6
    days, which = np.unique(day, return_inverse=True)
    dates = np.array([int(str(one).replace("-", "")) for one in days])[which]
    time = second // 3600 * 10_000 + second // 60 % 60 * 100 + second % 60
    instant = pa.array(dates * 10**6 + time).cast(pa.string())
    name = _chosen([test_name.replace("_", "") for test_name in _TESTS], test)
    fraction, digest = _padded(serial % 1_000_000, 6), _padded(serial * 2654435761 % 10**16, 16)
    return _joined(instant, ".", fraction, "_", _chosen(COUNTRIES, country), "_", name, "_", digest)


def _joined(*parts: pa.Array | str) -> pa.Array:
    return pc.binary_join_element_wise(*parts, "")


def _padded(values: np.ndarray, width: int) -> pa.Array:
    return pc.utf8_lpad(pa.array(values).cast(pa.string()), width, "0")


def _chosen(names: Sequence[str], which: np.ndarray) -> pa.Array:
    return pa.array(names).take(pa.array(which.astype("int32")))
