"""Adapters: one folder per technology, each implementing ports of the core."""
