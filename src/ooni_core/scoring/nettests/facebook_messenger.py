"""Facebook Messenger: each broken part counts half, so one alone is no anomaly."""

from typing import Any

from ooni_core.scoring.nettests.rule import Knowledge
from ooni_core.scoring.reading import is_false, test_keys
from ooni_core.scoring.verdict import Scores

_BAD_IF_FALSE = (
    *(
        f"facebook_{service}_{check}"
        for service in ("b_api", "b_graph", "edge", "external_cdn", "scontent_cdn", "star")
        for check in ("dns_consistent", "reachable")
    ),
    "facebook_stun_dns_consistent",
)
_BAD_IF_TRUE = ("facebook_tcp_blocking", "facebook_dns_blocking")

# All of these true, with no TCP blocking, means that it works: some probes then still say dns_blocking.
_PROOF_OF_HEALTH = (
    *(key for key in _BAD_IF_FALSE if "_cdn_" not in key),
    "facebook_dns_blocking",
)


def score(measurement: dict[str, Any], _knowledge: Knowledge) -> Scores:
    """Add half a point for each part that is not consistent or not reachable."""
    keys = test_keys(measurement)
    scores = Scores()
    if is_false(keys.get("facebook_tcp_blocking")) and all(keys.get(key) is True for key in _PROOF_OF_HEALTH):
        return scores.block(0.0, "every part works; dns_blocking is a known fault of the probe")
    total = 0.0
    for names, bad in ((_BAD_IF_FALSE, False), (_BAD_IF_TRUE, True)):
        for name in names:
            if keys.get(name) is bad:
                total += 0.5
                scores.give(name, bad, f"{name} is {str(bad).lower()}: half a point")
    return scores.block(total, "half a point for each part that does not work")
