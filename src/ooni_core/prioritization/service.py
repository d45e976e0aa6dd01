"""Hands out URLs from a snapshot in memory, which is refreshed behind the probes' backs."""

from collections import OrderedDict
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any

import attrs

from ooni_core.ports import Clock
from ooni_core.prioritization.chance import Chance
from ooni_core.prioritization.counting import COUNTED_TEST, is_counted, window_start
from ooni_core.prioritization.defaults import DEFAULT_RULES, SEED_LIST
from ooni_core.prioritization.model import ANY, ListedUrl, PriorityRule, RankedUrl, TestLists
from ooni_core.prioritization.ports import Counts, CountStore, FailoverCopy, ListStore, Measured, RuleStore
from ooni_core.prioritization.ranking import Field, Priorities, Ranking, explained

# Rows may become visible a little later than the instant they name, and clocks of several hosts differ a little.
_SETTLING = timedelta(minutes=1)
_MOST_RANKINGS = 2000
_MOST_FIELDS = 300


class NoCounts:
    """Counts of an installation that has not measured anything."""

    def of(self, probe_cc: str, probe_asn: int) -> Mapping[str, int]:
        """Return no counts."""
        return {}


class RecentCounts:
    """What was measured since the snapshot's counts were read, so that they need not be read again at once.

    Told twice of one measurement, it counts it once: a process hears of its own also from the database.
    """

    def __init__(self) -> None:
        self._uids: dict[tuple[str, int], dict[str, set[str]]] = {}

    def add(self, measured: Measured) -> bool:
        """Count one measurement, for its network and for its country; say whether it was new."""
        places = [
            self._uids.setdefault((measured.probe_cc, asn), {}).setdefault(measured.input, set())
            for asn in {measured.probe_asn, 0}
        ]
        is_new = any(measured.measurement_uid not in uids for uids in places)
        for uids in places:
            uids.add(measured.measurement_uid)
        return is_new

    def on_top_of(self, base: Mapping[str, int], probe_cc: str, probe_asn: int) -> Mapping[str, int]:
        """Return *base* with these counts added."""
        recent = self._uids.get((probe_cc, probe_asn))
        if not recent:
            return base
        both = dict(base)
        for url, uids in list(recent.items()):
            both[url] = both.get(url, 0) + len(uids)
        return both


@attrs.frozen(eq=False)
class Snapshot:
    """Lists, rules and counts at one moment.

    Attributes:
        taken: when everything but the counts was read.
        counted: when the counts were; what came later is in RecentCounts.
        generation: another one when anything but these instants is another.
    """

    lists: TestLists
    rules: tuple[PriorityRule, ...]
    counts: Counts
    priorities: Priorities
    taken: datetime
    counted: datetime
    generation: int

    def field(self, probe_cc: str) -> Field:
        """Say what probes in *probe_cc* may measure."""
        entries = self.lists.choices(probe_cc)
        return Field.of(entries, self.priorities.of_each(entries, probe_cc))


def _snapshot_of(
    lists: TestLists,
    rules: Sequence[PriorityRule],
    counts: Counts,
    taken: datetime,
    counted: datetime,
    former: Snapshot | None,
) -> Snapshot:
    # Without any rule the default ones hold, since nothing would be measured otherwise.
    in_force = tuple(rules) or DEFAULT_RULES
    if former is None:
        return Snapshot(lists, in_force, counts, Priorities(in_force), taken, counted, 1)
    # As long as rules stay the same, so do priorities: what was computed from them need not be computed again.
    priorities = former.priorities if in_force == former.rules else Priorities(in_force)
    same = lists is former.lists and priorities is former.priorities and counts is former.counts
    generation = former.generation if same else former.generation + 1
    return Snapshot(lists, in_force, counts, priorities, taken, counted, generation)


@attrs.frozen(eq=False)
class _Ranked:
    ranking: Ranking
    made: datetime
    generation: int


class Prioritization:
    """Decides what each probe measures next. Answering never waits for a database.

    One thread may call ``refresh`` while others ask.
    """

    def __init__(
        self,
        lists: ListStore,
        rules: RuleStore,
        counts: CountStore,
        clock: Clock,
        *,
        failover: FailoverCopy | None = None,
        freshness: timedelta = timedelta(seconds=2),
        counting: timedelta = timedelta(minutes=10),
    ) -> None:
        """Wire the parts.

        Args:
            lists: where test lists are.
            rules: where priority rules are.
            counts: where measurements are counted.
            clock: tells the time.
            failover: copy of the lists for starts without database.
            freshness: how old a network's order may become while its counts rise.
            counting: how long to add to counts what was scored before they are read as a whole again.
        """
        self._lists, self._rules, self._counts, self._clock = lists, rules, counts, clock
        self._failover, self._freshness, self._counting = failover, freshness, counting
        self._recent = RecentCounts()
        self._dirty: dict[tuple[str, int], bool] = {}
        self._rankings: OrderedDict[tuple[str, int], _Ranked] = OrderedDict()
        self._fields: OrderedDict[str, tuple[TestLists, Priorities, Field]] = OrderedDict()
        self._lists_version = ""
        self._snapshot: Snapshot | None = None
        self._kept: TestLists | None = None

    @property
    def loaded(self) -> bool:
        """Say whether lists, rules and counts were ever read."""
        return self._snapshot is not None

    @property
    def snapshot(self) -> Snapshot:
        """What answers are made from right now."""
        return self._snapshot or self._unread

    @cached_property
    def _unread(self) -> Snapshot:
        # Made only when somebody asks: a start with a database does not wait for the copy of the lists.
        lists, now = self._without_database(), self._clock.now()
        return Snapshot(lists, DEFAULT_RULES, NoCounts(), Priorities(DEFAULT_RULES), now, now, 0)

    def _without_database(self) -> TestLists:
        kept = self._failover.load() if self._failover else None
        return kept if kept and kept.by_cc else TestLists.of(list(SEED_LIST))

    def refresh(self) -> None:
        """Read rules, lists (when they changed), and what was scored since the last time, here or elsewhere.

        Counts are read as a whole when they were never, lists changed, another week began, or they have only been
        added to for long: what is added follows neither corrections nor what was scored long after it arrived.

        Raises:
            Unavailable: a store failed; answers go on from the former snapshot.
        """
        now, former, version = self._clock.now(), self._snapshot, self._lists.version()
        if former is not None and version == self._lists_version:
            lists = former.lists
        else:
            lists = self._lists.lists()
            lists = lists if lists.by_cc else self._without_database()
        rules = self._rules.rules()
        if former is None or lists is not former.lists or self._counted_long_before(now, former):
            counts, counted, since, recent = self._counts.counts(now), now, now, RecentCounts()
        else:
            counts, counted, recent = former.counts, former.counted, self._recent
            since = max(counted, former.taken - _SETTLING)
        measured = self._counts.measured_since(since)
        self._recent = recent
        self._snapshot = _snapshot_of(lists, rules, counts, now, counted, former)
        self._lists_version = version
        self.measured(measured)

    def _counted_long_before(self, now: datetime, former: Snapshot) -> bool:
        return now - former.counted >= self._counting or window_start(now) != window_start(former.counted)

    def keep(self) -> None:
        """Put a copy of lists that were read anew aside, for a start without database.

        Raises:
            Unavailable: there is no place for it; the former copy is still there.
        """
        lists = self._snapshot.lists if self._snapshot else None
        if self._failover is not None and lists is not None and lists is not self._kept:
            self._failover.save(lists)
            self._kept = lists

    def refresh_rules(self) -> None:
        """Read only the rules again, after one was edited; everything, when nothing was read yet.

        Raises:
            Unavailable: the store failed; answers go on from the former rules.
        """
        now = self._snapshot
        if now is None:
            self.refresh()
        else:
            rules = self._rules.rules()
            self._snapshot = _snapshot_of(now.lists, rules, now.counts, now.taken, now.counted, now)

    def seed_rules(self) -> bool:
        """Store the default rules when there were never any, and say whether that was so.

        Raises:
            Unavailable: the store failed.
        """
        return self._rules.seed(DEFAULT_RULES, self._clock.now())

    def measured(self, measurements: Sequence[Measured]) -> None:
        """Take into account what was just scored, ahead of the next refresh."""
        now = self._clock.now()
        for measurement in measurements:
            if is_counted(COUNTED_TEST, measurement.input, measurement.at, now) and self._recent.add(measurement):
                self._dirty[measurement.probe_cc, measurement.probe_asn] = True
                self._dirty[measurement.probe_cc, 0] = True

    def urls(
        self, probe_cc: str, probe_asn: int, limit: int, categories: Collection[str], seed: int
    ) -> list[ListedUrl]:
        """Choose what a probe measures next.

        Args:
            probe_cc: two capital letters, ``ZZ`` when unknown.
            probe_asn: its network; 0 for an order by the whole country's counts.
            limit: most URLs to return.
            categories: the only categories wanted; empty for all.
            seed: decides among equal weights; probes get different ones.

        Returns:
            The URLs, the most urgent first: none only when the categories asked for are nowhere on the lists, or ruled
            out.
        """
        chance = Chance(seed)
        picked = self._ranking(probe_cc, probe_asn).pick(limit, categories, chance)
        if picked or limit <= 0:
            return picked
        return self._something(probe_cc, limit, categories, chance)

    def _something(self, probe_cc: str, limit: int, categories: Collection[str], chance: Chance) -> list[ListedUrl]:
        """Sample what no rule favours for a probe that would get nothing; what rules take out stays out."""
        snapshot = self.snapshot
        priority_of = snapshot.priorities.of
        for entries in (snapshot.lists.choices(probe_cc), SEED_LIST):
            fitting = [
                entry
                for entry in entries
                if (not categories or entry.category_code in categories) and priority_of(entry, probe_cc) >= 0
            ]
            if fitting:
                return chance.some(fitting, limit)
        return []

    def _ranking(self, probe_cc: str, probe_asn: int) -> Ranking:
        key, snapshot, now = (probe_cc, probe_asn), self.snapshot, self._clock.now()
        known = self._rankings.get(key)
        if known is not None and known.generation == snapshot.generation:
            stale = key in self._dirty and now - known.made >= self._freshness
            if not stale:
                return known.ranking
        self._dirty.pop(key, None)
        measured = self._recent.on_top_of(snapshot.counts.of(probe_cc, probe_asn), probe_cc, probe_asn)
        ranking = Ranking(self._field(snapshot, probe_cc), measured)
        self._rankings[key] = _Ranked(ranking, now, snapshot.generation)
        _forget_oldest(self._rankings, _MOST_RANKINGS)
        return ranking

    def _field(self, snapshot: Snapshot, probe_cc: str) -> Field:
        known = self._fields.get(probe_cc)
        if known and known[0] is snapshot.lists and known[1] is snapshot.priorities:
            return known[2]
        field = snapshot.field(probe_cc)
        self._fields[probe_cc] = (snapshot.lists, snapshot.priorities, field)
        _forget_oldest(self._fields, _MOST_FIELDS)
        return field

    def explain(self, probe_cc: str, probe_asn: int) -> list[RankedUrl]:
        """Give every candidate of a network with its count and priority, in the order of the lists."""
        snapshot = self.snapshot
        measured = self._recent.on_top_of(snapshot.counts.of(probe_cc, probe_asn), probe_cc, probe_asn)
        candidates = snapshot.lists.candidates(probe_cc)
        return explained(candidates, lambda entry: snapshot.priorities.of(entry, probe_cc), measured)

    def rules_for(self, probe_cc: str) -> list[PriorityRule]:
        """Return the rules that concern probes in *probe_cc*."""
        return [rule for rule in self.snapshot.rules if rule.cc in {ANY, probe_cc}]


def _forget_oldest(cache: "OrderedDict[Any, Any]", most: int) -> None:
    while len(cache) > most:
        cache.popitem(last=False)
