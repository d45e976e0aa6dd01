"""Tor through snowflake: does it bootstrap?"""

from typing import Any

from ooni_core.scoring.nettests.rule import Knowledge
from ooni_core.scoring.reading import test_keys, wrong_type
from ooni_core.scoring.verdict import Scores


def score(measurement: dict[str, Any], knowledge: Knowledge) -> Scores:
    """Blocked if it says a failure, except from the one release whose failures mean nothing."""
    keys = test_keys(measurement)
    scores = Scores()
    if measurement.get("software_version") == "3.8.3":
        name = measurement.get("software_name", "")
        if not isinstance(name, str):
            raise wrong_type("software_name", name, "a text")
        if name.startswith("ooniprobe-android"):
            return scores.distrust("OONI Probe 3.8.3 for Android cannot run this nettest")
    if keys.get("failure"):
        return scores.block(1.0, "failure is set")
    scores["extra"] = {"bootstrap_time": keys.get("bootstrap_time"), "test_runtime": measurement.get("test_runtime")}
    if knowledge.ruleset.newer_nettests and "rendezvous_method" in keys:
        scores["extra"]["rendezvous_method"] = keys["rendezvous_method"]
    return scores
