"""Browser web: a page loaded by a browser."""

from typing import Any

from ooni_core.scoring.nettests.rule import Knowledge
from ooni_core.scoring.reading import get_or, test_keys
from ooni_core.scoring.verdict import Scores


def score(measurement: dict[str, Any], knowledge: Knowledge) -> Scores:
    """Blocked if the browser says that loading failed."""
    keys = test_keys(measurement)
    result = get_or(keys, "result", "")
    scores = Scores()
    if result == "error":
        scores.block(1.0, "result is error")
    elif result != "ok":
        scores.distrust("result is neither ok nor error")
    name = get_or(keys, "browser_name", "")
    if knowledge.ruleset.newer_nettests:
        name = name or get_or(keys, "browser", "")
    scores["extra"] = {"browser_name": name, "load_time_ms": get_or(keys, "load_time_ms", 0)}
    return scores
