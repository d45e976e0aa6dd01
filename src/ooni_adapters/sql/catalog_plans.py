"""Answering charts from rollups: which one suits a question, and what it does not know."""

from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from typing import Any

import attrs

from ooni_adapters.sql.catalog_filters import Condition, all_of, axis_expression, conditions
from ooni_adapters.sql.catalog_rollups import BEHIND_ALL, CLOSED, FROM_ROWS, OLDER_UNITS, OPEN, UNIT, Known
from ooni_adapters.sql.dialect import Dialect
from ooni_adapters.sql.schema import Table
from ooni_adapters.sql.tables.rollups import ROLLUPS
from ooni_core.catalog.model import EARLIEST, LATEST, Axis, CountQuery, Grain, MeasurementFilter, TimeWindow

_ONE_DAY = timedelta(days=1)
_FILTER_DIMENSIONS = {
    "domains": "domain",
    "probe_ccs": "probe_cc",
    "probe_asns": "probe_asn",
    "test_names": "test_name",
    "known_country": "probe_cc",
    "known_network": "probe_asn",
}


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time())


def rollup_for(query: CountQuery, *more: str) -> Table | None:
    """Return the smallest rollup that can answer *query*, if any.

    Args:
        query: the question.
        more: further dimensions that the answer needs.
    """
    if query.grain is Grain.HOUR and Axis.DAY in query.axes:
        return None
    plain = MeasurementFilter(window=query.filter.window)
    used = {
        name for name in attrs.fields_dict(MeasurementFilter) if getattr(query.filter, name) != getattr(plain, name)
    }
    if not used <= set(_FILTER_DIMENSIONS):
        return None
    needed = {_FILTER_DIMENSIONS[name] for name in used} | {axis.value for axis in query.axes if axis is not Axis.DAY}
    return next((table for table in ROLLUPS if needed.union(more) <= set(table.key)), None)


@attrs.frozen
class Plan:
    """How to answer a chart: whole days from a rollup, the rest from the measurements.

    Attributes:
        days: first day and end (exclusive) of what the rollup answers.
        edges: the parts of days before and behind them.
        known: what the rollup knows.
        without: units that it knows no longer, ascending; none until somebody looked.
    """

    table: Table
    days: tuple[date, date]
    edges: tuple[TimeWindow, ...]
    known: Known
    without: tuple[str, ...] = ()


def plan_for(query: CountQuery, table: Table, known: Known) -> Plan | None:
    """Split what *query* asks into what *table* knows and the rest; None when the window holds no whole day."""
    window = query.filter.window
    start, end = window.start or EARLIEST, window.end or LATEST
    first = start.date() if start == _midnight(start.date()) else start.date() + _ONE_DAY
    last = end.date()
    if first >= last:
        return None
    edges = [TimeWindow(start, _midnight(first)), TimeWindow(_midnight(last), end)]
    return Plan(table, (first, last), tuple(e for e in edges if e.start != e.end), known)


@attrs.frozen
class Figures:
    """What charts read of *query*'s rows: the same from a rollup and from the measurements, under the same names.

    Attributes:
        dimensions: columns that both have, beside the days.
    """

    query: CountQuery
    dimensions: tuple[str, ...]
    dialect: Dialect

    @classmethod
    def of(cls, query: CountQuery, dialect: Dialect, *more: str) -> "Figures":
        """Read the axes of *query* and *more* columns."""
        dimensions = [axis.value for axis in query.axes if axis is not Axis.DAY]
        return cls(query, tuple(dict.fromkeys([*dimensions, *more])), dialect)

    @property
    def kept(self) -> Condition:
        """The filter without its window, which the parts of a plan have instead."""
        return all_of(conditions(attrs.evolve(self.query.filter, window=TimeWindow())))

    def rolled_up(self, plan: Plan) -> Condition:
        """Write the rows of the rollup that count."""
        known, kept = _known_rows(plan), self.kept
        names = ", ".join(["day", *self._step("day"), *self.dimensions, *FROM_ROWS])
        sql = f"SELECT {names} FROM {plan.table.name} WHERE {known.sql} AND {kept.sql}"  # noqa: S608 - declared names
        return Condition(sql, {**known.params, **kept.params})

    def counted(self, where: Condition) -> Condition:
        """Write the measurements that *where* names and the filter keeps, as the rollup would have them."""
        kept = self.kept
        return self.grouped(Condition(f"{where.sql} AND {kept.sql}", {**where.params, **kept.params}))

    def grouped(self, where: Condition, *more: str) -> Condition:
        """Write the measurements that *where* names, whether or not the filter keeps them."""
        day = f"{self.dialect.bucket('day', 'measurement_start_time')} AS day"
        keys = [*more, day, *self._step("measurement_start_time"), *self.dimensions]
        counters = [f"{value} AS {name}" for name, value in FROM_ROWS.items()]
        names = ", ".join(key.rpartition(" AS ")[2] for key in keys)
        sql = f"SELECT {', '.join([*keys, *counters])} FROM fastpath WHERE {where.sql} GROUP BY {names}"  # noqa: S608
        return Condition(sql, where.params)

    def _step(self, instant: str) -> list[str]:
        if Axis.DAY not in self.query.axes:
            return []
        return [f"{axis_expression(Axis.DAY, self.query.grain, self.dialect, instant)} AS step"]


def planned_rows(plan: Plan, figures: Figures) -> Condition:
    """Write everything that *plan* reads, in one."""
    return _together(
        [figures.rolled_up(plan), *(figures.counted(w) for w in [_open(plan), *_changed(plan), *_edges(plan)])]
    )


def unknown_rows(plan: Plan, figures: Figures) -> Condition | None:
    """Write what *plan* reads beside the rollup and the open hour; None when that is nothing."""
    found = [*_changed(plan), *_edges(plan)]
    return _together([figures.counted(where) for where in found]) if found else None


def _together(parts: Sequence[Condition]) -> Condition:
    params = {name: value for part in parts for name, value in part.params.items()}
    return Condition(" UNION ALL ".join(part.sql for part in parts), params)


def _known_rows(plan: Plan) -> Condition:
    """Write which rows of the rollup count. A refresh in between must not add what is also read as open."""
    older = f"SELECT build FROM rollup_units WHERE {OLDER_UNITS}"  # noqa: S608
    params: dict[str, Any] = {"first_day": plan.days[0], "end_day": plan.days[1], "newest_unit": plan.known.unit}
    if plan.without:
        older += " AND unit NOT IN $without"
        params["without"] = list(plan.without)
    builds = older
    if plan.known.unit not in plan.without:
        builds = f"{older} UNION ALL SELECT $newest_build"
        params["newest_build"] = plan.known.build
    return Condition(f"day >= $first_day AND day < $end_day AND build IN ({builds})", params)


def newest_rows(plan: Plan, figures: Figures) -> Condition:
    """Write the measurements of the open hour, in unit ``''``, and those stored since the rollups were made, in theirs.

    The former are those that count. The latter are there whether or not the filter keeps them: it may have kept what
    they were before.
    """
    is_open, kept = _open(plan), figures.kept
    sql = f"update_time >= $open_since AND ({CLOSED} AND update_time > $seen_until OR {is_open.sql} AND {kept.sql})"
    where = Condition(sql, {**is_open.params, **kept.params, "seen_until": plan.known.seen_until})
    return figures.grouped(where, f"CASE WHEN {CLOSED} THEN {UNIT} ELSE '' END AS unit")


def _open(plan: Plan) -> Condition:
    days = _whole_days(plan)
    since = {"open_since": plan.known.open_since, "open_from": plan.known.open_from}
    sql = f"update_time >= $open_since AND {OPEN} AND {days.sql}"
    return Condition(sql, {**days.params, **since})


def _changed(plan: Plan) -> list[Condition]:
    if not plan.without:
        return []
    days = _whole_days(plan)
    # The first two tests alone say nothing new; they spare reading what lies outside.
    sql = (
        "measurement_uid >= $changed_first AND measurement_uid < $changed_last"
        f" AND {CLOSED} AND {UNIT} IN $without AND {days.sql}"
    )
    ends = {"changed_first": plan.without[0], "changed_last": plan.without[-1] + BEHIND_ALL}
    return [Condition(sql, {**days.params, **ends, "open_from": plan.known.open_from, "without": list(plan.without)})]


def _whole_days(plan: Plan) -> Condition:
    start, end = map(_midnight, plan.days)
    sql = "measurement_start_time >= $days_start AND measurement_start_time < $days_end"
    return Condition(sql, {"days_start": start, "days_end": end})


def _edges(plan: Plan) -> list[Condition]:
    return [
        Condition(
            f"measurement_start_time >= $start_{number} AND measurement_start_time < $end_{number}",
            {f"start_{number}": window.start, f"end_{number}": window.end},
        )
        for number, window in enumerate(plan.edges)
    ]
