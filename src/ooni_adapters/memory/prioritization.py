"""Priority rules, test lists and counts in memory."""

import threading
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta

import attrs

from ooni_core.errors import Conflict, NotFound
from ooni_core.prioritization.counting import COUNTED_TEST, is_counted
from ooni_core.prioritization.model import ListedUrl, PriorityRule, RuleChange, TestLists
from ooni_core.prioritization.ports import Coverage, Measured
from ooni_core.scoring.model import FastpathRow

_LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)


@attrs.define
class MemoryRules:
    """A RuleStore that lives as long as the process."""

    _rules: set[PriorityRule] = attrs.field(factory=set, init=False)
    _history: list[RuleChange] = attrs.field(factory=list, init=False)
    _lock: threading.Lock = attrs.field(factory=threading.Lock, init=False)

    def rules(self) -> list[PriorityRule]:
        """Return the rules in force, sorted."""
        with self._lock:
            return sorted(self._rules)

    def change(self, old: PriorityRule | None, new: PriorityRule | None, author: str, at: datetime) -> None:
        """Replace *old* by *new*; without *old* create, without *new* delete."""
        with self._lock:
            if old is not None and old not in self._rules:
                raise NotFound("the rule to change is not in force")
            if new is not None and new.target in {rule.target for rule in self._rules if rule != old}:
                raise Conflict("another rule has this target")
            self._rules = (self._rules - {old}) | ({new} if new is not None else set())
            self._history.append(RuleChange(at, author, old, new))

    def seed(self, rules: Sequence[PriorityRule], at: datetime) -> bool:
        """Store *rules* when there were never any."""
        with self._lock:
            if self._rules or self._history:
                return False
            self._rules = set(rules)
            self._history = [RuleChange(at, "", None, rule) for rule in rules]
            return True

    def history(self, limit: int) -> list[RuleChange]:
        """Return the latest changes, newest first."""
        with self._lock:
            return sorted(self._history, key=lambda change: change.at, reverse=True)[:limit]


@attrs.define
class MemoryTestLists:
    """A ListStore and ReplaceableLists that lives as long as the process."""

    entries: Sequence[ListedUrl] = ()

    def version(self) -> str:
        """Return a text that equal lists have in common."""
        return repr(self.lists())

    def lists(self) -> TestLists:
        """Return all lists as they are now."""
        return TestLists.of(list(self.entries))

    def replace(self, entries: Sequence[ListedUrl]) -> None:
        """Put *entries* in the place of all lists."""
        self.entries = tuple(entries)


@attrs.frozen
class _CountsOf:
    networks: Mapping[tuple[str, int], Mapping[str, int]]

    def of(self, probe_cc: str, probe_asn: int) -> Mapping[str, int]:
        return self.networks.get((probe_cc, probe_asn), {})


@attrs.define
class MemoryCounts:
    """A CountStore and CoverageStore over rows that fit into memory: what the counters of databases must agree with.

    Attributes:
        rows: scored measurements; of several with one uid the last counts.
        listed: URLs on any test list.
        scored: when all of them were scored (aware, UTC).
    """

    rows: Iterable[FastpathRow] = ()
    listed: frozenset[str] = frozenset()
    scored: datetime = _LONG_AGO

    def counts(self, now: datetime) -> _CountsOf:
        """Count row by row."""
        counters: dict[tuple[str, int], Counter[str]] = {}
        instant = _naive(now)
        for row in self._listed():
            if is_counted(row.test_name, row.input, row.measurement_start_time, instant):
                for asn in {row.probe_asn, 0}:
                    counters.setdefault((row.probe_cc, asn), Counter())[row.input] += 1
        return _CountsOf(counters)

    def measured_since(self, since: datetime) -> list[Measured]:
        """Look at every row."""
        first_uid = f"{_naive(since - timedelta(hours=1)):%Y%m%d%H%M%S}"
        latest = {row.measurement_uid: row for row in self.rows} if self.scored >= since else {}
        return [
            Measured(uid, row.probe_cc, row.probe_asn, row.input, row.measurement_start_time.replace(tzinfo=UTC))
            for uid, row in latest.items()
            if uid >= first_uid and row.test_name == COUNTED_TEST
        ]

    def coverage(self, since: datetime) -> dict[tuple[str, str], Coverage]:
        """Summarise row by row."""
        measured: Counter[tuple[str, str]] = Counter()
        anomalies: Counter[tuple[str, str]] = Counter()
        for row in self._listed():
            if row.measurement_start_time >= _naive(since):
                measured[row.probe_cc, row.input] += 1
                anomalies[row.probe_cc, row.input] += row.anomaly
        return {key: Coverage(count, anomalies[key]) for key, count in measured.items()}

    def _listed(self) -> Iterable[FastpathRow]:
        latest = {row.measurement_uid: row for row in self.rows}
        return [row for row in latest.values() if row.input in self.listed]


def _naive(instant: datetime) -> datetime:
    return instant.astimezone(UTC).replace(tzinfo=None)
