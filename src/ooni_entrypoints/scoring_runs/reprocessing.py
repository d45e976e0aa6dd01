"""Scores published measurements again and stores the verdicts: the database can always be made anew."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from collections.abc import Set as AbstractSet

import attrs

from ooni_adapters.measurementfiles.published import short_name
from ooni_core.scoring import Outcome, Quarantined, Stored
from ooni_core.scoring.ports import QuarantineStore, VerdictStore
from ooni_core.scoring.service import store_outcomes
from ooni_entrypoints.scoring_runs.judging import Judge, Judged
from ooni_entrypoints.scoring_runs.portions import Portion
from ooni_entrypoints.scoring_runs.runs import Executor
from ooni_entrypoints.scoring_runs.tally import Tally

# Databases like few large batches.
_BATCH = 10_000


@attrs.frozen
class Rescoring:
    """The work of reprocessing, as it is sent to workers.

    Attributes:
        ccs: countries to keep, all when empty; cans of old years hold several, whatever their names say.
        tests: short names of nettests to keep, all when empty.
    """

    judge: Judge
    ccs: AbstractSet[str] = frozenset()
    tests: AbstractSet[str] = frozenset()

    def __call__(self, portion: Portion) -> "Scored":
        """Score *portion*."""
        return Scored(tuple(filter(self._wanted, self.judge.judged(portion))), portion.size)

    def _wanted(self, item: Judged) -> bool:
        if not isinstance(item.outcome, Stored):
            return True
        row = item.outcome.row
        return (not self.ccs or row.probe_cc.upper() in self.ccs) and (
            not self.tests or short_name(row.test_name) in self.tests
        )


@attrs.frozen
class Scored:
    """What one portion gave."""

    items: tuple[Judged, ...]
    size: int


def reprocess(
    executor: Executor,
    work: Rescoring,
    tasks: Iterable[Portion],
    keep: Callable[[Sequence[Outcome]], None],
    progress: Callable[[int, int], None],
    stop_after: int | None = None,
) -> Tally:
    """Score the measurements of *tasks* and hand the outcomes to *keep* in large batches.

    Args:
        executor: where the work is done.
        work: what is done.
        tasks: portions of published files.
        keep: stores outcomes; repeating the run stores the same ones again.
        progress: is told bytes of input and number of measurements.
        stop_after: most measurements to look at, discarded ones included.
    """
    tally = Tally()
    waiting: list[Outcome] = []
    for item in _limited(_items(executor, work, tasks, progress), stop_after):
        tally.count(item)
        # What could not be read at all has no name under which it could be kept.
        if not isinstance(item.outcome, Quarantined) or item.outcome.measurement_uid:
            waiting.append(item.outcome)
        if len(waiting) == _BATCH:
            keep(waiting)
            waiting = []
    if waiting:
        keep(waiting)
    return tally


def _items(
    executor: Executor, work: Rescoring, tasks: Iterable[Portion], progress: Callable[[int, int], None]
) -> Iterator[Judged]:
    for scored in executor.map(work, tasks):
        yield from scored.items
        progress(scored.size, len(scored.items))


def _limited(items: Iterator[Judged], most: int | None) -> Iterator[Judged]:
    for number, item in enumerate(items, start=1):
        yield item
        if number == most:
            return


def keeping(verdicts: VerdictStore, quarantine: QuarantineStore) -> Callable[[Sequence[Outcome]], None]:
    """Return the function that stores outcomes in a database."""

    def keep(outcomes: Sequence[Outcome]) -> None:
        store_outcomes(outcomes, verdicts, quarantine)

    return keep
