"""Searching and counting scored measurements."""
