"""The threads that score: nothing offered is forgotten, whatever fails, and the end is in good order."""

import threading

import attrs
import pytest

from ooni_core.errors import Unavailable
from ooni_core.measurement import MeasurementUid
from ooni_core.scoring.handover import HandoverUnfinished
from ooni_core.scoring.service import ScoringSummary
from ooni_entrypoints.workers import ScoringWorker
from tests.service import eventually

UIDS = [MeasurementUid(f"20260203040506.{number:06}_IT_ndt_0123456789abcdef") for number in range(200)]


@attrs.define(eq=False)
class Task:
    """Remembers what it scored; fails as told; waits at its gate."""

    left_behind: list = attrs.field(factory=list)
    error: Exception | None = None
    never: set = attrs.field(factory=set)
    scored: list = attrs.field(factory=list)
    gate: threading.Event = attrs.field(factory=threading.Event)
    busy: threading.Event = attrs.field(factory=threading.Event)

    def __attrs_post_init__(self):
        self.gate.set()

    def score(self, uids):
        self.busy.set()
        self.gate.wait()
        if self.error:
            raise self.error
        left = [uid for uid in uids if uid in self.never]
        self.scored += [uid for uid in uids if uid not in self.never]
        if left:
            raise HandoverUnfinished("not these", left)
        return ScoringSummary(stored=len(uids))

    def score_missing(self, uids):
        return self.score(uids)

    def waiting(self):
        yield self.left_behind


@pytest.fixture
def make_worker():
    """Make workers, and end them."""
    made = []

    def make(*tasks, rows=10, **more):
        made.append(ScoringWorker(list(tasks), rows, 0.001, **more))
        return made[-1]

    yield make
    for worker in made:
        worker.stop()


def test_all_threads_work_on_one_queue_and_each_measurement_is_scored_once(make_worker):
    tasks = [Task(), Task(), Task()]
    worker = make_worker(*tasks)
    for uid in UIDS:
        worker.offer(uid)
    worker.start()
    worker.drain(30)
    assert sorted(uid for task in tasks for uid in task.scored) == UIDS
    summary, last = worker.done()
    assert summary == ScoringSummary(stored=200)
    assert last is not None


def test_what_an_earlier_run_left_is_scored_by_one_thread(make_worker):
    tasks = [Task(left_behind=UIDS[:100]), Task(left_behind=UIDS[:100])]
    worker = make_worker(*tasks)
    worker.start()
    assert eventually(lambda: len(tasks[0].scored) == 100)
    assert tasks[1].scored == []


@pytest.mark.parametrize("error", [Unavailable("the database is away"), RuntimeError("a bug")])
def test_failed_batch_is_done_again_and_said(make_worker, error):
    task = Task(error=error)
    worker = make_worker(task)
    worker.start()
    worker.offer(UIDS[0])
    assert eventually(worker.warnings)
    task.error = None
    assert eventually(lambda: task.scored == [UIDS[0]])
    assert eventually(lambda: not worker.warnings())


def test_batch_counts_as_finished_only_when_its_bodies_are_dealt_with_too(make_worker):
    failures, finished = [Unavailable("the disk failed")], []

    def finish(uids):
        if failures:
            raise failures.pop()
        finished.extend(uids)

    task = Task()
    worker = make_worker(task, finished=finish)
    worker.start()
    worker.offer(UIDS[0])
    assert eventually(lambda: finished == [UIDS[0]])
    assert task.scored == [UIDS[0]] * 2


def test_measurement_that_the_daemon_never_takes_holds_up_no_other(make_worker):
    task = Task(never={UIDS[3]})
    worker = make_worker(task, rows=4)
    for uid in UIDS[:20]:
        worker.offer(uid)
    worker.start()
    assert eventually(lambda: len(task.scored) == 19)
    worker.offer(UIDS[20])
    assert eventually(lambda: UIDS[20] in task.scored)
    assert eventually(lambda: worker.warnings() == ["scoring waits: not these"])
    assert sorted(task.scored) == [uid for uid in UIDS[:21] if uid != UIDS[3]]


def test_stop_finishes_the_batch_at_hand_and_leaves_the_rest(make_worker):
    task = Task()
    worker = make_worker(task)
    task.gate.clear()
    for uid in UIDS:
        worker.offer(uid)
    worker.start()
    assert task.busy.wait(30)
    stopping = threading.Thread(target=worker.stop)
    stopping.start()
    assert worker._stopping.wait(30)
    task.gate.set()
    stopping.join()
    assert len(task.scored) == 10


def test_drain_has_a_deadline(make_worker):
    task = Task(error=Unavailable("the database is away"))
    worker = make_worker(task)
    for uid in UIDS:
        worker.offer(uid)
    worker.start()
    worker.drain(0.05)
    assert task.scored == []
