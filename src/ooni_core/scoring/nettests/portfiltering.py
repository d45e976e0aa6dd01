"""Port filtering: which ports of the test server can be reached? No verdict, only a share."""

from typing import Any

from ooni_core.scoring.nettests.rule import Knowledge, connections
from ooni_core.scoring.reading import test_keys
from ooni_core.scoring.verdict import Scores


def score(measurement: dict[str, Any], _knowledge: Knowledge) -> Scores:
    """Record the share of ports that fail."""
    accessible, unreachable = connections(test_keys(measurement))
    total = accessible + unreachable
    scores = Scores()
    if not total:
        return scores.distrust("no port was tried")
    scores["extra"] = {"ports": total, "failed_share": unreachable / total}
    return scores
