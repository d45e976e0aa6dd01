"""Telling probes to come again later while too many measurements wait for publication."""

from collections.abc import Callable
from datetime import datetime, timedelta

import attrs

from ooni_core.errors import Unavailable
from ooni_core.ports import Clock

_COUNT_AGAIN = timedelta(seconds=5)


@attrs.define
class SpoolBound:
    """Admits measurements while fewer than *most* wait in the spool.

    Counting costs a look at the whole spool, so it is done every few seconds; what was admitted since is added. Threads
    may share it: losing a race admits a few more.

    Attributes:
        waiting: counts what the spool holds.
        most: 0 admits everything.
    """

    waiting: Callable[[], int]
    most: int
    clock: Clock
    _count: int = attrs.field(default=0, init=False)
    _counted: datetime | None = attrs.field(default=None, init=False)

    def admit(self) -> None:
        """Let one measurement in.

        Raises:
            Unavailable: there are too many; probes keep theirs and send it later.
        """
        if not self.most:
            return
        now = self.clock.now()
        if self._counted is None or abs(now - self._counted) >= _COUNT_AGAIN:
            self._count, self._counted = self.waiting(), now
        if self._count >= self.most:
            raise Unavailable(f"{self._count} measurements wait for publication: come again later")
        self._count += 1
