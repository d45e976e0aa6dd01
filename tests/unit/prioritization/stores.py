"""Plain stores for trying prioritization without a database."""

from datetime import UTC, datetime, timedelta

import attrs

from ooni_core.errors import Unavailable
from ooni_core.prioritization.model import TestLists


@attrs.define
class HandClock:
    instant: datetime = datetime(2026, 11, 23, tzinfo=UTC)

    def now(self):
        return self.instant

    def pass_seconds(self, seconds):
        self.instant += timedelta(seconds=seconds)


@attrs.define
class PlainStore:
    """ListStore, RuleStore and CountStore in one."""

    entries: list = attrs.field(factory=list)
    held_rules: list = attrs.field(factory=list)
    counted: dict = attrs.field(factory=dict)
    down: bool = False
    lists_read: int = 0
    counts_read: int = 0
    scored: list = attrs.field(factory=list)

    def _answer(self, value):
        if self.down:
            raise Unavailable("the database is away")
        return value

    def version(self):
        return self._answer(str(hash(tuple(self.entries))))

    def lists(self):
        self.lists_read += 1
        return self._answer(TestLists.of(self.entries))

    def rules(self):
        return self._answer(list(self.held_rules))

    def seed(self, rules, at):
        if self.held_rules:
            return False
        self.held_rules = list(rules)
        return True

    def counts(self, now):
        self.counts_read += 1
        return self._answer(attrs.evolve(self))

    def measured_since(self, since):
        return self._answer([measured for at, measured in self.scored if at >= since])

    def of(self, probe_cc, probe_asn):
        return self.counted.get((probe_cc, probe_asn), {})
