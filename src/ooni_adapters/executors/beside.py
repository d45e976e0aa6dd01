"""Works in one thread beside the caller."""

from collections import deque
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor

_AHEAD = 64


def beside(works: Iterable[Callable[[], object]], ahead: int = _AHEAD) -> None:
    """Do each of *works*, in order, while the caller makes the next ones: for work that compresses or reads.

    At most *ahead* works wait, one more is under way or just made.

    The thread ends with the call. An error of a work is raised here; the works that were made before are done.
    """
    waiting: deque[Future[object]] = deque()
    with ThreadPoolExecutor(1, thread_name_prefix="beside") as thread:
        for work in works:
            waiting.append(thread.submit(work))
            if len(waiting) > ahead:
                waiting.popleft().result()
        for each in waiting:
            each.result()
