"""The questions that Explorer asks, over millions of synthetic rows, per engine."""

import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import attrs
import pyarrow as pa

from benchmarks import Figure, percentile, seconds
from benchmarks.generate_rows import COUNTRIES, DAYS, START, portions
from ooni_adapters.database import open_database
from ooni_adapters.sql.catalog import SqlCatalog
from ooni_adapters.sql.catalog_rollups import SqlRollups
from ooni_adapters.sql.engine import SqlEngine
from ooni_adapters.sql.tables import FASTPATH
from ooni_core.catalog.model import Axis, Chart, CountQuery, MeasurementFilter, Page, TimeWindow
from ooni_entrypoints.http.aggregation import result_of
from ooni_entrypoints.http.responses import json_bytes
from ooni_entrypoints.interpreter import answer_first

_ENGINES = ("duckdb", "chdb")
_REPEAT = 30
_FULL, _QUICK = (1_000_000, 5_000_000, 10_000_000), (20_000, 100_000, 200_000)
# Charts are kept until rollups are made again, once an hour; a catalog that was made just now keeps none.
_FIRST = "asked for the first time"
_HARDLY_GROWING = (
    "day by day, one test, 30 days",
    f"day by day, one test, 30 days, {_FIRST}",
    "country by day, everything, from rollups",
    f"country by day, everything, from rollups, {_FIRST}",
    "measurement by uid",
)


@attrs.frozen
class Questions:
    """What is asked of a history that began at START and has lasted some days."""

    days: int

    @property
    def default_chart(self) -> CountQuery:
        """The chart that Explorer's page of charts opens with."""
        month = TimeWindow(START + timedelta(days=self.days - 40), START + timedelta(days=self.days - 10))
        return CountQuery(MeasurementFilter(window=month, test_names=("web_connectivity",)), (Axis.DAY,))

    @property
    def everything(self) -> CountQuery:
        """All counters of each country on each day, without bounds."""
        return CountQuery(MeasurementFilter(), (Axis.COUNTRY, Axis.DAY))

    @property
    def country(self) -> MeasurementFilter:
        """As the search page asks: the last days of one country."""
        window = TimeWindow(START + timedelta(days=self.days - 30), START + timedelta(days=self.days + 1))
        return MeasurementFilter(window=window, probe_ccs=(COUNTRIES[3],))


@attrs.frozen
class _ClockAt:
    """A clock that stands still."""

    instant: datetime

    def now(self) -> datetime:
        return self.instant.replace(tzinfo=UTC)


def figures(*, quick: bool) -> Iterator[Figure]:
    small, middle, large = _QUICK if quick else _FULL
    for name in _ENGINES:
        # The large history is measured a second time on its way, when it has the middle size and half of its days.
        with _opened(name) as engine:
            yield from _filled(engine, name, small, portions(small, 2 * DAYS))
            costs = {small: _costs(engine, Questions(2 * DAYS))}
        with _opened(name) as engine:
            rows = portions(large, 2 * DAYS)
            yield from _filled(engine, name, middle, rows)
            yield from _at(name, middle, _costs(engine, Questions(DAYS)))
            yield from _closed_hour(engine, name, middle)
            yield from _filled(engine, name, large - middle, rows)
            costs[large] = _costs(engine, Questions(2 * DAYS))
        for what in _HARDLY_GROWING:
            growth = percentile(costs[large][what], 0.5) / percentile(costs[small][what], 0.5)
            yield Figure(f"{what}, {name}: growth of cost", growth, "times", f"from {small:,} to {large:,} rows")


@contextmanager
def _opened(name: str) -> Iterator[SqlEngine]:
    with tempfile.TemporaryDirectory() as folder:
        engine = open_database(f"{name}://{Path(folder) / ('ooni.duckdb' if name == 'duckdb' else 'ch')}")
        try:
            yield engine
        finally:
            engine.close()


def _filled(engine: SqlEngine, name: str, size: int, rows: Iterator[pa.Table]) -> Iterator[Figure]:
    """Store *size* more of *rows* and roll them up, as of half an hour past the last full hour."""
    stored, took, last = 0, 0.0, START
    while stored < size:
        portion = next(rows)
        started = time.perf_counter()
        engine.insert(FASTPATH, portion)
        took += time.perf_counter() - started
        stored, last = stored + portion.num_rows, portion["update_time"][-1].as_py()
        if sys.stderr.isatty():
            print(f"\r{name}: {stored:,} of {size:,} rows", end="", file=sys.stderr)
    yield Figure(f"insert in large batches, {name}", stored / took, "rows/s", f"{stored:,} rows")
    started = time.perf_counter()
    SqlRollups(engine, _ClockAt(last - timedelta(minutes=30))).refresh()
    yield Figure(f"roll up everything, {name}", stored / (time.perf_counter() - started), "rows/s", f"{stored:,} rows")


def _closed_hour(engine: SqlEngine, name: str, size: int) -> Iterator[Figure]:
    """Roll up the hour that was open until now, as the service does once an hour."""
    took = seconds(SqlRollups(engine, _ClockAt(START + timedelta(days=DAYS, minutes=2))).refresh, repeat=1)
    yield Figure(f"roll up the hour that closed, {name}", took * 1000, "ms", f"in {size:,} rows")


def _at(name: str, size: int, costs: dict[str, list[float]]) -> Iterator[Figure]:
    for what, times in costs.items():
        beside = f"p99 {percentile(times, 0.99) * 1000:.1f} ms, {size:,} rows"
        yield Figure(f"{what}, {name}", percentile(times, 0.5) * 1000, "ms", beside)
    everything = "country by day, everything"
    raw = percentile(costs[f"{everything}, raw"], 0.5)
    for when in ("from rollups", f"from rollups, {_FIRST}"):
        ratio = raw / percentile(costs[f"{everything}, {when}"], 0.5)
        yield Figure(f"rollups, {name}", ratio, "times as fast", f"{everything}, {when}, beside raw")


def _answer(chart: Chart, query: CountQuery) -> bytes:
    """Encode *chart* as the HTTP API does."""
    return json_bytes(result_of(query, chart))


def _costs(engine: SqlEngine, questions: Questions) -> dict[str, list[float]]:
    answer_first()  # as the service does
    catalog, raw = SqlCatalog(engine), SqlCatalog(engine, rollups=False)
    newest, country = Page(limit=100), questions.country
    default, everything = questions.default_chart, questions.everything
    some = iter([entry.measurement_uid for entry in catalog.search(country, Page(limit=2 * _REPEAT))])
    asked: dict[str, Callable[[], object]] = {
        "day by day, one test, 30 days": lambda: catalog.count(default),
        f"day by day, one test, 30 days, {_FIRST}": lambda: SqlCatalog(engine).count(default),
        "day by day, one test, 30 days, raw": lambda: raw.count(default),
        "country by day, everything, raw": lambda: raw.count(everything),
        "country by day, everything, from rollups": lambda: catalog.count(everything),
        f"country by day, everything, from rollups, {_FIRST}": lambda: SqlCatalog(engine).count(everything),
        "country by day, everything, encoded for HTTP": lambda: _answer(catalog.count(everything), everything),
        "search of one country, newest first": lambda: catalog.search(country, newest),
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
