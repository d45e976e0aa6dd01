"""DASH: streaming speed. A failure says little about blocking."""

from typing import Any

from ooni_core.scoring.nettests.rule import Knowledge
from ooni_core.scoring.reading import test_keys, wrong_type
from ooni_core.scoring.verdict import Scores

_NETWORK_FAILURES = (
    "connection_aborted",
    "json_parse_error",
    "eof_error",
    "json_processing_error",
    "http_request_failed",
    "connect_error",
    "generic_timeout_error",
    "broken_pipe",
    "connection_refused",
)


def score(measurement: dict[str, Any], _knowledge: Knowledge) -> Scores:
    """Mark failures of the network as slightly suspicious and all failures as failed."""
    keys = test_keys(measurement)
    scores = Scores()
    if not keys:
        return scores.distrust("there are no test keys")
    failure = keys.get("failure")
    if failure is None:
        return scores
    if not isinstance(failure, str | list | dict):
        raise wrong_type("failure", failure, "a text or null")
    if failure in _NETWORK_FAILURES or "ssl_error" in failure:
        scores.block(0.1, "a failure of the network")
    else:
        scores.give("msg", "Probe error", "a failure that is not one of the network")
    return scores.distrust("failure is set")
