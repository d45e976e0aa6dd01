"""The catalog on any SQL engine: each question is written once."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

import attrs

from ooni_adapters.sql.catalog_filters import Condition, all_of, axis_expression, conditions, source_of
from ooni_adapters.sql.catalog_plans import Plan, plan_for, planned_rows, rollup_for
from ooni_adapters.sql.catalog_rollups import ANOMALY, CONFIRMED, FAILURE, changed_units, known_to
from ooni_adapters.sql.engine import Limits, SqlEngine
from ooni_adapters.sql.instants import naive
from ooni_core.catalog.model import (
    Activity,
    Axis,
    AxisValue,
    CatalogEntry,
    Chart,
    Columns,
    CountQuery,
    ListedUrl,
    MeasurementFilter,
    Page,
    Runtime,
)
from ooni_core.errors import TooLarge

_ENTRY = (
    "measurement_uid, report_id, input, probe_cc, probe_asn, test_name, test_start_time, measurement_start_time,"
    " scores, anomaly, confirmed, msm_failure, is_verified"
)
_POINT_SECONDS = 5.0
_MOST_CELLS = 100_000
_MOST_ROWS = 1_000_000
_CLASSES = ", ".join(f"count(*) FILTER (WHERE {test})" for test in (ANOMALY, CONFIRMED, FAILURE))
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

    def search(self, filter: MeasurementFilter, page: Page) -> Sequence[CatalogEntry]:
        """See :class:`ooni_core.catalog.ports.MeasurementCatalog`."""
        direction = "DESC" if page.descending else "ASC"
        where = all_of([*conditions(filter), *_behind(page)])
        sql = (
            f"SELECT {_ENTRY} FROM fastpath WHERE {where.sql}"  # noqa: S608 - names of columns only
            f" ORDER BY {page.order_by.value} {direction}, measurement_uid {direction} LIMIT $limit OFFSET $offset"
        )
        skipped = 0 if page.after else page.offset
        rows = self._rows(sql, {**where.params, "limit": page.limit, "offset": skipped}, page.limit)
        return [_entry(row) for row in rows]

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
        return attrs.evolve(entry := _entry(rows[0]), category_code=self._category(entry.input)) if rows else None

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
        plan = self._plan(query)
        if plan is None:
            sql, params = self._grouped(query, f"{_CLASSES}, count(*)")
        else:
            sums = _sums("anomalies", "confirmations", "failures", "measurements")
            sql, params = self._rolled_up(plan, query, sums, ())
        try:
            columns = self.engine.columns(sql, params, Limits(seconds=self.seconds, rows=self.most_cells))
        except TooLarge as exc:
            raise TooLarge("Result too large: narrow the filters or choose fewer axes") from exc
        if not any(columns):
            return Chart.of((), len(query.axes))
        *keys, anomalies, confirmations, failures, measurements = columns
        ok = [m - a - c - f for a, c, f, m in zip(anomalies, confirmations, failures, measurements, strict=True)]
        return Chart(tuple(keys), Columns(anomalies, confirmations, failures, ok, measurements))

    def activity(self, query: CountQuery) -> Sequence[Activity]:
        """See :class:`ooni_core.catalog.ports.MeasurementCatalog`."""
        distinct = self.engine.dialect.distinct
        places = f"{distinct('probe_asn')}, {distinct('probe_cc')}"
        plan = self._plan(query, "probe_asn", "probe_cc")
        if plan is None:
            times = "min(measurement_start_time), max(measurement_start_time)"
            sql, params = self._grouped(query, f"count(*), {_FLAGS}, {places}, {times}")
        else:
            sums = _sums("measurements", "anomaly_flags", "confirmed_flags", "failures")
            figures = f"{sums}, {places}, min(day), max(day)"
            sql, params = self._rolled_up(plan, query, figures, ("probe_asn", "probe_cc"))
        return [_activity(row, len(query.axes)) for row in self._rows(sql, params)]

    def _plan(self, query: CountQuery, *more: str) -> Plan | None:
        """Decide whether a rollup answers *query*, and how much of it."""
        table = rollup_for(query, *more) if self.rollups else None
        known = known_to(self.engine) if table else None
        if table is None or known is None:
            return None
        limits = Limits(seconds=self.seconds)
        return plan_for(query, table, known, changed_units(self.engine, known.seen_until, known.open_from, limits))

    def _rolled_up(
        self, plan: Plan, query: CountQuery, figures: str, more: Sequence[str]
    ) -> tuple[str, dict[str, Any]]:
        dimensions = list(dict.fromkeys([*(axis.value for axis in query.axes if axis is not Axis.DAY), *more]))
        rows = planned_rows(plan, query, dimensions, self.engine.dialect)
        keys = ["step" if axis is Axis.DAY else axis.value for axis in query.axes]
        return _grouped_by(keys, figures, f"({rows.sql}) AS counted"), rows.params

    def _grouped(self, query: CountQuery, figures: str) -> tuple[str, dict[str, Any]]:
        where, source = all_of(conditions(query.filter)), source_of(query, "fastpath")
        keys = [axis_expression(axis, query.grain, self.engine.dialect) for axis in query.axes]
        return _grouped_by(keys, figures, f"{source.sql} WHERE {where.sql}"), {**source.params, **where.params}

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


def _sums(*names: str) -> str:
    """Add counters up, as 64-bit numbers: wider ones take several times as long to read. No rows make 0."""
    return ", ".join(f"CAST(coalesce(sum({name}), 0) AS BIGINT)" for name in names)


def _grouped_by(keys: Sequence[str], figures: str, source: str) -> str:
    selected = ", ".join([*(f"{key} AS key_{n}" for n, key in enumerate(keys)), figures])
    sql = f"SELECT {selected} FROM {source}"  # noqa: S608 - no values in the text
    names = ", ".join(f"key_{n}" for n in range(len(keys)))
    return f"{sql} GROUP BY {names} ORDER BY {names}" if keys else sql


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
