"""NDT measures speed, not blocking."""

from typing import Any

from ooni_core.scoring.nettests.rule import Knowledge
from ooni_core.scoring.verdict import Scores


def score(_measurement: dict[str, Any], _knowledge: Knowledge) -> Scores:
    """Give no score at all."""
    return Scores.empty("ndt is not scored: it measures speed")
