"""The table of all lists with priorities and recent measurements, for staff."""

from datetime import datetime, timedelta
from typing import Any

import attrs

from ooni_core.ports import Clock
from ooni_core.prioritization.model import ListedUrl, TestLists
from ooni_core.prioritization.ports import Coverage, CoverageStore
from ooni_core.prioritization.service import Prioritization

_DAYS = timedelta(days=7)
_KEPT = timedelta(hours=1)
_NONE = Coverage(0, 0)


@attrs.define(eq=False)
class PrioritizationOverview:
    """Builds the table at most once an hour, or when rules or lists changed: it is a heavy query."""

    prioritization: Prioritization
    coverage: CoverageStore
    clock: Clock
    _made: tuple[datetime, TestLists, object, list[dict[str, Any]]] | None = attrs.field(default=None, init=False)

    def rows(self) -> list[dict[str, Any]]:
        """Return one row for each line of each list, by country, the most urgent first.

        Raises:
            Unavailable: the store failed.
        """
        snapshot, now = self.prioritization.snapshot, self.clock.now()
        made = self._made
        if made and made[1] is snapshot.lists and made[2] == snapshot.rules and now - made[0] < _KEPT:
            return made[3]
        covered = self.coverage.coverage(now - _DAYS)
        rows = [
            _row(entry, snapshot.priorities.of_overview(entry), covered.get((entry.cc, entry.url), _NONE))
            for entries in snapshot.lists.by_cc.values()
            for entry in entries
        ]
        rows.sort(key=lambda row: (row["cc"], -row["priority"]))
        self._made = (now, snapshot.lists, snapshot.rules, rows)
        return rows


def _row(entry: ListedUrl, priority: int, covered: Coverage) -> dict[str, Any]:
    return {
        "anomaly_perc": covered.anomaly_percent,
        "category_code": entry.category_code,
        "cc": entry.cc,
        "domain": entry.domain,
        "msmt_cnt": covered.measured,
        "priority": priority,
        "url": entry.url,
    }
