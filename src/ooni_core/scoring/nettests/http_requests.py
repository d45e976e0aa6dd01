"""HTTP requests (until 2018): the same page fetched directly and through Tor."""

from typing import Any

from ooni_core.scoring.matching import Hit
from ooni_core.scoring.nettests.rule import Knowledge, list_matches
from ooni_core.scoring.reading import BadBase64, get, get_or, records, test_keys, wrong_type
from ooni_core.scoring.verdict import Lost, Scores


def score(measurement: dict[str, Any], knowledge: Knowledge) -> Scores:
    """Blocked if body length or headers differ from the control; fingerprints add a confirmation, not a score."""
    keys = test_keys(measurement)
    scores = Scores()
    body_matches, headers_match = keys.get("body_length_match"), keys.get("headers_match")
    if measurement.get("control_failure") or measurement.get("experiment_failure"):
        return scores.distrust("experiment or control failed")
    if body_matches is None or headers_match is None:
        return scores.distrust("body length or headers were not compared")
    if not (body_matches and headers_match):
        scores.block(1.0, "body length or headers differ from the control")
    probe_cc = get_or(measurement, "probe_cc", "ZZ")
    if not isinstance(probe_cc, str):
        raise wrong_type("probe_cc", probe_cc, "a text")
    try:
        list_matches(scores, _hits(keys, knowledge), probe_cc.upper(), knowledge)
    except BadBase64 as exc:
        raise Lost("bad_base64", "a fingerprinted part says base64 and is not") from exc
    return scores


def _hits(keys: dict[str, Any], knowledge: Knowledge) -> list[Hit]:
    hits: list[Hit] = []
    for number, request in enumerate(records(keys, "requests")):
        tor = get_or(get_or(request, "request", {}), "tor", {})
        if get(tor, "is_tor"):
            continue  # the control, which no censor saw
        response = get_or(request, "response", {})
        if not isinstance(response, dict):
            raise wrong_type(f"requests[{number}].response", response, "an object")
        hits += knowledge.matcher.in_response(response, number)
    return hits
