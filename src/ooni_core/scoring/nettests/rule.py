"""What a nettest's rule receives and returns."""

from collections.abc import Callable
from typing import Any

import attrs

from ooni_core.scoring.fingerprints import Fingerprint, FingerprintSet
from ooni_core.scoring.matching import HistoricalMatcher, Hit, Matcher
from ooni_core.scoring.matching_whole import WholePatternMatcher
from ooni_core.scoring.reading import get, get_or, records, wrong_type
from ooni_core.scoring.rulesets import RuleSet
from ooni_core.scoring.verdict import Scores


@attrs.frozen(eq=False)
class Knowledge:
    """What the rules know beside the measurement: the rule set and the prepared fingerprints."""

    ruleset: RuleSet
    matcher: Matcher

    @classmethod
    def of(cls, fingerprints: FingerprintSet, ruleset: RuleSet) -> "Knowledge":
        """Prepare *fingerprints* for matching as *ruleset* says."""
        if ruleset.whole_patterns:
            return cls(ruleset, WholePatternMatcher.of(fingerprints))
        return cls(ruleset, HistoricalMatcher.of(fingerprints, headers_match=ruleset.headers_match))

    def confirms(self, one: Fingerprint, probe_cc: str) -> bool:
        """Say whether a match of *one* in *probe_cc* proves blocking."""
        if self.ruleset.whole_patterns and one.scope == "fp":
            return False
        return one.confirms(probe_cc)


Rule = Callable[[dict[str, Any], Knowledge], Scores]
"""A pure function from a measurement to its scores.

Raises:
    Lost: it cannot make sense of the measurement.
"""


def unknown_failure(test_keys: dict[str, Any]) -> str:
    """Return the first key ending in ``_failure`` whose value begins with ``unknown_failure``, empty if none does.

    Raises:
        Lost: such a key, met before, holds something that is no text.
    """
    for key in test_keys:  # noqa: PLC0206  values are decoded when asked for: ask for few
        if key.endswith("_failure"):
            value = test_keys[key]
            if value and not isinstance(value, str):
                raise wrong_type(key, value, "a text or null")
            if value and value.startswith("unknown_failure"):
                return key
    return ""


def connections(test_keys: dict[str, Any]) -> tuple[int, int]:
    """Count the TCP connections that succeeded and that failed; those that do not say are neither.

    Raises:
        Lost: an entry of ``tcp_connect`` has another shape.
    """
    accessible = unreachable = 0
    for entry in records(test_keys, "tcp_connect"):
        success = get(get_or(entry, "status", {}), "success")
        accessible += success is True
        unreachable += success is False
    return accessible, unreachable


def list_matches(scores: Scores, hits: list[Hit], probe_cc: str, knowledge: Knowledge) -> None:
    """Put *hits* into the scores, and raise the blocking score of each locality for which one is proof."""
    if hits:
        scores.hits = hits
        scores["fingerprints"] = [hit.fingerprint.evidence for hit in hits]
    for hit in hits:
        one = hit.fingerprint
        if knowledge.confirms(one, probe_cc):
            why = f"fingerprint {one.name} ({one.scope}) in {hit.where} proves blocking in {probe_cc}"
            scores.give(f"blocking_{one.locality}", 1.0, why)
            scores.give("confirmed", value=True, why=why)
