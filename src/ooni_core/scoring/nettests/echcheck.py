"""ECH check: does a TLS handshake survive an encrypted client hello?

Source: nettest specification ts-039, versions 0.1 (two handshakes), 0.2 (three, none of them real) and 0.3.
"""

from typing import Any

from ooni_core.scoring.nettests.rule import Knowledge
from ooni_core.scoring.reading import get, get_or, records, shallow, test_keys
from ooni_core.scoring.verdict import Scores

_Failures = dict[str, list[Any]]


def score(measurement: dict[str, Any], _knowledge: Knowledge) -> Scores:
    """Blocked if the plain handshake works and one with an encrypted hello does not."""
    failures = _failures(test_keys(measurement))
    plain, encrypted = failures["plain"], failures["grease"] + failures["real"]
    scores = Scores()
    if not plain or not encrypted:
        return scores.distrust("a handshake of either kind is missing")
    if any(failure is not None for failure in plain):
        scores.distrust("the plain handshake fails as well")
    elif any(failure is not None for failure in encrypted):
        scores.block(1.0, "only handshakes with an encrypted hello fail")
        if all(failure is not None for failure in encrypted):
            scores["analysis"] = {"blocking_type": "ech"}
    scores["extra"] = {kind: _first_failure(several) for kind, several in failures.items() if several}
    return scores


def _failures(keys: dict[str, Any]) -> _Failures:
    """Sort the outcomes of all handshakes by kind; null is success."""
    failures: _Failures = {"plain": [], "grease": [], "real": []}
    for handshake in records(keys, "tls_handshakes"):
        failures[_kind(get(handshake, "echconfig"))].append(shallow(handshake.get("failure"), "failure"))
    if "tls_handshakes" not in keys:
        for key, kind in (("control", "plain"), ("target", "grease")):
            record = get_or(keys, key, None)
            if record is not None:
                failures[kind].append(shallow(get(record, "failure"), "failure"))
    return failures


def _kind(config: Any) -> str:
    if not config:
        return "plain"
    return "grease" if config == "GREASE" else "real"


def _first_failure(several: list[Any]) -> Any:
    return next((failure for failure in several if failure is not None), None)
