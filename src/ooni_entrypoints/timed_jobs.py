"""What the service does by the clock. Part of the composition root."""

import logging
from collections.abc import Iterator
from datetime import UTC
from functools import partial

from ooni_adapters.sql.catalog_rollups import SqlRollups
from ooni_adapters.sql.counting import recount
from ooni_core.publication.model import Report
from ooni_core.publication.service import PublicationService
from ooni_entrypoints.backups import make_backup, open_catalog, summary
from ooni_entrypoints.probe_jobs import make_geoip_updater, update_test_lists, update_vpn
from ooni_entrypoints.settings import Settings
from ooni_entrypoints.storage import Storage
from ooni_entrypoints.timers import Job

_log = logging.getLogger(__name__)

_ROLLUP_MINUTE = 5


def timed_jobs(settings: Settings, publication: PublicationService, storage: Storage) -> Iterator[Job]:
    """Yield the jobs that *settings* ask for, and those that every installation needs."""
    if settings.publication.enabled:
        yield Job("publication", partial(_publish, publication), {"minute": settings.publication.minute}, at_start=True)
    rollups = SqlRollups(storage.engine, storage.clock)
    yield Job("days rolled up", rollups.refresh, {"minute": _ROLLUP_MINUTE}, at_start=True)
    yield Job("recount of the test lists", partial(_recount, storage), {"hour": 2, "minute": 20})
    if settings.probes.update_daily:
        update = partial(update_test_lists, settings, storage.engine, force=False, dry_run=False)
        yield Job("update of the test lists", update, {"hour": 3, "minute": 15})
        yield Job("update of the location database", make_geoip_updater(settings).update, {"hour": 3, "minute": 45})
        yield Job("update of the VPN configurations", partial(update_vpn, settings), {"hour": 3, "minute": 55})
    if settings.backup.daily:
        for name, hour in (("private", 4), ("public", 5)):
            yield Job(f"{name} backup", partial(_back_up, settings, storage, name), {"hour": hour, "minute": 30})


def _publish(publication: PublicationService) -> Report:
    report = publication.run()
    backlog = publication.backlog()
    if backlog.alarm:
        _log.warning("publication: %s", backlog.alarm)
    return report


def _recount(storage: Storage) -> str:
    recount(storage.engine, storage.clock.now().astimezone(UTC).replace(tzinfo=None))
    return "done"


def _back_up(settings: Settings, storage: Storage, name: str) -> dict[str, object]:
    catalog = open_catalog(settings, name)
    return summary(make_backup(storage.engine, storage.clock, catalog, keep=settings.backup.keep))
