"""DNS consistency (until 2017): kept, never analysed."""

from typing import Any

from ooni_core.scoring.nettests.rule import Knowledge
from ooni_core.scoring.verdict import Scores


def score(_measurement: dict[str, Any], _knowledge: Knowledge) -> Scores:
    """Give zero scores without reading anything."""
    return Scores()
