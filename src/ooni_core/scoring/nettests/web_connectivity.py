"""Web Connectivity: does a website work as it does elsewhere, and if not, is it a known block page?"""

from typing import Any

from ooni_core.scoring.matching import Hit, hits_in
from ooni_core.scoring.nettests.rule import Knowledge, list_matches, unknown_failure
from ooni_core.scoring.reading import BadBase64, get_or, test_keys, wrong_type
from ooni_core.scoring.verdict import Lost, Scores

_BLOCKING_TYPES = ("tcp_ip", "dns", "http-diff", "http-failure")
_NO_BLOCKING = (False, 0)
_LOCALITIES = ("blocking_country", "blocking_global", "blocking_isp", "blocking_local")


def score(measurement: dict[str, Any], knowledge: Knowledge) -> Scores:
    """Score what the probe concluded (``blocking``), and the fingerprints found in what it received."""
    if "probe_cc" not in measurement:
        raise Lost("missing", "probe_cc is missing")
    keys = test_keys(measurement)
    try:
        hits = hits_in(knowledge.matcher, keys)
    except BadBase64:
        return _scored(measurement, keys, [], knowledge).distrust("a fingerprinted part says base64 and is not")
    return _scored(measurement, keys, hits, knowledge)


def _scored(measurement: dict[str, Any], keys: dict[str, Any], hits: list[Hit], knowledge: Knowledge) -> Scores:
    scores = Scores()
    probe_cc = get_or(measurement, "probe_cc", "ZZ")
    if not isinstance(probe_cc, str):
        raise wrong_type("probe_cc", probe_cc, "a text")
    if hits:
        list_matches(scores, hits, probe_cc.upper(), knowledge)

    if keys.get("title_match") not in (True, False, None):
        return scores.distrust("title_match is neither true, false nor null")
    _conclusion(scores, keys.get("blocking"), matched=bool(hits))
    failing = unknown_failure(keys)
    if failing:
        scores.distrust(f"{failing} is an unknown_failure")
    if hits:
        # Only matches raise these four, so without matches there is nothing to add.
        total = scores["blocking_general"] + sum(scores[locality] for locality in _LOCALITIES)
        scores.block(total, "blocking_general takes in country, global, isp and local blocking")
    if "accessible" in keys and keys["accessible"] is None and not hits:
        scores.distrust("accessible is null and no fingerprint matches")
    return scores


def _conclusion(scores: Scores, blocking: Any, *, matched: bool) -> None:
    if blocking in _BLOCKING_TYPES:
        scores.block(1.0, f"blocking is {blocking}")
        scores["analysis"] = {"blocking_type": blocking}
    elif blocking is None:
        if not matched:
            scores.distrust("blocking is null and no fingerprint matches")
    elif blocking not in _NO_BLOCKING:
        scores["analysis"] = {"msg": "Unsupported blocking type"}
        scores.distrust("blocking has a value that no probe should send")
