"""WhatsApp: the web page, the registration service, and the endpoints that carry messages."""

from typing import Any

from ooni_core.scoring.nettests.rule import Knowledge, connections, unknown_failure
from ooni_core.scoring.reading import get, records, test_keys, wrong_type
from ooni_core.scoring.verdict import Lost, Scores

_WEB = "https://web.whatsapp.com/"
_REGISTRATION = "https://v.whatsapp.net/v2/register"
_ENCODING_FAULT = "unknown_failure 'ascii' co"


def score(measurement: dict[str, Any], knowledge: Knowledge) -> Scores:
    """Blocked if the page or the registration fails, or if endpoints were tried and none answered."""
    keys = test_keys(measurement)
    scores = Scores()
    failing = unknown_failure(keys)
    if failing:
        scores.distrust(f"{failing} is an unknown_failure")
    if _has_encoding_fault(keys.get("whatsapp_web_failure", "")):
        return _unusable(measurement, scores, "the probe failed to read the web page")
    if not keys.get("requests"):
        return _unusable(measurement, scores, "there are no requests")

    web, registration = _services(keys)
    if web is None or registration is None:
        return scores.distrust("web page or registration was not tried")
    if not (web and registration):
        scores.block(1.0, "web page or registration fails")
        if not knowledge.ruleset.newer_nettests:
            return scores
    accessible, unreachable = connections(keys)
    if not accessible and not unreachable:
        scores.distrust("no endpoint was tried")
    elif not accessible:
        scores.block(1.0, "no endpoint is reachable")
    scores["analysis"] = {
        "registration_server_accessible": registration,
        "whatsapp_web_accessible": web,
        "whatsapp_endpoints_accessible": accessible > 0,
    }
    return scores


def _has_encoding_fault(failure: Any) -> bool:
    if not failure:
        return False
    if isinstance(failure, str | list | dict):
        return _ENCODING_FAULT in failure
    raise wrong_type("whatsapp_web_failure", failure, "a text or null")


def _unusable(measurement: dict[str, Any], scores: Scores, why: str) -> Scores:
    if not measurement.get("report_id"):
        raise Lost("missing", f"report_id is empty, and {why}")
    return scores.distrust(why)


def _services(keys: dict[str, Any]) -> tuple[bool | None, bool | None]:
    """Say whether web page and registration work; None where not tried. The last request to each decides."""
    web = registration = None
    for request in records(keys, "requests"):
        url = get(get(request, "request", {}), "url")
        if url == _WEB:
            web = request.get("failure", "absent") in (None, "", False)
        elif url == _REGISTRATION:
            registration = request.get("failure") is None
    return web, registration
