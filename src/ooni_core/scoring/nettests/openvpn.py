"""OpenVPN: does a handshake succeed?"""

from typing import Any

from ooni_core.scoring.nettests.rule import Knowledge
from ooni_core.scoring.reading import is_false, test_keys
from ooni_core.scoring.verdict import Scores


def score(measurement: dict[str, Any], _knowledge: Knowledge) -> Scores:
    """Take the probe's word (``success``)."""
    success = test_keys(measurement).get("success")
    scores = Scores()
    if is_false(success):
        scores.block(1.0, "success is false")
    elif success is None:
        scores.distrust("success is missing or null")
    scores["extra"] = {"test_runtime": measurement.get("test_runtime")}
    return scores
