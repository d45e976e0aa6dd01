"""Scoring in the calling thread."""

from collections.abc import Sequence

import attrs

from ooni_core.scoring import Engine, Outcome


@attrs.frozen
class EngineScorer:
    """A Scorer that runs the engine right here: simple, and enough where nobody waits for the thread."""

    engine: Engine

    def score(self, batch: Sequence[tuple[str, bytes]]) -> list[Outcome]:
        """Return one outcome for each pair of uid and body, in the same order."""
        return [self.engine.score(body, uid) for uid, body in batch]
