"""The domain of the OONI backend: pure rules, no I/O, no clock, no randomness, no framework."""
