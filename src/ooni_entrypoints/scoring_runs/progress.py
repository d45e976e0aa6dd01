"""Tells a person at a terminal how far a run is."""

import sys
import time
from typing import TextIO

import attrs

_EVERY = 0.3  # seconds


@attrs.define
class Progress:
    """One line on a terminal, written over again; nothing at all where nobody watches.

    Args:
        total: bytes of input, 0 when unknown.
        what: what is counted.
        screen: where to write.
    """

    total: int
    what: str = "measurements"
    screen: TextIO = attrs.field(factory=lambda: sys.stderr)
    done: int = attrs.field(default=0, init=False)
    count: int = attrs.field(default=0, init=False)
    _began: float = attrs.field(factory=time.monotonic, init=False)
    _shown: float = attrs.field(default=0.0, init=False)

    def advance(self, size: int, count: int) -> None:
        """Count *count* more, made from *size* bytes of input."""
        self.done += size
        self.count += count
        now = time.monotonic()
        if self.screen.isatty() and now - self._shown > _EVERY:
            self._shown = now
            self.screen.write(f"\r\x1b[K{self.line(now - self._began)}")
            self.screen.flush()

    def line(self, elapsed: float) -> str:
        """Return what is shown after *elapsed* seconds."""
        text = f"{self.count:,} {self.what}  {self.count / max(elapsed, 0.001):,.0f}/s"
        if not self.total:
            return text
        share = min(self.done / self.total, 1.0)
        left = f"{_clock(elapsed / share - elapsed)} left" if share else "…"
        return f"{text}  {share:.0%}  {left}"

    def finish(self) -> None:
        """Clear the line."""
        if self._shown:
            self.screen.write("\r\x1b[K")
            self.screen.flush()


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
