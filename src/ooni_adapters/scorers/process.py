"""Scoring in a child process: HTTP threads keep their interpreter, and a body that kills the scorer kills only that."""

import contextlib
import multiprocessing
import signal
import threading
from collections.abc import Sequence
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess

import attrs

from ooni_core.scoring import Engine, FingerprintSet, Outcome, Quarantined

_SPAWN = multiprocessing.get_context("spawn")
_BYTES_PER_SECOND = 2_000_000  # far below what the engine does: only a stuck child is this slow


class _ChildLostError(Exception):
    """The child died or had to be killed."""

    def __init__(self, kind: str, reason: str) -> None:
        super().__init__(reason)
        self.kind = kind


@attrs.define
class ProcessScorer:
    """A Scorer in one child process, replaced when it dies or exceeds its time.

    Attributes:
        fingerprints: sent to the child once, when it starts.
        ruleset: name of the rule set.
        seconds: time that one measurement may take, beyond what its size explains.
        start_seconds: further time for the first batch of a new child, which imports the engine and builds the matcher.
    """

    fingerprints: FingerprintSet
    ruleset: str
    seconds: float = 10.0
    start_seconds: float = 30.0
    _child: tuple[SpawnProcess, Connection] | None = attrs.field(default=None, init=False)
    _fresh: bool = attrs.field(default=True, init=False)
    _lock: threading.Lock = attrs.field(factory=threading.Lock, init=False)

    def score(self, batch: Sequence[tuple[str, bytes]]) -> list[Outcome]:
        """Return one outcome for each pair of uid and body, in the same order.

        When the batch costs the child its life, each measurement is tried alone, so that only the guilty one pays.
        """
        with self._lock:
            try:
                return self._asked(batch)
            except _ChildLostError:
                return [self._alone(uid, body) for uid, body in batch]

    def start(self) -> None:
        """Start the child ahead of the first measurement, so that it need not wait."""
        with self._lock:
            self._running()

    def close(self) -> None:
        """End the child."""
        with self._lock:
            self._end()

    def _alone(self, uid: str, body: bytes) -> Outcome:
        try:
            return self._asked([(uid, body)])[0]
        except _ChildLostError as exc:
            return Quarantined(uid, str(exc), exc.kind)

    def _asked(self, batch: Sequence[tuple[str, bytes]]) -> list[Outcome]:
        seconds = self.seconds + sum(len(body) for _, body in batch) / _BYTES_PER_SECOND
        child = self._running()
        try:
            child.send(batch)
            if not child.poll(seconds + (self.start_seconds if self._fresh else 0)):
                self._end()
                raise _ChildLostError("timeout", f"scoring took longer than {seconds:.0f} s")
            outcomes: list[Outcome] = child.recv()
        except (EOFError, OSError) as exc:
            self._end()
            raise _ChildLostError("crash", "the scoring process died") from exc
        self._fresh = False
        return outcomes

    def _running(self) -> Connection:
        if self._child is None:
            ours, theirs = _SPAWN.Pipe()
            process = _SPAWN.Process(
                target=_serve, args=(theirs, self.fingerprints, self.ruleset), name="ooni-scorer", daemon=True
            )
            process.start()
            theirs.close()
            self._child, self._fresh = (process, ours), True
        return self._child[1]

    def _end(self) -> None:
        if self._child is None:
            return
        process, ours = self._child
        self._child = None
        ours.close()
        process.kill()
        process.join()


def _serve(parent: Connection, fingerprints: FingerprintSet, ruleset: str) -> None:
    # Ctrl-C on a terminal reaches every process of the group; the parent decides when this one ends.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    engine = Engine(fingerprints, ruleset)
    # The parent closing its end, or dying, is the order to leave.
    with contextlib.suppress(EOFError, OSError):
        while True:
            batch = parent.recv()
            parent.send([engine.score(body, uid) for uid, body in batch])
