"""Rollups of the catalog: which days they know, rebuilding them, and answering charts from them.

A day is rebuilt whole from ``fastpath`` under a new build number; naming that build in ``rollup_days`` is what makes
readers see it, in one step. So a rebuild may be interrupted or repeated at any point, and rows that arrive late, are
replaced or are scored again are counted right: their days are rebuilt. Until then such days are read from ``fastpath``.
"""

import secrets
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import attrs

from ooni_adapters.sql.catalog_filters import Condition, all_of, axis_expression, conditions
from ooni_adapters.sql.dialect import Dialect
from ooni_adapters.sql.engine import UNLIMITED, Limits, SqlEngine
from ooni_adapters.sql.schema import Table
from ooni_adapters.sql.tables.rollups import ROLLUP_DAYS, ROLLUP_PROGRESS, ROLLUPS
from ooni_core.catalog.model import EARLIEST, LATEST, Axis, CountQuery, Grain, MeasurementFilter, TimeWindow
from ooni_core.ports import Clock

SETTLING = timedelta(minutes=2)
"""Rows may become visible a little later than their ``update_time``, and clocks of several hosts differ a little."""

_NAME = "fastpath"
_DAYS_AT_ONCE = 31
_MOST_RANGES = 12
_ONE_DAY = timedelta(days=1)

FAILURE = "msm_failure = 't'"
CONFIRMED = "msm_failure <> 't' AND confirmed = 't'"
ANOMALY = "msm_failure <> 't' AND confirmed <> 't' AND anomaly = 't'"
_COUNTED = {
    "anomalies": ANOMALY,
    "confirmations": CONFIRMED,
    "failures": FAILURE,
    "measurements": "true",
    "anomaly_flags": "anomaly = 't'",
    "confirmed_flags": "confirmed = 't'",
}
# As rollups hold them: engines disagree about the type of a count, and do not mix types in one column.
_FROM_ROWS = {name: f"CAST(count(*) FILTER (WHERE {test}) AS BIGINT)" for name, test in _COUNTED.items()}
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


@attrs.frozen
class SqlRollups:
    """Keeps the rollups of one database in step with its measurements."""

    engine: SqlEngine
    clock: Clock

    def refresh(self) -> int:
        """Rebuild the days whose measurements changed since the last time; return how many these are.

        It is safe to call at any time, again after a crash, and never changes an answer, only its speed.
        """
        until = self.clock.now().astimezone(UTC).replace(tzinfo=None) - SETTLING
        seen = seen_until(self.engine)
        days = sorted(changed_days(self.engine, seen or EARLIEST, UNLIMITED))
        for start in range(0, len(days), _DAYS_AT_ONCE):
            self._rebuild(days[start : start + _DAYS_AT_ONCE])
        if seen is None or until > seen:
            self.engine.insert(ROLLUP_PROGRESS, [{"name": _NAME, "seen_until": until}])
        return len(days)

    def recount(self, days: Sequence[date]) -> None:
        """Rebuild *days* now, because measurements of theirs were removed: nothing else would tell."""
        if days and seen_until(self.engine) is not None:
            self._rebuild(sorted(days))

    def forget(self) -> None:
        """Make the next refresh rebuild every day, for instance after rows were removed by hand."""
        self.engine.delete(ROLLUP_PROGRESS, [{"name": _NAME}])
        # A day that has lost all its measurements would never be rebuilt.
        days = self.engine.query("SELECT day FROM rollup_days", limits=UNLIMITED).tuples
        self.engine.delete(ROLLUP_DAYS, [{"day": day} for (day,) in days])

    def _rebuild(self, days: Sequence[date]) -> None:
        # Never the number of a build that was interrupted: its rows may still be there.
        build, kept = secrets.randbits(62), self._builds_of(days)
        window = {"start": _midnight(days[0]), "end": _midnight(days[-1]) + _ONE_DAY, "days": list(days)}
        for table in ROLLUPS:
            self.engine.execute(_build_statement(table, self.engine.dialect), {**window, "build": build})
        self.engine.insert(ROLLUP_DAYS, [{"day": day, "build": build} for day in days])
        for table in ROLLUPS:
            # The build that this one replaces stays until the next time: a query may be about to read it.
            self.engine.execute(
                f"DELETE FROM {table.name} WHERE day IN $days AND build NOT IN $kept",  # noqa: S608 - declared names
                {"days": list(days), "kept": [build, *kept]},
            )

    def _builds_of(self, days: Sequence[date]) -> list[int]:
        sql = "SELECT DISTINCT build FROM rollup_days WHERE day IN $days"
        return [int(build) for (build,) in self.engine.query(sql, {"days": list(days)}).tuples]


def _build_statement(table: Table, dialect: Dialect) -> str:
    dimensions = [name for name in table.key if name not in {"day", "build"}]
    day = dialect.bucket("day", "measurement_start_time")
    names = ", ".join(["day", *dimensions, "build", *_FROM_ROWS])
    values = ", ".join([f"{day} AS day", *dimensions, "$build AS build", *_FROM_ROWS.values()])
    return (
        f"INSERT INTO {table.name} ({names}) SELECT {values} FROM fastpath"  # noqa: S608 - declared names
        f" WHERE measurement_start_time >= $start AND measurement_start_time < $end AND {day} IN $days"
        f" GROUP BY {', '.join(['day', *dimensions])}"
    )


def seen_until(engine: SqlEngine) -> datetime | None:
    """Return the ``update_time`` up to which the rollups know all measurements; None when there are no rollups."""
    found = engine.query("SELECT seen_until FROM rollup_progress WHERE name = $name", {"name": _NAME}).scalar()
    return found if found is None or found.tzinfo is None else found.astimezone(UTC).replace(tzinfo=None)


def changed_days(engine: SqlEngine, since: datetime, limits: Limits) -> set[date]:
    """Return the days that have a measurement stored or replaced after *since*."""
    day = engine.dialect.bucket("day", "measurement_start_time")
    sql = f"SELECT DISTINCT {day} FROM fastpath WHERE update_time > $since"  # noqa: S608 - declared names
    return {found for (found,) in engine.query(sql, {"since": since}, limits).tuples}


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
        without: days in between that changed since they were rolled up.
        rest: what is read from ``fastpath``.
    """

    table: Table
    days: tuple[date, date]
    without: tuple[date, ...]
    rest: tuple[TimeWindow, ...]


def plan_for(query: CountQuery, table: Table, changed: set[date]) -> Plan | None:
    """Split the window of *query* into days that *table* knows and the rest; None when the rest would be most of it."""
    window = query.filter.window
    start, end = window.start or EARLIEST, window.end or LATEST
    first = start.date() if start == _midnight(start.date()) else start.date() + _ONE_DAY
    last = end.date()
    if first >= last:
        return None
    without = tuple(sorted(day for day in changed if first <= day < last))
    edges = [(start, _midnight(first)), (_midnight(last), end)]
    ranges = [(a, b) for a, b in [*edges, *_runs(without)] if a < b]
    if len(ranges) > _MOST_RANGES:
        return None
    return Plan(table, (first, last), without, tuple(TimeWindow(a, b) for a, b in sorted(ranges)))


def _runs(days: Sequence[date]) -> Iterator[tuple[datetime, datetime]]:
    """Yield the stretches that consecutive *days* (ascending) form."""
    stretch: list[date] = []
    for day in days:
        if stretch and day != stretch[-1] + _ONE_DAY:
            yield _midnight(stretch[0]), _midnight(stretch[-1]) + _ONE_DAY
            stretch = []
        stretch.append(day)
    if stretch:
        yield _midnight(stretch[0]), _midnight(stretch[-1]) + _ONE_DAY


def planned_rows(plan: Plan, query: CountQuery, dimensions: Sequence[str], dialect: Dialect) -> Condition:
    """Write the pre-aggregated rows of *plan*: time keys, *dimensions*, and counters by the names of the rollup."""
    params: dict[str, Any] = {"first_day": plan.days[0], "end_day": plan.days[1]}
    key = [f"{axis_expression(Axis.DAY, query.grain, dialect, 'day')} AS step"] if Axis.DAY in query.axes else []
    where = all_of(conditions(attrs.evolve(query.filter, window=TimeWindow())))
    params |= where.params
    tests = ["day >= $first_day", "day < $end_day", where.sql, "(day, build) IN (SELECT day, build FROM rollup_days)"]
    if plan.without:
        tests.append("day NOT IN $without")
        params["without"] = list(plan.without)
    names = ["day", *key, *dimensions, *_FROM_ROWS]
    arms = [f"SELECT {', '.join(names)} FROM {plan.table.name} WHERE {' AND '.join(tests)}"]  # noqa: S608
    day = dialect.bucket("day", "measurement_start_time")
    step = [f"{axis_expression(Axis.DAY, query.grain, dialect)} AS step"] if key else []
    for number, window in enumerate(plan.rest):
        values = [f"{day} AS day", *step, *dimensions, *(f"{value} AS {name}" for name, value in _FROM_ROWS.items())]
        grouped = ", ".join(["day", *(["step"] if step else []), *dimensions])
        params |= {f"start_{number}": window.start, f"end_{number}": window.end}
        arms.append(
            f"SELECT {', '.join(values)} FROM fastpath WHERE measurement_start_time >= $start_{number}"  # noqa: S608
            f" AND measurement_start_time < $end_{number} AND {where.sql} GROUP BY {grouped}"
        )
    return Condition(" UNION ALL ".join(arms), params)
