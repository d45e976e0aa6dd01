"""TCP connect (until 2018): can a port be reached?"""

from typing import Any

from ooni_core.scoring.nettests.rule import Knowledge
from ooni_core.scoring.reading import test_keys
from ooni_core.scoring.verdict import Lost, Scores

_AMBIGUOUS = ("generic_timeout_error", "connection_refused_error", "connect_error", "tcp_timed_out_error")


def score(measurement: dict[str, Any], _knowledge: Knowledge) -> Scores:
    """Score 0.8 for failures that a broken server causes as well, 1.0 for all others."""
    if not measurement.get("input"):
        raise Lost("missing", "input is missing or empty")
    connection = test_keys(measurement).get("connection")
    scores = Scores()
    if connection == "success":
        return scores
    if connection in _AMBIGUOUS:
        return scores.block(0.8, "a failure that a broken server causes as well")
    return scores.block(1.0, "any other failure, or none recorded")
