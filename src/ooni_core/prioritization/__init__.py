"""Which URLs a probe is asked to measure, and in which order."""
