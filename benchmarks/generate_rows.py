"""Synthetic rows of ``fastpath``, seeded, skewed as real ones are.

Few countries, networks and domains have most of the measurements, nearly all of them are of Web Connectivity, and most
show nothing. Rows arrive in the order of their uids, as in a service.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta

import numpy as np
import pyarrow as pa

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
_QUIET = '{"blocking_general":0.0,"blocking_global":0.0,"blocking_country":0.0,"blocking_isp":0.0,"blocking_local":0.0}'
_BLOCKED = (
    _QUIET.replace('"blocking_general":0.0', '"blocking_general":1.0')[:-1] + ',"analysis":{"blocking_type":"dns"}}'
)


def portions(total: int, seed: int = 1) -> Iterator[pa.Table]:
    """Yield *total* rows in order of arrival, some hundred thousand at a time, always the same for one *seed*."""
    numbers = np.random.default_rng(seed)
    for first in range(0, total, _PORTION):
        yield _portion(numbers, first, min(_PORTION, total - first), total)


def _portion(numbers: np.random.Generator, first: int, count: int, total: int) -> pa.Table:
    second = (np.arange(first, first + count) * (DAYS * 86_400) // total).astype("int64")
    country = _skewed(numbers, len(COUNTRIES), count)
    network = country * _NETWORKS_PER_COUNTRY + _skewed(numbers, _NETWORKS_PER_COUNTRY, count) + 1
    domain = _skewed(numbers, _DOMAINS, count)
    test = numbers.choice(len(_TESTS), count, p=list(_TESTS.values()))
    outcome = numbers.random(count)
    is_web = test == 0
    anomaly, failure = outcome < 0.04, outcome > 0.97
    started = np.datetime64(START, "us") + second.astype("timedelta64[s]")
    names = list(_TESTS)
    return pa.table(
        {
            "measurement_uid": _uids(first, second, country, [names[n].replace("_", "") for n in test]),
            "report_id": [f"20240101T000000Z_{n // 37:012d}_n1_abcdefgh" for n in range(first, first + count)],
            "input": [f"https://d{d}.example.org/" if web else "" for d, web in zip(domain, is_web, strict=True)],
            "probe_cc": pa.array(np.array(COUNTRIES)[country]),
            "probe_asn": pa.array(network.astype("uint32")),
            "test_name": pa.array(np.array(names)[test]),
            "test_start_time": pa.array(started),
            "measurement_start_time": pa.array(started),
            "scores": [_BLOCKED if blocked else _QUIET for blocked in anomaly],
            "anomaly": _flags(anomaly),
            "confirmed": _flags(outcome < 0.01),
            "msm_failure": _flags(failure),
            "blocking_type": pa.array(np.where(anomaly & is_web, "dns", "")),
            "domain": [f"d{d}.example.org" if web else "" for d, web in zip(domain, is_web, strict=True)],
            "platform": pa.array(np.where(outcome < 0.7, "android", "linux")),
            "software_name": pa.array(np.where(outcome < 0.7, "ooniprobe-android", "ooniprobe-cli")),
            "software_version": pa.array(np.array(["3.18.0", "3.19.1", "3.20.0"])[country % 3]),
            "update_time": pa.array(started),
        }
    )


def _skewed(numbers: np.random.Generator, choices: int, count: int) -> np.ndarray:
    """Draw numbers below *choices*, the n-th about 1/n as often as the first."""
    weights = 1 / np.arange(1, choices + 1)
    return np.searchsorted(np.cumsum(weights / weights.sum()), numbers.random(count)).clip(0, choices - 1)


def _uids(first: int, seconds: np.ndarray, countries: np.ndarray, tests: list[str]) -> list[str]:
    stamps = {second: f"{START + timedelta(seconds=int(second)):%Y%m%d%H%M%S}" for second in np.unique(seconds)}
    return [
        f"{stamps[second]}.{number % 1_000_000:06d}_{COUNTRIES[country]}_{test}_{number * 2654435761 % 2**64:016x}"
        for number, (second, country, test) in enumerate(zip(seconds, countries, tests, strict=True), first)
    ]


def _flags(values: np.ndarray) -> pa.Array:
    return pa.array(np.where(values, "t", "f"))
