"""SNI blocking: does a TLS handshake depend on the name asked for?"""

from typing import Any

from ooni_core.scoring.nettests.rule import Knowledge
from ooni_core.scoring.reading import test_keys
from ooni_core.scoring.verdict import Scores


def score(measurement: dict[str, Any], _knowledge: Knowledge) -> Scores:
    """Take the probe's word (``result``): interference is blocking, an anomaly is a failed measurement."""
    result = test_keys(measurement).get("result")
    scores = Scores()
    if isinstance(result, str) and result.startswith("interference."):
        return scores.block(1.0, f"result is {result[:60]}")
    if isinstance(result, str) and result.startswith("success."):
        return scores
    return scores.distrust("result says neither success nor interference")
