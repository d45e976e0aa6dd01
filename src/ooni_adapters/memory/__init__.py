"""Stores in memory: small real adapters, for tests and for running without a database."""
