"""The one place that knows which adapter serves which port."""

import importlib.metadata
import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import attrs
from litestar.types import ASGIApp

from ooni_adapters.executors.beside import beside
from ooni_adapters.journal import SqliteJournal
from ooni_adapters.measurementfiles.cans import ObjectCans
from ooni_adapters.objectstore import open_object_store
from ooni_adapters.scorers import EngineScorer, ProcessScorer, RemoteScoring
from ooni_adapters.spool import FolderSpool
from ooni_adapters.sql.catalog import SqlCatalog
from ooni_adapters.sql.engine import cancellable
from ooni_adapters.system import SystemEntropy
from ooni_core.archive import Archive
from ooni_core.archive.files import FileArchive
from ooni_core.archive.hops import SpoolWindow
from ooni_core.catalog.service import CatalogService
from ooni_core.catalog.statistics import StatisticsService
from ooni_core.intake.backpressure import SpoolBound
from ooni_core.intake.service import IntakeService
from ooni_core.ports import NO_TALLY, Clock
from ooni_core.publication.ports import ObjectStore
from ooni_core.publication.service import PublicationLimits, PublicationService
from ooni_core.scoring import Engine, FingerprintSet
from ooni_core.scoring.handover import HandoverService
from ooni_core.scoring.model import Quarantined
from ooni_core.scoring.service import ScoringService
from ooni_entrypoints.accounts import account_commands, make_account_services
from ooni_entrypoints.backups import backup_commands
from ooni_entrypoints.community import make_community
from ooni_entrypoints.control import ControlServer, socket_path
from ooni_entrypoints.demo import fingerprints as demo_fingerprints
from ooni_entrypoints.figures import make_figures, watch_also
from ooni_entrypoints.fingerprint_watch import FingerprintWatch
from ooni_entrypoints.http import (
    aggregation,
    legacy_pages,
    measurement_spool,
    measurements,
    metrics,
    one_measurement,
    private,
    published_files,
    reports,
    system,
    transparency,
)
from ooni_entrypoints.http.app import create_app
from ooni_entrypoints.interpreter import answer_first
from ooni_entrypoints.leadership import Leadership
from ooni_entrypoints.opening import Opened
from ooni_entrypoints.peers import make_peers
from ooni_entrypoints.probe_jobs import update_test_lists
from ooni_entrypoints.probe_services import make_probe_services, make_submissions
from ooni_entrypoints.readiness import Check, Readiness
from ooni_entrypoints.settings import Settings
from ooni_entrypoints.storage import (
    Storage,
    fingerprints_of,
    open_storage,
)
from ooni_entrypoints.timed_jobs import timed_jobs
from ooni_entrypoints.timers import Timers
from ooni_entrypoints.transparency import make_withdrawal, open_log, withdrawal_commands
from ooni_entrypoints.workers import ScoringWorker

_AREAS = (
    reports,
    measurements,
    one_measurement,
    published_files,
    measurement_spool,
    aggregation,
    private,
    transparency,
    legacy_pages,
    system,
)

_log = logging.getLogger(__name__)


def version() -> str:
    """Return the version of this installation."""
    return importlib.metadata.version("ooni-backend")


def spool_folder(settings: Settings) -> Path:
    """Return the folder that holds received measurements and the state of their publication."""
    return settings.storage.data_dir / "measurements"


def objects_url(settings: Settings) -> str:
    """Return the URL of the object store that *settings* name."""
    return settings.storage.objects or f"file://{(settings.storage.data_dir / 'objects').absolute()}"


def open_objects(settings: Settings) -> ObjectStore:
    """Open the object store of published files.

    Raises:
        Invalid: its URL names no store.
    """
    url, options = objects_url(settings), {}
    if url.startswith("s3://"):
        storage = settings.storage
        options = {
            "endpoint": storage.s3_endpoint or None,
            "key": storage.s3_key or None,
            "secret": storage.s3_secret or None,
            "profile": storage.s3_profile,
            "region": storage.s3_region,
            "anonymous": storage.s3_anonymous,
            "timeout": storage.s3_seconds,
            "attempts": storage.s3_attempts,
        }
    return open_object_store(url, **options)


def open_cans(settings: Settings, objects: ObjectStore) -> ObjectStore:
    """Return the store of the cans of before October 2020: *objects*, unless the settings name another."""
    cans = settings.storage.cans
    if not cans:
        return objects
    return open_objects(attrs.evolve(settings, storage=attrs.evolve(settings.storage, objects=cans)))


def make_spool(settings: Settings) -> FolderSpool:
    """Return the spool of received measurements."""
    storage = settings.storage
    return FolderSpool(spool_folder(settings), storage.fsync, storage.reserve_bytes)


def make_publication(
    settings: Settings, storage: Storage, scoring: ScoringService, objects: ObjectStore
) -> PublicationService:
    """Return the use case that publishes what the spool holds, once it is scored."""

    def quarantine(entry: Quarantined) -> None:
        if not storage.quarantine.known([entry.measurement_uid]):  # what scoring found says more
            storage.quarantine.put([entry])

    return PublicationService(
        spool=scoring.spool,
        journal=SqliteJournal(spool_folder(settings)),
        objects=objects,
        index=storage.bodies,
        clock=storage.clock,
        identity=f"n{settings.service.collector_id}",
        announce=open_log(settings, objects).append_manifest,
        before_discard=scoring.settle,
        quarantine=quarantine,
        seekable=settings.publication.seekable,
        limits=PublicationLimits(many=settings.publication.alarm_waiting),
        beside=beside,
        finishing=partial(beside, ahead=1),
    )


def make_archive(settings: Settings, storage: Storage, spool: FolderSpool, objects: ObjectStore) -> Archive:
    """Return the use case that finds bodies."""
    return Archive(
        spool,
        storage.bodies,
        objects,
        make_peers(settings, storage.clock),
        storage.clock,
        cans=ObjectCans(open_cans(settings, objects)),
    )


def make_worker(settings: Settings, scoring: ScoringService) -> ScoringWorker:
    """Return what scores beside HTTP: this process, or the daemon that the settings name."""
    if not settings.scoring.daemon:
        return ScoringWorker([scoring], settings.scoring.batch_rows, settings.scoring.batch_seconds)
    daemon = RemoteScoring(settings.scoring.daemon, settings.scoring.daemon_seconds)
    # A few rounds of what goes out at once: one slow exchange holds up little.
    return ScoringWorker([HandoverService(scoring, daemon)], 4 * daemon.at_once, batch_seconds=0, longest_pause=5)


@contextmanager
def open_publication(settings: Settings) -> Iterator[PublicationService]:
    """Everything that `ooni publish` needs when no service is running."""
    with open_storage(settings) as storage:
        engine = Engine(fingerprints_of(settings, storage), settings.scoring.ruleset)
        scoring = ScoringService(make_spool(settings), EngineScorer(engine), storage.verdicts, storage.quarantine)
        yield make_publication(settings, storage, scoring, open_objects(settings))


@attrs.frozen
class Application:
    """The service, ready to be run by an ASGI server.

    Attributes:
        asgi: the application; its lifespan starts and stops everything that works beside it.
    """

    asgi: ASGIApp
    clock: Clock


def compose(settings: Settings, opened: Opened, *, demo: bool = False) -> Application:
    """Wire the whole service.

    Args:
        settings: the effective settings.
        opened: its database, and what reads it already.
        demo: score with the invented fingerprints of the samples.

    Raises:
        OoniError: something that the service cannot do without is missing.
    """
    storage, refresher = opened.storage, opened.refresher
    clock = storage.clock
    spool, objects = make_spool(settings), open_objects(settings)
    known = FingerprintSet.from_csv(*demo_fingerprints()) if demo else fingerprints_of(settings, storage)
    scorer = ProcessScorer(known, settings.scoring.ruleset)
    entropy = SystemEntropy()
    figures = make_figures(settings.service)
    tally = figures or NO_TALLY
    people = make_account_services(settings, storage.engine, clock, storage.verdicts)
    probes = make_probe_services(
        settings, storage.engine, clock, entropy, storage.verdicts, people.sessions, refresher.prioritization, tally
    )
    community = make_community(settings, storage.engine, clock, entropy, probes.prioritization)
    scoring = ScoringService(spool, scorer, probes.verdicts, storage.quarantine)
    worker = make_worker(settings, scoring)
    watch = FingerprintWatch(
        partial(fingerprints_of, settings, storage), [scorer], settings.scoring.fingerprints_seconds, known
    )
    # With a daemon, this process scores only what the daemon refuses, and what has no verdict when it is published.
    scores_here = [] if settings.scoring.daemon else [scorer.start]
    watched = [] if demo else [watch.start]
    publication = make_publication(settings, storage, scoring, objects)
    timers = Timers(tuple(timed_jobs(settings, publication, storage)))
    control = ControlServer(socket_path(settings.storage.data_dir), commands_of(settings, publication, storage))
    leadership = Leadership(
        settings.storage.data_dir / "leader.lock", [(timers.start, timers.stop), (control.start, control.stop)]
    )
    catalog = SqlCatalog(storage.engine, settings.storage.query_seconds)
    bound = SpoolBound(lambda: publication.backlog().measurements, settings.storage.most_waiting, clock)
    intake = IntakeService(spool, worker, clock, entropy, settings.service.collector_id, bound, tally)
    use_cases = {
        **probes.use_cases,
        **people.use_cases,
        **community.use_cases,
        "intake": intake,
        "submissions": make_submissions(settings, intake, clock, entropy),
        "catalog": CatalogService(catalog),
        "statistics": StatisticsService(catalog, catalog, clock),
        "archive": make_archive(settings, storage, spool, objects),
        "files": FileArchive(objects),
        "spool_window": SpoolWindow(spool, settings.peers.keys, clock),
        "clock": clock,
        "log_view": open_log(settings, objects).view,
        "service_settings": settings.service,
        "readiness": Readiness(
            version(),
            [Check("db_error", lambda: storage.engine.query("SELECT 1")), Check("spool_full", spool.check_room)],
            [
                probes.warnings,
                people.warnings,
                worker.warnings,
                timers.warnings,
                lambda: [alarm] if (alarm := publication.backlog().alarm) else [],
            ],
        ),
    }
    if figures:
        watch_also(
            figures,
            {
                "scoring_queue": ("Measurements that wait for scoring.", worker.depth),
                "spool_measurements": (
                    "Measurements that wait for publication.",
                    lambda: publication.backlog().measurements,
                ),
                "spool_hours_late": (
                    "Hours since the oldest waiting measurement could have been published.",
                    lambda: publication.backlog().hours_late,
                ),
                "spool_free_bytes": ("Bytes that the file system of the spool has left.", spool.free_bytes),
            },
        )
    areas = (*_AREAS, metrics) if figures else _AREAS
    asgi = create_app(
        handlers=[
            *probes.handlers,
            *people.handlers,
            *community.handlers,
            *(handler for area in areas for handler in area.handlers),
        ],
        use_cases={**use_cases, "figures": figures},
        figures=figures,
        version=version(),
        max_body_bytes=settings.service.max_body_bytes,
        on_start=[refresher.wait, *scores_here, *watched, worker.start, leadership.start, answer_first],
        on_stop=[
            leadership.stop,
            worker.stop,
            watch.stop,
            refresher.stop,
            scorer.close,
            storage.engine.close,
        ],
        cancellable=cancellable,
    )
    return Application(asgi, clock)


def commands_of(
    settings: Settings, publication: PublicationService, storage: Storage
) -> Mapping[str, Callable[..., Any]]:
    """Return what other processes may ask of a running service; see `ooni_entrypoints.control`."""

    def publish(*, now: bool) -> dict[str, Any]:
        return attrs.asdict(publication.run(include_open_hour=now))

    def quarantine(*, limit: int) -> list[dict[str, Any]]:
        return [attrs.asdict(entry) for entry in storage.quarantine.entries(limit)]

    withdrawal = make_withdrawal(publication, storage, open_log(settings, publication.objects))
    return {
        **backup_commands(settings, storage.engine, storage.clock),
        **withdrawal_commands(withdrawal),
        **account_commands(settings, storage),
        "publish": publish,
        "quarantine": quarantine,
        "update_citizenlab": partial(update_test_lists, settings, storage.engine),
    }
