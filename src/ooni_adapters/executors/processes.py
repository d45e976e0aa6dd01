"""Works in several processes of this computer."""

import multiprocessing
import signal
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import Any, TypeVar

import attrs

from ooni_core.errors import Unavailable

Task = TypeVar("Task")
Result = TypeVar("Result")

# How many tasks wait for each process: enough that none is idle, few enough that their results fit in memory.
_AHEAD = 2
_ATTEMPTS = 3

_work: Callable[[Any], Any]


@attrs.frozen
class LocalProcesses:
    """An executor over *jobs* processes. Each receives the work once, when it starts, and keeps it.

    A process that dies (killed, or out of memory) is replaced, and what it had is done again; the same task may be
    there three times when that happens.
    """

    jobs: int = attrs.field(validator=attrs.validators.ge(1))

    def map(self, work: Callable[[Task], Result], tasks: Iterable[Task]) -> Iterator[Result]:
        """Yield the results of *work* in the order of *tasks*; an error of *work* is raised in its place.

        Raises:
            Unavailable: processes died again and again on one task.
        """
        run = _Run(self.jobs, work)
        try:
            for task in tasks:
                run.add(task)
                if run.is_full:
                    yield run.first()
            while run.waiting:
                yield run.first()
        finally:
            run.stop()

    def close(self) -> None:
        """Release what is held: nothing, the processes end with each ``map``."""


class _Run:
    """One ``map``: a pool that can be replaced, and the tasks it has, oldest first."""

    def __init__(self, jobs: int, work: Callable[[Any], Any]) -> None:
        self._jobs = jobs
        self._initargs = (work,)
        self._pool = self._new_pool()
        self.waiting: deque[tuple[Any, Future[Any]]] = deque()

    def _new_pool(self) -> ProcessPoolExecutor:
        # A copy of this process starts at once; a copy of a process with threads can hang, so then fresh ones start.
        can_copy = threading.active_count() == 1 and sys.platform == "linux"
        context = multiprocessing.get_context("fork" if can_copy else "spawn")
        return ProcessPoolExecutor(self._jobs, context, initializer=_begin, initargs=self._initargs)

    @property
    def is_full(self) -> bool:
        return len(self.waiting) >= self._jobs * _AHEAD

    def add(self, task: Any) -> None:
        self.waiting.append((task, self._submit(task)))

    def _submit(self, task: Any) -> Future[Any]:
        try:
            return self._pool.submit(_apply, task)
        except BrokenProcessPool as exc:
            # Noticed here or when the result is asked for: first() deals with it.
            failed: Future[Any] = Future()
            failed.set_exception(exc)
            return failed

    def first(self) -> Any:
        """Return the result of the oldest task."""
        for _ in range(_ATTEMPTS):
            try:
                result = self.waiting[0][1].result()
            except BrokenProcessPool:
                self._replace_pool()
            else:
                self.waiting.popleft()
                return result
        raise Unavailable(f"worker processes died {_ATTEMPTS} times on the same work; is there enough memory?")

    def _replace_pool(self) -> None:
        self._pool.shutdown(wait=True)
        self._pool = self._new_pool()
        for place, (task, future) in enumerate(self.waiting):
            if not future.done() or future.cancelled() or isinstance(future.exception(), BrokenProcessPool):
                self.waiting[place] = (task, self._submit(task))

    def stop(self) -> None:
        self._pool.shutdown(wait=True, cancel_futures=True)


def _begin(work: Callable[[Any], Any]) -> None:
    global _work  # noqa: PLW0603 - a worker process has exactly one work
    # Ctrl-C reaches the whole process group; the main process decides what happens then.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    _work = work


def _apply(task: Any) -> Any:
    return _work(task)
