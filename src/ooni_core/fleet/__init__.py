"""Test helpers: which machines there are, and in which state of their lives."""
