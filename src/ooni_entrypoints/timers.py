"""Runs jobs by the clock, in threads of their own."""

import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import attrs

from ooni_core.errors import OoniError

if TYPE_CHECKING:
    from apscheduler.schedulers.background import BackgroundScheduler

_log = logging.getLogger(__name__)

_LATE_SECONDS = 3600


@attrs.frozen
class Job:
    """Something to be done again and again.

    Attributes:
        name: what the log and the health page call it.
        run: does it once; what it returns goes to the log.
        at: when, in UTC, as fields of cron: ``minute`` alone is every hour, with ``hour`` every day.
        at_start: also once when the service starts, for what fell due while it was away.
    """

    name: str
    run: Callable[[], object]
    at: Mapping[str, int]
    at_start: bool = False


@attrs.define(eq=False)
class Timers:
    """Starts jobs when they are due; one that is still running is not started again, one that fails is tried again."""

    jobs: Sequence[Job]
    _scheduler: "BackgroundScheduler | None" = attrs.field(default=None, init=False)
    _beginning: threading.Thread | None = attrs.field(default=None, init=False)
    _failed: dict[str, str] = attrs.field(factory=dict, init=False)

    def start(self) -> None:
        """Begin, and return at once: the first answer does not wait for the scheduler to be imported."""
        self._beginning = threading.Thread(target=self._begin, name="timers", daemon=True)
        self._beginning.start()

    def _begin(self) -> None:
        from apscheduler.schedulers.background import BackgroundScheduler

        scheduler = BackgroundScheduler(timezone="UTC", job_defaults={"coalesce": True, "max_instances": 1})
        for job in self.jobs:
            # One entry for each job: APScheduler cannot remove a finished single run while it is being stopped.
            first = {"next_run_time": datetime.now(UTC)} if job.at_start else {}
            scheduler.add_job(self.do, "cron", args=[job], misfire_grace_time=_LATE_SECONDS, **job.at, **first)
        scheduler.start()
        self._scheduler = scheduler

    def stop(self) -> None:
        """Let the running jobs finish and end."""
        if self._beginning is not None:
            self._beginning.join()
        if self._scheduler is not None:
            self._scheduler.shutdown(wait=True)

    def do(self, job: Job) -> None:
        """Do *job* once. Its failure does not end the timer: the next round tries again."""
        try:
            _log.info("%s: %s", job.name, job.run())
        except OoniError as exc:
            _log.warning("%s waits for its next turn: %s", job.name, exc)
            self._failed[job.name] = str(exc)
        except Exception as exc:  # noqa: BLE001 - a bug in one round must not end all later ones
            _log.exception("%s failed", job.name)
            self._failed[job.name] = f"{type(exc).__name__}, see the log"
        else:
            self._failed.pop(job.name, None)

    def warnings(self) -> list[str]:
        """Return which jobs failed the last time, and why."""
        return [f"{name} failed: {reason}" for name, reason in sorted(self._failed.copy().items())]
