"""The threads that score what arrives, beside HTTP."""

import logging
import queue
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Protocol

import attrs

from ooni_core.errors import OoniError
from ooni_core.measurement import MeasurementUid
from ooni_core.scoring.handover import HandoverUnfinished
from ooni_core.scoring.service import ScoringSummary

_log = logging.getLogger(__name__)

_SHORTEST_PAUSE = 0.1
_CATCH_UP = 500


class ScoringTask(Protocol):
    """What one thread does with measurements: see ScoringService, and HandoverService, which has it done elsewhere."""

    def score(self, uids: Sequence[MeasurementUid]) -> ScoringSummary:
        """See to it that each of *uids* gets its verdict; Unavailable means asking again."""

    def score_missing(self, uids: Sequence[MeasurementUid]) -> ScoringSummary:
        """The same for those that have none yet."""

    def waiting(self) -> Iterator[list[MeasurementUid]]:
        """Yield what the spool holds."""


def _nothing_more(_: Sequence[MeasurementUid]) -> None:
    """Leave the bodies where they are: publication needs them."""


@attrs.define(eq=False)
class ScoringWorker:
    """A ScoringQueue worked off by threads: what arrives now goes first, what an earlier run left comes between.

    Only names wait here, never bodies, so a long queue costs little memory and losing it loses nothing.

    Attributes:
        tasks: one for each thread. The first thread also sees to what an earlier run left.
        batch_rows: most measurements scored and written together.
        batch_seconds: longest time that one waits for others.
        longest_pause: what the pauses between attempts grow to, in seconds.
        finished: told about each batch once it is dealt with; when it fails, the batch is done again.
    """

    tasks: Sequence[ScoringTask]
    batch_rows: int
    batch_seconds: float
    longest_pause: float = 30.0
    finished: Callable[[Sequence[MeasurementUid]], None] = _nothing_more
    _queue: "queue.SimpleQueue[MeasurementUid | None]" = attrs.field(factory=queue.SimpleQueue, init=False)
    _stopping: threading.Event = attrs.field(factory=threading.Event, init=False)
    _threads: list[threading.Thread] = attrs.field(factory=list, init=False)
    _counting: threading.Lock = attrs.field(factory=threading.Lock, init=False)
    _done: ScoringSummary = attrs.field(factory=ScoringSummary, init=False)
    _last: datetime | None = attrs.field(default=None, init=False)
    _trouble: dict[str, str] = attrs.field(factory=dict, init=False)
    _pauses: dict[str, float] = attrs.field(factory=dict, init=False)

    def offer(self, uid: MeasurementUid) -> None:
        """Take note of *uid* and return at once."""
        self._queue.put(uid)

    def depth(self) -> int:
        """Return how many measurements wait."""
        return self._queue.qsize()

    def done(self) -> tuple[ScoringSummary, datetime | None]:
        """Return what became of all measurements since the start, and when the last batch was dealt with (UTC)."""
        with self._counting:
            return self._done, self._last

    def warnings(self) -> list[str]:
        """Return why measurements wait, if they do."""
        return [f"scoring waits: {reason}" for reason in sorted(set(self._trouble.copy().values()))]

    def start(self) -> None:
        """Begin, with what the spool holds and the table lacks."""
        for number, task in enumerate(self.tasks):
            older = iter(()) if number else self._left_behind(task)
            thread = threading.Thread(target=self._run, args=(task, older), name=f"scoring-{number}", daemon=True)
            self._threads.append(thread)
            thread.start()

    def stop(self) -> None:
        """Finish the batches at hand and end. What still waits is found again at the next start."""
        self._stopping.set()
        self._queue.put(None)
        for thread in self._threads:
            thread.join()

    def drain(self, seconds: float) -> None:
        """Deal with what waits, for at most *seconds*, and end. Nobody may offer any more."""
        deadline = time.monotonic() + seconds
        self._queue.put(None)
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))
        self.stop()

    def _run(self, task: ScoringTask, left_behind: Iterator[list[MeasurementUid]]) -> None:
        catching_up, last = True, False
        while not (last or self._stopping.is_set()):
            batch, last = self._gather(wait=not catching_up)
            self._persist(task.score, batch)
            if catching_up and not last:
                older = next(left_behind, None)
                catching_up = older is not None
                self._persist(task.score_missing, older or [])

    def _left_behind(self, task: ScoringTask) -> Iterator[list[MeasurementUid]]:
        """Yield what the spool held at the start, in small portions; a spool that cannot be read is asked again."""
        while not self._stopping.is_set():
            try:
                waiting = list(task.waiting())
                break
            except OoniError as exc:
                self._wait(f"the spool cannot be listed: {exc}")
        else:
            return
        for uids in waiting:
            for start in range(0, len(uids), _CATCH_UP):
                yield uids[start : start + _CATCH_UP]

    def _gather(self, *, wait: bool) -> tuple[list[MeasurementUid], bool]:
        """Take one batch: wait for the first (unless there is other work), then a moment for its companions.

        Returns:
            The batch, and whether it is the last one.
        """
        batch: list[MeasurementUid] = []
        deadline = 0.0
        while len(batch) < self.batch_rows:
            try:
                if batch:
                    uid = self._queue.get(timeout=max(0.0, deadline - time.monotonic()))
                else:
                    uid = self._queue.get(block=wait)
            except queue.Empty:
                break
            if uid is None:
                self._queue.put(None)  # the other threads must see it too
                return batch, True
            if not batch:
                deadline = time.monotonic() + self.batch_seconds
            batch.append(uid)
        return batch, False

    def _persist(
        self, act: Callable[[Sequence[MeasurementUid]], ScoringSummary], uids: Sequence[MeasurementUid]
    ) -> None:
        """Score and store, again and again while a medium is away: giving up would lose verdicts until a restart."""
        thread = threading.current_thread().name
        while uids and not self._stopping.is_set():
            try:
                summary = act(uids)
                self.finished(uids)
            except HandoverUnfinished as exc:
                self._come_back_to(exc, getting_on=len(exc.left) < len(uids))
                return
            except OoniError as exc:
                self._wait(str(exc))
            except Exception:  # noqa: BLE001 - a bug here must not leave everything later unscored
                _log.exception("scoring %d measurements failed; trying again", len(uids))
                self._wait("an unexpected error, see the log")
            else:
                self._pauses.pop(thread, None)
                self._trouble.pop(thread, None)
                self._count(summary)
                return

    def _come_back_to(self, unfinished: HandoverUnfinished, *, getting_on: bool) -> None:
        """Put what a daemon did not take behind all others, so that one it can never take holds up nobody."""
        if getting_on:
            self._pauses.pop(threading.current_thread().name, None)
        self._wait(str(unfinished))
        for uid in unfinished.left:
            self.offer(uid)

    def _wait(self, reason: str) -> None:
        """Pause, each time longer until something succeeds."""
        thread = threading.current_thread().name
        _log.warning("scoring waits: %s", reason)
        self._trouble[thread] = reason
        pause = self._pauses.get(thread, _SHORTEST_PAUSE)
        self._pauses[thread] = min(pause * 2, self.longest_pause)
        self._stopping.wait(pause)

    def _count(self, summary: ScoringSummary) -> None:
        with self._counting:
            self._done += summary
            self._last = datetime.now(UTC)
