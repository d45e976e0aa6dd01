"""Inserting scored measurements: micro-batches as the service writes them, and whole files, per engine."""

import tempfile
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pyarrow as pa

from benchmarks import Figure, percentile, seconds
from ooni_adapters.database import open_database
from ooni_adapters.sql.engine import SqlEngine
from ooni_adapters.sql.tables import FASTPATH

START = datetime.fromisoformat("2024-01-01T00:00:00")


def rows(first: int, count: int) -> list[dict]:
    made = []
    for n in range(first, first + count):
        moment = START + timedelta(seconds=n // 4)
        digest = f"{n * 2654435761 % 2**64:016x}"
        made.append(
            {
                "measurement_uid": f"{moment:%Y%m%d%H%M%S}.{n % 1_000_000:06d}_IT_webconnectivity_{digest}",
                "report_id": f"{moment:%Y%m%dT%H%M%SZ}_webconnectivity_IT_{n % 500}_n1_{n // 40:016d}",
                "input": f"https://www{n % 2000}.example.org/",
                "probe_cc": ("IT", "US", "BR", "IN", "RU")[n % 5],
                "probe_asn": n % 500,
                "test_name": "web_connectivity",
                "test_start_time": moment,
                "measurement_start_time": moment,
                "scores": '{"blocking_general":0.0,"blocking_global":0.0,"blocking_country":0.0,"blocking_isp":0.0}',
                "domain": f"www{n % 2000}.example.org",
                "software_name": "ooniprobe-android",
                "software_version": "3.8.5",
            }
        )
    return made


def figures(*, quick: bool) -> Iterator[Figure]:
    bulk, small = (100_000, 40) if quick else (1_000_000, 200)
    for name in ("duckdb", "chdb"):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / ("ooni.duckdb" if name == "duckdb" else "ch")
            engine = open_database(f"{name}://{path}")
            try:
                yield from _figures(name, engine, bulk, small)
            finally:
                engine.close()


def _figures(name: str, engine: SqlEngine, bulk: int, small: int) -> Iterator[Figure]:
    portion = 100_000
    batches = [pa.Table.from_pylist(rows(first, portion)) for first in range(0, bulk, portion)]
    took = sum(seconds(lambda batch=batch: engine.insert(FASTPATH, batch), repeat=1) for batch in batches)
    yield Figure(f"insert Arrow batches of {portion:,}, {name}", bulk / took, "rows per s", f"into {bulk:,} rows")

    again = seconds(lambda: engine.insert(FASTPATH, batches[0]), repeat=1)
    yield Figure(f"replace {portion:,} stored rows, {name}", portion / again, "rows per s", "same keys")

    micro = [rows(bulk + n * 1000, 1000) for n in range(small)]
    times = sorted(seconds(lambda batch=batch: engine.insert(FASTPATH, batch), repeat=1) for batch in micro)
    beside = f"p50 {1000 * percentile(times, 0.5):.0f} ms, p99 {1000 * percentile(times, 0.99):.0f} ms per batch"
    yield Figure(f"insert micro-batches of 1,000, {name}", 1000 * small / sum(times), "rows per s", beside)

    uid = rows(bulk // 2, 1)[0]["measurement_uid"]
    sql = "SELECT measurement_uid, scores FROM fastpath WHERE measurement_uid = $uid"
    lookups = sorted(seconds(lambda: engine.query(sql, {"uid": uid}), repeat=1) for _ in range(50))
    yield Figure(
        f"one row by uid, {name}",
        1000 * percentile(lookups, 0.5),
        "ms",
        f"p99 {1000 * percentile(lookups, 0.99):.1f} ms",
    )
