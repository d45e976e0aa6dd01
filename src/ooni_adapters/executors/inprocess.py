"""Works in the calling process."""

from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

import attrs

Task = TypeVar("Task")
Result = TypeVar("Result")


@attrs.frozen
class InProcess:
    """An executor that spreads nothing: for one job, and for tests."""

    def map(self, work: Callable[[Task], Result], tasks: Iterable[Task]) -> Iterator[Result]:
        """Yield the results of *work* in the order of *tasks*; an error of *work* is raised in its place."""
        return map(work, tasks)

    def close(self) -> None:
        """Release what is held: nothing."""
