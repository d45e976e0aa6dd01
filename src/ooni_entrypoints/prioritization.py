"""Wires prioritization, apart from all else: it reads for as long as everything else takes to be imported."""

import logging
import threading
from collections.abc import Callable
from datetime import timedelta
from functools import partial

import attrs

from ooni_adapters.probefiles import FailoverFile
from ooni_adapters.sql.counters import SqlCounts
from ooni_adapters.sql.engine import SqlEngine
from ooni_adapters.sql.prioritization import SqlRules
from ooni_adapters.sql.testlists import SqlTestLists
from ooni_adapters.system import locked
from ooni_core.errors import OoniError
from ooni_core.ports import Clock
from ooni_core.prioritization.service import Prioritization
from ooni_entrypoints.settings import Settings

_log = logging.getLogger(__name__)


@attrs.define(eq=False)
class Refresher:
    """Reads again what changed, in a thread of its own."""

    prioritization: Prioritization
    seconds: float
    _stopping: threading.Event = attrs.field(factory=threading.Event, init=False)
    _tried: threading.Event = attrs.field(factory=threading.Event, init=False)
    _thread: threading.Thread | None = attrs.field(default=None, init=False)

    def begin(self) -> None:
        """Begin, and return at once: whoever wires the service goes on meanwhile."""
        self._thread = threading.Thread(target=self._run, name="prioritization", daemon=True)
        self._thread.start()

    def wait(self) -> None:
        """Return when the first snapshot is there, or when the database turned out to be away."""
        self._tried.wait()

    def stop(self) -> None:
        """End."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join()

    def _run(self) -> None:
        self._round(self._seed, self.prioritization.refresh)
        self._tried.set()
        while not self._stopping.wait(self.seconds):
            self._round(self.prioritization.refresh, self.prioritization.keep)

    def _seed(self) -> None:
        if self.prioritization.seed_rules():
            _log.info("there were no priority rules: the default ones are in force")

    @staticmethod
    def _round(*steps: Callable[[], None]) -> None:
        try:
            for step in steps:
                step()
        except OoniError as exc:
            _log.warning("probes are answered from the former lists: %s", exc)
        except Exception:  # noqa: BLE001 - the thread must live on; the next round tries again
            _log.exception("lists, rules or counters could not be read; probes are answered from the former ones")


def make_refresher(settings: Settings, engine: SqlEngine, clock: Clock) -> Refresher:
    """Return the use case that chooses URLs, with what keeps it up to date."""
    failover = FailoverFile(settings.storage.data_dir / "test_lists.json.gz")
    rules = make_rules(settings, engine)
    prioritization = Prioritization(
        SqlTestLists(engine),
        rules,
        SqlCounts(engine),
        clock,
        failover=failover,
        counting=timedelta(seconds=settings.probes.counters_seconds),
    )
    return Refresher(prioritization, settings.probes.refresh_seconds)


def make_rules(settings: Settings, engine: SqlEngine) -> SqlRules:
    """Return the priority rules; the processes of one installation change them one after the other."""
    return SqlRules(engine, partial(locked, settings.storage.data_dir / "priority_rules.lock"))
