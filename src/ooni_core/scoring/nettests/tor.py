"""Tor: which of the directory authorities and bridges can be reached."""

from typing import Any

from ooni_core.scoring.nettests.rule import Knowledge
from ooni_core.scoring.reading import is_false, test_keys, wrong_type
from ooni_core.scoring.verdict import Lost, Scores


def score(measurement: dict[str, Any], _knowledge: Knowledge) -> Scores:
    """Score the share of targets that failed among those that were tried."""
    targets = test_keys(measurement).get("targets", {})
    scores = Scores()
    if not targets:
        return scores.distrust("there are no targets")
    if isinstance(targets, list):
        return scores.distrust("targets are a list, as in early experiments")
    if not isinstance(targets, dict):
        raise wrong_type("targets", targets, "an object")

    blocked = succeeded = 0
    for name, target in targets.items():
        if not isinstance(target, dict):
            raise wrong_type(f"target {name[:60]!r}", target, "an object")
        if "failure" not in target or "network_events" not in target:
            return scores.distrust(f"target {name[:60]!r} lacks failure or network_events")
        failure = target["failure"]
        if failure is None:
            succeeded += 1
        elif not is_false(failure):  # false: this target was not tried
            if not failure:
                raise Lost("bad_value", f"failure of target {name[:60]!r} is empty")
            blocked += 1
    if blocked or succeeded:
        scores.block(blocked / (blocked + succeeded), f"{blocked} of {blocked + succeeded} targets tried failed")
    else:
        scores.distrust("no target was tried")
    scores["extra"] = {"test_runtime": measurement.get("test_runtime")}
    return scores
