"""Scoring: a pure function of measurement bytes, fingerprint set and rule set."""
