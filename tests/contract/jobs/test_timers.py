"""Jobs by the clock: which there are, that they do their work, and what their failures do."""

import threading
from datetime import UTC, datetime, timedelta

import attrs
import pytest

from ooni_adapters.scorers import EngineScorer
from ooni_adapters.sql.tables import CITIZENLAB, COUNTERS_TEST_LIST, FASTPATH
from ooni_core.errors import Unavailable
from ooni_core.scoring import Engine
from ooni_core.scoring.service import ScoringService
from ooni_entrypoints.composition import make_publication, make_spool, open_objects
from ooni_entrypoints.settings import load
from ooni_entrypoints.storage import make_storage
from ooni_entrypoints.timed_jobs import timed_jobs
from ooni_entrypoints.timers import Job, Timers
from tests.service import PATIENCE_SECONDS

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)


@attrs.define
class HandClock:
    instant: datetime = NOW

    def now(self):
        return self.instant


@pytest.fixture
def storage_and_jobs(tmp_path):
    opened = []

    def make(**flags):
        named = {"storage.data_dir": str(tmp_path), "clock.start": NOW.isoformat()}
        settings = load(environment={}, flags=named | flags).settings
        storage = make_storage(settings, HandClock())
        opened.append(storage)
        scoring = ScoringService(make_spool(settings), EngineScorer(Engine()), storage.verdicts, storage.quarantine)
        publication = make_publication(settings, storage, scoring, open_objects(settings))
        return storage, {job.name: job for job in timed_jobs(settings, publication, storage)}

    yield make
    for storage in opened:
        storage.engine.close()


def test_nothing_is_fetched_or_copied_unless_it_is_asked_for(storage_and_jobs):
    _, jobs = storage_and_jobs()
    assert set(jobs) == {"publication", "days rolled up", "recount of the test lists"}
    assert jobs["publication"].at == {"minute": 10}
    assert jobs["publication"].at_start


def test_daily_jobs_run_at_night_one_after_the_other(storage_and_jobs):
    _, jobs = storage_and_jobs(**{"probes.update_daily": True, "backup.daily": True, "publication.enabled": False})
    nightly = {name: job.at["hour"] for name, job in jobs.items() if "hour" in job.at}
    assert set(jobs) - set(nightly) == {"days rolled up"}
    assert list(nightly.values()) == sorted(nightly.values())
    assert not any(jobs[name].at_start for name in nightly)


def test_recount_makes_the_counters_follow_the_lists(storage_and_jobs):
    storage, jobs = storage_and_jobs()
    url = "https://www.example.org/"
    started = NOW.replace(tzinfo=None) - timedelta(hours=5)
    row = {
        "measurement_uid": "20261120070000.000000_IT_webconnectivity_0000000000000001",
        "measurement_start_time": started,
        "test_name": "web_connectivity",
        "probe_cc": "IT",
        "input": url,
    }
    storage.engine.insert(FASTPATH, [row])
    storage.engine.insert(CITIZENLAB, [{"domain": "example.org", "url": url, "cc": "ZZ", "category_code": "NEWS"}])
    jobs["recount of the test lists"].run()
    found = storage.engine.query(f"SELECT probe_cc, input, msmt_cnt FROM {COUNTERS_TEST_LIST.name}").tuples
    assert found == [("IT", url, 1)]


def test_nightly_backups_keep_as_many_runs_as_asked(storage_and_jobs, tmp_path):
    storage, jobs = storage_and_jobs(**{"backup.daily": True, "backup.keep": 2})
    for _ in range(3):
        assert jobs["private backup"].run()["tables"] > 10
        storage.clock.instant += timedelta(days=1)
    assert jobs["public backup"].run()["exports"] > 0
    assert len(list((tmp_path / "backups").rglob("manifest.json"))) == 2


def test_failure_is_shown_until_the_job_succeeds_and_ends_nothing():
    outcomes = [Unavailable("the disk is away"), ValueError("a bug"), None]

    def work():
        outcome = outcomes.pop(0)
        if outcome:
            raise outcome

    job = Job("work", work, {"minute": 0})
    timers = Timers([job])
    timers.do(job)
    assert timers.warnings() == ["work failed: the disk is away"]
    timers.do(job)
    assert timers.warnings() == ["work failed: ValueError, see the log"]
    timers.do(job)
    assert timers.warnings() == []


def test_jobs_begin_with_the_service_and_are_finished_before_it_ends():
    begun, may_end, ended = threading.Event(), threading.Event(), []

    def work():
        begun.set()
        may_end.wait(PATIENCE_SECONDS)
        ended.append("work")

    other = []
    timers = Timers(
        [Job("work", work, {"minute": 0}, at_start=True), Job("later", lambda: other.append(1), {"hour": 3})]
    )
    timers.start()
    assert begun.wait(PATIENCE_SECONDS)
    threading.Timer(0.2, may_end.set).start()
    timers.stop()
    assert ended == ["work"]
    assert other == []
