"""Test lists: what is valid in them, how they are imported, and how people propose changes."""
