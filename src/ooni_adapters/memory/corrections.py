"""Changes of published results by hand, in memory."""

import attrs

from ooni_core.scoring.model import Correction


@attrs.define
class MemoryCorrectionLog:
    """A CorrectionLog that lives as long as the process."""

    _noted: list[Correction] = attrs.field(factory=list, init=False)

    def note(self, correction: Correction) -> None:
        """Keep it, once."""
        if correction not in self._noted:
            self._noted.append(correction)

    def corrections(self, limit: int) -> list[Correction]:
        """Return the newest."""
        ordered = sorted(self._noted, key=lambda one: (one.operator, one.statement))
        return sorted(ordered, key=lambda one: one.at, reverse=True)[:limit]
