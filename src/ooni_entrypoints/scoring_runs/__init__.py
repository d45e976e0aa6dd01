"""Scoring many measurements at once: what the commands ``score``, ``audit``, ``reprocess`` and ``fastpath`` share."""
