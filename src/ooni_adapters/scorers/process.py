"""Scoring in a child process: HTTP threads keep their interpreter, and a body that kills the scorer kills only that."""

import contextlib
import multiprocessing
import signal
import threading
from collections.abc import Sequence
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess

import attrs

from ooni_core.errors import Unavailable
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
        start_seconds: time that a new child may take to import the engine and build the matcher.
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

        Raises:
            Unavailable: no child could be started.
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

    def use(self, fingerprints: FingerprintSet) -> None:
        """Score with *fingerprints* from the next batch on: a new child takes over when the batch at hand is done."""
        with self._lock:
            self.fingerprints = fingerprints
            if self._child is not None:
                self._end()
                self._running()

    @property
    def pid(self) -> int | None:
        """Number of the child process, None when there is none just now."""
        child = self._child
        return child[0].pid if child else None

    def _alone(self, uid: str, body: bytes, *, again: bool = False) -> Outcome:
        try:
            return self._asked([(uid, body)])[0]
        except _ChildLostError as exc:
            if exc.kind == "crash" and not again:
                # Somebody else may have killed the child: whoever is guilty does it again.
                return self._alone(uid, body, again=True)
            return Quarantined(uid, str(exc), exc.kind)

    def _asked(self, batch: Sequence[tuple[str, bytes]]) -> list[Outcome]:
        seconds = self.seconds + sum(len(body) for _, body in batch) / _BYTES_PER_SECOND
        child = self._ready()
        try:
            child.send(batch)
            if not child.poll(seconds):
                self._end()
                raise _ChildLostError("timeout", f"scoring took longer than {seconds:.0f} s")
            outcomes: list[Outcome] = child.recv()
        except (EOFError, OSError) as exc:
            self._end()
            raise _ChildLostError("crash", "the scoring process died") from exc
        return outcomes

    def _ready(self) -> Connection:
        """Return a child that waits for work: one that dies before that did not die of any measurement.

        Raises:
            Unavailable: none could be started.
        """
        child = self._running()
        if self._fresh:
            try:
                if not child.poll(self.start_seconds):
                    raise TimeoutError(f"not ready after {self.start_seconds:.0f} s")
                child.recv()
            except (EOFError, OSError) as exc:
                self._end()
                raise Unavailable(f"the scoring process could not start: {exc!r}") from exc
            self._fresh = False
        return child

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
        parent.send(None)  # ready
        while True:
            batch = parent.recv()
            parent.send([engine.score(body, uid) for uid, body in batch])
