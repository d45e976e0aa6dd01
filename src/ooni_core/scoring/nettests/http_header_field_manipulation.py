"""HTTP header field manipulation: headers in odd capitals go out, the server reports what arrived."""

from typing import Any

from ooni_core.measurement.document import parse_json
from ooni_core.scoring.nettests.rule import Knowledge
from ooni_core.scoring.reading import get, test_keys, wrong_type
from ooni_core.scoring.verdict import Lost, Scores

# Clients and servers add this one themselves.
_IGNORED = ("Connection", "close")


def score(measurement: dict[str, Any], _knowledge: Knowledge) -> Scores:
    """Blocked if the headers that arrived are not exactly those sent, names compared with their capitals."""
    scores = Scores()
    first = _first_request(test_keys(measurement).get("requests"))
    response = get(first, "response", {}) if first is not None else None
    if response is None:
        return scores.distrust("there is no response")
    body = get(response, "body")
    if body is None:
        scores.give("total_tampering", value=True, why="the answer is empty")
        scores.block(1.0, "the answer is empty")
        return scores.give("msg", "Empty body", "the answer is empty")
    answer = parse_json(body.encode("utf-8", "surrogatepass")) if isinstance(body, str) else None
    if not isinstance(answer, dict) or "headers_dict" not in answer:
        scores.block(1.0, "the answer is not what the test server sends")
        return scores.give("msg", "Malformed ctrl_headers", "the answer is not what the test server sends")
    sent = _pairs(get(get(first, "request", {}), "headers", {}), first_value=False)
    changes = len(_pairs(answer["headers_dict"], first_value=True) ^ sent)
    if changes:
        scores.block(1.1, "headers arrived changed")
        scores.give("msg", f"{changes} unexpected header change", "a changed value counts as two")
    return scores


def _first_request(requests: Any) -> Any:
    if isinstance(requests, str) and requests:
        raise wrong_type("requests", requests, "a list")
    if not isinstance(requests, list) or not requests:
        return None
    if not isinstance(requests[0], dict):
        raise wrong_type("requests[0]", requests[0], "an object")
    return requests[0]


def _pairs(headers: Any, *, first_value: bool) -> set[tuple[str, Any]]:
    if not isinstance(headers, dict):
        raise wrong_type("headers", headers, "an object")
    pairs = set()
    for name, value in headers.items():
        item = _first(name, value) if first_value else value
        if isinstance(item, list | dict):
            raise wrong_type(f"header {name[:60]!r}", item, "a text")
        pairs.add((name, item))
    return pairs - {_IGNORED}


def _first(name: str, values: Any) -> Any:
    if not isinstance(values, list | str):
        raise wrong_type(f"header {name[:60]!r}", values, "a list")
    if not values:
        raise Lost("bad_value", f"header {name[:60]!r} arrived without a value")
    return values[0]
