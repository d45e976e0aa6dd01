"""Fingerprints are looked at again while scoring goes on: a new list counts without a restart."""

import logging
import threading
from collections.abc import Callable, Sequence

import attrs

from ooni_adapters.scorers import ProcessScorer
from ooni_core.errors import OoniError
from ooni_core.scoring import FingerprintSet

_log = logging.getLogger(__name__)


@attrs.define(eq=False)
class FingerprintWatch:
    """Gives scorers the fingerprints of now, in a thread of its own.

    Attributes:
        read: reads them where they are kept.
        scorers: changed one after the other, so that the others go on meanwhile.
        seconds: from one look to the next.
        known: what the scorers use.
    """

    read: Callable[[], FingerprintSet]
    scorers: Sequence[ProcessScorer]
    seconds: float
    known: FingerprintSet
    _wanted: threading.Event = attrs.field(factory=threading.Event, init=False)
    _stopping: bool = attrs.field(default=False, init=False)
    _thread: threading.Thread | None = attrs.field(default=None, init=False)

    def start(self) -> None:
        """Begin."""
        self._thread = threading.Thread(target=self._run, name="fingerprints", daemon=True)
        self._thread.start()

    def look(self) -> None:
        """Look now, and return at once."""
        self._wanted.set()

    def stop(self) -> None:
        """End."""
        self._stopping = True
        self._wanted.set()
        if self._thread is not None:
            self._thread.join()

    def _run(self) -> None:
        while not self._stopping:
            asked = self._wanted.wait(self.seconds)
            self._wanted.clear()
            if not self._stopping:
                self._round(asked=asked)

    def _round(self, *, asked: bool) -> None:
        try:
            found = self.read()
            if found.sha256 == self.known.sha256:
                return
            # A list that lost most of its entries is more often an accident than a decision.
            if not asked and 2 * len(found) < len(self.known):
                _log.warning("of %d fingerprints only %d are left: not used yet", len(self.known), len(found))
                return
            for scorer in self.scorers:
                scorer.use(found)
            self.known = found
            _log.info("scoring with %d fingerprints, %s", len(found), found.sha256)
        except OoniError as exc:
            _log.warning("scoring goes on with the former fingerprints: %s", exc)
        except Exception:  # noqa: BLE001 - the thread must live on; the next round tries again
            _log.exception("fingerprints could not be read; scoring goes on with the former ones")
