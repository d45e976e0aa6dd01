"""HTTP invalid request line: an echo server returns what it got; middleboxes change it."""

from collections.abc import Sequence
from typing import Any

from ooni_core.scoring.nettests.rule import Knowledge
from ooni_core.scoring.reading import shallow, test_keys, wrong_type
from ooni_core.scoring.verdict import Scores


def score(measurement: dict[str, Any], _knowledge: Knowledge) -> Scores:
    """Blocked if anything came back changed. Answers that never came say nothing."""
    keys = test_keys(measurement)
    sent, received = _pieces(keys, "sent"), _pieces(keys, "received")
    scores = Scores()
    if not sent and not received:
        return scores.distrust("nothing was sent or received")
    for number, (out, back) in enumerate(zip(sent, received, strict=False)):
        if shallow(out, "sent") != shallow(back, "received"):
            return scores.block(1.0, f"received[{number}] differs from what was sent")
    return scores


def _pieces(keys: dict[str, Any], name: str) -> Sequence[Any]:
    value = keys.get(name, [])
    if isinstance(value, list | str):
        return value
    if isinstance(value, dict):
        return list(value)
    raise wrong_type(name, value, "a list")
