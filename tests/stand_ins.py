"""What stands in for time and chance, where a test decides about them."""

from datetime import datetime

import attrs


@attrs.define
class HandClock:
    """A Clock that stands still until it is set."""

    instant: datetime

    def now(self) -> datetime:
        return self.instant


class Zeros:
    """An Entropy without chance."""

    def bytes(self, count: int) -> bytes:
        return bytes(count)
