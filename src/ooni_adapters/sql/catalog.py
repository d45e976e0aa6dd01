"""The catalog on any SQL engine: each question is written once."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any

import attrs

from ooni_adapters.sql.catalog_charts import SqlCharts, from_measurements, from_rollup, plan_of, sums
from ooni_adapters.sql.catalog_filters import Condition, all_of, conditions
from ooni_adapters.sql.catalog_plans import Figures, planned_rows
from ooni_adapters.sql.catalog_rollups import changed_units
from ooni_adapters.sql.engine import Deadline, Limits, SqlEngine
from ooni_adapters.sql.instants import naive
from ooni_core.catalog.model import (
    EARLIEST,
    LATEST,
    Activity,
    AxisValue,
    CatalogEntry,
    Chart,
    CountQuery,
    ListedUrl,
    MeasurementFilter,
    OrderBy,
    Page,
    Runtime,
    TimeWindow,
)

_ENTRY = (
    "measurement_uid, report_id, input, probe_cc, probe_asn, test_name, test_start_time, measurement_start_time,"
    " scores, anomaly, confirmed, msm_failure, is_verified"
)
_FIRST_SPAN, _WIDER, _ONE_SECOND = timedelta(days=2), 4, timedelta(seconds=1)
_POINT_SECONDS = 5.0
_MOST_CELLS = 100_000
_MOST_ROWS = 1_000_000
_FLAGS = ", ".join(f"count(*) FILTER (WHERE {flag} = 't')" for flag in ("anomaly", "confirmed", "msm_failure"))


@attrs.frozen
class SqlCatalog:
    """A MeasurementCatalog and ReferenceTables in a SQL database.

    Attributes:
        seconds: time limit of one question.
        most_cells: largest chart, in cells.
        rollups: answer charts from rollups where these know enough; False reads measurements only.
    """

    engine: SqlEngine
    seconds: float = 28.0
    most_cells: int = _MOST_CELLS
    rollups: bool = True
    _charts: SqlCharts = attrs.field(init=False)

    @_charts.default
    def _new_charts(self) -> SqlCharts:
        return SqlCharts(self.engine, self.seconds, self.most_cells, self.rollups)

    def search(self, filter: MeasurementFilter, page: Page) -> Sequence[CatalogEntry]:
        """See :class:`ooni_core.catalog.ports.MeasurementCatalog`."""
        deadline = Deadline.after(self.seconds)
        rows: Sequence[tuple[Any, ...]] = ()
        for window in _widening(filter, page):
            rows = self._page(attrs.evolve(filter, window=window), page, deadline)
            if len(rows) == page.limit:
                break
        return [_entry(row) for row in rows]

    def _page(self, filter: MeasurementFilter, page: Page, deadline: Deadline) -> Sequence[tuple[Any, ...]]:
        direction = "DESC" if page.descending else "ASC"
        where = all_of([*conditions(filter), *_behind(page)])
        sql = (
            f"SELECT {_ENTRY} FROM fastpath WHERE {where.sql}"  # noqa: S608 - names of columns only
            f" ORDER BY {page.order_by.value} {direction}, measurement_uid {direction} LIMIT $limit OFFSET $offset"
        )
        skipped = 0 if page.after else page.offset
        values = {**where.params, "limit": page.limit, "offset": skipped}
        return self.engine.query(sql, values, deadline.limits(page.limit)).tuples

    def by_uid(self, measurement_uid: str) -> CatalogEntry | None:
        """See :class:`ooni_core.catalog.ports.MeasurementCatalog`."""
        return self._single(Condition("measurement_uid = $uid", {"uid": measurement_uid}))

    def by_report(self, report_id: str, input: str) -> CatalogEntry | None:
        """See :class:`ooni_core.catalog.ports.MeasurementCatalog`."""
        return self._single(
            Condition("report_id = $report_id AND input = $input", {"report_id": report_id, "input": input})
        )

    def count_in_report(self, report_id: str, input: str) -> int:
        """See :class:`ooni_core.catalog.ports.MeasurementCatalog`."""
        sql = "SELECT count(*) FROM fastpath WHERE report_id = $report_id AND input = $input"
        [(count,)] = self._rows(sql, {"report_id": report_id, "input": input}, 1, _POINT_SECONDS)
        return int(count)

    def _single(self, where: Condition) -> CatalogEntry | None:
        sql = f"SELECT {_ENTRY} FROM fastpath WHERE {where.sql} ORDER BY measurement_uid DESC LIMIT 1"  # noqa: S608
        rows = self._rows(sql, where.params, 1, _POINT_SECONDS)
        if not rows:
            return None
        entry = _entry(rows[0])
        return attrs.evolve(entry, category_code=self._category(entry.input))

    def _category(self, input: str) -> str:
        if not input:
            return ""
        sql = (
            "SELECT category_code FROM citizenlab WHERE url = $input"
            " ORDER BY CASE WHEN upper(cc) = 'ZZ' THEN 0 ELSE 1 END, cc, category_code LIMIT 1"
        )
        rows = self._rows(sql, {"input": input}, 1, _POINT_SECONDS)
        return str(rows[0][0]) if rows else ""

    def count(self, query: CountQuery) -> Chart:
        """See :class:`ooni_core.catalog.ports.MeasurementCatalog`."""
        return self._charts.count(query)

    def activity(self, query: CountQuery) -> Sequence[Activity]:
        """See :class:`ooni_core.catalog.ports.MeasurementCatalog`."""
        dialect, places = self.engine.dialect, ("probe_asn", "probe_cc")
        distinct = ", ".join(map(dialect.distinct, places))
        deadline = Deadline.after(self.seconds)
        plan = plan_of(self.engine, query, deadline, *places) if self.rollups else None
        if plan is None:
            times = "min(measurement_start_time), max(measurement_start_time)"
            statement = from_measurements(query, f"count(*), {_FLAGS}, {distinct}, {times}", dialect)
        else:
            summed = sums("measurements", "anomaly_flags", "confirmed_flags", "failures")
            changed = changed_units(self.engine, plan.known, deadline.limits())
            rows = planned_rows(attrs.evolve(plan, without=tuple(sorted(changed))), Figures.of(query, dialect, *places))
            statement = from_rollup(query, f"{summed}, {distinct}, min(day), max(day)", rows)
        found = self.engine.query(*statement, deadline.limits()).tuples
        return [_activity(row, len(query.axes)) for row in found]

    def runtimes(self, filter: MeasurementFilter) -> Sequence[Runtime]:
        """See :class:`ooni_core.catalog.ports.MeasurementCatalog`."""
        dialect, where = self.engine.dialect, all_of(conditions(filter))
        path = ("extra", "test_runtime")
        sql = (
            f"SELECT test_name, probe_cc, day, {dialect.quantile(0.5, 'runtime')}, {dialect.quantile(0.9, 'runtime')},"  # noqa: S608
            f" count(*) FROM (SELECT test_name, probe_cc, {dialect.bucket('day', 'measurement_start_time')} AS day,"
            f" {dialect.json_number('scores', *path)} AS runtime FROM fastpath"
            f" WHERE {where.sql} AND {dialect.json_text('scores', *path)} <> '') AS timed"
            " GROUP BY test_name, probe_cc, day ORDER BY test_name, probe_cc, day"
        )
        rows = self._rows(sql, where.params)
        return [Runtime(row[0], row[1], _day(row[2]), float(row[3]), float(row[4]), int(row[5])) for row in rows]

    def listed_urls(self, domains: Sequence[str] | None = None) -> Sequence[ListedUrl]:
        """See :class:`ooni_core.catalog.ports.ReferenceTables`."""
        sql, params = "SELECT domain, url, upper(cc), category_code FROM citizenlab", {}
        if domains is not None:
            sql, params = f"{sql} WHERE domain IN $domains", {"domains": list(domains)}
        return [ListedUrl(*row) for row in self._rows(sql, params)]

    def network_names(self, asns: Sequence[int] | None = None) -> Mapping[int, str]:
        """See :class:`ooni_core.catalog.ports.ReferenceTables`."""
        sql, params = "SELECT asn, org_name FROM asnmeta", {}
        if asns is not None:
            sql, params = f"{sql} WHERE asn IN $asns", {"asns": list(asns)}
        # The newest name comes last and stays.
        return {int(row[0]): str(row[1]) for row in self._rows(f"{sql} ORDER BY asn, changed", params)}

    def test_groups(self) -> Mapping[str, str]:
        """See :class:`ooni_core.catalog.ports.ReferenceTables`."""
        return {str(row[0]): str(row[1]) for row in self._rows("SELECT test_name, test_group FROM test_groups", {})}

    def _rows(
        self, sql: str, params: Mapping[str, Any], most: int = _MOST_ROWS, seconds: float | None = None
    ) -> Sequence[tuple[Any, ...]]:
        limits = Limits(seconds=min(seconds or self.seconds, self.seconds), rows=most)
        return self.engine.query(sql, params, limits).tuples


def _widening(filter: MeasurementFilter, page: Page) -> Iterator[TimeWindow]:
    """Yield windows at the end where *page* begins, each several times as long as the one before.

    The last is that of *filter*. A page that is full with an earlier one is the same: the rest lies behind it.
    """
    start, end = filter.window.start, filter.window.end
    if page.after is not None and isinstance(place := page.after.value, datetime):
        if page.descending:
            end = min(end or LATEST, place + _ONE_SECOND)
        else:
            start = max(start or EARLIEST, place)
    near = end if page.descending else start
    if near is not None and page.order_by is OrderBy.MEASUREMENT_START_TIME and not filter.is_selective:
        whole, span = (end or LATEST) - (start or EARLIEST), _FIRST_SPAN
        while span < whole:
            yield TimeWindow(near - span, near) if page.descending else TimeWindow(near, near + span)
            span *= _WIDER
    yield filter.window


def _behind(page: Page) -> list[Condition]:
    if page.after is None:
        return []
    column, sign = page.order_by.value, "<" if page.descending else ">"
    # The first test alone would do less work for an index; both together say what is meant.
    sql = f"{column} {sign}= $place AND ({column} {sign} $place OR measurement_uid {sign} $place_uid)"
    return [Condition(sql, {"place": page.after.value, "place_uid": page.after.measurement_uid})]


def _entry(row: tuple[Any, ...]) -> CatalogEntry:
    uid, report_id, input, probe_cc, probe_asn, test_name, test_start, start, scores, anomaly, confirmed, failed, ok = (
        row
    )
    return CatalogEntry(
        uid,
        report_id,
        input,
        probe_cc,
        int(probe_asn),
        test_name,
        naive(test_start),
        naive(start),
        scores,
        anomaly == "t",
        confirmed == "t",
        failed == "t",
        is_verified=ok,
    )


def _day(value: date | datetime) -> date:
    return value.date() if isinstance(value, datetime) else value


def _keys(row: tuple[Any, ...], count: int) -> tuple[AxisValue, ...]:
    return tuple(naive(key) if isinstance(key, datetime) else key for key in row[:count])


def _activity(row: tuple[Any, ...], axes: int) -> Activity:
    *figures, first, last = row[axes:]
    counts = [int(figure or 0) for figure in figures]
    if not counts[0]:  # an engine may call the earliest of nothing 1970
        return Activity(_keys(row, axes))
    return Activity(_keys(row, axes), *counts, _day(first), _day(last))
