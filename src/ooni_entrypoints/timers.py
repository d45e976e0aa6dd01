"""What the service does by the clock: publication and the rollups of charts, every hour."""

import logging
from collections.abc import Callable

import attrs
from apscheduler.schedulers.background import BackgroundScheduler

from ooni_adapters.sql.catalog_rollups import SqlRollups
from ooni_core.errors import OoniError
from ooni_core.publication.service import PublicationService
from ooni_entrypoints.settings import Settings

_log = logging.getLogger(__name__)

_ROLLUP_MINUTE = 5


@attrs.define(eq=False)
class Timers:
    """Runs jobs in threads of their own; one that is still running is not started again."""

    settings: Settings
    publication: PublicationService
    rollups: SqlRollups
    _scheduler: BackgroundScheduler | None = attrs.field(default=None, init=False)

    def start(self) -> None:
        """Begin. Hours that closed while nobody was there are published at once."""
        scheduler = BackgroundScheduler(timezone="UTC", job_defaults={"coalesce": True, "max_instances": 1})
        if self.settings.publication.enabled:
            job = _careful("publication", self._publish)
            scheduler.add_job(job)
            scheduler.add_job(job, "cron", minute=self.settings.publication.minute, misfire_grace_time=3600)
        rollups = _careful("rolling up", self._roll_up)
        scheduler.add_job(rollups)
        scheduler.add_job(rollups, "cron", minute=_ROLLUP_MINUTE, misfire_grace_time=3600)
        scheduler.start()
        self._scheduler = scheduler

    def stop(self) -> None:
        """Let the running jobs finish and end."""
        if self._scheduler is not None:
            self._scheduler.shutdown(wait=True)

    def _roll_up(self) -> None:
        _log.info("rolled up %d days", self.rollups.refresh())

    def _publish(self) -> None:
        report = self.publication.run()
        _log.info("publication: %s", report)
        backlog = self.publication.backlog()
        if backlog.alarm:
            _log.warning("publication: %s", backlog.alarm)


def _careful(name: str, job: Callable[[], None]) -> Callable[[], None]:
    """Keep a job's failure from ending the timer: the next round tries again."""

    def run() -> None:
        try:
            job()
        except OoniError as exc:
            _log.warning("%s waits for its next turn: %s", name, exc)
        except Exception:  # noqa: BLE001 - a bug in one round must not end all later ones
            _log.exception("%s failed", name)

    return run
