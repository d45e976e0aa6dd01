"""The threads that work beside HTTP: scoring what arrives, and the hourly timers."""

import logging
import queue
import threading
import time
from collections.abc import Iterator

import attrs

from ooni_core.errors import OoniError
from ooni_core.measurement import MeasurementUid
from ooni_core.scoring.service import ScoringService

_log = logging.getLogger(__name__)

_LONGEST_PAUSE = 30.0
_CATCH_UP = 500


@attrs.define(eq=False)
class ScoringWorker:
    """A ScoringQueue worked off by one thread: what arrives now goes first, what an earlier run left comes between.

    Only names wait here, never bodies, so a long queue costs little memory and losing it loses nothing.

    Attributes:
        batch_rows: most measurements scored and written together.
        batch_seconds: longest time that one waits for others.
    """

    service: ScoringService
    batch_rows: int
    batch_seconds: float
    _queue: "queue.SimpleQueue[MeasurementUid | None]" = attrs.field(factory=queue.SimpleQueue, init=False)
    _stopping: threading.Event = attrs.field(factory=threading.Event, init=False)
    _thread: threading.Thread | None = attrs.field(default=None, init=False)

    def offer(self, uid: MeasurementUid) -> None:
        """Take note of *uid* and return at once."""
        self._queue.put(uid)

    def depth(self) -> int:
        """Return how many measurements wait."""
        return self._queue.qsize()

    def start(self) -> None:
        """Begin, with what the spool holds and the table lacks."""
        self._thread = threading.Thread(target=self._run, name="scoring", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Finish the batch at hand and end. What still waits is found again at the next start."""
        self._stopping.set()
        self._queue.put(None)
        if self._thread is not None:
            self._thread.join()

    def _run(self) -> None:
        left_behind = self._left_behind()
        catching_up = True
        while not self._stopping.is_set():
            batch = self._gather(wait=not catching_up)
            if batch:
                self._persist(batch, missing_only=False)
            if catching_up:
                older = next(left_behind, None)
                catching_up = older is not None
                self._persist(older or [], missing_only=True)

    def _left_behind(self) -> Iterator[list[MeasurementUid]]:
        """Yield what the spool held at the start, in small portions; a spool that cannot be read is asked again."""
        pause = 0.1
        while not self._stopping.is_set():
            try:
                waiting = list(self.service.waiting())
                break
            except OoniError as exc:
                _log.warning("the spool cannot be listed, trying again: %s", exc)
                self._stopping.wait(pause)
                pause = min(pause * 2, _LONGEST_PAUSE)
        else:
            return
        for uids in waiting:
            for start in range(0, len(uids), _CATCH_UP):
                yield uids[start : start + _CATCH_UP]

    def _gather(self, *, wait: bool) -> list[MeasurementUid]:
        """Take one batch: wait for the first (unless there is other work), then a moment for its companions."""
        try:
            first = self._queue.get(block=wait)
        except queue.Empty:
            return []
        if first is None:
            return []
        batch, deadline = [first], time.monotonic() + self.batch_seconds
        while len(batch) < self.batch_rows and not self._stopping.is_set():
            try:
                more = self._queue.get(timeout=max(0.0, deadline - time.monotonic()))
            except queue.Empty:
                break
            if more is None:
                break
            batch.append(more)
        return batch

    def _persist(self, uids: list[MeasurementUid], *, missing_only: bool) -> None:
        """Score and store, again and again while a medium is away: giving up would lose verdicts until a restart."""
        pause = 0.1
        while uids and not self._stopping.is_set():
            try:
                score = self.service.score_missing if missing_only else self.service.score
                score(uids)
            except OoniError as exc:
                _log.warning("scoring waits: %s", exc)
            except Exception:  # noqa: BLE001 - a bug here must not leave everything later unscored
                _log.exception("scoring %d measurements failed; trying again", len(uids))
            else:
                return
            self._stopping.wait(pause)
            pause = min(pause * 2, _LONGEST_PAUSE)
