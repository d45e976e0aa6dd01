"""The ping nettests (DNS, QUIC, TCP, TLS): how many of the pings are lost? No verdict, only a share."""

from typing import Any

from ooni_core.scoring.nettests.rule import Knowledge
from ooni_core.scoring.reading import records, test_keys
from ooni_core.scoring.verdict import Scores


def score(measurement: dict[str, Any], _knowledge: Knowledge) -> Scores:
    """Record the share of pings that fail."""
    lost = [ping.get("failure") is not None for ping in records(test_keys(measurement), "pings")]
    scores = Scores()
    if not lost:
        return scores.distrust("there are no pings")
    scores["extra"] = {"pings": len(lost), "lost_share": sum(lost) / len(lost)}
    return scores
