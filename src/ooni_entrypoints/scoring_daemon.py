"""Wires the scoring daemon. Part of the composition root."""

import os
from collections.abc import Sequence
from functools import partial

import attrs
from litestar.types import ASGIApp

from ooni_adapters.scorers import ProcessScorer
from ooni_adapters.spool import FolderSpool
from ooni_core.scoring.service import ScoringService
from ooni_entrypoints.fingerprint_watch import FingerprintWatch
from ooni_entrypoints.http.scoring_daemon import DaemonHealth, Entrance, create_daemon_app
from ooni_entrypoints.settings import Settings
from ooni_entrypoints.storage import SCORES_ITSELF, Storage, clock_of, fingerprints_of, make_storage, require_server
from ooni_entrypoints.workers import ScoringWorker


@attrs.frozen
class ScoringDaemon:
    """Everything of `ooni fastpath` but its socket.

    Attributes:
        asgi: takes measurements in.
        line: scores them.
        scorers: the worker processes.
        watch: keeps their fingerprints current.
    """

    asgi: ASGIApp
    line: ScoringWorker
    scorers: Sequence[ProcessScorer]
    watch: FingerprintWatch
    storage: Storage
    drain_seconds: float

    def start(self) -> None:
        """Begin, with what an earlier run took and did not finish."""
        for scorer in self.scorers:
            scorer.start()
        self.line.start()
        self.watch.start()

    def drain(self) -> None:
        """Score what waits while there is time, and end. The rest stays on disk for the next start."""
        self.watch.stop()
        self.line.drain(self.drain_seconds)
        for scorer in self.scorers:
            scorer.close()
        self.storage.engine.close()


def compose_daemon(settings: Settings) -> ScoringDaemon:
    """Wire the daemon.

    Raises:
        Invalid: the database is one that a second process cannot write to, or fingerprints are wrong.
        Unavailable: the database does not answer.
    """
    require_server(settings, "`ooni fastpath` writes verdicts from a process of its own", SCORES_ITSELF)
    settings.storage.data_dir.mkdir(parents=True, exist_ok=True)
    storage = make_storage(settings, clock_of(settings))
    known = fingerprints_of(settings, storage)
    count = settings.fastpath.workers or os.cpu_count() or 1
    scorers = [ProcessScorer(known, settings.scoring.ruleset) for _ in range(count)]
    # Beside the spool of a service that shares the folder: what waits here is not what waits for publication.
    spool = FolderSpool(settings.storage.data_dir / "fastpath", settings.storage.fsync, settings.storage.reserve_bytes)
    line = ScoringWorker(
        [ScoringService(spool, scorer, storage.verdicts, storage.quarantine) for scorer in scorers],
        settings.scoring.batch_rows,
        settings.scoring.batch_seconds,
        finished=spool.discard,
    )
    watch = FingerprintWatch(
        partial(fingerprints_of, settings, storage), scorers, settings.scoring.fingerprints_seconds, known
    )
    entrance = Entrance(spool, line, settings.fastpath.queue_size, settings.fastpath.queue_seconds)
    health = DaemonHealth(
        entrance,
        warnings=line.warnings,
        workers=lambda: [scorer.pid for scorer in scorers],
        fingerprints=lambda: watch.known,
    )
    asgi = create_daemon_app(entrance, health, settings.service.max_decompressed_bytes)
    return ScoringDaemon(asgi, line, scorers, watch, storage, settings.fastpath.drain_seconds)
