"""Psiphon: does it bootstrap?"""

from typing import Any

from ooni_core.scoring.nettests.rule import Knowledge
from ooni_core.scoring.reading import test_keys
from ooni_core.scoring.verdict import Scores


def score(measurement: dict[str, Any], _knowledge: Knowledge) -> Scores:
    """Blocked if it says a failure; failed if it says nothing, or comes from probes that recorded no resolver."""
    keys = test_keys(measurement)
    bootstrap_time = keys.get("bootstrap_time", 0)
    scores = Scores()
    if keys.get("failure") is not None:
        scores.give("accuracy", 1.0, "failure is set")
        scores.block(1.0, "failure is set")
    elif bootstrap_time == 0:
        scores.distrust("neither failure nor bootstrap time")
    else:
        scores.give("accuracy", 1.0, "it bootstrapped")
    if "resolver_ip" not in measurement:
        scores.distrust("resolver_ip is missing: a known fault of old probes")
    scores["extra"] = {"test_runtime": measurement.get("test_runtime"), "bootstrap_time": bootstrap_time}
    return scores
