"""How fast check-ins are answered with lists and counters of real size, and what the snapshot behind them costs."""

import asyncio
import compileall
import contextlib
import gc
import itertools
import json
import multiprocessing
import random
import tempfile
import time
from collections import deque
from collections.abc import Coroutine, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import uvloop
from tests.installation import only_with
from tests.service import RunningService

import ooni_entrypoints
from benchmarks import Figure, percentile
from benchmarks import seconds as measured_seconds
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
CONNECTIONS, RATE = 8, 300
# Ten minutes as a rule: so a minute of the benchmark has two of the readings that take longest.
WHOLE_SECONDS = 30


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


def _snapshot(url: str) -> list[Figure]:
    """Read the snapshot twice. In a process that did nothing before: freed memory would hide what it takes."""
    engine = open_database(url)
    engine.query("SELECT sum(msmt_cnt) FROM counters_asn_test_list")
    stores = SqlTestLists(engine), SqlRules(engine), SqlCounts(engine), SystemClock()
    asked = Prioritization(*stores, counting=timedelta(0))
    gc.collect()
    before = _resident()
    took = measured_seconds(asked.refresh, repeat=1)
    gc.collect()
    grown, again = _resident() - before, measured_seconds(asked.refresh)
    adding = Prioritization(*stores)
    adding.refresh()
    look = measured_seconds(adding.refresh)
    held = asked.snapshot.counts.nbytes / 2**20
    return [
        Figure("first snapshot", took, "s", f"{URLS:,} URLs, {COUNTERS:,} counters; read again in {again:.2f} s"),
        Figure("look at what is new", look * 1000, "ms", "rules, whether lists changed, what was scored since"),
        Figure("memory of the snapshot", grown, "MiB", f"goal: under 200; the counters' columns are {held:.0f}"),
    ]


Request = bytes


def _check_in(cc: str, asn: int, *, gzip: bool = False) -> Request:
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


_BARE: Request = b"GET /version HTTP/1.1\r\nHost: x\r\n\r\n"


class Connection:
    """One connection that sends prepared requests: cheap, since it takes turns with the service on few cores."""

    @classmethod
    async def opened(cls, port: int) -> "Connection":
        """Connect to the service."""
        made = cls()
        made.reader, made.writer = await asyncio.open_connection("127.0.0.1", port)
        return made

    async def ask(self, request: Request) -> bytes:
        """Send a prepared request and return the body of the answer, which must be good."""
        self.writer.write(request)
        head = await self.reader.readuntil(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200"), head
        return await self.reader.readexactly(int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0]))


def _run(work: Coroutine[Any, Any, list[float]]) -> list[float]:
    gc.collect()
    gc.freeze()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return sorted(runner.run(work))


async def _saturated(port: int, requests: Iterator[Request], seconds: float) -> list[float]:
    """Ask on all connections, one request right after the other, until time or requests are used up."""
    deadline, times = time.perf_counter() + seconds, []

    async def client() -> None:
        connection = await Connection.opened(port)
        while (start := time.perf_counter()) < deadline and (request := next(requests, None)) is not None:
            await connection.ask(request)
            times.append(time.perf_counter() - start)
        connection.writer.close()

    await asyncio.gather(*(client() for _ in range(CONNECTIONS)))
    return times


async def _arriving(port: int, requests: Sequence[Request], rate: int, seconds: float) -> list[float]:
    """Send requests at random instants, *rate* in a second on average; times count from when each was due."""
    chance, times = random.Random(3), list[float]()
    # In turns: a connection that stays idle for some seconds is closed by the service.
    idle = deque([await Connection.opened(port) for _ in range(64)])

    async def one(due: float) -> None:
        connection = idle.popleft() if idle else await Connection.opened(port)
        await connection.ask(chance.choice(requests))
        idle.append(connection)
        times.append(time.perf_counter() - due)

    due = begin = time.perf_counter()
    async with asyncio.TaskGroup() as group:
        while (due := due + chance.expovariate(rate)) < begin + seconds:
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            group.create_task(one(due))
    for connection in idle:
        connection.writer.close()
    return times


def _starting(service: RunningService, request: Request, times: int) -> Iterator[Figure]:
    """Start the service until it answers a check-in with the full lists; the last one goes on."""
    took = []
    for number in range(times):
        start = time.perf_counter()
        service.launch()
        answer = b""
        while not answer:
            assert service.process.poll() is None, service.log()
            time.sleep(0.01)
            with contextlib.suppress(ConnectionRefusedError):
                answer = asyncio.run(_first_answer(service.port, request))
        took.append(time.perf_counter() - start)
        assert len(json.loads(answer)["tests"]["web_connectivity"]["urls"]) == 100
        if number < times - 1:
            service.stop()
    took.sort()
    beside = (
        f"goal: under 2; from the start of the process, all data included; the quickest of {times} took {took[0]:.2f}"
    )
    yield Figure("start until the first check-in is answered", took[len(took) // 2], "s", beside)


async def _first_answer(port: int, request: Request) -> bytes:
    connection = await Connection.opened(port)
    answer = await connection.ask(request)
    connection.writer.close()
    return answer


def _milliseconds(times: Sequence[float]) -> str:
    return ", ".join(f"p{share} {percentile(times, share / 100) * 1000:.1f} ms" for share in (50, 99))


def _at_full_load(port: int, places: Sequence[tuple[str, int]], seconds: float) -> Iterator[Figure]:
    every = [_check_in(*place) for place in places]
    compressed = [_check_in(*place, gzip=True) for place in places]
    for what, requests in (
        ("bare route", itertools.repeat(_BARE)),
        ("check-in, every network new", iter(every)),
        ("check-in, networks seen before", itertools.cycle(every)),
        ("check-in, gzip", itertools.cycle(compressed)),
    ):
        start = time.perf_counter()
        times = _run(_saturated(port, requests, seconds))
        rate = len(times) / (time.perf_counter() - start)
        goal = "; goal: 300 at least, p99 under 15 ms" if what.startswith("check-in") else ""
        yield Figure(f"{what}, {CONNECTIONS} connections", rate, "requests/s", _milliseconds(times) + goal)


def _at_rate(
    port: int, places: Sequence[tuple[str, int]], seconds: float, what: str, runs: int = 1, goal: str = ""
) -> Figure:
    requests = [_check_in(*place) for place in places]
    found = sorted(
        (percentile(times, 0.99) * 1000, percentile(times, 0.5) * 1000)
        for times in (_run(_arriving(port, requests, RATE, seconds)) for _ in range(runs))
    )
    each = ", ".join(f"{p99:.1f}" for p99, _ in found)
    return Figure(
        f"check-in p99 at {RATE} requests/s{what}",
        found[len(found) // 2][0],
        "ms",
        f"{goal}runs of {seconds:.0f} s: {each}; p50 {found[0][1]:.1f} ms; networks and instants at random",
    )


def _installed(folder: Path) -> dict[str, str]:
    """Return the environment in which Python has what `make serve` installs, compiled, and nothing that tests need."""
    compileall.compile_dir(Path(ooni_entrypoints.__file__).parents[1], quiet=1)
    (folder / "sitecustomize.py").write_text(only_with("service"))
    return {"PYTHONPATH": str(folder)}


def figures(*, quick: bool) -> Iterator[Figure]:
    seconds, chance = (4.0 if quick else 10.0), random.Random(1)
    with tempfile.TemporaryDirectory(dir=".") as name:
        folder = Path(name)
        (folder / "data").mkdir()
        url = f"duckdb://{(folder / 'data' / 'ooni.duckdb').absolute()}"
        engine = open_database(url)
        places = fill(engine, datetime.now(UTC).date(), chance)
        engine.close()
        with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as fresh:
            yield from fresh.submit(_snapshot, url).result()
        chance.shuffle(places)
        service = RunningService(
            folder, f"[probes]\ncounters_seconds = {WHOLE_SECONDS}\n", environment=_installed(folder)
        )
        yield from _starting(service, _check_in(*places[0]), 3 if quick else 5)
        yield from _at_full_load(service.port, places, seconds)
        minute = f", counters read as a whole every {WHOLE_SECONDS} s"
        yield _at_rate(service.port, places, 30 if quick else 60, minute, 1 if quick else 5, goal="goal: under 15; ")
        service.stop()
        service.settings = "[probes]\nrefresh_seconds = 0.1\ncounters_seconds = 0.1\n"
        service.start()
        yield _at_rate(service.port, places, seconds, " while the snapshot is read again without a pause")
        service.stop()
