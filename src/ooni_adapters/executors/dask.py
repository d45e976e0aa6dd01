"""Works on a Dask cluster."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeVar

import attrs

from ooni_core.errors import Unavailable

Task = TypeVar("Task")
Result = TypeVar("Result")

_AHEAD = 2


@attrs.frozen
class DaskCluster:
    """An executor over the workers of a running cluster, which must have this package installed.

    Args:
        address: of the scheduler, ``tcp://host:8786``.
        timeout: seconds to wait for the scheduler.
    """

    address: str
    timeout: float = 10.0
    _client: Any = attrs.field(init=False)

    @_client.default
    def _connected(self) -> Any:
        from distributed import Client

        try:
            return Client(self.address, timeout=self.timeout, set_as_default=False)
        except (OSError, ValueError) as exc:
            raise Unavailable(f"no Dask scheduler answers at {self.address}: {exc}") from exc

    def map(self, work: Callable[[Task], Result], tasks: Iterable[Task]) -> Iterator[Result]:
        """Yield the results of *work* in the order of *tasks*; an error of *work* is raised in its place.

        A task whose worker dies is done again by another one; the scheduler gives up after a few deaths.

        Raises:
            Unavailable: workers died again and again on one task, or the scheduler went away.
        """
        # As a task of its own the work can be made again anywhere, also after the worker that had it died.
        shared = self._client.submit(_same, work, pure=False)
        waiting: deque[Any] = deque()
        try:
            for task in tasks:
                waiting.append(self._client.submit(_apply, shared, task, pure=False))
                if len(waiting) >= _AHEAD * self._threads():
                    yield _result(waiting.popleft())
            while waiting:
                yield _result(waiting.popleft())
        finally:
            self._client.cancel([*waiting, shared])

    def _threads(self) -> int:
        return max(1, sum(self._client.nthreads().values()))

    def close(self) -> None:
        """Leave the cluster; it goes on without us."""
        self._client.close()


def _result(future: Any) -> Any:
    from concurrent.futures import CancelledError

    from distributed import KilledWorker

    try:
        return future.result()
    except (KilledWorker, CancelledError, OSError) as exc:
        raise Unavailable(f"the Dask cluster lost a piece of work: {exc}") from exc


def _same(work: Callable[[Any], Any]) -> Callable[[Any], Any]:
    return work


def _apply(work: Callable[[Any], Any], task: Any) -> Any:
    return work(task)
