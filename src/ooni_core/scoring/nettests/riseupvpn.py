"""RiseupVPN. Not scored since October 2023, because most anomalies were false."""

from typing import Any

from ooni_core.scoring.nettests.rule import Knowledge
from ooni_core.scoring.reading import get, is_false, test_keys
from ooni_core.scoring.verdict import Scores


def score(measurement: dict[str, Any], knowledge: Knowledge) -> Scores:
    """Give no score, or with the old rules: blocked if API, certificate or a transport is."""
    if not knowledge.ruleset.scores_riseupvpn:
        return Scores.empty("riseupvpn is not scored: it has too many false positives")
    keys = test_keys(measurement)
    transports = keys.get("transport_status") or {}
    scores = Scores()
    signs = {
        "api_status": keys.get("api_status") == "blocked",
        "ca_cert_status": is_false(keys.get("ca_cert_status")),
        "transport_status.obfs4": get(transports, "obfs4") == "blocked",
        "transport_status.openvpn": get(transports, "openvpn") == "blocked",
    }
    blocked = [name for name, sign in signs.items() if sign]
    if blocked:
        scores.block(1.0, f"blocked: {', '.join(blocked)}")
    scores["extra"] = {"test_runtime": measurement.get("test_runtime")}
    return scores
