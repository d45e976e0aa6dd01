"""Nettests without rules of their own: stored, and marked as failed."""

from typing import Any

from ooni_core.scoring.nettests.rule import Knowledge
from ooni_core.scoring.verdict import Scores


def score(_measurement: dict[str, Any], _knowledge: Knowledge) -> Scores:
    """Score nothing and say so."""
    return Scores().distrust("there are no rules for this nettest")
