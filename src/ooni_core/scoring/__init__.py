"""Scoring: a pure function of measurement bytes, fingerprint set and rule set."""

from ooni_core.scoring.engine import Engine
from ooni_core.scoring.explanation import Decision, Explanation, Match
from ooni_core.scoring.fingerprints import Fingerprint, FingerprintSet
from ooni_core.scoring.model import Discarded, FastpathRow, Outcome, Provenance, Quarantined, Stored
from ooni_core.scoring.rulesets import RULESETS, RuleSet

__all__ = [
    "RULESETS",
    "Decision",
    "Discarded",
    "Engine",
    "Explanation",
    "FastpathRow",
    "Fingerprint",
    "FingerprintSet",
    "Match",
    "Outcome",
    "Provenance",
    "Quarantined",
    "RuleSet",
    "Stored",
]
