"""How fast check-ins are answered with lists and counters of real size, and what the snapshot behind them costs."""

import asyncio
import gc
import json
import random
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pyarrow as pa
from tests.service import RunningService

from benchmarks import Figure, percentile
from ooni_adapters.database import open_database
from ooni_adapters.sql.counters import SqlCounts
from ooni_adapters.sql.counting import sunday
from ooni_adapters.sql.engine import SqlEngine
from ooni_adapters.sql.prioritization import SqlRules
from ooni_adapters.sql.tables import COUNTERS_ASN_TEST_LIST
from ooni_adapters.sql.testlists import SqlTestLists
from ooni_adapters.system import SystemClock
from ooni_core.prioritization.model import ListedUrl
from ooni_core.prioritization.service import Prioritization
from ooni_core.testlists.grammar import CATEGORIES

URLS, COUNTERS, COUNTRIES, NETWORKS, GLOBAL_URLS = 35_000, 1_000_000, 145, 1_500, 1_700
CONNECTIONS = 8


def lists(chance: random.Random) -> list[ListedUrl]:
    """Make lists with the sizes of the real ones: one global, 145 countries of very different length."""
    codes = [f"{a}{b}" for a in "ABCDEFGHIJ" for b in "ABCDEFGHIJKLMNO"][:COUNTRIES]
    shares = [1 / (place + 5) for place in range(COUNTRIES)]
    homes = ["ZZ"] * GLOBAL_URLS + chance.choices(codes, shares, k=URLS - GLOBAL_URLS)
    categories = list(CATEGORIES)
    return [
        ListedUrl(
            f"https://www.site-{number:05}.example/{'path/' * (number % 3)}",
            f"www.site-{number:05}.example",
            cc,
            chance.choice(categories),
        )
        for number, cc in enumerate(homes)
    ]


def networks(entries: Sequence[ListedUrl], chance: random.Random) -> list[tuple[str, int]]:
    """Spread networks over the countries."""
    codes = sorted({entry.cc for entry in entries} - {"ZZ"})
    return [(chance.choice(codes), 1000 + number) for number in range(NETWORKS)]


def fill(engine: SqlEngine, today: date, chance: random.Random) -> list[tuple[str, int]]:
    """Store lists and a million counters; return the networks."""
    entries = lists(chance)
    SqlTestLists(engine).replace(entries)
    places = networks(entries, chance)
    world = [entry.url for entry in entries if entry.cc == "ZZ"]
    rows: list[tuple[str, int, str]] = []
    each = COUNTERS // len(places) // 2
    for cc, asn in places:
        choices = world + [entry.url for entry in entries if entry.cc == cc]
        rows += [(cc, asn, url) for url in chance.sample(choices, min(each, len(choices)))]
    weeks = [sunday(today), sunday(today) - timedelta(days=7)]
    columns = list(zip(*rows, strict=True))
    for week in weeks:
        table = pa.table(
            {
                "week": pa.array([week] * len(rows), pa.date32()),
                "probe_cc": columns[0],
                "probe_asn": pa.array(columns[1], pa.uint32()),
                "input": columns[2],
                "msmt_cnt": pa.array([chance.randint(1, 30) for _ in rows], pa.int64()),
            }
        )
        engine.insert(COUNTERS_ASN_TEST_LIST, table)
    return places


def _resident() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * 4096 / 2**20


async def _load(port: int, requests: Sequence[bytes], seconds: float) -> list[float]:
    deadline, times = time.perf_counter() + seconds, []

    async def client(number: int) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        place = number
        while time.perf_counter() < deadline:
            start = time.perf_counter()
            writer.write(requests[place % len(requests)])
            head = await reader.readuntil(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 200"), head
            length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
            await reader.readexactly(length)
            times.append(time.perf_counter() - start)
            place += CONNECTIONS
        writer.close()

    await asyncio.gather(*(client(number) for number in range(CONNECTIONS)))
    return sorted(times)


def _check_in(cc: str, asn: int, *, gzip: bool) -> bytes:
    body = json.dumps(
        {
            "probe_cc": cc,
            "probe_asn": f"AS{asn}",
            "charging": True,
            "run_type": "timed",
            "platform": "android",
            "software_name": "ooniprobe-android",
            "software_version": "3.8.0",
            "web_connectivity": {"category_codes": []},
        }
    ).encode()
    encoding = "Accept-Encoding: gzip\r\n" if gzip else ""
    return (
        f"POST /api/v1/check-in HTTP/1.1\r\nHost: x\r\n{encoding}Content-Length: {len(body)}\r\n\r\n"
    ).encode() + body


def _snapshot(url: str) -> Iterator[Figure]:
    engine = open_database(url)
    engine.query("SELECT sum(msmt_cnt) FROM counters_asn_test_list")
    asked = Prioritization(SqlTestLists(engine), SqlRules(engine), SqlCounts(engine), SystemClock())
    gc.collect()
    before, start = _resident(), time.perf_counter()
    asked.refresh()
    took = time.perf_counter() - start
    gc.collect()
    grown = _resident() - before
    start = time.perf_counter()
    asked.refresh()
    again = time.perf_counter() - start
    held = asked.snapshot.counts
    arrays = (held.networks.nbytes + held.countries.nbytes) / 2**20
    yield Figure("first snapshot", took, "s", f"{URLS:,} URLs, {COUNTERS:,} counters; refreshed in {again:.2f} s")
    yield Figure(
        "memory of the snapshot", grown, "MiB", f"growth of the process; the counters' columns are {arrays:.0f}"
    )
    engine.close()


def figures(*, quick: bool) -> Iterator[Figure]:
    seconds, chance = (3.0 if quick else 10.0), random.Random(1)
    with tempfile.TemporaryDirectory(dir=".") as folder:
        data = Path(folder) / "data"
        data.mkdir()
        url = f"duckdb://{(data / 'ooni.duckdb').absolute()}"
        engine = open_database(url)
        places = fill(engine, datetime.now(UTC).date(), chance)
        engine.close()
        yield from _snapshot(url)
        service = RunningService(Path(folder))
        start = time.perf_counter()
        service.start()
        yield Figure("start of the service until it answers", time.perf_counter() - start, "s", "with the same data")
        bare = [b"GET /api/_/check_report_id HTTP/1.1\r\nHost: x\r\n\r\n"]
        chance.shuffle(places)
        for what, requests in (
            ("bare route", bare),
            ("check-in, every network new", [_check_in(*place, gzip=False) for place in places]),
            ("check-in, networks seen before", [_check_in(*place, gzip=False) for place in places]),
            ("check-in, gzip", [_check_in(*place, gzip=True) for place in places]),
        ):
            times = asyncio.run(_load(service.port, requests, seconds))
            yield Figure(
                f"{what}, {CONNECTIONS} connections",
                len(times) / seconds,
                "requests/s",
                f"p50 {percentile(times, 0.5) * 1000:.1f} ms, p99 {percentile(times, 0.99) * 1000:.1f} ms",
            )
        times = _at_rate(service.port, [_check_in(*place, gzip=False) for place in places], 300, seconds)
        yield Figure(
            "check-in p99 at 300 requests/s",
            percentile(times, 0.99) * 1000,
            "ms",
            f"p50 {percentile(times, 0.5) * 1000:.1f} ms",
        )
        service.stop()
        print(file=sys.stderr)


def _at_rate(port: int, requests: Sequence[bytes], rate: int, seconds: float) -> list[float]:
    """Send requests at a steady rate; times count from when each was due."""

    async def run() -> list[float]:
        times: list[float] = []
        pool = [await asyncio.open_connection("127.0.0.1", port) for _ in range(16)]
        free: asyncio.Queue = asyncio.Queue()
        for connection in pool:
            free.put_nowait(connection)

        async def one(request: bytes, due: float) -> None:
            connection = await free.get()
            reader, writer = connection
            writer.write(request)
            head = await reader.readuntil(b"\r\n\r\n")
            await reader.readexactly(int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0]))
            free.put_nowait(connection)
            times.append(time.perf_counter() - due)

        begin, tasks = time.perf_counter(), []
        for number in range(int(rate * seconds)):
            due = begin + number / rate
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            tasks.append(asyncio.create_task(one(requests[number % len(requests)], due)))
        await asyncio.gather(*tasks)
        for _, writer in pool:
            writer.close()
        return sorted(times)

    return asyncio.run(run())
