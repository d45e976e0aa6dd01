"""Answering charts from rollups: which one suits a question, and what it does not know."""

from collections.abc import Collection, Sequence
from datetime import date, datetime, time, timedelta
from typing import Any

import attrs

from ooni_adapters.sql.catalog_filters import Condition, all_of, axis_expression, conditions
from ooni_adapters.sql.catalog_rollups import BEHIND_ALL, FROM_ROWS, UNIT, Known
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
        without: units that it knows no longer, ascending.
    """

    table: Table
    days: tuple[date, date]
    edges: tuple[TimeWindow, ...]
    known: Known
    without: tuple[str, ...]


def plan_for(query: CountQuery, table: Table, known: Known, changed: Collection[str]) -> Plan | None:
    """Split what *query* asks into what *table* knows and the rest; None when the window holds no whole day."""
    window = query.filter.window
    start, end = window.start or EARLIEST, window.end or LATEST
    first = start.date() if start == _midnight(start.date()) else start.date() + _ONE_DAY
    last = end.date()
    if first >= last:
        return None
    edges = [TimeWindow(start, _midnight(first)), TimeWindow(_midnight(last), end)]
    return Plan(table, (first, last), tuple(e for e in edges if e.start != e.end), known, tuple(sorted(changed)))


def planned_rows(plan: Plan, query: CountQuery, dimensions: Sequence[str], dialect: Dialect) -> Condition:
    """Write the pre-aggregated rows of *plan*: time keys, *dimensions*, and counters by the names of the rollup."""
    kept = all_of(conditions(attrs.evolve(query.filter, window=TimeWindow())))
    step = [f"{axis_expression(Axis.DAY, query.grain, dialect, 'day')} AS step"] if Axis.DAY in query.axes else []
    names = ", ".join(["day", *step, *dimensions, *FROM_ROWS])
    known = _known_rows(plan)
    arms = [f"SELECT {names} FROM {plan.table.name} WHERE {known.sql} AND {kept.sql}"]  # noqa: S608 - declared names
    params = {**known.params, **kept.params}
    day = f"{dialect.bucket('day', 'measurement_start_time')} AS day"
    counted = [f"{value} AS {name}" for name, value in FROM_ROWS.items()]
    grouped = ", ".join(["day", *(["step"] if step else []), *dimensions])
    steps = [f"{axis_expression(Axis.DAY, query.grain, dialect)} AS step"] if step else []
    for unknown in [*_unknown_rows(plan), *_edges(plan)]:
        params |= unknown.params
        arms.append(
            f"SELECT {', '.join([day, *steps, *dimensions, *counted])} FROM fastpath"  # noqa: S608 - declared names
            f" WHERE {unknown.sql} AND {kept.sql} GROUP BY {grouped}"
        )
    return Condition(" UNION ALL ".join(arms), params)


def _known_rows(plan: Plan) -> Condition:
    """Write which rows of the rollup count. A refresh in between must not add what is also read as open."""
    older = "SELECT build FROM rollup_units WHERE unit < $newest_unit"
    params: dict[str, Any] = {"first_day": plan.days[0], "end_day": plan.days[1], "newest_unit": plan.known.unit}
    if plan.without:
        older += " AND unit NOT IN $without"
        params["without"] = list(plan.without)
    builds = older
    if plan.known.unit not in plan.without:
        builds = f"{older} UNION ALL SELECT $newest_build"
        params["newest_build"] = plan.known.build
    return Condition(f"day >= $first_day AND day < $end_day AND build IN ({builds})", params)


def _unknown_rows(plan: Plan) -> list[Condition]:
    """Write which measurements of the whole days are not in the rollup: of the open hour, and of changed units."""
    days = "measurement_start_time >= $days_start AND measurement_start_time < $days_end"
    params: dict[str, Any] = {"days_start": _midnight(plan.days[0]), "days_end": _midnight(plan.days[1])}
    found = [
        Condition(
            f"update_time >= $open_since AND measurement_uid >= $open_from AND {days}",
            {**params, "open_since": plan.known.open_since, "open_from": plan.known.open_from},
        ),
    ]
    if plan.without:
        # The first two tests alone say nothing new; they spare reading what lies outside.
        sql = (
            "measurement_uid >= $changed_first AND measurement_uid < $changed_last"
            f" AND measurement_uid < $open_from AND {UNIT} IN $without AND {days}"
        )
        edges = {"changed_first": plan.without[0], "changed_last": plan.without[-1] + BEHIND_ALL}
        found.append(Condition(sql, {**params, **edges, "without": list(plan.without)}))
    return found


def _edges(plan: Plan) -> list[Condition]:
    return [
        Condition(
            f"measurement_start_time >= $start_{number} AND measurement_start_time < $end_{number}",
            {f"start_{number}": window.start, f"end_{number}": window.end},
        )
        for number, window in enumerate(plan.edges)
    ]
