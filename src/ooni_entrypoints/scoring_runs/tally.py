"""Counts of a run, and how they are told to a person."""

from collections import Counter
from collections.abc import Iterable

import attrs

from ooni_core.scoring import Discarded, Quarantined, Stored
from ooni_entrypoints.scoring_runs.judging import Judged

# As many examples as fit on a screen; the output has all of them.
_EXAMPLES = 5


@attrs.define
class Tally:
    """How many measurements had which outcome, and why those without a verdict have none."""

    stored: int = 0
    discarded: int = 0
    quarantined: int = 0
    kinds: Counter[str] = attrs.field(factory=Counter)
    examples: list[str] = attrs.field(factory=list)

    @classmethod
    def of(cls, judged: Iterable[Judged]) -> "Tally":
        """Count *judged*."""
        tally = cls()
        for item in judged:
            tally.count(item)
        return tally

    def count(self, item: Judged) -> None:
        """Count one outcome."""
        match item.outcome:
            case Stored():
                self.stored += 1
            case Discarded():
                self.discarded += 1
            case Quarantined(reason=reason, kind=kind):
                self.quarantined += 1
                self.kinds[kind] += 1
                if len(self.examples) < _EXAMPLES:
                    self.examples.append(f"{item.source}: {reason}")

    def add(self, other: "Tally") -> None:
        """Count what *other* counted."""
        self.stored += other.stored
        self.discarded += other.discarded
        self.quarantined += other.quarantined
        self.kinds.update(other.kinds)
        self.examples.extend(other.examples[: _EXAMPLES - len(self.examples)])

    @property
    def total(self) -> int:
        """All measurements seen."""
        return self.stored + self.discarded + self.quarantined

    def lines(self) -> list[str]:
        """Return the counts as a person wants to read them at the end of a run."""
        counts = f"{self.stored} stored, {self.discarded} discarded, {self.quarantined} quarantined"
        if not self.quarantined:
            return [counts]
        kinds = ", ".join(f"{kind} {count}" for kind, count in self.kinds.most_common())
        more = self.quarantined - len(self.examples)
        return [f"{counts} ({kinds})", *self.examples, *([f"and {more} more, see the output"] if more else [])]
