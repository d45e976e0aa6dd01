"""The catalog in plain Python: for tests, for small sets, and as the oracle that every engine is compared with."""

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date
from operator import attrgetter
from typing import Any

import attrs
import orjson

from ooni_core.catalog.model import (
    GLOBAL_LIST,
    Activity,
    Axis,
    AxisValue,
    CatalogEntry,
    Cell,
    Chart,
    CountQuery,
    Counts,
    ListedUrl,
    MeasurementFilter,
    Page,
    Runtime,
)
from ooni_core.catalog.rules import admitted_categories, counts_of, keeps, step_start
from ooni_core.scoring.model import FastpathRow

Keyed = tuple[tuple[AxisValue, ...], FastpathRow]


@attrs.define
class MemoryCatalog:
    """A MeasurementCatalog and ReferenceTables over rows that fit into memory.

    Attributes:
        rows: scored measurements; of several with one uid the last counts.
        urls: entries of the test lists.
        names: organisation of each network.
        groups: group of each nettest.
    """

    rows: Iterable[FastpathRow] = ()
    urls: Sequence[ListedUrl] = ()
    names: Mapping[int, str] = attrs.field(factory=dict)
    groups: Mapping[str, str] = attrs.field(factory=dict)

    def search(self, filter: MeasurementFilter, page: Page) -> Sequence[CatalogEntry]:
        """Sort everything, then cut the page out."""
        place = attrgetter(page.order_by.value, "measurement_uid")
        found = sorted(self._kept(filter), key=place, reverse=page.descending)
        if page.after is not None:
            after = (page.after.value, page.after.measurement_uid)
            found = [row for row in found if (place(row) < after if page.descending else place(row) > after)]
            return [self._entry(row) for row in found[: page.limit]]
        return [self._entry(row) for row in found[page.offset : page.offset + page.limit]]

    def by_uid(self, measurement_uid: str) -> CatalogEntry | None:
        """Look at every row."""
        return next((self._entry(row) for row in self._latest() if row.measurement_uid == measurement_uid), None)

    def by_report(self, report_id: str, input: str) -> CatalogEntry | None:
        """Look at every row."""
        found = [row for row in self._latest() if row.report_id == report_id and row.input == input]
        return self._entry(max(found, key=attrgetter("measurement_uid"))) if found else None

    def count_in_report(self, report_id: str, input: str) -> int:
        """Look at every row."""
        return sum((row.report_id, row.input) == (report_id, input) for row in self._latest())

    def count(self, query: CountQuery) -> Chart:
        """Count row by row."""
        cells: dict[tuple[AxisValue, ...], Counts] = {} if query.axes else {(): Counts()}
        for keys, row in self._keyed(query):
            cells[keys] = _sum(cells.get(keys, Counts()), counts_of(row))
        return Chart.of([Cell(keys, cells[keys]) for keys in _sorted(cells)], len(query.axes))

    def activity(self, query: CountQuery) -> Sequence[Activity]:
        """Group the rows, then look at each group."""
        groups: dict[tuple[AxisValue, ...], list[FastpathRow]] = defaultdict(list)
        if not query.axes:
            groups[()] = []
        for keys, row in self._keyed(query):
            groups[keys].append(row)
        return [_activity(keys, groups[keys]) for keys in _sorted(groups)]

    def runtimes(self, filter: MeasurementFilter) -> Sequence[Runtime]:
        """Collect the runtimes of each group and interpolate."""
        groups: dict[tuple[str, str, date], list[float]] = defaultdict(list)
        for row in self._kept(filter):
            runtime = _runtime(row)
            if runtime is not None:
                groups[(row.test_name, row.probe_cc, row.measurement_start_time.date())].append(runtime)
        return [
            Runtime(*key, _quantile(values, 0.5), _quantile(values, 0.9), len(values))
            for key, values in sorted(groups.items())
        ]

    def listed_urls(self, domains: Sequence[str] | None = None) -> Sequence[ListedUrl]:
        """Return what was given."""
        return [url for url in self.urls if domains is None or url.domain in domains]

    def network_names(self, asns: Sequence[int] | None = None) -> Mapping[int, str]:
        """Return what was given."""
        return {asn: name for asn, name in self.names.items() if asns is None or asn in asns}

    def test_groups(self) -> Mapping[str, str]:
        """Return what was given."""
        return self.groups

    def _latest(self) -> Iterable[FastpathRow]:
        return {row.measurement_uid: row for row in self.rows}.values()

    def _listed(self, input: str) -> list[tuple[str, str]]:
        return [(url.list_name, url.category_code) for url in self.urls if url.url == input]

    def _kept(self, filter: MeasurementFilter) -> Iterator[FastpathRow]:
        for row in self._latest():
            if keeps(filter, row, self._listed(row.input) if filter.category else ()):
                yield row

    def _entry(self, row: FastpathRow) -> CatalogEntry:
        listed = sorted(self._listed(row.input), key=lambda entry: (entry[0] != GLOBAL_LIST, entry))
        return CatalogEntry(
            row.measurement_uid,
            row.report_id,
            row.input,
            row.probe_cc,
            row.probe_asn,
            row.test_name,
            row.test_start_time,
            row.measurement_start_time,
            row.scores,
            row.anomaly,
            row.confirmed,
            row.msm_failure,
            listed[0][1] if listed else "",
            row.is_verified,
        )

    def _keyed(self, query: CountQuery) -> Iterator[Keyed]:
        """Yield each kept row once per combination of axis values that it has."""
        for row in self._kept(query.filter):
            if Axis.CATEGORY not in query.axes:
                yield tuple(_axis_value(row, axis, query) for axis in query.axes), row
                continue
            for code in admitted_categories(query.filter, self._listed(row.input)):
                yield (
                    tuple(code if axis is Axis.CATEGORY else _axis_value(row, axis, query) for axis in query.axes),
                    row,
                )


def _axis_value(row: FastpathRow, axis: Axis, query: CountQuery) -> AxisValue:
    if axis is Axis.DAY:
        return step_start(row.measurement_start_time, query.grain)
    value: AxisValue = getattr(row, axis.value)
    return value


def _sorted(groups: Mapping[tuple[AxisValue, ...], object]) -> list[tuple[AxisValue, ...]]:
    order: Callable[[tuple[AxisValue, ...]], Any] = tuple
    return sorted(groups, key=order)


def _sum(one: Counts, other: Counts) -> Counts:
    return Counts(*(a + b for a, b in zip(one, other, strict=True)))


def _activity(keys: tuple[AxisValue, ...], rows: Sequence[FastpathRow]) -> Activity:
    days = [row.measurement_start_time.date() for row in rows]
    return Activity(
        keys,
        len(rows),
        sum(row.anomaly for row in rows),
        sum(row.confirmed for row in rows),
        sum(row.msm_failure for row in rows),
        len({row.probe_asn for row in rows}),
        len({row.probe_cc for row in rows}),
        min(days, default=None),
        max(days, default=None),
    )


def _runtime(row: FastpathRow) -> float | None:
    scores = orjson.loads(row.scores or "{}")
    runtime = scores.get("extra", {}).get("test_runtime")
    return float(runtime) if isinstance(runtime, int | float) else None


def _quantile(values: Sequence[float], level: float) -> float:
    ordered = sorted(values)
    place = level * (len(ordered) - 1)
    below, above = ordered[math.floor(place)], ordered[math.ceil(place)]
    return below + (above - below) * (place - math.floor(place))
