"""DNS check: which endpoints of an encrypted resolver answer?"""

from typing import Any

from ooni_core.scoring.nettests.rule import Knowledge
from ooni_core.scoring.reading import get, get_or, test_keys, wrong_type
from ooni_core.scoring.verdict import Scores


def score(measurement: dict[str, Any], _knowledge: Knowledge) -> Scores:
    """Score the share of endpoints that fail; 1.0 if not even the resolver's name resolves."""
    keys = test_keys(measurement)
    lookups = get_or(keys, "lookups", {})
    if not isinstance(lookups, dict):
        raise wrong_type("lookups", lookups, "an object")
    failed = {endpoint: get(lookup, "failure") is not None for endpoint, lookup in lookups.items()}
    scores = Scores()
    if not failed:
        if keys.get("bootstrap_failure"):
            return scores.block(1.0, "the name of the resolver does not resolve")
        return scores.distrust("no endpoint was tried")
    counted = _without_broken_ipv6(failed)
    share = sum(counted.values()) / len(counted)
    scores.block(share, f"{sum(counted.values())} of {len(counted)} endpoints fail")
    scores["extra"] = {"endpoints": len(failed), "counted": len(counted), "failed": sum(counted.values())}
    return scores


def _without_broken_ipv6(failed: dict[str, bool]) -> dict[str, bool]:
    """Leave out IPv6 endpoints if all of them fail while IPv4 works: then the network has no IPv6."""
    newer = {endpoint for endpoint in failed if "[" in endpoint}
    older = failed.keys() - newer
    if newer and all(failed[one] for one in newer) and any(not failed[one] for one in older):
        return {endpoint: failed[endpoint] for endpoint in failed if endpoint in older}
    return failed
