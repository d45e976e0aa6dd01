"""Telegram: access points by TCP and HTTP, and the web client."""

from typing import Any

import attrs

from ooni_core.scoring.nettests.rule import Knowledge, connections
from ooni_core.scoring.reading import kind_of, records, shallow, test_keys, wrong_type
from ooni_core.scoring.verdict import Lost, Scores

_WEB = ("https://web.telegram.org/", "http://web.telegram.org/")


@attrs.define
class _Requests:
    """What the HTTP requests show. ``web_failure`` is that of the last failing request to the web client."""

    succeeded: int = 0
    failed: int = 0
    web_failure: Any = None


def score(measurement: dict[str, Any], knowledge: Knowledge) -> Scores:
    """Add the failing share of TCP, the failing share of HTTP, and one for a blocked web client."""
    keys = test_keys(measurement)
    accessible, unreachable = connections(keys)
    seen = _requests(keys, any_web_path=knowledge.ruleset.newer_nettests)
    scores = Scores()
    if seen is None:
        return scores.distrust("a request does not say its URL")
    total = _failing_share(accessible, unreachable) + _failing_share(seen.succeeded, seen.failed)
    if keys.get("telegram_web_status") == "blocked":
        total += 1
    scores.block(total, "failing share of TCP + failing share of HTTP (0.5 where nothing was tried) + blocked web")
    scores["web_failure"] = seen.web_failure
    scores["accessible_endpoints"] = accessible
    scores["unreachable_endpoints"] = unreachable
    scores["http_success_cnt"] = seen.succeeded
    scores["http_failure_cnt"] = seen.failed
    if seen.web_failure is not None:
        scores["msg"] = f"failure: {shallow(seen.web_failure, 'failure')}"
    if knowledge.ruleset.newer_nettests and not (accessible or unreachable or seen.succeeded or seen.failed):
        scores.distrust("no access point was tried")
    return scores


def _is_web(url: Any, *, any_path: bool) -> bool:
    return url in _WEB or (any_path and isinstance(url, str) and url.startswith(_WEB))


def _failing_share(good: int, bad: int) -> float:
    return bad / (good + bad) if good + bad else 0.5


def _requests(keys: dict[str, Any], *, any_web_path: bool) -> _Requests | None:
    """Count requests; None as soon as one does not say where it went."""
    seen = _Requests()
    for request in records(keys, "requests"):
        if "request" not in request:
            return None
        asked = request["request"]
        if not isinstance(asked, dict):
            raise wrong_type("request", asked, "an object")
        if "url" not in asked:
            return None
        if "failure" not in request:
            raise Lost("missing", f"a request to {kind_of(asked['url'])} does not say its failure")
        failure = request["failure"]
        if _is_web(asked["url"], any_path=any_web_path):
            seen.web_failure = seen.web_failure if failure is None else failure
        elif failure is None:
            seen.succeeded += 1
        else:
            seen.failed += 1
    return seen
