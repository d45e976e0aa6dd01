"""STUN reachability: does a STUN server answer?"""

from typing import Any

from ooni_core.scoring.nettests.rule import Knowledge
from ooni_core.scoring.reading import test_keys
from ooni_core.scoring.verdict import Scores


def score(measurement: dict[str, Any], _knowledge: Knowledge) -> Scores:
    """Blocked if it says a failure."""
    keys = test_keys(measurement)
    scores = Scores()
    extra = {"endpoint": keys.get("endpoint")}
    if keys.get("failure"):
        scores.block(1.0, "failure is set")
        extra["failure"] = keys["failure"]
    scores["extra"] = extra
    return scores
