"""Charts, from rollups where these know enough.

What a rollup answers is settled until rollups are built again, once an hour, so the latest charts are kept: asking for
one again costs reading what arrived since, however long the history is.
"""

import threading
from collections import OrderedDict
from collections.abc import Hashable, Sequence
from typing import Any

import attrs

from ooni_adapters.sql.catalog_filters import Condition, all_of, axis_expression, conditions, source_of
from ooni_adapters.sql.catalog_plans import Figures, Plan, newest_rows, plan_for, rollup_for, unknown_rows
from ooni_adapters.sql.catalog_rollups import ANOMALY, CONFIRMED, FAILURE, known_to
from ooni_adapters.sql.dialect import Dialect
from ooni_adapters.sql.engine import Deadline, SqlEngine
from ooni_core.catalog.model import Axis, Cell, Chart, Columns, CountQuery, Counts
from ooni_core.errors import TooLarge

_KEPT_CELLS, _LEAST_COST = 100_000, 100
_CLASSES = [f"count(*) FILTER (WHERE {test})" for test in (ANOMALY, CONFIRMED, FAILURE)]
# The rest is what is left: engines count the same thing once, and testing every row for it would take long.
_COUNTED = ", ".join([*_CLASSES, " - ".join(["count(*)", *_CLASSES]), "count(*)"])

Statement = tuple[str, dict[str, Any]]


def sums(*counters: str) -> str:
    """Add counters up, as 64-bit numbers: wider ones take several times as long to read. No rows make 0."""
    return ", ".join(f"CAST(coalesce(sum({counter}), 0) AS BIGINT)" for counter in counters)


_SUMS = sums(
    "anomalies",
    "confirmations",
    "failures",
    "measurements - anomalies - confirmations - failures",
    "measurements",
)


@attrs.frozen
class SqlCharts:
    """Counts measurements.

    Attributes:
        seconds: time limit of one chart.
        most_cells: largest chart, in cells.
        rollups: ask these where they know enough; False reads measurements only.
        most_kept: how many cells to keep in all.
    """

    engine: SqlEngine
    seconds: float
    most_cells: int
    rollups: bool
    most_kept: int = _KEPT_CELLS
    _kept: OrderedDict[Hashable, Chart] = attrs.field(factory=OrderedDict, init=False)
    _keeping: threading.Lock = attrs.field(factory=threading.Lock, init=False)

    def count(self, query: CountQuery) -> Chart:
        """See :class:`ooni_core.catalog.ports.MeasurementCatalog`."""
        try:
            chart = self._counted(query, Deadline.after(self.seconds))
        except TooLarge as exc:
            raise _too_large() from exc
        if len(chart.counts.measurements) > self.most_cells:
            raise _too_large()
        return chart

    def _counted(self, query: CountQuery, deadline: Deadline) -> Chart:
        plan = plan_of(self.engine, query, deadline) if self.rollups else None
        if plan is None:
            statement = from_measurements(query, _COUNTED, self.engine.dialect)
            return self._asked(query, statement, deadline)
        figures = Figures.of(query, self.engine.dialect)
        changed, cells = self._newest(plan, figures, deadline)
        plan = attrs.evolve(plan, without=changed)
        chart = self._settled(plan, figures, deadline).plus(cells)
        unknown = unknown_rows(plan, figures)
        if unknown is None:
            return chart
        return chart.plus(self._asked(query, from_rollup(query, _SUMS, unknown), deadline).cells)

    def _newest(self, plan: Plan, figures: Figures, deadline: Deadline) -> tuple[tuple[str, ...], list[Cell]]:
        """Return the units that changed since the rollups were made, and what the open hour has."""
        rows = newest_rows(plan, figures)
        keys = ", ".join(["unit", *keys_of(figures.query)])
        sql = f"SELECT {keys}, {_SUMS} FROM ({rows.sql}) AS counted GROUP BY {keys}"  # noqa: S608 - declared names
        found = self.engine.query(sql, rows.params, deadline.limits()).tuples
        axes = len(figures.query.axes)
        cells = [Cell(row[1 : 1 + axes], Counts(*row[1 + axes :])) for row in found if not row[0]]
        return tuple(sorted({row[0] for row in found} - {""})), cells

    def _settled(self, plan: Plan, figures: Figures, deadline: Deadline) -> Chart:
        """Return what the rollup knows, which is the same until it is made again."""
        key = figures.query, plan.known.state, plan.known.build, plan.without
        with self._keeping:
            if (kept := self._kept.get(key)) is not None:
                self._kept.move_to_end(key)
                return kept
        statement = from_rollup(figures.query, _SUMS, figures.rolled_up(plan))
        chart = self._asked(figures.query, statement, deadline)
        with self._keeping:
            self._kept[key] = chart
            while sum(map(_cost, self._kept.values())) > self.most_kept:
                self._kept.popitem(last=False)
        return chart

    def _asked(self, query: CountQuery, statement: Statement, deadline: Deadline) -> Chart:
        columns = self.engine.columns(*statement, deadline.limits(self.most_cells))
        axes = len(query.axes)
        return Chart(columns[:axes], Columns(*columns[axes:])) if any(columns) else Chart.of((), axes)


def plan_of(engine: SqlEngine, query: CountQuery, deadline: Deadline, *more: str) -> Plan | None:
    """Plan how a rollup answers *query*, as if nothing had changed since it was made; None when none can.

    Args:
        engine: has the rollups.
        query: the question.
        deadline: when it must be answered.
        more: further dimensions that the answer needs.
    """
    table = rollup_for(query, *more)
    known = known_to(engine, deadline.limits()) if table else None
    return None if table is None or known is None else plan_for(query, table, known)


def from_measurements(query: CountQuery, figures: str, dialect: Dialect) -> Statement:
    """Write a question to the measurements: *figures* of each cell of *query*."""
    where, source = all_of(conditions(query.filter)), source_of(query, "fastpath")
    keys = [axis_expression(axis, query.grain, dialect) for axis in query.axes]
    return _grouped_by(keys, figures, f"{source.sql} WHERE {where.sql}"), {**source.params, **where.params}


def from_rollup(query: CountQuery, figures: str, rows: Condition) -> Statement:
    """Write the same for *rows*, which are pre-aggregated."""
    return _grouped_by(keys_of(query), figures, f"({rows.sql}) AS counted"), rows.params


def keys_of(query: CountQuery) -> list[str]:
    """Return the columns of pre-aggregated rows that hold the keys of cells."""
    return ["step" if axis is Axis.DAY else axis.value for axis in query.axes]


def _grouped_by(keys: Sequence[str], figures: str, source: str) -> str:
    selected = ", ".join([*(f"{key} AS key_{n}" for n, key in enumerate(keys)), figures])
    sql = f"SELECT {selected} FROM {source}"  # noqa: S608 - no values in the text
    names = ", ".join(f"key_{n}" for n in range(len(keys)))
    return f"{sql} GROUP BY {names} ORDER BY {names}" if keys else sql


def _cost(chart: Chart) -> int:
    # Each chart takes room, also one of nothing: anybody may ask for many of these.
    return _LEAST_COST + len(chart.counts.measurements)


def _too_large() -> TooLarge:
    return TooLarge("Result too large: narrow the filters or choose fewer axes")
