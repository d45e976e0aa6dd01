"""Scores what was read; the part of a run that workers do."""

from collections.abc import Iterable, Iterator
from functools import cached_property
from typing import Any

import attrs

from ooni_adapters.measurementfiles import Entry, Rejected
from ooni_core.measurement.identity import trivial_uid
from ooni_core.scoring import Engine, FingerprintSet, Outcome, Quarantined
from ooni_entrypoints.scoring_runs.portions import Portion


@attrs.frozen
class EngineChoice:
    """What an engine is made of, small enough to be sent to every worker.

    Attributes:
        ruleset: name of the rule set.
        dns: DNS fingerprints, the text of a CSV file.
        http: HTTP fingerprints, likewise.
    """

    ruleset: str = "head"
    dns: str = ""
    http: str = ""

    def engine(self) -> Engine:
        """Make the engine.

        Raises:
            Invalid: there is no such rule set, or a fingerprint cannot be right.
        """
        fingerprints = FingerprintSet.from_csv(self.dns, self.http) if self.dns or self.http else FingerprintSet.EMPTY
        return Engine(fingerprints=fingerprints, ruleset=self.ruleset)


@attrs.frozen
class Judged:
    """One entry of a file and what scoring says about it."""

    source: str
    outcome: Outcome


def judged(entries: Iterable[Entry], engine: Engine) -> Iterator[Judged]:
    """Score *entries*; what could not be read is in quarantine."""
    for entry in entries:
        if isinstance(entry, Rejected):
            yield Judged(entry.source, Quarantined("", entry.reason, entry.kind))
        elif entry.document is None:
            yield Judged(entry.source, engine.score(entry.body, entry.measurement_uid))
        else:
            uid = trivial_uid(entry.body, entry.document.get("measurement_start_time"))
            yield Judged(entry.source, engine.score_measurement(entry.document, uid))


@attrs.define(slots=False)
class Judge:
    """Scores portions. Travels to a worker as the choice alone; the engine is made there, once."""

    choice: EngineChoice

    @cached_property
    def engine(self) -> Engine:
        """The engine of this process."""
        return self.choice.engine()

    def judged(self, portion: Portion) -> Iterator[Judged]:
        """Yield what scoring says about each entry of *portion*, in order."""
        return judged(portion.entries(), self.engine)

    def __getstate__(self) -> dict[str, Any]:
        return {"choice": self.choice}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.choice = state["choice"]
