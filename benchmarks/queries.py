"""The questions that Explorer asks, over millions of synthetic rows, per engine."""

import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from benchmarks import Figure, percentile
from benchmarks.generate_rows import COUNTRIES, DAYS, START, portions
from ooni_adapters.database import open_database
from ooni_adapters.sql.catalog import SqlCatalog
from ooni_adapters.sql.catalog_rollups import SqlRollups
from ooni_adapters.sql.engine import SqlEngine
from ooni_adapters.sql.tables import FASTPATH
from ooni_core.catalog.model import Axis, CountQuery, MeasurementFilter, Page, TimeWindow
from ooni_entrypoints.garbage import collect_rarely

_ENGINES = ("duckdb", "chdb")
_REPEAT = 30
_MONTH = TimeWindow(START + timedelta(days=DAYS - 40), START + timedelta(days=DAYS - 10))
DEFAULT_CHART = CountQuery(MeasurementFilter(window=_MONTH, test_names=("web_connectivity",)), (Axis.DAY,))
EVERYTHING = CountQuery(MeasurementFilter(), (Axis.COUNTRY, Axis.DAY))
# As the search page asks: the last days of one country.
_COUNTRY = MeasurementFilter(
    window=TimeWindow(START + timedelta(days=DAYS - 30), START + timedelta(days=DAYS + 1)), probe_ccs=(COUNTRIES[3],)
)
_HARDLY_GROWING = (
    "day by day, one test, 30 days",
    "country by day, everything, from rollups",
    "measurement by uid",
)


class _LongAfter:
    """A clock of a time when all rows are long settled."""

    def now(self) -> datetime:
        return datetime(2030, 1, 1, tzinfo=UTC)


def figures(*, quick: bool) -> Iterator[Figure]:
    small, middle, large = (20_000, 100_000, 200_000) if quick else (1_000_000, 5_000_000, 10_000_000)
    for name in _ENGINES:
        costs = {}
        for size in (small, middle, large):
            with tempfile.TemporaryDirectory() as folder:
                path = Path(folder) / ("ooni.duckdb" if name == "duckdb" else "ch")
                engine = open_database(f"{name}://{path}")
                try:
                    yield from _filled(name, engine, size)
                    costs[size] = _costs(engine)
                finally:
                    engine.close()
        yield from _at(name, middle, costs[middle])
        for what in _HARDLY_GROWING:
            growth = percentile(costs[large][what], 0.5) / percentile(costs[small][what], 0.5)
            yield Figure(f"{what}, {name}: growth of cost", growth, "times", f"from {small:,} to {large:,} rows")


def _filled(name: str, engine: SqlEngine, size: int) -> Iterator[Figure]:
    stored, took = 0, 0.0
    for portion in portions(size):
        started = time.perf_counter()
        engine.insert(FASTPATH, portion)
        took += time.perf_counter() - started
        stored += portion.num_rows
        if sys.stderr.isatty():
            print(f"\r{name}: {stored:,} rows", end="", file=sys.stderr)
    yield Figure(f"insert in large batches, {name}", stored / took, "rows/s", f"{stored:,} rows")
    started = time.perf_counter()
    SqlRollups(engine, _LongAfter()).refresh()
    yield Figure(f"roll up everything, {name}", stored / (time.perf_counter() - started), "rows/s", f"{stored:,} rows")


def _at(name: str, size: int, costs: dict[str, list[float]]) -> Iterator[Figure]:
    for what, times in costs.items():
        beside = f"p99 {percentile(times, 0.99) * 1000:.1f} ms, {size:,} rows"
        yield Figure(f"{what}, {name}", percentile(times, 0.5) * 1000, "ms", beside)
    raw, rolled = (percentile(costs[f"country by day, everything, {how}"], 0.5) for how in ("raw", "from rollups"))
    yield Figure(f"rollups, {name}", raw / rolled, "times as fast", "country by day, everything")


def _costs(engine: SqlEngine) -> dict[str, list[float]]:
    collect_rarely()  # as the service does
    catalog, raw = SqlCatalog(engine), SqlCatalog(engine, rollups=False)
    newest = Page(limit=100)
    some = iter([entry.measurement_uid for entry in catalog.search(_COUNTRY, Page(limit=2 * _REPEAT))])
    asked: dict[str, Callable[[], object]] = {
        "day by day, one test, 30 days": lambda: catalog.count(DEFAULT_CHART),
        "day by day, one test, 30 days, raw": lambda: raw.count(DEFAULT_CHART),
        "country by day, everything, raw": lambda: raw.count(EVERYTHING),
        "country by day, everything, from rollups": lambda: catalog.count(EVERYTHING),
        "search of one country, newest first": lambda: catalog.search(_COUNTRY, newest),
        "measurement by uid": lambda: catalog.by_uid(next(some)),
    }
    return {what: _times(ask) for what, ask in asked.items()}


def _times(ask: Callable[[], object]) -> list[float]:
    """Return the sorted times of asking, in seconds, the first of all left out."""
    ask()
    times = []
    for _ in range(_REPEAT):
        started = time.perf_counter()
        ask()
        times.append(time.perf_counter() - started)
    return sorted(times)
