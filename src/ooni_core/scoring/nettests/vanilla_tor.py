"""Vanilla Tor: how far does Tor itself get without any help?"""

from typing import Any

from ooni_core.scoring.nettests.rule import Knowledge
from ooni_core.scoring.reading import number, test_keys, wrong_type
from ooni_core.scoring.verdict import Scores

_DONE = ("Bootstrapped 100%: Done", "Bootstrapped 100% (done): Done")


def score(measurement: dict[str, Any], knowledge: Knowledge) -> Scores:
    """Score 1.0 for no progress, falling by 0.004 per percent: whatever is unfinished is an anomaly."""
    keys = test_keys(measurement)
    scores = Scores()
    logs = keys.get("tor_logs") or keys.get("tor_log")
    if logs is None:
        return scores.distrust("there is no log")
    if knowledge.ruleset.newer_nettests and keys.get("success") is True:
        return scores.block(0.0, "success is true")
    if _says_done(logs):
        return scores.block(0.0, "the log says that bootstrap is done")
    progress = max(0.0, min(100.0, number(keys.get("tor_progress", 0), "tor_progress")))
    if progress == 100:
        return scores.block(0.0, "tor_progress is 100")
    return scores.block(1.0 - progress * 0.004, f"bootstrap stopped at {progress:g} %")


def _says_done(logs: Any) -> bool:
    """Look for the last message: anywhere in a text, but only as a whole element of a list."""
    if not isinstance(logs, str | list | dict):
        raise wrong_type("tor_log", logs, "a text or a list")
    return any(done in logs for done in _DONE)
