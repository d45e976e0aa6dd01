"""Work that executors can send to other processes."""

import os
import signal
import time
from pathlib import Path

import attrs

from ooni_core.errors import Invalid


@attrs.frozen
class Square:
    """Squares numbers, slower for even ones, so that results are ready out of order."""

    def __call__(self, number: int) -> int:
        time.sleep(0.02 if number % 2 == 0 else 0.001)
        return number * number


@attrs.frozen
class Fail:
    """Refuses one number."""

    wrong: int

    def __call__(self, number: int) -> int:
        if number == self.wrong:
            raise Invalid(f"{number} cannot be right")
        return number


@attrs.frozen
class Die:
    """Kills its own process when it meets one number: the first time, or always."""

    at: int
    marker: Path
    always: bool = False

    def __call__(self, number: int) -> int:
        if number == self.at and (self.always or not self.marker.exists()):
            self.marker.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        time.sleep(0.01)
        return number


@attrs.frozen
class Whereabouts:
    """Tells which process works."""

    def __call__(self, _: int) -> int:
        time.sleep(0.05)
        return os.getpid()
