"""What is measured. `make bench` runs every module here that has a function ``figures`` and writes one table.

A module of benchmarks looks like this::

    def figures(*, quick: bool) -> Iterator[Figure]:
        yield Figure("score a measurement", 31_000, "per s", "1.4 times the time of bare orjson.loads")

Figures are compared within one run on one machine; nothing here fails because a machine is slow. ``quick`` asks for
less repetition, to try a benchmark out. Progress goes to stderr.
"""

import time
from collections.abc import Callable, Sequence

import attrs


@attrs.frozen
class Figure:
    """One measured number.

    Attributes:
        what: what was done, in a few words.
        value: the number.
        unit: its unit, such as ``per s``, ``ms`` or ``MB/s``.
        beside: what it stands beside in the same run: a ratio, a p99, the size of the work.
    """

    what: str
    value: float
    unit: str
    beside: str = ""


def seconds(work: Callable[[], object], repeat: int = 3) -> float:
    """Return the shortest of *repeat* times that *work* took, in seconds."""
    best = float("inf")
    for _ in range(repeat):
        start = time.perf_counter()
        work()
        best = min(best, time.perf_counter() - start)
    return best


def percentile(sorted_values: Sequence[float], share: float) -> float:
    """Return the value below which *share* (0 to 1) of *sorted_values* lies."""
    return sorted_values[min(len(sorted_values) - 1, int(share * len(sorted_values)))]
