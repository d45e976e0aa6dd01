"""What every executor promises."""

import os
import threading
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from ooni_adapters.executors.beside import beside
from ooni_adapters.executors.dask import DaskCluster
from ooni_adapters.executors.inprocess import InProcess
from ooni_adapters.executors.processes import LocalProcesses
from ooni_core.errors import Invalid, Unavailable
from tests.contract.executors.work import Die, Fail, Square, Whereabouts
from tests.service import PATIENCE_SECONDS


class ExecutorContract:
    """Subclasses supply only ``executor``."""

    ahead = 8

    def test_results_are_in_the_order_of_the_tasks(self, executor: Any):
        assert list(executor.map(Square(), range(30))) == [number * number for number in range(30)]

    def test_no_tasks_no_results(self, executor: Any):
        assert list(executor.map(Square(), [])) == []

    def test_tasks_are_taken_only_a_little_ahead(self, executor: Any):
        taken = 0

        def tasks() -> Iterator[int]:
            nonlocal taken
            for number in range(1000):
                taken = number
                yield number

        results = executor.map(Square(), tasks())
        assert next(results) == 0
        assert taken <= self.ahead
        results.close() if hasattr(results, "close") else None

    def test_error_of_the_work_is_raised_in_its_place(self, executor: Any):
        results = executor.map(Fail(3), range(10))
        assert [next(results) for _ in range(3)] == [0, 1, 2]
        with pytest.raises(Invalid, match="3 cannot be right"):
            next(results)

    def test_can_be_used_again(self, executor: Any):
        assert list(executor.map(Square(), [2])) == [4]
        assert list(executor.map(Square(), [3])) == [9]


class TestInProcess(ExecutorContract):
    @pytest.fixture
    def executor(self) -> InProcess:
        return InProcess()


class SpreadingContract(ExecutorContract):
    """What executors over several processes promise beyond that."""

    def test_other_processes_work(self, executor: Any):
        results, found = executor.map(Whereabouts(), range(2000)), set()
        while len(found) < 2:  # one of them may take longer to start
            found.add(next(results))
        results.close()
        assert os.getpid() not in found

    def test_task_of_a_killed_process_is_done_again(self, executor: Any, tmp_path: Path):
        assert list(executor.map(Die(5, tmp_path / "died"), range(20))) == list(range(20))
        assert (tmp_path / "died").exists()

    def test_task_that_always_kills_is_given_up(self, executor: Any, tmp_path: Path):
        with pytest.raises(Unavailable):
            list(executor.map(Die(5, tmp_path / "died", always=True), range(20)))


class TestLocalProcesses(SpreadingContract):
    @pytest.fixture
    def executor(self) -> LocalProcesses:
        return LocalProcesses(2)


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")
class TestDask(SpreadingContract):
    @pytest.fixture(scope="class")
    def cluster(self) -> Iterator[str]:
        distributed = pytest.importorskip("distributed")
        options = {"n_workers": 2, "threads_per_worker": 1, "processes": True, "host": "127.0.0.1"}
        with distributed.LocalCluster(**options, dashboard_address=None, silence_logs=50) as cluster:
            yield cluster.scheduler_address

    @pytest.fixture
    def executor(self, cluster: str) -> Iterator[DaskCluster]:
        executor = DaskCluster(cluster)
        executor._client.wait_for_workers(2, timeout=PATIENCE_SECONDS)
        yield executor
        executor.close()

    def test_missing_scheduler_is_unavailable(self):
        with pytest.raises(Unavailable, match="no Dask scheduler"):
            DaskCluster("tcp://127.0.0.1:9", timeout=0.5)


class TestBeside:
    def test_works_are_done_in_order_while_the_next_ones_are_made(self) -> None:
        made, done = [], []
        first_done = threading.Event()

        def works() -> Iterator[Callable[[], None]]:
            for number in range(200):
                made.append(number)
                yield partial(work, number)
                if number == 0:
                    assert first_done.wait(PATIENCE_SECONDS), "nothing is done before everything is made"

        def work(number: int) -> None:
            done.append(number)
            first_done.set()

        beside(works())
        assert made == done == list(range(200))

    def test_the_maker_is_never_far_ahead(self) -> None:
        made, done, ahead = [], [], []

        def works() -> Iterator[Callable[[], None]]:
            for number in range(300):
                made.append(number)
                yield partial(work, number)

        def work(number: int) -> None:
            ahead.append(len(made) - len(done))
            done.append(number)

        beside(works())
        assert max(ahead) < 70

    def test_with_one_work_ahead_the_third_waits_for_the_first(self) -> None:
        made, done, ahead = [], [], []

        def works() -> Iterator[Callable[[], None]]:
            for number in range(20):
                ahead.append(number - len(done))
                made.append(number)
                yield partial(done.append, number)

        beside(works(), ahead=1)
        assert made == done == list(range(20))
        assert max(ahead) <= 2

    @pytest.mark.parametrize("bad", [0, 5, 299])
    def test_the_error_of_a_work_is_raised(self, bad: int) -> None:
        def work(number: int) -> None:
            if number == bad:
                raise OSError(5, "Input/output error")

        with pytest.raises(OSError, match="Input/output"):
            beside(partial(work, number) for number in range(300))

    def test_the_error_of_the_maker_is_raised_and_what_was_made_is_done(self) -> None:
        done = []

        def works() -> Iterator[Callable[[], None]]:
            yield partial(done.append, 1)
            raise OSError(5, "Input/output error")

        with pytest.raises(OSError, match="Input/output"):
            beside(works())
        assert done == [1]
