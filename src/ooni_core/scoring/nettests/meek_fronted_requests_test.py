"""Meek fronted requests (until 2018): is domain fronting possible?"""

from typing import Any

from ooni_core.scoring.nettests.rule import Knowledge
from ooni_core.scoring.reading import get, records, test_keys, wrong_type
from ooni_core.scoring.verdict import Lost, Scores

_FRONT = "ECAcc "


def score(measurement: dict[str, Any], _knowledge: Knowledge) -> Scores:
    """Blocked if a request fails; half a point for each answer that does not come from the expected front."""
    keys = test_keys(measurement)
    scores = Scores()
    if not keys.get("requests"):
        scores.block(1.0, "there are no requests")
        return scores.give("accuracy", 0, "there are no requests")
    for request in records(keys, "requests"):
        response = request.get("response", {})
        if response is None or get(response, "code", 0) != 200:
            return scores.block(1.0, "a request was not answered with 200")
        server = _by_name(get(response, "headers", {})).get("Server", "")
        if not isinstance(server, str):
            raise wrong_type("header 'Server'", server, "a text")
        if not server.startswith(_FRONT):
            scores.block(scores["blocking_general"] + 0.5, "an answer does not come from the expected front")
    return scores


def _by_name(headers: Any) -> dict[Any, Any]:
    """Read headers given as an object, or as a list of names with their values, of which the first counts."""
    if isinstance(headers, dict):
        return headers
    if not isinstance(headers, list):
        raise wrong_type("headers", headers, "an object or a list")
    named = {}
    for item in headers:
        if not item:
            continue
        if not (isinstance(item, list) and len(item) > 1 and isinstance(item[0], str)):
            raise wrong_type("a header", item, "a name and its values")
        if not (isinstance(item[1], list | str) and item[1]):
            raise Lost("bad_value", f"header {item[0][:60]!r} has no value")
        named[item[0]] = item[1][0]
    return named
