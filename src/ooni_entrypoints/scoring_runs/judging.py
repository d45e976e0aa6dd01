"""Scores what was read; the part of a run that workers do."""

from collections.abc import Iterator
from functools import cached_property
from typing import Any

import attrs

from ooni_adapters.measurementfiles import Entry, Rejected
from ooni_core.scoring import Engine, FingerprintSet, Outcome, Quarantined
from ooni_entrypoints.scoring_runs.portions import Portion


@attrs.frozen
class EngineChoice:
    """What an engine is made of, small enough to be sent to every worker.

    Attributes:
        ruleset: name of the rule set.
        fingerprints: the texts to look for.
    """

    ruleset: str = "head"
    fingerprints: FingerprintSet = FingerprintSet.EMPTY

    def engine(self) -> Engine:
        """Make the engine."""
        return Engine(fingerprints=self.fingerprints, ruleset=self.ruleset)


@attrs.frozen
class Judged:
    """One entry of a file and what scoring says about it."""

    source: str
    outcome: Outcome


@attrs.define(slots=False)
class Judge:
    """Scores entries. Travels to a worker as the choice alone; the engine is made there, once."""

    choice: EngineChoice

    @cached_property
    def engine(self) -> Engine:
        """The engine of this process."""
        return self.choice.engine()

    def judged(self, portion: Portion) -> Iterator[Judged]:
        """Yield what scoring says about each entry of *portion*, in order."""
        for entry in portion.entries():
            yield Judged(entry.source, self.outcome(entry))

    def outcome(self, entry: Entry) -> Outcome:
        """Score one entry; what could not be read is in quarantine."""
        if isinstance(entry, Rejected):
            return Quarantined("", entry.reason, entry.kind)
        if entry.document is None:
            return self.engine.score(entry.body, entry.measurement_uid)
        return self.engine.score_measurement(dict(entry.document), entry.measurement_uid or "")

    def __getstate__(self) -> dict[str, Any]:
        return {"choice": self.choice}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.choice = state["choice"]
